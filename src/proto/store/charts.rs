//! What apps write to charts: each write is a version of a resource, and the host decides about it.

use std::sync::Arc;

use super::SecretHash;

/// A version of a resource, written by an app.
#[derive(Clone, Debug)]
pub struct WriteBack {
    /// Our id of this write; the WRITE event's subject.
    pub id: String,
    /// The access token it is written with, which must still be good.
    pub token: SecretHash,
    /// The launch under which it is written.
    pub launch_id: String,
    /// The partner that writes.
    pub partner: String,
    /// The resource type.
    pub resource_type: String,
    /// The logical id of the resource.
    pub resource_id: String,
    /// The version it becomes: 1 creates the resource, a later one is an update.
    pub version: u32,
    /// The resource as JSON.
    pub body: Arc<Vec<u8>>,
    /// What must not have changed since the rules looked.
    pub seen: Seen,
    /// The most that may be written under this launch, in bytes.
    pub launch_bytes: u64,
    /// The WRITE event's document: an object that its `resource` is added to when it is handed out.
    pub event_document: String,
}

/// What the rules of a write looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// Nothing: a new resource, come what may.
    Nothing,
    /// The launch's chart, as of [`super::Charts::chart_mark`].
    Chart(i64),
    /// The newest version of the resource.
    Newest(u32),
}

/// What the host made of a write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It has not decided.
    Open,
    /// It took the resource.
    Accepted,
    /// It refused it, in these words.
    Refused(String),
}

/// A version of a resource in a chart.
#[derive(Clone, Debug)]
pub struct ChartVersion {
    /// Its number.
    pub version: u32,
    /// The resource as JSON; empty when it was refused.
    pub json: String,
    /// Whether the host pushed it, or an app wrote it.
    pub written: bool,
    /// What the host made of it; what it pushed itself is accepted.
    pub decision: Decision,
}
