//! Small pieces that answers are put together from.

use http::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue, LOCATION, PRAGMA};
use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::error::Error;
use crate::log::Level;
use crate::proto::exchange::{BodyError, Ctx};
use crate::proto::http::{Request, Response};

/// The media type of FHIR answers (smart.md 16.3).
const FHIR_JSON: &str = "application/fhir+json; charset=utf-8";

/// A response with a body of this media type.
pub fn body(status: StatusCode, media_type: &'static str, body: impl Into<Vec<u8>>) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    response
}

/// Sets a header. A value that no header can hold is left out.
pub fn set(response: &mut Response, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

/// A JSON document of OAuth, never to be cached (smart.md 7.4).
pub fn oauth(status: StatusCode, document: &Value) -> Response {
    let mut response = body(status, "application/json", document.to_string());
    set(&mut response, CACHE_CONTROL, "no-store");
    set(&mut response, PRAGMA, "no-cache");
    response
}

/// A FHIR resource as answer. Personal data is not to be cached.
pub fn fhir(status: StatusCode, resource: impl Into<Vec<u8>>) -> Response {
    let mut response = body(status, FHIR_JSON, resource);
    set(&mut response, CACHE_CONTROL, "no-store");
    response
}

/// An OperationOutcome with one issue (smart.md 16.3).
pub fn outcome(status: StatusCode, code: &str, text: &str) -> Response {
    fhir(status, issue("error", code, text).to_string())
}

/// An OperationOutcome with one issue.
pub fn issue(severity: &str, code: &str, text: &str) -> Value {
    json!({ "resourceType": "OperationOutcome", "issue": [{ "severity": severity, "code": code, "diagnostics": text }] })
}

/// 303 to another place: never cached (smart.md 5.6).
pub fn see_other(location: &str) -> Response {
    let mut response = Response::new(Vec::new());
    *response.status_mut() = StatusCode::SEE_OTHER;
    set(&mut response, LOCATION, location);
    set(&mut response, CACHE_CONTROL, "no-store");
    response
}

/// Logs a failure of the store or of signing, and says what the other side is told: 503 when it may pass, else 500.
pub fn failure(ctx: &Ctx, error: &Error) -> StatusCode {
    ctx.world.log.line(Level::Error, "smart", error.to_string());
    if error.is_retriable() { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::INTERNAL_SERVER_ERROR }
}

/// The status for a body that could not be read.
pub fn body_status(error: BodyError) -> StatusCode {
    match error {
        BodyError::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        BodyError::TimedOut => StatusCode::REQUEST_TIMEOUT,
        BodyError::Lost => StatusCode::BAD_REQUEST,
        BodyError::Overloaded => StatusCode::SERVICE_UNAVAILABLE,
    }
}

/// The media type of the request's body, lower case, without parameters.
pub fn content_type(request: &Request) -> String {
    let value = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// Whether the request only asks.
pub fn is_get(request: &Request) -> bool {
    request.method() == Method::GET || request.method() == Method::HEAD
}

/// Whether JSON will do: `_format` decides, else `Accept`, and no word about it means yes (smart.md 16.3).
pub fn accepts_json(request: &Request, format: Option<&str>) -> bool {
    // A `+` that was not escaped arrives as a space.
    const JSON: [&str; 5] = ["json", "application/json", "application/fhir+json", "application/fhir json", "text/json"];
    let essence = |text: &str| text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if let Some(format) = format {
        return JSON.contains(&essence(format).as_str());
    }
    let mut lines = request.headers().get_all(ACCEPT).iter().peekable();
    lines.peek().is_none()
        || lines.filter_map(|line| line.to_str().ok()).flat_map(|line| line.split(',')).any(|range| {
            let range = essence(range);
            range == "*/*" || range == "application/*" || JSON.contains(&range.as_str())
        })
}

/// Appends query parameters to an address, before its fragment, and keeps the query it has (smart.md 4, 5.6). Everything but unreserved
/// characters is percent-encoded, a space as `%20`.
pub fn append_query(address: &str, pairs: &[(&str, &str)]) -> String {
    let (head, fragment) = address.split_once('#').map_or((address, None), |(head, fragment)| (head, Some(fragment)));
    let mut text = head.to_owned();
    for (name, value) in pairs {
        match text.split_once('?') {
            None => text.push('?'),
            Some((_, "")) => {}
            Some(_) => text.push('&'),
        }
        text.extend([encode(name), "=".to_owned(), encode(value)]);
    }
    if let Some(fragment) = fragment {
        text.push('#');
        text.push_str(fragment);
    }
    text
}

fn encode(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn appends_to_an_address_with_query_and_fragment() {
        assert_eq!(append_query("https://a.example/x", &[("a", "1"), ("b", "2 +&")]), "https://a.example/x?a=1&b=2%20%2B%26");
        assert_eq!(append_query("https://a.example/x?y=z", &[("a", "1")]), "https://a.example/x?y=z&a=1");
        assert_eq!(append_query("https://a.example/x?", &[("a", "1")]), "https://a.example/x?a=1");
        assert_eq!(append_query("https://a.example/#/go", &[("a", "1")]), "https://a.example/?a=1#/go");
    }

    #[test]
    fn a_line_break_in_a_value_cannot_end_a_header() {
        let response = see_other(&append_query("https://a.example/cb", &[("state", "x\r\nSet-Cookie: a=b")]));
        assert_eq!(response.headers().len(), 2);
        assert_eq!(response.headers()[LOCATION], "https://a.example/cb?state=x%0D%0ASet-Cookie%3A%20a%3Db");
    }

    #[test]
    fn xml_alone_is_not_acceptable() {
        let request = |accept: &str| http::Request::builder().header(ACCEPT, accept).body(());
        assert!(accepts_json(&Request::new(()), None));
        assert!(!accepts_json(&request("application/fhir+xml").unwrap(), None));
        assert!(accepts_json(&request("text/html, */*;q=0.8").unwrap(), None));
        assert!(accepts_json(&request("application/fhir+xml").unwrap(), Some("json")));
        assert!(!accepts_json(&Request::new(()), Some("xml")));
    }
}
