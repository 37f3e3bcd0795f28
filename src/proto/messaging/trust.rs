//! Who sends: the partner whose credential a request carries (messaging.md 9).

use http::header;
use http::{HeaderMap, StatusCode};

use crate::proto::exchange::Ctx;
use crate::proto::http::secret_hash;
use crate::proto::messaging::receive::{Failure, store_failure};
use crate::proto::settings::{Inbound, Partner};
use crate::proto::store::TokenKind;

fn unauthorized() -> Box<Failure> {
    Failure::new(StatusCode::UNAUTHORIZED, "login", "expected a bearer token we know")
        .with(header::WWW_AUTHENTICATE, "Bearer realm=\"ereferral\"")
}

/// The partner whose credential this is (architecture: identity of a message). No other trace of the sender counts.
pub(super) fn authenticate<'a>(ctx: &'a Ctx, headers: &HeaderMap) -> std::result::Result<&'a Partner, Box<Failure>> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return Err(unauthorized()) };
    let (scheme, token) = value.to_str().ok().and_then(|text| text.split_once(' ')).ok_or_else(unauthorized)?;
    let token = token.trim();
    if !scheme.eq_ignore_ascii_case("bearer") || token.is_empty() {
        return Err(unauthorized());
    }
    let mut found = None;
    for partner in &ctx.settings().partners {
        if let Some(Inbound::Bearer(secret)) = inbound(partner) {
            // Every partner is compared, so that the time says nothing about which one matched.
            found = if secret.secret().matches(token) { Some(partner) } else { found };
        }
    }
    match found {
        Some(partner) => Ok(partner),
        None => by_issued_token(ctx, token),
    }
}

fn inbound(partner: &Partner) -> Option<&Inbound> {
    partner.messaging.as_ref().and_then(|messaging| messaging.inbound.as_ref())
}

/// The partner that fetched this token from our own token endpoint.
fn by_issued_token<'a>(ctx: &'a Ctx, token: &str) -> std::result::Result<&'a Partner, Box<Failure>> {
    let record = ctx.store().token(&secret_hash(token), ctx.now()).map_err(|error| store_failure(ctx, &error))?;
    let record = record.filter(|record| record.kind == TokenKind::Messaging).ok_or_else(unauthorized)?;
    let owns = |partner: &&Partner| matches!(inbound(partner), Some(Inbound::ClientCredentials { client_id, .. }) if *client_id == record.client_id);
    ctx.settings().partners.iter().find(owns).ok_or_else(unauthorized)
}
