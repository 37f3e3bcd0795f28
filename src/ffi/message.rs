//! Messages.

use std::collections::BTreeMap;
use std::ffi::c_char;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use super::cancel::{eref_cancel, token};
use super::engine::{engine_in, eref_engine};
use super::error::eref_error;
use super::guard::{guard, guard_value};
use super::handle::{Handle, Head, checked, reclaim};
use super::text::{Text, bytes_in, eref_text, optional_output, output, text_in};
use crate::error::{EREF_INVALID_ARGUMENT, EREF_TOO_LARGE, Error, Result};
use crate::memory;
use crate::proto::messaging::Message;
use crate::proto::settings::Limits;

/// A message: received, parsed or composed; a value. Its bytes are exactly what was received or will be sent.
#[repr(C, align(8))]
pub struct eref_message {
    head: Head,
    message: Arc<Message>,
    /// Part of an event, and freed with it only.
    of_event: bool,
    event: OnceLock<Text>,
    json: OnceLock<Text>,
    issues: OnceLock<Text>,
    fields: Mutex<BTreeMap<String, Text>>,
}

impl Handle for eref_message {
    const NAME: &'static str = "eref_message";
    fn head(&self) -> &Head {
        &self.head
    }
}

impl eref_message {
    pub(super) fn new(message: Arc<Message>, of_event: bool) -> Self {
        Self {
            head: Self::new_head(),
            message,
            of_event,
            event: OnceLock::new(),
            json: OnceLock::new(),
            issues: OnceLock::new(),
            fields: Mutex::new(BTreeMap::new()),
        }
    }

    pub(super) fn message(&self) -> &Message {
        &self.message
    }

    /// The media type of an attachment, kept for as long as the message lives. Fetching may change it once, and both stay.
    fn attachment_type(&self, index: usize) -> Result<eref_text> {
        let Some(kind) = self.message.attachment_type(index)? else { return Ok(eref_text::NONE) };
        let mut fields = self.fields.lock().unwrap_or_else(PoisonError::into_inner);
        // No field is called like this.
        Ok(fields.entry(format!("{index} {kind}")).or_insert_with(|| Text::new(kind)).view())
    }

    /// The value of a field, kept for as long as the message lives.
    fn field(&self, name: &str) -> Result<eref_text> {
        let mut fields = self.fields.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(text) = fields.get(name) {
            return Ok(text.view());
        }
        let Some(value) = self.message.field(name)? else { return Ok(eref_text::NONE) };
        Ok(fields.entry(name.to_owned()).or_insert_with(|| Text::new(&value)).view())
    }
}

/// A copy of what may be large: refused when it is too large, or when there is no memory for it.
fn copy(bytes: &[u8], limit: usize) -> Result<Vec<u8>> {
    if bytes.len() > limit {
        return Err(Error::new(EREF_TOO_LARGE, format!("the message is larger than limits.message_bytes ({limit})")));
    }
    memory::copy(bytes, "a copy of the message")
}

/// Reads a message that did not come through an engine: a FHIR Bundle of type "message" as JSON. Needs no engine.
///
/// Ownership: *out is owned by the caller: eref_message_free. The Bundle is copied.
/// Threads: any.
/// Errors: EREF_INVALID_JSON, EREF_INVALID_CONTENT (the detail is an OperationOutcome naming the elements), EREF_TOO_LARGE.
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eref_message_parse(
    bundle: *const c_char,
    bundle_len: usize,
    out: *mut *mut eref_message,
    error: *mut *mut eref_error,
) -> i32 {
    // SAFETY: readable text and writable output (header, Text and Outputs).
    let body = || unsafe {
        let out = output(out, std::ptr::null_mut(), "out")?;
        let limits = Limits::default();
        let bundle = copy(bytes_in(bundle, bundle_len, "bundle")?, limits.message_bytes)?;
        *out = eref_message::new(Arc::new(Message::parse(bundle, &limits)?), false).into_raw();
        Ok(())
    };
    // SAFETY: "error is NULL or the address of a pointer" (header, Errors).
    unsafe { guard("eref_message_parse", error, body) }
}

/// What happened, as the guide's event code, for example "notify-add-appointment".
///
/// Ownership: the text is borrowed from the message and ends with it.
/// Threads: any.
/// Errors: none; out->data is NULL for a NULL message.
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eref_message_event(message: *const eref_message, out: *mut eref_text) {
    // SAFETY: live handle and writable output (header, Ownership and Outputs).
    guard_value("eref_message_event", (), || unsafe {
        let Some(out) = optional_output(out, eref_text::NONE) else { return };
        if let Ok(handle) = checked(message) {
            *out = handle.event.get_or_init(|| Text::new(handle.message.event())).view();
        }
    });
}

/// One field by its plain name, for example "patient.name.family", "appointment.start" or "patient.identifier[0].value" (docs/fields.md).
/// out->data is NULL when the message does not say.
///
/// Ownership: the text is borrowed from the message and ends with it.
/// Threads: any.
/// Errors: EREF_UNKNOWN_FIELD, EREF_INVALID_UTF8.
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eref_message_field(
    message: *const eref_message,
    name: *const c_char,
    name_len: usize,
    out: *mut eref_text,
    error: *mut *mut eref_error,
) -> i32 {
    // SAFETY: live handle, readable text, writable output (header, Ownership, Text and Outputs).
    let body = || unsafe {
        let out = output(out, eref_text::NONE, "out")?;
        *out = checked(message)?.field(text_in(name, name_len, "name")?)?;
        Ok(())
    };
    // SAFETY: "error is NULL or the address of a pointer" (header, Errors).
    unsafe { guard("eref_message_field", error, body) }
}

/// How often a repeating field or group occurs, for example "patient.identifier".
///
/// Ownership: nothing to free.
/// Threads: any.
/// Errors: EREF_UNKNOWN_FIELD, EREF_INVALID_UTF8.
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eref_message_field_count(
    message: *const eref_message,
    name: *const c_char,
    name_len: usize,
    out_count: *mut usize,
    error: *mut *mut eref_error,
) -> i32 {
    // SAFETY: live handle, readable text, writable output (header, Ownership, Text and Outputs).
    let body = || unsafe {
        let count = output(out_count, 0, "out_count")?;
        *count = checked(message)?.message.field_count(text_in(name, name_len, "name")?)?;
        Ok(())
    };
    // SAFETY: "error is NULL or the address of a pointer" (header, Errors).
    unsafe { guard("eref_message_field_count", error, body) }
}

/// The whole notification as a JSON object (docs/schema/notification.json): referral, patient, what happened.
///
/// Ownership: the text is borrowed from the message and ends with it.
/// Threads: any.
/// Errors: none; out->data is NULL for a NULL message.
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eref_message_json(message: *const eref_message, out: *mut eref_text) {
    // SAFETY: live handle and writable output (header, Ownership and Outputs).
    guard_value("eref_message_json", (), || unsafe {
        let Some(out) = optional_output(out, eref_text::NONE) else { return };
        if let Ok(handle) = checked(message) {
            *out = handle.json.get_or_init(|| Text::new(handle.message.document())).view();
        }
    });
}

/// The Bundle, byte for byte. The one text without a NUL behind it: use its length.
///
/// Ownership: the bytes are borrowed from the message and end with it.
/// Threads: any.
/// Errors: none; out->data is NULL for a NULL message.
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eref_message_bundle(message: *const eref_message, out: *mut eref_text) {
    // SAFETY: live handle and writable output (header, Ownership and Outputs).
    guard_value("eref_message_bundle", (), || unsafe {
        let Some(out) = optional_output(out, eref_text::NONE) else { return };
        if let Ok(handle) = checked(message) {
            *out = eref_text::of_bytes(handle.message.bundle());
        }
    });
}

/// Everything found wrong or odd in the message, as an OperationOutcome whose issues have "severity" (error, warning, information), "code",
/// "expression" (the place), "details.text" and, in "diagnostics", the source of the rule; the list is empty when nothing was found. The
/// first call checks the message, as one of the dialect it seems to be written in (docs/dialects.md). Findings refuse nothing.
///
/// Ownership: the text is borrowed from the message and ends with it.
/// Threads: any.
/// Errors: none; out->data is NULL for a NULL message.
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eref_message_issues(message: *const eref_message, out: *mut eref_text) {
    // SAFETY: live handle and writable output (header, Ownership and Outputs).
    guard_value("eref_message_issues", (), || unsafe {
        let Some(out) = optional_output(out, eref_text::NONE) else { return };
        if let Ok(handle) = checked(message) {
            *out = handle.issues.get_or_init(|| Text::new(handle.message.issues())).view();
        }
    });
}

/// How many attachments the message has, those included that are only a URL. 0 for NULL.
///
/// Ownership: nothing to free.
/// Threads: any.
/// Errors: none.
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eref_message_attachment_count(message: *const eref_message) -> usize {
    // SAFETY: live handle (header, Ownership).
    guard_value("eref_message_attachment_count", 0, || unsafe {
        checked(message).map_or(0, |handle| handle.message.attachment_count())
    })
}

/// Decodes an attachment piece by piece: fills the buffer from byte offset on; *out_read is 0 at the end. index is the one of
/// attachment[index].title, .content_type, .size and .url (docs/fields.md), and the place in "attachments" of eref_message_json.
///
/// To write an attachment of a MESSAGE event to a file:
///
///     uint8_t piece[65536];
///     size_t at = 0, read;
///     status = eref_attachment_fetch(engine, message, i, 60000, NULL, &error);
///     while (status == EREF_OK) {
///         status = eref_message_attachment_read(message, i, at, piece, sizeof piece, &read, &error);
///         if (status != EREF_OK || read == 0) break;
///         fwrite(piece, 1, read, file);
///         at += read;
///     }
///
/// Ownership: the buffer stays the caller's.
/// Threads: any.
/// Errors: EREF_NOT_FOUND (no such index, or the attachment is only a URL and was not fetched with eref_attachment_fetch),
/// EREF_INVALID_CONTENT (not base64), EREF_INVALID_ARGUMENT.
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eref_message_attachment_read(
    message: *const eref_message,
    index: usize,
    offset: usize,
    buffer: *mut u8,
    buffer_len: usize,
    out_read: *mut usize,
    error: *mut *mut eref_error,
) -> i32 {
    // SAFETY: live handle and writable outputs (header, Ownership and Outputs).
    let body = || unsafe {
        let read = output(out_read, 0, "out_read")?;
        let handle = checked(message)?;
        if buffer.is_null() || buffer_len > isize::MAX as usize {
            return Err(Error::new(EREF_INVALID_ARGUMENT, "buffer is NULL or its length is out of range"));
        }
        // The caller's memory need not be initialised, a slice must be.
        buffer.write_bytes(0, buffer_len);
        *read = handle.message.attachment_read(index, offset as u64, std::slice::from_raw_parts_mut(buffer, buffer_len))?;
        Ok(())
    };
    // SAFETY: "error is NULL or the address of a pointer" (header, Errors).
    unsafe { guard("eref_message_attachment_read", error, body) }
}

/// Compares an attachment with the size and the hash that the message states of it. It takes the whole content, so it is a call of its own.
/// What the message does not state counts as right. A difference is mostly a mistake of the sender: show the attachment, and say so.
///
/// Ownership: nothing to free.
/// Threads: any.
/// Errors: EREF_INVALID_CONTENT (the message says whether size or hash differ, or that it is not base64), EREF_NOT_FOUND (as
/// eref_message_attachment_read).
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eref_message_attachment_check(
    message: *const eref_message,
    index: usize,
    error: *mut *mut eref_error,
) -> i32 {
    // SAFETY: live handle (header, Ownership).
    let body = || unsafe { checked(message)?.message.attachment_check(index) };
    // SAFETY: "error is NULL or the address of a pointer" (header, Errors).
    unsafe { guard("eref_message_attachment_check", error, body) }
}

/// The media type of an attachment: the one its host gave when it was fetched, else the one the message states. out->data is NULL when
/// nobody said.
///
/// Ownership: the text is borrowed from the message and ends with it.
/// Threads: any.
/// Errors: EREF_NOT_FOUND (no such index).
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eref_message_attachment_type(
    message: *const eref_message,
    index: usize,
    out: *mut eref_text,
    error: *mut *mut eref_error,
) -> i32 {
    // SAFETY: live handle and writable output (header, Ownership and Outputs).
    let body = || unsafe {
        let out = output(out, eref_text::NONE, "out")?;
        *out = checked(message)?.attachment_type(index)?;
        Ok(())
    };
    // SAFETY: "error is NULL or the address of a pointer" (header, Errors).
    unsafe { guard("eref_message_attachment_type", error, body) }
}

/// Fetches an attachment that is only a URL; after that eref_message_attachment_read reads it as if it had come with the message. message is
/// that of a MESSAGE event of this engine (eref_event_message). An attachment that is in the message is left as it is, so this can be called
/// for each. What was fetched once is kept in the store, sealed, for as long as the message, and costs no network again, also after a
/// restart.
///
/// It is fetched from the hosts of that partner only (messaging.attachment_hosts), with our credential for it, over no redirect to another
/// host and from no private address unless "private" says so. Relative URLs lie below the partner's FHIR base. Size and hash must be those
/// that the message states, the media type too; else nothing is kept.
///
/// Blocks for at most timeout_ms; 0 asks the store alone; EREF_NO_TIMEOUT waits as long as the configuration allows. A cancel ends it within
/// a tenth of a second, or while connecting within network.connect_ms.
///
/// Ownership: nothing to free.
/// Threads: any; extend the lease of the event (eref_event_extend) before a long wait.
/// Errors: EREF_NOT_FOUND (no such index, or the host answered 404), EREF_FORBIDDEN (an untrusted message, not a host of the partner, a
/// redirect to another host, a private address), EREF_TOO_LARGE (limits.attachment_bytes), EREF_INVALID_CONTENT (media type, size or hash), EREF_TIMEOUT,
/// EREF_CANCELLED, EREF_NETWORK, EREF_TLS, EREF_REMOTE (eref_error_http_status says what the host answered), EREF_CONFIG, EREF_STORE,
/// EREF_INVALID_ARGUMENT (not a message of an event), EREF_FORKED.
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eref_attachment_fetch(
    engine: *const eref_engine,
    message: *const eref_message,
    index: usize,
    timeout_ms: u32,
    cancel: *const eref_cancel,
    error: *mut *mut eref_error,
) -> i32 {
    // SAFETY: live handles (header, Ownership).
    let body = || unsafe {
        let (engine, cancel) = (engine_in(engine)?, token(cancel)?);
        engine.attachment_fetch(checked(message)?.message(), index, Duration::from_millis(timeout_ms.into()), cancel.as_ref())
    };
    // SAFETY: "error is NULL or the address of a pointer" (header, Errors).
    unsafe { guard("eref_attachment_fetch", error, body) }
}

/// Frees a message. NULL is allowed; so is a message borrowed from an event: that one stays until its event is freed.
///
/// Ownership: the message and the texts borrowed from it end here.
/// Threads: any, but not while another thread reads it.
/// Errors: none.
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eref_message_free(message: *mut eref_message) {
    // SAFETY: the caller gives the message up.
    guard_value("eref_message_free", (), || unsafe {
        if checked(message).is_ok_and(|handle| !handle.of_event) {
            drop(reclaim(message));
        }
    });
}
