//! A certificate authority for this machine, made once and forgotten: it signs one server certificate and its key is
//! dropped, so that nobody can sign another in its name.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::net::IpAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use thiserror::Error;

use crate::clock;

const DAY: Duration = Duration::from_hours(24);
/// Long enough not to surprise a quick start, short enough that clients accept it.
const VALID_DAYS: u32 = 397;

/// Why the files were not made.
#[derive(Debug, Error)]
pub enum LocalCaError {
    #[error("a certificate could not be made: {0}")]
    Certificate(#[from] rcgen::Error),
    #[error("cannot write `{path}`: {reason}")]
    Write { path: String, reason: io::Error },
}

/// Where the files are.
#[derive(Debug, Clone)]
pub struct LocalCa {
    /// The authority alone.
    pub ca: PathBuf,
    /// The system's authorities and this one: `AWS_CA_BUNDLE` and `SSL_CERT_FILE` replace the trust store.
    pub bundle: PathBuf,
    pub certificate: PathBuf,
    pub key: PathBuf,
}

impl LocalCa {
    /// Names of the four files in `folder`.
    pub fn in_folder(folder: &Path) -> Self {
        Self {
            ca: folder.join("ca.pem"),
            bundle: folder.join("bundle.pem"),
            certificate: folder.join("server.pem"),
            key: folder.join("server.key"),
        }
    }

    /// Makes the authority and a certificate for `localhost`, the loopback addresses and `address`.
    pub fn create(folder: &Path, name: &str, address: IpAddr) -> Result<Self, LocalCaError> {
        let files = Self::in_folder(folder);
        let authority_key = KeyPair::generate()?;
        let authority = authority(name)?;
        let authority_pem = authority.self_signed(&authority_key)?.pem();
        let issuer = Issuer::new(authority, authority_key);
        let key = KeyPair::generate()?;
        let certificate = server(address)?.signed_by(&key, &issuer)?.pem();

        let written = |path: &Path, reason| LocalCaError::Write { path: path.display().to_string(), reason };
        fs::create_dir_all(folder).map_err(|error| written(folder, error))?;
        let contents = [
            (&files.ca, authority_pem.clone(), 0o644),
            (&files.bundle, system_roots() + &authority_pem, 0o644),
            (&files.certificate, certificate, 0o644),
            (&files.key, key.serialize_pem(), 0o600),
        ];
        for (path, text, mode) in &contents {
            write(path, text, *mode).map_err(|error| written(path, error))?;
        }
        Ok(files)
    }
}

fn authority(name: &str) -> Result<CertificateParams, rcgen::Error> {
    let mut params = validity(CertificateParams::new(Vec::new())?);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.distinguished_name.push(DnType::CommonName, name);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    Ok(params)
}

fn server(address: IpAddr) -> Result<CertificateParams, rcgen::Error> {
    let mut names: Vec<String> = ["localhost", "127.0.0.1", "::1"].map(str::to_owned).into();
    if !address.is_loopback() && !address.is_unspecified() {
        names.push(address.to_string());
    }
    let mut params = validity(CertificateParams::new(names)?);
    params.distinguished_name.push(DnType::CommonName, "localhost");
    params.use_authority_key_identifier_extension = true;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    Ok(params)
}

fn validity(mut params: CertificateParams) -> CertificateParams {
    let now = clock::system_now();
    // A day back, for clocks that differ.
    params.not_before = (now - DAY).into();
    params.not_after = (now + DAY * VALID_DAYS).into();
    params
}

fn write(path: &Path, text: &str, mode: u32) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(mode).open(path)?;
    file.write_all(text.as_bytes())
}

/// The system's trust store as PEM; empty on a system that has none.
fn system_roots() -> String {
    let mut pem = String::new();
    for certificate in rustls_native_certs::load_native_certs().certs {
        pem.push_str("-----BEGIN CERTIFICATE-----\n");
        let encoded = STANDARD.encode(&certificate);
        for line in encoded.as_bytes().chunks(64) {
            pem.push_str(&String::from_utf8_lossy(line));
            pem.push('\n');
        }
        pem.push_str("-----END CERTIFICATE-----\n");
    }
    pem
}

#[cfg(test)]
mod tests {
    use rustls::pki_types::CertificateDer;
    use rustls::pki_types::pem::PemObject;

    use super::*;

    #[test]
    fn the_bundle_holds_the_system_and_the_authority_and_the_key_is_private() {
        use std::os::unix::fs::PermissionsExt;

        let folder = tempfile::tempdir().unwrap();
        let files = LocalCa::create(folder.path(), "test CA", "10.1.2.3".parse().unwrap()).unwrap();
        let count = |path: &Path| CertificateDer::pem_file_iter(path).unwrap().filter_map(Result::ok).count();
        assert_eq!(count(&files.ca), 1);
        let system = rustls_native_certs::load_native_certs().certs.len();
        assert_eq!(count(&files.bundle), system + 1);
        assert_eq!(fs::metadata(&files.key).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
