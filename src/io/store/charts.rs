//! The charts of launches: a row per resource, found by the keyed hash of its id.

use rusqlite::{Connection, OptionalExtension, Row, params};
use serde_json::json;

use crate::error::{EREF_NOT_FOUND, EREF_STORE, Error, Result};
use crate::io::store::events::{NewEvent, insert_event};
use crate::io::store::sqlite::{Sqlite, store_error};
use crate::io::store::{audit, vault::Vault};
use crate::proto::store::{ChartResource, Charts, Millis, WriteBack, event_kind};

/// A resource ready for its row.
pub(super) struct SealedResource {
    resource_type: String,
    id_mac: [u8; 32],
    version: u32,
    sealed: Vec<u8>,
}

pub(super) fn sealed_resource(vault: &Vault, launch_id: &str, resource: &ChartResource) -> Result<SealedResource> {
    let plain = format!("{}\n{}", resource.id, resource.json);
    Ok(SealedResource {
        resource_type: resource.resource_type.clone(),
        id_mac: id_mac(vault, launch_id, &resource.resource_type, &resource.id),
        version: resource.version,
        sealed: vault.seal("chart.resource", &format!("{launch_id}/{}", resource.resource_type), plain.as_bytes())?,
    })
}

fn id_mac(vault: &Vault, launch_id: &str, resource_type: &str, id: &str) -> [u8; 32] {
    vault.lookup("chart-id", format!("{launch_id}/{resource_type}/{id}").as_bytes())
}

pub(super) fn insert_resource(connection: &Connection, launch_id: &str, resource: &SealedResource) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO chart (launch_id, resource_type, id_mac, version, resource) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (launch_id, resource_type, id_mac) DO UPDATE SET version = chart.version + 1, resource = excluded.resource",
        )?
        .execute(params![launch_id, resource.resource_type, resource.id_mac, resource.version, resource.sealed])
        .map(|_| ())
}

fn is_live(connection: &Connection, launch_id: &str, now: Millis) -> Result<()> {
    let live: bool = connection
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM launch WHERE id = ?1 AND state <> 4 AND ends > ?2)")
        .and_then(|mut query| query.query_row(params![launch_id, now], |row| row.get(0)))
        .map_err(store_error)?;
    if live { Ok(()) } else { Err(Error::new(EREF_NOT_FOUND, "there is no such launch, or it has ended")) }
}

type Raw = (String, u32, Vec<u8>);

fn raw(row: &Row) -> rusqlite::Result<Raw> {
    Ok((row.get(0)?, row.get(1)?, row.get(2)?))
}

impl Sqlite {
    fn open_resource(&self, launch_id: &str, (resource_type, version, sealed): Raw) -> Result<ChartResource> {
        let plain = self.vault.open_sealed("chart.resource", &format!("{launch_id}/{resource_type}"), &sealed)?;
        let text = String::from_utf8_lossy(&plain);
        let (id, json) = text.split_once('\n').ok_or_else(|| Error::new(EREF_STORE, "a chart row is damaged"))?;
        Ok(ChartResource { resource_type, id: id.to_owned(), version, json: json.to_owned() })
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
        let mac = id_mac(&self.vault, launch_id, resource_type, id);
        let found = self.read(|connection| {
            connection
                .prepare_cached(
                    "SELECT resource_type, version, resource FROM chart WHERE launch_id = ?1 AND resource_type = ?2 AND id_mac = ?3",
                )
                .and_then(|mut query| query.query_row(params![launch_id, resource_type, mac], raw).optional())
                .map_err(store_error)
        })?;
        found.map(|found| self.open_resource(launch_id, found)).transpose()
    }

    fn chart(&self, launch_id: &str, resource_type: Option<&str>) -> Result<Vec<ChartResource>> {
        let list: Vec<Raw> = self.read(|connection| {
            connection
                .prepare_cached(
                    "SELECT resource_type, version, resource FROM chart WHERE launch_id = ?1 AND (?2 IS NULL OR resource_type = ?2)
                     ORDER BY seq",
                )
                .and_then(|mut query| query.query_map(params![launch_id, resource_type], raw)?.collect())
                .map_err(store_error)
        })?;
        list.into_iter().map(|found| self.open_resource(launch_id, found)).collect()
    }

    fn write_back(&self, write: &WriteBack, now: Millis) -> Result<()> {
        let (vault, node) = (self.vault.clone(), self.node.id.clone());
        let sealed = sealed_resource(&vault, &write.launch_id, &write.resource)?;
        let (launch_id, partner, document) = (write.launch_id.clone(), write.partner.clone(), write.event_document.clone());
        let subject = write.resource.id.clone();
        self.writer.write(move |connection| {
            is_live(connection, &launch_id, now)?;
            insert_resource(connection, &launch_id, &sealed).map_err(store_error)?;
            let event =
                NewEvent { kind: event_kind::WRITE, partner: &partner, referral_id: None, subject: &subject, document: &document };
            insert_event(connection, &vault, &event, now)?;
            let entry = json!({"what": "resource written back", "launch_id": launch_id, "partner": partner,
                               "type": sealed.resource_type, "id": subject});
            audit::append(connection, &vault, &node, now, &entry)
        })
    }
}
