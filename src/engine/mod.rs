//! What a host holds: the engine, its events, launches and sends. The only room where the rules meet the world.
//!
//! An [`Engine`] may be used from any thread, by any number of calls at once. It never runs host code: what the host must know or decide
//! is taken with [`Engine::event_next`].

mod attachments;
mod attempt;
mod audit;
mod behind;
mod config;
mod credentials;
mod deliveries;
mod events;
mod inbox;
mod keys;
mod launches;
mod referrals;
mod reload;
mod sends;
mod serving;
mod status;
mod worker;

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

pub use config::Config;
pub use deliveries::Delivery;
pub use events::{Cancel, Event};
pub use launches::Launch;
pub use sends::SendOptions;

use crate::error::{EREF_CONFIG, EREF_WRONG_STATE, Error, Result};
use crate::io::client::Client;
use crate::io::jwks::KeySets;
use crate::io::{clock, crypto, store};
use crate::log::{Level, Line, Log, Sink};
use crate::proto::exchange::{Signal, World};
use crate::proto::settings::{OnOff, Partner, Pkce, Settings};
use crate::proto::smart::keys::Keys;
use crate::proto::store::{Millis, Node, Store};
use crate::proto::throttle::Throttle;

/// An engine on a store: serving (listener, worker, timers) or a desk (none of them). Shared: copies are the same engine.
///
/// When the last copy is dropped, whatever still runs is told to end; nothing waits for it. Guests do not count.
#[derive(Clone)]
pub struct Engine(Arc<Inner>, #[allow(dead_code, reason = "its drop is what it is for")] Option<Arc<Owner>>);

struct Owner(Arc<Inner>);

impl Drop for Owner {
    fn drop(&mut self) {
        self.0.let_go();
    }
}

pub(crate) struct Inner {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) node: Node,
    pub(crate) log: Arc<Log>,
    pub(crate) queue: Arc<events::Queue>,
    pub(crate) worker: worker::Worker,
    pub(crate) tokens: credentials::Tokens,
    /// What the settings in force were made from, to be read again when a file of it changes.
    sources: Mutex<reload::Sources>,
    /// Shared with the listener, which takes it anew for each request.
    world: Arc<RwLock<Arc<World>>>,
    clients: Mutex<Clients>,
    key_sets: Arc<KeySets>,
    fetches: behind::Count,
    run: Mutex<serving::Run>,
}

/// Outgoing connections: one client per set of trusted authorities and certificate of our own.
#[derive(Default)]
struct Clients {
    general: Option<Arc<Client>>,
    by_partner: std::collections::HashMap<String, Arc<Client>>,
    behind: Option<Arc<Client>>,
}

impl Clients {
    /// The clients that configured authorities ask for, so that a wrong one is refused now and not at the first delivery.
    fn new(settings: &Settings) -> Result<Self> {
        let mut clients = Self { behind: behind::client(settings)?, ..Self::default() };
        if settings.network.ca.is_some() {
            clients.general = Some(Arc::new(Client::new(&settings.network, None)?));
        }
        for partner in &settings.partners {
            let Some(messaging) = &partner.messaging else { continue };
            if messaging.ca.is_some() || messaging.client_tls.is_some() {
                let client = Client::with_certificate(&settings.network, messaging.ca.as_deref(), messaging.client_tls.as_ref())?;
                clients.by_partner.insert(partner.name.clone(), Arc::new(client));
            }
        }
        Ok(clients)
    }
}

impl Engine {
    /// Opens the store and checks the configuration; starts nothing. Makes store and key when there are none.
    ///
    /// Errors: `EREF_CONFIG`, `EREF_STORE`, `EREF_STORE_KEY`, `EREF_STORE_VERSION`, `EREF_STORE_NETWORK`.
    pub fn open(config: &Config) -> Result<Self> {
        crypto::install();
        let (settings, sources) = reload::Sources::read(config)?;
        let node = Node { id: clock::id(), process: std::process::id(), host: host_name() };
        let path = settings.store.url.strip_prefix("sqlite:").unwrap_or(&settings.store.url).to_owned();
        let store = store::sqlite::open(Path::new(&path), Path::new(&settings.store.key_file), node.clone())?;
        let log = Arc::new(Log::new(settings.limits.log_lines, Level::Info, clock::now));
        let queue = Arc::new(events::Queue::default());
        let keys = Arc::new(keys::signing_keys(&settings, store.as_ref())?);
        let outlet = log_outlet(&settings)?;
        let clients = Clients::new(&settings)?;
        let world = new_world(store.clone(), settings, keys, log.clone(), Arc::default(), &queue);
        let inner = Arc::new(Inner {
            store,
            node,
            log,
            queue,
            worker: worker::Worker::default(),
            tokens: credentials::Tokens::default(),
            sources: Mutex::new(sources),
            world: Arc::new(RwLock::new(Arc::new(world))),
            clients: Mutex::new(clients),
            key_sets: Arc::default(),
            fetches: Arc::default(),
            run: Mutex::default(),
        });
        inner.apply_settings(outlet);
        Ok(Self(inner.clone(), Some(Arc::new(Owner(inner)))))
    }

    /// The same engine for something that outlives its holder, such as a draft: it does not keep the engine running.
    pub fn guest(&self) -> Self {
        Self(self.0.clone(), None)
    }

    /// Puts another configuration in force, whole or not at all. Requests under way finish under the old one. The store, the addresses
    /// and whether the engine serves cannot change: `EREF_CONFIG` names what differs.
    pub fn configure(&self, config: &Config) -> Result<()> {
        let (settings, sources) = reload::Sources::read(config)?;
        let old = self.0.settings();
        let fixed: [(&str, bool); 4] = [
            ("store", old.store.url == settings.store.url && old.store.key_file == settings.store.key_file),
            ("listen", format!("{:?}", old.listen) == format!("{:?}", settings.listen)),
            ("public_url", old.public_url == settings.public_url),
            ("serve", old.serve == settings.serve && old.threads == settings.threads),
        ];
        if let Some((path, _)) = fixed.iter().find(|(_, same)| !same) {
            return Err(Error::new(
                EREF_CONFIG,
                format!("{path}: differs from what the engine was opened with; open a new engine"),
            ));
        }
        self.0.put_in_force(settings)?;
        *self.0.sources() = sources;
        Ok(())
    }

    /// Records in the audit chain what the host says happened, for example who viewed which notification. The text must be JSON.
    pub fn audit_note(&self, json: &[u8]) -> Result<()> {
        let value: serde_json::Value = serde_json::from_slice(json).map_err(invalid_json)?;
        self.0.store.audit_note(&value.to_string(), clock::now())
    }

    /// Takes the oldest log line.
    pub fn log_next(&self) -> Option<Line> {
        self.0.log.take()
    }

    /// A descriptor that becomes readable when an event may be waiting: take events until `EREF_TIMEOUT`, then wait again. Owned by the
    /// engine. What another process commits is noticed within 250 ms, unless `"threads"` is false.
    #[cfg(unix)]
    pub fn wakeup_fd(&self) -> Result<i32> {
        self.0.queue.wakeup_fd()
    }
}

impl Inner {
    /// Whole or not at all: all that can fail stands before the first change.
    fn put_in_force(&self, settings: Settings) -> Result<()> {
        let keys = Arc::new(keys::signing_keys(&settings, self.store.as_ref())?);
        let outlet = log_outlet(&settings)?;
        let clients = Clients::new(&settings)?;
        let world = new_world(self.store.clone(), settings, keys, self.log.clone(), self.world().throttle.clone(), &self.queue);
        *self.world.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(world);
        *self.clients() = clients;
        self.tokens.forget();
        self.worker.forget_health();
        self.apply_settings(outlet);
        Ok(())
    }

    pub(crate) fn world(&self) -> Arc<World> {
        self.world.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn settings(&self) -> Arc<Settings> {
        self.world().settings.clone()
    }

    pub(crate) fn lease_ms(&self) -> Millis {
        Millis::try_from(self.settings().limits.event_lease_ms).unwrap_or(60_000)
    }

    fn clients(&self) -> MutexGuard<'_, Clients> {
        self.clients.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The client for a partner: its own where it has authorities of its own, else the general one, which is made when first needed
    /// because it reads the system's trust store.
    pub(crate) fn client(&self, partner: &Partner) -> Result<Arc<Client>> {
        let settings = self.settings();
        let mut clients = self.clients();
        if let Some(client) = clients.by_partner.get(&partner.name).or(clients.general.as_ref()) {
            return Ok(client.clone());
        }
        let client = Arc::new(Client::new(&settings.network, None)?);
        clients.general = Some(client.clone());
        Ok(client)
    }

    /// The client for the FHIR server behind, where there is one.
    pub(crate) fn client_behind(&self) -> Option<Arc<Client>> {
        self.clients().behind.clone()
    }

    fn apply_settings(&self, (level, sink): (Level, Option<Sink>)) {
        let settings = self.settings();
        self.log.configure(settings.limits.log_lines, level, sink);
        for partner in &settings.partners {
            self.warn_of_weak_settings(partner);
        }
    }

    /// A weak setting is a standing ALERT, so that nobody forgets it (smart.md, decisions).
    fn warn_of_weak_settings(&self, partner: &Partner) {
        let app = partner.smart_app.as_ref();
        let ways = partner.messaging.as_ref().map_or(&[][..], |messaging| &messaging.inbound);
        let no_pkce = app.is_some_and(|app| app.pkce == Pkce::NotRequired);
        let unbound = app.is_some_and(|app| app.browser_binding == OnOff::Off);
        let weak = [
            ("pkce-not-required", no_pkce, "its app may sign in without PKCE"),
            ("browser-binding-off", unbound, "its launches are not bound to the user's browser"),
            ("inbound-none", ways.iter().any(|way| way.none.is_some()), "it may send messages without credentials"),
        ];
        for (key, in_force, text) in weak {
            self.queue.signal(Signal::Alert {
                key: format!("weak-setting:{key}:{}", partner.name),
                partner: Some(partner.name.clone()),
                text: format!("partner {}: {text}", partner.name),
                started: in_force,
            });
        }
    }

    pub(crate) fn require_running(&self) -> Result<()> {
        if self.run().is_running() {
            return Ok(());
        }
        Err(Error::new(EREF_WRONG_STATE, "the engine is not started"))
    }
}

fn new_world(
    store: Arc<dyn Store>,
    settings: Settings,
    keys: Arc<Keys>,
    log: Arc<Log>,
    throttle: Arc<Throttle>,
    queue: &Arc<events::Queue>,
) -> World {
    let queue = queue.clone();
    World { store, settings: Arc::new(settings), keys, log, throttle, signals: Arc::new(move |signal| queue.signal(signal)) }
}

/// The key of an alert about one partner.
fn alert_key(condition: &str, partner: &str) -> String {
    format!("{condition}:{partner}")
}

/// The log's level, and its file if there is one.
fn log_outlet(settings: &Settings) -> Result<(Level, Option<Sink>)> {
    let level = match settings.log.level.as_deref() {
        None => Level::Info,
        Some(text) => Level::parse(text)
            .ok_or_else(|| Error::new(EREF_CONFIG, format!("log.level: found {text:?}, expected error, warn, info or debug")))?,
    };
    Ok((level, settings.log.file.as_deref().map(log_file).transpose()?))
}

/// Opened anew for each line, so that whoever renames or removes the file gets a new one. Readable to its owner alone.
fn log_file(path: &str) -> Result<Sink> {
    let mut options = std::fs::OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map_err(|error| Error::new(EREF_CONFIG, format!("log.file: {path} cannot be opened: {error}")))?;
    let path = path.to_owned();
    Ok(Box::new(move |line| {
        // A full disk must not stop the engine; the ring still has the line.
        let _ = options.open(&path).and_then(|mut file| std::io::Write::write_all(&mut file, format!("{line}\n").as_bytes()));
    }))
}

fn host_name() -> String {
    ["/proc/sys/kernel/hostname", "/etc/hostname"]
        .iter()
        .find_map(|path| std::fs::read_to_string(path).ok())
        .or_else(|| std::env::var("COMPUTERNAME").ok())
        .map_or_else(|| "unknown".to_owned(), |name| name.trim().to_owned())
}

/// Milliseconds as RFC 3339 text in UTC.
pub(crate) fn rfc3339(at: Millis) -> String {
    jiff::Timestamp::from_millisecond(at).map_or_else(|_| String::new(), |time| format!("{time:.3}"))
}

pub(crate) fn invalid_json(error: serde_json::Error) -> Error {
    let text = format!("not the JSON that was expected at line {}, column {}", error.line(), error.column());
    Error::new(crate::error::EREF_INVALID_JSON, text).with_detail(error.to_string())
}

/// A duration as whole milliseconds.
pub(crate) fn millis(duration: Duration) -> Millis {
    Millis::try_from(duration.as_millis()).unwrap_or(Millis::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_file_that_was_renamed_is_begun_anew() {
        let folder = tempfile::tempdir().unwrap();
        let (file, old) = (folder.path().join("a.log"), folder.path().join("a.log.1"));
        let mut sink = log_file(file.to_str().unwrap()).unwrap();
        let mut say = |text: &str| sink(&Line { at: 0, level: Level::Info, target: "engine", text: text.to_owned() });
        say("one");
        std::fs::rename(&file, &old).unwrap();
        say("two");
        assert_eq!(std::fs::read_to_string(&old).unwrap(), "1970-01-01T00:00:00.000Z info engine: one\n");
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "1970-01-01T00:00:00.000Z info engine: two\n");
        #[cfg(unix)]
        assert_eq!(std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&file).unwrap().permissions()) & 0o777, 0o600);
    }
}
