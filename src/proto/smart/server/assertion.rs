//! Client assertions (`private_key_jwt`, smart.md 6.1): a client of the token endpoint signs who it is.

use crate::proto::exchange::Ctx;
use crate::proto::jwt::{Claims, LEEWAY, Unverified, Why};
use crate::proto::settings::{ClientKeys, Partner, Settings};
use crate::proto::store::Millis;

/// The one type of assertion there is (RFC 7523 2.2).
pub const TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// How far ahead an assertion may end, and how old it may be, in milliseconds.
const LONGEST_AHEAD: Millis = 5 * 60_000;
const OLDEST: Millis = 10 * 60_000;
/// Longest `jti` taken, in bytes.
const LONGEST_JTI: usize = 256;

/// Why an assertion proves nothing.
pub enum Failed {
    /// Something in it is wrong.
    Wrong(Why),
    /// The client's keys cannot be had at the moment.
    NoKeys,
    /// The store failed.
    Store(crate::error::Error),
}

impl From<Why> for Failed {
    fn from(why: Why) -> Self {
        Self::Wrong(why)
    }
}

/// Verifies an assertion of this client, and uses it up. Nothing is written before the signature is verified.
pub async fn verify(
    ctx: &Ctx,
    partner: &Partner,
    client_id: &str,
    keys: &ClientKeys,
    assertion: Unverified<'_>,
) -> Result<(), Failed> {
    let source = keys.keys().ok_or("no keys are configured")?;
    let algorithm = assertion.check_head(&keys.algorithms, &["JWT"], source)?;
    let keys = ctx.keys(partner, source, assertion.kid()?).await.ok_or(Failed::NoKeys)?;
    let claims = assertion.verify(&keys, algorithm)?;
    let ends = check(ctx.settings(), client_id, &claims, ctx.now())?;
    let jti = claims.text("jti").filter(|jti| (1..=LONGEST_JTI).contains(&jti.len())).ok_or("it has no usable id (jti)")?;
    match ctx.store().use_jti(client_id, jti, ends.saturating_add(LEEWAY), ctx.now()) {
        Ok(true) => Ok(()),
        Ok(false) => Err(Failed::Wrong("it was used before (jti)")),
        Err(error) => Err(Failed::Store(error)),
    }
}

/// Issuer, subject, audience and times. Returns the end.
fn check(settings: &Settings, client_id: &str, claims: &Claims, now: Millis) -> Result<Millis, Why> {
    if claims.text("iss") != Some(client_id) || claims.text("sub") != Some(client_id) {
        return Err("issuer and subject are not both the client (iss, sub)");
    }
    // Some clients name issuer and token endpoint; anybody else's name beside ours is refused (smart.md 6.1).
    let auth = settings.auth_base();
    let ours = [settings.token_endpoint(), settings.fhir_base(), format!("{auth}/introspect"), format!("{auth}/revoke")];
    let [token_endpoint, issuer, ..] = &ours;
    let audience = claims.texts("aud");
    let ours_alone = audience.iter().all(|one| ours.iter().any(|own| own == one));
    if !ours_alone || !audience.iter().any(|one| one == token_endpoint || one == issuer) {
        return Err("it is for somebody else (aud)");
    }
    let ends = claims.check_times(now)?;
    if ends > now.saturating_add(LONGEST_AHEAD + LEEWAY) {
        return Err("it ends more than five minutes ahead (exp)");
    }
    if claims.time("iat")?.is_some_and(|made| made < now.saturating_sub(OLDEST)) {
        return Err("it is older than ten minutes (iat)");
    }
    Ok(ends)
}
