//! Authorization headers are read or refused, never a panic.
#![no_main]

use bedrock_warden::identity::sigv4::Authorization;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|header: &str| {
    drop(Authorization::parse(header));
});
