//! Sends: drafts and the outbox.

use crate::engine::Engine;
use crate::engine::deliveries::Delivery;
use crate::error::{
    EREF_CONFIG, EREF_INVALID_ARGUMENT, EREF_NOT_FOUND, EREF_STORE, EREF_TEST_DATA, EREF_UNKNOWN_EVENT, Error, Result,
};
use crate::io::clock;
use crate::log::Level;
use crate::memory;
use crate::proto::guide::events;
use crate::proto::messaging::{Draft, Message, tracking};
use crate::proto::settings::Settings;
use crate::proto::store::{Enqueued, OutgoingMessage};

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
        self.send_instead(partner, host_key, message, None)
    }

    /// As [`Engine::send`], instead of another delivery.
    pub(super) fn send_instead(
        &self,
        partner: &str,
        host_key: &str,
        message: &Message,
        replaces: Option<String>,
    ) -> Result<Delivery> {
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
        let enqueued = self.enqueue(&settings, partner, host_key, message, replaces)?;
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
        partner: &str,
        host_key: &str,
        message: &Message,
        replaces: Option<String>,
    ) -> Result<Enqueued> {
        let store = self.0.store.as_ref();
        let mut outgoing = OutgoingMessage {
            id: clock::id(),
            partner: partner.to_owned(),
            host_key: host_key.to_owned(),
            content: message.content_identity(),
            event: message.event().to_owned(),
            message_id: message.message_id().to_owned(),
            bundle_id: message.bundle_id().to_owned(),
            body: memory::copy(message.bundle(), "the message")?.into(),
            referral: None,
            replaces,
        };
        for _ in 0..tracking::TRIES {
            let placed = tracking::place(store, settings, (partner, true), message.view()?)?;
            let tracked = tracking::sent(partner, message.event(), placed, clock::id());
            outgoing.referral = match tracked {
                Some(tracked) => tracking::told(settings, (partner, true), message.view()?, &[], tracked).1,
                None => None,
            };
            if let Some(enqueued) = store.enqueue(&outgoing, clock::now())? {
                return Ok(enqueued);
            }
        }
        Err(Error::new(EREF_STORE, "too many messages of one referral came at once; try again"))
    }
}
