//! The charts of launches: a row per version of a resource, found by the keyed hash of its id.

use rusqlite::{Connection, OptionalExtension, Row, params};
use serde_json::json;

use crate::error::{EREF_NOT_FOUND, EREF_STORE, Error, Result};
use crate::io::store::body::read_body;
use crate::io::store::sqlite::{Sqlite, store_error};
use crate::io::store::{audit, vault::Vault};
use crate::proto::smart::server::undecided;
use crate::proto::store::{ChartResource, ChartVersion, Charts, Decision, Millis, WriteBack};

/// What a resource is read as.
pub(super) const SERVED: i32 = 0;
/// Created by an app and served as such, before the host has decided.
pub(super) const SERVED_UNDECIDED: i32 = 1;
/// An app's update, before the host has decided.
pub(super) const UNDECIDED: i32 = 2;
/// An app's, refused by the host.
pub(super) const REFUSED: i32 = 3;
/// There is a later one.
pub(super) const REPLACED: i32 = 4;

/// A resource ready for its row.
pub(super) struct SealedResource {
    resource_type: String,
    id_mac: [u8; 32],
    sealed: Vec<u8>,
}

pub(super) fn sealed_resource(vault: &Vault, launch_id: &str, resource: &ChartResource) -> Result<SealedResource> {
    let plain = format!("{}\n{}", resource.id, resource.json);
    Ok(SealedResource {
        resource_type: resource.resource_type.clone(),
        id_mac: id_mac(vault, launch_id, &resource.resource_type, &resource.id),
        sealed: seal_resource(vault, launch_id, &resource.resource_type, &plain)?,
    })
}

pub(super) fn seal_resource(vault: &Vault, launch_id: &str, resource_type: &str, plain: &str) -> Result<Vec<u8>> {
    vault.seal("chart.resource", &format!("{launch_id}/{resource_type}"), plain.as_bytes())
}

pub(super) fn id_mac(vault: &Vault, launch_id: &str, resource_type: &str, id: &str) -> [u8; 32] {
    vault.lookup("chart-id", format!("{launch_id}/{resource_type}/{id}").as_bytes())
}

/// What the host pushes is served at once, as the newest version.
pub(super) fn insert_resource(connection: &Connection, launch_id: &str, resource: &SealedResource) -> rusqlite::Result<()> {
    replace(connection, launch_id, &resource.resource_type, &resource.id_mac)?;
    connection
        .prepare_cached(
            "INSERT INTO chart (launch_id, resource_type, id_mac, version, state, size, resource)
             SELECT ?1, ?2, ?3, 1 + ifnull(max(version), 0), ?4, length(?5), ?5
             FROM chart WHERE launch_id = ?1 AND resource_type = ?2 AND id_mac = ?3",
        )?
        .execute(params![launch_id, resource.resource_type, resource.id_mac, SERVED, resource.sealed])
        .map(|_| ())
}

/// Another version is served from now on.
pub(super) fn replace(connection: &Connection, launch_id: &str, resource_type: &str, id_mac: &[u8]) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "UPDATE chart SET state = ?4 WHERE launch_id = ?1 AND resource_type = ?2 AND id_mac = ?3 AND state IN (?5, ?6)",
        )?
        .execute(params![launch_id, resource_type, id_mac, REPLACED, SERVED, SERVED_UNDECIDED])
        .map(|_| ())
}

/// Deletes the charts of launches that fit a condition on their id in a parameter. What the host has yet to decide about keeps its body.
pub(super) fn delete_where(condition: &str) -> [String; 2] {
    [
        format!(
            "DELETE FROM body WHERE owner IN (SELECT write_id FROM chart WHERE {condition} AND write_id IS NOT NULL
                                              AND NOT EXISTS (SELECT 1 FROM event WHERE subject = chart.write_id))"
        ),
        format!("DELETE FROM chart WHERE {condition}"),
    ]
}

pub(super) fn is_live(connection: &Connection, launch_id: &str, now: Millis) -> Result<()> {
    let live: bool = connection
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM launch WHERE id = ?1 AND state <> 4 AND ends > ?2)")
        .and_then(|mut query| query.query_row(params![launch_id, now], |row| row.get(0)))
        .map_err(store_error)?;
    if live { Ok(()) } else { Err(Error::new(EREF_NOT_FOUND, "there is no such launch, or it has ended")) }
}

/// The columns of [`Raw`].
const COLUMNS: &str = "resource_type, version, state, write_id, resource, words";

struct Raw {
    resource_type: String,
    version: u32,
    state: i32,
    write_id: Option<String>,
    sealed: Vec<u8>,
    words: Option<Vec<u8>>,
}

fn raw(row: &Row) -> rusqlite::Result<Raw> {
    Ok(Raw {
        resource_type: row.get(0)?,
        version: row.get(1)?,
        state: row.get(2)?,
        write_id: row.get(3)?,
        sealed: row.get(4)?,
        words: row.get(5)?,
    })
}

fn damaged() -> Error {
    Error::new(EREF_STORE, "a chart row is damaged")
}

/// The words of a refusal.
pub(super) fn open_words(vault: &Vault, write_id: &str, sealed: &[u8]) -> Result<String> {
    let plain = vault.open_sealed("chart.words", write_id, sealed)?;
    Ok(String::from_utf8_lossy(&plain).into_owned())
}

impl Sqlite {
    /// `None` when it was taken away meanwhile.
    fn open_resource(&self, launch_id: &str, raw: Raw) -> Result<Option<ChartResource>> {
        let place = format!("{launch_id}/{}", raw.resource_type);
        let plain = String::from_utf8(self.vault.open_sealed("chart.resource", &place, &raw.sealed)?).map_err(|_| damaged())?;
        let (id, pushed) = plain.split_once('\n').ok_or_else(damaged)?;
        let json = match &raw.write_id {
            None => pushed.to_owned(),
            Some(write_id) => match self.read(|connection| read_body(connection, &self.vault, write_id))? {
                Some(body) => String::from_utf8(body).map_err(|_| damaged())?,
                None => return Ok(None),
            },
        };
        let json = if matches!(raw.state, SERVED_UNDECIDED | UNDECIDED) { undecided::marked(json) } else { json };
        Ok(Some(ChartResource { resource_type: raw.resource_type, id: id.to_owned(), version: raw.version, json }))
    }

    fn chart_row(
        &self,
        launch_id: &str,
        resource_type: &str,
        id: &str,
        condition: &str,
        number: Option<u32>,
    ) -> Result<Option<Raw>> {
        let mac = id_mac(&self.vault, launch_id, resource_type, id);
        self.read(|connection| {
            connection
                .prepare_cached(&format!(
                    "SELECT {COLUMNS} FROM chart WHERE launch_id = ?1 AND resource_type = ?2 AND id_mac = ?3 AND {condition}"
                ))
                .and_then(|mut query| query.query_row(params![launch_id, resource_type, mac, number], raw).optional())
                .map_err(store_error)
        })
    }
}

impl Charts for Sqlite {
    fn put_chart(&self, launch_id: &str, resources: &[ChartResource], now: Millis) -> Result<()> {
        let (vault, node, id) = (self.vault.clone(), self.node.id.clone(), launch_id.to_owned());
        let sealed: Vec<_> =
            resources.iter().map(|resource| sealed_resource(&vault, launch_id, resource)).collect::<Result<_>>()?;
        self.writer.write(move |connection| {
            is_live(connection, &id, now)?;
            for resource in &sealed {
                insert_resource(connection, &id, resource).map_err(store_error)?;
            }
            audit::append(connection, &vault, &node, now, &json!({"what": "chart extended", "id": id, "resources": sealed.len()}))
        })
    }

    fn chart_resource(&self, launch_id: &str, resource_type: &str, id: &str) -> Result<Option<ChartResource>> {
        let found = self.chart_row(launch_id, resource_type, id, "state IN (0, 1) AND ?4 IS NULL", None)?;
        found.map(|found| self.open_resource(launch_id, found)).transpose().map(Option::flatten)
    }

    fn chart(&self, launch_id: &str, resource_type: Option<&str>) -> Result<Vec<ChartResource>> {
        let list: Vec<Raw> = self.read(|connection| {
            connection
                .prepare_cached(&format!(
                    "SELECT {COLUMNS} FROM chart WHERE launch_id = ?1 AND (?2 IS NULL OR resource_type = ?2) AND state IN (0, 1)
                     ORDER BY (SELECT min(seq) FROM chart AS first WHERE first.launch_id = chart.launch_id
                               AND first.resource_type = chart.resource_type AND first.id_mac = chart.id_mac)"
                ))
                .and_then(|mut query| query.query_map(params![launch_id, resource_type], raw)?.collect())
                .map_err(store_error)
        })?;
        list.into_iter().filter_map(|found| self.open_resource(launch_id, found).transpose()).collect()
    }

    fn chart_version(&self, launch_id: &str, resource_type: &str, id: &str, version: Option<u32>) -> Result<Option<ChartVersion>> {
        let newest = "(?4 IS NULL OR version = ?4) ORDER BY version DESC LIMIT 1";
        let Some(found) = self.chart_row(launch_id, resource_type, id, newest, version)? else { return Ok(None) };
        let (version, written) = (found.version, found.write_id.is_some());
        let decision = match (&found.words, &found.write_id) {
            (Some(words), Some(write_id)) => Decision::Refused(open_words(&self.vault, write_id, words)?),
            _ if matches!(found.state, SERVED_UNDECIDED | UNDECIDED) => Decision::Open,
            _ => Decision::Accepted,
        };
        let json = match decision {
            Decision::Refused(_) => String::new(),
            _ => match self.open_resource(launch_id, found)? {
                Some(resource) => resource.json,
                None => return Ok(None),
            },
        };
        Ok(Some(ChartVersion { version, json, written, decision }))
    }

    fn chart_mark(&self, launch_id: &str) -> Result<i64> {
        self.read(|connection| mark(connection, launch_id))
    }

    fn write_back(&self, write: &WriteBack, now: Millis) -> Result<bool> {
        self.keep_write(write, now)
    }

    fn write_decision(&self, write_id: &str) -> Result<Option<Decision>> {
        let found = self.read(|connection| {
            connection
                .prepare_cached("SELECT state, words FROM chart WHERE write_id = ?1")
                .and_then(|mut query| {
                    query.query_row([write_id], |row| Ok((row.get::<_, i32>(0)?, row.get::<_, Option<Vec<u8>>>(1)?))).optional()
                })
                .map_err(store_error)
        })?;
        Ok(match found {
            None => None,
            Some((_, Some(words))) => Some(Decision::Refused(open_words(&self.vault, write_id, &words)?)),
            Some((SERVED_UNDECIDED | UNDECIDED, None)) => Some(Decision::Open),
            Some(_) => Some(Decision::Accepted),
        })
    }
}

/// Grows with every row that is put.
pub(super) fn mark(connection: &Connection, launch_id: &str) -> Result<i64> {
    connection
        .prepare_cached("SELECT ifnull(max(seq), 0) FROM chart WHERE launch_id = ?1")
        .and_then(|mut query| query.query_row([launch_id], |row| row.get(0)))
        .map_err(store_error)
}
