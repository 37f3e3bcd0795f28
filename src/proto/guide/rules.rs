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
pub const EVENT_STATUS: &[(&str, &str, &[&str], &str)] = &[
    ("add-service-request", "ServiceRequest", &["active", "on-hold"], "Ontario 0.11.1 ServiceRequest lifecycle"),
    ("revoke-service-request", "ServiceRequest", &["revoked", "entered-in-error"], "Ontario 0.11.1 ServiceRequest lifecycle"),
];

/// Code systems of an identifier's type, in the spellings that are met (messaging.md 7).
pub const IDENTIFIER_TYPES: &[&str] =
    &["http://terminology.hl7.org/CodeSystem/v2-0203", "http://hl7.org/fhir/v2/0203", "http://hl7.org/fhir/v2/0203/"];

/// The codes of those systems that the guides use.
pub const IDENTIFIER_CODES: &[&str] = &["JHN", "MR", "LN", "MD"];

/// Whether this is the system of a province's health cards: Ontario's, or that of another (messaging.md 7).
pub fn is_health_card_system(system: &str) -> bool {
    let name = system.rsplit('/').next().unwrap_or_default();
    name == "ca-on-patient-hcn" || (name.starts_with("ca-") && name.ends_with("-patient-healthcare-id"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::fhir::r4::{Holds, R4, Type};
    use crate::proto::guide::dialects::DIALECTS;

    /// The types a member of this type holds; all choices of it.
    fn below(kind: &'static Type, name: &str) -> Option<Option<&'static Type>> {
        let r4 = R4::get();
        let element = r4.find(kind, name.split('[').next().unwrap())?;
        Some(match element.holds {
            Holds::Complex(index) => r4.kind(index),
            Holds::Reference(_) => r4.kind(r4.reference()),
            Holds::Primitive(_) | Holds::Resource => None,
        })
    }

    #[test]
    fn every_rule_is_about_an_element_that_r4_has() {
        let r4 = R4::get();
        for (profile, _) in DIALECTS.iter().flat_map(|dialect| dialect.rules.profiles) {
            let mut told = Vec::new();
            for rule in profile.rules {
                let resource = r4.kind(r4.resource(profile.resource).unwrap()).unwrap();
                let holder = rule.holder.iter().fold(resource, |kind, step| below(kind, step).flatten().unwrap());
                for name in rule.names {
                    assert!(below(holder, name).is_some(), "{}: {:?}.{name}", profile.source, rule.holder);
                    assert!(!told.contains(&(rule.holder, name, rule.what)), "{}: {:?}.{name} twice", profile.source, rule.holder);
                    told.push((rule.holder, name, rule.what));
                }
            }
        }
    }

    #[test]
    fn a_dialect_has_one_profile_for_a_type() {
        for dialect in DIALECTS {
            let types: Vec<&str> = dialect.rules.profiles.iter().map(|(profile, _)| profile.resource).collect();
            for (index, name) in types.iter().enumerate() {
                assert!(!types[..index].contains(name), "{}: {name}", dialect.name);
            }
        }
    }

    #[test]
    fn what_is_inferred_is_a_warning_at_most() {
        for level in [Level::Information, Level::Warning, Level::Error] {
            assert_eq!(Basis::Seen.weigh(level), level);
            assert!(Basis::Inferred.weigh(level) <= Level::Warning && Basis::Inferred.weigh(level) <= level);
        }
    }

    #[test]
    fn health_cards_of_all_provinces_are_known() {
        assert!(is_health_card_system("https://fhir.infoway-inforoute.ca/NamingSystem/ca-on-patient-hcn"));
        assert!(is_health_card_system("https://fhir.infoway-inforoute.ca/NamingSystem/ca-ab-patient-healthcare-id"));
        assert!(!is_health_card_system("https://rms.example/NamingSystem/mrn"));
    }
}
