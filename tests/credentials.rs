//! Each way to show a partner who we are, and files of the configuration that change while the engine runs (messaging.md 9).

#[path = "support/clinic.rs"]
mod clinic;

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use clinic::certs::{Authority, Pair};
use clinic::partner::{Partner, Reply, Seen};
use clinic::{CLIENT_SECRET, Clinic, Serving, parsed};
use ereferral::io::crypto;
use ereferral::proto::store::DeliveryState::Delivered;
use ereferral::proto::store::event_kind::ALERT;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use rcgen::KeyPair;
use serde_json::{Value, json};

/// Sends a message under this `messaging`, to a partner that asks for a client certificate if `clients` says whose.
fn sent(messaging: impl FnOnce(&Clinic, &Partner) -> Value, clients: bool) -> (Partner, Seen) {
    let clinic = Clinic::new();
    let partner = Partner::with(&clinic.authority.server(&["127.0.0.1"]), clients.then_some(&clinic.authority));
    let mut members = messaging(&clinic, &partner);
    members["endpoint"] = json!(partner.endpoint());
    let pos = clinic.start(|document| document["partners"][0]["messaging"] = members);
    send(&pos, "act-1", 1);
    pos.stop();
    let message = partner.messages().pop().unwrap();
    (partner, message)
}

fn send(pos: &Serving, key: &str, number: u32) {
    pos.engine.send("rms", key, &pos.referral(number, "Knee pain")).unwrap();
    pos.until_delivery(key, Delivered, 200);
}

fn token_url(partner: &Partner) -> String {
    format!("https://{}/auth/token", partner.address)
}

fn credentials(partner: &Partner, more: Value) -> Value {
    let mut members = json!({"token_url": token_url(partner), "client_id": "pos"});
    more.as_object().unwrap().iter().for_each(|(name, value)| members[name] = value.clone());
    json!({ "oauth2_client_credentials": members })
}

fn form(seen: &Seen, name: &str) -> Option<String> {
    url::form_urlencoded::parse(&seen.body).find(|(found, _)| found == name).map(|(_, value)| value.into_owned())
}

fn pair(authority: &Authority) -> Value {
    let Pair { certificate, key } = authority.client();
    json!({"certificate": certificate, "key": key})
}

#[test]
fn nothing_or_a_fixed_token_with_and_without_a_certificate() {
    for clients in [false, true] {
        for auth in [json!("none"), json!({"bearer": "a-fixed-bearer-of-ours-0004"})] {
            let with = |clinic: &Clinic, _: &Partner| match clients {
                true => json!({"auth": auth, "client_tls": pair(&clinic.authority)}),
                false => json!({ "auth": auth }),
            };
            let (partner, message) = sent(with, clients);
            let expected = auth["bearer"].as_str().map(|token| format!("Bearer {token}"));
            assert_eq!((message.header("authorization"), message.certificate), (expected, clients));
            assert!(partner.token_requests().is_empty());
        }
    }
}

#[test]
fn a_secret_in_the_body_or_by_basic_with_and_without_a_certificate() {
    for clients in [false, true] {
        for place in ["body", "basic"] {
            let with = |clinic: &Clinic, partner: &Partner| {
                let auth = credentials(partner, json!({"client_secret": CLIENT_SECRET, "secret_in": place, "scope": "messaging"}));
                if clients { json!({"auth": auth, "client_tls": pair(&clinic.authority)}) } else { json!({ "auth": auth }) }
            };
            let (partner, message) = sent(with, clients);
            assert_eq!(message.header("authorization").unwrap(), "Bearer granted-token-000001");
            let request = partner.token_requests().pop().unwrap();
            assert_eq!((request.certificate, form(&request, "scope").as_deref()), (clients, Some("messaging")));
            let by_basic = format!("Basic {}", BASE64_STANDARD.encode(format!("pos:{CLIENT_SECRET}")));
            match place {
                "body" => assert_eq!(form(&request, "client_secret").as_deref(), Some(CLIENT_SECRET)),
                _ => assert_eq!((request.header("authorization"), form(&request, "client_secret")), (Some(by_basic), None)),
            }
        }
    }
}

#[test]
fn a_certificate_alone_proves_the_client_id() {
    let with = |clinic: &Clinic, partner: &Partner| json!({"auth": credentials(partner, json!({})), "client_tls": pair(&clinic.authority)});
    let (partner, _) = sent(with, true);
    let request = partner.token_requests().pop().unwrap();
    assert_eq!(form(&request, "client_id").as_deref(), Some("pos"));
    assert!(request.certificate && form(&request, "client_secret").is_none());
}

/// The assertion sent when signing with this key, verified; with a certificate of ours besides if `clients`.
fn asserted(key: &str, algorithm: &str, public: &DecodingKey, expected: Algorithm, clients: bool) {
    let signed = json!({"private_key_jwt": {"key": key, "key_id": "k-1", "algorithm": algorithm}});
    let with = |clinic: &Clinic, partner: &Partner| {
        let auth = credentials(partner, signed);
        if clients { json!({"auth": auth, "client_tls": pair(&clinic.authority)}) } else { json!({ "auth": auth }) }
    };
    let (partner, message) = sent(with, clients);
    let request = partner.token_requests().pop().unwrap();
    assert_eq!((request.certificate, message.certificate), (clients, clients));
    assert_eq!(message.header("authorization").unwrap(), "Bearer granted-token-000001");
    assert_eq!(form(&request, "client_assertion_type").as_deref(), Some("urn:ietf:params:oauth:client-assertion-type:jwt-bearer"));
    let mut rules = Validation::new(expected);
    rules.set_audience(&[token_url(&partner)]);
    let token = decode::<Value>(form(&request, "client_assertion").unwrap(), public, &rules).unwrap();
    assert_eq!(token.header.kid.as_deref(), Some("k-1"));
    assert_eq!((&token.claims["iss"], &token.claims["sub"]), (&json!("pos"), &json!("pos")));
    assert!(token.claims["exp"].as_i64().unwrap() - token.claims["iat"].as_i64().unwrap() <= 300);
}

#[test]
fn a_signed_assertion_by_each_algorithm_with_and_without_a_certificate() {
    crypto::install();
    for (name, algorithm, made) in
        [("ES256", Algorithm::ES256, &rcgen::PKCS_ECDSA_P256_SHA256), ("ES384", Algorithm::ES384, &rcgen::PKCS_ECDSA_P384_SHA384)]
    {
        let key = KeyPair::generate_for(made).unwrap();
        for clients in [false, true] {
            asserted(&key.serialize_pem(), name, &DecodingKey::from_ec_der(key.public_key_raw()), algorithm, clients);
        }
    }
    let der = crypto::generate_signing_key().unwrap();
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", BASE64_STANDARD.encode(der.as_slice()));
    let pair = ring::signature::RsaKeyPair::from_pkcs8(&der).unwrap();
    let public = ring::rsa::PublicKeyComponents::<Vec<u8>>::from(pair.public());
    let [n, e] = [public.n, public.e].map(|part| BASE64_URL_SAFE_NO_PAD.encode(part));
    let public = DecodingKey::from_rsa_components(&n, &e).unwrap();
    for (name, algorithm) in [("RS256", Algorithm::RS256), ("RS384", Algorithm::RS384)] {
        asserted(&pem, name, &public, algorithm, false);
    }
}

#[test]
fn a_token_serves_many_messages_until_it_runs_out() {
    let clinic = Clinic::new();
    let pos = clinic.start(|_| {});
    (1..=3).for_each(|number| send(&pos, &format!("act-{number}"), number));
    assert_eq!(clinic.partner.token_requests().len(), 1);
    pos.engine.configure(&clinic.config(|_| {})).unwrap();
    // Fifty seconds are less than the minute that a token is given up before its end.
    let short = br#"{"access_token":"short","token_type":"Bearer","expires_in":50}"#;
    clinic.partner.script_token([Reply::Answer(200, "", short.to_vec()), Reply::Answer(200, "", short.to_vec())]);
    (4..=5).for_each(|number| send(&pos, &format!("act-{number}"), number));
    assert_eq!(clinic.partner.token_requests().len(), 3);
}

/// The next ALERT about the files of the configuration.
fn file_alert(pos: &Serving) -> (bool, String) {
    let document = parsed(pos.event(ALERT).document().as_bytes());
    assert_eq!(document["alert"], "configuration-file", "{document}");
    (document["started"].as_bool().unwrap(), document["text"].as_str().unwrap().to_owned())
}

#[test]
fn a_changed_secret_file_is_read_again_and_a_bad_one_keeps_the_old() {
    let clinic = Clinic::new();
    let file = clinic.path("bearer.secret");
    std::fs::write(&file, "the-first-fixed-bearer\n").unwrap();
    let pos = clinic.start(|document| document["partners"][0]["messaging"]["auth"] = json!({"bearer": {"file": "bearer.secret"}}));
    let shown = |key: &str, number| {
        send(&pos, key, number);
        clinic.partner.messages().pop().unwrap().header("authorization").unwrap()
    };
    assert_eq!(shown("act-1", 1), "Bearer the-first-fixed-bearer");
    std::fs::write(&file, "short\n").unwrap();
    let (started, text) = file_alert(&pos);
    assert!(started && text.contains("messaging.auth.bearer") && !text.contains("short\n"), "{text}");
    assert_eq!(shown("act-2", 2), "Bearer the-first-fixed-bearer");
    std::fs::write(&file, "the-second-fixed-bearer\n").unwrap();
    assert!(!file_alert(&pos).0);
    assert_eq!(shown("act-3", 3), "Bearer the-second-fixed-bearer");
}

#[test]
fn what_says_who_we_are_must_be_one_and_usable() {
    let clinic = Clinic::new();
    let refused = |members: Value| {
        let change = |document: &mut Value| {
            let auth = &mut document["partners"][0]["messaging"]["auth"]["oauth2_client_credentials"];
            auth.as_object_mut().unwrap().remove("client_secret");
            members.as_object().unwrap().iter().for_each(|(name, value)| auth[name] = value.clone());
        };
        let error = ereferral::engine::Engine::open(&clinic.config(change)).err().unwrap();
        assert!(error.message().starts_with("partners[0].messaging.auth.oauth2_client_credentials"), "{error}");
        error.message().to_owned()
    };
    assert!(refused(json!({})).contains("nothing that says who we are"));
    let key = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap().serialize_pem();
    assert!(
        refused(json!({"client_secret": CLIENT_SECRET, "private_key_jwt": {"key": key, "algorithm": "ES256"}})).contains("beside")
    );
    assert!(refused(json!({"private_key_jwt": {"key": key, "algorithm": "ES384"}})).contains("no key that can sign so"));
    assert!(refused(json!({"private_key_jwt": {"key": "missing.pem"}})).contains("missing.pem"));
}
