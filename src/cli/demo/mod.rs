//! `bedrock-warden demo`: the whole thing on this machine, without an AWS account.
//!
//! Starts a simulator that stands for Bedrock, a warden with the example policies, and an application that signs with
//! a key pair the warden issued; sends five requests through real TLS and real signatures, and shows each answer and
//! the record. Fails when an answer is not what the policies say.

mod client;
mod tour;

use std::path::Path;
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use clap::Args;

use crate::audit::query::{self, Filter};
use crate::config::Config;
use crate::server::{StopSignals, Warden};
use crate::simulator::{self, Credential, Pace, Running, SimulatorOptions, Transport};

use super::init::{self, InitArgs, SetUp};
use super::{Exit, Failure, Terminal};

const REGION: &str = "us-east-1";
/// What the warden signs with on its way to the simulator, which knows no other key.
const UPSTREAM_KEY_ID: &str = "AKIADEMOUPSTREAM0000";
const UPSTREAM_SECRET: &str = "demo-secret-known-to-the-simulator-only";

#[derive(Debug, Args)]
pub struct DemoArgs {
    /// Leave everything running afterwards and print the variables for an SDK; ctrl-c ends it
    #[arg(long)]
    keep: bool,
}

/// Runs the demo. Findings when an answer was not the expected one.
pub fn run(args: &DemoArgs, terminal: &mut Terminal) -> Result<Exit, Failure> {
    let folder = tempfile::Builder::new().prefix("bedrock-warden-demo-").tempdir()?;
    super::runtime()?.block_on(async {
        let stage = Stage::set(folder.path()).await?;
        writeln!(terminal.stdout, "A simulator of Bedrock listens on {}", stage.simulator.url())?;
        writeln!(terminal.stdout, "The warden listens on               {}\n", stage.url)?;
        let expected = tour::run(&stage.application()?, &stage.request_log, terminal).await?;
        show_record(&stage.set_up.journal, terminal).await?;
        if args.keep {
            Box::pin(stage.keep(terminal)).await?;
        } else {
            stage.strike().await?;
        }
        writeln!(terminal.stdout, "\nNext: `bedrock-warden init DIR` makes a set-up of your own.")?;
        Ok(if expected { Exit::Success } else { Exit::Findings })
    })
}

/// Everything that runs during the demo.
struct Stage {
    simulator: Running,
    warden: Warden,
    set_up: SetUp,
    url: String,
    request_log: std::path::PathBuf,
}

impl Stage {
    async fn set(folder: &Path) -> Result<Self, Failure> {
        let upstream = folder.join("simulator");
        let request_log = upstream.join("requests.jsonl");
        std::fs::create_dir_all(&upstream)?;
        let simulator =
            simulator::start(bedrock_double(&upstream, &request_log)).await.map_err(Failure::internal)?;
        let set_up = init::create(&InitArgs {
            folder: folder.join("warden"),
            region: REGION.to_owned(),
            listen: ([127, 0, 0, 1], 0).into(),
            plain: None,
            admin: ([127, 0, 0, 1], 0).into(),
            team: "payments".to_owned(),
            app: "checkout".to_owned(),
            endpoint: Some(simulator.url()),
            endpoint_ca: Some(upstream.join("ca.pem")),
        })?;
        let config = Config::load(&set_up.config, &[]).map_err(Failure::internal)?;
        let credentials =
            Credentials::new(UPSTREAM_KEY_ID, UPSTREAM_SECRET, None, None, "bedrock-warden demo");
        let warden = Warden::start_with(config, SharedCredentialsProvider::new(credentials))
            .await
            .map_err(Failure::internal)?;
        let url = warden.url("data").unwrap_or_default().to_owned();
        Ok(Self { simulator, warden, set_up, url, request_log })
    }

    fn application(&self) -> Result<client::Application, Failure> {
        let caller = &self.set_up.caller;
        client::Application::new(
            &self.url,
            &self.set_up.tls.ca,
            REGION,
            &caller.access_key_id,
            caller.secret.expose(),
        )
    }

    async fn keep(self, terminal: &mut Terminal) -> Result<(), Failure> {
        let signals = StopSignals::catch().map_err(Failure::internal)?;
        writeln!(terminal.stdout, "\nEverything keeps running until ctrl-c. Point an SDK at it with\n")?;
        for line in init::environment(&self.url, REGION, &self.set_up) {
            writeln!(terminal.stdout, "export {line}")?;
        }
        writeln!(terminal.stdout, "\nThe policies it uses: {}", self.set_up.policies.display())?;
        writeln!(
            terminal.stdout,
            "Ask its record:       bedrock-warden audit query --config {}",
            self.set_up.config.display()
        )?;
        terminal.stdout.flush()?;
        self.warden.run_until(signals).await.map_err(Failure::internal)?;
        self.simulator.shutdown().await;
        Ok(())
    }

    async fn strike(self) -> Result<(), Failure> {
        self.warden.drain().await.map_err(Failure::internal)?;
        self.simulator.shutdown().await;
        Ok(())
    }
}

fn bedrock_double(folder: &Path, request_log: &Path) -> SimulatorOptions {
    SimulatorOptions {
        listen: ([127, 0, 0, 1], 0).into(),
        transport: Transport::Folder(folder.to_owned()),
        credentials: vec![Credential {
            access_key_id: UPSTREAM_KEY_ID.to_owned(),
            secret_access_key: UPSTREAM_SECRET.to_owned().into(),
            session_token: None,
        }],
        region: REGION.to_owned(),
        pace: Pace { first_byte: Duration::ZERO, event_gap: Duration::from_millis(20) },
        request_log: Some(request_log.to_owned()),
        log_bodies: true,
    }
}

async fn show_record(journal: &Path, terminal: &mut Terminal) -> Result<(), Failure> {
    writeln!(terminal.stdout, "The record ({}):\n", journal.display())?;
    let rows = query::run(journal, &Filter::default()).await.map_err(Failure::internal)?;
    super::audit::write_table(&rows, &mut terminal.stdout)?;
    Ok(())
}
