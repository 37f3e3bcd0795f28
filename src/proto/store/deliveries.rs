//! What passes between the rules and a store about messages to be sent.

use std::sync::Arc;

use serde_json::Value;

use super::{Millis, ReferralUpdate};

/// A message to be sent.
#[derive(Clone, Debug)]
pub struct OutgoingMessage {
    /// Our id of this delivery.
    pub id: String,
    /// The partner it goes to.
    pub partner: String,
    /// The host's own id of this act.
    pub host_key: String,
    /// What makes two calls with one host key the same call: SHA-256 over what the host handed in, not over what we composed.
    pub content: [u8; 32],
    /// The canonical event code.
    pub event: String,
    /// `MessageHeader.id`.
    pub message_id: String,
    /// `Bundle.id`.
    pub bundle_id: String,
    /// The Bundle to send, byte for byte. Shared, so that it need not be copied.
    pub body: Arc<Vec<u8>>,
    /// The referral it belongs to.
    pub referral: Option<ReferralUpdate>,
    /// Our id of the delivery that this one is sent instead of.
    pub replaces: Option<String>,
    /// The files it names that its receiver fetches from us.
    pub files: Vec<ServedFile>,
    /// What the audit trail notes with it, as JSON.
    pub note: Option<Value>,
}

/// A file of a message that its receiver, and nobody else, fetches from us (messaging.md 15).
#[derive(Clone, Debug, PartialEq)]
pub struct ServedFile {
    /// The random id in its address.
    pub id: String,
    /// Its media type.
    pub content_type: String,
    /// The content. Shared, so that it need not be copied.
    pub content: Arc<Vec<u8>>,
}

/// The states of a delivery. The numbers are ABI.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(i32)]
pub enum DeliveryState {
    /// Stored, waiting for its turn.
    #[default]
    Queued = 1,
    /// Being sent right now.
    Sending = 2,
    /// The partner has it.
    Delivered = 3,
    /// The partner refused it for good; it needs a new message.
    Refused = 4,
    /// The bytes went out and no answer came: the partner may or may not have it. It is sent again with the same ids.
    UnknownOutcome = 5,
    /// Given up after the last retry.
    Dead = 6,
}

impl DeliveryState {
    /// The word used in documents.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Sending => "sending",
            Self::Delivered => "delivered",
            Self::Refused => "refused",
            Self::UnknownOutcome => "unknown_outcome",
            Self::Dead => "dead",
        }
    }
    /// From the stored number.
    pub fn from_number(number: i32) -> Option<Self> {
        [Self::Queued, Self::Sending, Self::Delivered, Self::Refused, Self::UnknownOutcome, Self::Dead]
            .into_iter()
            .find(|state| *state as i32 == number)
    }
}

/// A delivery as it stands in the outbox.
#[derive(Clone, Debug)]
pub struct DeliveryRecord {
    /// Our id.
    pub id: String,
    /// The partner it goes to.
    pub partner: String,
    /// The host's key.
    pub host_key: String,
    /// The canonical event code.
    pub event: String,
    /// `MessageHeader.id`.
    pub message_id: String,
    /// `Bundle.id`.
    pub bundle_id: String,
    /// Our id of the referral.
    pub referral_id: Option<String>,
    /// Where it stands.
    pub state: DeliveryState,
    /// How often it was sent.
    pub attempts: u32,
    /// When it was queued.
    pub created: Millis,
    /// When it is due next.
    pub next_attempt: Millis,
    /// HTTP status of the last answer, 0 if none.
    pub http_status: u16,
    /// Why the last attempt failed, in words that are safe to log.
    pub last_error: Option<String>,
    /// The body of the partner's answer.
    pub answer: Option<Vec<u8>>,
    /// True when `bundle_id` is not the one in the stored body any more: it is put in before the message is sent (messaging.md 10.1).
    pub renamed: bool,
    /// When a message of the partner's came that answers this one, and our id of its reception (messaging.md 10.5).
    pub answered: Option<(Millis, String)>,
    /// Our id of the delivery that was sent instead.
    pub replaced_by: Option<String>,
    /// Somebody decided that it is not to be sent any more.
    pub dropped: bool,
}

/// A partner for whom something is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DuePartner {
    /// Its name.
    pub partner: String,
    /// Since when.
    pub since: Millis,
    /// Something of it is to be tried even if the partner is not being reached: sent again by hand, or at the end of its time.
    pub urgent: bool,
}

/// Which deliveries are taken for sending.
#[derive(Clone, Debug)]
pub struct Turn {
    /// To this partner.
    pub partner: String,
    /// Only those to be tried even if the partner is not being reached.
    pub urgent: bool,
    /// What was queued before is at the end of its time.
    pub expired_before: Millis,
    /// At most so many; after the first, only while their bodies stay small together.
    pub most: u32,
}

/// What became of a delivery that was taken for sending.
#[derive(Clone, Debug)]
pub enum Attempted {
    /// It was tried.
    Tried(AttemptOutcome),
    /// It was not: it is as before, in the state that it had.
    GivenBack(DeliveryState),
}

/// What became of `enqueue`.
#[derive(Clone, Debug)]
pub struct Enqueued {
    /// The delivery, new or found.
    pub delivery: DeliveryRecord,
    /// True when the same call was made before.
    pub already: bool,
}

/// What one attempt to deliver came to.
#[derive(Clone, Debug, Default)]
pub struct AttemptOutcome {
    /// The new state. `Queued` and `UnknownOutcome` mean: again at `next_attempt`.
    pub state: DeliveryState,
    /// When to try again.
    pub next_attempt: Millis,
    /// HTTP status of the answer, 0 if none.
    pub http_status: u16,
    /// Why it failed, in words that are safe to log.
    pub error: Option<String>,
    /// The body of the partner's answer.
    pub answer: Option<Vec<u8>>,
    /// The DELIVERY event's document, if the host is to be told.
    pub event_document: Option<String>,
    /// The `Bundle.id` to send it with the next time; `None`: the same.
    pub bundle_id: Option<String>,
}
