//! Audit notes, counts, housekeeping.

use rusqlite::{Connection, params};
use serde_json::{Value, json};

use crate::error::{EREF_INVALID_JSON, Error, Result};
use crate::io::store::sqlite::{Sqlite, store_error};
use crate::io::store::{audit, audit_trail, charts};
use crate::proto::guide::events::EVENTS;
use crate::proto::settings::Retention;
use crate::proto::smart::keys::{AFTER, AHEAD};
use crate::proto::store::{Keeping, Millis, RETRY_MS, StoreStatus};

const DAY: Millis = 86_400_000;
/// Repeated messages are recognised this long (messaging.md 10.1).
pub(super) const DEDUPE: Millis = 7 * DAY;
/// Launches are kept this long after their end, for the first message that comes of them (messaging.md 14).
const LAUNCHES: Millis = 90 * DAY;
/// Codes are kept a while after they expired, to recognise a replay.
const CODES: Millis = DAY;

/// The launch that came of a sign-in is authorized within its own time, with the request that began it.
const FINISHED_LOGINS: Millis = 900_000;

/// The messages of `inbox` or `outbox` whose bodies have outlived their time. What a referral says by now stays, for messages that begin
/// with it: its newest full content, or its newest message where none was full. What was refused was never said.
fn outlived(table: &str, condition: &str) -> String {
    let full: Vec<String> = EVENTS.iter().filter(|event| event.is_full()).map(|event| format!("'{}'", event.code)).collect();
    let full = full.join(", ");
    format!(
        "SELECT id FROM {table} m WHERE {condition} AND EXISTS (SELECT 1 FROM body WHERE owner = m.id) AND id IS NOT (
            SELECT subject FROM history h WHERE h.referral_id = m.referral_id
            AND NOT EXISTS (SELECT 1 FROM outbox WHERE id = h.subject AND state IN (4, 6))
            ORDER BY event IN ({full}) DESC, seq DESC LIMIT 1)"
    )
}

/// The files that no kept message names any more: neither their own, nor another about the referral to the same partner, which may repeat
/// their addresses (messaging.md 15).
fn unnamed(bodies: Millis) -> String {
    format!(
        "SELECT id FROM file f WHERE (SELECT created FROM outbox WHERE id = f.outbox_id) < ?1 - {bodies}
        AND NOT EXISTS (SELECT 1 FROM body WHERE owner = f.outbox_id) AND NOT EXISTS (
            SELECT 1 FROM outbox o JOIN history h ON h.referral_id = o.referral_id AND h.partner = o.partner AND h.incoming = 0
            WHERE o.id = f.outbox_id AND EXISTS (SELECT 1 FROM body WHERE owner = h.subject))"
    )
}

/// What goes when its time has come; `?1` is now.
fn purge_statements(retention: &Retention) -> [String; 17] {
    let bodies = Millis::from(retention.body_days) * DAY;
    let received = outlived("inbox", &format!("done < ?1 - {bodies}"));
    let sent = outlived("outbox", &format!("state IN (3, 4, 6) AND created < ?1 - {bodies}"));
    let unnamed = unnamed(bodies);
    let [written, charts] = charts::delete_where("launch_id IN (SELECT id FROM launch WHERE ends < ?1)");
    [
        // What was fetched for a received message goes before its body, by which it is found; what is served goes after the messages.
        format!("DELETE FROM body WHERE owner IN (SELECT body FROM attachment WHERE inbox_id IN ({received}))"),
        format!("DELETE FROM attachment WHERE inbox_id IN ({received})"),
        format!("DELETE FROM body WHERE owner IN ({received})"),
        format!("DELETE FROM body WHERE owner IN ({sent})"),
        format!("DELETE FROM body WHERE owner IN ({unnamed})"),
        format!("DELETE FROM file WHERE id IN ({unnamed})"),
        // A row whose body is gone and whose repeat is not expected any more says nothing that the audit does not.
        format!(
            "DELETE FROM inbox WHERE done IS NOT NULL AND received < ?1 - {DEDUPE} AND NOT EXISTS (SELECT 1 FROM body WHERE owner = inbox.id)"
        ),
        written,
        charts,
        format!("DELETE FROM code WHERE expires < ?1 - {CODES}"),
        "DELETE FROM grant WHERE ends < ?1 OR idle_ends < ?1".to_owned(),
        "DELETE FROM token WHERE expires < ?1 OR (grant_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM grant WHERE id = grant_id))"
            .to_owned(),
        format!("UPDATE token SET answer = NULL WHERE answer IS NOT NULL AND used < ?1 - {RETRY_MS}"),
        "DELETE FROM jti WHERE until < ?1".to_owned(),
        format!(
            "DELETE FROM signing_key WHERE EXISTS (
                SELECT 1 FROM signing_key n WHERE n.created > signing_key.created AND n.created < ?1 - {AHEAD} - {AFTER})"
        ),
        format!("DELETE FROM login WHERE expires < ?1 AND (finished = 0 OR expires < ?1 - {FINISHED_LOGINS})"),
        format!("DELETE FROM launch WHERE ends < ?1 - {LAUNCHES}"),
    ]
}

impl Keeping for Sqlite {
    fn audit_note(&self, document: &str, now: Millis) -> Result<()> {
        let note: Value = serde_json::from_str(document).map_err(|_| Error::new(EREF_INVALID_JSON, "the note is not JSON"))?;
        let (vault, node) = (self.vault.clone(), self.node.id.clone());
        self.writer.write(move |connection| audit::append(connection, &vault, &node, now, &json!({"what": "note", "note": note})))
    }

    fn status(&self) -> Result<StoreStatus> {
        self.read(|connection| counts(connection).map_err(store_error))
    }

    fn change_counter(&self) -> Result<i64> {
        let connection = self.writer.connection();
        let version = connection.prepare_cached("PRAGMA data_version").and_then(|mut query| query.query_row([], |row| row.get(0)));
        version.map_err(store_error)
    }

    fn purge(&self, retention: &Retention, now: Millis) -> Result<()> {
        let retention = *retention;
        let (vault, node) = (self.vault.clone(), self.node.id.clone());
        self.writer.write(move |connection| {
            let mut gone = 0;
            for statement in purge_statements(&retention) {
                gone += connection.execute(&statement, params![now]).map_err(store_error)?;
            }
            if gone > 0 {
                audit::append(connection, &vault, &node, now, &json!({"what": "purged", "rows": gone}))?;
            }
            audit_trail::purge(connection, &vault, &node, now, Millis::from(retention.audit_days) * DAY)
        })
    }
}

fn counts(connection: &Connection) -> rusqlite::Result<StoreStatus> {
    let count = |sql: &str| connection.prepare_cached(sql)?.query_row([], |row| row.get::<_, u64>(0));
    let mut status = StoreStatus {
        events_waiting: count("SELECT count(*) FROM event WHERE state IN (0, 1)")?,
        events_parked: count("SELECT count(*) FROM event WHERE state = 2")?,
        deliveries: [0; 7],
        oldest_delivery: connection.query_row("SELECT min(created) FROM outbox WHERE state IN (1, 2, 5)", [], |row| row.get(0))?,
        launches: count("SELECT count(*) FROM launch WHERE state <> 4")?,
        referrals: count("SELECT count(*) FROM referral")?,
        bytes: count("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size")?,
    };
    let mut states = connection.prepare_cached("SELECT state, count(*) FROM outbox GROUP BY state")?;
    for row in states.query_map([], |row| Ok((row.get::<_, usize>(0)?, row.get::<_, u64>(1)?)))? {
        let (state, count) = row?;
        if let Some(slot) = status.deliveries.get_mut(state) {
            *slot = count;
        }
    }
    Ok(status)
}
