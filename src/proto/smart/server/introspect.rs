//! Introspection: what a token is good for, for those who may ask (smart.md 12, RFC 7662).

use http::StatusCode;
use http::header::AUTHORIZATION;
use serde_json::{Value, json};

use super::client_auth::{self, Client};
use super::oauth::{self, Refusal, failed, not_accepted, refuse};
use super::{caller, issue, reply, scope};
use crate::proto::exchange::Ctx;
use crate::proto::http::{Parameters, Request, Response, secret_hash};
use crate::proto::store::{GrantKind, TokenKind, TokenRecord};
use crate::proto::throttle::Door;

/// `POST /auth/introspect`. No CORS: a page in a browser has no business here (smart.md 15).
pub async fn handle(ctx: &Ctx, request: &Request) -> Response {
    match answer(ctx, request).await {
        Ok(document) => reply::oauth(StatusCode::OK, &document),
        Err(refusal) => oauth::error_response(ctx, request, &refusal, "introspection", "POST"),
    }
}

async fn answer(ctx: &Ctx, request: &Request) -> Result<Value, Refusal> {
    let form = oauth::form(ctx, request, Door::Introspect).await?;
    if !may_ask(ctx, request, &form).await? {
        let text = "the caller may not ask what tokens are good for";
        return Err(Refusal { status: StatusCode::UNAUTHORIZED, code: "invalid_client", text, retry_after: None });
    }
    let Some(token) = form.value("token") else {
        return refuse("invalid_request", "token is missing");
    };
    let found = ctx.store().token(&secret_hash(token), ctx.now()).map_err(|error| failed(ctx, &error))?;
    match found.filter(|record| record.kind != TokenKind::Messaging) {
        Some(record) => describe(ctx, &record),
        None => Ok(json!({ "active": false })),
    }
}

/// A client that is flagged so, known by its credentials or, as a backend service, by an access token of its own.
async fn may_ask(ctx: &Ctx, request: &Request, form: &Parameters) -> Result<bool, Refusal> {
    let bearer = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok()).and_then(caller::bearer);
    let Some(bearer) = bearer else {
        let shown = client_auth::read(request, form).map_err(|refused| not_accepted(ctx, refused))?;
        return match client_auth::client(ctx, &shown).await.map_err(|refused| not_accepted(ctx, refused))? {
            Client::App(app) => Ok(app.may_introspect),
            Client::Backend(_, service) => Ok(service.may_introspect),
        };
    };
    let found = ctx.store().token(&secret_hash(bearer), ctx.now()).map_err(|error| failed(ctx, &error))?;
    let grant = found.filter(|record| record.kind == TokenKind::Access).and_then(|record| record.grant);
    let service = grant.filter(|grant| grant.kind == GrantKind::Backend).and_then(|grant| ctx.settings().backend(&grant.client_id));
    Ok(service.is_some_and(|(_, service)| service.may_introspect))
}

/// What the token response said, as far as it is about the token and its launch.
fn describe(ctx: &Ctx, record: &TokenRecord) -> Result<Value, Refusal> {
    let mut members = serde_json::Map::new();
    let context = record.grant.as_ref().filter(|grant| !grant.context.is_empty()).map(issue::context);
    if let Some(context) = context.transpose().map_err(|error| failed(ctx, &error))? {
        members = issue::context_members(ctx.settings(), &context);
        if scope::has(&record.scope, "openid") {
            let base = ctx.settings().fhir_base();
            members.insert("sub".to_owned(), json!(context.user.id));
            if let Some(user) = context.user.fhir_user.filter(|_| scope::has(&record.scope, "fhirUser")) {
                members.insert("fhirUser".to_owned(), json!(format!("{base}/{user}")));
            }
            members.insert("iss".to_owned(), json!(base));
        }
    }
    let ours = [
        ("active", json!(true)),
        ("scope", json!(record.scope)),
        ("client_id", json!(record.client_id)),
        ("iat", json!(record.created / 1000)),
        ("exp", json!(record.expires / 1000)),
        ("aud", json!(ctx.settings().fhir_base())),
    ];
    members.extend(ours.map(|(name, value)| (name.to_owned(), value)));
    if record.kind == TokenKind::Access {
        members.insert("token_type".to_owned(), json!("Bearer"));
    }
    Ok(Value::Object(members))
}
