//! What we answer to a message (messaging.md 8.4).

use serde_json::{Value, json};

use crate::error::{Error, Result};
use crate::proto::exchange::Ctx;
use crate::proto::messaging::message::Message;
use crate::proto::store::Millis;

/// The security label of test data.
const TEST_LABEL_SYSTEM: &str = "http://terminology.hl7.org/CodeSystem/v3-ActReason";

/// The answer to an accepted message: a MessageHeader that names it, source and destination swapped (messaging.md 8.4).
pub(super) fn bundle(ctx: &Ctx, message: &Message) -> Result<Vec<u8>> {
    let settings = ctx.settings();
    let request = message.header();
    let (header_id, bundle_id) = (ctx.id(), ctx.id());
    let mut coding = json!({});
    if let Some(system) = request.event_system() {
        coding["system"] = Value::from(system);
    }
    coding["code"] = Value::from(request.event_code());
    let mut header = json!({"resourceType": "MessageHeader", "id": header_id});
    let mut bundle = json!({"resourceType": "Bundle", "id": bundle_id});
    if settings.test {
        let meta = json!({"security": [{"system": TEST_LABEL_SYSTEM, "code": "HTEST", "display": "test health data"}]});
        header["meta"] = meta.clone();
        bundle["meta"] = meta;
    }
    header["eventCoding"] = coding;
    if let Some(endpoint) = &request.source.endpoint {
        let mut destination = json!({});
        if let Some(name) = &request.source.name {
            destination["name"] = Value::from(name.as_str());
        }
        destination["endpoint"] = Value::from(endpoint.as_str());
        header["destination"] = json!([destination]);
    }
    header["source"] = json!({
        "name": settings.system.name, "software": settings.system.software, "version": settings.system.version,
        "endpoint": format!("{}/$process-message", settings.fhir_base()),
    });
    header["response"] = json!({"identifier": message.message_id(), "code": "ok"});
    bundle["type"] = Value::from("message");
    bundle["timestamp"] = Value::from(timestamp(ctx.now()));
    bundle["entry"] = json!([{"fullUrl": format!("urn:uuid:{header_id}"), "resource": header}]);
    serde_json::to_vec(&bundle).map_err(|_| Error::new(crate::error::EREF_PANIC, "the answer could not be written"))
}

/// `YYYY-MM-DDThh:mm:ss.sssZ` (messaging.md 4.1).
fn timestamp(now: Millis) -> String {
    let instant = jiff::Timestamp::from_millisecond(now).unwrap_or_default();
    instant.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
}
