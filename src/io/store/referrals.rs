//! Referrals: found by any of their identifiers, each identifier by its keyed hash.

use rusqlite::{Connection, OptionalExtension, Row, params};
use serde_json::json;

use crate::error::Result;
use crate::io::store::referral_write::{link, merge, settle};
use crate::io::store::sqlite::{Sqlite, store_error};
use crate::io::store::vault::Vault;
use crate::proto::store::{
    Candidate, HistoryRecord, Identifier, Link, Merge, Millis, ReferralFilter, ReferralKeys, ReferralRecord, ReferralRole,
    Referrals, Relation, Trace, normalised,
};

/// Candidates named for one unlinked referral.
const MOST_CANDIDATES: u32 = 20;

pub(super) type Mac = [u8; 32];

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(super) fn identifier_mac(vault: &Vault, identifier: &Identifier) -> Mac {
    vault.lookup("identifier", normalised(&identifier.system, &identifier.value).as_bytes())
}

pub(super) fn sealed_identifier(vault: &Vault, identifier: &Identifier) -> Result<(Mac, Vec<u8>)> {
    let mac = identifier_mac(vault, identifier);
    let text = json!([identifier.system, identifier.value]).to_string();
    // The hash is the row's key, so it is what the seal is bound to.
    Ok((mac, vault.seal("referral_identifier.identifier", &hex(&mac), text.as_bytes())?))
}

/// An identifier as one partner uses it.
pub(super) fn claim_mac(vault: &Vault, partner: &str, identifier: &Identifier) -> Mac {
    vault.lookup("claim", format!("{partner}\n{}", normalised(&identifier.system, &identifier.value)).as_bytes())
}

pub(super) fn communication_mac(vault: &Vault, identifier: &Identifier) -> Mac {
    vault.lookup("communication", normalised(&identifier.system, &identifier.value).as_bytes())
}

pub(super) fn requisition_mac(vault: &Vault, identifier: &Identifier) -> Mac {
    vault.lookup("requisition", normalised(&identifier.system, &identifier.value).as_bytes())
}

pub(super) fn health_number_mac(vault: &Vault, number: &str) -> Mac {
    let digits: String = number.chars().filter(|c| c.is_ascii_alphanumeric()).collect();
    vault.lookup("health-number", digits.to_ascii_uppercase().as_bytes())
}

/// The hashes of what leads to a referral, made before the writer is asked for.
pub(super) struct Keys {
    partner: String,
    outgoing: bool,
    identifiers: Vec<Mac>,
    /// The identifiers as the partner's own claims.
    told: Vec<Mac>,
    /// Hashes of identifiers, and of claims.
    claims: Vec<Mac>,
    claim_keys: Vec<Mac>,
    answers: Option<Mac>,
    replies: Vec<Mac>,
}

impl Keys {
    pub(super) fn new(vault: &Vault, keys: &ReferralKeys) -> Self {
        Self {
            partner: keys.partner.clone(),
            outgoing: keys.outgoing,
            told: keys.identifiers.iter().map(|one| claim_mac(vault, &keys.partner, one)).collect(),
            identifiers: keys.identifiers.iter().map(|one| identifier_mac(vault, one)).collect(),
            claims: keys.claims.iter().map(|one| identifier_mac(vault, one)).collect(),
            claim_keys: keys.claims.iter().map(|one| claim_mac(vault, &keys.partner, one)).collect(),
            answers: keys.answers.as_ref().map(|id| vault.lookup("message-id", id.as_bytes())),
            replies: keys.replies.iter().map(|one| communication_mac(vault, one)).collect(),
        }
    }

    /// The referrals they lead to, with their versions, in the order of messaging.md 10.5. What is not an identifier of the referral
    /// itself leads only to referrals that the partner is a party to.
    pub(super) fn find(&self, connection: &Connection) -> Result<Vec<(String, u64)>> {
        let mut found = Vec::new();
        for mac in &self.identifiers {
            found.extend(by_mac(connection, mac)?);
        }
        if !self.outgoing {
            found = self.open_to_partner(connection, found)?;
        }
        if found.is_empty() {
            for mac in &self.claims {
                found.extend(by_mac(connection, mac)?);
            }
            for mac in self.claim_keys.iter().chain(&self.replies) {
                found.extend(by_key(connection, mac).map_err(store_error)?);
            }
            if let Some(mac) = &self.answers {
                found.extend(by_message(connection, &self.partner, mac).map_err(store_error)?);
            }
            found = self.of_partner(connection, found)?;
        }
        let mut versions: Vec<(String, u64)> = Vec::new();
        for id in found {
            if !versions.iter().any(|(known, _)| *known == id) {
                let version = version(connection, &id)?.unwrap_or_default();
                versions.push((id, version));
            }
        }
        Ok(versions)
    }

    /// Those of the referrals that the partner is a party to.
    fn of_partner(&self, connection: &Connection, found: Vec<String>) -> Result<Vec<String>> {
        let mut own = Vec::new();
        for id in found {
            if is_party(connection, &id, &self.partner).map_err(store_error)? {
                own.push(id);
            }
        }
        Ok(own)
    }

    /// What identifiers lead to when the partner names them, see [`ReferralKeys::identifiers`].
    fn open_to_partner(&self, connection: &Connection, found: Vec<String>) -> Result<Vec<String>> {
        if !self.of_partner(connection, found.clone())?.is_empty() {
            return Ok(found);
        }
        let mut told = Vec::new();
        for mac in &self.told {
            told.extend(by_key(connection, mac).map_err(store_error)?);
        }
        let told = self.of_partner(connection, told)?;
        if !told.is_empty() {
            return Ok(told);
        }
        let mut open = Vec::new();
        for id in found {
            if !is_unlinked(connection, &id).map_err(store_error)? {
                open.push(id);
            }
        }
        Ok(open)
    }

    /// Unlinked referrals that carry one of the identifiers and are not among those found.
    fn disputed(&self, connection: &Connection, found: &[ReferralRecord]) -> Result<Vec<String>> {
        let mut disputed = Vec::new();
        for mac in &self.identifiers {
            if let Some(id) = by_mac(connection, mac)?
                && found.iter().all(|record| record.id != id)
                && !disputed.contains(&id)
                && is_unlinked(connection, &id).map_err(store_error)?
            {
                disputed.push(id);
            }
        }
        Ok(disputed)
    }
}

pub(super) fn by_mac(connection: &Connection, mac: &Mac) -> Result<Option<String>> {
    connection
        .prepare_cached("SELECT referral_id FROM referral_identifier WHERE mac = ?1")
        .and_then(|mut query| query.query_row([mac], |row| row.get(0)).optional())
        .map_err(store_error)
}

fn by_key(connection: &Connection, mac: &Mac) -> rusqlite::Result<Vec<String>> {
    connection
        .prepare_cached(
            "SELECT k.referral_id FROM referral_key k JOIN referral r ON r.id = k.referral_id WHERE mac = ?1 ORDER BY created",
        )?
        .query_map([mac], |row| row.get(0))?
        .collect()
}

fn by_message(connection: &Connection, partner: &str, mac: &Mac) -> rusqlite::Result<Option<String>> {
    connection
        .prepare_cached(
            "SELECT referral_id FROM outbox WHERE partner = ?1 AND message_mac = ?2 AND referral_id IS NOT NULL LIMIT 1",
        )?
        .query_row(params![partner, mac], |row| row.get(0))
        .optional()
}

/// A message touches only referrals its partner is a party to (architecture: identity of a message).
fn is_party(connection: &Connection, referral_id: &str, partner: &str) -> rusqlite::Result<bool> {
    connection
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM referral_party WHERE referral_id = ?1 AND partner = ?2)")?
        .query_row([referral_id, partner], |row| row.get(0))
}

fn is_unlinked(connection: &Connection, referral_id: &str) -> rusqlite::Result<bool> {
    connection
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM referral WHERE id = ?1 AND unlinked = 1)")?
        .query_row([referral_id], |row| row.get(0))
}

pub(super) fn version(connection: &Connection, id: &str) -> Result<Option<u64>> {
    connection
        .prepare_cached("SELECT version FROM referral WHERE id = ?1 AND merged_into IS NULL")
        .and_then(|mut query| query.query_row([id], |row| row.get(0)).optional())
        .map_err(store_error)
}

const COLUMNS: &str = "id, version, our_role, unlinked, launch_id, created, updated, state, document";

struct Raw {
    record: ReferralRecord,
    state: Vec<u8>,
    document: Vec<u8>,
}

fn role(row: &Row, column: usize) -> rusqlite::Result<ReferralRole> {
    // A word that is not ours was written by a newer library; the least there is.
    row.get::<_, String>(column).map(|word| ReferralRole::parse(&word).unwrap_or(ReferralRole::Copy))
}

fn raw(row: &Row) -> rusqlite::Result<Raw> {
    let record = ReferralRecord {
        id: row.get(0)?,
        version: row.get(1)?,
        our_role: role(row, 2)?,
        unlinked: row.get(3)?,
        launch_id: row.get(4)?,
        identifiers: Vec::new(),
        parties: Vec::new(),
        links: Vec::new(),
        state: Default::default(),
        document: String::new(),
        created: row.get(5)?,
        updated: row.get(6)?,
    };
    Ok(Raw { record, state: row.get(7)?, document: row.get(8)? })
}

fn parties(connection: &Connection, id: &str) -> rusqlite::Result<Vec<(String, ReferralRole)>> {
    connection
        .prepare_cached("SELECT partner, role FROM referral_party WHERE referral_id = ?1 ORDER BY partner")?
        .query_map([id], |row| Ok((row.get(0)?, role(row, 1)?)))?
        .collect()
}

fn links(connection: &Connection, id: &str) -> rusqlite::Result<Vec<Link>> {
    let link = |row: &Row| {
        let relation = Relation::parse(&row.get::<_, String>(2)?).unwrap_or(Relation::Chained);
        Ok(Link { parent: row.get(0)?, child: row.get(1)?, relation })
    };
    connection
        .prepare_cached("SELECT parent, child, relation FROM referral_link WHERE parent = ?1 OR child = ?1 ORDER BY parent, child")?
        .query_map([id], link)?
        .collect()
}

fn candidates(connection: &Connection, patient: &Mac, besides: &str) -> rusqlite::Result<Vec<Candidate>> {
    let mut referrals = connection.prepare_cached(
        "SELECT id FROM referral WHERE patient_mac = ?1 AND unlinked = 0 AND merged_into IS NULL AND id <> ?2 ORDER BY updated DESC LIMIT ?3",
    )?;
    let mut found = Vec::new();
    for referral in referrals.query_map(params![patient, besides, MOST_CANDIDATES], |row| row.get(0).map(Candidate::Referral))? {
        found.push(referral?);
    }
    let mut launches = connection
        .prepare_cached("SELECT id FROM launch WHERE patient_mac = ?1 AND referral_id IS NULL ORDER BY created DESC LIMIT ?2")?;
    for launch in launches.query_map(params![patient, MOST_CANDIDATES], |row| row.get(0).map(Candidate::Launch))? {
        found.push(launch?);
    }
    Ok(found)
}

impl Sqlite {
    fn complete(&self, connection: &Connection, raw: Raw) -> Result<ReferralRecord> {
        let Raw { mut record, state, document } = raw;
        let state = self.vault.open_sealed("referral.state", &record.id, &state)?;
        record.state = serde_json::from_slice(&state).unwrap_or_default();
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
        record.parties = parties(connection, &record.id).map_err(store_error)?;
        record.links = links(connection, &record.id).map_err(store_error)?;
        Ok(record)
    }

    fn one_referral(&self, connection: &Connection, id: &str) -> Result<Option<ReferralRecord>> {
        let found = connection
            .prepare_cached(&format!(
                "SELECT {COLUMNS} FROM referral WHERE id = coalesce((SELECT merged_into FROM referral WHERE id = ?1), ?1)"
            ))
            .and_then(|mut query| query.query_row([id], raw).optional())
            .map_err(store_error)?;
        found.map(|raw| self.complete(connection, raw)).transpose()
    }

    fn all(&self, connection: &Connection, ids: impl IntoIterator<Item = String>) -> Result<Vec<ReferralRecord>> {
        let mut records = Vec::new();
        for id in ids {
            records.extend(self.one_referral(connection, &id)?);
        }
        Ok(records)
    }

    fn read_history(&self, id: &str, subject: Option<&str>, limit: u32) -> Result<Vec<HistoryRecord>> {
        let record = |row: &Row| {
            let record = HistoryRecord {
                at: row.get(0)?,
                incoming: row.get(1)?,
                partner: row.get(2)?,
                event: row.get(3)?,
                subject: row.get(4)?,
                document: String::new(),
            };
            Ok((record, row.get::<_, Vec<u8>>(5)?))
        };
        let sealed: Vec<(HistoryRecord, Vec<u8>)> = self.read(|connection| {
            connection
                .prepare_cached(
                    "SELECT at, incoming, partner, event, subject, document FROM history
                     WHERE referral_id = coalesce((SELECT merged_into FROM referral WHERE id = ?1), ?1) AND (?2 IS NULL OR subject = ?2)
                     ORDER BY seq DESC LIMIT ?3",
                )
                .and_then(|mut query| query.query_map(params![id, subject, limit], record)?.collect())
                .map_err(store_error)
        })?;
        let open = |(mut record, document): (HistoryRecord, Vec<u8>)| {
            let document = self.vault.open_sealed("history.document", &record.subject, &document)?;
            record.document = String::from_utf8_lossy(&document).into_owned();
            Ok(record)
        };
        sealed.into_iter().map(open).collect()
    }

    fn launch_of(&self, connection: &Connection, keys: &ReferralKeys) -> Result<Option<String>> {
        for value in &keys.launches {
            let mac = self.vault.lookup("correlation", value.as_bytes());
            let found = connection
                .prepare_cached("SELECT id FROM launch WHERE correlation_mac = ?1 AND partner = ?2 AND referral_id IS NULL")
                .and_then(|mut query| query.query_row(params![mac, keys.partner], |row| row.get(0)).optional())
                .map_err(store_error)?;
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }
}

impl Referrals for Sqlite {
    fn trace(&self, keys: &ReferralKeys) -> Result<Trace> {
        let hashed = Keys::new(&self.vault, keys);
        self.read(|connection| {
            let found = self.all(connection, hashed.find(connection)?.into_iter().map(|(id, _)| id))?;
            let mut trace = Trace { found, ..Trace::default() };
            for identifier in &keys.parents {
                if let Some(id) = by_mac(connection, &identifier_mac(&self.vault, identifier))? {
                    trace.parents.extend(self.one_referral(connection, &id)?.map(|parent| (identifier.clone(), parent)));
                }
            }
            if let Some(requisition) = &keys.requisition {
                let ids = by_key(connection, &requisition_mac(&self.vault, requisition)).map_err(store_error)?;
                trace.requisition = self.all(connection, ids.into_iter().take(1))?.pop();
            }
            trace.launch_id = self.launch_of(connection, keys)?;
            if let (true, Some(number)) = (trace.found.iter().all(|record| record.unlinked), &keys.health_number) {
                let own = trace.found.first().map_or("", |record| record.id.as_str());
                trace.candidates = candidates(connection, &health_number_mac(&self.vault, number), own).map_err(store_error)?;
            }
            trace.disputed = hashed.disputed(connection, &trace.found)?;
            Ok(trace)
        })
    }

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

    fn referrals(&self, filter: &ReferralFilter, limit: u32) -> Result<Vec<ReferralRecord>> {
        self.read(|connection| {
            let list: Vec<Raw> = connection
                .prepare_cached(&format!(
                    "SELECT {COLUMNS} FROM referral WHERE merged_into IS NULL AND (?1 IS NULL OR unlinked = ?1)
                     AND (?2 IS NULL OR updated >= ?2)
                     AND (?3 IS NULL OR id IN (SELECT referral_id FROM referral_party WHERE partner = ?3))
                     ORDER BY updated DESC, id DESC LIMIT ?4"
                ))
                .and_then(|mut query| {
                    query.query_map(params![filter.unlinked, filter.changed_since, filter.partner, limit], raw)?.collect()
                })
                .map_err(store_error)?;
            list.into_iter().map(|raw| self.complete(connection, raw)).collect()
        })
    }

    fn candidates(&self, id: &str) -> Result<Vec<Candidate>> {
        self.read(|connection| {
            let patient: Option<Option<Mac>> = connection
                .prepare_cached("SELECT patient_mac FROM referral WHERE id = ?1 AND unlinked = 1 AND merged_into IS NULL")
                .and_then(|mut query| query.query_row([id], |row| row.get(0)).optional())
                .map_err(store_error)?;
            patient.flatten().map_or(Ok(Vec::new()), |mac| candidates(connection, &mac, id).map_err(store_error))
        })
    }

    fn history(&self, id: &str, limit: u32) -> Result<Vec<HistoryRecord>> {
        self.read_history(id, None, limit)
    }

    fn history_of(&self, id: &str, subject: &str) -> Result<Option<HistoryRecord>> {
        self.read_history(id, Some(subject), 1).map(|mut found| found.pop())
    }

    fn link_referral(&self, id: &str, identifier: &Identifier, now: Millis) -> Result<()> {
        link(self, id, identifier, now)
    }

    fn merge_referral(&self, change: &Merge, now: Millis) -> Result<bool> {
        merge(self, change, now)
    }

    fn settle_referral(&self, referral: &(String, u64), launch_id: Option<&str>, now: Millis) -> Result<bool> {
        settle(self, referral, launch_id, now)
    }
}
