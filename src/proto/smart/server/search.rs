//! Search within a launch's chart: `_id`, `patient`, `identifier` (smart.md 14.3, 16.2, 16.3).

// A refusal is the answer itself, made once per request: boxing it would gain nothing.
#![allow(clippy::result_large_err)]

use http::StatusCode;
use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::access::{self, May};
use super::caller::Caller;
use super::fhir_api::{binaries, failed};
use super::scope::{self, Class};
use super::{chart, reply};
use crate::proto::exchange::Ctx;
use crate::proto::http::{Request, Response};
use crate::proto::store::ChartResource;

/// Name=value pairs in order; a search may repeat a name.
pub fn pairs(text: &[u8]) -> Vec<(String, String)> {
    url::form_urlencoded::parse(text).map(|(name, value)| (name.into_owned(), value.into_owned())).collect()
}

/// A search as it was understood.
#[derive(Default)]
struct Criteria<'a> {
    ids: Option<Vec<&'a str>>,
    identifiers: Option<Vec<&'a str>>,
    count_only: bool,
}

/// Answers a search with a searchset Bundle. Everything found is also about the launch's patient, or about nobody.
pub fn answer(
    ctx: &Ctx,
    request: &Request,
    caller: &Caller<'_>,
    kind: &str,
    query: &[(String, String)],
) -> Result<Response, Response> {
    // Directories of practitioners and places are not the patient's: a `patient/` scope opens them by id only (smart.md 14.3).
    if chart::is_personal(kind) {
        caller.demand(kind, scope::SEARCH, "s")?;
    } else if !scope::allows_as(&caller.scope, Class::User, kind, scope::SEARCH) {
        return Err(reply::outcome(StatusCode::FORBIDDEN, "forbidden", "searching this type needs a user/ scope"));
    }
    if chart::is_personal(kind) && caller.patient().is_none() {
        return Err(reply::outcome(StatusCode::FORBIDDEN, "forbidden", "this launch is without a patient"));
    }
    let criteria = understand(ctx, request, caller, kind, query)?;
    let found = find(ctx, caller, kind, &criteria)?;
    Ok(bundle(ctx, request, &found, !criteria.count_only))
}

/// The resources of a type that a token's launch may show and that have one of these identifiers.
pub fn by_identifier(ctx: &Ctx, caller: &Caller<'_>, kind: &str, tokens: &str) -> Result<Vec<ChartResource>, Response> {
    find(ctx, caller, kind, &Criteria { identifiers: Some(tokens.split(',').collect()), ..Criteria::default() })
}

fn understand<'a>(
    ctx: &Ctx,
    request: &Request,
    caller: &Caller<'_>,
    kind: &str,
    query: &'a [(String, String)],
) -> Result<Criteria<'a>, Response> {
    let another = || reply::outcome(StatusCode::FORBIDDEN, "forbidden", "this launch is about another patient");
    let mut criteria = Criteria::default();
    for (name, value) in query.iter().filter(|(_, value)| !value.is_empty()) {
        match name.as_str() {
            "_id" => {
                let ids: Vec<&str> = value.split(',').collect();
                if kind == "Patient" && ids.iter().any(|id| Some(*id) != caller.patient()) {
                    return Err(another());
                }
                criteria.ids = Some(ids);
            }
            "patient" | "subject" if chart::is_personal(kind) && kind != "Patient" => {
                let base = ctx.settings().fhir_base();
                let id = chart::patient_reference(value, &base).unwrap_or(value);
                if Some(id) != caller.patient() {
                    return Err(another());
                }
            }
            "identifier" => criteria.identifiers = Some(value.split(',').collect()),
            "_summary" => criteria.count_only = value == "count",
            "_count" => criteria.count_only |= value == "0",
            "_format" | "_pretty" => {}
            other => refuse_unknown(request, kind, other)?,
        }
    }
    Ok(criteria)
}

/// What we do not search by is ignored, unless the client is strict about it (smart.md 16.3). In a search for a Patient it is always
/// refused: who searches by name must not take the answer for that person.
fn refuse_unknown(request: &Request, kind: &str, name: &str) -> Result<(), Response> {
    let strict =
        request.headers().get("prefer").and_then(|value| value.to_str().ok()).is_some_and(|text| text.contains("handling=strict"));
    if strict || (kind == "Patient" && !name.starts_with('_')) {
        return Err(reply::outcome(StatusCode::BAD_REQUEST, "not-supported", "only _id, patient and identifier are searched by"));
    }
    Ok(())
}

fn find(ctx: &Ctx, caller: &Caller<'_>, kind: &str, criteria: &Criteria<'_>) -> Result<Vec<ChartResource>, Response> {
    let base = ctx.settings().fhir_base();
    let all = ctx.store().chart(caller.launch(), Some(kind)).map_err(|error| failed(ctx, &error))?;
    let binaries = binaries(ctx, caller, kind == "Binary")?;
    let fits = |resource: &ChartResource| {
        criteria.ids.as_ref().is_none_or(|ids| ids.contains(&resource.id.as_str()))
            && serde_json::from_str(&resource.json).is_ok_and(|value: Value| {
                access::may(caller, scope::SEARCH, &value, &base, &binaries) == May::Yes
                    && criteria.identifiers.as_ref().is_none_or(|tokens| tokens.iter().any(|token| has_identifier(&value, token)))
            })
    };
    Ok(all.into_iter().filter(fits).collect())
}

/// `system|value`, `|value` (without a system), `system|`, or a bare value (FHIR R4 search, token).
fn has_identifier(resource: &Value, token: &str) -> bool {
    let identifiers = match resource.get("identifier") {
        Some(Value::Array(list)) => list.as_slice(),
        Some(single) => std::slice::from_ref(single),
        None => &[],
    };
    let member = |identifier: &Value, name: &str| identifier.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    identifiers.iter().any(|identifier| {
        let (system, value) = (member(identifier, "system"), member(identifier, "value"));
        match token.split_once('|') {
            None => !token.is_empty() && value == token,
            Some((wanted, "")) => !wanted.is_empty() && system == wanted,
            Some((wanted, number)) => system == wanted && value == number,
        }
    })
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Bundle<'a> {
    resource_type: &'static str,
    #[serde(rename = "type")]
    kind: &'static str,
    total: usize,
    link: [Link; 1],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    entry: Vec<Entry<'a>>,
}

#[derive(Serialize)]
struct Link {
    relation: &'static str,
    url: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Entry<'a> {
    full_url: String,
    resource: &'a RawValue,
    search: Mode,
}

#[derive(Serialize)]
struct Mode {
    mode: &'static str,
}

/// A searchset of these resources, each as the host gave it, byte for byte. Without `entries` only their number is told.
pub fn bundle(ctx: &Ctx, request: &Request, resources: &[ChartResource], entries: bool) -> Response {
    let base = ctx.settings().fhir_base();
    let listed: Vec<(String, &RawValue)> = resources
        .iter()
        .filter_map(|resource| {
            let raw = serde_json::from_str(&resource.json).ok()?;
            Some((format!("{base}/{}/{}", resource.resource_type, resource.id), raw))
        })
        .collect();
    let path_and_query = request.uri().path_and_query().map_or("", |both| both.as_str());
    let origin = ctx.settings().public_url.origin().ascii_serialization();
    let bundle = Bundle {
        resource_type: "Bundle",
        kind: "searchset",
        total: listed.len(),
        link: [Link { relation: "self", url: format!("{origin}{path_and_query}") }],
        entry: listed
            .into_iter()
            .filter(|_| entries)
            .map(|(full_url, resource)| Entry { full_url, resource, search: Mode { mode: "match" } })
            .collect(),
    };
    match serde_json::to_vec(&bundle) {
        Ok(body) => reply::fhir(StatusCode::OK, body),
        Err(_) => reply::outcome(StatusCode::INTERNAL_SERVER_ERROR, "exception", "the answer could not be written"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn identifiers_match_as_tokens_do() {
        let resource = json!({"identifier": [{"system": "urn:a", "value": "9999"}, {"value": "7"}]});
        for token in ["urn:a|9999", "9999", "urn:a|", "|7", "7"] {
            assert!(has_identifier(&resource, token), "{token}");
        }
        for token in ["urn:b|9999", "|9999", "urn:a|7", "", "|", "999"] {
            assert!(!has_identifier(&resource, token), "{token}");
        }
    }
}
