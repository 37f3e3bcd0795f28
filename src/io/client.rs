//! The one HTTP client: blocking, over ureq with a TLS layer of our own, every wait bounded.
//!
//! What the worker must know about a failure is whether the partner may have acted on the request: [`Failure::sent`].

use std::cell::{Cell, RefCell};
use std::fmt;
use std::io::Read;
use std::io::Write;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};
use ureq::config::Config;
use ureq::http::{HeaderMap, HeaderName, HeaderValue, Request};
use ureq::unversioned::transport::time::{Duration as UreqDuration, Instant as UreqInstant};
use ureq::unversioned::transport::{
    Buffers, ConnectProxyConnector, ConnectionDetails, Connector, Either, LazyBuffers, NextTimeout, TcpConnector, Transport,
    TransportAdapter,
};
use ureq::{Agent, Proxy, ProxyProtocol};
use url::{Host, Url};

use crate::error::{
    EREF_CONFIG, EREF_FORBIDDEN, EREF_INVALID_ARGUMENT, EREF_NETWORK, EREF_NO_MEMORY, EREF_REMOTE, EREF_TIMEOUT, EREF_TLS,
    EREF_TOO_LARGE,
};
use crate::error::{Error, Result};
use crate::io::resolve::{Dials, NamedResolver};
use crate::io::tls;
use crate::proto::settings::{ClientTls, Network, time_for};

/// How long an idle connection is kept for the next request. Short, since a partner may close it while a request is on its way.
const KEEP_IDLE: Duration = Duration::from_secs(10);
/// Most bytes that the system takes from us before they have left: what Linux allows a socket by itself (`tcp_wmem`).
const SOCKET_BYTES: usize = 4 << 20;

/// Sends requests to partners. Cheap to keep, shared by threads; holds a few idle connections and no thread.
pub struct Client {
    agent: Agent,
    dials: Dials,
    total_ms: u64,
    answer_bytes: u64,
}

/// What the remote system answered, whatever its status.
#[derive(Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The whole body.
    pub body: Vec<u8>,
}

/// Why there is no answer.
#[derive(Debug)]
pub struct Failure {
    /// True when any byte of the request may have left: its outcome is then unknown. False: the partner has seen nothing of it.
    pub sent: bool,
    /// What went wrong. `http_status` is set when the head of an answer arrived but not the rest.
    pub error: Error,
}

/// What is said of a host whose addresses a guarded client does not dial.
const NOT_DIALLED: &str = "no address that may be fetched from belongs to";

thread_local! {
    /// Whether this thread's current request was written to, in part or whole. ureq does all its work on the calling thread.
    static SENT: Cell<bool> = const { Cell::new(false) };
    /// Whether what this thread waits for is still wanted; see [`wanted_while`].
    static WANTED: RefCell<Option<Box<dyn Fn() -> bool>>> = const { RefCell::new(None) };
}

/// How often a waiting request asks whether it is still wanted.
const ASK: Duration = Duration::from_millis(100);

/// Runs `call`; its requests end with `EREF_TIMEOUT` soon after `wanted` has become false, whatever they wait for, unless it is a
/// connection being made: that ends by `network.connect_ms`.
pub fn wanted_while<T>(wanted: impl Fn() -> bool + 'static, call: impl FnOnce() -> T) -> T {
    struct Clear;
    impl Drop for Clear {
        fn drop(&mut self) {
            WANTED.set(None);
        }
    }
    WANTED.set(Some(Box::new(wanted)));
    let _clear = Clear;
    call()
}

impl Client {
    /// A client with these settings; `partner_ca` (PEM, path or text) adds to the trusted authorities. `EREF_CONFIG` says what is wrong.
    pub fn new(network: &Network, partner_ca: Option<&str>) -> Result<Self> {
        Self::with_certificate(network, partner_ca, None)
    }

    /// As [`Client::new`], with a certificate of our own to show.
    pub fn with_certificate(network: &Network, partner_ca: Option<&str>, own: Option<&ClientTls>) -> Result<Self> {
        Self::with(network, partner_ca, own, Dials::All)
    }

    /// A client for addresses that somebody else has a say in. It dials what is on the internet; addresses of this machine or its network
    /// only with `private`; link-local ones, and so a cloud's metadata, never. Behind `network.proxy` the proxy looks names up, so that
    /// there only addresses given as numbers are checked.
    pub fn guarded(network: &Network, partner_ca: Option<&str>, own: Option<&ClientTls>, private: bool) -> Result<Self> {
        Self::with(network, partner_ca, own, if private { Dials::Private } else { Dials::Public })
    }

    fn with(network: &Network, partner_ca: Option<&str>, own: Option<&ClientTls>, dials: Dials) -> Result<Self> {
        let tls = TlsConnector { config: tls::client_config(network, partner_ca, own)? };
        let connect = Some(Duration::from_millis(network.connect_ms.max(1)));
        let total = Some(Duration::from_millis(network.total_ms.max(1)));
        let config = Config::builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            // Set even when there is none: by itself ureq would read the environment.
            .proxy(proxy(network)?)
            .user_agent(concat!("ereferral/", env!("CARGO_PKG_VERSION")))
            .max_idle_age(KEEP_IDLE)
            .timeout_global(total)
            .timeout_per_call(total)
            .timeout_resolve(connect)
            .timeout_connect(connect)
            .timeout_send_request(total)
            .timeout_send_body(total)
            .timeout_recv_response(total)
            .timeout_recv_body(total)
            .build();
        let connector =
            ().chain(ConnectProxyConnector::default()).chain(TcpConnector::default()).chain(tls).chain(CountingConnector);
        // With a proxy it is the proxy's own address that is looked up here.
        let resolver = NamedResolver(if network.proxy.is_some() { Dials::All } else { dials });
        let agent = Agent::with_parts(config, connector, resolver);
        Ok(Self { agent, dials, total_ms: network.total_ms.max(1), answer_bytes: network.answer_bytes })
    }

    /// Posts a body. Redirects are not followed: a 3xx is an answer. `url` must be https, or http on loopback.
    pub fn post(&self, url: &Url, headers: &[(&str, &str)], body: &[u8]) -> std::result::Result<Answer, Failure> {
        self.run(url, |request| request.method("POST").body(body).map(|request| self.agent.run(self.timed(request))), headers)
    }

    /// Gets. The same rules as [`Client::post`].
    pub fn get(&self, url: &Url, headers: &[(&str, &str)]) -> std::result::Result<Answer, Failure> {
        self.run(url, |request| request.method("GET").body(()).map(|request| self.agent.run(request)), headers)
    }

    /// Gives a large body the time that a slow line needs for it.
    fn timed<'a>(&self, request: Request<&'a [u8]>) -> Request<&'a [u8]> {
        let size = request.body().len();
        let whole = Some(time_for(self.total_ms, size));
        let request = self.agent.configure_request(request).timeout_global(whole).timeout_per_call(whole).timeout_send_body(whole);
        // The last of the body may still be on its way when the wait for the answer begins.
        request.timeout_recv_response(Some(time_for(self.total_ms, size.min(SOCKET_BYTES)))).build()
    }

    fn run(
        &self,
        url: &Url,
        send: impl FnOnce(Builder) -> Sending,
        headers: &[(&str, &str)],
    ) -> std::result::Result<Answer, Failure> {
        let unsent = |error| Failure { sent: false, error };
        let request = request(url, headers).map_err(unsent)?;
        SENT.set(false);
        let host = url.host_str().unwrap_or_default();
        if literal(url).is_some_and(|address| !self.dials.takes(address)) {
            return Err(unsent(Error::new(EREF_FORBIDDEN, format!("{NOT_DIALLED} {host}"))));
        }
        let answer = match send(request) {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => return Err(failure(error, host)),
            Err(_) => return Err(unsent(Error::new(EREF_INVALID_ARGUMENT, format!("the request to {host} cannot be formed")))),
        };
        let (head, body) = answer.into_parts();
        let status = head.status.as_u16();
        let body = self.read(body, host).map_err(|error| Failure { sent: true, error: error.with_http_status(status) })?;
        Ok(Answer { status, headers: head.headers, body })
    }

    fn read(&self, body: ureq::Body, host: &str) -> Result<Vec<u8>> {
        let limit = self.answer_bytes;
        let too_large =
            || Error::new(EREF_TOO_LARGE, format!("the answer of {host} is larger than network.answer_bytes ({limit})"));
        if body.content_length().is_some_and(|length| length > limit) {
            return Err(too_large());
        }
        let mut reader = body.into_with_config().limit(u64::MAX).reader().take(limit.saturating_add(1));
        let (mut read, mut piece) = (Vec::new(), vec![0; 32 << 10]);
        loop {
            let amount = reader.read(&mut piece).map_err(|error| failure(error.into(), host).error)?;
            let Some(piece) = piece.get(..amount).filter(|piece| !piece.is_empty()) else { break };
            let no_memory = |_| Error::new(EREF_NO_MEMORY, format!("no memory for the answer of {host}"));
            read.try_reserve(piece.len()).map_err(no_memory)?;
            read.extend_from_slice(piece);
        }
        if read.len() as u64 > limit { Err(too_large()) } else { Ok(read) }
    }
}

type Builder = ureq::http::request::Builder;
type Sending = std::result::Result<std::result::Result<ureq::http::Response<ureq::Body>, ureq::Error>, ureq::http::Error>;

fn proxy(network: &Network) -> Result<Option<Proxy>> {
    let Some(text) = &network.proxy else { return Ok(None) };
    let wrong = || Error::new(EREF_CONFIG, "network.proxy cannot be used; expected http://host:port");
    let proxy = Proxy::new(text).map_err(|_| wrong())?;
    match proxy.protocol() {
        ProxyProtocol::Http | ProxyProtocol::Https => Ok(Some(proxy)),
        _ => Err(wrong()),
    }
}

/// The address that stands in the place of a host name.
fn literal(url: &Url) -> Option<IpAddr> {
    match url.host()? {
        Host::Ipv4(address) => Some(address.into()),
        Host::Ipv6(address) => Some(address.into()),
        Host::Domain(_) => None,
    }
}

fn request(url: &Url, headers: &[(&str, &str)]) -> Result<Builder> {
    let loopback = url.host_str() == Some("localhost") || literal(url).is_some_and(|address| address.is_loopback());
    if url.scheme() != "https" && !(url.scheme() == "http" && loopback) {
        let host = url.host_str().unwrap_or_default();
        return Err(Error::new(EREF_CONFIG, format!("the address at {host} must be https; http is for loopback only")));
    }
    let mut request = Request::builder().uri(url.as_str());
    for (name, value) in headers {
        let wrong = || Error::new(EREF_INVALID_ARGUMENT, format!("the header {name} has a value that cannot be sent"));
        let parsed = HeaderName::from_bytes(name.as_bytes()).ok().zip(HeaderValue::from_str(value).ok());
        let (name, value) = parsed.ok_or_else(wrong)?;
        request = request.header(name, value);
    }
    Ok(request)
}

/// Puts an error of ureq into our words. They name the host and nothing of the request.
fn failure(error: ureq::Error, host: &str) -> Failure {
    let sent = SENT.get();
    let tls_error = match &error {
        ureq::Error::Rustls(tls) => Some(tls),
        ureq::Error::Io(io) => io.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()),
        _ => None,
    };
    if let Some(tls) = tls_error {
        let unread = matches!(tls, rustls::Error::AlertReceived(alert) if tls::is_certificate_alert(*alert));
        return Failure { sent: sent && !unread, error: Error::new(EREF_TLS, format!("TLS with {host}: {}", tls::reason(tls))) };
    }
    let (status, text) = match &error {
        ureq::Error::Timeout(_) if sent => (EREF_TIMEOUT, "no answer in time from"),
        ureq::Error::Timeout(_) => (EREF_TIMEOUT, "no connection in time to"),
        ureq::Error::HostNotFound => (EREF_NETWORK, "name lookup failed for"),
        ureq::Error::Tls(_) => (EREF_TLS, "no TLS name can be made of"),
        ureq::Error::ConnectProxyFailed(_) => (EREF_NETWORK, "the proxy refused a connection to"),
        ureq::Error::Protocol(_) | ureq::Error::LargeResponseHeader(..) => (EREF_REMOTE, "broken HTTP in the answer of"),
        ureq::Error::Io(io) if io.kind() == std::io::ErrorKind::PermissionDenied && io.get_ref().is_some() => {
            (EREF_FORBIDDEN, NOT_DIALLED)
        }
        ureq::Error::Io(io) => (EREF_NETWORK, io_text(io, sent)),
        _ => (EREF_NETWORK, "no exchange was possible with"),
    };
    Failure { sent, error: Error::new(status, format!("{text} {host}")) }
}

fn io_text(error: &std::io::Error, sent: bool) -> &'static str {
    match error.kind() {
        std::io::ErrorKind::ConnectionRefused => "connection refused by",
        std::io::ErrorKind::HostUnreachable | std::io::ErrorKind::NetworkUnreachable => "there is no route to",
        _ if sent => "the connection broke before the answer of",
        _ => "no connection to",
    }
}

/// Wraps https connections in TLS.
struct TlsConnector {
    config: Arc<ClientConfig>,
}

impl fmt::Debug for TlsConnector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TlsConnector")
    }
}

impl<In: Transport> Connector<In> for TlsConnector {
    type Out = Either<In, TlsTransport>;

    fn connect(&self, details: &ConnectionDetails, chained: Option<In>) -> std::result::Result<Option<Self::Out>, ureq::Error> {
        let Some(transport) = chained else { return Err(ureq::Error::ConnectionFailed) };
        if !details.needs_tls() {
            return Ok(Some(Either::A(transport)));
        }
        let host = details.uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']').to_owned();
        let name = ServerName::try_from(host).map_err(|_| ureq::Error::Tls("host name"))?;
        let conn = ClientConnection::new(self.config.clone(), name)?;
        let mut sock = TransportAdapter::new(transport.boxed(), details.current_time.clone());
        sock.set_timeout(remaining(details));
        let mut stream = StreamOwned { conn, sock };
        stream.conn.complete_io(&mut stream.sock)?;
        let buffers = LazyBuffers::new(details.config.input_buffer_size(), details.config.output_buffer_size());
        Ok(Some(Either::B(TlsTransport { buffers, stream })))
    }
}

/// What is left of the time to connect after name lookup, proxy and TCP.
fn remaining(details: &ConnectionDetails) -> NextTimeout {
    let mut timeout = details.timeout;
    if let (UreqDuration::Exact(limit), UreqInstant::Exact(now), UreqInstant::Exact(start)) =
        (timeout.after, (details.current_time)(), details.now)
    {
        timeout.after = UreqDuration::Exact(limit.saturating_sub(now.saturating_duration_since(start)));
    }
    timeout
}

struct TlsTransport {
    buffers: LazyBuffers,
    stream: StreamOwned<ClientConnection, TransportAdapter>,
}

impl fmt::Debug for TlsTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TlsTransport")
    }
}

impl Transport for TlsTransport {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> std::result::Result<(), ureq::Error> {
        self.stream.sock.set_timeout(timeout);
        let output = self.buffers.output().get(..amount).unwrap_or_default();
        Ok(self.stream.write_all(output)?)
    }

    fn await_input(&mut self, timeout: NextTimeout) -> std::result::Result<bool, ureq::Error> {
        self.stream.sock.set_timeout(timeout);
        let amount = self.stream.read(self.buffers.input_append_buf())?;
        self.buffers.input_appended(amount);
        Ok(amount > 0)
    }

    fn is_open(&mut self) -> bool {
        self.stream.sock.get_mut().is_open()
    }

    fn is_tls(&self) -> bool {
        true
    }
}

/// The outermost layer: notes that a byte of the request is about to leave.
#[derive(Debug)]
struct CountingConnector;

impl<In: Transport> Connector<In> for CountingConnector {
    type Out = Counting<In>;

    fn connect(&self, _: &ConnectionDetails, chained: Option<In>) -> std::result::Result<Option<Self::Out>, ureq::Error> {
        // A proxy's CONNECT went through here too, but nothing of the request did.
        SENT.set(false);
        Ok(chained.map(Counting))
    }
}

#[derive(Debug)]
struct Counting<T>(T);

impl<T: Transport> Transport for Counting<T> {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.0.buffers()
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> std::result::Result<(), ureq::Error> {
        if amount > 0 {
            SENT.set(true);
        }
        self.0.transmit_output(amount, timeout)
    }

    /// In short pieces while somebody may lose interest.
    fn await_input(&mut self, timeout: NextTimeout) -> std::result::Result<bool, ureq::Error> {
        let asked = || WANTED.with_borrow(|wanted| wanted.as_ref().map(|wanted| wanted()));
        let start = Instant::now();
        loop {
            let left = timeout.after.saturating_sub(start.elapsed());
            let piece = match asked() {
                None => return self.0.await_input(timeout),
                Some(false) => return Err(ureq::Error::Timeout(timeout.reason)),
                Some(true) => left.min(ASK),
            };
            let waiting = NextTimeout { after: UreqDuration::Exact(piece), ..timeout };
            match self.0.await_input(waiting) {
                Err(ureq::Error::Timeout(_)) if left > piece => {}
                other => return other,
            }
        }
    }

    fn is_open(&mut self) -> bool {
        self.0.is_open()
    }

    fn is_tls(&self) -> bool {
        self.0.is_tls()
    }
}
