//! P4 and P5: messages per second that are on the disk before they are answered, beside what that disk can sync.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use ereferral::engine::{Config, Engine};
use ereferral::io::{clock, store::sqlite};
use ereferral::proto::store::{
    Accepted, Identifier, IncomingMessage, MessageIdentity, Node, ReferralKeys, ReferralRole, ReferralState, ReferralUpdate, Store,
};

use crate::disk;
use crate::messages;
use crate::table::Row;

/// Many short rounds: what else uses the disk then weighs on a figure and on its raw syncs alike.
const ROUNDS: usize = 20;
const TIME: Duration = Duration::from_millis(400);
pub const MANY: usize = 32;
/// What one raw sync writes.
const BLOCK: usize = 4096;
const BEARER: &str = "bench-bearer-of-the-partner";

/// What the ids of the sample begin with; every message gets its own.
const MARK: &str = "00000000-0000-4000-8000-";

/// Numbers all messages of the run.
static NEXT: AtomicU32 = AtomicU32::new(1);

/// A message whose ids are all replaced by others each time.
#[derive(Clone)]
struct Sample {
    bytes: Vec<u8>,
    places: Vec<usize>,
}

impl Sample {
    fn new() -> Self {
        let bytes = messages::referral(0);
        let text = std::str::from_utf8(&bytes).expect("a message is text");
        let places = text.match_indices(MARK).map(|(at, _)| at).collect();
        Self { bytes, places }
    }

    /// The next message; returns its number as it stands in the ids.
    fn renew(&mut self) -> String {
        let number = format!("{:08x}", NEXT.fetch_add(1, Ordering::Relaxed));
        for at in &self.places {
            self.bytes[*at..*at + 8].copy_from_slice(number.as_bytes());
        }
        number
    }
}

/// Runs `clients` threads for the time; what each makes is called until then. Returns calls per second.
pub fn rate<'a>(clients: usize, client: impl Fn() -> Box<dyn FnMut() + 'a> + Sync) -> f64 {
    let (start, calls) = (Instant::now(), AtomicU32::new(0));
    std::thread::scope(|scope| {
        for _ in 0..clients {
            scope.spawn(|| {
                let mut call = client();
                while start.elapsed() < TIME {
                    call();
                    calls.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
    f64::from(calls.into_inner()) / start.elapsed().as_secs_f64()
}

/// A serving engine on loopback, its store in `folder`; and its address.
fn engine(folder: &Path) -> (Engine, String) {
    let document = serde_json::json!({
        "system": {"name": "Fakeville Family Health", "software": "bench", "version": "1", "roles": ["rms-target"],
                   "time_zone": "America/Toronto", "referral_system": "https://pos.test/fhir/NamingSystem/referral"},
        "public_url": "https://pos.test", "test": true, "base_dir": folder,
        "listen": [{"address": "127.0.0.1:0"}],
        "store": {"url": "sqlite:http.db", "key_file": "http.key"},
        "partners": [{"name": "rms", "roles": ["rms-source"], "messaging": {"inbound": {"bearer": BEARER}}}],
    });
    let mut config = Config::new();
    config.parse_json(document.to_string().as_bytes()).expect("the configuration is good");
    let engine = Engine::open(&config).expect("the engine opens");
    engine.start().expect("the engine starts");
    let status: serde_json::Value = serde_json::from_str(&engine.status_json().expect("a status")).expect("JSON");
    let address = status["addresses"][0].as_str().expect("an address").to_owned();
    (engine, address)
}

/// A partner's keep-alive connection that posts message after message.
fn over_http(address: &str) -> Box<dyn FnMut()> {
    let stream = TcpStream::connect(address).expect("the engine listens");
    stream.set_nodelay(true).expect("an option of every socket");
    let mut stream = BufReader::new(stream);
    let mut sample = Sample::new();
    let head = format!(
        "POST /fhir/$process-message HTTP/1.1\r\nHost: pos.test\r\nAuthorization: Bearer {BEARER}\r\n\
         Content-Type: application/fhir+json\r\nContent-Length: {}\r\n\r\n",
        sample.bytes.len()
    );
    Box::new(move || {
        sample.renew();
        let request = [head.as_bytes(), &sample.bytes].concat();
        stream.get_mut().write_all(&request).expect("the engine reads");
        let (status, body) = answer(&mut stream);
        assert!(status.contains(" 200 "), "{status}{}", String::from_utf8_lossy(&body));
    })
}

/// The first line of an answer, and its body.
fn answer(stream: &mut BufReader<TcpStream>) -> (String, Vec<u8>) {
    let (mut status, mut length) = (String::new(), 0);
    stream.read_line(&mut status).expect("the engine answers");
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).expect("the engine answers");
        let line = line.trim_end().to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().expect("a length");
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).expect("a whole body");
    (status, body)
}

fn store(folder: &Path) -> Arc<dyn Store> {
    let node = Node { id: clock::id(), process: std::process::id(), host: "bench".into() };
    sqlite::open(&folder.join("direct.db"), &folder.join("direct.key"), node).expect("the store opens")
}

/// The same messages given to the store directly.
fn directly(store: &Arc<dyn Store>) -> Box<dyn FnMut()> {
    let (store, mut sample) = (store.clone(), Sample::new());
    Box::new(move || {
        let number = sample.renew();
        let identifiers = vec![Identifier { system: "https://rms.example/fhir/NamingSystem/id".into(), value: number.clone() }];
        let referral = ReferralUpdate {
            id: clock::id(),
            keys: ReferralKeys { partner: "rms".into(), identifiers: identifiers.clone(), ..ReferralKeys::default() },
            found: Vec::new(),
            our_role: ReferralRole::Target,
            parties: vec![("rms".into(), ReferralRole::Source)],
            roles: Vec::new(),
            unlinked: false,
            launch_id: None,
            identifiers,
            claims: Vec::new(),
            communications: Vec::new(),
            links: Vec::new(),
            state: ReferralState::default(),
            document: "x".repeat(1000),
            history: "x".repeat(200),
        };
        let mut content = [0; 32];
        content[..8].copy_from_slice(number.as_bytes());
        let message = IncomingMessage {
            id: clock::id(),
            identity: MessageIdentity {
                partner: "rms".into(),
                trusted: true,
                message_id: format!("message-{number}"),
                bundle_id: format!("bundle-{number}"),
                content,
                refuse_changed: false,
            },
            event: "add-service-request".into(),
            response_to: None,
            body: sample.bytes.clone().into(),
            response: vec![0x20; 1000],
            notification: "x".repeat(4000),
            referral: Some(referral),
        };
        let accepted = store.accept_message(&message, clock::now()).expect("the store takes it");
        assert!(matches!(accepted, Accepted::New { .. }), "a message came twice");
    })
}

/// What one round gives, each per second.
struct Round {
    /// Raw syncs before, between and after the two figures.
    raw: [f64; 3],
    one: f64,
    many: f64,
    store_one: f64,
    store_many: f64,
    raw_large: f64,
}

fn mean(rounds: &[Round], figure: impl Fn(&Round) -> f64) -> f64 {
    rounds.iter().map(figure).sum::<f64>() / rounds.len() as f64
}

/// A figure of all rounds together, beside the raw syncs around it, and the spread of the rounds.
fn beside(rounds: &[Round], figure: impl Fn(&Round) -> f64, raw: impl Fn(&Round) -> f64) -> (f64, String) {
    let (ours, syncs) = (mean(rounds, &figure), mean(rounds, &raw));
    let mut ratios: Vec<f64> = rounds.iter().map(|round| figure(round) / raw(round)).collect();
    ratios.sort_by(f64::total_cmp);
    let (low, high) = (ratios[ratios.len() / 4], ratios[ratios.len() * 3 / 4]);
    (ours / syncs, format!("{ours:.0}/s beside {syncs:.0} syncs/s; middle half of the rounds {low:.2} to {high:.2}"))
}

/// P4 and P5, with raw syncs before and after each figure of a round.
pub fn durable() -> Vec<Row> {
    let names = ("P4", "durable accept, one client, HTTP keep-alive", "P5", "durable accept, 32 clients, HTTP keep-alive");
    let folder = disk::folder();
    if let Some(why) = disk::not_durable(&folder) {
        return vec![Row::skipped(names.0, names.1, &why), Row::skipped(names.2, names.3, &why)];
    }
    let place = tempfile::tempdir_in(&folder).expect("a folder can be made");
    let (engine, address) = engine(place.path());
    let store = store(place.path());
    let raw = |bytes| disk::sync_rate(place.path(), bytes, TIME / 2);
    // Files, connections and threads are made before anything is counted.
    rate(MANY, || over_http(&address));
    let large = messages::referral(0).len();
    let measure = |_| {
        let before = raw(BLOCK);
        let one = rate(1, || over_http(&address));
        let between = raw(BLOCK);
        let many = rate(MANY, || over_http(&address));
        let raw_after = raw(BLOCK);
        Round {
            raw: [before, between, raw_after],
            one,
            many,
            store_one: rate(1, || directly(&store)),
            store_many: rate(MANY, || directly(&store)),
            raw_large: raw(large),
        }
    };
    let rounds: Vec<Round> = (0..ROUNDS).map(measure).collect();
    engine.stop(Duration::from_secs(10)).expect("the engine stops");
    let (one, one_text) = beside(&rounds, |round| round.one, |round| (round.raw[0] + round.raw[1]) / 2.0);
    let (many, many_text) = beside(&rounds, |round| round.many, |round| (round.raw[1] + round.raw[2]) / 2.0);
    let store = format!("{:.0}/s and {:.0}/s", mean(&rounds, |round| round.store_one), mean(&rounds, |round| round.store_many));
    vec![
        Row::at_least(names.0, names.1, one, 0.9, "at least 0.9x the raw sync rate", one_text),
        Row::at_least(names.2, names.3, many, 5.0, "at least 5x the raw sync rate", many_text),
        Row::note("P5", "the store alone, 1 and 32 threads", store),
        Row::note("P5", "raw syncs of a message's size", format!("{:.0}/s", mean(&rounds, |round| round.raw_large))),
    ]
}
