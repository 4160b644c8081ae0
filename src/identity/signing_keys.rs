//! Signing keys that were derived already.
//!
//! Receives a key id and a scope and returns the signing key, deriving it at most once a day and region. Bounded, and
//! wiped when dropped. Only ids that are registered get here, so strangers cannot push others' keys out.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use super::sigv4::{Scope, SigningKey};

/// More than enough for every registered key around midnight.
const CAPACITY: usize = 4096;

/// By key id and scope. The lock is held for a look-up or an insertion, never while a key is derived.
#[derive(Default)]
pub(super) struct SigningKeys {
    derived: Mutex<HashMap<(String, Scope), SigningKey>>,
}

impl SigningKeys {
    pub(super) fn of(&self, id: &str, scope: &Scope, derive: impl FnOnce() -> SigningKey) -> SigningKey {
        let place = (id.to_owned(), scope.clone());
        // A panic elsewhere cannot leave a map half changed, so a poisoned lock is still good.
        let lock = || self.derived.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(key) = lock().get(&place) {
            return key.clone();
        }
        let key = derive();
        let mut derived = lock();
        if derived.len() >= CAPACITY {
            derived.retain(|(_, known), _| known.date == scope.date);
        }
        if derived.len() >= CAPACITY {
            derived.clear();
        }
        derived.insert(place, key.clone());
        key
    }
}

impl fmt::Debug for SigningKeys {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SigningKeys(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(date: &str) -> Scope {
        Scope { date: date.into(), region: "us-east-1".into(), service: "bedrock".into() }
    }

    #[test]
    fn a_key_is_derived_once_for_a_scope_and_old_days_make_room() {
        let keys = SigningKeys::default();
        let today = scope("20261124");
        let mut derived = 0;
        for _ in 0..3 {
            keys.of("a", &today, || {
                derived += 1;
                SigningKey::derive("secret", &today)
            });
        }
        assert_eq!(derived, 1);
        let yesterday = scope("20261123");
        for id in 0..CAPACITY {
            keys.of(&id.to_string(), &yesterday, || SigningKey::derive("secret", &yesterday));
            assert!(keys.derived.lock().unwrap().len() <= CAPACITY);
        }
        keys.of("b", &today, || SigningKey::derive("secret", &today));
        assert!(keys.derived.lock().unwrap().keys().all(|(_, scope)| *scope == today));
    }
}
