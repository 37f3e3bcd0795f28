//! Access tokens for the partners: fetched when needed, kept until shortly before their end, one fetch at a time for each partner
//! (messaging.md 9).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use jsonwebtoken::Header;

use crate::engine::Inner;
use crate::error::{EREF_CONFIG, Error, Result};
use crate::io::client::Client;
use crate::io::{clock, crypto};
use crate::proto::messaging::credentials::{assertion, granted, token_request};
use crate::proto::settings::{ClientCredentials, OutboundAuth, Partner, Secret};
use crate::proto::store::Millis;

/// The tokens of one engine, by partner.
#[derive(Default)]
pub(crate) struct Tokens(Mutex<HashMap<String, Arc<Mutex<Slot>>>>);

/// One partner's token. Locked while it is fetched: who waits meanwhile takes what came of it, good or bad.
#[derive(Default)]
struct Slot {
    token: Option<(Secret, Millis)>,
    failed: Option<(Instant, Error)>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Tokens {
    fn slot(&self, partner: &str) -> Arc<Mutex<Slot>> {
        lock(&self.0).entry(partner.to_owned()).or_default().clone()
    }

    /// Forgets all of them, after a change of configuration.
    pub(crate) fn forget(&self) {
        lock(&self.0).clear();
    }

    /// Forgets a token that the partner did not take. One fetched by another thread meanwhile stays.
    pub(crate) fn drop_refused(&self, partner: &str, token: Option<&Secret>) {
        let Some(token) = token else { return };
        let slot = self.slot(partner);
        let mut slot = lock(&slot);
        if slot.token.as_ref().is_some_and(|(kept, _)| kept.matches(token.expose())) {
            slot.token = None;
        }
    }

    fn get(&self, partner: &str, fetch: impl FnOnce() -> Result<(Secret, Millis)>) -> Result<Secret> {
        let came = Instant::now();
        let slot = self.slot(partner);
        let mut slot = lock(&slot);
        if let Some((token, until)) = &slot.token
            && *until > clock::now()
        {
            return Ok(token.clone());
        }
        if let Some((at, error)) = &slot.failed
            && *at >= came
        {
            return Err(error.clone());
        }
        match fetch() {
            Ok((token, until)) => {
                *slot = Slot { token: Some((token.clone(), until)), failed: None };
                Ok(token)
            }
            Err(error) => {
                *slot = Slot { token: None, failed: Some((Instant::now(), error.clone())) };
                Err(error)
            }
        }
    }
}

impl Inner {
    /// The bearer token to show to a partner: from the configuration, the cache or the partner's token endpoint. `None` when it asks for
    /// none. The client is that of [`Inner::client`], which shows our certificate where there is one.
    pub(crate) fn bearer(&self, partner: &Partner, client: &Client) -> Result<Option<Secret>> {
        match &partner.messaging {
            Some(messaging) => self.bearer_for(&partner.name, &messaging.auth, client),
            None => Ok(None),
        }
    }

    /// The same for whatever we show who we are to; its token is kept under this name.
    pub(crate) fn bearer_for(&self, name: &str, auth: &OutboundAuth, client: &Client) -> Result<Option<Secret>> {
        match auth {
            OutboundAuth::None => Ok(None),
            OutboundAuth::Bearer(source) => Ok(Some(source.secret().clone())),
            OutboundAuth::ClientCredentials(credentials) => self.tokens.get(name, || fetch(credentials, client)).map(Some),
        }
    }
}

fn fetch(credentials: &ClientCredentials, client: &Client) -> Result<(Secret, Millis)> {
    let now = clock::now();
    let assertion = sign(credentials, now)?;
    let request = token_request(credentials, assertion.as_deref());
    let mut headers = vec![("content-type", "application/x-www-form-urlencoded"), ("accept", "application/json")];
    headers.extend(request.authorization.as_ref().map(|value| ("authorization", value.expose())));
    let answer = client.post(&credentials.token_url, &headers, request.form.expose().as_bytes()).map_err(|failure| {
        let text = format!("the token endpoint was not reached: {}", failure.error.message());
        Error::new(failure.error.status(), text).with_http_status(failure.error.http_status())
    })?;
    granted(answer.status, &answer.body, now)
}

fn sign(credentials: &ClientCredentials, now: Millis) -> Result<Option<String>> {
    let Some(signed) = &credentials.private_key_jwt else { return Ok(None) };
    let (algorithm, key) = crypto::assertion_key(signed.algorithm, &signed.key)?;
    let mut header = Header::new(algorithm);
    header.kid = signed.key_id.clone();
    let token = jsonwebtoken::encode(&header, &assertion(credentials, now, &clock::id()), &key);
    token.map(Some).map_err(|_| Error::new(EREF_CONFIG, "the key for the token endpoint does not sign"))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;
    use crate::error::EREF_REMOTE;

    #[test]
    fn a_token_is_fetched_once_for_all_who_ask() {
        let (tokens, fetched) = (Tokens::default(), AtomicU32::new(0));
        let fetch = || {
            fetched.fetch_add(1, Ordering::Relaxed);
            std::thread::yield_now();
            Ok((Secret::new("t"), Millis::MAX))
        };
        std::thread::scope(|scope| (0..8).for_each(|_| _ = scope.spawn(|| tokens.get("rms", fetch).unwrap())));
        assert_eq!(fetched.into_inner(), 1);
    }

    #[test]
    fn who_waited_for_a_failed_fetch_shares_it_and_the_next_fetches_again() {
        let tokens = Tokens::default();
        let failing = || Err(Error::new(EREF_REMOTE, "no"));
        assert!(tokens.get("rms", failing).is_err());
        assert!(tokens.get("rms", || Ok((Secret::new("t"), Millis::MAX))).is_ok(), "a later call tries for itself");
        // A waiter is one who came before the failure was noted.
        let slot = tokens.slot("other");
        let held = lock(&slot);
        std::thread::scope(|scope| {
            let waiter = scope.spawn(|| tokens.get("other", || panic!("it shares the failure")));
            while Arc::strong_count(&slot) < 3 {
                std::thread::yield_now();
            }
            let mut held = held;
            held.failed = Some((Instant::now(), Error::new(EREF_REMOTE, "no")));
            drop(held);
            assert!(waiter.join().unwrap().is_err());
        });
    }

    #[test]
    fn a_refused_token_goes_and_a_newer_one_stays() {
        let tokens = Tokens::default();
        let token = |text: &'static str| tokens.get("rms", move || Ok((Secret::new(text), Millis::MAX))).unwrap();
        let first = token("first");
        tokens.drop_refused("rms", Some(&first));
        let second = token("second");
        assert_eq!(second.expose(), "second");
        tokens.drop_refused("rms", Some(&first));
        assert_eq!(token("third").expose(), "second");
    }
}
