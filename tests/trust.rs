//! Who sends, over real TLS: client certificates, published keys, our own token endpoint, and what a configuration may not say.

#[path = "support/clinic.rs"]
mod clinic;
#[path = "support/tokens.rs"]
mod tokens;

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use clinic::certs::{Authority, Pair};
use clinic::partner::{Partner, Reply};
use clinic::{Clinic, Serving, notification, parsed, until};
use ereferral::engine::{Config, Engine};
use ereferral::error::EREF_CONFIG;
use ereferral::io::clock;
use ereferral::io::jwks::KeySets;
use ereferral::log::{Level, Log};
use ereferral::proto::jwt::{KeySet, KeysAt, KeysWanted};
use ereferral::proto::settings::Network;
use ereferral::proto::store::event_kind::{ALERT, MESSAGE};
use rcgen::{DistinguishedName, DnType, SanType, date_time_ymd};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::{Value, json};
use tokens::Signer;
use url::Url;

const AUDIENCE: &str = "https://pos.test/fhir";

/// Partners known by these, beside nobody else.
fn partners(document: &mut Value, inbound: &[(&str, Value)]) {
    let partner = |(name, inbound): &(&str, Value)| json!({"name": name, "roles": ["rms-source", "rms-target"], "messaging": {"inbound": inbound}});
    document["partners"] = inbound.iter().map(partner).collect();
}

/// A second listener that asks for client certificates of this authority.
fn ask_for_certificates(document: &mut Value, authority: &Authority) {
    let mut listen = document["listen"][0].clone();
    (listen["for"], listen["tls"]["client_ca"]) = (json!(["messaging"]), json!(authority.pem));
    document["listen"].as_array_mut().unwrap().push(listen);
}

/// Posts a message to the listener of that number with a client certificate. `None` when the handshake is refused.
fn send(pos: &Serving, number: usize, servers: &Authority, pair: Option<&Pair>, token: Option<&str>, body: &[u8]) -> Option<u16> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(servers.pem.as_bytes()).unwrap()).unwrap();
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
    let status = pos.status();
    let stream = TcpStream::connect(status["addresses"][number].as_str().unwrap()).unwrap();
    let connection = ClientConnection::new(Arc::new(config), ServerName::try_from("127.0.0.1").unwrap()).unwrap();
    let mut stream = StreamOwned::new(connection, stream);
    let authorization = token.map_or_else(String::new, |token| format!("Authorization: Bearer {token}\r\n"));
    let head = format!(
        "POST /fhir/$process-message HTTP/1.1\r\nHost: pos.test\r\nContent-Type: application/fhir+json\r\n{authorization}Content-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body)).and_then(|()| stream.flush()).ok()?;
    let mut answer = Vec::new();
    // A refused certificate shows when the answer is read.
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).split(' ').nth(1)?.parse().ok()
}

fn thumbprint(pair: &Pair) -> String {
    let der = CertificateDer::from_pem_slice(pair.certificate.as_bytes()).unwrap();
    ring::digest::digest(&ring::digest::SHA256, &der).as_ref().iter().map(|byte| format!("{byte:02X}:")).collect::<String>()
}

fn named(authority: &Authority, common: &str, names: &[SanType]) -> Pair {
    authority.client_with(|params| {
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CountryName, "CA");
        params.distinguished_name.push(DnType::OrganizationName, "The RMS, \"Inc\"");
        params.distinguished_name.push(DnType::CommonName, common);
        params.subject_alt_names = names.to_vec();
    })
}

#[test]
fn a_client_certificate_is_an_identity() {
    let (clinic, authority) = (Clinic::new(), Authority::new());
    let dns = |name: &str| SanType::DnsName(name.try_into().unwrap());
    let by_dns = named(&authority, "a", &[dns("first.example"), dns("rms.example")]);
    let by_uri = named(&authority, "b", &[SanType::URI("urn:rms:7".try_into().unwrap())]);
    let pinned = SanType::DnsName("pinned.example".try_into().unwrap());
    let (by_both, renewed) = (named(&authority, "e", std::slice::from_ref(&pinned)), named(&authority, "e", &[pinned]));
    let (by_subject, by_thumbprint) = (named(&authority, "c", &[]), named(&authority, "d", &[]));
    let pos = clinic.start(|document| {
        ask_for_certificates(document, &authority);
        let (digits, both) = (thumbprint(&by_thumbprint), thumbprint(&by_both));
        let rules = [
            ("e", json!({"certificate": {"dns": "pinned.example", "sha256": [both.trim_end_matches(':')]}})),
            ("a", json!({"certificate": {"dns": "RMS.example"}})),
            ("b", json!({"certificate": {"uri": "urn:rms:7"}})),
            ("c", json!({"certificate": {"subject": "CN=c,O=The RMS\\, \\\"Inc\\\",C=CA"}})),
            ("d", json!({"certificate": {"sha256": ["00".repeat(32), digits.trim_end_matches(':')]}, "bearer": "bearer-beside-certificate"})),
        ];
        partners(document, &rules);
    });
    let send = |name: &str, pair: Option<&Pair>, token| {
        send(&pos, 1, &clinic.authority, pair, token, &notification(&format!("mh-{name}"), &format!("b-{name}"), name))
    };
    for (name, pair, token) in [
        ("a", &by_dns, None),
        ("b", &by_uri, None),
        ("e", &by_both, None),
        ("c", &by_subject, None),
        ("d", &by_thumbprint, Some("bearer-beside-certificate")),
    ] {
        assert_eq!(send(name, Some(pair), token), Some(200), "{name}");
        let mut event = pos.event(MESSAGE);
        assert_eq!(
            (parsed(event.document().as_bytes())["partner"].as_str(), &parsed(event.document().as_bytes())["trusted"]),
            (Some(name), &json!(true))
        );
        event.done().unwrap();
    }
    assert_eq!(send("x", Some(&renewed), None), Some(401), "the right name in a certificate of another thumbprint");
    assert_eq!(send("x", Some(&by_thumbprint), None), Some(401), "the bearer beside it is missing");
    assert_eq!(send("x", Some(&by_thumbprint), Some("bearer-beside-certificate-2")), Some(401));
    // Names that only look alike.
    for wrong in [
        named(&authority, "c ", &[dns("x.rms.example"), dns("rms.example.x")]),
        named(&authority, "rms.example", &[dns("*.example")]),
        named(&authority, "c,O=x", &[SanType::URI("urn:rms:77".try_into().unwrap())]),
        authority.client_with(|params| params.distinguished_name.push(DnType::CommonName, "c")),
    ] {
        assert_eq!(send("x", Some(&wrong), None), Some(401));
    }
    // What is not verified never arrives.
    let expired = authority.client_with(|params| {
        (params.not_before, params.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(2020, 2, 1));
        params.subject_alt_names = vec![dns("rms.example")];
    });
    let stranger = named(&Authority::new(), "a", &[dns("rms.example")]);
    let server = authority.server(&["rms.example"]);
    for pair in [None, Some(&expired), Some(&stranger), Some(&server)] {
        assert_eq!(send("x", pair, Some("bearer-beside-certificate")), None);
    }
    // And a listener that does not ask for certificates cannot be shown one.
    let body = notification("mh-x", "b-x", "x");
    assert_eq!(self::send(&pos, 0, &clinic.authority, Some(&by_dns), None, &body), Some(401));
    pos.assert_no_event(MESSAGE);
}

#[test]
fn a_revoked_certificate_never_arrives() {
    let (clinic, authority) = (Clinic::new(), Authority::new());
    let certificate = |number: u64| {
        authority.client_with(|params| {
            params.serial_number = Some(number.into());
            params.subject_alt_names = vec![SanType::DnsName("rms.example".try_into().unwrap())];
        })
    };
    let pos = clinic.start(|document| {
        ask_for_certificates(document, &authority);
        document["listen"][1]["tls"]["client_crl"] = json!(authority.revocation_list(&[7]));
        partners(document, &[("a", json!({"certificate": {"dns": "rms.example"}}))]);
    });
    let body = notification("mh-a", "b-a", "R-1");
    assert_eq!(send(&pos, 1, &clinic.authority, Some(&certificate(7)), None, &body), None);
    assert_eq!(send(&pos, 1, &clinic.authority, Some(&certificate(8)), None, &body), Some(200));
}

fn claims() -> Value {
    let now = clock::now() / 1000;
    json!({"iss": "https://login.example/", "aud": AUDIENCE, "sub": "rms", "exp": now + 300, "iat": now})
}

fn jwks_url(publisher: &Partner) -> String {
    format!("https://{}/jwks.json", publisher.address)
}

fn published(keys: &Value) -> Reply {
    Reply::Answer(200, "", keys.to_string().into_bytes())
}

fn jwt_rule(publisher: &Partner, private: bool) -> Value {
    json!({"jwt": {"issuer": "https://login.example/", "audience": AUDIENCE, "jwks_url": jwks_url(publisher), "private": private}})
}

#[test]
fn the_keys_of_an_issuer_are_fetched_once_and_again_for_a_new_one() {
    let clinic = Clinic::new();
    let publisher = Partner::new(&clinic.authority);
    let (signer, stranger) = (Signer::new("ES256", "k1"), Signer::new("ES256", "k2"));
    publisher.script([published(&signer.jwks()), published(&json!({"keys": [signer.jwk(), stranger.jwk()]}))]);
    let pos = clinic.start(|document| partners(document, &[("rms", jwt_rule(&publisher, true))]));
    for number in 1..=3 {
        let body = notification(&format!("mh-{number}"), &format!("b-{number}"), "R-1");
        assert_eq!(pos.message(&signer.token(&claims()), &body).status, 200);
    }
    assert_eq!(publisher.messages().len(), 1);
    assert!(publisher.messages()[0].head.starts_with("GET /jwks.json HTTP/1.1\r\n"));
    // Its key is new, but the set was fetched less than a minute ago.
    assert_eq!(pos.message(&stranger.token(&claims()), &notification("mh-4", "b-4", "R-1")).status, 401);
    assert_eq!(publisher.messages().len(), 1);
}

#[test]
fn a_private_address_of_keys_is_not_dialled_unless_it_may_be() {
    let clinic = Clinic::new();
    let publisher = Partner::new(&clinic.authority);
    let signer = Signer::new("ES256", "k1");
    let mut rule = jwt_rule(&publisher, false);
    // By number the configuration is refused; a name shows only when it is looked up.
    rule["jwt"]["jwks_url"] = json!(format!("https://localhost:{}/jwks.json", publisher.address.port()));
    let pos = clinic.start(|document| partners(document, &[("rms", rule)]));
    let answer = pos.message(&signer.token(&claims()), &notification("mh-1", "b-1", "R-1"));
    assert_eq!((answer.status, answer.headers["retry-after"].to_str().unwrap()), (503, "30"));
    assert!(publisher.messages().is_empty());
    let log = std::iter::from_fn(|| pos.engine.log_next()).map(|line| line.text + "\n").collect::<String>();
    assert!(log.contains("no address that may be fetched from"), "{log}");
}

#[test]
fn a_silent_issuer_keeps_nobody_else_waiting() {
    // More than the threads that step exchanges.
    const STUCK: usize = 40;
    let clinic = Clinic::new();
    let publisher = Partner::new(&clinic.authority);
    publisher.script([Reply::Silent]);
    let signer = Signer::new("ES256", "k1");
    let rules = [("rms", jwt_rule(&publisher, true)), ("other", json!({"bearer": "bearer-of-the-other-1"}))];
    let pos = clinic.start(|document| partners(document, &rules));
    let (begun, ended) = (AtomicUsize::new(0), AtomicUsize::new(0));
    thread::scope(|scope| {
        for number in 0..STUCK {
            let (pos, begun, ended, token) = (&pos, &begun, &ended, signer.token(&claims()));
            scope.spawn(move || {
                begun.fetch_add(1, Ordering::SeqCst);
                let status = pos.message(&token, &notification(&format!("mh-{number}"), &format!("b-{number}"), "R-1")).status;
                ended.fetch_add(1, Ordering::SeqCst);
                assert_eq!(status, 503);
            });
        }
        until("the fetch", || publisher.messages().len() == 1 && begun.load(Ordering::SeqCst) == STUCK);
        until("the connections", || pos.status()["listener"]["connections"].as_u64().is_none_or(|open| open >= STUCK as u64));
        assert_eq!(pos.message("bearer-of-the-other-1", &notification("mh-o", "b-o", "R-2")).status, 200);
        assert_eq!(ended.load(Ordering::SeqCst), 0, "they still wait");
    });
    assert_eq!(publisher.messages().len(), 1, "one fetch for all of them");
}

/// A cache by itself, with a clock of the test's own.
struct Cache {
    sets: Arc<KeySets>,
    network: Network,
    log: Arc<Log>,
    at: KeysAt,
}

impl Cache {
    fn new(authority: &Authority, publisher: &Partner) -> Self {
        let network = Network { ca: Some(authority.pem.clone()), only_ca: true, total_ms: 2000, ..Network::default() };
        let at = KeysAt { url: Url::parse(&jwks_url(publisher)).unwrap(), private: true, ca: None };
        Self { sets: Arc::default(), network, log: Arc::new(Log::new(100, Level::Debug, clock::now)), at }
    }

    fn ask(&self, kid: &str, second: i64) -> tokio::sync::oneshot::Receiver<Option<KeySet>> {
        let wanted = KeysWanted { at: self.at.clone(), kid: kid.to_owned() };
        self.sets.look(&wanted, &self.network, &self.log, 1_800_000_000_000 + second * 1000)
    }

    /// Whether the set was had and holds that key.
    fn has(&self, kid: &str, second: i64) -> Option<bool> {
        self.ask(kid, second).blocking_recv().unwrap().map(|keys| keys.has(kid))
    }
}

#[test]
fn a_key_set_is_good_as_long_as_it_says_and_no_longer() {
    let authority = Authority::new();
    let signer = Signer::new("ES256", "k1");
    for (header, seconds) in [
        ("", 300),
        ("Cache-Control: public, max-age=600\r\n", 600),
        ("Cache-Control: max-age=1\r\n", 1),
        ("Cache-Control: no-store\r\n", 0),
        ("Cache-Control: max-age=99999999999999999999\r\n", 0),
        ("Cache-Control: max-age=999999\r\n", 86_400),
    ] {
        let publisher = Partner::new(&authority);
        let reply = Reply::Answer(200, header, signer.jwks().to_string().into_bytes());
        publisher.script([reply.clone(), reply]);
        let cache = Cache::new(&authority, &publisher);
        assert_eq!(cache.has("k1", 0), Some(true));
        assert!(seconds == 0 || cache.has("k1", seconds - 1) == Some(true));
        assert_eq!(publisher.messages().len(), 1, "{header}");
        assert_eq!(cache.has("k1", seconds), Some(true));
        assert_eq!(publisher.messages().len(), 2, "{header}");
    }
}

#[test]
fn an_unknown_key_is_looked_for_once_a_minute_and_a_failure_is_remembered() {
    let authority = Authority::new();
    let publisher = Partner::new(&authority);
    let (signer, second) = (Signer::new("ES256", "k1"), Signer::new("ES256", "k2"));
    publisher.script([
        published(&signer.jwks()),
        published(&signer.jwks()),
        Reply::Answer(500, "", Vec::new()),
        published(&second.jwks()),
    ]);
    let cache = Cache::new(&authority, &publisher);
    // One fetch for all that ask meanwhile.
    let waiting: Vec<_> = (0..20).map(|_| cache.ask("k1", 0)).collect();
    assert!(waiting.into_iter().all(|waiting| waiting.blocking_recv().unwrap().is_some()));
    assert_eq!(publisher.messages().len(), 1);
    assert_eq!((cache.has("k2", 0), cache.has("k3", 59)), (Some(false), Some(false)));
    assert_eq!(publisher.messages().len(), 1);
    assert_eq!((cache.has("k2", 60), cache.has("k2", 119)), (Some(false), Some(false)));
    assert_eq!(publisher.messages().len(), 2);
    // A fetch that fails leaves what is good, and is not repeated at once.
    assert_eq!((cache.has("k2", 120), cache.has("k1", 121), cache.has("k2", 179)), (Some(false), Some(true), Some(false)));
    assert_eq!(publisher.messages().len(), 3);
    assert_eq!((cache.has("k2", 180), cache.has("k1", 181)), (Some(true), Some(false)));
    assert_eq!(publisher.messages().len(), 4);
    // After its life nothing is left; the replies of the script are over, and what comes is no key set.
    let gone = 180 + 3600;
    assert_eq!((cache.has("k2", gone), cache.has("k2", gone + 9)), (None, None));
    assert_eq!(publisher.messages().len(), 5);
    assert_eq!(cache.has("k2", gone + 10), None);
    assert_eq!(publisher.messages().len(), 6);
}

#[test]
fn what_is_no_key_set_is_not_taken() {
    let authority = Authority::new();
    let jwks = Signer::new("ES256", "k1").jwks();
    let elsewhere = Partner::new(&authority);
    let padded = |size: usize| format!("{jwks}{}", " ".repeat(size - jwks.to_string().len())).into_bytes();
    let cases = [
        (Reply::Answer(200, "", padded(64 << 10)), Some(true)),
        (Reply::Answer(200, "", padded((64 << 10) + 1)), None),
        (Reply::Answer(302, "Location: https://127.0.0.1/jwks.json\r\n", jwks.to_string().into_bytes()), None),
        (Reply::Answer(404, "", jwks.to_string().into_bytes()), None),
        (Reply::Answer(200, "", b"<html>".to_vec()), None),
        (Reply::Answer(200, "", b"{\"keys\":[]}".to_vec()), None),
        (Reply::Answer(200, "", json!({"keys": vec![jwks["keys"][0].clone(); 51]}).to_string().into_bytes()), None),
        (Reply::Break, None),
        (Reply::Trickle, None),
        (Reply::Silent, None),
    ];
    for (reply, expected) in cases {
        let publisher = Partner::new(&authority);
        publisher.script([reply]);
        let cache = Cache::new(&authority, &publisher);
        assert_eq!(cache.has("k1", 0), expected);
        assert_eq!(publisher.messages().len(), 1);
    }
    assert!(elsewhere.messages().is_empty());
    let strange = Cache::new(&Authority::new(), &Partner::new(&authority));
    assert_eq!(strange.has("k1", 0), None, "a publisher of an authority that is not trusted");
}

#[test]
fn keys_are_not_fetched_in_clear() {
    let authority = Authority::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut cache = Cache::new(&authority, &Partner::new(&authority));
    cache.at.url = Url::parse(&format!("http://{}/jwks.json", listener.local_addr().unwrap())).unwrap();
    assert_eq!(cache.has("k1", 0), None);
    listener.set_nonblocking(true).unwrap();
    assert!(listener.accept().is_err(), "nobody came");
}

#[test]
fn our_own_token_is_had_in_four_ways_and_is_good_for_messages_only() {
    let clinic = Clinic::new();
    let publisher = Partner::new(&clinic.authority);
    let signer = Signer::new("ES384", "k1");
    publisher.script([published(&signer.jwks())]);
    let secret = "secret of rms: +%&=";
    let client = json!([
        {"client_credentials": {"client_id": "rms client", "client_secret": secret}},
        {"client_credentials": {"client_id": "rms client", "private_key_jwt": {"jwks_url": jwks_url(&publisher), "private": true}}},
    ]);
    let other = json!({"client_credentials": {"client_id": "other", "client_secret": "invented-secret-of-other"}});
    let pos = clinic.start(|document| {
        document["system"]["roles"] = json!(["smart-server", "rms-source", "rms-target"]);
        partners(document, &[("rms", client), ("other", other)]);
    });
    let encode = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let basic = |id: &str, secret: &str| format!("Basic {}", BASE64_STANDARD.encode(format!("{id}:{secret}")));
    let form = |pairs: &[(&str, &str)]| {
        let all = [("grant_type", "client_credentials")].into_iter().chain(pairs.iter().copied());
        url::form_urlencoded::Serializer::new(String::new()).extend_pairs(all).finish()
    };
    let now = clock::now() / 1000;
    let assertion =
        json!({"iss": "rms client", "sub": "rms client", "aud": "https://pos.test/auth/token", "exp": now + 300, "jti": "a1"});
    let ways = [
        (form(&[("client_id", "rms client"), ("client_secret", secret)]), None),
        (form(&[("scope", "anything/*.*")]), Some(basic("rms client", secret))),
        (form(&[]), Some(basic(&encode("rms client"), &encode(secret)))),
        (
            form(&[
                ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
                ("client_assertion", &signer.token(&assertion)),
            ]),
            None,
        ),
    ];
    let ask = |body: &str, authorization: Option<&str>| {
        let mut headers = vec![("content-type", "application/x-www-form-urlencoded")];
        headers.extend(authorization.map(|value| ("authorization", value)));
        pos.post("/auth/token", &headers, body.as_bytes())
    };
    for (number, (body, authorization)) in ways.iter().enumerate() {
        let answer = ask(body, authorization.as_deref());
        assert_eq!((answer.status, answer.headers["cache-control"].to_str().unwrap()), (200, "no-store"), "way {number}");
        let document = parsed(&answer.body);
        assert_eq!((&document["token_type"], &document["expires_in"]), (&json!("Bearer"), &json!(3600)));
        assert!(document.get("scope").is_none() && document.get("refresh_token").is_none());
        let token = document["access_token"].as_str().unwrap();
        assert_eq!(
            pos.message(token, &notification(&format!("mh-{number}"), &format!("b-{number}"), "R-1")).status,
            200,
            "way {number}"
        );
        let mut event = pos.event(MESSAGE);
        assert_eq!(parsed(event.document().as_bytes())["partner"], "rms");
        event.done().unwrap();
        good_for_nothing_else(&pos, token);
    }
    // It is the token of the partner that fetched it: what the other says of the same number is of another referral.
    let answer = ask(&form(&[("client_id", "other"), ("client_secret", "invented-secret-of-other")]), None);
    let token = parsed(&answer.body)["access_token"].as_str().unwrap().to_owned();
    assert_eq!(pos.message(&token, &notification("mh-x", "b-x", "R-1")).status, 200);
    let told = parsed(pos.event(MESSAGE).document().as_bytes());
    assert_eq!((&told["partner"], &told["unlinked"]), (&json!("other"), &json!(true)));
    assert_eq!(ask(&form(&[("client_id", "other"), ("client_secret", secret)]), None).status, 401);
    assert_eq!(ask(&ways[3].0, None).status, 401, "an assertion is good once");
}

fn good_for_nothing_else(pos: &Serving, token: &str) {
    let bearer = format!("Bearer {token}");
    let headers = [("authorization", bearer.as_str())];
    for path in ["/fhir/Patient/1", "/fhir/Patient", "/fhir/DocumentReference/1", "/fhir/Practitioner/1", "/fhir/$process-message"]
    {
        let answer = pos.get(path, &headers);
        assert!([401, 403, 405].contains(&answer.status), "{path}: {}", answer.status);
    }
    let posted = |path: &str, kind: &str, body: &str| pos.post(path, &[headers[0], ("content-type", kind)], body.as_bytes()).status;
    assert_eq!(posted("/fhir/DocumentReference", "application/fhir+json", r#"{"resourceType":"DocumentReference"}"#), 401);
    assert_eq!(posted("/auth/token", "application/x-www-form-urlencoded", "grant_type=client_credentials"), 401);
    assert_eq!(
        posted("/auth/token", "application/x-www-form-urlencoded", &format!("grant_type=authorization_code&code={token}")),
        401
    );
    let answer = pos.get(&format!("/auth/authorize?launch={token}&client_id=rms"), &headers);
    assert!(answer.status >= 400, "authorize: {}", answer.status);
    assert!(pos.get(&format!("/auth/start/{token}"), &headers).status >= 400);
}

fn day(ahead: i64) -> String {
    let zone = jiff::tz::TimeZone::get("America/Toronto").unwrap();
    let today = jiff::Timestamp::from_millisecond(clock::now()).unwrap().to_zoned(zone).date();
    today.checked_add(jiff::Span::new().days(ahead)).unwrap().to_string()
}

#[test]
fn going_without_credentials_is_a_standing_alert() {
    let clinic = Clinic::new();
    let open = |document: &mut Value| {
        partners(document, &[("rms", json!({"none": {"until": day(14), "addresses": ["127.0.0.1"]}}))]);
    };
    let pos = clinic.start(open);
    let alert = pos.event(ALERT);
    let document = parsed(alert.document().as_bytes());
    assert_eq!((&document["alert"], &document["started"]), (&json!("weak-setting:inbound-none:rms"), &json!(true)));
    let body = notification("mh-1", "b-1", "R-1");
    let answer = pos.post("/fhir/$process-message", &[("content-type", "application/fhir+json")], &body);
    assert_eq!((answer.status, answer.body.len()), (200, 0));
    let mut event = pos.event(MESSAGE);
    assert_eq!(parsed(event.document().as_bytes())["trusted"], false);
    event.done().unwrap();
    pos.engine.configure(&clinic.config(open)).unwrap();
    pos.assert_no_event(ALERT);
    pos.engine
        .configure(&clinic.config(|document| partners(document, &[("rms", json!({"bearer": "bearer-of-the-rms-0001"}))])))
        .unwrap();
    let alert = pos.event(ALERT);
    assert_eq!(parsed(alert.document().as_bytes())["started"], false);
    assert_eq!(pos.post("/fhir/$process-message", &[("content-type", "application/fhir+json")], &body).status, 401);
}

fn refused(clinic: &Clinic, change: impl FnOnce(&mut Value)) -> String {
    let mut config = Config::new();
    let read = config.parse_json(clinic.document(change).to_string().as_bytes());
    let error = read.and_then(|()| Engine::open(&config).map(drop)).expect_err("the configuration is refused");
    assert_eq!(error.status(), EREF_CONFIG);
    error.message().to_owned()
}

#[test]
fn each_wrong_way_is_refused_with_path_and_expectation() {
    let clinic = Clinic::new();
    let keys = Signer::new("ES256", "k1").jwks();
    let jwt = |change: Value| {
        let mut rule = json!({"issuer": "i", "audience": "a", "jwks_url": "https://keys.example/"});
        change.as_object().unwrap().iter().for_each(|(name, value)| rule[name] = value.clone());
        rule.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        json!({ "jwt": rule })
    };
    let none = |until: &str, addresses: Value| json!({"none": {"until": until, "addresses": addresses}});
    let client = |rule: Value| json!({ "client_credentials": rule });
    let cases = [
        ("", json!({}), "bearer, bearer_sha256, certificate"),
        ("[1]", json!([{"bearer": "bearer-of-the-rms-0001"}, {}]), "bearer, bearer_sha256, certificate"),
        (".bearer", json!({"bearer": "short"}), "at least 16 characters"),
        (".bearer_sha256", json!({"bearer_sha256": "planted"}), "64 hexadecimal digits"),
        ("", json!({"bearer": "bearer-of-the-rms-0001", "bearer_sha256": "00".repeat(32)}), "a list of objects"),
        (".none", json!({"none": {"until": day(1), "addresses": ["10.0.0.1"]}, "bearer": "bearer-of-the-rms-0001"}), "alone"),
        (".none", json!({"none": {"addresses": ["10.0.0.1"]}}), "until"),
        (".none", json!({"none": {"until": day(1)}}), "addresses"),
        (".none.until", none(&day(15), json!(["10.0.0.1"])), "at the latest"),
        (".none.until", none("soon", json!(["10.0.0.1"])), "a day such as"),
        (".none.addresses", none(&day(1), json!([])), "the addresses it sends from"),
        (".none.addresses[0]", none(&day(1), json!(["0.0.0.0/0"])), "or narrower"),
        (".none.addresses[0]", none(&day(1), json!(["rms.example"])), "an IP address"),
        (".certificate", json!({"certificate": {"dns": "rms.example"}}), "client_ca"),
        (".certificate", json!({"certificate": {}}), "sha256, subject, dns or uri"),
        (".certificate.dns", json!({"certificate": {"dns": "*.example"}}), "one whole host name"),
        (".certificate.uri", json!({"certificate": {"uri": "no uri"}}), "a whole URI"),
        (".certificate.subject", json!({"certificate": {"subject": "the rms"}}), "RFC 4514"),
        (".jwt", jwt(json!({"jwks_url": null})), "one of them"),
        (".jwt", jwt(json!({ "jwks": keys })), "one of them"),
        (".jwt.jwks", jwt(json!({"jwks_url": null, "jwks": {"keys": []}})), "at least one public key"),
        (".jwt", jwt(json!({"audience": null})), "audience"),
        (".jwt.audience", jwt(json!({"audience": ""})), "the exact text"),
        (".jwt.jwks_url", jwt(json!({"jwks_url": "http://keys.example/"})), "https"),
        (".jwt.jwks_url", jwt(json!({"jwks_url": "https://10.1.2.3/"})), "\"private\": true"),
        (".jwt.jwks_url", jwt(json!({"jwks_url": "https://169.254.169.254/", "private": true})), "can be fetched from"),
        (".jwt.algorithms", jwt(json!({"algorithms": []})), "RS256"),
        (".jwt.algorithms[0]", jwt(json!({"algorithms": ["HS256"]})), "RS256"),
        (".jwt.algorithms[0]", jwt(json!({"algorithms": ["none"]})), "RS256"),
        (".client_credentials", client(json!({"client_id": "rms"})), "one of them"),
        (
            ".client_credentials",
            client(json!({"client_id": "rms", "client_secret": "secret-of-the-rms-1", "private_key_jwt": {"jwks": keys}})),
            "one of them",
        ),
        (".client_credentials.client_id", client(json!({"client_id": "", "client_secret": "secret-of-the-rms-1"})), "the id"),
        (".client_credentials.private_key_jwt", client(json!({"client_id": "rms", "private_key_jwt": {}})), "one of them"),
    ];
    for (path, inbound, expected) in cases {
        let message = refused(&clinic, |document| partners(document, &[("rms", inbound.clone())]));
        assert!(message.starts_with(&format!("partners[0].messaging.inbound{path}: ")), "{inbound}: {message}");
        assert!(
            message.contains(expected) && !message.contains("planted") && !message.contains("bearer-of-"),
            "{inbound}: {message}"
        );
    }
    let message = refused(&clinic, |document| document["listen"][0]["tls"]["client_crl"] = json!("lists.pem"));
    assert!(message.starts_with("listen[0].tls.client_crl: "), "{message}");
}

#[test]
fn two_partners_never_share_a_credential() {
    let clinic = Clinic::new();
    let authority = Authority::new();
    let jwt =
        |subject: &str| json!({"jwt": {"issuer": "i", "audience": "a", "jwks_url": "https://keys.example/", "subject": subject}});
    let mut any_subject = jwt("");
    any_subject["jwt"].as_object_mut().unwrap().remove("subject");
    let certificate = |name: &str| json!({"certificate": {"dns": name}});
    let with_bearer = |mut way: Value, bearer: &str| {
        way["bearer"] = json!(bearer);
        way
    };
    let none = |range: &str| json!({"none": {"until": day(1), "addresses": [range]}});
    let (x, y) = ("bearer-of-somebody-x", "bearer-of-somebody-y");
    let hash: String =
        ring::digest::digest(&ring::digest::SHA256, x.as_bytes()).as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    let cases = [
        (json!({ "bearer": x }), json!({ "bearer": y }), None),
        (json!({ "bearer": x }), json!({ "bearer_sha256": hash }), Some("bearer_sha256")),
        (json!({ "bearer": x }), json!([{ "bearer": y }, { "bearer": x }]), Some("[1].bearer")),
        (jwt("one"), jwt("two"), None),
        (jwt("one"), any_subject, Some("jwt")),
        (certificate("a"), certificate("b"), None),
        (certificate("a"), certificate("a"), Some("certificate")),
        (with_bearer(certificate("a"), x), with_bearer(certificate("a"), y), None),
        (with_bearer(certificate("a"), x), with_bearer(certificate("b"), x), None),
        (certificate("a"), with_bearer(certificate("a"), y), Some("certificate")),
        (json!({ "bearer": x }), with_bearer(certificate("a"), x), Some("bearer")),
        (certificate("a"), json!({ "bearer": x }), None),
        (none("10.1.0.0/16"), none("10.2.0.0/16"), None),
        (none("10.1.0.0/16"), none("10.1.2.3"), Some("none.addresses")),
    ];
    for (one, two, expected) in cases {
        let change = |document: &mut Value| {
            ask_for_certificates(document, &authority);
            partners(document, &[("one", one.clone()), ("two", two.clone())]);
        };
        match expected {
            None => drop(clinic.open(change)),
            Some(member) => {
                let at = if member.starts_with('[') { member.to_owned() } else { format!(".{member}") };
                let message = refused(&clinic, change);
                assert!(message.starts_with(&format!("partners[1].messaging.inbound{at}: found the same as")), "{message}");
            }
        }
    }
}

#[test]
fn the_examples_of_the_manual_are_configurations() {
    let (clinic, authority) = (Clinic::new(), Authority::new());
    std::fs::write(clinic.path("inbound.secret"), "an-invented-inbound-secret\n").unwrap();
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let manual = std::fs::read_to_string(root.join("docs/configuration.md")).unwrap();
    let schema = parsed(&std::fs::read(root.join("docs/schema/configuration.json")).unwrap());
    let validator = jsonschema::options().should_validate_formats(true).build(&schema).unwrap();
    let (_, section) = manual.split_once("\n## Who sends\n").unwrap();
    let section = section.split("\n## ").next().unwrap();
    let examples: Vec<&str> = section.split("\n```json\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    assert_eq!(examples.len(), 6);
    for example in examples {
        let mut inbound = parsed(example.as_bytes());
        if inbound.get("none").is_some() {
            inbound["none"]["until"] = json!(day(3));
        }
        let change = |document: &mut Value| {
            ask_for_certificates(document, &authority);
            partners(document, &[("rms", inbound.clone())]);
        };
        let errors: Vec<String> = validator.iter_errors(&clinic.document(change)).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{inbound}: {errors:?}");
        drop(clinic.open(change));
    }
}
