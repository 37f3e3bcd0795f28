//! The listener on real sockets: connections, bodies, questions, certificates, stopping.

#[path = "support/certs.rs"]
mod certs;
#[path = "support/store.rs"]
mod store;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use certs::{Authority, Pair};
use ereferral::error::{EREF_CONFIG, EREF_LISTEN, EREF_TLS, Error};
use ereferral::io::client::Client;
use ereferral::io::clock;
use ereferral::io::listener::{Listener, Options, Questions};
use ereferral::log::{Level, Log};
use ereferral::proto::exchange::{Answer, Signal, World};
use ereferral::proto::http::secret_hash;
use ereferral::proto::settings::{Network, Settings};
use ereferral::proto::smart::keys::Keys;
use ereferral::proto::store::{Grant, GrantKind, NewGrant, NewLaunch, NewToken, Store, TokenKind};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::oneshot;
use url::Url;

const PATIENCE: Duration = Duration::from_secs(20);
/// The token that opens the FHIR API for Testpatient `p1`.
const FHIR_TOKEN: &str = "fhir-token";

/// A listener with the world around it.
struct Site {
    listener: Listener,
    world: Arc<World>,
    signals: Arc<Mutex<Vec<Signal>>>,
    _folder: TempDir,
}

/// What a listener is started with, and the folder of its store.
struct Kit {
    options: Options,
    world: Arc<World>,
    signals: Arc<Mutex<Vec<Signal>>>,
    folder: TempDir,
}

fn settings(listen: Value, limits: Value) -> Settings {
    let document = json!({
        "system": {"name": "Test clinic", "software": "Test", "version": "1", "roles": ["smart-server", "rms-source"], "time_zone": "America/Toronto"},
        "public_url": "https://pos.test", "store": {"url": "sqlite:none", "key_file": "none"}, "listen": [listen], "limits": limits,
        "partners": [{"name": "rms", "roles": ["rms-target", "smart-app"], "messaging": {"inbound": {"bearer": "token-of-the-messages"}},
            "smart_app": {"client_id": "app", "launch_url": "https://app.test/", "redirect_uris": ["https://app.test/r"], "scopes": "patient/*.rs"}}],
    });
    serde_json::from_value(document).unwrap()
}

const CONTEXT: &str = r#"{"partner": "rms", "user": {"id": "u1"}, "patient": "p1"}"#;

/// A launch for Testpatient `p1` whose chart was not pushed, and the app's token for it.
fn grant(store: &dyn Store) {
    let now = clock::now();
    let ends = now + 3_600_000;
    let launch = NewLaunch {
        id: "l1".to_owned(),
        partner: "rms".to_owned(),
        handle: secret_hash("handle"),
        start: None,
        cookie: None,
        session: String::new(),
        patient: None,
        correlation: "c".into(),
        health_number: None,
        start_until: now,
        handle_until: ends,
        ends,
        context: CONTEXT.to_owned(),
        chart: Vec::new(),
    };
    let grant = Grant {
        id: "g1".to_owned(),
        kind: GrantKind::Online,
        launch_id: Some("l1".to_owned()),
        client_id: "app".to_owned(),
        partner: "rms".to_owned(),
        scope: "patient/*.rs".to_owned(),
        context: CONTEXT.to_owned(),
        ends,
        idle_ends: ends,
    };
    let token = NewToken {
        hash: secret_hash(FHIR_TOKEN),
        kind: TokenKind::Access,
        grant_id: Some("g1".to_owned()),
        client_id: "app".to_owned(),
        scope: "patient/*.rs".to_owned(),
        expires: ends,
    };
    store.save_launch(&launch, now).unwrap();
    store.save_grant(&NewGrant { grant, user: None, patient: None }, &token, now).unwrap();
}

fn kit(settings: Settings, questions: Questions) -> Kit {
    let (folder, store) = store::open();
    grant(store.as_ref());
    let signals: Arc<Mutex<Vec<Signal>>> = Arc::default();
    let sink = signals.clone();
    let world = Arc::new(World {
        store,
        settings: Arc::new(settings),
        keys: Arc::new(Keys::new(Vec::new())),
        log: Arc::new(Log::new(100, Level::Debug, clock::now)),
        throttle: Arc::default(),
        signals: Arc::new(move |signal| sink.lock().unwrap().push(signal)),
    });
    let (listen, now) = (world.settings.listen.clone(), world.clone());
    let keys = Arc::new(|_: &_| unreachable!("no partner here publishes keys"));
    let fetches = Arc::new(|_| unreachable!("nothing is behind"));
    let decisions = Arc::new(|| tokio::sync::watch::channel(()).1);
    let options = Options {
        listen,
        world: Arc::new(move || now.clone()),
        questions,
        keys,
        fetches,
        decisions,
        clock: clock::now,
        entropy: clock::random,
    };
    Kit { options, world, signals, folder }
}

impl Kit {
    fn start(self) -> Site {
        let Self { options, world, signals, folder } = self;
        Site { listener: Listener::start(options).unwrap(), world, signals, _folder: folder }
    }
    fn refused(self) -> Error {
        Listener::start(self.options).err().unwrap()
    }
}

fn nobody() -> Questions {
    Arc::new(|_| oneshot::channel().1)
}

fn site(listen: Value, limits: Value) -> Site {
    kit(settings(listen, limits), nobody()).start()
}

fn plain_site(limits: Value) -> Site {
    site(json!({"address": "127.0.0.1:0"}), limits)
}

impl Site {
    fn address(&self) -> SocketAddr {
        self.listener.addresses()[0]
    }
    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }
}

/// The head of a message post with a body of this many bytes.
fn post_head(token: &str, length: u64) -> String {
    format!(
        "POST /fhir/$process-message HTTP/1.1\r\nHost: pos.test\r\nContent-Type: application/fhir+json\r\nAuthorization: Bearer {token}\r\n\
         Content-Length: {length}\r\n\r\n"
    )
}

fn get(path: &str, token: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: pos.test\r\nAuthorization: Bearer {token}\r\n\r\n")
}

/// Reads one whole answer; `None` when the connection ended first.
fn answer(stream: &mut impl Read) -> Option<(u16, String)> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read(&mut byte) {
            Ok(1) => head.push(byte[0]),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => panic!("neither an answer nor an end"),
            _ => return None,
        }
    }
    let head = String::from_utf8(head).unwrap().to_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).map_or(0, |text| text.parse().unwrap());
    stream.read_exact(&mut vec![0; length]).unwrap();
    Some((head[9..12].parse().unwrap(), head))
}

fn ask(stream: &mut (impl Read + Write), request: &str) -> Option<(u16, String)> {
    stream.write_all(request.as_bytes()).ok()?;
    answer(stream)
}

fn status(stream: &mut (impl Read + Write), request: &str) -> u16 {
    ask(stream, request).unwrap().0
}

/// Repeats until true, since another thread has to get there first.
fn eventually(what: &str, mut check: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !check() {
        assert!(Instant::now() < end, "never happened: {what}");
        thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn eight_kept_connections_are_all_answered() {
    let site = plain_site(json!({}));
    let mut streams: Vec<TcpStream> = (0..8).map(|_| site.connect()).collect();
    for _ in 0..5 {
        streams.iter_mut().for_each(|stream| stream.write_all(get("/nothing", "x").as_bytes()).unwrap());
        assert!(streams.iter_mut().all(|stream| answer(stream).unwrap().0 == 404));
    }
    let body = "{}";
    assert_eq!(status(&mut streams[0], &(post_head("token-of-the-messages", 2) + body)), 400);
    let chunked =
        post_head("token-of-the-messages", 2).replace("Content-Length: 2", "Transfer-Encoding: chunked") + "2\r\n{}\r\n0\r\n\r\n";
    assert_eq!(status(&mut streams[0], &chunked), 400);
    assert_eq!(status(&mut streams[0], &get("/nothing", "x")), 404);
}

#[test]
fn an_address_in_use_is_named() {
    let site = plain_site(json!({}));
    let address = site.address().to_string();
    let error = kit(settings(json!({"address": address}), json!({})), nobody()).refused();
    assert_eq!(error.status(), EREF_LISTEN);
    assert!(error.message().contains(&address) && error.message().contains("in use"), "{}", error.message());
}

#[test]
fn nothing_but_loopback_goes_without_tls() {
    let error = kit(settings(json!({"address": "0.0.0.0:0"}), json!({})), nobody()).refused();
    assert_eq!(error.status(), EREF_CONFIG);
}

#[test]
fn trickled_heads_are_cut_off_and_disturb_nobody() {
    let site = plain_site(json!({"head_ms": 1500}));
    let mut trickling: Vec<TcpStream> = (0..50).map(|_| site.connect()).collect();
    trickling.iter_mut().for_each(|stream| stream.write_all(b"GET / HT").unwrap());
    let mut good = site.connect();
    for _ in 0..20 {
        assert_eq!(status(&mut good, &get("/nothing", "x")), 404);
    }
    // More bytes of the head do not win more time.
    let mut last = trickling.pop().unwrap();
    eventually("a trickled head is cut off", || {
        thread::sleep(Duration::from_millis(100));
        last.write_all(b"T").is_err()
    });
    assert!(trickling.iter_mut().all(|stream| answer(stream).is_none()));
    eventually("the cut ones are counted", || site.listener.counts().slow == 50);
}

#[test]
fn an_idle_connection_ends() {
    let site = plain_site(json!({"idle_ms": 100}));
    let mut stream = site.connect();
    assert_eq!(status(&mut stream, &get("/nothing", "x")), 404);
    assert_eq!(site.listener.counts().connections, 1);
    assert!(answer(&mut stream).is_none());
    eventually("it is counted no more", || site.listener.counts().connections == 0);
    assert_eq!(site.listener.counts().slow, 0, "idling is no fault");
}

#[test]
fn connections_beyond_the_limit_are_closed() {
    let site = plain_site(json!({"connections": 2}));
    let mut kept = [site.connect(), site.connect()];
    assert!(kept.iter_mut().all(|stream| status(stream, &get("/nothing", "x")) == 404));
    assert!(ask(&mut site.connect(), &get("/nothing", "x")).is_none());
    let counts = site.listener.counts();
    assert_eq!((counts.connections, counts.refused, counts.slow), (2, 1, 0));
    drop(kept);
    eventually("a place is free again", || ask(&mut site.connect(), &get("/nothing", "x")).is_some());
}

/// A connection from another address of this machine.
#[cfg(target_os = "linux")]
fn connect_from(site: &Site, address: &str) -> TcpStream {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
    let stream = runtime.block_on(async {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::new(address.parse().unwrap(), 0)).unwrap();
        socket.connect(site.address()).await.unwrap().into_std().unwrap()
    });
    stream.set_nonblocking(false).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

#[test]
#[cfg(target_os = "linux")]
fn connections_of_one_address_beyond_its_limit_keep_no_other_address_out() {
    let limits = json!({"connections": 4, "connections_per_address": 2});
    let open = |stream: &mut TcpStream| ask(stream, &get("/nothing", "x")).is_some();
    let site = plain_site(limits.clone());
    let mut kept = [site.connect(), site.connect()];
    assert!(kept.iter_mut().all(open));
    assert!(!open(&mut site.connect()));
    let mut others = [connect_from(&site, "127.0.0.2"), connect_from(&site, "127.0.0.3")];
    assert!(others.iter_mut().all(open));
    assert!(!open(&mut connect_from(&site, "127.0.0.4")), "all places are taken");
    drop(kept);
    eventually("its places are free again", || open(&mut site.connect()));
    // Behind a proxy all come from one address.
    let proxied = self::site(json!({"address": "127.0.0.1:0", "forwarded": true}), limits);
    let mut all = [proxied.connect(), proxied.connect(), proxied.connect(), proxied.connect()];
    assert!(all.iter_mut().all(open));
}

/// Half of them say nothing, half say half a byte now and then: a head that never ends.
#[test]
fn a_good_client_is_answered_beside_a_thousand_idle_or_trickling_ones() {
    const GUESTS: usize = 1_000;
    let (connections, each) = (GUESTS + 1, GUESTS + 1);
    let site = plain_site(json!({"connections": connections, "connections_per_address": each, "head_ms": 60_000}));
    let mut guests: Vec<TcpStream> = (0..GUESTS).map(|_| site.connect()).collect();
    eventually("all are open", || site.listener.counts().connections == GUESTS);
    let mut good = site.connect();
    let line = b"GET /nothing HTTP/1.1";
    for byte in line {
        guests.iter_mut().step_by(2).for_each(|guest| guest.write_all(&[*byte]).unwrap());
        assert_eq!(status(&mut good, &get("/nothing", "x")), 404);
        assert_eq!(status(&mut good, &(post_head("token-of-the-messages", 2) + "{}")), 400);
    }
    let counts = site.listener.counts();
    assert_eq!(
        (counts.connections, counts.refused, counts.slow, counts.body_bytes),
        (GUESTS + 1, 0, 0, 0),
        "they were there all the time"
    );
    // Who stops trickling is served like any other.
    let mut late = guests.swap_remove(0);
    assert_eq!(status(&mut late, "\r\nHost: pos.test\r\n\r\n"), 404);
}

#[test]
fn a_body_announced_too_large_is_refused_unread() {
    let site = plain_site(json!({}));
    let (code, head) = ask(&mut site.connect(), &post_head("token-of-the-messages", 10 << 30)).unwrap();
    assert_eq!(code, 413);
    assert!(head.contains("connection: close"));
}

#[test]
fn a_body_that_grows_too_large_is_refused_and_the_answer_arrives() {
    let site = plain_site(json!({"message_bytes": 1000}));
    let mut stream = site.connect();
    let head = post_head("token-of-the-messages", 0).replace("Content-Length: 0", "Transfer-Encoding: chunked");
    let chunk = format!("3e8\r\n{}\r\n", "x".repeat(1000));
    assert_eq!(status(&mut stream, &(head + &chunk + &chunk + "0\r\n\r\n")), 413);
}

#[test]
fn a_stranger_is_refused_before_the_body_is_read() {
    let site = plain_site(json!({}));
    let head = post_head("x", 1 << 20).replace("Authorization: Bearer x\r\n", "Expect: 100-continue\r\n");
    assert_eq!(status(&mut site.connect(), &head), 401);
}

#[test]
fn a_body_that_does_not_come_is_answered_in_time() {
    let site = plain_site(json!({"body_ms": 100}));
    assert_eq!(status(&mut site.connect(), &(post_head("token-of-the-messages", 100) + "{")), 408);
    assert_eq!(site.listener.counts().slow, 1);
}

#[test]
fn a_trickled_body_ends_however_large_it_is_announced() {
    let site = plain_site(json!({"body_ms": 300}));
    let mut stream = site.connect();
    stream.write_all(post_head("token-of-the-messages", 70 << 20).as_bytes()).unwrap();
    let mut trickle = stream.try_clone().unwrap();
    thread::spawn(move || {
        while trickle.write_all(b"x").is_ok() {
            thread::sleep(Duration::from_millis(20))
        }
    });
    assert_eq!(answer(&mut stream).unwrap().0, 408);
}

#[test]
fn a_body_that_keeps_coming_wins_time_but_not_for_a_pause() {
    let site = plain_site(json!({"body_ms": 2000}));
    let (mut stream, mut pausing) = (site.connect(), site.connect());
    for stream in [&mut stream, &mut pausing] {
        stream.write_all(post_head("token-of-the-messages", (1 << 20) + 12).as_bytes()).unwrap();
        stream.write_all(&vec![b'x'; 1 << 20]).unwrap();
    }
    for _ in 0..12 {
        thread::sleep(Duration::from_millis(200));
        stream.write_all(b"x").unwrap();
    }
    assert_eq!(answer(&mut stream).unwrap().0, 400);
    assert_eq!(answer(&mut pausing).unwrap().0, 408);
}

#[test]
fn all_bodies_together_stay_under_the_limit() {
    let site = plain_site(json!({"in_flight_bytes": 256 << 10}));
    let mut first = site.connect();
    let body = "x".repeat(250_000);
    first.write_all((post_head("token-of-the-messages", 250_000) + &body[1..]).as_bytes()).unwrap();
    let other = post_head("token-of-the-messages", 100_000) + &body[..100_000];
    eventually("the first body is there but for one byte", || site.listener.counts().body_bytes == 250_000);
    assert_eq!(status(&mut site.connect(), &other), 503);
    first.write_all(b"x").unwrap();
    assert_eq!(answer(&mut first).unwrap().0, 400);
    assert_eq!(site.listener.counts().body_bytes, 0);
    assert_eq!(status(&mut site.connect(), &other), 400);
}

#[test]
fn a_fault_in_the_rules_is_a_500_and_the_connection_lives() {
    let mut kit = kit(settings(json!({"address": "127.0.0.1:0"}), json!({})), nobody());
    // The id of the question to the host is the first randomness this request needs.
    kit.options.entropy = || panic!("no randomness for Fakename");
    let site = kit.start();
    let mut stream = site.connect();
    assert_eq!(status(&mut stream, &get("/fhir/Patient/p1", FHIR_TOKEN)), 500);
    assert_eq!(status(&mut stream, &get("/nothing", "x")), 404);
    let lines: Vec<_> = std::iter::from_fn(|| site.world.log.take()).collect();
    assert!(lines.iter().any(|line| line.level == Level::Error));
    assert!(!lines.iter().any(|line| line.text.contains("no randomness") || line.text.contains("Fakename")));
}

#[test]
fn a_question_is_answered_by_the_host() {
    let questions: Questions = Arc::new(|question| {
        assert_eq!((question.kind, question.launch_id.as_str()), ("resource", "l1"));
        let (give, take) = oneshot::channel();
        thread::spawn(move || give.send(Answer::Given(r#"{"resourceType": "Patient", "id": "p1"}"#.to_owned())));
        take
    });
    let site = kit(settings(json!({"address": "127.0.0.1:0"}), json!({})), questions).start();
    assert_eq!(status(&mut site.connect(), &get("/fhir/Patient/p1", FHIR_TOKEN)), 200);
}

#[test]
fn a_question_without_an_answer_is_a_503() {
    let kept: Arc<Mutex<Vec<oneshot::Sender<Answer>>>> = Arc::default();
    let keep = kept.clone();
    let questions: Questions = Arc::new(move |_| {
        let (give, take) = oneshot::channel();
        keep.lock().unwrap().push(give);
        take
    });
    let site = kit(settings(json!({"address": "127.0.0.1:0"}), json!({"question_ms": 100})), questions).start();
    assert_eq!(status(&mut site.connect(), &get("/fhir/Patient/p1", FHIR_TOKEN)), 503);
    assert!(kept.lock().unwrap()[0].is_closed());
}

#[test]
fn stop_lets_a_request_finish_and_takes_no_other() {
    let site = plain_site(json!({}));
    let (address, mut busy, mut idle) = (site.address(), site.connect(), site.connect());
    assert_eq!(status(&mut idle, &get("/nothing", "x")), 404);
    assert_eq!(status(&mut busy, &get("/nothing", "x")), 404);
    busy.write_all(post_head("token-of-the-messages", 2).as_bytes()).unwrap();
    busy.write_all(b"{").unwrap();
    eventually("the request is under way", || site.listener.counts().body_bytes == 2);
    let stopping = thread::spawn(move || site.listener.stop(PATIENCE));
    assert!(answer(&mut idle).is_none());
    busy.write_all(b"}").unwrap();
    assert_eq!(answer(&mut busy).map(|(code, _)| code), Some(400));
    assert!(stopping.join().unwrap());
    assert!(TcpStream::connect(address).is_err());
}

#[test]
fn stop_gives_up_at_its_deadline() {
    let site = plain_site(json!({}));
    let mut busy = site.connect();
    busy.write_all((post_head("token-of-the-messages", 2) + "{").as_bytes()).unwrap();
    eventually("the request is under way", || site.listener.counts().body_bytes == 2);
    assert!(!site.listener.stop(Duration::from_millis(50)));
}

struct Files {
    folder: tempfile::TempDir,
}

impl Files {
    fn new(pair: &Pair) -> Self {
        let files = Self { folder: tempfile::tempdir().unwrap() };
        files.write(pair);
        files
    }
    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }
    fn write(&self, pair: &Pair) {
        std::fs::write(self.path("server.pem"), &pair.certificate).unwrap();
        std::fs::write(self.path("server.key"), &pair.key).unwrap();
    }
    fn listen(&self) -> Value {
        json!({"address": "127.0.0.1:0", "tls": {"certificate": self.path("server.pem"), "key": self.path("server.key")}})
    }
}

fn client(authority: &Authority) -> Client {
    Client::new(&Network { ca: Some(authority.pem.clone()), only_ca: true, ..Network::default() }, None).unwrap()
}

#[test]
fn a_changed_certificate_serves_new_handshakes_and_a_bad_one_keeps_the_old() {
    let (before, after) = (Authority::new(), Authority::new());
    let files = Files::new(&before.server(&["127.0.0.1"]));
    let site = site(files.listen(), json!({}));
    let url = Url::parse(&format!("https://{}/nothing", site.address())).unwrap();
    let accepted = |authority: &Authority| client(authority).get(&url, &[]).is_ok();
    assert!(accepted(&before));
    let changed = after.server(&["127.0.0.1"]);
    std::fs::write(files.path("server.pem"), &changed.certificate).unwrap();
    let alerts = |wanted: bool| {
        let signals = site.signals.lock().unwrap();
        signals.iter().any(|signal| matches!(signal, Signal::Alert { started, .. } if *started == wanted))
    };
    eventually("the mismatch is reported", || accepted(&before) && alerts(true));
    files.write(&changed);
    eventually("the new certificate is in force", || accepted(&after) && alerts(false));
    assert!(!accepted(&before));
}

#[test]
fn unusable_certificates_are_named_by_path() {
    let authority = Authority::new();
    let (one, other) = (authority.server(&["127.0.0.1"]), authority.server(&["127.0.0.1"]));
    let files = Files::new(&Pair { certificate: one.certificate.clone(), key: other.key });
    let refused = |listen: Value| kit(settings(listen, json!({})), nobody()).refused();
    let error = refused(files.listen());
    assert_eq!(error.status(), EREF_CONFIG);
    assert!(error.message().contains("server.key does not belong to"), "{}", error.message());
    std::fs::remove_file(files.path("server.key")).unwrap();
    assert!(refused(files.listen()).message().contains("server.key"));
    std::fs::write(files.path("server.pem"), "nothing").unwrap();
    assert!(refused(files.listen()).message().contains("server.pem holds no certificate"));
    let text = json!({"address": "127.0.0.1:0", "tls": {"certificate": one.certificate, "key": one.key}});
    assert!(Listener::start(kit(settings(text, json!({})), nobody()).options).is_ok());
}

#[test]
fn a_client_certificate_is_demanded_where_configured() {
    let (servers, partners) = (Authority::new(), Authority::new());
    let files = Files::new(&servers.server(&["127.0.0.1"]));
    let mut listen = files.listen();
    listen["for"] = json!(["messaging"]);
    listen["tls"]["client_ca"] = json!(partners.pem);
    let site = site(listen, json!({}));
    let url = Url::parse(&format!("https://{}/nothing", site.address())).unwrap();
    let failure = client(&servers).post(&url, &[], b"{}").unwrap_err();
    assert_eq!((failure.error.status(), failure.sent), (EREF_TLS, false), "{}", failure.error.message());
    assert!(failure.error.message().contains("client certificate"));

    let pair = partners.client();
    let mut stream = tls_stream(&site, &servers, Some(&pair));
    assert_eq!(status(&mut stream, &get("/nothing", "x")), 404);
    let stranger = servers.client();
    assert!(ask(&mut tls_stream(&site, &servers, Some(&stranger)), &get("/nothing", "x")).is_none());
}

fn tls_stream(site: &Site, authority: &Authority, pair: Option<&Pair>) -> StreamOwned<ClientConnection, TcpStream> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(authority.pem.as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let builder = builder.with_root_certificates(roots);
    let config = match pair {
        None => builder.with_no_client_auth(),
        Some(pair) => {
            let chain = CertificateDer::pem_slice_iter(pair.certificate.as_bytes()).map(Result::unwrap).collect();
            builder.with_client_auth_cert(chain, PrivateKeyDer::from_pem_slice(pair.key.as_bytes()).unwrap()).unwrap()
        }
    };
    let name = ServerName::try_from("127.0.0.1").unwrap();
    StreamOwned::new(ClientConnection::new(Arc::new(config), name).unwrap(), site.connect())
}

#[test]
fn a_stalled_handshake_ends_and_disturbs_nobody() {
    let authority = Authority::new();
    let files = Files::new(&authority.server(&["127.0.0.1"]));
    let site = site(files.listen(), json!({"head_ms": 300}));
    let mut stalled: Vec<TcpStream> = (0..20).map(|_| site.connect()).collect();
    assert_eq!(status(&mut tls_stream(&site, &authority, None), &get("/nothing", "x")), 404);
    assert!(stalled.iter_mut().all(|stream| answer(stream).is_none()));
    eventually("the stalled ones are counted", || site.listener.counts().slow == 20);
}
