//! What is searched by: for each type its parameters, what kind they are and where in the resource they look (smart.md 16.2; FHIR R4
//! search). Search, granular scopes and the CapabilityStatement all read this one table.

/// How the values of a parameter are compared (FHIR R4 search).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A code, an identifier, true or false.
    Token,
    /// Another resource.
    Reference,
    /// A date, a time or a period.
    Date,
    /// A text, whatever its case and accents.
    String,
    /// An address, compared exactly.
    Uri,
}

impl Kind {
    /// Its code in a CapabilityStatement.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Reference => "reference",
            Self::Date => "date",
            Self::String => "string",
            Self::Uri => "uri",
        }
    }
}

/// One search parameter.
#[derive(Debug)]
pub struct Param {
    /// Its name in a query.
    pub name: &'static str,
    /// How it is compared.
    pub kind: Kind,
    /// The elements it looks at, from the resource on; `|` between several. Arrays are looked through.
    pub path: &'static str,
}

const fn token(name: &'static str, path: &'static str) -> Param {
    Param { name, kind: Kind::Token, path }
}

const fn reference(name: &'static str, path: &'static str) -> Param {
    Param { name, kind: Kind::Reference, path }
}

const fn date(name: &'static str, path: &'static str) -> Param {
    Param { name, kind: Kind::Date, path }
}

const fn string(name: &'static str, path: &'static str) -> Param {
    Param { name, kind: Kind::String, path }
}

const fn uri(name: &'static str, path: &'static str) -> Param {
    Param { name, kind: Kind::Uri, path }
}

/// What every type is searched by.
const COMMON: &[Param] = &[token("_id", "id"), date("_lastUpdated", "meta.lastUpdated")];

const ACTIVE: Param = token("active", "active");
const CATEGORY: Param = token("category", "category");
const CODE: Param = token("code", "code");
const ENCOUNTER: Param = reference("encounter", "encounter");
const FAMILY: Param = string("family", "name.family");
const GIVEN: Param = string("given", "name.given");
const IDENTIFIER: Param = token("identifier", "identifier");
const PERSON: Param = string("name", "name.text|name.family|name.given|name.prefix|name.suffix");
const PATIENT: Param = reference("patient", "patient");
const STATUS: Param = token("status", "status");
const SUBJECT: Param = reference("subject", "subject");
/// The patient as the subject.
const OF: Param = reference("patient", "subject");
const BASED_ON: Param = reference("based-on", "basedOn");
const CLINICAL_STATUS: Param = token("clinical-status", "clinicalStatus");
const VERIFICATION_STATUS: Param = token("verification-status", "verificationStatus");

const TABLE: &[(&str, &[Param])] = &[
    (
        "Patient",
        &[
            IDENTIFIER,
            PERSON,
            FAMILY,
            GIVEN,
            date("birthdate", "birthDate"),
            token("gender", "gender"),
            ACTIVE,
            reference("general-practitioner", "generalPractitioner"),
            reference("organization", "managingOrganization"),
        ],
    ),
    (
        "AllergyIntolerance",
        &[
            PATIENT,
            CLINICAL_STATUS,
            VERIFICATION_STATUS,
            token("code", "code|reaction.substance"),
            CATEGORY,
            token("criticality", "criticality"),
            token("type", "type"),
            date("date", "recordedDate"),
            IDENTIFIER,
        ],
    ),
    (
        "Appointment",
        &[
            reference("patient", "participant.actor"),
            reference("practitioner", "participant.actor"),
            reference("location", "participant.actor"),
            reference("actor", "participant.actor"),
            STATUS,
            date("date", "start"),
            BASED_ON,
            token("service-type", "serviceType"),
            IDENTIFIER,
        ],
    ),
    ("Binary", &[]),
    (
        "CareTeam",
        &[
            OF,
            SUBJECT,
            STATUS,
            CATEGORY,
            date("date", "period"),
            reference("participant", "participant.member"),
            ENCOUNTER,
            IDENTIFIER,
        ],
    ),
    (
        "Communication",
        &[
            OF,
            SUBJECT,
            BASED_ON,
            STATUS,
            CATEGORY,
            date("sent", "sent"),
            date("received", "received"),
            reference("sender", "sender"),
            reference("recipient", "recipient"),
            ENCOUNTER,
            IDENTIFIER,
        ],
    ),
    (
        "Condition",
        &[
            OF,
            SUBJECT,
            CATEGORY,
            CLINICAL_STATUS,
            VERIFICATION_STATUS,
            CODE,
            date("onset-date", "onsetDateTime|onsetPeriod"),
            date("recorded-date", "recordedDate"),
            ENCOUNTER,
            IDENTIFIER,
        ],
    ),
    ("Consent", &[PATIENT, STATUS, CATEGORY, token("scope", "scope"), date("date", "dateTime"), IDENTIFIER]),
    (
        "Coverage",
        &[
            reference("patient", "beneficiary"),
            reference("beneficiary", "beneficiary"),
            STATUS,
            token("type", "type"),
            reference("payor", "payor"),
            IDENTIFIER,
        ],
    ),
    (
        "DiagnosticReport",
        &[
            OF,
            SUBJECT,
            CATEGORY,
            CODE,
            date("date", "effectiveDateTime|effectivePeriod"),
            date("issued", "issued"),
            STATUS,
            BASED_ON,
            reference("performer", "performer"),
            ENCOUNTER,
            IDENTIFIER,
        ],
    ),
    (
        "DocumentReference",
        &[
            OF,
            SUBJECT,
            CATEGORY,
            token("type", "type"),
            date("date", "date"),
            STATUS,
            date("period", "context.period"),
            token("contenttype", "content.attachment.contentType"),
            reference("author", "author"),
            reference("encounter", "context.encounter"),
            token("identifier", "masterIdentifier|identifier"),
        ],
    ),
    (
        "Encounter",
        &[
            OF,
            SUBJECT,
            STATUS,
            token("class", "class"),
            token("type", "type"),
            date("date", "period"),
            reference("participant", "participant.individual"),
            reference("service-provider", "serviceProvider"),
            IDENTIFIER,
        ],
    ),
    (
        "FamilyMemberHistory",
        &[
            PATIENT,
            date("date", "date"),
            STATUS,
            token("code", "condition.code"),
            token("relationship", "relationship"),
            IDENTIFIER,
        ],
    ),
    (
        "HealthcareService",
        &[
            IDENTIFIER,
            string("name", "name"),
            reference("organization", "providedBy"),
            ACTIVE,
            token("service-type", "type"),
            token("specialty", "specialty"),
            reference("location", "location"),
        ],
    ),
    ("Immunization", &[PATIENT, date("date", "occurrenceDateTime"), STATUS, token("vaccine-code", "vaccineCode"), IDENTIFIER]),
    (
        "Location",
        &[
            IDENTIFIER,
            string("name", "name|alias"),
            STATUS,
            token("type", "type"),
            reference("organization", "managingOrganization"),
        ],
    ),
    ("Medication", &[CODE, STATUS, IDENTIFIER]),
    (
        "MedicationRequest",
        &[
            OF,
            SUBJECT,
            STATUS,
            token("intent", "intent"),
            date("authoredon", "authoredOn"),
            token("code", "medicationCodeableConcept"),
            CATEGORY,
            reference("medication", "medicationReference"),
            reference("requester", "requester"),
            ENCOUNTER,
            IDENTIFIER,
        ],
    ),
    (
        "MedicationStatement",
        &[
            OF,
            SUBJECT,
            STATUS,
            CATEGORY,
            token("code", "medicationCodeableConcept"),
            reference("medication", "medicationReference"),
            date("effective", "effectiveDateTime|effectivePeriod"),
            IDENTIFIER,
        ],
    ),
    (
        "Observation",
        &[
            OF,
            SUBJECT,
            CATEGORY,
            CODE,
            date("date", "effectiveDateTime|effectivePeriod|effectiveInstant"),
            STATUS,
            BASED_ON,
            reference("performer", "performer"),
            ENCOUNTER,
            IDENTIFIER,
        ],
    ),
    ("Organization", &[IDENTIFIER, string("name", "name|alias"), ACTIVE, token("type", "type"), reference("partof", "partOf")]),
    ("Practitioner", &[IDENTIFIER, PERSON, FAMILY, GIVEN, ACTIVE]),
    (
        "PractitionerRole",
        &[
            reference("practitioner", "practitioner"),
            reference("organization", "organization"),
            reference("location", "location"),
            token("role", "code"),
            token("specialty", "specialty"),
            ACTIVE,
            IDENTIFIER,
        ],
    ),
    (
        "Procedure",
        &[OF, SUBJECT, date("date", "performedDateTime|performedPeriod"), STATUS, CATEGORY, CODE, BASED_ON, ENCOUNTER, IDENTIFIER],
    ),
    (
        "Questionnaire",
        &[
            string("name", "name"),
            string("title", "title"),
            STATUS,
            uri("url", "url"),
            token("version", "version"),
            date("date", "date"),
            IDENTIFIER,
        ],
    ),
    (
        "QuestionnaireResponse",
        &[
            OF,
            SUBJECT,
            STATUS,
            date("authored", "authored"),
            uri("questionnaire", "questionnaire"),
            BASED_ON,
            reference("author", "author"),
            ENCOUNTER,
            IDENTIFIER,
        ],
    ),
    (
        "RelatedPerson",
        &[
            PATIENT,
            PERSON,
            date("birthdate", "birthDate"),
            token("gender", "gender"),
            ACTIVE,
            token("relationship", "relationship"),
            IDENTIFIER,
        ],
    ),
    (
        "ServiceRequest",
        &[
            OF,
            SUBJECT,
            IDENTIFIER,
            STATUS,
            reference("requester", "requester"),
            date("authored", "authoredOn"),
            token("intent", "intent"),
            CODE,
            CATEGORY,
            token("priority", "priority"),
            token("requisition", "requisition"),
            reference("performer", "performer"),
            date("occurrence", "occurrenceDateTime|occurrencePeriod"),
            BASED_ON,
            ENCOUNTER,
        ],
    ),
    (
        "Task",
        &[
            reference("patient", "for"),
            reference("subject", "for"),
            reference("owner", "owner"),
            BASED_ON,
            reference("focus", "focus"),
            reference("part-of", "partOf"),
            reference("requester", "requester"),
            STATUS,
            token("business-status", "businessStatus"),
            token("intent", "intent"),
            token("priority", "priority"),
            CODE,
            date("authored-on", "authoredOn"),
            date("modified", "lastModified"),
            date("period", "executionPeriod"),
            token("group-identifier", "groupIdentifier"),
            ENCOUNTER,
            IDENTIFIER,
        ],
    ),
];

/// What a type is searched by, what is common to all first.
pub fn of(resource_type: &str) -> impl Iterator<Item = &'static Param> {
    let own = TABLE.iter().find(|(name, _)| *name == resource_type).map_or(&[][..], |(_, list)| list);
    COMMON.iter().chain(own)
}

/// A parameter of a type by its name.
pub fn find(resource_type: &str, name: &str) -> Option<&'static Param> {
    of(resource_type).find(|param| param.name == name)
}

/// Whether a parameter names the patient that a resource is about.
pub fn is_patient(resource_type: &str, name: &str) -> bool {
    resource_type != "Patient" && matches!(name, "patient" | "subject" | "beneficiary")
}

#[cfg(test)]
mod tests {
    use super::super::chart;
    use super::*;
    use crate::proto::fhir::r4::{Holds, R4};

    #[test]
    fn every_type_served_has_its_rows_and_no_name_twice() {
        for kind in chart::types() {
            assert!(TABLE.iter().any(|(name, _)| *name == kind), "{kind}");
            let mut names: Vec<_> = of(kind).map(|param| param.name).collect();
            names.sort_unstable();
            assert!(names.windows(2).all(|pair| pair[0] != pair[1]), "{kind}: {names:?}");
        }
        assert!(TABLE.iter().all(|(name, _)| chart::is_known(name)));
    }

    #[test]
    fn every_path_is_one_of_r4() {
        let r4 = R4::get();
        for (kind, params) in TABLE {
            let Some(start) = r4.resource(kind) else { continue };
            for param in params.iter().chain(COMMON).flat_map(|param| param.path.split('|')) {
                let mut at = Holds::Complex(start);
                for name in param.split('.') {
                    let Holds::Complex(index) = at else { panic!("{kind}.{param}") };
                    let found = r4.kind(index).and_then(|kind| r4.find(kind, name));
                    at = found.unwrap_or_else(|| panic!("{kind}.{param}: {name}")).holds;
                }
            }
        }
    }
}
