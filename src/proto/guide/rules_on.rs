//! The rules of Ontario's guide, as far as its profiles were seen (messaging.md 4, 5). `docs/dialects.md` is made from these tables.
//!
//! An error is what leaves the meaning unsure: something the guide demands is missing or of another kind. A warning is what can be used as
//! it is, above all what the systems in use are known to send.

use super::rules::Basis::{Inferred, Seen};
use super::rules::Holder::{Focus, Header, Request};
use super::rules::What::{Absent, AtMostOne, LeadsTo, Milliseconds, OneOf, Required, Uuid};
use super::rules::{Content, Profile, Rule, Rules, What};
use crate::proto::fhir::outcome::Level::{self, Error, Information, Warning};

pub(super) const fn rule(holder: &'static [&'static str], names: &'static [&'static str], what: What, level: Level) -> Rule {
    Rule { holder, names, what, level }
}

/// What a complete coding has.
pub(super) const CODING: &[&str] = &["system", "code", "display"];

/// `meta.profile` is 1..* in every profile of the guide (messaging.md 4.1).
const DECLARED: Rule = rule(&["meta"], &["profile"], Required, Error);

/// The address on the wire; any system is accepted (messaging.md 3).
const EVENT_SYSTEMS: What = OneOf(&[
    "https://ehealthontario.ca/fhir/CodeSystem/message-event-code",
    "http://ehealthontario.ca/fhir/CodeSystem/message-event-code",
]);

#[rustfmt::skip]
const BUNDLE_0_10: Profile = Profile { resource: "Bundle", source: "Ontario 0.10.1 Bundle", rules: &[
    rule(&[], &["id"], Required, Warning),
    rule(&[], &["id"], Uuid, Warning),
    rule(&["meta"], &["profile"], Required, Information),
    rule(&[], &["timestamp"], Required, Error),
    rule(&[], &["timestamp"], Milliseconds, Information),
    rule(&[], &["identifier"], Absent, Information),
    rule(&["entry"], &["fullUrl"], Required, Warning),
] };

#[rustfmt::skip]
const MESSAGE_HEADER_0_10: Profile = Profile { resource: "MessageHeader", source: "Ontario 0.10.1 MessageHeader", rules: &[
    // The UUID of the fullUrl stands in for it.
    rule(&[], &["id"], Required, Warning),
    DECLARED,
    rule(&["extension[ext-referral-identifier]", "valueIdentifier"], &["system", "value"], Required, Error),
    rule(&["extension[ext-id-message-header]"], &["valueString"], Required, Error),
    rule(&["eventCoding"], &["system"], EVENT_SYSTEMS, Warning),
    rule(&["eventCoding"], &["display"], Required, Information),
    rule(&["destination"], &["target"], LeadsTo(&["Device"]), Warning),
    rule(&["destination"], &["receiver"], LeadsTo(&["PractitionerRole"]), Warning),
    rule(&[], &["sender"], LeadsTo(&["Practitioner", "PractitionerRole", "Organization"]), Warning),
    rule(&[], &["enterer"], LeadsTo(&["Practitioner", "PractitionerRole"]), Warning),
] };

#[rustfmt::skip]
const MESSAGE_HEADER_0_11: Profile = Profile { resource: "MessageHeader", source: "Ontario 0.11 MessageHeader", rules: &[
    // The UUID of the fullUrl stands in for it.
    rule(&[], &["id"], Required, Warning),
    DECLARED,
    rule(&["extension[ext-referral-identifier]", "valueIdentifier"], &["system", "value"], Required, Error),
    rule(&["eventCoding"], &["system"], EVENT_SYSTEMS, Warning),
    rule(&["eventCoding"], &["display"], Required, Information),
    rule(&[], &["author"], LeadsTo(&["PractitionerRole"]), Error),
] };

#[rustfmt::skip]
const BUNDLE_0_12: Profile = Profile { resource: "Bundle", source: "Ontario 0.12.4 Bundle", rules: &[
    rule(&["identifier"], &["system", "value"], Required, Error),
    rule(&[], &["timestamp"], Required, Error),
    rule(&["entry"], &["fullUrl"], Required, Warning),
] };

#[rustfmt::skip]
const MESSAGE_HEADER_0_12: Profile = Profile { resource: "MessageHeader", source: "Ontario 0.12.2 MessageHeader", rules: &[
    // The UUID of the fullUrl stands in for it.
    rule(&[], &["id"], Required, Warning),
    DECLARED,
    rule(&["eventCoding"], &["display"], Required, Information),
    rule(&["reason", "coding"], CODING, Required, Error),
    rule(&[], &["author"], LeadsTo(&["PractitionerRole"]), Error),
] };

#[rustfmt::skip]
const SERVICE_REQUEST_0_12: Profile = Profile { resource: "ServiceRequest", source: "Ontario 0.12.0 ServiceRequest", rules: &[
    DECLARED,
    rule(&["identifier"], &["system", "value"], Required, Error),
    rule(&["basedOn", "identifier"], &["system"], Required, Error),
    // What 0.11 says of it, and nothing seen of 0.12 takes back.
    rule(&[], &["basedOn", "replaces"], LeadsTo(&["ServiceRequest"]), Warning),
    rule(&[], &["intent"], OneOf(&["proposal"]), Warning),
    rule(&["category", "coding"], CODING, Required, Warning),
    rule(&["code", "coding"], CODING, Required, Warning),
] };

#[rustfmt::skip]
const PATIENT_0_12: Profile = Profile { resource: "Patient", source: "Ontario 0.12.5TU Patient", rules: &[
    DECLARED,
    rule(&["name"], &["prefix", "suffix"], AtMostOne, Warning),
    rule(&[], &["gender"], Required, Error),
    rule(&["maritalStatus", "coding"], CODING, Required, Error),
    rule(&["communication", "language"], &["coding"], Required, Error),
    rule(&["communication", "language", "coding"], CODING, Required, Error),
] };

#[rustfmt::skip]
const TASK_0_10: Profile = Profile { resource: "Task", source: "Ontario 0.10.1 Task", rules: &[
    DECLARED,
    rule(&[], &["basedOn"], Required, Error),
    rule(&[], &["basedOn"], LeadsTo(&["ServiceRequest"]), Error),
    // The codes of traffic (messaging.md 6); one is a slip that the guide itself prints.
    rule(&["code", "coding"], &["code"], OneOf(&["process-request", "process-request-consult", "request-for-information-for-requester",
        "perform-request"]), Warning),
    // What the main RMS honours (messaging.md 6).
    rule(&[], &["status"], OneOf(&["requested", "received", "accepted", "in-progress", "on-hold", "ready", "rejected", "cancelled",
        "completed"]), Warning),
] };

#[rustfmt::skip]
const SERVICE_REQUEST_0_11: Profile = Profile { resource: "ServiceRequest", source: "Ontario 0.11 ServiceRequest", rules: &[
    DECLARED,
    rule(&[], &["basedOn"], AtMostOne, Warning),
    rule(&[], &["basedOn"], LeadsTo(&["ServiceRequest"]), Warning),
    rule(&[], &["replaces"], LeadsTo(&["ServiceRequest"]), Warning),
    // The fixed value was not visible; this is what traffic has.
    rule(&[], &["intent"], OneOf(&["proposal"]), Warning),
    rule(&["category", "coding"], CODING, Required, Error),
    rule(&["code", "coding"], CODING, Required, Error),
    // The path itself is inferred.
    rule(&["orderDetail", "coding"], CODING, Required, Warning),
] };

#[rustfmt::skip]
const APPOINTMENT_0_12: Profile = Profile { resource: "Appointment", source: "Ontario 0.12.0 Appointment", rules: &[
    DECLARED,
    rule(&[], &["basedOn"], LeadsTo(&["ServiceRequest"]), Error),
    rule(&["basedOn"], &["reference"], Required, Error),
    rule(&["participant"], &["actor"], LeadsTo(&["Location", "Patient", "PractitionerRole"]), Information),
] };

#[rustfmt::skip]
const COMMUNICATION_0_12: Profile = Profile { resource: "Communication", source: "Ontario 0.12.5TU Communication", rules: &[
    DECLARED,
    rule(&["identifier"], &["system", "value"], Required, Error),
    rule(&[], &["instantiatesCanonical"], AtMostOne, Warning),
    rule(&[], &["instantiatesUri"], AtMostOne, Warning),
    // 0.10.1 allows several when a requisition groups requests: one is sent, many are accepted (messaging.md 5.4).
    rule(&[], &["basedOn"], AtMostOne, Information),
    rule(&[], &["basedOn"], LeadsTo(&["ServiceRequest"]), Error),
    rule(&[], &["partOf"], AtMostOne, Warning),
    // Always completed, or entered-in-error to withdraw (messaging.md 6).
    rule(&[], &["status"], OneOf(&["completed", "entered-in-error"]), Warning),
    rule(&["category", "coding"], CODING, Required, Error),
    rule(&[], &["medium"], AtMostOne, Warning),
    rule(&[], &["subject"], LeadsTo(&["Patient"]), Error),
    rule(&["topic", "coding"], &["code"], Absent, Warning),
    rule(&["topic", "coding"], &["userSelected"], Absent, Warning),
    rule(&[], &["about"], Absent, Warning),
    rule(&[], &["recipient"], LeadsTo(&["HealthcareService", "Organization", "Patient", "Practitioner", "PractitionerRole"]), Warning),
    rule(&[], &["sender"], LeadsTo(&["PractitionerRole", "Endpoint"]), Warning),
    rule(&["sender"], &["reference"], Required, Error),
    rule(&[], &["reasonCode"], AtMostOne, Warning),
    rule(&[], &["reasonReference"], AtMostOne, Warning),
    rule(&["payload"], &["contentReference"], LeadsTo(&["DocumentReference"]), Warning),
] };

#[rustfmt::skip]
const DOCUMENT_REFERENCE_0_11: Profile = Profile { resource: "DocumentReference", source: "Ontario 0.11.0 DocumentReference", rules: &[
    DECLARED,
    rule(&[], &["status"], OneOf(&["current"]), Error),
    rule(&["subject"], &["reference"], Required, Error),
    rule(&["author"], &["reference"], Required, Error),
    rule(&["content", "attachment"], &["title"], Required, Error),
    rule(&["context", "related"], &["reference"], Required, Error),
] };

#[rustfmt::skip]
const PATIENT_0_11: Profile = Profile { resource: "Patient", source: "Ontario 0.11.0 Patient", rules: &[
    DECLARED,
    rule(&["identifier", "extension[ext-id-health-card-version-code]"], &["valueString"], Required, Warning),
    rule(&["identifier", "type"], &["text"], Required, Error),
    rule(&["name"], &["family"], Required, Error),
    // Empty ones are met in traffic.
    rule(&["telecom"], &["value"], Required, Warning),
    rule(&[], &["gender"], Required, Error),
] };

#[rustfmt::skip]
const PRACTITIONER_ROLE_0_12: Profile = Profile { resource: "PractitionerRole", source: "Ontario 0.12.5TU PractitionerRole", rules: &[
    DECLARED,
    rule(&["identifier", "type", "coding"], CODING, Required, Error),
    rule(&["identifier", "type", "coding"], &["id", "version", "userSelected"], Absent, Warning),
    rule(&["code", "coding"], CODING, Required, Error),
    rule(&["specialty", "coding"], CODING, Required, Error),
] };

#[rustfmt::skip]
const PRACTITIONER_0_12: Profile = Profile { resource: "Practitioner", source: "Ontario 0.12.5TU Practitioner", rules: &[
    DECLARED,
    rule(&[], &["name"], AtMostOne, Warning),
    rule(&["qualification", "code", "coding"], CODING, Required, Error),
    rule(&["communication", "coding"], CODING, Required, Error),
] };

#[rustfmt::skip]
const QUESTIONNAIRE_RESPONSE_0_12: Profile = Profile { resource: "QuestionnaireResponse",
    source: "Ontario 0.12.5TU QuestionnaireResponse", rules: &[
    DECLARED,
    rule(&["identifier"], &["system", "value"], Required, Error),
    rule(&[], &["basedOn"], LeadsTo(&["ServiceRequest"]), Warning),
    rule(&[], &["partOf"], AtMostOne, Warning),
    rule(&[], &["subject"], LeadsTo(&["Patient"]), Error),
    // The main RMS names the Practitioner.
    rule(&[], &["author"], LeadsTo(&["PractitionerRole"]), Information),
] };

#[rustfmt::skip]
const HEALTHCARE_SERVICE_0_11: Profile = Profile { resource: "HealthcareService", source: "Ontario 0.11.0 HealthcareService", rules: &[
    DECLARED,
    rule(&[], &["active"], Required, Error),
    rule(&["providedBy"], &["display"], Required, Error),
] };

const OPERATION_OUTCOME_0_11: Profile =
    Profile { resource: "OperationOutcome", source: "Ontario 0.11.0 OperationOutcome", rules: &[DECLARED] };

const ROLE: &[&str] = &["PractitionerRole"];

#[rustfmt::skip]
const REQUEST_MESSAGE: Content = Content { focus: "ServiceRequest", source: "Ontario 0.11.1 MessageDefinition ServiceRequest", parts: &[
    (Header, "author", ROLE), (Request, "subject", &["Patient"]), (Request, "requester", ROLE), (Request, "performer", ROLE),
] };

/// The parts of a message whose focus is based on a ServiceRequest.
#[rustfmt::skip]
const BASED: &[(super::rules::Holder, &str, &[&str])] = &[
    (Header, "author", ROLE), (Focus, "basedOn", &["ServiceRequest"]), (Request, "subject", &["Patient"]),
    (Request, "requester", ROLE), (Request, "performer", ROLE),
];

const TASK_MESSAGE: Content = Content { focus: "Task", source: "Ontario 0.10.1 and 0.11.1 MessageDefinition Task", parts: BASED };
const APPOINTMENT_MESSAGE: Content =
    Content { focus: "Appointment", source: "Ontario 0.11.1 MessageDefinition Appointment", parts: BASED };
const COMMUNICATION_MESSAGE: Content =
    Content { focus: "Communication", source: "Ontario 0.11.1 MessageDefinition Communication", parts: BASED };

const CANONICAL: &str = "http://ehealthontario.ca/fhir/StructureDefinition/ca-on-eReferral-profile-";

/// All that were met, on the wire or in packages (messaging.md 5).
const VERSIONS: &[(&str, &[&str])] = &[
    ("MessageHeader", &["1.0.0", "1.0.1", "1.1.0", "1.2.0"]),
    ("ServiceRequest", &["1.0.0", "1.0.1"]),
    ("Patient", &["1.0.0", "1.0.1"]),
    ("Location", &["1.0.0", "1.0.1"]),
    ("QuestionnaireResponse", &["1.0.0", "1.1.0"]),
];

/// Ontario 0.10.0 and 0.10.1.
pub const ON_0_10: Rules = Rules {
    profiles: &[
        (&BUNDLE_0_10, Seen),
        (&MESSAGE_HEADER_0_10, Seen),
        (&SERVICE_REQUEST_0_11, Inferred),
        (&TASK_0_10, Seen),
        (&APPOINTMENT_0_12, Inferred),
        (&COMMUNICATION_0_12, Inferred),
        (&PATIENT_0_11, Inferred),
        (&PRACTITIONER_ROLE_0_12, Inferred),
        (&PRACTITIONER_0_12, Inferred),
        (&DOCUMENT_REFERENCE_0_11, Inferred),
        (&QUESTIONNAIRE_RESPONSE_0_12, Inferred),
        (&OPERATION_OUTCOME_0_11, Inferred),
    ],
    contents: &[
        (&REQUEST_MESSAGE, Inferred),
        (&TASK_MESSAGE, Seen),
        (&APPOINTMENT_MESSAGE, Inferred),
        (&COMMUNICATION_MESSAGE, Inferred),
    ],
    versions: VERSIONS,
    canonical: CANONICAL,
};

/// Ontario 0.11.0 and 0.11.1.
pub const ON_0_11: Rules = Rules {
    profiles: &[
        (&BUNDLE_0_10, Inferred),
        (&MESSAGE_HEADER_0_11, Seen),
        (&SERVICE_REQUEST_0_11, Seen),
        (&TASK_0_10, Inferred),
        (&APPOINTMENT_0_12, Inferred),
        (&COMMUNICATION_0_12, Inferred),
        (&PATIENT_0_11, Seen),
        (&PRACTITIONER_ROLE_0_12, Inferred),
        (&PRACTITIONER_0_12, Inferred),
        (&HEALTHCARE_SERVICE_0_11, Seen),
        (&DOCUMENT_REFERENCE_0_11, Seen),
        (&QUESTIONNAIRE_RESPONSE_0_12, Inferred),
        (&OPERATION_OUTCOME_0_11, Seen),
    ],
    contents: &[(&REQUEST_MESSAGE, Seen), (&TASK_MESSAGE, Seen), (&APPOINTMENT_MESSAGE, Seen), (&COMMUNICATION_MESSAGE, Seen)],
    versions: VERSIONS,
    canonical: CANONICAL,
};

/// Ontario 0.12.
pub const ON_0_12: Rules = Rules {
    profiles: &[
        (&BUNDLE_0_12, Seen),
        (&MESSAGE_HEADER_0_12, Seen),
        (&SERVICE_REQUEST_0_12, Seen),
        (&TASK_0_10, Inferred),
        (&APPOINTMENT_0_12, Seen),
        (&COMMUNICATION_0_12, Seen),
        (&PATIENT_0_12, Seen),
        (&PRACTITIONER_ROLE_0_12, Seen),
        (&PRACTITIONER_0_12, Seen),
        (&HEALTHCARE_SERVICE_0_11, Inferred),
        (&DOCUMENT_REFERENCE_0_11, Inferred),
        (&QUESTIONNAIRE_RESPONSE_0_12, Seen),
        (&OPERATION_OUTCOME_0_11, Inferred),
    ],
    contents: &[(&REQUEST_MESSAGE, Seen), (&TASK_MESSAGE, Seen), (&APPOINTMENT_MESSAGE, Seen), (&COMMUNICATION_MESSAGE, Seen)],
    versions: VERSIONS,
    canonical: CANONICAL,
};
