//! What is told of a message: to the host in its event, and in the referral's history.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::{Drives, Tracked, UNRECOGNISED, facts, state};
use crate::proto::fhir::outcome::Issue;
use crate::proto::messaging::changes::{self, Change};
use crate::proto::messaging::content::{self, Content, Merged};
use crate::proto::messaging::groups::Said;
use crate::proto::messaging::notification::{self, Notice};
use crate::proto::messaging::view::{Cast, View};
use crate::proto::settings::Settings;
use crate::proto::store::{Candidate, Link, Millis, ReferralRecord, ReferralState, ReferralUpdate};

/// The members of a notification that the history keeps, as they stand there.
#[derive(Default, Deserialize, Serialize)]
struct Kept<'a> {
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    summary: Option<&'a RawValue>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    summary_fr: Option<&'a RawValue>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    needs: Option<&'a RawValue>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    no_change: Option<&'a RawValue>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    outdated: Option<&'a RawValue>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    message: Option<&'a RawValue>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    changes: Option<&'a RawValue>,
}

/// The notification document of a message received from a partner, and the update of its referral, now with content and history.
pub fn told(
    settings: &Settings,
    (partner, trusted): (&str, bool),
    view: View<'_>,
    issues: &[Issue],
    tracked: Tracked,
    now: Millis,
) -> (String, Option<ReferralUpdate>) {
    let Tracked { event, before, update, candidates, answer, speaker, drives, .. } = tracked;
    let zone = settings.system.time_zone.as_deref();
    let said = Said::read(view, zone);
    let Some(mut update) = update else {
        let notice = Notice { partner: Some(partner), trusted, ..Notice::default() };
        return (notification::document(said, event, issues, &notice), None);
    };
    let (Merged { content, outdated, other_patient }, changes) = if event == UNRECOGNISED {
        (unchanged(known(before.as_ref())), None)
    } else {
        known_after(before.as_ref(), until_now(Content::of(&said, event), now, zone), drives, zone)
    };
    let mut issues = issues.to_vec();
    if other_patient {
        let path = "Bundle.entry.resource.ofType(Patient)";
        issues.push(Issue::warning("business-rule", path, "the patient is another than in the messages before", "messaging.md 12"));
    }
    let known = before.as_ref().map_or(&[][..], |record| &record.links);
    let links: Vec<&Link> = known.iter().chain(&update.links).collect();
    let (parents, children) = (linked(&links, &update.id, true), linked(&links, &update.id, false));
    let candidates: Vec<Value> = candidates.iter().map(Candidate::document).collect();
    let notice = Notice {
        partner: Some(partner),
        trusted,
        our_role: Some(update.our_role.as_str()),
        partner_role: speaker,
        referral_id: Some(&update.id),
        launch_id: update.launch_id.as_deref(),
        changes: changes.as_deref(),
        outdated,
        other_patient,
        unlinked: update.unlinked,
        candidates: &candidates,
        parents: &parents,
        children: &children,
    };
    let document = notification::document(said, event, &issues, &notice);
    update.document = with_answer(content, answer.as_deref(), zone).document();
    update.history = history(&document);
    (document, Some(update))
}

/// What is known before a message. A stored content that cannot be read, written by a newer library, stands in no message's way.
fn known(before: Option<&ReferralRecord>) -> Content {
    before.and_then(|record| Content::read(&record.document).ok()).unwrap_or_default()
}

fn unchanged(content: Content) -> Merged {
    Merged { content, outdated: false, other_patient: false }
}

/// What is known after a message (messaging.md 10.4), and what it changes.
fn known_after(
    before: Option<&ReferralRecord>,
    fresh: Content,
    drives: Drives,
    zone: Option<&str>,
) -> (Merged, Option<Vec<Change>>) {
    if before.is_none() {
        return (unchanged(fresh), None);
    }
    let known = known(before);
    let merged = content::merge(known.clone(), fresh, drives, zone);
    let changes = changes::between(&known, &merged.content, zone);
    (merged, Some(changes))
}

/// What lies too far ahead of our clock counts as not said.
fn until_now(content: Content, now: Millis, zone: Option<&str>) -> Content {
    let latest = jiff::Timestamp::from_millisecond(facts::latest(now));
    match latest {
        Ok(latest) => content.said_until(&latest.to_string(), zone),
        Err(_) => content,
    }
}

/// What is known once the sender was answered: what it echoes of our Task is no news then.
fn with_answer(content: Content, answer: Option<&str>, zone: Option<&str>) -> Content {
    let Some((bundle, cast)) = answer.and_then(|bundle| Some((bundle, Cast::read(bundle).ok()?))) else { return content };
    content.with_tasks(Content::of(&Said::read(cast.view(bundle), zone), ""), zone)
}

/// The other referrals: those that this one came out of, or those that came out of it.
pub fn linked(links: &[&Link], id: &str, parents: bool) -> Vec<notification::Link> {
    let told = |link: &&&Link| if parents { link.child == id } else { link.parent == id };
    let other = |link: &&Link| notification::Link {
        referral_id: Some(if parents { link.parent.clone() } else { link.child.clone() }),
        relation: link.relation.as_str().to_owned(),
        identifier: None,
    };
    let mut found: Vec<notification::Link> = Vec::new();
    for link in links.iter().filter(told).map(other) {
        if found.iter().all(|known| known.referral_id != link.referral_id) {
            found.push(link);
        }
    }
    found
}

fn history(notification: &str) -> String {
    let kept: Kept<'_> = serde_json::from_str(notification).unwrap_or_default();
    serde_json::to_string(&kept).unwrap_or_default()
}

/// The notification of a message that came before, made anew: what it meant then stands as it was told then, so that nothing old is told
/// as news; where it belongs, as it is now.
pub fn again(notification: &str, told: Option<&str>, resent: bool) -> String {
    let read = |document: &str| serde_json::from_str::<Map<String, Value>>(document).unwrap_or_default();
    let mut members = read(notification);
    if resent {
        members.insert("resent".to_owned(), true.into());
    }
    for (then, name) in told.map(read).iter().flat_map(|then| MEANING.map(|name| (then, name))) {
        match then.get(name) {
            Some(value) => members.insert(name.to_owned(), value.clone()),
            None => members.shift_remove(name),
        };
    }
    let unlinked = members.contains_key("unlinked");
    if let Some(Value::Array(needs)) = members.get_mut("needs") {
        needs.retain(|need| need != "link");
        needs.extend(unlinked.then(|| Value::from("link")));
    }
    Value::Object(members).to_string()
}

/// The members that say what a message meant when it came.
const MEANING: [&str; 6] = ["summary", "summary_fr", "needs", "no_change", "outdated", "changes"];

/// State and content of a referral that an unlinked one becomes part of.
pub fn joined(settings: &Settings, into: &ReferralRecord, unlinked: &ReferralRecord) -> (ReferralState, String) {
    let read = |record: &ReferralRecord| Content::read(&record.document).unwrap_or_default();
    // Its partner decides what it decides in the referral that it becomes part of.
    let speaker = unlinked.parties.first().map(|(partner, role)| into.role_of(partner).unwrap_or(*role));
    let drives = speaker.map_or_else(Drives::default, |speaker| Drives::of(speaker, into.our_role));
    let merged = content::merge(read(into), read(unlinked), drives, settings.system.time_zone.as_deref());
    (state::later(&into.state, &unlinked.state), merged.content.document())
}
