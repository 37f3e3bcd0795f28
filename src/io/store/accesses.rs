//! Accesses to charts in the audit trail (smart.md 19, HALO R-006). A sync for each would slow every read: they are counted in memory,
//! and written together every second or so.

use std::collections::BTreeMap;
use std::sync::{MutexGuard, PoisonError};

use serde_json::json;

use crate::error::Result;
use crate::io::store::audit;
use crate::io::store::sqlite::Sqlite;
use crate::proto::store::{Access, Accessor, Millis};

/// Entries that may wait to be written; with more, who comes next writes.
const WAITING: usize = 500;

/// What was accessed by one since the last writing.
#[derive(Default)]
pub(super) struct Accessed {
    first: Millis,
    last: Millis,
    /// How often, by what was done, to which type, with which HTTP status.
    counts: BTreeMap<(&'static str, String, u16), u32>,
}

/// What waits to be written.
pub(super) type Accesses = BTreeMap<Accessor, Accessed>;

impl Sqlite {
    fn accesses(&self) -> MutexGuard<'_, Accesses> {
        self.accesses.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// True when it is time to write.
    pub(super) fn count_access(&self, access: Access, now: Millis) -> bool {
        let mut accesses = self.accesses();
        let accessed = accesses.entry(access.by).or_insert_with(|| Accessed { first: now, ..Accessed::default() });
        accessed.last = now;
        *accessed.counts.entry((access.what, access.resource_type, access.status)).or_default() += 1;
        let counts = accessed.counts.len();
        accesses.len() > WAITING || counts > WAITING
    }

    /// Writes what waits; what cannot be written waits on.
    pub(super) fn write_accesses(&self, now: Millis) -> Result<()> {
        let waiting = std::mem::take(&mut *self.accesses());
        if waiting.is_empty() {
            return Ok(());
        }
        let entries: Vec<_> = waiting.iter().map(|(by, accessed)| entry(by, accessed)).collect();
        let (vault, node) = (self.vault.clone(), self.node.id.clone());
        let written = self
            .writer
            .write(move |connection| entries.iter().try_for_each(|entry| audit::append(connection, &vault, &node, now, entry)));
        if written.is_err() {
            self.accesses().extend(waiting);
        }
        written
    }
}

fn entry(by: &Accessor, accessed: &Accessed) -> serde_json::Value {
    let counts: Vec<_> = accessed
        .counts
        .iter()
        .map(
            |((what, resource_type, status), count)| json!({"what": what, "type": resource_type, "status": status, "count": count}),
        )
        .collect();
    json!({
        "what": "fhir access", "id": by.launch_id, "grant": by.grant_id, "partner": by.partner, "client_id": by.client_id, "user": by.user,
        "patient": by.patient, "first": accessed.first, "last": accessed.last, "accesses": counts,
    })
}
