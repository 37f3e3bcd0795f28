//! Write-back: the app files a DocumentReference in the chart, and the host gets it as a WRITE event (smart.md 16.4).

// A refusal is the answer itself, made once per request: boxing it would gain nothing.
#![allow(clippy::result_large_err)]

use std::collections::BTreeMap;

use http::StatusCode;
use http::header::{ETAG, LOCATION, RETRY_AFTER};
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Value, json};

use super::caller::Caller;
use super::fhir_api::failed;
use super::{chart, reply, scope, search};
use crate::error::EREF_NOT_FOUND;
use crate::proto::exchange::{Ctx, Signal};
use crate::proto::fhir::outcome::outcome_json;
use crate::proto::http::{Request, Response};
use crate::proto::messaging::parse::check_json;
use crate::proto::store::{ChartResource, WriteBack};

const KIND: &str = "DocumentReference";

/// What of a type can be written, as letters of a scope.
pub fn offered(resource_type: &str) -> u8 {
    if resource_type == KIND { scope::CREATE } else { 0 }
}

/// `POST DocumentReference`. The answer follows the commit.
pub async fn create(ctx: &Ctx, request: &Request, caller: &Caller<'_>) -> Result<Response, Response> {
    caller.demand(KIND, scope::CREATE, "c")?;
    if !["application/fhir+json", "application/json"].contains(&reply::content_type(request).as_str()) {
        return Err(reply::outcome(StatusCode::UNSUPPORTED_MEDIA_TYPE, "not-supported", "the body must be application/fhir+json"));
    }
    if let Some(response) = existing(ctx, request, caller)? {
        return Ok(response);
    }
    let body = ctx.body(ctx.settings().limits.write_bytes).await.map_err(unread)?;
    let (resource, document) = prepare(ctx, caller, &body, ctx.id())?;
    drop(body);
    let write = WriteBack {
        launch_id: caller.launch().to_owned(),
        partner: caller.partner.name.clone(),
        resource,
        event_document: document,
    };
    match ctx.store().write_back(&write, ctx.now()) {
        Ok(()) => {
            ctx.signal(Signal::Queued);
            Ok(created(ctx, request, write.resource))
        }
        // The launch ended while the body came in: its token is not good any more.
        Err(error) if error.status() == EREF_NOT_FOUND => {
            Err(reply::outcome(StatusCode::UNAUTHORIZED, "login", "the launch has ended"))
        }
        Err(error) => Err(failed(ctx, &error)),
    }
}

fn unread(error: crate::proto::exchange::BodyError) -> Response {
    let status = reply::body_status(error);
    let code = if status == StatusCode::PAYLOAD_TOO_LARGE { "too-long" } else { "incomplete" };
    let mut response = reply::outcome(status, code, "the body was not received whole");
    if status == StatusCode::SERVICE_UNAVAILABLE {
        reply::set(&mut response, RETRY_AFTER, "5");
    }
    response
}

/// `If-None-Exist`: an app that lost our answer writes once all the same (FHIR R4 http, conditional create). Also needs `s`.
fn existing(ctx: &Ctx, request: &Request, caller: &Caller<'_>) -> Result<Option<Response>, Response> {
    let Some(header) = request.headers().get("if-none-exist") else {
        return Ok(None);
    };
    caller.demand(KIND, scope::SEARCH, "s")?;
    let query = search::pairs(header.as_bytes());
    let [(name, tokens)] = query.as_slice() else {
        return Err(reply::outcome(StatusCode::BAD_REQUEST, "not-supported", "If-None-Exist takes one identifier"));
    };
    if name != "identifier" {
        return Err(reply::outcome(StatusCode::BAD_REQUEST, "not-supported", "If-None-Exist takes one identifier"));
    }
    let mut found = search::by_identifier(ctx, caller, KIND, tokens)?.into_iter();
    match (found.next(), found.next()) {
        (None, _) => Ok(None),
        (Some(resource), None) => {
            let mut response = reply::fhir(StatusCode::OK, resource.json);
            tell_version(ctx, &mut response, &resource.id, resource.version);
            Ok(Some(response))
        }
        _ => Err(reply::outcome(StatusCode::PRECONDITION_FAILED, "multiple-matches", "more than one resource has this identifier")),
    }
}

fn not_json() -> Response {
    reply::outcome(StatusCode::BAD_REQUEST, "structure", "the body is not a JSON resource")
}

/// Checks the resource and gives it our id and version; the rest of it stays as it came, byte for byte. With it comes the WRITE event's
/// document.
fn prepare(ctx: &Ctx, caller: &Caller<'_>, body: &[u8], id: String) -> Result<(ChartResource, String), Response> {
    let body = std::str::from_utf8(body).map_err(|_| not_json())?;
    check_json(body, KIND, &ctx.settings().limits)
        .map_err(|refusal| reply::fhir(StatusCode::BAD_REQUEST, outcome_json(&[refusal.issue])))?;
    let resource: Value = serde_json::from_str(body).map_err(|_| not_json())?;
    check(ctx, caller, &resource)?;
    let mut members: BTreeMap<String, &RawValue> = serde_json::from_str(body).map_err(|_| not_json())?;
    let now = jiff::Timestamp::from_millisecond(ctx.now()).unwrap_or_default();
    let mut meta = resource.get("meta").cloned().filter(Value::is_object).unwrap_or_else(|| json!({}));
    meta["versionId"] = json!("1");
    meta["lastUpdated"] = json!(now.to_string());
    let (raw_id, meta) = (to_raw_value(&id).map_err(|_| not_json())?, to_raw_value(&meta).map_err(|_| not_json())?);
    members.insert("id".to_owned(), &raw_id);
    members.insert("meta".to_owned(), &meta);
    let json = serde_json::to_string(&members).map_err(|_| not_json())?;
    let attachment = resource.pointer("/content/0/attachment").unwrap_or(&Value::Null);
    let document = event_document(caller, &id, attachment, &json).map_err(|_| not_json())?;
    Ok((ChartResource { resource_type: KIND.to_owned(), id, version: 1, json }, document))
}

/// What a referral's copy must be (smart.md 16.4). Another patient's is refused without a word about that patient (smart.md 14.3).
fn check(ctx: &Ctx, caller: &Caller<'_>, resource: &Value) -> Result<(), Response> {
    let text = |name: &str| resource.get(name).and_then(Value::as_str);
    if text("resourceType") != Some(KIND) {
        return Err(reply::outcome(
            StatusCode::BAD_REQUEST,
            "invalid",
            "DocumentReference.resourceType: expected DocumentReference",
        ));
    }
    let missing = |text: &str| Err(reply::outcome(StatusCode::UNPROCESSABLE_ENTITY, "required", text));
    if text("status") != Some("current") {
        return missing("DocumentReference.status: expected current");
    }
    if resource.pointer("/subject/reference").and_then(Value::as_str).is_none() {
        return missing("DocumentReference.subject.reference: expected the patient of the launch");
    }
    if !chart::in_compartment(resource, caller.patient(), &ctx.settings().fhir_base()) {
        return Err(reply::outcome(
            StatusCode::FORBIDDEN,
            "forbidden",
            "DocumentReference.subject is not the patient of this launch",
        ));
    }
    let is_filled = |content: &Value| {
        content.pointer("/attachment/data").or_else(|| content.pointer("/attachment/url")).is_some_and(Value::is_string)
    };
    // Else an app could make a Binary of this server the patient's by referring to it.
    if chart::binaries(resource, &ctx.settings().fhir_base()).next().is_some() {
        return missing("DocumentReference.content: expected the attachment's data, not a Binary of this server");
    }
    match resource.get("content").and_then(Value::as_array) {
        Some(list) if !list.is_empty() && list.iter().all(is_filled) => Ok(()),
        _ => missing("DocumentReference.content: expected at least one attachment, each with data or url"),
    }
}

/// The WRITE event's document.
fn event_document(caller: &Caller<'_>, id: &str, attachment: &Value, json: &str) -> serde_json::Result<String> {
    #[derive(serde::Serialize)]
    struct Document<'a> {
        launch_id: &'a str,
        partner: &'a str,
        patient: Option<&'a str>,
        #[serde(rename = "type")]
        kind: &'static str,
        id: &'a str,
        title: Option<&'a str>,
        content_type: Option<&'a str>,
        resource: &'a RawValue,
    }
    serde_json::to_string(&Document {
        launch_id: caller.launch(),
        partner: &caller.partner.name,
        patient: caller.patient(),
        kind: KIND,
        id,
        title: attachment.get("title").and_then(Value::as_str),
        content_type: attachment.get("contentType").and_then(Value::as_str),
        resource: serde_json::from_str(json)?,
    })
}

fn tell_version(ctx: &Ctx, response: &mut Response, id: &str, version: u32) {
    reply::set(response, LOCATION, &format!("{}/{KIND}/{id}/_history/{version}", ctx.settings().fhir_base()));
    reply::set(response, ETAG, &format!("W/\"{version}\""));
}

fn created(ctx: &Ctx, request: &Request, resource: ChartResource) -> Response {
    let prefer = request.headers().get_all("prefer").iter().filter_map(|value| value.to_str().ok());
    let minimal = prefer.flat_map(|line| line.split([',', ';'])).any(|word| word.trim() == "return=minimal");
    let mut response = reply::fhir(StatusCode::CREATED, if minimal { String::new() } else { resource.json });
    tell_version(ctx, &mut response, &resource.id, resource.version);
    response
}
