//! How far a referral has come after a message (messaging.md 10.4, 11).

use super::Facts;
use crate::proto::fhir::outcome::Issue;
use crate::proto::guide::codes::{self, Word};
use crate::proto::guide::lifecycle;
use crate::proto::store::{ReferralRole, ReferralState, Said, Status};

/// What the speaker decides: the requester the request, the current Target the task (messaging.md 11, 19).
#[derive(Clone, Copy, Debug, Default)]
pub struct Drives {
    /// The request, and what the requester says of it.
    pub request: bool,
    /// The tasks and bookings.
    pub task: bool,
}

impl Drives {
    /// Of who speaks as `speaker` to who is `listener`. Who keeps a copy believes whoever gave it.
    pub fn of(speaker: ReferralRole, listener: ReferralRole) -> Self {
        let copy = listener == ReferralRole::Copy || speaker == ReferralRole::Informer;
        Self { request: copy || speaker == ReferralRole::Source, task: copy || speaker == ReferralRole::Target }
    }
}

/// Whether something was said before what is known: by the resource's own times where both have one that differ, else by the messages'
/// (messaging.md 10.4).
pub fn is_older(said: Said, known: Said) -> bool {
    match (said.resource, known.resource) {
        (Some(one), Some(other)) if one != other => one < other,
        _ => said.message.zip(known.message).is_some_and(|(one, other)| one < other),
    }
}

/// The state after a message. What is older changes nothing. An unexpected step is taken with a warning, because what happened happened;
/// of the request the other side only repeats what it knows, so from there only a foreseen step counts.
pub fn next(known: &ReferralState, facts: &Facts, drives: Drives, issues: &mut Vec<Issue>) -> ReferralState {
    let mut state = known.clone();
    if let Some(fresh) = fresh(&facts.request, &known.request) {
        let foreseen = lifecycle::request_may_go(known.request.as_ref().map(|status| status.code.as_str()), &fresh.code);
        if drives.request || foreseen {
            warn_unless(foreseen, ("ServiceRequest", codes::REQUEST_STATUS), known.request.as_ref(), fresh, issues);
            state.request = Some(fresh.clone());
        }
    }
    if let Some(fresh) = fresh(&facts.task, &known.task)
        && drives.task
    {
        let foreseen = lifecycle::task_may_go(known.task.as_ref().map(|status| status.code.as_str()), &fresh.code);
        // The first one seen need not be the first there was.
        warn_unless(foreseen || known.task.is_none(), ("Task", codes::TASK_STATUS), known.task.as_ref(), fresh, issues);
        state.task = Some(fresh.clone());
    }
    state
}

fn fresh<'a>(said: &'a Option<Status>, known: &Option<Status>) -> Option<&'a Status> {
    said.as_ref().filter(|said| known.as_ref().is_none_or(|known| !is_older(said.said, known.said)))
}

fn warn_unless(
    foreseen: bool,
    (resource, words): (&str, &'static [Word]),
    known: Option<&Status>,
    fresh: &Status,
    issues: &mut Vec<Issue>,
) {
    if foreseen {
        return;
    }
    let code = |status: &Status| codes::find(words, &status.code).map_or("another status", |word| word.code);
    let text = format!("a step from {} to {} is not foreseen", known.map_or("nothing", code), code(fresh));
    issues.push(Issue::warning(
        "business-rule",
        format!("Bundle.entry.resource.ofType({resource}).status"),
        text,
        "messaging.md 11",
    ));
}

/// The later of two states, part by part.
pub fn later(one: &ReferralState, other: &ReferralState) -> ReferralState {
    let pick = |one: &Option<Status>, other: &Option<Status>| match (one, other) {
        (Some(one), Some(other)) if is_older(one.said, other.said) => Some(other.clone()),
        (one, other) => one.clone().or_else(|| other.clone()),
    };
    ReferralState { request: pick(&one.request, &other.request), task: pick(&one.task, &other.task) }
}

/// The requester's updates of a closed referral are taken with a warning (messaging.md 11.1). What the Target still says of it, such as
/// the confirmation of a withdrawal, is expected.
pub fn warn_if_closed(known: &ReferralState, event: &str, drives: Drives, issues: &mut Vec<Issue>) {
    let closed = known.request.as_ref().is_some_and(|status| lifecycle::is_closed(&status.code));
    if closed && drives.request && event != "revoke-service-request" {
        let path = "Bundle.entry.resource.ofType(ServiceRequest).status";
        issues.push(Issue::warning("business-rule", path, "the referral was closed before", "messaging.md 11.1"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(resource: Option<i64>, message: Option<i64>) -> Said {
        Said { resource, message }
    }

    fn status(code: &str, said: Said) -> Option<Status> {
        Some(Status { code: code.into(), said })
    }

    const FROM_TARGET: Drives = Drives { request: false, task: true };
    const FROM_SOURCE: Drives = Drives { request: true, task: false };

    fn after(known: &ReferralState, request: Option<Status>, task: Option<Status>, drives: Drives) -> (ReferralState, usize) {
        let mut issues = Vec::new();
        let state = next(known, &Facts { request, task, ..Facts::default() }, drives, &mut issues);
        (state, issues.len())
    }

    #[test]
    fn the_resources_own_time_decides_then_the_messages() {
        assert!(is_older(at(Some(1), Some(9)), at(Some(2), Some(3))));
        assert!(!is_older(at(Some(2), Some(1)), at(Some(1), Some(3))));
        assert!(is_older(at(Some(2), Some(1)), at(Some(2), Some(3))));
        assert!(is_older(at(None, Some(1)), at(Some(2), Some(3))));
        assert!(!is_older(at(None, None), at(Some(2), Some(3))));
        assert!(!is_older(at(Some(2), Some(3)), at(Some(2), Some(3))));
    }

    #[test]
    fn what_is_older_changes_nothing() {
        let known = ReferralState { request: None, task: status("completed", at(Some(5), None)) };
        assert_eq!(after(&known, None, status("accepted", at(Some(4), None)), FROM_TARGET), (known.clone(), 0));
    }

    #[test]
    fn an_unexpected_step_is_taken_with_a_warning() {
        let known = ReferralState { request: None, task: status("completed", at(Some(5), None)) };
        let (state, warnings) = after(&known, None, status("in-progress", at(Some(6), None)), FROM_TARGET);
        assert_eq!((state.task.unwrap().code.as_str(), warnings), ("in-progress", 1));
    }

    #[test]
    fn each_side_decides_its_own_part() {
        let known = ReferralState { request: status("revoked", at(None, Some(5))), task: status("received", at(None, Some(5))) };
        // An acceptance that crossed the withdrawal repeats the request as it was.
        let (state, warnings) =
            after(&known, status("active", at(None, Some(6))), status("accepted", at(None, Some(6))), FROM_TARGET);
        assert_eq!((state.request.unwrap().code.as_str(), state.task.unwrap().code.as_str(), warnings), ("revoked", "accepted", 0));
        let (state, _) = after(&known, None, status("completed", at(None, Some(6))), FROM_SOURCE);
        assert_eq!(state.task, known.task);
        let (state, warnings) = after(&known, status("active", at(None, Some(6))), None, FROM_SOURCE);
        assert_eq!((state.request.unwrap().code.as_str(), warnings), ("active", 1));
    }
}
