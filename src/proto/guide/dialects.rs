//! What a dialect writes: addresses of code systems, profiles and identifier systems, and the fixed parts of resources. All of them are
//! data, because the guides warn that they change (messaging.md 7).

use super::rules::Rules;
use super::rules_on::{ON_0_10, ON_0_11};

/// `eventCoding.system` of Ontario's guide (messaging.md 3).
const ON_EVENTS: &str = "https://ehealthontario.ca/fhir/CodeSystem/message-event-code";

/// `Bundle.meta.profile` of Ontario's guide (messaging.md 4.1).
const ON_BUNDLE: &str = "http://ehealthontario.ca/fhir/StructureDefinition/eReferralBundle|1.0.0";

/// One guide version as partners speak it.
pub struct Dialect {
    /// The name in the configuration.
    pub name: &'static str,
    /// `eventCoding.system` (messaging.md 3).
    pub event_system: &'static str,
    /// Events that are spelled otherwise than in the table of events (messaging.md 3.1): the code there, and the spelling.
    pub event_codes: &'static [(&'static str, &'static str)],
    /// `Bundle.meta.profile` (messaging.md 4.1).
    pub bundle_profile: &'static str,
    /// `meta.profile` with its version by resource type (messaging.md 5); other types declare none.
    pub profiles: &'static [(&'static str, &'static str)],
    /// The extension of MessageHeader that carries the sender's referral identifier (messaging.md 4.3).
    pub referral_identifier: &'static str,
    /// How that extension carries it: `valueIdentifier`, or `valueString` with the value alone.
    pub referral_identifier_value: &'static str,
    /// What a resource starts with, by type: JSON objects.
    pub resources: &'static [(&'static str, &'static str)],
    /// What an element starts with when a field first writes into it, by path: JSON values. `{self}` stands for our FHIR base,
    /// `{partner}` for the partner's. Of several tables the first that has the path counts.
    pub elements: &'static [&'static [(&'static str, &'static str)]],
    /// The rules messages are checked against.
    pub rules: &'static Rules,
}

/// The label of test data: system, code, display (messaging.md 6).
pub const HTEST: (&str, &str, &str) = ("http://terminology.hl7.org/CodeSystem/v3-ActReason", "HTEST", "test health data");

/// Naming systems of our own, below our FHIR base, for what the host gives no system for.
pub const OWN_REFERRAL: &str = "/NamingSystem/referral";
/// As [`OWN_REFERRAL`], for process-request Tasks.
pub const OWN_TASK: &str = "/NamingSystem/task";
/// As [`OWN_REFERRAL`], for communications.
pub const OWN_COMMUNICATION: &str = "/NamingSystem/communication";

/// What resources start with, in all versions of Ontario's guide so far.
#[rustfmt::skip]
const ON_RESOURCES: &[(&str, &str)] = &[
    ("ServiceRequest", r#"{"status":"active","intent":"proposal"}"#),
    ("Patient", r#"{"active":true}"#),
    ("PractitionerRole", r#"{"active":true}"#),
    ("Practitioner", r#"{"active":true}"#),
    ("Organization", r#"{"active":true}"#),
    ("Location", r#"{"status":"active","mode":"instance"}"#),
    ("Task", r#"{"intent":"order","code":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v3-TaskOutcome","code":"process-request"}]}}"#),
    ("Appointment", r#"{"status":"booked"}"#),
    ("Communication", r#"{"status":"completed"}"#),
    ("DocumentReference", r#"{"status":"current"}"#),
        
];

/// What elements start with, in all versions of Ontario's guide so far.
#[rustfmt::skip]
const ON_ELEMENTS: &[(&str, &str)] = &[
    ("ServiceRequest.category[0].coding[0]", r#"{"system":"http://snomed.info/sct"}"#),
    ("Patient.name[0]", r#"{"use":"official"}"#),
    ("Patient.identifier[type.coding.code=JHN]",
        r#"{"use":"official","type":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v2-0203","code":"JHN","display":"Jurisdictional health number (Canada)"}],"text":"Health Card Number"},"system":"https://fhir.infoway-inforoute.ca/NamingSystem/ca-on-patient-hcn"}"#),
    ("Patient.identifier[type.coding.code=MR]",
        r#"{"type":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v2-0203","code":"MR","display":"Medical record number"}],"text":"Medical Record Number"},"system":"{self}/NamingSystem/mrn"}"#),
    ("Patient.telecom[system=phone]", r#"{"system":"phone","use":"home"}"#),
    ("Patient.telecom[system=email]", r#"{"system":"email"}"#),
    ("Patient.address[0]", r#"{"use":"home"}"#),
    ("Patient.identifier[type.coding.code=JHN].extension[url=http://ehealthontario.ca/fhir/StructureDefinition/ext-id-health-card-version-code]",
        r#"{"url":"http://ehealthontario.ca/fhir/StructureDefinition/ext-id-health-card-version-code"}"#),
    ("Practitioner.identifier[system~=ca-on-license-physician]",
        r#"{"use":"official","type":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v2-0203","code":"MD","display":"Medical License number"}]},"system":"http://infoway-inforoute.ca/fhir/NamingSystem/ca-on-license-physician"}"#),
    ("Practitioner.identifier[system~=ca-on-ohip-billing-id]", r#"{"system":"https://fhir.infoway-inforoute.ca/NamingSystem/ca-on-ohip-billing-id"}"#),
    ("Location.telecom[system=phone]", r#"{"system":"phone","use":"work"}"#),
    ("Location.telecom[system=fax]", r#"{"system":"fax","use":"work"}"#),
    ("PractitionerRole.identifier[system~=/id-referral-target-reference]", r#"{"system":"{partner}/NamingSystem/id-referral-target-reference"}"#),
    ("Appointment.identifier[0]", r#"{"system":"{self}/NamingSystem/appointment"}"#),
    ("Communication.identifier[0]", r#"{"system":"{self}/NamingSystem/communication"}"#),
        
];

/// All dialects. The first is the default.
#[rustfmt::skip]
pub const DIALECTS: &[Dialect] = &[Dialect {
    name: "on-0.11.1",
    event_system: ON_EVENTS,
    event_codes: &[],
    bundle_profile: ON_BUNDLE,
    profiles: &[
        ("MessageHeader", "http://ehealthontario.ca/fhir/StructureDefinition/ca-on-eReferral-profile-MessageHeader|1.0.1"),
        ("ServiceRequest", "http://ehealthontario.ca/fhir/StructureDefinition/ca-on-eReferral-profile-ServiceRequest|1.0.1"),
        ("Patient", "http://ehealthontario.ca/fhir/StructureDefinition/ca-on-eReferral-profile-Patient|1.0.1"),
        ("Location", "http://ehealthontario.ca/fhir/StructureDefinition/ca-on-eReferral-profile-Location|1.0.1"),
        ("PractitionerRole", "http://ehealthontario.ca/fhir/StructureDefinition/ca-on-eReferral-profile-PractitionerRole|1.0.0"),
        ("Practitioner", "http://ehealthontario.ca/fhir/StructureDefinition/ca-on-eReferral-profile-Practitioner|1.0.0"),
        ("Organization", "http://ehealthontario.ca/fhir/StructureDefinition/ca-on-eReferral-profile-Organization|1.0.0"),
        ("HealthcareService", "http://ehealthontario.ca/fhir/StructureDefinition/ca-on-eReferral-profile-HealthcareService|1.0.0"),
        ("Task", "http://ehealthontario.ca/fhir/StructureDefinition/ca-on-eReferral-profile-Task|1.0.0"),
        ("Appointment", "http://ehealthontario.ca/fhir/StructureDefinition/ca-on-eReferral-profile-Appointment|1.0.0"),
        ("Communication", "http://ehealthontario.ca/fhir/StructureDefinition/ca-on-eReferral-profile-Communication|1.0.0"),
        ("DocumentReference", "http://ehealthontario.ca/fhir/StructureDefinition/ca-on-eReferral-profile-DocumentReference|1.0.0"),
        ("QuestionnaireResponse", "http://ehealthontario.ca/fhir/StructureDefinition/ca-on-eReferral-profile-QuestionnaireResponse|1.0.0"),
        ("OperationOutcome", "http://ehealthontario.ca/fhir/StructureDefinition/ca-on-eReferral-profile-OperationOutcome|1.0.0"),
    ],
    referral_identifier: "http://ehealthontario.ca/fhir/StructureDefinition/ext-referral-identifier",
    referral_identifier_value: "valueIdentifier",
    resources: ON_RESOURCES,
    elements: &[ON_ELEMENTS],
    rules: &ON_0_11,
}, Dialect {
    name: "on-0.10",
    event_system: ON_EVENTS,
    event_codes: &[
        ("add-service-request", "add-servicerequest"),
        ("notify-add-service-request", "notify-add-servicerequest"),
        ("notify-update-service-request", "notify-update-servicerequest"),
        ("revoke-service-request", "terminate-servicerequest"),
        ("send-communication-from-requester", "add-communication"),
        ("send-communication-from-provider", "add-communication"),
    ],
    bundle_profile: ON_BUNDLE,
    profiles: &[
        ("MessageHeader", "http://ehealthontario.ca/fhir/StructureDefinition/ca-on-eReferral-profile-MessageHeader|1.0.0"),
        ("ServiceRequest", "http://ehealthontario.ca/fhir/StructureDefinition/ca-on-eReferral-profile-ServiceRequest|1.0.0"),
        ("Patient", "http://ehealthontario.ca/fhir/StructureDefinition/ca-on-eReferral-profile-Patient|1.0.0"),
        ("Location", "http://ehealthontario.ca/fhir/StructureDefinition/ca-on-eReferral-profile-Location|1.0.0"),
        ("PractitionerRole", "http://ehealthontario.ca/fhir/StructureDefinition/ca-on-eReferral-profile-PractitionerRole|1.0.0"),
        ("Practitioner", "http://ehealthontario.ca/fhir/StructureDefinition/ca-on-eReferral-profile-Practitioner|1.0.0"),
        ("Organization", "http://ehealthontario.ca/fhir/StructureDefinition/ca-on-eReferral-profile-Organization|1.0.0"),
        ("Task", "http://ehealthontario.ca/fhir/StructureDefinition/ca-on-eReferral-profile-Task|1.0.0"),
        ("Appointment", "http://ehealthontario.ca/fhir/StructureDefinition/ca-on-eReferral-profile-Appointment|1.0.0"),
        ("Communication", "http://ehealthontario.ca/fhir/StructureDefinition/ca-on-eReferral-profile-Communication|1.0.0"),
        ("DocumentReference", "http://ehealthontario.ca/fhir/StructureDefinition/ca-on-eReferral-profile-DocumentReference|1.0.0"),
        ("QuestionnaireResponse", "http://ehealthontario.ca/fhir/StructureDefinition/ca-on-eReferral-profile-QuestionnaireResponse|1.0.0"),
        ("OperationOutcome", "http://ehealthontario.ca/fhir/StructureDefinition/ca-on-eReferral-profile-OperationOutcome|1.0.0"),
    ],
    referral_identifier: "http://ehealthontario.ca/fhir/StructureDefinition/ext-id-message-header",
    referral_identifier_value: "valueString",
    resources: ON_RESOURCES,
    // Licences are of type LN there (messaging.md 7).
    elements: &[&[
        ("Practitioner.identifier[system~=ca-on-license-physician]",
            r#"{"use":"official","type":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v2-0203","code":"LN","display":"License number"}]},"system":"http://infoway-inforoute.ca/fhir/NamingSystem/ca-on-license-physician"}"#),
    ], ON_ELEMENTS],
    rules: &ON_0_10,
}];

/// What a MessageHeader says about its dialect: the urls of its extensions, its event as received, its profiles.
#[derive(Default)]
pub struct Signs<'a> {
    /// `extension.url`.
    pub extensions: Vec<&'a str>,
    /// `eventCoding.code`.
    pub event: &'a str,
    /// `meta.profile`.
    pub profiles: Vec<&'a str>,
}

/// The dialect a message is most likely written in: by the extension that carries the referral identifier, else by the spelling of the
/// event, else by the version of the profile, else the default.
pub fn recognise(signs: &Signs<'_>) -> &'static Dialect {
    let by_extension = |dialect: &&Dialect| signs.extensions.contains(&dialect.referral_identifier);
    let by_event = |dialect: &&Dialect| dialect.event_codes.iter().any(|(_, spelling)| *spelling == signs.event);
    let by_profile = |dialect: &&Dialect| {
        // The main RMS percent-encodes the bar in its 0.10 messages (messaging.md 4.1).
        let same = |profile: &&str| dialect.profile("MessageHeader").is_some_and(|own| own == profile.replacen("%7C", "|", 1));
        signs.profiles.iter().any(same)
    };
    let first = |test: &dyn Fn(&&Dialect) -> bool| DIALECTS.iter().find(test);
    first(&by_extension).or_else(|| first(&by_event)).or_else(|| first(&by_profile)).unwrap_or(DEFAULT)
}

/// The default dialect.
pub const DEFAULT: &Dialect = &DIALECTS[0];

/// The dialect of that name.
pub fn dialect(name: &str) -> Option<&'static Dialect> {
    DIALECTS.iter().find(|dialect| dialect.name == name)
}

impl Dialect {
    /// The profile of a resource type, with its version.
    pub fn profile(&self, resource_type: &str) -> Option<&'static str> {
        self.profiles.iter().find(|(name, _)| *name == resource_type).map(|(_, url)| *url)
    }
    /// What a resource of this type starts with.
    pub fn resource(&self, resource_type: &str) -> Option<&'static str> {
        self.resources.iter().find(|(name, _)| *name == resource_type).map(|(_, json)| *json)
    }
    /// What the element at this path starts with.
    pub fn element(&self, path: &str) -> Option<&'static str> {
        self.elements.iter().copied().flatten().find(|(name, _)| *name == path).map(|(_, json)| *json)
    }
    /// An event's code as this dialect spells it.
    pub fn event_code(&self, code: &'static str) -> &'static str {
        self.event_codes.iter().find(|(own, _)| *own == code).map_or(code, |(_, spelling)| spelling)
    }
}

/// The order of a resource's members as the specification prints them (R4). Members not listed stand at the end as they come.
#[rustfmt::skip]
pub const MEMBER_ORDER: &[(&str, &[&str])] = &[
    ("MessageHeader", &["extension", "eventCoding", "destination", "sender", "enterer", "author", "source", "responsible", "reason", "response", "focus"]),
    ("ServiceRequest", &["identifier", "basedOn", "replaces", "requisition", "status", "intent", "category", "priority", "code", "subject", "authoredOn", "requester", "performer", "reasonCode", "supportingInfo", "note"]),
    ("Patient", &["identifier", "active", "name", "telecom", "gender", "birthDate", "address", "communication"]),
    ("PractitionerRole", &["identifier", "active", "practitioner", "organization", "code", "specialty", "location", "telecom"]),
    ("Practitioner", &["identifier", "active", "name", "telecom"]),
    ("Organization", &["identifier", "active", "name", "telecom"]),
    ("Location", &["identifier", "status", "name", "mode", "telecom", "address"]),
    ("Task", &["identifier", "basedOn", "status", "statusReason", "businessStatus", "intent", "priority", "code", "description", "for", "authoredOn", "lastModified", "requester", "owner", "note"]),
    ("Appointment", &["identifier", "status", "description", "start", "end", "created", "comment", "patientInstruction", "basedOn", "participant"]),
    ("Communication", &["identifier", "basedOn", "inResponseTo", "status", "category", "subject", "sent", "recipient", "sender", "payload"]),
    ("DocumentReference", &["identifier", "status", "type", "subject", "date", "author", "content", "context"]),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fixed_part_is_json() {
        for dialect in DIALECTS {
            for (path, json) in dialect.resources.iter().chain(dialect.elements.iter().copied().flatten()) {
                assert!(serde_json::from_str::<serde_json::Value>(json).is_ok(), "{path}");
            }
        }
    }

    #[test]
    fn every_composed_type_has_a_profile_and_a_member_order() {
        for (resource_type, _) in DIALECTS[0].resources {
            assert!(DIALECTS[0].profile(resource_type).is_some(), "{resource_type}");
            assert!(MEMBER_ORDER.iter().any(|(name, _)| name == resource_type), "{resource_type}");
        }
    }

    #[test]
    fn a_message_tells_its_dialect_by_extension_then_event_then_profile() {
        const BASE: &str = "http://ehealthontario.ca/fhir/StructureDefinition/";
        let header = |version: &str| format!("{BASE}ca-on-eReferral-profile-MessageHeader{version}");
        let name = |extension: &str, event: &str, profile: &str| {
            let extension = format!("{BASE}{extension}");
            recognise(&Signs { extensions: vec![&extension], event, profiles: vec![profile] }).name
        };
        assert_eq!(name("ext-id-message-header", "add-service-request", &header("|1.0.1")), "on-0.10");
        assert_eq!(name("ext-referral-identifier", "add-servicerequest", &header("|1.0.0")), "on-0.11.1");
        assert_eq!(name("other", "terminate-servicerequest", &header("|1.0.1")), "on-0.10");
        assert_eq!(name("other", "add-service-request", &header("%7C1.0.0")), "on-0.10");
        assert_eq!(name("other", "add-service-request", &header("|1.0.1")), "on-0.11.1");
        assert_eq!(name("other", "add-service-request", ""), "on-0.11.1");
    }

    #[test]
    fn spellings_of_a_dialect_are_known_when_received() {
        for (code, spelling) in DIALECTS.iter().flat_map(|dialect| dialect.event_codes) {
            let provider = super::super::events::canonical(spelling);
            let requester = super::super::events::canonical_from(spelling, true);
            assert!(provider == Some(code) || requester == Some(code), "{spelling}");
        }
    }
}
