//! The audit trail: append-only, one hash chain per writer, content sealed.

use ring::digest::{Context, SHA256};
use rusqlite::{Connection, OptionalExtension, params};
use serde_json::Value;

use crate::error::Result;
use crate::io::store::sqlite::store_error;
use crate::io::store::vault::Vault;
use crate::proto::store::Millis;

/// Appends an entry in the transaction of what it records. The first entry of a writer takes up the chain of the writer before it.
pub(super) fn append(connection: &Connection, vault: &Vault, node_id: &str, at: Millis, content: &Value) -> Result<()> {
    let (seq, prev) = last(connection, node_id).map_err(store_error)?;
    let seq = seq + 1;
    let sealed = vault.seal("audit.content", &format!("{node_id}/{seq}"), content.to_string().as_bytes())?;
    let hash = link(&prev, node_id, seq, at, &sealed);
    connection
        .prepare_cached("INSERT INTO audit (node_id, seq, at, checkpoint, prev, hash, content) VALUES (?1, ?2, ?3, 0, ?4, ?5, ?6)")
        .and_then(|mut insert| insert.execute(params![node_id, seq, at, prev, hash, sealed]))
        .map(|_| ())
        .map_err(store_error)
}

fn last(connection: &Connection, node_id: &str) -> rusqlite::Result<(i64, Vec<u8>)> {
    let own = connection
        .prepare_cached("SELECT seq, hash FROM audit WHERE node_id = ?1 ORDER BY seq DESC LIMIT 1")?
        .query_row([node_id], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    if let Some(own) = own {
        return Ok(own);
    }
    let before = connection
        .prepare_cached("SELECT hash FROM audit ORDER BY at DESC, seq DESC LIMIT 1")?
        .query_row([], |row| row.get::<_, Vec<u8>>(0))
        .optional()?;
    Ok((0, before.unwrap_or_else(|| vec![0; 32])))
}

/// What an entry's hash covers: the hash before it, its place, its time and its sealed content.
fn link(prev: &[u8], node_id: &str, seq: i64, at: Millis, sealed: &[u8]) -> Vec<u8> {
    let mut context = Context::new(&SHA256);
    context.update(prev);
    context.update(node_id.as_bytes());
    context.update(&seq.to_be_bytes());
    context.update(&at.to_be_bytes());
    context.update(sealed);
    context.finish().as_ref().to_vec()
}
