//! How a principal is called in AWS's own logs.
//!
//! Receives the names of a team and an application, returns a name that STS takes both as `RoleSessionName` and as
//! `SourceIdentity`. Two principals never share one, and a person can read whose it is. Pure.

use std::fmt;

use aws_lc_rs::digest::{Context, SHA256};

/// Most characters of a session name (API reference of AssumeRole; at least 2).
const LONGEST: usize = 64;
/// Between application and team. Names of neither hold it.
const AT: char = '@';
/// Before the hash of names that do not fit as they are. Names that fit do not hold it.
const CUT: char = '=';
/// Bytes of the hash that are kept, two digits each.
const HASH_BYTES: usize = 8;

/// `checkout@payments`, or a cut form of it with a hash: `checkout-of-all-cou@payments=0123456789abcdef`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionName(String);

impl SessionName {
    /// INVARIANT: different principals have different names. A name that fits is its own inverse, because `@` divides it;
    /// one that does not ends in `=` and a hash of both parts, which no name that fits can.
    pub fn of(team: &str, app: &str) -> Self {
        let whole = format!("{app}{AT}{team}");
        let fits = (2..=LONGEST).contains(&whole.len()) && team.chars().chain(app.chars()).all(is_plain);
        Self(if fits { whole } else { cut(team, app) })
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SessionName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Characters that STS takes, without those that have a meaning here.
fn is_plain(character: char) -> bool {
    character.is_ascii_alphanumeric() || "_.-".contains(character)
}

/// As much of both names as there is room for, and a hash of the whole.
fn cut(team: &str, app: &str) -> String {
    let room = LONGEST - 2 - 2 * HASH_BYTES;
    let half = room / 2;
    let (team_length, app_length) = (team.chars().count(), app.chars().count());
    let shown = |text: &str, other: usize| -> String {
        let most = half.max(room.saturating_sub(other));
        text.chars().take(most).map(|character| if is_plain(character) { character } else { '-' }).collect()
    };
    let (app_shown, team_shown) = (shown(app, team_length), shown(team, app_length));
    format!("{app_shown}{AT}{team_shown}{CUT}{}", hash(team, app))
}

/// The length of the first part keeps `ab` + `c` from being hashed like `a` + `bc`.
fn hash(team: &str, app: &str) -> String {
    let mut context = Context::new(&SHA256);
    context.update(&(team.len() as u64).to_be_bytes());
    context.update(team.as_bytes());
    context.update(app.as_bytes());
    let digest = context.finish();
    hex::encode(digest.as_ref().get(..HASH_BYTES).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn is_valid(name: &str) -> bool {
        regex::Regex::new(r"^[A-Za-z0-9_+=,.@-]{2,64}$").unwrap().is_match(name)
    }

    #[test]
    fn names_are_readable() {
        let long = "a".repeat(64);
        let table = [
            ("payments", "checkout", "checkout@payments"),
            ("payments.eu-1", "check_out", "check_out@payments.eu-1"),
            ("payments", "check out", "check-out@payments=f76268601ea90b6b"),
            ("payments", &long, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa@payments="),
            (&long, &long, "aaaaaaaaaaaaaaaaaaaaaaa@aaaaaaaaaaaaaaaaaaaaaaa="),
        ];
        for (team, app, start) in table {
            let name = SessionName::of(team, app);
            assert!(name.as_str().starts_with(start) && is_valid(name.as_str()), "{name}");
        }
    }

    /// Names as callers have them, and names as nobody should have them.
    fn part() -> impl Strategy<Value = String> {
        prop_oneof!["[A-Za-z0-9._-]{1,64}", "[ab@=.]{0,3}", "a{20,64}", "\\PC{0,80}"]
    }

    proptest! {
        #[test]
        fn sts_takes_every_name(team in part(), app in part()) {
            let name = SessionName::of(&team, &app);
            prop_assert!(is_valid(name.as_str()), "{name}");
            prop_assert_eq!(&name, &SessionName::of(&team, &app));
        }

        #[test]
        fn two_principals_never_share_a_name(one in (part(), part()), other in (part(), part())) {
            let same = SessionName::of(&one.0, &one.1) == SessionName::of(&other.0, &other.1);
            prop_assert_eq!(same, one == other);
        }

        #[test]
        fn a_boundary_that_moves_makes_another_name(text in "[ab@=]{2,70}", at in 0_usize..70, to in 0_usize..70) {
            let split = |at: usize| text.split_at(at.min(text.len()));
            let (one, other) = (split(at), split(to));
            let same = SessionName::of(one.0, one.1) == SessionName::of(other.0, other.1);
            prop_assert_eq!(same, one == other);
        }
    }
}
