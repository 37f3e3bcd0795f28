//! How often one may knock (smart.md 19): each door counts each client at each address by itself, so that one that knocks too often
//! keeps nobody else out, not even behind the same proxy.
//!
//! The counts live in memory: a restart forgets them, and nothing else depends on them.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::proto::settings::Limits;
use crate::proto::store::Millis;

/// Knockers remembered. When there are more, those that are quiet are forgotten first, then all.
const KNOCKERS: usize = 20_000;
/// The time that limits are given for, and the quiet after which an episode is over.
const MINUTE: Millis = 60_000;

/// What is knocked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Door {
    /// The authorization endpoint.
    Authorize,
    /// The addresses a browser opens first, or comes back to from the host's sign-in page.
    Start,
    /// The token and revocation endpoints.
    Token,
    /// The introspection endpoint.
    Introspect,
    /// The FHIR API, without a good token.
    Failure,
}

impl Door {
    /// Its name in alerts.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Authorize => "authorize",
            Self::Start => "start",
            Self::Token => "token",
            Self::Introspect => "introspect",
            Self::Failure => "fhir",
        }
    }

    fn limit(self, limits: &Limits) -> u32 {
        match self {
            Self::Authorize => limits.authorize_per_minute,
            Self::Start => limits.start_per_minute,
            Self::Token => limits.token_per_minute,
            Self::Introspect => limits.introspect_per_minute,
            Self::Failure => limits.failures_per_minute,
        }
    }
}

/// Too often: what to tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooOften {
    /// Seconds until the next may come.
    pub retry_after: i64,
    /// The first refusal of an episode.
    pub begins: bool,
}

/// An episode: a door, and the registered client that knocked, if it was one.
pub type Episode = (Door, Option<String>);

#[derive(Default)]
struct Counts {
    /// When the allowance of each will be whole again, in microseconds.
    whole_at: HashMap<(Door, Option<String>, Option<IpAddr>), i64>,
    /// When each episode last saw a refusal.
    episodes: HashMap<Episode, Millis>,
}

/// The counts. Shared by all exchanges of an engine.
#[derive(Default)]
pub struct Throttle(Mutex<Counts>);

impl Throttle {
    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts one knock. `client` is a registered client, or nothing: names that anybody can make up would fill the memory. A minute's
    /// allowance may come at once; then they come in even steps.
    pub fn knock(
        &self,
        door: Door,
        client: Option<&str>,
        address: Option<IpAddr>,
        limits: &Limits,
        now: Millis,
    ) -> Result<(), TooOften> {
        let limit = i64::from(door.limit(limits));
        if limit == 0 {
            return Ok(());
        }
        let (now_us, minute_us) = (now * 1000, MINUTE * 1000);
        let mut counts = self.counts();
        if counts.whole_at.len() >= KNOCKERS {
            counts.whole_at.retain(|_, whole_at| *whole_at > now_us);
        }
        if counts.whole_at.len() >= KNOCKERS {
            counts.whole_at.clear();
        }
        let client = client.map(str::to_owned);
        let whole_at = counts.whole_at.entry((door, client.clone(), address.map(network))).or_insert(now_us);
        let then = (*whole_at).max(now_us) + minute_us / limit;
        let over = then - now_us - minute_us;
        if over <= 0 {
            *whole_at = then;
            return Ok(());
        }
        let begins = counts.episodes.insert((door, client), now).is_none();
        Err(TooOften { retry_after: (over + 999_999) / 1_000_000, begins })
    }

    /// The episodes that are over: a minute passed without a refusal.
    pub fn over(&self, now: Millis) -> Vec<Episode> {
        let mut counts = self.counts();
        let over = |last: Millis| now - last >= MINUTE;
        let ended = counts.episodes.iter().filter(|(_, last)| over(**last)).map(|(episode, _)| episode.clone()).collect();
        counts.episodes.retain(|_, last| !over(*last));
        ended
    }
}

/// What counts as one address: of IPv6 the network, since one line has 2^64 addresses.
pub fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into(),
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn knock(throttle: &Throttle, client: Option<&str>, address: &str, now: Millis) -> Result<(), TooOften> {
        let limits = Limits { token_per_minute: 3, ..Limits::default() };
        throttle.knock(Door::Token, client, Some(address.parse().unwrap()), &limits, now)
    }

    #[test]
    fn a_minutes_allowance_then_even_steps() {
        let throttle = Throttle::default();
        for _ in 0..3 {
            assert_eq!(knock(&throttle, None, "192.0.2.1", 0), Ok(()));
        }
        assert_eq!(knock(&throttle, None, "192.0.2.1", 0), Err(TooOften { retry_after: 20, begins: true }));
        assert_eq!(knock(&throttle, None, "192.0.2.1", 1), Err(TooOften { retry_after: 20, begins: false }));
        assert_eq!(knock(&throttle, None, "192.0.2.1", 20_000), Ok(()));
        assert!(knock(&throttle, None, "192.0.2.1", 20_000).is_err());
    }

    #[test]
    fn one_that_knocks_too_often_keeps_nobody_else_out() {
        let throttle = Throttle::default();
        while knock(&throttle, Some("a"), "192.0.2.1", 0).is_ok() {}
        assert!(knock(&throttle, Some("b"), "192.0.2.1", 0).is_ok(), "another client at the same address");
        assert!(knock(&throttle, Some("a"), "192.0.2.2", 0).is_ok(), "the client elsewhere");
        assert!(knock(&throttle, None, "192.0.2.1", 0).is_ok());
    }

    #[test]
    fn a_network_of_ipv6_is_one_address() {
        let throttle = Throttle::default();
        while knock(&throttle, None, "2001:db8::1", 0).is_ok() {}
        assert!(knock(&throttle, None, "2001:db8::ffff:1", 0).is_err());
        assert!(knock(&throttle, None, "2001:db8:0:1::1", 0).is_ok());
        while knock(&throttle, None, "192.0.2.1", 0).is_ok() {}
        assert!(knock(&throttle, None, "::ffff:192.0.2.1", 0).is_err());
    }

    #[test]
    fn an_episode_is_told_once_and_ends_in_quiet() {
        let throttle = Throttle::default();
        while knock(&throttle, Some("a"), "192.0.2.1", 0).is_ok() {}
        assert!(!knock(&throttle, Some("a"), "192.0.2.1", 10).unwrap_err().begins);
        assert_eq!(throttle.over(60_009), []);
        assert_eq!(throttle.over(60_010), [(Door::Token, Some("a".to_owned()))]);
        assert_eq!(throttle.over(200_000), []);
    }

    #[test]
    fn the_memory_is_bounded() {
        let throttle = Throttle::default();
        for number in 0..2 * KNOCKERS {
            let address = Ipv6Addr::from_bits((number as u128) << 64).to_string();
            assert_eq!(knock(&throttle, None, &address, 0), Ok(()));
        }
        assert!(throttle.counts().whole_at.len() <= KNOCKERS);
    }

    #[test]
    fn zero_is_no_limit() {
        let limits = Limits { token_per_minute: 0, ..Limits::default() };
        let throttle = Throttle::default();
        assert!((0..10_000).all(|_| throttle.knock(Door::Token, None, None, &limits, 0).is_ok()));
    }
}
