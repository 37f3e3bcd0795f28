//! A searchset Bundle, each resource in it as its source gave it, byte for byte (smart.md 16.3).

use http::StatusCode;
use serde::Serialize;
use serde_json::value::RawValue;

use super::reply;
use super::source::Found;
use crate::proto::exchange::Ctx;
use crate::proto::http::{Request, Response};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Bundle<'a> {
    resource_type: &'static str,
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    total: Option<usize>,
    link: Vec<Link>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    entry: &'a [Entry],
}

#[derive(Serialize)]
struct Link {
    relation: &'static str,
    url: String,
}

/// The addresses of a page, of the one after it and of the one before.
pub struct Links {
    /// What was asked, as far as it was understood.
    pub own: String,
    /// The page after it, if there is one.
    pub next: Option<String>,
    /// The page before it, if there is one.
    pub previous: Option<String>,
}

/// One resource of the Bundle.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    #[serde(skip_serializing_if = "Option::is_none")]
    full_url: Option<String>,
    resource: Option<Box<RawValue>>,
    search: Mode,
}

#[derive(Serialize)]
struct Mode {
    mode: &'static str,
}

impl Entry {
    /// What a search found, in this form.
    pub fn found(base: &str, one: &Found, json: String) -> Self {
        Self::new(base, one, json, "match")
    }

    /// What goes with what it found.
    pub fn included(base: &str, one: &Found, json: String) -> Self {
        Self::new(base, one, json, "include")
    }

    /// Says that what was found is not all there is (FHIR R4 search, "mode" outcome).
    pub fn cut() -> Self {
        let text = "more was found than is told here: narrow the search";
        let outcome = reply::issue("warning", "incomplete", text).to_string();
        Self { full_url: None, resource: RawValue::from_string(outcome).ok(), search: Mode { mode: "outcome" } }
    }

    fn new(base: &str, one: &Found, json: String, mode: &'static str) -> Self {
        let full_url = Some(format!("{base}/{}/{}", one.kind, one.id));
        Self { full_url, resource: RawValue::from_string(json).ok(), search: Mode { mode } }
    }
}

/// The address of this request, without the parameters that were not understood.
pub fn own_address(ctx: &Ctx, request: &Request, used: &[(String, String)]) -> String {
    let origin = ctx.settings().public_url.origin().ascii_serialization();
    let understood = |part: &&str| {
        let (name, value) = url::form_urlencoded::parse(part.as_bytes()).next().unwrap_or_default();
        used.iter().any(|(known, own)| *known == name && *own == value)
    };
    let query: Vec<&str> = request.uri().query().unwrap_or_default().split('&').filter(understood).collect();
    let query = if query.is_empty() { String::new() } else { format!("?{}", query.join("&")) };
    format!("{origin}{}{query}", request.uri().path())
}

/// The Bundle as an answer. `total` counts all pages; `None` where nobody knows.
pub fn searchset(total: Option<usize>, links: Links, entries: &[Entry]) -> Response {
    let mut link = vec![Link { relation: "self", url: links.own }];
    link.extend(links.next.map(|url| Link { relation: "next", url }));
    link.extend(links.previous.map(|url| Link { relation: "previous", url }));
    let bundle = Bundle { resource_type: "Bundle", kind: "searchset", total, link, entry: entries };
    match serde_json::to_vec(&bundle) {
        Ok(body) => reply::fhir(StatusCode::OK, body),
        Err(_) => reply::outcome(StatusCode::INTERNAL_SERVER_ERROR, "exception", "the answer could not be written"),
    }
}
