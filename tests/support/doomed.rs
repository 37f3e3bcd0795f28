//! A clinic's engine in a process of its own, made to be killed, and the client that posts messages to it.
#![allow(dead_code)]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use ereferral::engine::{Config, Delivery, Engine, Event};
use ereferral::error::{EREF_CANCELLED, EREF_LEASE_LOST, EREF_TIMEOUT};
use ereferral::proto::store::event_kind;
use serde_json::{Value, json};

/// The only partner.
pub const PARTNER: &str = "sample-rms";
/// What the partner shows when it posts.
const TOKEN: &str = "sample-bearer-token-0001";
/// The file a host program notes the events it took in, one per line: id, attempt, kind, subject, whether the body is as it was posted.
pub const TAKEN: &str = "taken";
/// The keys of the referrals to send, one per line.
pub const KEYS: &str = "keys";
/// What the host program noted of its sends: `before KEY`, then `after KEY DELIVERY ALREADY`.
pub const RECEIPTS: &str = "receipts";
/// How long an event may be held before it is handed out again.
pub const LEASE: Duration = Duration::from_secs(2);

/// Variables of the process to be killed.
const FOLDER: &str = "CLINIC_FOLDER";
const ENDPOINT: &str = "CLINIC_ENDPOINT";
const TAKES: &str = "CLINIC_TAKES";
const DESK: &str = "CLINIC_DESK";

/// Opens the clinic's engine.
pub fn open(folder: &Path, serve: bool, endpoint: Option<&str>) -> Engine {
    let listen = if serve { json!([{"address": "127.0.0.1:0"}]) } else { json!([]) };
    let configuration = json!({
        "system": {"name": "Sample Clinic", "software": "clinic.rs", "version": "1.0", "roles": ["rms-source", "rms-target"],
                   "time_zone": "America/Toronto", "referral_system": "https://clinic.test/fhir/NamingSystem/referral"},
        "public_url": "https://clinic.test", "serve": serve, "test": true, "base_dir": folder, "listen": listen,
        "store": {"url": "sqlite:s.db", "key_file": "s.key"},
        "limits": {"event_lease_ms": LEASE.as_millis()},
        "network": {"first_retry_ms": 50},
        "partners": [{"name": PARTNER, "roles": ["rms-source", "rms-target"],
                      "messaging": {"endpoint": endpoint.unwrap_or("http://127.0.0.1:1/none"), "inbound": {"bearer": TOKEN}}}],
    });
    let mut config = Config::new();
    config.parse_json(configuration.to_string().as_bytes()).unwrap();
    Engine::open(&config).unwrap()
}

/// A notification whose every byte follows from `number`; `padding` characters longer than it has to be.
pub fn notification(number: usize, padding: usize) -> String {
    let text = include_str!("../fixtures/notify-add-appointment-0.10.json");
    let mut bundle: Value = serde_json::from_str(text).unwrap();
    bundle["id"] = json!(format!("bundle-{number}"));
    bundle["entry"][0]["resource"]["id"] = json!(message_id(number));
    let text = bundle.to_string().replace("R-1001", &format!("R-{number}"));
    let mut bundle: Value = serde_json::from_str(&text).unwrap();
    // Nothing that compresses or repeats, so that pieces of two messages are never taken for each other.
    let noise = (0..padding).map(|at| char::from(b'a' + ((at * 31 + at / 26 * 7 + number) % 26) as u8)).collect::<String>();
    bundle["entry"][4]["resource"]["extension"] =
        json!([{"url": "http://clinic.test/padding", "valueString": format!("{number} {noise}")}]);
    bundle.to_string()
}

/// `MessageHeader.id` of a notification.
pub fn message_id(number: usize) -> String {
    format!("message-{number}")
}

/// A connection that posts one message after another.
pub struct Client {
    stream: BufReader<TcpStream>,
}

impl Client {
    pub fn new(address: SocketAddr) -> std::io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(Duration::from_secs(60)))?;
        Ok(Self { stream: BufReader::new(stream) })
    }

    /// Posts a message; the status is that of a whole answer.
    pub fn post(&mut self, id: &str, body: &str) -> std::io::Result<u16> {
        let head = format!(
            "POST /fhir/$process-message HTTP/1.1\r\nHost: clinic.test\r\nAuthorization: Bearer {TOKEN}\r\nX-Request-Id: {id}\r\n\
             Content-Type: application/fhir+json\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        self.stream.get_mut().write_all(head.as_bytes())?;
        self.stream.get_mut().write_all(body.as_bytes())?;
        let broken = || std::io::Error::from(std::io::ErrorKind::UnexpectedEof);
        let (start, _) = read_message(&mut self.stream)?.ok_or_else(broken)?;
        start.split(' ').nth(1).and_then(|status| status.parse().ok()).ok_or_else(broken)
    }
}

/// Reads one HTTP message with a content length: its first line and its body. `None` at the end of the connection.
pub fn read_message(stream: &mut BufReader<TcpStream>) -> std::io::Result<Option<(String, Vec<u8>)>> {
    let mut start = String::new();
    if stream.read_line(&mut start)? == 0 {
        return Ok(None);
    }
    let mut length = 0;
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        let line = line.trim_end().to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().map_err(|_| std::io::Error::from(std::io::ErrorKind::InvalidData))?;
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body)?;
    Ok(Some((start.trim_end().to_owned(), body)))
}

/// The clinic's process.
pub struct Clinic {
    pub process: Child,
    output: Option<BufReader<ChildStdout>>,
    input: Option<ChildStdin>,
}

/// How to start the process.
#[derive(Default)]
pub struct Start<'a> {
    /// Where its messages go.
    pub endpoint: Option<&'a str>,
    /// Whether it takes its events.
    pub takes: bool,
    /// A desk that sends what is to be sent and ends.
    pub desk: bool,
    /// More of its environment.
    pub variables: &'a [(&'a str, &'a str)],
    /// A program that runs it, with its arguments.
    pub under: &'a [&'a str],
}

impl Clinic {
    /// Runs this test program once more, as the clinic on the store in `folder`. The program needs a test called `clinic` that calls
    /// [`run`].
    pub fn start(folder: &Path, start: &Start) -> Self {
        let program = std::env::current_exe().unwrap();
        let mut command = match start.under.split_first() {
            Some((runner, arguments)) => {
                let mut command = Command::new(runner);
                command.args(arguments).arg(program);
                command
            }
            None => Command::new(program),
        };
        command.args(["clinic", "--exact", "--nocapture", "--test-threads=1"]).env(FOLDER, folder);
        command.envs(start.variables.iter().copied());
        for (name, set) in [(TAKES, start.takes), (DESK, start.desk)] {
            if set {
                command.env(name, "1");
            }
        }
        if let Some(endpoint) = start.endpoint {
            command.env(ENDPOINT, endpoint);
        }
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let output = process.stdout.take().map(BufReader::new);
        let input = process.stdin.take();
        Self { process, output, input }
    }

    /// The way to its words, for a thread that waits for them while another kills it.
    pub fn output(&mut self) -> Words {
        Words(self.output.take().unwrap())
    }

    /// Where it listens, once it does.
    pub fn ready(&mut self) -> (SocketAddr, Words) {
        let mut words = self.output();
        let address = words.after("READY ").expect("the clinic started").parse().unwrap();
        (address, words)
    }

    /// SIGKILL.
    pub fn kill(mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// Lets it end in order.
    pub fn stop(mut self) {
        drop(self.input.take());
        self.ended();
    }

    /// Waits for the end of a desk.
    pub fn ended(&mut self) {
        assert!(self.process.wait().unwrap().success());
    }
}

/// What the process says.
pub struct Words(BufReader<ChildStdout>);

impl Words {
    /// What follows `mark` on the next line that has it; `None` when the process ended before.
    pub fn after(&mut self, mark: &str) -> Option<String> {
        loop {
            let mut line = String::new();
            if self.0.read_line(&mut line).ok()? == 0 {
                return None;
            }
            // The test runner writes on the same lines.
            if let Some(at) = line.find(mark) {
                return Some(line[at + mark.len()..].trim_end().to_owned());
            }
        }
    }
}

/// What the process does. Nothing when this is an ordinary run of the tests.
pub fn run() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let folder = Path::new(&folder);
    let endpoint = std::env::var(ENDPOINT).ok();
    if std::env::var_os(DESK).is_some() {
        return send_all(&open(folder, false, endpoint.as_deref()), folder);
    }
    let engine = open(folder, true, endpoint.as_deref());
    engine.start().unwrap();
    let status: Value = serde_json::from_str(&engine.status_json().unwrap()).unwrap();
    println!("READY {}", status["addresses"][0].as_str().unwrap());
    std::thread::scope(|scope| {
        if std::env::var_os(TAKES).is_some() {
            scope.spawn(|| take_events(&engine, folder, Duration::from_secs(3600)));
        }
        if endpoint.is_some() {
            send_all(&engine, folder);
            println!("SENT");
        }
        // The end of the input is the order to stop; it also comes when the parent dies.
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        engine.stop(Duration::from_secs(60)).unwrap();
    });
}

fn append(folder: &Path, name: &str, line: &str) {
    let mut file = std::fs::OpenOptions::new().append(true).create(true).open(folder.join(name)).unwrap();
    // One call, which a kill cannot tear.
    file.write_all(format!("{line}\n").as_bytes()).unwrap();
}

/// The lines of one of the host's files.
pub fn lines(folder: &Path, name: &str) -> Vec<Vec<String>> {
    let text = std::fs::read_to_string(folder.join(name)).unwrap_or_default();
    text.lines().map(|line| line.split(' ').map(str::to_owned).collect()).collect()
}

/// The host that takes events: notes each, then finishes it, until none comes within `patience` or the engine stops.
pub fn take_events(engine: &Engine, folder: &Path, patience: Duration) {
    loop {
        match engine.event_next(event_kind::MESSAGE | event_kind::DELIVERY, patience, None) {
            Ok(mut event) => {
                append(folder, TAKEN, &describe(&event));
                match event.done() {
                    Err(error) if error.status() != EREF_LEASE_LOST => panic!("{error}"),
                    _ => {}
                }
            }
            Err(error) if matches!(error.status(), EREF_TIMEOUT | EREF_CANCELLED) => return,
            Err(error) => panic!("{error}"),
        }
    }
}

fn describe(event: &Event) -> String {
    let (kind, subject, whole) = match event.message().unwrap() {
        Some(message) => {
            let number = message.message_id().rsplit('-').next().and_then(|number| number.parse().ok()).unwrap_or(0);
            ("MESSAGE", message.message_id().to_owned(), message.bundle() == notification(number, 0).as_bytes())
        }
        None => {
            let delivery: Value = serde_json::from_str(event.document()).unwrap();
            let subject = format!("{}/{}", delivery["host_key"].as_str().unwrap(), delivery["state"].as_str().unwrap());
            ("DELIVERY", subject, true)
        }
    };
    format!("{} {} {kind} {subject} {whole}", event.id(), event.attempt())
}

/// The host that sends: every key without a receipt, as after a crash.
fn send_all(engine: &Engine, folder: &Path) {
    let receipts = lines(folder, RECEIPTS);
    for key in lines(folder, KEYS).into_iter().map(|line| line[0].clone()) {
        if receipts.iter().any(|line| line[0] == "after" && line[1] == key) {
            continue;
        }
        append(folder, RECEIPTS, &format!("before {key}"));
        let delivery = send(engine, &key);
        append(folder, RECEIPTS, &format!("after {key} {} {}", delivery.record.id, delivery.already));
    }
}

/// Sends the referral of this key.
fn send(engine: &Engine, key: &str) -> Delivery {
    let mut draft = engine.draft(PARTNER, "add-service-request").unwrap();
    for (name, value) in [
        ("referral.category.code", "103697008"),
        ("referral.category.display", "Patient referral for dental care"),
        ("referral.reason", "Toothache for two weeks"),
        ("referral.priority", "routine"),
        ("patient.name.family", "Testpatient"),
        ("patient.name.given[0]", "Anna"),
        ("patient.gender", "female"),
        ("patient.birth_date", "1980-02-29"),
        ("patient.health_number", "9999999999"),
        ("requester.name.family", "Fakename"),
        ("requester.name.given[0]", "Paul"),
        ("requester.licence", "99999"),
        ("requester.organization", "Sample Clinic"),
        ("user.name", "Dr. Paul Fakename"),
        ("target.organization", "Testwater Dental Clinic"),
        ("referral.identifier[0].system", "https://clinic.test/fhir/NamingSystem/referral"),
        ("referral.identifier[0].value", key),
    ] {
        draft.set(name, value).unwrap();
    }
    draft.add_attachment("letter.pdf", "application/pdf", b"%PDF-1.4 sample").unwrap();
    let message = engine.draft_build(&draft).unwrap_or_else(|error| panic!("{error} {:?}", error.detail()));
    engine.send(PARTNER, key, &message).unwrap()
}
