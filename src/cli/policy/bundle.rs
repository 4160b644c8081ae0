//! `policy bundle`: a key, a signed bundle, and the proof of one.
//!
//! Signs only policies that load and whose tests pass. The private key is read from a file and shown nowhere.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use jiff::{SignedDuration, Timestamp};

use super::{Folder, OPEN_END};
use crate::bundle::{self, LARGEST, MANIFEST, Manifest, PublicKey, SIGNATURE, Seal, SigningKey};
use crate::cli::{Exit, Failure, Terminal};
use crate::clock;
use crate::policy;
use crate::yaml::Source;

/// What to do with bundles.
#[derive(Debug, Subcommand)]
pub enum BundleCommand {
    /// Make a key to sign bundles with
    ///
    /// Ed25519, in PEM files as OpenSSL has them. No file is overwritten.
    Keygen(KeygenArgs),
    /// Sign a policy folder
    ///
    /// Writes manifest.json and manifest.sig into the folder. Signs nothing that does not load or whose tests fail.
    Sign(SignArgs),
    /// Show what a bundle is, where its signature holds
    ///
    /// Exits with 1 when it does not, when a file is not the one that was signed, or when the bundle's time is over.
    Verify(VerifyArgs),
}

/// Where keys go.
#[derive(Debug, Args)]
pub struct KeygenArgs {
    /// File for the private key
    #[arg(long, default_value = "policy-signing.key", value_name = "FILE")]
    private_key: PathBuf,
    /// File for the public key, which wardens are configured with
    #[arg(long, default_value = "policy-signing.pem", value_name = "FILE")]
    public_key: PathBuf,
}

/// What to sign, and with what.
#[derive(Debug, Args)]
pub struct SignArgs {
    #[command(flatten)]
    folder: Folder,
    /// Private key
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// Number of the bundle, higher than that of any before: wardens go forward only
    #[arg(long, value_name = "NUMBER")]
    revision: u64,
    /// Days within which wardens may take it up
    #[arg(long, default_value_t = 90, value_name = "DAYS", value_parser = clap::value_parser!(u16).range(1..=3650))]
    days: u16,
    /// Write the bundle as one file, too, for S3 or a registry
    #[arg(long, value_name = "FILE")]
    pack: Option<PathBuf>,
}

/// What to look at.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    #[command(flatten)]
    folder: Folder,
    /// Bundle that is one file, instead of a folder
    #[arg(long, value_name = "FILE")]
    bundle: Option<PathBuf>,
    /// Whose signature it must be
    #[arg(long, value_name = "FILE")]
    public_key: PathBuf,
}

pub(super) fn run(command: &BundleCommand, terminal: &mut Terminal) -> Result<Exit, Failure> {
    match command {
        BundleCommand::Keygen(args) => keygen(args, terminal),
        BundleCommand::Sign(args) => sign(args, terminal),
        BundleCommand::Verify(args) => verify(args, terminal),
    }
}

fn keygen(args: &KeygenArgs, terminal: &mut Terminal) -> Result<Exit, Failure> {
    let (private, public) = SigningKey::generate().map_err(Failure::internal)?;
    write_new(&args.private_key, &private, 0o600)?;
    write_new(&args.public_key, &public, 0o644)?;
    writeln!(terminal.stdout, "{}\n{}", args.private_key.display(), args.public_key.display())?;
    writeln!(terminal.stderr, "keep the first where policies are signed; configure wardens with the second")?;
    Ok(Exit::Success)
}

fn sign(args: &SignArgs, terminal: &mut Terminal) -> Result<Exit, Failure> {
    let key = SigningKey::load(&args.key).map_err(Failure::usage)?;
    let (set, suite) = args.folder.tested(terminal.color)?;
    match suite.run_cases(&set, OPEN_END).map_err(Failure::internal)?.failed() {
        0 => {}
        failed => {
            return Err(Failure::usage(format!("tests of the policies fail: {failed}"))
                .hint("`bedrock-warden policy test` shows them"));
        }
    }
    let files = args.folder.files()?;
    let now = clock::now();
    let not_after = now.checked_add(SignedDuration::from_hours(24 * i64::from(args.days)));
    let not_after = whole_seconds(not_after.map_err(Failure::usage)?);
    let manifest = Manifest::of(&files, args.revision, not_after);
    let seal = Seal::of(&manifest, &key);
    let folder = &args.folder.policies;
    write(&folder.join(MANIFEST), &seal.manifest)?;
    write(&folder.join(SIGNATURE), &format!("{}\n", seal.signature))?;
    if let Some(path) = &args.pack {
        write(path, &bundle::pack(&seal, &files).map_err(Failure::usage)?)?;
    }
    print(&manifest, &files, terminal)?;
    Ok(Exit::Success)
}

fn verify(args: &VerifyArgs, terminal: &mut Terminal) -> Result<Exit, Failure> {
    let key = PublicKey::load(&args.public_key).map_err(Failure::usage)?;
    let (seal, files) = if let Some(path) = &args.bundle {
        let (seal, files) = bundle::unpack(&read(path)?).map_err(Failure::usage)?;
        (Some(seal), files)
    } else {
        (bundle::read_seal(&args.folder.policies).map_err(Failure::usage)?, args.folder.files()?)
    };
    let proven = seal.ok_or(bundle::BundleError::Unsigned).and_then(|seal| seal.verify(&files, &key));
    let manifest = match proven {
        Ok(manifest) => manifest,
        Err(error) => {
            writeln!(terminal.stdout, "not valid: {error}")?;
            return Ok(Exit::Findings);
        }
    };
    print(&manifest, &files, terminal)?;
    if manifest.is_over(clock::now()) {
        writeln!(terminal.stdout, "its time is over: no warden takes it up any more")?;
        return Ok(Exit::Findings);
    }
    Ok(Exit::Success)
}

fn print(manifest: &Manifest, files: &[Source], terminal: &mut Terminal) -> Result<(), Failure> {
    let (revision, until) = (manifest.revision, manifest.not_after);
    let digest = policy::digest(files);
    writeln!(terminal.stdout, "revision {revision}, {} files, not after {until}\n{digest}", files.len())?;
    Ok(())
}

fn whole_seconds(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap_or(time)
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let failed = |error: io::Error| Failure::usage(format!("cannot read `{}`: {error}", path.display()));
    if fs::metadata(path).map_err(failed)?.len() > LARGEST as u64 {
        return Err(Failure::usage(bundle::BundleError::TooLarge));
    }
    fs::read(path).map_err(failed)
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    fs::write(path, text)
        .map_err(|error| Failure::usage(format!("cannot write `{}`: {error}", path.display())))
}

fn write_new(path: &Path, text: &str, mode: u32) -> Result<(), Failure> {
    let file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path);
    file.and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(|error| Failure::usage(format!("cannot write `{}`: {error}", path.display())))
}
