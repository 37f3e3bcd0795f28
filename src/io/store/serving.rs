//! Who serves. A lock on a file beside the database decides: the system lets go of it when the process dies, so a crashed engine never
//! keeps its successor out. The lease row says who holds it.

use std::fs::TryLockError;
use std::sync::PoisonError;

use rusqlite::{OptionalExtension, params};

use crate::error::{EREF_STORE, EREF_STORE_IN_USE, Error, Result};
use crate::io::store::sqlite::{Sqlite, store_error};
use crate::proto::store::{DeliveryState, Millis, Node, Serving};

impl Sqlite {
    fn in_use(&self) -> Error {
        let holder = self.read(|connection| {
            connection
                .query_row("SELECT process, host FROM lease WHERE name = 'serving'", [], |row| {
                    Ok(format!("process {} on {}", row.get::<_, u32>(0)?, row.get::<_, String>(1)?))
                })
                .optional()
                .map_err(store_error)
        });
        let holder = holder.ok().flatten().unwrap_or_else(|| "another process".to_owned());
        Error::new(EREF_STORE_IN_USE, format!("the store is served by {holder}; open a desk (\"serve\": false), or stop that one"))
    }
}

impl Serving for Sqlite {
    fn take_serving_lease(&self, node: &Node, now: Millis, until: Millis) -> Result<()> {
        let mut path = self.path.clone().into_os_string();
        path.push("-serving");
        let broken = |e: std::io::Error| Error::new(EREF_STORE, format!("the serving lock: {}", e.kind()));
        let file = std::fs::OpenOptions::new().write(true).create(true).truncate(false).open(path).map_err(broken)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(self.in_use()),
            Err(TryLockError::Error(e)) => return Err(broken(e)),
        }
        let node = node.clone();
        self.writer.write(move |connection| {
            connection
                .prepare_cached(
                    "INSERT OR REPLACE INTO lease (name, node_id, process, host, until) VALUES ('serving', ?1, ?2, ?3, ?4)",
                )
                .and_then(|mut insert| insert.execute(params![node.id, node.process, node.host, until]))
                .map_err(store_error)?;
            // What a dead engine was sending may or may not have arrived.
            connection
                .prepare_cached("UPDATE outbox SET state = ?1, next_attempt = ?2 WHERE state = ?3")
                .and_then(|mut update| {
                    update.execute(params![DeliveryState::UnknownOutcome as i32, now, DeliveryState::Sending as i32])
                })
                .map_err(store_error)
        })?;
        *self.serving.lock().unwrap_or_else(PoisonError::into_inner) = Some(file);
        Ok(())
    }

    fn renew_serving_lease(&self, node: &Node, until: Millis) -> Result<()> {
        let id = node.id.clone();
        let renewed = self.writer.write(move |connection| {
            connection
                .prepare_cached("UPDATE lease SET until = ?2 WHERE name = 'serving' AND node_id = ?1")
                .and_then(|mut update| update.execute(params![id, until]))
                .map_err(store_error)
        })?;
        if renewed == 1 { Ok(()) } else { Err(self.in_use()) }
    }

    fn drop_serving_lease(&self, node: &Node) -> Result<()> {
        let id = node.id.clone();
        let dropped = self.writer.write(move |connection| {
            connection
                .prepare_cached("DELETE FROM lease WHERE name = 'serving' AND node_id = ?1")
                .and_then(|mut delete| delete.execute([id]))
                .map_err(store_error)
        });
        *self.serving.lock().unwrap_or_else(PoisonError::into_inner) = None;
        dropped.map(|_| ())
    }
}
