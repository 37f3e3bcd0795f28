//! Scopes: their grammar, what is granted, and what a granted one allows (smart.md 14).

use serde_json::Value;

use super::search_match::{Criterion, Modifier};
use super::search_params::{self, Kind};
use super::{chart, fhir_write};

/// Create (smart.md 14.1).
pub const CREATE: u8 = 1;
/// Read, vread and the history of one resource.
pub const READ: u8 = 2;
/// Update and patch.
pub const UPDATE: u8 = 4;
/// Delete.
pub const DELETE: u8 = 8;
/// Search.
pub const SEARCH: u8 = 16;

const ALL: u8 = CREATE | READ | UPDATE | DELETE | SEARCH;
const WRITE: u8 = CREATE | UPDATE | DELETE;

const LETTERS: [(char, u8); 5] = [('c', CREATE), ('r', READ), ('u', UPDATE), ('d', DELETE), ('s', SEARCH)];

/// Where a scope may be written as an address, what stands before it (smart.md 14.1).
const URI_FORMS: [&str; 2] = ["http://smarthealthit.org/fhir/scopes/", "http://openid.net/specs/openid-connect-core-1_0#"];

/// What a granular scope may ask of a resource, by equality (smart.md 14.2).
const GRANULAR: [&str; 4] = ["category", "code", "status", "type"];

/// Whose data a resource scope is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// The patient of the launch.
    Patient,
    /// What the user of the launch may see.
    User,
    /// What a system may see that acts for no user.
    System,
}

impl Class {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Patient, Self::User, Self::System];

    /// What stands before the slash.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Patient => "patient",
            Self::User => "user",
            Self::System => "system",
        }
    }
}

/// One scope about resources, e.g. `patient/Observation.rs?category=laboratory`.
#[derive(Clone, Debug, PartialEq, Eq)]
struct ResourceScope {
    class: Class,
    /// A resource type, or `*`.
    resource_type: String,
    letters: u8,
    /// `name=value`, as they were written; a resource has to have them all.
    granular: Vec<String>,
    /// Asked for in the form of SMART 1.0, so answered in it where it can be expressed (smart.md 14.1).
    v1: bool,
}

impl ResourceScope {
    /// `None` for anything that is not wholly understood: such a scope is ignored, never guessed and never widened (smart.md 14.1, 14.2).
    fn parse(text: &str) -> Option<Self> {
        let (head, query) = plain(text).split_once('?').map_or((plain(text), None), |(head, query)| (head, Some(query)));
        let (class, rest) = head.split_once('/')?;
        let (resource_type, letters) = rest.split_once('.')?;
        let class = Class::ALL.into_iter().find(|known| known.as_str() == class)?;
        if resource_type != "*" && !chart::is_known(resource_type) {
            return None;
        }
        let (letters, v1) = match letters {
            "read" => (READ | SEARCH, true),
            "write" => (WRITE, true),
            "*" => (ALL, true),
            _ => (parse_letters(letters)?, false),
        };
        let granular: Vec<String> = query.into_iter().flat_map(|query| query.split('&')).map(str::to_owned).collect();
        let understood = granular.iter().all(|asked| criterion(resource_type, asked).is_some()) && (granular.is_empty() || !v1);
        understood.then(|| Self { class, resource_type: resource_type.to_owned(), letters, granular, v1 })
    }

    fn covers(&self, class: Class, resource_type: &str, letter: u8) -> bool {
        self.class == class && (self.resource_type == "*" || self.resource_type == resource_type) && self.letters & letter != 0
    }

    /// Whether a resource has what a granular scope asks of it.
    fn fits(&self, resource: &Value, base: &str) -> bool {
        self.granular.iter().all(|asked| criterion(&self.resource_type, asked).is_some_and(|asked| asked.matches(resource, base)))
    }

    fn write(&self, out: &mut Vec<String>) {
        let head = format!("{}/{}", self.class.as_str(), self.resource_type);
        let mut letters = self.letters;
        // SMART 1.0 has no word for "create only", where `write` would promise more than there is, and none for granular scopes.
        if self.v1 && self.granular.is_empty() {
            for (word, bits) in [("*", ALL), ("read", READ | SEARCH), ("write", WRITE)] {
                if letters & bits == bits {
                    out.push(format!("{head}.{word}"));
                    letters &= !bits;
                }
            }
        }
        if letters != 0 {
            let text: String = LETTERS.iter().filter(|(_, bit)| letters & bit != 0).map(|(letter, _)| letter).collect();
            let query = if self.granular.is_empty() { String::new() } else { format!("?{}", self.granular.join("&")) };
            out.push(format!("{head}.{text}{query}"));
        }
    }
}

/// A scope without what makes an address of it.
fn plain(text: &str) -> &str {
    URI_FORMS.iter().find_map(|form| text.strip_prefix(form)).unwrap_or(text)
}

/// At least one letter, in the order c, r, u, d, s (smart.md 14.1).
fn parse_letters(text: &str) -> Option<u8> {
    let mut rest = text;
    let mut letters = 0;
    for (letter, bit) in LETTERS {
        if let Some(after) = rest.strip_prefix(letter) {
            letters |= bit;
            rest = after;
        }
    }
    (rest.is_empty() && letters != 0).then_some(letters)
}

/// What one parameter of a granular scope asks; `None` for all that is not the equality of a parameter the type has.
fn criterion(resource_type: &str, asked: &str) -> Option<Criterion> {
    let (name, value) = url::form_urlencoded::parse(asked.as_bytes()).next()?;
    let param = search_params::find(resource_type, &name).filter(|param| param.kind == Kind::Token)?;
    let asks = GRANULAR.contains(&name.as_ref()) && !matches!(value.as_ref(), "" | "|");
    asks.then(|| Criterion::new(param, Modifier::None, &value).ok()).flatten()
}

/// What the FHIR API does for a type, `*` being what it does for every type. Directories are no patient's: under a `patient/` scope they are
/// read by id only (smart.md 14.3). What is written is about the patient of the launch: without one nothing is.
fn offered(class: Class, resource_type: &str, patient: bool) -> u8 {
    if class == Class::Patient && resource_type != "*" && !chart::is_personal(resource_type) {
        return READ;
    }
    READ | SEARCH | if patient { fhir_write::offered(resource_type) } else { 0 }
}

/// What bears on the scopes that can be granted.
#[derive(Clone, Copy, Debug, Default)]
pub struct Circumstances<'a> {
    /// There is a patient in context.
    pub patient: bool,
    /// There is an encounter in context.
    pub encounter: bool,
    /// The user is known as a FHIR resource.
    pub fhir_user: bool,
    /// There is a key to sign id_tokens with.
    pub openid: bool,
    /// A refresh token that ends with the session can be had.
    pub online: bool,
    /// A refresh token that outlives the session can be had.
    pub offline: bool,
    /// A system asks for itself, without user and launch: `system/` scopes and nothing else (smart.md 7.3, 11).
    pub backend: bool,
    /// The launch's `fhirContext`.
    pub context: &'a [Value],
}

/// The scope text holds a character that no scope can have (RFC 6749 3.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

/// Whether a text holds only what scopes can (RFC 6749 3.3).
fn is_legal(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, 0x20 | 0x21 | 0x23..=0x5b | 0x5d..=0x7e))
}

/// Requested, allowed to the client, offered by the API and possible in these circumstances (smart.md 14.2). May be empty.
pub fn grant(requested: &str, allowed: &str, launch: Circumstances<'_>) -> Result<Vec<String>, Malformed> {
    if !is_legal(requested) {
        return Err(Malformed);
    }
    // What no app could ask for is allowed to none: a granted scope may be taken from the allowance, where that is the narrower.
    let allowance = allowed.split_ascii_whitespace().filter(|text| is_legal(text));
    let allowance: Vec<ResourceScope> = allowance.filter_map(ResourceScope::parse).collect();
    let mut words: Vec<String> = Vec::new();
    let mut resources: Vec<ResourceScope> = Vec::new();
    for text in requested.split(' ').filter(|text| !text.is_empty()) {
        if let Some(scope) = ResourceScope::parse(text) {
            let possible = match scope.class {
                // Without a patient in context there is nothing such a scope could mean (smart.md 5.4).
                Class::Patient => launch.patient && !launch.backend,
                Class::User => !launch.backend,
                Class::System => launch.backend,
            };
            if possible {
                narrow(&scope, &allowance, launch.patient, &mut resources);
            }
        } else if word_is_granted(plain(text), allowed, launch) && !words.iter().any(|word| word == plain(text)) {
            words.push(plain(text).to_owned());
        }
    }
    resources.iter().for_each(|scope| scope.write(&mut words));
    Ok(words)
}

fn word_is_granted(text: &str, allowed: &str, launch: Circumstances<'_>) -> bool {
    let in_allowance = |word: &str| allowed.split_ascii_whitespace().any(|known| plain(known) == word);
    if launch.backend {
        return false;
    }
    match text {
        "launch" => in_allowance(text),
        "openid" | "profile" => launch.openid && in_allowance(text),
        "fhirUser" => launch.openid && launch.fhir_user && in_allowance(text),
        "online_access" => launch.online && in_allowance(text),
        "offline_access" => launch.offline && in_allowance(text),
        _ => match text.strip_prefix("launch/") {
            // Hints in an EHR launch, no wider than `launch` itself (smart.md 8).
            Some(hint) => (in_allowance("launch") || in_allowance(text)) && has_context(hint, launch),
            // What else a client and its server agreed on (smart.md 14.1).
            None => (text.starts_with("__") || text.contains("://")) && in_allowance(text),
        },
    }
}

/// Whether there is context of the type that `launch/<type>`, with a role or without, asks for (smart.md 8).
fn has_context(hint: &str, launch: Circumstances<'_>) -> bool {
    let (kind, query) = hint.split_once('?').map_or((hint, None), |(kind, query)| (kind, Some(query)));
    if query.is_some_and(|query| !query.strip_prefix("role=").is_some_and(|role| !role.is_empty() && !role.contains('&'))) {
        return false;
    }
    let is_of_kind = |entry: &Value| {
        let text = |name: &str| entry.get(name).and_then(Value::as_str);
        let own = text("reference").and_then(|reference| reference.split('/').next()).or_else(|| text("type"));
        own.is_some_and(|own| own.to_ascii_lowercase() == kind)
    };
    match kind {
        "patient" => launch.patient,
        "encounter" => launch.encounter,
        _ => launch.context.iter().any(is_of_kind),
    }
}

/// Adds what of `scope` is within the allowance. A wildcard stays one only where the allowance has one (smart.md 14.2).
fn narrow(scope: &ResourceScope, allowance: &[ResourceScope], patient: bool, granted: &mut Vec<ResourceScope>) {
    let ours = |known: &&ResourceScope| known.class == scope.class;
    let mut add = |resource_type: &str, allowed: &ResourceScope, but: u8| {
        let letters = scope.letters & allowed.letters & offered(scope.class, resource_type, patient) & !but;
        let mut granular = scope.granular.clone();
        granular.extend(allowed.granular.iter().filter(|asked| !scope.granular.contains(asked)).cloned());
        let same = |known: &&mut ResourceScope| {
            known.class == scope.class && known.resource_type == resource_type && known.granular == granular
        };
        if letters == 0 {
        } else if let Some(known) = granted.iter_mut().find(same) {
            known.letters |= letters;
            known.v1 |= scope.v1;
        } else {
            granted.push(ResourceScope { resource_type: resource_type.to_owned(), letters, granular, ..scope.clone() });
        }
    };
    if scope.resource_type != "*" {
        let fitting =
            allowance.iter().filter(ours).filter(|known| ["*", &scope.resource_type].contains(&known.resource_type.as_str()));
        return fitting.for_each(|known| add(&scope.resource_type, known, 0));
    }
    let wide = |known: &&ResourceScope| known.resource_type == "*";
    let everywhere =
        allowance.iter().filter(ours).filter(wide).fold(0, |bits, known| bits | known.letters) & offered(scope.class, "*", patient);
    allowance.iter().filter(ours).filter(wide).for_each(|known| add("*", known, 0));
    for resource_type in chart::types() {
        let fitting = allowance.iter().filter(ours).filter(|known| ["*", resource_type].contains(&known.resource_type.as_str()));
        fitting.for_each(|known| add(resource_type, known, everywhere));
    }
}

fn of_class(granted: &str, class: Class, resource_type: &str, letter: u8) -> impl Iterator<Item = ResourceScope> {
    granted.split(' ').filter_map(ResourceScope::parse).filter(move |scope| scope.covers(class, resource_type, letter))
}

/// Whether the scopes of a token allow this interaction with this type, or with some resources of it (smart.md 14.3). Of a resource itself
/// `access::may` decides.
pub fn allows(granted: &str, resource_type: &str, letter: u8) -> bool {
    Class::ALL.into_iter().any(|class| allows_as(granted, class, resource_type, letter))
}

/// The same for the scopes of one class.
pub fn allows_as(granted: &str, class: Class, resource_type: &str, letter: u8) -> bool {
    of_class(granted, class, resource_type, letter).next().is_some()
}

/// Whether the scopes of one class allow this interaction with this resource, granular ones by what it holds. Whose it is is not looked at.
pub fn allows_resource(granted: &str, class: Class, letter: u8, resource: &Value, base: &str) -> bool {
    let resource_type = resource.get("resourceType").and_then(Value::as_str).unwrap_or_default();
    of_class(granted, class, resource_type, letter).any(|scope| scope.fits(resource, base))
}

/// Whether a word such as `launch` is asked for, be it written as an address.
pub fn asks(requested: &str, word: &str) -> bool {
    requested.split(' ').any(|asked| plain(asked) == word)
}

/// Whether a word such as `openid` is among the scopes.
pub fn has(granted: &str, word: &str) -> bool {
    granted.split(' ').any(|known| known == word)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FULL: Circumstances<'_> = Circumstances {
        patient: true,
        encounter: true,
        fhir_user: true,
        openid: true,
        online: false,
        offline: false,
        backend: false,
        context: &[],
    };

    fn granted(requested: &str, allowed: &str) -> String {
        grant(requested, allowed, FULL).unwrap().join(" ")
    }

    #[test]
    fn grants_no_more_than_requested_and_no_more_than_allowed() {
        assert_eq!(granted("launch patient/*.rs user/*.cruds", "launch patient/Patient.r"), "launch patient/Patient.r");
        assert_eq!(granted("patient/Patient.r", "patient/*.rs"), "patient/Patient.r");
        assert_eq!(granted("user/Patient.r", "patient/*.rs"), "");
    }

    #[test]
    fn a_wildcard_stays_one_only_when_the_allowance_has_one() {
        assert_eq!(granted("patient/*.rs", "patient/*.rs"), "patient/*.rs");
        assert_eq!(granted("patient/*.rs", "patient/Observation.rs patient/Patient.r"), "patient/Patient.r patient/Observation.rs");
    }

    #[test]
    fn grants_create_only_where_the_api_has_it() {
        let types = "patient/DocumentReference.cruds patient/Condition.cruds patient/Patient.cruds";
        assert_eq!(granted(types, types), "patient/DocumentReference.crus patient/Condition.crs patient/Patient.rs");
        assert_eq!(granted("patient/Patient.c", "patient/*.cruds"), "");
    }

    #[test]
    fn answers_in_the_old_form_when_asked_in_it() {
        assert_eq!(granted("patient/*.read", "patient/*.rs"), "patient/*.read");
        assert_eq!(
            granted("patient/DocumentReference.*", "patient/*.cruds"),
            "patient/DocumentReference.read patient/DocumentReference.cu"
        );
    }

    #[test]
    fn merges_scopes_of_one_type() {
        assert_eq!(granted("patient/Observation.r patient/Observation.s", "patient/*.rs"), "patient/Observation.rs");
    }

    #[test]
    fn ignores_what_it_does_not_wholly_understand() {
        let odd = "patient/$everything patient/Patient.dus patient/Patient. patient/Nonsense.r system/Patient.r online_access \
                   offline_access launch/patient?x launch/patient?role= launch/imagingstudy unheard-of";
        assert_eq!(granted(odd, &format!("{odd} launch patient/*.cruds system/*.cruds")), "");
    }

    #[test]
    fn drops_patient_scopes_without_a_patient() {
        let launch = Circumstances { patient: false, encounter: false, ..FULL };
        let words =
            grant("launch openid fhirUser launch/patient patient/*.rs", "launch openid fhirUser patient/*.rs", launch).unwrap();
        assert_eq!(words.join(" "), "launch openid fhirUser");
        let words = grant("user/DocumentReference.crus", "user/*.cruds", launch).unwrap();
        assert_eq!(words.join(" "), "user/DocumentReference.rs", "what is written is about the launch's patient");
    }

    #[test]
    fn refuses_characters_no_scope_can_have() {
        assert_eq!(grant("launch\tpatient/*.rs", "launch", FULL), Err(Malformed));
        assert_eq!(grant("launch \"", "launch", FULL), Err(Malformed));
        let allowed = "patient/Observation.rs?category=a\u{1} patient/Condition.rs";
        assert_eq!(grant("patient/*.rs", allowed, FULL).unwrap(), ["patient/Condition.rs"]);
    }

    #[test]
    fn a_letter_allows_only_its_own_interaction() {
        assert!(allows("patient/Patient.r", "Patient", READ));
        assert!(!allows("patient/Patient.r", "Patient", SEARCH));
        assert!(!allows("patient/Patient.r", "Observation", READ));
        assert!(allows("user/*.read", "Observation", SEARCH));
        assert!(!allows_as("patient/*.rs", Class::User, "Practitioner", SEARCH));
    }

    #[test]
    fn granular_scopes_ask_for_equality_and_nothing_else() {
        let lab = "patient/Observation.rs?category=laboratory";
        let both = "patient/Observation.rs?category=laboratory&status=final";
        assert_eq!(granted(&format!("{lab} {both}"), "patient/*.rs"), format!("{lab} {both}"));
        assert_eq!(
            granted("patient/Observation.r?code=http://loinc.org|8302-2", "patient/*.rs"),
            "patient/Observation.r?code=http://loinc.org|8302-2"
        );
        for asked in [
            "category:not=x",
            "category:in=x",
            "_filter=code eq x",
            "subject.name=x",
            "date=2026",
            "category",
            "category=",
            "category=|",
            "value-quantity=5",
            "category=x&date=2026",
            "category=x&",
            "",
            "_id=o1",
            "identifier=x",
        ] {
            assert_eq!(granted(&format!("patient/Observation.rs?{asked}"), "patient/*.rs"), "", "{asked}");
        }
        assert_eq!(
            granted("patient/*.rs?status=final patient/Patient.rs?status=x patient/Observation.read?status=final", "patient/*.rs"),
            ""
        );
    }

    #[test]
    fn an_allowance_that_is_granular_narrows_what_is_granted() {
        let lab = "patient/Observation.rs?category=laboratory";
        assert_eq!(granted("patient/Observation.r", lab), "patient/Observation.r?category=laboratory");
        assert_eq!(granted("patient/*.rs", lab), lab);
        assert_eq!(granted("patient/Observation.rs?status=final", lab), "patient/Observation.rs?status=final&category=laboratory");
        assert_eq!(granted("patient/Observation.read", lab), lab, "the old form could not say it");
    }

    #[test]
    fn a_granular_scope_allows_what_has_all_it_asks() {
        let observation = |category: &str, status: &str| serde_json::json!({"resourceType": "Observation", "status": status, "category": [{"coding": [{"system": "urn:c", "code": category}]}]});
        let allows =
            |granted: &str, resource: &Value| allows_resource(granted, Class::Patient, READ, resource, "https://pos.example/fhir");
        let scope = "patient/Observation.r?category=urn:c|lab&status=final";
        assert!(allows(scope, &observation("lab", "final")) && allows("patient/*.r", &observation("x", "y")));
        assert!(!allows(scope, &observation("lab", "preliminary")) && !allows(scope, &observation("vital", "final")));
        assert!(allows(&format!("{scope} patient/Observation.r?status=amended"), &observation("vital", "amended")));
        assert!(!allows("patient/Observation.s", &observation("lab", "final")));
    }

    #[test]
    fn directories_are_no_patients_so_that_patient_scopes_search_none() {
        assert_eq!(
            granted("patient/Practitioner.rs user/Practitioner.rs", "patient/*.rs user/*.rs"),
            "patient/Practitioner.r user/Practitioner.rs"
        );
    }

    #[test]
    fn a_scope_written_as_an_address_is_the_scope() {
        let requested =
            "http://smarthealthit.org/fhir/scopes/patient/Patient.r http://openid.net/specs/openid-connect-core-1_0#openid";
        assert_eq!(granted(requested, "openid patient/*.rs"), "openid patient/Patient.r");
    }

    #[test]
    fn hints_are_granted_where_there_is_such_context() {
        let context = [
            serde_json::json!({"reference": "ServiceRequest/s1"}),
            serde_json::json!({"identifier": {"value": "x"}, "type": "Task"}),
        ];
        let launch = Circumstances { context: &context, encounter: false, ..FULL };
        let words = grant(
            "launch/servicerequest launch/task?role=urn:x launch/encounter launch/ServiceRequest launch/patient",
            "launch",
            launch,
        );
        assert_eq!(words.unwrap().join(" "), "launch/servicerequest launch/task?role=urn:x launch/patient");
        assert_eq!(grant("launch/patient", "openid", FULL).unwrap().join(" "), "");
    }

    #[test]
    fn a_backend_gets_system_scopes_and_nothing_else() {
        let asked = "launch openid launch/patient system/*.rs patient/*.rs user/*.rs offline_access";
        let launch = Circumstances { backend: true, offline: true, patient: false, ..FULL };
        assert_eq!(grant(asked, asked, launch).unwrap().join(" "), "system/*.rs");
        assert_eq!(granted("system/*.rs", "system/*.rs"), "");
    }

    #[test]
    fn refresh_and_what_was_agreed_on_are_granted_where_allowed() {
        let launch = Circumstances { online: true, offline: true, ..FULL };
        let asked = "online_access offline_access __agreed urn:x https://rms.example/scope __other";
        let words = grant(asked, "online_access offline_access __agreed https://rms.example/scope urn:x", launch).unwrap();
        assert_eq!(words.join(" "), "online_access offline_access __agreed https://rms.example/scope");
    }
}
