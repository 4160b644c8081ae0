//! `bedrock-warden serve`: the sidecar itself.

use crate::config::Config;
use crate::server::{ServeError, StopSignals, Warden};

use super::{Exit, Failure, Terminal};

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
