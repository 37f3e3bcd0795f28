//! Which browser pages may read our answers (smart.md 15). Never with credentials: tokens travel in a header the page sets itself.

use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS,
    ACCESS_CONTROL_MAX_AGE, HeaderValue, ORIGIN, VARY,
};
use http::{Method, StatusCode};
use url::Url;

use super::reply;
use crate::proto::exchange::Ctx;
use crate::proto::http::{Request, Response};
use crate::proto::settings::SmartApp;

const METHODS: &str = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";
const HEADERS: &str = "authorization, accept, content-type, prefer, if-match, if-none-match, if-none-exist, x-requested-with";
const EXPOSED: &str = "Location, Content-Location, ETag, Last-Modified, WWW-Authenticate";

/// Who may read an answer.
#[derive(Clone, Copy)]
pub enum Audience<'a> {
    /// Every origin: public documents.
    Everyone,
    /// The origins of all apps.
    AnyApp,
    /// The origins of this app.
    App(&'a str),
}

/// The answer to a preflight request, if this is one.
pub fn preflight(ctx: &Ctx, request: &Request, audience: Audience<'_>) -> Option<Response> {
    if request.method() != Method::OPTIONS {
        return None;
    }
    let mut response = Response::new(Vec::new());
    *response.status_mut() = StatusCode::NO_CONTENT;
    reply::set(&mut response, ACCESS_CONTROL_ALLOW_METHODS, METHODS);
    reply::set(&mut response, ACCESS_CONTROL_ALLOW_HEADERS, HEADERS);
    reply::set(&mut response, ACCESS_CONTROL_MAX_AGE, "600");
    Some(allow(ctx, request, response, audience))
}

/// Adds what lets a page of the audience read this answer, error or not.
pub fn allow(ctx: &Ctx, request: &Request, mut response: Response, audience: Audience<'_>) -> Response {
    if matches!(audience, Audience::Everyone) {
        response.headers_mut().insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
        return response;
    }
    response.headers_mut().append(VARY, HeaderValue::from_static("Origin"));
    let Some(origin) = request.headers().get(ORIGIN).and_then(|value| value.to_str().ok()) else {
        return response;
    };
    let mut apps = ctx.settings().partners.iter().filter_map(|partner| partner.smart_app.as_ref());
    let known = apps.any(|app| match audience {
        Audience::App(client_id) => app.client_id == client_id && has_origin(app, origin),
        _ => has_origin(app, origin),
    });
    if known {
        reply::set(&mut response, ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        reply::set(&mut response, ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
    }
    response
}

/// An app's origins are those of its launch and redirect addresses, and those it is given besides (smart.md 3).
fn has_origin(app: &SmartApp, origin: &str) -> bool {
    let of = |url: &Url| url.origin().ascii_serialization();
    origin != "null"
        && (app.origins.iter().any(|known| known == origin)
            || of(&app.launch_url) == origin
            || app.redirect_uris.iter().filter_map(|uri| Url::parse(uri).ok()).any(|uri| of(&uri) == origin))
}
