//! The id_token: who the user is, signed (smart.md 9).

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, Header};
use serde::Serialize;

use super::{issue, scope};
use crate::error::{EREF_PANIC, Error, Result};
use crate::proto::exchange::Ctx;
use crate::proto::http::secret_hash;
use crate::proto::settings::SmartApp;
use crate::proto::smart::LaunchContext;

/// The claims; absent ones are left out, a surprise is a mistake to some clients (smart.md 9).
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Claims<'a> {
    iss: String,
    sub: &'a str,
    aud: &'a str,
    exp: i64,
    iat: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    nonce: Option<&'a str>,
    #[serde(rename = "auth_time", skip_serializing_if = "Option::is_none")]
    auth_time: Option<i64>,
    #[serde(rename = "at_hash")]
    at_hash: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    fhir_user: Option<&'a str>,
    /// The same address under the name older apps read.
    #[serde(skip_serializing_if = "Option::is_none")]
    profile: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(rename = "given_name", skip_serializing_if = "Option::is_none")]
    given_name: Option<&'a str>,
    #[serde(rename = "family_name", skip_serializing_if = "Option::is_none")]
    family_name: Option<&'a str>,
}

/// The claims that are ours or OpenID's, also where a token has none of that name: nothing a launch brings may pass for one of them.
pub const OURS: [&str; 20] = [
    "iss",
    "sub",
    "aud",
    "exp",
    "iat",
    "nbf",
    "jti",
    "azp",
    "nonce",
    "auth_time",
    "at_hash",
    "c_hash",
    "s_hash",
    "sid",
    "fhirUser",
    "profile",
    "name",
    "given_name",
    "family_name",
    "amr",
];

/// What an id_token is about.
pub struct Subject<'a> {
    /// For whom it is.
    pub app: &'a SmartApp,
    /// Who the user is, and what the launch brought.
    pub context: &'a LaunchContext,
    /// The scopes of the access token beside it.
    pub scope: &'a str,
    /// Of the authorize request; a refresh has none (smart.md 7.2).
    pub nonce: Option<&'a str>,
}

/// The signed id_token that goes with an access token living `seconds`; `None` when `openid` was not granted.
pub fn make(ctx: &Ctx, about: &Subject, access_token: &str, seconds: i64) -> Result<Option<String>> {
    if !scope::has(about.scope, "openid") {
        return Ok(None);
    }
    let key = ctx.world.keys.signing(ctx.now()).ok_or_else(|| Error::new(EREF_PANIC, "there is no key to sign id_tokens with"))?;
    let user = &about.context.user;
    let base = ctx.settings().fhir_base();
    let address = user.fhir_user.as_ref().map(|reference| format!("{base}/{reference}"));
    let has = |word: &str| scope::has(about.scope, word);
    let now = ctx.now() / 1000;
    let hash = secret_hash(access_token);
    let (left, _) = hash.split_at(16);
    let claims = Claims {
        iss: base,
        sub: &user.id,
        aud: &about.app.client_id,
        exp: now + seconds,
        iat: now,
        nonce: about.nonce,
        auth_time: user.signed_in.map(|at| at / 1000),
        at_hash: BASE64_URL_SAFE_NO_PAD.encode(left),
        fhir_user: address.as_deref().filter(|_| has("fhirUser")),
        profile: address.as_deref().filter(|_| has("fhirUser") || has("profile")),
        name: user.name.as_deref().filter(|_| has("profile")),
        given_name: user.given_name.as_deref().filter(|_| has("profile")),
        family_name: user.family_name.as_deref().filter(|_| has("profile")),
    };
    let header = Header { kid: Some(key.kid.clone()), ..Header::new(Algorithm::RS256) };
    // What the launch brought comes first, so that nothing of it overrides ours.
    let mut all = issue::extras(&about.context.id_token_claims, &about.app.id_token_claims);
    let token = serde_json::to_value(&claims).map_err(Into::into).and_then(|ours| {
        all.extend(ours.as_object().cloned().unwrap_or_default());
        jsonwebtoken::encode(&header, &all, &key.encoding)
    });
    token
        .map(Some)
        .map_err(|error: jsonwebtoken::errors::Error| Error::new(EREF_PANIC, format!("the id_token could not be signed: {error}")))
}
