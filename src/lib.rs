//! Bedrock Warden: a governance sidecar that stands between an application and Amazon Bedrock.

pub mod audit;
pub mod bedrock;
pub mod cli;
pub mod clock;
pub mod config;
pub mod identity;
pub mod policy;
pub mod sensitive;
pub mod simulator;
mod tls;
pub mod yaml;
