//! What passes between the rules and a store.

use std::sync::Arc;

use super::{Millis, SecretHash};

/// Which process holds the serving lease, or wrote an audit entry.
#[derive(Clone, Debug)]
pub struct Node {
    /// Our random id of this engine.
    pub id: String,
    /// The process id.
    pub process: u32,
    /// The host name.
    pub host: String,
}

/// A business identifier as it stands in a resource. Sealed; looked up by keyed hash of the normalised pair.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identifier {
    /// The naming system, as received.
    pub system: String,
    /// The value, as received.
    pub value: String,
}

/// The side we, or a partner, take in one referral (messaging.md 2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReferralRole {
    /// RMS Source: the requester's side.
    Source,
    /// RMS Target: the performer's side.
    Target,
    /// Receives copies only.
    Copy,
}

impl ReferralRole {
    /// The word used in documents and in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Target => "target",
            Self::Copy => "copy",
        }
    }
    /// The inverse of `as_str`.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Source, Self::Target, Self::Copy].into_iter().find(|role| role.as_str() == text)
    }
}

/// What a message, in or out, says about the referral it belongs to.
#[derive(Clone, Debug)]
pub struct ReferralUpdate {
    /// The identifiers that name this referral. An existing referral that carries any of them is the same one; the others become its own.
    pub identifiers: Vec<Identifier>,
    /// Identifiers out of our own numbering that a partner named: they find a referral, but a partner cannot bind one of our numbers.
    pub ours: Vec<Identifier>,
    /// Our role if this message starts the referral.
    pub our_role: ReferralRole,
    /// The partner's role if it is not yet a party (only used for a new referral, or when we bring the partner in by sending).
    pub partner_role: ReferralRole,
    /// The referral as this message leaves it: a JSON document (docs/schema/referral-content.json), replaces the stored one.
    pub document: String,
}

/// A message that passed all checks and is to be kept.
#[derive(Clone, Debug)]
pub struct IncomingMessage {
    /// Our id of this reception.
    pub id: String,
    /// The authenticated partner.
    pub partner: String,
    /// `MessageHeader.id`.
    pub message_id: String,
    /// `Bundle.id`; empty when absent.
    pub bundle_id: String,
    /// The canonical event code (messaging.md 3.1).
    pub event: String,
    /// What makes the content the same content: SHA-256 over the entries' bytes, without the envelope.
    pub content: [u8; 32],
    /// Whether other content under a known `MessageHeader.id` is refused (`Changed`) instead of taken as an update.
    pub refuse_changed: bool,
    /// `MessageHeader.response.identifier`: the message of ours that it answers (messaging.md 10.5).
    pub response_to: Option<String>,
    /// The Bundle as received, byte for byte. Shared, so that it need not be copied.
    pub body: Arc<Vec<u8>>,
    /// The answer's body, replayed when the message comes again.
    pub response: Vec<u8>,
    /// The notification document handed to the host as the MESSAGE event. The store adds nothing to it.
    pub notification: String,
    /// The referral it belongs to; `None` when the message names none.
    pub referral: Option<ReferralUpdate>,
    /// False for a partner without authentication: such a message touches no existing referral.
    pub trusted: bool,
}

/// The content of an attachment that was fetched from where its message said it lies.
#[derive(Clone, Debug, PartialEq)]
pub struct FetchedAttachment {
    /// The media type that came with it.
    pub content_type: Option<String>,
    /// The content.
    pub content: Arc<Vec<u8>>,
}

/// What became of an incoming message.
#[derive(Clone, Debug, PartialEq)]
pub enum Accepted {
    /// Stored; a MESSAGE event is queued.
    New {
        /// Our id of the referral, if there is one.
        referral_id: Option<String>,
    },
    /// The same message from the same partner was stored before.
    Replay {
        /// The body it was answered with, to be answered again.
        response: Vec<u8>,
    },
    /// This Bundle.id was used before with another MessageHeader.id (messaging.md 10.1).
    BundleReused,
    /// The `MessageHeader.id` is known with other content, and the message said `refuse_changed`. Nothing was stored.
    Changed,
    /// The partner is not a party to the referral.
    NotParty,
}

/// The kinds of events, as bits (architecture: events). The values are ABI.
pub mod event_kind {
    /// The app asks for what the host did not push. Not durable.
    pub const QUESTION: u32 = 1;
    /// A notification arrived.
    pub const MESSAGE: u32 = 2;
    /// The RMS wrote a resource back to the chart.
    pub const WRITE: u32 = 4;
    /// An outgoing message was accepted, refused, of unknown outcome, or given up.
    pub const DELIVERY: u32 = 8;
    /// A launch was authorized, denied, expired or ended. Not durable.
    pub const LAUNCH: u32 = 16;
    /// A condition started or ended. Not durable.
    pub const ALERT: u32 = 32;
    /// The kinds that live in the store.
    pub const DURABLE: u32 = MESSAGE | WRITE | DELIVERY;
}

/// A durable event that was leased.
#[derive(Clone, Debug)]
pub struct EventRecord {
    /// Stable over redelivery and restarts.
    pub id: String,
    /// One bit of [`event_kind`].
    pub kind: u32,
    /// 1 the first time it is handed out. Together with the id it names this lease.
    pub attempt: u32,
    /// The partner it concerns.
    pub partner: String,
    /// Our id of the referral, if there is one.
    pub referral_id: Option<String>,
    /// The id of what it is about: of the reception, the delivery, or the written resource.
    pub subject: String,
    /// The event's JSON document; empty when it was parked.
    pub document: String,
    /// True when the lease of its last attempt ran out: it was parked just now and is not leased. The host is to be told.
    pub parked: bool,
}

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

/// A launch to be kept.
#[derive(Clone, Debug)]
pub struct NewLaunch {
    /// Our id, handed to the host.
    pub id: String,
    /// The partner whose app is launched.
    pub partner: String,
    /// Hash of the `launch` value in the app's launch URL.
    pub handle: SecretHash,
    /// Hash of the one-time start URL's value; `None` when browser binding is off.
    pub start: Option<SecretHash>,
    /// The host's id of the user's session (sealed and hashed), empty if none.
    pub session: String,
    /// The start URL is good until then.
    pub start_until: Millis,
    /// The handle is good until then.
    pub handle_until: Millis,
    /// The launch ends then at the latest.
    pub ends: Millis,
    /// The launch context as JSON (`smart::LaunchContext`).
    pub context: String,
    /// The pushed chart.
    pub chart: Vec<ChartResource>,
}

/// One resource of a chart.
#[derive(Clone, Debug)]
pub struct ChartResource {
    /// The resource type.
    pub resource_type: String,
    /// The logical id.
    pub id: String,
    /// The version, 1 for a pushed resource.
    pub version: u32,
    /// The resource as JSON, byte for byte as handed over.
    pub json: String,
}

/// How far a launch has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum LaunchState {
    /// Created; the browser has not come yet.
    Created = 1,
    /// The start URL was opened.
    Started = 2,
    /// A code was issued; the handle is used up.
    Authorized = 3,
    /// Ended by the host, by time, or because something was wrong.
    Ended = 4,
}

/// A launch as it stands.
#[derive(Clone, Debug)]
pub struct LaunchRecord {
    /// Our id.
    pub id: String,
    /// The partner whose app is launched.
    pub partner: String,
    /// How far it has come.
    pub state: LaunchState,
    /// Hash of the cookie set at the start URL; `None` before, or when browser binding is off.
    pub cookie: Option<SecretHash>,
    /// The handle is good until then.
    pub handle_until: Millis,
    /// The launch ends then at the latest.
    pub ends: Millis,
    /// The launch context as JSON.
    pub context: String,
}

/// What opening the start URL came to.
#[derive(Clone, Debug)]
pub enum Started {
    /// The first time: the cookie's hash is recorded.
    First(LaunchRecord),
    /// Opened before: the launch has been ended.
    Again {
        /// Our id of the launch.
        launch_id: String,
        /// Whose app it is.
        partner: String,
    },
    /// Unknown or too late.
    Unknown,
}

/// An authorization code to be kept (smart.md 5.6).
#[derive(Clone, Debug)]
pub struct NewCode {
    /// Hash of the code.
    pub hash: SecretHash,
    /// The launch it grants.
    pub launch_id: String,
    /// Our id of the grant; all tokens of it carry it.
    pub grant_id: String,
    /// The client it was issued to.
    pub client_id: String,
    /// It expires then.
    pub expires: Millis,
    /// What else it is bound to, as JSON (redirect URI, challenge, scopes, nonce).
    pub binding: String,
}

/// A code as it stands.
#[derive(Clone, Debug)]
pub struct CodeRecord {
    /// The launch it grants.
    pub launch_id: String,
    /// Our id of the grant.
    pub grant_id: String,
    /// The client it was issued to.
    pub client_id: String,
    /// It expires then.
    pub expires: Millis,
    /// Redeemed, or invalidated by three failed tries.
    pub used: bool,
    /// What else it is bound to.
    pub binding: String,
}

/// The kinds of tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum TokenKind {
    /// Bearer token of the FHIR API.
    Access = 1,
    /// Refresh token.
    Refresh = 2,
    /// Bearer token of one partner's `$process-message`.
    Messaging = 3,
}

/// A token to be kept.
#[derive(Clone, Debug)]
pub struct NewToken {
    /// Hash of the token.
    pub hash: SecretHash,
    /// What it is good for.
    pub kind: TokenKind,
    /// The grant it belongs to.
    pub grant_id: String,
    /// The launch it belongs to; empty for messaging tokens.
    pub launch_id: String,
    /// The client it was issued to.
    pub client_id: String,
    /// The scopes granted, space separated.
    pub scope: String,
    /// It expires then.
    pub expires: Millis,
}

/// A token as it stands. Revoked and expired tokens, and those of an ended launch, are not found.
#[derive(Clone, Debug)]
pub struct TokenRecord {
    /// What it is good for.
    pub kind: TokenKind,
    /// The grant it belongs to.
    pub grant_id: String,
    /// The launch it belongs to; empty for messaging tokens.
    pub launch_id: String,
    /// The client it was issued to.
    pub client_id: String,
    /// The scopes granted.
    pub scope: String,
    /// It expires then.
    pub expires: Millis,
    /// The launch context as JSON; empty for messaging tokens.
    pub context: String,
}

/// A resource the app writes back to the chart.
#[derive(Clone, Debug)]
pub struct WriteBack {
    /// The launch under which it is written.
    pub launch_id: String,
    /// The partner that writes.
    pub partner: String,
    /// The resource; its id is ours.
    pub resource: ChartResource,
    /// The WRITE event's document.
    pub event_document: String,
}

/// The key that signs id_tokens.
pub struct SigningKey {
    /// The `kid` in the JWKS.
    pub kid: String,
    /// PKCS#8 DER, wiped when dropped.
    pub der: zeroize::Zeroizing<Vec<u8>>,
    /// When it was made.
    pub created: Millis,
}

/// A referral as it is tracked.
#[derive(Clone, Debug)]
pub struct ReferralRecord {
    /// Our id.
    pub id: String,
    /// Our role in it.
    pub our_role: ReferralRole,
    /// All its identifiers.
    pub identifiers: Vec<Identifier>,
    /// The partners that are party to it, with their roles.
    pub parties: Vec<(String, ReferralRole)>,
    /// The document of the last message.
    pub document: String,
    /// When it was first seen.
    pub created: Millis,
    /// When it last changed.
    pub updated: Millis,
}

/// Counts for `eref_engine_status_json`.
#[derive(Clone, Debug, Default)]
pub struct StoreStatus {
    /// Durable events waiting or leased.
    pub events_waiting: u64,
    /// Events parked after their last attempt.
    pub events_parked: u64,
    /// Deliveries by state, indexed by [`DeliveryState`] number.
    pub deliveries: [u64; 7],
    /// When the oldest unfinished delivery was queued.
    pub oldest_delivery: Option<Millis>,
    /// Launches that have not ended.
    pub launches: u64,
    /// Referrals tracked.
    pub referrals: u64,
    /// Size of the store in bytes.
    pub bytes: u64,
}

/// Something refused that belongs into the audit trail. The texts are ours, and few: the same refusal is counted, not repeated.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// `login refused` or `message refused`.
    pub what: &'static str,
    /// Who it was, if that is known.
    pub partner: Option<String>,
    /// Why.
    pub reason: String,
    /// The network address it came from (sealed).
    pub address: Option<String>,
}

/// An entry of the audit trail.
#[derive(Clone, Debug)]
pub struct AuditEntry {
    /// Whose chain it stands in: our id of the engine that wrote it.
    pub node_id: String,
    /// Its number in the chain, from 1.
    pub seq: i64,
    /// When it was written.
    pub at: Millis,
    /// Its hash, which the next entry takes up.
    pub hash: Vec<u8>,
    /// What happened: a JSON object with `what`.
    pub content: String,
}

/// The end of a chain, or an entry that was its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditHead {
    /// Our id of the engine that wrote the chain.
    pub node_id: String,
    /// The number of its last entry.
    pub seq: i64,
    /// The hash of that.
    pub hash: Vec<u8>,
}

impl AuditHead {
    /// A hash as text.
    pub fn hex(hash: &[u8]) -> String {
        hash.iter().map(|byte| format!("{byte:02x}")).collect()
    }
    /// As one line, to be noted outside the store.
    pub fn line(&self) -> String {
        format!("{} {} {}", self.node_id, self.seq, Self::hex(&self.hash))
    }
    /// The inverse of `line`.
    pub fn parse(line: &str) -> Option<Self> {
        let mut parts = line.split_ascii_whitespace();
        let (node_id, seq, hash) = (parts.next()?.to_owned(), parts.next()?.parse().ok()?, parts.next()?);
        let byte = |at: usize| hash.get(at..at + 2).and_then(|two| u8::from_str_radix(two, 16).ok());
        let hash = (0..hash.len()).step_by(2).map(byte).collect::<Option<Vec<u8>>>()?;
        parts.next().is_none().then_some(Self { node_id, seq, hash })
    }
}

/// What the verification of the audit trail found.
#[derive(Clone, Debug, Default)]
pub struct AuditReport {
    /// Entries looked at.
    pub entries: u64,
    /// Chains they stand in.
    pub chains: u64,
    /// Problems found.
    pub wrong: u64,
    /// The first hundred of them, in words.
    pub problems: Vec<String>,
}
