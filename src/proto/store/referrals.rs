//! Referrals as they pass between the rules and a store.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Millis;

/// A business identifier as it stands in a resource. Sealed; looked up by keyed hash of the normalised pair.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identifier {
    /// The naming system, as received.
    pub system: String,
    /// The value, as received.
    pub value: String,
}

/// System and value in the form in which identifiers are compared: surrounding blanks dropped; in the system, scheme and host in lower
/// case, https taken as http, trailing slashes dropped (architecture: store).
pub fn normalised(system: &str, value: &str) -> String {
    let system = system.trim().trim_end_matches('/');
    let system = match system.split_once(':') {
        Some((scheme, rest)) => {
            let scheme = scheme.to_ascii_lowercase();
            let scheme = if scheme == "https" { "http" } else { &scheme };
            // The host of a URL, or the name space of a URN, is what follows up to the next separator.
            let (slashes, rest) = rest.strip_prefix("//").map_or(("", rest), |rest| ("//", rest));
            let mark: &[char] = if slashes.is_empty() { &[':'] } else { &['/', '?', '#'] };
            let (host, path) = rest.split_at(rest.find(mark).unwrap_or(rest.len()));
            format!("{scheme}:{slashes}{}{path}", host.to_ascii_lowercase())
        }
        None => system.to_owned(),
    };
    // The separator must not come from the system itself.
    format!("{}|{}", system.replace('|', "%7C"), value.trim())
}

/// The side we, or a partner, take in one referral (messaging.md 2, 3.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReferralRole {
    /// RMS Source: the requester's side.
    Source,
    /// RMS Target: the performer's side, as long as the referral is with it.
    Target,
    /// Was Target until it forwarded the referral.
    FormerTarget,
    /// Receives copies only.
    Copy,
    /// Tells of a referral that came out of another one, without being its source or target.
    Informer,
}

impl Identifier {
    /// Whether it is out of this naming system, however that is spelled.
    pub fn is_of(&self, system: &str) -> bool {
        normalised(&self.system, "") == normalised(system, "")
    }
}

impl ReferralRole {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Source, Self::Target, Self::FormerTarget, Self::Copy, Self::Informer];

    /// The word used in documents and in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Target => "target",
            Self::FormerTarget => "former-target",
            Self::Copy => "copy",
            Self::Informer => "informer",
        }
    }
    /// The inverse of `as_str`.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == text)
    }
}

/// How a referral came out of another (messaging.md 13).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    /// The same request, passed on.
    Routed,
    /// One of several that a request became.
    Split,
    /// Made from a request that was performed.
    Chained,
    /// Takes the place of the earlier one.
    Forwarded,
    /// A copy for a third party.
    Copy,
}

impl Relation {
    /// The word used in documents and in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Routed => "routed",
            Self::Split => "split",
            Self::Chained => "chained",
            Self::Forwarded => "forwarded",
            Self::Copy => "copy",
        }
    }
    /// The inverse of `as_str`.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Routed, Self::Split, Self::Chained, Self::Forwarded, Self::Copy].into_iter().find(|one| one.as_str() == text)
    }
}

/// Two referrals that belong together, by our ids.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// The original.
    pub parent: String,
    /// What came out of it.
    pub child: String,
    /// How.
    pub relation: Relation,
}

/// When something was said: by the resource's own word, and by the message's. Both as the sender's clock had it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said {
    /// `Task.lastModified` or `meta.lastUpdated`.
    pub resource: Option<Millis>,
    /// `Bundle.timestamp`.
    pub message: Option<Millis>,
}

/// A status with its time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// The FHIR code.
    pub code: String,
    /// When it was said.
    pub said: Said,
}

/// How far a referral has come (messaging.md 11).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReferralState {
    /// `ServiceRequest.status`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<Status>,
    /// `Task.status`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<Status>,
}

/// What a message leads to its referral by (messaging.md 10.5), in the order of precedence.
#[derive(Clone, Debug, Default)]
pub struct ReferralKeys {
    /// The partner the message comes from or goes to.
    pub partner: String,
    /// Whether it goes there.
    pub outgoing: bool,
    /// Identifiers that stand for one referral, whoever names them. An unlinked referral bars nobody: of what comes in they lead to it
    /// only for its parties; and where a referral is none of the sender's, to the one by which the sender itself told of the number.
    pub identifiers: Vec<Identifier>,
    /// Identifiers that lead only to referrals the partner is a party to: those without a system, and those of our own numbering that it
    /// gave to a referral by itself. Looked at when `identifiers` lead nowhere.
    pub claims: Vec<Identifier>,
    /// The `MessageHeader.id` of ours that this message answers.
    pub answers: Option<String>,
    /// The communications this message answers.
    pub replies: Vec<Identifier>,
    /// What the request is based on, replaces, or came out of: leads to the parents.
    pub parents: Vec<Identifier>,
    /// `ServiceRequest.requisition`, which the parts of a split referral share.
    pub requisition: Option<Identifier>,
    /// Values out of our own numbering that may be the correlation id of a launch.
    pub launches: Vec<String>,
    /// The patient's health number, for candidates.
    pub health_number: Option<String>,
}

/// Where keys lead.
#[derive(Clone, Debug, Default)]
pub struct Trace {
    /// The referrals, the one of the strongest key first.
    pub found: Vec<ReferralRecord>,
    /// Those that the keys `parents` lead to, with the key.
    pub parents: Vec<(Identifier, ReferralRecord)>,
    /// The oldest of the same requisition.
    pub requisition: Option<ReferralRecord>,
    /// The partner's launch whose correlation id the message carries, if no message came of it yet.
    pub launch_id: Option<String>,
    /// Where nothing was found, or what was found is unlinked: what the same patient has here.
    pub candidates: Vec<Candidate>,
    /// Unlinked referrals that somebody else told of under one of the identifiers, by our ids.
    pub disputed: Vec<String>,
}

/// What a message that belongs to no known referral may belong to: the patient has the same health number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Candidate {
    /// A referral, by our id.
    Referral(String),
    /// A launch, by our id.
    Launch(String),
}

impl Candidate {
    /// As documents show it: which of the two it is, with our id.
    pub fn document(&self) -> Value {
        match self {
            Self::Referral(id) => json!({"referral_id": id}),
            Self::Launch(id) => json!({"launch_id": id}),
        }
    }
}

/// The part somebody takes in a referral from now on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewRole {
    /// Our id of the referral, and the version it was looked at.
    pub referral: (String, u64),
    /// The partner; `None` for ourselves.
    pub partner: Option<String>,
    /// The role.
    pub role: ReferralRole,
}

/// What a message, in or out, makes of the referral it belongs to. Made from the referral as it was; a store that finds it changed since
/// refuses it, and it is made anew.
#[derive(Clone, Debug)]
pub struct ReferralUpdate {
    /// Our id of the referral, new or found.
    pub id: String,
    /// What led to it.
    pub keys: ReferralKeys,
    /// The referrals that the keys led to, with their versions; empty for a new one.
    pub found: Vec<(String, u64)>,
    /// Our role in it.
    pub our_role: ReferralRole,
    /// The parties whose role this message gives or changes.
    pub parties: Vec<(String, ReferralRole)>,
    /// Roles that change in other referrals.
    pub roles: Vec<NewRole>,
    /// Whether a person has yet to say where it belongs.
    pub unlinked: bool,
    /// The launch it came of.
    pub launch_id: Option<String>,
    /// Identifiers that are its own from now on; what another referral carries stays with that one, unless only that one is unlinked.
    pub identifiers: Vec<Identifier>,
    /// Identifiers by which messages of this partner find it.
    pub claims: Vec<Identifier>,
    /// The communications the message brings, to which later ones may answer.
    pub communications: Vec<Identifier>,
    /// What it came out of, and what came out of it.
    pub links: Vec<Link>,
    /// How far it has come.
    pub state: ReferralState,
    /// The referral as this message leaves it: a JSON document (docs/schema/referral-content.json), replaces the stored one.
    pub document: String,
    /// What the history says of the message: a JSON object (docs/schema/history.json, without what the store knows).
    pub history: String,
}

/// A referral as it is tracked.
#[derive(Clone, Debug)]
pub struct ReferralRecord {
    /// Our id.
    pub id: String,
    /// Goes up with every change.
    pub version: u64,
    /// Our role in it.
    pub our_role: ReferralRole,
    /// Whether a person has yet to say where it belongs.
    pub unlinked: bool,
    /// The launch it came of.
    pub launch_id: Option<String>,
    /// All its identifiers.
    pub identifiers: Vec<Identifier>,
    /// The partners that are party to it, with their roles.
    pub parties: Vec<(String, ReferralRole)>,
    /// What it came out of, and what came out of it.
    pub links: Vec<Link>,
    /// How far it has come.
    pub state: ReferralState,
    /// What is known of it.
    pub document: String,
    /// When it was first seen.
    pub created: Millis,
    /// When it last changed.
    pub updated: Millis,
}

impl ReferralRecord {
    /// The part a partner takes; `None` when it is no party.
    pub fn role_of(&self, partner: &str) -> Option<ReferralRole> {
        self.parties.iter().find(|(name, _)| name == partner).map(|(_, role)| *role)
    }
}

/// Which referrals are asked for.
#[derive(Clone, Debug, Default)]
pub struct ReferralFilter {
    /// Only those that wait for a person to say where they belong, or only the others.
    pub unlinked: Option<bool>,
    /// Only those that changed then or later.
    pub changed_since: Option<Millis>,
    /// Only those this partner is a party to.
    pub partner: Option<String>,
}

/// A message of a referral's history.
#[derive(Clone, Debug)]
pub struct HistoryRecord {
    /// When it was stored here.
    pub at: Millis,
    /// True when it came in.
    pub incoming: bool,
    /// The partner it came from or went to.
    pub partner: String,
    /// The canonical event code.
    pub event: String,
    /// Our id of the reception or delivery.
    pub subject: String,
    /// What the message brought.
    pub document: String,
}

/// An unlinked referral that becomes part of another.
#[derive(Clone, Debug)]
pub struct Merge {
    /// The unlinked one, with the version it was looked at.
    pub unlinked: (String, u64),
    /// The one it belongs to, with the version it was looked at.
    pub into: (String, u64),
    /// How far that one has come then.
    pub state: ReferralState,
    /// What is known of it then.
    pub document: String,
}
