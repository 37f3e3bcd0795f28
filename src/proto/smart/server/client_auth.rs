//! Who calls the token endpoint and its neighbours (smart.md 6).

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http::header::AUTHORIZATION;

use super::assertion;
use crate::error::Error;
use crate::proto::exchange::Ctx;
use crate::proto::http::{Parameters, Request};
use crate::proto::jwt::Unverified;
use crate::proto::settings::{Backend, ClientAuth, ClientKeys, ClientRule, Partner, SecretSource, Settings, SmartApp};

/// What the caller shows.
pub enum Shown {
    /// `Authorization: Basic`. RFC 6749 wants id and secret form-encoded first, many clients send them raw: both readings are kept.
    Basic(Vec<(String, String)>),
    /// `client_id` and `client_secret` in the form.
    Form(String, String),
    /// `client_assertion`, and the `client_id` beside it.
    Assertion(String, Option<String>),
    /// `client_id` alone.
    Id(String),
    /// Nothing.
    Nothing,
}

/// Why the caller is not accepted.
pub enum Refused {
    /// The request itself is wrong: `invalid_request`.
    Malformed(&'static str),
    /// Not who it says it is: `invalid_client`. Carries why, in words for the log, where the client is known.
    NotProven(Option<String>),
    /// What is needed to tell cannot be had: `temporarily_unavailable`, or `server_error`.
    Failed(Option<Error>),
}

/// Not who it says it is, or nobody at all.
pub const NOT_PROVEN: Refused = Refused::NotProven(None);

/// Reads what the caller shows. Two methods at once are refused (RFC 6749 2.3).
pub fn read(request: &Request, form: &Parameters) -> Result<Shown, Refused> {
    let mut headers = request.headers().get_all(AUTHORIZATION).iter();
    let (header, second) = (headers.next(), headers.next());
    if second.is_some() {
        return Err(Refused::Malformed("more than one Authorization header"));
    }
    let secret = form.value("client_secret");
    let id = form.value("client_id").map(str::to_owned);
    if let Some(assertion) = form.value("client_assertion") {
        return if header.is_some() || secret.is_some() {
            Err(Refused::Malformed("more than one way of client authentication"))
        } else if form.value("client_assertion_type") != Some(assertion::TYPE) {
            Err(NOT_PROVEN)
        } else {
            Ok(Shown::Assertion(assertion.to_owned(), id))
        };
    }
    match (header, secret, id) {
        (Some(_), Some(_), _) => Err(Refused::Malformed("more than one way of client authentication")),
        (Some(header), None, id) => {
            let mut readings = header.to_str().ok().and_then(basic).ok_or(NOT_PROVEN)?;
            // A client_id in the form is fine when it says the same (smart.md 6).
            readings.retain(|(user, _)| id.as_ref().is_none_or(|id| id == user));
            if readings.is_empty() { Err(NOT_PROVEN) } else { Ok(Shown::Basic(readings)) }
        }
        (None, Some(secret), Some(id)) => Ok(Shown::Form(id, secret.to_owned())),
        (None, Some(_), None) => Err(NOT_PROVEN),
        (None, None, Some(id)) => Ok(Shown::Id(id)),
        (None, None, None) => Ok(Shown::Nothing),
    }
}

fn basic(header: &str) -> Option<Vec<(String, String)>> {
    let (scheme, encoded) = header.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let text = String::from_utf8(BASE64_STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (id, secret) = text.split_once(':')?;
    Some(vec![(id.to_owned(), secret.to_owned()), (decode(id), decode(secret))])
}

/// Form decoding of one value.
fn decode(text: &str) -> String {
    let escaped = text.replace('&', "%26").replace('=', "%3D");
    url::form_urlencoded::parse(escaped.as_bytes()).next().map_or_else(String::new, |(name, _)| name.into_owned())
}

/// A client of the SMART Server that is who it says it is.
pub enum Client<'a> {
    /// An app.
    App(&'a SmartApp),
    /// A backend service, and whose it is.
    Backend(&'a Partner, &'a Backend),
}

/// The app or backend service that calls, authenticated in the one way it is registered with (smart.md 6).
pub async fn client<'a>(ctx: &'a Ctx, shown: &Shown) -> Result<Client<'a>, Refused> {
    let settings = ctx.settings();
    let app = |id: &str| settings.app(id).map(|(_, app)| app);
    let found = match shown {
        Shown::Nothing => return Err(Refused::Malformed("client_id is missing")),
        Shown::Id(id) => app(id).filter(|app| matches!(app.auth, ClientAuth::Public)),
        Shown::Basic(readings) => {
            let proven = |app: &&SmartApp, secret: &str| app.auth.secret().is_some_and(|known| is(known, secret));
            readings.iter().find_map(|(id, secret)| app(id).filter(|app| proven(app, secret)))
        }
        Shown::Form(id, secret) => app(id).filter(|app| matches!(&app.auth, ClientAuth::SecretPost(known) if is(known, secret))),
        Shown::Assertion(text, id) => {
            return by_assertion(ctx, text, id.as_deref(), |issuer| signing_client(settings, issuer)).await;
        }
    };
    found.map(Client::App).ok_or(NOT_PROVEN)
}

/// The client that signs under this id, and its keys.
fn signing_client<'a>(settings: &'a Settings, id: &str) -> Option<(&'a Partner, &'a ClientKeys, Client<'a>)> {
    if let Some((partner, service)) = settings.backend(id) {
        return Some((partner, &service.private_key_jwt, Client::Backend(partner, service)));
    }
    let (partner, app) = settings.app(id)?;
    match &app.auth {
        ClientAuth::PrivateKeyJwt(keys) => Some((partner, keys, Client::App(app))),
        _ => None,
    }
}

/// The client that the caller gives itself out for, not proven in any way.
pub fn named(shown: &Shown, settings: &Settings) -> Option<String> {
    let known = |id: &&str| settings.partner_of_client(id).is_some();
    match shown {
        Shown::Basic(readings) => readings.iter().map(|(id, _)| id.as_str()).find(known).map(str::to_owned),
        Shown::Form(id, _) | Shown::Id(id) => Some(id.clone()),
        Shown::Assertion(text, _) => Unverified::read(text).ok()?.issuer().map(str::to_owned),
        Shown::Nothing => None,
    }
}

/// Whether the caller gives itself out for a messaging partner.
pub fn names_messaging_client(settings: &Settings, shown: &Shown) -> bool {
    let is_one = |id: &str| clients(settings, id).next().is_some();
    match shown {
        Shown::Basic(readings) => readings.iter().any(|(id, _)| is_one(id)),
        Shown::Form(id, _) | Shown::Id(id) => is_one(id),
        Shown::Assertion(text, _) => Unverified::read(text).is_ok_and(|read| read.issuer().is_some_and(is_one)),
        Shown::Nothing => false,
    }
}

/// The client id of the messaging partner that calls: with its secret in the form or in HTTP Basic, or with an assertion it signed
/// (messaging.md 9).
pub async fn messaging_client<'a>(ctx: &'a Ctx, shown: &Shown) -> Result<&'a str, Refused> {
    let proven = |id: &str, secret: &str| {
        let by_secret = |rule: &&ClientRule| rule.client_secret.as_ref().is_some_and(|known| is(known, secret));
        clients(ctx.settings(), id).map(|(_, rule)| rule).find(by_secret).map(|rule| rule.client_id.as_str())
    };
    let found = match shown {
        Shown::Basic(readings) => readings.iter().find_map(|(id, secret)| proven(id, secret)),
        Shown::Form(id, secret) => proven(id, secret),
        Shown::Assertion(text, id) => {
            let signs = |(partner, rule): (&'a Partner, &'a ClientRule)| {
                Some((partner, rule.private_key_jwt.as_ref()?, rule.client_id.as_str()))
            };
            return by_assertion(ctx, text, id.as_deref(), |issuer| clients(ctx.settings(), issuer).find_map(signs)).await;
        }
        Shown::Id(_) | Shown::Nothing => None,
    };
    found.ok_or(NOT_PROVEN)
}

/// The messaging clients of that id; the configuration sees to it that they are of one partner.
fn clients<'a>(settings: &'a Settings, id: &str) -> impl Iterator<Item = (&'a Partner, &'a ClientRule)> {
    let ways = settings.partners.iter().flat_map(|partner| {
        let ways = partner.messaging.as_ref().map_or(&[][..], |messaging| &messaging.inbound);
        ways.iter().filter_map(move |way| Some((partner, way.client_credentials.as_ref()?)))
    });
    ways.filter(move |(_, rule)| rule.client_id == id)
}

/// The client that signed an assertion; `find` knows the clients that sign, by their ids.
async fn by_assertion<'a, T>(
    ctx: &'a Ctx,
    text: &str,
    id: Option<&str>,
    find: impl Fn(&str) -> Option<(&'a Partner, &'a ClientKeys, T)>,
) -> Result<T, Refused> {
    let assertion = Unverified::read(text).map_err(|_| NOT_PROVEN)?;
    let issuer = assertion.issuer().unwrap_or_default().to_owned();
    // A client_id in the form is fine when it says the same (smart.md 6).
    let (partner, keys, client) = find(&issuer).filter(|_| id.is_none_or(|id| id == issuer)).ok_or(NOT_PROVEN)?;
    match assertion::verify(ctx, partner, &issuer, keys, assertion).await {
        Ok(()) => Ok(client),
        Err(assertion::Failed::Wrong(why)) => Err(Refused::NotProven(Some(format!("the assertion of {}: {why}", partner.name)))),
        Err(assertion::Failed::NoKeys) => Err(Refused::Failed(None)),
        Err(assertion::Failed::Store(error)) => Err(Refused::Failed(Some(error))),
    }
}

/// Compares in constant time. An empty secret, as one that could not be read leaves behind, proves nothing.
fn is(known: &SecretSource, given: &str) -> bool {
    !given.is_empty() && known.secret().matches(given)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_basic_raw_and_form_encoded() {
        let header = format!("Basic {}", BASE64_STANDARD.encode("my%20app:a%2Bb+c:d&e=f"));
        let readings = basic(&header).unwrap();
        assert_eq!(readings[0], ("my%20app".to_owned(), "a%2Bb+c:d&e=f".to_owned()));
        assert_eq!(readings[1], ("my app".to_owned(), "a+b c:d&e=f".to_owned()));
    }

    #[test]
    fn two_ways_at_once_are_refused() {
        let request = http::Request::builder().header(AUTHORIZATION, "Basic YTpi").body(()).unwrap();
        let form = Parameters::parse(b"client_id=a&client_secret=b").unwrap();
        assert!(matches!(read(&request, &form), Err(Refused::Malformed(_))));
        let form = Parameters::parse(b"client_id=other").unwrap();
        assert!(matches!(read(&request, &form), Err(Refused::NotProven(_))));
        let form = Parameters::parse(b"client_id=a").unwrap();
        assert!(matches!(read(&request, &form), Ok(Shown::Basic(_))));
    }
}
