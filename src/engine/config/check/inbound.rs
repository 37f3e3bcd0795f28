//! The rules for how partners show who they are (messaging.md 9).

use jiff::ToSpan as _;
use url::{Host, Url};

use super::wrong;
use crate::error::Result;
use crate::proto::addresses::{Reach, reach};
use crate::proto::jwt::Algorithm;
use crate::proto::messaging::certificate;
use crate::proto::settings::{CertificateRule, ClientRule, Inbound, JwtRule, LONGEST_NONE, NoneRule, Partner, Settings};
use crate::proto::store::Millis;

/// The path of a way; numbered where there are several.
pub fn path(at: &str, index: Option<usize>) -> String {
    match index {
        None => format!("{at}.messaging.inbound"),
        Some(index) => format!("{at}.messaging.inbound[{index}]"),
    }
}

fn ways(partner: &Partner) -> &[Inbound] {
    partner.messaging.as_ref().map_or(&[], |messaging| &messaging.inbound)
}

/// A partner's ways, each with its path.
fn paths<'a>(at: &str, partner: &'a Partner) -> impl Iterator<Item = (String, &'a Inbound)> {
    let several = ways(partner).len() > 1;
    ways(partner).iter().enumerate().map(move |(index, way)| (path(at, several.then_some(index)), way))
}

/// Each way of a partner by itself.
pub(super) fn check(at: &str, partner: &Partner, settings: &Settings, now: Millis) -> Result<()> {
    for (at, way) in paths(at, partner) {
        check_members(&at, way)?;
        if let Some(rule) = &way.certificate {
            check_certificate(&format!("{at}.certificate"), rule, settings)?;
        }
        if let Some(rule) = &way.jwt {
            check_jwt(&format!("{at}.jwt"), rule)?;
        }
        if let Some(rule) = &way.client_credentials {
            check_client(&format!("{at}.client_credentials"), rule)?;
        }
        if let Some(rule) = &way.none {
            check_none(&format!("{at}.none"), rule, settings, now)?;
        }
    }
    Ok(())
}

/// All members of a way hold together, so they must be able to: a request has one Authorization header.
fn check_members(at: &str, way: &Inbound) -> Result<()> {
    let tokens = [way.bearer.is_some(), way.bearer_sha256.is_some(), way.jwt.is_some(), way.client_credentials.is_some()];
    let tokens = tokens.iter().filter(|given| **given).count();
    let members = tokens + usize::from(way.certificate.is_some()) + usize::from(way.none.is_some());
    if members == 0 {
        return Err(wrong(at, "no member", "bearer, bearer_sha256, certificate, jwt, client_credentials or none"));
    }
    if tokens > 1 {
        let expected = "one of bearer, bearer_sha256, jwt and client_credentials; any of several is a list of objects";
        return Err(wrong(at, "several tokens that would have to come together", expected));
    }
    if way.none.is_some() && members > 1 {
        return Err(wrong(&format!("{at}.none"), "another member beside it", "none alone, in an object of its own"));
    }
    Ok(())
}

fn check_certificate(at: &str, rule: &CertificateRule, settings: &Settings) -> Result<()> {
    if *rule == CertificateRule::default() {
        return Err(wrong(at, "no member", "sha256, subject, dns or uri"));
    }
    if rule.subject.as_deref().is_some_and(|subject| certificate::written(subject).is_none()) {
        return Err(wrong(
            &format!("{at}.subject"),
            "no distinguished name",
            "one as \"CN=rms.example,O=The RMS,C=CA\" (RFC 4514)",
        ));
    }
    if rule.dns.as_deref().is_some_and(|name| name.is_empty() || name.contains('*')) {
        return Err(wrong(&format!("{at}.dns"), "a wildcard or an empty text", "one whole host name"));
    }
    if rule.uri.as_deref().is_some_and(|uri| Url::parse(uri).is_err()) {
        return Err(wrong(&format!("{at}.uri"), "no URI", "a whole URI"));
    }
    let asked = settings.listen.iter().any(|listen| listen.tls.as_ref().is_some_and(|tls| tls.client_ca.is_some()));
    // A desk does not listen.
    if !settings.listen.is_empty() && !asked {
        return Err(wrong(at, "a client certificate that no listener asks for", "a listener with \"tls.client_ca\""));
    }
    Ok(())
}

fn check_jwt(at: &str, rule: &JwtRule) -> Result<()> {
    for (name, value) in [("issuer", &rule.issuer), ("audience", &rule.audience)] {
        if value.is_empty() {
            return Err(wrong(&format!("{at}.{name}"), "an empty text", "the exact text that the tokens carry"));
        }
    }
    let none = rule.keys().is_none();
    check_keys(at, none, rule.jwks_url.as_ref(), rule.private, &rule.algorithms)
}

fn check_client(at: &str, rule: &ClientRule) -> Result<()> {
    if rule.client_id.is_empty() {
        return Err(wrong(&format!("{at}.client_id"), "an empty text", "the id assigned to the partner"));
    }
    match (&rule.client_secret, &rule.private_key_jwt) {
        (Some(_), None) => Ok(()),
        (None, Some(keys)) => {
            let none = keys.keys().is_none();
            check_keys(&format!("{at}.private_key_jwt"), none, keys.jwks_url.as_ref(), keys.private, &keys.algorithms)
        }
        (Some(_), Some(_)) => Err(wrong(at, "client_secret and private_key_jwt", "one of them; any of both is a list of objects")),
        (None, None) => Err(wrong(at, "neither client_secret nor private_key_jwt", "one of them")),
    }
}

/// smart.md 6.1: https, and no address of our own network unless it is said to be one.
pub(super) fn check_keys(at: &str, none: bool, url: Option<&Url>, private: bool, algorithms: &[Algorithm]) -> Result<()> {
    if none {
        return Err(wrong(at, "both of jwks_url and jwks, or neither", "one of them"));
    }
    if algorithms.is_empty() {
        return Err(wrong(&format!("{at}.algorithms"), "an empty list", "some of RS256, RS384, PS256, ES256, ES384"));
    }
    let Some(url) = url else { return Ok(()) };
    let at = format!("{at}.jwks_url");
    if url.scheme() != "https" || !url.username().is_empty() || url.password().is_some() {
        return Err(wrong(&at, format_args!("an address with {:?}", url.scheme()), "an https address without user and password"));
    }
    let reach = match url.host() {
        Some(Host::Ipv4(address)) => reach(address.into()),
        Some(Host::Ipv6(address)) => reach(address.into()),
        _ => Reach::Public,
    };
    match reach {
        Reach::Never => Err(wrong(&at, "a link-local address", "an address that keys can be fetched from")),
        Reach::Private if !private => Err(wrong(&at, "an address of a private network", "a public one, or \"private\": true")),
        _ => Ok(()),
    }
}

/// Not for long, and not from everywhere (messaging.md, decisions). A day that is over is taken, so that the engine still opens.
fn check_none(at: &str, rule: &NoneRule, settings: &Settings, now: Millis) -> Result<()> {
    let zone = settings.system.time_zone.as_deref().and_then(|name| jiff::tz::TimeZone::get(name).ok());
    let today = jiff::Timestamp::from_millisecond(now).unwrap_or_default().to_zoned(zone.unwrap_or(jiff::tz::TimeZone::UTC)).date();
    let last = today.saturating_add(LONGEST_NONE.days());
    if rule.until.0 > last {
        let found = format_args!("{}, more than {LONGEST_NONE} days ahead", rule.until.0);
        return Err(wrong(&format!("{at}.until"), found, &format!("{last} at the latest")));
    }
    if rule.addresses.is_empty() {
        return Err(wrong(&format!("{at}.addresses"), "an empty list", "the addresses it sends from"));
    }
    match rule.addresses.iter().position(|range| range.is_too_wide()) {
        Some(index) => Err(wrong(&format!("{at}.addresses[{index}]"), "nearly every address", "/8 or narrower (IPv6: /32)")),
        None => Ok(()),
    }
}

/// Two partners that show the same credential would be one (architecture: identity of a message).
pub(super) fn check_identity(at: &str, partner: &Partner, others: &[Partner]) -> Result<()> {
    for (at, own) in paths(at, partner) {
        for other in others.iter().flat_map(ways) {
            if let Some(member) = shared(own, other) {
                return Err(wrong(&format!("{at}.{member}"), "the same as another partner's", "one of its own"));
            }
        }
    }
    Ok(())
}

/// How two demands of the same sort compare.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Same {
    /// One credential meets both.
    Yes(&'static str),
    /// None does.
    No,
    /// It cannot be told: one of them demands nothing of the sort.
    Open,
}

/// The member by which one sender could be both.
fn shared(own: &Inbound, other: &Inbound) -> Option<&'static str> {
    if let (Some(own), Some(other)) = (&own.none, &other.none) {
        let overlap = own.addresses.iter().any(|range| other.addresses.iter().any(|another| range.overlaps(another)));
        return overlap.then_some("none.addresses");
    }
    match (same_token(own, other), same_certificate(own, other)) {
        (Same::No, _) | (_, Same::No) => None,
        (Same::Yes(member), _) | (Same::Open, Same::Yes(member)) => Some(member),
        (Same::Open, Same::Open) => None,
    }
}

fn same_token(own: &Inbound, other: &Inbound) -> Same {
    if !own.wants_token() || !other.wants_token() {
        return Same::Open;
    }
    let yes = |same: bool, member| if same { Same::Yes(member) } else { Same::No };
    let name = if own.bearer.is_some() { "bearer" } else { "bearer_sha256" };
    match (own.bearer_hash(), other.bearer_hash()) {
        (Some(own), Some(other)) => return yes(own == other, name),
        (None, None) => {}
        _ => return Same::No,
    }
    match (&own.client_credentials, &other.client_credentials, &own.jwt, &other.jwt) {
        (Some(own), Some(other), _, _) => yes(own.client_id == other.client_id, "client_credentials.client_id"),
        (_, _, Some(own), Some(other)) => yes(!are_told_apart(own, other), "jwt"),
        _ => Same::No,
    }
}

/// Tokens of one issuer are told apart by audience, by subject, or by a claim of which both want another value.
fn are_told_apart(own: &JwtRule, other: &JwtRule) -> bool {
    let differ = |own: Option<&String>, other: Option<&String>| own.zip(other).is_some_and(|(own, other)| own != other);
    own.issuer != other.issuer
        || own.audience != other.audience
        || differ(own.subject.as_ref(), other.subject.as_ref())
        || own.claims.iter().any(|(name, value)| differ(Some(value), other.claims.get(name)))
}

/// Names and thumbprints say nothing of each other; a request that proves two partners is refused when it comes.
fn same_certificate(own: &Inbound, other: &Inbound) -> Same {
    let (Some(own), Some(other)) = (&own.certificate, &other.certificate) else { return Same::Open };
    let texts = [(&own.subject, &other.subject), (&own.dns, &other.dns), (&own.uri, &other.uri)];
    let mut equal: Vec<bool> = texts.iter().filter_map(|(own, other)| Some(own.as_ref()? == other.as_ref()?)).collect();
    if !own.sha256.is_empty() && !other.sha256.is_empty() {
        equal.push(own.sha256.iter().any(|one| other.sha256.contains(one)));
    }
    match equal.iter().all(|equal| *equal) {
        false => Same::No,
        true if equal.is_empty() => Same::Open,
        true => Same::Yes("certificate"),
    }
}
