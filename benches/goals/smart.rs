//! P8, P9, P13: the SMART Server. Reads beside a bare server, TLS beside plain, launches beside signatures, and guests that dawdle.

use std::convert::Infallible;
use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use ereferral::engine::{Config, Engine};
use ereferral::io::crypto;
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use serde_json::{Value, json};

use crate::accept::{MANY, rate};
use crate::certs::{Authority, Pair};
use crate::disk;
use crate::table::Row;

const ROUNDS: usize = 10;
/// Clients of the reads: those of one busy clinic.
const READERS: usize = 8;
/// Launches whose codes are redeemed in a round.
const GRANTS: usize = 320;
/// Connections that dawdle, half of them idle, half sending a byte now and then.
const GUESTS: usize = 1_000;
/// Reads of which the slowest hundredth counts.
const READS: usize = 1_000;
const VERIFIER: &str = "an-invented-verifier-that-is-long-enough-0123456789";

/// Plain or over TLS.
pub trait Stream: Read + Write + Send {}
impl<T: Read + Write + Send> Stream for T {}
pub type Connection = BufReader<Box<dyn Stream>>;

/// A serving engine with a plain and a TLS listener, one app and one chart.
pub struct Server {
    pub engine: Engine,
    pub plain: String,
    secure: String,
    authority: String,
}

fn configuration(folder: &Path, pair: &Pair) -> Value {
    json!({
        "system": {"name": "Fakeville Family Health", "software": "bench", "version": "1", "roles": ["smart-server"]},
        "public_url": "https://pos.test", "test": true, "base_dir": folder,
        "listen": [{"address": "127.0.0.1:0"}, {"address": "127.0.0.1:0", "tls": {"certificate": pair.certificate, "key": pair.key}}],
        "store": {"url": "sqlite:smart.db", "key_file": "smart.key"},
        // What a bench knocks more often than any app, and the guests.
        "limits": {"authorize_per_minute": 1_000_000, "token_per_minute": 1_000_000, "connections": 4096, "connections_per_address": 4096},
        "partners": [{"name": "rms", "roles": ["smart-app"],
            "smart_app": {"client_id": "app", "launch_url": "https://rms.test/launch", "redirect_uris": ["https://rms.test/back"],
                          "scopes": "launch openid fhirUser patient/*.rs", "browser_binding": "off"}}],
    })
}

pub fn server(folder: &Path) -> Server {
    let authority = Authority::new();
    let mut config = Config::new();
    let document = configuration(folder, &authority.server(&["localhost"]));
    config.parse_json(document.to_string().as_bytes()).expect("the configuration is good");
    let engine = Engine::open(&config).expect("the engine opens");
    engine.start().expect("the engine starts");
    let status: Value = serde_json::from_str(&engine.status_json().expect("a status")).expect("JSON");
    let address = |at: usize| status["addresses"][at].as_str().expect("an address").to_owned();
    Server { plain: address(0), secure: address(1), authority: authority.pem.clone(), engine }
}

/// A launch with this much text in its chart.
pub fn launch_request(size: usize) -> Value {
    let note = "Invented history. ".repeat(size / 18);
    json!({"partner": "rms", "user": {"id": "u-1", "fhir_user": "Practitioner/d1"}, "patient": "p1", "chart": [
        {"resourceType": "Patient", "id": "p1", "name": [{"family": "Testpatient"}], "text": {"status": "generated", "div": note}},
        {"resourceType": "Practitioner", "id": "d1", "name": [{"family": "Fakename"}]}]})
}

pub fn plain(address: &str) -> Connection {
    let stream = TcpStream::connect(address).expect("the server listens");
    stream.set_nodelay(true).expect("an option of every socket");
    BufReader::new(Box::new(stream))
}

fn secure(address: &str, authority: &str) -> Connection {
    let stream = TcpStream::connect(address).expect("the server listens");
    stream.set_nodelay(true).expect("an option of every socket");
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(authority.as_bytes()).expect("a certificate")).expect("an authority");
    let config = rustls::ClientConfig::builder_with_protocol_versions(&[&rustls::version::TLS13]);
    let config = config.with_root_certificates(roots).with_no_client_auth();
    let name = "localhost".try_into().expect("a name");
    let connection = rustls::ClientConnection::new(Arc::new(config), name).expect("a client");
    BufReader::new(Box::new(rustls::StreamOwned::new(connection, stream)))
}

/// Sends a request; its status, its Location and its body.
pub fn ask(stream: &mut Connection, request: &str) -> (u16, String, Vec<u8>) {
    stream.get_mut().write_all(request.as_bytes()).and_then(|()| stream.get_mut().flush()).expect("the server reads");
    let mut line = String::new();
    stream.read_line(&mut line).expect("the server answers");
    let status = line.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status");
    let (mut length, mut location) = (0, String::new());
    loop {
        line.clear();
        stream.read_line(&mut line).expect("the server answers");
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.parse().expect("a length"),
            "location" => value.clone_into(&mut location),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).expect("a whole body");
    (status, location, body)
}

fn parameter(url: &str, name: &str) -> String {
    let url = url::Url::parse(url).expect("an address");
    url.query_pairs().find(|(known, _)| known == name).map(|(_, value)| value.into_owned()).unwrap_or_default()
}

/// A new launch that the app was let into: its code.
pub fn code(server: &Server, stream: &mut Connection, size: usize) -> String {
    let launch = server.engine.launch_start(launch_request(size).to_string().as_bytes()).expect("a launch");
    let digest = ring::digest::digest(&ring::digest::SHA256, VERIFIER.as_bytes());
    let query = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs([
            ("response_type", "code"),
            ("client_id", "app"),
            ("redirect_uri", "https://rms.test/back"),
            ("scope", "launch openid fhirUser patient/*.rs"),
            ("state", "invented-state-that-nobody-guesses"),
            ("aud", "https://pos.test/fhir"),
            ("launch", &parameter(&launch.url, "launch")),
            ("code_challenge", &BASE64_URL_SAFE_NO_PAD.encode(digest)),
            ("code_challenge_method", "S256"),
        ])
        .finish();
    let (_, location, body) = ask(stream, &format!("GET /auth/authorize?{query} HTTP/1.1\r\nHost: pos.test\r\n\r\n"));
    let code = parameter(&location, "code");
    assert!(!code.is_empty(), "{location} {}", String::from_utf8_lossy(&body));
    code
}

/// The access token for a code.
pub fn redeem(stream: &mut Connection, code: &str) -> String {
    let form = format!(
        "grant_type=authorization_code&code={code}&redirect_uri=https%3A%2F%2Frms.test%2Fback&client_id=app&code_verifier={VERIFIER}"
    );
    let kind = "Content-Type: application/x-www-form-urlencoded";
    let head = format!("POST /auth/token HTTP/1.1\r\nHost: pos.test\r\n{kind}\r\nContent-Length: {}\r\n\r\n", form.len());
    let (status, _, body) = ask(stream, &(head + &form));
    assert_eq!(status, 200, "{}", String::from_utf8_lossy(&body));
    let answer: Value = serde_json::from_slice(&body).expect("JSON");
    assert!(answer["id_token"].is_string());
    answer["access_token"].as_str().expect("a token").to_owned()
}

pub fn read_request(token: &str) -> String {
    format!(
        "GET /fhir/Patient/p1 HTTP/1.1\r\nHost: pos.test\r\nAuthorization: Bearer {token}\r\nAccept: application/fhir+json\r\n\r\n"
    )
}

/// What sends the request again and again on a connection of its own.
fn reader(mut stream: Connection, request: String) -> Box<dyn FnMut()> {
    Box::new(move || assert_eq!(ask(&mut stream, &request).0, 200))
}

/// A server that does nothing but answer these bytes.
fn bare(bytes: Vec<u8>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback listens");
    let address = listener.local_addr().expect("an address");
    let bytes = Bytes::from(bytes);
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
        runtime.block_on(async move {
            listener.set_nonblocking(true).expect("an option of every socket");
            let listener = tokio::net::TcpListener::from_std(listener).expect("a socket");
            while let Ok((stream, _)) = listener.accept().await {
                let _ = stream.set_nodelay(true);
                let bytes = bytes.clone();
                let answer = hyper::service::service_fn(move |request: hyper::Request<Incoming>| {
                    let bytes = bytes.clone();
                    async move {
                        let _ = request.into_body().collect().await;
                        let response = hyper::Response::builder().header("content-type", "application/fhir+json; charset=utf-8");
                        Ok::<_, Infallible>(response.body(Full::new(bytes)).expect("a response"))
                    }
                });
                let stream = hyper_util::rt::TokioIo::new(stream);
                tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(stream, answer));
            }
        });
    });
    address
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// Reads of a pushed resource: plain beside a bare server of the same bytes, and TLS beside plain.
fn reads(server: &Server, token: &str) -> Vec<Row> {
    let request = read_request(token);
    let (_, _, bytes) = ask(&mut plain(&server.plain), &request);
    let size = bytes.len();
    let bare = bare(bytes).to_string();
    let round = |_| {
        let with = |stream: &(dyn Fn() -> Connection + Sync)| rate(READERS, || reader(stream(), request.clone()));
        let ours = with(&|| plain(&server.plain));
        let other = with(&|| plain(&bare));
        [ours, other, with(&|| secure(&server.secure, &server.authority))]
    };
    let rounds: Vec<[f64; 3]> = (0..ROUNDS).map(round).collect();
    let [ours, other, over_tls] = [0, 1, 2].map(|at| mean(&rounds.iter().map(|round| round[at]).collect::<Vec<_>>()));
    let what = format!("FHIR read of a pushed resource of {:.1} KB, {READERS} clients", size as f64 / 1e3);
    vec![
        Row::at_least(
            "P8",
            &what,
            ours / other,
            0.5,
            "at least 0.5x bare hyper, same bytes",
            format!("{ours:.0}/s beside {other:.0}/s"),
        ),
        Row::at_least(
            "P8",
            "the same over TLS 1.3, keep-alive",
            over_tls / ours,
            0.5,
            "at least 0.5x of plain",
            format!("{over_tls:.0}/s beside {ours:.0}/s"),
        ),
    ]
}

/// RS256 signatures per second, by as many threads as there are clients: on a busy machine fewer would get less of it.
fn signatures() -> f64 {
    let der = crypto::generate_signing_key().expect("a key");
    let pair = RsaKeyPair::from_pkcs8(&der).expect("a key");
    let random = ring::rand::SystemRandom::new();
    rate(MANY, || {
        let (pair, random) = (&pair, &random);
        let mut signature = vec![0; pair.public().modulus_len()];
        Box::new(move || pair.sign(&RSA_PKCS1_SHA256, random, b"invented claims", &mut signature).expect("a signature"))
    })
}

/// Codes redeemed per second by 32 clients, each for an id_token and committed to the store, beside raw signatures.
fn grants(server: &Server) -> Row {
    let round = |_| {
        let codes = Mutex::new(Vec::new());
        thread::scope(|scope| {
            for _ in 0..MANY {
                scope.spawn(|| {
                    let mut stream = plain(&server.plain);
                    for _ in 0..GRANTS / MANY {
                        let code = code(server, &mut stream, 200);
                        codes.lock().expect("a lock").push(code);
                    }
                });
            }
        });
        let start = Instant::now();
        thread::scope(|scope| {
            for _ in 0..MANY {
                scope.spawn(|| {
                    let mut stream = plain(&server.plain);
                    let next = || codes.lock().expect("a lock").pop();
                    while let Some(code) = next() {
                        redeem(&mut stream, &code);
                    }
                });
            }
        });
        (GRANTS as f64 / start.elapsed().as_secs_f64(), signatures())
    };
    let (ours, raw): (Vec<f64>, Vec<f64>) = (0..3).map(round).unzip();
    let (ours, raw) = (mean(&ours), mean(&raw));
    let text = format!("{ours:.0}/s beside {raw:.0} signatures/s");
    Row::at_least("P9", "launch grants, 32 clients, committed", ours / raw, 0.5, "at least 0.5x raw RS256 signatures", text)
}

/// The time within which 99 of 100 reads are answered, in microseconds.
fn p99(server: &Server, request: &str) -> f64 {
    let mut stream = plain(&server.plain);
    let mut times: Vec<f64> = (0..READS)
        .map(|_| {
            let start = Instant::now();
            ask(&mut stream, request);
            start.elapsed().as_secs_f64() * 1e6
        })
        .collect();
    times.sort_by(f64::total_cmp);
    times[READS * 99 / 100]
}

/// One good client beside a thousand that dawdle.
fn guests(server: &Server, token: &str) -> Row {
    let request = read_request(token);
    let mut alone = Vec::new();
    let mut beside = Vec::new();
    for _ in 0..3 {
        alone.push(p99(server, &request));
        let connect = |_| TcpStream::connect(&server.plain).expect("the server listens");
        let _idle: Vec<TcpStream> = (0..GUESTS / 2).map(connect).collect();
        let mut trickling: Vec<TcpStream> = (0..GUESTS / 2).map(connect).collect();
        let (stop, sent) = (AtomicBool::new(false), AtomicU32::new(0));
        thread::scope(|scope| {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    for stream in &mut trickling {
                        sent.fetch_add(u32::from(stream.write_all(b"G").is_ok()), Ordering::Relaxed);
                    }
                    thread::sleep(Duration::from_millis(500));
                }
            });
            while sent.load(Ordering::Relaxed) < (GUESTS / 2) as u32 {
                thread::sleep(Duration::from_millis(1));
            }
            beside.push(p99(server, &request));
            stop.store(true, Ordering::Relaxed);
        });
    }
    let (alone, beside) = (mean(&alone), mean(&beside));
    let text = format!("p99 {beside:.0} us beside {alone:.0} us");
    let what = format!("a good client beside {GUESTS} idle or trickling connections");
    Row::at_most("P13", &what, beside, alone, 2.0, "p99 at most 2x without", text)
}

/// All rows of the SMART Server but the one about many launches.
pub fn rows() -> Vec<Row> {
    let skipped = Row::skipped("P7", "durable accept beside Node and FastAPI that store nothing", "needs Node and FastAPI");
    let folder = disk::folder();
    if let Some(why) = disk::not_durable(&folder) {
        return vec![skipped, Row::skipped("P9", "the SMART Server", &why)];
    }
    crypto::install();
    let place = tempfile::tempdir_in(&folder).expect("a folder can be made");
    let server = server(place.path());
    let mut stream = plain(&server.plain);
    let first = code(&server, &mut stream, 4_000);
    let token = redeem(&mut stream, &first);
    let mut rows = vec![skipped];
    rows.extend(reads(&server, &token));
    rows.push(grants(&server));
    rows.push(guests(&server, &token));
    server.engine.stop(Duration::from_secs(10)).expect("the engine stops");
    rows
}
