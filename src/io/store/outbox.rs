//! Messages to be sent: queued once per host key, found by id or key. What is done with them stands in `delivering`.

use rusqlite::{Connection, OptionalExtension, Row, params};
use serde_json::json;

use crate::error::{EREF_KEY_REUSED, EREF_NOT_FOUND, EREF_WRONG_STATE, Error, Result};
use crate::io::store::body::NewBody;
use crate::io::store::files::NewFile;
use crate::io::store::referral_write::{Entry, SealedUpdate};
use crate::io::store::sqlite::{Sqlite, store_error};
use crate::io::store::{audit, vault::Vault};
use crate::proto::store::{AuditHead, DeliveryRecord, DeliveryState, Enqueued, Millis, Outbox, OutgoingMessage, ServedFile};

const COLUMNS: &str = "id, partner, event, referral_id, state, attempts, created, next_attempt, http_status, answered, answered_by, replaced_by, dropped, \
     ids, last_error, answer";

/// A row with what is sealed still sealed.
pub(super) struct Raw {
    pub(super) record: DeliveryRecord,
    ids: Vec<u8>,
    last_error: Option<Vec<u8>>,
    answer: Option<Vec<u8>>,
}

pub(super) fn raw(row: &Row) -> rusqlite::Result<Raw> {
    let record = DeliveryRecord {
        id: row.get(0)?,
        partner: row.get(1)?,
        host_key: String::new(),
        event: row.get(2)?,
        message_id: String::new(),
        bundle_id: String::new(),
        referral_id: row.get(3)?,
        state: DeliveryState::from_number(row.get(4)?).unwrap_or(DeliveryState::Dead),
        attempts: row.get(5)?,
        created: row.get(6)?,
        next_attempt: row.get(7)?,
        http_status: row.get(8)?,
        last_error: None,
        answer: None,
        renamed: false,
        answered: row.get::<_, Option<Millis>>(9)?.zip(row.get(10)?),
        replaced_by: row.get(11)?,
        dropped: row.get(12)?,
    };
    Ok(Raw { record, ids: row.get(13)?, last_error: row.get(14)?, answer: row.get(15)? })
}

impl Raw {
    /// The sealed ids with another Bundle.id, which the stored body does not carry.
    pub(super) fn renamed(&self, vault: &Vault, bundle_id: &str) -> Result<Vec<u8>> {
        let mut ids: Ids = open_ids(vault, &self.record.id, &self.ids)?;
        (ids.2, ids.3) = (bundle_id.to_owned(), true);
        seal_ids(vault, &self.record.id, &ids)
    }
}

/// Host key, MessageHeader.id, Bundle.id, and whether the body carries another Bundle.id.
type Ids = (String, String, String, bool);

fn seal_ids(vault: &Vault, id: &str, ids: &Ids) -> Result<Vec<u8>> {
    vault.seal("outbox.ids", id, json!(ids).to_string().as_bytes())
}

fn open_ids(vault: &Vault, id: &str, sealed: &[u8]) -> Result<Ids> {
    Ok(serde_json::from_slice(&vault.open_sealed("outbox.ids", id, sealed)?).unwrap_or_default())
}

pub(super) fn open(vault: &Vault, raw: Raw) -> Result<DeliveryRecord> {
    let Raw { mut record, ids, last_error, answer } = raw;
    (record.host_key, record.message_id, record.bundle_id, record.renamed) = open_ids(vault, &record.id, &ids)?;
    if let Some(sealed) = last_error {
        record.last_error =
            Some(String::from_utf8_lossy(&vault.open_sealed("outbox.last_error", &record.id, &sealed)?).into_owned());
    }
    if let Some(sealed) = answer {
        record.answer = Some(vault.open_sealed("outbox.answer", &record.id, &sealed)?);
    }
    Ok(record)
}

fn by_key(connection: &Connection, host_key_mac: &[u8; 32]) -> rusqlite::Result<Option<(Raw, Vec<u8>)>> {
    connection
        .prepare_cached(&format!("SELECT {COLUMNS}, content_mac FROM outbox WHERE host_key_mac = ?1"))?
        .query_row([host_key_mac], |row| Ok((raw(row)?, row.get(16)?)))
        .optional()
}

pub(super) fn by_id(connection: &Connection, id: &str) -> Result<Option<Raw>> {
    connection
        .prepare_cached(&format!("SELECT {COLUMNS} FROM outbox WHERE id = ?1"))
        .and_then(|mut query| query.query_row([id], raw).optional())
        .map_err(store_error)
}

/// What is sent instead of another ends that one, in the same transaction.
fn replace(connection: &Connection, old: &str, new: &str) -> Result<()> {
    let changed = connection
        .prepare_cached(
            "UPDATE outbox SET replaced_by = ?2, by_hand = 0, state = CASE WHEN state IN (1, 5) THEN 6 ELSE state END
             WHERE id = ?1 AND state IN (1, 4, 5, 6) AND replaced_by IS NULL AND dropped = 0",
        )
        .and_then(|mut update| update.execute([old, new]))
        .map_err(store_error)?;
    if changed == 1 {
        return Ok(());
    }
    let text = "the delivery to be replaced is being sent, or was delivered, dropped or replaced before";
    Err(Error::new(EREF_WRONG_STATE, text))
}

impl Outbox for Sqlite {
    fn enqueue(&self, message: &OutgoingMessage, now: Millis) -> Result<Option<Enqueued>> {
        let vault = self.vault.clone();
        let host_key_mac = vault.lookup("host-key", message.host_key.as_bytes());
        let content_mac = vault.lookup("content", &message.content);
        let ids = (message.host_key.clone(), message.message_id.clone(), message.bundle_id.clone(), false);
        let ids = seal_ids(&vault, &message.id, &ids)?;
        let (size, replaces) = (message.body.len(), message.replaces.clone());
        let body = NewBody::new(&vault, &message.id, message.body.clone());
        let files: Vec<NewFile> = message.files.iter().map(|file| NewFile::new(&vault, file)).collect::<Result<_>>()?;
        let note = message.note.clone();
        let update = message.referral.as_ref().map(|update| SealedUpdate::new(&vault, update, &message.id)).transpose()?;
        let message_mac = vault.lookup("message-id", message.message_id.as_bytes());
        let (id, partner, event) = (message.id.clone(), message.partner.clone(), message.event.clone());
        let (message_id, bundle_id, node) = (message.message_id.clone(), message.bundle_id.clone(), self.node.id.clone());
        let sha256 = AuditHead::hex(&message.content);
        let enqueued = self.writer.write(move |connection| {
            if let Some((first, content)) = by_key(connection, &host_key_mac).map_err(store_error)? {
                if content != content_mac {
                    return Err(Error::new(EREF_KEY_REUSED, "this host key was used before for other content"));
                }
                return Ok(Some((first, true)));
            }
            if let Some(update) = &update
                && !update.apply(connection, &Entry { incoming: false, event: &event, subject: &id, now })?
            {
                return Ok(None);
            }
            let referral_id = update.as_ref().map(|update| update.id.clone());
            let lane = referral_id.clone().unwrap_or_else(|| id.clone());
            connection
                .prepare_cached(
                    "INSERT INTO outbox (id, partner, host_key_mac, content_mac, event, referral_id, lane, state, attempts, created,
                                         next_attempt, http_status, size, message_mac, ids)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 1, 0, ?8, ?8, 0, ?9, ?10, ?11)",
                )
                .and_then(|mut insert| {
                    insert.execute(params![
                        id, partner, host_key_mac, content_mac, event, referral_id, lane, now, size, message_mac, ids
                    ])
                })
                .map_err(store_error)?;
            body.insert(connection)?;
            files.into_iter().try_for_each(|file| file.insert(connection, &id, &partner))?;
            if let Some(old) = &replaces {
                replace(connection, old, &id)?;
            }
            let entry = json!({"what": "message queued", "partner": partner, "event": event, "message_id": message_id, "bundle_id": bundle_id,
                               "id": id, "referral_id": referral_id, "replaces": replaces, "sha256": sha256});
            audit::append(connection, &vault, &node, now, &entry)?;
            if let Some(note) = &note {
                audit::append(connection, &vault, &node, now, &json!({"what": "note", "note": note}))?;
            }
            let queued =
                by_id(connection, &id)?.ok_or_else(|| Error::new(EREF_NOT_FOUND, "the delivery just queued is not there"))?;
            Ok(Some((queued, false)))
        })?;
        enqueued.map(|(raw, already)| Ok(Enqueued { delivery: open(&self.vault, raw)?, already })).transpose()
    }

    fn delivery(&self, id_or_host_key: &str) -> Result<Option<DeliveryRecord>> {
        let mac = self.vault.lookup("host-key", id_or_host_key.as_bytes());
        let found = self.read(|connection| match by_id(connection, id_or_host_key)? {
            Some(raw) => Ok(Some(raw)),
            None => Ok(by_key(connection, &mac).map_err(store_error)?.map(|(raw, _)| raw)),
        })?;
        found.map(|raw| open(&self.vault, raw)).transpose()
    }

    fn fetch_file(&self, id: &str, partner: &str, now: Millis) -> Result<Option<ServedFile>> {
        self.read_file(id, partner, now)
    }

    fn deliveries(&self, state: Option<DeliveryState>, limit: u32) -> Result<Vec<DeliveryRecord>> {
        let list: Vec<Raw> = self.read(|connection| {
            connection
                .prepare_cached(&format!("SELECT {COLUMNS} FROM outbox WHERE ?1 IS NULL OR state = ?1 ORDER BY seq DESC LIMIT ?2"))
                .and_then(|mut query| query.query_map(params![state.map(|state| state as i32), limit], raw)?.collect())
                .map_err(store_error)
        })?;
        list.into_iter().map(|raw| open(&self.vault, raw)).collect()
    }
}
