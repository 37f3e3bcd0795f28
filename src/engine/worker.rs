//! Delivery: takes what is due from the outbox, sends it, records what came of it.
//!
//! One delivery per partner is under way at a time, so a partner that does not answer holds up nobody else, and a referral's messages
//! keep their order. Every outcome is recorded before the next delivery is taken.

use std::collections::HashMap;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::engine::{Engine, Inner};
use crate::error::{EREF_CONFIG, EREF_NO_MEMORY, EREF_PANIC, EREF_REMOTE, EREF_WRONG_STATE, Error, Result};
use crate::io::client::{self, Answer, Failure};
use crate::io::clock;
use crate::log::Level;
use crate::proto::exchange::Signal;
use crate::proto::messaging::answer::{self, AnswerMeaning};
use crate::proto::messaging::retry::{self, Failed};
use crate::proto::settings::{ClientCredentials, OutboundAuth, Partner, Secret, SecretPlace};
use crate::proto::store::{AttemptOutcome, DeliveryRecord, DeliveryState, Millis};

/// How often the outbox is looked at for what another process queued.
const POLL: Duration = Duration::from_millis(250);
/// A token is fetched anew this long before it runs out (messaging.md 9).
const TOKEN_MARGIN: Millis = 60_000;

/// What the delivering threads of one engine share.
#[derive(Default)]
pub(crate) struct Worker {
    state: Mutex<State>,
    bell: Condvar,
}

#[derive(Default)]
struct State {
    /// Partners to whom a delivery is under way.
    busy: Vec<String>,
    /// Access tokens by partner, with the time they run out.
    tokens: HashMap<String, (Secret, Millis)>,
    stopping: bool,
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
    /// What is under way, for the status document.
    pub(crate) fn status(&self) -> serde_json::Value {
        json!({ "under_way": self.state().busy })
    }
    /// Forgets a partner's token, after it was not accepted.
    pub(crate) fn forget_token(&self, partner: &str) {
        self.state().tokens.remove(partner);
    }
    /// Forgets cached tokens, after a change of configuration.
    pub(crate) fn forget_tokens(&self) {
        self.state().tokens.clear();
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
        while self.0.deliver_one()? {
            if Instant::now() >= until {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// A partner to whom a delivery is under way, until this is dropped, whatever happens on the way.
struct Busy<'a> {
    worker: &'a Worker,
    partner: &'a str,
}

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.worker.state().busy.retain(|name| name != self.partner);
        self.worker.notify();
    }
}

/// What one try at the network came to.
enum Tried {
    Answered(Answer),
    Failed(Failure),
}

impl Inner {
    /// The body of a delivering thread.
    pub(crate) fn deliver_until_stopped(&self) {
        let worker = &self.worker;
        while !worker.state().stopping {
            // A fault in one delivery must not silence the others.
            let delivered = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| self.deliver_one()));
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
    fn deliver_one(&self) -> Result<bool> {
        let leased = {
            let mut state = self.worker.state();
            let leased = self.store.lease_delivery(&state.busy, clock::now())?;
            if let Some((record, _)) = &leased {
                state.busy.push(record.partner.clone());
            }
            leased
        };
        let Some((record, body)) = leased else { return Ok(false) };
        let _busy = Busy { worker: &self.worker, partner: &record.partner };
        let outcome = match body {
            Ok(body) => self.attempt(&record, &body),
            Err(error) => self.without_body(&record, &error),
        };
        let recorded = self.store.finish_attempt(&record.id, &outcome, clock::now());
        self.queue.notify();
        recorded.map(|()| true)
    }

    /// A body that cannot be read cannot be sent: given up, unless memory was short.
    fn without_body(&self, record: &DeliveryRecord, error: &Error) -> AttemptOutcome {
        if error.status() == EREF_NO_MEMORY {
            return self.again(record, 0, None, error, false);
        }
        let mut outcome = finished(DeliveryState::Dead, 0, Some(error.to_string()));
        outcome.event_document = Some(document(record, &outcome, None));
        self.tell(record, &outcome);
        outcome
    }

    /// One attempt, start to end: credentials, POST, meaning of the answer, what follows from it.
    fn attempt(&self, record: &DeliveryRecord, body: &[u8]) -> AttemptOutcome {
        let settings = self.settings();
        let tried = match settings.partner(&record.partner) {
            Some(partner) => self.post(partner, record, body),
            None => Err(Error::new(EREF_CONFIG, format!("partner {} is not configured any more", record.partner))),
        };
        let outcome = match tried {
            Ok(Tried::Answered(answer)) => self.judge(record, answer),
            Ok(Tried::Failed(failure)) => self.again(record, failure.error.http_status(), None, &failure.error, failure.sent),
            Err(error) => self.again(record, error.http_status(), None, &error, false),
        };
        self.tell(record, &outcome);
        outcome
    }

    /// Posts the message; a 401 drops the token, fetches one more and sends the same bytes once again (messaging.md 9).
    fn post(&self, partner: &Partner, record: &DeliveryRecord, body: &[u8]) -> Result<Tried> {
        let messaging = partner.messaging.as_ref();
        let endpoint = messaging
            .and_then(|messaging| messaging.endpoint.as_ref())
            .ok_or_else(|| Error::new(EREF_CONFIG, format!("partner {} has no messaging.endpoint", partner.name)))?;
        let client = self.client(partner)?;
        for last in [false, true] {
            let bearer = self.bearer(partner, &client)?;
            let mut headers = vec![
                ("content-type", "application/fhir+json; charset=utf-8".to_owned()),
                ("accept", "application/fhir+json".to_owned()),
                ("x-request-id", record.message_id.clone()),
            ];
            if let Some(token) = bearer {
                headers.push(("authorization", format!("Bearer {token}")));
            }
            match client.post(endpoint, &as_pairs(&headers), body) {
                Ok(answer) if answer.status == 401 && !last => {
                    self.worker.forget_token(&partner.name);
                }
                Ok(answer) => return Ok(Tried::Answered(answer)),
                Err(failure) => return Ok(Tried::Failed(failure)),
            }
        }
        Err(Error::new(EREF_REMOTE, "the partner answered 401 twice").with_http_status(401))
    }

    /// The token to send, from the configuration, the cache or the partner's token endpoint.
    pub(crate) fn bearer(&self, partner: &Partner, client: &client::Client) -> Result<Option<String>> {
        let credentials = match partner.messaging.as_ref().map(|messaging| &messaging.auth) {
            None | Some(OutboundAuth::None) => return Ok(None),
            Some(OutboundAuth::Bearer(source)) => return Ok(Some(source.secret().expose().to_owned())),
            Some(OutboundAuth::ClientCredentials(credentials)) => credentials,
        };
        let now = clock::now();
        if let Some((token, until)) = self.worker.state().tokens.get(&partner.name)
            && *until > now
        {
            return Ok(Some(token.expose().to_owned()));
        }
        let (token, seconds) = fetch_token(credentials, client)?;
        let until = now.saturating_add(seconds.saturating_mul(1000).saturating_sub(TOKEN_MARGIN).max(0));
        self.worker.state().tokens.insert(partner.name.clone(), (Secret::new(token.clone()), until));
        Ok(Some(token))
    }

    /// What an answer means for the delivery (messaging.md 8.3, 8.4).
    fn judge(&self, record: &DeliveryRecord, answer: Answer) -> AttemptOutcome {
        let content_type = answer.headers.get("content-type").and_then(|value| value.to_str().ok());
        let retry_after =
            answer.headers.get("retry-after").and_then(|value| retry::retry_after(value.to_str().ok()?, clock::now()));
        let mut outcome = match answer::read(answer.status, content_type, &answer.body, &record.message_id) {
            AnswerMeaning::Delivered { odd, .. } => finished(DeliveryState::Delivered, answer.status, odd.map(str::to_owned)),
            AnswerMeaning::Unauthorized => {
                let error = Error::new(EREF_REMOTE, "the partner answered 401 with a fresh token");
                self.again(record, answer.status, retry_after, &error, false)
            }
            AnswerMeaning::Refused { reason } => finished(DeliveryState::Refused, answer.status, Some(reason)),
            AnswerMeaning::Retry { reason } => {
                let error = Error::new(EREF_REMOTE, reason);
                self.again(record, answer.status, retry_after, &error, false)
            }
        };
        if outcome.state == DeliveryState::Delivered || outcome.state == DeliveryState::Refused {
            outcome.event_document = Some(document(record, &outcome, Some(&answer.body)));
        }
        outcome.answer = Some(answer.body);
        outcome
    }

    /// To be tried again, or given up. `sent` says that the whole message may have arrived: the outcome is then unknown, and it is
    /// sent again with the same ids (messaging.md 10.1).
    fn again(
        &self,
        record: &DeliveryRecord,
        http_status: u16,
        retry_after: Option<u64>,
        error: &Error,
        sent: bool,
    ) -> AttemptOutcome {
        let network = &self.settings().network;
        let now = clock::now();
        let failed = Failed { attempts: record.attempts, queued: record.created, retry_after };
        let first = Millis::try_from(network.first_retry_ms).unwrap_or(5_000);
        let give_up = Millis::from(network.give_up_hours) * 3_600_000;
        let next = retry::next_attempt(&failed, now, first, give_up, clock::random()[0]);
        let state = match (next, sent) {
            (None, _) => DeliveryState::Dead,
            (Some(_), true) => DeliveryState::UnknownOutcome,
            (Some(_), false) => DeliveryState::Queued,
        };
        let mut outcome = finished(state, http_status, Some(error.to_string()));
        outcome.next_attempt = next.unwrap_or(now);
        // The host is told of an unknown outcome once, when it comes about.
        if state == DeliveryState::Dead || (state == DeliveryState::UnknownOutcome && record.state != DeliveryState::UnknownOutcome)
        {
            outcome.event_document = Some(document(record, &outcome, None));
        }
        outcome
    }

    /// Log line, and the ALERT that opens or closes an episode of trouble with this partner.
    fn tell(&self, record: &DeliveryRecord, outcome: &AttemptOutcome) {
        let failing = matches!(outcome.state, DeliveryState::Queued | DeliveryState::UnknownOutcome | DeliveryState::Dead);
        let error = outcome.error.as_deref().unwrap_or("no error");
        let level = if failing { Level::Warn } else { Level::Info };
        self.log.line(
            level,
            "worker",
            format!(
                "delivery {} to {}: {} at attempt {} ({error})",
                record.id,
                record.partner,
                outcome.state.as_str(),
                record.attempts
            ),
        );
        self.queue.signal(Signal::Alert {
            key: format!("partner-unreachable:{}", record.partner),
            partner: Some(record.partner.clone()),
            text: format!("messages to {} are not getting through: {error}", record.partner),
            started: failing,
        });
    }
}

fn finished(state: DeliveryState, http_status: u16, error: Option<String>) -> AttemptOutcome {
    AttemptOutcome { state, next_attempt: 0, http_status, error, answer: None, event_document: None }
}

/// The DELIVERY event's document (docs/schema/delivery.json).
fn document(record: &DeliveryRecord, outcome: &AttemptOutcome, answer: Option<&[u8]>) -> String {
    let mut record = record.clone();
    record.state = outcome.state;
    record.http_status = outcome.http_status;
    record.last_error = outcome.error.clone();
    record.answer = answer.map(<[u8]>::to_vec);
    crate::engine::sends::document(&record, false)
}

fn as_pairs<'a>(headers: &'a [(&'a str, String)]) -> Vec<(&'a str, &'a str)> {
    headers.iter().map(|(name, value)| (*name, value.as_str())).collect()
}

/// RFC 6749 4.4 and messaging.md 9: secret in the body or by Basic, scope only when configured.
fn fetch_token(credentials: &ClientCredentials, client: &client::Client) -> Result<(String, Millis)> {
    let secret = credentials.client_secret.secret().expose();
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    form.append_pair("grant_type", "client_credentials");
    let mut headers =
        vec![("content-type", "application/x-www-form-urlencoded".to_owned()), ("accept", "application/json".to_owned())];
    match credentials.secret_in {
        SecretPlace::Body => {
            form.append_pair("client_id", &credentials.client_id).append_pair("client_secret", secret);
        }
        SecretPlace::Basic => {
            use base64::Engine as _;
            let encode = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
            let pair = format!("{}:{}", encode(&credentials.client_id), encode(secret));
            headers.push(("authorization", format!("Basic {}", base64::prelude::BASE64_STANDARD.encode(pair))));
        }
    }
    if let Some(scope) = &credentials.scope {
        form.append_pair("scope", scope);
    }
    let answer =
        client.post(&credentials.token_url, &as_pairs(&headers), form.finish().as_bytes()).map_err(|failure| failure.error)?;
    #[derive(serde::Deserialize)]
    struct Granted {
        access_token: String,
        expires_in: Option<serde_json::Value>,
    }
    if answer.status != 200 {
        let text = format!("the token endpoint answered {}", answer.status);
        return Err(Error::new(EREF_REMOTE, text).with_http_status(answer.status));
    }
    let granted: Granted = serde_json::from_slice(&answer.body)
        .map_err(|_| Error::new(EREF_REMOTE, "the token endpoint's answer has no access_token").with_http_status(answer.status))?;
    // Some servers send the number as a text; without one the token is used once.
    let seconds = granted.expires_in.and_then(|value| value.as_i64().or_else(|| value.as_str()?.parse().ok())).unwrap_or(0);
    Ok((granted.access_token, seconds))
}
