//! SMART launches: starting, ending, and what the app may read.

use std::ffi::c_char;

use super::engine::{engine_in, eref_engine};
use super::error::eref_error;
use super::guard::{guard, guard_value};
use super::handle::{Handle, Head, checked, reclaim};
use super::text::{Text, bytes_in, eref_text, optional_output, output, text_in};
use crate::engine::Launch;
use crate::error::{EREF_INVALID_ARGUMENT, Error};
use crate::proto::store::Whose;

/// A launch that was started; a value. Freeing it does not end the launch.
#[repr(C, align(8))]
pub struct eref_launch {
    head: Head,
    id: Text,
    url: Text,
    correlation: Text,
}

impl Handle for eref_launch {
    const NAME: &'static str = "eref_launch";
    fn head(&self) -> &Head {
        &self.head
    }
}

impl eref_launch {
    fn new(launch: &Launch) -> Self {
        Self {
            head: Self::new_head(),
            id: Text::new(&launch.id),
            url: Text::new(&launch.url),
            correlation: Text::new(&launch.correlation),
        }
    }
}

/// Starts a launch of a partner's app for one user and one patient. The request is a JSON object (docs/schema/launch.json): partner,
/// user, patient, session, fhir_context, and the chart: the resources the app may read. Open eref_launch_url in the user's browser.
///
/// Ownership: *out is owned by the caller: eref_launch_free. The request is copied.
/// Threads: any.
/// Errors: EREF_INVALID_JSON, EREF_INVALID_ARGUMENT (a member is wrong; the message names it), EREF_INVALID_CONTENT (the chart),
/// EREF_NOT_FOUND (no such partner, or it has no "smart_app"), EREF_STORE, EREF_FORKED.
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eref_launch_start(
    engine: *const eref_engine,
    request: *const c_char,
    request_len: usize,
    out: *mut *mut eref_launch,
    error: *mut *mut eref_error,
) -> i32 {
    // SAFETY: live handle, readable text, writable output (header, Ownership, Text and Outputs).
    let body = || unsafe {
        let out = output(out, std::ptr::null_mut(), "out")?;
        let launch = engine_in(engine)?.launch_start(bytes_in(request, request_len, "request")?)?;
        *out = eref_launch::new(&launch).into_raw();
        Ok(())
    };
    // SAFETY: "error is NULL or the address of a pointer" (header, Errors).
    unsafe { guard("eref_launch_start", error, body) }
}

/// Goes on with a launch that an app began by itself, after its user signed in on your own page ("smart.login_url"). The browser came to
/// that page with a parameter eref_login: pass its value on, with the same request as for eref_launch_start, in which "partner" may be
/// left out. Then send this very browser, and no other, to eref_launch_url: it has a cookie by which it is known. When the request names
/// no patient and the app needs one, a QUESTION pick_patient comes; the chart can be put with eref_chart_put before it is answered.
///
/// Who is signed in is what you say here: call it only for a user whom your page has just signed in or recognised, as with any other
/// sign-in, and protect that page against requests forged by other sites.
///
/// Ownership: *out is owned by the caller: eref_launch_free. The texts are copied.
/// Threads: any.
/// Errors: EREF_NOT_FOUND (the sign-in is unknown, finished already, or later than "limits.login_seconds"), EREF_INVALID_JSON,
/// EREF_INVALID_ARGUMENT (a member is wrong; the message names it), EREF_INVALID_CONTENT (the chart), EREF_STORE, EREF_FORKED. After an
/// error other than EREF_NOT_FOUND it can be called again.
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eref_login_finish(
    engine: *const eref_engine,
    login: *const c_char,
    login_len: usize,
    request: *const c_char,
    request_len: usize,
    out: *mut *mut eref_launch,
    error: *mut *mut eref_error,
) -> i32 {
    // SAFETY: live handle, readable texts, writable output (header, Ownership, Text and Outputs).
    let body = || unsafe {
        let out = output(out, std::ptr::null_mut(), "out")?;
        let login = text_in(login, login_len, "login")?;
        let launch = engine_in(engine)?.login_finish(login, bytes_in(request, request_len, "request")?)?;
        *out = eref_launch::new(&launch).into_raw();
        Ok(())
    };
    // SAFETY: "error is NULL or the address of a pointer" (header, Errors).
    unsafe { guard("eref_login_finish", error, body) }
}

/// What to open in the user's browser. Good once and only for a minute: a bearer of it becomes the user, so do not log it.
///
/// Ownership: the text is borrowed from the launch and ends with it.
/// Threads: any.
/// Errors: none; out->data is NULL for a NULL launch.
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eref_launch_url(launch: *const eref_launch, out: *mut eref_text) {
    // SAFETY: live handle and writable output (header, Ownership and Outputs).
    guard_value("eref_launch_url", (), || unsafe {
        optional_output(out, checked(launch).map_or(eref_text::NONE, |launch| launch.url.view()));
    });
}

/// Our id of the launch: for eref_launch_end and eref_chart_put, and in LAUNCH, WRITE and QUESTION events.
///
/// Ownership: the text is borrowed from the launch and ends with it.
/// Threads: any.
/// Errors: none; out->data is NULL for a NULL launch.
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eref_launch_id(launch: *const eref_launch, out: *mut eref_text) {
    // SAFETY: live handle and writable output (header, Ownership and Outputs).
    guard_value("eref_launch_id", (), || unsafe {
        optional_output(out, checked(launch).map_or(eref_text::NONE, |launch| launch.id.view()));
    });
}

/// The number under which the app's system may name the referral that this launch leads to. The app gets it as an entry of fhirContext,
/// with the naming system of our own referral numbers ("system.referral_system"). The first message that carries it is linked to this
/// launch ("launch_id" in its document); it counts once, and only for the partner that was launched.
///
/// Ownership: the text is borrowed from the launch and ends with it.
/// Threads: any.
/// Errors: none; out->data is NULL for a NULL launch.
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eref_launch_correlation(launch: *const eref_launch, out: *mut eref_text) {
    // SAFETY: live handle and writable output (header, Ownership and Outputs).
    guard_value("eref_launch_correlation", (), || unsafe {
        optional_output(out, checked(launch).map_or(eref_text::NONE, |launch| launch.correlation.view()));
    });
}

/// Frees the handle; the launch itself goes on. NULL is allowed.
///
/// Ownership: the handle and the texts borrowed from it end here.
/// Threads: any, but not while another thread reads it.
/// Errors: none.
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eref_launch_free(launch: *mut eref_launch) {
    // SAFETY: the caller gives the handle up.
    guard_value("eref_launch_free", (), || drop(unsafe { reclaim(launch) }));
}

/// Ends a launch: all the app's tokens die at once, offline ones too, and its chart is deleted.
///
/// Ownership: the text is copied.
/// Threads: any.
/// Errors: EREF_NOT_FOUND (no such launch, or it has ended), EREF_STORE, EREF_FORKED.
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eref_launch_end(
    engine: *const eref_engine,
    launch_id: *const c_char,
    launch_id_len: usize,
    error: *mut *mut eref_error,
) -> i32 {
    // SAFETY: live handle and readable text (header, Ownership and Text).
    let body = || unsafe { engine_in(engine)?.launch_end(text_in(launch_id, launch_id_len, "launch_id")?) };
    // SAFETY: "error is NULL or the address of a pointer" (header, Errors).
    unsafe { guard("eref_launch_end", error, body) }
}

/// Ends all launches of one session of the host: call it when the user logs out or changes patient. What was granted with offline_access
/// goes on without a chart (eref_grant_revoke ends it). *out_count (may be NULL) tells how many they were.
///
/// Ownership: the text is copied.
/// Threads: any.
/// Errors: EREF_STORE, EREF_FORKED. A session without launches is no error.
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eref_session_end(
    engine: *const eref_engine,
    session: *const c_char,
    session_len: usize,
    out_count: *mut u32,
    error: *mut *mut eref_error,
) -> i32 {
    // SAFETY: live handle, readable text, writable output (header, Ownership, Text and Outputs).
    let body = || unsafe {
        let count = optional_output(out_count, 0);
        let ended = engine_in(engine)?.session_end(text_in(session, session_len, "session")?)?;
        if let Some(count) = count {
            *count = ended;
        }
        Ok(())
    };
    // SAFETY: "error is NULL or the address of a pointer" (header, Errors).
    unsafe { guard("eref_session_end", error, body) }
}

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

/// Ends the launches of one session of the host that are about another patient than this one: call it when the user opens another
/// patient's chart. patient is the logical id; empty when no patient is open, which ends the launches about any. Launches without a patient
/// go on. *out_count (may be NULL) tells how many ended.
///
/// Ownership: the texts are copied.
/// Threads: any.
/// Errors: EREF_STORE, EREF_FORKED. A session without launches is no error.
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eref_session_patient(
    engine: *const eref_engine,
    session: *const c_char,
    session_len: usize,
    patient: *const c_char,
    patient_len: usize,
    out_count: *mut u32,
    error: *mut *mut eref_error,
) -> i32 {
    // SAFETY: live handle, readable texts, writable output (header, Ownership, Text and Outputs).
    let body = || unsafe {
        let count = optional_output(out_count, 0);
        let session = text_in(session, session_len, "session")?;
        let patient = text_in(patient, patient_len, "patient")?;
        let ended = engine_in(engine)?.session_patient(session, Some(patient).filter(|patient| !patient.is_empty()))?;
        if let Some(count) = count {
            *count = ended;
        }
        Ok(())
    };
    // SAFETY: "error is NULL or the address of a pointer" (header, Errors).
    unsafe { guard("eref_session_patient", error, body) }
}

/// Adds to the chart of a launch: a FHIR resource, an array of resources, or a Bundle, as JSON. A resource of the same type and id is
/// replaced.
///
/// Ownership: the texts are copied.
/// Threads: any.
/// Errors: EREF_INVALID_JSON, EREF_INVALID_CONTENT, EREF_NOT_FOUND (no such launch, or it has ended), EREF_STORE, EREF_FORKED.
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eref_chart_put(
    engine: *const eref_engine,
    launch_id: *const c_char,
    launch_id_len: usize,
    resources: *const c_char,
    resources_len: usize,
    error: *mut *mut eref_error,
) -> i32 {
    // SAFETY: live handle and readable texts (header, Ownership and Text).
    let body = || unsafe {
        engine_in(engine)?
            .chart_put(text_in(launch_id, launch_id_len, "launch_id")?, bytes_in(resources, resources_len, "resources")?)
    };
    // SAFETY: "error is NULL or the address of a pointer" (header, Errors).
    unsafe { guard("eref_chart_put", error, body) }
}
