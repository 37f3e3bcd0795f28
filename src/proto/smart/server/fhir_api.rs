//! The FHIR API on a launch's chart (smart.md 14.3, 16): read, search, `$everything`. What the host did not push it is asked for.

// A refusal is the answer itself, made once per request: boxing it would gain nothing.
#![allow(clippy::result_large_err)]

use std::collections::HashSet;

use http::header::{ALLOW, ETAG, RETRY_AFTER};
use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::access::{self, May};
use super::caller::{Caller, authenticate};
use super::cors::{self, Audience};
use super::fhir_write::{self, Write};
use super::{accesses, batch, chart, reply, scope, search};
use crate::error::Error;
use crate::log::Level;
use crate::proto::exchange::{Answer, Ctx};
use crate::proto::http::{Request, Response};
use crate::proto::messaging::parse::check_json;
use crate::proto::store::{ChartResource, Millis};

/// The answer to a failure of the store.
pub fn failed(ctx: &Ctx, error: &Error) -> Response {
    let status = reply::failure(ctx, error);
    let mut response = reply::outcome(status, "exception", "the server cannot answer at the moment");
    if status == StatusCode::SERVICE_UNAVAILABLE {
        reply::set(&mut response, RETRY_AFTER, "5");
    }
    response
}

/// 404 for what does not exist, and in the same words for what this launch may not see (smart.md 14.3).
fn not_found() -> Response {
    reply::outcome(StatusCode::NOT_FOUND, "not-found", "there is no such resource")
}

/// Answers `/fhir/{path}`.
pub async fn handle(ctx: &Ctx, request: &Request, path: &str) -> Response {
    if let Some(response) = cors::preflight(ctx, request, Audience::AnyApp) {
        return response;
    }
    let response = answer(ctx, request, path).await.unwrap_or_else(|refusal| refusal);
    cors::allow(ctx, request, response, Audience::AnyApp)
}

async fn answer(ctx: &Ctx, request: &Request, path: &str) -> Result<Response, Response> {
    let query = search::pairs(request.uri().query().unwrap_or_default().as_bytes());
    let caller = authenticate(ctx, request, &query).map_err(|refusal| accesses::stranger(ctx, request, refusal))?;
    let wait = Millis::try_from(ctx.settings().limits.write_wait_ms).unwrap_or(Millis::MAX);
    let write = Write { request, body: None, decide_by: ctx.now().saturating_add(wait) };
    match path {
        "" if request.method() == Method::POST => batch::answer(ctx, &caller, write).await,
        "" => Err(wrong_method("POST")),
        _ => interaction(ctx, &caller, write, path, query).await,
    }
}

/// One interaction: a request of its own, or an entry of a batch, which brings its body along.
pub async fn interaction(
    ctx: &Ctx,
    caller: &Caller<'_>,
    write: Write<'_>,
    path: &str,
    query: Vec<(String, String)>,
) -> Result<Response, Response> {
    let request = write.request;
    let response = serve(ctx, caller, write, path, query).await.unwrap_or_else(|refusal| refusal);
    accesses::note(ctx, request, path, caller, response.status());
    Ok(response)
}

async fn serve(
    ctx: &Ctx,
    caller: &Caller<'_>,
    write: Write<'_>,
    path: &str,
    query: Vec<(String, String)>,
) -> Result<Response, Response> {
    let request = write.request;
    let format = query.iter().find(|(name, _)| name == "_format").map(|(_, value)| value.as_str());
    if !reply::accepts_json(request, format) {
        return Err(reply::outcome(StatusCode::NOT_ACCEPTABLE, "not-supported", "only JSON is served"));
    }
    let path = path.replace("%24", "$");
    let segments: Vec<&str> = path.split('/').collect();
    if !segments.first().is_some_and(|kind| chart::is_known(kind)) {
        return Err(reply::outcome(StatusCode::NOT_FOUND, "not-supported", "this resource type is not served"));
    }
    let get = reply::is_get(request);
    match segments.as_slice() {
        [kind] if get => search::answer(ctx, request, caller, kind, &query),
        [kind] if request.method() == Method::POST && fhir_write::offered(kind) & scope::CREATE != 0 => {
            fhir_write::create(ctx, write, caller, kind).await
        }
        [kind] => Err(wrong_method(if fhir_write::offered(kind) & scope::CREATE != 0 { "GET, HEAD, POST" } else { "GET, HEAD" })),
        [kind, "_search"] if request.method() == Method::POST && write.body.is_none() => {
            posted_search(ctx, request, caller, kind, query).await
        }
        [_, "_search"] => Err(wrong_method("POST")),
        [kind, id] if get => read(ctx, caller, kind, id, None).await,
        [kind, id] if request.method() == Method::PUT && fhir_write::offered(kind) & scope::UPDATE != 0 => {
            fhir_write::update(ctx, write, caller, kind, id).await
        }
        [kind, _] => Err(wrong_method(if fhir_write::offered(kind) & scope::UPDATE != 0 { "GET, HEAD, PUT" } else { "GET, HEAD" })),
        [kind, id, "_history", version] if get => read(ctx, caller, kind, id, Some(version)).await,
        ["Patient", id, "$everything"] if get => everything(ctx, request, caller, id).await,
        [_, _, "_history", _] | ["Patient", _, "$everything"] => Err(wrong_method("GET, HEAD")),
        _ => Err(reply::outcome(StatusCode::NOT_FOUND, "not-supported", "this interaction is not served")),
    }
}

fn wrong_method(allowed: &str) -> Response {
    let mut response = reply::outcome(StatusCode::METHOD_NOT_ALLOWED, "not-supported", "this interaction is not served");
    reply::set(&mut response, ALLOW, allowed);
    response
}

async fn posted_search(
    ctx: &Ctx,
    request: &Request,
    caller: &Caller<'_>,
    kind: &str,
    mut query: Vec<(String, String)>,
) -> Result<Response, Response> {
    if reply::content_type(request) != "application/x-www-form-urlencoded" {
        return Err(reply::outcome(StatusCode::UNSUPPORTED_MEDIA_TYPE, "not-supported", "a search is posted as a form"));
    }
    let form = ctx.body(ctx.settings().limits.request_bytes).await;
    let form = form.map_err(|error| reply::outcome(reply::body_status(error), "incomplete", "the body was not received whole"))?;
    query.extend(search::pairs(&form));
    search::answer(ctx, request, caller, kind, &query)
}

/// `GET Type/id`, with or without the version.
async fn read(ctx: &Ctx, caller: &Caller<'_>, kind: &str, id: &str, version: Option<&str>) -> Result<Response, Response> {
    if !access::is_user(caller, kind, id) {
        caller.demand(kind, scope::READ, "r")?;
    }
    let mut resource = fetch(ctx, caller, kind, id).await?;
    if let Some(version) = version.filter(|version| *version != resource.version.to_string()) {
        resource = fhir_write::version(ctx, caller, resource, version)?.ok_or_else(not_found)?;
    }
    let mut response = reply::fhir(StatusCode::OK, resource.json);
    reply::set(&mut response, ETAG, &format!("W/\"{}\"", resource.version));
    Ok(response)
}

/// A resource of the chart, or from the host. Never of another patient; whether such a one exists is not told (smart.md 14.3).
pub async fn fetch(ctx: &Ctx, caller: &Caller<'_>, kind: &str, id: &str) -> Result<ChartResource, Response> {
    let about_another = kind == "Patient" && caller.patient() != Some(id);
    let about_nobody = chart::is_personal(kind) && caller.patient().is_none();
    if !chart::is_id(id) || about_another || about_nobody {
        return Err(not_found());
    }
    let pushed = ctx.store().chart_resource(caller.launch(), kind, id).map_err(|error| failed(ctx, &error))?;
    let resource = match pushed {
        Some(resource) => resource,
        None => {
            fhir_write::not_refused(ctx, caller, kind, id)?;
            pull(ctx, caller, kind, id).await?
        }
    };
    let value: Value = serde_json::from_str(&resource.json).map_err(|_| not_found())?;
    let member = |name: &str| value.get(name).and_then(Value::as_str);
    let is_it = member("resourceType") == Some(kind) && member("id") == Some(id);
    let binaries = binaries(ctx, caller, kind == "Binary")?;
    if is_it && access::may(caller, scope::READ, &value, &ctx.settings().fhir_base(), &binaries) == May::Yes {
        return Ok(resource);
    }
    ctx.world.log.line(
        Level::Warn,
        "smart",
        format!("launch {}: a {kind} was withheld, it is not the launch's patient's", caller.launch()),
    );
    Err(not_found())
}

/// The Binaries that documents of the launch's chart refer to; none where they do not matter.
pub fn binaries(ctx: &Ctx, caller: &Caller<'_>, matter: bool) -> Result<HashSet<String>, Response> {
    let base = ctx.settings().fhir_base();
    let mut found = HashSet::new();
    if matter {
        let documents = ctx.store().chart(caller.launch(), Some("DocumentReference")).map_err(|error| failed(ctx, &error))?;
        for document in documents {
            let value: Value = serde_json::from_str(&document.json).unwrap_or_default();
            if chart::in_compartment(&value, caller.patient(), &base) {
                found.extend(chart::binaries(&value, &base).map(str::to_owned));
            }
        }
    }
    Ok(found)
}

/// Asks the host for what it did not push (architecture: chart).
async fn pull(ctx: &Ctx, caller: &Caller<'_>, kind: &str, id: &str) -> Result<ChartResource, Response> {
    let question = json!({
        "question": "resource", "launch_id": caller.launch_id, "partner": caller.partner.name, "patient": caller.patient(),
        "user": caller.user().map(|user| &user.id), "type": kind, "id": id, "answer_within_ms": ctx.settings().limits.question_ms,
    });
    match ctx.ask(caller.launch(), "resource", question.to_string()).await {
        Answer::Given(json) => match check_json(&json, kind, &ctx.settings().limits) {
            Ok(()) => Ok(ChartResource { resource_type: kind.to_owned(), id: id.to_owned(), version: 1, json }),
            Err(refusal) => {
                let why = refusal.issue.text;
                ctx.world.log.line(Level::Warn, "smart", format!("the host's answer, a {kind}, cannot be served: {why}"));
                Err(not_found())
            }
        },
        Answer::NotFound => Err(not_found()),
        Answer::Denied(text) => Err(reply::outcome(StatusCode::FORBIDDEN, "forbidden", &text)),
        Answer::None => {
            let mut response =
                reply::outcome(StatusCode::SERVICE_UNAVAILABLE, "timeout", "the point-of-service system did not answer in time");
            reply::set(&mut response, RETRY_AFTER, "5");
            Err(response)
        }
    }
}

/// `GET Patient/{id}/$everything`: the whole chart in one searchset, each type by its own `r` (smart.md 14.3, 16.2).
async fn everything(ctx: &Ctx, request: &Request, caller: &Caller<'_>, id: &str) -> Result<Response, Response> {
    caller.demand("Patient", scope::READ, "r")?;
    let patient = fetch(ctx, caller, "Patient", id).await?;
    let rest = ctx.store().chart(caller.launch(), None).map_err(|error| failed(ctx, &error))?;
    let base = ctx.settings().fhir_base();
    let binaries = binaries(ctx, caller, rest.iter().any(|resource| resource.resource_type == "Binary"))?;
    let visible = |resource: &ChartResource| {
        resource.resource_type != "Patient"
            && serde_json::from_str(&resource.json)
                .is_ok_and(|value| access::may(caller, scope::READ, &value, &base, &binaries) == May::Yes)
    };
    let resources: Vec<ChartResource> = std::iter::once(patient).chain(rest.into_iter().filter(visible)).collect();
    Ok(search::bundle(ctx, request, &resources, true))
}
