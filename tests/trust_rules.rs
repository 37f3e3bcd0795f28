//! Who sends, from the request to the answer, with a clock of the test's own: JWTs, assertions, several ways together, no credentials.

#[path = "support/store.rs"]
mod store;
#[path = "support/tokens.rs"]
mod tokens;

use std::cell::Cell;
use std::net::SocketAddr;
use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD as B64};
use ereferral::io::{clock, crypto};
use ereferral::log::{Level, Log};
use ereferral::proto::exchange::{Exchange, Peer, Step, World};
use ereferral::proto::http::Response;
use ereferral::proto::jwt::KeySet;
use ereferral::proto::settings::Settings;
use ereferral::proto::smart::keys::Keys;
use ereferral::proto::store::{ReferralFilter, event_kind};
use serde_json::{Value, json};
use tokens::{Signer, part};

/// In seconds.
const NOW: i64 = 1_800_000_000;
const MESSAGE: &str = include_str!("fixtures/add-service-request-0.11.json");
const ISSUER: &str = "https://login.example/";
const JWKS: &str = "https://login.example/jwks.json";
const AUDIENCE: &str = "https://pos.example/fhir";
const TOKEN_ENDPOINT: &str = "https://pos.example/auth/token";

struct Clinic {
    world: Arc<World>,
    /// What the driver finds at an address of keys.
    published: Option<Value>,
    peer: Peer,
    now: Cell<i64>,
    _folder: tempfile::TempDir,
}

impl Clinic {
    /// Partners `one`, `two`, … that are known by these.
    fn new(inbound: &[Value]) -> Self {
        crypto::install();
        let names = ["one", "two", "three"];
        let partner = |(name, inbound): (&&str, &Value)| json!({"name": name, "roles": ["rms-source", "rms-target"], "messaging": {"inbound": inbound}});
        let partners: Vec<Value> = names.iter().zip(inbound).map(partner).collect();
        let settings: Settings = serde_json::from_value(json!({
            "system": {"name": "Fakename Clinic", "software": "TestPOS", "version": "1", "roles": ["rms-target"], "time_zone": "America/Toronto"},
            "public_url": "https://pos.example", "test": true, "store": {"url": "sqlite:unused.db", "key_file": "unused.key"},
            "partners": partners,
        }))
        .unwrap();
        let (folder, store) = store::open();
        let world = World {
            store,
            settings: Arc::new(settings),
            keys: Arc::new(Keys::new(Vec::new())),
            log: Arc::new(Log::new(100, Level::Debug, clock::now)),
            throttle: Arc::default(),
            signals: Arc::new(|_| {}),
        };
        Self { world: Arc::new(world), published: None, peer: Peer::default(), now: Cell::new(NOW), _folder: folder }
    }

    /// The answer, and whether the body was asked for.
    fn exchange(&self, path: &str, headers: &[(&str, &str)], body: &str) -> (Response, bool) {
        let mut request = http::Request::builder().method("POST").uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(()).unwrap();
        let mut exchange = Exchange::new(self.world.clone(), request, self.peer.clone(), Box::new(clock::random));
        let mut read = false;
        loop {
            match exchange.step(self.now.get() * 1000) {
                Step::NeedBody { .. } => {
                    read = true;
                    exchange.body(Ok(body.as_bytes().to_vec()));
                }
                Step::Keys(wanted) => {
                    assert_eq!((wanted.at.url.as_str(), wanted.at.private), (JWKS, false));
                    exchange.keys(self.published.clone().map(|keys| KeySet::try_from(keys).unwrap()));
                }
                Step::Fetch(_) => panic!("nothing is behind"),
                Step::Ask(_) | Step::Wait { .. } => panic!("the host is asked nothing"),
                Step::Respond(response) => return (response, read),
            }
        }
    }

    fn send(&self, authorization: Option<&str>) -> Response {
        let mut headers = vec![("content-type", "application/fhir+json")];
        headers.extend(authorization.map(|value| ("authorization", value)));
        let (response, read) = self.exchange("/fhir/$process-message", &headers, MESSAGE);
        assert_eq!(read, response.status() == 200, "who is refused is refused before the body is read");
        response
    }

    fn status(&self, token: &str) -> u16 {
        self.send(Some(&format!("Bearer {token}"))).status().as_u16()
    }

    fn ask_token(&self, form: &[(&str, &str)], authorization: Option<&str>) -> (u16, Value) {
        let form = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let mut headers = vec![("content-type", "application/x-www-form-urlencoded")];
        headers.extend(authorization.map(|value| ("authorization", value)));
        let (response, _) = self.exchange("/auth/token", &headers, &form);
        (response.status().as_u16(), serde_json::from_slice(response.body()).unwrap())
    }

    fn assert(&self, assertion: &str) -> (u16, Value) {
        self.ask_token(&assertion_form(assertion), None)
    }

    fn events(&self) -> Vec<Value> {
        let mut found = Vec::new();
        let (store, now) = (&self.world.store, NOW * 1000);
        while let Some(event) = store.lease_event(event_kind::MESSAGE, now, now + 60_000).unwrap() {
            found.push(serde_json::from_str(&event.document).unwrap());
            store.finish_event(&event.id, event.attempt, now).unwrap();
        }
        found
    }

    fn log(&self) -> String {
        std::iter::from_fn(|| self.world.log.take()).map(|line| line.text + "\n").collect()
    }
}

fn assertion_form(assertion: &str) -> [(&str, &str); 3] {
    [
        ("grant_type", "client_credentials"),
        ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
        ("client_assertion", assertion),
    ]
}

/// With some members changed; null takes one out.
fn with(document: &Value, changes: &Value) -> Value {
    let mut changed = document.clone();
    for (name, value) in changes.as_object().unwrap() {
        changed[name] = value.clone();
    }
    changed.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    changed
}

fn jwt_rule(keys: &Value) -> Value {
    with(
        &json!({"issuer": ISSUER, "audience": AUDIENCE, "subject": "the-rms", "claims": {"azp": "rms-client", "groups": "senders"}}),
        keys,
    )
}

fn claims() -> Value {
    json!({"iss": ISSUER, "aud": AUDIENCE, "sub": "the-rms", "azp": "rms-client", "groups": ["others", "senders"],
           "exp": NOW + 300, "iat": NOW, "nbf": NOW})
}

#[test]
fn a_jwt_is_taken_with_every_algorithm_we_speak() {
    for algorithm in ["RS256", "RS384", "PS256", "ES256", "ES384"] {
        let signer = Signer::new(algorithm, "k1");
        let given = Clinic::new(&[json!({"jwt": jwt_rule(&json!({"jwks": signer.jwks()}))})]);
        assert_eq!(given.status(&signer.token(&claims())), 200, "{algorithm}");
        let mut published = Clinic::new(&[json!({"jwt": jwt_rule(&json!({"jwks_url": JWKS}))})]);
        published.published = Some(signer.jwks());
        assert_eq!(published.status(&signer.token(&claims())), 200, "{algorithm}");
        let events = published.events();
        assert_eq!((events[0]["partner"].as_str(), events[0]["trusted"].as_bool()), (Some("one"), Some(true)));
    }
}

#[test]
fn what_a_jwt_may_say_and_what_not() {
    let signer = Signer::new("ES256", "k1");
    let clinic = Clinic::new(&[json!({"jwt": jwt_rule(&json!({"jwks": signer.jwks()}))})]);
    let taken = [
        json!({"aud": ["https://other.example", AUDIENCE]}),
        json!({"exp": NOW - 59}),
        json!({"exp": NOW + 300, "nbf": NOW + 60, "iat": NOW + 60}),
        json!({"exp": NOW as f64 + 0.5, "nbf": null, "iat": null}),
        json!({"groups": "senders"}),
    ];
    for change in taken {
        assert_eq!(clinic.status(&signer.token(&with(&claims(), &change))), 200, "{change}");
    }
    clinic.log();
    let refused = [
        (json!({"exp": NOW - 60}), "expired"),
        (json!({"exp": null}), "never ends"),
        (json!({"exp": "tomorrow"}), "not a number"),
        (json!({"nbf": NOW + 61}), "not valid yet"),
        (json!({"iat": NOW + 61}), "not valid yet"),
        (json!({"aud": "https://other.example"}), "(aud)"),
        (json!({"aud": null}), "(aud)"),
        (json!({"aud": [AUDIENCE, 7]}), "(aud)"),
        (json!({"sub": "another"}), "(sub)"),
        (json!({"sub": ["the-rms"]}), "(sub)"),
        (json!({"azp": null}), "claim"),
        (json!({"groups": ["others"]}), "claim"),
        (json!({"iss": "https://login.example"}), "no partner is known by this token"),
        (json!({"iss": null}), "no partner is known by this token"),
    ];
    for (change, why) in refused {
        let token = signer.token(&with(&claims(), &change));
        let response = clinic.send(Some(&format!("Bearer {token}")));
        assert_eq!(response.status(), 401, "{change}");
        assert_eq!(response.headers()["www-authenticate"], "Bearer realm=\"ereferral\", error=\"invalid_token\"");
        let (answer, log) = (String::from_utf8_lossy(response.body()).into_owned(), clinic.log());
        assert!(log.contains(why), "{change}: {log}");
        // The log names the partner once its issuer is named, the answer never; neither repeats the token.
        assert!(change.get("iss").is_some() || log.contains("the JWT of one: "), "{log}");
        assert!(!answer.contains("one") || answer.contains("expected credentials we know"), "{answer}");
        assert!(!token.split('.').any(|part| log.contains(part) || answer.contains(part)));
        assert!(!answer.contains(why), "{answer}");
    }
}

#[test]
fn headers_and_signatures_that_forge_are_refused() {
    let signer = Signer::new("RS256", "k1");
    let mut clinic = Clinic::new(&[json!({"jwt": jwt_rule(&json!({"jwks_url": JWKS, "algorithms": ["RS256"]}))})]);
    clinic.published = Some(signer.jwks());
    let head = json!({"alg": "RS256", "kid": "k1"});
    for change in [json!({}), json!({"typ": "at+jwt"}), json!({"jku": JWKS}), json!({"x5t": "ignored"})] {
        assert_eq!(clinic.status(&signer.token_with(&with(&head, &change), &claims())), 200, "{change}");
    }
    clinic.log();
    let own = Signer::new("ES256", "k1");
    let refused = [
        (json!({"alg": "none"}), "its algorithm"),
        (json!({"alg": "HS256"}), "its algorithm"),
        (json!({"alg": "RS384"}), "its algorithm"),
        (json!({"alg": "rs256"}), "its algorithm"),
        (json!({"kid": null}), "names no key"),
        (json!({"kid": "k2"}), "not in the key set"),
        (json!({"typ": "JWE"}), "another type"),
        (json!({"crit": ["exp"]}), "crit"),
        (json!({"jku": "https://evil.example/jwks.json"}), "keys of its own"),
        (json!({"x5u": "https://evil.example/cert.pem"}), "keys of its own"),
        (json!({"jwk": own.jwk()}), "keys of its own"),
    ];
    for (change, why) in refused {
        assert_eq!(clinic.status(&signer.token_with(&with(&head, &change), &claims())), 401, "{change}");
        let log = clinic.log();
        assert!(log.contains(why), "{change}: {log}");
    }

    // The public key as the secret of an HMAC, as a verifier without a list of algorithms would take it.
    let secret = B64.decode(signer.jwk()["n"].as_str().unwrap()).unwrap();
    let signed = format!("{}.{}", part(&json!({"alg": "HS256", "kid": "k1"})), part(&claims()));
    let tag = ring::hmac::sign(&ring::hmac::Key::new(ring::hmac::HMAC_SHA256, &secret), signed.as_bytes());
    assert_eq!(clinic.status(&format!("{signed}.{}", B64.encode(tag))), 401);

    let good = signer.token(&claims());
    let (signed, signature) = good.rsplit_once('.').unwrap();
    let changed = format!("{}.{}.{signature}", part(&head), part(&with(&claims(), &json!({"exp": NOW + 301}))));
    let foreign = own.token_with(&head, &claims());
    for forged in [changed, foreign, format!("{signed}."), signed.to_owned(), format!("{good}.x"), format!("{good}=")] {
        assert_eq!(clinic.status(&forged), 401, "{forged}");
    }
    let large = signer.token(&with(&claims(), &json!({"filler": "x".repeat(16 << 10)})));
    assert_eq!(clinic.status(&large), 401);
    assert!(clinic.events().len() == 1, "the same message, taken once");
}

#[test]
fn only_keys_made_for_it_verify() {
    let signer = Signer::new("ES256", "k1");
    let other = Signer::new("ES256", "k1");
    let rsa = Signer::new("RS256", "k2");
    let mut clinic = Clinic::new(&[json!({"jwt": jwt_rule(&json!({"jwks_url": JWKS}))})]);
    let mut status = |keys: Value| {
        clinic.published = Some(json!({ "keys": keys }));
        clinic.status(&signer.token(&claims()))
    };
    let jwk = signer.jwk();
    assert_eq!(status(json!([{"kty": "oct", "kid": "k1", "k": "AAAA"}, {"kty": "new", "kid": "k1"}, 7, rsa.jwk(), jwk])), 200);
    assert_eq!(status(json!([with(&jwk, &json!({"use": "sig", "key_ops": ["verify"], "alg": "ES256"}))])), 200);
    assert_eq!(status(json!([jwk, other.jwk()])), 401, "two keys of one name");
    for change in [
        json!({"use": "enc"}),
        json!({"key_ops": ["encrypt"]}),
        json!({"alg": "ES384"}),
        json!({"kid": null}),
        json!({"d": "AAAA"}),
        json!({"x": "AAAA"}),
        json!({"crv": "P-384"}),
    ] {
        assert_eq!(status(json!([rsa.jwk(), with(&jwk, &change)])), 401, "{change}");
    }
    let set = |keys: Value| KeySet::try_from(json!({ "keys": keys }));
    let short = with(&rsa.jwk(), &json!({"n": B64.encode([0xff; 128])}));
    assert!(set(json!([short])).is_err(), "1024 bits");
    assert!(set(json!(vec![jwk.clone(); 51])).unwrap_err().contains("50"));
    assert!(KeySet::parse(&vec![b' '; (64 << 10) + 1]).unwrap_err().contains("64 KiB"));
    assert!(KeySet::parse(b"[]").is_err() && KeySet::parse(b"{\"keys\":").is_err());
}

#[test]
fn while_keys_cannot_be_had_the_sender_is_told_to_come_again() {
    let signer = Signer::new("ES256", "k1");
    let clinic = Clinic::new(&[json!({"jwt": jwt_rule(&json!({"jwks_url": JWKS}))}), json!({"bearer": "bearer-of-the-other-1"})]);
    let response = clinic.send(Some(&format!("Bearer {}", signer.token(&claims()))));
    assert_eq!((response.status().as_u16(), &response.headers()["retry-after"]), (503, &http::HeaderValue::from_static("30")));
    assert!(clinic.log().contains("the keys of its issuer cannot be had"));
    assert_eq!(clinic.status("bearer-of-the-other-1"), 200);
}

fn sha256(bytes: &[u8]) -> String {
    ring::digest::digest(&ring::digest::SHA256, bytes).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn members_hold_together_and_ways_apart() {
    let certificate = b"as the listener hands it over".to_vec();
    let mut both = Clinic::new(&[json!({"certificate": {"sha256": [sha256(&certificate)]}, "bearer": "bearer-with-certificate"})]);
    assert_eq!(both.status("bearer-with-certificate"), 401);
    both.peer.certificate = Some(b"another".to_vec());
    assert_eq!(both.status("bearer-with-certificate"), 401);
    both.peer.certificate = Some(certificate);
    assert_eq!((both.send(None).status().as_u16(), both.status("bearer-with-another-one")), (401, 401));
    assert_eq!(both.status("bearer-with-certificate"), 200);

    let old = sha256(b"old-bearer-of-one-1");
    let either = Clinic::new(&[json!([{"bearer_sha256": old}, {"bearer": "new-bearer-of-one-2"}]), json!([])]);
    assert_eq!((either.status("old-bearer-of-one-1"), either.status("new-bearer-of-one-2")), (200, 200));
    // The hash itself opens nothing, nor does a way that demands nothing.
    assert_eq!(either.status(&old), 401);
    assert_eq!(Clinic::new(&[json!({}), json!({"certificate": {}}), json!({"bearer": ""})]).status("x"), 401);
}

#[test]
fn a_request_that_proves_two_partners_is_nobodys() {
    let certificate = b"as the listener hands it over".to_vec();
    let thumbprint: String =
        ring::digest::digest(&ring::digest::SHA256, &certificate).as_ref().iter().map(|b| format!("{b:02X}:")).collect();
    let thumbprint = thumbprint.trim_end_matches(':');
    let mut clinic = Clinic::new(&[json!({"certificate": {"sha256": [thumbprint]}}), json!({"bearer": "bearer-of-the-other-1"})]);
    clinic.peer.certificate = Some(certificate);
    assert_eq!(clinic.send(None).status(), 200);
    assert_eq!(clinic.status("a-token-that-nobody-knows"), 200, "the certificate alone is enough");
    clinic.log();
    assert_eq!(clinic.status("bearer-of-the-other-1"), 401);
    assert!(clinic.log().contains("those of two partners"));
}

#[test]
fn a_token_in_two_places_or_in_the_address_is_refused() {
    let clinic = Clinic::new(&[json!({"bearer": "bearer-of-the-first-1"})]);
    let (json, good) = (("content-type", "application/fhir+json"), ("authorization", "Bearer bearer-of-the-first-1"));
    for (path, headers) in [
        ("/fhir/$process-message", vec![json, good, good]),
        ("/fhir/$process-message?access_token=bearer-of-the-first-1", vec![json]),
        ("/fhir/$process-message?x=1&access%5Ftoken=y", vec![json, good]),
    ] {
        let (response, read) = clinic.exchange(path, &headers, MESSAGE);
        assert_eq!((response.status().as_u16(), read), (400, false), "{path}");
        assert_eq!(response.headers()["www-authenticate"], "Bearer realm=\"ereferral\", error=\"invalid_request\"");
    }
    assert!(!clinic.log().contains("bearer-of-the-first"));
    assert_eq!(clinic.exchange("/fhir/$process-message?other=1", &[json, good], MESSAGE).0.status(), 200);
}

#[test]
fn without_credentials_only_until_its_day_from_its_addresses_and_untrusted() {
    // NOW is 2027-01-15 03:00 in Toronto.
    let none = json!({"none": {"until": "2027-01-15", "addresses": ["10.1.2.0/24", "2001:db8::7"]}});
    let mut clinic = Clinic::new(&[json!([none, {"bearer": "bearer-of-the-first-1"}]), json!({"bearer": "bearer-of-the-other-1"})]);
    let from =
        |clinic: &mut Clinic, address: &str| clinic.peer.address = Some(format!("{address}:40000").parse::<SocketAddr>().unwrap());
    assert_eq!(clinic.send(None).status(), 401, "no address is known");
    from(&mut clinic, "10.1.3.1");
    assert_eq!(clinic.send(None).status(), 401);
    let forwarded = [("content-type", "application/fhir+json"), ("x-forwarded-for", "10.1.2.3"), ("forwarded", "for=10.1.2.3")];
    assert_eq!(clinic.exchange("/fhir/$process-message", &forwarded, MESSAGE).0.status(), 401);
    for address in ["10.1.2.255", "[2001:db8::7]", "[::ffff:10.1.2.3]"] {
        from(&mut clinic, address);
        let response = clinic.send(None);
        assert_eq!((response.status().as_u16(), response.body().len()), (200, 0), "{address}");
    }
    // A credential that is wrong is not the same as none.
    assert_eq!(clinic.status("bearer-of-the-first-2"), 401);
    assert_eq!(clinic.send(Some("Basic eDp5")).status(), 401);
    let events = clinic.events();
    assert_eq!((events.len(), &events[0]["partner"], &events[0]["trusted"]), (1, &json!("one"), &json!(false)));
    assert!(clinic.world.store.referrals(&ReferralFilter::default(), 10).unwrap().is_empty(), "no referral is made or touched");

    // The same message with the partner's real credentials is not known yet, and is answered in full.
    let response = clinic.send(Some("Bearer bearer-of-the-first-1"));
    assert!(response.status() == 200 && !response.body().is_empty());
    let events = clinic.events();
    assert_eq!((events.len(), &events[0]["trusted"]), (1, &json!(true)));
    assert_eq!(clinic.world.store.referrals(&ReferralFilter::default(), 10).unwrap().len(), 1);
    // And afterwards nothing of that answer is given to who shows nothing.
    assert!(clinic.send(None).body().is_empty());

    let midnight = 1_800_075_600;
    clinic.now.set(midnight - 1);
    assert_eq!(clinic.send(None).status(), 200);
    clinic.now.set(midnight);
    assert_eq!(clinic.send(None).status(), 401);
    assert_eq!(clinic.status("bearer-of-the-first-1"), 200);
}

fn client(keys: Value) -> Value {
    json!({"client_credentials": {"client_id": "rms", "private_key_jwt": keys}})
}

fn assertion(jti: &str) -> Value {
    json!({"iss": "rms", "sub": "rms", "aud": TOKEN_ENDPOINT, "exp": NOW + 300, "jti": jti})
}

#[test]
fn an_assertion_gives_a_token_once() {
    for algorithm in ["RS384", "ES384"] {
        let signer = Signer::new(algorithm, "k1");
        let mut clinic = Clinic::new(&[client(json!({"jwks_url": JWKS})), json!({"bearer": "bearer-of-the-other-1"})]);
        clinic.published = Some(signer.jwks());
        let signed = signer.token(&assertion("a1"));
        let (status, answer) = clinic.assert(&signed);
        assert_eq!(status, 200, "{answer}");
        assert_eq!(clinic.status(answer["access_token"].as_str().unwrap()), 200);
        assert_eq!(clinic.events()[0]["partner"], "one");
        let (status, answer) = clinic.assert(&signed);
        assert_eq!((status, &answer["error"]), (401, &json!("invalid_client")));
        assert!(clinic.log().contains("used before"));
        // Another signature over the same id is the same use.
        assert_eq!(clinic.assert(&signer.token(&with(&assertion("a1"), &json!({"exp": NOW + 299})))).0, 401);
        assert_eq!(clinic.assert(&signer.token(&assertion("a2"))).0, 200);
    }
}

#[test]
fn what_an_assertion_may_say_and_what_not() {
    let signer = Signer::new("ES256", "k1");
    let clinic = Clinic::new(&[client(json!({"jwks": signer.jwks(), "algorithms": ["ES256"]}))]);
    let taken = [
        json!({"jti": "t1", "aud": [AUDIENCE, TOKEN_ENDPOINT]}),
        json!({"jti": "t2", "aud": AUDIENCE}),
        json!({"jti": "t3", "exp": NOW + 360}),
        json!({"jti": "t4", "exp": NOW - 59, "iat": NOW - 600, "nbf": NOW + 60}),
    ];
    for change in taken {
        assert_eq!(clinic.assert(&signer.token(&with(&assertion(""), &change))).0, 200, "{change}");
    }
    let refused = [
        json!({"iss": "other"}),
        json!({"sub": "other"}),
        json!({"sub": null}),
        json!({"aud": "https://other.example/token"}),
        json!({"aud": [TOKEN_ENDPOINT, "https://other.example/token"]}),
        json!({"aud": []}),
        json!({"aud": null}),
        json!({"exp": NOW + 361}),
        json!({"exp": NOW - 60}),
        json!({"exp": null}),
        json!({"nbf": NOW + 61}),
        json!({"iat": NOW - 601}),
        json!({"jti": null}),
        json!({"jti": ""}),
        json!({"jti": "x".repeat(257)}),
        json!({"jti": 7}),
    ];
    for change in refused {
        let (status, answer) = clinic.assert(&signer.token(&with(&assertion("r1"), &change)));
        assert_eq!((status, &answer["error"]), (401, &json!("invalid_client")), "{change}");
        assert!(answer.get("access_token").is_none());
    }
    let head = json!({"alg": "ES256", "kid": "k1"});
    for change in
        [json!({"alg": "none"}), json!({"alg": "ES384"}), json!({"typ": "at+jwt"}), json!({"kid": null}), json!({"jku": JWKS})]
    {
        assert_eq!(clinic.assert(&signer.token_with(&with(&head, &change), &assertion("r1"))).0, 401, "{change}");
    }
    // None of them used up the id, and neither does a forger.
    assert_eq!(clinic.assert(&Signer::new("ES256", "k1").token(&assertion("r1"))).0, 401);
    assert_eq!(clinic.assert(&signer.token(&assertion("r1"))).0, 200);
}

#[test]
fn ways_of_signing_in_do_not_mix() {
    let signer = Signer::new("ES256", "k1");
    let secret = json!({"client_credentials": {"client_id": "rms", "client_secret": "invented-secret-of-rms"}});
    let clinic = Clinic::new(&[
        json!([client(json!({"jwks": signer.jwks()})), secret]),
        json!({"client_credentials": {"client_id": "two", "client_secret": "invented-secret-of-two"}}),
    ]);
    let token = |jti: &str| signer.token(&assertion(jti));
    let (a, b, c, d) = (token("a"), token("b"), token("c"), token("d"));
    let extended = |assertion, more: &[(&'static str, &'static str)]| {
        let form: Vec<_> = assertion_form(assertion).into_iter().chain(more.iter().copied()).collect();
        clinic.ask_token(&form, None)
    };
    assert_eq!(extended(&a, &[("client_id", "rms"), ("scope", "system/*.*")]).0, 200);
    assert_eq!(extended(&b, &[("client_id", "two")]).0, 401);
    let (status, answer) = extended(&c, &[("client_id", "rms"), ("client_secret", "invented-secret-of-rms")]);
    assert_eq!((status, &answer["error"]), (400, &json!("invalid_request")));
    let basic = format!("Basic {}", BASE64_STANDARD.encode("rms:invented-secret-of-rms"));
    assert_eq!(clinic.ask_token(&assertion_form(&d), Some(&basic)).0, 400);
    let other_type = [("grant_type", "client_credentials"), ("client_assertion_type", "saml"), ("client_assertion", d.as_str())];
    assert_eq!(clinic.ask_token(&other_type, None).0, 401);
    assert_eq!(clinic.ask_token(&[("grant_type", "client_credentials")], Some(&basic)).0, 200);
    // A client without keys cannot sign in with somebody else's.
    assert_eq!(clinic.assert(&signer.token(&with(&assertion("e"), &json!({"iss": "two", "sub": "two"})))).0, 401);
    assert_eq!(clinic.assert("no.jwt").0, 401);
}

#[test]
fn a_client_whose_keys_cannot_be_had_is_told_to_come_again() {
    let signer = Signer::new("ES256", "k1");
    let mut clinic = Clinic::new(&[client(json!({"jwks_url": JWKS}))]);
    let signed = signer.token(&assertion("a1"));
    let (status, answer) = clinic.assert(&signed);
    assert_eq!((status, &answer["error"]), (503, &json!("temporarily_unavailable")));
    clinic.published = Some(signer.jwks());
    assert_eq!(clinic.assert(&signed).0, 200);
}
