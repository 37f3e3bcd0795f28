//! The audit trail: append-only, one hash chain per writer, content sealed. How it is read and verified stands in `audit_trail`.

use ring::digest::{Context, SHA256};
use rusqlite::{Connection, OptionalExtension, params};
use serde_json::Value;

use crate::error::Result;
use crate::io::store::sqlite::store_error;
use crate::io::store::vault::Vault;
use crate::proto::store::{AuditHead, Millis};

/// The name of the sealed count of chains in `meta`: without it a whole chain could be taken out.
pub(super) const CHAINS: &str = "audit_chains";

/// Appends an entry in the transaction of what it records. The first entry of a writer takes up the chain of the writer before it.
pub(super) fn append(connection: &Connection, vault: &Vault, node_id: &str, at: Millis, content: &Value) -> Result<()> {
    append_row(connection, vault, node_id, at, false, content)
}

/// Appends an entry that says where the chains stand.
pub(super) fn append_checkpoint(connection: &Connection, vault: &Vault, node_id: &str, at: Millis, content: &Value) -> Result<()> {
    append_row(connection, vault, node_id, at, true, content)
}

fn append_row(connection: &Connection, vault: &Vault, node_id: &str, at: Millis, checkpoint: bool, content: &Value) -> Result<()> {
    let own = head(connection, "SELECT node_id, seq, hash FROM audit_head WHERE node_id = ?1", node_id).map_err(store_error)?;
    if own.is_none() {
        count_chains(connection, vault, 1)?;
    }
    let (seq, prev) = match own {
        Some(own) => (own.seq + 1, own.hash),
        None => {
            let before = "SELECT node_id, seq, hash FROM audit_head WHERE ?1 <> '' ORDER BY at DESC LIMIT 1";
            (1, head(connection, before, node_id).map_err(store_error)?.map_or_else(|| vec![0; 32], |before| before.hash))
        }
    };
    let sealed = vault.seal("audit.content", &format!("{node_id}/{seq}"), content.to_string().as_bytes())?;
    let hash = link(&prev, &Place { node_id, seq, at, checkpoint }, &sealed);
    connection
        .prepare_cached("INSERT INTO audit (node_id, seq, at, checkpoint, prev, hash, content) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")
        .and_then(|mut insert| insert.execute(params![node_id, seq, at, checkpoint, prev, hash, sealed]))
        .map_err(store_error)?;
    let mac = head_mac(vault, node_id, seq, &hash);
    connection
        .prepare_cached("INSERT OR REPLACE INTO audit_head (node_id, seq, at, hash, mac) VALUES (?1, ?2, ?3, ?4, ?5)")
        .and_then(|mut replace| replace.execute(params![node_id, seq, at, hash, mac]))
        .map(|_| ())
        .map_err(store_error)
}

fn head(connection: &Connection, query: &str, node_id: &str) -> rusqlite::Result<Option<AuditHead>> {
    let row = |row: &rusqlite::Row| Ok(AuditHead { node_id: row.get(0)?, seq: row.get(1)?, hash: row.get(2)? });
    connection.prepare_cached(query)?.query_row([node_id], row).optional()
}

/// How many chains there are, as it was sealed; `None` when that cannot be read.
pub(super) fn chains(connection: &Connection, vault: &Vault) -> rusqlite::Result<Option<i64>> {
    let sealed: Option<Vec<u8>> =
        connection.prepare_cached("SELECT value FROM meta WHERE key = ?1")?.query_row([CHAINS], |row| row.get(0)).optional()?;
    let Some(sealed) = sealed else { return Ok(Some(0)) };
    let opened = vault.open_sealed("meta.value", CHAINS, &sealed).ok();
    Ok(opened.and_then(|text| String::from_utf8(text).ok()?.parse().ok()))
}

/// Counts chains that begin, or with a negative number that end. A count that cannot be read stays so: it is evidence.
pub(super) fn count_chains(connection: &Connection, vault: &Vault, more: i64) -> Result<()> {
    let Some(before) = chains(connection, vault).map_err(store_error)? else { return Ok(()) };
    let sealed = vault.seal("meta.value", CHAINS, (before + more).to_string().as_bytes())?;
    connection
        .prepare_cached("INSERT OR REPLACE INTO meta (key, value) VALUES (?1, ?2)")
        .and_then(|mut replace| replace.execute(params![CHAINS, sealed]))
        .map(|_| ())
        .map_err(store_error)
}

/// What proves that a chain ended here: without the store's key nobody can make another.
pub(super) fn head_mac(vault: &Vault, node_id: &str, seq: i64, hash: &[u8]) -> [u8; 32] {
    vault.lookup("audit-head", &[node_id.as_bytes(), &[0], &seq.to_be_bytes(), hash].concat())
}

/// Where an entry stands.
pub(super) struct Place<'a> {
    pub(super) node_id: &'a str,
    pub(super) seq: i64,
    pub(super) at: Millis,
    pub(super) checkpoint: bool,
}

/// What an entry's hash covers: the hash before it, its place, its time and its sealed content.
pub(super) fn link(prev: &[u8], place: &Place, sealed: &[u8]) -> Vec<u8> {
    let mut context = Context::new(&SHA256);
    context.update(prev);
    context.update(place.node_id.as_bytes());
    context.update(&place.seq.to_be_bytes());
    context.update(&place.at.to_be_bytes());
    context.update(&[u8::from(place.checkpoint)]);
    context.update(sealed);
    context.finish().as_ref().to_vec()
}
