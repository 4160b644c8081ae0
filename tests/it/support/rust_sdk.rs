//! The AWS SDK for Rust, pointed at a warden by what any application would set: endpoint, CA, key, region.

use std::sync::{Arc, Mutex};

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_bedrockruntime::Client;
use aws_sdk_bedrockruntime::config::interceptors::BeforeDeserializationInterceptorContextRef;
use aws_sdk_bedrockruntime::config::retry::RetryConfig;
use aws_sdk_bedrockruntime::config::{
    BehaviorVersion, Builder, ConfigBag, Intercept, Region, RuntimeComponents,
};
use aws_sdk_bedrockruntime::error::BoxError;
use aws_smithy_http_client::Builder as HttpClientBuilder;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};

use super::call::KeyPair;
use super::warden::TestWarden;

/// A client of `warden` that signs with `key`.
pub fn client(warden: &TestWarden, key: &KeyPair) -> Client {
    Client::from_conf(config(warden, key).build())
}

/// A client of the listener without TLS, which it speaks HTTP/1.1 to.
pub fn plain_client(warden: &TestWarden, key: &KeyPair) -> Client {
    let endpoint = format!("http://{}", warden.plain().authority());
    Client::from_conf(config(warden, key).endpoint_url(endpoint).build())
}

/// A client whose endpoint has a path of its own.
pub fn client_below(warden: &TestWarden, key: &KeyPair, path: &str) -> Client {
    let endpoint = format!("{}{path}", warden.environment()["AWS_ENDPOINT_URL_BEDROCK_RUNTIME"]);
    Client::from_conf(config(warden, key).endpoint_url(endpoint).build())
}

/// The same, and the header `name` of the last answer it read.
pub fn client_with_header(warden: &TestWarden, key: &KeyPair, name: &'static str) -> (Client, SeenHeader) {
    let seen = SeenHeader { name, value: Arc::default() };
    (Client::from_conf(config(warden, key).interceptor(seen.clone()).build()), seen)
}

/// Remembers a header that the SDK's typed answers do not show.
#[derive(Debug, Clone)]
pub struct SeenHeader {
    name: &'static str,
    value: Arc<Mutex<Option<String>>>,
}

impl SeenHeader {
    pub fn value(&self) -> Option<String> {
        self.value.lock().unwrap().clone()
    }
}

impl Intercept for SeenHeader {
    fn name(&self) -> &'static str {
        "SeenHeader"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _runtime: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        *self.value.lock().unwrap() = context.response().headers().get(self.name).map(str::to_owned);
        Ok(())
    }
}

fn config(warden: &TestWarden, key: &KeyPair) -> Builder {
    let environment = warden.environment();
    let authority = std::fs::read(&environment["AWS_CA_BUNDLE"]).unwrap();
    let trust = TrustStore::empty().with_pem_certificate(authority);
    let tls = TlsContext::builder().with_trust_store(trust).build().unwrap();
    let http = HttpClientBuilder::new()
        .tls_provider(Provider::Rustls(CryptoMode::AwsLc))
        .tls_context(tls)
        .build_https();
    let credentials = Credentials::new(&key.id, &key.secret, None, None, "environment");
    Builder::new()
        .behavior_version(BehaviorVersion::latest())
        .endpoint_url(&environment["AWS_ENDPOINT_URL_BEDROCK_RUNTIME"])
        .region(Region::new(environment["AWS_REGION"].clone()))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .retry_config(RetryConfig::standard().with_max_attempts(2))
        .http_client(http)
}
