//! `policies` and `policies_sha256`: where policies come from, and what is asked of them before they are used.
//!
//! Receives a folder's path, or a section that names a source and the key its bundles are signed with. Never accepts a
//! source that is fetched from elsewhere without a key.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::settings::Settings;
use super::values::{Endpoint, duration, endpoint, region};

/// Where policies come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Policies {
    /// A folder that is trusted as it is.
    Folder(PathBuf),
    /// A bundle, used only with a signature of the owner of `public_key`.
    Signed { source: PolicySource, public_key: PathBuf },
}

/// Where a signed bundle is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PolicySource {
    Folder(PathBuf),
    Remote(RemoteSource),
}

/// A bundle that is fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteSource {
    pub place: Place,
    /// The one host that is called.
    pub endpoint: Endpoint,
    /// How often it is looked at.
    pub poll: Duration,
}

/// What to ask the endpoint for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    S3 { bucket: String, key: String, region: String },
    Oci { repository: String, reference: String },
}

impl Policies {
    pub(super) fn read(settings: &mut Settings<'_>, folder: &Path) -> Option<Self> {
        if !settings.has_section_of("policies") {
            return settings.path("policies", folder).map(Self::Folder);
        }
        if settings.is_written("policies") {
            // FAIL-CLOSED: which of the two was meant decides whether signatures are asked for.
            settings.refuse(
                "policies",
                "is a folder here and a section elsewhere: only one of them can be meant",
            );
            return None;
        }
        let source = settings.required("policies.source", source);
        let public_key = settings.path("policies.public_key", folder);
        let poll = settings.optional("policies.poll", poll);
        let endpoint = settings.optional("policies.endpoint", endpoint);
        let region = settings.optional("policies.region", region);
        let (source, public_key) = (source?, public_key?);
        let (place, standard) = match source {
            Written::Folder(path) => {
                let source = PolicySource::Folder(folder.join(path));
                return Some(Self::Signed { source, public_key });
            }
            Written::S3 { bucket, key } => {
                let region =
                    region.or_else(|| settings.optional("upstream.region", super::values::region))?;
                let aws = Endpoint::aws("s3", &region);
                (Place::S3 { bucket, key, region }, aws)
            }
            Written::Oci { registry, repository, reference } => {
                (Place::Oci { repository, reference }, registry)
            }
        };
        let source = PolicySource::Remote(RemoteSource {
            place,
            endpoint: endpoint.unwrap_or(standard),
            poll: poll.unwrap_or(Duration::from_mins(1)),
        });
        Some(Self::Signed { source, public_key })
    }
}

impl RemoteSource {
    /// As operators write it, with the host that is really called.
    pub fn name(&self) -> String {
        match &self.place {
            Place::S3 { bucket, key, .. } => format!("s3://{bucket}/{key}"),
            Place::Oci { repository, reference } => {
                let separator = if reference.contains(':') { '@' } else { ':' };
                format!("oci://{}/{repository}{separator}{reference}", self.endpoint.authority())
            }
        }
    }
}

/// A digest as `policy check` or as `sha256sum` prints it. Comes out as the former.
pub fn policy_digest(text: &str) -> Result<String, String> {
    let digits = text.strip_prefix("sha256:").unwrap_or(text);
    if digits.len() == 64 && digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
        return Ok(format!("sha256:{digits}"));
    }
    Err("must be a digest as `bedrock-warden policy check` prints it: `sha256:` and 64 lower-case hexadecimal digits"
        .to_owned())
}

/// A source as it is written.
enum Written {
    Folder(String),
    S3 { bucket: String, key: String },
    Oci { registry: Endpoint, repository: String, reference: String },
}

/// Often enough to matter, seldom enough not to be a burden on what all wardens share.
fn poll(text: &str) -> Result<Duration, String> {
    let poll = duration(text)?;
    if (Duration::from_secs(1)..=Duration::from_hours(24)).contains(&poll) {
        Ok(poll)
    } else {
        Err(format!("must be between `1s` and `24h`, not `{text}`"))
    }
}

fn source(text: &str) -> Result<Written, String> {
    match text.split_once("://") {
        None => Ok(Written::Folder(text.to_owned())),
        Some(("s3", rest)) => s3(rest)
            .ok_or_else(|| format!("must be an object such as `s3://bucket/policies.json`, not `{text}`")),
        Some(("oci", rest)) => oci(rest).ok_or_else(|| {
            format!("must be an artifact such as `oci://registry.example/policies:stable`, not `{text}`")
        }),
        Some((scheme, _)) => Err(format!("must be a folder, `s3://…` or `oci://…`, not `{scheme}://…`")),
    }
}

/// Names of buckets and keys that need no escape: what is signed and what is sent are the same.
fn s3(text: &str) -> Option<Written> {
    let (bucket, key) = text.split_once('/')?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    let named = (3..=63).contains(&bucket.len()) && bucket.bytes().all(plain);
    let segment = |segment: &str| !matches!(segment, "" | "." | "..") && segment.bytes().all(plain);
    (named && bucket.bytes().all(|byte| byte != b'_') && key.len() <= 1024 && key.split('/').all(segment))
        .then(|| Written::S3 { bucket: bucket.to_owned(), key: key.to_owned() })
}

/// `registry/repository:tag` or `registry/repository@sha256:…` (grammar of the OCI distribution specification).
fn oci(text: &str) -> Option<Written> {
    let (registry, rest) = text.split_once('/')?;
    let (repository, reference) = if let Some((repository, digest)) = rest.split_once('@') {
        (repository, policy_digest(digest).ok().filter(|known| known == digest)?)
    } else {
        let (repository, tag) = rest.split_once(':')?;
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        let named = (1..=128).contains(&tag.len()) && tag.bytes().all(plain) && !tag.starts_with(['-', '.']);
        (repository, named.then(|| tag.to_owned())?)
    };
    let lower = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_.".contains(&byte);
    let part = |part: &str| !matches!(part, "" | "." | "..") && part.bytes().all(lower);
    if !repository.split('/').all(part) {
        return None;
    }
    let registry = endpoint(&format!("https://{registry}")).ok()?;
    Some(Written::Oci { registry, repository: repository.to_owned(), reference })
}

#[cfg(test)]
mod tests {
    use super::super::tests::{MINIMAL, parse};
    use super::*;

    fn policies(section: &str, environment: &[(&str, &str)]) -> Result<Policies, String> {
        let text = MINIMAL.replace("policies: policies/\n", section);
        parse(&text, environment).map(|config| config.policies).map_err(|mistakes| mistakes.join("\n"))
    }

    fn remote(source: &str) -> Option<RemoteSource> {
        let section = format!("policies: {{ source: \"{source}\", public_key: key.pem }}\n");
        match policies(&section, &[]) {
            Ok(Policies::Signed { source: PolicySource::Remote(remote), .. }) => Some(remote),
            Ok(Policies::Folder(_) | Policies::Signed { .. }) | Err(_) => None,
        }
    }

    #[test]
    fn a_folder_is_trusted_and_everything_else_needs_a_key() {
        let folder = Policies::Folder("/etc/warden/policies/".into());
        assert_eq!(policies("policies: policies/\n", &[]), Ok(folder));
        let signed = policies("policies: { source: policies, public_key: keys/policy.pem }\n", &[]);
        let source = PolicySource::Folder("/etc/warden/policies".into());
        assert_eq!(signed, Ok(Policies::Signed { source, public_key: "/etc/warden/keys/policy.pem".into() }));
        for section in
            ["policies: { source: s3://bucket/policies.json }\n", "policies: { public_key: a.pem }\n", ""]
        {
            assert!(policies(section, &[]).unwrap_err().contains("is missing"), "{section}");
        }
    }

    #[test]
    fn a_variable_cannot_turn_signatures_off() {
        let section = "policies: { source: policies, public_key: key.pem }\n";
        let mistake = policies(section, &[("WARDEN_POLICIES", "/tmp/mine")]).unwrap_err();
        assert!(mistake.contains("only one of them can be meant"), "{mistake}");
        let section = "policies: policies/\n";
        let mistake = policies(section, &[("WARDEN_POLICIES_PUBLIC_KEY", "key.pem")]).unwrap_err();
        assert!(mistake.contains("only one of them can be meant"), "{mistake}");
    }

    #[test]
    fn sources_elsewhere_are_named_exactly() {
        let table = [
            ("s3://my-bucket/warden/policies.json", Some("https://s3.eu-central-1.amazonaws.com")),
            ("s3://my-bucket/", None),
            ("s3://my-bucket", None),
            ("s3://b/x", None),
            ("s3://my-bucket/a/../b", None),
            ("s3://my-bucket/a%2fb", None),
            ("s3://my-bucket/a?versionId=1", None),
            ("oci://ghcr.io/acme/policies:stable", Some("https://ghcr.io")),
            ("oci://127.0.0.1:5000/policies:1", Some("https://127.0.0.1:5000")),
            ("oci://ghcr.io/acme/policies", None),
            ("oci://ghcr.io/acme/Policies:stable", None),
            ("oci://ghcr.io/acme/../x:stable", None),
            ("oci://user@ghcr.io/acme/x:stable", None),
            ("oci://ghcr.io/acme/policies@sha256:12", None),
            ("https://example.com/policies.json", None),
        ];
        for (source, endpoint) in table {
            let found = remote(source);
            assert_eq!(
                found.as_ref().map(|found| found.endpoint.to_string()).as_deref(),
                endpoint,
                "{source}"
            );
            if let Some(found) = found {
                assert_eq!(found.name(), source);
                assert_eq!(found.poll, Duration::from_mins(1));
            }
        }
        let digest = format!("oci://ghcr.io/acme/policies@sha256:{}", "0a".repeat(32));
        assert_eq!(remote(&digest).unwrap().name(), digest);
    }

    #[test]
    fn a_pin_is_one_digest_in_either_form() {
        let digits = "0a".repeat(32);
        let pinned = Ok(format!("sha256:{digits}"));
        assert_eq!(policy_digest(&digits), pinned);
        assert_eq!(policy_digest(&format!("sha256:{digits}")), pinned);
        for wrong in ["", "sha256:", &"0a".repeat(31), &digits.to_uppercase(), &format!("sha512:{digits}")] {
            assert!(policy_digest(wrong).is_err(), "{wrong}");
        }
        let text = format!("{MINIMAL}policies_sha256: {digits}\n");
        let other = "1b".repeat(32);
        let config = parse(&text, &[("WARDEN_POLICIES_SHA256", &other)]).unwrap();
        assert_eq!(config.policies_sha256, Some(format!("sha256:{other}")));
    }
}
