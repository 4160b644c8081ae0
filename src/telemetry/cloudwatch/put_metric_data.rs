//! The CloudWatch API.
//!
//! Receives batches, calls `PutMetricData` once for each. Signs with the warden's own credentials. Every call is bounded
//! and none is retried here: the outbox decides about that. Says what kind of failure it was, never a credential.

use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_cloudwatch::Client;
use aws_sdk_cloudwatch::config::retry::RetryConfig;
use aws_sdk_cloudwatch::config::timeout::TimeoutConfig;
use aws_sdk_cloudwatch::config::{BehaviorVersion, Config, Region};
use aws_sdk_cloudwatch::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_cloudwatch::operation::put_metric_data::PutMetricDataError;
use aws_sdk_cloudwatch::types::{Dimension, MetricDatum, StandardUnit, StatisticSet};
use aws_smithy_types::DateTime;

use super::aggregate::Datum;
use super::amount::Amount;
use super::batch::{Batch, Limits};
use super::outbox::{ATTEMPT, Failure};
use crate::causes::causes;
use crate::config::CloudWatch;
use crate::telemetry::names::{Unit, cloudwatch};

/// Distinct values of one datum (API reference of MetricDatum: 150).
pub(super) const DISTINCT: usize = 150;
/// The API takes 1,000 metrics and 1 MB.
pub(super) const LIMITS: Limits = Limits { data: 900, bytes: 900_000, mixed: true, overhead: 1_000 };

/// A client of one region.
#[derive(Debug)]
pub(super) struct PutMetricData {
    client: Client,
    namespace: String,
    deployment: Dimension,
    /// `None` for CloudWatch's minutes, 1 for intervals that are shorter.
    resolution: Option<i32>,
}

impl PutMetricData {
    pub fn new(
        config: &CloudWatch,
        region: &str,
        endpoint: Option<String>,
        credentials: SharedCredentialsProvider,
    ) -> Self {
        let timeouts =
            TimeoutConfig::builder().connect_timeout(ATTEMPT / 2).operation_timeout(ATTEMPT).build();
        let mut client = Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(region.to_owned()))
            .credentials_provider(credentials)
            .retry_config(RetryConfig::disabled())
            .timeout_config(timeouts);
        client.set_endpoint_url(endpoint);
        Self {
            client: Client::from_conf(client.build()),
            namespace: config.namespace.clone(),
            deployment: dimension(cloudwatch::DEPLOYMENT, &config.deployment),
            resolution: config.high_resolution().then_some(1),
        }
    }

    pub async fn send(&self, batch: &Batch) -> Result<(), Failure> {
        let data = batch.data.iter().map(|datum| self.datum(datum, DateTime::from(batch.began))).collect();
        let call = self.client.put_metric_data().namespace(&self.namespace).set_metric_data(Some(data));
        match call.send().await {
            Ok(_) => Ok(()),
            Err(error) => Err(self.failure(&error)),
        }
    }

    fn datum(&self, datum: &Datum, began: DateTime) -> MetricDatum {
        let label = &datum.label;
        let of = label.of.as_ref().map(|(of, value)| dimension(of.name(), value));
        let dimensions = std::iter::once(self.deployment.clone()).chain(of).collect();
        let shape = MetricDatum::builder()
            .metric_name(label.metric.name)
            .unit(match label.metric.unit {
                Unit::Count => StandardUnit::Count,
                Unit::Milliseconds => StandardUnit::Milliseconds,
            })
            .timestamp(began)
            .set_storage_resolution(self.resolution)
            .set_dimensions(Some(dimensions));
        match datum.amount.clone() {
            Amount::Value(value) => shape.value(value),
            Amount::Statistics { samples, sum, min, max } => shape.statistic_values(
                StatisticSet::builder().sample_count(samples).sum(sum).minimum(min).maximum(max).build(),
            ),
            Amount::Distribution { values, counts } => {
                shape.set_values(Some(values)).set_counts(Some(counts))
            }
        }
        .build()
    }

    fn failure(&self, error: &SdkError<PutMetricDataError>) -> Failure {
        let reason = causes(error);
        let Some(answer) = error.raw_response() else { return Failure::Away(reason) };
        let code = error.as_service_error().and_then(ProvideErrorMetadata::code).unwrap_or_default();
        match answer.status().as_u16() {
            429 | 500.. => Failure::Away(reason),
            _ if code.contains("Throttl") || code == "RequestLimitExceeded" => Failure::Away(reason),
            // Protocols differ on the status of these; the codes are the same in all of them.
            401 | 403 => self.refused(&reason),
            _ if PERMISSION_CODES.iter().any(|known| code.starts_with(known)) => self.refused(&reason),
            404 => Failure::Refused(format!("{reason}; is `telemetry.cloudwatch.endpoint` CloudWatch's?")),
            _ => Failure::Invalid(reason),
        }
    }

    fn refused(&self, reason: &str) -> Failure {
        Failure::Refused(format!(
            "{reason}; allow the warden's role `cloudwatch:PutMetricData` where `cloudwatch:namespace` is `{}`",
            self.namespace
        ))
    }
}

/// Error codes of AWS that are about who calls, not about what is sent.
const PERMISSION_CODES: [&str; 12] = [
    "AccessDenied",
    "ExpiredToken",
    "IncompleteSignature",
    "InvalidClientToken",
    "InvalidSignature",
    "InvalidSecurityToken",
    "MissingAuthentication",
    "NotAuthorized",
    "OptInRequired",
    "RequestExpired",
    "SignatureDoesNotMatch",
    "UnrecognizedClient",
];

fn dimension(name: &str, value: &str) -> Dimension {
    Dimension::builder().name(name).value(value).build()
}

#[cfg(test)]
mod tests {
    use aws_sdk_cloudwatch::error::ErrorMetadata;
    use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
    use aws_smithy_types::body::SdkBody;

    use super::*;
    use crate::config::CloudWatchWay;

    /// AWS explains a wrong signature by what it expected to be signed, session token included.
    #[test]
    fn what_aws_says_of_a_wrong_signature_is_not_repeated() {
        let text = "The Canonical String should have been x-amz-security-token:FwoGZXIvYXdz";
        let metadata = ErrorMetadata::builder().code("SignatureDoesNotMatch").message(text).build();
        let answer = HttpResponse::new(403.try_into().unwrap(), SdkBody::from(text));
        let error = SdkError::service_error(PutMetricDataError::generic(metadata), answer);
        let config = CloudWatch {
            namespace: "BedrockWarden".to_owned(),
            deployment: "tests".to_owned(),
            interval: std::time::Duration::from_mins(1),
            series: 500,
            way: CloudWatchWay::PutMetricData { endpoint: None },
        };
        let credentials = aws_credential_types::Credentials::new("AKIAEXAMPLE", "secret", None, None, "test");
        let way = PutMetricData::new(&config, "us-east-1", None, SharedCredentialsProvider::new(credentials));
        let Failure::Refused(told) = way.failure(&error) else { panic!("a refusal") };
        assert!(
            told.contains("SignatureDoesNotMatch") && told.contains("cloudwatch:PutMetricData"),
            "{told}"
        );
        assert!(!told.contains("FwoGZXIvYXdz"), "{told}");
    }
}
