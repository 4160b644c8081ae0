//! `quotas.store`: the PostgreSQL through which wardens share limits.

use std::fmt;
use std::net::IpAddr;

use sqlx::postgres::{PgConnectOptions, PgSslMode};

use super::settings::Settings;

/// Where limits are shared. SECRET: may hold a password, and does not show it.
#[derive(Clone)]
pub struct QuotaStore(PgConnectOptions);

impl QuotaStore {
    pub(super) fn read(settings: &mut Settings<'_>) -> Option<Self> {
        // SECRET: mistakes are told without the value, which a diagnostic would quote.
        let written: Result<Self, String> =
            settings.optional("quotas.store", |text| Ok(Self::parse(text)))?;
        written.map_err(|reason| settings.refuse_unseen("quotas.store", &reason)).ok()
    }

    fn parse(text: &str) -> Result<Self, String> {
        let is_url = text.starts_with("postgres://") || text.starts_with("postgresql://");
        let options = is_url.then(|| text.parse::<PgConnectOptions>().ok()).flatten().ok_or_else(|| {
            "must be a URL such as `postgres://warden@db.example/warden?sslmode=verify-full`".to_owned()
        })?;
        let host = options.get_host();
        let local = options.get_socket().is_some()
            || host == "localhost"
            || host.starts_with('/')
            || host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback());
        let checked = matches!(options.get_ssl_mode(), PgSslMode::VerifyFull | PgSslMode::VerifyCa);
        // FAIL-CLOSED: whoever stands in between could grant any budget.
        if local || checked {
            Ok(Self(options))
        } else {
            Err("needs `sslmode=verify-full`: nobody in between may grant budgets".to_owned())
        }
    }

    /// How to connect.
    pub fn options(&self) -> PgConnectOptions {
        self.0.clone()
    }
}

impl fmt::Debug for QuotaStore {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("QuotaStore").field(&self.0.get_host()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_in_another_place_is_known_to_be_itself() {
        let table = [
            ("postgres://w:p@127.0.0.1:5432/w", true),
            ("postgresql://w@localhost/w", true),
            ("postgres:///w?host=/run/postgresql&user=w", true),
            ("postgres://w@db.example/w?sslmode=verify-full", true),
            ("postgres://w@db.example/w", false),
            ("postgres://w@db.example/w?sslmode=require", false),
            ("mysql://w@localhost/w", false),
            ("postgres//oops", false),
        ];
        for (text, accepted) in table {
            assert_eq!(QuotaStore::parse(text).is_ok(), accepted, "{text}");
        }
    }

    #[test]
    fn a_password_is_never_shown() {
        let store = QuotaStore::parse("postgres://w:hunter2@127.0.0.1/w").unwrap();
        assert!(!format!("{store:?}").contains("hunter2"));
    }
}
