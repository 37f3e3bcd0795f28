//! One inbound HTTP request as steps: need the body, ask the host, look for keys, wait for a decision, respond.
//!
//! This is the only way in. The listener drives an exchange from its socket; a host with a web server of its own will drive the same
//! exchange by calls. The rules are written as ordinary straight-line code: an `async fn` that suspends where the driver has to act.
//! There is no runtime behind it; [`Exchange::step`] polls once and says what is needed next. Dropping an exchange at any step is safe.

use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use http::HeaderValue;
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS,
};
use url::Url;

use crate::log::{Level, Log};
use crate::proto::http::{Request, Response, plain};
use crate::proto::jwt::{KeySet, KeySource, KeysAt, KeysWanted};
use crate::proto::settings::{Partner, Purpose, Settings};
use crate::proto::smart::keys::Keys;
use crate::proto::store::{Millis, Refusal, Store};
use crate::proto::throttle::{Door, Episode, Throttle};
use crate::proto::{messaging, smart};

/// What an exchange works on. Shared by all exchanges of an engine; a copy shares what it holds.
#[derive(Clone)]
pub struct World {
    /// Durable state.
    pub store: Arc<dyn Store>,
    /// The configuration in force when the exchange began.
    pub settings: Arc<Settings>,
    /// The keys that sign id_tokens.
    pub keys: Arc<Keys>,
    /// Where log lines go.
    pub log: Arc<Log>,
    /// How often who knocked.
    pub throttle: Arc<Throttle>,
    /// Where LAUNCH and ALERT events go.
    pub signals: Arc<dyn Fn(Signal) + Send + Sync>,
}

/// Who is at the other end of the connection.
#[derive(Clone, Debug, Default)]
pub struct Peer {
    /// Its address.
    pub address: Option<SocketAddr>,
    /// The listener speaks TLS.
    pub tls: bool,
    /// A proxy of ours stands before the listener and says who its client is (`listen[].forwarded`).
    pub forwarded: bool,
    /// Its client certificate (DER), verified by the listener.
    pub certificate: Option<Vec<u8>>,
    /// What this listener serves; `None` means everything.
    pub purposes: Option<Vec<Purpose>>,
}

/// Something the host is told that need not survive a restart.
#[derive(Clone, Debug)]
pub enum Signal {
    /// A durable event was committed.
    Queued,
    /// A launch changed.
    Launch {
        /// Our id of it.
        launch_id: String,
        /// Whose app it is; empty when the host ended it.
        partner: String,
        /// `authorized`, `denied`, `expired` or `ended`.
        what: &'static str,
    },
    /// A condition was seen.
    Alert {
        /// Makes it one alert per episode.
        key: String,
        /// The partner it concerns.
        partner: Option<String>,
        /// One sentence, safe to log.
        text: String,
        /// False when the condition ended.
        started: bool,
    },
}

impl Signal {
    /// The alert that somebody knocks too often, or does no more.
    pub fn too_often(settings: &Settings, (door, client): &Episode, started: bool) -> Self {
        let partner = client.as_deref().and_then(|id| settings.partner_of_client(id)).map(|partner| partner.name.clone());
        let who = partner.as_deref().unwrap_or("unknown");
        let text = if started { "requests come too often and are refused" } else { "requests come no more often than they may" };
        Self::Alert { key: format!("too-often:{}:{who}", door.as_str()), partner: partner.clone(), text: text.to_owned(), started }
    }
}

/// A question to the host, with a deadline kept by the driver.
#[derive(Clone, Debug)]
pub struct Question {
    /// Our random id.
    pub id: String,
    /// The launch it is about.
    pub launch_id: String,
    /// `resource`, `search`, `authorize`, `access` or `pick_patient`.
    pub kind: &'static str,
    /// The question as JSON (docs/schema/question.json).
    pub document: String,
}

/// What the host made of a question.
#[derive(Clone, Debug)]
pub enum Answer {
    /// The answer as JSON.
    Given(String),
    /// There is no such thing: 404.
    NotFound,
    /// The user may not: 403. The text may be shown to the app.
    Denied(String),
    /// No answer in time: 503 with `Retry-After: 5`.
    None,
}

/// Why a body could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyError {
    /// Larger than the limit: 413.
    TooLarge,
    /// Not there in time: 408.
    TimedOut,
    /// The connection broke.
    Lost,
    /// All requests together take too much memory: 503.
    Overloaded,
}

/// What the driver does next.
pub enum Step {
    /// Read the body and call [`Exchange::body`].
    NeedBody {
        /// The most bytes it may have.
        limit: usize,
    },
    /// Put the question to the host and call [`Exchange::answer`].
    Ask(Question),
    /// Look for the key set, at its address where need be, and call [`Exchange::keys`].
    Keys(KeysWanted),
    /// GET this address of the FHIR server behind (`chart.fhir_server`), as ourselves, and call [`Exchange::fetched`].
    Fetch(Url),
    /// Wait until the host may have decided about a WRITE event, here or in another process, at most until then, and call
    /// [`Exchange::waited`]. Waking too often does no harm.
    Wait {
        /// When waiting is over.
        until: Millis,
    },
    /// Send this. The exchange is over.
    Respond(Response),
}

#[derive(Default)]
struct Mailbox {
    now: Millis,
    want: Option<Want>,
    body: Option<Result<Vec<u8>, BodyError>>,
    answer: Option<Answer>,
    keys: Option<Option<KeySet>>,
    fetched: Option<Option<Fetched>>,
    waited: Option<()>,
}

enum Want {
    Body(usize),
    Ask(Question),
    Keys(KeysWanted),
    Fetch(Url),
    Wait(Millis),
}

/// What the FHIR server behind answered, whatever its status.
#[derive(Clone, Debug)]
pub struct Fetched {
    /// The HTTP status.
    pub status: u16,
    /// The whole body, within `network.answer_bytes`.
    pub body: Vec<u8>,
}

/// Where random secrets and ids come from: 32 fresh bytes per call.
pub type Entropy = Box<dyn Fn() -> [u8; 32] + Send + Sync>;

/// What the rules see of one exchange.
#[derive(Clone)]
pub struct Ctx {
    /// Store, settings, keys, log.
    pub world: Arc<World>,
    /// The other end.
    pub peer: Peer,
    /// The address to be counted and noted: the peer's, or the one that our own proxy wrote last.
    address: Option<IpAddr>,
    mailbox: Arc<Mutex<Mailbox>>,
    entropy: Arc<Entropy>,
}

impl Ctx {
    fn mailbox(&self) -> MutexGuard<'_, Mailbox> {
        self.mailbox.lock().unwrap_or_else(PoisonError::into_inner)
    }
    /// The time of this step.
    pub fn now(&self) -> Millis {
        self.mailbox().now
    }
    /// 32 fresh random bytes.
    pub fn random(&self) -> [u8; 32] {
        (self.entropy)()
    }
    /// A fresh id of ours: UUIDv7.
    pub fn id(&self) -> String {
        new_id(self.now(), self.random())
    }
    /// The settings in force.
    pub fn settings(&self) -> &Settings {
        &self.world.settings
    }
    /// Durable state.
    pub fn store(&self) -> &dyn Store {
        self.world.store.as_ref()
    }
    /// Tells the host something that need not survive a restart.
    pub fn signal(&self, signal: Signal) {
        (self.world.signals)(signal);
    }
    /// Records in the audit trail that something was refused: `what` is `login refused` or `message refused`, `reason` one of few texts.
    pub fn audit_refusal(&self, what: &'static str, partner: Option<&str>, reason: &str) {
        let address = self.address.map(|address| address.to_string());
        let refusal = Refusal { what, partner: partner.map(str::to_owned), reason: reason.to_owned(), address };
        if let Err(error) = self.store().audit_refusal(&refusal, self.now()) {
            self.world.log.line(Level::Error, "audit", format!("a refusal could not be recorded: {error}"));
        }
    }
    /// Counts a request at a door; the seconds to wait when there were too many. `client_id` is what the request says.
    pub fn knock(&self, door: Door, client_id: Option<&str>) -> Result<(), i64> {
        let client = client_id.filter(|id| self.settings().partner_of_client(id).is_some());
        let knocked = self.world.throttle.knock(door, client, self.address, &self.settings().limits, self.now());
        let Err(too_often) = knocked else { return Ok(()) };
        if too_often.begins {
            self.signal(Signal::too_often(self.settings(), &(door, client.map(str::to_owned)), true));
        }
        Err(too_often.retry_after)
    }
    /// The request's body, at most `limit` bytes.
    pub async fn body(&self, limit: usize) -> Result<Vec<u8>, BodyError> {
        self.mailbox().want = Some(Want::Body(limit));
        std::future::poll_fn(|_| self.mailbox().body.take().map_or(Poll::Pending, Poll::Ready)).await
    }
    /// The host's answer to a question of this kind about this launch.
    pub async fn ask(&self, launch_id: &str, kind: &'static str, document: String) -> Answer {
        let question = Question { id: self.id(), launch_id: launch_id.to_owned(), kind, document };
        self.mailbox().want = Some(Want::Ask(question));
        std::future::poll_fn(|_| self.mailbox().answer.take().map_or(Poll::Pending, Poll::Ready)).await
    }
    /// The public keys of a partner, or of an issuer it is known by; `None` when they cannot be had now. A published set is looked for by
    /// the driver, so that a slow address keeps nobody else waiting.
    pub async fn keys(&self, partner: &Partner, source: KeySource<'_>, kid: &str) -> Option<KeySet> {
        let (url, private) = match source {
            KeySource::Given(keys) => return Some(keys.clone()),
            KeySource::Published { url, private } => (url.clone(), private),
        };
        let ca = partner.messaging.as_ref().and_then(|messaging| messaging.ca.clone());
        self.mailbox().want = Some(Want::Keys(KeysWanted { at: KeysAt { url, private, ca }, kid: kid.to_owned() }));
        std::future::poll_fn(|_| self.mailbox().keys.take().map_or(Poll::Pending, Poll::Ready)).await
    }
    /// What the FHIR server behind answers at this address, which is one of its own; `None` when it does not answer.
    pub async fn fetch(&self, url: Url) -> Option<Fetched> {
        self.mailbox().want = Some(Want::Fetch(url));
        std::future::poll_fn(|_| self.mailbox().fetched.take().map_or(Poll::Pending, Poll::Ready)).await
    }
    /// Waits until the host may have decided about a WRITE event; the store says whether it has.
    pub async fn wait(&self, until: Millis) {
        self.mailbox().want = Some(Want::Wait(until));
        std::future::poll_fn(|_| self.mailbox().waited.take().map_or(Poll::Pending, Poll::Ready)).await
    }
}

/// A UUIDv7 from a time and random bytes.
pub fn new_id(now: Millis, random: [u8; 32]) -> String {
    let mut counter = [0u8; 10];
    counter.copy_from_slice(&random[..10]);
    uuid::Builder::from_unix_timestamp_millis(u64::try_from(now).unwrap_or(0), &counter).into_uuid().to_string()
}

fn address(peer: &Peer, request: &Request) -> Option<IpAddr> {
    let forwarded = || {
        let line = request.headers().get_all("x-forwarded-for").iter().next_back()?.to_str().ok()?;
        line.rsplit(',').next()?.trim().parse().ok()
    };
    let own = peer.address.map(|address| address.ip());
    if peer.forwarded { forwarded().or(own) } else { own }
}

/// One inbound request being answered. May move between threads; one step at a time.
pub struct Exchange {
    mailbox: Arc<Mutex<Mailbox>>,
    rules: Pin<Box<dyn Future<Output = Response> + Send>>,
}

impl Exchange {
    /// Begins with the head of a request.
    pub fn new(world: Arc<World>, request: Request, peer: Peer, entropy: Entropy) -> Self {
        let mailbox = Arc::new(Mutex::new(Mailbox::default()));
        let address = address(&peer, &request);
        let ctx = Ctx { world, peer, address, mailbox: mailbox.clone(), entropy: Arc::new(entropy) };
        Self { mailbox, rules: Box::pin(async move { harden(&ctx, route(&ctx, &request).await) }) }
    }

    fn mailbox(&self) -> MutexGuard<'_, Mailbox> {
        self.mailbox.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Goes on as far as possible. May block on the store; never on the network or the host.
    pub fn step(&mut self, now: Millis) -> Step {
        self.mailbox().now = now;
        match self.rules.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(response) => Step::Respond(response),
            Poll::Pending => match self.mailbox().want.take() {
                Some(Want::Body(limit)) => Step::NeedBody { limit },
                Some(Want::Ask(question)) => Step::Ask(question),
                Some(Want::Keys(wanted)) => Step::Keys(wanted),
                Some(Want::Fetch(url)) => Step::Fetch(url),
                Some(Want::Wait(until)) => Step::Wait { until },
                None => Step::Respond(plain(500, "the exchange was stepped without what it asked for")),
            },
        }
    }

    /// Hands over the body that `NeedBody` asked for.
    pub fn body(&mut self, body: Result<Vec<u8>, BodyError>) {
        self.mailbox().body = Some(body);
    }

    /// Hands over the answer that `Ask` asked for.
    pub fn answer(&mut self, answer: Answer) {
        self.mailbox().answer = Some(answer);
    }

    /// Hands over the key set that `Keys` asked for; `None` when it cannot be had.
    pub fn keys(&mut self, keys: Option<KeySet>) {
        self.mailbox().keys = Some(keys);
    }

    /// Hands over what `Fetch` asked for; `None` when the server behind did not answer.
    pub fn fetched(&mut self, fetched: Option<Fetched>) {
        self.mailbox().fetched = Some(fetched);
    }

    /// Says that what `Wait` asked for is over.
    pub fn waited(&mut self) {
        self.mailbox().waited = Some(());
    }
}

/// What every answer carries, whoever made it (smart.md 5.6, 19): nothing is guessed about its type, nobody learns where a browser came
/// from, nothing is kept unless it says so, and no page is framed but by the host's own. An address that only leads on may be framed.
fn harden(ctx: &Ctx, mut response: Response) -> Response {
    let redirects = response.status().is_redirection();
    let settings = ctx.settings();
    let is_page = response.headers().get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
    let headers = response.headers_mut();
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    if !headers.contains_key(CACHE_CONTROL) {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    let framed = is_page.then(|| settings.smart.frame_ancestors.join(" ")).filter(|origins| !origins.is_empty());
    let policy = format!("default-src 'none'; frame-ancestors {}", framed.as_deref().unwrap_or("'none'"));
    if let Some(policy) = HeaderValue::from_str(&policy).ok().filter(|_| !redirects) {
        headers.insert(CONTENT_SECURITY_POLICY, policy);
    }
    // Browsers that came once by TLS come so for a year. Not for names of this machine, which others share.
    let lasting = settings.public_url.domain().is_some_and(|domain| domain != "localhost" && !domain.ends_with(".localhost"));
    if ctx.peer.tls && lasting {
        headers.insert(STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000"));
    }
    response
}

/// The one table of what lives where (smart.md 2.1, messaging.md 8.1).
async fn route(ctx: &Ctx, request: &Request) -> Response {
    let prefix = ctx.settings().public_url.path().trim_end_matches('/').to_owned();
    let serves = |purpose| ctx.peer.purposes.as_ref().is_none_or(|list| list.contains(&purpose));
    // The one address that stands before the public URL's own path (RFC 8414 3.1).
    if request.uri().path() == format!("/.well-known/oauth-authorization-server{prefix}/fhir") && serves(Purpose::Smart) {
        return smart::server::handle(ctx, request, "/fhir/.well-known/oauth-authorization-server").await;
    }
    let Some(path) = request.uri().path().strip_prefix(prefix.as_str()) else {
        return plain(404, "nothing is served here");
    };
    if let Some(id) = messaging::files::id(path).filter(|_| serves(Purpose::Messaging)) {
        return messaging::files::handle(ctx, request, id).await;
    }
    match path {
        "/fhir/$process-message" | "/fhir/$process-messages" | "/fhir/MessageHeader/$process-message"
            if serves(Purpose::Messaging) =>
        {
            messaging::receive::handle(ctx, request).await
        }
        "/fhir/metadata" => smart::server::handle(ctx, request, path).await,
        // Where messages are taken, their senders can fetch their tokens, also at a listener that serves nothing else.
        "/auth/token" => smart::server::handle(ctx, request, path).await,
        _ if (path == "/fhir" || path.starts_with("/fhir/") || path.starts_with("/auth/")) && serves(Purpose::Smart) => {
            smart::server::handle(ctx, request, path).await
        }
        _ => plain(404, "nothing is served here"),
    }
}
