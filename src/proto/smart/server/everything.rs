//! `GET Patient/{id}/$everything`: the chart in one searchset without pages, shaped for the forms that an RMS fills from it (smart.md 14.3,
//! 16.2). `_type` and `_since` narrow it; `start`, `end` and `_count` are ignored: forms want the whole.

// A refusal is the answer itself, made once per request: boxing it would gain nothing.
#![allow(clippy::result_large_err)]

use std::collections::HashSet;

use http::StatusCode;
use serde_json::Value;

use super::bundle::{self, Entry, Links};
use super::caller::Caller;
use super::scope::READ;
use super::search_match::{elements, target};
use super::source::{Found, Source};
use super::{chart, narrative, reply};
use crate::proto::exchange::{Ctx, Signal};
use crate::proto::fhir::date;
use crate::proto::http::{Request, Response};

/// Most people and organizations that are added because something refers to them.
const MOST_ADDED: usize = 20;

/// Answers it. Each type needs its own `r`; what lacks it is left out.
pub async fn answer(
    ctx: &Ctx,
    request: &Request,
    caller: &Caller<'_>,
    id: &str,
    query: &[(String, String)],
) -> Result<Response, Response> {
    caller.demand("Patient", READ, "r")?;
    let mut source = Source::new(ctx, caller);
    let mut all = vec![source.one("Patient", id).await?];
    let wanted = Wanted::parse(query)?;
    let pushed = if caller.patient() == Some(id) { source.pushed(None, READ).await? } else { Vec::new() };
    let mut known: HashSet<(String, String)> = [("Patient".to_owned(), id.to_owned())].into();
    all.extend(pushed.into_iter().filter(|one| known.insert((one.kind.clone(), one.id.clone()))));
    for kind in chart::types().filter(|kind| *kind != "Patient" && chart::is_personal(kind) && *kind != "Binary") {
        if wanted.has_type(kind) && source.is_elsewhere(kind) && source.allows(kind, READ) {
            let of_patient = [("patient".to_owned(), id.to_owned())];
            let found = source.several(kind, READ, &of_patient).await?;
            let own = found.into_iter().filter(|one| chart::patient_of(&one.value, &ctx.settings().fhir_base()) == Some(id));
            all.extend(own.filter(|one| known.insert((one.kind.clone(), one.id.clone()))));
        }
    }
    let people = people(&all, caller, source.base());
    for (kind, id) in people.into_iter().filter(|person| !known.contains(person)).take(MOST_ADDED) {
        if source.may_be_read(&kind, &id)
            && let Ok(found) = source.one(&kind, &id).await
        {
            all.push(found);
        }
    }
    let told: Vec<&Found> =
        all.iter().enumerate().filter(|(place, one)| *place == 0 || wanted.takes(one)).map(|(_, one)| one).collect();
    warn_of_what_forms_miss(ctx, &told);
    let base = source.base();
    let mut entries: Vec<Entry> =
        told.iter().map(|one| Entry::found(base, one, narrative::for_forms(&one.json, &one.value))).collect();
    let links = Links { own: bundle::own_address(ctx, request, query), next: None, previous: None };
    let total = (!source.is_cut()).then_some(entries.len());
    if source.is_cut() {
        entries.push(Entry::cut());
    }
    Ok(bundle::searchset(total, links, &entries))
}

/// What of the parameters narrows the answer.
struct Wanted {
    types: Option<Vec<String>>,
    since: Option<jiff::Timestamp>,
}

impl Wanted {
    fn parse(query: &[(String, String)]) -> Result<Self, Response> {
        let value =
            |name: &str| query.iter().find(|(known, value)| known == name && !value.is_empty()).map(|(_, value)| value.as_str());
        let types = value("_type").map(|list| list.split(',').map(str::to_owned).collect());
        let wrong = || reply::outcome(StatusCode::BAD_REQUEST, "invalid", "_since: expected an instant");
        let since = value("_since").map(|text| date::moment(text).ok_or_else(wrong)).transpose()?;
        Ok(Self { types, since })
    }

    fn has_type(&self, kind: &str) -> bool {
        self.types.as_ref().is_none_or(|types| types.iter().any(|wanted| wanted == kind))
    }

    /// What does not say when it was changed is never left out.
    fn takes(&self, one: &Found) -> bool {
        let changed = one.value.pointer("/meta/lastUpdated").and_then(Value::as_str).and_then(date::moment);
        self.has_type(&one.kind) && self.since.is_none_or(|since| changed.is_none_or(|changed| changed >= since))
    }
}

/// Who a form names beside the patient: the user, and the providers that the patient and what was prescribed or requested refer to.
fn people(all: &[Found], caller: &Caller<'_>, base: &str) -> Vec<(String, String)> {
    const NAMED: &str = "generalPractitioner|managingOrganization|requester|practitioner|organization";
    let pair = |reference: &str| target(reference, base).map(|(kind, id)| (kind.to_owned(), id.to_owned()));
    let user = caller.user().and_then(|user| user.fhir_user.as_deref()).and_then(pair);
    let referred = all.iter().flat_map(|one| elements(&one.value, NAMED));
    let referred = referred.filter_map(|element| element.get("reference").and_then(Value::as_str).and_then(pair));
    let mut seen = HashSet::new();
    user.into_iter()
        .chain(referred)
        .filter(|(kind, id)| chart::is_known(kind) && !chart::is_personal(kind) && seen.insert((kind.clone(), id.clone())))
        .collect()
}

/// Says once what the main RMS will not find in the host's charts: codes of observations and names of files (smart.md 16.2).
fn warn_of_what_forms_miss(ctx: &Ctx, told: &[&Found]) {
    let alert = |key: &str, text: &str| {
        ctx.signal(Signal::Alert { key: key.to_owned(), partner: None, text: text.to_owned(), started: true });
    };
    let is_loinc = |coding: &&Value| coding.get("system").is_some_and(|system| system == "http://loinc.org");
    let observations = || told.iter().filter(|one| one.kind == "Observation");
    if observations().any(|one| !elements(&one.value, "code.coding").iter().any(is_loinc)) {
        alert("chart-observation-code", "observations of a chart have no LOINC code, so that referral forms do not take them");
    }
    let documents = told.iter().filter(|one| one.kind == "DocumentReference");
    let named = |attachment: &Value| attachment.get("title").and_then(Value::as_str).is_some_and(narrative::is_file_name);
    if documents.flat_map(|one| elements(&one.value, "content.attachment")).any(|attachment| !named(attachment)) {
        let text = "titles of a chart's documents are no names of files, so that referral forms may not take them";
        alert("chart-document-title", text);
    }
}
