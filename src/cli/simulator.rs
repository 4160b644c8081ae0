//! `bedrock-warden simulator`: a local double of Bedrock.
//!
//! Prints where it listens and `ready` on stdout, how to point an SDK at it on stderr, and runs until it is told to
//! stop.

use std::convert::Infallible;
use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::Args;
use tokio::signal::unix::{SignalKind, signal};
use zeroize::Zeroizing;

use crate::simulator::{self, Credential, Pace, Running, SimulatorOptions, Transport};

use super::{Exit, Failure, Terminal};

/// Lines of a prompt that steer the answer, for `--help`.
const STEERING: &str = "\
A line in the prompt steers the answer:
  say: TEXT           the model answers exactly TEXT
  say-base64: BASE64  the same, for text with line breaks
  simulate: NAME      the service fails, in one of these ways:
      throttle, error-500, model-error, stall, slow=MS (milliseconds), reset
      in streams: stall-mid-stream, truncate-frame, bad-crc,
                  exception-mid-stream";

/// What the double is to be.
#[derive(Debug, Args)]
#[command(after_help = STEERING)]
pub struct SimulatorArgs {
    /// Address to listen on; port 0 takes a free one
    #[arg(long, default_value_t = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0))]
    listen: SocketAddr,
    /// Serve without TLS: HTTP/1.1, and HTTP/2 with prior knowledge
    #[arg(long, conflicts_with_all = ["tls_dir", "certificate"])]
    plain: bool,
    /// Folder for a CA and a certificate; made when it does not hold them
    #[arg(long, value_name = "DIR", default_value = "simulator-tls", conflicts_with = "certificate")]
    tls_dir: PathBuf,
    /// Certificate chain to serve with, PEM
    #[arg(long, value_name = "FILE", requires = "key")]
    certificate: Option<PathBuf>,
    /// Private key of the certificate, PEM
    #[arg(long, value_name = "FILE", requires = "certificate")]
    key: Option<PathBuf>,
    /// Access key whose signatures are accepted
    #[arg(long, value_name = "ID", default_value = "AKIASIMULATOR0000000")]
    access_key_id: String,
    /// Its secret
    #[arg(long, value_name = "SECRET", default_value = "simulated/secret/for/this/machine/only00")]
    secret_access_key: Secret,
    /// Session token that must come with each request
    #[arg(long, value_name = "TOKEN")]
    session_token: Option<Secret>,
    /// Further key of temporary credentials whose signatures are accepted; may be given again
    #[arg(long, value_name = "ID:SECRET:TOKEN")]
    session: Vec<Session>,
    /// Region to be the endpoint of
    #[arg(long, default_value = "us-east-1")]
    region: String,
    /// Milliseconds before an answer begins
    #[arg(long, value_name = "N", default_value_t = 0)]
    first_byte_ms: u64,
    /// Milliseconds between two events of a stream
    #[arg(long, value_name = "N", default_value_t = 0)]
    event_gap_ms: u64,
    /// Append one JSON line per received request, before it is answered
    #[arg(long, value_name = "FILE")]
    request_log: Option<PathBuf>,
    /// Put request bodies into the log
    #[arg(long, requires = "request_log")]
    request_log_bodies: bool,
}

// SECRET: arguments are shown when a command is traced, so these have no text to show.
#[derive(Clone)]
struct Secret(Zeroizing<String>);

/// Temporary credentials. None of their parts holds a colon.
#[derive(Debug, Clone)]
struct Session {
    access_key_id: String,
    secret_access_key: Secret,
    token: Secret,
}

impl FromStr for Session {
    type Err = &'static str;

    // SECRET: the complaint does not repeat what was given.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts: Vec<_> = text.split(':').collect();
        let [access_key_id, secret, token] = parts.as_slice() else {
            return Err("three parts are needed, divided by colons");
        };
        Ok(Self {
            access_key_id: (*access_key_id).to_owned(),
            secret_access_key: Secret(Zeroizing::new((*secret).to_owned())),
            token: Secret(Zeroizing::new((*token).to_owned())),
        })
    }
}

/// Runs until SIGTERM or ctrl-c.
pub fn run(args: SimulatorArgs, terminal: &mut Terminal) -> Result<Exit, Failure> {
    super::runtime()?.block_on(async {
        // ORDER: before `ready` is printed, since whoever reads it may stop us at once.
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let options = SimulatorOptions::from(args);
        let running = simulator::start(options.clone()).await.map_err(Failure::usage)?;
        announce(&running, &options, terminal)?;
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        running.shutdown().await;
        Ok(Exit::Success)
    })
}

impl FromStr for Secret {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(Zeroizing::new(text.to_owned())))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret(..)")
    }
}

impl From<Session> for Credential {
    fn from(session: Session) -> Self {
        Self {
            access_key_id: session.access_key_id,
            secret_access_key: session.secret_access_key.0,
            session_token: Some(session.token.0),
        }
    }
}

impl From<SimulatorArgs> for SimulatorOptions {
    fn from(args: SimulatorArgs) -> Self {
        let transport = match (args.plain, args.certificate, args.key) {
            (true, _, _) => Transport::Plain,
            (false, Some(certificate), Some(key)) => Transport::Files { certificate, key },
            (false, _, _) => Transport::Folder(args.tls_dir),
        };
        let own = Credential {
            access_key_id: args.access_key_id,
            secret_access_key: args.secret_access_key.0,
            session_token: args.session_token.map(|token| token.0),
        };
        Self {
            listen: args.listen,
            transport,
            credentials: [own].into_iter().chain(args.session.into_iter().map(Credential::from)).collect(),
            region: args.region,
            pace: Pace {
                first_byte: Duration::from_millis(args.first_byte_ms),
                event_gap: Duration::from_millis(args.event_gap_ms),
            },
            request_log: args.request_log,
            log_bodies: args.request_log_bodies,
        }
    }
}

fn announce(running: &Running, options: &SimulatorOptions, terminal: &mut Terminal) -> io::Result<()> {
    for credential in &options.credentials {
        writeln!(
            terminal.stderr,
            "a local double of Bedrock; it accepts signatures of {}",
            credential.access_key_id
        )?;
    }
    if let Transport::Folder(folder) = &options.transport {
        writeln!(terminal.stderr, "trust its certificate with {}", folder.join("ca.pem").display())?;
    }
    writeln!(terminal.stdout, "simulator {}", running.url())?;
    writeln!(terminal.stdout, "ready")?;
    terminal.stdout.flush()
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        args: SimulatorArgs,
    }

    fn transport(arguments: &[&str]) -> Option<Transport> {
        let command = Command::try_parse_from([&["simulator"], arguments].concat()).ok()?;
        Some(SimulatorOptions::from(command.args).transport)
    }

    #[test]
    fn the_help_names_every_disturbance() {
        for name in simulator::DISTURBANCES {
            assert!(STEERING.contains(name), "{name}");
        }
    }

    #[test]
    fn there_is_one_way_to_be_reached() {
        assert_eq!(transport(&[]), Some(Transport::Folder("simulator-tls".into())));
        assert_eq!(transport(&["--tls-dir", "t"]), Some(Transport::Folder("t".into())));
        assert_eq!(transport(&["--plain"]), Some(Transport::Plain));
        let files = Transport::Files { certificate: "c".into(), key: "k".into() };
        assert_eq!(transport(&["--certificate", "c", "--key", "k"]), Some(files));
        let contradictions: [&[&str]; 5] = [
            &["--certificate", "c"],
            &["--key", "k"],
            &["--plain", "--tls-dir", "t"],
            &["--plain", "--certificate", "c", "--key", "k"],
            &["--tls-dir", "t", "--certificate", "c", "--key", "k"],
        ];
        for arguments in contradictions {
            assert_eq!(transport(arguments), None, "{arguments:?}");
        }
    }
}
