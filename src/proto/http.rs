//! Request and response values, shared by all endpoints. Parsing of queries, forms and headers; nothing that touches a socket.

use crate::proto::store::SecretHash;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;

/// A request without its body.
pub type Request = http::Request<()>;
/// A response with its body.
pub type Response = http::Response<Vec<u8>>;

/// Compares two byte strings of the same length in constant time.
pub fn same_bytes(a: &[u8], b: &[u8]) -> bool {
    subtle::ConstantTimeEq::ct_eq(a, b).into()
}

/// The SHA-256 of a one-time secret's text, as the store keeps it.
pub fn secret_hash(text: &str) -> SecretHash {
    let digest = ring::digest::digest(&ring::digest::SHA256, text.as_bytes());
    digest.as_ref().try_into().unwrap_or_default()
}

/// 256 random bits as URL-safe text: a handle, code, token or cookie. Only unreserved characters (smart.md 5.6).
pub fn secret_text(random: [u8; 32]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(random)
}

/// Parameters one query or form may have. The longest request in use has about a dozen.
const MOST_PARAMETERS: usize = 100;

/// A name=value list from a query or a form. A name that comes twice is an error (smart.md 5.1); an empty value counts as absent.
#[derive(Debug, Default)]
pub struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// Parses `application/x-www-form-urlencoded`. `Err` says what is wrong, without a word of the request.
    pub fn parse(text: &[u8]) -> Result<Self, &'static str> {
        let mut list: Vec<(String, String)> = Vec::new();
        for (name, value) in url::form_urlencoded::parse(text) {
            if list.len() >= MOST_PARAMETERS {
                return Err("there are more than 100 parameters");
            }
            if list.iter().any(|(known, _)| *known == *name) {
                return Err("a parameter comes twice");
            }
            list.push((name.into_owned(), value.into_owned()));
        }
        Ok(Self(list))
    }
    /// The value, if present and not empty.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, value)| known == name && !value.is_empty()).map(|(_, value)| value.as_str())
    }
    /// All pairs in order, for search parameters.
    pub fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

/// A response with a short English text, for addresses where nothing FHIR or OAuth is spoken.
pub fn plain(status: u16, text: &str) -> Response {
    let mut response = Response::new(format!("{text}\n").into_bytes());
    *response.status_mut() = http::StatusCode::from_u16(status).unwrap_or(http::StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static("text/plain; charset=utf-8"));
    response.headers_mut().insert(http::header::CACHE_CONTROL, http::HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_a_hundred_parameters_and_no_more() {
        let form = |count: usize| (0..count).map(|at| format!("p{at}=x&")).collect::<String>();
        assert_eq!(Parameters::parse(form(100).as_bytes()).unwrap().value("p99"), Some("x"));
        assert!(Parameters::parse(form(101).as_bytes()).unwrap_err().contains("100"));
        assert!(Parameters::parse(b"a=1&b=2&a=3").unwrap_err().contains("twice"));
    }
}
