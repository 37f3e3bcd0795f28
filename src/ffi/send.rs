//! Sending, and what became of it.

use std::ffi::c_char;

use super::engine::{engine_in, eref_engine};
use super::error::eref_error;
use super::guard::{guard, guard_value};
use super::handle::{Handle, Head, checked, reclaim};
use super::message::eref_message;
use super::string::eref_string;
use super::text::{Text, eref_text, optional_output, output, text_in};
use crate::engine::{Delivery, SendOptions};
use crate::error::{EREF_INVALID_ARGUMENT, Error, Result};
use crate::proto::store::DeliveryState;

/// State of a delivery: stored, waiting for its turn.
pub const EREF_DELIVERY_QUEUED: i32 = 1;
/// State of a delivery: being sent right now.
pub const EREF_DELIVERY_SENDING: i32 = 2;
/// State of a delivery: the partner has it.
pub const EREF_DELIVERY_DELIVERED: i32 = 3;
/// State of a delivery: the partner refused it for good. A changed message with a new host key is needed.
pub const EREF_DELIVERY_REFUSED: i32 = 4;
/// State of a delivery: it went out and no answer came, so the partner may have it. It is sent again with the same ids.
pub const EREF_DELIVERY_UNKNOWN_OUTCOME: i32 = 5;
/// State of a delivery: given up after the last retry, parked because the partner does not take our credential, or dropped.
/// eref_delivery_resend tries again, unless it was dropped or replaced.
pub const EREF_DELIVERY_DEAD: i32 = 6;

/// A message on its way, or arrived, as it stood when this was asked; a value.
#[repr(C, align(8))]
pub struct eref_delivery {
    head: Head,
    id: Text,
    document: Text,
    state: i32,
    already: bool,
}

impl Handle for eref_delivery {
    const NAME: &'static str = "eref_delivery";
    fn head(&self) -> &Head {
        &self.head
    }
}

impl eref_delivery {
    fn make(delivery: &Delivery) -> *mut Self {
        Self {
            head: Self::new_head(),
            id: Text::new(&delivery.record.id),
            document: Text::new(&delivery.document()),
            state: delivery.record.state as i32,
            already: delivery.already,
        }
        .into_raw()
    }
}

/// Hands a message over for delivery to a partner. When it returns EREF_OK the message is on disk: it will be delivered, also after a
/// crash, and a DELIVERY event tells what became of it.
///
/// host_key is the host's own id of this act, for example the number of its referral record. The same key with the same content
/// answers with the first delivery (eref_delivery_is_repeat tells), so a host that crashed before it noted the result just repeats
/// the call.
///
/// Ownership: *out is owned by the caller: eref_delivery_free. The message is copied and stays the caller's.
/// Threads: any.
/// Errors: EREF_KEY_REUSED (same key, other content), EREF_NOT_FOUND (partner), EREF_CONFIG (it has no "messaging.endpoint"),
/// EREF_INVALID_ARGUMENT (host_key has not 1 to 255 bytes), EREF_UNKNOWN_EVENT, EREF_TEST_DATA (test and real would mix),
/// EREF_INVALID_CONTENT (the message has errors; the detail is an OperationOutcome with all of them), EREF_FORBIDDEN (by our part in the
/// referral this is not ours to say), EREF_WRONG_STATE (a step that its life does not foresee; eref_send_with can force it), EREF_STORE,
/// EREF_FORKED.
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eref_send(
    engine: *const eref_engine,
    partner: *const c_char,
    partner_len: usize,
    host_key: *const c_char,
    host_key_len: usize,
    message: *const eref_message,
    out: *mut *mut eref_delivery,
    error: *mut *mut eref_error,
) -> i32 {
    // SAFETY: live handles, readable texts, writable output (header, Ownership, Text and Outputs).
    let body = || unsafe {
        let out = output(out, std::ptr::null_mut(), "out")?;
        let (partner, host_key) = (text_in(partner, partner_len, "partner")?, text_in(host_key, host_key_len, "host_key")?);
        if host_key.is_empty() {
            return Err(Error::new(EREF_INVALID_ARGUMENT, "host_key is empty"));
        }
        *out = eref_delivery::make(&engine_in(engine)?.send(partner, host_key, checked(message)?.message())?);
        Ok(())
    };
    // SAFETY: "error is NULL or the address of a pointer" (header, Errors).
    unsafe { guard("eref_send", error, body) }
}

/// As eref_send, with options: a JSON object (docs/schema/send-options.json), or empty for none. "force" is the reason why a step that is
/// not foreseen is taken all the same; it stands in the audit. "complete": true lets us add to a Bundle of your own what it lacks: ids,
/// fullUrls, timestamp, profiles, the label of test data; without it a Bundle goes byte for byte or is refused.
///
/// Ownership: *out is owned by the caller: eref_delivery_free. Message and texts are copied.
/// Threads: any.
/// Errors: as eref_send; EREF_INVALID_JSON and EREF_INVALID_ARGUMENT (options).
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eref_send_with(
    engine: *const eref_engine,
    partner: *const c_char,
    partner_len: usize,
    host_key: *const c_char,
    host_key_len: usize,
    message: *const eref_message,
    options: *const c_char,
    options_len: usize,
    out: *mut *mut eref_delivery,
    error: *mut *mut eref_error,
) -> i32 {
    // SAFETY: live handles, readable texts, writable output (header, Ownership, Text and Outputs).
    let body = || unsafe {
        let out = output(out, std::ptr::null_mut(), "out")?;
        let (partner, host_key) = (text_in(partner, partner_len, "partner")?, text_in(host_key, host_key_len, "host_key")?);
        let options = SendOptions::parse(text_in(options, options_len, "options")?)?;
        *out = eref_delivery::make(&engine_in(engine)?.send_with(partner, host_key, checked(message)?.message(), &options)?);
        Ok(())
    };
    // SAFETY: "error is NULL or the address of a pointer" (header, Errors).
    unsafe { guard("eref_send_with", error, body) }
}

/// Finds a delivery by its id or by the host's key.
///
/// Ownership: *out is owned by the caller: eref_delivery_free.
/// Threads: any.
/// Errors: EREF_NOT_FOUND, EREF_STORE, EREF_FORKED.
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eref_delivery_find(
    engine: *const eref_engine,
    id_or_key: *const c_char,
    id_or_key_len: usize,
    out: *mut *mut eref_delivery,
    error: *mut *mut eref_error,
) -> i32 {
    // SAFETY: live handle, readable text, writable output (header, Ownership, Text and Outputs).
    let body = || unsafe {
        let out = output(out, std::ptr::null_mut(), "out")?;
        *out = eref_delivery::make(&engine_in(engine)?.delivery_find(text_in(id_or_key, id_or_key_len, "id_or_key")?)?);
        Ok(())
    };
    // SAFETY: "error is NULL or the address of a pointer" (header, Errors).
    unsafe { guard("eref_delivery_find", error, body) }
}

/// Sends a delivery again that is unfinished, refused or dead, at once, even if the partner is not being reached. It is the same message,
/// with the same MessageHeader.id, so that the partner can tell; in a Bundle with a new id, unless the partner's
/// "messaging.resend_bundle_id" is "same".
///
/// Ownership: *out is owned by the caller: eref_delivery_free.
/// Threads: any.
/// Errors: EREF_NOT_FOUND, EREF_WRONG_STATE (it was delivered, dropped or replaced, or is being sent), EREF_STORE, EREF_FORKED.
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eref_delivery_resend(
    engine: *const eref_engine,
    id: *const c_char,
    id_len: usize,
    out: *mut *mut eref_delivery,
    error: *mut *mut eref_error,
) -> i32 {
    // SAFETY: live handle, readable text, writable output (header, Ownership, Text and Outputs).
    let body = || unsafe {
        let out = output(out, std::ptr::null_mut(), "out")?;
        *out = eref_delivery::make(&engine_in(engine)?.delivery_resend(text_in(id, id_len, "id")?)?);
        Ok(())
    };
    // SAFETY: "error is NULL or the address of a pointer" (header, Errors).
    unsafe { guard("eref_delivery_resend", error, body) }
}

/// Sends another message to the same partner instead of a delivery that did not get through: the corrected one instead of a refused
/// one. The old delivery stays, with "replaced_by" naming the new. The message is a new one, built or composed anew, with ids of its own;
/// host_key is a new key of the host's, as for eref_send.
///
/// Ownership: *out is owned by the caller: eref_delivery_free. The message is copied and stays the caller's.
/// Threads: any.
/// Errors: EREF_NOT_FOUND, EREF_WRONG_STATE (the old one was delivered, dropped or replaced, or is being sent), EREF_INVALID_ARGUMENT (the
/// message has the ids of the old one), and those of eref_send.
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eref_delivery_replace(
    engine: *const eref_engine,
    id: *const c_char,
    id_len: usize,
    host_key: *const c_char,
    host_key_len: usize,
    message: *const eref_message,
    out: *mut *mut eref_delivery,
    error: *mut *mut eref_error,
) -> i32 {
    // SAFETY: live handles, readable texts, writable output (header, Ownership, Text and Outputs).
    let body = || unsafe {
        let out = output(out, std::ptr::null_mut(), "out")?;
        let (id, host_key) = (text_in(id, id_len, "id")?, text_in(host_key, host_key_len, "host_key")?);
        *out = eref_delivery::make(&engine_in(engine)?.delivery_replace(id, host_key, checked(message)?.message())?);
        Ok(())
    };
    // SAFETY: "error is NULL or the address of a pointer" (header, Errors).
    unsafe { guard("eref_delivery_replace", error, body) }
}

/// Gives up a delivery that is unfinished, refused or dead: it becomes dead and is not sent again. A DELIVERY event says so. reason has 1
/// to 500 bytes, is kept with the delivery and stands in the audit trail.
///
/// Ownership: nothing to free.
/// Threads: any.
/// Errors: EREF_NOT_FOUND, EREF_WRONG_STATE (it was delivered, dropped or replaced, or is being sent), EREF_INVALID_ARGUMENT (reason),
/// EREF_STORE, EREF_FORKED.
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eref_delivery_drop(
    engine: *const eref_engine,
    id: *const c_char,
    id_len: usize,
    reason: *const c_char,
    reason_len: usize,
    error: *mut *mut eref_error,
) -> i32 {
    // SAFETY: live handle, readable texts (header, Ownership and Text).
    let body = || unsafe {
        let (id, reason) = (text_in(id, id_len, "id")?, text_in(reason, reason_len, "reason")?);
        engine_in(engine)?.delivery_drop(id, reason).map(drop)
    };
    // SAFETY: "error is NULL or the address of a pointer" (header, Errors).
    unsafe { guard("eref_delivery_drop", error, body) }
}

/// The newest deliveries, at most limit, as a JSON array; state is one of EREF_DELIVERY_*, or 0 for all.
///
/// Ownership: *out is owned by the caller: eref_string_free.
/// Threads: any.
/// Errors: EREF_INVALID_ARGUMENT (state), EREF_STORE, EREF_FORKED.
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eref_delivery_list(
    engine: *const eref_engine,
    state: i32,
    limit: u32,
    out: *mut *mut eref_string,
    error: *mut *mut eref_error,
) -> i32 {
    // SAFETY: live handle and writable output (header, Ownership and Outputs).
    let body = || unsafe {
        let out = output(out, std::ptr::null_mut(), "out")?;
        *out = eref_string::make(&engine_in(engine)?.delivery_list(word_of(state)?, limit)?);
        Ok(())
    };
    // SAFETY: "error is NULL or the address of a pointer" (header, Errors).
    unsafe { guard("eref_delivery_list", error, body) }
}

fn word_of(state: i32) -> Result<&'static str> {
    match (state, DeliveryState::from_number(state)) {
        (0, _) => Ok(""),
        (_, Some(state)) => Ok(state.as_str()),
        _ => Err(Error::new(EREF_INVALID_ARGUMENT, "state is none of EREF_DELIVERY_*")),
    }
}

/// The id of the delivery, as in DELIVERY events.
///
/// Ownership: the text is borrowed from the delivery and ends with it.
/// Threads: any.
/// Errors: none; out->data is NULL for a NULL delivery.
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eref_delivery_id(delivery: *const eref_delivery, out: *mut eref_text) {
    // SAFETY: live handle and writable output (header, Ownership and Outputs).
    guard_value("eref_delivery_id", (), || unsafe {
        optional_output(out, checked(delivery).map_or(eref_text::NONE, |delivery| delivery.id.view()));
    });
}

/// Where the delivery stood, one of EREF_DELIVERY_*. 0 for NULL.
///
/// Ownership: nothing to free.
/// Threads: any.
/// Errors: none.
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eref_delivery_state(delivery: *const eref_delivery) -> i32 {
    // SAFETY: live handle (header, Ownership).
    guard_value("eref_delivery_state", 0, || unsafe { checked(delivery) }.map_or(0, |delivery| delivery.state))
}

/// 1 when eref_send found that the same call was made before, else 0.
///
/// Ownership: nothing to free.
/// Threads: any.
/// Errors: none.
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eref_delivery_is_repeat(delivery: *const eref_delivery) -> i32 {
    // SAFETY: live handle (header, Ownership).
    guard_value("eref_delivery_is_repeat", 0, || unsafe { checked(delivery) }.map_or(0, |delivery| i32::from(delivery.already)))
}

/// The delivery as a JSON object (docs/schema/delivery.json): partner, state, attempts, times, the partner's answer.
///
/// Ownership: the text is borrowed from the delivery and ends with it.
/// Threads: any.
/// Errors: none; out->data is NULL for a NULL delivery.
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eref_delivery_json(delivery: *const eref_delivery, out: *mut eref_text) {
    // SAFETY: live handle and writable output (header, Ownership and Outputs).
    guard_value("eref_delivery_json", (), || unsafe {
        optional_output(out, checked(delivery).map_or(eref_text::NONE, |delivery| delivery.document.view()));
    });
}

/// Frees the handle; the delivery itself goes on. NULL is allowed.
///
/// Ownership: the handle and the texts borrowed from it end here.
/// Threads: any, but not while another thread reads it.
/// Errors: none.
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eref_delivery_free(delivery: *mut eref_delivery) {
    // SAFETY: the caller gives the handle up.
    guard_value("eref_delivery_free", (), || drop(unsafe { reclaim(delivery) }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_states_are_those_of_the_store() {
        let numbers = [
            (EREF_DELIVERY_QUEUED, "queued"),
            (EREF_DELIVERY_SENDING, "sending"),
            (EREF_DELIVERY_DELIVERED, "delivered"),
            (EREF_DELIVERY_REFUSED, "refused"),
            (EREF_DELIVERY_UNKNOWN_OUTCOME, "unknown_outcome"),
            (EREF_DELIVERY_DEAD, "dead"),
        ];
        assert!(numbers.iter().all(|(number, word)| word_of(*number).as_deref() == Ok(*word)));
        assert_eq!(word_of(0).as_deref(), Ok(""));
        assert!(word_of(7).is_err());
    }
}
