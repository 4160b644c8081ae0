//! Every key of a test file. The parser accepts these and no others, and editors offer them.

pub(in crate::policy) const FILE: [&str; 4] = ["version", "given", "cases", "never"];
pub(in crate::policy) const CASE: [&str; 4] = ["name", "given", "request", "expect"];
pub(in crate::policy) const INVARIANT: [&str; 3] = ["name", "given", "allowed"];
pub(in crate::policy) const GIVEN: [&str; 7] =
    ["team", "app", "env", "region", "source", "now", "breakGlass"];
pub(in crate::policy) const EXPECT: [&str; 6] =
    ["decision", "error", "rules", "modified", "shadow", "exceptions"];
/// Keys of a request beside the facts.
pub(in crate::policy) const REQUEST: [&str; 3] = ["model", "operation", "resolvesTo"];
