//! What a dialect writes: addresses of code systems, profiles and identifier systems, and the fixed parts of resources. All of them are
//! data, because the guides warn that they change (messaging.md 7).

use super::rules::Rules;
use super::rules_ca::{CA_1_1, CA_1_2};
use super::rules_on::{ON_0_10, ON_0_11, ON_0_12};

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
    /// MessageHeader profiles, without version or with, that no other dialect declares.
    pub marks: &'static [&'static str],
    /// Whether Bundles carry an identifier of their own (messaging.md 4.1).
    pub bundle_identifier: bool,
    /// Whether `basedOn.identifier` says its use (messaging.md 4.1, rule 4).
    pub based_on_use: bool,
    /// Whether a Communication holds its files itself; else it leads to DocumentReferences (messaging.md 5.4).
    pub payload_holds_files: bool,
    /// Whether a booking says when it was made (messaging.md 5.3).
    pub appointment_created: bool,
    /// Fields for which the guide shows no place, so that a draft does not take them.
    pub without_fields: &'static [&'static str],
    /// Events the guide does not have, so that none is composed.
    pub without_events: &'static [&'static str],
    /// The extension of MessageHeader that carries the sender's referral identifier (messaging.md 4.3); empty where the guide shows none.
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

/// What resources start with, in all guides so far.
#[rustfmt::skip]
const RESOURCES: &[(&str, &str)] = &[
    ("ServiceRequest", r#"{"status":"active","intent":"proposal"}"#),
    ("Task", r#"{"intent":"order","code":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v3-TaskOutcome","code":"process-request","display":"Process Request"}]}}"#),
    ("Appointment", r#"{"status":"booked"}"#),
    ("Communication", r#"{"status":"completed"}"#),
    ("DocumentReference", r#"{"status":"current"}"#),
];

/// What elements start with, in all guides so far. Nothing is said here that the host did not say: what a number is used for, for example.
#[rustfmt::skip]
const ELEMENTS: &[(&str, &str)] = &[
    ("ServiceRequest.category[0].coding[0]", r#"{"system":"http://snomed.info/sct"}"#),
    ("ServiceRequest.code.coding[0]", r#"{"system":"http://snomed.info/sct"}"#),
    ("Patient.identifier[type.coding.code=JHN]",
        r#"{"type":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v2-0203","code":"JHN","display":"Jurisdictional health number (Canada)"}],"text":"Health card number"},"system":"https://fhir.infoway-inforoute.ca/NamingSystem/ca-on-patient-hcn"}"#),
    ("Patient.identifier[type.coding.code=MR]",
        r#"{"type":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v2-0203","code":"MR","display":"Medical record number"}],"text":"Medical record number"},"system":"{self}/NamingSystem/mrn"}"#),
    ("Patient.telecom[system=phone]", r#"{"system":"phone"}"#),
    ("Patient.telecom[system=email]", r#"{"system":"email"}"#),
    ("Patient.identifier[type.coding.code=JHN].extension[url=http://ehealthontario.ca/fhir/StructureDefinition/ext-id-health-card-version-code]",
        r#"{"url":"http://ehealthontario.ca/fhir/StructureDefinition/ext-id-health-card-version-code"}"#),
    ("Practitioner.identifier[system~=ca-on-license-physician]",
        r#"{"type":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v2-0203","code":"MD","display":"Medical License number"}]},"system":"http://infoway-inforoute.ca/fhir/NamingSystem/ca-on-license-physician"}"#),
    ("Practitioner.identifier[system~=ca-on-ohip-billing-id]", r#"{"system":"https://fhir.infoway-inforoute.ca/NamingSystem/ca-on-ohip-billing-id"}"#),
    ("Location.telecom[system=phone]", r#"{"system":"phone"}"#),
    ("Location.telecom[system=fax]", r#"{"system":"fax"}"#),
    ("PractitionerRole.telecom[system=phone]", r#"{"system":"phone"}"#),
    ("PractitionerRole.telecom[system=fax]", r#"{"system":"fax"}"#),
    ("PractitionerRole.identifier[system~=/id-referral-target-reference]", r#"{"system":"{partner}/NamingSystem/id-referral-target-reference"}"#),
    ("Task.extension[url=http://ehealthontario.ca/fhir/StructureDefinition/ca-on-eConsult-ext-patient-needs-to-be-seen]",
        r#"{"url":"http://ehealthontario.ca/fhir/StructureDefinition/ca-on-eConsult-ext-patient-needs-to-be-seen"}"#),
    ("Appointment.identifier[0]", r#"{"system":"{self}/NamingSystem/appointment"}"#),
    ("Communication.identifier[0]", r#"{"system":"{self}/NamingSystem/communication"}"#),
];

/// What the guides from 0.12 on show no address for: the extensions of the version code (0.12 forbids the old one), and in CA:eReC of
/// the outcome of an eConsult.
const WITHOUT_VERSION: &[&str] = &["patient.health_number.version"];
const WITHOUT_VERSION_AND_OUTCOME: &[&str] = &["patient.health_number.version", "task.needs_to_be_seen"];

/// `add-rfi` is in 0.10.1 only (messaging.md 3.1).
const WITHOUT_RFI: &[&str] = &["add-rfi"];

/// What 0.10.1 did not have yet (messaging.md 3.1).
const WITHOUT_RECORDS: &[&str] = &["notify-add-service-record", "notify-update-service-record", "notify-report-service-request"];

/// CA:eReC profiles have no version in what was seen of them.
#[rustfmt::skip]
const CA_PROFILES: &[(&str, &str)] = &[
    ("MessageHeader", "http://fhir.infoway-inforoute.ca/io/CA-eReC/StructureDefinition/CA-eReC-MessageHeader"),
    ("ServiceRequest", "http://fhir.infoway-inforoute.ca/io/CA-eReC/StructureDefinition/CA-eReC-ServiceRequest"),
    ("Patient", "http://fhir.infoway-inforoute.ca/io/CA-eReC/StructureDefinition/CA-eReC-Patient"),
    ("Location", "http://fhir.infoway-inforoute.ca/io/CA-eReC/StructureDefinition/CA-eReC-Location"),
    ("PractitionerRole", "http://fhir.infoway-inforoute.ca/io/CA-eReC/StructureDefinition/CA-eReC-PractitionerRole"),
    ("Practitioner", "http://fhir.infoway-inforoute.ca/io/CA-eReC/StructureDefinition/CA-eReC-Practitioner"),
    ("Organization", "http://fhir.infoway-inforoute.ca/io/CA-eReC/StructureDefinition/CA-eReC-Organization"),
    ("HealthcareService", "http://fhir.infoway-inforoute.ca/io/CA-eReC/StructureDefinition/CA-eReC-HealthcareService"),
    ("Task", "http://fhir.infoway-inforoute.ca/io/CA-eReC/StructureDefinition/CA-eReC-Task"),
    ("Appointment", "http://fhir.infoway-inforoute.ca/io/CA-eReC/StructureDefinition/CA-eReC-Appointment"),
    ("Communication", "http://fhir.infoway-inforoute.ca/io/CA-eReC/StructureDefinition/CA-eReC-Communication"),
    ("DocumentReference", "http://fhir.infoway-inforoute.ca/io/CA-eReC/StructureDefinition/CA-eReC-DocumentReference"),
    ("QuestionnaireResponse", "http://fhir.infoway-inforoute.ca/io/CA-eReC/StructureDefinition/CA-eReC-QuestionnaireResponse"),
];

const CA_BUNDLE: &str = "http://fhir.infoway-inforoute.ca/io/CA-eReC/StructureDefinition/CA-eReC-Bundle";

/// The addresses of the older package began with https (messaging.md 5).
const CA_MARKS: &[&str] = &[
    "http://fhir.infoway-inforoute.ca/io/CA-eReC/StructureDefinition/CA-eReC-MessageHeader",
    "https://fhir.infoway-inforoute.ca/io/CA-eReC/StructureDefinition/CA-eReC-MessageHeader",
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
    marks: &[],
    bundle_identifier: false,
    based_on_use: false,
    payload_holds_files: false,
    appointment_created: false,
    without_fields: &[],
    without_events: WITHOUT_RFI,
    referral_identifier: "http://ehealthontario.ca/fhir/StructureDefinition/ext-referral-identifier",
    referral_identifier_value: "valueIdentifier",
    resources: RESOURCES,
    elements: &[ELEMENTS],
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
    marks: &[],
    bundle_identifier: false,
    based_on_use: false,
    payload_holds_files: false,
    appointment_created: false,
    without_fields: &[],
    without_events: WITHOUT_RECORDS,
    referral_identifier: "http://ehealthontario.ca/fhir/StructureDefinition/ext-id-message-header",
    referral_identifier_value: "valueString",
    resources: RESOURCES,
    // Licences are of type LN there (messaging.md 7).
    elements: &[&[
        ("Practitioner.identifier[system~=ca-on-license-physician]",
            r#"{"type":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v2-0203","code":"LN","display":"License number"}]},"system":"http://infoway-inforoute.ca/fhir/NamingSystem/ca-on-license-physician"}"#),
    ], ELEMENTS],
    rules: &ON_0_10,
}, Dialect {
    name: "on-0.12",
    event_system: ON_EVENTS,
    event_codes: &[],
    bundle_profile: "http://ehealthontario.ca/fhir/StructureDefinition/eReferralBundle|1.2.0",
    profiles: &[
        ("MessageHeader", "http://ehealthontario.ca/fhir/StructureDefinition/ca-on-eReferral-profile-MessageHeader|1.1.0"),
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
        ("QuestionnaireResponse", "http://ehealthontario.ca/fhir/StructureDefinition/ca-on-eReferral-profile-QuestionnaireResponse|1.1.0"),
        ("OperationOutcome", "http://ehealthontario.ca/fhir/StructureDefinition/ca-on-eReferral-profile-OperationOutcome|1.0.0"),
    ],
    marks: &[
        "http://ehealthontario.ca/fhir/StructureDefinition/ca-on-eReferral-profile-MessageHeader|1.1.0",
        "http://ehealthontario.ca/fhir/StructureDefinition/ca-on-eReferral-profile-MessageHeader|1.2.0",
    ],
    bundle_identifier: true,
    based_on_use: true,
    payload_holds_files: false,
    appointment_created: false,
    without_fields: WITHOUT_VERSION,
    without_events: WITHOUT_RFI,
    referral_identifier: "http://ehealthontario.ca/fhir/StructureDefinition/ext-referral-identifier",
    referral_identifier_value: "valueIdentifier",
    resources: RESOURCES,
    elements: &[ELEMENTS],
    rules: &ON_0_12,
}, Dialect {
    name: "ca-1.1",
    event_system: ON_EVENTS,
    event_codes: &[],
    bundle_profile: CA_BUNDLE,
    profiles: CA_PROFILES,
    marks: CA_MARKS,
    bundle_identifier: true,
    based_on_use: true,
    payload_holds_files: true,
    appointment_created: true,
    without_fields: WITHOUT_VERSION_AND_OUTCOME,
    without_events: WITHOUT_RFI,
    referral_identifier: "",
    referral_identifier_value: "",
    resources: RESOURCES,
    elements: &[ELEMENTS],
    rules: &CA_1_1,
}, Dialect {
    name: "ca-1.2",
    event_system: ON_EVENTS,
    event_codes: &[],
    bundle_profile: CA_BUNDLE,
    profiles: CA_PROFILES,
    marks: CA_MARKS,
    bundle_identifier: true,
    based_on_use: true,
    payload_holds_files: true,
    appointment_created: true,
    without_fields: WITHOUT_VERSION_AND_OUTCOME,
    without_events: WITHOUT_RFI,
    referral_identifier: "",
    referral_identifier_value: "",
    resources: RESOURCES,
    elements: &[ELEMENTS],
    rules: &CA_1_2,
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

/// A canonical address and the version behind its bar. The main RMS percent-encodes the bar in its 0.10 messages (messaging.md 4.1), and
/// the digits of an escape are of either case (RFC 3986 2.1).
pub fn versioned(canonical: &str) -> (&str, &str) {
    ["|", "%7C", "%7c"].iter().find_map(|bar| canonical.split_once(bar)).unwrap_or((canonical, ""))
}

/// The dialect a message is most likely written in: by a profile that no other dialect declares, else by the extension that carries the
/// referral identifier, else by the spelling of the event, else by the version of the profile, else the default.
pub fn recognise(signs: &Signs<'_>) -> &'static Dialect {
    let by_mark = |dialect: &&Dialect| {
        let marked = |profile: &&str| dialect.marks.iter().any(|mark| profile == mark || profile.split('|').next() == Some(mark));
        signs.profiles.iter().any(marked)
    };
    let by_extension = |dialect: &&Dialect| signs.extensions.contains(&dialect.referral_identifier);
    let by_event = |dialect: &&Dialect| dialect.event_codes.iter().any(|(_, spelling)| *spelling == signs.event);
    let by_profile = |dialect: &&Dialect| {
        let same = |profile: &&str| dialect.profile("MessageHeader").is_some_and(|own| versioned(own) == versioned(profile));
        signs.profiles.iter().any(same)
    };
    let first = |test: &dyn Fn(&&Dialect) -> bool| DIALECTS.iter().find(test);
    first(&by_mark).or_else(|| first(&by_extension)).or_else(|| first(&by_event)).or_else(|| first(&by_profile)).unwrap_or(DEFAULT)
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
    ("Task", &["extension", "identifier", "basedOn", "status", "statusReason", "businessStatus", "intent", "priority", "code", "description", "for", "authoredOn", "lastModified", "requester", "owner", "note", "output"]),
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
        for (resource_type, _) in MEMBER_ORDER {
            assert!(DIALECTS.iter().all(|dialect| dialect.profile(resource_type).is_some()), "{resource_type}");
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
        assert_eq!(name("ext-referral-identifier", "add-service-request", &header("|1.1.0")), "on-0.12");
        const CA: &str = "http://fhir.infoway-inforoute.ca/io/CA-eReC/StructureDefinition/CA-eReC-MessageHeader";
        assert_eq!(name("other", "add-service-request", CA), "ca-1.1");
        assert_eq!(name("other", "add-service-request", &format!("{CA}|1.1.0")), "ca-1.1");
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
