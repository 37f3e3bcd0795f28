//! What apps and backend services were granted.

use std::ffi::c_char;

use super::engine::{engine_in, eref_engine};
use super::error::eref_error;
use super::guard::guard;
use super::text::{optional_output, text_in};
use crate::error::{EREF_INVALID_ARGUMENT, Error};
use crate::proto::store::Whose;

/// For eref_grant_revoke: the id is that of a user, as in "user.id" of a launch.
pub const EREF_GRANT_USER: i32 = 1;
/// For eref_grant_revoke: the id is the client id of an app or a backend service.
pub const EREF_GRANT_CLIENT: i32 = 2;
/// For eref_grant_revoke: the id is that of a patient, as in "patient" of a launch.
pub const EREF_GRANT_PATIENT: i32 = 3;
/// For eref_grant_revoke: the id is that of a launch.
pub const EREF_GRANT_LAUNCH: i32 = 4;

/// Revokes what apps and backend services were granted for one user, client, patient or launch. Their tokens die at once, in every
/// process on the store, offline ones included. what says whose id it is: EREF_GRANT_USER, _CLIENT, _PATIENT or _LAUNCH. *out_count (may
/// be NULL) tells how many grants there were. A launch that no app has come for yet goes on: end it with eref_launch_end.
///
/// Ownership: the text is copied.
/// Threads: any.
/// Errors: EREF_INVALID_ARGUMENT (what), EREF_STORE, EREF_FORKED. An id that nothing was granted for is no error.
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eref_grant_revoke(
    engine: *const eref_engine,
    what: i32,
    id: *const c_char,
    id_len: usize,
    out_count: *mut u32,
    error: *mut *mut eref_error,
) -> i32 {
    // SAFETY: live handle, readable text, writable output (header, Ownership, Text and Outputs).
    let body = || unsafe {
        let count = optional_output(out_count, 0);
        let engine = engine_in(engine)?;
        let id = text_in(id, id_len, "id")?.to_owned();
        let whose = match what {
            EREF_GRANT_USER => Whose::User(id),
            EREF_GRANT_CLIENT => Whose::Client(id),
            EREF_GRANT_PATIENT => Whose::Patient(id),
            EREF_GRANT_LAUNCH => Whose::Launch(id),
            _ => return Err(Error::new(EREF_INVALID_ARGUMENT, "what: expected one of EREF_GRANT_*")),
        };
        let revoked = engine.grant_revoke(&whose)?;
        if let Some(count) = count {
            *count = revoked;
        }
        Ok(())
    };
    // SAFETY: "error is NULL or the address of a pointer" (header, Errors).
    unsafe { guard("eref_grant_revoke", error, body) }
}
