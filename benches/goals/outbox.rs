//! P12: the outbox. Queuing, draining, a long queue, and a partner that is away.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use ereferral::engine::{Config, Engine};
use ereferral::io::client::Client;
use ereferral::io::{clock, store::sqlite};
use ereferral::proto::settings::Network;
use ereferral::proto::store::{Node, OutgoingMessage, Store};
use url::Url;

use crate::disk;
use crate::messages;
use crate::table::Row;

const ROUNDS: usize = 5;
/// Messages drained in a round: so many that the start of the engine weighs little.
const DRAINED: usize = 1_600;
/// A long queue.
const QUEUED: usize = 100_000;
/// Enqueues timed on each store, alternately.
const TIMED: usize = 400;
/// In flight to the partner that is away.
const AWAY: usize = 20;

static NEXT: AtomicU32 = AtomicU32::new(1);

/// Answers every message with an empty 200; counts them.
fn partner() -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback listens");
    let (address, count) = (listener.local_addr().expect("an address"), Arc::new(AtomicUsize::new(0)));
    let counter = count.clone();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let counter = counter.clone();
            thread::spawn(move || answer(stream, &counter));
        }
    });
    (address, count)
}

fn answer(stream: TcpStream, counter: &AtomicUsize) {
    let _ = stream.set_nodelay(true);
    let mut stream = BufReader::with_capacity(64 << 10, stream);
    let mut body = Vec::new();
    loop {
        let mut length = 0;
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line).unwrap_or(0) == 0 {
                return;
            }
            let line = line.trim_end().to_ascii_lowercase();
            if line.is_empty() {
                break;
            }
            length = line.strip_prefix("content-length: ").map_or(length, |value| value.parse().expect("a length"));
        }
        body.resize(length, 0);
        if stream.read_exact(&mut body).is_err() {
            return;
        }
        counter.fetch_add(1, Ordering::Relaxed);
        if stream.get_mut().write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").is_err() {
            return;
        }
    }
}

fn message(partner: &str, body: &Arc<Vec<u8>>) -> OutgoingMessage {
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let mut content = [0; 32];
    content[..4].copy_from_slice(&number.to_be_bytes());
    OutgoingMessage {
        id: clock::id(),
        partner: partner.into(),
        host_key: format!("act-{number}"),
        content,
        event: "add-service-request".into(),
        message_id: format!("message-{number}"),
        bundle_id: format!("bundle-{number}"),
        body: body.clone(),
        referral: None,
        replaces: None,
        files: Vec::new(),
        note: None,
    }
}

fn store(folder: &Path, name: &str) -> Arc<dyn Store> {
    let node = Node { id: clock::id(), process: std::process::id(), host: "bench".into() };
    let file = |ending: &str| folder.join(format!("{name}.{ending}"));
    sqlite::open(&file("db"), &file("key"), node).expect("the store opens")
}

/// An engine on that store that delivers and serves nobody else.
fn engine(folder: &Path, name: &str, partners: &[(&str, SocketAddr)]) -> Engine {
    let partners: Vec<_> = partners
        .iter()
        .map(|(name, address)| {
            let endpoint = format!("http://{address}/fhir/$process-message");
            serde_json::json!({"name": name, "roles": ["rms-target"], "messaging": {"endpoint": endpoint}})
        })
        .collect();
    let document = serde_json::json!({
        "system": {"name": "Fakeville Family Health", "software": "bench", "version": "1", "roles": ["rms-source"],
                   "time_zone": "America/Toronto"},
        "public_url": "https://pos.test", "test": true, "base_dir": folder,
        "listen": [{"address": "127.0.0.1:0"}],
        "store": {"url": format!("sqlite:{name}.db"), "key_file": format!("{name}.key")}, "partners": partners,
    });
    let mut config = Config::new();
    config.parse_json(document.to_string().as_bytes()).expect("the configuration is good");
    Engine::open(&config).expect("the engine opens")
}

/// Seconds from the start of the engine until the partner has counted so many, recorded included.
fn drain(folder: &Path, name: &str, partners: &[(&str, SocketAddr)], count: &AtomicUsize, wanted: usize) -> f64 {
    let engine = engine(folder, name, partners);
    count.store(0, Ordering::Relaxed);
    let start = Instant::now();
    engine.start().expect("the engine starts");
    while count.load(Ordering::Relaxed) < wanted {
        thread::sleep(Duration::from_millis(1));
    }
    let seconds = start.elapsed().as_secs_f64();
    // What is still being sent to a partner that never answers ends by itself.
    let _ = engine.stop(Duration::from_secs(1));
    seconds
}

fn enqueue_all(store: &Arc<dyn Store>, partner: &str, body: &Arc<Vec<u8>>, count: usize) {
    thread::scope(|scope| {
        for _ in 0..32 {
            scope.spawn(|| {
                for _ in 0..count.div_ceil(32) {
                    store.enqueue(&message(partner, body), clock::now()).expect("the store takes it");
                }
            });
        }
    });
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Drained beside posted one after the other by the client alone.
fn draining(folder: &Path, body: &Arc<Vec<u8>>) -> Row {
    let (address, count) = partner();
    let client = Client::new(&Network::default(), None).expect("a client");
    let url = Url::parse(&format!("http://{address}/fhir/$process-message")).expect("an address");
    let round = |number: usize| {
        let name = format!("drain-{number}");
        enqueue_all(&store(folder, &name), "rms", body, DRAINED);
        let ours = drain(folder, &name, &[("rms", address)], &count, DRAINED.div_ceil(32) * 32);
        let start = Instant::now();
        for _ in 0..DRAINED {
            client.post(&url, &[("content-type", "application/fhir+json")], body).expect("the partner answers");
        }
        ((DRAINED.div_ceil(32) * 32) as f64 / ours, DRAINED as f64 / start.elapsed().as_secs_f64())
    };
    let (ours, bare): (Vec<f64>, Vec<f64>) = (0..ROUNDS).map(round).unzip();
    let (ours, bare) = (mean(&ours), mean(&bare));
    let text = format!("{ours:.0}/s beside {bare:.0}/s");
    Row::at_least("P12", "drain of 40 KB messages, plain HTTP on loopback", ours / bare, 0.8, "at least 0.8x the bare client", text)
}

/// One enqueue beside one commit of next to nothing, and beside an enqueue into a long queue.
fn queuing(folder: &Path, body: &Arc<Vec<u8>>) -> Vec<Row> {
    let (short, long) = (store(folder, "short"), store(folder, "long"));
    enqueue_all(&long, "rms", &Arc::new(vec![b'x'; 200]), QUEUED);
    let timed = |work: &dyn Fn()| {
        let start = Instant::now();
        work();
        start.elapsed().as_secs_f64() * 1e6
    };
    let (mut commit, mut to_short, mut to_long) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..TIMED {
        commit.push(timed(&|| short.audit_note("{}", clock::now()).expect("a commit")));
        to_short.push(timed(&|| _ = short.enqueue(&message("rms", body), clock::now()).expect("the store takes it")));
        to_long.push(timed(&|| _ = long.enqueue(&message("rms", body), clock::now()).expect("the store takes it")));
    }
    let (commit, to_short, to_long) = (median(commit), median(to_short), median(to_long));
    let beside = |ours: f64, other: f64| format!("{ours:.0} us beside {other:.0} us");
    vec![
        Row::at_most(
            "P12",
            "enqueue of 40 KB, median",
            to_short,
            commit,
            2.0,
            "at most two commits of next to nothing",
            beside(to_short, commit),
        ),
        Row::at_most(
            "P12",
            "enqueue with 100,000 queued",
            to_long,
            to_short,
            1.1,
            "at most 1.1x an empty queue",
            beside(to_long, to_short),
        ),
    ]
}

/// A partner's messages, with and without twenty to another that takes connections and never answers.
fn beside_a_dead_one(folder: &Path, body: &Arc<Vec<u8>>) -> Row {
    let (address, count) = partner();
    let silent = TcpListener::bind("127.0.0.1:0").expect("loopback listens");
    let away = silent.local_addr().expect("an address");
    let partners = [("rms", address), ("away", away)];
    let round = |number: usize| {
        let [alone, beside] = ["alone", "beside"].map(|kind| {
            let name = format!("{kind}-{number}");
            let store = store(folder, &name);
            if kind == "beside" {
                (0..AWAY).for_each(|_| _ = store.enqueue(&message("away", body), clock::now()).expect("the store takes it"));
            }
            enqueue_all(&store, "rms", body, DRAINED);
            drop(store);
            drain(folder, &name, &partners, &count, DRAINED.div_ceil(32) * 32)
        });
        (alone, beside)
    };
    let (alone, beside): (Vec<f64>, Vec<f64>) = (0..ROUNDS).map(round).unzip();
    let (alone, beside) = (mean(&alone), mean(&beside));
    let text = format!("{:.0} ms beside {:.0} ms", beside * 1e3, alone * 1e3);
    let what = "1,600 messages to a partner, with 20 to another that never answers";
    Row::at_most("P12", what, beside, alone, 1.1, "at most 1.1x without", text)
}

/// All rows of P12.
pub fn rows() -> Vec<Row> {
    let folder = disk::folder();
    if let Some(why) = disk::not_durable(&folder) {
        return vec![Row::skipped("P12", "outbox", &why)];
    }
    let place = tempfile::tempdir_in(&folder).expect("a folder can be made");
    let body = Arc::new(messages::referral(0));
    let mut rows = queuing(place.path(), &body);
    rows.push(draining(place.path(), &body));
    rows.push(beside_a_dead_one(place.path(), &body));
    rows
}
