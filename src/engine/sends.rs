//! Sends: drafts, the outbox, referrals.

use serde_json::{Value, json};

use crate::engine::{Engine, rfc3339};
use crate::error::{EREF_CONFIG, EREF_INVALID_ARGUMENT, EREF_NOT_FOUND, EREF_TEST_DATA, EREF_UNKNOWN_EVENT, Error, Result};
use crate::io::clock;
use crate::log::Level;
use crate::memory;
use crate::proto::guide::events::{self, Direction};
use crate::proto::messaging::parse::check_json;
use crate::proto::messaging::{Draft, Message, notification};
use crate::proto::settings::Limits;
use crate::proto::store::{
    DeliveryRecord, DeliveryState, Identifier, OutgoingMessage, ReferralRecord, ReferralRole, ReferralUpdate,
};

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

/// What a message that we send says of its referral: we take the side that sends this event (messaging.md 3.1).
fn referral_sent(message: &Message) -> Result<Option<ReferralUpdate>> {
    let (ours, theirs) = match events::info(message.event()).map(|info| info.direction) {
        Some(Direction::TargetToSource) => (ReferralRole::Target, ReferralRole::Source),
        Some(Direction::SourceToCopy) => (ReferralRole::Source, ReferralRole::Copy),
        _ => (ReferralRole::Source, ReferralRole::Target),
    };
    Ok(notification::referral_update(message.view()?, message.event(), ours, theirs))
}

/// The delivery document; also the document of a DELIVERY event.
pub(crate) fn document(record: &DeliveryRecord, already: bool) -> String {
    value(record, already).to_string()
}

fn value(record: &DeliveryRecord, already: bool) -> Value {
    // The partner's answer: as JSON where it is JSON, else as text.
    let answer = record.answer.as_deref().filter(|bytes| !bytes.is_empty()).map(|bytes| {
        let text = String::from_utf8_lossy(bytes);
        let checked = check_json(&text, "answer", &Limits::default()).ok();
        checked.and_then(|()| serde_json::from_str(&text).ok()).unwrap_or_else(|| Value::String(text.into_owned()))
    });
    json!({
        "delivery_id": record.id,
        "host_key": record.host_key,
        "partner": record.partner,
        "event": record.event,
        "message_id": record.message_id,
        "referral_id": record.referral_id,
        "state": record.state.as_str(),
        "already": already,
        "attempts": record.attempts,
        "queued_at": rfc3339(record.created),
        "http_status": (record.http_status != 0).then_some(record.http_status),
        "error": record.last_error,
        "answer": answer,
    })
}

fn referral_value(record: &ReferralRecord) -> Value {
    let document: Value = serde_json::from_str(&record.document).unwrap_or(Value::Null);
    json!({
        "referral_id": record.id,
        "our_role": record.our_role.as_str(),
        "identifiers": record.identifiers.iter().map(|i| json!({"system": i.system, "value": i.value})).collect::<Vec<_>>(),
        "parties": record.parties.iter().map(|(name, role)| json!({"partner": name, "role": role.as_str()})).collect::<Vec<_>>(),
        "created_at": rfc3339(record.created),
        "updated_at": rfc3339(record.updated),
        "referral": document,
    })
}

impl Engine {
    /// Begins a message of an event to a partner. Errors: `EREF_NOT_FOUND` (partner), `EREF_UNKNOWN_EVENT`.
    pub fn draft(&self, partner: &str, event: &str) -> Result<Draft> {
        Draft::new(self.0.settings(), partner, event)
    }

    /// Composes and checks the message of a draft. The draft can be changed and built again. Errors: `EREF_INVALID_FIELD` with every
    /// finding in the detail.
    pub fn draft_build(&self, draft: &Draft) -> Result<Message> {
        draft.build(clock::now(), &clock::random)
    }

    /// Stores a message for delivery and returns after the commit. `host_key` is the host's own id of this act: the same key with the
    /// same content gives the first delivery again, whatever became of it; so a host that crashed repeats the call.
    ///
    /// Errors: `EREF_KEY_REUSED` (other content under that key), `EREF_NOT_FOUND` (partner), `EREF_CONFIG` (no endpoint),
    /// `EREF_TEST_DATA` (test and real would mix), `EREF_STORE`.
    pub fn send(&self, partner: &str, host_key: &str, message: &Message) -> Result<Delivery> {
        let settings = self.0.settings();
        let known =
            settings.partner(partner).ok_or_else(|| Error::new(EREF_NOT_FOUND, format!("no partner is called {partner:?}")))?;
        if known.messaging.as_ref().and_then(|messaging| messaging.endpoint.as_ref()).is_none() {
            return Err(Error::new(EREF_CONFIG, format!("partner {partner} has no messaging.endpoint")));
        }
        if host_key.is_empty() || host_key.len() > 255 {
            return Err(Error::new(EREF_INVALID_ARGUMENT, "host_key: expected 1 to 255 bytes"));
        }
        if events::info(message.event()).is_none() {
            return Err(Error::new(EREF_UNKNOWN_EVENT, "the message's event is not one of the guide"));
        }
        // architecture: test and real never mix.
        if message.is_test() != settings.test {
            let text = if settings.test {
                "the message is not labelled HTEST, and this is a test engine"
            } else {
                "the message is labelled HTEST, and this is not a test engine"
            };
            return Err(Error::new(EREF_TEST_DATA, text));
        }
        let outgoing = OutgoingMessage {
            id: clock::id(),
            partner: partner.to_owned(),
            host_key: host_key.to_owned(),
            content: message.content_identity(),
            event: message.event().to_owned(),
            message_id: message.message_id().to_owned(),
            bundle_id: message.bundle_id().to_owned(),
            body: memory::copy(message.bundle(), "the message")?.into(),
            referral: referral_sent(message)?,
        };
        let enqueued = self.0.store.enqueue(&outgoing, clock::now())?;
        self.0.worker.notify();
        let (id, event) = (&enqueued.delivery.id, &outgoing.event);
        let how = if enqueued.already { "queued before" } else { "queued" };
        self.0.log.line(Level::Info, "engine", format!("delivery {id}: {event} to {partner} {how}"));
        Ok(Delivery { record: enqueued.delivery, already: enqueued.already })
    }

    /// Finds a delivery by its id or the host's key. `EREF_NOT_FOUND` when there is none.
    pub fn delivery_find(&self, id_or_key: &str) -> Result<Delivery> {
        let record = self.0.store.delivery(id_or_key)?;
        let record = record.ok_or_else(|| Error::new(EREF_NOT_FOUND, "there is no delivery of that id or host key"))?;
        Ok(Delivery { record, already: false })
    }

    /// Sends an unfinished, refused or dead delivery again, with the same ids.
    pub fn delivery_resend(&self, id: &str) -> Result<Delivery> {
        let record = self.0.store.requeue_delivery(id, clock::now())?;
        self.0.worker.notify();
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

    /// A referral by our id (`system` empty) or by one of its identifiers, as JSON (docs/schema/referral.json).
    pub fn referral_find(&self, system: &str, value: &str) -> Result<String> {
        let found = if system.is_empty() {
            self.0.store.referral(value)?
        } else {
            self.0.store.referral_by_identifier(&Identifier { system: system.to_owned(), value: value.to_owned() })?
        };
        let record = found.ok_or_else(|| Error::new(EREF_NOT_FOUND, "there is no such referral"))?;
        Ok(referral_value(&record).to_string())
    }

    /// The referrals changed last, as a JSON array.
    pub fn referral_list(&self, limit: u32) -> Result<String> {
        let list: Vec<Value> = self.0.store.referrals(limit)?.iter().map(referral_value).collect();
        Ok(Value::Array(list).to_string())
    }

    /// Gives a referral another identifier, by which later messages will find it.
    pub fn referral_link(&self, referral_id: &str, system: &str, value: &str) -> Result<()> {
        if system.is_empty() || value.is_empty() {
            return Err(Error::new(EREF_INVALID_ARGUMENT, "system and value: expected both"));
        }
        let identifier = Identifier { system: system.to_owned(), value: value.to_owned() };
        self.0.store.link_referral(referral_id, &identifier, clock::now())
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
            };
            value(&record, false)["answer"].take()
        };
        assert_eq!(told(r#"{"a":[1]}"#), json!({"a": [1]}));
        for text in [format!("[{}0]", "0,".repeat(Limits::default().json_values)), r#"{"a":1,"a":2}"#.to_owned()] {
            assert!(told(&text).is_string());
        }
    }
}
