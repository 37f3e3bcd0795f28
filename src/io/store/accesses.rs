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
#[derive(Debug, Default, PartialEq)]
pub(super) struct Accessed {
    first: Millis,
    last: Millis,
    /// How often, by what was done, to which type, with which HTTP status.
    counts: BTreeMap<(&'static str, String, u16), u32>,
}

impl Accessed {
    /// Adds what could not be written to what came meanwhile.
    fn take_in(&mut self, earlier: Self) {
        self.first = earlier.first;
        self.last = self.last.max(earlier.last);
        for (what, count) in earlier.counts {
            *self.counts.entry(what).or_default() += count;
        }
    }
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
            let mut accesses = self.accesses();
            for (by, earlier) in waiting {
                accesses.entry(by).or_default().take_in(earlier);
            }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_not_be_written_is_added_to_what_came_meanwhile() {
        let read = |count| BTreeMap::from([(("read", "Patient".to_owned(), 200), count)]);
        let mut meanwhile = Accessed { first: 5, last: 9, counts: read(2) };
        meanwhile.take_in(Accessed { first: 1, last: 4, counts: read(3) });
        assert_eq!(meanwhile, Accessed { first: 1, last: 9, counts: read(5) });
    }
}
