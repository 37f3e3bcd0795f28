//! `POST` of a Bundle of type batch: each entry is an interaction of its own, by its own rule and scope (smart.md 14.3).

// A refusal is the answer itself, made once per request: boxing it would gain nothing.
#![allow(clippy::result_large_err)]

use http::header::{HeaderName, HeaderValue, IF_MATCH, IF_NONE_MATCH};
use http::{Method, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::caller::Caller;
use super::fhir_write::{Write, is_json, unread};
use super::{fhir_api, reply, search};
use crate::proto::exchange::Ctx;
use crate::proto::fhir::outcome::outcome_json;
use crate::proto::http::{Request, Response};
use crate::proto::messaging::parse::check_json;
use crate::proto::store::Millis;

#[derive(Deserialize)]
struct Bundle<'a> {
    #[serde(rename = "resourceType")]
    resource_type: String,
    #[serde(rename = "type")]
    kind: String,
    #[serde(borrow, default)]
    entry: Vec<Entry<'a>>,
}

#[derive(Deserialize)]
struct Entry<'a> {
    request: Option<Asked>,
    #[serde(borrow)]
    resource: Option<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Asked {
    method: String,
    url: String,
    if_match: Option<String>,
    if_none_match: Option<String>,
    if_none_exist: Option<String>,
}

#[derive(Serialize)]
struct Answers<'a> {
    #[serde(rename = "resourceType")]
    resource_type: &'static str,
    #[serde(rename = "type")]
    kind: &'static str,
    entry: Vec<Answer<'a>>,
}

#[derive(Serialize)]
struct Answer<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    resource: Option<&'a RawValue>,
    response: Told<'a>,
}

#[derive(Serialize)]
struct Told<'a> {
    status: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    location: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    etag: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<&'a RawValue>,
}

fn wrong(status: StatusCode, code: &str, text: &str) -> Response {
    reply::outcome(status, code, text)
}

/// Answers a batch. Entries are done one after the other; all together have the time of one question to the host.
pub async fn answer(ctx: &Ctx, caller: &Caller<'_>, whole: Write<'_>) -> Result<Response, Response> {
    is_json(whole.request)?;
    let limits = &ctx.settings().limits;
    let not_json = || wrong(StatusCode::BAD_REQUEST, "structure", "the body is not a Bundle");
    let text = String::from_utf8(ctx.body(limits.write_bytes).await.map_err(unread)?).map_err(|_| not_json())?;
    check_json(&text, "Bundle", limits).map_err(|refusal| reply::fhir(StatusCode::BAD_REQUEST, outcome_json(&[refusal.issue])))?;
    let bundle: Bundle<'_> = serde_json::from_str(&text).map_err(|_| not_json())?;
    if bundle.resource_type != "Bundle" || bundle.kind != "batch" {
        let text = "Bundle.type: expected batch, whose entries stand or fall each by itself";
        return Err(wrong(StatusCode::UNPROCESSABLE_ENTITY, "not-supported", text));
    }
    if bundle.entry.len() > limits.batch_entries {
        return Err(wrong(StatusCode::PAYLOAD_TOO_LARGE, "too-costly", "Bundle.entry: more entries than this server takes"));
    }
    let until = ctx.now().saturating_add(Millis::try_from(limits.question_ms).unwrap_or(Millis::MAX));
    let (mut answers, mut size) = (Vec::with_capacity(bundle.entry.len()), 0usize);
    for entry in bundle.entry {
        let done = if ctx.now() > until {
            Err(wrong(StatusCode::SERVICE_UNAVAILABLE, "timeout", "the batch took too long, ask for this one again"))
        } else if size > limits.write_bytes {
            Err(wrong(
                StatusCode::PAYLOAD_TOO_LARGE,
                "too-costly",
                "the answers are too large together, ask for this one by itself",
            ))
        } else {
            one(ctx, caller, &whole, entry).await
        };
        let answer = done.unwrap_or_else(|refusal| refusal);
        size = size.saturating_add(answer.body().len());
        answers.push(answer);
    }
    Ok(together(&answers))
}

async fn one(ctx: &Ctx, caller: &Caller<'_>, whole: &Write<'_>, entry: Entry<'_>) -> Result<Response, Response> {
    let bad = |text| wrong(StatusCode::BAD_REQUEST, "invalid", text);
    let asked = entry.request.ok_or_else(|| bad("Bundle.entry.request: missing"))?;
    let request =
        request(ctx, whole.request, &asked).ok_or_else(|| bad("Bundle.entry.request: expected method and relative url"))?;
    let query = search::pairs(request.uri().query().unwrap_or_default().as_bytes());
    if query.iter().any(|(name, _)| name == "access_token") {
        return Err(bad("Bundle.entry.request.url: an access token in an address is refused"));
    }
    // It may have been revoked while the entries before were done.
    caller.still_good(ctx)?;
    let path = asked.url.split('?').next().unwrap_or_default();
    let body = entry.resource.map_or_else(Vec::new, |resource| resource.get().as_bytes().to_vec());
    let write = Write { request: &request, body: Some(body), decide_by: whole.decide_by };
    fhir_api::interaction(ctx, caller, write, path, query).await
}

/// The entry as a request of its own; `None` when it is none.
fn request(ctx: &Ctx, whole: &Request, asked: &Asked) -> Option<Request> {
    if asked.url.starts_with('/') || asked.url.contains("://") {
        return None;
    }
    let base = ctx.settings().fhir_base();
    let address: http::Uri = format!("{base}/{}", asked.url).parse().ok()?;
    let method = Method::from_bytes(asked.method.as_bytes()).ok()?;
    let mut request = http::Request::builder().method(method).uri(address.path_and_query()?.as_str()).body(()).ok()?;
    let conditions = [
        (IF_MATCH, &asked.if_match),
        (IF_NONE_MATCH, &asked.if_none_match),
        (HeaderName::from_static("if-none-exist"), &asked.if_none_exist),
    ];
    for (name, value) in conditions {
        if let Some(value) = value {
            request.headers_mut().insert(name, HeaderValue::from_str(value).ok()?);
        }
    }
    for preference in whole.headers().get_all("prefer") {
        request.headers_mut().append("prefer", preference.clone());
    }
    Some(request)
}

fn together(answers: &[Response]) -> Response {
    let entry = answers.iter().map(|answer| {
        let header = |name: &str| answer.headers().get(name).and_then(|value| value.to_str().ok());
        let body: Option<&RawValue> = serde_json::from_slice(answer.body()).ok();
        let (resource, outcome) = if answer.status().is_success() { (body, None) } else { (None, body) };
        let status = answer.status();
        let status = format!("{} {}", status.as_u16(), status.canonical_reason().unwrap_or_default());
        Answer { resource, response: Told { status, location: header("location"), etag: header("etag"), outcome } }
    });
    let answers = Answers { resource_type: "Bundle", kind: "batch-response", entry: entry.collect() };
    match serde_json::to_vec(&answers) {
        Ok(body) => reply::fhir(StatusCode::OK, body),
        Err(_) => wrong(StatusCode::INTERNAL_SERVER_ERROR, "exception", "the answer could not be written"),
    }
}
