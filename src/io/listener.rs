//! The listener: takes connections, and drives one exchange for each request. It holds no rule (architecture: rooms).
//!
//! It has a small runtime of its own: two threads for sockets (`eref-listen-N`), and up to 32 that step exchanges and may wait for the
//! store (`eref-rules-N`), started when they are needed. Nothing runs after [`Listener::stop`] or a drop but steps already begun.

mod counts;
mod places;
mod serve;
mod watch;
mod wire;

use std::future::{Future as _, poll_fn};
use std::net::{SocketAddr, TcpListener as StdListener, ToSocketAddrs as _};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::task::Poll;
use std::time::{Duration, Instant};

use tokio::io::AsyncWrite as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{oneshot, watch as flag};

pub use counts::Counts;

use counts::Counters;
use places::Places;

use url::Url;

use crate::error::{EREF_CONFIG, EREF_LISTEN, Error, Result};
use crate::io::tls::{Reload, ServerTls};
use crate::log::Level;
use crate::proto::exchange::{Answer, Fetched, Peer, Question, Signal, World};
use crate::proto::jwt::{KeySet, KeysWanted};
use crate::proto::settings::{Listen, Purpose};
use crate::proto::store::Millis;

/// Threads for sockets.
const SOCKET_THREADS: usize = 2;
/// Most threads that step exchanges. Many steps wait for one commit together, so there are more of them than cores.
const RULE_THREADS: usize = 32;
/// Stack of each thread, in bytes.
const STACK: usize = 1 << 20;
/// Pause after the system refused to hand over a connection, for example for lack of descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// How long a refused connection is kept to deliver the refusal.
const LINGER: Duration = Duration::from_secs(2);

/// Puts a question to the host. The answer comes through the channel; a dropped sender, or none in time, is [`Answer::None`]. When the
/// client goes away first, the receiver is dropped.
pub type Questions = Arc<dyn Fn(Question) -> oneshot::Receiver<Answer> + Send + Sync>;

/// Looks for a key set, at its address where need be. The set, or nothing, comes through the channel in the time of a fetch.
pub type Keys = Arc<dyn Fn(&KeysWanted) -> oneshot::Receiver<Option<KeySet>> + Send + Sync>;

/// Fetches an address of the FHIR server behind. What it answered, or nothing, comes through the channel in the time of a question.
pub type Fetches = Arc<dyn Fn(Url) -> oneshot::Receiver<Option<Fetched>> + Send + Sync>;
/// A bell that rings when the host may have decided about a WRITE event, in this process or another.
pub type Decisions = Arc<dyn Fn() -> flag::Receiver<()> + Send + Sync>;

/// What a listener needs.
#[derive(Clone)]
pub struct Options {
    /// Where to listen.
    pub listen: Vec<Listen>,
    /// The world as it is now, asked for each request and connection, since the configuration can change.
    pub world: Arc<dyn Fn() -> Arc<World> + Send + Sync>,
    /// The way to the host.
    pub questions: Questions,
    /// The way to the keys of others.
    pub keys: Keys,
    /// The way to the FHIR server behind.
    pub fetches: Fetches,
    /// Rings at decisions.
    pub decisions: Decisions,
    /// Now.
    pub clock: fn() -> Millis,
    /// 32 fresh random bytes.
    pub entropy: fn() -> [u8; 32],
}

/// An open listener. Dropping it closes everything at once and waits for nothing.
pub struct Listener {
    runtime: Option<Runtime>,
    addresses: Vec<SocketAddr>,
    stop: flag::Sender<bool>,
    open: Arc<Open>,
    counters: Arc<Counters>,
}

/// What all connections share.
struct Shared {
    options: Options,
    counters: Arc<Counters>,
    stop: flag::Receiver<bool>,
    open: Arc<Open>,
}

/// One address.
struct Door {
    address: SocketAddr,
    tls: Option<Arc<ServerTls>>,
    purposes: Option<Vec<Purpose>>,
    forwarded: bool,
    places: Arc<Places>,
}

impl Listener {
    /// Binds all addresses, or none, and begins to answer. `EREF_LISTEN` names the address that is taken; `EREF_CONFIG` the certificate or
    /// key that cannot be used, or an address that must not be open without TLS.
    pub fn start(options: Options) -> Result<Self> {
        let limits = (options.world)().settings.limits.clone();
        let mut bound = Vec::new();
        for listen in &options.listen {
            let tls = listen.tls.as_ref().map(ServerTls::load).transpose()?.map(Arc::new);
            let socket = bind(&listen.address, tls.is_some())?;
            let address = socket.local_addr().map_err(|reason| refused(&listen.address, &reason))?;
            // Behind a proxy of ours all have its address.
            let each = if listen.forwarded { limits.connections } else { limits.connections_per_address };
            let places = Places::new(limits.connections, each);
            bound.push((
                socket,
                Arc::new(Door { address, tls, purposes: listen.purposes.clone(), forwarded: listen.forwarded, places }),
            ));
        }
        let runtime = runtime()?;
        let (stop, stopping) = flag::channel(false);
        let (open, counters) = (Arc::new(Open::default()), Arc::new(Counters::default()));
        let shared = Arc::new(Shared { options, counters: counters.clone(), stop: stopping, open: open.clone() });
        let addresses = bound.iter().map(|(_, door)| door.address).collect();
        for (socket, door) in bound {
            let _inside = runtime.enter();
            let socket = TcpListener::from_std(socket).map_err(|reason| refused(&door.address.to_string(), &reason))?;
            let guard = Open::enter(&open);
            runtime.spawn(accept(shared.clone(), socket, door, guard));
        }
        Ok(Self { runtime: Some(runtime), addresses, stop, open, counters })
    }

    /// The addresses as bound, in the order of the configuration; a port 0 is resolved.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// How it is doing, for the status document.
    pub fn counts(&self) -> Counts {
        // What is open besides connections are the doors.
        let open = *self.open.count.lock().unwrap_or_else(PoisonError::into_inner);
        self.counters.read(open.saturating_sub(self.addresses.len()))
    }

    /// Takes no more connections, lets requests under way finish for at most `patience`, then closes everything. True when all finished.
    pub fn stop(mut self, patience: Duration) -> bool {
        self.stop.send_replace(true);
        let finished = self.open.wait(patience);
        self.close();
        finished
    }

    fn close(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.close();
    }
}

fn refused(address: &str, reason: &std::io::Error) -> Error {
    let text = match reason.kind() {
        std::io::ErrorKind::AddrInUse => "the address is in use by another program",
        std::io::ErrorKind::AddrNotAvailable => "the address does not belong to this machine",
        std::io::ErrorKind::PermissionDenied => "the system does not permit it",
        _ => "the system refused it",
    };
    Error::new(EREF_LISTEN, format!("cannot listen on {address}: {text}"))
}

fn bind(address: &str, tls: bool) -> Result<StdListener> {
    let wrong = || Error::new(EREF_CONFIG, format!("listen.address {address} cannot be resolved; expected host:port"));
    let resolved: Vec<SocketAddr> = address.to_socket_addrs().map_err(|_| wrong())?.collect();
    if !tls && !resolved.iter().all(|address| address.ip().is_loopback()) {
        return Err(Error::new(EREF_CONFIG, format!("listen.address {address} needs tls: only loopback may go without")));
    }
    let socket = StdListener::bind(resolved.as_slice()).map_err(|reason| refused(address, &reason))?;
    socket.set_nonblocking(true).map_err(|reason| refused(address, &reason))?;
    Ok(socket)
}

fn runtime() -> Result<Runtime> {
    let started = AtomicUsize::new(0);
    // The runtime starts its socket threads first, whatever needs to block comes after them.
    let name = move || match started.fetch_add(1, Ordering::Relaxed) {
        number if number < SOCKET_THREADS => format!("eref-listen-{number}"),
        number => format!("eref-rules-{}", number - SOCKET_THREADS),
    };
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(SOCKET_THREADS).max_blocking_threads(RULE_THREADS).thread_stack_size(STACK).thread_name_fn(name);
    let built = builder.enable_io().enable_time().build();
    built.map_err(|reason| Error::new(EREF_LISTEN, format!("the threads of the listener cannot be started: {}", reason.kind())))
}

async fn accept(shared: Arc<Shared>, socket: TcpListener, door: Arc<Door>, _guard: OpenGuard) {
    let mut stop = shared.stop.clone();
    let mut stop = pin!(stop.wait_for(|stop| *stop));
    let mut full = false;
    loop {
        let next = poll_fn(|cx| match stop.as_mut().poll(cx) {
            Poll::Ready(_) => Poll::Ready(None),
            Poll::Pending => socket.poll_accept(cx).map(Some),
        });
        let (stream, client) = match next.await {
            None => return,
            Some(Ok(accepted)) => accepted,
            Some(Err(_)) => {
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let place = match door.places.take(client.ip()) {
            Ok(place) => place,
            Err(limit) => {
                shared.counters.refused.fetch_add(1, Ordering::AcqRel);
                if !std::mem::replace(&mut full, true) {
                    let text = format!("{limit} is reached at {}; further connections are closed", door.address);
                    (shared.options.world)().log.line(Level::Warn, "listener", text);
                }
                continue;
            }
        };
        full = false;
        let (shared, door) = (shared.clone(), door.clone());
        let guard = Open::enter(&shared.open);
        tokio::spawn(async move {
            let (_guard, _place) = (guard, place);
            connection(&shared, &door, stream, client).await;
        });
    }
}

async fn connection(shared: &Arc<Shared>, door: &Door, stream: TcpStream, client: SocketAddr) {
    // Without it small answers wait for the client's acknowledgement. A failure only costs time.
    let _ = stream.set_nodelay(true);
    let stream = wire::Wire(stream);
    let mut peer = Peer {
        address: Some(client),
        tls: door.tls.is_some(),
        forwarded: door.forwarded,
        certificate: None,
        purposes: door.purposes.clone(),
    };
    let world = (shared.options.world)();
    let limits = &world.settings.limits;
    let Some(tls) = &door.tls else {
        return serve::serve(shared, limits, stream, peer).await;
    };
    look_at_files(tls, door, &world).await;
    let handshake = tokio_rustls::TlsAcceptor::from(tls.config()).accept(stream).into_fallible();
    match tokio::time::timeout(Duration::from_millis(limits.head_ms), handshake).await {
        Ok(Ok(stream)) => {
            let certificates = stream.get_ref().1.peer_certificates().unwrap_or_default();
            peer.certificate = certificates.first().map(|certificate| certificate.to_vec());
            serve::serve(shared, limits, stream, peer).await;
        }
        Ok(Err((error, stream))) => {
            let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
            let text = tls.map_or("the connection broke", crate::io::tls::reason);
            world.log.line(Level::Debug, "listener", format!("TLS handshake at {} failed: {text}", door.address));
            let _ = tokio::time::timeout(LINGER, linger(stream.0)).await;
        }
        Err(_) => {
            shared.counters.slow.fetch_add(1, Ordering::AcqRel);
            world.log.line(Level::Debug, "listener", format!("TLS handshake at {} took too long", door.address));
        }
    }
}

/// Waits for the client to close. Closing first, with bytes of its request unread, would make the system drop the alert that says why.
async fn linger(mut stream: TcpStream) {
    if poll_fn(|cx| Pin::new(&mut stream).poll_shutdown(cx)).await.is_err() {
        return;
    }
    let mut waste = [0; 4096];
    while stream.readable().await.is_ok() {
        match stream.try_read(&mut waste) {
            Ok(0) => return,
            Err(error) if error.kind() != std::io::ErrorKind::WouldBlock => return,
            _ => {}
        }
    }
}

/// Reads certificate and key again when their files changed (architecture: configuration).
async fn look_at_files(tls: &Arc<ServerTls>, door: &Door, world: &World) {
    if !tls.due() {
        return;
    }
    let looking = tls.clone();
    let Ok(Some(reload)) = tokio::task::spawn_blocking(move || looking.refresh()).await else { return };
    let key = format!("listener-certificate:{}", door.address);
    let alert = |text: String, started| (world.signals)(Signal::Alert { key, partner: None, text, started });
    match reload {
        Reload::Done { recovered } => {
            let text = format!("the changed certificate of {} is in force", door.address);
            world.log.line(Level::Info, "listener", text.clone());
            if recovered {
                alert(text, false);
            }
        }
        Reload::Failed(error) => {
            let text = format!("the old certificate of {} stays in force: {}", door.address, error.message());
            world.log.line(Level::Error, "listener", text.clone());
            alert(text, true);
        }
    }
}

/// Counts what is open, so that a stop can wait for it.
#[derive(Default)]
struct Open {
    count: Mutex<usize>,
    changed: Condvar,
}

struct OpenGuard(Arc<Open>);

impl Open {
    fn enter(open: &Arc<Self>) -> OpenGuard {
        *open.count.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        OpenGuard(open.clone())
    }

    fn wait(&self, patience: Duration) -> bool {
        let end = Instant::now() + patience;
        let mut count = self.count.lock().unwrap_or_else(PoisonError::into_inner);
        while *count > 0 {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            count = self.changed.wait_timeout(count, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }
}

impl Drop for OpenGuard {
    fn drop(&mut self) {
        *self.0.count.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
        self.0.changed.notify_all();
    }
}
