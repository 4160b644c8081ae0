//! Bedrock Warden: a governance sidecar that stands between an application and Amazon Bedrock.
//!
//! It terminates TLS, proves who is calling, reads the request as Bedrock would, checks it against policy files, writes
//! down what is about to happen, signs the request with its own AWS credentials, and filters the answer.
//!
//! Start with [`proxy`]: its pipeline is the life of a request, and each stage is named after the module it calls.

pub mod audit;
pub mod bedrock;
mod bundle;
mod causes;
pub mod cli;
pub mod clock;
pub mod config;
mod fetch;
pub mod identity;
mod permit;
pub mod policy;
pub mod proxy;
pub mod quota;
pub mod sensitive;
pub mod server;
pub mod simulator;
pub mod telemetry;
mod tls;
mod upstream;
pub mod yaml;
