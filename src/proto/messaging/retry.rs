//! The one place that decides when a delivery is tried again (messaging.md 10.2).

use crate::proto::store::Millis;

/// Pauses after the first, second, … failed attempt, in milliseconds; then hourly.
const PAUSES: [Millis; 6] = [5_000, 30_000, 120_000, 300_000, 900_000, 1_800_000];
const HOUR: Millis = 3_600_000;

/// What a failed delivery looks like.
pub struct Failed {
    /// How often it was sent, this attempt included.
    pub attempts: u32,
    /// When it was queued.
    pub queued: Millis,
    /// What the partner asked for by `Retry-After`, in seconds.
    pub retry_after: Option<u64>,
}

/// When to try again; `None` means give up.
///
/// `first` is the configured first pause, which scales the others; `random` gives a jitter of up to a fifth either way, so that the
/// deliveries of many clinics do not return together. A `Retry-After` longer than our pause is honoured, up to an hour.
pub fn next_attempt(failed: &Failed, now: Millis, first: Millis, give_up_after: Millis, random: u8) -> Option<Millis> {
    let next = now.saturating_add(pause(failed.attempts, first, random).max(asked(failed.retry_after)));
    (next <= failed.queued.saturating_add(give_up_after)).then_some(next)
}

/// The pause after so many failures in a row.
fn pause(failures: u32, first: Millis, random: u8) -> Millis {
    let index = usize::try_from(failures.max(1) - 1).unwrap_or(usize::MAX);
    let pause = PAUSES.get(index).copied().unwrap_or(HOUR);
    let pause = (pause.saturating_mul(first) / PAUSES[0]).max(1);
    pause + pause / 5 * (Millis::from(random) - 128) / 128
}

/// A `Retry-After` in milliseconds.
fn asked(retry_after: Option<u64>) -> Millis {
    retry_after.map_or(0, |seconds| Millis::try_from(seconds).unwrap_or(HOUR).saturating_mul(1000).min(HOUR))
}

/// So many failures in a row to reach a partner open its circuit breaker.
const OPENS_AT: u32 = 3;
/// An open one lets a delivery through at least so often, to see whether the partner is back; each delivery still keeps its own pauses.
const PROBE: Millis = 60_000;
/// Deliveries to one partner at once, while it takes them.
const PLACES: usize = 4;

/// How reaching a partner has gone lately: the circuit breaker of messaging.md 10.2. Nothing in it need survive a restart.
#[derive(Clone, Debug, Default)]
pub struct Health {
    /// Failures to reach it since it was last reached.
    failures: u32,
    /// It was reached the last time.
    proven: bool,
    /// With the breaker open: the next delivery goes out then.
    until: Millis,
}

impl Health {
    /// The partner answered, whatever it said of the message. True when the breaker was open.
    pub fn reached(&mut self) -> bool {
        let open = self.is_open();
        *self = Self { failures: 0, proven: true, until: 0 };
        open
    }

    /// The partner was not reached, could not work, or did not take our credential. `first` and `random` as in [`next_attempt`].
    pub fn missed(&mut self, now: Millis, first: Millis, retry_after: Option<u64>, random: u8) {
        self.failures = self.failures.saturating_add(1);
        self.proven = false;
        self.until = now.saturating_add(pause(self.failures, first, random).min(PROBE).max(asked(retry_after)));
    }

    /// Whether the breaker is open.
    pub fn is_open(&self) -> bool {
        self.failures >= OPENS_AT
    }

    /// Whether only what is urgent may go out now.
    pub fn holds_back(&self, now: Millis) -> bool {
        self.is_open() && now < self.until
    }

    /// How many deliveries may be under way at once: one until the partner has shown that it takes them.
    pub fn places(&self) -> usize {
        if self.proven { PLACES } else { 1 }
    }
}

/// What `Retry-After` asks for, in seconds from now: a number, or a date (RFC 9110 10.2.3).
pub fn retry_after(value: &str, now: Millis) -> Option<u64> {
    if let Ok(seconds) = value.trim().parse() {
        return Some(seconds);
    }
    let date = jiff::fmt::rfc2822::parse(value.trim()).ok()?;
    u64::try_from(date.timestamp().as_millisecond().saturating_sub(now) / 1000).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(attempts: u32, retry_after: Option<u64>, random: u8) -> Option<Millis> {
        next_attempt(&Failed { attempts, queued: 0, retry_after }, 0, 5_000, 96 * HOUR, random)
    }

    #[test]
    fn pauses_grow_to_an_hour() {
        let pauses: Vec<_> = (1..=8).map(|attempts| after(attempts, None, 128).unwrap()).collect();
        assert_eq!(pauses, [5_000, 30_000, 120_000, 300_000, 900_000, 1_800_000, HOUR, HOUR]);
    }

    #[test]
    fn jitter_stays_within_a_fifth() {
        assert!((4_000..5_000).contains(&after(1, None, 0).unwrap()));
        assert!((5_000..=6_000).contains(&after(1, None, 255).unwrap()));
    }

    #[test]
    fn retry_after_is_honoured_up_to_an_hour() {
        assert_eq!(after(1, Some(60), 128), Some(60_000));
        assert_eq!(after(1, Some(u64::MAX), 128), Some(HOUR));
        assert_eq!(after(1, Some(1), 128), Some(5_000));
    }

    #[test]
    fn retry_after_may_be_a_number_or_a_date() {
        assert_eq!(retry_after("120", 0), Some(120));
        assert_eq!(retry_after("Thu, 01 Jan 1970 00:02:00 GMT", 0), Some(120));
        assert_eq!(retry_after("Thu, 01 Jan 1970 00:02:00 GMT", 300_000), None);
        assert_eq!(retry_after("soon", 0), None);
    }

    #[test]
    fn the_breaker_opens_at_the_third_failure_in_a_row_and_closes_when_the_partner_answers() {
        let mut health = Health::default();
        assert_eq!((health.places(), health.holds_back(0)), (1, false));
        assert!(!health.reached());
        assert_eq!(health.places(), PLACES);
        for failure in 1..=3 {
            assert!(!health.holds_back(0));
            health.missed(0, 5_000, None, 128);
            assert_eq!((health.places(), health.is_open()), (1, failure == 3));
        }
        // 2 min would be the delivery's own third pause: another one goes out after one minute.
        assert!(health.holds_back(PROBE - 1) && !health.holds_back(PROBE));
        health.missed(0, 5_000, Some(600), 128);
        assert!(health.holds_back(599_999), "what the partner asks for is kept");
        assert!(health.reached());
        assert!(!health.is_open() && !health.holds_back(0));
    }

    #[test]
    fn gives_up_after_the_configured_time() {
        let failed = Failed { attempts: 100, queued: 0, retry_after: None };
        assert_eq!(next_attempt(&failed, 96 * HOUR, 5_000, 96 * HOUR, 128), None);
    }
}
