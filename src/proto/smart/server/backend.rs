//! Backend services: a partner's program calls the FHIR API without a user (smart.md 11).

use serde_json::{Value, json};

use super::oauth::{Refusal, failed, refuse};
use super::scope;
use crate::proto::exchange::Ctx;
use crate::proto::http::{Parameters, secret_hash, secret_text};
use crate::proto::settings::{Backend, Partner};
use crate::proto::store::{Grant, GrantKind, NewGrant, NewToken, TokenKind};

/// Life of an access token, in seconds (smart.md 11).
const SECONDS: i64 = 300;

/// `grant_type=client_credentials` of an authenticated service: what it asks for, as far as it may have it. No refresh token, no id_token.
pub fn token(ctx: &Ctx, partner: &Partner, service: &Backend, form: &Parameters) -> Result<Value, Refusal> {
    let Some(asked) = form.value("scope") else {
        return refuse("invalid_request", "scope is missing");
    };
    // Whose patient, and which user, nobody could tell.
    if asked.split(' ').any(|scope| scope.starts_with("patient/") || scope.starts_with("user/")) {
        return refuse("invalid_scope", "a service without a user has system scopes only");
    }
    let alone = scope::Circumstances { backend: true, ..Default::default() };
    let granted = scope::grant(asked, &service.scopes, alone).unwrap_or_default();
    if granted.is_empty() {
        return refuse("invalid_scope", "nothing of the requested scope can be granted");
    }
    let (scope, text, ends) = (granted.join(" "), secret_text(ctx.random()), ctx.now() + SECONDS * 1000);
    let grant = Grant {
        id: ctx.id(),
        kind: GrantKind::Backend,
        launch_id: None,
        client_id: service.client_id.clone(),
        partner: partner.name.clone(),
        scope: scope.clone(),
        context: String::new(),
        ends,
        idle_ends: ends,
    };
    let token = NewToken {
        hash: secret_hash(&text),
        kind: TokenKind::Access,
        grant_id: Some(grant.id.clone()),
        client_id: service.client_id.clone(),
        scope: scope.clone(),
        expires: ends,
    };
    let grant = NewGrant { grant, user: None, patient: None };
    ctx.store().save_grant(&grant, &token, ctx.now()).map_err(|error| failed(ctx, &error))?;
    Ok(json!({ "access_token": text, "token_type": "bearer", "expires_in": SECONDS, "scope": scope }))
}
