//! What the rules need from a store: domain verbs, each one transaction, in one small trait per subject, and the records they pass.
//!
//! The trait is declared here so that the rules can name it; it is implemented in `io/store`. Texts and bodies cross this border in
//! clear; an implementation seals everything personal and every identifier from outside before it reaches a file, and looks them up by
//! a keyed hash. Times are milliseconds since 1970-01-01 UTC. Every verb that changes something writes its audit entry in the same
//! transaction, and returns only after that transaction is durable.

mod audit;
mod charts;
mod deliveries;
mod records;
mod referrals;

pub use audit::*;
pub use charts::*;
pub use deliveries::*;
pub use records::*;
pub use referrals::*;

use crate::error::Result;
use crate::proto::settings::Retention;

/// Milliseconds since 1970-01-01 UTC.
pub type Millis = i64;

/// The hash of a one-time secret (launch handle, code, token, cookie): SHA-256 of its text. The secret itself is never stored.
pub type SecretHash = [u8; 32];

/// Durable state, shared by all processes of a clinic. See the module's text for the rules every implementation keeps.
pub trait Store:
    Serving + Inbox + Events + Outbox + Delivering + Launches + Logins + Grants + Charts + Keys + Referrals + Audit + Keeping
{
}

impl<T: Serving + Inbox + Events + Outbox + Delivering + Launches + Logins + Grants + Charts + Keys + Referrals + Audit + Keeping>
    Store for T
{
}

/// Who serves.
pub trait Serving: Send + Sync {
    /// Takes the one serving lease, or fails with `EREF_STORE_IN_USE` naming who holds it. A holder that died holds nothing. Deliveries
    /// that were left in `Sending` become `UnknownOutcome`, due at once.
    fn take_serving_lease(&self, node: &Node, now: Millis, until: Millis) -> Result<()>;
    /// Keeps the lease; fails with `EREF_STORE_IN_USE` when it was lost.
    fn renew_serving_lease(&self, node: &Node, until: Millis) -> Result<()>;
    /// Gives the lease back.
    fn drop_serving_lease(&self, node: &Node) -> Result<()>;
}

/// Messages received.
pub trait Inbox: Send + Sync {
    /// What is to be said to a message that is known (messaging.md 10.1); `None` for a new one. Changes nothing.
    fn known_message(&self, message: &MessageIdentity, now: Millis) -> Result<Option<Accepted>>;
    /// Dedupe, inbox, referral, event and audit in one transaction.
    fn accept_message(&self, message: &IncomingMessage, now: Millis) -> Result<Accepted>;
    /// The Bundle of a reception, byte for byte.
    fn message_body(&self, id: &str) -> Result<Vec<u8>>;
    /// A reception by its id.
    fn reception(&self, id: &str) -> Result<Option<Reception>>;
    /// The newest receptions, optionally in one state.
    fn receptions(&self, state: Option<ReceptionState>, limit: u32) -> Result<Vec<Reception>>;
    /// Hands a reception over once more: its event becomes due at once, as for the first time; where it is gone there is a new one, with
    /// this document. `EREF_NOT_FOUND`, `EREF_WRONG_STATE` (it is leased).
    fn resend_event(&self, reception_id: &str, document: &str, now: Millis) -> Result<()>;
    /// Keeps a fetched attachment of a reception for as long as its Bundle; one that is kept already stays. `EREF_NOT_FOUND` when the
    /// Bundle is not kept any more.
    fn keep_attachment(&self, id: &str, index: u32, fetched: &FetchedAttachment, now: Millis) -> Result<()>;
    /// A fetched attachment of a reception.
    fn attachment(&self, id: &str, index: u32) -> Result<Option<FetchedAttachment>>;
}

/// Durable events.
pub trait Events: Send + Sync {
    /// Leases the oldest available event of the kinds in `mask`; at most one per referral (or launch, or partner) is out at a time.
    fn lease_event(&self, mask: u32, now: Millis, until: Millis) -> Result<Option<EventRecord>>;
    /// Prolongs the lease; `EREF_LEASE_LOST` when it is gone.
    fn extend_event(&self, id: &str, attempt: u32, until: Millis) -> Result<()>;
    /// The host has it: the event is gone for good, and what a WRITE event told of is taken into the chart. `EREF_LEASE_LOST` when the
    /// lease is gone.
    fn finish_event(&self, id: &str, attempt: u32, now: Millis) -> Result<()>;
    /// The host refuses what a WRITE event tells of, in these words: the event is gone for good, and the resource, or its update, with it.
    /// `EREF_LEASE_LOST`.
    fn refuse_write(&self, id: &str, attempt: u32, words: &str, now: Millis) -> Result<()>;
    /// Gives the event back, to be handed out again at `available`. Returns true when it was parked instead (attempt 10).
    fn retry_event(&self, id: &str, attempt: u32, available: Millis, reason: &str) -> Result<bool>;
    /// Makes all parked events available again, as for their first attempt. Returns how many there were.
    fn unpark_events(&self, now: Millis) -> Result<u32>;
}

/// Messages to be sent.
pub trait Outbox: Send + Sync {
    /// Outbox, referral and audit in one transaction. Same host key and content: the first delivery. Same key, other content:
    /// `EREF_KEY_REUSED`. What it replaces is given up; `EREF_WRONG_STATE` when that is under way, delivered, dropped or replaced. `None`:
    /// the referral changed since the rules looked at it; nothing was stored, they run again.
    fn enqueue(&self, message: &OutgoingMessage, now: Millis) -> Result<Option<Enqueued>>;
    /// Finds a delivery by our id, or by the host's key.
    fn delivery(&self, id_or_host_key: &str) -> Result<Option<DeliveryRecord>>;
    /// A file that goes with a message to this partner, who fetches it now; that is audited. `None` for any other partner, and when it
    /// is not kept any more: it goes with the body of its message.
    fn fetch_file(&self, id: &str, partner: &str, now: Millis) -> Result<Option<ServedFile>>;
    /// The newest deliveries, optionally in one state.
    fn deliveries(&self, state: Option<DeliveryState>, limit: u32) -> Result<Vec<DeliveryRecord>>;
}

/// The work of the delivering threads, and what a person decides about a delivery.
pub trait Delivering: Send + Sync {
    /// The partners for whom something is due; what was queued before `expired_before` is urgent.
    fn due_partners(&self, now: Millis, expired_before: Millis) -> Result<Vec<DuePartner>>;
    /// Takes due deliveries, the longest due first, and marks them `Sending`; never one whose referral has an earlier unfinished one. The
    /// records carry the state they had before, and count this attempt; the body comes with each, or why there is none.
    fn lease_deliveries(&self, turn: &Turn, now: Millis) -> Result<Vec<(DeliveryRecord, Result<Vec<u8>>)>>;
    /// Records what became of them, by their ids, with the DELIVERY events, in one transaction.
    fn finish_attempts(&self, attempts: &[(String, Attempted)], now: Millis) -> Result<()>;
    /// Whether a delivery to this partner waits to be tried again after a failure.
    fn is_failing(&self, partner: &str) -> Result<bool>;
    /// Makes all that waits for this partner due at once: it was not reached for a while, and now is.
    fn release_deliveries(&self, partner: &str, now: Millis) -> Result<()>;
    /// Makes a delivery that is not under way due at once, for a person, under another `Bundle.id` if one is given. `EREF_NOT_FOUND`,
    /// `EREF_WRONG_STATE` (under way, delivered, dropped or replaced).
    fn requeue_delivery(&self, id: &str, bundle_id: Option<&str>, now: Millis) -> Result<DeliveryRecord>;
    /// Gives up a delivery for a person, with a DELIVERY event. `EREF_NOT_FOUND`, `EREF_WRONG_STATE` as above.
    fn drop_delivery(&self, id: &str, reason: &str, event_document: &str, now: Millis) -> Result<DeliveryRecord>;
}

/// Launches.
pub trait Launches: Send + Sync {
    /// Keeps a launch and its pushed chart.
    fn save_launch(&self, launch: &NewLaunch, now: Millis) -> Result<()>;
    /// Opens the start URL once and records the cookie; a second opening ends the launch.
    fn start_launch(&self, start: &SecretHash, cookie: &SecretHash, now: Millis) -> Result<Started>;
    /// Finds a launch that has not ended by its handle.
    fn launch_by_handle(&self, handle: &SecretHash, now: Millis) -> Result<Option<LaunchRecord>>;
    /// Ends a launch: its grants are gone, offline ones too, and its chart is deleted. Returns its partner. `EREF_NOT_FOUND` when there is
    /// none, or it has ended.
    fn end_launch(&self, id: &str, reason: &str, now: Millis) -> Result<String>;
    /// The referral that came of a launch, if one did; `None` when there is no such launch.
    fn launch_referral(&self, id: &str) -> Result<Option<Option<String>>>;
    /// Ends all launches of a host session, except for their offline grants; returns their ids and partners.
    fn end_session(&self, session: &str, now: Millis) -> Result<Vec<(String, String)>>;
    /// Ends the launches of a host session that are about another patient than this one, or about any; returns their ids and partners.
    fn change_patient(&self, session: &str, patient: Option<&str>, now: Millis) -> Result<Vec<(String, String)>>;
    /// Ends the launches whose time is over, except for their offline grants; returns their ids and partners.
    fn end_overdue(&self, now: Millis) -> Result<Vec<(String, String)>>;
}

/// What clients were granted, and the codes and tokens that hang on it. A grant that was revoked, has ended or was idle for too long is
/// not found, and nothing that hangs on it is.
pub trait Grants: Send + Sync {
    /// Uses up the launch and keeps the grant and its code: one conditional update. False when the launch was used or ended meanwhile.
    fn issue_code(&self, code: &NewCode, now: Millis) -> Result<bool>;
    /// Finds a code, used or not.
    fn code(&self, hash: &SecretHash, now: Millis) -> Result<Option<CodeRecord>>;
    /// Counts a failed redemption; the third invalidates the code.
    fn code_failed(&self, hash: &SecretHash, now: Millis) -> Result<()>;
    /// Uses up the code and keeps the tokens: one conditional update. False when it was used meanwhile.
    fn redeem_code(&self, hash: &SecretHash, tokens: &[NewToken], now: Millis) -> Result<bool>;
    /// Keeps a token that needs no grant (messaging).
    fn save_token(&self, token: &NewToken, now: Millis) -> Result<()>;
    /// Keeps a grant that needs no code (backend services), with its token.
    fn save_grant(&self, grant: &NewGrant, token: &NewToken, now: Millis) -> Result<()>;
    /// Finds a token that is good now. A refresh token that was used is not.
    fn token(&self, hash: &SecretHash, now: Millis) -> Result<Option<TokenRecord>>;
    /// What became of a refresh token that was used; `None` when it was not, or is not known.
    fn used_refresh(&self, hash: &SecretHash, now: Millis) -> Result<Option<UsedRefresh>>;
    /// Uses up a refresh token and keeps what takes its place: one conditional update. False when it was used or revoked meanwhile.
    fn refresh(&self, hash: &SecretHash, refreshed: &Refreshed, now: Millis) -> Result<bool>;
    /// Revokes one token.
    fn revoke_token(&self, hash: &SecretHash, now: Millis) -> Result<()>;
    /// Revokes a grant, and all that hangs on it.
    fn revoke_grant(&self, grant_id: &str, now: Millis) -> Result<()>;
    /// Revokes all grants of one user, client, patient or launch. Returns how many there were.
    fn revoke_grants(&self, whose: &Whose, now: Millis) -> Result<u32>;
}

/// Sign-ins on the host's page.
pub trait Logins: Send + Sync {
    /// Keeps a sign-in. `EREF_BUSY` when too many of this partner are open.
    fn begin_login(&self, login: &NewLogin, now: Millis) -> Result<()>;
    /// A sign-in that waits for the host, by its `eref_login` value.
    fn login(&self, handle: &SecretHash, now: Millis) -> Result<Option<LoginRecord>>;
    /// Uses up a sign-in and keeps the launch that came of it: one conditional update. False when it was used up or expired meanwhile.
    fn finish_login(&self, handle: &SecretHash, launch: &NewLaunch, now: Millis) -> Result<bool>;
    /// The authorize request that a launch came of, by the launch's handle.
    fn login_request(&self, launch: &SecretHash, now: Millis) -> Result<Option<String>>;
}

/// The charts of launches.
pub trait Charts: Send + Sync {
    /// Adds to or replaces resources of a launch's chart. `EREF_NOT_FOUND` when the launch has ended.
    fn put_chart(&self, launch_id: &str, resources: &[ChartResource], now: Millis) -> Result<()>;
    /// One resource of a launch's chart as it is served: its newest version that the host did not refuse. One that an app created is served,
    /// and marked, before the host has decided; an update is served when the host has taken it.
    fn chart_resource(&self, launch_id: &str, resource_type: &str, id: &str) -> Result<Option<ChartResource>>;
    /// The resources of a launch's chart as they are served, in the order they were put, of one type or all.
    fn chart(&self, launch_id: &str, resource_type: Option<&str>) -> Result<Vec<ChartResource>>;
    /// One version of a resource of a launch's chart, served or not; the newest without a number.
    fn chart_version(&self, launch_id: &str, resource_type: &str, id: &str, version: Option<u32>) -> Result<Option<ChartVersion>>;
    /// A number that changes when something is put into a launch's chart.
    fn chart_mark(&self, launch_id: &str) -> Result<i64>;
    /// Keeps what an app writes and queues the WRITE event, which waits for the host's decision. False: what the rules looked at changed
    /// meanwhile; nothing was kept. `EREF_NOT_FOUND` when the launch has ended or the token is not good any more, `EREF_TOO_LARGE` when the
    /// launch has written too much.
    fn write_back(&self, write: &WriteBack, now: Millis) -> Result<bool>;
    /// What the host made of a write; `None` when its launch has ended.
    fn write_decision(&self, write_id: &str) -> Result<Option<Decision>>;
}

/// Signing keys and the ids of JWTs seen.
pub trait Keys: Send + Sync {
    /// The signing keys, newest first.
    fn signing_keys(&self) -> Result<Vec<SigningKey>>;
    /// Keeps a signing key, unless there is one that was made after `after`. False when there is, and this one was dropped.
    fn save_signing_key(&self, key: &SigningKey, after: Millis) -> Result<bool>;
    /// Marks a JWT id as seen until `until`; false when it was seen before.
    fn use_jti(&self, issuer: &str, jti: &str, until: Millis, now: Millis) -> Result<bool>;
}

/// Referrals tracked.
pub trait Referrals: Send + Sync {
    /// Where a message's keys lead.
    fn trace(&self, keys: &ReferralKeys) -> Result<Trace>;
    /// Finds a referral by our id. One that became part of another leads to that one.
    fn referral(&self, id: &str) -> Result<Option<ReferralRecord>>;
    /// Finds a referral by one of its identifiers.
    fn referral_by_identifier(&self, identifier: &Identifier) -> Result<Option<ReferralRecord>>;
    /// The referrals changed last.
    fn referrals(&self, filter: &ReferralFilter, limit: u32) -> Result<Vec<ReferralRecord>>;
    /// What an unlinked referral may belong to.
    fn candidates(&self, id: &str) -> Result<Vec<Candidate>>;
    /// The newest messages of a referral.
    fn history(&self, id: &str, limit: u32) -> Result<Vec<HistoryRecord>>;
    /// What the history says of one message of a referral, by our id of the reception or delivery.
    fn history_of(&self, id: &str, subject: &str) -> Result<Option<HistoryRecord>>;
    /// Gives a referral another identifier. `EREF_KEY_REUSED` when another referral carries it.
    fn link_referral(&self, id: &str, identifier: &Identifier, now: Millis) -> Result<()>;
    /// Makes an unlinked referral part of another: what led to it leads there, and so do its parties, links, history and events. False when
    /// one of them changed meanwhile.
    fn merge_referral(&self, merge: &Merge, now: Millis) -> Result<bool>;
    /// An unlinked referral stands by itself, as one that came of a launch or not. False when it, or the launch, changed meanwhile.
    fn settle_referral(&self, referral: &(String, u64), launch_id: Option<&str>, now: Millis) -> Result<bool>;
}

/// The audit trail. All other verbs append to it as they change something.
pub trait Audit: Send + Sync {
    /// Appends that something was refused. The same refusal again and again is counted, and written every few seconds.
    fn audit_refusal(&self, refusal: &Refusal, now: Millis) -> Result<()>;
    /// Counts an access to a chart. It is written with others by `flush_accesses`, or at once when very many wait.
    fn audit_access(&self, access: Access, now: Millis) -> Result<()>;
    /// Writes the accesses counted since the last time.
    fn flush_accesses(&self, now: Millis) -> Result<()>;
    /// Checks that no entry was changed, removed, added or moved, and that the entries noted elsewhere are still there or were purged.
    fn audit_verify(&self, known: &[AuditHead]) -> Result<AuditReport>;
    /// The ends of all chains, to be noted elsewhere.
    fn audit_heads(&self) -> Result<Vec<AuditHead>>;
    /// Entries in the order of chain and number, after that one.
    fn audit_entries(&self, after: Option<(&str, i64)>, limit: u32) -> Result<Vec<AuditEntry>>;
}

/// The host's notes, counts, housekeeping.
pub trait Keeping: Send + Sync {
    /// Appends an entry of the host's own to the audit chain.
    fn audit_note(&self, document: &str, now: Millis) -> Result<()>;
    /// Counts.
    fn status(&self) -> Result<StoreStatus>;
    /// A number that changes when another process commits. Cheap: polled every 250 ms.
    fn change_counter(&self) -> Result<i64>;
    /// Deletes what its retention says (dedupe rows, ended launches, expired codes and tokens, old bodies, old audit entries), and writes
    /// the audit's checkpoint when it is due.
    fn purge(&self, retention: &Retention, now: Millis) -> Result<()>;
}
