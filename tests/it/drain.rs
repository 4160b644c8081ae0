//! SIGTERM with work in flight: what was accepted is finished and recorded, nothing new is taken, and the exit is 0.

use std::net::TcpStream;

use crate::support::call::{Call, HAIKU};
use crate::support::eventually;
use crate::support::frames::{EventReader, converse_text};
use crate::support::http::Connection;
use crate::support::warden::{Setup, TestWarden};

#[test]
fn a_stream_in_flight_is_finished_and_recorded() {
    let mut warden = Setup::new().event_gap_ms(150).start();
    let (mut connection, _) = warden.open(Call::converse_stream(HAIKU, "say: one two three four five six"));
    let mut reader = EventReader::default();
    let mut events = reader.push(&connection.piece().unwrap().unwrap());
    warden.terminate();
    assert_closed_to_new_connections(&warden);
    while let Some(piece) = connection.piece().expect("the stream ends properly") {
        events.extend(reader.push(&piece));
    }
    assert!(reader.at_boundary());
    assert_eq!(converse_text(&events), "one two three four five six");
    assert_eq!(events.last().unwrap().name, "metadata");
    warden.wait_for_exit();
    assert_eq!(warden.only_outcome().text("end_state"), "complete");
}

#[test]
fn a_unary_request_in_flight_is_answered() {
    let mut warden = Setup::new().start();
    let call = warden.sign(Call::converse(HAIKU, "simulate: slow=700\nsay: just in time"));
    let mut connection = Connection::open(&warden.tls()).unwrap();
    connection.write(&call.to_bytes()).unwrap();
    eventually("the request to be at Bedrock", || warden.upstream().len() == 1);
    warden.terminate();
    assert_eq!(connection.response().unwrap().status, 200);
    warden.wait_for_exit();
    assert_eq!(warden.only_outcome().text("end_state"), "complete");
}

#[test]
fn an_idle_connection_does_not_hold_the_exit_up() {
    let mut warden = Setup::new().start();
    let mut idle = Connection::open(&warden.tls()).unwrap();
    idle.write(&warden.sign(Call::converse(HAIKU, "say: hello")).to_bytes()).unwrap();
    assert_eq!(idle.response().unwrap().converse_text(), "hello");
    warden.terminate();
    warden.wait_for_exit();
    idle.assert_closed();
}

#[test]
fn a_drain_has_an_end_and_the_record_says_what_it_cut_off() {
    let mut warden = Setup::new().setting("WARDEN_DRAIN", "1s").start();
    let (connection, _) = warden.open(Call::converse_stream(HAIKU, "simulate: stall-mid-stream"));
    warden.terminate();
    warden.wait_for_exit();
    drop(connection);
    // Whatever could not be recorded in time is recorded by the next start.
    warden.restart();
    let journal = warden.journal();
    journal.assert_ends();
    let ends: Vec<_> =
        journal.records.iter().filter(|record| record.is_outcome() || record.is_unknown()).collect();
    assert_eq!(ends.len(), 1, "{ends:?}");
    assert_ne!(ends[0].text("end_state"), "complete");
}

/// A warden that has just said that it is ready is one that can be told to read its files again, or to stop.
#[test]
fn signals_are_heeded_from_the_first_moment() {
    let mut warden = Setup::new().start();
    for _ in 0..5 {
        warden.hang_up();
        warden.terminate();
        warden.wait_for_exit();
        warden.restart();
    }
    assert_eq!(warden.send(Call::converse(HAIKU, "say: hello")).converse_text(), "hello");
}

fn assert_closed_to_new_connections(warden: &TestWarden) {
    let address = warden.tls().address;
    eventually("new connections to be refused", || TcpStream::connect(address).is_err());
}
