//! The FHIR API on a launch's chart (smart.md 14.3, 16): read, search, `$everything`. What the host did not push it is asked for.

// A refusal is the answer itself, made once per request: boxing it would gain nothing.
#![allow(clippy::result_large_err)]

use http::header::{ALLOW, CACHE_CONTROL, ETAG, IF_NONE_MATCH, RETRY_AFTER};
use http::{Method, StatusCode};

use super::caller::{Caller, authenticate, no_token_in};
use super::cors::{self, Audience};
use super::fhir_write::{self, Write};
use super::source::{Found, Source};
use super::{accesses, batch, chart, everything, reply, scope, search};
use crate::error::Error;
use crate::proto::exchange::Ctx;
use crate::proto::http::{Request, Response};
use crate::proto::store::Millis;

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
pub fn not_found() -> Response {
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
    let caller = authenticate(ctx, request, &query).map_err(|refusal| accesses::stranger(ctx, refusal))?;
    let wait = Millis::try_from(ctx.settings().limits.write_wait_ms).unwrap_or(Millis::MAX);
    let write = Write { request, body: None, decide_by: ctx.now().saturating_add(wait) };
    match path {
        "" if request.method() == Method::POST => batch::answer(ctx, &caller, write).await,
        "" => Err(wrong_method("POST")),
        _ => interaction(ctx, &caller, write, path, query).await,
    }
}

/// One interaction: a request of its own, or an entry of a batch, which brings its body along. It is noted in the audit trail.
pub async fn interaction(
    ctx: &Ctx,
    caller: &Caller<'_>,
    write: Write<'_>,
    path: &str,
    query: Vec<(String, String)>,
) -> Result<Response, Response> {
    let request = write.request;
    let result = serve(ctx, caller, write, path, query).await;
    let status = result.as_ref().map_or_else(Response::status, Response::status);
    accesses::note(ctx, request, path, caller, status);
    result
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
        [kind] if get => search::answer(ctx, request, caller, kind, &query).await,
        [kind] if request.method() == Method::POST && fhir_write::offered(kind) & scope::CREATE != 0 => {
            fhir_write::create(ctx, write, caller, kind).await
        }
        [kind] => Err(wrong_method(if fhir_write::offered(kind) & scope::CREATE != 0 { "GET, HEAD, POST" } else { "GET, HEAD" })),
        [kind, "_search"] if request.method() == Method::POST && write.body.is_none() => {
            posted_search(ctx, request, caller, kind, query).await
        }
        [_, "_search"] => Err(wrong_method("POST")),
        [kind, id] if get => read(ctx, request, caller, kind, id, None).await,
        [kind, id] if request.method() == Method::PUT && fhir_write::offered(kind) & scope::UPDATE != 0 => {
            fhir_write::update(ctx, write, caller, kind, id).await
        }
        [kind, _] => Err(wrong_method(if fhir_write::offered(kind) & scope::UPDATE != 0 { "GET, HEAD, PUT" } else { "GET, HEAD" })),
        [kind, id, "_history", version] if get => read(ctx, request, caller, kind, id, Some(version)).await,
        ["Patient", id, "$everything"] if get => everything::answer(ctx, request, caller, id, &query).await,
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
    caller.still_good(ctx)?;
    query.extend(search::pairs(&form));
    no_token_in(&query)?;
    search::answer(ctx, request, caller, kind, &query).await
}

/// `GET Type/id`, with or without the version.
async fn read(
    ctx: &Ctx,
    request: &Request,
    caller: &Caller<'_>,
    kind: &str,
    id: &str,
    version: Option<&str>,
) -> Result<Response, Response> {
    let mut source = Source::new(ctx, caller);
    if !source.may_be_read(kind, id) {
        caller.demand(kind, scope::READ, "r")?;
    }
    let mut found = source.one(kind, id).await?;
    if let Some(version) = version.filter(|version| found.version.as_deref() != Some(*version)) {
        found = source.version(found, version).await?;
    }
    let etag = found.version.as_ref().map(|version| format!("W/\"{version}\""));
    let known = request.headers().get_all(IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    let is_known =
        etag.as_deref().is_some_and(|etag| known.flat_map(|line| line.split(',')).any(|word| [etag, "*"].contains(&word.trim())));
    let mut response = if is_known { not_modified() } else { reply::fhir(StatusCode::OK, found.json) };
    if let Some(etag) = etag {
        reply::set(&mut response, ETAG, &etag);
    }
    Ok(response)
}

/// 304: the client has this version.
fn not_modified() -> Response {
    let mut response = Response::new(Vec::new());
    *response.status_mut() = StatusCode::NOT_MODIFIED;
    reply::set(&mut response, CACHE_CONTROL, "no-store");
    response
}

/// What a write changes: the resource as it is served now.
pub async fn fetch(ctx: &Ctx, caller: &Caller<'_>, kind: &str, id: &str) -> Result<Found, Response> {
    Source::new(ctx, caller).one(kind, id).await
}
