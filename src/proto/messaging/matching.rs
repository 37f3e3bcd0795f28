//! Which elements of two lists of a referral's content are the same thing: by identifier, id and content, never by position.

use serde_json::Value;

use super::changes;
use super::content::List;
use crate::proto::fhir::reference::bare_uuid;

/// For each fresh element its place among those known; `None` for a new one.
pub(super) fn matching(list: List, known: &[Value], fresh: &[Value], zone: Option<&str>) -> Vec<Option<usize>> {
    let mut found = Found { places: vec![None; fresh.len()], taken: vec![false; known.len()] };
    found.pair(known, fresh, |one, other| same_id(one, other) && !contradict(one, other));
    // Some senders give all resources of a referral the referral's own number: only one that stands once names anything.
    found.pair_single(known, fresh, share_identifier);
    found.pair(known, fresh, |one, other| !contradict(one, other) && changes::is_same(list, one, other, zone));
    if matches!(list, List::Tasks | List::Appointments) {
        found.pair_last(known, fresh, |one, other| may_be_same(list, one, other));
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
    fn pair(&mut self, known: &[Value], fresh: &[Value], same: impl Fn(&Value, &Value) -> bool) {
        for (at, element) in self.open(fresh) {
            if let Some((place, _)) = self.left(known).into_iter().find(|(_, other)| same(other, element)) {
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

/// Whether nothing speaks against it that a message goes on about the same task or booking. A resource without an id of its own gets a
/// fresh UUID each time (messaging.md 4.1), so that says nothing.
fn may_be_same(list: List, known: &Value, fresh: &Value) -> bool {
    let lasting = |element| text(element, "id").filter(|id| bare_uuid(id).is_none());
    let other_id = lasting(known).zip(lasting(fresh)).is_some_and(|(one, other)| one != other);
    let goes_on = match list {
        List::Tasks => text(known, "code") == text(fresh, "code"),
        _ => !matches!(text(known, "status"), Some("cancelled" | "fulfilled" | "noshow" | "entered-in-error")),
    };
    goes_on && !other_id && !contradict(known, fresh)
}
