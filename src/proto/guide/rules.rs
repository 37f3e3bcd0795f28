//! The guides' rules for messages, as data: what a rule can say, and which rules hold for a dialect.
//!
//! A rule is here only when a guide states it, and names its source. What was seen of one version of a guide holds for another of its
//! versions as *inferred*; such findings are warnings at most.

use crate::proto::fhir::outcome::Level;

/// Whether a rule was seen for the dialect or is taken from the nearest version of the same guide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Basis {
    /// The rule was seen in this version.
    Seen,
    /// The nearest version that was seen has it.
    Inferred,
}

impl Basis {
    /// What a finding weighs.
    pub fn weigh(self, level: Level) -> Level {
        if self == Self::Inferred { level.min(Level::Warning) } else { level }
    }
}

/// What a rule says about elements, wherever the element that holds them is present.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// It is there.
    Required,
    /// It stands there once at most.
    AtMostOne,
    /// It is not there.
    Absent,
    /// Its value is one of these.
    OneOf(&'static [&'static str]),
    /// It is a reference to a resource of one of these types.
    LeadsTo(&'static [&'static str]),
    /// It is a UUID.
    Uuid,
    /// It is a time with milliseconds.
    Milliseconds,
}

/// One rule of a profile.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// The element that holds what the rule is about, from the resource: members in their order; `[name]` behind a member picks the
    /// extensions whose url ends in that name. Empty for the resource itself.
    pub holder: &'static [&'static str],
    /// The members of the holder that it is about.
    pub names: &'static [&'static str],
    /// What is said about each.
    pub what: What,
    /// How much a finding weighs where the rule was seen.
    pub level: Level,
}

/// What was seen of a profile.
#[derive(Debug)]
pub struct Profile {
    /// The resource type.
    pub resource: &'static str,
    /// The guide, its version, and the page or package.
    pub source: &'static str,
    /// Its rules.
    pub rules: &'static [Rule],
}

/// The resource from which a message's content is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holder {
    /// The MessageHeader.
    Header,
    /// The resource in focus.
    Focus,
    /// The ServiceRequest that the focus is or is based on.
    Request,
}

/// What a message with this focus carries (messaging.md 4.2).
#[derive(Debug)]
pub struct Content {
    /// The resource type in focus.
    pub focus: &'static str,
    /// The guide, its version, and the page.
    pub source: &'static str,
    /// From where, by which element, a resource of one of which types.
    pub parts: &'static [(Holder, &'static str, &'static [&'static str])],
}

/// All rules of a dialect beyond base R4.
#[derive(Debug)]
pub struct Rules {
    /// The profiles; a resource type without one is checked against base R4 only.
    pub profiles: &'static [(&'static Profile, Basis)],
    /// What messages carry, by focus.
    pub contents: &'static [(&'static Content, Basis)],
    /// The versions of the guides' profiles that are known, by resource type (messaging.md 5).
    pub versions: &'static [(&'static str, &'static [&'static str])],
    /// What the addresses of the guide's profiles begin with; the resource type follows.
    pub canonical: &'static str,
}

/// What an event says about the status of its focus: event, resource type, the statuses, and the source (messaging.md 12).
pub const EVENT_STATUS: &[(&str, &str, &[&str], &str)] =
    &[("revoke-service-request", "ServiceRequest", &["revoked", "entered-in-error"], "Ontario 0.11.1 ServiceRequest lifecycle")];
