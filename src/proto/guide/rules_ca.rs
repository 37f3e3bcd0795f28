//! The rules of CA:eReC, as far as its profiles were seen (messaging.md 4.2, 5). A rule about an optional element holds where that element
//! is present.

use super::rules::Basis::{Inferred, Seen};
use super::rules::Holder::{Header, Request};
use super::rules::What::{Absent, AtMostOne, LeadsTo, OneOf, Required};
use super::rules::{Content, Profile, Rules};
use super::rules_on::{CODING, rule};
use crate::proto::fhir::outcome::Level::{Error, Information, Warning};

/// An identifier that says what it is.
const NUMBER: &[&str] = &["system", "value"];
/// As [`NUMBER`], with what it is used for.
const USED_NUMBER: &[&str] = &["use", "system", "value"];

#[rustfmt::skip]
const BUNDLE: Profile = Profile { resource: "Bundle", source: "CA:eReC 1.1.0 Bundle", rules: &[
    rule(&["identifier"], NUMBER, Required, Error),
    rule(&[], &["timestamp"], Required, Error),
    rule(&["entry"], &["fullUrl"], Required, Warning),
    rule(&["entry"], &["search", "request"], Absent, Warning),
] };

#[rustfmt::skip]
const MESSAGE_HEADER: Profile = Profile { resource: "MessageHeader", source: "CA:eReC 1.x MessageHeader", rules: &[
    rule(&[], &["author"], LeadsTo(&["PractitionerRole"]), Warning),
    rule(&["eventCoding"], &["display"], Required, Information),
] };

#[rustfmt::skip]
const TASK: Profile = Profile { resource: "Task", source: "CA:eReC 1.1.0 Task", rules: &[
    rule(&[], &["basedOn"], Required, Error),
    rule(&[], &["basedOn"], AtMostOne, Warning),
    rule(&[], &["basedOn"], LeadsTo(&["ServiceRequest"]), Error),
    rule(&["basedOn", "identifier"], USED_NUMBER, Required, Error),
    rule(&[], &["intent"], OneOf(&["order"]), Error),
    rule(&[], &["owner"], LeadsTo(&["PractitionerRole", "HealthcareService"]), Warning),
    rule(&["owner", "identifier"], NUMBER, Required, Error),
] };

// What the older version demands of categories, the newer ones were not seen to take back.
#[rustfmt::skip]
const SERVICE_REQUEST: Profile = Profile { resource: "ServiceRequest", source: "CA:eReC 1.1 ServiceRequest", rules: &[
    rule(&["category", "coding"], CODING, Required, Warning),
    rule(&[], &["basedOn", "replaces"], LeadsTo(&["ServiceRequest"]), Warning),
    rule(&[], &["intent"], OneOf(&["proposal"]), Warning),
    rule(&["supportingInfo", "identifier"], NUMBER, Required, Error),
] };

#[rustfmt::skip]
const SERVICE_REQUEST_1_2: Profile = Profile { resource: "ServiceRequest", source: "CA:eReC 1.2.0 ServiceRequest", rules: &[
    rule(&["extension[RequestStatusReason]"], &["valueCodeableConcept"], Required, Error),
    rule(&["category", "coding"], CODING, Required, Warning),
    rule(&[], &["basedOn", "replaces"], LeadsTo(&["ServiceRequest"]), Warning),
    rule(&[], &["intent"], OneOf(&["proposal"]), Warning),
    rule(&["supportingInfo", "identifier"], NUMBER, Required, Warning),
] };

#[rustfmt::skip]
const APPOINTMENT: Profile = Profile { resource: "Appointment", source: "CA:eReC 1.1.1 Appointment", rules: &[
    rule(&[], &["basedOn"], Required, Error),
    rule(&[], &["basedOn"], LeadsTo(&["ServiceRequest"]), Error),
    rule(&["basedOn", "identifier"], USED_NUMBER, Required, Error),
    rule(&["participant", "actor", "identifier"], NUMBER, Required, Error),
] };

#[rustfmt::skip]
const COMMUNICATION: Profile = Profile { resource: "Communication", source: "CA:eReC 1.1.0 Communication", rules: &[
    rule(&[], &["basedOn"], Required, Error),
    rule(&[], &["basedOn"], AtMostOne, Warning),
    rule(&[], &["basedOn"], LeadsTo(&["ServiceRequest"]), Error),
    rule(&["basedOn", "identifier"], USED_NUMBER, Required, Error),
    rule(&[], &["status"], OneOf(&["completed", "entered-in-error"]), Warning),
    rule(&[], &["subject"], LeadsTo(&["Patient"]), Error),
    rule(&["subject", "identifier"], NUMBER, Required, Error),
    rule(&[], &["sender"], LeadsTo(&["PractitionerRole", "HealthcareService"]), Warning),
    rule(&["sender", "identifier"], NUMBER, Required, Error),
] };

#[rustfmt::skip]
const DOCUMENT_REFERENCE: Profile = Profile { resource: "DocumentReference", source: "CA:eReC 1.1.0 DocumentReference", rules: &[
    rule(&["identifier"], NUMBER, Required, Error),
    rule(&[], &["status"], OneOf(&["current"]), Warning),
] };

#[rustfmt::skip]
const PATIENT: Profile = Profile { resource: "Patient", source: "CA:eReC 1.1.0 and 1.2.0 Patient", rules: &[
    rule(&["identifier"], &["type", "system", "value"], Required, Error),
] };

#[rustfmt::skip]
const QUESTIONNAIRE_RESPONSE: Profile = Profile { resource: "QuestionnaireResponse",
    source: "CA:eReC 1.1.0 and 1.2.0 QuestionnaireResponse", rules: &[
    rule(&["basedOn", "identifier"], NUMBER, Required, Error),
    rule(&[], &["subject"], LeadsTo(&["Patient"]), Error),
] };

#[rustfmt::skip]
const HEALTHCARE_SERVICE: Profile = Profile { resource: "HealthcareService",
    source: "CA:eReC 1.1.0 and 1.2.0 HealthcareService", rules: &[
    rule(&["identifier"], NUMBER, Required, Error),
    rule(&[], &["type"], Required, Error),
] };

#[rustfmt::skip]
const LOCATION: Profile = Profile { resource: "Location", source: "CA:eReC 1.1.0 and 1.2.0 Location", rules: &[
    rule(&["identifier"], NUMBER, Required, Error),
] };

const ROLE: &[&str] = &["PractitionerRole"];

#[rustfmt::skip]
const REQUEST_MESSAGE: Content = Content { focus: "ServiceRequest", source: "CA:eReC 1.1.0 MessageBundle ServiceRequest", parts: &[
    (Header, "author", ROLE), (Request, "subject", &["Patient"]), (Request, "requester", ROLE),
    (Request, "performer", &["PractitionerRole", "HealthcareService"]),
] };

/// The ServiceRequest itself may be left out; what goes with it is looked for where it is there (messaging.md 4.2).
#[rustfmt::skip]
const BASED: &[(super::rules::Holder, &str, &[&str])] = &[
    (Header, "author", ROLE), (Request, "subject", &["Patient"]), (Request, "requester", ROLE),
    (Request, "performer", &["PractitionerRole", "HealthcareService"]),
];

const TASK_MESSAGE: Content = Content { focus: "Task", source: "CA:eReC 1.1.0 MessageBundle Task", parts: BASED };
const APPOINTMENT_MESSAGE: Content =
    Content { focus: "Appointment", source: "CA:eReC 1.1.0 MessageBundle Appointment", parts: BASED };
const COMMUNICATION_MESSAGE: Content =
    Content { focus: "Communication", source: "CA:eReC 1.1.0 MessageBundle Communication", parts: BASED };

const CANONICAL: &str = "http://fhir.infoway-inforoute.ca/io/CA-eReC/StructureDefinition/CA-eReC-";

/// The profiles were seen without versions.
const VERSIONS: &[(&str, &[&str])] = &[];

/// CA:eReC 1.1.
pub const CA_1_1: Rules = Rules {
    profiles: &[
        (&BUNDLE, Seen),
        (&MESSAGE_HEADER, Seen),
        (&SERVICE_REQUEST, Seen),
        (&TASK, Seen),
        (&APPOINTMENT, Seen),
        (&COMMUNICATION, Seen),
        (&DOCUMENT_REFERENCE, Seen),
        (&PATIENT, Seen),
        (&QUESTIONNAIRE_RESPONSE, Seen),
        (&HEALTHCARE_SERVICE, Seen),
        (&LOCATION, Seen),
    ],
    contents: &[(&REQUEST_MESSAGE, Seen), (&TASK_MESSAGE, Seen), (&APPOINTMENT_MESSAGE, Seen), (&COMMUNICATION_MESSAGE, Seen)],
    versions: VERSIONS,
    canonical: CANONICAL,
};

/// CA:eReC 1.2: what was not seen of it holds as in 1.1.
pub const CA_1_2: Rules = Rules {
    profiles: &[
        (&BUNDLE, Inferred),
        (&MESSAGE_HEADER, Seen),
        (&SERVICE_REQUEST_1_2, Seen),
        (&TASK, Seen),
        (&APPOINTMENT, Seen),
        (&COMMUNICATION, Inferred),
        (&DOCUMENT_REFERENCE, Inferred),
        (&PATIENT, Seen),
        (&QUESTIONNAIRE_RESPONSE, Seen),
        (&HEALTHCARE_SERVICE, Seen),
        (&LOCATION, Seen),
    ],
    contents: &[
        (&REQUEST_MESSAGE, Inferred),
        (&TASK_MESSAGE, Inferred),
        (&APPOINTMENT_MESSAGE, Inferred),
        (&COMMUNICATION_MESSAGE, Inferred),
    ],
    versions: VERSIONS,
    canonical: CANONICAL,
};
