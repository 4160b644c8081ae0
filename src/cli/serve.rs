//! `bedrock-warden serve`: the sidecar itself.

use clap::Args;

use crate::config::{Config, policy_digest};
use crate::server::{ServeError, StopSignals, Warden};

use super::{ConfigFile, Exit, Failure, Terminal};

/// How to run.
#[derive(Debug, Args)]
pub struct ServeArgs {
    #[command(flatten)]
    config: ConfigFile,
    /// Use policies of this digest and no others, now and after every change of their files
    ///
    /// As `policy check` prints it. Stands above `policies_sha256` of the configuration.
    #[arg(long, value_name = "DIGEST", value_parser = policy_digest)]
    policy_sha256: Option<String>,
}

impl ServeArgs {
    pub(super) fn load(&self, terminal: &Terminal) -> Result<Config, Failure> {
        let mut config = self.config.load(terminal)?;
        if self.policy_sha256.is_some() {
            config.policies_sha256.clone_from(&self.policy_sha256);
        }
        Ok(config)
    }
}

/// Runs until SIGTERM or ctrl-c, then drains.
pub fn run(config: Config, terminal: &mut Terminal) -> Result<Exit, Failure> {
    super::runtime()?.block_on(async {
        let warden = Warden::start(config).await.map_err(failure)?;
        let signals = StopSignals::catch().map_err(failure)?;
        for line in warden.listeners() {
            writeln!(terminal.stdout, "{line}")?;
        }
        writeln!(terminal.stdout, "ready")?;
        terminal.stdout.flush()?;
        warden.run_until(signals).await.map_err(failure)?;
        Ok(Exit::Success)
    })
}

fn failure(error: ServeError) -> Failure {
    if error.is_usage() { Failure::usage(error) } else { Failure::internal(error) }
}
