//! Who calls the FHIR API: the access token's checks (smart.md 16.1), and what its scopes allow.

// A refusal is the answer itself, made once per request: boxing it would gain nothing.
#![allow(clippy::result_large_err)]

use http::StatusCode;
use http::header::{AUTHORIZATION, WWW_AUTHENTICATE};

use super::fhir_api::failed;
use super::{reply, scope};
use crate::proto::exchange::Ctx;
use crate::proto::http::{Request, Response, secret_hash};
use crate::proto::settings::Partner;
use crate::proto::smart::LaunchContext;
use crate::proto::store::TokenKind;

/// Longest access token looked at, in characters.
const LONGEST_TOKEN: usize = 512;

/// Who calls, and for which launch.
pub struct Caller<'a> {
    /// The launch the token belongs to. Nothing outside its chart is ever touched.
    pub launch_id: String,
    /// The partner whose app it is.
    pub partner: &'a Partner,
    /// The scopes granted.
    pub scope: String,
    /// What the launch is about.
    pub context: LaunchContext,
}

impl Caller<'_> {
    /// Logical id of the patient in context.
    pub fn patient(&self) -> Option<&str> {
        self.context.patient.as_deref()
    }

    /// Fails with 403 unless the scopes allow this (smart.md 16.1).
    pub fn demand(&self, resource_type: &str, letter: u8, letter_text: &str) -> Result<(), Response> {
        if scope::allows(&self.scope, resource_type, letter) {
            return Ok(());
        }
        Err(insufficient(&format!("patient/{resource_type}.{letter_text}")))
    }
}

/// 403 naming the scope that is missing (RFC 6750 3.1).
fn insufficient(needed: &str) -> Response {
    let mut response = reply::outcome(StatusCode::FORBIDDEN, "forbidden", "the granted scopes do not cover this");
    reply::set(
        &mut response,
        WWW_AUTHENTICATE,
        &format!("Bearer realm=\"fhir\", error=\"insufficient_scope\", scope=\"{needed}\""),
    );
    response
}

fn unauthorized(status: StatusCode, challenge: &str, code: &str, text: &str) -> Response {
    let mut response = reply::outcome(status, code, text);
    reply::set(&mut response, WWW_AUTHENTICATE, &format!("Bearer realm=\"fhir\"{challenge}"));
    response
}

/// The token's checks (smart.md 16.1). It comes in the one Authorization header or not at all; its hash is looked up, so nothing of it is
/// compared byte by byte.
pub fn authenticate<'a>(ctx: &'a Ctx, request: &Request, query: &[(String, String)]) -> Result<Caller<'a>, Response> {
    let malformed = |text| unauthorized(StatusCode::BAD_REQUEST, ", error=\"invalid_request\"", "security", text);
    let invalid =
        || unauthorized(StatusCode::UNAUTHORIZED, ", error=\"invalid_token\"", "login", "the access token is not good here");
    if query.iter().any(|(name, _)| name == "access_token") {
        return Err(malformed("an access token in the address is refused, send it in the Authorization header"));
    }
    let mut headers = request.headers().get_all(AUTHORIZATION).iter();
    let Some(header) = headers.next() else {
        return Err(unauthorized(StatusCode::UNAUTHORIZED, "", "login", "an access token is needed"));
    };
    if headers.next().is_some() {
        return Err(malformed("more than one Authorization header"));
    }
    let token = header.to_str().ok().and_then(bearer).ok_or_else(|| malformed("the Authorization header is not a bearer token"))?;
    let found = ctx.store().token(&secret_hash(token), ctx.now()).map_err(|error| failed(ctx, &error))?;
    let record = found.filter(|record| record.kind == TokenKind::Access && ctx.now() < record.expires).ok_or_else(invalid)?;
    let (partner, _) = ctx.settings().app(&record.client_id).ok_or_else(invalid)?;
    let context = serde_json::from_str(&record.context).map_err(|_| invalid())?;
    Ok(Caller { launch_id: record.launch_id, partner, scope: record.scope, context })
}

/// RFC 6750 2.1.
fn bearer(header: &str) -> Option<&str> {
    let (scheme, token) = header.split_once(' ')?;
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte);
    let good = scheme.eq_ignore_ascii_case("bearer") && (1..=LONGEST_TOKEN).contains(&token.len()) && token.bytes().all(legal);
    good.then_some(token)
}
