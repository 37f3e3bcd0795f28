//! Bodies of messages and attachments, in sealed pieces of at most 1 MiB: a letter of 50 MB never stands in memory a second time, neither
//! on its way in nor out.

use std::iter::Peekable;
use std::sync::Arc;

use rusqlite::{Connection, params};

use crate::error::Result;
use crate::io::store::sqlite::store_error;
use crate::io::store::vault::{Opener, SealedBody, Vault};

const PLACE: &str = "body.piece";

/// A body on its way into the store.
pub(super) struct NewBody {
    owner: String,
    pieces: Peekable<SealedBody>,
}

impl NewBody {
    /// Seals the first piece, which is all of most bodies, now; the others one by one as they are written, so that the writer is busy with
    /// sealing for large letters only.
    pub(super) fn new(vault: &Vault, owner: &str, body: Arc<Vec<u8>>) -> Self {
        let mut pieces = vault.seal_body(PLACE, owner, body).peekable();
        pieces.peek();
        Self { owner: owner.to_owned(), pieces }
    }

    pub(super) fn insert(self, connection: &Connection) -> Result<()> {
        let mut insert =
            connection.prepare_cached("INSERT INTO body (owner, seq, piece) VALUES (?1, ?2, ?3)").map_err(store_error)?;
        for (seq, piece) in self.pieces.enumerate() {
            insert.execute(params![self.owner, seq, piece?]).map_err(store_error)?;
        }
        Ok(())
    }
}

/// The body of that owner; `None` when it is not kept (any more).
pub(super) fn read_body(connection: &Connection, vault: &Vault, owner: &str) -> Result<Option<Vec<u8>>> {
    // One statement sees one state of the table, whatever is purged meanwhile.
    let mut query = connection
        .prepare_cached(
            "SELECT piece, (SELECT count(*) FROM body WHERE owner = ?1), (SELECT sum(length(piece)) FROM body WHERE owner = ?1)
             FROM body WHERE owner = ?1 ORDER BY seq",
        )
        .map_err(store_error)?;
    let mut rows = query.query([owner]).map_err(store_error)?;
    let (mut opener, mut number) = (None, 0);
    while let Some(row) = rows.next().map_err(store_error)? {
        let (count, size): (usize, usize) = (row.get(1).map_err(store_error)?, row.get(2).map_err(store_error)?);
        let piece = row.get_ref(0).and_then(|piece| Ok(piece.as_blob()?)).map_err(store_error)?;
        let opening = match opener.take() {
            Some(opening) => opening,
            None => vault.open_body(PLACE, owner, size)?,
        };
        number += 1;
        opener.insert(opening).piece(piece, number == count)?;
    }
    opener.map(Opener::finish).transpose()
}

/// Whether a body of that owner is kept.
pub(super) fn has_body(connection: &Connection, owner: &str) -> Result<bool> {
    connection
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM body WHERE owner = ?1)")
        .and_then(|mut query| query.query_row([owner], |row| row.get(0)))
        .map_err(store_error)
}
