//! A SMART Server without a network: requests go straight into the exchange, and the test plays browser, app and host.
#![allow(dead_code, reason = "each test file uses its part")]

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, LazyLock, Mutex};

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use ereferral::io::{clock, crypto};
use ereferral::log::{Level, Log};
use ereferral::proto::exchange::{Answer, Exchange, Peer, Question, Signal, Step, World};
use ereferral::proto::http::{Response, secret_hash};
use ereferral::proto::jwt::{KeySet, KeysWanted};
use ereferral::proto::settings::Settings;
use ereferral::proto::smart::keys::Keys;
use ereferral::proto::smart::server::launch;
use ereferral::proto::store::SigningKey;
use serde_json::{Value, json};
use tempfile::TempDir;
use zeroize::Zeroizing;

use crate::store;

pub const BASE: &str = "https://pos.example/clinic/fhir";
pub const REDIRECT: &str = "https://rms.example/cb";
pub const VERIFIER: &str = "an-invented-verifier-that-is-long-enough-0123456789";

static KEY: LazyLock<Zeroizing<Vec<u8>>> = LazyLock::new(|| crypto::generate_signing_key().unwrap());

/// A server, its store, and what it told the host.
pub struct Server {
    pub world: Arc<World>,
    pub signals: Arc<Mutex<Vec<Signal>>>,
    pub now: AtomicI64,
    pub host: fn(&Question) -> Answer,
    /// What partners publish.
    pub keys: fn(&KeysWanted) -> Option<KeySet>,
    folder: TempDir,
    pub peer: Peer,
    /// Decides about writes while an app waits; false: it lets the time run out.
    pub decide: fn(&Server) -> bool,
}

fn settings() -> Value {
    let app = |client_id: &str, host: &str| {
        json!({ "client_id": client_id, "launch_url": format!("https://{host}/launch?site=7"), "redirect_uris": [format!("https://{host}/cb")],
                "scopes": "launch openid fhirUser profile patient/*.rs patient/DocumentReference.c user/Practitioner.rs",
                "launch_query": ["action"] })
    };
    let mut second = app("second-app", "second.example");
    second["auth"] = json!({ "secret": "invented secret+1" });
    second["browser_binding"] = json!("off");
    json!({
        "system": { "name": "Fakename Clinic", "software": "TestPOS", "version": "1", "roles": ["smart-server"] },
        "public_url": "https://pos.example/clinic", "test": true,
        "store": { "url": "sqlite:unused.db", "key_file": "unused.key" },
        "partners": [
            { "name": "rms", "roles": ["smart-app"], "smart_app": app("rms-app", "rms.example"),
              "messaging": { "inbound": { "client_credentials": { "client_id": "rms-messages", "client_secret": "invented-messaging-secret" } } } },
            { "name": "second", "roles": ["smart-app"], "smart_app": second },
        ],
    })
}

impl Server {
    pub fn new() -> Self {
        Self::with(|_| {})
    }

    pub fn with(change: impl FnOnce(&mut Value)) -> Self {
        crypto::install();
        let mut document = settings();
        change(&mut document);
        let settings: Settings = serde_json::from_value(document).unwrap();
        let (folder, store) = store::open();
        let signals = Arc::new(Mutex::new(Vec::new()));
        let heard = signals.clone();
        let key = crypto::load(&SigningKey { kid: "k1".into(), der: KEY.clone(), created: 0 }).unwrap();
        let world = World {
            store,
            settings: Arc::new(settings),
            keys: Arc::new(Keys::new(vec![key])),
            log: Arc::new(Log::new(100, Level::Debug, clock::now)),
            throttle: Arc::default(),
            signals: Arc::new(move |signal| heard.lock().unwrap().push(signal)),
        };
        Self {
            world: Arc::new(world),
            signals,
            now: AtomicI64::new(1_800_000_000_000),
            host: |_| Answer::NotFound,
            keys: |_| panic!("no partner here publishes keys"),
            folder,
            peer: Peer::default(),
            decide: |_| false,
        }
    }

    /// The same server after a restart: what is not in the store is gone.
    pub fn restarted(self) -> Self {
        let world = World { store: store::reopen(self.folder.path()), ..World::clone(&self.world) };
        Self { world: Arc::new(world), ..self }
    }

    pub fn wait(&self, seconds: i64) {
        self.now.fetch_add(seconds * 1000, Ordering::Relaxed);
    }

    /// Sends a request and plays the driver until there is an answer.
    pub fn send(&self, method: &str, url: &str, headers: &[(&str, &str)], body: &str) -> Response {
        let mut request = http::Request::builder().method(method).uri(url.strip_prefix("https://pos.example").unwrap_or(url));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(()).unwrap();
        let mut exchange = Exchange::new(self.world.clone(), request, self.peer.clone(), Box::new(clock::random));
        loop {
            match exchange.step(self.now.load(Ordering::Relaxed)) {
                Step::NeedBody { limit } => {
                    let too_large = Err(ereferral::proto::exchange::BodyError::TooLarge);
                    exchange.body(if body.len() > limit { too_large } else { Ok(body.as_bytes().to_vec()) });
                }
                Step::Keys(wanted) => exchange.keys((self.keys)(&wanted)),
                Step::Ask(question) => exchange.answer((self.host)(&question)),
                Step::Wait { until } => {
                    if !(self.decide)(self) {
                        self.now.store(until, Ordering::Relaxed);
                    }
                    exchange.waited();
                }
                Step::Respond(response) => return response,
            }
        }
    }

    pub fn get(&self, url: &str, headers: &[(&str, &str)]) -> Response {
        self.send("GET", url, headers, "")
    }

    /// What the host does: starts a launch and opens its URL in the browser.
    pub fn start(&self, request: &Value) -> String {
        let now = self.now.load(Ordering::Relaxed);
        let (launch, url) = launch::begin(&self.world.settings, request.to_string().as_bytes(), now, &clock::random).unwrap();
        self.world.store.save_launch(&launch, now).unwrap();
        url
    }

    /// The browser opens the start URL: the handle the app gets, and the cookie the browser keeps.
    pub fn open(&self, start_url: &str) -> (String, String) {
        let response = self.get(start_url, &[]);
        assert_eq!(response.status(), 303);
        let cookie = response.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
        (query(&response, "launch").unwrap(), cookie)
    }

    /// A launch of the first app, opened in a browser: handle and cookie.
    pub fn launched(&self) -> (String, String) {
        self.open(&self.start(&launch_request()))
    }

    pub fn authorize(&self, handle: &str, cookie: &str, changes: &[(&str, Option<&str>)]) -> Response {
        self.get(&authorize_url(handle, changes), &[("cookie", cookie)])
    }

    pub fn redeem(&self, code: &str, changes: &[(&str, Option<&str>)]) -> Response {
        let mut form = vec![
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", REDIRECT),
            ("client_id", "rms-app"),
            ("code_verifier", VERIFIER),
        ];
        apply(&mut form, changes);
        self.post_token(&encode(&form), &[])
    }

    pub fn post_token(&self, form: &str, headers: &[(&str, &str)]) -> Response {
        let mut all = vec![("content-type", "application/x-www-form-urlencoded")];
        all.extend(headers);
        self.send("POST", "/clinic/auth/token", &all, form)
    }
}

pub fn launch_request() -> Value {
    json!({
        "partner": "rms",
        "user": { "id": "u-17", "fhir_user": "Practitioner/d1", "name": "Dr. Fakename", "signed_in": 1_799_999_000_000_i64 },
        "patient": "p1", "encounter": "e1", "intent": "create-referral",
        "chart": [
            { "resourceType": "Patient", "id": "p1", "identifier": [{ "system": "urn:hcn", "value": "9999999999" }], "name": [{ "family": "Testpatient" }] },
            { "resourceType": "Condition", "id": "c1", "subject": { "reference": "Patient/p1" } },
            { "resourceType": "Practitioner", "id": "d1", "name": [{ "family": "Fakename" }] },
        ],
    })
}

pub fn challenge() -> String {
    BASE64_URL_SAFE_NO_PAD.encode(secret_hash(VERIFIER))
}

fn apply<'a>(pairs: &mut Vec<(&'a str, &'a str)>, changes: &[(&'a str, Option<&'a str>)]) {
    for (name, value) in changes {
        pairs.retain(|(known, _)| known != name);
        pairs.extend(value.map(|value| (*name, value)));
    }
}

pub fn encode(pairs: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

pub fn authorize_query(handle: &str, changes: &[(&str, Option<&str>)]) -> String {
    let challenge = challenge();
    let mut pairs = vec![
        ("response_type", "code"),
        ("client_id", "rms-app"),
        ("redirect_uri", REDIRECT),
        ("scope", "launch openid fhirUser patient/*.rs patient/DocumentReference.c"),
        ("state", "invented-state"),
        ("aud", BASE),
        ("launch", handle),
        ("code_challenge", challenge.as_str()),
        ("code_challenge_method", "S256"),
        ("nonce", "n-1"),
    ];
    apply(&mut pairs, changes);
    encode(&pairs)
}

pub fn authorize_url(handle: &str, changes: &[(&str, Option<&str>)]) -> String {
    format!("/clinic/auth/authorize?{}", authorize_query(handle, changes))
}

pub fn location(response: &Response) -> String {
    response.headers()["location"].to_str().unwrap().to_owned()
}

/// A query parameter of the address a response leads to.
pub fn query(response: &Response, name: &str) -> Option<String> {
    let url = url::Url::parse(&location(response)).unwrap();
    url.query_pairs().find(|(known, _)| known == name).map(|(_, value)| value.into_owned())
}

pub fn text(response: &Response) -> String {
    String::from_utf8(response.body().clone()).unwrap()
}

pub fn document(response: &Response) -> Value {
    serde_json::from_slice(response.body()).unwrap()
}
