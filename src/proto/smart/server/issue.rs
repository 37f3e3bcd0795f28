//! What a grant gives out: the body of a token response, and the tokens in it (smart.md 7.4, 8).

use serde_json::{Map, Value, json};

use super::id_token::{self, Subject};
use super::{grant, scope, style};
use crate::error::{EREF_STORE, Error, Result};
use crate::proto::exchange::Ctx;
use crate::proto::http::{secret_hash, secret_text};
use crate::proto::settings::{Settings, SmartApp};
use crate::proto::smart::LaunchContext;
use crate::proto::store::{Grant, Millis, NewToken, TokenKind};

/// The longest an access token may live, in seconds (smart.md 19).
const LONGEST_ACCESS: u32 = 3600;

/// The members that are ours, whether an answer has them or not: nothing a launch brings may pass for one of them.
pub const OURS: [&str; 16] = [
    "access_token",
    "token_type",
    "expires_in",
    "refresh_token",
    "id_token",
    "scope",
    "error",
    "error_description",
    "authorization_details",
    "patient",
    "encounter",
    "fhirContext",
    "need_patient_banner",
    "intent",
    "smart_style_url",
    "tenant",
];

/// An access token of these scopes, and where the grant has them an id_token and a refresh token, which is good for the whole grant.
pub fn tokens(
    ctx: &Ctx,
    app: &SmartApp,
    grant: &Grant,
    scope: &str,
    nonce: Option<&str>,
) -> Result<(Map<String, Value>, Vec<NewToken>)> {
    let context = context(grant)?;
    let idle_ends = grant::idle_ends(ctx, app, grant);
    let seconds = i64::from(app.access_token_seconds.min(LONGEST_ACCESS)).min((idle_ends - ctx.now()) / 1000);
    let mut tokens = Vec::new();
    let mut token = |kind, scope: &str, expires: Millis| {
        let text = secret_text(ctx.random());
        tokens.push(NewToken {
            hash: secret_hash(&text),
            kind,
            grant_id: Some(grant.id.clone()),
            client_id: grant.client_id.clone(),
            scope: scope.to_owned(),
            expires,
        });
        text
    };
    let access = token(TokenKind::Access, scope, ctx.now() + seconds * 1000);
    // What the launch brought besides comes first, so that nothing of it overrides ours.
    let mut members = extras(&context.response_members, &app.response_members);
    members.extend(context_members(ctx.settings(), &context));
    let about = Subject { app, context: &context, scope, nonce };
    if let Some(id_token) = id_token::make(ctx, &about, &access, seconds)? {
        members.insert("id_token".to_owned(), json!(id_token));
    }
    if scope::has(&grant.scope, "online_access") || scope::has(&grant.scope, "offline_access") {
        members.insert("refresh_token".to_owned(), json!(token(TokenKind::Refresh, &grant.scope, idle_ends)));
    }
    members.insert("access_token".to_owned(), json!(access));
    members.insert("token_type".to_owned(), json!("Bearer"));
    members.insert("expires_in".to_owned(), json!(seconds));
    members.insert("scope".to_owned(), json!(scope));
    Ok((members, tokens))
}

/// The launch context of a grant.
pub fn context(grant: &Grant) -> Result<LaunchContext> {
    serde_json::from_str(&grant.context).map_err(|error| Error::new(EREF_STORE, format!("a grant cannot be read: {error}")))
}

/// What a launch brought for this app, as far as its configuration still allows it.
pub fn extras(brought: &Map<String, Value>, allowed: &[String]) -> Map<String, Value> {
    brought.iter().filter(|(name, _)| allowed.contains(name)).map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// What the launch is about (smart.md 8).
pub fn context_members(settings: &Settings, context: &LaunchContext) -> Map<String, Value> {
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
