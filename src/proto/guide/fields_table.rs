//! The field table: the plain names a host reads and writes (architecture: field table). Names are ABI.

use super::codes;
use super::field::Home::*;
use super::field::Kind::{Code, Date, DateTime, Instant, Integer, Line, Markup, Text, Uri};
use super::field::Need::{OneOf, Optional, Required};
use super::field::{Field, coded, on, read, write};

const HCN_VERSION: &str = "identifier[type.coding.code=JHN].extension[url=http://ehealthontario.ca/fhir/StructureDefinition/ext-id-health-card-version-code].valueString";

/// All fields, in the order in which they stand in forms and documents, and in which they are written.
#[rustfmt::skip]
pub const FIELDS: &[Field] = &[
    read("event", &[(Header, "eventCoding.code")], Line(64), on::ALL, "notify-add-appointment", "The event, in the spelling this library sends."),
    read("message.id", &[(Header, "id")], Line(64), on::ALL, "0f3c1c52-6d0e-4c37-9a53-6d5b1f8f2a10", "MessageHeader.id: the same when the message comes again."),
    read("message.bundle_id", &[(Envelope, "id")], Line(64), on::ALL, "8a4f5d2e-52c6-4f0e-a6b0-4dd1f6c1e7aa", "Bundle.id: may differ when the message comes again."),
    read("message.timestamp", &[(Envelope, "timestamp")], Instant, on::ALL, "2026-05-01T09:12:00.000-04:00", "When the sender made the Bundle."),
    write("message.reason", &[(Header, "reason.text"), (Header, "reason.coding[0].display"), (Header, "reason.coding[0].code")], Line(255), on::ALL, Optional, "Initial", "Why the message is sent."),
    read("source.name", &[(Header, "source.name")], Line(255), on::ALL, "Fracture Clinic RMS", "The sending system."),
    read("source.software", &[(Header, "source.software")], Line(255), on::ALL, "ExampleRMS", "Its software."),
    read("source.endpoint", &[(Header, "source.endpoint")], Uri, on::ALL, "https://rms.example/fhir/$process-message", "Where it takes messages. Not an identity."),

    write("referral.identifier[].system", &[(Request, "identifier[].system"), (Focus, "basedOn[].identifier.system"), (Header, "extension[url~=/ext-referral-identifier].valueIdentifier.system")], Uri, on::ALL, Optional, "https://pos.example/fhir/NamingSystem/referral", "Who numbered the referral. Left out in a draft: our own system."),
    write("referral.identifier[].value", &[(Request, "identifier[].value"), (Focus, "basedOn[].identifier.value"), (Header, "extension[url~=/ext-referral-identifier].valueIdentifier.value")], Line(255), on::ALL, Optional, "R-1001", "The number of the referral. Left out in a new referral: a random one."),
    coded(write("referral.status", &[(Request, "status")], Code, on::ALL, Optional, "active", "How the referral stands with the requester."), codes::REQUEST_STATUS),
    write("referral.category.code", &[(Request, "category[0].coding[0].code")], Line(64), on::ALL, Required, "183545006", "What kind of care is asked for, a SNOMED CT code agreed with the partner."),
    write("referral.category.display", &[(Request, "category[0].coding[0].display"), (Request, "category[0].text")], Line(255), on::ALL, Required, "Orthopaedic surgery", "The same in words."),
    coded(write("referral.priority", &[(Request, "priority")], Code, on::ALL, Optional, "routine", "How soon."), codes::PRIORITY),
    write("referral.authored", &[(Request, "authoredOn")], DateTime, on::ALL, Optional, "2026-05-01T09:10:00-04:00", "When the referral was written. Left out in a draft: now."),
    write("referral.reason", &[(Request, "reasonCode[0].text"), (Request, "reasonCode[0].coding[0].display")], Text(5000), on::ALL, OneOf("reason"), "Knee pain for six months", "Why the patient is referred."),
    write("referral.note[]", &[(Request, "note[].text")], Markup(100_000), on::ALL, OneOf("reason"), "Please see soon.", "Further text. HTML is read as plain text."),

    read("patient.id", &[(Patient, "id")], Line(64), on::ALL, "p1", "The Patient's id in this message."),
    write("patient.health_number", &[(Patient, "identifier[type.coding.code=JHN].value"), (Patient, "identifier[system~=-patient-hcn|-patient-healthcare-id].value")], Line(20), on::ALL, Optional, "9999999999", "Health card number."),
    write("patient.health_number.version", &[(Patient, HCN_VERSION), (Patient, "identifier[type.coding.code=JHN].extension[url~=ersion].valueString")], Line(4), on::ALL, Optional, "ZZ", "Version code of the health card."),
    write("patient.mrn", &[(Patient, "identifier[type.coding.code=MR].value")], Line(64), on::ALL, Optional, "T-0001", "Number in the sender's chart."),
    write("patient.mrn.system", &[(Patient, "identifier[type.coding.code=MR].system")], Uri, on::ALL, Optional, "https://pos.example/fhir/NamingSystem/mrn", "Whose chart. Left out in a draft: ours."),
    read("patient.identifier[].system", &[(Patient, "identifier[].system")], Uri, on::ALL, "https://fhir.infoway-inforoute.ca/NamingSystem/ca-on-patient-hcn", "Every identifier as received: its system."),
    read("patient.identifier[].value", &[(Patient, "identifier[].value")], Line(255), on::ALL, "9999999999", "Its value."),
    read("patient.identifier[].type", &[(Patient, "identifier[].type.coding[0].code"), (Patient, "identifier[].type.text")], Line(255), on::ALL, "JHN", "Its type: JHN health number, MR chart number."),
    read("patient.name.text", &[(Patient, "name[0].text")], Line(255), on::ALL, "Anna Testpatient", "The whole name, where the sender gave it."),
    write("patient.name.family", &[(Patient, "name[0].family")], Line(255), on::ALL, Required, "Testpatient", "Family name."),
    write("patient.name.given[]", &[(Patient, "name[0].given[]")], Line(255), on::ALL, Optional, "Anna", "Given names, first one first."),
    write("patient.phone", &[(Patient, "telecom[system=phone].value")], Line(64), on::ALL, Optional, "416-555-0100", "Telephone."),
    write("patient.email", &[(Patient, "telecom[system=email].value")], Line(255), on::ALL, Optional, "anna@testpatient.example", "E-mail address."),
    coded(write("patient.gender", &[(Patient, "gender")], Code, on::ALL, Required, "female", "Administrative gender."), codes::GENDER),
    write("patient.birth_date", &[(Patient, "birthDate")], Date, on::ALL, Optional, "1980-02-29", "Date of birth, also a year or a month."),
    write("patient.address.line[]", &[(Patient, "address[0].line[]")], Line(255), on::ALL, Optional, "1 Sample Street", "Street."),
    write("patient.address.city", &[(Patient, "address[0].city")], Line(255), on::ALL, Optional, "Toronto", "Town."),
    write("patient.address.province", &[(Patient, "address[0].state")], Line(64), on::ALL, Optional, "ON", "Province."),
    write("patient.address.postal_code", &[(Patient, "address[0].postalCode")], Line(16), on::ALL, Optional, "M5V 0A0", "Postal code."),
    read("patient.language", &[(Patient, "communication[0].language.text"), (Patient, "communication[0].language.coding[0].display"), (Patient, "communication[0].language.coding[0].code")], Line(64), on::ALL, "French", "Language to speak with the patient."),

    write("requester.licence", &[(Requester, "identifier[system~=ca-on-license-physician].value"), (RequesterRole, "identifier[system~=ca-on-license-physician].value"), (Requester, "identifier[type.coding.code=MD|LN].value")], Line(64), on::ALL, Optional, "999999", "Licence number of the physician."),
    write("requester.billing_number", &[(Requester, "identifier[system~=ca-on-ohip-billing-id].value")], Line(64), on::ALL, Optional, "999999", "OHIP billing number."),
    read("requester.name.text", &[(Requester, "name[0].text"), (RequesterRole, "practitioner.display")], Line(255), on::ALL, "Dr. Paul Fakename", "The whole name, where the sender gave it."),
    write("requester.name.family", &[(Requester, "name[0].family")], Line(255), on::ALL, OneOf("requester"), "Fakename", "Family name of the person who refers."),
    write("requester.name.given[]", &[(Requester, "name[0].given[]")], Line(255), on::ALL, Optional, "Paul", "Given names."),
    write("requester.organization", &[(RequesterOrganization, "name"), (RequesterRole, "organization.display"), (RequesterLocation, "name")], Line(255), on::ALL, OneOf("requester"), "Riverside Family Health", "The practice."),
    write("requester.phone", &[(RequesterLocation, "telecom[system=phone].value"), (RequesterRole, "telecom[system=phone].value"), (Requester, "telecom[system=phone].value")], Line(64), on::ALL, Optional, "416-555-0101", "Telephone of the practice."),
    write("requester.fax", &[(RequesterLocation, "telecom[system=fax].value"), (RequesterRole, "telecom[system=fax].value"), (Requester, "telecom[system=fax].value")], Line(64), on::ALL, Optional, "416-555-0102", "Fax of the practice."),
    write("user.name", &[(User, "name[0].text"), (User, "name[0].family")], Line(255), on::ALL, Optional, "Sam Sampleuser", "Who acted. Required by the guide when a person did."),
    read("user.name.family", &[(User, "name[0].family")], Line(255), on::ALL, "Sampleuser", "Family name of who acted, where the sender gave it."),
    read("user.name.given[]", &[(User, "name[0].given[]")], Line(255), on::ALL, "Sam", "Given names of who acted."),

    write("target.listing", &[(TargetRole, "identifier[system~=/id-referral-target-reference].value")], Line(255), on::ALL, OneOf("target"), "fracture-clinic-1", "Where the referral goes: the partner's key of the listing."),
    read("target.name.text", &[(Target, "name[0].text"), (TargetRole, "practitioner.display")], Line(255), on::ALL, "Dr. Clara Samplesurgeon", "The whole name of the person who is to perform, where the sender gave it."),
    write("target.name.family", &[(Target, "name[0].family")], Line(255), on::ALL, OneOf("target"), "Samplesurgeon", "Family name of the person who is to perform."),
    write("target.name.given[]", &[(Target, "name[0].given[]")], Line(255), on::ALL, Optional, "Clara", "Given names."),
    write("target.organization", &[(TargetOrganization, "name"), (TargetRole, "organization.display")], Line(255), on::ALL, OneOf("target"), "Fracture Clinic", "The clinic."),
    write("target.location", &[(TargetLocation, "name"), (TargetRole, "location[0].display")], Line(255), on::ALL, Optional, "East site", "Its site."),
    read("target.specialty", &[(TargetRole, "specialty[0].text"), (TargetRole, "specialty[0].coding[0].display")], Line(255), on::ALL, "Orthopaedics", "What it does."),
    write("target.phone", &[(TargetLocation, "telecom[system=phone].value"), (TargetRole, "telecom[system=phone].value")], Line(64), on::ALL, Optional, "416-555-0103", "Its telephone."),
    write("target.fax", &[(TargetLocation, "telecom[system=fax].value"), (TargetRole, "telecom[system=fax].value")], Line(64), on::ALL, Optional, "416-555-0104", "Its fax."),

    coded(write("task.status", &[(Task, "status")], Code, on::TASK, Required, "accepted", "How the referral stands with the performer."), codes::TASK_STATUS),
    write("task.status_reason", &[(Task, "statusReason.text"), (Task, "statusReason.coding[0].display")], Line(1000), on::TASK, Optional, "Incomplete information", "Why."),
    write("task.business_status", &[(Task, "businessStatus.text"), (Task, "businessStatus.coding[0].display")], Line(1000), on::TASK, Optional, "Waiting for imaging", "The same in the clinic's own words."),
    coded(write("task.code", &[(Task, "code.coding[0].code"), (Task, "code.text")], Code, on::TASK, Optional, "process-request", "What the task is: a referral or an eConsult."), codes::TASK_CODE),
    write("task.note[]", &[(Task, "note[].text")], Markup(100_000), on::TASK, Optional, "Bring the images.", "Further text."),
    write("task.modified", &[(Task, "lastModified"), (Task, "authoredOn")], DateTime, on::TASK, Optional, "2026-05-02T10:00:00-04:00", "When the status changed. Left out in a draft: now."),

    write("appointment.identifier", &[(Appointment, "identifier[0].value"), (Appointment, "id")], Line(255), on::APPOINTMENT, Optional, "A-77", "The clinic's own number of the booking; keep it for changes."),
    coded(write("appointment.status", &[(Appointment, "status")], Code, on::APPOINTMENT, Optional, "booked", "How the booking stands. Left out in a draft: booked."), codes::APPOINTMENT_STATUS),
    write("appointment.description", &[(Appointment, "description")], Line(1000), on::APPOINTMENT, Optional, "First visit", "What it is."),
    write("appointment.start", &[(Appointment, "start")], Instant, on::APPOINTMENT, Required, "2026-05-09T14:30:00-04:00", "When it starts."),
    write("appointment.end", &[(Appointment, "end")], Instant, on::APPOINTMENT, Required, "2026-05-09T15:00:00-04:00", "When it ends."),
    write("appointment.comment", &[(Appointment, "comment")], Text(5000), on::APPOINTMENT, Optional, "Left knee", "A remark."),
    write("appointment.instruction", &[(Appointment, "patientInstruction")], Text(5000), on::APPOINTMENT, Optional, "Bring your health card.", "What the patient is to do."),
    write("appointment.location", &[(AppointmentLocation, "name"), (Appointment, "participant[actor.reference~=Location/].actor.display")], Line(255), on::APPOINTMENT, Optional, "Room 4", "Where it is."),

    write("communication.identifier", &[(Communication, "identifier[0].value"), (Communication, "id")], Line(255), on::COMMUNICATION, Optional, "C-5", "The sender's own number; an answer names it."),
    write("communication.in_response_to", &[(Communication, "inResponseTo[0].identifier.value"), (Communication, "inResponseTo[0].reference")], Line(255), on::COMMUNICATION, Optional, "C-4", "The communication this one answers."),
    write("communication.in_response_to.system", &[(Communication, "inResponseTo[0].identifier.system")], Uri, on::COMMUNICATION, Optional, "https://rms.example/fhir/NamingSystem/communication", "Who numbered that one."),
    coded(write("communication.category", &[(Communication, "category[0].text"), (Communication, "category[0].coding[0].code")], Line(64), on::COMMUNICATION, Optional, "request-for-information", "What kind of message."), codes::COMMUNICATION_CATEGORY),
    write("communication.sent", &[(Communication, "sent")], DateTime, on::COMMUNICATION, Optional, "2026-05-03T08:00:00-04:00", "When it was sent. Left out in a draft: now."),
    write("communication.text[]", &[(Communication, "payload[].contentString")], Text(100_000), on::COMMUNICATION, Required, "Please send the X-ray report.", "The message."),

    read("attachment[].title", &[(Attachments, "[].title")], Line(255), on::ALL, "letter.pdf", "File name."),
    read("attachment[].content_type", &[(Attachments, "[].contentType")], Line(255), on::ALL, "application/pdf", "Media type."),
    read("attachment[].size", &[(Attachments, "[].data"), (Attachments, "[].size")], Integer, on::ALL, "20480", "Size in bytes."),
    read("attachment[].url", &[(Attachments, "[].url")], Uri, on::ALL, "https://rms.example/fhir/Binary/1", "Where it is, when it is not in the message."),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stand_once_and_every_field_has_a_place_and_words() {
        let mut names: Vec<&str> = FIELDS.iter().map(|field| field.name).collect();
        names.sort_unstable();
        assert!(names.windows(2).all(|pair| pair[0] != pair[1]));
        assert!(FIELDS.iter().all(|field| !field.places.is_empty() && !field.about.is_empty() && !field.example.is_empty()));
        assert!(FIELDS.iter().all(|field| field.kind != Code || !field.codes.is_empty()));
    }

    #[test]
    fn a_name_repeats_exactly_when_its_written_place_does() {
        for field in FIELDS {
            assert_eq!(field.name.contains("[]"), field.places[0].1.contains("[]"), "{}", field.name);
        }
    }
}
