//! One value that stands behind a placeholder.
//!
//! SECRET: wiped when its last holder is gone. Has no `Debug` on purpose.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::sync::Arc;

use zeroize::Zeroizing;

/// Cheap to clone; ordered as the text it holds.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Value(Arc<Zeroizing<String>>);

impl Value {
    pub fn new(text: &str) -> Self {
        Self(Arc::new(Zeroizing::new(text.to_owned())))
    }

    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl Ord for Value {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_str().cmp(other.as_str())
    }
}

impl PartialOrd for Value {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Borrow<str> for Value {
    fn borrow(&self) -> &str {
        self.as_str()
    }
}
