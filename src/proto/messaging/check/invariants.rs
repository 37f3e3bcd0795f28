//! Invariants of base R4 that a message's use depends on.

use std::sync::OnceLock;

use jiff::Timestamp;

use crate::proto::fhir::outcome::Level::{self, Error, Warning};
use crate::proto::fhir::r4::R4;
use crate::proto::fhir::tree::Node;

use super::findings::{Findings, Place};
use super::says_something;

/// One invariant of a type.
pub(super) struct Invariant {
    level: Level,
    /// The member the finding is at; empty for the object itself.
    at: &'static str,
    text: &'static str,
    source: &'static str,
    holds: fn(Node<'_>) -> bool,
}

macro_rules! invariant {
    ($level:expr, $at:literal, $text:literal, $source:literal, $holds:expr) => {
        Invariant { level: $level, at: $at, text: $text, source: $source, holds: $holds }
    };
}

#[rustfmt::skip]
fn of(kind: &str) -> &'static [Invariant] {
    match kind {
        "Extension" => const { &[invariant!(Error, "", "an extension has a value or extensions, and not both", "FHIR R4 Extension ext-1",
            |node| has(node, "extension") != node.members().any(|(name, _)| name.trim_start_matches('_').starts_with("value")))] },
        "ContactPoint" => const { &[invariant!(Error, "system", "a value needs its system", "FHIR R4 ContactPoint cpt-2",
            |node| !has(node, "value") || has(node, "system"))] },
        "Period" => const { &[invariant!(Error, "end", "the end is before the start", "FHIR R4 Period per-1", |node| in_order(node, "start", "end"))] },
        "Attachment" => const { &[invariant!(Error, "contentType", "data needs a contentType", "FHIR R4 Attachment att-1",
            |node| !has(node, "data") || has(node, "contentType"))] },
        "Quantity" => const { &[invariant!(Error, "system", "a code needs its system", "FHIR R4 Quantity qty-3",
            |node| !has(node, "code") || has(node, "system"))] },
        // Met in traffic where there is no card (messaging.md 5.5).
        "Identifier" => const { &[invariant!(Warning, "value", "an identifier without a value identifies nothing", "Ontario Patient, decision",
            |node| has(node, "value") || has(node, "_value") || has(node, "extension"))] },
        "Appointment" => const { &[
            invariant!(Error, "start", "start and end stand together or not at all", "FHIR R4 Appointment app-2",
                |node| has(node, "start") == has(node, "end")),
            invariant!(Error, "start", "only a proposed, cancelled or waitlisted appointment has no start and end", "FHIR R4 Appointment app-3",
                |node| has(node, "start") || ["proposed", "cancelled", "waitlist"].contains(&text(node, "status"))),
            invariant!(Error, "cancelationReason", "only a cancelled or missed appointment has a reason for it", "FHIR R4 Appointment app-4",
                |node| !has(node, "cancelationReason") || ["cancelled", "noshow"].contains(&text(node, "status"))),
            invariant!(Error, "end", "the end is before the start", "FHIR R4 Appointment.end", |node| in_order(node, "start", "end")),
        ] },
        "Task" => const { &[invariant!(Error, "lastModified", "it was modified before it was written", "FHIR R4 Task inv-1",
            |node| in_order(node, "authoredOn", "lastModified"))] },
        "Patient.contact" => const { &[invariant!(Error, "", "a contact has a name, telecom, address or organization", "FHIR R4 Patient pat-1",
            |node| ["name", "telecom", "address", "organization"].iter().any(|name| has(node, name)))] },
        "Organization" => const { &[invariant!(Error, "name", "an organization has a name or an identifier", "FHIR R4 Organization org-1",
            |node| has(node, "name") || has(node, "identifier"))] },
        "ServiceRequest" => const { &[invariant!(Error, "orderDetail", "details need the code they belong to", "FHIR R4 ServiceRequest prr-1",
            |node| !has(node, "orderDetail") || has(node, "code"))] },
        "QuestionnaireResponse.item" => const { &[invariant!(Error, "item", "items below an answered question stand in its answer", "FHIR R4 QuestionnaireResponse qrs-1",
            |node| !(has(node, "answer") && has(node, "item")))] },
        // The guides ask for the narrower form too: nothing of a search or batch belongs into a message.
        "Bundle.entry" => const { &[
            invariant!(Warning, "search", "only entries of a search result have a search", "FHIR R4 Bundle bdl-2", |node| !has(node, "search")),
            invariant!(Warning, "request", "entries of a message have no request", "FHIR R4 Bundle bdl-3", |node| !has(node, "request")),
            invariant!(Warning, "response", "entries of a message have no response", "FHIR R4 Bundle bdl-4", |node| !has(node, "response")),
        ] },
        _ => &[],
    }
}

/// The invariants of every type, by its number.
pub(super) fn all() -> &'static [&'static [Invariant]] {
    static ALL: OnceLock<Vec<&'static [Invariant]>> = OnceLock::new();
    ALL.get_or_init(|| R4::get().types().iter().map(|kind| of(kind.name)).collect())
}

/// Checks an object against the invariants of its type.
pub(super) fn check(findings: &mut Findings, invariants: &[Invariant], node: Node<'_>, place: &Place<'_>) {
    for invariant in invariants {
        if !(invariant.holds)(node) {
            let member = place.member(invariant.at);
            let place = if invariant.at.is_empty() { place } else { &member };
            findings.add(invariant.level, "invariant", place, invariant.text, invariant.source);
        }
    }
}

fn has(node: Node<'_>, name: &str) -> bool {
    node.get(name).is_some_and(says_something)
}

fn text<'a>(node: Node<'a>, name: &str) -> &'a str {
    node.get(name).and_then(Node::str).unwrap_or_default()
}

/// Whether two times follow each other, as far as both are written precisely enough to tell.
fn in_order(node: Node<'_>, from: &str, to: &str) -> bool {
    let (from, to) = (text(node, from), text(node, to));
    match (from.parse::<Timestamp>(), to.parse::<Timestamp>()) {
        (Ok(from), Ok(to)) => from <= to,
        _ if from.contains('T') || to.contains('T') => true,
        _ => {
            let length = from.len().min(to.len());
            from.get(..length) <= to.get(..length)
        }
    }
}
