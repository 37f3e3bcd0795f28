//! The FHIR server behind (`chart.fhir_server`): an address of it is fetched as ourselves, for an exchange that waits.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};

use tokio::sync::oneshot;
use url::Url;

use crate::engine::Inner;
use crate::error::{EREF_CONFIG, EREF_PANIC, Error, Result};
use crate::io::client::{Answer, Client};
use crate::log::Level;
use crate::proto::exchange::Fetched;
use crate::proto::settings::{FhirServer, Network, Settings};

/// Most fetches under way at a time; what comes beyond is answered 503.
const MOST: usize = 16;
/// What its token is kept under; no partner can be called so.
const NAME: &str = "\u{0}chart.fhir_server";

/// How many fetches are under way.
pub(crate) type Count = Arc<AtomicUsize>;

/// One of them; given back when it ends, however it ends.
struct Place(Count);

impl Place {
    fn take(count: &Count) -> Option<Self> {
        let free = |taken: usize| (taken < MOST).then_some(taken + 1);
        count.fetch_update(Ordering::AcqRel, Ordering::Acquire, free).ok().map(|_| Self(count.clone()))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// The client for it: its own authorities and our certificate, in the time that an app waits for an answer.
pub(crate) fn client(settings: &Settings) -> Result<Option<Arc<Client>>> {
    let Some(server) = &settings.chart.fhir_server else { return Ok(None) };
    let longest = settings.limits.question_ms;
    let network = Network { total_ms: settings.network.total_ms.min(longest), ..settings.network.clone() };
    Client::with_certificate(&network, server.ca.as_deref(), server.client_tls.as_ref()).map(Arc::new).map(Some)
}

/// Fetches an address on a thread of its own (`eref-behind`). Nothing comes through the channel when there are too many.
pub(crate) fn fetch(inner: &Weak<Inner>, url: Url) -> oneshot::Receiver<Option<Fetched>> {
    let (give, take) = oneshot::channel();
    let Some(place) = inner.upgrade().and_then(|inner| Place::take(&inner.fetches)) else { return take };
    let inner = inner.clone();
    let work = move || {
        let _place = place;
        let Some(inner) = inner.upgrade() else { return };
        let run = std::panic::AssertUnwindSafe(|| inner.get_behind(&url));
        let fetched = std::panic::catch_unwind(run).unwrap_or_else(|_| Err(Error::new(EREF_PANIC, "the fetch failed inside")));
        if let Err(error) = &fetched {
            inner.log.line(Level::Warn, "chart", format!("the FHIR server behind was not reached: {}", error.message()));
        }
        // Whoever asked may be gone.
        let _ = give.send(fetched.ok().map(|answer| Fetched { status: answer.status, body: answer.body }));
    };
    // Where no thread can be started, the dropped sender says that there is no answer.
    let _ = std::thread::Builder::new().name("eref-behind".to_owned()).stack_size(1 << 20).spawn(work);
    take
}

impl Inner {
    /// Gets it; once more with a fresh token when ours was not taken.
    fn get_behind(&self, url: &Url) -> Result<Answer> {
        let settings = self.settings();
        let missing = || Error::new(EREF_CONFIG, "chart.fhir_server is not configured");
        let server = settings.chart.fhir_server.as_ref().ok_or_else(missing)?;
        let client = self.client_behind().ok_or_else(missing)?;
        let (answer, token) = self.get_once(server, &client, url)?;
        if answer.status != 401 || token.is_none() {
            return Ok(answer);
        }
        self.tokens.drop_refused(NAME, token.as_ref());
        Ok(self.get_once(server, &client, url)?.0)
    }

    fn get_once(
        &self,
        server: &FhirServer,
        client: &Client,
        url: &Url,
    ) -> Result<(Answer, Option<crate::proto::settings::Secret>)> {
        let token = self.bearer_for(NAME, &server.auth, client)?;
        let bearer = token.as_ref().map(|token| format!("Bearer {}", token.expose()));
        let mut headers = vec![("accept", "application/fhir+json")];
        headers.extend(bearer.as_deref().map(|bearer| ("authorization", bearer)));
        let answer = client.get(url, &headers).map_err(|failure| failure.error)?;
        Ok((answer, token))
    }
}
