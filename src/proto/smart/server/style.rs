//! The look that apps are asked to take up (smart.md 8): one document, at an address that changes with it, so that it can be kept for ever.

use http::StatusCode;
use http::header::ALLOW;

use super::cors::{self, Audience};
use super::{discovery, reply};
use crate::proto::exchange::Ctx;
use crate::proto::http::{Request, Response, secret_hash, secret_text};
use crate::proto::settings::Settings;

/// The document, and the last part of its address.
fn document(settings: &Settings) -> Option<(String, String)> {
    let text = serde_json::to_string(settings.smart.style.as_ref()?).ok()?;
    let name = format!("{}.json", secret_text(secret_hash(&text)));
    Some((text, name))
}

/// Its whole address; `None` where there is none.
pub fn address(settings: &Settings) -> Option<String> {
    document(settings).map(|(_, name)| format!("{}/smart-style/{name}", settings.auth_base()))
}

/// `GET /auth/smart-style/{name}`, for every origin.
pub fn handle(ctx: &Ctx, request: &Request, name: &str) -> Response {
    cors::preflight(ctx, request, Audience::Everyone)
        .unwrap_or_else(|| cors::allow(ctx, request, answer(ctx, request, name), Audience::Everyone))
}

fn answer(ctx: &Ctx, request: &Request, name: &str) -> Response {
    if !reply::is_get(request) {
        let mut response = reply::outcome(StatusCode::METHOD_NOT_ALLOWED, "not-supported", "this address can only be read");
        reply::set(&mut response, ALLOW, "GET, HEAD, OPTIONS");
        return response;
    }
    match document(ctx.settings()).filter(|(_, known)| known == name) {
        Some((text, _)) => {
            let response = reply::body(StatusCode::OK, "application/json", text);
            discovery::cached(request, response, "public, max-age=31536000, immutable")
        }
        None => reply::outcome(StatusCode::NOT_FOUND, "not-found", "there is no such style"),
    }
}
