//! A clinic's process is killed at random moments, two hundred times. Nothing it acknowledged is lost, nothing is done twice.
#![cfg(unix)]

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use support::doomed::{self, Client, Clinic, Start};
use support::random::Random;

#[path = "support"]
mod support {
    pub mod doomed;
    pub mod random;
}

/// Kills per test.
const ROUNDS: usize = 100;
/// Messages, or referrals, that are new in a round.
const NEW: usize = 8;
/// The latest moment of a kill, in lengths of a round without one.
const LATEST: f64 = 1.5;
/// Connections that post at once.
const CLIENTS: usize = 4;

#[test]
fn clinic() {
    doomed::run();
}

/// Posts what is waiting over some connections, until all is answered or the clinic is gone. Moves what was acknowledged.
fn post_all(address: std::net::SocketAddr, waiting: &Mutex<Vec<usize>>, acknowledged: &Mutex<BTreeSet<usize>>) {
    let numbers = waiting.lock().unwrap().clone();
    std::thread::scope(|scope| {
        for lane in 0..CLIENTS {
            let numbers = numbers.iter().skip(lane).step_by(CLIENTS);
            scope.spawn(move || {
                let Ok(mut client) = Client::new(address) else { return };
                for number in numbers {
                    match client.post(&doomed::message_id(*number), &doomed::notification(*number, 0)) {
                        Ok(status) => assert_eq!(status, 200, "message {number}"),
                        Err(_) => return,
                    }
                    waiting.lock().unwrap().retain(|other| other != number);
                    acknowledged.lock().unwrap().insert(*number);
                }
            });
        }
    });
}

/// What a host noted of its events: never one twice with the same attempt, never one message in two events, every body whole.
fn check_taken(folder: &Path, kind: &str) -> BTreeMap<String, BTreeSet<String>> {
    let mut handed_out = BTreeSet::new();
    let mut events: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for line in doomed::lines(folder, doomed::TAKEN) {
        let [id, attempt, of, subject, whole] = <[String; 5]>::try_from(line).unwrap();
        assert!(handed_out.insert((id.clone(), attempt.clone())), "event {id} came twice as attempt {attempt}");
        assert_eq!(whole, "true", "the body of {subject} changed");
        if of == kind {
            events.entry(subject).or_default().insert(id);
        }
    }
    for (subject, ids) in &events {
        assert_eq!(ids.len(), 1, "{subject} came as several events");
    }
    events
}

/// Runs what the host has yet to take to its end, and sees that nothing is left or parked.
fn drain(folder: &Path, endpoint: Option<&str>) {
    let desk = doomed::open(folder, false, endpoint);
    desk.start().unwrap();
    // What a killed host held comes back when its lease has run out.
    doomed::take_events(&desk, folder, doomed::LEASE * 2);
    let status: Value = serde_json::from_str(&desk.status_json().unwrap()).unwrap();
    assert_eq!(status["store"]["events"], json!({"waiting": 0, "parked": 0}));
}

#[test]
#[ignore = "full run"]
fn no_acknowledged_message_is_lost_and_no_event_comes_twice_as_the_same_attempt() {
    let folder = tempfile::tempdir().unwrap();
    let mut random = Random::seeded("receive");
    let (waiting, acknowledged) = (Mutex::new(Vec::new()), Mutex::new(BTreeSet::new()));
    let (mut whole_round, mut cut_off, mut deaf, mut under_kills) = (Duration::ZERO, 0, 0, 0);
    for round in 0..=ROUNDS {
        waiting.lock().unwrap().extend(round * NEW..(round + 1) * NEW);
        let started = Instant::now();
        let mut clinic = Clinic::start(folder.path(), &Start { takes: true, ..Start::default() });
        let mut words = clinic.output();
        if round == 0 || round == ROUNDS {
            under_kills = acknowledged.lock().unwrap().len();
            post_all(words.after("READY ").unwrap().parse().unwrap(), &waiting, &acknowledged);
            assert!(waiting.lock().unwrap().is_empty());
            whole_round = started.elapsed();
            clinic.stop();
            continue;
        }
        std::thread::scope(|scope| {
            let poster = scope.spawn(|| {
                let address = words.after("READY ")?.parse().unwrap();
                post_all(address, &waiting, &acknowledged);
                Some(())
            });
            std::thread::sleep(whole_round.mul_f64(random.fraction() * LATEST));
            clinic.kill();
            deaf += usize::from(poster.join().unwrap().is_none());
        });
        cut_off += usize::from(!waiting.lock().unwrap().is_empty());
    }
    drain(folder.path(), None);
    let events = check_taken(folder.path(), "MESSAGE");
    let acknowledged: BTreeSet<String> = acknowledged.into_inner().unwrap().into_iter().map(doomed::message_id).collect();
    let taken: BTreeSet<String> = events.into_keys().collect();
    println!(
        "{ROUNDS} kills, {deaf} before it listened, {cut_off} with posts unanswered; {under_kills} of {} messages acknowledged meanwhile",
        acknowledged.len()
    );
    assert_eq!(acknowledged.len(), (ROUNDS + 1) * NEW);
    assert_eq!(taken, acknowledged);
    assert!(cut_off > ROUNDS / 5 && under_kills > ROUNDS, "the kills came too late, or too early, to prove anything");
}

/// The system that referrals are sent to: answers every message and keeps the bytes.
struct Partner {
    endpoint: String,
    received: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Partner {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}/fhir/$process-message", listener.local_addr().unwrap());
        let received = Arc::new(Mutex::new(Vec::new()));
        let keep = received.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let keep = keep.clone();
                std::thread::spawn(move || Self::serve(stream.unwrap(), &keep));
            }
        });
        Self { endpoint, received }
    }

    /// One connection; it breaks when the clinic dies.
    fn serve(stream: TcpStream, received: &Mutex<Vec<Vec<u8>>>) {
        let mut stream = BufReader::new(stream);
        while let Ok(Some((_, body))) = doomed::read_message(&mut stream) {
            let message: Value = serde_json::from_slice(&body).unwrap();
            received.lock().unwrap().push(body);
            let header = json!({"resourceType": "MessageHeader", "response": {"identifier": message["entry"][0]["resource"]["id"], "code": "ok"}});
            let answer = json!({"resourceType": "Bundle", "type": "message", "entry": [{"resource": header}]}).to_string();
            let head = "HTTP/1.1 200 OK\r\nContent-Type: application/fhir+json\r\nContent-Length:";
            let answer = format!("{head} {}\r\n\r\n{answer}", answer.len());
            if stream.get_mut().write_all(answer.as_bytes()).is_err() {
                return;
            }
        }
    }
}

/// The number of the referral in a message, and the id of its header.
fn referral_and_header(message: &[u8]) -> (String, String) {
    let message: Value = serde_json::from_slice(message).unwrap();
    let entries = message["entry"].as_array().unwrap();
    let request =
        entries.iter().map(|entry| &entry["resource"]).find(|resource| resource["resourceType"] == "ServiceRequest").unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    (text(&request["identifier"][0]["value"]), text(&entries[0]["resource"]["id"]))
}

#[test]
#[ignore = "full run"]
fn a_host_killed_between_send_and_receipt_repeats_with_its_key_and_one_referral_exists() {
    let folder = tempfile::tempdir().unwrap();
    let partner = Partner::start();
    let mut random = Random::seeded("send");
    let start = Start { endpoint: Some(&partner.endpoint), takes: true, ..Start::default() };
    let mut keys = Vec::new();
    let mut whole_round = Duration::ZERO;
    for round in 0..=ROUNDS {
        keys.extend((0..NEW).map(|number| format!("act-{round}-{number}")));
        std::fs::write(folder.path().join(doomed::KEYS), keys.join("\n")).unwrap();
        let started = Instant::now();
        let mut clinic = Clinic::start(folder.path(), &start);
        if round == 0 || round == ROUNDS {
            let mut words = clinic.output();
            words.after("SENT").unwrap();
            whole_round = started.elapsed();
            wait_for_deliveries(folder.path(), &keys);
            clinic.stop();
            continue;
        }
        std::thread::sleep(whole_round.mul_f64(random.fraction() * LATEST));
        clinic.kill();
    }
    drain(folder.path(), Some(&partner.endpoint));
    let delivered = check_taken(folder.path(), "DELIVERY");
    let received = std::mem::take(&mut *partner.received.lock().unwrap());
    let mut referrals: BTreeMap<String, BTreeSet<(String, &[u8])>> = BTreeMap::new();
    for message in &received {
        let (referral, header) = referral_and_header(message);
        referrals.entry(referral).or_default().insert((header, message));
    }
    let receipts = doomed::lines(folder.path(), doomed::RECEIPTS);
    let between = receipts.iter().filter(|line| line[0] == "after" && line[3] == "true").count();
    println!("{ROUNDS} kills, {between} between send and receipt; {} referrals, {} posts", keys.len(), received.len());
    for key in &keys {
        assert!(delivered.contains_key(&format!("{key}/delivered")), "no event says that {key} is delivered");
        // What is sent again is the same, byte for byte (messaging.md 10.1).
        assert_eq!(referrals.get(key).map(BTreeSet::len), Some(1), "messages for {key}");
    }
    let headers: BTreeSet<&String> = referrals.values().flatten().map(|(header, _)| header).collect();
    assert_eq!((referrals.len(), headers.len()), (keys.len(), keys.len()));
    assert!(between > 0, "no kill came between send and receipt");
}

/// Until every delivery has arrived; the clinic runs.
fn wait_for_deliveries(folder: &Path, keys: &[String]) {
    let desk = doomed::open(folder, false, Some("http://127.0.0.1:1/none"));
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let late = keys.iter().find_map(|key| {
            let document: Value = serde_json::from_str(&desk.delivery_find(key).unwrap().document()).unwrap();
            (document["state"] != "delivered").then(|| document.to_string())
        });
        let Some(late) = late else { return };
        assert!(Instant::now() < deadline, "not delivered: {late}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
