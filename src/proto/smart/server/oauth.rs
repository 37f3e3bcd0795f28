//! What the endpoints for forms have in common: reading the form, and the errors of RFC 6749 5.2 (smart.md 7.5).

use http::header::{ALLOW, AUTHORIZATION, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{Method, StatusCode};
use serde_json::json;

use super::client_auth::{self, Refused};
use super::reply;
use crate::error::Error;
use crate::log::Level;
use crate::proto::exchange::{BodyError, Ctx};
use crate::proto::http::{Parameters, Request, Response};
use crate::proto::throttle::Door;

/// Longest form taken, in bytes: an assertion of 16 KiB, a list of scopes, and what goes with them.
const LONGEST_FORM: usize = 64 << 10;

/// An error of RFC 6749 5.2. The text is our own and holds nothing of the request.
pub struct Refusal {
    /// 400, but for the few that have another.
    pub status: StatusCode,
    /// `error`
    pub code: &'static str,
    /// `error_description`
    pub text: &'static str,
    /// When to come again, in seconds, where that is known.
    pub retry_after: Option<i64>,
}

/// Refuses with 400.
pub fn refuse<T>(code: &'static str, text: &'static str) -> Result<T, Refusal> {
    Err(Refusal { status: StatusCode::BAD_REQUEST, code, text, retry_after: None })
}

/// A client that is not accepted. The log says why where the client is known; the answer does not.
pub fn not_accepted(ctx: &Ctx, refused: Refused) -> Refusal {
    let log = |why: String| ctx.world.log.line(Level::Warn, "smart", format!("client refused: {why}"));
    match refused {
        Refused::Malformed(text) => Refusal { status: StatusCode::BAD_REQUEST, code: "invalid_request", text, retry_after: None },
        Refused::NotProven(why) => {
            why.map(log);
            let text = "the client is not known, or not authenticated";
            Refusal { status: StatusCode::UNAUTHORIZED, code: "invalid_client", text, retry_after: None }
        }
        Refused::Failed(Some(error)) => failed(ctx, &error),
        Refused::Failed(None) => {
            log("its keys cannot be had at the moment".to_owned());
            let text = "the client cannot be authenticated at the moment";
            Refusal { status: StatusCode::SERVICE_UNAVAILABLE, code: "temporarily_unavailable", text, retry_after: Some(5) }
        }
    }
}

/// The store or the signing failed.
pub fn failed(ctx: &Ctx, error: &Error) -> Refusal {
    let status = reply::failure(ctx, error);
    let code = if status == StatusCode::SERVICE_UNAVAILABLE { "temporarily_unavailable" } else { "server_error" };
    Refusal { status, code, text: "the server cannot answer at the moment", retry_after: error.is_retriable().then_some(5) }
}

/// The form that is posted, counted at this door. Parameters in the address are not read (smart.md 7).
pub async fn form(ctx: &Ctx, request: &Request, door: Door) -> Result<Parameters, Refusal> {
    if request.method() != Method::POST {
        return Err(Refusal {
            status: StatusCode::METHOD_NOT_ALLOWED,
            code: "invalid_request",
            text: "only POST is served here",
            retry_after: None,
        });
    }
    if reply::content_type(request) != "application/x-www-form-urlencoded" {
        return refuse("invalid_request", "the body must be application/x-www-form-urlencoded");
    }
    let body = ctx.body(ctx.settings().limits.request_bytes.min(LONGEST_FORM)).await;
    let body = body.map_err(|error| Refusal {
        status: reply::body_status(error),
        code: "invalid_request",
        text: "the body was not received whole",
        retry_after: matches!(error, BodyError::Overloaded).then_some(5),
    })?;
    let form = Parameters::parse(&body);
    let shown = form.as_ref().ok().and_then(|form| client_auth::read(request, form).ok());
    let client = shown.and_then(|shown| client_auth::named(&shown, ctx.settings()));
    if let Err(seconds) = ctx.knock(door, client.as_deref()) {
        let (status, text) = (StatusCode::TOO_MANY_REQUESTS, "too many requests");
        return Err(Refusal { status, code: "temporarily_unavailable", text, retry_after: Some(seconds) });
    }
    form.or_else(|text| refuse("invalid_request", text))
}

/// The answer to what is refused; `endpoint` says in the log where, `allow` what methods are served there.
pub fn error_response(ctx: &Ctx, request: &Request, refusal: &Refusal, endpoint: &str, allow: &str) -> Response {
    ctx.world.log.line(Level::Warn, "smart", format!("{endpoint} refused, {}: {}", refusal.code, refusal.text));
    if refusal.status == StatusCode::UNAUTHORIZED || refusal.code == "invalid_grant" {
        ctx.audit_refusal("login refused", None, refusal.text);
    }
    let mut response = reply::oauth(refusal.status, &json!({ "error": refusal.code, "error_description": refusal.text }));
    match refusal.status {
        StatusCode::UNAUTHORIZED if request.headers().contains_key(AUTHORIZATION) => {
            reply::set(&mut response, WWW_AUTHENTICATE, "Basic realm=\"token\"");
        }
        StatusCode::METHOD_NOT_ALLOWED => reply::set(&mut response, ALLOW, allow),
        _ => {}
    }
    if let Some(seconds) = refusal.retry_after {
        reply::set(&mut response, RETRY_AFTER, &seconds.to_string());
    }
    response
}
