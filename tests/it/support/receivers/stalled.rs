//! Receivers that are away: one that refuses connections, one that takes them and never answers.

use std::net::TcpListener;

/// Loopback, on a port that nobody listens on: connections are refused.
pub const ABSENT: &str = "127.0.0.1:1";

/// Takes connections and bytes, as a kernel does for a process that hangs, and answers nothing.
pub struct Stalled(TcpListener);

impl Stalled {
    pub fn start() -> Self {
        Self(TcpListener::bind("127.0.0.1:0").unwrap())
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.0.local_addr().unwrap())
    }
}
