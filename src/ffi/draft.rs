//! Messages being composed.

use std::ffi::c_char;
use std::mem::ManuallyDrop;
use std::sync::Arc;

use super::engine::{at_home, eref_engine};
use super::error::eref_error;
use super::guard::{guard, guard_value};
use super::handle::{Exclusive, ExclusiveHandle, Handle, Head, Home, exclusive, free_exclusive};
use super::message::eref_message;
use super::string::eref_string;
use super::text::{bytes_in, data_in, output, text_in};
use crate::engine::Engine;
use crate::proto::messaging::Draft;

/// A message being composed from plain fields, the host's own FHIR resources, and files. Exclusive.
#[repr(C, align(8))]
pub struct eref_draft {
    head: Head,
    cell: Exclusive<Composing>,
}

/// A draft with the engine that checks it.
pub(super) struct Composing {
    draft: Draft,
    engine: ManuallyDrop<Engine>,
    home: Home,
}

impl Drop for Composing {
    fn drop(&mut self) {
        if self.home.is_here() {
            // SAFETY: dropped here only, and never used again.
            unsafe { ManuallyDrop::drop(&mut self.engine) };
        }
    }
}

impl Handle for eref_draft {
    const NAME: &'static str = "eref_draft";
    fn head(&self) -> &Head {
        &self.head
    }
}

impl ExclusiveHandle for eref_draft {
    type Value = Composing;
    fn cell(&self) -> &Exclusive<Composing> {
        &self.cell
    }
}

/// Begins a message to a partner; event is the guide's code, for example "add-service-request".
///
/// It begins with nothing: all that the event needs is to be set, the referral's number (referral.identifier[0].value) too, except in a new
/// referral, which gets one where none is set. So use it for new referrals, and for referrals that this store does not know. About a
/// referral that is known here use eref_draft_new_for: a message has to carry the referral's full current content, with the numbers of both
/// sides and the ids of its parts, which only that call fills in. What is left out of a draft made here is gone at the partner's.
///
/// Ownership: *out is owned by the caller: eref_draft_free. The texts are copied.
/// Threads: any.
/// Errors: EREF_NOT_FOUND (partner), EREF_UNKNOWN_EVENT, EREF_CONFIG (the partner has no "messaging.endpoint", or an unknown
/// dialect), EREF_INVALID_UTF8, EREF_FORKED.
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eref_draft_new(
    engine: *const eref_engine,
    partner: *const c_char,
    partner_len: usize,
    event: *const c_char,
    event_len: usize,
    out: *mut *mut eref_draft,
    error: *mut *mut eref_error,
) -> i32 {
    // SAFETY: live handle, readable texts, writable output (header, Ownership, Text and Outputs).
    let body = || unsafe {
        let out = output(out, std::ptr::null_mut(), "out")?;
        let (engine, home) = at_home(engine)?;
        let draft = engine.draft(text_in(partner, partner_len, "partner")?, text_in(event, event_len, "event")?)?;
        let composing = Composing { draft, engine: ManuallyDrop::new(engine.guest()), home };
        *out = eref_draft { head: eref_draft::new_head(), cell: Exclusive::new(composing) }.into_raw();
        Ok(())
    };
    // SAFETY: "error is NULL or the address of a pointer" (header, Errors).
    unsafe { guard("eref_draft_new", error, body) }
}

/// Begins a message to a partner about a referral known here: what you do not set is as it was last said, beyond the plain fields too.
/// Fields you set win; an empty value takes away what is there.
///
/// referral_id is the "referral_id" of a notification or of eref_referral_find. relation is empty, or makes the message about a new
/// referral that comes out of that one: "forwarded" (it replaces it), "split" (it is one of several), "chained" (it is made from it once
/// it was performed). For a new referral set who is to perform it.
///
/// Ownership: *out is owned by the caller: eref_draft_free. The texts are copied.
/// Threads: any.
/// Errors: EREF_NOT_FOUND (partner, referral, or none of its messages is kept any more), EREF_UNKNOWN_EVENT, EREF_INVALID_ARGUMENT
/// (relation), EREF_CONFIG, EREF_STORE, EREF_INVALID_UTF8, EREF_FORKED.
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eref_draft_new_for(
    engine: *const eref_engine,
    partner: *const c_char,
    partner_len: usize,
    event: *const c_char,
    event_len: usize,
    referral_id: *const c_char,
    referral_id_len: usize,
    relation: *const c_char,
    relation_len: usize,
    out: *mut *mut eref_draft,
    error: *mut *mut eref_error,
) -> i32 {
    // SAFETY: live handle, readable texts, writable output (header, Ownership, Text and Outputs).
    let body = || unsafe {
        let out = output(out, std::ptr::null_mut(), "out")?;
        let (engine, home) = at_home(engine)?;
        let (partner, event) = (text_in(partner, partner_len, "partner")?, text_in(event, event_len, "event")?);
        let referral_id = text_in(referral_id, referral_id_len, "referral_id")?;
        let draft = engine.draft_for(partner, event, referral_id, text_in(relation, relation_len, "relation")?)?;
        let composing = Composing { draft, engine: ManuallyDrop::new(engine.guest()), home };
        *out = eref_draft { head: eref_draft::new_head(), cell: Exclusive::new(composing) }.into_raw();
        Ok(())
    };
    // SAFETY: "error is NULL or the address of a pointer" (header, Errors).
    unsafe { guard("eref_draft_new_for", error, body) }
}

/// The form to fill, as a JSON object; its "fields" list has name, required, format, codes and an example of every field that means
/// something for this event, and under "default" what a known referral has there.
///
/// Ownership: *out is owned by the caller: eref_string_free.
/// Threads: one call at a time on a draft.
/// Errors: EREF_BUSY.
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eref_draft_fields_json(
    draft: *mut eref_draft,
    out: *mut *mut eref_string,
    error: *mut *mut eref_error,
) -> i32 {
    // SAFETY: live handle and writable output (header, Ownership and Outputs).
    let body = || unsafe {
        let out = output(out, std::ptr::null_mut(), "out")?;
        *out = exclusive(draft, |composing| Ok(eref_string::make(&composing.draft.fields_json())))?;
        Ok(())
    };
    // SAFETY: "error is NULL or the address of a pointer" (header, Errors).
    unsafe { guard("eref_draft_fields_json", error, body) }
}

/// Sets a field by its plain name, for example "patient.name.family" (docs/fields.md). "patient.identifier[+].value" begins another
/// repetition, "patient.identifier[0].value" changes one. An empty value removes the field.
///
/// Ownership: the texts are copied.
/// Threads: one call at a time on a draft.
/// Errors: EREF_UNKNOWN_FIELD, EREF_INVALID_FIELD (the message names field and expected form), EREF_INVALID_UTF8, EREF_BUSY.
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eref_draft_set(
    draft: *mut eref_draft,
    name: *const c_char,
    name_len: usize,
    value: *const c_char,
    value_len: usize,
    error: *mut *mut eref_error,
) -> i32 {
    // SAFETY: live handle and readable texts (header, Ownership and Text).
    let body = || unsafe {
        let (name, value) = (text_in(name, name_len, "name")?, text_in(value, value_len, "value")?);
        exclusive(draft, |composing| composing.draft.set(name, value))
    };
    // SAFETY: "error is NULL or the address of a pointer" (header, Errors).
    unsafe { guard("eref_draft_set", error, body) }
}

/// Adds a FHIR resource of the host's own, as JSON; what it says wins over fields of the same meaning.
///
/// Ownership: the text is copied.
/// Threads: one call at a time on a draft.
/// Errors: EREF_INVALID_JSON, EREF_INVALID_CONTENT, EREF_TOO_LARGE (the message names the limit), EREF_BUSY.
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eref_draft_add_resource(
    draft: *mut eref_draft,
    json: *const c_char,
    json_len: usize,
    error: *mut *mut eref_error,
) -> i32 {
    // SAFETY: live handle and readable text (header, Ownership and Text).
    let body = || unsafe {
        let json = bytes_in(json, json_len, "json")?;
        exclusive(draft, |composing| composing.draft.add_resource(json))
    };
    // SAFETY: "error is NULL or the address of a pointer" (header, Errors).
    unsafe { guard("eref_draft_add_resource", error, body) }
}

/// Adds a file, for example a referral letter. title is a file name with its extension, content_type its MIME type.
///
/// Ownership: the texts and the data are copied.
/// Threads: one call at a time on a draft.
/// Errors: EREF_TOO_LARGE (the message names the limit), EREF_INVALID_ARGUMENT (title, content_type, or no data), EREF_INVALID_UTF8,
/// EREF_BUSY.
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eref_draft_add_attachment(
    draft: *mut eref_draft,
    title: *const c_char,
    title_len: usize,
    content_type: *const c_char,
    content_type_len: usize,
    data: *const u8,
    data_len: usize,
    error: *mut *mut eref_error,
) -> i32 {
    // SAFETY: live handle, readable texts and data (header, Ownership and Text).
    let body = || unsafe {
        let title = text_in(title, title_len, "title")?;
        let content_type = text_in(content_type, content_type_len, "content_type")?;
        let data = data_in(data, data_len, "data")?;
        exclusive(draft, |composing| composing.draft.add_attachment(title, content_type, data))
    };
    // SAFETY: "error is NULL or the address of a pointer" (header, Errors).
    unsafe { guard("eref_draft_add_attachment", error, body) }
}

/// Adds a file that does not go in the message: the partner fetches it from our FHIR API, at a random address that the message states
/// with size and hash. It needs the credentials by which we know it as a sender (messaging.inbound); nobody else can fetch the file. It is
/// kept from the send on, as long as the body of the message (retention.body_days), or of a later one to this partner about the same
/// referral, which may repeat the address. Send the message as it was built: of one that was parsed again from its text the file is not
/// known any more. Partners to whom the referral is passed on later cannot fetch it.
///
/// Ownership: the texts and the data are copied.
/// Threads: one call at a time on a draft.
/// Errors: EREF_TOO_LARGE (the message names the limit), EREF_INVALID_ARGUMENT (title, content_type, or no data), EREF_CONFIG (the partner
/// has no credentials in messaging.inbound), EREF_INVALID_UTF8, EREF_BUSY.
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eref_draft_add_attachment_served(
    draft: *mut eref_draft,
    title: *const c_char,
    title_len: usize,
    content_type: *const c_char,
    content_type_len: usize,
    data: *const u8,
    data_len: usize,
    error: *mut *mut eref_error,
) -> i32 {
    // SAFETY: live handle, readable texts and data (header, Ownership and Text).
    let body = || unsafe {
        let title = text_in(title, title_len, "title")?;
        let content_type = text_in(content_type, content_type_len, "content_type")?;
        let data = data_in(data, data_len, "data")?;
        exclusive(draft, |composing| composing.draft.add_attachment_served(title, content_type, data))
    };
    // SAFETY: "error is NULL or the address of a pointer" (header, Errors).
    unsafe { guard("eref_draft_add_attachment_served", error, body) }
}

/// Adds a file that the partner fetches from an address, instead of one that goes in the message.
///
/// Ownership: the texts are copied.
/// Threads: one call at a time on a draft.
/// Errors: EREF_INVALID_ARGUMENT (title, content_type or url), EREF_INVALID_UTF8, EREF_BUSY.
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eref_draft_add_attachment_url(
    draft: *mut eref_draft,
    title: *const c_char,
    title_len: usize,
    content_type: *const c_char,
    content_type_len: usize,
    url: *const c_char,
    url_len: usize,
    error: *mut *mut eref_error,
) -> i32 {
    // SAFETY: live handle and readable texts (header, Ownership and Text).
    let body = || unsafe {
        let title = text_in(title, title_len, "title")?;
        let content_type = text_in(content_type, content_type_len, "content_type")?;
        let url = text_in(url, url_len, "url")?;
        exclusive(draft, |composing| composing.draft.add_attachment_url(title, content_type, url))
    };
    // SAFETY: "error is NULL or the address of a pointer" (header, Errors).
    unsafe { guard("eref_draft_add_attachment_url", error, body) }
}

/// Composes the message and checks it for the partner. The draft stays as it is: change it and build again.
///
/// Ownership: *out is owned by the caller: eref_message_free.
/// Threads: one call at a time on a draft.
/// Errors: EREF_INVALID_FIELD (the detail is an OperationOutcome with all findings at once), EREF_INVALID_CONTENT (the same:
/// the rules of the partner's dialect are not kept), EREF_TOO_LARGE, EREF_BUSY, EREF_FORKED.
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eref_draft_build(draft: *mut eref_draft, out: *mut *mut eref_message, error: *mut *mut eref_error) -> i32 {
    // SAFETY: live handle and writable output (header, Ownership and Outputs).
    let body = || unsafe {
        let out = output(out, std::ptr::null_mut(), "out")?;
        *out = exclusive(draft, |composing| {
            composing.home.check()?;
            let message = composing.engine.draft_build(&composing.draft)?;
            Ok(eref_message::new(Arc::new(message), false).into_raw())
        })?;
        Ok(())
    };
    // SAFETY: "error is NULL or the address of a pointer" (header, Errors).
    unsafe { guard("eref_draft_build", error, body) }
}

/// Frees a draft. NULL is allowed. Messages built from it are not touched.
///
/// Ownership: the draft ends here; freed during a call on it, it ends with that call.
/// Threads: any.
/// Errors: none.
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eref_draft_free(draft: *mut eref_draft) {
    // SAFETY: the caller gives the draft up.
    guard_value("eref_draft_free", (), || unsafe { free_exclusive(draft) });
}
