//! The parts of the CapabilityStatement that the configuration decides: roles, events, profiles.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::search_params::{self, Kind};
use super::{fhir_write, scope};
use crate::proto::guide::dialects::{Dialect, dialect};
use crate::proto::guide::events::{Direction, EVENTS, EventInfo};
use crate::proto::settings::{Messaging, Partner, Role, Settings};

/// How long a repeated message is recognised, in minutes (messaging.md 10.1).
const RELIABLE_CACHE: u32 = 7 * 24 * 60;

/// The parts we take, and the guides our partners speak, in words.
pub(super) fn roles(settings: &Settings) -> String {
    let name = |role: &Role| match role {
        Role::SmartServer => "smart-server",
        Role::SmartApp => "smart-app",
        Role::RmsSource => "rms-source",
        Role::RmsTarget => "rms-target",
    };
    let roles: Vec<&str> = settings.system.roles.iter().map(name).collect();
    let dialects: BTreeSet<&str> = dialects(settings).map(|dialect| dialect.name).collect();
    let mut text = format!("Roles: {}.", roles.join(", "));
    if !dialects.is_empty() {
        let dialects: Vec<&str> = dialects.into_iter().collect();
        text += &format!(" Messages: {}.", dialects.join(", "));
    }
    text
}

/// The dialects of the partners that exchange messages with us.
fn dialects(settings: &Settings) -> impl Iterator<Item = &'static Dialect> {
    let partners = settings.partners.iter().filter(|partner| partner.messaging.is_some());
    partners.filter_map(|partner| dialect(&partner.dialect))
}

/// Where messages are posted, and which events go which way; `None` when no partner exchanges any. An event is named by its code in the
/// code system of events: the guide's MessageDefinitions have no address that is known (messaging.md 3, 19).
pub(super) fn messaging(settings: &Settings) -> Option<Value> {
    let mut supported = BTreeSet::new();
    for partner in &settings.partners {
        let (Some(messaging), Some(dialect)) = (&partner.messaging, dialect(&partner.dialect)) else { continue };
        for event in EVENTS {
            let definition = format!("{}#{}", dialect.event_system, event.code);
            if receives(settings, partner, messaging, event) {
                supported.insert((definition.clone(), "receiver"));
            }
            if sends(settings, partner, messaging, event) {
                supported.insert((definition, "sender"));
            }
        }
    }
    let supported: Vec<Value> =
        supported.into_iter().map(|(definition, mode)| json!({ "mode": mode, "definition": definition })).collect();
    (!supported.is_empty()).then(|| {
        let protocol =
            json!({"system": "http://terminology.hl7.org/CodeSystem/message-transport", "code": "http", "display": "HTTP"});
        json!({
            "endpoint": [{ "protocol": protocol, "address": format!("{}/$process-message", settings.fhir_base()) }],
            "reliableCache": RELIABLE_CACHE,
            "supportedMessage": supported,
        })
    })
}

fn receives(settings: &Settings, partner: &Partner, messaging: &Messaging, event: &EventInfo) -> bool {
    let pair = |ours, theirs| settings.system.roles.contains(&ours) && partner.roles.contains(&theirs);
    !messaging.inbound.is_empty()
        && match event.direction {
            // The main RMS sends this one as Target too (messaging.md 17).
            Direction::SourceToTarget if event.code == "notify-update-service-request" => {
                pair(Role::RmsTarget, Role::RmsSource) || pair(Role::RmsSource, Role::RmsTarget)
            }
            Direction::SourceToTarget => pair(Role::RmsTarget, Role::RmsSource),
            Direction::TargetToSource => pair(Role::RmsSource, Role::RmsTarget),
            Direction::SourceToCopy | Direction::Link => partner.roles.iter().any(|role| is_messaging(*role)),
            Direction::Report => false,
        }
}

fn is_messaging(role: Role) -> bool {
    matches!(role, Role::RmsSource | Role::RmsTarget)
}

fn sends(settings: &Settings, partner: &Partner, messaging: &Messaging, event: &EventInfo) -> bool {
    let pair = |ours, theirs| settings.system.roles.contains(&ours) && partner.roles.contains(&theirs);
    messaging.endpoint.is_some()
        && match event.direction {
            Direction::SourceToTarget => pair(Role::RmsSource, Role::RmsTarget),
            Direction::TargetToSource => pair(Role::RmsTarget, Role::RmsSource),
            Direction::SourceToCopy | Direction::Link | Direction::Report => false,
        }
}

/// One resource type of the FHIR API, with the profiles of it that partners speak, from the tables that the API itself goes by.
pub(super) fn resource(settings: &Settings, resource_type: &str) -> Value {
    let writes = fhir_write::offered(resource_type);
    let written = [("create", scope::CREATE), ("update", scope::UPDATE), ("delete", scope::DELETE)];
    let written = written.into_iter().filter(|(_, letter)| writes & letter != 0).map(|(code, _)| code);
    let interactions: Vec<Value> =
        ["read", "vread", "search-type"].into_iter().chain(written).map(|code| json!({ "code": code })).collect();
    let params: Vec<Value> =
        search_params::of(resource_type).map(|param| json!({ "name": param.name, "type": param.kind.as_str() })).collect();
    let references = search_params::of(resource_type).filter(|param| param.kind == Kind::Reference);
    let includes: Vec<String> = references.map(|param| format!("{resource_type}:{}", param.name)).collect();
    let mut document = serde_json::Map::new();
    document.insert("type".to_owned(), json!(resource_type));
    let profiles: BTreeSet<&str> = dialects(settings).filter_map(|dialect| dialect.profile(resource_type)).collect();
    if !profiles.is_empty() {
        document.insert("supportedProfile".to_owned(), json!(profiles));
    }
    document.insert("interaction".to_owned(), json!(interactions));
    document.insert("versioning".to_owned(), json!("versioned"));
    document.insert("updateCreate".to_owned(), json!(false));
    document.insert("conditionalCreate".to_owned(), json!(writes & scope::CREATE != 0 && resource_type != "Binary"));
    if !includes.is_empty() {
        document.insert("searchInclude".to_owned(), json!(includes));
    }
    document.insert("searchParam".to_owned(), json!(params));
    if resource_type == "Patient" {
        let definition = "http://hl7.org/fhir/OperationDefinition/Patient-everything";
        document.insert(
            "operation".to_owned(),
            json!([{ "name": "everything", "definition": definition, "documentation": EVERYTHING }]),
        );
    }
    Value::Object(document)
}

const EVERYTHING: &str = "One searchset without pages. _type and _since narrow it; start, end and _count are ignored.";
