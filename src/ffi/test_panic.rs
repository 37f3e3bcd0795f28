//! Exports that only tests need: one proves that faults are contained, the other makes events that cost next to nothing. Only with the
//! feature `test-panic`, never in the header.

use super::config::eref_config;
use super::engine::{engine_in, eref_engine};
use super::error::eref_error;
use super::guard::guard;
use super::handle::exclusive;

/// Panics inside the guard, or, with a config, inside a call on it.
#[allow(clippy::panic, reason = "it is what this is for")]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eref_test_panic(config: *mut eref_config, error: *mut *mut eref_error) -> i32 {
    let body = || {
        if config.is_null() {
            panic!("planned fault about Testpatient Fakename");
        }
        // SAFETY: a live handle (header, Ownership).
        unsafe { exclusive(config, |_| panic!("planned fault about Testpatient Fakename")) }
    };
    // SAFETY: "error is NULL or the address of a pointer" (header, Errors).
    unsafe { guard("eref_test_panic", error, body) }
}

/// Queues so many LAUNCH events, of which the queue keeps the newest 1,000: enough of them show what taking one leaves behind.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eref_test_events(engine: *const eref_engine, count: u32, error: *mut *mut eref_error) -> i32 {
    // SAFETY: a live handle (header, Ownership).
    let body = || unsafe { engine_in(engine).map(|engine| engine.test_events(count)) };
    // SAFETY: "error is NULL or the address of a pointer" (header, Errors).
    unsafe { guard("eref_test_events", error, body) }
}
