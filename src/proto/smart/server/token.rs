//! The token endpoint (smart.md 7): a code becomes an access token, and a messaging partner's secret becomes a messaging token.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use http::header::{ALLOW, AUTHORIZATION, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{Method, StatusCode};
use serde_json::{Map, Value, json};

use super::authorize::Binding;
use super::client_auth::{self, Refused, Shown};
use super::cors::{self, Audience};
use super::id_token::{self, Subject};
use super::{reply, style};
use crate::error::{EREF_STORE, Error};
use crate::log::Level;
use crate::proto::exchange::Ctx;
use crate::proto::http::{Parameters, Request, Response, same_bytes, secret_hash, secret_text};
use crate::proto::settings::{Settings, SmartApp};
use crate::proto::smart::LaunchContext;
use crate::proto::store::{CodeRecord, NewToken, SecretHash, TokenKind};

/// Life of a messaging token, in seconds. The main RMS asks for a new one only when this is over (messaging.md 9).
const MESSAGING_SECONDS: u32 = 3600;
/// Longest form taken, in bytes. A redemption has a few hundred.
const LONGEST_FORM: usize = 64 << 10;
/// The longest an access token may live, in seconds (smart.md 19).
const LONGEST_ACCESS: u32 = 3600;

/// An error of RFC 6749 5.2. The text is our own and holds nothing of the request.
struct Refusal {
    status: StatusCode,
    code: &'static str,
    text: &'static str,
}

fn refuse<T>(code: &'static str, text: &'static str) -> Result<T, Refusal> {
    Err(Refusal { status: StatusCode::BAD_REQUEST, code, text })
}

/// A client that is not accepted. The log says why where the client is known; the answer does not.
fn not_accepted(ctx: &Ctx, refused: Refused) -> Refusal {
    let log = |why: String| ctx.world.log.line(Level::Warn, "smart", format!("client refused: {why}"));
    match refused {
        Refused::Malformed(text) => Refusal { status: StatusCode::BAD_REQUEST, code: "invalid_request", text },
        Refused::NotProven(why) => {
            why.map(log);
            let text = "the client is not known, or not authenticated";
            Refusal { status: StatusCode::UNAUTHORIZED, code: "invalid_client", text }
        }
        Refused::Failed(Some(error)) => failed(ctx, &error),
        Refused::Failed(None) => {
            log("its keys cannot be had at the moment".to_owned());
            let text = "the client cannot be authenticated at the moment";
            Refusal { status: StatusCode::SERVICE_UNAVAILABLE, code: "temporarily_unavailable", text }
        }
    }
}

fn failed(ctx: &Ctx, error: &Error) -> Refusal {
    let status = reply::failure(ctx, error);
    let code = if status == StatusCode::SERVICE_UNAVAILABLE { "temporarily_unavailable" } else { "server_error" };
    Refusal { status, code, text: "the server cannot answer at the moment" }
}

/// `POST /auth/token`.
pub async fn handle(ctx: &Ctx, request: &Request) -> Response {
    // At preflight the client is not known yet (smart.md 15).
    if let Some(response) = cors::preflight(ctx, request, Audience::AnyApp) {
        return response;
    }
    let mut client = None;
    let response = match answer(ctx, request, &mut client).await {
        Ok(document) => reply::oauth(StatusCode::OK, &document),
        Err(refusal) => error_response(ctx, request, &refusal),
    };
    let audience = client.as_deref().map_or(Audience::AnyApp, Audience::App);
    cors::allow(ctx, request, response, audience)
}

fn error_response(ctx: &Ctx, request: &Request, refusal: &Refusal) -> Response {
    ctx.world.log.line(Level::Warn, "smart", format!("token refused, {}: {}", refusal.code, refusal.text));
    if refusal.status == StatusCode::UNAUTHORIZED || refusal.code == "invalid_grant" {
        ctx.audit_refusal("login refused", None, refusal.text);
    }
    let mut response = reply::oauth(refusal.status, &json!({ "error": refusal.code, "error_description": refusal.text }));
    match refusal.status {
        StatusCode::UNAUTHORIZED if request.headers().contains_key(AUTHORIZATION) => {
            reply::set(&mut response, WWW_AUTHENTICATE, "Basic realm=\"token\"");
        }
        StatusCode::METHOD_NOT_ALLOWED => reply::set(&mut response, ALLOW, "POST, OPTIONS"),
        StatusCode::SERVICE_UNAVAILABLE => reply::set(&mut response, RETRY_AFTER, "5"),
        _ => {}
    }
    response
}

/// `client` becomes the client id as soon as the client is authenticated.
async fn answer(ctx: &Ctx, request: &Request, client: &mut Option<String>) -> Result<Value, Refusal> {
    if request.method() != Method::POST {
        return Err(Refusal { status: StatusCode::METHOD_NOT_ALLOWED, code: "invalid_request", text: "only POST is served here" });
    }
    if reply::content_type(request) != "application/x-www-form-urlencoded" {
        return refuse("invalid_request", "the body must be application/x-www-form-urlencoded");
    }
    let body = ctx.body(ctx.settings().limits.request_bytes.min(LONGEST_FORM)).await;
    let body = body.map_err(|error| Refusal {
        status: reply::body_status(error),
        code: "invalid_request",
        text: "the body was not received whole",
    })?;
    let form = Parameters::parse(&body).or_else(|text| refuse("invalid_request", text))?;
    let shown = client_auth::read(request, &form).map_err(|refused| not_accepted(ctx, refused));
    match form.value("grant_type") {
        Some("authorization_code") => {
            let app = client_auth::app(ctx.settings(), &shown?).map_err(|refused| not_accepted(ctx, refused))?;
            *client = Some(app.client_id.clone());
            redeem(ctx, app, &form)
        }
        Some("client_credentials") => messaging_token(ctx, &shown?).await,
        Some(_) => refuse("unsupported_grant_type", "this grant_type is not served"),
        None => refuse("invalid_request", "grant_type is missing"),
    }
}

/// A token for `$process-message` of that partner only. The scope, which the main RMS leaves out, says nothing here (messaging.md 9).
async fn messaging_token(ctx: &Ctx, shown: &Shown) -> Result<Value, Refusal> {
    let client_id = client_auth::messaging_client(ctx, shown).await.map_err(|refused| not_accepted(ctx, refused))?;
    let text = secret_text(ctx.random());
    let token = NewToken {
        hash: secret_hash(&text),
        kind: TokenKind::Messaging,
        grant_id: None,
        client_id: client_id.to_owned(),
        scope: String::new(),
        expires: ctx.now() + i64::from(MESSAGING_SECONDS) * 1000,
    };
    ctx.store().save_token(&token, ctx.now()).map_err(|error| failed(ctx, &error))?;
    Ok(json!({ "access_token": text, "token_type": "Bearer", "expires_in": MESSAGING_SECONDS }))
}

/// The checks of smart.md 7.1, then the one step that uses up the code.
fn redeem(ctx: &Ctx, app: &SmartApp, form: &Parameters) -> Result<Value, Refusal> {
    const NOT_GOOD: &str = "the code is unknown, expired or used";
    let Some(code) = form.value("code") else {
        return refuse("invalid_request", "code is missing");
    };
    let hash = secret_hash(code);
    let found = ctx.store().code(&hash, ctx.now()).map_err(|error| failed(ctx, &error))?;
    // Another client's mistake, or attack, neither uses up the code nor counts as a failed try (smart.md 5.6).
    let Some(record) = found.filter(|record| record.grant.client_id == app.client_id) else {
        return refuse("invalid_grant", NOT_GOOD);
    };
    let Ok(binding) = serde_json::from_str::<Binding>(&record.binding) else {
        return refuse("invalid_grant", NOT_GOOD);
    };
    if let Err(text) = check_binding(&binding, form) {
        if !record.used {
            ctx.store().code_failed(&hash, ctx.now()).map_err(|error| failed(ctx, &error))?;
        }
        return refuse("invalid_grant", text);
    }
    if record.used {
        return replayed(ctx, &record);
    }
    if ctx.now() >= record.expires {
        return refuse("invalid_grant", NOT_GOOD);
    }
    let (document, token) = respond(ctx, app, &record, &binding).map_err(|error| failed(ctx, &error))?;
    match ctx.store().redeem_code(&hash, &[token], ctx.now()) {
        Ok(true) => Ok(Value::Object(document)),
        Ok(false) => replayed(ctx, &record),
        Err(error) => Err(failed(ctx, &error)),
    }
}

/// The redirect URI and the verifier. With a challenge the verifier is demanded, without one it is refused: a stripped challenge would
/// else go unseen (RFC 9700 4.8.2).
fn check_binding(binding: &Binding, form: &Parameters) -> Result<(), &'static str> {
    if form.value("redirect_uri") != Some(binding.redirect_uri.as_str()) {
        return Err("redirect_uri is not the one of the authorize request");
    }
    match (&binding.challenge, form.value("code_verifier")) {
        (None, None) => Ok(()),
        (Some(challenge), Some(verifier)) if is_verifier(verifier) && matches(challenge, verifier) => Ok(()),
        _ => Err("code_verifier does not fit the authorize request"),
    }
}

/// 43 to 128 unreserved characters (RFC 7636 4.1).
fn is_verifier(text: &str) -> bool {
    (43..=128).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte))
}

fn matches(challenge: &str, verifier: &str) -> bool {
    let hash: SecretHash = secret_hash(verifier);
    same_bytes(challenge.as_bytes(), BASE64_URL_SAFE_NO_PAD.encode(hash).as_bytes())
}

/// The code came a second time with everything right: one of the two came from a thief, so all tokens of the grant die (smart.md 5.6).
fn replayed(ctx: &Ctx, record: &CodeRecord) -> Result<Value, Refusal> {
    ctx.world.log.line(
        Level::Warn,
        "smart",
        format!("grant {}: its code was presented twice, its tokens are revoked", record.grant.id),
    );
    ctx.store().revoke_grant(&record.grant.id, ctx.now()).map_err(|error| failed(ctx, &error))?;
    refuse("invalid_grant", "the code is unknown, expired or used")
}

/// The success body (smart.md 7.4) and the token in it, as it is to be kept.
fn respond(ctx: &Ctx, app: &SmartApp, record: &CodeRecord, binding: &Binding) -> Result<(Map<String, Value>, NewToken), Error> {
    let wanted = i64::from(app.access_token_seconds.min(LONGEST_ACCESS));
    let grant = &record.grant;
    let seconds = wanted.min((grant.ends - ctx.now()) / 1000);
    let text = secret_text(ctx.random());
    let context = serde_json::from_str(&grant.context).map_err(|error| Error::new(EREF_STORE, error.to_string()))?;
    let mut document = context_members(ctx.settings(), &context);
    document.insert("access_token".to_owned(), json!(text));
    document.insert("token_type".to_owned(), json!("Bearer"));
    document.insert("expires_in".to_owned(), json!(seconds));
    document.insert("scope".to_owned(), json!(grant.scope));
    let about = Subject { client_id: &app.client_id, context: &context, scope: &grant.scope, nonce: binding.nonce.as_deref() };
    if let Some(id_token) = id_token::make(ctx, &about, &text, seconds)? {
        document.insert("id_token".to_owned(), json!(id_token));
    }
    let token = NewToken {
        hash: secret_hash(&text),
        kind: TokenKind::Access,
        grant_id: Some(grant.id.clone()),
        client_id: app.client_id.clone(),
        scope: grant.scope.clone(),
        expires: ctx.now() + seconds * 1000,
    };
    Ok((document, token))
}

/// What the launch is about (smart.md 8).
fn context_members(settings: &Settings, context: &LaunchContext) -> Map<String, Value> {
    let mut members = Map::new();
    let texts = [
        ("patient", &context.patient),
        ("encounter", &context.encounter),
        ("intent", &context.intent),
        ("tenant", &context.tenant),
    ];
    for (name, value) in texts {
        if let Some(value) = value {
            members.insert(name.to_owned(), json!(value));
        }
    }
    let mut entries = context.fhir_context.clone();
    let sends = settings.partner(&context.partner).is_some_and(|partner| partner.messaging.is_some());
    if let Some(value) = context.correlation.as_ref().filter(|_| sends) {
        // The number under which an app that also sends messages may name the referral it makes (messaging.md 14).
        let identifier = json!({"system": settings.own_referral_system(), "value": value});
        entries.push(json!({"type": "ServiceRequest", "identifier": identifier}));
    }
    if !entries.is_empty() {
        members.insert("fhirContext".to_owned(), Value::Array(entries));
    }
    let style = context.smart_style_url.as_ref().map(ToString::to_string).or_else(|| style::address(settings));
    if let Some(style) = style {
        members.insert("smart_style_url".to_owned(), json!(style));
    }
    members.insert("need_patient_banner".to_owned(), json!(context.need_patient_banner.unwrap_or(true)));
    members
}
