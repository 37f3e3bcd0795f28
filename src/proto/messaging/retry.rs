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
    let index = usize::try_from(failed.attempts.max(1) - 1).unwrap_or(usize::MAX);
    let pause = PAUSES.get(index).copied().unwrap_or(HOUR);
    let pause = (pause.saturating_mul(first) / PAUSES[0]).max(1);
    let jitter = pause / 5 * (Millis::from(random) - 128) / 128;
    let asked = failed.retry_after.map_or(0, |seconds| Millis::try_from(seconds).unwrap_or(HOUR).saturating_mul(1000).min(HOUR));
    let next = now.saturating_add((pause + jitter).max(asked));
    (next <= failed.queued.saturating_add(give_up_after)).then_some(next)
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
    fn gives_up_after_the_configured_time() {
        let failed = Failed { attempts: 100, queued: 0, retry_after: None };
        assert_eq!(next_attempt(&failed, 96 * HOUR, 5_000, 96 * HOUR, 128), None);
    }
}
