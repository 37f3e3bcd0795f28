//! What apps write to charts, and what the host decides about it: each in one transaction with its event.

use rusqlite::{Connection, OptionalExtension, params};
use serde_json::json;

use crate::error::{EREF_TOO_LARGE, Error, Result};
use crate::io::store::body::NewBody;
use crate::io::store::charts::{
    REFUSED, REPLACED, SERVED, SERVED_UNDECIDED, UNDECIDED, id_mac, is_live, mark, replace, seal_resource,
};
use crate::io::store::events::{NewEvent, insert_event, launch_lane};
use crate::io::store::sqlite::{Sqlite, store_error};
use crate::io::store::vault::Vault;
use crate::io::store::{audit, grants};
use crate::proto::store::{Millis, Seen, WriteBack, event_kind};

impl Sqlite {
    pub(super) fn keep_write(&self, write: &WriteBack, now: Millis) -> Result<bool> {
        let (vault, node, write) = (self.vault.clone(), self.node.id.clone(), write.clone());
        let mac = id_mac(&vault, &write.launch_id, &write.resource_type, &write.resource_id);
        let sealed = seal_resource(&vault, &write.launch_id, &write.resource_type, &format!("{}\n", write.resource_id))?;
        let body = NewBody::new(&vault, &write.id, write.body.clone());
        self.writer.write(move |connection| {
            is_live(connection, &write.launch_id, now)?;
            grants::is_good(connection, &write.token, now)?;
            if !is_as_seen(connection, &write, &mac)? {
                return Ok(false);
            }
            has_room(connection, &write)?;
            body.insert(connection)?;
            let state = if write.version == 1 { SERVED_UNDECIDED } else { UNDECIDED };
            connection
                .prepare_cached(
                    "INSERT INTO chart (launch_id, resource_type, id_mac, version, state, write_id, size, resource)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
                )
                .and_then(|mut insert| {
                    let size = write.body.len();
                    insert.execute(params![
                        write.launch_id, write.resource_type, mac, write.version, state, write.id, size, sealed
                    ])
                })
                .map_err(store_error)?;
            let (partner, document) = (&write.partner, &write.event_document);
            let lane = launch_lane(&write.launch_id);
            let event = NewEvent { kind: event_kind::WRITE, partner, referral_id: None, lane, subject: &write.id, document };
            insert_event(connection, &vault, &event, now)?;
            let entry = json!({"what": "resource written back", "launch_id": write.launch_id, "partner": partner, "write_id": write.id,
                               "type": write.resource_type, "id": write.resource_id, "version": write.version});
            audit::append(connection, &vault, &node, now, &entry)?;
            Ok(true)
        })
    }
}

fn is_as_seen(connection: &Connection, write: &WriteBack, mac: &[u8]) -> Result<bool> {
    match write.seen {
        Seen::Nothing => Ok(true),
        Seen::Chart(seen) => Ok(mark(connection, &write.launch_id)? == seen),
        Seen::Newest(seen) => {
            let newest: Option<u32> = connection
                .prepare_cached("SELECT max(version) FROM chart WHERE launch_id = ?1 AND resource_type = ?2 AND id_mac = ?3")
                .and_then(|mut query| query.query_row(params![write.launch_id, write.resource_type, mac], |row| row.get(0)))
                .map_err(store_error)?;
            // 0: the chart has none of it, it came from elsewhere.
            Ok(newest.unwrap_or(0) == seen)
        }
    }
}

/// An app in a loop must not fill the disk of the clinic.
fn has_room(connection: &Connection, write: &WriteBack) -> Result<()> {
    let written: u64 = connection
        .prepare_cached("SELECT ifnull(sum(size), 0) FROM chart WHERE launch_id = ?1 AND write_id IS NOT NULL")
        .and_then(|mut query| query.query_row([&write.launch_id], |row| row.get(0)))
        .map_err(store_error)?;
    if written.saturating_add(write.body.len() as u64) > write.launch_bytes {
        return Err(Error::new(EREF_TOO_LARGE, "more was written under this launch than limits.launch_write_bytes"));
    }
    Ok(())
}

/// The host has taken what a WRITE event told of. It is served from now on, unless a later version is already.
pub(super) fn accept(connection: &Connection, write_id: &str) -> Result<()> {
    let found = connection
        .prepare_cached("SELECT launch_id, resource_type, id_mac, version, state FROM chart WHERE write_id = ?1")
        .and_then(|mut query| {
            let key = |row: &rusqlite::Row| {
                Ok((
                    row.get::<_, String>(0)?,
                    row.get::<_, String>(1)?,
                    row.get::<_, Vec<u8>>(2)?,
                    row.get::<_, u32>(3)?,
                    row.get::<_, i32>(4)?,
                ))
            };
            query.query_row([write_id], key).optional()
        })
        .map_err(store_error)?;
    let Some((launch_id, resource_type, mac, version, state)) = found else { return drop_body(connection, write_id) };
    let later: bool = connection
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM chart WHERE launch_id = ?1 AND resource_type = ?2 AND id_mac = ?3 AND version > ?4
                            AND state = ?5)",
        )
        .and_then(|mut query| query.query_row(params![launch_id, resource_type, mac, version, SERVED], |row| row.get(0)))
        .map_err(store_error)?;
    if state == UNDECIDED && !later {
        replace(connection, &launch_id, &resource_type, &mac).map_err(store_error)?;
    }
    set_state(connection, write_id, if later { REPLACED } else { SERVED }, None)
}

/// The host has refused it: it is served no more, and its body is gone.
pub(super) fn refuse(connection: &Connection, vault: &Vault, write_id: &str, words: &str) -> Result<()> {
    let words = vault.seal("chart.words", write_id, words.as_bytes())?;
    set_state(connection, write_id, REFUSED, Some(words))?;
    drop_body(connection, write_id)
}

fn set_state(connection: &Connection, write_id: &str, state: i32, words: Option<Vec<u8>>) -> Result<()> {
    connection
        .prepare_cached("UPDATE chart SET state = ?2, words = ?3 WHERE write_id = ?1")
        .and_then(|mut update| update.execute(params![write_id, state, words]))
        .map(|_| ())
        .map_err(store_error)
}

fn drop_body(connection: &Connection, write_id: &str) -> Result<()> {
    connection
        .prepare_cached("DELETE FROM body WHERE owner = ?1")
        .and_then(|mut delete| delete.execute([write_id]))
        .map(|_| ())
        .map_err(store_error)
}
