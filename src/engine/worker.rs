//! Delivery: takes what is due from the outbox, sends it, records what came of it.
//!
//! A partner that takes messages gets a few at once, each referral's in order; one that does not gets one at a time, and after some
//! failures only a probe now and then (messaging.md 10.2). Every partner has a thread of its own to count on, so that one that does not
//! answer holds up nobody else. What one turn sends is recorded in one transaction at its end.

use std::collections::HashMap;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::engine::attempt::{Reach, Tried};
use crate::engine::{Engine, Inner, alert_key};
use crate::error::{EREF_PANIC, EREF_WRONG_STATE, Error, Result};
use crate::io::clock;
use crate::log::Level;
use crate::proto::exchange::Signal;
use crate::proto::messaging::retry::Health;
use crate::proto::store::{Attempted, DeliveryRecord, DeliveryState, DuePartner, Millis, Turn};

/// How often the outbox is looked at for what another process queued.
const POLL: Duration = Duration::from_millis(250);
/// Most deliveries of one turn. They are recorded together, so that a long queue costs a commit for many.
const TOGETHER: u32 = 32;
/// A turn ends when it has taken so long, and gives back what it has not tried.
const TURN: Duration = Duration::from_millis(100);
/// Delivering threads beyond the one of each partner. All second and further deliveries to any partner share these.
pub(crate) const EXTRA: usize = 3;

/// What the delivering threads of one engine share.
#[derive(Default)]
pub(crate) struct Worker {
    state: Mutex<State>,
    bell: Condvar,
}

#[derive(Default)]
struct State {
    partners: HashMap<String, Known>,
    stopping: bool,
}

/// What is known of a partner.
#[derive(Default)]
struct Known {
    health: Health,
    /// Turns under way.
    turns: usize,
}

impl State {
    /// Whose turn it is: of those who may have another one the partner with the fewest under way, then who has waited longest.
    fn choose(&self, due: Vec<DuePartner>, now: Millis) -> Option<DuePartner> {
        let turns = |name: &str| self.partners.get(name).map_or(0, |known| known.turns);
        let beyond_first: usize = self.partners.values().map(|known| known.turns.saturating_sub(1)).sum();
        let may = |due: &DuePartner| {
            let Some(known) = self.partners.get(&due.partner) else { return true };
            let place = known.turns == 0 || (known.turns < known.health.places() && beyond_first < EXTRA);
            place && (due.urgent || !known.health.holds_back(now))
        };
        due.into_iter().filter(may).min_by_key(|due| (turns(&due.partner), due.since))
    }
}

impl Worker {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
    /// Something was queued, or the engine stops.
    pub(crate) fn notify(&self) {
        self.bell.notify_all();
    }
    /// Lets the threads end after the delivery under way, or run again.
    pub(crate) fn set_stopping(&self, stopping: bool) {
        self.state().stopping = stopping;
        self.bell.notify_all();
    }
    /// Waits; false as soon as the engine stops.
    pub(crate) fn sleep_unless_stopping(&self, pause: Duration) -> bool {
        let waited = self.bell.wait_timeout_while(self.state(), pause, |state| !state.stopping);
        !waited.unwrap_or_else(PoisonError::into_inner).0.stopping
    }
    /// What is under way and what waits, for the status document.
    pub(crate) fn status(&self) -> serde_json::Value {
        let state = self.state();
        let names = |of: fn(&Known) -> bool| {
            let mut names: Vec<&String> = state.partners.iter().filter(|(_, known)| of(known)).map(|(name, _)| name).collect();
            names.sort();
            json!(names)
        };
        json!({"under_way": names(|known| known.turns > 0), "held_back": names(|known| known.health.is_open())})
    }
    /// Forgets how reaching the partners went, after a change of configuration.
    pub(crate) fn forget_health(&self) {
        self.state().partners.values_mut().for_each(|known| known.health = Health::default());
        self.notify();
    }
}

impl Engine {
    /// Delivers on the caller's thread for at most `budget`, for engines with `"threads": false`. True when more is due.
    pub fn pump(&self, budget: Duration) -> Result<bool> {
        self.0.require_running()?;
        if !self.0.settings().serve {
            return Err(Error::new(EREF_WRONG_STATE, "a desk delivers nothing: pump the serving engine"));
        }
        let until = Instant::now() + budget;
        self.0.keep_house(clock::now())?;
        while self.0.take_turn()? {
            if Instant::now() >= until {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// A turn under way, until this is dropped, whatever happens in it.
struct Place<'a> {
    worker: &'a Worker,
    turn: Turn,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        if let Some(known) = self.worker.state().partners.get_mut(&self.turn.partner) {
            known.turns = known.turns.saturating_sub(1);
        }
        self.worker.notify();
    }
}

impl Inner {
    /// The body of a delivering thread.
    pub(crate) fn deliver_until_stopped(&self) {
        let worker = &self.worker;
        while !worker.state().stopping {
            // A fault in one delivery must not silence the others.
            let delivered = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| self.take_turn()));
            match delivered.unwrap_or_else(|_| Err(Error::new(EREF_PANIC, "a fault while delivering"))) {
                Ok(true) => continue,
                Ok(false) => {}
                Err(error) => self.log.line(Level::Error, "worker", format!("the outbox cannot be worked: {error}")),
            }
            let state = worker.state();
            if !state.stopping {
                drop(worker.bell.wait_timeout(state, POLL).unwrap_or_else(PoisonError::into_inner));
            }
        }
    }

    /// Sends what is due next. False when nothing is.
    fn take_turn(&self) -> Result<bool> {
        let now = clock::now();
        let mut without = Vec::new();
        while let Some(place) = self.take_place(&without, now)? {
            let leased = self.store.lease_deliveries(&place.turn, now)?;
            if leased.is_empty() {
                // All that is due waits for an earlier message of its referral.
                without.push(place.turn.partner.clone());
                continue;
            }
            self.worker.notify();
            self.send_all(&place.turn.partner, leased)?;
            return Ok(true);
        }
        Ok(false)
    }

    fn take_place(&self, without: &[String], now: Millis) -> Result<Option<Place<'_>>> {
        let expired_before = now - Millis::from(self.settings().network.give_up_hours) * 3_600_000;
        let mut due = self.store.due_partners(now, expired_before)?;
        due.retain(|due| !without.contains(&due.partner));
        let mut state = self.worker.state();
        let Some(DuePartner { partner, .. }) = state.choose(due, now) else { return Ok(None) };
        let known = state.partners.entry(partner.clone()).or_default();
        known.turns += 1;
        let urgent = known.health.holds_back(now);
        let most = if known.health.places() > 1 { TOGETHER } else { 1 };
        Ok(Some(Place { worker: &self.worker, turn: Turn { partner, urgent, expired_before, most } }))
    }

    /// Sends one after the other, as long as the partner takes them, and records what came of all of them.
    fn send_all(&self, partner: &str, leased: Vec<(DeliveryRecord, Result<Vec<u8>>)>) -> Result<()> {
        let began = Instant::now();
        let (mut attempts, mut settled, mut recovered) = (Vec::with_capacity(leased.len()), false, false);
        for (record, body) in leased {
            if !attempts.is_empty() && (began.elapsed() >= TURN || !self.goes_on(partner)) {
                // One left over by a broken attempt may have arrived.
                let sending = record.state == DeliveryState::Sending;
                let state = if sending { DeliveryState::UnknownOutcome } else { record.state };
                attempts.push((record.id, Attempted::GivenBack(state)));
                continue;
            }
            let Tried { outcome, reach } = self.attempt(&record, body);
            recovered |= self.note(partner, reach);
            settled |= matches!(outcome.state, DeliveryState::Delivered | DeliveryState::Refused);
            attempts.push((record.id, Attempted::Tried(outcome)));
        }
        let recorded = self.store.finish_attempts(&attempts, clock::now());
        self.queue.notify();
        recorded?;
        if recovered {
            self.store.release_deliveries(partner, clock::now())?;
        }
        if settled {
            self.tell_recovery(partner)?;
        }
        Ok(())
    }

    /// Whether a turn may send another message.
    fn goes_on(&self, partner: &str) -> bool {
        let state = self.worker.state();
        !state.stopping && state.partners.get(partner).is_some_and(|known| known.health.places() > 1)
    }

    /// Notes how reaching the partner went. True when it is back after its breaker was open.
    fn note(&self, partner: &str, reach: Reach) -> bool {
        let first = self.first_pause();
        let mut state = self.worker.state();
        let health = &mut state.partners.entry(partner.to_owned()).or_default().health;
        match reach {
            Reach::Reached => health.reached(),
            Reach::Missed { retry_after } => {
                health.missed(clock::now(), first, retry_after, clock::random()[0]);
                false
            }
            Reach::NotTried => false,
        }
    }

    /// Ends the ALERT about a partner when nothing waits to be tried again any more: one alert for an episode, however it flickers.
    fn tell_recovery(&self, partner: &str) -> Result<()> {
        let key = alert_key("partner-unreachable", partner);
        if self.queue.is_in_force(&key) && !self.store.is_failing(partner)? {
            let text = format!("messages to {partner} are getting through again");
            self.queue.signal(Signal::Alert { key, partner: Some(partner.to_owned()), text, started: false });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn due(partner: &str, since: Millis, urgent: bool) -> DuePartner {
        DuePartner { partner: partner.to_owned(), since, urgent }
    }

    fn known(turns: usize, health: Health) -> Known {
        Known { health, turns }
    }

    fn proven() -> Health {
        let mut health = Health::default();
        health.reached();
        health
    }

    fn dead() -> Health {
        let mut health = Health::default();
        (0..3).for_each(|_| health.missed(0, 5_000, None, 128));
        health
    }

    fn chosen(state: &State, due: Vec<DuePartner>) -> Option<String> {
        state.choose(due, 1).map(|due| due.partner)
    }

    #[test]
    fn who_has_the_fewest_turns_and_waited_longest_is_next() {
        let mut state = State::default();
        assert_eq!(chosen(&state, vec![due("a", 5, false), due("b", 3, false)]).as_deref(), Some("b"));
        state.partners.insert("b".to_owned(), known(1, proven()));
        assert_eq!(chosen(&state, vec![due("a", 5, false), due("b", 3, false)]).as_deref(), Some("a"));
        assert_eq!(chosen(&state, vec![due("b", 3, false)]).as_deref(), Some("b"), "one that takes messages gets several at once");
    }

    #[test]
    fn one_that_was_not_reached_gets_one_turn_at_a_time_and_an_open_breaker_only_what_is_urgent() {
        let mut state = State::default();
        state.partners.insert("a".to_owned(), known(1, Health::default()));
        assert_eq!(chosen(&state, vec![due("a", 0, true)]), None);
        state.partners.insert("a".to_owned(), known(0, dead()));
        assert_eq!(chosen(&state, vec![due("a", 0, false)]), None);
        assert_eq!(chosen(&state, vec![due("a", 0, true)]).as_deref(), Some("a"));
    }

    #[test]
    fn further_turns_never_take_a_partners_first() {
        let mut state = State::default();
        state.partners.insert("a".to_owned(), known(3, proven()));
        state.partners.insert("b".to_owned(), known(2, proven()));
        assert_eq!(chosen(&state, vec![due("a", 0, false), due("b", 0, false)]), None);
        assert_eq!(chosen(&state, vec![due("a", 0, false), due("c", 9, false)]).as_deref(), Some("c"));
    }
}
