//! Attachments that are only a URL: fetched from the partner's hosts, checked, and kept with their message (messaging.md 15).

use std::sync::Arc;
use std::time::{Duration, Instant};

use url::Url;

use crate::engine::{Cancel, Engine, Inner};
use crate::error::{
    EREF_CANCELLED, EREF_CONFIG, EREF_FORBIDDEN, EREF_INVALID_ARGUMENT, EREF_INVALID_CONTENT, EREF_NOT_FOUND, EREF_REMOTE,
    EREF_TIMEOUT, EREF_TOO_LARGE, Error, Result,
};
use crate::io::client::{Answer, Client, wanted_while};
use crate::io::clock;
use crate::log::Level;
use crate::proto::messaging::Message;
use crate::proto::messaging::attachment::{Digest, Stated, address, redirected};
use crate::proto::settings::{Network, Partner, Secret, time_for};
use crate::proto::store::FetchedAttachment;

/// Redirects followed, all at one host.
const REDIRECTS: usize = 3;

impl Engine {
    /// Fetches an attachment that is only a URL, so that [`Message::attachment_read`] reads it as if it had come with the message. What was
    /// fetched once is kept in the store with the message, and costs no network again. An attachment that is in the message is left as it
    /// is. A `timeout` of zero asks the store alone.
    ///
    /// Errors: `EREF_NOT_FOUND` (no such index; the host has none), `EREF_INVALID_ARGUMENT` (not a message of an event), `EREF_FORBIDDEN`
    /// (an untrusted message, not a host of the partner, a redirect away from it, a private address), `EREF_TOO_LARGE`, `EREF_INVALID_CONTENT` (media type, size
    /// or hash differ from what the message states), `EREF_TIMEOUT`, `EREF_CANCELLED`, `EREF_NETWORK`, `EREF_TLS`, `EREF_REMOTE`,
    /// `EREF_CONFIG`, `EREF_STORE`. After any of them nothing is kept.
    pub fn attachment_fetch(&self, message: &Message, index: usize, timeout: Duration, cancel: Option<&Cancel>) -> Result<()> {
        if message.attachment_is_here(index)? {
            return Ok(());
        }
        let inner = &self.0;
        let origin = message.origin().ok_or_else(|| {
            Error::new(EREF_INVALID_ARGUMENT, "message: expected one out of an event; no partner is known for another")
        })?;
        let number = u32::try_from(index).unwrap_or(u32::MAX);
        if !origin.trusted {
            // Whoever sent it chose the URL; our credential is for the partner (messaging.md 9, 15).
            return Err(Error::new(EREF_FORBIDDEN, "the message is not trusted: its attachments are not fetched"));
        }
        if let Some(kept) = inner.store.attachment(&origin.id, number)? {
            return message.attachment_fetched(index, kept);
        }
        if timeout.is_zero() {
            return Err(Error::new(EREF_TIMEOUT, format!("attachment {index} was not fetched before")));
        }
        let settings = inner.settings();
        let gone = || Error::new(EREF_CONFIG, format!("partner {} is not configured any more", origin.partner));
        let partner = settings.partner(&origin.partner).ok_or_else(gone)?;
        let fetched = until(timeout, cancel, || inner.fetch(partner, message.attachment(index)?, index));
        let what = format!("attachment {index} of {} from {}", origin.id, partner.name);
        match &fetched {
            Ok(fetched) => {
                inner.store.keep_attachment(&origin.id, number, fetched, clock::now())?;
                inner.log.line(Level::Info, "engine", format!("{what}: fetched, {} bytes", fetched.content.len()));
            }
            Err(error) => inner.log.line(Level::Warn, "engine", format!("{what}: {error}")),
        }
        message.attachment_fetched(index, fetched?)
    }
}

/// Runs `call` for at most `timeout`, and no longer than until the cancel.
fn until<T>(timeout: Duration, cancel: Option<&Cancel>, call: impl FnOnce() -> Result<T>) -> Result<T> {
    let (deadline, token) = (Instant::now().checked_add(timeout), cancel.cloned());
    let cancelled = move || token.as_ref().is_some_and(Cancel::is_signalled);
    let late = move || deadline.is_some_and(|deadline| Instant::now() >= deadline);
    let asked = cancelled.clone();
    let result = wanted_while(move || !asked() && !late(), call);
    match result {
        Err(_) if cancelled() => Err(Error::new(EREF_CANCELLED, "the call was cancelled")),
        Err(_) if late() => Err(Error::new(EREF_TIMEOUT, "the attachment was not there in time")),
        result => result,
    }
}

impl Inner {
    /// One attachment over the network, checked.
    fn fetch(&self, partner: &Partner, stated: Stated<'_>, index: usize) -> Result<FetchedAttachment> {
        let url = stated.url.ok_or_else(|| Error::new(EREF_NOT_FOUND, format!("attachment {index} has neither data nor a URL")))?;
        let url = address(partner, index, url)?;
        let general = self.client(partner)?;
        let client = self.guarded_client(partner)?;
        let accept =
            stated.content_type.map_or_else(|| "*/*".to_owned(), |media| format!("{media}, application/octet-stream;q=0.5"));
        let mut answer = self.ask_twice(partner, (&general, &client), url, &accept, index)?;
        let content_type = answer.headers.get("content-type").and_then(|value| value.to_str().ok()).map(str::to_owned);
        if !stated.is_answered_by(content_type.as_deref()) {
            let text = format!("attachment {index}: its host answered another media type than the message states");
            return Err(Error::new(EREF_INVALID_CONTENT, text));
        }
        let mut digest = Digest::default();
        digest.update(&answer.body);
        stated.check(index, digest)?;
        let content = Arc::new(std::mem::take(&mut answer.body));
        Ok(FetchedAttachment { content_type, content })
    }

    /// A client for what a partner names: not to private addresses unless its configuration says so, at most `limits.attachment_bytes`,
    /// with the time that a slow line needs for them.
    fn guarded_client(&self, partner: &Partner) -> Result<Client> {
        let settings = self.settings();
        let limit = settings.limits.attachment_bytes;
        let total_ms = u64::try_from(time_for(settings.network.total_ms, limit).as_millis()).unwrap_or(u64::MAX);
        let network = Network { total_ms, answer_bytes: limit as u64, ..settings.network.clone() };
        let messaging = partner.messaging.as_ref();
        let (ca, private) = messaging.map_or((None, false), |messaging| (messaging.ca.as_deref(), messaging.private));
        Client::guarded(&network, ca, messaging.and_then(|messaging| messaging.client_tls.as_ref()), private)
    }

    /// Asks with the partner's credential; a 401 drops the token and asks once more with a fresh one (messaging.md 9).
    fn ask_twice(&self, partner: &Partner, clients: (&Client, &Client), url: Url, accept: &str, index: usize) -> Result<Answer> {
        let (general, client) = clients;
        for last in [false, true] {
            let token = self.bearer(partner, general)?;
            let bearer = token.as_ref().map(|token| Secret::new(format!("Bearer {}", token.expose())));
            let answer = follow(client, url.clone(), bearer.as_ref().map(Secret::expose), accept, index)?;
            match answer.status {
                200 => return Ok(answer),
                401 if !last => self.tokens.drop_refused(&partner.name, token.as_ref()),
                status => return Err(refused(status, index)),
            }
        }
        Err(refused(401, index))
    }
}

/// Follows redirects, as far as they stay at the host.
fn follow(client: &Client, mut url: Url, bearer: Option<&str>, accept: &str, index: usize) -> Result<Answer> {
    for _ in 0..=REDIRECTS {
        let mut headers = vec![("accept", accept)];
        headers.extend(bearer.map(|bearer| ("authorization", bearer)));
        let answer = client.get(&url, &headers).map_err(|failure| named(failure.error, index))?;
        if !matches!(answer.status, 301 | 302 | 303 | 307 | 308) {
            return Ok(answer);
        }
        url = redirected(&url, answer.headers.get("location").and_then(|value| value.to_str().ok()), index)?;
    }
    Err(Error::new(EREF_REMOTE, format!("attachment {index}: its host sends us around in a circle")))
}

/// A content that is too large is too large for the limit on attachments.
fn named(error: Error, index: usize) -> Error {
    if error.status() != EREF_TOO_LARGE {
        return error;
    }
    Error::new(EREF_TOO_LARGE, format!("attachment {index} is larger than limits.attachment_bytes"))
        .with_http_status(error.http_status())
}

fn refused(status: u16, index: usize) -> Error {
    let passing = status == 408 || status == 429 || status >= 500;
    let kind = if matches!(status, 404 | 410) { EREF_NOT_FOUND } else { EREF_REMOTE };
    let error = Error::new(kind, format!("attachment {index}: its host answered {status}"));
    error.with_http_status(status).with_retriable(passing)
}
