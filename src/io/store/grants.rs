//! Grants, and the codes and tokens that hang on them. Every single use is one conditional UPDATE, so two processes cannot both win.

use rusqlite::{Connection, OptionalExtension, Params, Row, params};
use serde_json::json;

use crate::error::{EREF_NOT_FOUND, Error, Result};
use crate::io::store::sqlite::{Sqlite, store_error};
use crate::io::store::{audit, launches, vault::Vault};
use crate::proto::store::{
    CodeRecord, Grant, GrantKind, Grants, Millis, NewCode, NewGrant, NewToken, Refreshed, SecretHash, TokenKind, TokenRecord,
    UsedRefresh, Whose,
};

/// The third failed redemption invalidates a code (smart.md 5.6).
const CODE_FAILURES: i64 = 3;

/// The columns of a grant `g`, in the order of [`grant`].
const COLUMNS: &str = "g.id, g.kind, g.launch_id, g.client_id, g.partner, g.scope, g.ends, g.idle_ends, g.context";

/// Whether the grant `g` is good at `?2`.
const GOOD: &str = "g.ends > ?2 AND g.idle_ends > ?2";

/// A grant whose context is still sealed.
fn grant(row: &Row) -> rusqlite::Result<(Grant, Option<Vec<u8>>)> {
    let grant = Grant {
        id: row.get(0)?,
        kind: match row.get(1)? {
            1 => GrantKind::Online,
            2 => GrantKind::Offline,
            _ => GrantKind::Backend,
        },
        launch_id: row.get(2)?,
        client_id: row.get(3)?,
        partner: row.get(4)?,
        scope: row.get(5)?,
        ends: row.get(6)?,
        idle_ends: row.get(7)?,
        context: String::new(),
    };
    Ok((grant, row.get(8)?))
}

fn open(vault: &Vault, (mut grant, context): (Grant, Option<Vec<u8>>)) -> Result<Grant> {
    if let Some(sealed) = context {
        let context = vault.open_sealed("grant.context", &grant.id, &sealed)?;
        grant.context = String::from_utf8_lossy(&context).into_owned();
    }
    Ok(grant)
}

/// A grant as it goes into its row.
struct SealedGrant {
    grant: Grant,
    user: Option<Vec<u8>>,
    patient: Option<Vec<u8>>,
    context: Option<Vec<u8>>,
}

impl SealedGrant {
    fn new(vault: &Vault, new: &NewGrant) -> Result<Self> {
        let NewGrant { grant, user, patient } = new;
        let context = match grant.context.as_str() {
            "" => None,
            context => Some(vault.seal("grant.context", &grant.id, context.as_bytes())?),
        };
        Ok(Self {
            user: user.as_ref().map(|user| user_mac(vault, user)),
            patient: patient.as_ref().map(|patient| patient_mac(vault, patient)),
            grant: Grant { context: String::new(), ..grant.clone() },
            context,
        })
    }

    fn insert(&self, connection: &Connection, now: Millis) -> rusqlite::Result<()> {
        let Self { grant, user, patient, context } = self;
        connection
            .prepare_cached(
                "INSERT INTO grant (id, kind, launch_id, client_id, partner, scope, created, ends, idle_ends, user_mac, patient_mac, context)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
            )?
            .execute(params![
                grant.id, grant.kind as i32, grant.launch_id, grant.client_id, grant.partner, grant.scope, now, grant.ends,
                grant.idle_ends, user, patient, context
            ])
            .map(|_| ())
    }
}

fn user_mac(vault: &Vault, user: &str) -> Vec<u8> {
    vault.lookup("grant.user", user.as_bytes()).to_vec()
}

fn patient_mac(vault: &Vault, patient: &str) -> Vec<u8> {
    vault.lookup("grant.patient", patient.as_bytes()).to_vec()
}

/// Fails with `EREF_NOT_FOUND` unless the token of a grant is good, in the transaction of what it is used for.
pub(super) fn is_good(connection: &Connection, token: &SecretHash, now: Millis) -> Result<()> {
    let good: bool = connection
        .prepare_cached(&format!(
            "SELECT EXISTS (SELECT 1 FROM token t JOIN grant g ON g.id = t.grant_id
                            WHERE t.hash = ?1 AND t.expires > ?2 AND t.used IS NULL AND {GOOD})"
        ))
        .and_then(|mut query| query.query_row(params![token, now], |row| row.get(0)))
        .map_err(store_error)?;
    if good { Ok(()) } else { Err(Error::new(EREF_NOT_FOUND, "the token is not good any more")) }
}

fn insert_token(connection: &Connection, token: &NewToken, now: Millis) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO token (hash, kind, grant_id, client_id, scope, created, expires) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute(params![token.hash, token.kind as i32, token.grant_id, token.client_id, token.scope, now, token.expires])
        .map(|_| ())
}

/// Deletes the grants that fit a condition, with their codes and tokens. Returns how many there were.
pub(super) fn delete(connection: &Connection, condition: &str, values: impl Params) -> rusqlite::Result<u32> {
    let ids: Vec<String> = connection
        .prepare_cached(&format!("DELETE FROM grant WHERE {condition} RETURNING id"))?
        .query_map(values, |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    for id in &ids {
        connection.prepare_cached("DELETE FROM code WHERE grant_id = ?1")?.execute([id])?;
        connection.prepare_cached("DELETE FROM token WHERE grant_id = ?1")?.execute([id])?;
    }
    Ok(u32::try_from(ids.len()).unwrap_or(u32::MAX))
}

impl Grants for Sqlite {
    fn issue_code(&self, code: &NewCode, now: Millis) -> Result<bool> {
        let (vault, node) = (self.vault.clone(), self.node.id.clone());
        let sealed = SealedGrant::new(&vault, &code.grant)?;
        let binding = vault.seal("code.binding", &sealed.grant.id, code.binding.as_bytes())?;
        let (hash, expires, reuse) = (code.hash, code.expires, code.reuse);
        let picked = match (&code.grant.patient, &code.grant.grant.launch_id) {
            (Some(patient), Some(launch)) if code.picked => {
                let context = vault.seal("launch.context", launch, code.grant.grant.context.as_bytes())?;
                Some((launches::subject_mac(&vault, patient), context))
            }
            _ => None,
        };
        self.writer.write(move |connection| {
            let SealedGrant { grant, .. } = &sealed;
            let used = connection
                .prepare_cached(
                    "UPDATE launch SET state = 3 WHERE id = ?1 AND (state IN (1, 2) OR (state = 3 AND ?3)) AND handle_until > ?2",
                )
                .and_then(|mut update| update.execute(params![grant.launch_id, now, reuse]))
                .map_err(store_error)?;
            if used == 0 {
                return Ok(false);
            }
            if let Some((subject, context)) = &picked {
                connection
                    .prepare_cached("UPDATE launch SET subject_mac = ?2, context = ?3 WHERE id = ?1")
                    .and_then(|mut update| update.execute(params![grant.launch_id, subject, context]))
                    .map_err(store_error)?;
            }
            sealed.insert(connection, now).map_err(store_error)?;
            connection
                .prepare_cached("INSERT INTO code (hash, grant_id, expires, used, failures, binding) VALUES (?1, ?2, ?3, 0, 0, ?4)")
                .and_then(|mut insert| insert.execute(params![hash, grant.id, expires, binding]))
                .map_err(store_error)?;
            let entry = json!({"what": "launch authorized", "id": grant.launch_id, "client_id": grant.client_id});
            audit::append(connection, &vault, &node, now, &entry)?;
            Ok(true)
        })
    }

    fn code(&self, hash: &SecretHash, now: Millis) -> Result<Option<CodeRecord>> {
        let found = self.read(|connection| {
            let code = |row: &Row| Ok((grant(row)?, row.get(9)?, row.get(10)?, row.get::<_, Vec<u8>>(11)?));
            connection
                .prepare_cached(&format!(
                    "SELECT {COLUMNS}, c.expires, c.used OR c.failures >= ?3, c.binding
                     FROM code c JOIN grant g ON g.id = c.grant_id WHERE c.hash = ?1 AND {GOOD}"
                ))
                .and_then(|mut query| query.query_row(params![hash, now, CODE_FAILURES], code).optional())
                .map_err(store_error)
        })?;
        let Some((grant, expires, used, binding)) = found else { return Ok(None) };
        let grant = open(&self.vault, grant)?;
        let binding = self.vault.open_sealed("code.binding", &grant.id, &binding)?;
        Ok(Some(CodeRecord { grant, expires, used, binding: String::from_utf8_lossy(&binding).into_owned() }))
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
                    "UPDATE code SET used = 1 WHERE hash = ?1 AND used = 0 AND failures < ?2 AND expires > ?3
                     AND EXISTS (SELECT 1 FROM grant WHERE id = grant_id)
                     RETURNING (SELECT launch_id FROM grant WHERE id = grant_id)",
                )
                .and_then(|mut update| update.query_row(params![hash, CODE_FAILURES, now], |row| row.get(0)).optional())
                .map_err(store_error)?;
            let Some(launch_id) = launch_id else { return Ok(false) };
            for token in &tokens {
                insert_token(connection, token, now).map_err(store_error)?;
            }
            audit::append(connection, &vault, &node, now, &json!({"what": "code redeemed", "id": launch_id}))?;
            Ok(true)
        })
    }

    fn save_token(&self, token: &NewToken, now: Millis) -> Result<()> {
        let (token, vault, node) = (token.clone(), self.vault.clone(), self.node.id.clone());
        self.writer.write(move |connection| {
            insert_token(connection, &token, now).map_err(store_error)?;
            audit::append(connection, &vault, &node, now, &json!({"what": "token issued", "client_id": token.client_id}))
        })
    }

    fn save_grant(&self, grant: &NewGrant, token: &NewToken, now: Millis) -> Result<()> {
        let (token, vault, node) = (token.clone(), self.vault.clone(), self.node.id.clone());
        let sealed = SealedGrant::new(&vault, grant)?;
        self.writer.write(move |connection| {
            sealed.insert(connection, now).map_err(store_error)?;
            insert_token(connection, &token, now).map_err(store_error)?;
            let entry = json!({"what": "token issued", "id": sealed.grant.id, "client_id": token.client_id, "scope": token.scope});
            audit::append(connection, &vault, &node, now, &entry)
        })
    }

    fn token(&self, hash: &SecretHash, now: Millis) -> Result<Option<TokenRecord>> {
        let found = self.read(|connection| {
            let token = |row: &Row| {
                let record = TokenRecord {
                    kind: match row.get(9)? {
                        1 => TokenKind::Access,
                        2 => TokenKind::Refresh,
                        _ => TokenKind::Messaging,
                    },
                    client_id: row.get(10)?,
                    scope: row.get(11)?,
                    created: row.get(12)?,
                    expires: row.get(13)?,
                    grant: None,
                };
                let has_grant = row.get::<_, Option<String>>(0)?.is_some();
                Ok((record, if has_grant { Some(grant(row)?) } else { None }))
            };
            connection
                .prepare_cached(&format!(
                    "SELECT {COLUMNS}, t.kind, t.client_id, t.scope, t.created, t.expires
                     FROM token t LEFT JOIN grant g ON g.id = t.grant_id
                     WHERE t.hash = ?1 AND t.expires > ?2 AND t.used IS NULL AND (t.grant_id IS NULL OR ({GOOD}))"
                ))
                .and_then(|mut query| query.query_row(params![hash, now], token).optional())
                .map_err(store_error)
        })?;
        let Some((mut record, found)) = found else { return Ok(None) };
        record.grant = found.map(|found| open(&self.vault, found)).transpose()?;
        Ok(Some(record))
    }

    fn used_refresh(&self, hash: &SecretHash, now: Millis) -> Result<Option<UsedRefresh>> {
        let found = self.read(|connection| {
            let used = |row: &Row| {
                let used = UsedRefresh { grant_id: row.get(0)?, client_id: row.get(1)?, at: row.get(2)?, answer: None };
                Ok((used, row.get::<_, Option<Vec<u8>>>(3)?))
            };
            connection
                .prepare_cached(&format!(
                    "SELECT t.grant_id, t.client_id, t.used, t.answer FROM token t JOIN grant g ON g.id = t.grant_id
                     WHERE t.hash = ?1 AND t.expires > ?2 AND t.used IS NOT NULL AND {GOOD}"
                ))
                .and_then(|mut query| query.query_row(params![hash, now], used).optional())
                .map_err(store_error)
        })?;
        let Some((mut used, sealed)) = found else { return Ok(None) };
        if let Some(sealed) = sealed {
            let answer = self.vault.open_sealed("token.answer", &used.grant_id, &sealed)?;
            used.answer = Some(String::from_utf8_lossy(&answer).into_owned());
        }
        Ok(Some(used))
    }

    fn refresh(&self, hash: &SecretHash, refreshed: &Refreshed, now: Millis) -> Result<bool> {
        let (hash, refreshed, vault, node) = (*hash, refreshed.clone(), self.vault.clone(), self.node.id.clone());
        self.writer.write(move |connection| {
            let grant_id: Option<String> = connection
                .prepare_cached(&format!(
                    "UPDATE token SET used = ?2 WHERE hash = ?1 AND used IS NULL AND expires > ?2
                     AND EXISTS (SELECT 1 FROM grant g WHERE g.id = grant_id AND {GOOD}) RETURNING grant_id"
                ))
                .and_then(|mut update| update.query_row(params![hash, now], |row| row.get(0)).optional())
                .map_err(store_error)?;
            let Some(grant_id) = grant_id else { return Ok(false) };
            let answer = vault.seal("token.answer", &grant_id, refreshed.answer.as_bytes())?;
            // An answer whose token is used has arrived: nobody asks for it again but a thief.
            let change = |sql: &str, values: &[&dyn rusqlite::ToSql]| connection.prepare_cached(sql)?.execute(values);
            change("UPDATE token SET answer = NULL WHERE grant_id = ?1", &[&grant_id])
                .and_then(|_| change("UPDATE token SET answer = ?2 WHERE hash = ?1", &[&hash, &answer]))
                .and_then(|_| change("UPDATE grant SET idle_ends = ?2 WHERE id = ?1", &[&grant_id, &refreshed.idle_ends]))
                .map_err(store_error)?;
            for token in &refreshed.tokens {
                insert_token(connection, token, now).map_err(store_error)?;
            }
            audit::append(connection, &vault, &node, now, &json!({"what": "token refreshed", "id": grant_id}))?;
            Ok(true)
        })
    }

    fn revoke_token(&self, hash: &SecretHash, now: Millis) -> Result<()> {
        let (hash, vault, node) = (*hash, self.vault.clone(), self.node.id.clone());
        self.writer.write(move |connection| {
            let client_id: Option<String> = connection
                .prepare_cached("DELETE FROM token WHERE hash = ?1 RETURNING client_id")
                .and_then(|mut delete| delete.query_row([hash], |row| row.get(0)).optional())
                .map_err(store_error)?;
            let Some(client_id) = client_id else { return Ok(()) };
            audit::append(connection, &vault, &node, now, &json!({"what": "token revoked", "client_id": client_id}))
        })
    }

    fn revoke_grant(&self, grant_id: &str, now: Millis) -> Result<()> {
        let (grant_id, vault, node) = (grant_id.to_owned(), self.vault.clone(), self.node.id.clone());
        self.writer.write(move |connection| {
            delete(connection, "id = ?1", [&grant_id]).map_err(store_error)?;
            audit::append(connection, &vault, &node, now, &json!({"what": "grant revoked", "id": grant_id}))
        })
    }

    fn revoke_grants(&self, whose: &Whose, now: Millis) -> Result<u32> {
        let (vault, node) = (self.vault.clone(), self.node.id.clone());
        // What is told in the audit: never who the user or the patient is.
        let (condition, key, of) = match whose {
            Whose::User(user) => ("user_mac = ?1", rusqlite::types::Value::Blob(user_mac(&vault, user)), "a user"),
            Whose::Patient(patient) => ("patient_mac = ?1", patient_mac(&vault, patient).into(), "a patient"),
            Whose::Client(client) => ("client_id = ?1", client.clone().into(), "a client"),
            Whose::Launch(launch) => ("launch_id = ?1", launch.clone().into(), "a launch"),
        };
        self.writer.write(move |connection| {
            let count = delete(connection, condition, [&key]).map_err(store_error)?;
            if of == "a client" {
                connection.execute("DELETE FROM token WHERE client_id = ?1", [&key]).map_err(store_error)?;
            }
            let entry = json!({"what": "grants revoked", "of": of, "count": count});
            audit::append(connection, &vault, &node, now, &entry)?;
            Ok(count)
        })
    }
}
