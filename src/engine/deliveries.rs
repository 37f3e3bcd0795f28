//! What became of messages sent, and what a person decides about them: send again, send another instead, drop.

use serde_json::{Value, json};

use crate::engine::{Engine, rfc3339};
use crate::error::{EREF_INVALID_ARGUMENT, EREF_NOT_FOUND, Error, Result};
use crate::io::clock;
use crate::log::Level;
use crate::proto::messaging::Message;
use crate::proto::messaging::parse::check_json;
use crate::proto::settings::{Limits, ResendBundleId};
use crate::proto::store::{DeliveryRecord, DeliveryState};

/// Longest reason for a drop, in bytes.
const REASON: usize = 500;

/// A message on its way, or arrived: as it stood in the outbox when it was looked at.
pub struct Delivery {
    /// As it stands in the outbox.
    pub record: DeliveryRecord,
    /// True when `send` found the same call made before.
    pub already: bool,
}

impl Delivery {
    /// The delivery as JSON (docs/schema/delivery.json).
    pub fn document(&self) -> String {
        document(&self.record, self.already)
    }
}

/// The delivery document; also the document of a DELIVERY event.
pub(super) fn document(record: &DeliveryRecord, already: bool) -> String {
    value(record, already).to_string()
}

fn value(record: &DeliveryRecord, already: bool) -> Value {
    // The partner's answer: as JSON where it is JSON, else as text.
    let answer = record.answer.as_deref().filter(|bytes| !bytes.is_empty()).map(|bytes| {
        let text = String::from_utf8_lossy(bytes);
        let checked = check_json(&text, "answer", &Limits::default()).ok();
        checked.and_then(|()| serde_json::from_str(&text).ok()).unwrap_or_else(|| Value::String(text.into_owned()))
    });
    let waits = matches!(record.state, DeliveryState::Queued | DeliveryState::UnknownOutcome) && record.next_attempt != 0;
    let (answered_at, answered_by) = record.answered.as_ref().map(|(at, by)| (rfc3339(*at), by)).unzip();
    json!({
        "delivery_id": record.id,
        "host_key": record.host_key,
        "partner": record.partner,
        "event": record.event,
        "message_id": record.message_id,
        "bundle_id": record.bundle_id,
        "referral_id": record.referral_id,
        "state": record.state.as_str(),
        "already": already,
        "attempts": record.attempts,
        "queued_at": rfc3339(record.created),
        "next_attempt_at": waits.then(|| rfc3339(record.next_attempt)),
        "http_status": (record.http_status != 0).then_some(record.http_status),
        "error": record.last_error,
        "answer": answer,
        "answered_at": answered_at,
        "answered_by": answered_by,
        "replaced_by": record.replaced_by,
        "dropped": record.dropped,
    })
}

impl Engine {
    /// Finds a delivery by its id or the host's key. `EREF_NOT_FOUND` when there is none.
    pub fn delivery_find(&self, id_or_key: &str) -> Result<Delivery> {
        let record = self.0.store.delivery(id_or_key)?;
        let record = record.ok_or_else(|| Error::new(EREF_NOT_FOUND, "there is no delivery of that id or host key"))?;
        Ok(Delivery { record, already: false })
    }

    /// Sends an unfinished, refused or dead delivery again: the same message, in a new Bundle unless the partner's `resend_bundle_id` is
    /// `same`. It goes out now even if the partner is not being reached. Errors: `EREF_NOT_FOUND`, `EREF_WRONG_STATE`.
    pub fn delivery_resend(&self, id: &str) -> Result<Delivery> {
        let before = self.delivery_find(id)?.record;
        let settings = self.0.settings();
        let messaging = settings.partner(&before.partner).and_then(|partner| partner.messaging.as_ref());
        let same = messaging.is_some_and(|messaging| messaging.resend_bundle_id == Some(ResendBundleId::Same));
        // messaging.md 10.1; what was never sent has nothing to differ from.
        let bundle_id = (!same && before.attempts > 0 && !before.bundle_id.is_empty()).then(clock::id);
        let record = self.0.store.requeue_delivery(&before.id, bundle_id.as_deref(), clock::now())?;
        self.0.worker.notify();
        self.0.log.line(Level::Info, "engine", format!("delivery {} to {}: sent again by hand", record.id, record.partner));
        Ok(Delivery { record, already: false })
    }

    /// Sends another message to the same partner instead of a delivery that did not get through, which stays as `replaced_by` this one.
    /// The message must be a new one, with ids of its own. Errors: as [`Engine::send`], and `EREF_NOT_FOUND`, `EREF_WRONG_STATE`
    /// (being sent, delivered, dropped, replaced), `EREF_INVALID_ARGUMENT` (the ids are those of the old message).
    pub fn delivery_replace(&self, id: &str, host_key: &str, message: &Message) -> Result<Delivery> {
        let old = self.delivery_find(id)?.record;
        if message.message_id() == old.message_id || message.bundle_id() == old.bundle_id {
            let text = "the message has an id of the one it replaces; expected a new MessageHeader.id and Bundle.id";
            return Err(Error::new(EREF_INVALID_ARGUMENT, text));
        }
        self.send_instead(&old.partner, host_key, message, Some(old.id))
    }

    /// Gives up an unfinished, refused or dead delivery; a DELIVERY event says so. `reason` is kept with it and stands in the audit trail.
    /// Errors: `EREF_NOT_FOUND`, `EREF_WRONG_STATE` (being sent, delivered, dropped, replaced), `EREF_INVALID_ARGUMENT` (reason).
    pub fn delivery_drop(&self, id: &str, reason: &str) -> Result<Delivery> {
        if reason.trim().is_empty() || reason.len() > REASON {
            return Err(Error::new(EREF_INVALID_ARGUMENT, format!("reason: expected 1 to {REASON} bytes")));
        }
        let mut record = self.delivery_find(id)?.record;
        let reason = format!("dropped: {reason}");
        (record.state, record.dropped, record.last_error) = (DeliveryState::Dead, true, Some(reason.clone()));
        let record = self.0.store.drop_delivery(&record.id, &reason, &document(&record, false), clock::now())?;
        self.0.queue.notify();
        self.0.log.line(Level::Info, "engine", format!("delivery {} to {}: dropped by hand", record.id, record.partner));
        Ok(Delivery { record, already: false })
    }

    /// The newest deliveries as a JSON array; `state` is one of the words of the delivery document, or empty for all.
    pub fn delivery_list(&self, state: &str, limit: u32) -> Result<String> {
        let state = match state {
            "" => None,
            word => Some((1..=6).filter_map(DeliveryState::from_number).find(|state| state.as_str() == word).ok_or_else(|| {
                Error::new(EREF_INVALID_ARGUMENT, "state: expected queued, sending, delivered, refused, unknown_outcome or dead")
            })?),
        };
        let list: Vec<Value> = self.0.store.deliveries(state, limit)?.iter().map(|record| value(record, false)).collect();
        Ok(Value::Array(list).to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_of_too_many_values_is_told_as_text() {
        let told = |answer: &str| {
            let record = DeliveryRecord {
                id: "d".into(),
                partner: "rms".into(),
                host_key: String::new(),
                event: "add-service-request".into(),
                message_id: "m".into(),
                bundle_id: "b".into(),
                referral_id: None,
                state: DeliveryState::Delivered,
                attempts: 1,
                created: 0,
                next_attempt: 0,
                http_status: 200,
                last_error: None,
                answer: Some(answer.as_bytes().to_vec()),
                renamed: false,
                answered: None,
                replaced_by: None,
                dropped: false,
            };
            value(&record, false)["answer"].take()
        };
        assert_eq!(told(r#"{"a":[1]}"#), json!({"a": [1]}));
        for text in [format!("[{}0]", "0,".repeat(Limits::default().json_values)), r#"{"a":1,"a":2}"#.to_owned()] {
            assert!(told(&text).is_string());
        }
    }
}
