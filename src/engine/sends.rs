//! Sends: drafts, what goes into the outbox, referrals.

use serde_json::{Value, json};

use crate::engine::deliveries::Delivery;
use crate::engine::{Engine, rfc3339};
use crate::error::{EREF_CONFIG, EREF_INVALID_ARGUMENT, EREF_NOT_FOUND, EREF_TEST_DATA, EREF_UNKNOWN_EVENT, Error, Result};
use crate::io::clock;
use crate::log::Level;
use crate::memory;
use crate::proto::guide::events::{self, Direction};
use crate::proto::messaging::{Draft, Message, notification};
use crate::proto::store::{Identifier, OutgoingMessage, ReferralRecord, ReferralRole, ReferralUpdate};

/// What a message that we send says of its referral: we take the side that sends this event (messaging.md 3.1).
fn referral_sent(message: &Message) -> Result<Option<ReferralUpdate>> {
    let (ours, theirs) = match events::info(message.event()).map(|info| info.direction) {
        Some(Direction::TargetToSource) => (ReferralRole::Target, ReferralRole::Source),
        Some(Direction::SourceToCopy) => (ReferralRole::Source, ReferralRole::Copy),
        _ => (ReferralRole::Source, ReferralRole::Target),
    };
    Ok(notification::referral_update(message.view()?, message.event(), ours, theirs))
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
        self.enqueue(partner, host_key, message, None)
    }

    /// As [`Engine::send`], instead of another delivery.
    pub(super) fn enqueue(&self, partner: &str, host_key: &str, message: &Message, replaces: Option<String>) -> Result<Delivery> {
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
            replaces,
        };
        let enqueued = self.0.store.enqueue(&outgoing, clock::now())?;
        self.0.worker.notify();
        let (id, event) = (&enqueued.delivery.id, &outgoing.event);
        let how = if enqueued.already { "queued before" } else { "queued" };
        self.0.log.line(Level::Info, "engine", format!("delivery {id}: {event} to {partner} {how}"));
        Ok(Delivery { record: enqueued.delivery, already: enqueued.already })
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
