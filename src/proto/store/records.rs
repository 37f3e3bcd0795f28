//! What passes between the rules and a store.

use std::sync::Arc;

use super::{Millis, ReferralUpdate, SecretHash};

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

/// What a message is recognised by when it comes again (messaging.md 10.1).
#[derive(Clone, Debug)]
pub struct MessageIdentity {
    /// The authenticated partner.
    pub partner: String,
    /// False for a partner that did not show who it is: anybody can use up ids in its name, so they are not those of the partner itself.
    pub trusted: bool,
    /// `MessageHeader.id`.
    pub message_id: String,
    /// `Bundle.id`; empty when absent.
    pub bundle_id: String,
    /// What makes the content the same content: SHA-256 over the entries' bytes, without the envelope.
    pub content: [u8; 32],
    /// Whether other content under a known `MessageHeader.id` is refused (`Changed`) instead of taken as an update.
    pub refuse_changed: bool,
}

/// A message that passed all checks and is to be kept.
#[derive(Clone, Debug)]
pub struct IncomingMessage {
    /// Our id of this reception.
    pub id: String,
    /// What it is recognised by.
    pub identity: MessageIdentity,
    /// The canonical event code (messaging.md 3.1).
    pub event: String,
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
    /// Asked before it is stored: the `MessageHeader.id` is known with other content, and the message is to be taken (messaging.md 10.1).
    Revised,
    /// The referral changed since the rules looked at it. Nothing was stored: they run again.
    Moved,
}

/// How far the host has come with a message received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReceptionState {
    /// Its event waits to be taken.
    Waiting,
    /// Its event is out.
    Leased,
    /// Its event was handed out too often without being finished.
    Parked,
    /// The host has it.
    Done,
}

impl ReceptionState {
    /// The word used in documents.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Leased => "leased",
            Self::Parked => "parked",
            Self::Done => "done",
        }
    }
    /// The inverse of `as_str`.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Waiting, Self::Leased, Self::Parked, Self::Done].into_iter().find(|state| state.as_str() == text)
    }
}

/// A message received, as it stands in the inbox.
#[derive(Clone, Debug)]
pub struct Reception {
    /// Our id.
    pub id: String,
    /// The partner it came from.
    pub partner: String,
    /// The canonical event code.
    pub event: String,
    /// Our id of the referral.
    pub referral_id: Option<String>,
    /// `MessageHeader.id`.
    pub message_id: String,
    /// `Bundle.id`; empty when absent.
    pub bundle_id: String,
    /// When it was stored.
    pub received: Millis,
    /// Size of the Bundle in bytes.
    pub size: u64,
    /// False for a partner that did not show who it is.
    pub trusted: bool,
    /// How far the host has come with it.
    pub state: ReceptionState,
    /// How often its event was handed out.
    pub attempt: u32,
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
    /// Hash of the cookie of the browser that signed in for it; `None` when the start URL sets the cookie.
    pub cookie: Option<SecretHash>,
    /// The host's id of the user's session (sealed and hashed), empty if none.
    pub session: String,
    /// Logical id of the patient (hashed).
    pub patient: Option<String>,
    /// The value of the identifier that the first message of this launch may carry (messaging.md 14).
    pub correlation: String,
    /// The patient's health number, if the pushed chart has one (hashed only).
    pub health_number: Option<String>,
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

/// The kinds of grants (smart.md 10, 11).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum GrantKind {
    /// Good while the user is online: it ends with the launch.
    Online = 1,
    /// Good beyond: it outlives the session and the launch's time, but not a launch that the host ends.
    Offline = 2,
    /// Of a backend service: no user, no launch.
    Backend = 3,
}

/// What a client was granted.
#[derive(Clone, Debug)]
pub struct Grant {
    /// Our id.
    pub id: String,
    /// How long it is good for.
    pub kind: GrantKind,
    /// The launch it came of; `None` for backend services. It may have ended since.
    pub launch_id: Option<String>,
    /// The client.
    pub client_id: String,
    /// The partner whose client that is.
    pub partner: String,
    /// The scopes granted, space separated.
    pub scope: String,
    /// The launch context as JSON (`smart::LaunchContext`); empty for backend services.
    pub context: String,
    /// It ends then at the latest.
    pub ends: Millis,
    /// It ends then when it is not used before.
    pub idle_ends: Millis,
}

/// A grant to be kept.
#[derive(Clone, Debug)]
pub struct NewGrant {
    /// The grant.
    pub grant: Grant,
    /// The host's id of the user (hashed only), to revoke it by.
    pub user: Option<String>,
    /// The logical id of the patient (hashed only), to revoke it by.
    pub patient: Option<String>,
}

/// Whose grants are revoked (smart.md 13).
#[derive(Clone, Debug)]
pub enum Whose {
    /// Of the user with this id of the host's.
    User(String),
    /// Of this client.
    Client(String),
    /// About the patient with this logical id.
    Patient(String),
    /// Of this launch.
    Launch(String),
}

/// An authorization code to be kept (smart.md 5.6).
#[derive(Clone, Debug)]
pub struct NewCode {
    /// Hash of the code.
    pub hash: SecretHash,
    /// What it grants.
    pub grant: NewGrant,
    /// It expires then.
    pub expires: Millis,
    /// What else it is bound to, as JSON (redirect URI, challenge, nonce).
    pub binding: String,
    /// The launch may have been authorized before.
    pub reuse: bool,
    /// The patient of the grant was picked for the launch, which is from now on about that patient.
    pub picked: bool,
}

/// A sign-in on the host's page that an app's authorize request began (smart.md 1, standalone launch).
#[derive(Clone, Debug)]
pub struct NewLogin {
    /// Our id; that of the launch which comes of it.
    pub id: String,
    /// Hash of the `eref_login` value.
    pub handle: SecretHash,
    /// Hash of the cookie of the browser.
    pub cookie: SecretHash,
    /// The partner whose app asks.
    pub partner: String,
    /// The user has until then.
    pub expires: Millis,
    /// The query of the authorize request (sealed).
    pub request: String,
}

/// A sign-in that waits for the host.
#[derive(Clone, Debug)]
pub struct LoginRecord {
    /// Our id.
    pub id: String,
    /// Hash of the cookie of the browser.
    pub cookie: SecretHash,
    /// The partner whose app asks.
    pub partner: String,
}

/// A code as it stands.
#[derive(Clone, Debug)]
pub struct CodeRecord {
    /// What it grants.
    pub grant: Grant,
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
    /// The grant it belongs to; `None` for messaging tokens.
    pub grant_id: Option<String>,
    /// The client it was issued to.
    pub client_id: String,
    /// Its scopes, space separated: those of the grant, or fewer.
    pub scope: String,
    /// It expires then.
    pub expires: Millis,
}

/// A token as it stands.
#[derive(Clone, Debug)]
pub struct TokenRecord {
    /// What it is good for.
    pub kind: TokenKind,
    /// The client it was issued to.
    pub client_id: String,
    /// Its scopes, space separated.
    pub scope: String,
    /// It was issued then.
    pub created: Millis,
    /// It expires then.
    pub expires: Millis,
    /// The grant it belongs to; `None` for messaging tokens.
    pub grant: Option<Grant>,
}

/// What takes the place of a refresh token that is used (smart.md 10).
#[derive(Clone, Debug)]
pub struct Refreshed {
    /// The new tokens.
    pub tokens: Vec<NewToken>,
    /// The answer, kept sealed for a while in case it is lost on its way.
    pub answer: String,
    /// The grant ends then when it is not used before.
    pub idle_ends: Millis,
}

/// How long a refresh that comes again gets the answer it got, in milliseconds: answers are lost on clinic networks (smart.md 10).
pub const RETRY_MS: Millis = 10_000;

/// A refresh token that was used.
#[derive(Clone, Debug)]
pub struct UsedRefresh {
    /// The grant it belongs to.
    pub grant_id: String,
    /// The client it was issued to.
    pub client_id: String,
    /// When it was used.
    pub at: Millis,
    /// The answer it got; `None` once the token that took its place was used.
    pub answer: Option<String>,
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

/// Counts for `eref_engine_status_json`.
#[derive(Clone, Debug, Default)]
pub struct StoreStatus {
    /// Durable events waiting or leased.
    pub events_waiting: u64,
    /// Events parked after their last attempt.
    pub events_parked: u64,
    /// Deliveries by state, indexed by the number of the `DeliveryState`.
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
