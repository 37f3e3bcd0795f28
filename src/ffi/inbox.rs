//! What was received, and handing it over once more.

use std::ffi::c_char;

use super::engine::{engine_in, eref_engine};
use super::error::eref_error;
use super::guard::guard;
use super::string::eref_string;
use super::text::{output, text_in};

/// The newest messages received, at most limit, as a JSON array (docs/schema/reception.json). "state" is one of waiting, leased, parked,
/// done, or empty for all.
///
/// Ownership: *out is owned by the caller: eref_string_free. The text is copied.
/// Threads: any.
/// Errors: EREF_INVALID_ARGUMENT (state), EREF_STORE, EREF_INVALID_UTF8, EREF_FORKED.
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eref_inbox_list(
    engine: *const eref_engine,
    state: *const c_char,
    state_len: usize,
    limit: u32,
    out: *mut *mut eref_string,
    error: *mut *mut eref_error,
) -> i32 {
    // SAFETY: live handle, readable text and writable output (header, Ownership, Text and Outputs).
    let body = || unsafe {
        let out = output(out, std::ptr::null_mut(), "out")?;
        *out = eref_string::make(&engine_in(engine)?.inbox_list(text_in(state, state_len, "state")?, limit)?);
        Ok(())
    };
    // SAFETY: "error is NULL or the address of a pointer" (header, Errors).
    unsafe { guard("eref_inbox_list", error, body) }
}

/// One message received, as a JSON object (docs/schema/reception.json) with its notification under "notification", as long as the
/// message's body is kept.
///
/// Ownership: *out is owned by the caller: eref_string_free. The text is copied.
/// Threads: any.
/// Errors: EREF_NOT_FOUND (no such reception), EREF_STORE, EREF_INVALID_UTF8, EREF_FORKED.
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eref_inbox_show(
    engine: *const eref_engine,
    reception_id: *const c_char,
    reception_id_len: usize,
    out: *mut *mut eref_string,
    error: *mut *mut eref_error,
) -> i32 {
    // SAFETY: live handle, readable text and writable output (header, Ownership, Text and Outputs).
    let body = || unsafe {
        let out = output(out, std::ptr::null_mut(), "out")?;
        *out = eref_string::make(&engine_in(engine)?.inbox_show(text_in(reception_id, reception_id_len, "reception_id")?)?);
        Ok(())
    };
    // SAFETY: "error is NULL or the address of a pointer" (header, Errors).
    unsafe { guard("eref_inbox_show", error, body) }
}

/// Hands a message over once more: a parked event comes again as for its first attempt, one that was done comes as a new event with
/// another id. For a host that lost what it took. The document of such a new event says "resent": its summary, changes and needs are
/// those of the day the message came, so it is no news; its links and candidates are those of now.
///
/// Ownership: the text is copied.
/// Threads: any.
/// Errors: EREF_NOT_FOUND (no such reception, or the message is not kept any more), EREF_WRONG_STATE (its event is out just now),
/// EREF_STORE, EREF_INVALID_UTF8, EREF_FORKED.
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eref_inbox_resend(
    engine: *const eref_engine,
    reception_id: *const c_char,
    reception_id_len: usize,
    error: *mut *mut eref_error,
) -> i32 {
    // SAFETY: live handle and readable text (header, Ownership and Text).
    let body = || unsafe { engine_in(engine)?.inbox_resend(text_in(reception_id, reception_id_len, "reception_id")?) };
    // SAFETY: "error is NULL or the address of a pointer" (header, Errors).
    unsafe { guard("eref_inbox_resend", error, body) }
}
