//! Referrals as they are tracked, and the audit chain.

use std::ffi::c_char;

use super::engine::{engine_in, eref_engine};
use super::error::eref_error;
use super::guard::guard;
use super::string::eref_string;
use super::text::{bytes_in, output, text_in};

/// A referral as a JSON object (docs/schema/referral.json), found by our id (system empty) or by one of its identifiers. Partners number on
/// their own, and any of them can name any number: where several referrals carry an identifier, the one that we or the host named so comes
/// first, then one that is not unlinked, then the one that changed last. "parties" says whose it is.
///
/// Ownership: *out is owned by the caller: eref_string_free. The texts are copied.
/// Threads: any.
/// Errors: EREF_NOT_FOUND, EREF_STORE, EREF_INVALID_UTF8, EREF_FORKED.
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eref_referral_find(
    engine: *const eref_engine,
    system: *const c_char,
    system_len: usize,
    value: *const c_char,
    value_len: usize,
    out: *mut *mut eref_string,
    error: *mut *mut eref_error,
) -> i32 {
    // SAFETY: live handle, readable texts, writable output (header, Ownership, Text and Outputs).
    let body = || unsafe {
        let out = output(out, std::ptr::null_mut(), "out")?;
        let (system, value) = (text_in(system, system_len, "system")?, text_in(value, value_len, "value")?);
        *out = eref_string::make(&engine_in(engine)?.referral_find(system, value)?);
        Ok(())
    };
    // SAFETY: "error is NULL or the address of a pointer" (header, Errors).
    unsafe { guard("eref_referral_find", error, body) }
}

/// The referrals that changed last, at most limit, as a JSON array. The filter is a JSON object (docs/schema/referral-filter.json:
/// unlinked, changed_since, partner), or NULL for all. {"unlinked":true} gives those that wait for eref_referral_settle.
///
/// Ownership: *out is owned by the caller: eref_string_free. The filter is copied.
/// Threads: any.
/// Errors: EREF_INVALID_JSON, EREF_INVALID_ARGUMENT (changed_since is not a time), EREF_STORE, EREF_FORKED.
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eref_referral_list(
    engine: *const eref_engine,
    filter: *const c_char,
    filter_len: usize,
    limit: u32,
    out: *mut *mut eref_string,
    error: *mut *mut eref_error,
) -> i32 {
    // SAFETY: live handle, readable text and writable output (header, Ownership, Text and Outputs).
    let body = || unsafe {
        let out = output(out, std::ptr::null_mut(), "out")?;
        let filter = if filter.is_null() { &[] } else { bytes_in(filter, filter_len, "filter")? };
        *out = eref_string::make(&engine_in(engine)?.referral_list(filter, limit)?);
        Ok(())
    };
    // SAFETY: "error is NULL or the address of a pointer" (header, Errors).
    unsafe { guard("eref_referral_list", error, body) }
}

/// What was said of a referral, in and out, newest first, at most limit messages, as a JSON array (docs/schema/history.json). Kept as long
/// as the referral.
///
/// Ownership: *out is owned by the caller: eref_string_free. The text is copied.
/// Threads: any.
/// Errors: EREF_NOT_FOUND, EREF_STORE, EREF_INVALID_UTF8, EREF_FORKED.
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eref_referral_history(
    engine: *const eref_engine,
    referral_id: *const c_char,
    referral_id_len: usize,
    limit: u32,
    out: *mut *mut eref_string,
    error: *mut *mut eref_error,
) -> i32 {
    // SAFETY: live handle, readable text and writable output (header, Ownership, Text and Outputs).
    let body = || unsafe {
        let out = output(out, std::ptr::null_mut(), "out")?;
        let referral_id = text_in(referral_id, referral_id_len, "referral_id")?;
        *out = eref_string::make(&engine_in(engine)?.referral_history(referral_id, limit)?);
        Ok(())
    };
    // SAFETY: "error is NULL or the address of a pointer" (header, Errors).
    unsafe { guard("eref_referral_history", error, body) }
}

/// Gives a referral another identifier, for example the host's own number for it, so that later messages and eref_referral_find know it
/// by that one too.
///
/// Ownership: the texts are copied.
/// Threads: any.
/// Errors: EREF_NOT_FOUND, EREF_KEY_REUSED (we or the host named another referral so), EREF_INVALID_ARGUMENT (system or value is empty), EREF_STORE,
/// EREF_INVALID_UTF8, EREF_FORKED.
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eref_referral_link(
    engine: *const eref_engine,
    referral_id: *const c_char,
    referral_id_len: usize,
    system: *const c_char,
    system_len: usize,
    value: *const c_char,
    value_len: usize,
    error: *mut *mut eref_error,
) -> i32 {
    // SAFETY: live handle and readable texts (header, Ownership and Text).
    let body = || unsafe {
        let referral_id = text_in(referral_id, referral_id_len, "referral_id")?;
        engine_in(engine)?.referral_link(referral_id, text_in(system, system_len, "system")?, text_in(value, value_len, "value")?)
    };
    // SAFETY: "error is NULL or the address of a pointer" (header, Errors).
    unsafe { guard("eref_referral_link", error, body) }
}

/// Says where an unlinked referral belongs. A message that led to no known referral made it ("unlinked" in its document, with what it may
/// belong to under "candidates"); nothing is ever linked by the patient alone. "to" is our id of the referral it is part of, of the launch
/// it came of, or its own id where it stands by itself. What becomes part of another brings its identifiers, parties, history and waiting
/// events along, a partner in the part it took only where nobody has that part yet, and else as an informer; its id leads to that other one from then on.
///
/// Ownership: the texts are copied.
/// Threads: any.
/// Errors: EREF_NOT_FOUND (one of the two is not there), EREF_WRONG_STATE (the referral is not unlinked), EREF_KEY_REUSED (another referral
/// came of that launch), EREF_STORE, EREF_INVALID_UTF8, EREF_FORKED.
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eref_referral_settle(
    engine: *const eref_engine,
    referral_id: *const c_char,
    referral_id_len: usize,
    to: *const c_char,
    to_len: usize,
    error: *mut *mut eref_error,
) -> i32 {
    // SAFETY: live handle and readable texts (header, Ownership and Text).
    let body = || unsafe {
        let referral_id = text_in(referral_id, referral_id_len, "referral_id")?;
        engine_in(engine)?.referral_settle(referral_id, text_in(to, to_len, "to")?)
    };
    // SAFETY: "error is NULL or the address of a pointer" (header, Errors).
    unsafe { guard("eref_referral_settle", error, body) }
}

/// Records in the audit chain what the host says happened, for example who viewed a referral. The note is a JSON object of the host's.
///
/// Ownership: the text is copied.
/// Threads: any.
/// Errors: EREF_INVALID_JSON, EREF_STORE, EREF_FORKED.
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eref_audit_note(
    engine: *const eref_engine,
    json: *const c_char,
    json_len: usize,
    error: *mut *mut eref_error,
) -> i32 {
    // SAFETY: live handle and readable text (header, Ownership and Text).
    let body = || unsafe { engine_in(engine)?.audit_note(bytes_in(json, json_len, "json")?) };
    // SAFETY: "error is NULL or the address of a pointer" (header, Errors).
    unsafe { guard("eref_audit_note", error, body) }
}

/// Says whether any entry of the audit trail was changed, removed, added or moved, as a JSON object (docs/schema/audit-report.json): "whole" is
/// the answer, "problems" says in words what is wrong. "known" is the "heads" of an earlier report that was kept outside the store, or NULL:
/// with it a store that was put back to an older copy is found too. Takes a few seconds for a million entries; the engine goes on serving.
///
/// Ownership: *out is owned by the caller: eref_string_free. The text is copied.
/// Threads: any.
/// Errors: EREF_INVALID_JSON, EREF_INVALID_ARGUMENT (known is no heads of a report), EREF_STORE, EREF_FORKED.
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eref_audit_verify(
    engine: *const eref_engine,
    known: *const c_char,
    known_len: usize,
    out: *mut *mut eref_string,
    error: *mut *mut eref_error,
) -> i32 {
    // SAFETY: live handle, readable text and writable output (header, Ownership, Text and Outputs).
    let body = || unsafe {
        let out = output(out, std::ptr::null_mut(), "out")?;
        let known = if known.is_null() { &[] } else { bytes_in(known, known_len, "known")? };
        *out = eref_string::make(&engine_in(engine)?.audit_report(known)?);
        Ok(())
    };
    // SAFETY: "error is NULL or the address of a pointer" (header, Errors).
    unsafe { guard("eref_audit_verify", error, body) }
}
