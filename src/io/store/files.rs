//! Files that go with a message and are fetched from us by its receiver: kept beside the message's body, for as long as it or
//! a later one that names them (see `keeping`).

use rusqlite::{Connection, OptionalExtension, params};
use serde_json::json;

use crate::error::Result;
use crate::io::store::audit;
use crate::io::store::body::{NewBody, read_body};
use crate::io::store::sqlite::{Sqlite, store_error};
use crate::io::store::vault::Vault;
use crate::proto::store::{Millis, ServedFile};

/// A file on its way into the store.
pub(super) struct NewFile {
    id: String,
    size: usize,
    content_type: Vec<u8>,
    body: NewBody,
}

impl NewFile {
    pub(super) fn new(vault: &Vault, file: &ServedFile) -> Result<Self> {
        Ok(Self {
            id: file.id.clone(),
            size: file.content.len(),
            content_type: vault.seal("file.content_type", &file.id, file.content_type.as_bytes())?,
            body: NewBody::new(vault, &file.id, file.content.clone()),
        })
    }

    pub(super) fn insert(self, connection: &Connection, outbox_id: &str, partner: &str) -> Result<()> {
        connection
            .prepare_cached("INSERT INTO file (id, outbox_id, partner, size, content_type) VALUES (?1, ?2, ?3, ?4, ?5)")
            .and_then(|mut insert| insert.execute(params![self.id, outbox_id, partner, self.size, self.content_type]))
            .map_err(store_error)?;
        self.body.insert(connection)
    }
}

impl Sqlite {
    pub(super) fn read_file(&self, id: &str, partner: &str, now: Millis) -> Result<Option<ServedFile>> {
        let found = self.read(|connection| {
            let row: Option<(String, Vec<u8>)> = connection
                .prepare_cached("SELECT outbox_id, content_type FROM file WHERE id = ?1 AND partner = ?2")
                .and_then(|mut query| query.query_row([id, partner], |row| Ok((row.get(0)?, row.get(1)?))).optional())
                .map_err(store_error)?;
            let Some((outbox_id, content_type)) = row else { return Ok(None) };
            Ok(read_body(connection, &self.vault, id)?.map(|content| (outbox_id, content_type, content)))
        })?;
        let Some((outbox_id, content_type, content)) = found else { return Ok(None) };
        let content_type = self.vault.open_sealed("file.content_type", id, &content_type)?;
        let content_type = String::from_utf8_lossy(&content_type).into_owned();
        let entry = json!({"what": "file fetched from us", "partner": partner, "file": id, "id": outbox_id, "size": content.len()});
        let (vault, node) = (self.vault.clone(), self.node.id.clone());
        self.writer.write(move |connection| audit::append(connection, &vault, &node, now, &entry))?;
        Ok(Some(ServedFile { id: id.to_owned(), content_type, content: content.into() }))
    }
}
