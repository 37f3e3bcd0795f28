//! Tracking: which referral a message belongs to, whether its sender may say so, and what becomes of the referral.
//!
//! Everything is decided from the referral as it was read; the store refuses the result when it has changed since, and it is decided anew.

mod facts;
mod state;
mod told;

use super::view::View;
use crate::error::Result;
use crate::proto::fhir::outcome::Issue;
use crate::proto::guide::events::{self, Direction, EventInfo};
use crate::proto::guide::lifecycle;
use crate::proto::settings::{Messaging, Partner, Role, Settings, UnknownEvents, UnknownReferral};
use crate::proto::store::{
    Candidate, Identifier, Link, Millis, NewRole, ReferralKeys, ReferralRecord, ReferralRole, ReferralState, ReferralUpdate,
    Relation, Said, Status, Store, Trace,
};

pub use facts::Facts;
pub use state::Drives;
pub use told::{again, joined, linked, told};

/// The event of a message whose own event is not known, kept because it belongs to a known referral (messaging.md 3.4).
pub const UNRECOGNISED: &str = "unrecognised";

/// How often a message is looked at anew because its referral changed meanwhile. Each time another message of that referral got through.
pub const TRIES: usize = 64;

/// A message read and its referral found, both as they were then.
pub struct Placed {
    facts: Facts,
    keys: ReferralKeys,
    trace: Trace,
}

/// Why a message is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// Its sender is not entitled to it (messaging.md 3.3).
    Forbidden,
    /// The event is not known (messaging.md 3.4).
    UnknownEvent,
    /// It belongs to no referral (messaging.md 10.4).
    NotFound,
    /// It asks for work, and the configuration says that none is done here (messaging.md 2).
    NotOurs,
    /// Its foci are several referrals: each is told in a message of its own, so that none is lost.
    Several,
}

/// What a message means here.
pub struct Tracked {
    /// The canonical event.
    pub event: &'static str,
    /// The referral as it was; `None` for a new one.
    pub before: Option<ReferralRecord>,
    /// What becomes of the referral; `None` when the message belongs to none. Content and history are left empty.
    pub update: Option<ReferralUpdate>,
    /// What an unlinked one may belong to.
    pub candidates: Vec<Candidate>,
    /// What is odd about it, and accepted.
    pub issues: Vec<Issue>,
    /// Another partner told of a referral of the same number, which is unlinked still and one of the candidates.
    pub disputed: bool,
    /// The Bundle in which the sender is told of a Task at once.
    pub answer: Option<String>,
}

impl Tracked {
    /// The status of the Task that the sender knows.
    pub fn task_status(&self) -> Option<&str> {
        self.update.as_ref()?.state.task.as_ref().map(|status| status.code.as_str())
    }

    /// The sender is answered at once (messaging.md 8.4), in this Bundle with a Task of this status.
    pub fn answered(&mut self, code: &str, answer: &[u8], now: Millis) {
        self.answer = String::from_utf8(answer.to_vec()).ok();
        if self.task_status() == Some(code) {
            return;
        }
        if let Some(update) = &mut self.update {
            let said = Said { resource: None, message: Some(now) };
            update.state.task = Some(Status { code: code.to_owned(), said });
        }
    }
}

/// Reads a message of this partner, or an outgoing one to it, and finds its referral.
pub fn place(store: &dyn Store, settings: &Settings, (partner, outgoing): (&str, bool), view: View<'_>) -> Result<Placed> {
    let facts = facts::read(view);
    let keys = ReferralKeys { outgoing, ..keys(settings, partner, &facts, facts.identifiers.len()) };
    let trace = store.trace(&keys)?;
    // What came out of a known referral is another one, even if the header still names that one.
    let own = |record: &ReferralRecord| facts.identifiers.iter().take(facts.own).any(|one| carries(record, one));
    let is_parent = |record: &ReferralRecord| trace.parents.iter().any(|(_, parent)| parent.id == record.id);
    if facts.own > 0 && trace.found.first().is_some_and(|record| is_parent(record) && !own(record)) {
        let keys = ReferralKeys { outgoing, ..self::keys(settings, partner, &facts, facts.own) };
        let trace = store.trace(&keys)?;
        return Ok(Placed { facts, keys, trace });
    }
    Ok(Placed { facts, keys, trace })
}

fn carries(record: &ReferralRecord, identifier: &Identifier) -> bool {
    record.identifiers.iter().any(|own| own.is_of(&identifier.system) && own.value.trim() == identifier.value)
}

/// What leads to the referral: the first so many of its identifiers, and what else there is (messaging.md 10.5).
fn keys(settings: &Settings, partner: &str, facts: &Facts, count: usize) -> ReferralKeys {
    let own_system = settings.own_referral_system();
    let mut keys = ReferralKeys {
        partner: partner.to_owned(),
        answers: facts.answers.clone(),
        replies: facts.replies.clone(),
        parents: [&facts.replaces, &facts.based_on, &facts.outputs].into_iter().flatten().cloned().collect(),
        requisition: facts.requisition.clone(),
        health_number: facts.health_number.clone(),
        ..ReferralKeys::default()
    };
    for identifier in facts.identifiers.iter().take(count) {
        let of_ours = Identifier { system: own_system.clone(), value: identifier.value.clone() };
        if identifier.system.is_empty() {
            // It may be our own number, echoed without its system (messaging.md 4.3).
            keys.launches.push(identifier.value.clone());
            keys.claims.extend([identifier.clone(), of_ours]);
        } else {
            if identifier.is_of(&own_system) {
                keys.launches.push(identifier.value.clone());
                keys.claims.push(of_ours);
            }
            keys.identifiers.push(identifier.clone());
        }
    }
    keys
}

/// What a received message means, or why it is refused. `id` is that of the referral if it is a new one.
pub fn received(
    settings: &Settings,
    partner: &Partner,
    code: &str,
    trusted: bool,
    placed: Placed,
    id: String,
) -> std::result::Result<Tracked, Refused> {
    let info = event_of(partner, code, &placed.trace).and_then(events::info);
    if !trusted {
        // It touches no referral (architecture: identity of a message).
        let event = info.ok_or(Refused::UnknownEvent)?.code;
        return Ok(Tracked {
            event,
            before: None,
            update: None,
            candidates: Vec::new(),
            issues: Vec::new(),
            disputed: false,
            answer: None,
        });
    }
    if placed.facts.is_of_several && info.is_none_or(|info| info.direction != Direction::Report) {
        return Err(Refused::Several);
    }
    match (info, placed.trace.found.is_empty()) {
        (None, known_none) => {
            let stored = partner.messaging.as_ref().is_some_and(|messaging| messaging.unknown_events == UnknownEvents::Store);
            if known_none || !stored { Err(Refused::UnknownEvent) } else { of_known(partner, None, placed) }
        }
        (Some(info), false) if !is_claimed(partner, info, &placed.trace) => of_known(partner, Some(info), placed),
        (Some(info), _) => of_unknown(settings, partner, info, placed, id),
    }
}

/// The canonical event. Some spellings do not say who speaks: the sender's role in that referral does, and before there is one its part
/// in the configuration (messaging.md 3.2).
fn event_of(partner: &Partner, code: &str, trace: &Trace) -> Option<&'static str> {
    let configured = || partner.roles.contains(&Role::RmsSource) && !partner.roles.contains(&Role::RmsTarget);
    let role = trace.found.first().and_then(|record| record.role_of(&partner.name));
    events::canonical_from(code, role.map_or_else(configured, |role| role == ReferralRole::Source))
}

/// A referral that was forwarded, or that an informer told of, has no Target until one speaks as such (messaging.md 3.3, 12, 13).
fn is_vacant(record: &ReferralRecord) -> bool {
    use ReferralRole::{Copy, Informer, Source, Target};
    let forwarded = record.links.iter().any(|link| link.child == record.id && link.relation == Relation::Forwarded);
    let has = |wanted: ReferralRole| record.parties.iter().any(|(_, role)| *role == wanted);
    !has(Target) && (forwarded && record.our_role == Source || record.our_role == Copy && has(Informer))
}

/// Whether a partner that is no party says, as their Target, what only the Target of these referrals can say, and they have none. Anybody
/// could: what it says waits for a person, and touches none of them.
fn is_claimed(partner: &Partner, info: &EventInfo, trace: &Trace) -> bool {
    let targets = info.direction == Direction::TargetToSource && partner.roles.contains(&Role::RmsTarget);
    targets && trace.found.iter().all(|record| is_vacant(record) && record.role_of(&partner.name).is_none())
}

/// The role in which the partner speaks; `None` when it may not (messaging.md 3.3).
fn speaks_as(record: &ReferralRecord, partner: &Partner, info: Option<&EventInfo>) -> Option<ReferralRole> {
    use ReferralRole::{Copy, FormerTarget, Informer, Target};
    let role = record.role_of(&partner.name);
    let Some(info) = info else { return role.filter(|role| !matches!(role, FormerTarget | Copy)) };
    let entitled = role.filter(|role| lifecycle::may_send(info, *role, record.our_role));
    // Who forwarded it within its own platform goes on speaking for the new Target.
    let newcomer = || {
        let free = is_vacant(record) && role == Some(Informer) && partner.roles.contains(&Role::RmsTarget);
        (free && info.direction == Direction::TargetToSource).then_some(Target)
    };
    entitled.or_else(newcomer)
}

/// A message of a known referral. One that names several must be entitled to each.
fn of_known(partner: &Partner, info: Option<&'static EventInfo>, placed: Placed) -> std::result::Result<Tracked, Refused> {
    let Placed { facts, keys, trace } = placed;
    if trace.found.iter().any(|record| speaks_as(record, partner, info).is_none()) {
        return Err(Refused::Forbidden);
    }
    let found: Vec<(String, u64)> = trace.found.iter().map(|record| (record.id.clone(), record.version)).collect();
    let linked = trace.found.iter().position(|record| !record.unlinked).unwrap_or_default();
    let Some(record) = trace.found.get(linked).cloned() else { return Err(Refused::NotFound) };
    let role = speaks_as(&record, partner, info).ok_or(Refused::Forbidden)?;
    let event = info.map_or(UNRECOGNISED, |info| info.code);
    let mut issues = Vec::new();
    let drives = state::Drives::of(role, record.our_role);
    if info.is_none() {
        // Nobody knows what it says: it is shown and remembered, and changes nothing (messaging.md 3.4).
        let mut update = update(record.id.clone(), keys, record.our_role, record.state.clone(), &Facts::default());
        (update.found, update.unlinked) = (found, record.unlinked);
        (update.identifiers, update.claims) = (Vec::new(), Vec::new());
        (update.keys.health_number, update.keys.requisition) = (None, None);
        return Ok(Tracked {
            event,
            before: Some(record),
            update: Some(update),
            candidates: Vec::new(),
            issues,
            disputed: false,
            answer: None,
        });
    }
    let next = state::next(&record.state, &facts, drives, &mut issues);
    state::warn_if_closed(&record.state, event, drives, &mut issues);
    let mut update = update(record.id.clone(), keys, record.our_role, next, &facts);
    update.found = found;
    update.unlinked = record.unlinked && trace.launch_id.is_none();
    if record.role_of(&partner.name) != Some(role) {
        update.parties.push((partner.name.clone(), role));
    }
    relate(&mut update, &facts, &trace, Some(partner.name.as_str()), event);
    let candidates = if update.unlinked { trace.candidates } else { Vec::new() };
    Ok(Tracked { event, before: Some(record), update: Some(update), candidates, issues, disputed: false, answer: None })
}

/// A message that leads to no referral, or to one that its sender is no party to: it begins one, came out of one, or waits for a person to
/// say where it belongs.
fn of_unknown(
    settings: &Settings,
    partner: &Partner,
    info: &'static EventInfo,
    placed: Placed,
    id: String,
) -> std::result::Result<Tracked, Refused> {
    let Placed { facts, keys, trace } = placed;
    if !facts.has_request {
        // A report need not be about a referral; anything else is about one that is not here (messaging.md 10.4).
        let report = Tracked {
            event: info.code,
            before: None,
            update: None,
            candidates: Vec::new(),
            issues: Vec::new(),
            disputed: false,
            answer: None,
        };
        return if info.direction == Direction::Report { Ok(report) } else { Err(Refused::NotFound) };
    }
    let (our_role, role) = first_roles(settings, partner, info).ok_or(Refused::Forbidden)?;
    if info.code == "add-service-request" && our_role != ReferralRole::Target {
        return Err(Refused::NotOurs);
    }
    let mut issues = Vec::new();
    if facts.identifiers.is_empty() {
        let text = "the request has no identifier; what follows cannot be told to belong to it";
        issues.push(Issue::warning(
            "required",
            "Bundle.entry.resource.ofType(ServiceRequest).identifier",
            text,
            "messaging.md 10.5",
        ));
    }
    let next = state::next(&Default::default(), &facts, state::Drives::of(role, our_role), &mut issues);
    let mut update = update(id, keys, our_role, next, &facts);
    update.found = trace.found.iter().map(|record| (record.id.clone(), record.version)).collect();
    update.parties.push((partner.name.clone(), role));
    relate(&mut update, &facts, &trace, Some(partner.name.as_str()), info.code);
    let came_of_another = update.links.iter().any(|link| link.child == update.id);
    if let Some((_, parent)) = forwarded_from(&facts, &trace, &partner.name) {
        // Who takes over has yet to speak; who forwarded only tells of it.
        update.our_role = parent.our_role;
        update.parties = vec![(partner.name.clone(), ReferralRole::Informer)];
    }
    let begins = lifecycle::begins_referral(info.code) || came_of_another || trace.launch_id.is_some();
    update.unlinked = !begins || !trace.found.is_empty();
    let refuses = |messaging: &Messaging| messaging.unknown_referral == UnknownReferral::Refuse;
    if update.unlinked && partner.messaging.as_ref().is_some_and(refuses) {
        return Err(if trace.found.is_empty() { Refused::NotFound } else { Refused::Forbidden });
    }
    let disputed = !trace.disputed.is_empty();
    let known = trace.found.into_iter().map(|record| record.id).chain(trace.disputed).map(Candidate::Referral);
    let mut candidates: Vec<Candidate> = known.collect();
    if update.unlinked {
        // Whoever else names these numbers, this sender's messages find what it said of them.
        update.claims.extend(update.identifiers.iter().cloned());
        let others = trace.candidates.into_iter().filter(|other| !candidates.contains(other)).collect::<Vec<_>>();
        candidates.extend(others);
    }
    Ok(Tracked { event: info.code, before: None, update: Some(update), candidates, issues, disputed, answer: None })
}

/// Our part and the partner's in a referral that begins with this message, by the parts both are configured with; `None` when the partner
/// may not send it (messaging.md 2, 3.1, 3.3).
fn first_roles(settings: &Settings, partner: &Partner, info: &EventInfo) -> Option<(ReferralRole, ReferralRole)> {
    use ReferralRole::{Copy, Informer, Source, Target};
    let takes = |role: Role| partner.roles.contains(&role);
    let we = |role: Role, part: ReferralRole| if settings.system.roles.contains(&role) { part } else { Copy };
    match info.direction {
        Direction::SourceToTarget if takes(Role::RmsSource) => Some((we(Role::RmsTarget, Target), Source)),
        // The main RMS sends this one as Target too (messaging.md 17).
        Direction::SourceToTarget if info.code == "notify-update-service-request" && takes(Role::RmsTarget) => {
            Some((we(Role::RmsSource, Source), Target))
        }
        Direction::SourceToCopy if takes(Role::RmsSource) => Some((Copy, Source)),
        Direction::TargetToSource if takes(Role::RmsTarget) => Some((we(Role::RmsSource, Source), Target)),
        Direction::Link | Direction::Report if takes(Role::RmsSource) || takes(Role::RmsTarget) => Some((Copy, Informer)),
        _ => None,
    }
}

/// What a message of ours must not say, whatever is in it: `forbidden` what is not ours to say (messaging.md 3.3), `unforeseen` steps that
/// the lifecycle does not have (messaging.md 11), which a host may force.
pub fn held_back(partner: &str, tracked: &Tracked) -> (bool, Vec<Issue>) {
    let Some(record) = &tracked.before else { return (false, Vec::new()) };
    let theirs = record.role_of(partner).unwrap_or(ReferralRole::Copy);
    let ours = events::info(tracked.event).is_none_or(|info| match theirs {
        // To somebody who is no party yet, a message gives a part.
        ReferralRole::Copy => lifecycle::may_send(info, record.our_role, ReferralRole::Source),
        theirs => lifecycle::may_send(info, record.our_role, theirs),
    });
    let unforeseen: Vec<Issue> = tracked.issues.iter().filter(|issue| issue.code == "business-rule").cloned().collect();
    (!ours, unforeseen)
}

/// What we send makes of its referral. `code` is the event as it is spelled. `id` is that of the referral if it is a new one; `None` when the message belongs to none.
pub fn sent(partner: &str, code: &str, placed: Placed, id: String) -> Option<Tracked> {
    use ReferralRole::{Copy, Informer, Source, Target};
    let Placed { facts, keys, trace } = placed;
    // Some spellings do not say who speaks (messaging.md 3.2).
    let as_source = trace.found.first().is_some_and(|record| record.our_role == Source);
    let info = events::canonical_from(code, as_source).and_then(events::info)?;
    if trace.found.is_empty() && facts.identifiers.is_empty() {
        return None;
    }
    // We take the side that sends this event (messaging.md 3.1).
    let (ours, theirs) = match info.direction {
        Direction::TargetToSource => (Target, Source),
        Direction::SourceToCopy | Direction::Report => (Source, Copy),
        Direction::Link => (Informer, Source),
        Direction::SourceToTarget => (Source, Target),
    };
    let before = trace.found.first().cloned();
    let our_role = before.as_ref().map_or(ours, |record| record.our_role);
    let known = before.as_ref().map(|record| record.state.clone()).unwrap_or_default();
    let mut issues = Vec::new();
    let drives = state::Drives::of(our_role, theirs);
    let next = state::next(&known, &facts, drives, &mut issues);
    state::warn_if_closed(&known, info.code, drives, &mut issues);
    let mut update = update(before.as_ref().map_or(id, |record| record.id.clone()), keys, our_role, next, &facts);
    update.found = trace.found.iter().map(|record| (record.id.clone(), record.version)).collect();
    update.unlinked = before.as_ref().is_some_and(|record| record.unlinked);
    update.identifiers.clone_from(&update.keys.identifiers);
    update.parties = entering(before.as_ref(), partner, theirs, info.code);
    relate(&mut update, &facts, &trace, None, info.code);
    if before.is_none() && update.roles.iter().any(|change| change.partner.is_none()) {
        // We passed it on: who takes over is its Target.
        update.our_role = Informer;
    }
    Some(Tracked { event: info.code, before, update: Some(update), candidates: Vec::new(), issues, disputed: false, answer: None })
}

/// The parties whose role changes when we send this to a partner. There is one Target: whom the request goes to next takes the place of
/// who had it (messaging.md 3.3).
fn entering(before: Option<&ReferralRecord>, partner: &str, role: ReferralRole, event: &str) -> Vec<(String, ReferralRole)> {
    use ReferralRole::{FormerTarget, Target};
    let known = before.and_then(|record| record.role_of(partner));
    let again = known == Some(FormerTarget) && event == "add-service-request";
    if known.is_some() && !again {
        return Vec::new();
    }
    let parties = before.map_or(&[][..], |record| &record.parties);
    let others = parties.iter().filter(|(name, known)| role == Target && *known == Target && name != partner);
    let leaving = others.map(|(name, _)| (name.clone(), FormerTarget));
    std::iter::once((partner.to_owned(), role)).chain(leaving).collect()
}

/// An update that changes nothing yet but the state and what leads to the referral. A partner can name a number of ours, and cannot give
/// it to a referral of its choice: only for its own messages, and only where nothing else names that referral.
fn update(id: String, keys: ReferralKeys, our_role: ReferralRole, state: ReferralState, facts: &Facts) -> ReferralUpdate {
    let ours = |identifier: &&Identifier| keys.claims.iter().any(|claim| claim == *identifier || carries_ours(claim, identifier));
    let identifiers: Vec<Identifier> = keys.identifiers.iter().filter(|one| !ours(one)).cloned().collect();
    ReferralUpdate {
        id,
        found: Vec::new(),
        our_role,
        parties: Vec::new(),
        roles: Vec::new(),
        unlinked: false,
        launch_id: None,
        claims: if identifiers.is_empty() { keys.claims.clone() } else { Vec::new() },
        identifiers,
        communications: facts.communications.clone(),
        links: Vec::new(),
        state,
        document: String::new(),
        history: String::new(),
        keys,
    }
}

/// A claim holds the normal spelling of our system.
fn carries_ours(claim: &Identifier, identifier: &Identifier) -> bool {
    claim.is_of(&identifier.system) && claim.value == identifier.value
}

/// The referral that this one takes the place of, where the partner is its Target and so may pass it on.
fn forwarded_from<'a>(facts: &Facts, trace: &'a Trace, partner: &str) -> Option<&'a (Identifier, ReferralRecord)> {
    let by_target = |parent: &ReferralRecord| parent.role_of(partner) == Some(ReferralRole::Target);
    trace.parents.iter().find(|(identifier, parent)| facts.replaces.contains(identifier) && by_target(parent))
}

/// Ties the referral to its launch, to those it came out of and to what came out of it (messaging.md 13). Only referrals that the partner
/// is a party to are tied; `None` stands for ourselves.
fn relate(update: &mut ReferralUpdate, facts: &Facts, trace: &Trace, partner: Option<&str>, event: &str) {
    update.launch_id.clone_from(&trace.launch_id);
    if trace.launch_id.is_some() {
        // It counts once: what carries it later is not this referral for that reason.
        let ReferralUpdate { claims, keys, .. } = update;
        claims.retain(|claim| !keys.launches.contains(&claim.value));
    }
    let concerns = |record: &ReferralRecord| partner.is_none_or(|partner| record.role_of(partner).is_some());
    for (identifier, other) in trace.parents.iter().filter(|(_, other)| other.id != update.id && concerns(other)) {
        if facts.outputs.contains(identifier) {
            update.links.push(Link { parent: update.id.clone(), child: other.id.clone(), relation: Relation::Chained });
            continue;
        }
        let relation = relation(facts, trace, identifier, other, event);
        update.links.push(Link { parent: other.id.clone(), child: update.id.clone(), relation });
        if relation == Relation::Forwarded {
            update.roles.extend(leaves(other, partner));
        }
    }
    if let Some(first) = trace.requisition.as_ref().filter(|first| first.id != update.id && concerns(first))
        && update.links.iter().all(|link| link.parent != first.id)
    {
        update.links.push(Link { parent: first.id.clone(), child: update.id.clone(), relation: Relation::Split });
    }
}

fn relation(facts: &Facts, trace: &Trace, identifier: &Identifier, parent: &ReferralRecord, event: &str) -> Relation {
    if facts.replaces.contains(identifier) {
        Relation::Forwarded
    } else if event == "notify-add-service-request" {
        Relation::Copy
    } else if trace.requisition.as_ref().is_some_and(|first| first.id == parent.id)
        || facts.requisition.as_ref().is_some_and(|requisition| carries(parent, requisition))
    {
        // The parts share a number: the parent's requisition, or the parent's own number.
        Relation::Split
    } else if facts.reassigned {
        Relation::Routed
    } else {
        Relation::Chained
    }
}

/// Who forwards a referral stops being its Target at that moment (messaging.md 3.3).
fn leaves(record: &ReferralRecord, partner: Option<&str>) -> Option<NewRole> {
    let role = partner.map_or(Some(record.our_role), |partner| record.role_of(partner));
    (role == Some(ReferralRole::Target)).then(|| NewRole {
        referral: (record.id.clone(), record.version),
        partner: partner.map(str::to_owned),
        role: ReferralRole::FormerTarget,
    })
}
