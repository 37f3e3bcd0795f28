//! The FHIR server behind (`chart.fhir_server`), read through: what we ask of it, and what we take of its answers. Its addresses are turned
//! into ours; whether something may be shown is decided elsewhere, as for any other source.

// A refusal is the answer itself, made once per request: boxing it would gain nothing.
#![allow(clippy::result_large_err)]

use http::StatusCode;
use serde::Deserialize;
use serde_json::value::RawValue;
use url::Url;

use super::source::{Found, MOST_FOUND, unanswered};
use super::{reply, search_params};
use crate::log::Level;
use crate::proto::exchange::Ctx;
use crate::proto::http::Response;
use crate::proto::messaging::parse::check_json;
use crate::proto::store::Millis;

/// Most pages of one search that are followed.
const MOST_PAGES: usize = 10;

/// A resource by its id; `None` when it is not there. From `until` on nothing is asked for, here and in [`search`].
pub async fn read(ctx: &Ctx, kind: &str, id: &str, until: Millis) -> Result<Option<Found>, Response> {
    let Some(url) = address(ctx, &[kind, id]) else { return Ok(None) };
    let json = get(ctx, url, until).await?;
    Ok(json.and_then(|json| Found::given(json, kind)))
}

/// What it finds, page after page, and whether there was more than is taken. `patient` confines the search where resources of the type belong to one.
pub async fn search(
    ctx: &Ctx,
    kind: &str,
    patient: Option<&str>,
    criteria: &[(String, String)],
    until: Millis,
) -> Result<(Vec<Found>, bool), Response> {
    let Some(mut url) = address(ctx, &[kind]) else { return Ok((Vec::new(), false)) };
    let confined = if kind == "Patient" { Some("_id") } else { search_params::find(kind, "patient").map(|param| param.name) };
    {
        let mut query = url.query_pairs_mut();
        query.extend_pairs(criteria).append_pair("_count", "200");
        if let (Some(name), Some(patient)) = (confined, patient)
            && !criteria.iter().any(|(known, _)| known == name)
        {
            query.append_pair(name, patient);
        }
    }
    let mut found = Vec::new();
    let mut next = Some(url);
    for _ in 0..MOST_PAGES {
        let Some(url) = next.take() else { break };
        let Some(json) = get(ctx, url, until).await? else { break };
        let page: Page<'_> = serde_json::from_str(&json).map_err(|_| useless(ctx, "its Bundle cannot be read"))?;
        let entries = page.entry.iter().filter_map(|entry| entry.resource);
        found.extend(entries.filter_map(|resource| Found::given(resource.get().to_owned(), kind)));
        let link = page.link.iter().find(|link| link.relation == "next").map(|link| link.url.as_str());
        next = link.and_then(|link| own(ctx, link));
        if found.len() >= MOST_FOUND {
            break;
        }
    }
    let cut = next.is_some() || found.len() > MOST_FOUND;
    found.truncate(MOST_FOUND);
    Ok((found, cut))
}

#[derive(Deserialize)]
struct Page<'a> {
    #[serde(default)]
    link: Vec<Link>,
    #[serde(default, borrow)]
    entry: Vec<Entry<'a>>,
}

#[derive(Deserialize)]
struct Link {
    relation: String,
    url: String,
}

#[derive(Deserialize)]
struct Entry<'a> {
    #[serde(borrow)]
    resource: Option<&'a RawValue>,
}

/// Its base address, without a slash at the end.
fn base(ctx: &Ctx) -> Option<&str> {
    ctx.settings().chart.fhir_server.as_ref().map(|server| server.url.as_str().trim_end_matches('/'))
}

fn address(ctx: &Ctx, segments: &[&str]) -> Option<Url> {
    let mut url = Url::parse(base(ctx)?).ok()?;
    url.path_segments_mut().ok()?.pop_if_empty().extend(segments);
    Some(url)
}

/// The address of a further page, which was turned into one of ours with the rest of the answer: back into one of its own. A link that
/// leads anywhere else is not followed.
fn own(ctx: &Ctx, link: &str) -> Option<Url> {
    let theirs = base(ctx)?;
    let rest = link.strip_prefix(&ctx.settings().fhir_base())?;
    let url = Url::parse(&format!("{theirs}{rest}")).ok()?;
    let inside = url.as_str().strip_prefix(theirs).is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?']));
    inside.then_some(url)
}

/// The checked JSON at an address, its addresses turned into ours; `None` when there is nothing.
async fn get(ctx: &Ctx, url: Url, until: Millis) -> Result<Option<String>, Response> {
    if ctx.now() >= until {
        return Err(unanswered());
    }
    let Some(answer) = ctx.fetch(url).await else { return Err(unanswered()) };
    match answer.status {
        200 => {}
        404 | 410 => return Ok(None),
        status => return Err(useless(ctx, &format!("it answered {status}"))),
    }
    let text = String::from_utf8(answer.body).map_err(|_| useless(ctx, "its answer is not UTF-8"))?;
    check_json(&text, "answer", &ctx.settings().limits).map_err(|refusal| useless(ctx, &refusal.issue.text))?;
    let (Some(theirs), ours) = (base(ctx), ctx.settings().fhir_base()) else { return Ok(None) };
    Ok(Some(text.replace(&format!("\"{theirs}/"), &format!("\"{ours}/")).replace(&format!("\"{theirs}?"), &format!("\"{ours}?"))))
}

/// 502: it answered with what cannot be served. What it said goes no further.
fn useless(ctx: &Ctx, why: &str) -> Response {
    ctx.world.log.line(Level::Warn, "smart", format!("the FHIR server behind: {why}"));
    reply::outcome(StatusCode::BAD_GATEWAY, "exception", "the system that keeps the data gave no answer that can be used")
}
