//! How a referral goes on (messaging.md 11), and who may say so (messaging.md 3.3).

use crate::proto::guide::events::{Direction, EventInfo};
use crate::proto::store::ReferralRole;

/// From a status to those that may follow it.
type Row = (&'static str, &'static [&'static str]);

/// ServiceRequest.status (messaging.md 11.1).
const REQUEST: &[Row] = &[
    ("draft", &["active", "revoked", "entered-in-error"]),
    ("active", &["on-hold", "completed", "revoked", "entered-in-error"]),
    ("on-hold", &["active", "completed", "revoked", "entered-in-error"]),
    ("unknown", &["draft", "active", "on-hold", "completed", "revoked", "entered-in-error"]),
    ("completed", &["entered-in-error"]),
    ("revoked", &["entered-in-error"]),
    ("entered-in-error", &[]),
];

/// Task.status (messaging.md 11.2).
const TASK: &[Row] = &[
    ("", &["requested", "received"]),
    ("requested", &["received", "accepted", "rejected", "ready", "in-progress", "on-hold", "cancelled"]),
    ("received", &["accepted", "rejected", "ready", "in-progress", "on-hold", "cancelled"]),
    ("accepted", &["in-progress", "on-hold", "rejected", "cancelled", "completed", "failed"]),
    ("ready", &["in-progress", "on-hold", "rejected", "cancelled", "completed", "failed"]),
    ("in-progress", &["on-hold", "completed", "failed", "cancelled"]),
    ("on-hold", &["accepted", "in-progress", "cancelled", "rejected"]),
    ("rejected", &["accepted", "in-progress"]),
    ("cancelled", &["accepted", "in-progress"]),
    ("completed", &[]),
    ("failed", &[]),
];

/// Whether a ServiceRequest may go from one status to another. Staying is always allowed, and so is any first status.
pub fn request_may_go(from: Option<&str>, to: &str) -> bool {
    from.is_none_or(|from| may_go(REQUEST, from, to))
}

/// Whether a Task may go from one status to another; `None` is a Task not seen before.
pub fn task_may_go(from: Option<&str>, to: &str) -> bool {
    may_go(TASK, from.unwrap_or_default(), to)
}

fn may_go(table: &[Row], from: &str, to: &str) -> bool {
    from == to || table.iter().any(|(known, next)| *known == from && next.contains(&to))
}

/// A request that takes no more updates (messaging.md 11.1).
pub fn is_closed(request_status: &str) -> bool {
    ["completed", "revoked", "entered-in-error"].contains(&request_status)
}

/// Events with which a referral begins here (messaging.md 3.1). Any other one that leads to no referral is about one that we do not know.
pub fn begins_referral(event: &str) -> bool {
    ["add-service-request", "notify-add-service-request", "notify-add-service-record"].contains(&event)
}

/// Whether a sender may send an event, by its role and ours in that referral (messaging.md 3.3): the requester speaks for the request, the
/// current Target for the work, and who was Target is silent. Who keeps a copy takes what those who gave it say, as news.
pub fn may_send(event: &EventInfo, sender: ReferralRole, ours: ReferralRole) -> bool {
    use Direction::{Link, Report, SourceToCopy, SourceToTarget, TargetToSource};
    let by_role = match sender {
        ReferralRole::Source => matches!(event.direction, SourceToTarget | SourceToCopy | Link | Report),
        // The main RMS sends this update for nearly every action, whoever did it (messaging.md 17).
        ReferralRole::Target => {
            matches!(event.direction, TargetToSource | Link | Report) || event.code == "notify-update-service-request"
        }
        ReferralRole::Informer => event.direction == Link,
        ReferralRole::FormerTarget | ReferralRole::Copy => return false,
    };
    by_role || ours == ReferralRole::Copy
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::guide::codes::{self, Word};
    use crate::proto::guide::events::EVENTS;

    #[test]
    fn every_status_has_a_row_and_leads_to_known_ones() {
        for (table, words) in [(REQUEST, codes::REQUEST_STATUS), (TASK, codes::TASK_STATUS)] as [(&[Row], &[Word]); 2] {
            for (from, next) in table {
                assert!(from.is_empty() || words.iter().any(|word| word.code == *from), "{from}");
                assert!(next.iter().all(|to| table.iter().any(|(known, _)| known == to)), "{from}");
            }
        }
    }

    #[test]
    fn a_task_may_be_opened_again_but_not_after_its_outcome() {
        assert!(task_may_go(None, "received") && !task_may_go(None, "completed"));
        assert!(task_may_go(Some("rejected"), "accepted") && task_may_go(Some("accepted"), "completed"));
        assert!(!task_may_go(Some("completed"), "in-progress") && !task_may_go(Some("in-progress"), "received"));
        assert!(task_may_go(Some("in-progress"), "in-progress"));
        assert!(request_may_go(None, "revoked") && request_may_go(Some("active"), "revoked"));
        assert!(!request_may_go(Some("revoked"), "active"));
    }

    #[test]
    fn each_event_has_its_speakers() {
        use ReferralRole::{Copy, FormerTarget, Informer, Source, Target};
        // Event, and who may send it to the other side, then to who keeps a copy.
        let expected = [
            ("add-service-request", "S"),
            ("notify-add-service-request", "S"),
            ("notify-update-service-request", "ST"),
            ("revoke-service-request", "S"),
            ("notify-data-correction", "T"),
            ("notify-add-process-request", "T"),
            ("notify-update-process-request", "T"),
            ("notify-add-appointment", "T"),
            ("send-communication-from-requester", "S"),
            ("send-communication-from-provider", "T"),
            ("notify-add-service-record", "STI"),
            ("notify-update-service-record", "STI"),
            ("add-rfi", "T"),
            ("notify-report-service-request", "ST"),
        ];
        assert_eq!(expected.len(), EVENTS.len());
        let senders = [(Source, 'S'), (Target, 'T'), (FormerTarget, 'F'), (Copy, 'C'), (Informer, 'I')];
        for (code, allowed) in expected {
            let event = EVENTS.iter().find(|event| event.code == code).unwrap();
            for (sender, letter) in senders {
                for ours in [Source, Target, FormerTarget] {
                    assert_eq!(may_send(event, sender, ours), allowed.contains(letter), "{code} by {letter}");
                }
                assert_eq!(may_send(event, sender, Copy), "STI".contains(letter), "{code} by {letter} to a copy");
            }
        }
    }
}
