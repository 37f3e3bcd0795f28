//! Revocation: a client gives its tokens up (smart.md 13, RFC 7009).

use http::header::{CACHE_CONTROL, PRAGMA};

use super::client_auth::{self, Client};
use super::cors::{self, Audience};
use super::oauth::{self, Refusal, failed, not_accepted, refuse};
use super::reply;
use crate::error::Result;
use crate::proto::exchange::Ctx;
use crate::proto::http::{Request, Response, secret_hash};
use crate::proto::store::TokenKind;
use crate::proto::throttle::Door;

/// `POST /auth/revoke`.
pub async fn handle(ctx: &Ctx, request: &Request) -> Response {
    if let Some(response) = cors::preflight(ctx, request, Audience::AnyApp) {
        return response;
    }
    let mut client = None;
    let response = match answer(ctx, request, &mut client).await {
        Ok(()) => {
            let mut response = Response::new(Vec::new());
            reply::set(&mut response, CACHE_CONTROL, "no-store");
            reply::set(&mut response, PRAGMA, "no-cache");
            response
        }
        Err(refusal) => oauth::error_response(ctx, request, &refusal, "revocation", "POST, OPTIONS"),
    };
    let audience = client.as_deref().map_or(Audience::AnyApp, Audience::App);
    cors::allow(ctx, request, response, audience)
}

/// The same answer whether there was such a token or not, and whoever's it was.
async fn answer(ctx: &Ctx, request: &Request, client: &mut Option<String>) -> std::result::Result<(), Refusal> {
    let form = oauth::form(ctx, request, Door::Token).await?;
    let shown = client_auth::read(request, &form).map_err(|refused| not_accepted(ctx, refused))?;
    let client_id = match client_auth::client(ctx, &shown).await.map_err(|refused| not_accepted(ctx, refused))? {
        Client::App(app) => &app.client_id,
        Client::Backend(_, service) => &service.client_id,
    };
    *client = Some(client_id.clone());
    let Some(token) = form.value("token") else {
        return refuse("invalid_request", "token is missing");
    };
    if form.value("token_type_hint").is_some_and(|hint| !["access_token", "refresh_token"].contains(&hint)) {
        return refuse("unsupported_token_type", "only access tokens and refresh tokens are revoked here");
    }
    revoke(ctx, client_id, token).map_err(|error| failed(ctx, &error))
}

/// A refresh token takes its grant with it, also one that was used; an access token goes alone.
fn revoke(ctx: &Ctx, client_id: &str, token: &str) -> Result<()> {
    let (store, hash, now) = (ctx.store(), secret_hash(token), ctx.now());
    let found = store.token(&hash, now)?.filter(|record| record.client_id == client_id);
    match found.map(|record| (record.kind, record.grant)) {
        Some((TokenKind::Access, _)) => store.revoke_token(&hash, now),
        Some((TokenKind::Refresh, Some(grant))) => store.revoke_grant(&grant.id, now),
        Some(_) => Ok(()),
        None => match store.used_refresh(&hash, now)?.filter(|used| used.client_id == client_id) {
            Some(used) => store.revoke_grant(&used.grant_id, now),
            None => Ok(()),
        },
    }
}
