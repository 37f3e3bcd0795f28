//! What is told of a message: to the host in its event, and in the referral's history.

use serde_json::{Map, Value, json};

use super::{Tracked, state};
use crate::proto::fhir::outcome::Issue;
use crate::proto::messaging::notification::{self, Notice};
use crate::proto::messaging::view::View;
use crate::proto::settings::{Partner, Settings};
use crate::proto::store::{ReferralRecord, ReferralState, ReferralUpdate};

/// The members of a notification that the history keeps.
const KEPT: [&str; 6] = ["summary", "summary_fr", "changes", "no_change", "outdated", "message"];

/// The notification document of a received message, and the update of its referral, now with content and history.
pub fn told(
    settings: &Settings,
    partner: &Partner,
    trusted: bool,
    view: &View,
    issues: &[Issue],
    tracked: Tracked,
) -> (String, Option<ReferralUpdate>) {
    let our_role = tracked.update.as_ref().map(|update| update.our_role.as_str());
    let notice = Notice { partner: Some(&partner.name), trusted, time_zone: settings.system.time_zone.as_deref(), our_role };
    let document = notification::document(view, tracked.event, issues, &notice);
    let update = tracked.update.map(|mut update| {
        update.document = notification::content(view, tracked.event);
        update.history = history(&document);
        update
    });
    (document, update)
}

/// The update of the referral that a message of ours belongs to, with content and history.
pub fn told_of_sent(settings: &Settings, partner: &str, view: &View, tracked: Tracked) -> Option<ReferralUpdate> {
    let mut update = tracked.update?;
    let our_role = Some(update.our_role.as_str());
    let notice = Notice { partner: Some(partner), trusted: true, time_zone: settings.system.time_zone.as_deref(), our_role };
    update.history = history(&notification::document(view, tracked.event, &[], &notice));
    update.document = notification::content(view, tracked.event);
    Some(update)
}

fn history(notification: &str) -> String {
    let mut members: Map<String, Value> = serde_json::from_str(notification).unwrap_or_default();
    members.retain(|name, _| KEPT.contains(&name.as_str()));
    json!(members).to_string()
}

/// State and content of a referral that an unlinked one becomes part of.
pub fn joined(into: &ReferralRecord, unlinked: &ReferralRecord) -> (ReferralState, String) {
    let document = if unlinked.updated > into.updated { &unlinked.document } else { &into.document };
    (state::later(&into.state, &unlinked.state), document.clone())
}
