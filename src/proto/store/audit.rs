//! What passes between the rules and a store about the audit trail.

use super::Millis;

/// Something refused that belongs into the audit trail. The texts are ours, and few: the same refusal is counted, not repeated.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// `login refused` or `message refused`.
    pub what: &'static str,
    /// Who it was, if that is known.
    pub partner: Option<String>,
    /// Why.
    pub reason: String,
    /// The network address it came from (sealed).
    pub address: Option<String>,
}

/// An access to a chart by an app (smart.md 19: who, client, patient, when, outcome).
#[derive(Clone, Debug)]
pub struct Access {
    /// Who.
    pub by: Accessor,
    /// `read`, `search`, `create` …
    pub what: &'static str,
    /// The resource type.
    pub resource_type: String,
    /// The HTTP status it was answered with.
    pub status: u16,
}

/// Who accesses a chart, and whose. Sealed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Accessor {
    /// Our id of the grant.
    pub grant_id: String,
    /// Our id of the launch; none for a backend service.
    pub launch_id: Option<String>,
    /// The partner whose app it is.
    pub partner: String,
    /// The client.
    pub client_id: String,
    /// The host's id of the user.
    pub user: Option<String>,
    /// Logical id of the patient.
    pub patient: Option<String>,
}

/// An entry of the audit trail.
#[derive(Clone, Debug)]
pub struct AuditEntry {
    /// Whose chain it stands in: our id of the engine that wrote it.
    pub node_id: String,
    /// Its number in the chain, from 1.
    pub seq: i64,
    /// When it was written.
    pub at: Millis,
    /// Its hash, which the next entry takes up.
    pub hash: Vec<u8>,
    /// What happened: a JSON object with `what`.
    pub content: String,
}

/// The end of a chain, or an entry that was its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditHead {
    /// Our id of the engine that wrote the chain.
    pub node_id: String,
    /// The number of its last entry.
    pub seq: i64,
    /// The hash of that.
    pub hash: Vec<u8>,
}

impl AuditHead {
    /// A hash as text.
    pub fn hex(hash: &[u8]) -> String {
        hash.iter().map(|byte| format!("{byte:02x}")).collect()
    }
    /// As one line, to be noted outside the store.
    pub fn line(&self) -> String {
        format!("{} {} {}", self.node_id, self.seq, Self::hex(&self.hash))
    }
    /// The inverse of `line`.
    pub fn parse(line: &str) -> Option<Self> {
        let mut parts = line.split_ascii_whitespace();
        let (node_id, seq, hash) = (parts.next()?.to_owned(), parts.next()?.parse().ok()?, parts.next()?);
        let byte = |at: usize| hash.get(at..at + 2).and_then(|two| u8::from_str_radix(two, 16).ok());
        let hash = (0..hash.len()).step_by(2).map(byte).collect::<Option<Vec<u8>>>()?;
        parts.next().is_none().then_some(Self { node_id, seq, hash })
    }
}

/// What the verification of the audit trail found.
#[derive(Clone, Debug, Default)]
pub struct AuditReport {
    /// Entries looked at.
    pub entries: u64,
    /// Chains they stand in.
    pub chains: u64,
    /// Problems found.
    pub wrong: u64,
    /// The first hundred of them, in words.
    pub problems: Vec<String>,
}
