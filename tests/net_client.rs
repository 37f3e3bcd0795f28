//! The HTTP client against real sockets: what it says when a partner misbehaves, and whether the request had left.

#[path = "support/certs.rs"]
mod certs;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use certs::{Authority, Pair};
use ereferral::error::{EREF_CONFIG, EREF_FORBIDDEN, EREF_NETWORK, EREF_TIMEOUT, EREF_TLS, EREF_TOO_LARGE};
use ereferral::io::client::{Answer, Client, Failure};
use ereferral::proto::settings::Network;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use url::Url;

trait Wire: Read + Write {}
impl<T: Read + Write> Wire for T {}

/// Reads one request; false at the end of the connection.
fn read_request(wire: &mut dyn Wire) -> bool {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        match wire.read(&mut byte) {
            Ok(1) => head.push(byte[0]),
            _ => return false,
        }
    }
    let head = String::from_utf8(head).unwrap().to_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).map_or(0, |text| text.parse().unwrap());
    wire.read_exact(&mut vec![0; length]).is_ok()
}

fn answer_ok(wire: &mut dyn Wire) {
    while read_request(wire) {
        wire.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nRetry-After: 7\r\n\r\nfine\n").unwrap();
    }
}

/// Serves each connection with `partner`; counts the connections.
fn plain(partner: fn(&mut dyn Wire)) -> (SocketAddr, Arc<AtomicUsize>) {
    serve(move |mut stream| partner(&mut stream))
}

fn tls(pair: &Pair, partner: fn(&mut dyn Wire)) -> (SocketAddr, Arc<AtomicUsize>) {
    let chain = CertificateDer::pem_slice_iter(pair.certificate.as_bytes()).map(Result::unwrap).collect();
    let key = PrivateKeyDer::from_pem_slice(pair.key.as_bytes()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = Arc::new(builder.with_no_client_auth().with_single_cert(chain, key).unwrap());
    serve(move |stream| partner(&mut StreamOwned::new(ServerConnection::new(config.clone()).unwrap(), stream)))
}

fn serve(partner: impl Fn(TcpStream) + Send + Sync + 'static) -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (address, count, partner) = (listener.local_addr().unwrap(), Arc::new(AtomicUsize::new(0)), Arc::new(partner));
    let counter = count.clone();
    thread::spawn(move || {
        for stream in listener.incoming() {
            counter.fetch_add(1, Ordering::SeqCst);
            let partner = partner.clone();
            thread::spawn(move || partner(stream.unwrap()));
        }
    });
    (address, count)
}

fn network(authority: &Authority) -> Network {
    Network { ca: Some(authority.pem.clone()), only_ca: true, connect_ms: 5_000, total_ms: 10_000, ..Network::default() }
}

fn impatient() -> Network {
    Network { connect_ms: 400, total_ms: 400, ..network(&Authority::new()) }
}

fn post(network: &Network, url: &str) -> Result<Answer, Failure> {
    Client::new(network, None).unwrap().post(&Url::parse(url).unwrap(), &[("Content-Type", "text/plain")], b"Testpatient")
}

#[test]
fn posts_over_tls_and_uses_the_connection_again() {
    let authority = Authority::new();
    let (address, connections) = tls(&authority.server(&["127.0.0.1"]), answer_ok);
    let client = Client::new(&network(&authority), None).unwrap();
    let url = Url::parse(&format!("https://{address}/x")).unwrap();
    for _ in 0..3 {
        let answer = client.post(&url, &[], b"{}").unwrap();
        assert_eq!((answer.status, answer.body.as_slice()), (200, b"fine\n".as_slice()));
        assert_eq!(answer.headers["retry-after"], "7");
    }
    assert_eq!(client.get(&url, &[]).unwrap().status, 200);
    assert_eq!(connections.load(Ordering::SeqCst), 1);
}

#[test]
fn trusts_the_partners_own_authority_beside_the_systems() {
    let authority = Authority::new();
    let (address, _) = tls(&authority.server(&["127.0.0.1"]), answer_ok);
    let client = Client::new(&Network::default(), Some(&authority.pem)).unwrap();
    assert_eq!(client.get(&Url::parse(&format!("https://{address}/")).unwrap(), &[]).unwrap().status, 200);
}

#[test]
fn names_why_tls_failed_and_that_nothing_was_sent() {
    let (ours, other) = (Authority::new(), Authority::new());
    let cases = [
        (other.server(&["127.0.0.1"]), "unknown issuer"),
        (ours.expired(&["127.0.0.1"]), "expired"),
        (ours.server(&["elsewhere.test"]), "name mismatch"),
    ];
    for (pair, word) in cases {
        let (address, _) = tls(&pair, answer_ok);
        let failure = post(&network(&ours), &format!("https://{address}/")).unwrap_err();
        assert_eq!(failure.error.status(), EREF_TLS);
        assert!(failure.error.message().contains(word), "{}", failure.error.message());
        assert!(!failure.sent);
    }
}

#[test]
fn tls_to_a_plain_server_is_named() {
    let (address, _) = plain(|wire| drop(wire.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")));
    let failure = post(&impatient(), &format!("https://{address}/")).unwrap_err();
    assert_eq!(failure.error.status(), EREF_TLS);
    assert!(failure.error.message().contains("does not speak TLS"), "{}", failure.error.message());
}

#[test]
fn a_refused_connection_sent_nothing() {
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let failure = post(&impatient(), &format!("http://{address}/")).unwrap_err();
    assert_eq!((failure.error.status(), failure.sent), (EREF_NETWORK, false));
    assert!(failure.error.message().contains("refused"));
}

#[test]
fn a_name_that_leads_nowhere_is_named() {
    // Names under .invalid never resolve (RFC 6761 6.4).
    let failure = post(&network(&Authority::new()), "https://partner.invalid/").unwrap_err();
    assert_eq!((failure.error.status(), failure.sent), (EREF_NETWORK, false));
    assert!(failure.error.message().contains("name lookup failed for partner.invalid"), "{}", failure.error.message());
}

#[test]
fn a_partner_that_takes_the_request_and_never_answers_has_it() {
    let (address, _) = plain(|wire| while read_request(wire) {});
    let failure = post(&impatient(), &format!("http://{address}/")).unwrap_err();
    assert_eq!((failure.error.status(), failure.sent), (EREF_TIMEOUT, true));
    assert!(failure.error.is_retriable());
}

#[test]
fn a_partner_that_accepts_and_never_shakes_hands_has_nothing() {
    let (address, _) = plain(|wire| drop(wire.read_to_end(&mut Vec::new())));
    let failure = post(&impatient(), &format!("https://{address}/")).unwrap_err();
    assert_eq!((failure.error.status(), failure.sent), (EREF_TIMEOUT, false));
}

#[test]
fn a_partner_that_hangs_up_after_the_request_has_it() {
    let (address, _) = plain(|wire| assert!(read_request(wire)));
    let failure = post(&impatient(), &format!("http://{address}/")).unwrap_err();
    assert_eq!((failure.error.status(), failure.sent), (EREF_NETWORK, true));
}

#[test]
fn an_answer_beyond_the_limit_is_cut_and_keeps_its_status() {
    let announced: fn(&mut dyn Wire) = |wire| {
        read_request(wire);
        drop(wire.write_all(b"HTTP/1.1 201 Created\r\nContent-Length: 10737418240\r\n\r\nx"));
        drop(wire.read(&mut [0]));
    };
    let endless: fn(&mut dyn Wire) = |wire| {
        read_request(wire);
        drop(wire.write_all(b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n"));
        while wire
            .write_all(b"400\r\n")
            .and_then(|()| wire.write_all(&[b'x'; 0x400]))
            .and_then(|()| wire.write_all(b"\r\n"))
            .is_ok()
        {}
    };
    for partner in [announced, endless] {
        let (address, _) = plain(partner);
        let network = Network { answer_bytes: 100_000, ..network(&Authority::new()) };
        let failure = post(&network, &format!("http://{address}/")).unwrap_err();
        assert_eq!((failure.error.status(), failure.error.http_status(), failure.sent), (EREF_TOO_LARGE, 201, true));
    }
}

#[test]
fn a_trickled_answer_ends_at_the_total_deadline() {
    let (address, _) = plain(|wire| {
        read_request(wire);
        drop(wire.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n"));
        while wire.write_all(b"x").is_ok() {
            thread::sleep(std::time::Duration::from_millis(20));
        }
    });
    let failure = post(&impatient(), &format!("http://{address}/")).unwrap_err();
    assert_eq!((failure.error.status(), failure.error.http_status(), failure.sent), (EREF_TIMEOUT, 200, true));
}

#[test]
fn a_large_letter_has_the_time_of_a_slow_line() {
    let (address, _) = plain(|wire| {
        // Much longer than the impatient client waits for anything small.
        thread::sleep(std::time::Duration::from_millis(1500));
        answer_ok(wire);
    });
    let (url, letter) = (Url::parse(&format!("http://{address}/")).unwrap(), vec![b'x'; 24 << 20]);
    assert_eq!(Client::new(&impatient(), None).unwrap().post(&url, &[], &letter).unwrap().status, 200);
}

#[test]
fn follows_no_redirect() {
    let (address, connections) = plain(|wire| {
        while read_request(wire) {
            wire.write_all(b"HTTP/1.1 307 Temporary Redirect\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n").unwrap();
        }
    });
    assert_eq!(post(&impatient(), &format!("http://{address}/")).unwrap().status, 307);
    assert_eq!(connections.load(Ordering::SeqCst), 1);
}

#[test]
fn a_guarded_client_dials_private_addresses_only_where_it_may_and_metadata_never() {
    let authority = Authority::new();
    let (address, connections) = tls(&authority.server(&["127.0.0.1", "localhost"]), answer_ok);
    let get = |private, host: &str| {
        let url = Url::parse(&format!("https://{host}:{}/", address.port())).unwrap();
        Client::guarded(&network(&authority), None, None, private).unwrap().get(&url, &[])
    };
    for host in ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "169.254.169.254"] {
        let failure = get(false, host).unwrap_err();
        assert_eq!((failure.error.status(), failure.sent), (EREF_FORBIDDEN, false));
        assert!(failure.error.message().contains("no address that may be fetched from"), "{}", failure.error.message());
    }
    assert!(get(true, "169.254.169.254").unwrap_err().error.message().contains("no address that may be fetched from"));
    assert_eq!(connections.load(Ordering::SeqCst), 0);
    assert_eq!(get(true, "127.0.0.1").unwrap().status, 200);
    assert_eq!(get(true, "localhost").unwrap().status, 200);
}

#[test]
fn plain_http_leaves_for_loopback_only() {
    let failure = post(&impatient(), "http://partner.test/").unwrap_err();
    assert_eq!((failure.error.status(), failure.sent), (EREF_CONFIG, false));
}

#[test]
fn wrong_settings_are_named_and_do_not_panic() {
    let wrong = |network: Network| Client::new(&network, None).err().unwrap();
    let none = Network { only_ca: true, ..Network::default() };
    assert!(wrong(none).message().contains("only_ca"));
    let path = Network { ca: Some("/nowhere/ca.pem".to_owned()), ..Network::default() };
    assert!(wrong(path).message().contains("/nowhere/ca.pem"));
    let text = Network { ca: Some("-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----".to_owned()), ..Network::default() };
    assert_eq!(wrong(text).status(), EREF_CONFIG);
    let socks = Network { proxy: Some("socks5://127.0.0.1:1080".to_owned()), ..network(&Authority::new()) };
    assert!(wrong(socks).message().contains("network.proxy"));
}
