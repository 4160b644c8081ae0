use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::thread;

use jiff::{SignedDuration, Timestamp};

use super::*;
use crate::identity::{CredentialKind, MasterKey};
use crate::yaml::{Diagnostics, Source};

const DAY: SignedDuration = SignedDuration::from_hours(24);

fn now() -> Timestamp {
    "2026-11-24T15:00:00Z".parse().unwrap()
}

fn parse(text: &str, master: &MasterKey) -> (Option<Register>, Vec<String>) {
    let mut diagnostics = Diagnostics::default();
    let register = Register::parse(&Source::new("callers.yaml", text), master, &mut diagnostics);
    (register, diagnostics.iter().map(ToString::to_string).collect())
}

/// Two files in a folder of their own.
struct Place {
    folder: tempfile::TempDir,
    callers: PathBuf,
    master_key: PathBuf,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (callers, master_key) = (folder.path().join("callers.yaml"), folder.path().join("master.key"));
        Self { folder, callers, master_key }
    }

    fn files(&self) -> CallerFiles<'_> {
        CallerFiles { callers: &self.callers, master_key: &self.master_key }
    }

    fn add(&self, app: &str, kind: CredentialKind, lifetime: Option<SignedDuration>) -> Issued {
        let request = KeyRequest { team: "payments", app, kind, lifetime };
        self.files().add(&request, now()).unwrap()
    }

    fn text(&self) -> String {
        fs::read_to_string(&self.callers).unwrap()
    }

    fn key(&self, id: &str) -> Key {
        let (register, _) = self.files().read().unwrap();
        register.keys().find(|(_, key)| key.id == id).unwrap().1.clone()
    }
}

#[test]
fn every_mistake_in_the_file_is_reported_with_its_place() {
    let master = MasterKey::generate().unwrap();
    let text = "\
version: 2
masterKeyId: 0000000000000000
callers:
  - team: pay/ments
    app: checkout
    keys:
      - id: AKIAIOSFODNN7EXAMPLE
        kind: pair
        created: yesterday
      - id: AKIAWRDNABCDEFGH2345
        kind: pair
        hash: 00
        created: 2026-11-24T15:00:00Z
        notAfter: 2026-11-23T15:00:00Z
      - id: AKIAWRDNABCDEFGH2345
        kind: paar
        created: 2026-11-24T15:00:00Z
        revokd: 2026-11-24T15:00:00Z
  - team: payments
    keys:
      - id: bwk_abcdefghijklmnop
        kind: bearer
        created: 2026-11-24T15:00:00Z
      - id: bwk_bcdefghijklmnopq
        kind: bearer
        hash: secret
        created: 2026-11-24T15:00:00Z
        replacedBy: 'a: b'
  - team: payments
    app: checkout
  - team: payments
    app: checkout
    keys: none
";
    let (register, found) = parse(text, &master);
    assert_eq!(register, None);
    let places: Vec<&str> = found.iter().map(|line| line.split(" (").next().unwrap()).collect();
    let expected = [
        "1:10: version must be `1`, not `2`",
        "2:14: these callers were issued with another master key",
        "4:11: `pay/ments` cannot name a team",
        "7:13: this is not the id of a key pair",
        "9:18: created must be a time like `2026-11-24T15:00:00Z`, not `yesterday`",
        "12:15: a key pair has no `hash`",
        "14:19: the key ends before it begins",
        "18:9: unknown key `revokd` in a key",
        "15:13: key `AKIAWRDNABCDEFGH2345` is repeated",
        "16:15: kind must be `pair` or `bearer`, not `paar`",
        "19:5: a caller needs `app`",
        "21:9: a bearer key needs `hash`",
        "26:15: hash must be 64 lower-case hexadecimal digits",
        "28:21: replacedBy must be the id of a key",
        "33:11: keys must be a list",
        "31:5: application `checkout` of team `payments` is repeated",
    ];
    let expected: Vec<String> = expected.iter().map(|line| format!("error: callers.yaml:{line}")).collect();
    assert_eq!(places, expected, "{found:#?}");
}

#[test]
fn a_register_reads_back_as_it_was_written() {
    let folder = Place::new();
    let pair = folder.add("checkout", CredentialKind::SigV4, None);
    let bearer = folder.add("no", CredentialKind::Bearer, Some(90 * DAY));
    folder.add("1st.app-x_y", CredentialKind::SigV4, None);
    folder.files().rotate(&pair.access_key_id, DAY, now()).unwrap();
    assert!(folder.files().revoke(&bearer.access_key_id, now()).unwrap());
    let (register, master) = folder.files().read().unwrap();
    let text = folder.text();
    assert_eq!(parse(&text, &master), (Some(register), vec![]), "{text}");
    assert!(text.starts_with("# ") && text.contains("Maintained by `bedrock-warden caller`"), "{text}");
    assert!(text.contains("    app: \"no\"\n") && text.contains("    app: \"1st.app-x_y\"\n"), "{text}");
    assert_eq!(parse("version: 1\ncallers:\n", &master), (Some(Register::default()), vec![]));
}

#[test]
fn no_secret_is_written_to_the_file() {
    let folder = Place::new();
    let pair = folder.add("checkout", CredentialKind::SigV4, None);
    let bearer = folder.add("checkout", CredentialKind::Bearer, None);
    let text = folder.text();
    assert!(text.contains(&pair.access_key_id) && text.contains(&bearer.access_key_id));
    let tail = bearer.secret.expose().strip_prefix(&bearer.access_key_id).unwrap();
    assert!(!text.contains(pair.secret.expose()) && !text.contains(tail), "{text}");
}

#[test]
fn a_rotation_lets_the_old_key_live_on_for_the_overlap_only() {
    let folder = Place::new();
    let old = folder.add("checkout", CredentialKind::SigV4, Some(90 * DAY));
    let later = now() + 30 * DAY;
    let new = folder.files().rotate(&old.access_key_id, DAY, later).unwrap();
    assert_ne!((new.access_key_id.as_str(), new.secret.expose()), (&*old.access_key_id, old.secret.expose()));
    assert_eq!(new.not_after, Some(later + 90 * DAY), "the new key lives as long as the old one was to");
    let old_key = folder.key(&old.access_key_id);
    assert_eq!(old_key.not_after, Some(later + DAY));
    assert_eq!(old_key.state(later), KeyState::Replaced);
    assert_eq!(old_key.state(later + DAY - SignedDuration::from_nanos(1)), KeyState::Replaced);
    assert_eq!(old_key.state(later + DAY), KeyState::Expired);
    let error = folder.files().rotate(&old.access_key_id, DAY, later).unwrap_err();
    assert!(error.to_string().contains(&new.access_key_id), "{error}");
    let late = folder.files().rotate(&new.access_key_id, 365 * DAY, later).unwrap();
    assert_eq!(
        folder.key(&new.access_key_id).not_after,
        Some(later + 90 * DAY),
        "an overlap prolongs nothing"
    );
    assert!(folder.files().revoke(&late.access_key_id, later).unwrap());
    let error = folder.files().rotate(&late.access_key_id, DAY, later).unwrap_err();
    assert!(matches!(error, RegisterError::Unusable { state: KeyState::Revoked, .. }), "{error}");
}

#[test]
fn a_revocation_is_final_and_keeps_its_time() {
    let folder = Place::new();
    let id = folder.add("checkout", CredentialKind::Bearer, None).access_key_id;
    assert!(folder.files().revoke(&id, now()).unwrap());
    assert!(!folder.files().revoke(&id, now() + DAY).unwrap());
    let key = folder.key(&id);
    assert_eq!((key.revoked, key.state(now() - DAY)), (Some(now()), KeyState::Revoked));
    let typo = id.replacen("bwk_", "bkw_", 1);
    let error = folder.files().revoke(&typo, now()).unwrap_err();
    assert!(error.to_string().contains(&format!("did you mean `{id}`?")), "{error}");
}

#[test]
fn names_that_policies_could_not_mean_are_refused() {
    let folder = Place::new();
    for name in ["", ".hidden", "a/b", "a b", "ünïcode", "-x", &"x".repeat(65)] {
        let request = KeyRequest { team: name, app: "a", kind: CredentialKind::SigV4, lifetime: None };
        let error = folder.files().add(&request, now()).unwrap_err();
        assert!(matches!(error, RegisterError::Name { what: "team", .. }), "{error}");
    }
    assert!(!folder.master_key.exists(), "nothing is made for a refused request");
}

#[test]
fn existing_callers_never_get_another_master_key() {
    let folder = Place::new();
    folder.add("checkout", CredentialKind::SigV4, None);
    let before = folder.text();
    let key = &folder.master_key;
    fs::remove_file(key).unwrap();
    let request = KeyRequest { team: "payments", app: "a", kind: CredentialKind::SigV4, lifetime: None };
    let error = folder.files().add(&request, now()).unwrap_err();
    assert!(matches!(error, RegisterError::MasterKey(_)), "{error}");
    MasterKey::create(key).unwrap();
    let error = folder.files().add(&request, now()).unwrap_err().to_string();
    assert!(error.contains("issued with another master key") && error.contains("callers.yaml:4"), "{error}");
    assert_eq!(folder.text(), before);
}

#[test]
fn a_file_with_mistakes_is_left_alone() {
    let folder = Place::new();
    folder.add("checkout", CredentialKind::SigV4, None);
    let broken = folder.text().replace("kind: pair", "kind: pear");
    fs::write(&folder.callers, &broken).unwrap();
    let request = KeyRequest { team: "payments", app: "a", kind: CredentialKind::SigV4, lifetime: None };
    let error = folder.files().add(&request, now()).unwrap_err();
    assert!(matches!(error, RegisterError::Invalid(_)), "{error}");
    assert_eq!(folder.text(), broken);
}

#[test]
fn two_commands_at_once_lose_no_key_and_leave_no_other_file() {
    let folder = Place::new();
    folder.add("checkout", CredentialKind::SigV4, None);
    let path = &folder.callers;
    fs::set_permissions(path, fs::Permissions::from_mode(0o640)).unwrap();
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| folder.add("checkout", CredentialKind::SigV4, None));
        }
    });
    let (register, _) = folder.files().read().unwrap();
    assert_eq!(register.keys().count(), 5);
    assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o640);
    assert_eq!(fs::read_dir(folder.folder.path()).unwrap().count(), 2);
}
