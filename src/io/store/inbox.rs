//! Messages received: deduplication, inbox, referral, event and audit in one transaction; and what the host made of them.

use rusqlite::{Connection, OptionalExtension, Row, params};
use serde_json::json;

use crate::error::{EREF_NOT_FOUND, EREF_WRONG_STATE, Error, Result};
use crate::io::store::body::{NewBody, read_body};
use crate::io::store::events::{NewEvent, insert_event, lane};
use crate::io::store::keeping::DEDUPE;
use crate::io::store::referral_write::{Entry, SealedUpdate};
use crate::io::store::sqlite::{Sqlite, store_error};
use crate::io::store::{audit, vault::Vault};
use crate::proto::store::{
    Accepted, AuditHead, FetchedAttachment, Inbox, IncomingMessage, MessageIdentity, Millis, Reception, ReceptionState, event_kind,
};

/// What a message is recognised by, hashed.
struct Identity {
    partner: String,
    trusted: bool,
    message_mac: [u8; 32],
    content_mac: [u8; 32],
    bundle_mac: Option<[u8; 32]>,
    refuse_changed: bool,
}

impl Identity {
    fn new(vault: &Vault, identity: &MessageIdentity) -> Self {
        let (header, bundle) =
            if identity.trusted { ("message-id", "bundle-id") } else { ("untrusted.message-id", "untrusted.bundle-id") };
        Self {
            partner: identity.partner.clone(),
            trusted: identity.trusted,
            message_mac: vault.lookup(header, identity.message_id.as_bytes()),
            content_mac: vault.lookup("content", &identity.content),
            bundle_mac: (!identity.bundle_id.is_empty()).then(|| vault.lookup(bundle, identity.bundle_id.as_bytes())),
            refuse_changed: identity.refuse_changed,
        }
    }

    /// messaging.md 10.1, per partner: the same header and content is answered as before; a Bundle id that came with another header is an
    /// error; a known header with other content is a new message, or refused where the partner's configuration says so. What came longer
    /// ago is not known any more.
    fn known(&self, connection: &Connection, vault: &Vault, now: Millis) -> Result<Option<Accepted>> {
        let since = now - DEDUPE;
        let found: Option<(String, Vec<u8>)> = connection
            .prepare_cached(
                "SELECT id, response FROM inbox WHERE partner = ?1 AND message_mac = ?2 AND content_mac = ?3 AND received > ?4
                 ORDER BY received DESC LIMIT 1",
            )
            .and_then(|mut query| {
                let keys = params![self.partner, self.message_mac, self.content_mac, since];
                query.query_row(keys, |row| Ok((row.get(0)?, row.get(1)?))).optional()
            })
            .map_err(store_error)?;
        if let Some((id, response)) = found {
            return Ok(Some(Accepted::Replay { response: vault.open_sealed("inbox.response", &id, &response)? }));
        }
        let exists = |condition: &str, mac: Option<[u8; 32]>| -> Result<bool> {
            connection
                .prepare_cached(&format!(
                    "SELECT EXISTS (SELECT 1 FROM inbox WHERE partner = ?1 AND {condition} AND received > ?4)"
                ))
                .and_then(|mut query| query.query_row(params![self.partner, mac, self.message_mac, since], |row| row.get(0)))
                .map_err(store_error)
        };
        if exists("bundle_mac = ?2 AND message_mac <> ?3", self.bundle_mac)? {
            return Ok(Some(Accepted::BundleReused));
        }
        let changed = if self.refuse_changed { Accepted::Changed } else { Accepted::Revised };
        Ok(exists("message_mac = ?3", None)?.then_some(changed))
    }
}

/// A message ready for its row: everything sealed and hashed before the writer is asked for.
struct Sealed {
    id: String,
    identity: Identity,
    event: String,
    size: usize,
    ids: Vec<u8>,
    response: Vec<u8>,
    body: NewBody,
    referral: Option<SealedUpdate>,
    message_id: String,
    answers_mac: Option<[u8; 32]>,
    bundle_id: String,
    sha256: String,
}

fn sealed(vault: &Vault, message: &IncomingMessage) -> Result<Sealed> {
    let ids = json!([message.identity.message_id, message.identity.bundle_id]).to_string();
    Ok(Sealed {
        id: message.id.clone(),
        identity: Identity::new(vault, &message.identity),
        event: message.event.clone(),
        size: message.body.len(),
        ids: vault.seal("inbox.ids", &message.id, ids.as_bytes())?,
        response: vault.seal("inbox.response", &message.id, &message.response)?,
        body: NewBody::new(vault, &message.id, message.body.clone()),
        referral: message.referral.as_ref().map(|update| SealedUpdate::new(vault, update, &message.id)).transpose()?,
        message_id: message.identity.message_id.clone(),
        bundle_id: message.identity.bundle_id.clone(),
        sha256: AuditHead::hex(&message.identity.content),
        answers_mac: message.response_to.as_ref().map(|id| vault.lookup("message-id", id.as_bytes())),
    })
}

impl Inbox for Sqlite {
    fn known_message(&self, message: &MessageIdentity, now: Millis) -> Result<Option<Accepted>> {
        let identity = Identity::new(&self.vault, message);
        self.read(|connection| identity.known(connection, &self.vault, now))
    }

    fn accept_message(&self, message: &IncomingMessage, now: Millis) -> Result<Accepted> {
        let row = sealed(&self.vault, message)?;
        let notification = message.notification.clone();
        let (vault, node) = (self.vault.clone(), self.node.id.clone());
        self.writer.write(move |connection| {
            match row.identity.known(connection, &vault, now)? {
                None | Some(Accepted::Revised) => {}
                Some(known) => return Ok(known),
            }
            if let Some(update) = &row.referral
                && !update.apply(connection, &Entry { incoming: true, event: &row.event, subject: &row.id, now })?
            {
                return Ok(Accepted::Moved);
            }
            let referral_id = row.referral.as_ref().map(|update| update.id.clone());
            insert(connection, &row, referral_id.as_deref(), now).map_err(store_error)?;
            note_answer(connection, &row, now).map_err(store_error)?;
            let partner = &row.identity.partner;
            row.body.insert(connection)?;
            let event = NewEvent {
                kind: event_kind::MESSAGE,
                partner,
                referral_id: referral_id.as_deref(),
                lane: lane(referral_id.as_deref(), partner),
                subject: &row.id,
                document: &notification,
            };
            insert_event(connection, &vault, &event, now)?;
            let entry = json!({"what": "message received", "partner": partner, "event": row.event, "message_id": row.message_id,
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

    fn reception(&self, id: &str) -> Result<Option<Reception>> {
        self.read(|connection| one(connection, id))?.map(|found| open(&self.vault, found)).transpose()
    }

    fn receptions(&self, state: Option<ReceptionState>, limit: u32) -> Result<Vec<Reception>> {
        let number = state.map(|state| match state {
            ReceptionState::Waiting => 0,
            ReceptionState::Leased => 1,
            ReceptionState::Parked => 2,
            ReceptionState::Done => -1,
        });
        let found: Vec<(Reception, Vec<u8>)> = self.read(|connection| {
            connection
                .prepare_cached(&format!(
                    "{RECEPTION} WHERE ?1 IS NULL OR coalesce(e.state, -1) = ?1 ORDER BY i.received DESC, i.id DESC LIMIT ?2"
                ))
                .and_then(|mut query| query.query_map(params![number, limit], reception)?.collect())
                .map_err(store_error)
        })?;
        found.into_iter().map(|found| open(&self.vault, found)).collect()
    }

    fn resend_event(&self, reception_id: &str, document: &str, now: Millis) -> Result<()> {
        let (id, document) = (reception_id.to_owned(), document.to_owned());
        let (vault, node) = (self.vault.clone(), self.node.id.clone());
        self.writer.write(move |connection| {
            let (record, _) =
                one(connection, &id)?.ok_or_else(|| Error::new(EREF_NOT_FOUND, "there is no reception of that id"))?;
            resend(connection, &vault, &record, &document, now)?;
            audit::append(connection, &vault, &node, now, &json!({"what": "event resent by hand", "id": id}))
        })
    }
}

fn insert(connection: &Connection, row: &Sealed, referral_id: Option<&str>, now: Millis) -> rusqlite::Result<()> {
    let Identity { partner, trusted, message_mac, content_mac, bundle_mac, .. } = &row.identity;
    connection
        .prepare_cached(
            "INSERT INTO inbox (id, partner, message_mac, content_mac, bundle_mac, event, referral_id, received, size, trusted, ids, response)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
        )?
        .execute(params![
            row.id, partner, message_mac, content_mac, bundle_mac, row.event, referral_id, now, row.size, trusted, row.ids, row.response
        ])
        .map(|_| ())
}

/// A message that answers one of ours says so on that delivery (messaging.md 10.5). The first answer counts.
fn note_answer(connection: &Connection, row: &Sealed, now: Millis) -> rusqlite::Result<()> {
    let Some(answers) = row.answers_mac.as_ref().filter(|_| row.identity.trusted) else { return Ok(()) };
    connection
        .prepare_cached(
            "UPDATE outbox SET answered = ?3, answered_by = ?4 WHERE partner = ?1 AND message_mac = ?2 AND answered IS NULL",
        )?
        .execute(params![row.identity.partner, answers, now, row.id])
        .map(|_| ())
}

/// A reception with the state of its event, its ids still sealed.
const RECEPTION: &str = "SELECT i.id, i.partner, i.event, i.referral_id, i.received, i.size, i.trusted, e.state, e.attempt, i.ids
    FROM inbox i LEFT JOIN event e ON e.subject = i.id AND e.kind = 2";

fn reception(row: &Row) -> rusqlite::Result<(Reception, Vec<u8>)> {
    let record = Reception {
        id: row.get(0)?,
        partner: row.get(1)?,
        event: row.get(2)?,
        referral_id: row.get(3)?,
        message_id: String::new(),
        bundle_id: String::new(),
        received: row.get(4)?,
        size: row.get(5)?,
        trusted: row.get(6)?,
        state: match row.get::<_, Option<i32>>(7)? {
            Some(0) => ReceptionState::Waiting,
            Some(1) => ReceptionState::Leased,
            Some(_) => ReceptionState::Parked,
            None => ReceptionState::Done,
        },
        attempt: row.get::<_, Option<u32>>(8)?.unwrap_or_default(),
    };
    Ok((record, row.get(9)?))
}

fn open(vault: &Vault, (mut record, ids): (Reception, Vec<u8>)) -> Result<Reception> {
    let ids = vault.open_sealed("inbox.ids", &record.id, &ids)?;
    (record.message_id, record.bundle_id) = serde_json::from_slice(&ids).unwrap_or_default();
    Ok(record)
}

fn one(connection: &Connection, id: &str) -> Result<Option<(Reception, Vec<u8>)>> {
    connection
        .prepare_cached(&format!("{RECEPTION} WHERE i.id = ?1"))
        .and_then(|mut query| query.query_row([id], reception).optional())
        .map_err(store_error)
}

/// Makes the event due as for the first time, or anew where it is gone.
fn resend(connection: &Connection, vault: &Vault, record: &Reception, document: &str, now: Millis) -> Result<()> {
    if record.state == ReceptionState::Leased {
        return Err(Error::new(EREF_WRONG_STATE, "the event is out just now; it comes again by itself if it is not finished"));
    }
    let renewed = connection
        .prepare_cached("UPDATE event SET state = 0, attempt = 0, available = ?2 WHERE subject = ?1 AND kind = 2")
        .and_then(|mut update| update.execute(params![record.id, now]))
        .map_err(store_error)?;
    if renewed > 0 {
        return Ok(());
    }
    let event = NewEvent {
        kind: event_kind::MESSAGE,
        partner: &record.partner,
        referral_id: record.referral_id.as_deref(),
        lane: lane(record.referral_id.as_deref(), &record.partner),
        subject: &record.id,
        document,
    };
    insert_event(connection, vault, &event, now)?;
    connection
        .prepare_cached("UPDATE inbox SET done = NULL WHERE id = ?1")
        .and_then(|mut update| update.execute([&record.id]))
        .map(|_| ())
        .map_err(store_error)
}
