//! What a dialect writes: addresses of code systems, profiles and identifier systems, and the fixed parts of resources. All of them are
//! data, because the guides warn that they change (messaging.md 7).

/// One guide version as partners speak it.
pub struct Dialect {
    /// The name in the configuration.
    pub name: &'static str,
    /// `eventCoding.system` (messaging.md 3).
    pub event_system: &'static str,
    /// `Bundle.meta.profile` (messaging.md 4.1).
    pub bundle_profile: &'static str,
    /// `meta.profile` with its version by resource type (messaging.md 5); other types declare none.
    pub profiles: &'static [(&'static str, &'static str)],
    /// The extension of MessageHeader that carries the sender's referral identifier (messaging.md 4.3).
    pub referral_identifier: &'static str,
    /// What a resource starts with, by type: JSON objects.
    pub resources: &'static [(&'static str, &'static str)],
    /// What an element starts with when a field first writes into it, by path: JSON values. `{self}` stands for our FHIR base,
    /// `{partner}` for the partner's.
    pub elements: &'static [(&'static str, &'static str)],
}

/// The label of test data: system, code, display (messaging.md 6).
pub const HTEST: (&str, &str, &str) = ("http://terminology.hl7.org/CodeSystem/v3-ActReason", "HTEST", "test health data");

/// Naming systems of our own, below our FHIR base, for what the host gives no system for.
pub const OWN_REFERRAL: &str = "/NamingSystem/referral";
/// As [`OWN_REFERRAL`], for process-request Tasks.
pub const OWN_TASK: &str = "/NamingSystem/task";
/// As [`OWN_REFERRAL`], for communications.
pub const OWN_COMMUNICATION: &str = "/NamingSystem/communication";

/// All dialects.
#[rustfmt::skip]
pub const DIALECTS: &[Dialect] = &[Dialect {
    name: "on-0.11.1",
    event_system: "https://ehealthontario.ca/fhir/CodeSystem/message-event-code",
    bundle_profile: "http://ehealthontario.ca/fhir/StructureDefinition/eReferralBundle|1.0.0",
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
    resources: &[
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
    ],
    elements: &[
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
    ],
}];

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
        self.elements.iter().find(|(name, _)| *name == path).map(|(_, json)| *json)
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
            for (path, json) in dialect.resources.iter().chain(dialect.elements) {
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
}
