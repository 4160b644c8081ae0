//! moto: CloudWatch, STS and S3 as a Python library knows them, behind a port.
//!
//! The SDK for Rust speaks Smithy RPC v2 CBOR to CloudWatch and moto does not, so that requests pass a bridge that puts
//! them into CloudWatch's other protocol, awsJson 1.0. STS and S3 need none.

use std::collections::{BTreeMap, BTreeSet};
use std::time::SystemTime;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::{Receiver, cbor, receiver_command};
use crate::support::call::{Call, KeyPair};
use crate::support::hostile_upstream::{HostileUpstream, Received};
use crate::support::http::{Response, Target};
use crate::support::obtain::python::{self, Environment};
use crate::support::obtain::{Missing, required};

const PINS: &str = include_str!("../../pins/moto.txt");
const TARGET: &str = "GraniteServiceVersion20100801";
/// The namespace of a warden that was not told another.
pub const NAMESPACE: &str = "BedrockWarden";
const REGION: &str = "us-east-1";

pub struct Moto {
    receiver: Receiver,
    bridge: HostileUpstream,
    _home: TempDir,
}

/// A metric and what it is broken down by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Series {
    pub metric: String,
    pub dimensions: BTreeMap<String, String>,
}

impl Series {
    fn read(metric: &Value) -> Self {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let dimensions = metric["Dimensions"].as_array().unwrap();
        let pairs = dimensions.iter().map(|dimension| (text(&dimension["Name"]), text(&dimension["Value"])));
        Self { metric: text(&metric["MetricName"]), dimensions: pairs.collect() }
    }
}

impl Moto {
    /// `None` where it cannot be had, which has been said.
    pub fn start() -> Option<Self> {
        let environment = required(Self::environment())?;
        let home = tempfile::tempdir().unwrap();
        let mut command = receiver_command(&environment.program("moto_server"), home.path());
        command.args(["-H", "127.0.0.1", "-p", "0"]);
        let receiver = Receiver::start("moto", &mut command, "Running on http://");
        let moto = Target::plain(receiver.address);
        let bridge = HostileUpstream::start(move |received| bridged(&moto, received));
        Some(Self { receiver, bridge, _home: home })
    }

    /// The environment that has cfn-lint too.
    pub fn environment() -> Result<Environment, Missing> {
        python::environment("moto", PINS, 10)
    }

    /// For `telemetry.cloudwatch.endpoint`.
    pub fn cloudwatch_endpoint(&self) -> String {
        self.bridge.endpoint()
    }

    /// For `upstream.assume_role.endpoint`.
    pub fn sts_endpoint(&self) -> String {
        self.receiver.url("")
    }

    /// For `policies.endpoint`.
    pub fn s3_endpoint(&self) -> String {
        self.receiver.url("")
    }

    /// Puts an object into S3, in a bucket that is made for it.
    pub fn put_object(&self, bucket: &str, key: &str, body: &str) {
        let target = Target::plain(self.receiver.address);
        let signer = KeyPair { id: "AKIATESTS00000000000".to_owned(), secret: "unused".to_owned() };
        for (path, body) in [(format!("/{bucket}"), ""), (format!("/{bucket}/{key}"), body)] {
            let call = Call::new("PUT", path, body);
            let call = call.sign_at(&signer, &target.authority(), SystemTime::now(), REGION, "s3");
            target.send(&call).assert_ok();
        }
    }

    /// How often PutMetricData was called.
    pub fn puts(&self) -> usize {
        self.bridge.received().len()
    }

    /// The sum of a metric with exactly these dimensions, around now; 0 when there is no data.
    pub fn sum(&self, metric: &str, dimensions: &[(&str, &str)]) -> f64 {
        self.statistic("Sum", metric, dimensions)
    }

    /// How many samples a metric with exactly these dimensions has, around now.
    pub fn samples(&self, metric: &str, dimensions: &[(&str, &str)]) -> f64 {
        self.statistic("SampleCount", metric, dimensions)
    }

    /// Every metric of a namespace with its dimensions.
    pub fn series(&self, namespace: &str) -> BTreeSet<Series> {
        let (mut series, mut question) = (BTreeSet::new(), json!({ "Namespace": namespace }));
        loop {
            let page = granite(&Target::plain(self.receiver.address), "ListMetrics", &question);
            let page = page.assert_ok().json();
            series.extend(page["Metrics"].as_array().unwrap().iter().map(Series::read));
            question["NextToken"] = match &page["NextToken"] {
                Value::String(next) => Value::from(next.as_str()),
                _ => return series,
            };
        }
    }

    /// What GetMetricStatistics adds up for a metric, around now. Moto counts metrics with more dimensions too, so that
    /// this is the sum of one series only where all dimensions are given.
    pub fn statistics(&self, metric: &str, dimensions: &[(&str, &str)]) -> f64 {
        let (now, dimensions) = (now(), named(dimensions));
        let question = json!({
            "Namespace": NAMESPACE, "MetricName": metric, "Dimensions": dimensions, "Statistics": ["Sum"],
            "Period": 60, "StartTime": now - 3600, "EndTime": now + 3600,
        });
        let answer = granite(&Target::plain(self.receiver.address), "GetMetricStatistics", &question);
        let answer = answer.assert_ok().json();
        let points = answer["Datapoints"].as_array().unwrap();
        points.iter().fold(0.0, |sum, point| sum + point["Sum"].as_f64().unwrap())
    }

    /// By GetMetricData: moto's GetMetricStatistics also counts metrics with more dimensions than were asked for.
    fn statistic(&self, statistic: &str, metric: &str, dimensions: &[(&str, &str)]) -> f64 {
        let (now, dimensions) = (now(), named(dimensions));
        let metric = json!({ "Namespace": NAMESPACE, "MetricName": metric, "Dimensions": dimensions });
        let query = json!({ "Id": "q", "MetricStat": { "Metric": metric, "Period": 60, "Stat": statistic } });
        let question =
            json!({ "MetricDataQueries": [query], "StartTime": now - 3600, "EndTime": now + 3600 });
        let answer = granite(&Target::plain(self.receiver.address), "GetMetricData", &question);
        let answer = answer.assert_ok().json();
        let values = answer["MetricDataResults"][0]["Values"].as_array().unwrap();
        values.iter().fold(0.0, |sum, value| sum + value.as_f64().unwrap())
    }

    /// Who an access key belongs to, as STS tells it.
    pub fn identity_of(&self, access_key_id: &str) -> String {
        let key = KeyPair { id: access_key_id.to_owned(), secret: "moto verifies no signature".to_owned() };
        let call = Call::new("POST", "/", "Action=GetCallerIdentity&Version=2011-06-15")
            .header("content-type", "application/x-www-form-urlencoded");
        let target = Target::plain(self.receiver.address);
        let signed = call.sign_at(&key, &target.authority(), SystemTime::now(), REGION, "sts");
        target.send(&signed).assert_ok().text()
    }
}

/// Seconds since 1970.
fn now() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs()
}

fn named(dimensions: &[(&str, &str)]) -> Vec<Value> {
    dimensions.iter().map(|(name, value)| json!({ "Name": name, "Value": value })).collect()
}

/// Puts a request into awsJson 1.0 and the answer back into CBOR.
fn bridged(moto: &Target, received: &Received) -> Vec<u8> {
    let path = received.head.split(' ').nth(1).unwrap_or_default();
    let operation = path.strip_prefix(&format!("/service/{TARGET}/operation/"));
    let operation = operation.unwrap_or_else(|| panic!("not a CBOR call: {}", received.head));
    let gzip = received.header("content-encoding") == Some("gzip");
    let body = if gzip { cbor::inflated(&received.body) } else { received.body.clone() };
    let answer = granite(moto, operation, &cbor::to_json(&body));
    let body = cbor::from_json(&serde_json::from_slice(&answer.body).unwrap_or_else(|_| json!({})));
    let head = format!(
        "HTTP/1.1 {} -\r\nsmithy-protocol: rpc-v2-cbor\r\ncontent-type: application/cbor\r\n\
         content-length: {}\r\nconnection: close\r\n\r\n",
        answer.status,
        body.len()
    );
    [head.as_bytes(), &body].concat()
}

/// Calls moto's CloudWatch.
fn granite(moto: &Target, operation: &str, input: &Value) -> Response {
    let key = KeyPair { id: "AKIATESTS00000000000".to_owned(), secret: "unused".to_owned() };
    let call = Call::new("POST", "/", input.to_string())
        .header("content-type", "application/x-amz-json-1.0")
        .header("x-amz-target", &format!("{TARGET}.{operation}"));
    moto.send(&call.sign_at(&key, &moto.authority(), SystemTime::now(), REGION, "monitoring"))
}
