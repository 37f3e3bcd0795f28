//! What becomes of queued messages: taken for sending in order per referral, finished, sent again, given up.

use rusqlite::{Connection, params};
use serde_json::json;

use crate::error::{EREF_NOT_FOUND, EREF_WRONG_STATE, Error, Result};
use crate::io::store::body::{has_body, read_body};
use crate::io::store::events::{NewEvent, insert_event, lane};
use crate::io::store::outbox::{Raw, by_id, open};
use crate::io::store::sqlite::{Sqlite, store_error};
use crate::io::store::{audit, vault::Vault};
use crate::proto::store::{
    AttemptOutcome, Attempted, Delivering, DeliveryRecord, DeliveryState, DuePartner, Millis, Turn, event_kind,
};

/// When an attempt whose end was never recorded, because the store failed then, is taken up again. One that still runs, with a large
/// letter on a slow line, is left alone, since it holds one of its partner's places.
const ATTEMPT: Millis = 1_800_000;
/// After the first, deliveries are taken together only while their bodies have so many bytes.
const TOGETHER: u64 = 1 << 20;

/// The partners that have anything unfinished: one step through the index for each, however many messages there are.
const PARTNERS: &str = "WITH RECURSIVE p (name) AS (
        SELECT min(partner) FROM outbox WHERE state IN (1, 2, 5)
        UNION ALL SELECT (SELECT min(partner) FROM outbox WHERE state IN (1, 2, 5) AND partner > p.name) FROM p WHERE p.name IS NOT NULL)
    SELECT name,
        (SELECT min(next_attempt) FROM outbox WHERE state IN (1, 2, 5) AND partner = p.name),
        EXISTS (SELECT 1 FROM outbox WHERE by_hand = 1 AND partner = p.name AND next_attempt <= ?1)
        OR EXISTS (SELECT 1 FROM outbox WHERE state IN (1, 2, 5) AND partner = p.name AND created < ?2 AND next_attempt <= ?1)
    FROM p WHERE name IS NOT NULL";

/// Due, and first of its referral's unfinished ones (messaging.md 10.4).
const DUE: &str = "SELECT id, size FROM outbox o WHERE state IN (1, 2, 5) AND partner = ?1 AND next_attempt <= ?2
    AND NOT EXISTS (SELECT 1 FROM outbox p WHERE p.lane = o.lane AND p.seq < o.seq AND p.state IN (1, 2, 5))
    AND (NOT ?3 OR by_hand = 1 OR created < ?4)
    ORDER BY next_attempt, seq LIMIT ?5";

fn due(connection: &Connection, turn: &Turn, now: Millis) -> Result<Vec<String>> {
    let found: Vec<(String, u64)> = connection
        .prepare_cached(DUE)
        .and_then(|mut query| {
            let parameters = params![turn.partner, now, turn.urgent, turn.expired_before, turn.most];
            query.query_map(parameters, |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
        })
        .map_err(store_error)?;
    let mut bytes = 0;
    let fits = |(index, (id, size)): (usize, (String, u64))| {
        bytes += size;
        (index == 0 || bytes <= TOGETHER).then_some(id)
    };
    Ok(found.into_iter().enumerate().map_while(fits).collect())
}

/// Marks a delivery as being sent; returns it as it was before.
fn take(connection: &Connection, id: &str, now: Millis) -> Result<Raw> {
    let before = by_id(connection, id)?.ok_or_else(unknown)?;
    connection
        .prepare_cached("UPDATE outbox SET state = 2, attempts = attempts + 1, next_attempt = ?2, by_hand = 0 WHERE id = ?1")
        .and_then(|mut update| update.execute(params![id, now + ATTEMPT]))
        .map_err(store_error)?;
    Ok(before)
}

fn unknown() -> Error {
    Error::new(EREF_NOT_FOUND, "there is no delivery of that id")
}

/// A delivery that a person may still decide about.
fn undecided(connection: &Connection, id: &str) -> Result<Raw> {
    let found = by_id(connection, id)?.ok_or_else(unknown)?;
    let record = &found.record;
    let how = match (record.state, record.dropped, &record.replaced_by) {
        (_, true, _) => "was dropped",
        (_, _, Some(_)) => "was replaced by another",
        (DeliveryState::Sending, ..) => "is being sent",
        (DeliveryState::Delivered, ..) => "was delivered",
        _ => return Ok(found),
    };
    Err(Error::new(EREF_WRONG_STATE, format!("the delivery {how}; nothing more is done with it")))
}

/// Everything sealed before the writer is asked for.
struct Outcome {
    outcome: AttemptOutcome,
    error: Option<Vec<u8>>,
    answer: Option<Vec<u8>>,
}

impl Outcome {
    fn new(vault: &Vault, id: &str, outcome: &AttemptOutcome) -> Result<Self> {
        Ok(Self {
            error: outcome.error.as_ref().map(|text| vault.seal("outbox.last_error", id, text.as_bytes())).transpose()?,
            answer: outcome.answer.as_ref().map(|body| vault.seal("outbox.answer", id, body)).transpose()?,
            outcome: outcome.clone(),
        })
    }

    fn record(&self, connection: &Connection, vault: &Vault, node: &str, id: &str, now: Millis) -> Result<()> {
        let raw = by_id(connection, id)?.ok_or_else(unknown)?;
        let (record, outcome) = (&raw.record, &self.outcome);
        let ids = outcome.bundle_id.as_ref().map(|bundle_id| raw.renamed(vault, bundle_id)).transpose()?;
        // Under way, or taken for a broken attempt meanwhile; what is settled stays as it is.
        let changed = connection
            .prepare_cached(
                "UPDATE outbox SET state = ?2, next_attempt = ?3, http_status = ?4, last_error = ?5, answer = coalesce(?6, answer),
                                   ids = coalesce(?7, ids)
                 WHERE id = ?1 AND state IN (2, 5)",
            )
            .and_then(|mut update| {
                let state = outcome.state as i32;
                update.execute(params![id, state, outcome.next_attempt, outcome.http_status, self.error, self.answer, ids])
            })
            .map_err(store_error)?;
        if changed == 0 {
            return Ok(());
        }
        if let Some(document) = &outcome.event_document {
            tell(connection, vault, record, document, now)?;
        }
        let entry = json!({"what": "delivery attempted", "id": id, "partner": record.partner, "state": outcome.state.as_str(),
                           "http_status": outcome.http_status, "referral_id": record.referral_id});
        audit::append(connection, vault, node, now, &entry)
    }
}

fn tell(connection: &Connection, vault: &Vault, record: &DeliveryRecord, document: &str, now: Millis) -> Result<()> {
    let event = NewEvent {
        kind: event_kind::DELIVERY,
        partner: &record.partner,
        referral_id: record.referral_id.as_deref(),
        lane: lane(record.referral_id.as_deref(), &record.partner),
        subject: &record.id,
        document,
    };
    insert_event(connection, vault, &event, now)
}

/// Taken and not tried: as before.
fn give_back(connection: &Connection, id: &str, state: DeliveryState, now: Millis) -> Result<()> {
    connection
        .prepare_cached("UPDATE outbox SET state = ?2, attempts = attempts - 1, next_attempt = ?3 WHERE id = ?1 AND state = 2")
        .and_then(|mut update| update.execute(params![id, state as i32, now]))
        .map(|_| ())
        .map_err(store_error)
}

impl Delivering for Sqlite {
    fn due_partners(&self, now: Millis, expired_before: Millis) -> Result<Vec<DuePartner>> {
        let found: Vec<DuePartner> = self.read(|connection| {
            connection
                .prepare_cached(PARTNERS)
                .and_then(|mut query| {
                    let partner =
                        |row: &rusqlite::Row| Ok(DuePartner { partner: row.get(0)?, since: row.get(1)?, urgent: row.get(2)? });
                    query.query_map([now, expired_before], partner)?.collect()
                })
                .map_err(store_error)
        })?;
        Ok(found.into_iter().filter(|partner| partner.since <= now).collect())
    }

    fn lease_deliveries(&self, turn: &Turn, now: Millis) -> Result<Vec<(DeliveryRecord, Result<Vec<u8>>)>> {
        // Looking costs no write; most looks find nothing.
        if self.read(|connection| due(connection, &Turn { most: 1, ..turn.clone() }, now))?.is_empty() {
            return Ok(Vec::new());
        }
        let turn = turn.clone();
        let taken = self.writer.write(move |connection| {
            due(connection, &turn, now)?.iter().map(|id| take(connection, id, now)).collect::<Result<Vec<Raw>>>()
        })?;
        let opened = taken.into_iter().map(|before| {
            let mut record = open(&self.vault, before)?;
            record.attempts += 1;
            // A body that is damaged, or too large for the memory there is, must not keep the others from their turn.
            let body = self.read(|connection| read_body(connection, &self.vault, &record.id));
            let gone = || Error::new(EREF_NOT_FOUND, "the message's body is not kept any more");
            Ok((record, body.and_then(|body| body.ok_or_else(gone))))
        });
        opened.collect()
    }

    fn finish_attempts(&self, attempts: &[(String, Attempted)], now: Millis) -> Result<()> {
        let (vault, node) = (self.vault.clone(), self.node.id.clone());
        let sealed = attempts.iter().map(|(id, attempted)| match attempted {
            Attempted::Tried(outcome) => Ok((id.clone(), Ok(Outcome::new(&vault, id, outcome)?))),
            Attempted::GivenBack(state) => Ok((id.clone(), Err(*state))),
        });
        let sealed = sealed.collect::<Result<Vec<_>>>()?;
        self.writer.write(move |connection| {
            sealed.iter().try_for_each(|(id, attempted)| match attempted {
                Ok(outcome) => outcome.record(connection, &vault, &node, id, now),
                Err(state) => give_back(connection, id, *state, now),
            })
        })
    }

    fn is_failing(&self, partner: &str) -> Result<bool> {
        self.read(|connection| {
            connection
                .prepare_cached("SELECT EXISTS (SELECT 1 FROM outbox WHERE partner = ?1 AND state IN (1, 5) AND attempts > 0)")
                .and_then(|mut query| query.query_row([partner], |row| row.get(0)))
                .map_err(store_error)
        })
    }

    fn release_deliveries(&self, partner: &str, now: Millis) -> Result<()> {
        let partner = partner.to_owned();
        self.writer.write(move |connection| {
            connection
                .prepare_cached("UPDATE outbox SET next_attempt = ?2 WHERE partner = ?1 AND state IN (1, 5) AND next_attempt > ?2")
                .and_then(|mut update| update.execute(params![partner, now]))
                .map(|_| ())
                .map_err(store_error)
        })
    }

    fn requeue_delivery(&self, id: &str, bundle_id: Option<&str>, now: Millis) -> Result<DeliveryRecord> {
        let (id, vault, node) = (id.to_owned(), self.vault.clone(), self.node.id.clone());
        let bundle_id = bundle_id.map(str::to_owned);
        let raw = self.writer.write(move |connection| {
            let found = undecided(connection, &id)?;
            if !has_body(connection, &id)? {
                return Err(Error::new(EREF_NOT_FOUND, "the message's body is not kept any more; send it as a new message"));
            }
            let ids = bundle_id.as_ref().map(|bundle_id| found.renamed(&vault, bundle_id)).transpose()?;
            // An unknown outcome stays one until an answer is read.
            let state = if found.record.state == DeliveryState::UnknownOutcome { 5 } else { 1 };
            connection
                .prepare_cached(
                    "UPDATE outbox SET state = ?2, next_attempt = ?3, by_hand = 1, ids = coalesce(?4, ids) WHERE id = ?1",
                )
                .and_then(|mut update| update.execute(params![id, state, now, ids]))
                .map_err(store_error)?;
            audit::append(connection, &vault, &node, now, &json!({"what": "delivery resent by hand", "id": id}))?;
            by_id(connection, &id)?.ok_or_else(unknown)
        })?;
        open(&self.vault, raw)
    }

    fn drop_delivery(&self, id: &str, reason: &str, event_document: &str, now: Millis) -> Result<DeliveryRecord> {
        let (id, vault, node) = (id.to_owned(), self.vault.clone(), self.node.id.clone());
        let error = vault.seal("outbox.last_error", &id, reason.as_bytes())?;
        let (reason, document) = (reason.to_owned(), event_document.to_owned());
        let raw = self.writer.write(move |connection| {
            let found = undecided(connection, &id)?;
            connection
                .prepare_cached("UPDATE outbox SET state = 6, dropped = 1, by_hand = 0, last_error = ?2 WHERE id = ?1")
                .and_then(|mut update| update.execute(params![id, error]))
                .map_err(store_error)?;
            tell(connection, &vault, &found.record, &document, now)?;
            let entry = json!({"what": "delivery dropped by hand", "id": id, "partner": found.record.partner, "reason": reason,
                               "referral_id": found.record.referral_id});
            audit::append(connection, &vault, &node, now, &entry)?;
            by_id(connection, &id)?.ok_or_else(unknown)
        })?;
        open(&self.vault, raw)
    }
}
