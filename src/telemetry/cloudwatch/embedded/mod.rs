//! CloudWatch's embedded metric format: JSON lines that CloudWatch Logs turns into metrics.
//!
//! Receives batches of one set of dimensions, writes each as one line to stdout or to the CloudWatch agent. Lines stay
//! below the 16 KiB at which container runtimes cut them. A reader that stalls holds up neither requests nor the end of
//! the process.
//!
//! The specification knows numbers and arrays; values with counts, and statistic sets, are what AWS's own exporter for
//! OpenTelemetry writes.

use std::net::SocketAddr;
use std::time::UNIX_EPOCH;

use serde_json::{Map, Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::amount::Amount;
use super::batch::{Batch, Limits};
use super::outbox::{ATTEMPT, Failure};
use super::stdout::Stdout;
use crate::config::{CloudWatch, EmfOutput};
use crate::telemetry::names::{Unit, cloudwatch};

/// Distinct values of one metric (specification: 100 members of an array).
pub(super) const DISTINCT: usize = 100;
/// One line (specification: 100 metrics).
pub(super) const LIMITS: Limits = Limits { data: 100, bytes: 15_000, mixed: false, overhead: 1_000 };

/// A writer of lines.
#[derive(Debug)]
pub(super) struct Embedded {
    form: Form,
    output: Output,
}

/// What all lines have in common.
#[derive(Debug)]
struct Form {
    namespace: String,
    deployment: String,
    high_resolution: bool,
    /// The agent wants to know which log group to write to.
    log_group: Option<String>,
}

#[derive(Debug)]
enum Output {
    Stdout(Stdout),
    Agent(Agent),
}

impl Embedded {
    pub fn new(
        config: &CloudWatch,
        output: EmfOutput,
        stdout: impl FnOnce() -> std::io::Result<Stdout>,
    ) -> std::io::Result<Self> {
        let (output, log_group) = match output {
            EmfOutput::Stdout => (Output::Stdout(stdout()?), None),
            EmfOutput::Agent(address) => {
                let group = format!("/bedrock-warden/{}", config.deployment);
                (Output::Agent(Agent { address, connection: None }), Some(group))
            }
        };
        let form = Form {
            namespace: config.namespace.clone(),
            deployment: config.deployment.clone(),
            high_resolution: config.high_resolution(),
            log_group,
        };
        Ok(Self { form, output })
    }

    pub async fn send(&mut self, batch: &Batch) -> Result<(), Failure> {
        let line = self.form.line(batch);
        match &mut self.output {
            Output::Stdout(stdout) => stdout.send(line, batch.data.len()),
            Output::Agent(agent) => agent.send(&line).await,
        }
    }

    /// Waits until what was accepted is written.
    pub async fn finish(&mut self) {
        match &mut self.output {
            Output::Stdout(stdout) => stdout.finish().await,
            Output::Agent(agent) => {
                if let Some(mut connection) = agent.connection.take() {
                    let closed = connection.shutdown().await;
                    closed.unwrap_or_else(|error| tracing::debug!(%error, "the CloudWatch agent was gone"));
                }
            }
        }
    }
}

impl Form {
    /// The document of a batch, with its line end.
    fn line(&self, batch: &Batch) -> Vec<u8> {
        let of = batch.data.first().and_then(|datum| datum.label.of.as_ref());
        let names: Vec<_> =
            std::iter::once(cloudwatch::DEPLOYMENT).chain(of.map(|(of, _)| of.name())).collect();
        let metrics: Vec<_> = batch.data.iter().map(|datum| self.definition(datum.label.metric)).collect();
        let mut about = json!({
            "Timestamp": batch.began.duration_since(UNIX_EPOCH).map_or(0, whole_milliseconds),
            "CloudWatchMetrics": [{ "Namespace": self.namespace, "Dimensions": [names], "Metrics": metrics }],
        });
        if let (Some(group), Some(about)) = (&self.log_group, about.as_object_mut()) {
            about.insert("LogGroupName".to_owned(), json!(group));
        }
        let mut document = Map::new();
        document.insert("_aws".to_owned(), about);
        document.insert(cloudwatch::DEPLOYMENT.to_owned(), json!(self.deployment));
        if let Some((of, value)) = of {
            document.insert(of.name().to_owned(), json!(**value));
        }
        for datum in &batch.data {
            document.insert(datum.label.metric.name.to_owned(), target(&datum.amount));
        }
        let mut line = Value::Object(document).to_string().into_bytes();
        line.push(b'\n');
        line
    }

    fn definition(&self, metric: &crate::telemetry::names::CloudWatchMetric) -> Value {
        let unit = match metric.unit {
            Unit::Count => "Count",
            Unit::Milliseconds => "Milliseconds",
        };
        if self.high_resolution {
            json!({ "Name": metric.name, "Unit": unit, "StorageResolution": 1 })
        } else {
            json!({ "Name": metric.name, "Unit": unit })
        }
    }
}

fn target(amount: &Amount) -> Value {
    match amount {
        Amount::Value(value) => json!(value),
        Amount::Statistics { samples, sum, min, max } => {
            json!({ "Count": samples, "Sum": sum, "Min": min, "Max": max })
        }
        Amount::Distribution { values, counts } => {
            let sum: f64 = values.iter().zip(counts).map(|(value, count)| value * count).sum();
            let count: f64 = counts.iter().sum();
            let (min, max) = (values.first().copied(), values.last().copied());
            json!({ "Values": values, "Counts": counts, "Count": count, "Sum": sum, "Min": min, "Max": max })
        }
    }
}

fn whole_milliseconds(since: std::time::Duration) -> u64 {
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// The CloudWatch agent's TCP port.
#[derive(Debug)]
struct Agent {
    address: SocketAddr,
    connection: Option<TcpStream>,
}

impl Agent {
    async fn send(&mut self, line: &[u8]) -> Result<(), Failure> {
        match tokio::time::timeout(ATTEMPT, self.write(line)).await {
            Ok(Ok(connection)) => {
                self.connection = Some(connection);
                Ok(())
            }
            Ok(Err(error)) => Err(self.away(&error.to_string())),
            Err(_) => Err(self.away("no progress in time")),
        }
    }

    /// The connection comes back only after a whole line: half a line must not be followed by another on it.
    async fn write(&mut self, line: &[u8]) -> std::io::Result<TcpStream> {
        // Lets the runtime hear of an end that arrived since the last line.
        tokio::task::yield_now().await;
        let mut connection = match self.connection.take().filter(is_open) {
            Some(connection) => connection,
            None => TcpStream::connect(self.address).await?,
        };
        connection.write_all(line).await?;
        Ok(connection)
    }

    fn away(&self, reason: &str) -> Failure {
        Failure::Away(format!("CloudWatch agent at `{}`: {reason}", self.address))
    }
}

/// Whether the agent has not closed its side. It never says anything, so there is something to read only at the end.
fn is_open(connection: &TcpStream) -> bool {
    match connection.try_read(&mut [0; 64]) {
        Ok(read) => read > 0,
        Err(error) => error.kind() == std::io::ErrorKind::WouldBlock,
    }
}

#[cfg(test)]
mod tests;
