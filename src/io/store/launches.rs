//! Launches, codes and tokens. Every single use is one conditional UPDATE, so two processes cannot both win.

use rusqlite::{Connection, OptionalExtension, Row, params};
use serde_json::json;

use crate::error::{EREF_NOT_FOUND, Error, Result};
use crate::io::store::charts::{insert_resource, sealed_resource};
use crate::io::store::referrals::health_number_mac;
use crate::io::store::sqlite::{Sqlite, store_error};
use crate::io::store::{audit, vault::Vault};
use crate::proto::store::{
    CodeRecord, LaunchRecord, LaunchState, Launches, Millis, NewCode, NewLaunch, NewToken, SecretHash, Started, TokenKind,
    TokenRecord,
};

/// The third failed redemption invalidates a code (smart.md 5.6).
const CODE_FAILURES: i64 = 3;

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

/// Ends launches in a transaction: tokens and codes die, charts are deleted.
fn end(connection: &Connection, id: &str) -> rusqlite::Result<bool> {
    let ended = connection.prepare_cached("UPDATE launch SET state = 4 WHERE id = ?1 AND state <> 4")?.execute([id])? == 1;
    connection.prepare_cached("DELETE FROM token WHERE launch_id = ?1")?.execute([id])?;
    connection.prepare_cached("DELETE FROM code WHERE launch_id = ?1")?.execute([id])?;
    connection.prepare_cached("DELETE FROM chart WHERE launch_id = ?1")?.execute([id])?;
    Ok(ended)
}

/// By what the launches of a patient are found.
fn subject_mac(vault: &Vault, patient: &str) -> [u8; 32] {
    vault.lookup("subject", patient.as_bytes())
}

fn insert_token(connection: &Connection, token: &NewToken) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO token (hash, kind, grant_id, launch_id, client_id, scope, expires, revoked) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 0)",
        )?
        .execute(params![
            token.hash, token.kind as i32, token.grant_id, token.launch_id, token.client_id, token.scope, token.expires
        ])
        .map(|_| ())
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
                end(connection, &found.0.id).map_err(store_error)?;
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

    fn issue_code(&self, code: &NewCode, now: Millis) -> Result<bool> {
        let (code, vault, node) = (code.clone(), self.vault.clone(), self.node.id.clone());
        let binding = vault.seal("code.binding", &code.grant_id, code.binding.as_bytes())?;
        let picked = match &code.picked {
            Some((patient, context)) => {
                Some((subject_mac(&vault, patient), vault.seal("launch.context", &code.launch_id, context.as_bytes())?))
            }
            None => None,
        };
        self.writer.write(move |connection| {
            let used = connection
                .prepare_cached(
                    "UPDATE launch SET state = 3 WHERE id = ?1 AND (state IN (1, 2) OR (state = 3 AND ?3)) AND handle_until > ?2",
                )
                .and_then(|mut update| update.execute(params![code.launch_id, now, code.reuse]))
                .map_err(store_error)?;
            if used == 0 {
                return Ok(false);
            }
            if let Some((subject, context)) = &picked {
                connection
                    .prepare_cached("UPDATE launch SET subject_mac = ?2, context = ?3 WHERE id = ?1")
                    .and_then(|mut update| update.execute(params![code.launch_id, subject, context]))
                    .map_err(store_error)?;
            }
            connection
                .prepare_cached(
                    "INSERT INTO code (hash, launch_id, grant_id, client_id, expires, used, failures, binding)
                     VALUES (?1, ?2, ?3, ?4, ?5, 0, 0, ?6)",
                )
                .and_then(|mut insert| {
                    insert.execute(params![code.hash, code.launch_id, code.grant_id, code.client_id, code.expires, binding])
                })
                .map_err(store_error)?;
            let entry = json!({"what": "launch authorized", "id": code.launch_id, "client_id": code.client_id});
            audit::append(connection, &vault, &node, now, &entry)?;
            Ok(true)
        })
    }

    fn code(&self, hash: &SecretHash) -> Result<Option<CodeRecord>> {
        let found = self.read(|connection| {
            let code = |row: &Row| {
                let record = CodeRecord {
                    launch_id: row.get(0)?,
                    grant_id: row.get(1)?,
                    client_id: row.get(2)?,
                    expires: row.get(3)?,
                    used: row.get(4)?,
                    binding: String::new(),
                };
                Ok((record, row.get::<_, Vec<u8>>(5)?))
            };
            connection
                .prepare_cached(
                    "SELECT launch_id, grant_id, client_id, expires, used OR failures >= ?2, binding FROM code WHERE hash = ?1",
                )
                .and_then(|mut query| query.query_row(params![hash, CODE_FAILURES], code).optional())
                .map_err(store_error)
        })?;
        let Some((mut record, binding)) = found else { return Ok(None) };
        let binding = self.vault.open_sealed("code.binding", &record.grant_id, &binding)?;
        record.binding = String::from_utf8_lossy(&binding).into_owned();
        Ok(Some(record))
    }

    fn code_failed(&self, hash: &SecretHash, _now: Millis) -> Result<()> {
        let hash = *hash;
        self.writer.write(move |connection| {
            connection
                .prepare_cached("UPDATE code SET failures = failures + 1 WHERE hash = ?1")
                .and_then(|mut update| update.execute([hash]))
                .map(|_| ())
                .map_err(store_error)
        })
    }

    fn redeem_code(&self, hash: &SecretHash, tokens: &[NewToken], now: Millis) -> Result<bool> {
        let (hash, tokens, vault, node) = (*hash, tokens.to_vec(), self.vault.clone(), self.node.id.clone());
        self.writer.write(move |connection| {
            let launch_id: Option<String> = connection
                .prepare_cached(
                    "UPDATE code SET used = 1 WHERE hash = ?1 AND used = 0 AND failures < ?2 AND expires > ?3 RETURNING launch_id",
                )
                .and_then(|mut update| update.query_row(params![hash, CODE_FAILURES, now], |row| row.get(0)).optional())
                .map_err(store_error)?;
            let Some(launch_id) = launch_id else { return Ok(false) };
            for token in &tokens {
                insert_token(connection, token).map_err(store_error)?;
            }
            audit::append(connection, &vault, &node, now, &json!({"what": "code redeemed", "id": launch_id}))?;
            Ok(true)
        })
    }

    fn save_token(&self, token: &NewToken, now: Millis) -> Result<()> {
        let (token, vault, node) = (token.clone(), self.vault.clone(), self.node.id.clone());
        self.writer.write(move |connection| {
            insert_token(connection, &token).map_err(store_error)?;
            audit::append(connection, &vault, &node, now, &json!({"what": "token issued", "client_id": token.client_id}))
        })
    }

    fn token(&self, hash: &SecretHash, now: Millis) -> Result<Option<TokenRecord>> {
        let found = self.read(|connection| {
            let token = |row: &Row| {
                let record = TokenRecord {
                    kind: match row.get(0)? {
                        1 => TokenKind::Access,
                        2 => TokenKind::Refresh,
                        _ => TokenKind::Messaging,
                    },
                    grant_id: row.get(1)?,
                    launch_id: row.get(2)?,
                    client_id: row.get(3)?,
                    scope: row.get(4)?,
                    expires: row.get(5)?,
                    context: String::new(),
                };
                Ok((record, row.get::<_, Option<Vec<u8>>>(6)?))
            };
            connection
                .prepare_cached(
                    "SELECT t.kind, t.grant_id, t.launch_id, t.client_id, t.scope, t.expires, l.context
                     FROM token t LEFT JOIN launch l ON l.id = t.launch_id
                     WHERE t.hash = ?1 AND t.revoked = 0 AND t.expires > ?2 AND (t.launch_id = '' OR (l.state <> 4 AND l.ends > ?2))",
                )
                .and_then(|mut query| query.query_row(params![hash, now], token).optional())
                .map_err(store_error)
        })?;
        let Some((mut record, context)) = found else { return Ok(None) };
        if let Some(sealed) = context {
            let context = self.vault.open_sealed("launch.context", &record.launch_id, &sealed)?;
            record.context = String::from_utf8_lossy(&context).into_owned();
        }
        Ok(Some(record))
    }

    fn revoke_grant(&self, grant_id: &str, now: Millis) -> Result<()> {
        let (grant_id, vault, node) = (grant_id.to_owned(), self.vault.clone(), self.node.id.clone());
        self.writer.write(move |connection| {
            connection
                .prepare_cached("UPDATE token SET revoked = 1 WHERE grant_id = ?1")
                .and_then(|mut update| update.execute([&grant_id]))
                .map_err(store_error)?;
            audit::append(connection, &vault, &node, now, &json!({"what": "grant revoked", "id": grant_id}))
        })
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
            end(connection, &id).map_err(store_error)?;
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
                end(connection, id).map_err(store_error)?;
                audit::append(connection, &vault, &node, now, &json!({"what": "launch ended", "id": id, "reason": reason}))?;
            }
            Ok(found)
        })
    }
}
