use jiff::Timestamp;
use proptest::prelude::*;
use tempfile::TempDir;

use super::*;

const NOW: &str = "2026-11-24T12:00:00Z";
const UNTIL: &str = "2027-01-01T00:00:00Z";

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

struct Signer {
    folder: TempDir,
    signing: SigningKey,
    public: PublicKey,
}

impl Signer {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (private, public) = SigningKey::generate().unwrap();
        let [signing, verifying] = ["key.pem", "public.pem"].map(|name| folder.path().join(name));
        std::fs::write(&signing, &*private).unwrap();
        std::fs::write(&verifying, public).unwrap();
        let signing = SigningKey::load(&signing).unwrap();
        let public = PublicKey::load(&verifying).unwrap();
        Self { folder, signing, public }
    }

    fn seal(&self, files: &[Source], revision: u64) -> Seal {
        Seal::of(&Manifest::of(files, revision, at(UNTIL)), &self.signing)
    }

    fn revisions(&self) -> Revisions {
        Revisions::beside(&self.folder.path().join("audit.db"))
    }

    /// Whether a bundle of `files` is admitted at `now`, and remembers that it was.
    fn accepts(&self, files: &[Source], revision: u64, now: &str) -> Result<(), BundleError> {
        let seal = self.seal(files, revision);
        let manifest = seal.verify(files, &self.public)?;
        self.revisions().admit(&manifest, &seal, at(now))?;
        self.revisions().raise(&manifest, &seal)
    }
}

fn files(texts: &[(&str, &str)]) -> Vec<Source> {
    texts.iter().map(|(path, text)| Source::new(*path, *text)).collect()
}

fn plain() -> Vec<Source> {
    files(&[("org.yaml", "version: 1\n"), ("teams/a.yaml", "version: 1\n")])
}

#[test]
fn a_bundle_is_what_was_signed_by_the_key_and_nothing_else() {
    let (signer, other) = (Signer::new(), Signer::new());
    let seal = signer.seal(&plain(), 7);
    let manifest = seal.verify(&plain(), &signer.public).unwrap();
    assert_eq!((manifest.revision, manifest.not_after), (7, at(UNTIL)));
    let said =
        |files: &[Source], seal: &Seal, key: &PublicKey| seal.verify(files, key).unwrap_err().to_string();
    let not_signed =
        "the signature is not one of the configured key, or the manifest was changed after it was signed";
    assert_eq!(said(&plain(), &seal, &other.public), not_signed);
    let changed = files(&[("org.yaml", "version: 2\n"), ("teams/a.yaml", "version: 1\n")]);
    assert_eq!(said(&changed, &seal, &signer.public), "`org.yaml` is not the file that was signed");
    assert_eq!(said(&plain()[..1], &seal, &signer.public), "`teams/a.yaml` was signed and is missing");
    let more = [plain(), files(&[("teams/b.yaml", "")])].concat();
    assert_eq!(said(&more, &seal, &signer.public), "`teams/b.yaml` is not in the manifest");
    for signature in ["", "AAAA", "not base64", &other.seal(&plain(), 7).signature] {
        let forged = Seal { signature: signature.to_owned(), ..seal.clone() };
        assert_eq!(said(&plain(), &forged, &signer.public), not_signed, "{signature}");
    }
    let raised =
        Seal { manifest: seal.manifest.replace("\"revision\": 7", "\"revision\": 8"), ..seal.clone() };
    assert_ne!(raised, seal);
    assert_eq!(said(&plain(), &raised, &signer.public), not_signed);
}

#[test]
fn a_signature_of_another_kind_of_text_is_no_bundle() {
    let signer = Signer::new();
    for text in [
        "{}",
        "",
        "{\"kind\":\"something/else\",\"revision\":1,\"notAfter\":\"2027-01-01T00:00:00Z\",\"files\":{}}",
    ] {
        let seal = Seal { manifest: text.to_owned(), signature: signer.signing.sign(text.as_bytes()) };
        assert!(matches!(seal.verify(&[], &signer.public), Err(BundleError::Manifest(_))), "{text}");
    }
}

#[test]
fn revisions_only_go_forward() {
    let signer = Signer::new();
    let other = files(&[("org.yaml", "version: 3\n")]);
    signer.accepts(&plain(), 7, NOW).unwrap();
    signer.accepts(&plain(), 7, NOW).unwrap();
    assert!(matches!(signer.accepts(&other, 7, NOW), Err(BundleError::Replaced(7))));
    assert!(matches!(signer.accepts(&other, 6, NOW), Err(BundleError::Rollback { found: 6, accepted: 7 })));
    signer.accepts(&other, 9, NOW).unwrap();
    assert!(matches!(signer.accepts(&plain(), 7, NOW), Err(BundleError::Rollback { found: 7, accepted: 9 })));
}

#[test]
fn a_bundle_whose_time_is_over_is_taken_up_no_more_and_stays_where_it_was() {
    let signer = Signer::new();
    assert!(matches!(signer.accepts(&plain(), 7, UNTIL), Err(BundleError::Over(_))));
    signer.accepts(&plain(), 7, NOW).unwrap();
    signer.accepts(&plain(), 7, UNTIL).unwrap();
    assert!(matches!(signer.accepts(&plain(), 8, UNTIL), Err(BundleError::Over(_))));
}

#[test]
fn a_revision_that_cannot_be_read_admits_nothing() {
    let signer = Signer::new();
    std::fs::write(signer.folder.path().join("policy-revision.json"), "{").unwrap();
    assert!(matches!(signer.accepts(&plain(), 7, NOW), Err(BundleError::Revisions { .. })));
}

#[test]
fn keys_show_nothing_and_others_are_refused() {
    let signer = Signer::new();
    let private = std::fs::read_to_string(signer.folder.path().join("key.pem")).unwrap();
    assert!(!private.contains(&format!("{:?}", signer.signing)));
    assert_eq!(format!("{:?}", signer.signing), "SigningKey { .. }");
    let ecdsa = rcgen::KeyPair::generate().unwrap();
    let [public, secret] = ["ecdsa.pub", "ecdsa.key"].map(|name| signer.folder.path().join(name));
    std::fs::write(&public, ecdsa.public_key_pem()).unwrap();
    std::fs::write(&secret, ecdsa.serialize_pem()).unwrap();
    assert!(matches!(PublicKey::load(&public), Err(KeyError::NotEd25519 { .. })));
    assert!(matches!(SigningKey::load(&secret), Err(KeyError::NotEd25519 { .. })));
    assert!(matches!(PublicKey::load(&secret), Err(KeyError::Unreadable { .. })));
}

#[test]
fn a_document_with_more_or_less_in_it_is_refused() {
    for text in [
        "",
        "{}",
        "[]",
        "{\"manifest\":\"\",\"signature\":\"\",\"files\":{\"a\":1}}",
        "{\"manifest\":\"\",\"signature\":\"\",\"files\":{},\"more\":1}",
    ] {
        assert!(matches!(unpack(text.as_bytes()), Err(BundleError::Packed(_))), "{text}");
    }
    assert!(matches!(unpack(&vec![b' '; LARGEST + 1]), Err(BundleError::TooLarge)));
}

proptest! {
    #[test]
    fn a_packed_bundle_comes_back_and_no_byte_of_it_can_be_changed(
        texts in proptest::collection::btree_map("[a-z]{1,8}\\.yaml", "\\PC{0,40}", 1..4),
        place in any::<proptest::sample::Index>(),
        flip in 1_u8..=255,
    ) {
        let signer = Signer::new();
        let files: Vec<Source> = texts.iter().map(|(path, text)| Source::new(path.as_str(), text.as_str())).collect();
        let packed = pack(&signer.seal(&files, 1), &files).unwrap();
        let (seal, unpacked) = unpack(packed.as_bytes()).unwrap();
        prop_assert!(seal.verify(&unpacked, &signer.public).is_ok());
        let mut bytes = packed.into_bytes();
        let at = place.index(bytes.len());
        bytes[at] ^= flip;
        if let Ok((seal, changed)) = unpack(&bytes)
            && seal.verify(&changed, &signer.public).is_ok()
        {
            // Another way to write the same document.
            let same = changed.iter().zip(&files).all(|(one, other)| one.path == other.path && one.text == other.text);
            prop_assert!(same && changed.len() == files.len());
        }
    }
}
