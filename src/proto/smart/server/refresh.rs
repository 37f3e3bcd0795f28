//! Refresh tokens: good once; used a second time, one of the two users is a thief, and the whole grant is revoked (smart.md 7.2, 10).

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::oauth::{Refusal, failed, not_accepted, refuse};
use super::{client_auth, grant, issue, scope};
use crate::log::Level;
use crate::proto::exchange::Ctx;
use crate::proto::http::{Parameters, secret_hash};
use crate::proto::settings::{ClientAuth, SmartApp};
use crate::proto::store::{Grant, RETRY_MS, Refreshed, SecretHash, TokenKind, TokenRecord};

const NOT_GOOD: &str = "the refresh token is unknown, expired, used or revoked";

/// What was asked for and what was answered, kept in case the answer is lost on its way.
#[derive(Serialize, Deserialize)]
struct Answered {
    scope: Option<String>,
    answer: Value,
}

/// The app whose refresh token this is, where it has no credentials that it could show.
pub fn public_owner<'a>(ctx: &'a Ctx, form: &Parameters) -> Result<&'a SmartApp, Refusal> {
    let hash = presented(form)?;
    let client_id = match good(ctx, &hash)? {
        Some((record, _)) => Some(record.client_id),
        None => ctx.store().used_refresh(&hash, ctx.now()).map_err(|error| failed(ctx, &error))?.map(|used| used.client_id),
    };
    let Some((_, app)) = client_id.and_then(|id| ctx.settings().app(&id)) else {
        return refuse("invalid_grant", NOT_GOOD);
    };
    if matches!(app.auth, ClientAuth::Public) { Ok(app) } else { Err(not_accepted(ctx, client_auth::NOT_PROVEN)) }
}

fn presented(form: &Parameters) -> Result<SecretHash, Refusal> {
    form.value("refresh_token").map_or_else(|| refuse("invalid_request", "refresh_token is missing"), |text| Ok(secret_hash(text)))
}

/// A refresh token that can be used, with its grant.
fn good(ctx: &Ctx, hash: &SecretHash) -> Result<Option<(TokenRecord, Grant)>, Refusal> {
    let found = ctx.store().token(hash, ctx.now()).map_err(|error| failed(ctx, &error))?;
    let found = found.filter(|record| record.kind == TokenKind::Refresh);
    Ok(found.and_then(|mut record| record.grant.take().map(|grant| (record, grant))))
}

/// The checks of smart.md 7.2, then the one step that uses up the token.
pub fn answer(ctx: &Ctx, app: &SmartApp, form: &Parameters) -> Result<Value, Refusal> {
    let hash = presented(form)?;
    let asked = form.value("scope");
    // Another client's mistake, or attack, changes nothing.
    let found = good(ctx, &hash)?.filter(|(record, _)| record.client_id == app.client_id);
    let Some((_, grant)) = found else {
        return again(ctx, app, &hash, asked);
    };
    let scope = match asked {
        None => grant.scope.clone(),
        Some(asked) => {
            within(asked, &grant.scope).map_or_else(|| refuse("invalid_scope", "the scope holds what was not granted"), Ok)?
        }
    };
    let (document, tokens) = issue::tokens(ctx, app, &grant, &scope, None).map_err(|error| failed(ctx, &error))?;
    let answered = Answered { scope: asked.map(str::to_owned), answer: Value::Object(document) };
    let kept = serde_json::to_string(&answered).or_else(|_| refuse("server_error", "the answer cannot be kept"))?;
    let refreshed = Refreshed { tokens, answer: kept, idle_ends: grant::idle_ends(ctx, app, &grant) };
    match ctx.store().refresh(&hash, &refreshed, ctx.now()) {
        Ok(true) => Ok(answered.answer),
        Ok(false) => again(ctx, app, &hash, asked),
        Err(error) => Err(failed(ctx, &error)),
    }
}

/// A token that was used. Soon after, the same request gets the same answer; anything else ends the grant.
fn again(ctx: &Ctx, app: &SmartApp, hash: &SecretHash, asked: Option<&str>) -> Result<Value, Refusal> {
    let found = ctx.store().used_refresh(hash, ctx.now()).map_err(|error| failed(ctx, &error))?;
    let Some(used) = found.filter(|used| used.client_id == app.client_id) else {
        return refuse("invalid_grant", NOT_GOOD);
    };
    let soon = (0..RETRY_MS).contains(&(ctx.now() - used.at));
    let kept = used.answer.as_deref().filter(|_| soon).and_then(|kept| serde_json::from_str::<Answered>(kept).ok());
    if let Some(answered) = kept.filter(|kept| kept.scope.as_deref() == asked) {
        return Ok(answered.answer);
    }
    let line = format!("grant {}: a refresh token was presented twice, the grant is revoked", used.grant_id);
    ctx.world.log.line(Level::Warn, "smart", line);
    ctx.store().revoke_grant(&used.grant_id, ctx.now()).map_err(|error| failed(ctx, &error))?;
    refuse("invalid_grant", NOT_GOOD)
}

/// The scopes asked for, where all of them are within those granted (smart.md 7.2).
fn within(asked: &str, granted: &str) -> Option<String> {
    // Whether the launch has what they mean was decided when they were granted.
    let launch = scope::Circumstances { patient: true, ..Default::default() };
    let mut words: Vec<&str> = Vec::new();
    for word in asked.split(' ').filter(|word| !word.is_empty()) {
        let covered = || scope::grant(word, granted, launch).is_ok_and(|words| words == [word]);
        if !scope::has(granted, word) && !covered() {
            return None;
        }
        if !words.contains(&word) {
            words.push(word);
        }
    }
    (!words.is_empty()).then(|| words.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refresh_asks_for_the_same_or_less() {
        let granted = "launch openid patient/*.rs patient/DocumentReference.c online_access";
        for less in ["launch", "patient/Observation.r", "patient/Observation.rs patient/*.rs openid", granted] {
            assert_eq!(within(less, granted).as_deref(), Some(less));
        }
        assert_eq!(within("launch  launch", granted).as_deref(), Some("launch"));
        let wider =
            ["patient/Observation.crs", "user/Observation.rs", "fhirUser", "offline_access", "system/*.rs", "patient/*.cruds", " "];
        for wider in wider {
            assert_eq!(within(wider, granted), None, "{wider}");
        }
        assert_eq!(within("patient/*.rs", "patient/Observation.rs"), None);
        assert_eq!(within("launch fhirUser", granted), None);
    }
}
