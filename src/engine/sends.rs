//! Sends: drafts and the outbox.

use std::sync::Arc;

use serde_json::json;

use crate::engine::deliveries::Delivery;
use crate::engine::events::limits_of_kept;
use crate::engine::{Engine, invalid_json};
use crate::error::{
    EREF_CONFIG, EREF_FORBIDDEN, EREF_INVALID_ARGUMENT, EREF_INVALID_CONTENT, EREF_NOT_FOUND, EREF_STORE, EREF_TEST_DATA,
    EREF_UNKNOWN_EVENT, EREF_WRONG_STATE, Error, Result,
};
use crate::io::clock;
use crate::log::Level;
use crate::memory;
use crate::proto::fhir::outcome::outcome_json;
use crate::proto::guide::{dialects, events};
use crate::proto::messaging::complete;
use crate::proto::messaging::compose::Child;
use crate::proto::messaging::tracking::{self, Tracked};
use crate::proto::messaging::{Draft, Known, Message};
use crate::proto::settings::{Partner, Settings};
use crate::proto::store::{DeliveryState, Enqueued, OutgoingMessage};

/// The newest messages of a referral from which what is known of it is gathered.
const MESSAGES_LOOKED_AT: u32 = 200;

/// How a message is sent (docs/schema/send-options.json).
#[derive(Default, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SendOptions {
    /// Why a step that the lifecycle does not foresee is taken all the same; it stands in the audit.
    force: Option<String>,
    /// Whether we may add to a Bundle of the host's own: ids, fullUrls, timestamp, profiles, the label of test data.
    complete: bool,
    /// The delivery that this one replaces.
    #[serde(skip)]
    replaces: Option<String>,
}

impl SendOptions {
    /// Reads the options; nothing means none. Errors: `EREF_INVALID_JSON`, `EREF_INVALID_ARGUMENT`.
    pub fn parse(json: &str) -> Result<Self> {
        if json.is_empty() {
            return Ok(Self::default());
        }
        let options: Self = serde_json::from_str(json).map_err(invalid_json)?;
        let good = options.force.as_deref().is_none_or(|reason| !reason.trim().is_empty() && reason.chars().count() <= 1000);
        if good { Ok(options) } else { Err(Error::new(EREF_INVALID_ARGUMENT, "force: expected a reason of 1 to 1000 characters")) }
    }
}

/// The checker's errors refuse a send, all of them at once.
fn check(message: &Message, partner: &Partner) -> Result<()> {
    let errors = dialects::dialect(&partner.dialect).map(|dialect| message.errors(dialect)).unwrap_or_default();
    let Some(first) = errors.first() else { return Ok(()) };
    let text = format!(
        "the message has {} errors for {}, first of all: {} {}",
        errors.len(),
        partner.dialect,
        first.expression,
        first.text
    );
    Err(Error::new(EREF_INVALID_CONTENT, text).with_detail(outcome_json(&errors)))
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

    /// Begins a message about a referral that is known here: what the host does not set is as it was last said, beyond the plain fields
    /// too. `relation` is empty, or says how a new referral comes out of that one: `forwarded`, `split`, `chained`. Errors: those of
    /// [`Engine::draft`], `EREF_NOT_FOUND` (the referral, or none of its messages is kept any more), `EREF_INVALID_ARGUMENT` (relation).
    pub fn draft_for(&self, partner: &str, event: &str, referral_id: &str, relation: &str) -> Result<Draft> {
        let unknown = || Error::new(EREF_INVALID_ARGUMENT, "relation: expected forwarded, split, chained or nothing");
        let child = if relation.is_empty() { None } else { Some(Child::parse(relation).ok_or_else(unknown)?) };
        let record = self.0.store.referral(referral_id)?;
        let record = record.ok_or_else(|| Error::new(EREF_NOT_FOUND, "there is no such referral"))?;
        let known = self.known(&record.id)?;
        Ok(Draft::new(self.0.settings(), partner, event)?.about(&record.id, Arc::new(known), record.our_role, child))
    }

    /// What the referral's messages say, as far as their bodies are kept. What the partner refused was never said.
    fn known(&self, referral_id: &str) -> Result<Known> {
        let store = self.0.store.as_ref();
        let mut known = Known::default();
        let mut newest = store.history(referral_id, MESSAGES_LOOKED_AT)?;
        newest.reverse();
        for said in newest {
            let refused = [DeliveryState::Refused, DeliveryState::Dead];
            if !said.incoming && store.delivery(&said.subject)?.is_some_and(|delivery| refused.contains(&delivery.state)) {
                continue;
            }
            match store.message_body(&said.subject) {
                Ok(body) => known.add(Message::parse(body, &limits_of_kept())?.view()?, &said.event)?,
                Err(error) if error.status() == EREF_NOT_FOUND => {}
                Err(error) => return Err(error),
            }
        }
        if known.is_empty() {
            return Err(Error::new(EREF_NOT_FOUND, "no message of the referral is kept any more; begin a draft without it"));
        }
        Ok(known)
    }

    /// Stores a message for delivery and returns after the commit; [`Engine::send_with`] without options.
    pub fn send(&self, partner: &str, host_key: &str, message: &Message) -> Result<Delivery> {
        self.send_with(partner, host_key, message, &SendOptions::default())
    }

    /// As [`Engine::send`], instead of another delivery.
    pub(super) fn send_instead(
        &self,
        partner: &str,
        host_key: &str,
        message: &Message,
        replaces: Option<String>,
    ) -> Result<Delivery> {
        self.send_with(partner, host_key, message, &SendOptions { replaces, ..SendOptions::default() })
    }

    /// Stores a message for delivery and returns after the commit. `host_key` is the host's own id of this act: the same key with the
    /// same content gives the first delivery again, whatever became of it; so a host that crashed repeats the call.
    ///
    /// Errors: `EREF_KEY_REUSED` (other content under that key), `EREF_NOT_FOUND` (partner), `EREF_CONFIG` (no endpoint),
    /// `EREF_TEST_DATA` (test and real would mix), `EREF_INVALID_CONTENT` (the checker found errors; all of them in the detail),
    /// `EREF_FORBIDDEN` (not ours to say in this referral), `EREF_WRONG_STATE` (a step that is not foreseen, without `force`),
    /// `EREF_STORE`.
    pub fn send_with(&self, partner: &str, host_key: &str, message: &Message, options: &SendOptions) -> Result<Delivery> {
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
        let completed = options.complete.then(|| complete::completed(message, &settings, known, clock::now(), &clock::random));
        let completed = completed.transpose()?;
        let message = completed.as_ref().unwrap_or(message);
        // architecture: test and real never mix.
        if message.is_test() != settings.test {
            let text = if settings.test {
                "the message is not labelled HTEST, and this is a test engine"
            } else {
                "the message is labelled HTEST, and this is not a test engine"
            };
            return Err(Error::new(EREF_TEST_DATA, text));
        }
        let enqueued = self.enqueue(&settings, known, host_key, message, options)?;
        self.0.worker.notify();
        let (id, event) = (&enqueued.delivery.id, &enqueued.delivery.event);
        let how = if enqueued.already { "queued before" } else { "queued" };
        self.0.log.line(Level::Info, "engine", format!("delivery {id}: {event} to {partner} {how}"));
        Ok(Delivery { record: enqueued.delivery, already: enqueued.already })
    }

    /// Stores the message with what it makes of its referral; anew as often as another message of that referral was faster.
    fn enqueue(
        &self,
        settings: &Settings,
        partner: &Partner,
        host_key: &str,
        message: &Message,
        options: &SendOptions,
    ) -> Result<Enqueued> {
        let store = self.0.store.as_ref();
        let mut outgoing = OutgoingMessage {
            id: clock::id(),
            partner: partner.name.clone(),
            host_key: host_key.to_owned(),
            content: message.content_identity(),
            event: message.event().to_owned(),
            message_id: message.message_id().to_owned(),
            bundle_id: message.bundle_id().to_owned(),
            body: memory::copy(message.bundle(), "the message")?.into(),
            referral: None,
            replaces: options.replaces.clone(),
        };
        // A repeated call says nothing new, whatever the referral is by now.
        let known = store.delivery(host_key)?;
        let repeats = known.is_some_and(|known| known.host_key == host_key && known.partner == partner.name);
        if !repeats {
            check(message, partner)?;
        }
        let mut audited = repeats;
        for _ in 0..tracking::TRIES {
            let placed = tracking::place(store, settings, (&partner.name, true), message.view()?)?;
            let tracked = tracking::sent(&partner.name, message.header().event_code(), placed, clock::id());
            if let Some(tracked) = tracked.as_ref().filter(|_| !audited) {
                audited = self.allow(&outgoing, tracked, options)?;
            }
            outgoing.referral = match tracked {
                Some(tracked) => {
                    tracked.event.clone_into(&mut outgoing.event);
                    tracking::told(settings, (&partner.name, true), message.view()?, &[], tracked).1
                }
                None => None,
            };
            if let Some(enqueued) = store.enqueue(&outgoing, clock::now())? {
                return Ok(enqueued);
            }
        }
        Err(Error::new(EREF_STORE, "too many messages of one referral came at once; try again"))
    }

    /// Refuses what is not ours to say, and steps that are not foreseen unless the host forces them. What is forced stands in the audit
    /// before it is sent; true when it does.
    fn allow(&self, outgoing: &OutgoingMessage, tracked: &Tracked, options: &SendOptions) -> Result<bool> {
        let (forbidden, unforeseen) = tracking::held_back(&outgoing.partner, tracked);
        if forbidden {
            let text = format!("{} is not ours to send in this referral, by our part in it", tracked.event);
            return Err(Error::new(EREF_FORBIDDEN, text));
        }
        if unforeseen.is_empty() {
            return Ok(false);
        }
        let Some(reason) = options.force.as_deref() else {
            let first = unforeseen.first().map_or("", |issue| issue.text.as_str());
            let text = format!("{first}; give a reason to force it");
            return Err(Error::new(EREF_WRONG_STATE, text).with_detail(outcome_json(&unforeseen)));
        };
        let findings: Vec<&str> = unforeseen.iter().map(|issue| issue.text.as_str()).collect();
        let note = json!({"forced": {"delivery_id": outgoing.id, "partner": outgoing.partner, "event": tracked.event,
            "message_id": outgoing.message_id, "reason": reason, "findings": findings}});
        self.0.store.audit_note(&note.to_string(), clock::now())?;
        Ok(true)
    }
}
