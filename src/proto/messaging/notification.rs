//! The notification document handed to the host (docs/schema/notification.json), and what a message says about its referral.
//!
//! The order of members is fixed, ids are strings, what the message does not say is left out.

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::changes::Change;
use super::check::ONE_PATIENT;
use super::fields::field;
use super::groups::{Object, Reader, Said};
use super::view::resource_type;
use crate::proto::fhir::outcome::Issue;
use crate::proto::guide::codes;
use crate::proto::guide::events::{self, Direction};
use crate::proto::guide::field::Field;
use crate::proto::store::{Identifier, ReferralRole};

mod summary;

use summary::Summary;

/// What the message itself does not say. Parsed without an engine, nothing of it is known: the default.
#[derive(Default)]
pub struct Notice<'a> {
    /// The authenticated partner; `None` for a message parsed without an engine.
    pub partner: Option<&'a str>,
    /// False when the partner did not show who it is.
    pub trusted: bool,
    /// Our part in the referral: `source`, `target`, `copy`, or what the store calls it else.
    pub our_role: Option<&'a str>,
    /// The partner's part in it.
    pub partner_role: Option<ReferralRole>,
    /// Our id of the referral.
    pub referral_id: Option<&'a str>,
    /// Our id of the launch this message is the first of.
    pub launch_id: Option<&'a str>,
    /// What the message changes in the referral; `None` when the referral was not known before.
    pub changes: Option<&'a [Change]>,
    /// What is in focus is older than what was known: nothing was undone.
    pub outdated: bool,
    /// It names another patient than the messages before.
    pub other_patient: bool,
    /// The message matches no referral.
    pub unlinked: bool,
    /// Our ids of the referrals it may belong to, when it is unlinked.
    pub candidates: &'a [Value],
    /// The referrals this one comes from.
    pub parents: &'a [Link],
    /// The referrals that come from this one.
    pub children: &'a [Link],
}

/// A referral that this one comes from or led to (messaging.md 13).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Link {
    /// Our id of it, when we know it.
    pub referral_id: Option<String>,
    /// `routed`, `split`, `chained`, `forwarded` or `copy`.
    pub relation: String,
    /// By what the message names it.
    pub identifier: Option<Identifier>,
}

impl Link {
    fn document(&self) -> Value {
        let identifier = self.identifier.as_ref().map(|own| json!({"system": own.system, "value": own.value}));
        Object::default()
            .put("referral_id", self.referral_id.as_deref())
            .put("relation", Some(self.relation.as_str()))
            .put("identifier", identifier)
            .value()
    }
}

/// The document: its members, then what was found in the message.
#[derive(Serialize)]
struct Document<'a> {
    #[serde(flatten)]
    members: Map<String, Value>,
    issues: &'a [Issue],
}

/// The notification document as JSON.
pub fn document(said: Said<'_>, event: &str, issues: &[Issue], notice: &Notice) -> String {
    let Said { reader, referral, patient, attachments } = said;
    let view = reader.view;
    let words = events::info(event).map(|event| event.words);
    let summary = Summary { reader, event, is_from_clinic: is_from_clinic(event, notice.partner_role) };
    let (english, french) = match notice.changes {
        Some([]) if notice.outdated => summary.of_nothing(codes::OLDER),
        Some([]) => summary.of_nothing(codes::NOTHING_NEW),
        Some(changes) => summary.of_changes(changes),
        None => summary.of_event(),
    };
    let has_communication = view.in_focus("Communication");
    let changes: Option<Vec<Value>> = notice.changes.map(|changes| changes.iter().map(Change::document).collect());
    let document = Object::default()
        .put("event", Some(event))
        .put("event_text", words.map(|words| words.0))
        .put("event_text_fr", words.map(|words| words.1))
        .put("summary", Some(english))
        .put("summary_fr", Some(french))
        .put("needs", Some(needs(reader, event, issues, notice)))
        .put("no_change", is_nothing_new(notice).then_some(true))
        .put("outdated", notice.outdated.then_some(true))
        .put("partner", notice.partner)
        .put("trusted", Some(notice.trusted))
        .put("test", view.is_test().then_some(true))
        .put("referral_id", notice.referral_id)
        .put("launch_id", notice.launch_id)
        .put("unlinked", notice.unlinked.then_some(true))
        .put_list("candidates", notice.candidates.to_vec())
        .put("message", Some(message(reader).value()))
        .put("focus", Some(view.focus().map(resource_type).collect::<Vec<_>>()))
        .put("changes", changes)
        .put("referral", Some(with_us(referral, notice)))
        .put("patient", Some(patient))
        .put("task", reader.task().some())
        .put("appointment", reader.appointment().some())
        // A communication that only travels along was told before (messaging.md 4.2).
        .put("communication", has_communication.then(|| reader.communication().some()).flatten())
        .put("attachments", Some(attachments));
    serde_json::to_string(&Document { members: document.0, issues }).unwrap_or_default()
}

fn message(reader: Reader<'_>) -> Object {
    Object::default()
        .put("id", reader.get(field!("message.id")))
        .put("bundle_id", reader.get(field!("message.bundle_id")))
        .put("timestamp", reader.time(field!("message.timestamp")))
        .put("reason", reader.get(field!("message.reason")))
        .put("source", reader.get(field!("source.name")))
        .put("source_endpoint", reader.get(field!("source.endpoint")))
        .put("user", reader.user_name())
}

/// The referral with our part in it, behind its identifiers, and the referrals beside it.
fn with_us(mut referral: Map<String, Value>, notice: &Notice) -> Value {
    let links = |links: &[Link]| links.iter().map(Link::document).collect::<Vec<_>>();
    if let Some(role) = notice.our_role {
        referral.shift_insert(1.min(referral.len()), "our_role".to_owned(), role.into());
    }
    Object(referral).put_list("parents", links(notice.parents)).put_list("children", links(notice.children)).value()
}

/// The referral was known, and nothing of it is different now.
fn is_nothing_new(notice: &Notice) -> bool {
    notice.changes.is_some_and(<[Change]>::is_empty)
}

/// Whether the clinic speaks: the partner's part in the referral says so, before there is one the direction of the event.
fn is_from_clinic(event: &str, partner: Option<ReferralRole>) -> bool {
    match partner {
        Some(ReferralRole::Target | ReferralRole::FormerTarget) => true,
        Some(ReferralRole::Source) => false,
        _ => events::info(event).is_some_and(|event| event.direction == Direction::TargetToSource),
    }
}

/// What a person has to do about the message.
fn needs(reader: Reader<'_>, event: &str, issues: &[Issue], notice: &Notice) -> Vec<&'static str> {
    let new = !is_nothing_new(notice);
    let is_mixed = notice.other_patient || issues.iter().any(|issue| issue.source == ONE_PATIENT);
    let wanted = [
        ("show", new),
        ("answer", new && is_ours_to_answer(notice.our_role) && is_question(reader, event)),
        ("review", new && is_to_be_reviewed(reader, event, notice.changes) || is_mixed),
        ("link", notice.unlinked),
    ];
    wanted.into_iter().filter(|(_, wanted)| *wanted).map(|(need, _)| need).collect()
}

/// Whoever keeps a copy is told of questions and does not answer them.
fn is_ours_to_answer(our_role: Option<&str>) -> bool {
    matches!(our_role, None | Some("source" | "target"))
}

/// Whether the other side waits for information (messaging.md 3.1, 12).
fn is_question(reader: Reader<'_>, event: &str) -> bool {
    let is = |field: &Field, codes: &[&str]| reader.get(field).is_some_and(|code| codes.contains(&code.as_str()));
    let asks = |field: &Field| is(field, &["rfi", "request-for-information"]);
    let communication = || asks(field!("communication.category.code")) || asks(field!("communication.category"));
    let is_open = || !reader.get(field!("task.status")).is_some_and(|status| codes::is_over(&status));
    let withdrawn = is(field!("communication.status"), &["entered-in-error"]);
    match (reader.view.in_focus("Task"), reader.view.in_focus("Communication")) {
        (true, _) if !reader.is_work() => is_open(),
        (_, true) if withdrawn => false,
        (_, true) => event == "add-rfi" || communication(),
        _ => event == "add-rfi",
    }
}

/// Whether a person must look into the referral: the other side corrected data, withdrew the request or something it had sent, or refused
/// it (messaging.md 3.1, 11).
fn is_to_be_reviewed(reader: Reader<'_>, event: &str, changes: Option<&[Change]>) -> bool {
    let status = || reader.get(field!("task.status")).filter(|_| reader.view.in_focus("Task") && reader.is_work());
    let refused = || matches!(status().as_deref(), Some("rejected" | "failed" | "cancelled" | "entered-in-error"));
    let told = changes.map_or_else(refused, |changes| changes.iter().any(Change::is_to_be_reviewed));
    matches!(event, "notify-data-correction" | "revoke-service-request") || told
}

#[cfg(test)]
pub(super) mod tests;
