//! Launches. Every single use is one conditional UPDATE, so two processes cannot both win.

use rusqlite::{Connection, OptionalExtension, Row, params};
use serde_json::json;

use crate::error::{EREF_NOT_FOUND, Error, Result};
use crate::io::store::charts::{self, insert_resource, sealed_resource};
use crate::io::store::referrals::health_number_mac;
use crate::io::store::sqlite::{Sqlite, store_error};
use crate::io::store::{audit, grants, vault::Vault};
use crate::proto::store::{GrantKind, LaunchRecord, LaunchState, Launches, Millis, NewLaunch, SecretHash, Started};

const COLUMNS: &str = "id, partner, state, cookie, handle_until, ends, context";

fn launch(row: &Row) -> rusqlite::Result<(LaunchRecord, Vec<u8>)> {
    let record = LaunchRecord {
        id: row.get(0)?,
        partner: row.get(1)?,
        state: match row.get(2)? {
            1 => LaunchState::Created,
            2 => LaunchState::Started,
            3 => LaunchState::Authorized,
            _ => LaunchState::Ended,
        },
        cookie: row.get(3)?,
        handle_until: row.get(4)?,
        ends: row.get(5)?,
        context: String::new(),
    };
    Ok((record, row.get(6)?))
}

fn open(vault: &Vault, (mut record, context): (LaunchRecord, Vec<u8>)) -> Result<LaunchRecord> {
    let context = vault.open_sealed("launch.context", &record.id, &context)?;
    record.context = String::from_utf8_lossy(&context).into_owned();
    Ok(record)
}

/// What ends with a launch besides its chart.
#[derive(Clone, Copy)]
enum Takes {
    /// All its grants.
    All,
    /// Those that are good only while the user is online (smart.md 10).
    Online,
}

/// By what the launches of a patient are found.
pub(super) fn subject_mac(vault: &Vault, patient: &str) -> [u8; 32] {
    vault.lookup("subject", patient.as_bytes())
}

/// Ends a launch in a transaction: grants are gone, its chart is deleted.
fn end(connection: &Connection, id: &str, takes: Takes) -> rusqlite::Result<()> {
    connection.prepare_cached("UPDATE launch SET state = 4 WHERE id = ?1 AND state <> 4")?.execute([id])?;
    for statement in charts::delete_where("launch_id = ?1") {
        connection.prepare_cached(&statement)?.execute([id])?;
    }
    let kinds = match takes {
        Takes::All => [GrantKind::Online, GrantKind::Offline],
        Takes::Online => [GrantKind::Online; 2],
    };
    let [first, second] = kinds.map(|kind| kind as i32);
    grants::delete(connection, "launch_id = ?1 AND kind IN (?2, ?3)", params![id, first, second]).map(|_| ())
}

impl Launches for Sqlite {
    fn save_launch(&self, launch: &NewLaunch, now: Millis) -> Result<()> {
        let keep = self.keeping_launch(launch, now)?;
        self.writer.write(keep)
    }

    fn start_launch(&self, start: &SecretHash, cookie: &SecretHash, now: Millis) -> Result<Started> {
        let (start, cookie, vault, node) = (*start, *cookie, self.vault.clone(), self.node.id.clone());
        self.writer.write(move |connection| {
            let found = connection
                .prepare_cached(&format!("SELECT {COLUMNS}, start_until FROM launch WHERE start = ?1 AND state <> 4"))
                .and_then(|mut query| query.query_row([start], |row| Ok((launch(row)?, row.get::<_, Millis>(7)?))).optional())
                .map_err(store_error)?;
            let Some((found, until)) = found else { return Ok(Started::Unknown) };
            if found.0.state != LaunchState::Created {
                end(connection, &found.0.id, Takes::All).map_err(store_error)?;
                let entry =
                    json!({"what": "launch ended: start address opened twice", "id": found.0.id, "partner": found.0.partner});
                audit::append(connection, &vault, &node, now, &entry)?;
                return Ok(Started::Again { launch_id: found.0.id, partner: found.0.partner });
            }
            if until <= now {
                return Ok(Started::Unknown);
            }
            connection
                .prepare_cached("UPDATE launch SET state = 2, cookie = ?2 WHERE id = ?1 AND state = 1")
                .and_then(|mut update| update.execute(params![found.0.id, cookie]))
                .map_err(store_error)?;
            let mut record = open(&vault, found)?;
            (record.state, record.cookie) = (LaunchState::Started, Some(cookie));
            Ok(Started::First(record))
        })
    }

    fn launch_by_handle(&self, handle: &SecretHash, now: Millis) -> Result<Option<LaunchRecord>> {
        let found = self.read(|connection| {
            connection
                .prepare_cached(&format!("SELECT {COLUMNS} FROM launch WHERE handle = ?1 AND state <> 4 AND ends > ?2"))
                .and_then(|mut query| query.query_row(params![handle, now], launch).optional())
                .map_err(store_error)
        })?;
        found.map(|found| open(&self.vault, found)).transpose()
    }

    fn launch_referral(&self, id: &str) -> Result<Option<Option<String>>> {
        self.read(|connection| {
            connection
                .prepare_cached("SELECT referral_id FROM launch WHERE id = ?1")
                .and_then(|mut query| query.query_row([id], |row| row.get(0)).optional())
                .map_err(store_error)
        })
    }

    fn end_launch(&self, id: &str, reason: &str, now: Millis) -> Result<String> {
        let (id, reason, vault, node) = (id.to_owned(), reason.to_owned(), self.vault.clone(), self.node.id.clone());
        self.writer.write(move |connection| {
            let partner: Option<String> = connection
                .prepare_cached("SELECT partner FROM launch WHERE id = ?1 AND state <> 4")
                .and_then(|mut query| query.query_row([&id], |row| row.get(0)).optional())
                .map_err(store_error)?;
            let Some(partner) = partner else {
                return Err(Error::new(EREF_NOT_FOUND, "there is no such launch, or it has ended"));
            };
            end(connection, &id, Takes::All).map_err(store_error)?;
            audit::append(connection, &vault, &node, now, &json!({"what": "launch ended", "id": id, "reason": reason}))?;
            Ok(partner)
        })
    }

    fn end_session(&self, session: &str, now: Millis) -> Result<Vec<(String, String)>> {
        let session = self.vault.lookup("session", session.as_bytes()).to_vec();
        self.end_where("session_mac = ?1", Some(session), "session ended", now)
    }

    fn change_patient(&self, session: &str, patient: Option<&str>, now: Millis) -> Result<Vec<(String, String)>> {
        let session = self.vault.lookup("session", session.as_bytes());
        let subject = patient.map(|patient| subject_mac(&self.vault, patient)).unwrap_or_default();
        let condition = "session_mac = substr(?1, 1, 32) AND subject_mac <> substr(?1, 33)";
        self.end_where(condition, Some([session, subject].concat()), "patient changed", now)
    }

    fn end_overdue(&self, now: Millis) -> Result<Vec<(String, String)>> {
        // Looking costs no write; most looks find nothing.
        let overdue = self.read(|connection| {
            connection
                .prepare_cached("SELECT EXISTS (SELECT 1 FROM launch WHERE ends <= ?1 AND state <> 4)")
                .and_then(|mut query| query.query_row([now], |row| row.get::<_, bool>(0)))
                .map_err(store_error)
        })?;
        if overdue { self.end_where("ends <= ?2 AND ?1 IS NULL", None, "expired", now) } else { Ok(Vec::new()) }
    }
}

impl Sqlite {
    /// What keeps a launch and its chart in a transaction; all sealing is done before.
    pub(super) fn keeping_launch(
        &self,
        launch: &NewLaunch,
        now: Millis,
    ) -> Result<impl FnOnce(&Connection) -> Result<()> + Send + 'static> {
        let (vault, node) = (self.vault.clone(), self.node.id.clone());
        let context = vault.seal("launch.context", &launch.id, launch.context.as_bytes())?;
        let session = (!launch.session.is_empty()).then(|| vault.lookup("session", launch.session.as_bytes()));
        let subject = launch.patient.as_deref().map(|patient| subject_mac(&vault, patient));
        let correlation = vault.lookup("correlation", launch.correlation.as_bytes());
        let patient = launch.health_number.as_deref().map(|number| health_number_mac(&vault, number));
        let chart: Vec<_> =
            launch.chart.iter().map(|resource| sealed_resource(&vault, &launch.id, resource)).collect::<Result<_>>()?;
        let launch = NewLaunch { chart: Vec::new(), ..launch.clone() };
        let state = if launch.cookie.is_some() { LaunchState::Started } else { LaunchState::Created };
        Ok(move |connection: &Connection| {
            connection
                .prepare_cached(
                    "INSERT INTO launch (id, partner, state, handle, start, cookie, session_mac, subject_mac, correlation_mac, patient_mac,
                                         created, start_until, handle_until, ends, context)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)",
                )
                .and_then(|mut insert| {
                    insert.execute(params![
                        launch.id, launch.partner, state as i32, launch.handle, launch.start, launch.cookie, session, subject,
                        correlation, patient, now, launch.start_until, launch.handle_until, launch.ends, context
                    ])
                })
                .map_err(store_error)?;
            for resource in &chart {
                insert_resource(connection, &launch.id, resource).map_err(store_error)?;
            }
            let entry = json!({"what": "launch started", "id": launch.id, "partner": launch.partner});
            audit::append(connection, &vault, &node, now, &entry)
        })
    }

    /// Ends all launches that fit a condition on `?1`, the key, and `?2`, now.
    fn end_where(
        &self,
        condition: &'static str,
        key: Option<Vec<u8>>,
        reason: &'static str,
        now: Millis,
    ) -> Result<Vec<(String, String)>> {
        let (vault, node) = (self.vault.clone(), self.node.id.clone());
        self.writer.write(move |connection| {
            let found: Vec<(String, String)> = connection
                .prepare_cached(&format!("SELECT id, partner FROM launch WHERE {condition} AND state <> 4 AND ?2 IS NOT NULL"))
                .and_then(|mut query| query.query_map(params![key, now], |row| Ok((row.get(0)?, row.get(1)?)))?.collect())
                .map_err(store_error)?;
            for (id, _) in &found {
                end(connection, id, Takes::Online).map_err(store_error)?;
                audit::append(connection, &vault, &node, now, &json!({"what": "launch ended", "id": id, "reason": reason}))?;
            }
            Ok(found)
        })
    }
}
