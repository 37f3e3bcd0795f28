//! Write-back: the app files a resource in the chart, and the host gets it as a WRITE event and decides (smart.md 16.3, 16.4).

// A refusal is the answer itself, made once per request: boxing it would gain nothing.
#![allow(clippy::result_large_err)]

use std::collections::BTreeMap;
use std::sync::Arc;

use http::StatusCode;
use http::header::{ETAG, IF_MATCH, LOCATION, RETRY_AFTER};
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Value, json};

use super::caller::Caller;
use super::fhir_api::{self, failed};
use super::scope::Class;
use super::source::Found;
use super::writable::{self, Place};
use super::{chart, reply, scope, search, undecided, write_event};
use crate::error::{EREF_NOT_FOUND, EREF_TOO_LARGE};
use crate::log::Level;
use crate::proto::exchange::{BodyError, Ctx, Signal};
use crate::proto::fhir::outcome::outcome_json;
use crate::proto::http::{Request, Response};
use crate::proto::messaging::parse::check_json;
use crate::proto::store::{ChartResource, ChartVersion, Decision, Millis, Seen, WriteBack};

/// What of a type can be written, as letters of a scope.
pub use super::writable::offered;

/// How often a write is tried again when the chart changed under it.
const ROUNDS: usize = 8;

/// One write: its own request, or an entry of a batch.
pub struct Write<'a> {
    /// Its headers.
    pub request: &'a Request,
    /// The body where it has come already.
    pub body: Option<Vec<u8>>,
    /// The answer waits for the host's decision until then.
    pub decide_by: Millis,
}

impl Write<'_> {
    async fn take_body(&mut self, ctx: &Ctx, caller: &Caller<'_>) -> Result<Vec<u8>, Response> {
        if let Some(body) = self.body.take() {
            return Ok(body);
        }
        is_json(self.request)?;
        let body = ctx.body(ctx.settings().limits.write_bytes).await.map_err(unread)?;
        caller.still_good(ctx)?;
        Ok(body)
    }
}

/// The media types that bodies may have (smart.md 16.3).
pub fn is_json(request: &Request) -> Result<(), Response> {
    if ["application/fhir+json", "application/json"].contains(&reply::content_type(request).as_str()) {
        return Ok(());
    }
    Err(reply::outcome(StatusCode::UNSUPPORTED_MEDIA_TYPE, "not-supported", "the body must be application/fhir+json"))
}

/// The answer to a body that could not be read.
pub fn unread(error: BodyError) -> Response {
    let status = reply::body_status(error);
    let code = if status == StatusCode::PAYLOAD_TOO_LARGE { "too-long" } else { "incomplete" };
    let mut response = reply::outcome(status, code, "the body was not received whole");
    if status == StatusCode::SERVICE_UNAVAILABLE {
        reply::set(&mut response, RETRY_AFTER, "5");
    }
    response
}

/// What came: the text, which is kept as it is, and its tree, which is looked at.
pub struct Incoming {
    text: String,
    /// The tree.
    pub resource: Value,
}

/// `POST Type`. The answer follows the commit, and the host's decision where that comes in time.
pub async fn create(ctx: &Ctx, mut write: Write<'_>, caller: &Caller<'_>, kind: &str) -> Result<Response, Response> {
    caller.demand(kind, scope::CREATE, "c")?;
    let sought = sought(write.request, caller, kind)?;
    let incoming = parse(ctx, kind, write.take_body(ctx, caller).await?)?;
    check(ctx, caller, kind, &incoming.resource)?;
    covered(ctx, caller, scope::CREATE, &incoming.resource)?;
    writable::check_new(&incoming.resource)?;
    for _ in 0..ROUNDS {
        let seen = match &sought {
            // In the chart the look and the write are one: what comes between makes the store say no (FHIR R4 http, conditional create).
            Some(tokens) => {
                let mark = ctx.store().chart_mark(caller.launch()).map_err(|error| failed(ctx, &error))?;
                if let Some(response) = existing(ctx, caller, kind, tokens).await? {
                    return Ok(response);
                }
                Seen::Chart(mark)
            }
            None => Seen::Nothing,
        };
        let id = ctx.id();
        let version = Version { kind, id: &id, number: 1, previous: None, unconditional: false };
        let new = prepare(ctx, caller, &incoming, &version, seen)?;
        if keep(ctx, caller, &new)? {
            drop(incoming);
            return answer(ctx, &write, new).await;
        }
    }
    Err(contended())
}

/// `PUT Type/id`. A resource that is not there is not made by it. What the chart shows changes when the host has taken the update.
pub async fn update(ctx: &Ctx, mut write: Write<'_>, caller: &Caller<'_>, kind: &str, id: &str) -> Result<Response, Response> {
    caller.demand(kind, scope::UPDATE, "u")?;
    let expected = expected(write.request)?;
    let incoming = parse(ctx, kind, write.take_body(ctx, caller).await?)?;
    check(ctx, caller, kind, &incoming.resource)?;
    covered(ctx, caller, scope::UPDATE, &incoming.resource)?;
    for _ in 0..ROUNDS {
        let newest = ctx.store().chart_version(caller.launch(), kind, id, None).map_err(|error| failed(ctx, &error))?;
        let served = fhir_api::fetch(ctx, caller, kind, id).await?;
        // A user scope may show another patient's resource; the launch writes to its own patient's only (smart.md 14.3).
        if !is_about_patient(ctx, caller, &served.json) {
            return Err(fhir_api::not_found());
        }
        let kept = newest.map_or(0, |newest| newest.version);
        let number = kept.max(served.number());
        // A source that is not ours may number in a way of its own; what it said the app repeats.
        let newest = served.version.clone().filter(|_| kept <= served.number()).unwrap_or_else(|| number.to_string());
        if expected.as_ref().is_some_and(|tags| !tags.contains(&newest)) {
            let text = format!("version {newest} is the newest; where another one is read, the host has yet to decide about it");
            return Err(reply::outcome(StatusCode::PRECONDITION_FAILED, "conflict", &text));
        }
        let before: Value = serde_json::from_str(&served.json).unwrap_or_default();
        covered(ctx, caller, scope::UPDATE, &before)?;
        writable::check_update(&incoming.resource, &before, kind, id)?;
        let version = Version { kind, id, number: number + 1, previous: Some(served.number()), unconditional: expected.is_none() };
        let new = prepare(ctx, caller, &incoming, &version, Seen::Newest(kept))?;
        if keep(ctx, caller, &new)? {
            drop((incoming, before));
            return answer(ctx, &write, new).await;
        }
    }
    Err(contended())
}

fn contended() -> Response {
    let mut response = reply::outcome(StatusCode::SERVICE_UNAVAILABLE, "lock-error", "the chart changes too fast, try again");
    reply::set(&mut response, RETRY_AFTER, "1");
    response
}

/// The versions of `If-Match`; `None` without the header, or with `*` (RFC 9110 13.1.1).
fn expected(request: &Request) -> Result<Option<Vec<String>>, Response> {
    let mut versions = Vec::new();
    for line in request.headers().get_all(IF_MATCH) {
        for tag in line.to_str().unwrap_or_default().split(',').map(str::trim) {
            if tag == "*" {
                return Ok(None);
            }
            let version = tag.strip_prefix("W/").unwrap_or(tag).strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
            let Some(version) = version else {
                return Err(reply::outcome(StatusCode::BAD_REQUEST, "invalid", "If-Match: expected an ETag such as W/\"1\""));
            };
            versions.push(version.to_owned());
        }
    }
    Ok((!versions.is_empty()).then_some(versions))
}

/// What `If-None-Exist` asks for. It also needs `s` (smart.md 14.3).
fn sought(request: &Request, caller: &Caller<'_>, kind: &str) -> Result<Option<String>, Response> {
    let Some(header) = request.headers().get("if-none-exist") else { return Ok(None) };
    caller.demand(kind, scope::SEARCH, "s")?;
    match search::pairs(header.as_bytes()).as_slice() {
        [(name, tokens)] if name == "identifier" && !tokens.is_empty() && kind != "Binary" => Ok(Some(tokens.clone())),
        _ => Err(reply::outcome(StatusCode::BAD_REQUEST, "not-supported", "If-None-Exist takes one identifier")),
    }
}

/// An app that lost our answer writes once all the same.
async fn existing(ctx: &Ctx, caller: &Caller<'_>, kind: &str, tokens: &str) -> Result<Option<Response>, Response> {
    let mut found = search::by_identifier(ctx, caller, kind, tokens).await?.into_iter();
    match (found.next(), found.next()) {
        (None, _) => Ok(None),
        (Some(resource), None) => {
            let mut response = reply::fhir(StatusCode::OK, resource.json);
            tell_version(ctx, &mut response, kind, &resource.id, resource.version.as_deref().unwrap_or("1"));
            Ok(Some(response))
        }
        _ => Err(reply::outcome(StatusCode::PRECONDITION_FAILED, "multiple-matches", "more than one resource has this identifier")),
    }
}

fn not_json() -> Response {
    reply::outcome(StatusCode::BAD_REQUEST, "structure", "the body is not a JSON resource")
}

fn parse(ctx: &Ctx, kind: &str, body: Vec<u8>) -> Result<Incoming, Response> {
    let text = String::from_utf8(body).map_err(|_| not_json())?;
    check_json(&text, kind, &ctx.settings().limits)
        .map_err(|refusal| reply::fhir(StatusCode::BAD_REQUEST, outcome_json(&[refusal.issue])))?;
    let resource: Value = serde_json::from_str(&text).map_err(|_| not_json())?;
    if resource.is_object() { Ok(Incoming { text, resource }) } else { Err(not_json()) }
}

/// A granular scope covers a write of what it would cover a read of (smart.md 14.2), before and after.
fn covered(ctx: &Ctx, caller: &Caller<'_>, letter: u8, resource: &Value) -> Result<(), Response> {
    let base = ctx.settings().fhir_base();
    if Class::ALL.into_iter().any(|class| scope::allows_resource(&caller.scope, class, letter, resource, &base)) {
        return Ok(());
    }
    let kind = resource.get("resourceType").and_then(Value::as_str).unwrap_or_default();
    let letter_text = if letter == scope::CREATE { "c" } else { "u" };
    Err(caller.insufficient(Class::Patient, kind, letter_text, "the granted scopes do not cover this resource"))
}

fn check(ctx: &Ctx, caller: &Caller<'_>, kind: &str, resource: &Value) -> Result<(), Response> {
    let base = ctx.settings().fhir_base();
    let Some(patient) = caller.patient() else {
        return Err(reply::outcome(StatusCode::FORBIDDEN, "forbidden", "this launch is without a patient"));
    };
    let attachment_bytes = ctx.settings().limits.write_attachment_bytes;
    writable::check(resource, &Place { kind, patient, base: &base, attachment_bytes })?;
    // Else an app could make a Binary of this server the patient's by referring to it.
    for id in chart::binaries(resource, &base) {
        let binary = ctx.store().chart_version(caller.launch(), "Binary", id, Some(1)).map_err(|error| failed(ctx, &error))?;
        if !binary.is_some_and(|binary| binary.written && !matches!(binary.decision, Decision::Refused(_))) {
            let text =
                "DocumentReference.content.attachment.url: expected no Binary of this server but one written under this launch";
            return Err(reply::outcome(StatusCode::UNPROCESSABLE_ENTITY, "business-rule", text));
        }
    }
    Ok(())
}

/// The version that a write makes.
pub struct Version<'a> {
    /// The resource type.
    pub kind: &'a str,
    /// The logical id.
    pub id: &'a str,
    /// Its number.
    pub number: u32,
    /// The version it takes the place of.
    pub previous: Option<u32>,
    /// It replaces whatever there is: the app did not say what it had read.
    pub unconditional: bool,
}

/// Gives the resource its id and version; the rest of it stays as it came, byte for byte. With it comes the WRITE event's document.
fn prepare(ctx: &Ctx, caller: &Caller<'_>, incoming: &Incoming, version: &Version<'_>, seen: Seen) -> Result<WriteBack, Response> {
    let mut members: BTreeMap<String, &RawValue> = serde_json::from_str(&incoming.text).map_err(|_| not_json())?;
    let now = jiff::Timestamp::from_millisecond(ctx.now()).unwrap_or_default();
    let mut meta = incoming.resource.get("meta").cloned().filter(Value::is_object).unwrap_or_else(|| json!({}));
    undecided::unmark(&mut meta);
    meta["versionId"] = json!(version.number.to_string());
    meta["lastUpdated"] = json!(now.to_string());
    let (raw_id, meta) = (to_raw_value(version.id).map_err(|_| not_json())?, to_raw_value(&meta).map_err(|_| not_json())?);
    members.insert("id".to_owned(), &raw_id);
    members.insert("meta".to_owned(), &meta);
    Ok(WriteBack {
        // A resource's own id is ours only where we made it.
        token: caller.token,
        id: if version.number == 1 { version.id.to_owned() } else { ctx.id() },
        launch_id: caller.launch().to_owned(),
        partner: caller.partner.name.clone(),
        resource_type: version.kind.to_owned(),
        resource_id: version.id.to_owned(),
        version: version.number,
        body: Arc::new(serde_json::to_vec(&members).map_err(|_| not_json())?),
        seen,
        launch_bytes: ctx.settings().limits.launch_write_bytes,
        event_document: write_event::document(caller, version, &incoming.resource).map_err(|_| not_json())?,
    })
}

/// False when what the write rests on changed meanwhile.
fn keep(ctx: &Ctx, caller: &Caller<'_>, write: &WriteBack) -> Result<bool, Response> {
    match ctx.store().write_back(write, ctx.now()) {
        Ok(kept) => {
            if kept {
                ctx.signal(Signal::Queued);
            }
            Ok(kept)
        }
        // An offline grant reads on after its launch (smart.md 10), but there is no chart any more that a write could go to. No new token
        // helps, so this is not 401.
        Err(error) if error.status() == EREF_NOT_FOUND => {
            caller.still_good(ctx)?;
            Err(reply::outcome(StatusCode::FORBIDDEN, "forbidden", "the launch has ended, and with it what may be written"))
        }
        Err(error) if error.status() == EREF_TOO_LARGE => {
            Err(reply::outcome(StatusCode::PAYLOAD_TOO_LARGE, "too-costly", "this launch has written as much as it may"))
        }
        Err(error) => Err(failed(ctx, &error)),
    }
}

/// What the host makes of it in the time there is. It may be decided in another process: the store knows.
async fn decision(ctx: &Ctx, write_id: &str, until: Millis) -> Decision {
    loop {
        match ctx.store().write_decision(write_id) {
            Ok(Some(Decision::Open)) if ctx.now() < until => ctx.wait(until).await,
            Ok(decision) => return decision.unwrap_or(Decision::Open),
            // It is kept, whatever fails now: an app that heard of a failure would write it again.
            Err(error) => {
                ctx.world.log.line(Level::Error, "smart", error.to_string());
                return Decision::Open;
            }
        }
    }
}

async fn answer(ctx: &Ctx, write: &Write<'_>, new: WriteBack) -> Result<Response, Response> {
    let WriteBack { id, body, resource_type, resource_id, version, .. } = new;
    let json = match decision(ctx, &id, write.decide_by).await {
        Decision::Refused(words) => return Err(reply::outcome(StatusCode::UNPROCESSABLE_ENTITY, "business-rule", &words)),
        Decision::Accepted => Arc::unwrap_or_clone(body),
        Decision::Open => undecided::marked(String::from_utf8(Arc::unwrap_or_clone(body)).unwrap_or_default()).into_bytes(),
    };
    let status = if version == 1 { StatusCode::CREATED } else { StatusCode::OK };
    let mut response = match preference(write.request).as_deref() {
        Some("minimal") => reply::fhir(status, Vec::new()),
        Some("OperationOutcome") => reply::fhir(status, DONE),
        _ => reply::fhir(status, json),
    };
    tell_version(ctx, &mut response, &resource_type, &resource_id, &version.to_string());
    Ok(response)
}

const DONE: &str = r#"{"resourceType":"OperationOutcome","issue":[{"severity":"information","code":"informational","diagnostics":"the resource is kept"}]}"#;

/// What of the resource the app wants to see (FHIR R4 http, `Prefer: return=`).
fn preference(request: &Request) -> Option<String> {
    let lines = request.headers().get_all("prefer").iter().filter_map(|value| value.to_str().ok());
    lines.flat_map(|line| line.split([',', ';'])).find_map(|word| word.trim().strip_prefix("return=").map(str::to_owned))
}

/// 410 with the words of the host for what an app created and the host refused.
pub fn not_refused(ctx: &Ctx, caller: &Caller<'_>, kind: &str, id: &str) -> Result<(), Response> {
    let first = ctx.store().chart_version(caller.launch(), kind, id, Some(1)).map_err(|error| failed(ctx, &error))?;
    match first.map(|first| first.decision) {
        Some(Decision::Refused(words)) => Err(gone(&words)),
        _ => Ok(()),
    }
}

fn gone(words: &str) -> Response {
    reply::outcome(StatusCode::GONE, "deleted", words)
}

/// Another version of a resource than the one that is served; `None` when there is none. Whether the caller may see it is not looked at.
pub fn version(ctx: &Ctx, caller: &Caller<'_>, served: Found, version: &str) -> Result<Option<ChartResource>, Response> {
    let Ok(number) = version.parse() else { return Ok(None) };
    let found = ctx.store().chart_version(caller.launch(), &served.kind, &served.id, Some(number));
    match found.map_err(|error| failed(ctx, &error))? {
        Some(ChartVersion { decision: Decision::Refused(words), .. }) => Err(gone(&words)),
        found => {
            Ok(found.map(|found| ChartResource { resource_type: served.kind, id: served.id, version: number, json: found.json }))
        }
    }
}

fn is_about_patient(ctx: &Ctx, caller: &Caller<'_>, json: &str) -> bool {
    let is_ours = |value: Value| chart::in_compartment(&value, caller.patient(), &ctx.settings().fhir_base());
    serde_json::from_str(json).is_ok_and(is_ours)
}

fn tell_version(ctx: &Ctx, response: &mut Response, kind: &str, id: &str, version: &str) {
    reply::set(response, LOCATION, &format!("{}/{kind}/{id}/_history/{version}", ctx.settings().fhir_base()));
    reply::set(response, ETAG, &format!("W/\"{version}\""));
}
