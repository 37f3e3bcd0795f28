//! Messages to be sent: queued once per host key, delivered in order per referral.

use rusqlite::{Connection, OptionalExtension, Row, params};
use serde_json::json;

use crate::error::{EREF_KEY_REUSED, EREF_NO_MEMORY, EREF_NOT_FOUND, EREF_WRONG_STATE, Error, Result};
use crate::io::store::body::{NewBody, has_body, read_body};
use crate::io::store::events::{NewEvent, insert_event};
use crate::io::store::referrals::{SealedUpdate, find_referrals, touch_referral};
use crate::io::store::sqlite::{Sqlite, store_error};
use crate::io::store::{audit, vault::Vault};
use crate::proto::store::{AttemptOutcome, DeliveryRecord, DeliveryState, Enqueued, Millis, Outbox, OutgoingMessage, event_kind};

const COLUMNS: &str =
    "id, partner, event, referral_id, state, attempts, created, next_attempt, http_status, ids, last_error, answer";

/// A row with what is sealed still sealed.
struct Raw {
    record: DeliveryRecord,
    ids: Vec<u8>,
    last_error: Option<Vec<u8>>,
    answer: Option<Vec<u8>>,
}

fn raw(row: &Row) -> rusqlite::Result<Raw> {
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
    };
    Ok(Raw { record, ids: row.get(9)?, last_error: row.get(10)?, answer: row.get(11)? })
}

fn open(vault: &Vault, raw: Raw) -> Result<DeliveryRecord> {
    let Raw { mut record, ids, last_error, answer } = raw;
    let ids = vault.open_sealed("outbox.ids", &record.id, &ids)?;
    (record.host_key, record.message_id, record.bundle_id) = serde_json::from_slice(&ids).unwrap_or_default();
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
        .query_row([host_key_mac], |row| Ok((raw(row)?, row.get(12)?)))
        .optional()
}

fn by_id(connection: &Connection, id: &str) -> Result<Option<Raw>> {
    connection
        .prepare_cached(&format!("SELECT {COLUMNS} FROM outbox WHERE id = ?1"))
        .and_then(|mut query| query.query_row([id], raw).optional())
        .map_err(store_error)
}

/// When an attempt whose end was never recorded, because the store failed then, is taken up again. One that still runs, with a large
/// letter on a slow line, is left alone, since its partner is busy.
const ATTEMPT: Millis = 1_800_000;

/// Due, to a partner that is free, and first of its referral's unfinished ones (messaging.md 10.4).
const NEXT: &str = "SELECT id FROM outbox o WHERE state IN (1, 2, 5) AND next_attempt <= ?1
    AND partner NOT IN (SELECT value FROM json_each(?2))
    AND NOT EXISTS (SELECT 1 FROM outbox p WHERE p.lane = o.lane AND p.seq < o.seq AND p.state IN (1, 2, 5))
    ORDER BY next_attempt, seq LIMIT 1";

fn next(connection: &Connection, busy: &str, now: Millis) -> Result<Option<String>> {
    connection
        .prepare_cached(NEXT)
        .and_then(|mut query| query.query_row(params![now, busy], |row| row.get(0)).optional())
        .map_err(store_error)
}

impl Outbox for Sqlite {
    fn enqueue(&self, message: &OutgoingMessage, now: Millis) -> Result<Enqueued> {
        let vault = self.vault.clone();
        let host_key_mac = vault.lookup("host-key", message.host_key.as_bytes());
        let content_mac = vault.lookup("content", &message.content);
        let ids = json!([message.host_key, message.message_id, message.bundle_id]).to_string();
        let ids = vault.seal("outbox.ids", &message.id, ids.as_bytes())?;
        let body = NewBody::new(&vault, &message.id, message.body.clone());
        let update = message.referral.as_ref().map(|update| SealedUpdate::new(&vault, update)).transpose()?;
        let (id, partner, event) = (message.id.clone(), message.partner.clone(), message.event.clone());
        let (message_id, node) = (message.message_id.clone(), self.node.id.clone());
        let enqueued = self.writer.write(move |connection| {
            if let Some((first, content)) = by_key(connection, &host_key_mac).map_err(store_error)? {
                if content != content_mac {
                    return Err(Error::new(EREF_KEY_REUSED, "this host key was used before for other content"));
                }
                return Ok((first, true));
            }
            let referral_id = match &update {
                None => None,
                Some(update) => {
                    let found = find_referrals(connection, update)?.into_iter().next();
                    Some(touch_referral(connection, &vault, found, update, &partner, now)?)
                }
            };
            let lane = referral_id.clone().unwrap_or_else(|| id.clone());
            connection
                .prepare_cached(
                    "INSERT INTO outbox (id, partner, host_key_mac, content_mac, event, referral_id, lane, state, attempts, created,
                                         next_attempt, http_status, ids) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 1, 0, ?8, ?8, 0, ?9)",
                )
                .and_then(|mut insert| {
                    insert.execute(params![id, partner, host_key_mac, content_mac, event, referral_id, lane, now, ids])
                })
                .map_err(store_error)?;
            body.insert(connection)?;
            let entry = json!({"what": "message queued", "partner": partner, "event": event, "message_id": message_id, "id": id,
                               "referral_id": referral_id});
            audit::append(connection, &vault, &node, now, &entry)?;
            let queued =
                by_id(connection, &id)?.ok_or_else(|| Error::new(EREF_NOT_FOUND, "the delivery just queued is not there"))?;
            Ok((queued, false))
        })?;
        Ok(Enqueued { delivery: open(&self.vault, enqueued.0)?, already: enqueued.1 })
    }

    fn lease_delivery(&self, busy: &[String], now: Millis) -> Result<Option<(DeliveryRecord, Result<Vec<u8>>)>> {
        let busy = json!(busy).to_string();
        // Looking costs no write; most looks find nothing.
        if self.read(|connection| next(connection, &busy, now))?.is_none() {
            return Ok(None);
        }
        let vault = self.vault.clone();
        let leased = self.writer.write(move |connection| {
            let Some(id) = next(connection, &busy, now)? else { return Ok(None) };
            let before = by_id(connection, &id)?;
            connection
                .prepare_cached("UPDATE outbox SET state = 2, attempts = attempts + 1, next_attempt = ?2 WHERE id = ?1")
                .and_then(|mut update| update.execute(params![id, now + ATTEMPT]))
                .map_err(store_error)?;
            let body = read_body(connection, &vault, &id);
            // A body that is damaged, or too large for the memory there is, must not keep the others from their turn.
            if let Err(error) = &body
                && error.status() != EREF_NO_MEMORY
                && error.is_retriable()
            {
                return Err(error.clone());
            }
            Ok(before.map(|before| (before, body)))
        })?;
        let Some((before, body)) = leased else { return Ok(None) };
        let mut record = open(&self.vault, before)?;
        record.attempts += 1;
        let gone = || Error::new(EREF_NOT_FOUND, "the message's body is not kept any more");
        let body = body.and_then(|body| body.ok_or_else(gone));
        Ok(Some((record, body)))
    }

    fn finish_attempt(&self, id: &str, outcome: &AttemptOutcome, now: Millis) -> Result<()> {
        let (id, vault, node, outcome) = (id.to_owned(), self.vault.clone(), self.node.id.clone(), outcome.clone());
        let error = outcome.error.as_ref().map(|text| vault.seal("outbox.last_error", &id, text.as_bytes())).transpose()?;
        let answer = outcome.answer.as_ref().map(|body| vault.seal("outbox.answer", &id, body)).transpose()?;
        self.writer.write(move |connection| {
            let Some(raw) = by_id(connection, &id)? else {
                return Err(Error::new(EREF_NOT_FOUND, "there is no delivery of that id"));
            };
            let record = raw.record;
            // Under way, or taken for a broken attempt meanwhile; what is settled stays as it is.
            let changed = connection
                .prepare_cached(
                    "UPDATE outbox SET state = ?2, next_attempt = ?3, http_status = ?4, last_error = ?5, answer = coalesce(?6, answer)
                     WHERE id = ?1 AND state IN (2, 5)",
                )
                .and_then(|mut update| {
                    let state = outcome.state as i32;
                    update.execute(params![id, state, outcome.next_attempt, outcome.http_status, error, answer])
                })
                .map_err(store_error)?;
            if changed == 0 {
                return Ok(());
            }
            if let Some(document) = &outcome.event_document {
                let event = NewEvent {
                    kind: event_kind::DELIVERY,
                    partner: &record.partner,
                    referral_id: record.referral_id.as_deref(),
                    subject: &id,
                    document,
                };
                insert_event(connection, &vault, &event, now)?;
            }
            let entry = json!({"what": "delivery attempted", "id": id, "partner": record.partner, "state": outcome.state.as_str(),
                               "http_status": outcome.http_status});
            audit::append(connection, &vault, &node, now, &entry)
        })
    }

    fn delivery(&self, id_or_host_key: &str) -> Result<Option<DeliveryRecord>> {
        let mac = self.vault.lookup("host-key", id_or_host_key.as_bytes());
        let found = self.read(|connection| match by_id(connection, id_or_host_key)? {
            Some(raw) => Ok(Some(raw)),
            None => Ok(by_key(connection, &mac).map_err(store_error)?.map(|(raw, _)| raw)),
        })?;
        found.map(|raw| open(&self.vault, raw)).transpose()
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

    fn requeue_delivery(&self, id: &str, now: Millis) -> Result<DeliveryRecord> {
        let (id, vault, node) = (id.to_owned(), self.vault.clone(), self.node.id.clone());
        let raw = self.writer.write(move |connection| {
            let found = by_id(connection, &id)?.ok_or_else(|| Error::new(EREF_NOT_FOUND, "there is no delivery of that id"))?;
            if matches!(found.record.state, DeliveryState::Sending | DeliveryState::Delivered) {
                let text = format!("the delivery is {}; it is not sent again", found.record.state.as_str());
                return Err(Error::new(EREF_WRONG_STATE, text));
            }
            if !has_body(connection, &id)? {
                return Err(Error::new(EREF_NOT_FOUND, "the message's body is not kept any more; send it as a new message"));
            }
            // An unknown outcome stays one until an answer is read.
            let state = if found.record.state == DeliveryState::UnknownOutcome { 5 } else { 1 };
            connection
                .prepare_cached("UPDATE outbox SET state = ?2, next_attempt = ?3 WHERE id = ?1")
                .and_then(|mut update| update.execute(params![id, state, now]))
                .map_err(store_error)?;
            audit::append(connection, &vault, &node, now, &json!({"what": "delivery resent by hand", "id": id}))?;
            by_id(connection, &id)?.ok_or_else(|| Error::new(EREF_NOT_FOUND, "there is no delivery of that id"))
        })?;
        open(&self.vault, raw)
    }
}
