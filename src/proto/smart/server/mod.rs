//! The SMART Server's endpoints.

mod access;
mod accesses;
mod assertion;
mod authorize;
mod backend;
mod batch;
mod caller;
mod capability;
mod chart;
mod client_auth;
mod cors;
mod decide;
mod discovery;
mod fhir_api;
mod fhir_write;
mod grant;
pub mod id_token;
mod introspect;
pub mod issue;
pub mod launch;
mod login;
mod oauth;
mod pages;
mod redirect;
mod refresh;
mod reply;
mod revoke;
pub mod scope;
mod search;
#[allow(dead_code, reason = "search takes it up next")]
mod search_match;
#[allow(dead_code, reason = "search takes it up next")]
mod search_params;
mod style;
mod token;
pub mod undecided;
mod writable;
mod write_event;

use crate::proto::exchange::Ctx;
use crate::proto::http::{Request, Response, plain};
use crate::proto::settings::Role;

/// Answers everything under `/fhir/` and `/auth/` that is not messaging. `path` is without the public URL's own path.
pub async fn handle(ctx: &Ctx, request: &Request, path: &str) -> Response {
    // The token endpoint also serves messaging partners, so it lives without the role.
    if path == "/auth/token" {
        return token::handle(ctx, request).await;
    }
    // Every system says what it is; the rest is for launching apps.
    let document = discovery::find(path);
    if document != Some(discovery::Document::Metadata) && !ctx.settings().system.roles.contains(&Role::SmartServer) {
        return plain(404, "nothing is served here");
    }
    if let Some(document) = document {
        return discovery::handle(ctx, request, document);
    }
    if let Some(value) = path.strip_prefix("/auth/start/") {
        return launch::start(ctx, request, value);
    }
    if let Some(name) = path.strip_prefix("/auth/smart-style/") {
        return style::handle(ctx, request, name);
    }
    if let Some(value) = path.strip_prefix("/auth/login/") {
        return login::resume(ctx, request, value).await;
    }
    if path == "/auth/authorize" {
        return authorize::handle(ctx, request).await;
    }
    if path == "/auth/introspect" {
        return introspect::handle(ctx, request).await;
    }
    if path == "/auth/revoke" {
        return revoke::handle(ctx, request).await;
    }
    // A batch is posted to the base itself (FHIR R4 http).
    match path.strip_prefix("/fhir/").or_else(|| path.strip_prefix("/fhir")) {
        Some(rest) if !rest.starts_with(".well-known/") => fhir_api::handle(ctx, request, rest).await,
        _ => plain(404, "nothing is served here"),
    }
}
