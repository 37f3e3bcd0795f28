#![no_main]

#[path = "../server.rs"]
#[allow(dead_code)]
mod server;
#[path = "../../tests/support/smart.rs"]
mod smart;
#[path = "../../tests/support/store.rs"]
mod store;
#[path = "../../tests/support/tokens.rs"]
mod tokens;

libfuzzer_sys::fuzz_target!(|data: &[u8]| server::scope(data));
