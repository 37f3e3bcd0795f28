//! Referrals: found by any of their identifiers, each identifier by its keyed hash.

use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, Row, params};
use serde_json::json;

use crate::error::{EREF_KEY_REUSED, EREF_NOT_FOUND, Error, Result};
use crate::io::clock;
use crate::io::store::audit;
use crate::io::store::sqlite::{Sqlite, store_error};
use crate::io::store::vault::{Vault, normalised};
use crate::proto::store::{Identifier, Millis, ReferralRecord, ReferralRole, ReferralUpdate, Referrals};

/// An update with its identifiers hashed and sealed; the document is sealed when the row's id is known.
pub(super) struct SealedUpdate {
    identifiers: Vec<([u8; 32], Vec<u8>)>,
    /// Identifiers that are looked up and not bound.
    ours: Vec<[u8; 32]>,
    update: ReferralUpdate,
}

fn identifier_mac(vault: &Vault, identifier: &Identifier) -> [u8; 32] {
    vault.lookup("identifier", normalised(&identifier.system, &identifier.value).as_bytes())
}

fn sealed_identifier(vault: &Vault, identifier: &Identifier) -> Result<([u8; 32], Vec<u8>)> {
    let mac = identifier_mac(vault, identifier);
    let text = json!([identifier.system, identifier.value]).to_string();
    // The hash is the row's key, so it is what the seal is bound to.
    Ok((mac, vault.seal("referral_identifier.identifier", &hex(&mac), text.as_bytes())?))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl SealedUpdate {
    pub(super) fn new(vault: &Vault, update: &ReferralUpdate) -> Result<Self> {
        let identifiers =
            update.identifiers.iter().map(|identifier| sealed_identifier(vault, identifier)).collect::<Result<_>>()?;
        let ours = update.ours.iter().map(|identifier| identifier_mac(vault, identifier)).collect();
        Ok(Self { identifiers, ours, update: update.clone() })
    }
}

/// The referrals that carry any of the update's identifiers, in the order of these.
pub(super) fn find_referrals(connection: &Connection, update: &SealedUpdate) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for mac in update.identifiers.iter().map(|(mac, _)| mac).chain(&update.ours) {
        if let Some(id) = by_mac(connection, mac)?
            && !found.contains(&id)
        {
            found.push(id);
        }
    }
    Ok(found)
}

fn by_mac(connection: &Connection, mac: &[u8; 32]) -> Result<Option<String>> {
    connection
        .prepare_cached("SELECT referral_id FROM referral_identifier WHERE mac = ?1")
        .and_then(|mut query| query.query_row([mac], |row| row.get(0)).optional())
        .map_err(store_error)
}

/// A message touches only referrals its partner is a party to (architecture: identity of a message).
pub(super) fn is_party(connection: &Connection, referral_id: &str, partner: &str) -> Result<bool> {
    connection
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM referral_party WHERE referral_id = ?1 AND partner = ?2)")
        .and_then(|mut query| query.query_row([referral_id, partner], |row| row.get(0)))
        .map_err(store_error)
}

/// Makes the referral, or brings it up to date; identifiers are added, never moved. Returns its id.
pub(super) fn touch_referral(
    connection: &Connection,
    vault: &Vault,
    found: Option<String>,
    update: &SealedUpdate,
    partner: &str,
    now: Millis,
) -> Result<String> {
    let id = found.unwrap_or_else(clock::id);
    let document = vault.seal("referral.document", &id, update.update.document.as_bytes())?;
    let write = || {
        connection
            .prepare_cached(
                "INSERT INTO referral (id, our_role, created, updated, document) VALUES (?1, ?2, ?3, ?3, ?4)
                 ON CONFLICT (id) DO UPDATE SET updated = excluded.updated, document = excluded.document",
            )?
            .execute(params![id, update.update.our_role.as_str(), now, document])?;
        connection
            .prepare_cached("INSERT OR IGNORE INTO referral_party (referral_id, partner, role) VALUES (?1, ?2, ?3)")?
            .execute(params![id, partner, update.update.partner_role.as_str()])?;
        let mut add = connection
            .prepare_cached("INSERT OR IGNORE INTO referral_identifier (mac, referral_id, identifier) VALUES (?1, ?2, ?3)")?;
        for (mac, sealed) in &update.identifiers {
            add.execute(params![mac, id, sealed])?;
        }
        Ok(())
    };
    write().map_err(store_error)?;
    Ok(id)
}

struct Raw {
    record: ReferralRecord,
    document: Vec<u8>,
}

fn raw(row: &Row) -> rusqlite::Result<Raw> {
    let role: String = row.get(1)?;
    let record = ReferralRecord {
        id: row.get(0)?,
        our_role: ReferralRole::parse(&role).unwrap_or(ReferralRole::Copy),
        identifiers: Vec::new(),
        parties: Vec::new(),
        document: String::new(),
        created: row.get(2)?,
        updated: row.get(3)?,
    };
    Ok(Raw { record, document: row.get(4)? })
}

impl Sqlite {
    fn complete(&self, connection: &Connection, raw: Raw) -> Result<ReferralRecord> {
        let Raw { mut record, document } = raw;
        let document = self.vault.open_sealed("referral.document", &record.id, &document)?;
        record.document = String::from_utf8_lossy(&document).into_owned();
        let sealed: Vec<(Vec<u8>, Vec<u8>)> = connection
            .prepare_cached("SELECT mac, identifier FROM referral_identifier WHERE referral_id = ?1")
            .and_then(|mut query| query.query_map([&record.id], |row| Ok((row.get(0)?, row.get(1)?)))?.collect())
            .map_err(store_error)?;
        for (mac, identifier) in sealed {
            let text = self.vault.open_sealed("referral_identifier.identifier", &hex(&mac), &identifier)?;
            let (system, value) = serde_json::from_slice(&text).unwrap_or_default();
            record.identifiers.push(Identifier { system, value });
        }
        record.identifiers.sort_by(|a, b| (&a.system, &a.value).cmp(&(&b.system, &b.value)));
        record.parties = connection
            .prepare_cached("SELECT partner, role FROM referral_party WHERE referral_id = ?1 ORDER BY partner")
            .and_then(|mut query| {
                let party =
                    |row: &Row| Ok((row.get(0)?, ReferralRole::parse(&row.get::<_, String>(1)?).unwrap_or(ReferralRole::Copy)));
                query.query_map([&record.id], party)?.collect()
            })
            .map_err(store_error)?;
        Ok(record)
    }

    fn one_referral(&self, connection: &Connection, id: &str) -> Result<Option<ReferralRecord>> {
        let found = connection
            .prepare_cached("SELECT id, our_role, created, updated, document FROM referral WHERE id = ?1")
            .and_then(|mut query| query.query_row([id], raw).optional())
            .map_err(store_error)?;
        found.map(|raw| self.complete(connection, raw)).transpose()
    }
}

impl Referrals for Sqlite {
    fn referral(&self, id: &str) -> Result<Option<ReferralRecord>> {
        self.read(|connection| self.one_referral(connection, id))
    }

    fn referral_by_identifier(&self, identifier: &Identifier) -> Result<Option<ReferralRecord>> {
        let mac = identifier_mac(&self.vault, identifier);
        self.read(|connection| match by_mac(connection, &mac)? {
            Some(id) => self.one_referral(connection, &id),
            None => Ok(None),
        })
    }

    fn referrals(&self, limit: u32) -> Result<Vec<ReferralRecord>> {
        self.read(|connection| {
            let list: Vec<Raw> = connection
                .prepare_cached(
                    "SELECT id, our_role, created, updated, document FROM referral ORDER BY updated DESC, id DESC LIMIT ?1",
                )
                .and_then(|mut query| query.query_map([limit], raw)?.collect())
                .map_err(store_error)?;
            list.into_iter().map(|raw| self.complete(connection, raw)).collect()
        })
    }

    fn link_referral(&self, id: &str, identifier: &Identifier, now: Millis) -> Result<()> {
        let (mac, sealed) = sealed_identifier(&self.vault, identifier)?;
        let (id, vault, node): (String, Arc<Vault>, String) = (id.to_owned(), self.vault.clone(), self.node.id.clone());
        self.writer.write(move |connection| {
            let exists: bool = connection
                .prepare_cached("SELECT EXISTS (SELECT 1 FROM referral WHERE id = ?1)")
                .and_then(|mut query| query.query_row([&id], |row| row.get(0)))
                .map_err(store_error)?;
            if !exists {
                return Err(Error::new(EREF_NOT_FOUND, "there is no such referral"));
            }
            match by_mac(connection, &mac)? {
                Some(other) if other != id => return Err(Error::new(EREF_KEY_REUSED, "another referral carries this identifier")),
                Some(_) => return Ok(()),
                None => {}
            }
            connection
                .prepare_cached("INSERT INTO referral_identifier (mac, referral_id, identifier) VALUES (?1, ?2, ?3)")
                .and_then(|mut insert| insert.execute(params![mac, id, sealed]))
                .map_err(store_error)?;
            audit::append(connection, &vault, &node, now, &json!({"what": "referral linked", "referral_id": id}))
        })
    }
}
