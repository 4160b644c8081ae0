//! An upstream that is not Bedrock: it answers whatever bytes a test wants, in the clear, on loopback.
//!
//! Receives whole requests and remembers them. Ends with the test.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use super::PATIENCE;

/// What it answers to a request.
type Answer = dyn Fn(&Received) -> Vec<u8> + Send + Sync;

/// A listener whose every connection gets one answer and is closed.
pub struct HostileUpstream {
    address: SocketAddr,
    received: Arc<Mutex<Vec<Received>>>,
    ended: Arc<AtomicBool>,
    listener: Option<JoinHandle<()>>,
}

/// One request as it arrived.
#[derive(Debug, Clone)]
pub struct Received {
    /// Request line and headers.
    pub head: String,
    pub body: Vec<u8>,
}

impl HostileUpstream {
    pub fn start(answer: impl Fn(&Received) -> Vec<u8> + Send + Sync + 'static) -> Self {
        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();
        let (received, ended) = (Arc::<Mutex<Vec<Received>>>::default(), Arc::<AtomicBool>::default());
        let (seen, over, answer): (_, _, Arc<Answer>) =
            (Arc::clone(&received), Arc::clone(&ended), Arc::new(answer));
        let listener = std::thread::spawn(move || {
            for connection in socket.incoming().map_while(Result::ok) {
                if over.load(Ordering::Relaxed) {
                    return;
                }
                let (seen, answer) = (Arc::clone(&seen), Arc::clone(&answer));
                std::thread::spawn(move || serve(connection, &seen, answer.as_ref()));
            }
        });
        Self { address, received, ended, listener: Some(listener) }
    }

    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Every whole request so far.
    pub fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for HostileUpstream {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        // Wakes the listener up.
        drop(TcpStream::connect(self.address));
        if let Some(listener) = self.listener.take() {
            drop(listener.join());
        }
    }
}

impl Received {
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(':'));
        lines.find(|(present, _)| present.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    }
}

/// Reads one request with a length, as HTTP clients send small bodies, and answers it.
fn serve(connection: TcpStream, seen: &Mutex<Vec<Received>>, answer: &Answer) {
    connection.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut reader = BufReader::new(connection);
    let mut received = Received { head: String::new(), body: Vec::new() };
    while !received.head.ends_with("\r\n\r\n") {
        if !matches!(reader.read_line(&mut received.head), Ok(1..)) {
            return;
        }
    }
    let length = received.header("content-length").map_or(0, |length| length.parse().unwrap());
    received.body.resize(length, 0);
    if reader.read_exact(&mut received.body).is_err() {
        return;
    }
    seen.lock().unwrap_or_else(PoisonError::into_inner).push(received.clone());
    // The warden may hang up before it has read everything: that is its right.
    let _written = reader.get_mut().write_all(&answer(&received));
}
