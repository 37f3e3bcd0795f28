//! The MessageHeader, as far as receiving needs it (messaging.md 4.3).

use std::fmt;
use std::marker::PhantomData;

use serde::de::{IgnoredAny, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::proto::fhir::reference;
use crate::proto::messaging::parse::{OUR_LIMITS, Refusal};
use crate::proto::store::Identifier;

/// Items a list of the header may have: each costs many times its bytes.
const MOST_ITEMS: usize = 1024;

/// `MessageHeader`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Header {
    event_coding: Option<Coding>,
    event_uri: Option<IgnoredAny>,
    /// The sender.
    pub source: Source,
    /// The receivers as the sender knows them.
    #[serde(deserialize_with = "few")]
    pub destination: Vec<Destination>,
    /// What the message is about.
    #[serde(deserialize_with = "few")]
    pub focus: Vec<Reference>,
    /// Who is responsible.
    pub author: Option<Reference>,
    /// Set when this message answers another.
    pub response: Option<ResponsePart>,
    #[serde(deserialize_with = "few")]
    extension: Vec<Extension>,
}

/// Reads a list and keeps one item more than it may have.
fn few<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    struct Few<T>(PhantomData<T>);
    impl<'de, T: Deserialize<'de>> Visitor<'de> for Few<T> {
        type Value = Vec<T>;
        fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
            formatter.write_str("an array")
        }
        fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Vec<T>, A::Error> {
            let mut kept = Vec::new();
            while kept.len() <= MOST_ITEMS {
                let Some(item) = items.next_element()? else { return Ok(kept) };
                kept.push(item);
            }
            while items.next_element::<IgnoredAny>()?.is_some() {}
            Ok(kept)
        }
    }
    deserializer.deserialize_seq(Few(PhantomData))
}

/// A coding.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Coding {
    /// The code system.
    pub system: Option<String>,
    /// The code.
    pub code: Option<String>,
    /// Its words.
    pub display: Option<String>,
}

/// `MessageHeader.source`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Source {
    /// The sending system's name.
    pub name: Option<String>,
    /// Where replies are posted.
    pub endpoint: Option<String>,
}

/// `MessageHeader.destination`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Destination {
    /// The receiving system's name.
    pub name: Option<String>,
    /// Its address.
    pub endpoint: Option<String>,
}

/// A Reference.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Reference {
    reference: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
    identifier: Option<ReferenceIdentifier>,
}

impl Reference {
    /// As resolution takes it.
    pub fn target(&self) -> reference::Reference<'_> {
        let identifier = self.identifier.as_ref();
        reference::Reference {
            reference: self.reference.as_deref(),
            kind: self.kind.as_deref(),
            system: identifier.and_then(|identifier| identifier.system.as_deref()),
            value: identifier.and_then(|identifier| identifier.value.as_deref()),
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ReferenceIdentifier {
    system: Option<String>,
    value: Option<String>,
}

/// `MessageHeader.response`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct ResponsePart {
    /// The `MessageHeader.id` that is answered.
    pub identifier: Option<String>,
    /// `ok`, `transient-error` or `fatal-error`.
    pub code: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Extension {
    url: Option<String>,
    value_string: Option<String>,
    value_code: Option<String>,
    value_identifier: Option<ReferenceIdentifier>,
}

impl Header {
    /// Reads the header from its JSON and checks what a message cannot do without.
    pub fn read(json: &str) -> Result<Self, Refusal> {
        let header: Self = serde_json::from_str(json).map_err(|_| wrong_type(json))?;
        let lists =
            [("destination", header.destination.len()), ("focus", header.focus.len()), ("extension", header.extension.len())];
        if let Some((element, _)) = lists.iter().find(|(_, items)| *items > MOST_ITEMS) {
            let path = format!("Bundle.entry[0].resource.{element}");
            return Err(Refusal::content("too-costly", path, format!("the list has more than {MOST_ITEMS} items"), OUR_LIMITS));
        }
        // Only coded events are exchanged (messaging.md 3).
        if header.event_uri.is_some() {
            let text = "the event is given as eventUri; expected eventCoding";
            return Err(Refusal::content("not-supported", "Bundle.entry[0].resource.eventUri", text, "FHIR R4 MessageHeader"));
        }
        if header.event_code().is_empty() {
            let text = "the message names no event; expected eventCoding with a code";
            return Err(Refusal::content("required", "Bundle.entry[0].resource.eventCoding.code", text, "FHIR R4 MessageHeader"));
        }
        Ok(header)
    }

    /// The event code as received.
    pub fn event_code(&self) -> &str {
        self.event_coding.as_ref().and_then(|coding| coding.code.as_deref()).unwrap_or_default()
    }

    /// The event's code system as received.
    pub fn event_system(&self) -> Option<&str> {
        self.event_coding.as_ref().and_then(|coding| coding.system.as_deref())
    }

    /// Whether the sender wants an answer: `always`, `on-error`, `never` or `on-success` (messaging.md 8.4).
    pub fn response_request(&self) -> Option<&str> {
        const URL: &str = "http://hl7.org/fhir/StructureDefinition/messageheader-response-request";
        self.extension.iter().find(|extension| extension.url.as_deref() == Some(URL))?.value_code.as_deref()
    }

    /// How many extensions carry an identifier.
    pub fn identifier_extensions(&self) -> usize {
        self.extension.iter().filter(|extension| extension.value_identifier.is_some()).count()
    }

    /// The referral identifier that a sender has us echo, in its three spellings (messaging.md 4.3).
    pub fn referral_identifier(&self) -> Option<Identifier> {
        self.extension.iter().find_map(|extension| {
            let name = extension.url.as_deref()?.rsplit('/').next()?;
            match name.split_once('|').map_or(name, |(name, _)| name) {
                "ext-referral-identifier" | "Referral-Identifier-EXT" => {
                    let identifier = extension.value_identifier.as_ref()?;
                    let system = identifier.system.clone().unwrap_or_default();
                    Some(Identifier { system, value: identifier.value.clone()? })
                }
                "ext-id-message-header" => Some(Identifier { system: String::new(), value: extension.value_string.clone()? }),
                _ => None,
            }
        })
    }
}

/// Names the element of another type. It reads a second time, because keeping track of the place costs more than reading.
#[cold]
fn wrong_type(json: &str) -> Refusal {
    let mut deserializer = serde_json::Deserializer::from_str(json);
    let path = serde_path_to_error::deserialize::<_, Header>(&mut deserializer)
        .map_or_else(|error| error.path().to_string(), |_| String::new());
    let path = format!("Bundle.entry[0].resource.{path}");
    // The reader's own words are left out: they quote the value.
    Refusal::content("structure", path, "the element has another JSON type than FHIR gives it", "FHIR R4 MessageHeader")
}
