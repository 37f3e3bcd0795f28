//! Who sends: the partner that the request's credentials prove (messaging.md 9). No other trace of the sender counts.

use http::header::{AUTHORIZATION, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};

use crate::log::Level;
use crate::proto::exchange::Ctx;
use crate::proto::http::{Request, secret_hash};
use crate::proto::jwt::{Unverified, Why};
use crate::proto::messaging::certificate;
use crate::proto::messaging::receive::{Failure, store_failure};
use crate::proto::settings::{Inbound, JwtRule, Partner};
use crate::proto::store::{SecretHash, TokenKind};

/// Who sends.
pub(super) struct Sender<'a> {
    /// The partner.
    pub partner: &'a Partner,
    /// False where its configuration lets it send without credentials.
    pub trusted: bool,
}

type Result<T> = std::result::Result<T, Box<Failure>>;

/// The partner whose credentials these are (architecture: identity of a message). The answer to a failure is the same whoever was meant;
/// the log says more, without a word of the credential.
pub(super) async fn authenticate<'a>(ctx: &'a Ctx, request: &Request) -> Result<Sender<'a>> {
    let shown = Shown::read(ctx, request)?;
    let mut search = Search::default();
    for partner in &ctx.settings().partners {
        for way in ways(partner) {
            // Every way of every partner is tried, so that the time says nothing about which one held.
            if search.holds(ctx, partner, way, &shown).await {
                search.add(partner);
            }
        }
    }
    if search.found.is_none() && !shown.header {
        search.found = unproven(ctx).map(|partner| Sender { partner, trusted: false });
    }
    match search.found {
        Some(sender) if !search.several => return Ok(sender),
        Some(_) => search.reasons.push("the credentials are those of two partners".to_owned()),
        None if search.reasons.is_empty() => search.reasons.push(shown.what().to_owned()),
        None => {}
    }
    for reason in &search.reasons {
        ctx.world.log.line(Level::Warn, "messaging", format!("sender refused: {reason}"));
    }
    if search.unavailable && search.found.is_none() {
        let text = "the credentials cannot be verified at the moment; send the message again later";
        return Err(Failure::new(StatusCode::SERVICE_UNAVAILABLE, "transient", text).with(RETRY_AFTER, "30"));
    }
    Err(unauthorized(&shown))
}

fn ways(partner: &Partner) -> &[Inbound] {
    partner.messaging.as_ref().map_or(&[], |messaging| &messaging.inbound)
}

/// RFC 6750 3.1: a request without a token is told of no error.
fn unauthorized(shown: &Shown) -> Box<Failure> {
    let failure = Failure::new(StatusCode::UNAUTHORIZED, "login", "expected credentials we know");
    match shown.token {
        None => failure.with(WWW_AUTHENTICATE, "Bearer realm=\"ereferral\""),
        Some(_) => failure.with(WWW_AUTHENTICATE, "Bearer realm=\"ereferral\", error=\"invalid_token\""),
    }
}

/// RFC 6750 3.1: a token in more than one place, or in one that ends up in logs.
fn malformed() -> Box<Failure> {
    let failure = Failure::new(StatusCode::BAD_REQUEST, "login", "expected one Authorization header and no token in the address");
    failure.with(WWW_AUTHENTICATE, "Bearer realm=\"ereferral\", error=\"invalid_request\"")
}

/// What a request shows of its sender.
struct Shown<'a> {
    /// Whether there is an Authorization header, with a bearer token or whatever else.
    header: bool,
    token: Option<Token<'a>>,
    certificate: Option<&'a [u8]>,
}

struct Token<'a> {
    text: &'a str,
    hash: SecretHash,
    /// The client that fetched it from our own token endpoint.
    issued_to: Option<String>,
}

impl<'a> Shown<'a> {
    fn read(ctx: &'a Ctx, request: &'a Request) -> Result<Self> {
        let query = request.uri().query().unwrap_or_default();
        if url::form_urlencoded::parse(query.as_bytes()).any(|(name, _)| name == "access_token") {
            return Err(malformed());
        }
        let certificate = ctx.peer.certificate.as_deref();
        let mut headers = request.headers().get_all(AUTHORIZATION).iter();
        let header = headers.next();
        if headers.next().is_some() {
            return Err(malformed());
        }
        let token = header.and_then(bearer).map(|text| Token::read(ctx, text)).transpose()?;
        Ok(Self { header: header.is_some(), token, certificate })
    }

    /// In words for the log.
    fn what(&self) -> &'static str {
        match (&self.token, self.certificate) {
            (Some(_), _) => "no partner is known by this token",
            (None, _) if self.header => "the Authorization header holds no bearer token",
            (None, Some(_)) => "no partner is known by this client certificate",
            (None, None) => "no credentials were shown",
        }
    }
}

impl<'a> Token<'a> {
    fn read(ctx: &Ctx, text: &'a str) -> Result<Self> {
        let hash = secret_hash(text);
        let issues = ctx.settings().partners.iter().flat_map(ways).any(|way| way.client_credentials.is_some());
        let record = if issues { ctx.store().token(&hash, ctx.now()) } else { Ok(None) };
        let record = record.map_err(|error| store_failure(ctx, &error))?.filter(|record| record.kind == TokenKind::Messaging);
        Ok(Self { text, hash, issued_to: record.map(|record| record.client_id) })
    }
}

fn bearer(header: &HeaderValue) -> Option<&str> {
    let (scheme, token) = header.to_str().ok()?.split_once(' ')?;
    Some(token.trim()).filter(|token| scheme.eq_ignore_ascii_case("bearer") && !token.is_empty())
}

/// The search for the sender.
#[derive(Default)]
struct Search<'a> {
    found: Option<Sender<'a>>,
    several: bool,
    /// Keys to verify a token with could not be had.
    unavailable: bool,
    reasons: Vec<String>,
}

impl<'a> Search<'a> {
    fn add(&mut self, partner: &'a Partner) {
        self.several |= self.found.as_ref().is_some_and(|found| found.partner.name != partner.name);
        self.found = Some(Sender { partner, trusted: true });
    }

    /// Whether all members of this way hold: the certificate, and the one token there can be. A way without members never does.
    async fn holds(&mut self, ctx: &Ctx, partner: &Partner, way: &Inbound, shown: &Shown<'_>) -> bool {
        let mut held = false;
        if let Some(rule) = &way.certificate {
            if !shown.certificate.is_some_and(|certificate| certificate::fits(certificate, rule)) {
                return false;
            }
            held = true;
        }
        let Some(token) = &shown.token else { return held && !way.wants_token() };
        if way.bearer.is_some() || way.bearer_sha256.is_some() {
            held = way.has_bearer(&token.hash);
        } else if let Some(client) = &way.client_credentials {
            held = token.issued_to.as_ref() == Some(&client.client_id);
        } else if let Some(rule) = &way.jwt {
            held = self.jwt_holds(ctx, partner, rule, token.text).await;
        }
        held
    }

    async fn jwt_holds(&mut self, ctx: &Ctx, partner: &Partner, rule: &JwtRule, token: &str) -> bool {
        let Some(unverified) = Unverified::read(token).ok().filter(|token| token.issuer() == Some(&rule.issuer)) else {
            return false;
        };
        match self.check(ctx, partner, rule, unverified).await {
            Ok(()) => true,
            Err(why) => {
                self.reasons.push(format!("the JWT of {}: {why}", partner.name));
                false
            }
        }
    }

    async fn check(&mut self, ctx: &Ctx, partner: &Partner, rule: &JwtRule, token: Unverified<'_>) -> std::result::Result<(), Why> {
        // RFC 9068 gives access tokens a type of their own.
        const TYPES: [&str; 3] = ["JWT", "at+jwt", "application/at+jwt"];
        let source = rule.keys().ok_or("no keys are configured")?;
        let algorithm = token.check_head(&rule.algorithms, &TYPES, source)?;
        let keys = ctx.keys(partner, source, token.kid()?).await;
        self.unavailable |= keys.is_none();
        let claims = token.verify(&keys.ok_or("the keys of its issuer cannot be had")?, algorithm)?;
        claims.check_times(ctx.now())?;
        if !claims.texts("aud").contains(&rule.audience.as_str()) {
            return Err("it is for somebody else (aud)");
        }
        if rule.subject.as_deref().is_some_and(|subject| claims.text("sub") != Some(subject)) {
            return Err("its subject is another (sub)");
        }
        if !rule.claims.iter().all(|(name, value)| claims.texts(name).contains(&value.as_str())) {
            return Err("a claim that is configured is missing or another");
        }
        Ok(())
    }
}

/// The partner that may send without credentials from this address, for the time being.
fn unproven(ctx: &Ctx) -> Option<&Partner> {
    let address = ctx.peer.address?.ip();
    let zone = ctx.settings().system.time_zone.as_deref();
    let open = |way: &Inbound| {
        let rule = way.none.as_ref();
        rule.is_some_and(|rule| ctx.now() < rule.ends(zone) && rule.addresses.iter().any(|range| range.contains(address)))
    };
    ctx.settings().partners.iter().find(|partner| ways(partner).iter().any(open))
}
