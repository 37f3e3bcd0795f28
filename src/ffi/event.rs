//! Events: what the host must know or decide.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::ffi::c_char;
use std::mem::ManuallyDrop;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde_json::value::RawValue;

use super::cancel::{eref_cancel, token};
use super::engine::{at_home, engine_in, eref_engine};
use super::error::eref_error;
use super::guard::{guard, guard_value};
use super::handle::{Exclusive, ExclusiveHandle, Handle, Head, Home, checked, exclusive, free_exclusive};
use super::message::eref_message;
use super::text::{Text, document_in, eref_text, optional_output, output, text_in};
use crate::engine::{Cancel, Engine, Event};
use crate::error::{EREF_INVALID_ARGUMENT, EREF_TIMEOUT, Error, Result};

/// Kind of event: the app asks for what the host did not push. Not durable; answer it within 20 seconds. Handed out in the serving
/// process only. Document: docs/schema/question.json.
pub const EREF_EVENT_QUESTION: u32 = 1;
/// Kind of event: a message arrived. Durable; eref_event_message gives it. Document: docs/schema/notification.json.
pub const EREF_EVENT_MESSAGE: u32 = 2;
/// Kind of event: the app wrote a resource back to the chart, or changed one. Durable. Document: docs/schema/write.json. The app waits a
/// few seconds (limits.write_wait_ms) for what you make of it: eref_event_done takes it into the chart, eref_event_refuse refuses it with
/// words for the app. An app that is not told in time sees a created resource as pending, and an update not yet, until you decide.
pub const EREF_EVENT_WRITE: u32 = 4;
/// Kind of event: an outgoing message was accepted, refused, of unknown outcome, or given up. Durable. Document:
/// docs/schema/delivery.json.
pub const EREF_EVENT_DELIVERY: u32 = 8;
/// Kind of event: a launch was authorized, denied, expired or ended. Not durable; handed out in the process that serves the launch, or
/// that ended it. Document: docs/schema/launch-event.json.
pub const EREF_EVENT_LAUNCH: u32 = 16;
/// Kind of event: a condition began or ended, for example a partner that cannot be reached. Not durable; handed out in the process that
/// noticed it, mostly the serving one. Document: docs/schema/alert.json.
pub const EREF_EVENT_ALERT: u32 = 32;
/// All kinds of this version.
pub const EREF_EVENT_ALL: u32 = 63;

/// Reason for eref_event_refuse: the user or the app may not have it. The app sees 403.
pub const EREF_REFUSE_FORBIDDEN: i32 = 1;
/// Reason for eref_event_refuse: there is no such thing. The app sees 404.
pub const EREF_REFUSE_NOT_FOUND: i32 = 2;

/// As a timeout of eref_event_next: wait until there is an event, a cancel or a stop.
pub const EREF_NO_TIMEOUT: u32 = 0xFFFF_FFFF;

/// Something the host must know or decide. Exclusive; freeing a durable one without eref_event_done gives it back.
#[repr(C, align(8))]
pub struct eref_event {
    head: Head,
    cell: Exclusive<Leased>,
    home: Home,
    kind: u32,
    attempt: u32,
    id: Text,
    partner: Option<Text>,
    referral_id: Option<Text>,
    json: Text,
    message: Option<eref_message>,
    document: String,
    fields: Mutex<BTreeMap<String, Text>>,
}

/// An event that is left alone in a forked child: its lease belongs to the parent.
pub(super) struct Leased {
    event: ManuallyDrop<Event>,
    home: Home,
}

impl Drop for Leased {
    fn drop(&mut self) {
        if self.home.is_here() {
            // SAFETY: dropped here only, and never used again.
            unsafe { ManuallyDrop::drop(&mut self.event) };
        }
    }
}

impl Handle for eref_event {
    const NAME: &'static str = "eref_event";
    fn head(&self) -> &Head {
        &self.head
    }
}

impl ExclusiveHandle for eref_event {
    type Value = Leased;
    fn cell(&self) -> &Exclusive<Leased> {
        &self.cell
    }
}

impl eref_event {
    fn new(event: Event, home: Home) -> Self {
        // Without its body, which a passing failure may withhold, the event still has its document.
        let message = event.message().ok().flatten().map(|message| eref_message::new(message.clone(), true));
        Self {
            head: Self::new_head(),
            home,
            kind: event.kind(),
            attempt: event.attempt(),
            id: Text::new(event.id()),
            partner: partner_of(&event).map(|name| Text::new(&name)),
            referral_id: event.referral_id().map(Text::new),
            json: Text::new(event.document()),
            message,
            document: event.document().to_owned(),
            fields: Mutex::new(BTreeMap::new()),
            cell: Exclusive::new(Leased { event: ManuallyDrop::new(event), home }),
        }
    }

    /// A member of the document, kept for as long as the event lives.
    fn field(&self, name: &str) -> eref_text {
        let mut fields = self.fields.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(text) = fields.get(name) {
            return text.view();
        }
        let Some(value) = member(&self.document, name) else { return eref_text::NONE };
        fields.entry(name.to_owned()).or_insert_with(|| Text::new(&value)).view()
    }
}

/// The partner of a durable event, else the one its document names.
fn partner_of(event: &Event) -> Option<Cow<'_, str>> {
    let known = event.partner().map(Cow::Borrowed).or_else(|| member(event.document(), "partner"));
    known.filter(|name| !name.is_empty())
}

/// A member of a JSON document by its name: `a.b`, and `a[0].b` or `a.0.b` inside a list. What is not a text comes byte for byte: the
/// digits of a FHIR decimal count.
fn member<'a>(document: &'a str, name: &str) -> Option<Cow<'a, str>> {
    let mut value = document;
    for part in name.replace('[', ".").replace(']', "").split('.') {
        value = if value.trim_start().starts_with('[') {
            serde_json::from_str::<Vec<&RawValue>>(value).ok()?.get(part.parse::<usize>().ok()?)?.get()
        } else {
            serde_json::from_str::<HashMap<String, &RawValue>>(value).ok()?.get(part)?.get()
        };
    }
    match value.as_bytes().first()? {
        b'n' => None,
        b'"' => serde_json::from_str(value).ok().map(Cow::Owned),
        _ => Some(Cow::Borrowed(value)),
    }
}

/// Takes the next event of the kinds in the mask (EREF_EVENT_*, or EREF_EVENT_ALL), waiting at most timeout_ms milliseconds: 0 does not
/// wait, EREF_NO_TIMEOUT waits without end. Questions come before anything else; of one referral (of one partner where there is none)
/// one durable event at a time, oldest first. cancel may be NULL.
///
/// Ownership: *out is owned by the caller: eref_event_free, after eref_event_done.
/// Threads: any number at once; each event goes to one of them.
/// Errors: EREF_TIMEOUT means that no event came: the one failure without an error object. EREF_CANCELLED (also when the engine is
/// stopped), EREF_INVALID_ARGUMENT (mask), EREF_STORE, EREF_FORKED.
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eref_event_next(
    engine: *const eref_engine,
    kinds: u32,
    timeout_ms: u32,
    cancel: *const eref_cancel,
    out: *mut *mut eref_event,
    error: *mut *mut eref_error,
) -> i32 {
    let mut nothing_came = false;
    // SAFETY: live handles and writable output (header, Ownership and Outputs).
    let body = || unsafe {
        let out = output(out, std::ptr::null_mut(), "out")?;
        let (engine, home) = at_home(engine)?;
        let cancel = token(cancel)?;
        match next(&engine, kinds, timeout_ms, cancel.as_ref())? {
            Some(event) => *out = eref_event::new(event, home).into_raw(),
            None => nothing_came = true,
        }
        Ok(())
    };
    // SAFETY: "error is NULL or the address of a pointer" (header, Errors).
    let status = unsafe { guard("eref_event_next", error, body) };
    if nothing_came { EREF_TIMEOUT } else { status }
}

/// Waits in slices, so that no end of time has to be computed for `EREF_NO_TIMEOUT`.
fn next(engine: &Engine, kinds: u32, timeout_ms: u32, cancel: Option<&Cancel>) -> Result<Option<Event>> {
    if kinds == 0 {
        return Err(Error::new(EREF_INVALID_ARGUMENT, "kinds names no kind of event"));
    }
    let slice = if timeout_ms == EREF_NO_TIMEOUT { Duration::from_secs(3600) } else { Duration::from_millis(timeout_ms.into()) };
    loop {
        match engine.event_next(kinds, slice, cancel) {
            Err(error) if error.status() == EREF_TIMEOUT && timeout_ms == EREF_NO_TIMEOUT => {}
            Err(error) if error.status() == EREF_TIMEOUT => return Ok(None),
            outcome => return outcome.map(Some),
        }
    }
}

/// Which kind of event it is: one of EREF_EVENT_*. 0 for NULL.
///
/// Ownership: nothing to free.
/// Threads: any.
/// Errors: none.
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eref_event_kind(event: *const eref_event) -> u32 {
    // SAFETY: live handle (header, Ownership).
    guard_value("eref_event_kind", 0, || unsafe { checked(event) }.map_or(0, |event| event.kind))
}

/// The id of the event. It stays the same when the event comes again, also after a restart: write it in the same transaction as your
/// own record of the event, and skip an event whose id you have.
///
/// Ownership: the text is borrowed from the event and ends with it.
/// Threads: any.
/// Errors: none; out->data is NULL for a NULL event.
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eref_event_id(event: *const eref_event, out: *mut eref_text) {
    // SAFETY: live handle and writable output (header, Ownership and Outputs).
    guard_value("eref_event_id", (), || unsafe {
        optional_output(out, checked(event).map_or(eref_text::NONE, |event| event.id.view()));
    });
}

/// The name of the partner the event concerns; data is NULL when it concerns none, and for a LAUNCH event of a launch that the host ended.
///
/// Ownership: the text is borrowed from the event and ends with it.
/// Threads: any.
/// Errors: none; out->data is NULL for a NULL event.
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eref_event_partner(event: *const eref_event, out: *mut eref_text) {
    // SAFETY: live handle and writable output (header, Ownership and Outputs).
    guard_value("eref_event_partner", (), || unsafe {
        optional_output(out, checked(event).ok().and_then(|event| event.partner.as_ref()).map_or(eref_text::NONE, Text::view));
    });
}

/// The library's id of the referral the event belongs to, the same in every event of that referral and in eref_referral_find; data is
/// NULL when it belongs to none. Keep it beside the patient's record to find the referral again.
///
/// Ownership: the text is borrowed from the event and ends with it.
/// Threads: any.
/// Errors: none; out->data is NULL for a NULL event.
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eref_event_referral_id(event: *const eref_event, out: *mut eref_text) {
    // SAFETY: live handle and writable output (header, Ownership and Outputs).
    guard_value("eref_event_referral_id", (), || unsafe {
        optional_output(out, checked(event).ok().and_then(|event| event.referral_id.as_ref()).map_or(eref_text::NONE, Text::view));
    });
}

/// 1 the first time the event is handed out, more when it comes again. 0 for NULL.
///
/// Ownership: nothing to free.
/// Threads: any.
/// Errors: none.
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eref_event_attempt(event: *const eref_event) -> u32 {
    // SAFETY: live handle (header, Ownership).
    guard_value("eref_event_attempt", 0, || unsafe { checked(event) }.map_or(0, |event| event.attempt))
}

/// The message of a MESSAGE event; NULL for other kinds, and when its body could not be read just now (memory, the store): the document
/// is there all the same, and eref_event_retry brings the event again.
///
/// Ownership: the message is borrowed from the event and ends with it.
/// Threads: any.
/// Errors: none.
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eref_event_message(event: *const eref_event) -> *const eref_message {
    // SAFETY: live handle (header, Ownership).
    guard_value("eref_event_message", std::ptr::null(), || unsafe {
        checked(event).ok().and_then(|event| event.message.as_ref()).map_or(std::ptr::null(), std::ptr::from_ref)
    })
}

/// What happened, or what is asked, as a JSON object; the EREF_EVENT_* constants name the schema of each kind.
///
/// Ownership: the text is borrowed from the event and ends with it.
/// Threads: any.
/// Errors: none; out->data is NULL for a NULL event.
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eref_event_json(event: *const eref_event, out: *mut eref_text) {
    // SAFETY: live handle and writable output (header, Ownership and Outputs).
    guard_value("eref_event_json", (), || unsafe {
        optional_output(out, checked(event).map_or(eref_text::NONE, |event| event.json.view()));
    });
}

/// One member of that object, so that no JSON has to be read: "launch_id", "answer.id" for a member inside another one,
/// "attachments[0].title" for one inside a list. Text comes without quotes, objects and arrays as JSON. out->data is NULL when there is no
/// such member. For what a message says use eref_message_field.
///
/// Ownership: the text is borrowed from the event and ends with it.
/// Threads: any.
/// Errors: EREF_INVALID_ARGUMENT, EREF_INVALID_UTF8.
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eref_event_field(
    event: *const eref_event,
    name: *const c_char,
    name_len: usize,
    out: *mut eref_text,
    error: *mut *mut eref_error,
) -> i32 {
    // SAFETY: live handle, readable text, writable output (header, Ownership, Text and Outputs).
    let body = || unsafe {
        let out = output(out, eref_text::NONE, "out")?;
        *out = checked(event)?.field(text_in(name, name_len, "name")?);
        Ok(())
    };
    // SAFETY: "error is NULL or the address of a pointer" (header, Errors).
    unsafe { guard("eref_event_field", error, body) }
}

/// Runs `body` with the event of a handle.
///
/// # Safety
/// As for `checked`.
unsafe fn with_event(event: *mut eref_event, body: impl FnOnce(&mut Event) -> Result<()>) -> Result<()> {
    // SAFETY: passed on to our caller.
    unsafe {
        checked(event)?.home.check()?;
        exclusive(event, |leased| body(&mut leased.event))
    }
}

/// Says that the host has the event in its own storage: it will not come again. Of a WRITE it says that the resource is taken into the
/// chart. Free the handle afterwards.
///
/// Ownership: the event stays the caller's.
/// Threads: one call at a time on an event.
/// Errors: EREF_LEASE_LOST (too late: it may have been handed out again. Keep what you committed; if the event comes again, its id tells
/// you), EREF_WRONG_STATE (done before, or a QUESTION), EREF_STORE, EREF_BUSY, EREF_FORKED.
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eref_event_done(event: *mut eref_event, error: *mut *mut eref_error) -> i32 {
    // SAFETY: live handle (header, Ownership); "error is NULL or the address of a pointer" (header, Errors).
    unsafe { guard("eref_event_done", error, || with_event(event, Event::done)) }
}

/// Gives a durable event back, to come again after after_ms milliseconds. After ten attempts it is parked, an ALERT says so, and later
/// events of that referral go on. The reason is kept for people who look into it; keep it free of personal data.
///
/// Ownership: the text is copied; the event stays the caller's: free it.
/// Threads: one call at a time on an event.
/// Errors: EREF_LEASE_LOST, EREF_WRONG_STATE (not durable, or done before), EREF_STORE, EREF_BUSY, EREF_FORKED.
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eref_event_retry(
    event: *mut eref_event,
    after_ms: u32,
    reason: *const c_char,
    reason_len: usize,
    error: *mut *mut eref_error,
) -> i32 {
    // SAFETY: live handle and readable text (header, Ownership and Text).
    let body = || unsafe {
        let reason = text_in(reason, reason_len, "reason")?;
        with_event(event, |event| event.retry(Duration::from_millis(after_ms.into()), reason))
    };
    // SAFETY: "error is NULL or the address of a pointer" (header, Errors).
    unsafe { guard("eref_event_retry", error, body) }
}

/// Prolongs the lease of a durable event by its full length (60 seconds), for work that takes longer.
///
/// Ownership: the event stays the caller's.
/// Threads: one call at a time on an event.
/// Errors: EREF_LEASE_LOST, EREF_WRONG_STATE (not durable, or done before), EREF_STORE, EREF_BUSY, EREF_FORKED.
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eref_event_extend(event: *mut eref_event, error: *mut *mut eref_error) -> i32 {
    // SAFETY: live handle (header, Ownership); "error is NULL or the address of a pointer" (header, Errors).
    unsafe { guard("eref_event_extend", error, || with_event(event, Event::extend)) }
}

/// Answers a QUESTION with the JSON document it asks for.
///
/// Ownership: the text is copied; the event stays the caller's: free it.
/// Threads: one call at a time on an event.
/// Errors: EREF_WRONG_STATE (not a question, or answered before), EREF_INVALID_JSON, EREF_LEASE_LOST (too late: nobody waits any more),
/// EREF_BUSY, EREF_FORKED.
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eref_event_answer(
    event: *mut eref_event,
    json: *const c_char,
    json_len: usize,
    error: *mut *mut eref_error,
) -> i32 {
    // SAFETY: live handle and readable text (header, Ownership and Text).
    let body = || unsafe {
        let json = document_in(json, json_len, "json")?;
        with_event(event, |event| event.answer(json))
    };
    // SAFETY: "error is NULL or the address of a pointer" (header, Errors).
    unsafe { guard("eref_event_answer", error, body) }
}

/// Refuses a QUESTION: reason is one of EREF_REFUSE_*; the text is shown to the app.
///
/// Refuses what a WRITE event tells of, for good: the event will not come again. An app that still waits sees 422 with the text, whatever
/// the reason; who reads a created resource later sees 410 with the text, and a refused update leaves the resource as it was.
///
/// Ownership: the text is copied; the event stays the caller's: free it.
/// Threads: one call at a time on an event.
/// Errors: EREF_WRONG_STATE (neither a question nor a WRITE, or answered or done before), EREF_INVALID_ARGUMENT (reason), EREF_LEASE_LOST (too
/// late: nobody waits for the answer any more, or the WRITE may have been handed out again), EREF_STORE, EREF_BUSY, EREF_FORKED.
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eref_event_refuse(
    event: *mut eref_event,
    reason: i32,
    text: *const c_char,
    text_len: usize,
    error: *mut *mut eref_error,
) -> i32 {
    // SAFETY: live handle and readable text (header, Ownership and Text).
    let body = || unsafe {
        let text = text_in(text, text_len, "text")?;
        let exists = match reason {
            EREF_REFUSE_FORBIDDEN => true,
            EREF_REFUSE_NOT_FOUND => false,
            _ => return Err(Error::new(EREF_INVALID_ARGUMENT, "reason is none of EREF_REFUSE_*")),
        };
        with_event(event, |event| event.refuse(exists, text))
    };
    // SAFETY: "error is NULL or the address of a pointer" (header, Errors).
    unsafe { guard("eref_event_refuse", error, body) }
}

/// Frees an event. NULL is allowed. A durable event that is not done goes back to the store and comes again; a QUESTION that has no
/// answer yet is left unanswered.
///
/// Ownership: the event, its message and the texts borrowed from it end here; freed during a call on it, it ends with that call.
/// Threads: any, but not while another thread reads it.
/// Errors: none.
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eref_event_free(event: *mut eref_event) {
    // SAFETY: the caller gives the event up.
    guard_value("eref_event_free", (), || unsafe { free_exclusive(event) });
}

/// Makes all parked events available again, as for their first attempt: call it when what made them fail has been mended. Events are
/// parked after they were handed out ten times without eref_event_done; an ALERT says so. *out_count (may be NULL) tells how many.
///
/// Ownership: nothing to free.
/// Threads: any.
/// Errors: EREF_STORE, EREF_FORKED. No parked event is no error.
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eref_event_unpark(engine: *const eref_engine, out_count: *mut u32, error: *mut *mut eref_error) -> i32 {
    // SAFETY: live handle, writable output (header, Ownership and Outputs).
    let body = || unsafe {
        let count = optional_output(out_count, 0);
        let unparked = engine_in(engine)?.events_unpark()?;
        if let Some(count) = count {
            *count = unparked;
        }
        Ok(())
    };
    // SAFETY: "error is NULL or the address of a pointer" (header, Errors).
    unsafe { guard("eref_event_unpark", error, body) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::store::event_kind;

    #[test]
    fn the_kinds_are_those_of_the_store() {
        let here =
            [EREF_EVENT_QUESTION, EREF_EVENT_MESSAGE, EREF_EVENT_WRITE, EREF_EVENT_DELIVERY, EREF_EVENT_LAUNCH, EREF_EVENT_ALERT];
        use event_kind::*;
        assert_eq!(here, [QUESTION, MESSAGE, WRITE, DELIVERY, LAUNCH, ALERT]);
        assert_eq!(here.iter().sum::<u32>(), EREF_EVENT_ALL);
    }

    #[test]
    fn a_member_is_found_by_its_dotted_name_and_keeps_its_digits() {
        let document = r#"{"title": "Pr\u00e9nom", "issue": [{"n": 1.10}], "gone": null}"#;
        assert_eq!(member(document, "title").as_deref(), Some("Prénom"));
        assert_eq!(member(document, "issue.0.n").as_deref(), Some("1.10"));
        assert_eq!(member(document, "issue[0].n").as_deref(), Some("1.10"));
        assert_eq!(member(document, "issue.0").as_deref(), Some(r#"{"n": 1.10}"#));
        for absent in ["gone", "", "issue.1", "issue.x", "issue[1].n", "[0]", "title.more", "issue.0.n.0"] {
            assert_eq!(member(document, absent), None, "{absent}");
        }
    }
}
