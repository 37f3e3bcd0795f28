//! Messages received: deduplication, party check, inbox, referral, event and audit in one transaction.

use rusqlite::{Connection, OptionalExtension, params};
use serde_json::json;

use crate::error::{EREF_NOT_FOUND, Error, Result};
use crate::io::store::body::{NewBody, read_body};
use crate::io::store::events::{NewEvent, insert_event};
use crate::io::store::referrals::{SealedUpdate, find_referrals, is_party, touch_referral};
use crate::io::store::sqlite::{Sqlite, store_error};
use crate::io::store::{audit, vault::Vault};
use crate::proto::store::{Accepted, AuditHead, FetchedAttachment, Inbox, IncomingMessage, Millis, event_kind};

/// A message ready for its row: everything sealed and hashed before the writer is asked for.
struct Row {
    id: String,
    partner: String,
    message_mac: [u8; 32],
    content_mac: [u8; 32],
    bundle_mac: Option<[u8; 32]>,
    event: String,
    size: usize,
    ids: Vec<u8>,
    response: Vec<u8>,
    body: NewBody,
    referral: Option<SealedUpdate>,
    trusted: bool,
    refuse_changed: bool,
    message_id: String,
    answers_mac: Option<[u8; 32]>,
    bundle_id: String,
    sha256: String,
}

fn row(vault: &Vault, message: &IncomingMessage) -> Result<Row> {
    let ids = json!({"message_id": message.message_id, "bundle_id": message.bundle_id}).to_string();
    // Anybody at the right address can use up ids without credentials; the partner's own are not known by them.
    let (header, bundle) =
        if message.trusted { ("message-id", "bundle-id") } else { ("untrusted.message-id", "untrusted.bundle-id") };
    Ok(Row {
        id: message.id.clone(),
        partner: message.partner.clone(),
        message_mac: vault.lookup(header, message.message_id.as_bytes()),
        content_mac: vault.lookup("content", &message.content),
        bundle_mac: (!message.bundle_id.is_empty()).then(|| vault.lookup(bundle, message.bundle_id.as_bytes())),
        event: message.event.clone(),
        size: message.body.len(),
        ids: vault.seal("inbox.ids", &message.id, ids.as_bytes())?,
        response: vault.seal("inbox.response", &message.id, &message.response)?,
        body: NewBody::new(vault, &message.id, message.body.clone()),
        referral: message.referral.as_ref().map(|update| SealedUpdate::new(vault, update)).transpose()?,
        trusted: message.trusted,
        refuse_changed: message.refuse_changed,
        message_id: message.message_id.clone(),
        bundle_id: message.bundle_id.clone(),
        sha256: AuditHead::hex(&message.content),
        answers_mac: message.response_to.as_ref().map(|id| vault.lookup("message-id", id.as_bytes())),
    })
}

impl Inbox for Sqlite {
    fn accept_message(&self, message: &IncomingMessage, now: Millis) -> Result<Accepted> {
        let row = row(&self.vault, message)?;
        let notification = message.notification.clone();
        let (vault, node) = (self.vault.clone(), self.node.id.clone());
        self.writer.write(move |connection| {
            if let Some(known) = known_before(connection, &vault, &row)? {
                return Ok(known);
            }
            let referral_id = match &row.referral {
                None => None,
                Some(update) => {
                    // A message that names several referrals must be entitled to each.
                    let found = find_referrals(connection, update)?;
                    for id in &found {
                        if !(row.trusted && is_party(connection, id, &row.partner)?) {
                            return Ok(Accepted::NotParty);
                        }
                    }
                    Some(touch_referral(connection, &vault, found.into_iter().next(), update, &row.partner, now)?)
                }
            };
            insert(connection, &row, referral_id.as_deref(), now).map_err(store_error)?;
            note_answer(connection, &row, now).map_err(store_error)?;
            row.body.insert(connection)?;
            let event = NewEvent {
                kind: event_kind::MESSAGE,
                partner: &row.partner,
                referral_id: referral_id.as_deref(),
                subject: &row.id,
                document: &notification,
            };
            insert_event(connection, &vault, &event, now)?;
            let entry = json!({"what": "message received", "partner": row.partner, "event": row.event, "message_id": row.message_id,
                               "bundle_id": row.bundle_id, "id": row.id, "referral_id": referral_id, "sha256": row.sha256});
            audit::append(connection, &vault, &node, now, &entry)?;
            Ok(Accepted::New { referral_id })
        })
    }

    fn message_body(&self, id: &str) -> Result<Vec<u8>> {
        let body = self.read(|connection| read_body(connection, &self.vault, id))?;
        body.ok_or_else(|| Error::new(EREF_NOT_FOUND, "the message's body is not kept any more"))
    }

    fn keep_attachment(&self, id: &str, index: u32, fetched: &FetchedAttachment, now: Millis) -> Result<()> {
        self.insert_attachment(id, index, fetched, now)
    }

    fn attachment(&self, id: &str, index: u32) -> Result<Option<FetchedAttachment>> {
        self.read_attachment(id, index)
    }
}

/// messaging.md 10.1, per partner: the same header and content is answered as before; a Bundle id that came with another header is an
/// error; a known header with other content is a new message, or refused where the partner's configuration says so.
fn known_before(connection: &Connection, vault: &Vault, row: &Row) -> Result<Option<Accepted>> {
    let found: Option<(String, Vec<u8>)> = connection
        .prepare_cached("SELECT id, response FROM inbox WHERE partner = ?1 AND message_mac = ?2 AND content_mac = ?3")
        .and_then(|mut query| {
            query.query_row(params![row.partner, row.message_mac, row.content_mac], |row| Ok((row.get(0)?, row.get(1)?))).optional()
        })
        .map_err(store_error)?;
    if let Some((id, response)) = found {
        return Ok(Some(Accepted::Replay { response: vault.open_sealed("inbox.response", &id, &response)? }));
    }
    let reused: bool = connection
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM inbox WHERE partner = ?1 AND bundle_mac = ?2 AND message_mac <> ?3)")
        .and_then(|mut query| query.query_row(params![row.partner, row.bundle_mac, row.message_mac], |row| row.get(0)))
        .map_err(store_error)?;
    if reused {
        return Ok(Some(Accepted::BundleReused));
    }
    let changed: bool = connection
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM inbox WHERE partner = ?1 AND message_mac = ?2)")
        .and_then(|mut query| query.query_row(params![row.partner, row.message_mac], |row| row.get(0)))
        .map_err(store_error)?;
    Ok((changed && row.refuse_changed).then_some(Accepted::Changed))
}

fn insert(connection: &Connection, row: &Row, referral_id: Option<&str>, now: Millis) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO inbox (id, partner, message_mac, content_mac, bundle_mac, event, referral_id, received, size, ids, response)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        )?
        .execute(params![
            row.id, row.partner, row.message_mac, row.content_mac, row.bundle_mac, row.event, referral_id, now, row.size, row.ids, row.response
        ])
        .map(|_| ())
}

/// A message that answers one of ours says so on that delivery (messaging.md 10.5). The first answer counts.
fn note_answer(connection: &Connection, row: &Row, now: Millis) -> rusqlite::Result<()> {
    let Some(answers) = &row.answers_mac else { return Ok(()) };
    connection
        .prepare_cached(
            "UPDATE outbox SET answered = ?3, answered_by = ?4 WHERE partner = ?1 AND message_mac = ?2 AND answered IS NULL",
        )?
        .execute(params![row.partner, answers, now, row.id])
        .map(|_| ())
}
