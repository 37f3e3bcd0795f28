//! The public keys that others publish (JWKS), fetched when needed and kept for as long as they say (smart.md 6.1).
//!
//! One fetch per address is under way at a time, on a thread of its own (`eref-keys`) that ends with it; all who need the set meanwhile
//! wait for the same fetch, and hold no thread.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use tokio::sync::oneshot;
use ureq::http::HeaderMap;
use ureq::http::header::CACHE_CONTROL;

use crate::error::{EREF_PANIC, EREF_REMOTE, Error, Result};
use crate::io::client::Client;
use crate::log::{Level, Log};
use crate::proto::jwt::{KEY_SET_BYTES, KeySet, KeysAt, KeysWanted};
use crate::proto::settings::Network;
use crate::proto::store::Millis;

/// Time for a whole fetch, in milliseconds.
const FETCH_MS: u64 = 5_000;
/// How long a set is good when the answer does not say, and the longest it may say.
const LIFE: Millis = 300_000;
const LONGEST_LIFE: Millis = 86_400_000;
/// How long a good set is not asked for again because of a key that is not in it.
const AGAIN_UNKNOWN: Millis = 60_000;
/// How long nothing is asked for after a fetch that failed.
const AGAIN_FAILED: Millis = 10_000;
/// Most sets kept; a configuration with more has them fetched again.
const MOST_SETS: usize = 200;

/// What a waiting exchange gets: the set, or nothing when it cannot be had.
pub type Answer = oneshot::Receiver<Option<KeySet>>;

/// The key sets of an engine, shared by its threads.
#[derive(Default)]
pub struct KeySets(Mutex<HashMap<KeysAt, Entry>>);

#[derive(Default)]
struct Entry {
    keys: Option<KeySet>,
    good_until: Millis,
    /// When the last fetch ended, and whether it failed.
    tried: Option<(Millis, bool)>,
    waiting: Vec<oneshot::Sender<Option<KeySet>>>,
    under_way: bool,
}

impl Entry {
    /// The answer, when it needs no fetch.
    fn known(&self, kid: &str, now: Millis) -> Option<Option<KeySet>> {
        // A clock that was put back makes a fetch due, not a set eternal.
        let since = |limit: Millis| self.tried.is_some_and(|(at, _)| (0..limit).contains(&(now - at)));
        let failed = self.tried.is_some_and(|(_, failed)| failed);
        let good = self.keys.as_ref().filter(|_| now < self.good_until && since(LONGEST_LIFE));
        match good {
            Some(keys) if keys.has(kid) || since(AGAIN_UNKNOWN) => Some(Some(keys.clone())),
            None if failed && since(AGAIN_FAILED) => Some(None),
            _ => None,
        }
    }
}

impl KeySets {
    /// The set, now or when it was fetched. Never blocks; the answer comes within the time of a fetch. `now` is the time in milliseconds.
    pub fn look(self: &Arc<Self>, wanted: &KeysWanted, network: &Network, log: &Arc<Log>, now: Millis) -> Answer {
        let (give, take) = oneshot::channel();
        let mut entries = self.entries();
        if entries.len() >= MOST_SETS {
            entries.retain(|_, entry| entry.under_way || now < entry.good_until);
        }
        let entry = entries.entry(wanted.at.clone()).or_default();
        if let Some(known) = entry.known(&wanted.kid, now) {
            // Whoever asked may be gone.
            let _ = give.send(known);
            return take;
        }
        entry.waiting.push(give);
        if !std::mem::replace(&mut entry.under_way, true) {
            let (sets, network, log, at) = (self.clone(), network.clone(), log.clone(), wanted.at.clone());
            let fetch = move || {
                // A fault must not leave those waiting who come later.
                let fetched = catch_unwind(AssertUnwindSafe(|| fetch(&at, &network)));
                let failed = |_| Err(Error::new(EREF_PANIC, "the fetch failed inside"));
                sets.done(&at, fetched.unwrap_or_else(failed), &log, now);
            };
            let started = thread::Builder::new().name("eref-keys".to_owned()).stack_size(1 << 20).spawn(fetch);
            if started.is_err() {
                // Dropping those who wait tells them that there is nothing.
                (entry.under_way, entry.waiting) = (false, Vec::new());
            }
        }
        take
    }

    fn entries(&self) -> MutexGuard<'_, HashMap<KeysAt, Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps what came of a fetch that began at `now`, and tells all who wait for it.
    fn done(&self, at: &KeysAt, fetched: Result<(KeySet, Millis)>, log: &Log, now: Millis) {
        if let Err(error) = &fetched {
            log.line(Level::Warn, "keys", format!("a key set could not be fetched: {}", error.message()));
        }
        let mut entries = self.entries();
        let entry = entries.entry(at.clone()).or_default();
        (entry.under_way, entry.tried) = (false, Some((now, fetched.is_err())));
        let fresh = fetched.is_ok();
        if let Ok((keys, life)) = fetched {
            (entry.keys, entry.good_until) = (Some(keys), now + life);
        }
        // What was good before a look for an unknown key failed is as good after it; and what may not be kept is good for those who wait.
        let keys = entry.keys.clone().filter(|_| fresh || now < entry.good_until);
        for waiting in entry.waiting.drain(..) {
            let _ = waiting.send(keys.clone());
        }
    }
}

/// Gets a set and how long it is good. https only, no redirects, addresses checked where they are dialled.
fn fetch(at: &KeysAt, network: &Network) -> Result<(KeySet, Millis)> {
    let host = at.url.host_str().unwrap_or_default();
    let wrong = |text: &str| Error::new(EREF_REMOTE, format!("{host}: {text}"));
    if at.url.scheme() != "https" {
        return Err(wrong("keys are fetched over https only"));
    }
    let network = Network {
        connect_ms: network.connect_ms.min(FETCH_MS),
        total_ms: network.total_ms.min(FETCH_MS),
        answer_bytes: KEY_SET_BYTES as u64,
        ..network.clone()
    };
    let client = Client::guarded(&network, at.ca.as_deref(), None, at.private)?;
    let answer = client.get(&at.url, &[("accept", "application/json")]).map_err(|failure| failure.error)?;
    if answer.status != 200 {
        return Err(wrong(&format!("answered {} where a JWKS was expected", answer.status)));
    }
    let keys = KeySet::parse(&answer.body).map_err(wrong)?;
    Ok((keys, life(&answer.headers)))
}

/// How long an answer is good (RFC 9111 5.2.2), and never longer than it says (smart.md 6.1).
fn life(headers: &HeaderMap) -> Millis {
    let lines = headers.get_all(CACHE_CONTROL).iter().filter_map(|line| line.to_str().ok());
    let mut life = LIFE;
    for directive in lines.flat_map(|line| line.split(',')) {
        let directive = directive.trim().to_ascii_lowercase();
        if directive == "no-store" || directive == "no-cache" {
            return 0;
        }
        if let Some(seconds) = directive.strip_prefix("max-age=") {
            let seconds: Millis = seconds.trim_matches('"').parse().unwrap_or(0);
            life = seconds.saturating_mul(1000).clamp(0, LONGEST_LIFE);
        }
    }
    life
}
