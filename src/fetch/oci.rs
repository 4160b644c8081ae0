//! One artifact in an OCI registry: its manifest, then its only layer, both known by their digests (OCI distribution
//! specification 1.1). Anonymous, or with a token that the registry itself gives to anybody.

use aws_lc_rs::digest;
use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, StatusCode, Uri};
use serde::Deserialize;

use super::{FetchError, Found, Http};
use crate::bundle::LARGEST;
use crate::config::Endpoint;

/// An artifact.
pub(super) struct Artifact<'a> {
    pub endpoint: &'a Endpoint,
    pub repository: &'a str,
    /// A tag or a digest.
    pub reference: &'a str,
}

/// Media type of a manifest (OCI image specification).
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// What registries accept at most, as the distribution specification recommends.
const LARGEST_MANIFEST: usize = 4 * 1024 * 1024;

const LARGEST_TOKEN: usize = 64 * 1024;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Manifest {
    schema_version: u32,
    layers: Vec<Layer>,
}

#[derive(Deserialize)]
struct Layer {
    digest: String,
    size: u64,
}

#[derive(Deserialize)]
struct Token {
    token: Option<String>,
    access_token: Option<String>,
}

impl Artifact<'_> {
    /// The artifact's only layer; `None` when its manifest has the digest `seen`.
    pub async fn fetch(&self, client: &Http, seen: Option<&str>) -> Result<Option<Found>, FetchError> {
        let mut token = None;
        let manifests = format!("/v2/{}/manifests/{}", self.repository, self.reference);
        let bytes = self.read(client, &manifests, LARGEST_MANIFEST, &mut token).await?;
        let mark = sha256(&bytes);
        if self.reference.contains(':') && self.reference != mark {
            return Err(FetchError::Digest(self.reference.to_owned()));
        }
        if seen == Some(&mark) {
            return Ok(None);
        }
        let layer = only_layer(&bytes)?;
        let blobs = format!("/v2/{}/blobs/{}", self.repository, layer.digest);
        let bytes = self.read(client, &blobs, LARGEST, &mut token).await?;
        if sha256(&bytes) != layer.digest {
            return Err(FetchError::Digest(layer.digest));
        }
        Ok(Some(Found { bytes, mark: Some(mark) }))
    }

    /// Reads `target`; where the registry asks for a token, with one.
    async fn read(
        &self,
        client: &Http,
        target: &str,
        largest: usize,
        token: &mut Option<HeaderValue>,
    ) -> Result<Bytes, FetchError> {
        let uri = self.endpoint.uri(target)?;
        let ask = |token: Option<&HeaderValue>| {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT, HeaderValue::from_static(MANIFEST));
            if let Some(token) = token {
                headers.insert(AUTHORIZATION, token.clone());
            }
            Http::request(uri.clone(), headers)
        };
        let (mut head, mut bytes) = client.answer(ask(token.as_ref())?, largest).await?;
        if head.status == StatusCode::UNAUTHORIZED && token.is_none() {
            *token = Some(self.token(client, head.headers.get(WWW_AUTHENTICATE)).await?);
            (head, bytes) = client.answer(ask(token.as_ref())?, largest).await?;
        }
        match head.status {
            StatusCode::OK => Ok(bytes),
            status => Err(FetchError::Status { status, code: String::new() }),
        }
    }

    /// SECRET: the token is sent to the registry and shown nowhere.
    async fn token(&self, client: &Http, challenge: Option<&HeaderValue>) -> Result<HeaderValue, FetchError> {
        let challenge = challenge.and_then(|challenge| challenge.to_str().ok()).ok_or(FetchError::Token)?;
        let uri = self.token_uri(challenge)?;
        let request = Http::request(uri, HeaderMap::new())?;
        let (head, bytes) = client.answer(request, LARGEST_TOKEN).await?;
        if head.status != StatusCode::OK {
            return Err(FetchError::Status { status: head.status, code: String::new() });
        }
        let token: Token = serde_json::from_slice(&bytes).map_err(|_| FetchError::Token)?;
        let token = token.token.or(token.access_token).ok_or(FetchError::Token)?;
        let mut value = HeaderValue::from_str(&format!("Bearer {token}")).map_err(|_| FetchError::Token)?;
        value.set_sensitive(true);
        Ok(value)
    }

    /// FAIL-CLOSED: tokens are asked of the configured host, whatever the registry says.
    fn token_uri(&self, challenge: &str) -> Result<Uri, FetchError> {
        let bearer = challenge.get(..7).is_some_and(|scheme| scheme.eq_ignore_ascii_case("bearer "));
        let parameter = |name: &str| {
            let (_, rest) = challenge.split_once(&format!("{name}=\""))?;
            rest.split_once('"').map(|(value, _)| value)
        };
        let realm = parameter("realm").filter(|_| bearer).ok_or(FetchError::Token)?;
        let realm: Uri = realm.parse().map_err(|_| FetchError::Token)?;
        let (scheme, authority) = (realm.scheme(), realm.authority());
        if scheme != Some(self.endpoint.scheme()) || authority != Some(self.endpoint.authority()) {
            let host = authority.map_or("", |authority| authority.host());
            return Err(FetchError::Elsewhere(host.to_owned()));
        }
        let scope = escaped(&format!("repository:{}:pull", self.repository));
        let service = parameter("service").map(|service| format!("service={}&", escaped(service)));
        let target = format!("{}?{}scope={scope}", realm.path(), service.unwrap_or_default());
        Ok(self.endpoint.uri(&target)?)
    }
}

fn only_layer(bytes: &[u8]) -> Result<Layer, FetchError> {
    let manifest: Manifest =
        serde_json::from_slice(bytes).map_err(|_| FetchError::Manifest("is none of an artifact"))?;
    if manifest.schema_version != 2 {
        return Err(FetchError::Manifest("is not of version 2"));
    }
    let mut layers = manifest.layers.into_iter();
    let (Some(layer), None) = (layers.next(), layers.next()) else {
        return Err(FetchError::Manifest("does not have exactly one layer"));
    };
    let digits = layer.digest.strip_prefix("sha256:").unwrap_or_default();
    if digits.len() != 64 || !digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
        return Err(FetchError::Manifest("does not name its layer by a SHA-256"));
    }
    match usize::try_from(layer.size) {
        Ok(size) if size <= LARGEST => Ok(layer),
        Ok(_) | Err(_) => Err(FetchError::TooLarge(LARGEST)),
    }
}

fn sha256(bytes: &[u8]) -> String {
    format!("sha256:{}", hex::encode(digest::digest(&digest::SHA256, bytes)))
}

/// Percent-encodes all but unreserved characters (RFC 3986).
fn escaped(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let escape = |byte: u8| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    text.bytes().map(escape).collect()
}
