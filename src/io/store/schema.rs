//! The tables. Sealed columns hold personal data or identifiers from outside; `_mac` columns are keyed hashes to find them by. In clear
//! are only our own random ids, partner names, event codes, states, times and sizes.

/// The version of what follows; `PRAGMA user_version` of a store. A store with a higher one was written by a newer library.
pub const VERSION: i64 = 1;

/// Makes a new store.
pub const SCHEMA: &str = "
CREATE TABLE meta (key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;

-- Who serves: one row, named 'serving'. The lock file beside the database decides; the row says who it is.
CREATE TABLE lease (name TEXT PRIMARY KEY, node_id TEXT NOT NULL, process INTEGER NOT NULL, host TEXT NOT NULL, until INTEGER NOT NULL)
    WITHOUT ROWID;

-- Messages received. The key of deduplication is the authenticated partner and MessageHeader.id; other content is another row, and so
-- is what comes again when deduplication has forgotten it.
CREATE TABLE inbox (
    id TEXT PRIMARY KEY, partner TEXT NOT NULL, message_mac BLOB NOT NULL, content_mac BLOB NOT NULL, bundle_mac BLOB,
    event TEXT NOT NULL, referral_id TEXT, received INTEGER NOT NULL, done INTEGER, size INTEGER NOT NULL,
    trusted INTEGER NOT NULL, ids BLOB NOT NULL /* sealed */, response BLOB NOT NULL /* sealed */) WITHOUT ROWID;
CREATE INDEX inbox_message ON inbox (partner, message_mac, content_mac);
CREATE INDEX inbox_bundle ON inbox (partner, bundle_mac) WHERE bundle_mac IS NOT NULL;
CREATE INDEX inbox_received ON inbox (received);
CREATE INDEX inbox_referral ON inbox (referral_id) WHERE referral_id IS NOT NULL;

-- Bodies of messages in and out, sealed in pieces of at most 1 MiB.
CREATE TABLE body (owner TEXT NOT NULL, seq INTEGER NOT NULL, piece BLOB NOT NULL, PRIMARY KEY (owner, seq));

-- Attachments of received messages that were fetched from elsewhere; `body` owns their pieces.
CREATE TABLE attachment (
    inbox_id TEXT NOT NULL, number INTEGER NOT NULL, body TEXT NOT NULL, fetched INTEGER NOT NULL, size INTEGER NOT NULL,
    content_type BLOB NOT NULL /* sealed */, PRIMARY KEY (inbox_id, number)) WITHOUT ROWID;

-- Messages to be sent, in the order they were queued.
CREATE TABLE outbox (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, partner TEXT NOT NULL,
    host_key_mac BLOB NOT NULL UNIQUE, content_mac BLOB NOT NULL, event TEXT NOT NULL, referral_id TEXT, lane TEXT NOT NULL,
    state INTEGER NOT NULL, attempts INTEGER NOT NULL, created INTEGER NOT NULL, next_attempt INTEGER NOT NULL,
    http_status INTEGER NOT NULL, size INTEGER NOT NULL, by_hand INTEGER NOT NULL DEFAULT 0, message_mac BLOB NOT NULL,
    answered INTEGER, answered_by TEXT, replaced_by TEXT, dropped INTEGER NOT NULL DEFAULT 0,
    ids BLOB NOT NULL /* sealed */, last_error BLOB /* sealed */, answer BLOB /* sealed */);
-- Of the unfinished ones only: those are few, and looked at all the time.
CREATE INDEX outbox_due ON outbox (partner, next_attempt) WHERE state IN (1, 2, 5);
CREATE INDEX outbox_lane ON outbox (lane, seq) WHERE state IN (1, 2, 5);
CREATE INDEX outbox_created ON outbox (partner, created) WHERE state IN (1, 2, 5);
CREATE INDEX outbox_by_hand ON outbox (partner, next_attempt) WHERE by_hand = 1;
CREATE INDEX outbox_failing ON outbox (partner) WHERE state IN (1, 5) AND attempts > 0;
CREATE INDEX outbox_message ON outbox (partner, message_mac);

-- Files of messages that their receivers fetch from us; `body` keeps their pieces under the same id.
CREATE TABLE file (
    id TEXT PRIMARY KEY, outbox_id TEXT NOT NULL, partner TEXT NOT NULL, size INTEGER NOT NULL, content_type BLOB NOT NULL /* sealed */)
    WITHOUT ROWID;
CREATE INDEX file_of ON file (outbox_id);

-- What the host has yet to take. A lane is a referral, a launch that is written under, or a partner; one event of a
-- lane is out at a time.
CREATE TABLE event (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, kind INTEGER NOT NULL, partner TEXT NOT NULL, referral_id TEXT,
    lane TEXT NOT NULL, subject TEXT NOT NULL, state INTEGER NOT NULL /* 0 waiting, 1 leased, 2 parked */, attempt INTEGER NOT NULL,
    available INTEGER NOT NULL /* or, leased, the end of the lease */, created INTEGER NOT NULL, document BLOB NOT NULL /* sealed */);
CREATE INDEX event_available ON event (state, available);
CREATE INDEX event_lane ON event (lane, seq);
CREATE INDEX event_subject ON event (subject);

-- One that a person recognised as part of another stays as a signpost: merged_into.
CREATE TABLE referral (
    id TEXT PRIMARY KEY, version INTEGER NOT NULL, our_role TEXT NOT NULL, unlinked INTEGER NOT NULL, launch_id TEXT, merged_into TEXT,
    patient_mac BLOB, created INTEGER NOT NULL, updated INTEGER NOT NULL, state BLOB NOT NULL /* sealed */,
    document BLOB NOT NULL /* sealed */) WITHOUT ROWID;
CREATE INDEX referral_updated ON referral (updated);
CREATE INDEX referral_patient ON referral (patient_mac) WHERE patient_mac IS NOT NULL;
-- Two partners may use one identifier for two referrals. Vouched: named by ourselves, in a message or by the host.
CREATE TABLE referral_identifier (
    mac BLOB NOT NULL, referral_id TEXT NOT NULL, vouched INTEGER NOT NULL, identifier BLOB NOT NULL /* sealed */,
    PRIMARY KEY (mac, referral_id)) WITHOUT ROWID;
CREATE INDEX referral_identifier_of ON referral_identifier (referral_id);
-- What else leads to a referral: identifiers as one partner uses them, its communications, its requisition.
CREATE TABLE referral_key (mac BLOB NOT NULL, referral_id TEXT NOT NULL, PRIMARY KEY (mac, referral_id)) WITHOUT ROWID;
CREATE INDEX referral_key_of ON referral_key (referral_id);
CREATE TABLE referral_party (referral_id TEXT NOT NULL, partner TEXT NOT NULL, role TEXT NOT NULL, PRIMARY KEY (referral_id, partner))
    WITHOUT ROWID;
CREATE INDEX referral_party_partner ON referral_party (partner);
CREATE TABLE referral_link (parent TEXT NOT NULL, child TEXT NOT NULL, relation TEXT NOT NULL, PRIMARY KEY (parent, child)) WITHOUT ROWID;
CREATE INDEX referral_link_child ON referral_link (child);
-- What was said of a referral, in and out, kept as long as the referral. The subject is the reception's or delivery's id.
CREATE TABLE history (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, referral_id TEXT NOT NULL, at INTEGER NOT NULL, incoming INTEGER NOT NULL, partner TEXT NOT NULL,
    event TEXT NOT NULL, subject TEXT NOT NULL, document BLOB NOT NULL /* sealed */);
CREATE INDEX history_of ON history (referral_id, seq);

CREATE TABLE launch (
    id TEXT PRIMARY KEY, partner TEXT NOT NULL, state INTEGER NOT NULL, handle BLOB NOT NULL UNIQUE, start BLOB UNIQUE, cookie BLOB,
    session_mac BLOB, subject_mac BLOB /* of the patient's logical id */, correlation_mac BLOB NOT NULL UNIQUE,
    patient_mac BLOB /* of the health number */, referral_id TEXT /* of the first message that came of it */,
    created INTEGER NOT NULL, start_until INTEGER NOT NULL, handle_until INTEGER NOT NULL, ends INTEGER NOT NULL,
    context BLOB NOT NULL /* sealed */) WITHOUT ROWID;
CREATE INDEX launch_session ON launch (session_mac) WHERE session_mac IS NOT NULL;
CREATE INDEX launch_ends ON launch (ends);
CREATE INDEX launch_patient ON launch (patient_mac) WHERE patient_mac IS NOT NULL;
-- A sign-in on the host's page. The launch that comes of it has the same id.
CREATE TABLE login (
    id TEXT PRIMARY KEY, handle BLOB NOT NULL UNIQUE, cookie BLOB NOT NULL, partner TEXT NOT NULL, expires INTEGER NOT NULL,
    finished INTEGER NOT NULL, request BLOB NOT NULL /* sealed */) WITHOUT ROWID;
CREATE INDEX login_expires ON login (expires);
-- A row is a version. What an app wrote is kept by `body` under the id of the write, which is the subject of its WRITE event.
CREATE TABLE chart (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, launch_id TEXT NOT NULL, resource_type TEXT NOT NULL, id_mac BLOB NOT NULL,
    version INTEGER NOT NULL, state INTEGER NOT NULL /* see charts.rs */, write_id TEXT, size INTEGER NOT NULL,
    resource BLOB NOT NULL /* sealed: id, line break, JSON unless written */, words BLOB /* sealed: those of a refusal */,
    UNIQUE (launch_id, resource_type, id_mac, version));
CREATE INDEX chart_write ON chart (write_id) WHERE write_id IS NOT NULL;
-- What a client may do, and until when. Codes and tokens hang on it; a grant that is revoked is gone, and they are with it.
CREATE TABLE grant (
    id TEXT PRIMARY KEY, kind INTEGER NOT NULL /* 1 online, 2 offline, 3 backend */, launch_id TEXT, client_id TEXT NOT NULL,
    partner TEXT NOT NULL, scope TEXT NOT NULL, created INTEGER NOT NULL, ends INTEGER NOT NULL, idle_ends INTEGER NOT NULL,
    user_mac BLOB, patient_mac BLOB, context BLOB /* sealed */) WITHOUT ROWID;
CREATE INDEX grant_launch ON grant (launch_id) WHERE launch_id IS NOT NULL;
CREATE INDEX grant_user ON grant (user_mac) WHERE user_mac IS NOT NULL;
CREATE INDEX grant_patient ON grant (patient_mac) WHERE patient_mac IS NOT NULL;
CREATE TABLE code (
    hash BLOB PRIMARY KEY, grant_id TEXT NOT NULL, expires INTEGER NOT NULL, used INTEGER NOT NULL, failures INTEGER NOT NULL,
    binding BLOB NOT NULL /* sealed */) WITHOUT ROWID;
-- Messaging tokens have no grant. A refresh token that was used stays until it expires, to be known again; with the answer it got.
CREATE TABLE token (
    hash BLOB PRIMARY KEY, kind INTEGER NOT NULL, grant_id TEXT, client_id TEXT NOT NULL, scope TEXT NOT NULL, created INTEGER NOT NULL,
    expires INTEGER NOT NULL, used INTEGER, answer BLOB /* sealed */) WITHOUT ROWID;
CREATE INDEX token_grant ON token (grant_id) WHERE grant_id IS NOT NULL;
CREATE INDEX token_expires ON token (expires);
CREATE TABLE jti (mac BLOB PRIMARY KEY, until INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE signing_key (kid TEXT PRIMARY KEY, created INTEGER NOT NULL, der BLOB NOT NULL /* sealed */) WITHOUT ROWID;

-- Append-only, one hash chain per writer. A checkpoint row carries the chain over a purge. The head of a chain proves where it ends.
CREATE TABLE audit (
    node_id TEXT NOT NULL, seq INTEGER NOT NULL, at INTEGER NOT NULL, checkpoint INTEGER NOT NULL, prev BLOB NOT NULL, hash BLOB NOT NULL,
    content BLOB NOT NULL /* sealed */, PRIMARY KEY (node_id, seq)) WITHOUT ROWID;
CREATE INDEX audit_checkpoint ON audit (at) WHERE checkpoint = 1;
CREATE TABLE audit_head (
    node_id TEXT PRIMARY KEY, seq INTEGER NOT NULL, at INTEGER NOT NULL, hash BLOB NOT NULL, mac BLOB NOT NULL) WITHOUT ROWID;
";
