//! A clinic: real engines over TLS on the loopback address, on stores in a folder that goes away with the test.
#![allow(dead_code)]

#[path = "certs.rs"]
pub mod certs;
#[path = "partner.rs"]
pub mod partner;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use certs::{Authority, Pair};
use ereferral::engine::{Config, Engine, Event};
use ereferral::error::EREF_TIMEOUT;
use ereferral::io::client::{Answer, Client};
use ereferral::proto::messaging::Message;
use ereferral::proto::settings::Network;
use ereferral::proto::store::DeliveryState;
use partner::Partner;
use serde_json::{Value, json};
use url::Url;

/// The bearer tokens of the two partners that send to the clinic.
pub const TOKEN: &str = "inbound-token-of-the-rms-0001";
pub const OTHER_TOKEN: &str = "inbound-token-of-the-other-0002";
/// Our own secret at the partner's token endpoint.
pub const CLIENT_SECRET: &str = "secret-at-the-token-endpoint-0003";
/// Longest wait for something that must come.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// What all engines of a clinic share: folder, certificates, the partner `rms` that replies to order.
pub struct Clinic {
    pub folder: tempfile::TempDir,
    pub authority: Authority,
    pub partner: Partner,
    pair: Pair,
}

/// A started engine.
pub struct Serving {
    pub engine: Engine,
    /// `https://127.0.0.1:port`; empty for a desk.
    pub address: String,
    pub client: Client,
}

impl Clinic {
    pub fn new() -> Self {
        ereferral::io::crypto::install();
        let authority = Authority::new();
        let pair = authority.server(&["127.0.0.1"]);
        let partner = Partner::new(&authority);
        Self { folder: tempfile::tempdir().unwrap(), authority, partner, pair }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The configuration of a serving test engine with two partners, changed by `change`.
    pub fn document(&self, change: impl FnOnce(&mut Value)) -> Value {
        let rms = format!("https://{}", self.partner.address);
        let mut document = json!({
            "system": {"name": "Fakeville Family Health", "software": "TestPOS", "version": "1",
                       "roles": ["rms-source", "rms-target"], "time_zone": "America/Toronto",
                       "referral_system": "https://pos.test/fhir/NamingSystem/referral"},
            "public_url": "https://pos.test", "serve": true, "test": true,
            "base_dir": self.folder.path().to_str().unwrap(),
            "listen": [{"address": "127.0.0.1:0", "tls": {"certificate": self.pair.certificate, "key": self.pair.key}}],
            "store": {"url": "sqlite:pos.db", "key_file": "pos.key"},
            "network": {"ca": self.authority.pem, "only_ca": true, "first_retry_ms": 20},
            "partners": [
                {"name": "rms", "roles": ["rms-source", "rms-target", "smart-app"],
                 "messaging": {"endpoint": format!("{rms}/fhir/$process-message"), "inbound": {"bearer": TOKEN},
                               "auth": {"oauth2_client_credentials": {"token_url": format!("{rms}/auth/token"),
                                        "client_id": "pos", "client_secret": CLIENT_SECRET}}},
                 "smart_app": {"client_id": "rms-app", "launch_url": "https://rms.test/launch",
                               "redirect_uris": ["https://rms.test/cb"],
                               "scopes": "launch openid fhirUser patient/*.rs patient/DocumentReference.c"}},
                {"name": "other", "roles": ["rms-source", "rms-target"], "messaging": {"inbound": {"bearer": OTHER_TOKEN}}},
            ],
        });
        change(&mut document);
        document
    }

    pub fn config(&self, change: impl FnOnce(&mut Value)) -> Config {
        let mut config = Config::new();
        config.parse_json(self.document(change).to_string().as_bytes()).unwrap();
        config
    }

    pub fn open(&self, change: impl FnOnce(&mut Value)) -> Engine {
        Engine::open(&self.config(change)).unwrap()
    }

    /// Opens and starts an engine.
    pub fn start(&self, change: impl FnOnce(&mut Value)) -> Serving {
        let engine = self.open(change);
        engine.start().unwrap();
        self.serving(engine)
    }

    /// A desk on the same store.
    pub fn desk(&self) -> Serving {
        self.start(|document| (document["serve"], document["listen"]) = (json!(false), json!([])))
    }

    /// Where a started engine listens.
    pub fn serving(&self, engine: Engine) -> Serving {
        let network = Network { ca: Some(self.authority.pem.clone()), only_ca: true, ..Network::default() };
        let status: Value = serde_json::from_str(&engine.status_json().unwrap()).unwrap();
        let address = status["addresses"][0].as_str().map_or_else(String::new, |address| format!("https://{address}"));
        Serving { engine, address, client: Client::new(&network, None).unwrap() }
    }
}

impl Serving {
    /// The address of a path, or of something published under the public URL.
    fn url(&self, path: &str) -> Url {
        Url::parse(&format!("{}{}", self.address, path.strip_prefix("https://pos.test").unwrap_or(path))).unwrap()
    }

    pub fn get(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        self.client.get(&self.url(path), headers).unwrap()
    }

    pub fn post(&self, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        self.client.post(&self.url(path), headers, body).unwrap()
    }

    /// Posts a message as a partner with this token does.
    pub fn message(&self, token: &str, body: &[u8]) -> Answer {
        let authorization = format!("Bearer {token}");
        let headers = [("authorization", authorization.as_str()), ("content-type", "application/fhir+json")];
        self.post("/fhir/$process-message", &headers, body)
    }

    /// The next event of these kinds, which must come.
    pub fn event(&self, kinds: u32) -> Event {
        self.engine.event_next(kinds, PATIENCE, None).unwrap()
    }

    /// No event of these kinds is there now.
    pub fn assert_no_event(&self, kinds: u32) {
        let error = self.engine.event_next(kinds, Duration::ZERO, None).err().expect("there is an event");
        assert_eq!(error.status(), EREF_TIMEOUT);
    }

    pub fn status(&self) -> Value {
        serde_json::from_str(&self.engine.status_json().unwrap()).unwrap()
    }

    pub fn stop(&self) {
        self.engine.stop(PATIENCE).unwrap();
    }

    /// A referral that the clinic sends; the same number is the same referral.
    pub fn referral(&self, number: u32, reason: &str) -> Message {
        let mut draft = self.engine.draft("rms", "add-service-request").unwrap();
        for (name, value) in REFERRAL {
            draft.set(name, value).unwrap();
        }
        draft.set("referral.identifier[0].value", &format!("R-{number}")).unwrap();
        draft.set("referral.reason", reason).unwrap();
        self.engine.draft_build(&draft).unwrap()
    }

    pub fn delivery(&self, id_or_key: &str) -> ereferral::proto::store::DeliveryRecord {
        self.engine.delivery_find(id_or_key).unwrap().record
    }

    /// Waits until a delivery is in this state with that HTTP status.
    pub fn until_delivery(&self, key: &str, state: DeliveryState, http_status: u16) {
        let reached = || {
            let record = self.delivery(key);
            record.state == state && record.http_status == http_status
        };
        until("the delivery's state", reached);
    }
}

/// Fields of a referral of an invented patient.
pub const REFERRAL: &[(&str, &str)] = &[
    ("patient.name.family", "Testpatient"),
    ("patient.name.given[+]", "Anna"),
    ("patient.gender", "female"),
    ("patient.birth_date", "1980-02-29"),
    ("patient.health_number", "9999999999"),
    ("requester.name.family", "Fakename"),
    ("requester.licence", "999999"),
    ("requester.phone", "416-555-0101"),
    ("target.organization", "Fracture Clinic"),
    ("target.listing", "fracture-clinic-1"),
    ("user.name", "Sam Sampleuser"),
    ("referral.category.code", "183545006"),
    ("referral.category.display", "Orthopaedics"),
];

/// Waits for a condition that must come true.
pub fn until(what: &str, mut reached: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !reached() {
        assert!(Instant::now() < deadline, "{what} did not come");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A notification with these ids about the referral of that number.
pub fn notification(header: &str, bundle: &str, referral: &str) -> Vec<u8> {
    let text = include_str!("../fixtures/notify-add-appointment-0.10.json");
    let text = text.replace("\"mh-1\"", &format!("\"{header}\"")).replace("\"b-1\"", &format!("\"{bundle}\""));
    text.replace("\"R-1001\"", &format!("\"{referral}\"")).into_bytes()
}

pub fn parsed(body: &[u8]) -> Value {
    serde_json::from_slice(body).unwrap()
}
