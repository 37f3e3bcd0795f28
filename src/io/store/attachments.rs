//! Attachments fetched from where a message said they lie: kept beside its body, for as long as it.

use rusqlite::{Connection, OptionalExtension, params};
use serde_json::json;

use crate::error::{EREF_NOT_FOUND, Error, Result};
use crate::io::clock;
use crate::io::store::audit;
use crate::io::store::body::{NewBody, has_body, read_body};
use crate::io::store::sqlite::{Sqlite, store_error};
use crate::proto::store::{FetchedAttachment, Millis};

/// The id of its body, and its media type, sealed.
fn find(connection: &Connection, id: &str, index: u32) -> Result<Option<(String, Vec<u8>)>> {
    connection
        .prepare_cached("SELECT body, content_type FROM attachment WHERE inbox_id = ?1 AND number = ?2")
        .and_then(|mut query| query.query_row(params![id, index], |row| Ok((row.get(0)?, row.get(1)?))).optional())
        .map_err(store_error)
}

impl Sqlite {
    pub(super) fn insert_attachment(&self, id: &str, index: u32, fetched: &FetchedAttachment, now: Millis) -> Result<()> {
        let (vault, node, id, body_id) = (self.vault.clone(), self.node.id.clone(), id.to_owned(), clock::id());
        let content_type = fetched.content_type.as_deref().unwrap_or_default();
        let content_type = vault.seal("attachment.content_type", &body_id, content_type.as_bytes())?;
        let size = fetched.content.len();
        let body = NewBody::new(&vault, &body_id, fetched.content.clone());
        self.writer.write(move |connection| {
            if find(connection, &id, index)?.is_some() {
                return Ok(());
            }
            if !has_body(connection, &id)? {
                return Err(Error::new(EREF_NOT_FOUND, "the message's body is not kept any more"));
            }
            connection
                .prepare_cached(
                    "INSERT INTO attachment (inbox_id, number, body, fetched, size, content_type) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                )
                .and_then(|mut insert| insert.execute(params![id, index, body_id, now, size, content_type]))
                .map_err(store_error)?;
            body.insert(connection)?;
            let entry = json!({"what": "attachment fetched", "id": id, "index": index, "size": size});
            audit::append(connection, &vault, &node, now, &entry)
        })
    }

    pub(super) fn read_attachment(&self, id: &str, index: u32) -> Result<Option<FetchedAttachment>> {
        let found = self.read(|connection| {
            let Some((body_id, content_type)) = find(connection, id, index)? else { return Ok(None) };
            Ok(read_body(connection, &self.vault, &body_id)?.map(|content| (body_id, content_type, content)))
        })?;
        let Some((body_id, content_type, content)) = found else { return Ok(None) };
        let content_type = self.vault.open_sealed("attachment.content_type", &body_id, &content_type)?;
        let content_type = String::from_utf8(content_type).ok().filter(|text| !text.is_empty());
        Ok(Some(FetchedAttachment { content_type, content: content.into() }))
    }
}
