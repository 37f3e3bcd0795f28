//! The token endpoint (smart.md 7): a code or a refresh token becomes an access token; a messaging partner's secret a messaging token.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use http::StatusCode;
use serde_json::{Value, json};

use super::authorize::Binding;
use super::client_auth::{self, Client, Shown};
use super::cors::{self, Audience};
use super::oauth::{self, Refusal, failed, not_accepted, refuse};
use super::{backend, issue, refresh, reply};
use crate::log::Level;
use crate::proto::exchange::Ctx;
use crate::proto::http::{Parameters, Request, Response, same_bytes, secret_hash, secret_text};
use crate::proto::settings::SmartApp;
use crate::proto::store::{CodeRecord, NewToken, SecretHash, TokenKind};
use crate::proto::throttle::Door;

/// Life of a messaging token, in seconds. The main RMS asks for a new one only when this is over (messaging.md 9).
const MESSAGING_SECONDS: u32 = 3600;

/// `POST /auth/token`.
pub async fn handle(ctx: &Ctx, request: &Request) -> Response {
    // At preflight the client is not known yet (smart.md 15).
    if let Some(response) = cors::preflight(ctx, request, Audience::AnyApp) {
        return response;
    }
    let mut client = None;
    let response = match answer(ctx, request, &mut client).await {
        Ok(document) => reply::oauth(StatusCode::OK, &document),
        Err(refusal) => oauth::error_response(ctx, request, &refusal, "token", "POST, OPTIONS"),
    };
    let audience = client.as_deref().map_or(Audience::AnyApp, Audience::App);
    cors::allow(ctx, request, response, audience)
}

/// `client` becomes the client id as soon as the client is authenticated.
async fn answer(ctx: &Ctx, request: &Request, client: &mut Option<String>) -> Result<Value, Refusal> {
    let form = oauth::form(ctx, request, Door::Token).await?;
    let shown = client_auth::read(request, &form).map_err(|refused| not_accepted(ctx, refused));
    match form.value("grant_type") {
        Some("authorization_code") => {
            let app = app(ctx, &shown?).await?;
            *client = Some(app.client_id.clone());
            redeem(ctx, app, &form)
        }
        Some("refresh_token") => {
            let app = match shown? {
                // Browser apps leave their id out; the token says whose it is (smart.md 7.2).
                Shown::Nothing => refresh::public_owner(ctx, &form)?,
                shown => app(ctx, &shown).await?,
            };
            *client = Some(app.client_id.clone());
            refresh::answer(ctx, app, &form)
        }
        Some("client_credentials") => {
            let shown = shown?;
            if matches!(shown, Shown::Nothing) || client_auth::names_messaging_client(ctx.settings(), &shown) {
                return messaging_token(ctx, &shown).await;
            }
            match client_auth::client(ctx, &shown).await.map_err(|refused| not_accepted(ctx, refused))? {
                Client::Backend(partner, service) => backend::token(ctx, partner, service, &form),
                Client::App(_) => refuse("unauthorized_client", "this client may not use this grant_type"),
            }
        }
        Some(_) => refuse("unsupported_grant_type", "this grant_type is not served"),
        None => refuse("invalid_request", "grant_type is missing"),
    }
}

/// The app that calls, authenticated.
async fn app<'a>(ctx: &'a Ctx, shown: &Shown) -> Result<&'a SmartApp, Refusal> {
    match client_auth::client(ctx, shown).await.map_err(|refused| not_accepted(ctx, refused))? {
        Client::App(app) => Ok(app),
        Client::Backend(..) => refuse("unauthorized_client", "this client may not use this grant_type"),
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
    let (grant, nonce) = (&record.grant, binding.nonce.as_deref());
    let (document, tokens) = issue::tokens(ctx, app, grant, &grant.scope, nonce).map_err(|error| failed(ctx, &error))?;
    match ctx.store().redeem_code(&hash, &tokens, ctx.now()) {
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
