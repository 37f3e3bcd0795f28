//! Durable events: leased, in order per lane, gone only when the host has finished them.

use rusqlite::{Connection, OptionalExtension, Row, params};
use serde_json::json;

use crate::error::{EREF_LEASE_LOST, EREF_STORE, Error, Result};
use crate::io::clock;
use crate::io::store::body::read_body;
use crate::io::store::sqlite::{Sqlite, store_error};
use crate::io::store::vault::Vault;
use crate::io::store::{audit, writes};
use crate::proto::store::{EventRecord, Events, Millis, event_kind};

/// How often an event is handed out before it is parked (architecture: events).
const ATTEMPTS: u32 = 10;

const WAITING: i32 = 0;
const LEASED: i32 = 1;
const PARKED: i32 = 2;

/// An event to be queued.
pub(super) struct NewEvent<'a> {
    pub kind: u32,
    pub partner: &'a str,
    pub referral_id: Option<&'a str>,
    pub lane: String,
    pub subject: &'a str,
    pub document: &'a str,
}

/// The order is kept per referral, or per partner where there is none.
pub(super) fn lane(referral_id: Option<&str>, partner: &str) -> String {
    referral_id.map_or_else(|| format!("partner:{partner}"), str::to_owned)
}

/// What apps write is in order per launch: what the host is slow to decide about holds up nobody else.
pub(super) fn launch_lane(launch_id: &str) -> String {
    format!("launch:{launch_id}")
}

/// Queues an event in the transaction of what it tells of.
pub(super) fn insert_event(connection: &Connection, vault: &Vault, event: &NewEvent, now: Millis) -> Result<()> {
    let id = clock::id();
    let document = vault.seal("event.document", &id, event.document.as_bytes())?;
    connection
        .prepare_cached(
            "INSERT INTO event (id, kind, partner, referral_id, lane, subject, state, attempt, available, created, document)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, 0, 0, ?7, ?7, ?8)",
        )
        .and_then(|mut insert| {
            insert.execute(params![id, event.kind, event.partner, event.referral_id, event.lane, event.subject, now, document])
        })
        .map(|_| ())
        .map_err(store_error)
}

/// The oldest event that may go out: of the kinds asked for, due or with a lease that ran out, and first in its lane. A parked event
/// holds nobody up, and neither does a waiting one of a kind that this host does not ask for.
const NEXT: &str = "SELECT id, kind, attempt, partner, referral_id, subject, document FROM event e
    WHERE state IN (0, 1) AND available <= ?2 AND kind & ?1 <> 0
    AND NOT EXISTS (SELECT 1 FROM event p WHERE p.lane = e.lane AND p.seq < e.seq
                    AND (p.state = 1 OR p.state = 0 AND p.kind & ?1 <> 0)) ORDER BY seq LIMIT 1";

fn record(row: &Row) -> rusqlite::Result<(EventRecord, Vec<u8>)> {
    let record = EventRecord {
        id: row.get(0)?,
        kind: row.get(1)?,
        attempt: row.get(2)?,
        partner: row.get(3)?,
        referral_id: row.get(4)?,
        subject: row.get(5)?,
        document: String::new(),
        parked: false,
    };
    Ok((record, row.get(6)?))
}

fn next(connection: &Connection, mask: u32, now: Millis) -> Result<Option<(EventRecord, Vec<u8>)>> {
    connection
        .prepare_cached(NEXT)
        .and_then(|mut query| query.query_row(params![mask, now], record).optional())
        .map_err(store_error)
}

impl Events for Sqlite {
    fn lease_event(&self, mask: u32, now: Millis, until: Millis) -> Result<Option<EventRecord>> {
        // Looking costs no write; most looks find nothing.
        if self.read(|connection| next(connection, mask, now))?.is_none() {
            return Ok(None);
        }
        let leased = self.writer.write(move |connection| {
            let Some((mut record, document)) = next(connection, mask, now)? else { return Ok(None) };
            // The lease of the last attempt ran out: the host crashes on this one.
            record.parked = record.attempt >= ATTEMPTS;
            record.attempt += u32::from(!record.parked);
            connection
                .prepare_cached("UPDATE event SET state = ?2, attempt = ?3, available = ?4 WHERE id = ?1")
                .and_then(|mut update| {
                    update.execute(params![record.id, if record.parked { PARKED } else { LEASED }, record.attempt, until])
                })
                .map_err(store_error)?;
            Ok(Some((record, document)))
        })?;
        let Some((mut record, document)) = leased else { return Ok(None) };
        if record.parked {
            return Ok(Some(record));
        }
        let document = self.vault.open_sealed("event.document", &record.id, &document)?;
        record.document = String::from_utf8_lossy(&document).into_owned();
        if record.kind == event_kind::WRITE {
            self.add_resource(&mut record)?;
        }
        Ok(Some(record))
    }

    fn extend_event(&self, id: &str, attempt: u32, until: Millis) -> Result<()> {
        let id = id.to_owned();
        self.writer.write(move |connection| {
            let changed = connection
                .prepare_cached("UPDATE event SET available = ?3 WHERE id = ?1 AND attempt = ?2 AND state = 1")
                .and_then(|mut update| update.execute(params![id, attempt, until]))
                .map_err(store_error)?;
            still_leased(changed)
        })
    }

    fn finish_event(&self, id: &str, attempt: u32, now: Millis) -> Result<()> {
        let (id, vault, node) = (id.to_owned(), self.vault.clone(), self.node.id.clone());
        self.writer.write(move |connection| {
            let (kind, subject) = take_leased(connection, &id, attempt)?;
            if kind == event_kind::WRITE {
                writes::accept(connection, &subject)?;
            }
            connection
                .prepare_cached("UPDATE inbox SET done = ?2 WHERE id = ?1")
                .and_then(|mut update| update.execute(params![subject, now]))
                .map_err(store_error)?;
            audit::append(connection, &vault, &node, now, &json!({"what": "event finished", "id": id, "subject": subject}))
        })
    }

    fn refuse_write(&self, id: &str, attempt: u32, words: &str, now: Millis) -> Result<()> {
        let (id, words, vault, node) = (id.to_owned(), words.to_owned(), self.vault.clone(), self.node.id.clone());
        self.writer.write(move |connection| {
            let (_, subject) = take_leased(connection, &id, attempt)?;
            writes::refuse(connection, &vault, &subject, &words)?;
            let entry = json!({"what": "write refused", "id": id, "write_id": subject, "reason": words});
            audit::append(connection, &vault, &node, now, &entry)
        })
    }

    fn retry_event(&self, id: &str, attempt: u32, available: Millis, reason: &str) -> Result<bool> {
        let (id, vault, node, reason) = (id.to_owned(), self.vault.clone(), self.node.id.clone(), reason.to_owned());
        self.writer.write(move |connection| {
            let parked = attempt >= ATTEMPTS;
            let changed = connection
                .prepare_cached("UPDATE event SET state = ?3, available = ?4 WHERE id = ?1 AND attempt = ?2 AND state = 1")
                .and_then(|mut update| update.execute(params![id, attempt, if parked { PARKED } else { WAITING }, available]))
                .map_err(store_error)?;
            still_leased(changed)?;
            let what = if parked { "event parked" } else { "event given back" };
            audit::append(connection, &vault, &node, clock::now(), &json!({"what": what, "id": id, "reason": reason}))?;
            Ok(parked)
        })
    }

    fn unpark_events(&self, now: Millis) -> Result<u32> {
        let (vault, node) = (self.vault.clone(), self.node.id.clone());
        self.writer.write(move |connection| {
            let count = unpark(connection, now).map_err(store_error)?;
            audit::append(connection, &vault, &node, now, &json!({"what": "events unparked", "count": count}))?;
            Ok(u32::try_from(count).unwrap_or(u32::MAX))
        })
    }
}

/// Parked events come again from their first attempt.
fn unpark(connection: &Connection, now: Millis) -> rusqlite::Result<usize> {
    connection.prepare_cached("UPDATE event SET state = 0, attempt = 0, available = ?1 WHERE state = 2")?.execute([now])
}

/// Takes an event that is leased out of the queue: its kind and its subject.
fn take_leased(connection: &Connection, id: &str, attempt: u32) -> Result<(u32, String)> {
    let found = connection
        .prepare_cached("DELETE FROM event WHERE id = ?1 AND attempt = ?2 AND state = 1 RETURNING kind, subject")
        .and_then(|mut delete| delete.query_row(params![id, attempt], |row| Ok((row.get(0)?, row.get(1)?))).optional())
        .map_err(store_error)?;
    still_leased(usize::from(found.is_some()))?;
    Ok(found.unwrap_or_default())
}

impl Sqlite {
    /// The resource of a WRITE event stands in the store once, beside its document.
    fn add_resource(&self, record: &mut EventRecord) -> Result<()> {
        let body = self.read(|connection| read_body(connection, &self.vault, &record.subject))?;
        let damaged = || Error::new(EREF_STORE, "what a WRITE event tells of is damaged");
        let body = String::from_utf8(body.ok_or_else(damaged)?).map_err(|_| damaged())?;
        let head = record.document.trim_end().strip_suffix('}').ok_or_else(damaged)?;
        record.document = format!("{head},\"resource\":{body}}}");
        Ok(())
    }
}

fn still_leased(changed: usize) -> Result<()> {
    if changed == 1 {
        return Ok(());
    }
    Err(Error::new(EREF_LEASE_LOST, "the event is not leased to this handle any more"))
}
