//! The document of a WRITE event (docs/schema/write.json). The resource itself is added to it when it is handed out.

use serde::Serialize;
use serde_json::Value;

use super::caller::Caller;
use super::fhir_write::Version;
use super::writable;

#[derive(Serialize)]
struct Document<'a> {
    launch_id: &'a str,
    partner: &'a str,
    patient: Option<&'a str>,
    interaction: &'static str,
    #[serde(rename = "type")]
    kind: &'a str,
    id: &'a str,
    version: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    previous_version: Option<u32>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    unconditional: bool,
    title: Option<&'a str>,
    content_type: Option<&'a str>,
    attachments: Vec<Attachment<'a>>,
}

/// What is known of an attachment without opening it.
#[derive(Serialize)]
struct Attachment<'a> {
    title: Option<&'a str>,
    content_type: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<&'a str>,
}

/// The event of this write.
pub fn document(caller: &Caller<'_>, version: &Version<'_>, resource: &Value) -> serde_json::Result<String> {
    let attachments = attachments(resource);
    serde_json::to_string(&Document {
        launch_id: caller.launch(),
        partner: &caller.partner.name,
        patient: caller.patient(),
        interaction: if version.number == 1 { "create" } else { "update" },
        kind: version.kind,
        id: version.id,
        version: version.number,
        previous_version: version.previous,
        unconditional: version.unconditional,
        title: attachments.first().and_then(|first| first.title),
        content_type: attachments.first().and_then(|first| first.content_type),
        attachments,
    })
}

/// A Binary is one itself.
fn attachments(resource: &Value) -> Vec<Attachment<'_>> {
    let contents = resource.get("content").and_then(Value::as_array).into_iter().flatten();
    let inside = contents.filter_map(|content| content.get("attachment"));
    let payloads = resource.get("payload").and_then(Value::as_array).into_iter().flatten();
    let inside = inside.chain(payloads.filter_map(|payload| payload.get("contentAttachment")));
    let itself = resource.get("resourceType").is_some_and(|kind| kind == "Binary").then_some(resource);
    inside.chain(itself).map(attachment).collect()
}

fn attachment(value: &Value) -> Attachment<'_> {
    let text = |name: &str| value.get(name).and_then(Value::as_str);
    Attachment {
        title: text("title"),
        content_type: text("contentType"),
        size: text("data").and_then(writable::decoded_size),
        url: text("url"),
    }
}
