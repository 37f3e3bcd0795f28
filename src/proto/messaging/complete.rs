//! A Bundle of the host's own made whole: only what is missing is added (architecture 6).

use serde_json::{Value, json};

use super::Message;
use super::assemble::label;
use super::path::resource_type;
use super::time;
use crate::error::{EREF_CONFIG, EREF_INVALID_CONTENT, Error, Result};
use crate::proto::fhir::reference::bare_uuid;
use crate::proto::guide::dialects;
use crate::proto::settings::{Partner, Settings};
use crate::proto::store::Millis;

/// The message with ids, fullUrls, timestamp, profiles and the label of test data where it has none; whatever is there stays. It counts as
/// the same content as before. Errors: `EREF_CONFIG` (dialect), those of [`Message::parse`].
pub fn completed(
    message: &Message,
    settings: &Settings,
    partner: &Partner,
    now: Millis,
    random: &dyn Fn() -> [u8; 32],
) -> Result<Message> {
    let dialect =
        dialects::dialect(&partner.dialect).ok_or_else(|| Error::new(EREF_CONFIG, "the partner's dialect is not known"))?;
    let unreadable = |_| Error::new(EREF_INVALID_CONTENT, "the message cannot be read as JSON");
    let mut bundle: Value = serde_json::from_slice(message.bundle()).map_err(unreadable)?;
    let uuid = || {
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&random()[..16]);
        uuid::Builder::from_random_bytes(bytes).into_uuid().to_string()
    };
    let add = |place: &mut Value, member: &str, value: Value| {
        if place.get(member).is_none_or(Value::is_null)
            && let Some(members) = place.as_object_mut()
        {
            members.insert(member.to_owned(), value);
        }
    };
    let id = uuid();
    add(&mut bundle, "id", json!(id));
    if dialect.bundle_identifier {
        add(&mut bundle, "identifier", json!({"system": "urn:ietf:rfc:3986", "value": format!("urn:uuid:{id}")}));
    }
    add(&mut bundle, "timestamp", json!(time::timestamp(now, settings.system.time_zone.as_deref())));
    label(&mut bundle, Some(dialect.bundle_profile), settings.test);
    for entry in bundle.get_mut("entry").and_then(Value::as_array_mut).into_iter().flatten() {
        let full_url = entry.get("fullUrl").and_then(Value::as_str).map(str::to_owned);
        let Some(resource) = entry.get_mut("resource") else { continue };
        let own = full_url.as_deref().and_then(bare_uuid).map_or_else(&uuid, str::to_owned);
        add(resource, "id", json!(own));
        label(resource, dialect.profile(resource_type(resource)), settings.test);
        let (kind, id) =
            (resource_type(resource).to_owned(), resource.get("id").and_then(Value::as_str).unwrap_or_default().to_owned());
        let url = if bare_uuid(&id).is_some() { format!("urn:uuid:{id}") } else { format!("{}/{kind}/{id}", settings.fhir_base()) };
        add(entry, "fullUrl", json!(url));
    }
    let bytes = serde_json::to_vec(&bundle).map_err(unreadable)?;
    Message::composed(bytes, message.content_identity(), &settings.limits)
}
