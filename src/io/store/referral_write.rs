//! What changes a referral. Everything is sealed and hashed before the writer is asked for; the transaction only compares and writes.

use rusqlite::{Connection, OptionalExtension, params};
use serde_json::json;

use crate::error::{EREF_INVALID_JSON, EREF_KEY_REUSED, EREF_NOT_FOUND, Error, Result};
use crate::io::store::audit;
use crate::io::store::referrals::{
    Keys, Mac, by_mac, claim_mac, communication_mac, health_number_mac, requisition_mac, sealed_identifier, version,
};
use crate::io::store::sqlite::{Sqlite, store_error};
use crate::io::store::vault::Vault;
use crate::proto::store::{Identifier, Link, Merge, Millis, NewRole, ReferralState, ReferralUpdate};

/// An update ready for its rows.
pub(super) struct SealedUpdate {
    pub id: String,
    partner: String,
    keys: Keys,
    found: Vec<(String, u64)>,
    our_role: &'static str,
    parties: Vec<(String, &'static str)>,
    roles: Vec<NewRole>,
    unlinked: bool,
    launch_id: Option<String>,
    identifiers: Vec<(Mac, Vec<u8>)>,
    lookups: Vec<Mac>,
    patient: Option<Mac>,
    links: Vec<Link>,
    state: Vec<u8>,
    document: Vec<u8>,
    history: Vec<u8>,
}

/// A message of the history: what stands in clear.
pub(super) struct Entry<'a> {
    pub incoming: bool,
    pub event: &'a str,
    pub subject: &'a str,
    pub now: Millis,
}

fn sealed_state(vault: &Vault, id: &str, state: &ReferralState) -> Result<Vec<u8>> {
    let text = serde_json::to_vec(state).map_err(|error| Error::new(EREF_INVALID_JSON, error.to_string()))?;
    vault.seal("referral.state", id, &text)
}

impl SealedUpdate {
    /// `subject` is the id of the reception or delivery.
    pub(super) fn new(vault: &Vault, update: &ReferralUpdate, subject: &str) -> Result<Self> {
        let partner = &update.keys.partner;
        let lookups = update.claims.iter().map(|one| claim_mac(vault, partner, one));
        let lookups = lookups.chain(update.communications.iter().map(|one| communication_mac(vault, one)));
        let lookups = lookups.chain(update.keys.requisition.iter().map(|one| requisition_mac(vault, one)));
        Ok(Self {
            id: update.id.clone(),
            partner: partner.clone(),
            keys: Keys::new(vault, &update.keys),
            found: update.found.clone(),
            our_role: update.our_role.as_str(),
            parties: update.parties.iter().map(|(name, role)| (name.clone(), role.as_str())).collect(),
            roles: update.roles.clone(),
            unlinked: update.unlinked,
            launch_id: update.launch_id.clone(),
            identifiers: update.identifiers.iter().map(|one| sealed_identifier(vault, one)).collect::<Result<_>>()?,
            lookups: lookups.collect(),
            patient: update.keys.health_number.as_deref().map(|number| health_number_mac(vault, number)),
            links: update.links.clone(),
            state: sealed_state(vault, &update.id, &update.state)?,
            document: vault.seal("referral.document", &update.id, update.document.as_bytes())?,
            history: vault.seal("history.document", subject, update.history.as_bytes())?,
        })
    }

    /// Makes the referral, or brings it up to date; identifiers are added; only from an
    /// unlinked one they move. False, with nothing written, when what the update
    /// was made from is not as it was.
    pub(super) fn apply(&self, connection: &Connection, entry: &Entry) -> Result<bool> {
        if self.keys.find(connection)? != self.found {
            return Ok(false);
        }
        for NewRole { referral, .. } in &self.roles {
            if version(connection, &referral.0)? != Some(referral.1) {
                return Ok(false);
            }
        }
        if let Some(launch_id) = &self.launch_id
            && !take_launch(connection, launch_id, &self.id).map_err(store_error)?
        {
            return Ok(false);
        }
        self.write(connection, entry).map(|()| true).map_err(store_error)
    }

    fn write(&self, connection: &Connection, entry: &Entry) -> rusqlite::Result<()> {
        connection
            .prepare_cached(
                "INSERT INTO referral (id, version, our_role, unlinked, launch_id, patient_mac, created, updated, state, document)
                 VALUES (?1, 1, ?2, ?3, ?4, ?5, ?6, ?6, ?7, ?8)
                 ON CONFLICT (id) DO UPDATE SET version = version + 1, our_role = excluded.our_role, unlinked = excluded.unlinked,
                 launch_id = coalesce(launch_id, excluded.launch_id), patient_mac = coalesce(excluded.patient_mac, patient_mac),
                 updated = excluded.updated, state = excluded.state, document = excluded.document",
            )?
            .execute(params![
                self.id,
                self.our_role,
                self.unlinked,
                self.launch_id,
                self.patient,
                entry.now,
                self.state,
                self.document
            ])?;
        let mut party = connection.prepare_cached(PARTY)?;
        for (partner, role) in &self.parties {
            party.execute(params![self.id, partner, role])?;
        }
        // An unlinked referral may be anybody's word for it: it gives a number up to one that is not (messaging.md 3.3).
        let mut own = connection.prepare_cached(
            "INSERT INTO referral_identifier (mac, referral_id, identifier) VALUES (?1, ?2, ?3) ON CONFLICT (mac) DO UPDATE
             SET referral_id = excluded.referral_id, identifier = excluded.identifier
             WHERE ?4 = 0 AND referral_id <> ?2 AND EXISTS (SELECT 1 FROM referral WHERE id = referral_identifier.referral_id AND unlinked = 1)",
        )?;
        for (mac, sealed) in &self.identifiers {
            own.execute(params![mac, self.id, sealed, self.unlinked])?;
        }
        let mut key = connection.prepare_cached("INSERT OR IGNORE INTO referral_key (mac, referral_id) VALUES (?1, ?2)")?;
        for mac in &self.lookups {
            key.execute(params![mac, self.id])?;
        }
        self.write_elsewhere(connection, entry.now)?;
        connection
            .prepare_cached(
                "INSERT INTO history (referral_id, at, incoming, partner, event, subject, document) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            )?
            .execute(params![self.id, entry.now, entry.incoming, self.partner, entry.event, entry.subject, self.history])?;
        Ok(())
    }

    /// Links, and roles in other referrals.
    fn write_elsewhere(&self, connection: &Connection, now: Millis) -> rusqlite::Result<()> {
        for link in &self.links {
            let fresh = connection
                .prepare_cached("INSERT OR IGNORE INTO referral_link (parent, child, relation) VALUES (?1, ?2, ?3)")?
                .execute(params![link.parent, link.child, link.relation.as_str()])?;
            let other = if link.parent == self.id { &link.child } else { &link.parent };
            if fresh > 0 {
                touch(connection, other, now)?;
            }
        }
        for NewRole { referral, partner, role } in &self.roles {
            match partner {
                Some(partner) => connection.prepare_cached(PARTY)?.execute(params![referral.0, partner, role.as_str()])?,
                None => connection
                    .prepare_cached("UPDATE referral SET our_role = ?2 WHERE id = ?1")?
                    .execute(params![referral.0, role.as_str()])?,
            };
            touch(connection, &referral.0, now)?;
        }
        Ok(())
    }
}

const PARTY: &str = "INSERT INTO referral_party (referral_id, partner, role) VALUES (?1, ?2, ?3)
    ON CONFLICT (referral_id, partner) DO UPDATE SET role = excluded.role";

fn touch(connection: &Connection, id: &str, now: Millis) -> rusqlite::Result<()> {
    connection
        .prepare_cached("UPDATE referral SET version = version + 1, updated = ?2 WHERE id = ?1")?
        .execute(params![id, now])
        .map(|_| ())
}

/// The correlation id of a launch counts once (messaging.md 14).
fn take_launch(connection: &Connection, launch_id: &str, referral_id: &str) -> rusqlite::Result<bool> {
    let taken = connection
        .prepare_cached("UPDATE launch SET referral_id = ?2 WHERE id = ?1 AND referral_id IS NULL")?
        .execute([launch_id, referral_id])?;
    Ok(taken == 1)
}

pub(super) fn link(store: &Sqlite, id: &str, identifier: &Identifier, now: Millis) -> Result<()> {
    let (mac, sealed) = sealed_identifier(&store.vault, identifier)?;
    let (id, vault, node) = (id.to_owned(), store.vault.clone(), store.node.id.clone());
    store.writer.write(move |connection| {
        let id: Option<String> = connection
            .prepare_cached("SELECT coalesce(merged_into, id) FROM referral WHERE id = ?1")
            .and_then(|mut query| query.query_row([&id], |row| row.get(0)).optional())
            .map_err(store_error)?;
        let id = id.ok_or_else(|| Error::new(EREF_NOT_FOUND, "there is no such referral"))?;
        match by_mac(connection, &mac)? {
            Some(other) if other != id => return Err(Error::new(EREF_KEY_REUSED, "another referral carries this identifier")),
            Some(_) => return Ok(()),
            None => {}
        }
        connection
            .prepare_cached("INSERT INTO referral_identifier (mac, referral_id, identifier) VALUES (?1, ?2, ?3)")
            .and_then(|mut insert| insert.execute(params![mac, id, sealed]))
            .and_then(|_| touch(connection, &id, now))
            .map_err(store_error)?;
        audit::append(connection, &vault, &node, now, &json!({"what": "referral linked", "referral_id": id}))
    })
}

/// What moves from one referral to another, `?1` to `?2`. Where both have a row, the other's stays.
const MOVES: [&str; 10] = [
    "UPDATE referral_identifier SET referral_id = ?2 WHERE referral_id = ?1",
    "UPDATE OR IGNORE referral_key SET referral_id = ?2 WHERE referral_id = ?1",
    "UPDATE OR IGNORE referral_party SET referral_id = ?2 WHERE referral_id = ?1",
    "UPDATE OR IGNORE referral_link SET parent = ?2 WHERE parent = ?1",
    "UPDATE OR IGNORE referral_link SET child = ?2 WHERE child = ?1",
    "UPDATE history SET referral_id = ?2 WHERE referral_id = ?1",
    "UPDATE inbox SET referral_id = ?2 WHERE referral_id = ?1",
    "UPDATE event SET referral_id = ?2, lane = ?2 WHERE referral_id = ?1",
    "UPDATE outbox SET referral_id = ?2, lane = ?2 WHERE referral_id = ?1",
    "UPDATE referral SET merged_into = ?2 WHERE id = ?1 OR merged_into = ?1",
];

/// What is left behind then, of `?1`.
const REMAINS: [&str; 3] = [
    "DELETE FROM referral_key WHERE referral_id = ?1",
    "DELETE FROM referral_party WHERE referral_id = ?1",
    "DELETE FROM referral_link WHERE parent = ?1 OR child = ?1 OR parent = child",
];

pub(super) fn merge(store: &Sqlite, change: &Merge, now: Millis) -> Result<bool> {
    let (vault, node, change) = (store.vault.clone(), store.node.id.clone(), change.clone());
    let state = sealed_state(&vault, &change.into.0, &change.state)?;
    let document = vault.seal("referral.document", &change.into.0, change.document.as_bytes())?;
    store.writer.write(move |connection| {
        for (id, known) in [&change.unlinked, &change.into] {
            if version(connection, id)? != Some(*known) {
                return Ok(false);
            }
        }
        let (from, into) = (&change.unlinked.0, &change.into.0);
        let write = || {
            for statement in MOVES {
                connection.prepare_cached(statement)?.execute([from, into])?;
            }
            for statement in REMAINS {
                connection.prepare_cached(statement)?.execute([from])?;
            }
            connection
                .prepare_cached(
                    "UPDATE referral SET state = zeroblob(0), document = zeroblob(0), patient_mac = NULL WHERE id = ?1",
                )?
                .execute([from])?;
            connection
                .prepare_cached("UPDATE referral SET version = version + 1, updated = ?2, state = ?3, document = ?4 WHERE id = ?1")?
                .execute(params![into, now, state, document])
        };
        write().map_err(store_error)?;
        let entry = json!({"what": "referral merged", "referral_id": into, "merged": from});
        audit::append(connection, &vault, &node, now, &entry)?;
        Ok(true)
    })
}

pub(super) fn settle(store: &Sqlite, referral: &(String, u64), launch_id: Option<&str>, now: Millis) -> Result<bool> {
    let (vault, node) = (store.vault.clone(), store.node.id.clone());
    let (referral, launch_id) = (referral.clone(), launch_id.map(str::to_owned));
    store.writer.write(move |connection| {
        let (id, known) = &referral;
        if version(connection, id)? != Some(*known) {
            return Ok(false);
        }
        if let Some(launch_id) = &launch_id
            && !take_launch(connection, launch_id, id).map_err(store_error)?
        {
            return Ok(false);
        }
        connection
            .prepare_cached("UPDATE referral SET unlinked = 0, launch_id = coalesce(?2, launch_id) WHERE id = ?1")
            .and_then(|mut update| update.execute(params![id, launch_id]))
            .and_then(|_| touch(connection, id, now))
            .map_err(store_error)?;
        audit::append(
            connection,
            &vault,
            &node,
            now,
            &json!({"what": "referral settled", "referral_id": id, "launch_id": launch_id}),
        )?;
        Ok(true)
    })
}
