//! Which elements of two lists of a referral's content are the same thing: by identifier, id and content, never by position.

use std::cmp::Ordering;

use serde_json::Value;

use super::changes;
use super::content::List;
use super::time;
use crate::proto::fhir::reference::bare_uuid;

/// For each fresh element its place among those known; `None` for a new one. `told` are the fresh ones that the message is about.
pub(super) fn matching(list: List, known: &[Value], fresh: &[Value], told: &[usize], zone: Option<&str>) -> Vec<Option<usize>> {
    let mut found = Found { places: vec![None; fresh.len()], taken: vec![false; known.len()] };
    let same_id = |one: &Value, other: &Value| same_id(one, other) && !contradict(one, other);
    // Several contents may stand in one document.
    let same_title = |one: &Value, other: &Value| list != List::Documents || text(one, "title") == text(other, "title");
    found.pair(known, fresh, |_, one, other| same_id(one, other) && same_title(one, other));
    found.pair_single(known, fresh, same_id);
    // Some senders give all resources of a referral the referral's own number: only one that stands once names anything.
    found.pair_single(known, fresh, |one, other| share_identifier(one, other) && !is_another(list, one, other));
    // The same words again, undated, may be a second question.
    let asked_again = |at: usize, other: &Value| list == List::Communications && told.contains(&at) && date_of(other).is_none();
    found.pair(known, fresh, |at, one, other| {
        let differ = contradict(one, other) || is_another(list, one, other) || other_place(one, other);
        !differ && !asked_again(at, other) && changes::is_same(list, one, other, zone)
    });
    if matches!(list, List::Tasks | List::Appointments) {
        found.pair_last(known, fresh, |one, other| may_be_same(list, one, other, zone));
    }
    found.places
}

struct Found {
    places: Vec<Option<usize>>,
    taken: Vec<bool>,
}

impl Found {
    /// The known elements without a partner yet.
    fn left<'v>(&self, known: &'v [Value]) -> Vec<(usize, &'v Value)> {
        known.iter().enumerate().filter(|(at, _)| self.taken.get(*at) == Some(&false)).collect()
    }

    /// The fresh elements without a partner yet.
    fn open<'v>(&self, fresh: &'v [Value]) -> Vec<(usize, &'v Value)> {
        fresh.iter().enumerate().filter(|(at, _)| self.places.get(*at) == Some(&None)).collect()
    }

    fn take(&mut self, known: usize, fresh: usize) {
        if let (Some(taken), Some(place)) = (self.taken.get_mut(known), self.places.get_mut(fresh)) {
            (*taken, *place) = (true, Some(known));
        }
    }

    /// Pairs each fresh element with the first known one that is the same.
    fn pair(&mut self, known: &[Value], fresh: &[Value], same: impl Fn(usize, &Value, &Value) -> bool) {
        for (at, element) in self.open(fresh) {
            if let Some((place, _)) = self.left(known).into_iter().find(|(_, other)| same(at, other, element)) {
                self.take(place, at);
            }
        }
    }

    /// Pairs elements that are the same as one element of the other side only.
    fn pair_single(&mut self, known: &[Value], fresh: &[Value], same: impl Fn(&Value, &Value) -> bool) {
        let (left, open) = (self.left(known), self.open(fresh));
        for (at, element) in &open {
            let mut alike = left.iter().filter(|(_, other)| same(other, element));
            if let (Some((place, other)), None) = (alike.next(), alike.next())
                && open.iter().filter(|(_, element)| same(other, element)).count() == 1
            {
                self.take(*place, *at);
            }
        }
    }

    /// Pairs the last two that are left, when they may be the same.
    fn pair_last(&mut self, known: &[Value], fresh: &[Value], may_be_same: impl Fn(&Value, &Value) -> bool) {
        let (left, open) = (self.left(known), self.open(fresh));
        if let [(at, element)] = open.as_slice() {
            let mut alike = left.iter().filter(|(_, other)| may_be_same(other, element));
            if let (Some((place, _)), None) = (alike.next(), alike.next()) {
                self.take(*place, *at);
            }
        }
    }
}

fn text<'v>(value: &'v Value, name: &str) -> Option<&'v str> {
    value.get(name).and_then(Value::as_str)
}

fn identifiers(element: &Value) -> &[Value] {
    element.get("identifiers").and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn same_id(one: &Value, other: &Value) -> bool {
    text(one, "id").is_some() && text(one, "id") == text(other, "id")
}

fn share_identifier(one: &Value, other: &Value) -> bool {
    let is_same =
        |one: &Value, other: &Value| text(one, "value") == text(other, "value") && text(one, "system") == text(other, "system");
    identifiers(one).iter().any(|identifier| identifiers(other).iter().any(|other| is_same(identifier, other)))
}

/// Whether both are numbered, and differently.
fn contradict(one: &Value, other: &Value) -> bool {
    !identifiers(one).is_empty() && !identifiers(other).is_empty() && !share_identifier(one, other)
}

/// Whether both have an id of their own, and different ones. A resource without one gets a fresh UUID each time (messaging.md 4.1), so
/// that says nothing.
fn other_id(one: &Value, other: &Value) -> bool {
    let lasting = |element| text(element, "id").filter(|id| bare_uuid(id).is_none());
    lasting(one).zip(lasting(other)).is_some_and(|(one, other)| one != other)
}

/// Tasks and bookings get another id when they pass through another system; what was written once does not.
fn is_another(list: List, one: &Value, other: &Value) -> bool {
    matches!(list, List::Communications | List::Documents) && other_id(one, other)
}

/// Whether two documents lie at different addresses; what signs an address changes each time. Where both have a hash, that decides.
fn other_place(one: &Value, other: &Value) -> bool {
    let place = |element| text(element, "url").and_then(|url| url.split(['?', '#']).next());
    let hashed = text(one, "hash").and(text(other, "hash")).is_some();
    !hashed && place(one).zip(place(other)).is_some_and(|(one, other)| one != other)
}

fn date_of(communication: &Value) -> Option<&str> {
    communication.pointer("/sent/value").and_then(Value::as_str)
}

/// Whether nothing speaks against it that a message goes on about the same task or booking. A booking whose time had come when the message
/// was written does not move any more: what follows is another visit.
fn may_be_same(list: List, known: &Value, fresh: &Value, zone: Option<&str>) -> bool {
    let differs = |name| text(known, name).zip(text(fresh, name)).is_some_and(|(one, other)| one != other);
    let part = |element: &Value, path: &str| element.pointer(path).and_then(Value::as_str).map(str::to_owned);
    let has_begun = || {
        let times = part(known, "/start/value").zip(part(fresh, "/as_of/sent"));
        times.is_some_and(|(start, sent)| time::order(&start, &sent, zone) == Some(Ordering::Less))
    };
    let goes_on = match list {
        List::Tasks => text(known, "code") == text(fresh, "code"),
        _ => !is_ended(known) && !differs("type") && !differs("description") && !has_begun(),
    };
    goes_on && !other_id(known, fresh) && !contradict(known, fresh)
}

/// Whether a booking took place or was called off (messaging.md 6).
pub(super) fn is_ended(appointment: &Value) -> bool {
    matches!(text(appointment, "status"), Some("cancelled" | "fulfilled" | "noshow" | "entered-in-error"))
}
