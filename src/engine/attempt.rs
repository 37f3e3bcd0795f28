//! One attempt to deliver, start to end: credentials, POST, meaning of the answer, what follows from it.

use crate::engine::deliveries::document;
use crate::engine::{Inner, alert_key};
use crate::error::{EREF_CONFIG, EREF_NO_MEMORY, EREF_REMOTE, Error, Result};
use crate::io::client::{Answer, Client, Failure};
use crate::io::clock;
use crate::log::Level;
use crate::proto::exchange::Signal;
use crate::proto::messaging::answer::{self, AnswerMeaning, Sent};
use crate::proto::messaging::resend;
use crate::proto::messaging::retry::{self, Failed};
use crate::proto::settings::{OutboundAuth, Partner, ResendBundleId, Secret};
use crate::proto::store::{AttemptOutcome, DeliveryRecord, DeliveryState, Millis};

/// What an attempt came to.
pub(super) struct Tried {
    pub(super) outcome: AttemptOutcome,
    pub(super) reach: Reach,
}

/// How reaching the partner went, whatever became of the message.
#[derive(Clone, Copy)]
pub(super) enum Reach {
    /// It answered.
    Reached,
    /// It was not reached, could not work, or did not take our credential.
    Missed {
        /// What it asked for by `Retry-After`, in seconds.
        retry_after: Option<u64>,
    },
    /// Nobody asked it.
    NotTried,
}

const MISSED: Reach = Reach::Missed { retry_after: None };

impl Inner {
    /// Tries once, and writes the log line.
    pub(super) fn attempt(&self, record: &DeliveryRecord, body: Result<Vec<u8>>) -> Tried {
        let limits = &self.settings().limits;
        let body = match record.renamed {
            true => body.and_then(|body| resend::rename(body, &record.bundle_id, limits)),
            false => body,
        };
        let tried = match body {
            Ok(body) => self.post_and_judge(record, &body),
            Err(error) => Tried { outcome: self.without_body(record, &error), reach: Reach::NotTried },
        };
        self.tell(record, &tried.outcome);
        tried
    }

    /// A body that cannot be read cannot be sent: given up, unless memory was short or the store busy.
    fn without_body(&self, record: &DeliveryRecord, error: &Error) -> AttemptOutcome {
        if error.status() == EREF_NO_MEMORY || error.is_retriable() {
            return self.again(record, 0, None, error, false);
        }
        settled(record, DeliveryState::Dead, 0, Some(error.to_string()), None)
    }

    fn post_and_judge(&self, record: &DeliveryRecord, body: &[u8]) -> Tried {
        let settings = self.settings();
        let posted = match settings.partner(&record.partner) {
            Some(partner) => self.post(partner, record, body),
            None => Err(Error::new(EREF_CONFIG, format!("partner {} is not configured any more", record.partner))),
        };
        match posted {
            Ok(Ok(answer)) => self.judge(record, answer),
            Ok(Err(failure)) => {
                let outcome = self.again(record, failure.error.http_status(), None, &failure.error, failure.sent);
                Tried { outcome, reach: MISSED }
            }
            Err(error) => Tried { outcome: self.again(record, error.http_status(), None, &error, false), reach: MISSED },
        }
    }

    /// Posts the message; a 401 drops the token, fetches one more and sends the same bytes once again (messaging.md 9).
    fn post(&self, partner: &Partner, record: &DeliveryRecord, body: &[u8]) -> Result<std::result::Result<Answer, Failure>> {
        let client = self.client(partner)?;
        let token = self.bearer(partner, &client)?;
        let answer = post_once(&client, partner, record, token.as_ref(), body)?;
        let fetched =
            partner.messaging.as_ref().is_some_and(|messaging| matches!(messaging.auth, OutboundAuth::ClientCredentials(_)));
        match (&answer, token) {
            (Ok(Answer { status: 401, .. }), Some(token)) if fetched => {
                self.tokens.drop_refused(&partner.name, Some(&token));
                let token = self.bearer(partner, &client)?;
                post_once(&client, partner, record, token.as_ref(), body)
            }
            _ => Ok(answer),
        }
    }

    /// What an answer means for the delivery (messaging.md 8.3, 8.4).
    fn judge(&self, record: &DeliveryRecord, answer: Answer) -> Tried {
        let Answer { status, headers, body } = answer;
        let header = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let retry_after = header("retry-after").and_then(|value| retry::retry_after(value, clock::now()));
        let sent = Sent { message_id: &record.message_id, bundle_id: &record.bundle_id };
        let remote = |reason: String| Error::new(EREF_REMOTE, reason);
        let (mut outcome, reach) = match answer::read(status, header("content-type"), &body, &sent) {
            AnswerMeaning::Delivered { odd, .. } => {
                (settled(record, DeliveryState::Delivered, status, odd.map(str::to_owned), Some(&body)), Reach::Reached)
            }
            AnswerMeaning::Refused { reason } => {
                (settled(record, DeliveryState::Refused, status, Some(reason), Some(&body)), Reach::Reached)
            }
            // Parked: the message is good, so that it can be sent again when the credential is (messaging.md 8.3).
            AnswerMeaning::Unauthorized => {
                let reason = "the partner answered 401: it does not take our credential (messaging.auth)".to_owned();
                (settled(record, DeliveryState::Dead, status, Some(reason), Some(&body)), MISSED)
            }
            AnswerMeaning::Unclear { reason } => (self.again(record, status, retry_after, &remote(reason), true), Reach::Reached),
            AnswerMeaning::Retry { reason } => {
                // Inside a success it is this message that cannot be worked now; the partner is there.
                let reach = if status < 300 { Reach::Reached } else { Reach::Missed { retry_after } };
                (self.again(record, status, retry_after, &remote(reason), false), reach)
            }
        };
        outcome.answer = Some(body);
        Tried { outcome, reach }
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
        let settings = self.settings();
        let now = clock::now();
        let failed = Failed { attempts: record.attempts, queued: record.created, retry_after };
        let give_up = Millis::from(settings.network.give_up_hours) * 3_600_000;
        let Some(next) = retry::next_attempt(&failed, now, self.first_pause(), give_up, clock::random()[0]) else {
            return settled(record, DeliveryState::Dead, http_status, Some(error.to_string()), None);
        };
        // What may have arrived once may have arrived, whatever comes of later attempts.
        let unknown = sent || matches!(record.state, DeliveryState::UnknownOutcome | DeliveryState::Sending);
        let state = if unknown { DeliveryState::UnknownOutcome } else { DeliveryState::Queued };
        let mut outcome = match unknown && record.state != DeliveryState::UnknownOutcome {
            // The host is told of an unknown outcome once, when it comes about.
            true => settled(record, state, http_status, Some(error.to_string()), None),
            false => AttemptOutcome { state, http_status, error: Some(error.to_string()), ..AttemptOutcome::default() },
        };
        let messaging = settings.partner(&record.partner).and_then(|partner| partner.messaging.as_ref());
        let renews = messaging.is_some_and(|messaging| messaging.resend_bundle_id == Some(ResendBundleId::New));
        outcome.next_attempt = next;
        outcome.bundle_id = renews.then(clock::id);
        outcome
    }

    /// First pause before a delivery is tried again.
    pub(super) fn first_pause(&self) -> Millis {
        Millis::try_from(self.settings().network.first_retry_ms).unwrap_or(5_000)
    }

    /// Log line, and the ALERT that opens an episode of trouble with this partner.
    fn tell(&self, record: &DeliveryRecord, outcome: &AttemptOutcome) {
        let failing = matches!(outcome.state, DeliveryState::Queued | DeliveryState::UnknownOutcome | DeliveryState::Dead);
        let error = outcome.error.as_deref().unwrap_or("no error");
        let (id, partner, state, attempts) = (&record.id, &record.partner, outcome.state.as_str(), record.attempts);
        let level = if failing { Level::Warn } else { Level::Info };
        self.log.line(level, "worker", format!("delivery {id} to {partner}: {state} at attempt {attempts} ({error})"));
        if failing {
            self.queue.signal(Signal::Alert {
                key: alert_key("partner-unreachable", partner),
                partner: Some(partner.clone()),
                text: format!("messages to {partner} are not getting through: {error}"),
                started: true,
            });
        }
    }
}

/// One POST of the message with these bytes (messaging.md 8.1).
fn post_once(
    client: &Client,
    partner: &Partner,
    record: &DeliveryRecord,
    token: Option<&Secret>,
    body: &[u8],
) -> Result<std::result::Result<Answer, Failure>> {
    let endpoint = partner.messaging.as_ref().and_then(|messaging| messaging.endpoint.as_ref());
    let endpoint =
        endpoint.ok_or_else(|| Error::new(EREF_CONFIG, format!("partner {} has no messaging.endpoint", partner.name)))?;
    let authorization = token.map(|token| Secret::new(format!("Bearer {}", token.expose())));
    let mut headers = vec![
        ("content-type", "application/fhir+json; charset=utf-8"),
        ("accept", "application/fhir+json"),
        ("x-request-id", record.message_id.as_str()),
    ];
    headers.extend(record.referral_id.as_deref().map(|referral| ("x-correlation-id", referral)));
    headers.extend(authorization.as_ref().map(|value| ("authorization", value.expose())));
    Ok(client.post(endpoint, &headers, body))
}

/// An outcome that the host is told of.
fn settled(
    record: &DeliveryRecord,
    state: DeliveryState,
    http_status: u16,
    error: Option<String>,
    answer: Option<&[u8]>,
) -> AttemptOutcome {
    let mut record = record.clone();
    (record.state, record.http_status, record.last_error, record.next_attempt) = (state, http_status, error.clone(), 0);
    record.answer = answer.map(<[u8]>::to_vec);
    let event_document = Some(document(&record, false));
    AttemptOutcome { state, http_status, error, event_document, ..AttemptOutcome::default() }
}
