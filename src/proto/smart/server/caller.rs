//! Who calls the FHIR API: the access token's checks (smart.md 16.1), and what its scopes allow.

// A refusal is the answer itself, made once per request: boxing it would gain nothing.
#![allow(clippy::result_large_err)]

use http::StatusCode;
use http::header::{AUTHORIZATION, WWW_AUTHENTICATE};

use super::fhir_api::failed;
use super::reply;
use super::scope::{self, Class};
use crate::proto::exchange::Ctx;
use crate::proto::http::{Request, Response, secret_hash};
use crate::proto::settings::Partner;
use crate::proto::smart::{LaunchContext, User};
use crate::proto::store::{Grant, SecretHash, TokenKind};

/// Longest access token looked at, in characters.
const LONGEST_TOKEN: usize = 512;

/// Who calls, and for which launch.
pub struct Caller<'a> {
    /// The hash of the token.
    pub token: SecretHash,
    /// The grant the token hangs on.
    pub grant_id: String,
    /// The client.
    pub client_id: String,
    /// The launch the token came of; `None` for backend services. For an offline grant it may have ended, and its chart is gone then.
    pub launch_id: Option<String>,
    /// The partner whose client it is.
    pub partner: &'a Partner,
    /// The scopes of the token. Those of a backend service are `system/` scopes only, and nobody else has such.
    pub scope: String,
    /// What the launch is about; `None` for backend services.
    pub context: Option<LaunchContext>,
}

impl Caller<'_> {
    /// Whose chart is read; empty for a backend service, to which no chart belongs.
    pub fn launch(&self) -> &str {
        self.launch_id.as_deref().unwrap_or_default()
    }

    /// Fails with 401 when the token is not good any more. To be asked after every wait: what it was good for may have been revoked, or have
    /// ended with the launch (smart.md 16.1).
    pub fn still_good(&self, ctx: &Ctx) -> Result<(), Response> {
        let found = ctx.store().token(&self.token, ctx.now()).map_err(|error| failed(ctx, &error))?;
        found.map(|_| ()).ok_or_else(invalid)
    }

    /// Logical id of the patient in context.
    pub fn patient(&self) -> Option<&str> {
        self.context.as_ref()?.patient.as_deref()
    }

    /// The user at the keyboard.
    pub fn user(&self) -> Option<&User> {
        self.context.as_ref().map(|context| &context.user)
    }

    /// Fails with 403 unless the scopes allow this (smart.md 16.1).
    pub fn demand(&self, resource_type: &str, letter: u8, letter_text: &str) -> Result<(), Response> {
        if scope::allows(&self.scope, resource_type, letter) {
            return Ok(());
        }
        Err(self.insufficient(Class::Patient, resource_type, letter_text, "the granted scopes do not cover this"))
    }

    /// 403 naming the scope that is missing, of this class or of the only one that a backend service can have (RFC 6750 3.1).
    pub fn insufficient(&self, class: Class, resource_type: &str, letter_text: &str, text: &str) -> Response {
        let class = if self.context.is_none() { Class::System } else { class }.as_str();
        insufficient(&format!("{class}/{resource_type}.{letter_text}"), text)
    }
}

fn insufficient(needed: &str, text: &str) -> Response {
    let mut response = reply::outcome(StatusCode::FORBIDDEN, "forbidden", text);
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

fn malformed(text: &str) -> Response {
    unauthorized(StatusCode::BAD_REQUEST, ", error=\"invalid_request\"", "security", text)
}

/// Among the parameters of an address or a form a token is refused, with one in the header or without (smart.md 16.1).
pub fn no_token_in(parameters: &[(String, String)]) -> Result<(), Response> {
    if parameters.iter().any(|(name, _)| name == "access_token") {
        return Err(malformed("an access token among the parameters is refused, send it in the Authorization header"));
    }
    Ok(())
}

/// 401 for a token that is not known, or not good any more.
pub fn invalid() -> Response {
    unauthorized(StatusCode::UNAUTHORIZED, ", error=\"invalid_token\"", "login", "the access token is not good here")
}

/// The token's checks (smart.md 16.1). It comes in the one Authorization header or not at all; its hash is looked up, so nothing of it is
/// compared byte by byte.
pub fn authenticate<'a>(ctx: &'a Ctx, request: &Request, query: &[(String, String)]) -> Result<Caller<'a>, Response> {
    no_token_in(query)?;
    let mut headers = request.headers().get_all(AUTHORIZATION).iter();
    let Some(header) = headers.next() else {
        return Err(unauthorized(StatusCode::UNAUTHORIZED, "", "login", "an access token is needed"));
    };
    if headers.next().is_some() {
        return Err(malformed("more than one Authorization header"));
    }
    let token = header.to_str().ok().and_then(bearer).ok_or_else(|| malformed("the Authorization header is not a bearer token"))?;
    let token = secret_hash(token);
    let found = ctx.store().token(&token, ctx.now()).map_err(|error| failed(ctx, &error))?;
    let record = found.filter(|record| record.kind == TokenKind::Access).ok_or_else(invalid)?;
    let grant = record.grant.ok_or_else(invalid)?;
    // A client that left the configuration, or went over to another partner, calls no more.
    let partner =
        ctx.settings().partner(&grant.partner).filter(|partner| partner.has_client(&grant.client_id)).ok_or_else(invalid)?;
    let context = match grant.context.as_str() {
        "" => None,
        context => Some(serde_json::from_str(context).map_err(|_| invalid())?),
    };
    let Grant { id, client_id, launch_id, .. } = grant;
    Ok(Caller { token, grant_id: id, client_id, launch_id, partner, scope: record.scope, context })
}

/// The token of an Authorization header (RFC 6750 2.1).
pub fn bearer(header: &str) -> Option<&str> {
    let (scheme, token) = header.split_once(' ')?;
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte);
    let good = scheme.eq_ignore_ascii_case("bearer") && (1..=LONGEST_TOKEN).contains(&token.len()) && token.bytes().all(legal);
    good.then_some(token)
}
