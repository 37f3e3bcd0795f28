//! Scopes: their grammar, what is granted, and what a granted one allows (smart.md 14).

use super::chart;

/// Create (smart.md 14.1).
pub const CREATE: u8 = 1;
/// Read and vread.
pub const READ: u8 = 2;
/// Update and patch.
const UPDATE: u8 = 4;
/// Delete.
const DELETE: u8 = 8;
/// Search.
pub const SEARCH: u8 = 16;

const LETTERS: [(char, u8); 5] = [('c', CREATE), ('r', READ), ('u', UPDATE), ('d', DELETE), ('s', SEARCH)];

/// Whose data a resource scope is about. `system/` has no use here: every token belongs to a launch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// The patient of the launch.
    Patient,
    /// What the user of the launch may see.
    User,
}

impl Class {
    fn as_str(self) -> &'static str {
        match self {
            Self::Patient => "patient",
            Self::User => "user",
        }
    }
}

/// One scope about resources, e.g. `patient/Observation.rs`.
#[derive(Clone, Debug, PartialEq, Eq)]
struct ResourceScope {
    class: Class,
    /// A resource type, or `*`.
    resource_type: String,
    letters: u8,
    /// Asked for in the form of SMART 1.0, so answered in it where it can be expressed (smart.md 14.1).
    v1: bool,
}

impl ResourceScope {
    /// `None` for anything that is not wholly understood: such a scope is ignored, never guessed (smart.md 14.1). That includes
    /// granular scopes, which are not offered.
    fn parse(text: &str) -> Option<Self> {
        let (class, rest) = text.split_once('/')?;
        let (resource_type, letters) = rest.split_once('.')?;
        let class = match class {
            "patient" => Class::Patient,
            "user" => Class::User,
            _ => return None,
        };
        if resource_type != "*" && !chart::is_known(resource_type) {
            return None;
        }
        let (letters, v1) = match letters {
            "read" => (READ | SEARCH, true),
            "write" => (CREATE | UPDATE | DELETE, true),
            "*" => (CREATE | READ | UPDATE | DELETE | SEARCH, true),
            _ => (parse_letters(letters)?, false),
        };
        Some(Self { class, resource_type: resource_type.to_owned(), letters, v1 })
    }

    fn covers(&self, class: Class, resource_type: &str) -> bool {
        self.class == class && (self.resource_type == "*" || self.resource_type == resource_type)
    }

    fn write(&self, out: &mut Vec<String>) {
        let head = format!("{}/{}", self.class.as_str(), self.resource_type);
        let mut letters = self.letters;
        if self.v1 && letters & (READ | SEARCH) == READ | SEARCH {
            out.push(format!("{head}.read"));
            letters &= !(READ | SEARCH);
        }
        // SMART 1.0 has no word for "create only", and `write` would promise more than there is.
        if letters != 0 {
            let text: String = LETTERS.iter().filter(|(_, bit)| letters & bit != 0).map(|(letter, _)| letter).collect();
            out.push(format!("{head}.{text}"));
        }
    }
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

/// What the FHIR API does for a type, `*` being what it does for every type.
fn offered(resource_type: &str) -> u8 {
    if resource_type == "DocumentReference" { CREATE | READ | SEARCH } else { READ | SEARCH }
}

/// What of the launch bears on the scopes that can be granted.
#[derive(Clone, Copy, Debug, Default)]
pub struct Circumstances {
    /// There is a patient in context.
    pub patient: bool,
    /// There is an encounter in context.
    pub encounter: bool,
    /// The user is known as a FHIR resource.
    pub fhir_user: bool,
    /// There is a key to sign id_tokens with.
    pub openid: bool,
}

impl Circumstances {
    /// Nothing of the launch stands in the way.
    pub const ALL: Self = Self { patient: true, encounter: true, fhir_user: true, openid: true };
}

/// The scope text holds a character that no scope can have (RFC 6749 3.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

/// Requested, allowed to the client, offered by the API and possible in this launch (smart.md 14.2). May be empty.
pub fn grant(requested: &str, allowed: &str, launch: Circumstances) -> Result<Vec<String>, Malformed> {
    let legal = |byte: u8| matches!(byte, 0x20 | 0x21 | 0x23..=0x5b | 0x5d..=0x7e);
    if !requested.bytes().all(legal) {
        return Err(Malformed);
    }
    let allowance: Vec<ResourceScope> = allowed.split_ascii_whitespace().filter_map(ResourceScope::parse).collect();
    let mut words: Vec<String> = Vec::new();
    let mut resources: Vec<ResourceScope> = Vec::new();
    let offline = has(requested, "offline_access");
    for text in requested.split(' ').filter(|text| !text.is_empty()) {
        if let Some(scope) = ResourceScope::parse(text) {
            // Without a patient in context there is nothing such a scope could mean (smart.md 5.4).
            if scope.class == Class::User || launch.patient {
                narrow(&scope, &allowance, &mut resources);
            }
        } else if word_is_granted(text, allowed, launch, offline) && !words.iter().any(|word| word == text) {
            words.push(text.to_owned());
        }
    }
    resources.iter().for_each(|scope| scope.write(&mut words));
    Ok(words)
}

fn word_is_granted(text: &str, allowed: &str, launch: Circumstances, offline: bool) -> bool {
    let in_allowance = |word: &str| allowed.split_ascii_whitespace().any(|known| known == word);
    match text {
        "launch" | "offline_access" => in_allowance(text),
        // Who may go on without the user needs no word for going on with them (smart.md 10).
        "online_access" => in_allowance(text) && !(offline && in_allowance("offline_access")),
        "openid" | "profile" => launch.openid && in_allowance(text),
        "fhirUser" => launch.openid && launch.fhir_user && in_allowance(text),
        // Hints in an EHR launch, no wider than `launch` itself (smart.md 8).
        "launch/patient" => launch.patient && in_allowance("launch"),
        "launch/encounter" => launch.encounter && in_allowance("launch"),
        _ => false,
    }
}

/// Adds what of `scope` is within the allowance. A wildcard stays one only where the allowance has one (smart.md 14.2).
fn narrow(scope: &ResourceScope, allowance: &[ResourceScope], granted: &mut Vec<ResourceScope>) {
    let allowed = |resource_type: &str| {
        let bits =
            allowance.iter().filter(|known| known.covers(scope.class, resource_type)).fold(0, |bits, known| bits | known.letters);
        bits & scope.letters & offered(resource_type)
    };
    let mut add = |resource_type: &str, letters: u8| {
        let same = |known: &&mut ResourceScope| known.class == scope.class && known.resource_type == resource_type;
        if letters == 0 {
        } else if let Some(known) = granted.iter_mut().find(same) {
            known.letters |= letters;
            known.v1 |= scope.v1;
        } else {
            granted.push(ResourceScope { resource_type: resource_type.to_owned(), letters, ..scope.clone() });
        }
    };
    if scope.resource_type != "*" {
        return add(&scope.resource_type, allowed(&scope.resource_type));
    }
    let everywhere = allowed("*");
    add("*", everywhere);
    for resource_type in chart::types() {
        add(resource_type, allowed(resource_type) & !everywhere);
    }
}

/// Whether the scopes of a token allow this interaction with this type (smart.md 14.3).
pub fn allows(granted: &str, resource_type: &str, letter: u8) -> bool {
    [Class::Patient, Class::User].into_iter().any(|class| allows_as(granted, class, resource_type, letter))
}

/// The same for the scopes of one class.
pub fn allows_as(granted: &str, class: Class, resource_type: &str, letter: u8) -> bool {
    let mut scopes = granted.split(' ').filter_map(ResourceScope::parse);
    scopes.any(|scope| scope.covers(class, resource_type) && scope.letters & letter != 0)
}

/// Whether a word such as `openid` is among the scopes.
pub fn has(granted: &str, word: &str) -> bool {
    granted.split(' ').any(|known| known == word)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FULL: Circumstances = Circumstances { patient: true, encounter: true, fhir_user: true, openid: true };

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
        assert_eq!(granted("patient/*.cruds", "patient/*.cruds"), "patient/*.rs patient/DocumentReference.c");
        assert_eq!(granted("patient/Patient.c", "patient/*.cruds"), "");
    }

    #[test]
    fn answers_in_the_old_form_when_asked_in_it() {
        assert_eq!(granted("patient/*.read", "patient/*.rs"), "patient/*.read");
        assert_eq!(
            granted("patient/DocumentReference.*", "patient/*.cruds"),
            "patient/DocumentReference.read patient/DocumentReference.c"
        );
    }

    #[test]
    fn merges_scopes_of_one_type() {
        assert_eq!(granted("patient/Observation.r patient/Observation.s", "patient/*.rs"), "patient/Observation.rs");
    }

    #[test]
    fn ignores_what_it_does_not_wholly_understand() {
        let odd = "patient/$everything patient/Patient.dus patient/Patient. patient/Nonsense.r patient/Observation.rs?category=laboratory \
                   system/Patient.r online_access offline_access";
        assert_eq!(granted(odd, &format!("{odd} patient/*.cruds system/*.cruds")), "");
    }

    #[test]
    fn drops_patient_scopes_without_a_patient() {
        let launch = Circumstances { patient: false, encounter: false, ..FULL };
        let words =
            grant("launch openid fhirUser launch/patient patient/*.rs", "launch openid fhirUser patient/*.rs", launch).unwrap();
        assert_eq!(words.join(" "), "launch openid fhirUser");
    }

    #[test]
    fn refuses_characters_no_scope_can_have() {
        assert_eq!(grant("launch\tpatient/*.rs", "launch", FULL), Err(Malformed));
        assert_eq!(grant("launch \"", "launch", FULL), Err(Malformed));
    }

    #[test]
    fn a_letter_allows_only_its_own_interaction() {
        assert!(allows("patient/Patient.r", "Patient", READ));
        assert!(!allows("patient/Patient.r", "Patient", SEARCH));
        assert!(!allows("patient/Patient.r", "Observation", READ));
        assert!(allows("user/*.read", "Observation", SEARCH));
        assert!(!allows_as("patient/*.rs", Class::User, "Practitioner", SEARCH));
    }
}
