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
