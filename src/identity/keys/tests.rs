use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use super::*;

#[test]
fn a_master_key_survives_its_file_and_is_never_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("master.key");
    assert!(matches!(MasterKey::load(&path), Err(MasterKeyError::Absent(_))));
    let created = MasterKey::create(&path).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(MasterKey::load(&path).unwrap().fingerprint(), created.fingerprint());
    assert!(matches!(MasterKey::create(&path), Err(MasterKeyError::Exists(_))));
    assert_ne!(MasterKey::generate().unwrap().fingerprint(), created.fingerprint());
}

#[test]
fn a_master_key_that_others_can_read_fails_closed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("master.key");
    MasterKey::create(&path).unwrap();
    for mode in [0o640, 0o604, 0o620, 0o601, 0o644] {
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        let error = MasterKey::load(&path).unwrap_err();
        assert!(matches!(error, MasterKeyError::Exposed { mode: shown, .. } if shown == mode), "{error}");
        assert!(error.to_string().contains("chmod 600"), "{error}");
    }
    fs::set_permissions(&path, Permissions::from_mode(0o400)).unwrap();
    MasterKey::load(&path).unwrap();
}

#[test]
fn a_master_key_of_another_length_fails_closed() {
    let folder = tempfile::tempdir().unwrap();
    for length in [0, 31, 33, 64] {
        let path = folder.path().join(format!("{length}"));
        fs::write(&path, vec![7; length]).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        assert!(matches!(MasterKey::load(&path), Err(MasterKeyError::Length(_))), "{length}");
    }
}

#[test]
fn key_pairs_have_the_shape_of_awss_own() {
    let master = MasterKey::generate().unwrap();
    let (one, two) = (new_access_key_id().unwrap(), new_access_key_id().unwrap());
    assert!(valid_access_key_id(&one) && valid_access_key_id(&two) && one != two);
    let secret = derive_secret(&master, &one);
    assert_eq!(secret.expose().len(), 40);
    assert!(secret.expose().bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/".contains(&byte)));
    assert_eq!(derive_secret(&master, &one).expose(), secret.expose());
    assert_ne!(derive_secret(&master, &two).expose(), secret.expose());
    assert_ne!(derive_secret(&MasterKey::generate().unwrap(), &one).expose(), secret.expose());
    for id in ["", "AKIAIOSFODNN7EXAMPLE", "AKIAWRDN", "AKIAWRDN0000000000001", "akiawrdnabcdefghijkl"] {
        assert!(!valid_access_key_id(id), "{id}");
    }
}

#[test]
fn bearer_keys_are_read_back_and_every_changed_character_is_noticed() {
    let master = MasterKey::generate().unwrap();
    let key = BearerKey::generate().unwrap();
    let (id, hash) = (key.id().to_owned(), key.hash(&master));
    let secret = key.into_secret();
    let text = secret.expose();
    assert!(valid_bearer_id(&id) && text.starts_with(&id) && text.len() == 69, "{id}");
    let read = BearerKey::parse(text).unwrap();
    assert_eq!((read.id(), read.hash(&master)), (id.as_str(), hash.clone()));
    assert_eq!(BearerHash::parse(&hash.to_hex()).unwrap(), hash);
    for index in 0..text.len() {
        let mut changed = text.as_bytes().to_vec();
        changed[index] = if changed[index] == b'x' { b'y' } else { b'x' };
        let changed = String::from_utf8(changed).unwrap();
        assert!(BearerKey::parse(&changed).is_none_or(|key| key.hash(&master) != hash), "{index}");
    }
    for length in 0..text.len() {
        assert!(BearerKey::parse(text.get(..length).unwrap()).is_none(), "{length}");
    }
    assert!(BearerKey::parse(&format!("{text}0")).is_none());
    assert!(BearerKey::parse("' OR '1'='1").is_none());
    assert!(BearerKey::parse(&"é".repeat(40)).is_none());
}

#[test]
fn secrets_are_not_shown_by_debug() {
    let master = MasterKey::generate().unwrap();
    let key = BearerKey::generate().unwrap();
    let hash = key.hash(&master);
    let shown = format!("{master:?} {hash:?} {key:?}");
    let secret = key.into_secret();
    let shown = format!("{shown} {secret:?} {:?}", derive_secret(&master, "AKIAWRDNAAAAAAAAAAAA"));
    assert!(
        !shown.contains(secret.expose().get(20..).unwrap()) && !shown.contains(&hash.to_hex()),
        "{shown}"
    );
    assert!(shown.starts_with("MasterKey(..) BearerHash(..) BearerKey(bwk_"), "{shown}");
}

#[test]
fn random_text_uses_its_whole_alphabet() {
    let text = random_text(b"abc", 600).unwrap();
    assert_eq!(text.len(), 600);
    for letter in ['a', 'b', 'c'] {
        assert!(text.matches(letter).count() > 100, "{letter}");
    }
}
