//! `bedrock-warden init DIR`: a working set-up, made in one go.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::Args;

use crate::clock;
use crate::identity::CredentialKind;
use crate::identity::callers::{CallerFiles, Issued, KeyRequest};
use crate::tls::LocalCa;

use super::policy::schema::{self, pointed};
use super::{Exit, Failure, Terminal};

/// The policies that ship, as they stand in the repository.
const POLICIES: &[(&str, &str)] = &[
    ("org.yaml", include_str!("../../policies/org.yaml")),
    ("teams/payments.yaml", include_str!("../../policies/teams/payments.yaml")),
    ("teams/research.yaml", include_str!("../../policies/teams/research.yaml")),
    ("tests/org.yaml", include_str!("../../policies/tests/org.yaml")),
    ("tests/payments.yaml", include_str!("../../policies/tests/payments.yaml")),
    ("tests/research.yaml", include_str!("../../policies/tests/research.yaml")),
];

/// Where things go, and for whom.
#[derive(Debug, Clone, Args)]
pub struct InitArgs {
    /// Folder to make; it must not hold a set-up yet
    pub folder: PathBuf,
    /// AWS region whose Bedrock is called
    #[arg(long, default_value = "us-east-1")]
    pub region: String,
    /// Where applications connect with TLS
    #[arg(long, default_value = "127.0.0.1:8443")]
    pub listen: SocketAddr,
    /// Where applications on this machine connect without TLS (off unless given)
    #[arg(long)]
    pub plain: Option<SocketAddr>,
    /// Health checks
    #[arg(long, default_value = "127.0.0.1:9440")]
    pub admin: SocketAddr,
    /// Team of the first caller; it needs a policy file `teams/<team>.yaml`
    #[arg(long, default_value = "payments")]
    pub team: String,
    /// Application of the first caller
    #[arg(long, default_value = "checkout")]
    pub app: String,
    /// Another endpoint than AWS's own: PrivateLink, FIPS, a simulator
    #[arg(long)]
    pub endpoint: Option<String>,
    /// Certificates to trust for that endpoint, PEM
    #[arg(long)]
    pub endpoint_ca: Option<PathBuf>,
}

/// What was made.
#[derive(Debug)]
pub struct SetUp {
    pub config: PathBuf,
    pub policies: PathBuf,
    pub journal: PathBuf,
    pub tls: LocalCa,
    pub caller: Issued,
}

/// Makes the set-up and prints what an SDK needs.
pub fn run(args: &InitArgs, terminal: &mut Terminal) -> Result<Exit, Failure> {
    let made = create(args)?;
    let talk = &mut terminal.stderr;
    writeln!(talk, "made {}: configuration, policies, a local CA and a first caller", args.folder.display())?;
    writeln!(talk, "the secret below is shown once; start the warden with\n")?;
    writeln!(talk, "    bedrock-warden serve --config {}\n", made.config.display())?;
    writeln!(talk, "and give the application these variables:\n")?;
    for line in environment(&format!("https://{}", local(args.listen)), &args.region, &made) {
        writeln!(terminal.stdout, "{line}")?;
    }
    Ok(Exit::Success)
}

/// Makes the set-up. Nothing is overwritten.
pub fn create(args: &InitArgs) -> Result<SetUp, Failure> {
    let folder = &args.folder;
    let config = folder.join("warden.yaml");
    if config.exists() {
        return Err(Failure::usage(format!("`{}` exists already", config.display()))
            .hint("choose another folder, or remove this one first"));
    }
    make_private(folder)?;
    let folder = fs::canonicalize(folder).map_err(|error| cannot_write(folder, &error))?;
    for (path, text) in POLICIES {
        let text = pointed(path, &localised(text, &args.region));
        write_new(&folder.join("policies").join(path), &text)?;
    }
    for (name, schema) in schema::files() {
        write_new(&folder.join("policies").join(name), &schema)?;
    }
    make_private(&folder.join("data"))?;
    let tls = LocalCa::create(&folder.join("tls"), "bedrock-warden local CA", args.listen.ip())
        .map_err(Failure::internal)?;
    let files = CallerFiles { callers: &folder.join("callers.yaml"), master_key: &folder.join("master.key") };
    let request =
        KeyRequest { team: &args.team, app: &args.app, kind: CredentialKind::SigV4, lifetime: None };
    let caller = files.add(&request, clock::now()).map_err(Failure::usage)?;
    write_new(&config, &configuration(args))?;
    Ok(SetUp {
        config: folder.join("warden.yaml"),
        policies: folder.join("policies"),
        journal: folder.join("data/audit.db"),
        tls,
        caller,
    })
}

/// The variables that point an unmodified SDK at the warden.
pub fn environment(url: &str, region: &str, made: &SetUp) -> Vec<String> {
    let ca = made.tls.ca.display();
    let bundle = made.tls.bundle.display();
    vec![
        format!("AWS_ENDPOINT_URL_BEDROCK_RUNTIME={url}"),
        format!("AWS_ENDPOINT_URL_BEDROCK={url}"),
        format!("AWS_CA_BUNDLE={bundle}"),
        format!("SSL_CERT_FILE={bundle}"),
        format!("NODE_EXTRA_CA_CERTS={ca}"),
        format!("AWS_REGION={region}"),
        // boto3 reads only this one.
        format!("AWS_DEFAULT_REGION={region}"),
        format!("AWS_ACCESS_KEY_ID={}", made.caller.access_key_id),
        format!("AWS_SECRET_ACCESS_KEY={}", made.caller.secret.expose()),
    ]
}

/// The shipped policies keep inference in the United States; another region's own stay where that region is, and so do
/// their tests.
fn localised(policy: &str, region: &str) -> String {
    const ABROAD: &str = "  - name: a profile of the United States stays inside\n";
    if region.starts_with("us-") {
        return policy.to_owned();
    }
    let here = policy.replace("us-east-1", region);
    let policy = match here.split_once(ABROAD) {
        Some((before, case)) => {
            let after = case.split_once("\n\n").map(|(_, after)| after).unwrap_or_default();
            format!("{before}{after}")
        }
        None => here,
    };
    let kept = |line: &str| match line.trim_start() {
        "- in: [us]" => format!("  - in: [{region}]"),
        "message: Data stays in the United States" => format!("    message: Data stays in {region}"),
        _ => line.to_owned(),
    };
    policy.lines().map(|line| kept(line) + "\n").collect()
}

/// An address as a client on this machine dials it.
fn local(address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        SocketAddr::new([127, 0, 0, 1].into(), address.port())
    } else {
        address
    }
}

fn configuration(args: &InitArgs) -> String {
    let plain = match args.plain {
        Some(address) => format!(
            "  plain: {{ address: \"{address}\" }}   # not encrypted, this machine only, SigV4 callers only\n"
        ),
        None => String::new(),
    };
    let endpoint = match &args.endpoint {
        Some(endpoint) => format!(
            "  endpoint: {endpoint}\n  control_plane_endpoint: {endpoint}\n  agent_endpoint: {endpoint}\n"
        ),
        None => String::new(),
    };
    let ca = match &args.endpoint_ca {
        Some(path) => {
            format!("  ca: {}\n", fs::canonicalize(path).unwrap_or_else(|_| path.clone()).display())
        }
        None => String::new(),
    };
    format!(
        "\
# Configuration of bedrock-warden. Paths are relative to this file.
# Every key can also be set in the environment: `upstream.region` is WARDEN_UPSTREAM_REGION.
listen:
  address: \"{listen}\"
  tls: {{ certificate: tls/server.pem, key: tls/server.key }}
{plain}admin:
  address: \"{admin}\"          # /livez, /readyz and /metrics
upstream:
  region: {region}            # credentials come from the standard AWS chain
  # assume_role: {{ arn: \"arn:aws:iam::111122223333:role/bedrock\" }}   # a session per application, named and tagged
  # request_metadata: true        # team, app, decision and policy in Bedrock's invocation logs
{endpoint}{ca}policies: policies/
callers: callers.yaml           # maintained by `bedrock-warden caller`
master_key: master.key          # callers' secrets are derived from it: keep it, and keep it private
environment: default            # what policies call `env`
audit:
  journal: data/audit.db
# telemetry:                      # beside the log and /metrics
#   cloudwatch: {{}}                # once a minute; `mode: emf` needs no API calls
#   otlp: {{ endpoint: \"http://127.0.0.1:4318\" }}
",
        listen = args.listen,
        admin = args.admin,
        region = args.region,
    )
}

/// Makes a folder that only its owner can look into.
fn make_private(folder: &Path) -> Result<(), Failure> {
    use std::os::unix::fs::DirBuilderExt;

    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(|error| cannot_write(folder, &error))
}

fn write_new(path: &Path, text: &str) -> Result<(), Failure> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(|error| cannot_write(folder, &error))?;
    }
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(path)
        .and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|error| cannot_write(path, &error))
}

fn cannot_write(path: &Path, error: &io::Error) -> Failure {
    Failure::usage(format!("cannot write `{}`: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy;
    use crate::policy::analysis::suite::Suite;
    use crate::yaml::{Diagnostics, Source};

    #[test]
    fn the_policies_of_every_region_load_and_keep_data_there() {
        for (region, residence) in [("us-east-1", "in: [us]"), ("eu-central-1", "in: [eu-central-1]")] {
            let sources: Vec<_> =
                POLICIES.iter().map(|(path, text)| Source::new(*path, localised(text, region))).collect();
            let mut diagnostics = Diagnostics::default();
            let set = policy::compile(&sources, clock::now(), &mut diagnostics);
            let set = set.unwrap_or_else(|| panic!("{diagnostics}"));
            let suite = Suite::read(&sources, &set, &mut diagnostics);
            let suite = suite.unwrap_or_else(|| panic!("{diagnostics}"));
            let results = suite.run(&set, &|| false).unwrap();
            assert_eq!(results.failed(), 0, "{region}: {:#?}", results.cases);
            assert_eq!(results.untested.len(), 0, "{region}: {:#?}", results.untested);
            assert!(sources[0].text.contains(residence), "{region}: {}", sources[0].text);
        }
    }
}
