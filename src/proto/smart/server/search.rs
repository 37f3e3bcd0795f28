//! Search: what a query asks, what is found, and the pages it is told in (smart.md 14.3, 16.2, 16.3; FHIR R4 search).

// A refusal is the answer itself, made once per request: boxing it would gain nothing.
#![allow(clippy::result_large_err)]

use std::collections::HashSet;

use http::StatusCode;

use super::bundle::{self, Entry, Links};
use super::caller::Caller;
use super::scope::{self, Class, SEARCH};
use super::search_match::{Criterion, Modifier, elements, sort_key, target};
use super::search_params::{self, Kind, Param};
use super::source::{Found, Source};
use super::subset::Subset;
use super::{chart, reply};
use crate::proto::exchange::Ctx;
use crate::proto::http::{Request, Response};

/// Entries of a page when `_count` is not given, and the most it may ask for (smart.md 16.3).
const PAGE: usize = 50;
const LARGEST_PAGE: usize = 200;
/// Most resources that `_include` adds to a page.
const MOST_INCLUDED: usize = 100;
/// Most parameters of a search; [`Criterion::new`] bounds the values of each.
const MOST_PARAMETERS: usize = 30;
/// Most keys that a search is sorted by: each costs a text per resource.
const MOST_SORT_KEYS: usize = 5;
/// Where a page begins: behind the resource with this version and id. Nothing else is in it, so it opens nothing to another token.
const CURSOR: &str = "_page";

/// Name=value pairs in order; a search may repeat a name.
pub fn pairs(text: &[u8]) -> Vec<(String, String)> {
    url::form_urlencoded::parse(text).map(|(name, value)| (name.into_owned(), value.into_owned())).collect()
}

/// A search as it was understood.
#[derive(Default)]
struct Search {
    criteria: Vec<Criterion>,
    /// Parameters to be sorted by, and whether downwards.
    sort: Vec<(&'static Param, bool)>,
    includes: Vec<Include>,
    count: Option<usize>,
    count_only: bool,
    subset: Subset,
    cursor: Option<(String, String)>,
    /// What was understood, as it came.
    used: Vec<(String, String)>,
}

/// `_include=Type:parameter` or with `:TargetType` behind it.
struct Include {
    param: &'static Param,
    target: Option<String>,
}

fn bad(text: &str) -> Response {
    reply::outcome(StatusCode::BAD_REQUEST, "invalid", text)
}

fn forbidden(text: &str) -> Response {
    reply::outcome(StatusCode::FORBIDDEN, "forbidden", text)
}

/// Answers a search with a searchset Bundle.
pub async fn answer(
    ctx: &Ctx,
    request: &Request,
    caller: &Caller<'_>,
    kind: &str,
    query: &[(String, String)],
) -> Result<Response, Response> {
    let mut source = Source::new(ctx, caller);
    // Directories of practitioners and places are not the patient's: a `patient/` scope opens them by id only (smart.md 14.3).
    if chart::is_personal(kind) {
        caller.demand(kind, SEARCH, "s")?;
    } else if ![Class::User, Class::System].into_iter().any(|class| scope::allows_as(&caller.scope, class, kind, SEARCH)) {
        return Err(caller.insufficient(Class::User, kind, "s", "searching this type needs a scope wider than patient/"));
    }
    if chart::is_personal(kind) && caller.patient().is_none() && !source.reaches_others(kind, SEARCH) {
        return Err(forbidden("this launch is without a patient"));
    }
    let search = understand(request, kind, query)?;
    for patient in named_patients(kind, &search.criteria, source.base()) {
        if !source.may_see(&patient, kind, SEARCH).await? {
            return Err(forbidden("this launch is about another patient"));
        }
    }
    let asked: Vec<(String, String)> = search.used.iter().filter(|(name, _)| !is_control(name)).cloned().collect();
    let found = source.several(kind, SEARCH, &asked).await?;
    respond(ctx, request, &mut source, kind, &search, found).await
}

/// The resources of a type that have one of these identifiers and that the caller may search. What the chart has comes first: another
/// source is asked only when there is none in it, since it may have the same thing under an id of its own.
pub async fn by_identifier(ctx: &Ctx, caller: &Caller<'_>, kind: &str, tokens: &str) -> Result<Vec<Found>, Response> {
    let base = ctx.settings().fhir_base();
    let asked = search_params::find(kind, "identifier").map(|param| Criterion::new(param, Modifier::None, tokens));
    let asked = asked.transpose().map_err(bad)?;
    let fits = |found: &Found| asked.as_ref().is_some_and(|asked| asked.matches(&found.value, &base));
    let mut source = Source::new(ctx, caller);
    let mut found = source.pushed(Some(kind), SEARCH).await?;
    found.retain(fits);
    if found.is_empty() && source.is_elsewhere(kind) {
        found = source.several(kind, SEARCH, &[("identifier".to_owned(), tokens.to_owned())]).await?;
        found.retain(fits);
    }
    Ok(found)
}

/// Whether a parameter is about the answer and not about what is found.
fn is_control(name: &str) -> bool {
    matches!(name, "_count" | "_sort" | "_include" | "_summary" | "_elements" | "_total" | "_format" | "_pretty" | CURSOR)
}

fn understand(request: &Request, kind: &str, query: &[(String, String)]) -> Result<Search, Response> {
    if query.len() > MOST_PARAMETERS {
        return Err(bad("too many parameters"));
    }
    let prefer = request.headers().get_all("prefer").iter().filter_map(|value| value.to_str().ok());
    let strict = prefer.flat_map(|line| line.split([',', ';'])).any(|word| word.trim() == "handling=strict");
    let mut search = Search::default();
    for (name, value) in query.iter().filter(|(_, value)| !value.is_empty()) {
        let understood =
            if is_control(name) { control(&mut search, kind, name, value)? } else { criterion(&mut search, kind, name, value)? };
        if understood {
            search.used.push((name.clone(), value.clone()));
        } else if strict || narrows(name) || (kind == "Patient" && !name.starts_with('_')) {
            // What we do not search by is ignored, unless the client is strict about it (smart.md 16.3). In a search for a Patient it is
            // always refused: who searches by something must not take the answer for that person. What would have narrowed the search
            // in a way we do not have is refused too.
            return Err(reply::outcome(
                StatusCode::BAD_REQUEST,
                "not-supported",
                "a parameter is not one that this type is searched by",
            ));
        }
    }
    Ok(search)
}

fn narrows(name: &str) -> bool {
    let head = name.split([':', '.']).next().unwrap_or_default();
    name.contains('.') || matches!(head, "_has" | "_filter" | "_query" | "_list" | "_content" | "_text")
}

/// A parameter that selects. False when there is none of this name.
fn criterion(search: &mut Search, kind: &str, name: &str, value: &str) -> Result<bool, Response> {
    let (name, modifier) = name.split_once(':').map_or((name, None), |(name, modifier)| (name, Some(modifier)));
    let Some(param) = search_params::find(kind, name) else { return Ok(false) };
    let criterion = match modifier {
        // `subject:Patient=p1` is `subject=Patient/p1`.
        Some(target) if param.kind == Kind::Reference && chart::is_known(target) => {
            let values = value.split(',').map(|id| if id.contains('/') { id.to_owned() } else { format!("{target}/{id}") });
            Criterion::new(param, Modifier::None, &values.collect::<Vec<_>>().join(","))
        }
        Some(text) => {
            let unknown =
                || reply::outcome(StatusCode::BAD_REQUEST, "not-supported", "a modifier is not supported for its parameter");
            Criterion::new(param, Modifier::parse(text, param.kind).ok_or_else(unknown)?, value)
        }
        None => Criterion::new(param, Modifier::None, value),
    };
    search.criteria.push(criterion.map_err(|text| bad(&format!("{}: {text}", param.name)))?);
    Ok(true)
}

/// A parameter about the answer. False when it, or a part of it, asks for what we do not do.
fn control(search: &mut Search, kind: &str, name: &str, value: &str) -> Result<bool, Response> {
    match name {
        "_count" => {
            let count: usize = value.parse().map_err(|_| bad("_count: expected a number"))?;
            search.count_only |= count == 0;
            search.count = Some(count.clamp(1, LARGEST_PAGE));
        }
        "_summary" if value == "count" => search.count_only = true,
        "_summary" => return Ok(search.subset.summary(value)),
        "_elements" => search.subset.elements(value),
        "_sort" => {
            for key in value.split(',') {
                let name = key.strip_prefix('-').unwrap_or(key);
                let Some(param) = search_params::find(kind, name) else { return Ok(false) };
                if search.sort.len() == MOST_SORT_KEYS {
                    return Err(bad("_sort: too many keys"));
                }
                search.sort.push((param, key.starts_with('-')));
            }
        }
        "_include" => return Ok(include(search, kind, value)),
        CURSOR => {
            let (version, id) = value.split_once('.').filter(|(_, id)| chart::is_id(id)).ok_or_else(gone)?;
            search.cursor = Some((version.to_owned(), id.to_owned()));
        }
        _ => {}
    }
    Ok(true)
}

fn include(search: &mut Search, kind: &str, value: &str) -> bool {
    let mut parts = value.splitn(3, ':');
    let (own, name, target) = (parts.next().unwrap_or_default(), parts.next().unwrap_or("*"), parts.next());
    let wanted = |param: &&'static Param| param.kind == Kind::Reference && (name == "*" || param.name == name);
    let params: Vec<&'static Param> = search_params::of(kind).filter(wanted).collect();
    let known = (own == kind || value == "*") && !params.is_empty();
    search.includes.extend(params.into_iter().filter(|_| known).map(|param| Include { param, target: target.map(str::to_owned) }));
    known
}

/// The patients that a search names, by their ids.
fn named_patients(kind: &str, criteria: &[Criterion], base: &str) -> Vec<String> {
    let named = |criterion: &Criterion| -> Vec<String> {
        let is_patient = search_params::is_patient(kind, criterion.param.name);
        let one = |value: &String| match (criterion.param.kind, target(value, base)) {
            (Kind::Reference, Some(("Patient", id))) => Some(id.to_owned()),
            (Kind::Reference, None) if is_patient => Some(value.clone()),
            (Kind::Token, _) if kind == "Patient" && criterion.param.name == "_id" => Some(value.clone()),
            _ => None,
        };
        let looks_at = criterion.modifier != Modifier::Missing;
        criterion.values.iter().filter(|_| looks_at).filter_map(one).collect()
    };
    criteria.iter().flat_map(named).collect()
}

/// 410: where the page began is no more as it was, so that what follows it cannot be told.
fn gone() -> Response {
    reply::outcome(StatusCode::GONE, "processing", "this page is not there any more, search again")
}

async fn respond(
    ctx: &Ctx,
    request: &Request,
    source: &mut Source<'_>,
    kind: &str,
    search: &Search,
    found: Vec<Found>,
) -> Result<Response, Response> {
    let base = source.base().to_owned();
    let fits = |one: &Found| search.criteria.iter().all(|criterion| criterion.matches(&one.value, &base));
    let all = sorted(found, &search.sort);
    let begin = match &search.cursor {
        Some((version, id)) => Some(after(&all, version, id, !search.sort.is_empty()).ok_or_else(gone)?),
        None => None,
    };
    let matches: Vec<(usize, &Found)> = all.iter().enumerate().filter(|(_, one)| fits(one)).collect();
    let first = begin.map_or(0, |begin| matches.partition_point(|(place, _)| *place <= begin));
    let count = if search.count_only { 0 } else { search.count.unwrap_or(PAGE) };
    let page: Vec<&Found> = matches.iter().skip(first).take(count).map(|(_, one)| *one).collect();
    let behind = |place: usize| {
        matches.get(place.checked_sub(1)?).map(|(_, one)| format!("{}.{}", one.version.as_deref().unwrap_or_default(), one.id))
    };
    let link = |cursor: Option<String>| address(&base, kind, &search.used, cursor);
    let links = Links {
        // The parameters of a form are told as those of an address would be.
        own: if reply::is_get(request) {
            bundle::own_address(ctx, request, &search.used)
        } else {
            link(search.cursor.as_ref().map(|(version, id)| format!("{version}.{id}")))
        },
        next: (count > 0 && first + count < matches.len()).then(|| link(behind(first + count))),
        previous: (count > 0 && first > 0).then(|| link(first.checked_sub(count).and_then(behind))),
    };
    let included = included(source, &search.includes, &page).await?;
    let mut entries: Vec<Entry> = page.iter().map(|one| Entry::found(&base, one, search.subset.apply(one))).collect();
    entries.extend(included.iter().map(|one| Entry::included(&base, one, one.json.clone())));
    if source.is_cut() {
        entries.push(Entry::cut());
    }
    Ok(bundle::searchset((!source.is_cut()).then_some(matches.len()), links, &entries))
}

/// In the order asked for; where that does not decide, as they came. What lacks the element comes last.
fn sorted(found: Vec<Found>, by: &[(&'static Param, bool)]) -> Vec<Found> {
    let keys = |one: &Found| by.iter().map(|(param, _)| sort_key(&one.value, param)).collect::<Vec<_>>();
    let mut keyed: Vec<(Vec<Option<String>>, Found)> = found.into_iter().map(|one| (keys(&one), one)).collect();
    keyed.sort_by(|(left, _), (right, _)| {
        let pairs = left.iter().zip(right).zip(by);
        let ordered = pairs.map(|((left, right), (_, down))| match (left, right) {
            (Some(left), Some(right)) if *down => right.cmp(left),
            (Some(left), Some(right)) => left.cmp(right),
            (left, right) => right.is_some().cmp(&left.is_some()),
        });
        ordered.fold(std::cmp::Ordering::Equal, std::cmp::Ordering::then)
    });
    keyed.into_iter().map(|(_, one)| one).collect()
}

/// The place of the resource that a page begins behind. Resources keep their place in the chart; in a sorted search only as long as they
/// stay as they are.
fn after(all: &[Found], version: &str, id: &str, is_sorted: bool) -> Option<usize> {
    let place = all.iter().position(|one| one.id == id)?;
    let same = all.get(place).and_then(|one| one.version.as_deref()).unwrap_or_default() == version;
    (same || !is_sorted).then_some(place)
}

/// A page of this search, by GET whatever way the search came; absolute, on our own origin (smart.md 16.3).
fn address(base: &str, kind: &str, used: &[(String, String)], cursor: Option<String>) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(used.iter().filter(|(name, _)| name != CURSOR));
    query.extend_pairs(cursor.map(|cursor| (CURSOR, cursor)));
    format!("{base}/{kind}?{}", query.finish())
}

/// What `_include` adds to a page: each once, and only what may be read; the rest is left out without a word (smart.md 14.3).
async fn included(source: &mut Source<'_>, includes: &[Include], page: &[&Found]) -> Result<Vec<Found>, Response> {
    let base = source.base().to_owned();
    let mut known: HashSet<(String, String)> = page.iter().map(|one| (one.kind.clone(), one.id.clone())).collect();
    let mut found = Vec::new();
    for one in page {
        let pointed = includes
            .iter()
            .flat_map(|include| elements(&one.value, include.param.path).into_iter().map(move |element| (include, element)));
        for (include, element) in pointed.collect::<Vec<_>>() {
            let reference = element.get("reference").and_then(serde_json::Value::as_str);
            let Some((kind, id)) = reference.and_then(|reference| target(reference, &base)) else { continue };
            let asked_for = include.target.as_deref().is_none_or(|wanted| wanted == kind) && chart::is_known(kind);
            if !asked_for || known.len() >= page.len() + MOST_INCLUDED || !known.insert((kind.to_owned(), id.to_owned())) {
                continue;
            }
            if source.may_be_read(kind, id)
                && let Ok(one) = source.one(kind, id).await
            {
                found.push(one);
            }
        }
    }
    Ok(found)
}
