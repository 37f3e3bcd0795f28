//! Reading and verifying the audit trail, its checkpoints, and taking away what is old.
//!
//! Each chain's hashes lead to its head, which carries a keyed hash: without the store's key no entry can be changed, removed, added or
//! moved unseen. The count of chains is sealed. A checkpoint, once a day and whenever entries are purged, says where the chains stand and
//! with which entry those begin whose older part was purged.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension, params};
use serde_json::{Value, json};

use crate::error::Result;
use crate::io::store::audit::{self, Place};
use crate::io::store::sqlite::{Sqlite, store_error};
use crate::io::store::vault::Vault;
use crate::proto::http::same_bytes;
use crate::proto::store::{Access, Audit, AuditEntry, AuditHead, AuditReport, Millis, Refusal};

const DAY: Millis = 86_400_000;
/// The same refusal is written at most so often; those between are counted.
const REFUSAL: Millis = 10_000;
/// Kinds of refusals remembered for that. Beyond, the memory starts anew.
const REFUSALS: usize = 1000;
/// Problems told in words; the others are only counted.
const TOLD: usize = 100;

/// When each kind of refusal was last written, and how often it was seen since.
pub(super) type Refusals = HashMap<(&'static str, String, String), (Millis, u32)>;

impl Audit for Sqlite {
    fn audit_refusal(&self, refusal: &Refusal, now: Millis) -> Result<()> {
        let repeated = {
            let mut refusals = self.refusals.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            if refusals.len() >= REFUSALS {
                refusals.clear();
            }
            let key = (refusal.what, refusal.partner.clone().unwrap_or_default(), refusal.reason.clone());
            let (written, unwritten) = refusals.entry(key).or_insert((Millis::MIN, 0));
            if now.saturating_sub(*written) < REFUSAL {
                *unwritten += 1;
                return Ok(());
            }
            *written = now;
            std::mem::take(unwritten)
        };
        let entry = json!({"what": refusal.what, "partner": refusal.partner, "reason": refusal.reason, "address": refusal.address,
                           "not_written": repeated});
        let (vault, node) = (self.vault.clone(), self.node.id.clone());
        self.writer.write(move |connection| audit::append(connection, &vault, &node, now, &entry))
    }

    fn audit_access(&self, access: Access, now: Millis) -> Result<()> {
        if self.count_access(access, now) { self.write_accesses(now) } else { Ok(()) }
    }

    fn flush_accesses(&self, now: Millis) -> Result<()> {
        self.write_accesses(now)
    }

    fn audit_verify(&self, known: &[AuditHead]) -> Result<AuditReport> {
        self.read(|connection| {
            // One view of the store, whatever is appended meanwhile.
            let view = connection.unchecked_transaction().map_err(store_error)?;
            Verification::new(&view, &self.vault)?.run(known)
        })
    }

    fn audit_heads(&self) -> Result<Vec<AuditHead>> {
        self.read(|connection| heads(connection, Millis::MIN).map_err(store_error))
    }

    fn audit_entries(&self, after: Option<(&str, i64)>, limit: u32) -> Result<Vec<AuditEntry>> {
        let (node_id, seq) = after.unwrap_or_default();
        let rows: Vec<(AuditEntry, Vec<u8>)> = self.read(|connection| {
            let entry = |row: &rusqlite::Row| {
                let (node_id, seq, at, hash) = (row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?);
                Ok((AuditEntry { node_id, seq, at, hash, content: String::new() }, row.get(4)?))
            };
            connection
                .prepare_cached(
                    "SELECT node_id, seq, at, hash, content FROM audit WHERE (node_id, seq) > (?1, ?2) ORDER BY node_id, seq LIMIT ?3",
                )
                .and_then(|mut query| query.query_map(params![node_id, seq, limit], entry)?.collect())
                .map_err(store_error)
        })?;
        let open = |(mut entry, sealed): (AuditEntry, Vec<u8>)| {
            let content = self.vault.open_sealed("audit.content", &format!("{}/{}", entry.node_id, entry.seq), &sealed)?;
            entry.content = String::from_utf8_lossy(&content).into_owned();
            Ok(entry)
        };
        rows.into_iter().map(open).collect()
    }
}

/// The ends of the chains that grew since.
fn heads(connection: &Connection, since: Millis) -> rusqlite::Result<Vec<AuditHead>> {
    let row = |row: &rusqlite::Row| Ok(AuditHead { node_id: row.get(0)?, seq: row.get(1)?, hash: row.get(2)? });
    connection
        .prepare_cached("SELECT node_id, seq, hash FROM audit_head WHERE at >= ?1 ORDER BY node_id")?
        .query_map([since], row)?
        .collect()
}

/// Deletes entries older than the retention, and writes the checkpoint that is then due, or due every day.
pub(super) fn purge(connection: &Connection, vault: &Vault, node: &str, now: Millis, kept: Millis) -> Result<()> {
    let last: Option<Millis> =
        connection.query_row("SELECT max(at) FROM audit WHERE checkpoint = 1", [], |row| row.get(0)).map_err(store_error)?;
    let (mut removed, mut gone, mut begins) = (0, 0, Vec::new());
    for head in heads(connection, Millis::MIN).map_err(store_error)? {
        removed += remove_old(connection, &head.node_id, now - kept).map_err(store_error)?;
        match beginning(connection, &head.node_id).map_err(store_error)? {
            None => gone += drop_chain(connection, &head.node_id).map_err(store_error)?,
            Some((1, _)) => {}
            Some((seq, prev)) => begins.push(json!([head.node_id, seq, hex(&prev)])),
        }
    }
    if gone > 0 {
        audit::count_chains(connection, vault, -gone)?;
    }
    if removed == 0 && last.is_some_and(|last| now - last < DAY) {
        return Ok(());
    }
    let chains = heads(connection, last.unwrap_or(Millis::MIN)).map_err(store_error)?;
    let chains: Vec<Value> = chains.iter().map(|head| json!([head.node_id, head.seq, hex(&head.hash)])).collect();
    let entry = json!({"what": "checkpoint", "chains": chains, "begins": begins, "purged": removed});
    audit::append_checkpoint(connection, vault, node, now, &entry)
}

/// Removes what lies before the first entry of a chain that is to be kept.
fn remove_old(connection: &Connection, node: &str, before: Millis) -> rusqlite::Result<usize> {
    let kept: Option<i64> = connection
        .prepare_cached("SELECT seq FROM audit WHERE node_id = ?1 AND at >= ?2 ORDER BY seq LIMIT 1")?
        .query_row(params![node, before], |row| row.get(0))
        .optional()?;
    connection.prepare_cached("DELETE FROM audit WHERE node_id = ?1 AND seq < ?2")?.execute(params![node, kept.unwrap_or(i64::MAX)])
}

/// The first entry of a chain and the hash that leads to it.
fn beginning(connection: &Connection, node: &str) -> rusqlite::Result<Option<(i64, Vec<u8>)>> {
    connection
        .prepare_cached("SELECT seq, prev FROM audit WHERE node_id = ?1 ORDER BY seq LIMIT 1")?
        .query_row([node], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()
}

/// A chain of which nothing is left goes with its head.
fn drop_chain(connection: &Connection, node: &str) -> rusqlite::Result<i64> {
    let gone = connection.prepare_cached("DELETE FROM audit_head WHERE node_id = ?1")?.execute([node])?;
    Ok(i64::try_from(gone).unwrap_or(i64::MAX))
}

fn hex(bytes: &[u8]) -> String {
    AuditHead::hex(bytes)
}

struct Verification<'a> {
    connection: &'a Connection,
    vault: &'a Vault,
    /// The ends of the chains as their heads say.
    heads: HashMap<String, AuditHead>,
    /// The entries with which purged chains begin, by the last checkpoint that says so.
    begins: HashMap<String, (i64, String)>,
    report: AuditReport,
}

/// An entry as it stands in the file.
struct Row {
    node_id: String,
    seq: i64,
    at: Millis,
    checkpoint: bool,
    prev: Vec<u8>,
    hash: Vec<u8>,
    content: Vec<u8>,
}

impl<'a> Verification<'a> {
    fn new(connection: &'a Connection, vault: &'a Vault) -> Result<Self> {
        let heads = heads(connection, Millis::MIN).map_err(store_error)?;
        let heads = heads.into_iter().map(|head| (head.node_id.clone(), head)).collect();
        Ok(Self { connection, vault, heads, begins: HashMap::new(), report: AuditReport::default() })
    }

    fn problem(&mut self, text: String) {
        self.report.wrong += 1;
        if self.report.problems.len() < TOLD {
            self.report.problems.push(text);
        }
    }

    fn run(mut self, known: &[AuditHead]) -> Result<AuditReport> {
        self.check_heads()?;
        self.check_checkpoints()?;
        for head in known {
            self.check_place("the head that was noted", &head.node_id, head.seq, &hex(&head.hash))?;
        }
        if !known.is_empty() && !known.iter().any(|head| self.heads.contains_key(&head.node_id)) {
            self.problem(
                "none of the chains that were noted is here: this is another store, or they outlived their time".to_owned(),
            );
        }
        self.check_chains().map_err(store_error)?;
        Ok(self.report)
    }

    fn check_heads(&mut self) -> Result<()> {
        let mut query = self.connection.prepare_cached("SELECT node_id, seq, hash, mac FROM audit_head").map_err(store_error)?;
        let row = |row: &rusqlite::Row| {
            let head = AuditHead { node_id: row.get(0)?, seq: row.get(1)?, hash: row.get(2)? };
            Ok((head, row.get::<_, Vec<u8>>(3)?))
        };
        let heads: Vec<(AuditHead, Vec<u8>)> = query.query_map([], row).and_then(|rows| rows.collect()).map_err(store_error)?;
        for (head, mac) in &heads {
            if !same_bytes(mac, &audit::head_mac(self.vault, &head.node_id, head.seq, &head.hash)) {
                self.problem(format!("chain {}: its head was changed", head.node_id));
            }
        }
        let count = audit::chains(self.connection, self.vault).map_err(store_error)?;
        if count != i64::try_from(heads.len()).ok() {
            let count = count.map_or_else(|| "an unreadable number of".to_owned(), |count| count.to_string());
            self.problem(format!("there are {} chains, and {count} were begun: a whole chain is missing or too many", heads.len()));
        }
        Ok(())
    }

    /// Each checkpoint, oldest first: what it says of the chains must still be so.
    fn check_checkpoints(&mut self) -> Result<()> {
        let query = "SELECT node_id, seq, content FROM audit WHERE checkpoint = 1 ORDER BY at, node_id, seq";
        let mut query = self.connection.prepare_cached(query).map_err(store_error)?;
        let mut rows = query.query([]).map_err(store_error)?;
        let mut places = Vec::new();
        while let Some(row) = rows.next().map_err(store_error)? {
            let (node, seq, sealed): (String, i64, Vec<u8>) =
                row.get(0).and_then(|node| Ok((node, row.get(1)?, row.get(2)?))).map_err(store_error)?;
            let Ok(content) = self.vault.open_sealed("audit.content", &format!("{node}/{seq}"), &sealed) else {
                self.problem(format!("chain {node}: checkpoint {seq} was changed"));
                continue;
            };
            let content: Value = serde_json::from_slice(&content).unwrap_or_default();
            self.begins.extend(triples(&content["begins"]).map(|(node, seq, hash)| (node, (seq, hash))));
            places.extend(triples(&content["chains"]).map(|place| (seq, place)));
        }
        for (checkpoint, (node, seq, hash)) in places {
            self.check_place(&format!("checkpoint {checkpoint}"), &node, seq, &hash)?;
        }
        Ok(())
    }

    /// An entry that was there must be there with the same hash, unless it was purged.
    fn check_place(&mut self, whose: &str, node: &str, seq: i64, hash: &str) -> Result<()> {
        let found: Option<Vec<u8>> = self
            .connection
            .prepare_cached("SELECT hash FROM audit WHERE node_id = ?1 AND seq = ?2")
            .and_then(|mut query| query.query_row(params![node, seq], |row| row.get(0)).optional())
            .map_err(store_error)?;
        let purged = || match self.begins.get(node) {
            Some((first, _)) => seq < *first,
            // Of a chain that went as a whole the sealed count knows.
            None => !self.heads.contains_key(node),
        };
        match found {
            Some(found) if hex(&found) == hash => {}
            None if purged() => {}
            _ => self.problem(format!("chain {node}: entry {seq} is not the one that {whose} names")),
        }
        Ok(())
    }

    /// Every entry, in order: numbered without a gap, each with the hash before it, up to the head.
    fn check_chains(&mut self) -> rusqlite::Result<()> {
        let mut query = self
            .connection
            .prepare_cached("SELECT node_id, seq, at, checkpoint, prev, hash, content FROM audit ORDER BY node_id, seq")?;
        let mut rows = query.query([])?;
        let mut last: Option<Row> = None;
        while let Some(row) = rows.next()? {
            let row = Row {
                node_id: row.get(0)?,
                seq: row.get(1)?,
                at: row.get(2)?,
                checkpoint: row.get(3)?,
                prev: row.get(4)?,
                hash: row.get(5)?,
                content: row.get(6)?,
            };
            self.report.entries += 1;
            match last.take() {
                Some(before) if before.node_id == row.node_id => self.check_step(&before, &row),
                before => {
                    self.end_chain(before.as_ref());
                    self.begin_chain(&row);
                }
            }
            let place = Place { node_id: &row.node_id, seq: row.seq, at: row.at, checkpoint: row.checkpoint };
            if audit::link(&row.prev, &place, &row.content) != row.hash {
                self.problem(format!("chain {}: entry {} was changed", row.node_id, row.seq));
            }
            last = Some(row);
        }
        self.end_chain(last.as_ref());
        let empty: Vec<String> = self.heads.keys().cloned().collect();
        for node in empty {
            self.problem(format!("chain {node}: all of its entries are missing"));
        }
        Ok(())
    }

    fn begin_chain(&mut self, first: &Row) {
        self.report.chains += 1;
        let purged = self.begins.get(&first.node_id).is_some_and(|(seq, prev)| *seq == first.seq && *prev == hex(&first.prev));
        if first.seq != 1 && !purged {
            self.problem(format!(
                "chain {}: the entries before {} are missing, and no checkpoint says that they were purged",
                first.node_id, first.seq
            ));
        }
    }

    fn check_step(&mut self, before: &Row, row: &Row) {
        if row.seq != before.seq + 1 {
            self.problem(format!("chain {}: entries {} to {} are missing", row.node_id, before.seq + 1, row.seq - 1));
        } else if row.prev != before.hash {
            self.problem(format!("chain {}: entry {} does not follow the one before it", row.node_id, row.seq));
        }
    }

    fn end_chain(&mut self, last: Option<&Row>) {
        let Some(last) = last else { return };
        match self.heads.remove(&last.node_id) {
            Some(head) if head.seq == last.seq && head.hash == last.hash => {}
            Some(head) if head.seq > last.seq => {
                self.problem(format!("chain {}: entries {} to {} are missing", last.node_id, last.seq + 1, head.seq));
            }
            Some(_) => self.problem(format!("chain {}: it does not end with the entry that its head names", last.node_id)),
            None => self.problem(format!("chain {}: its head is missing", last.node_id)),
        }
    }
}

/// `[node, seq, hash]`, as checkpoints list them.
fn triples(list: &Value) -> impl Iterator<Item = (String, i64, String)> {
    let triple =
        |item: &Value| Some((item.get(0)?.as_str()?.to_owned(), item.get(1)?.as_i64()?, item.get(2)?.as_str()?.to_owned()));
    list.as_array().into_iter().flatten().filter_map(triple)
}
