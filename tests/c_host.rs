//! A C host under load (`tests/c/inbox.c`); the test plays partner, browser and app: order of events, a slow host, too little memory.

mod support;

use std::fs;
use std::io::{BufRead, BufReader, Lines, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use ereferral::proto::http::secret_hash;
use serde_json::{Value, json};
use support::c::{self, root};
use url::Url;
use url::form_urlencoded::Serializer;

const BEARER: &str = "Authorization: Bearer invented-bearer-of-the-partner\r\nContent-Type: application/fhir+json\r\n";
const VERIFIER: &str = "an-invented-verifier-that-is-long-enough-0123456789";
const CONFIGURATION: &str = r#"{
    "system": {"name": "Fakeville Family Health", "software": "test", "version": "1", "roles": ["smart-server", "rms-source", "rms-target"],
               "time_zone": "America/Toronto", "referral_system": "https://pos.test/fhir/NamingSystem/referral"},
    "public_url": "https://pos.test", "test": true, "listen": [{"address": "127.0.0.1:0"}],
    "store": {"url": "sqlite:pos.db", "key_file": "pos.key"},
    "partners": [{"name": "self", "roles": ["rms-source", "rms-target", "smart-app"],
        "messaging": {"endpoint": "https://rms.test/fhir/$process-message", "inbound": {"bearer": "invented-bearer-of-the-partner"}},
        "smart_app": {"client_id": "app", "launch_url": "https://rms.test/launch", "redirect_uris": ["https://rms.test/back"],
                      "scopes": "launch openid fhirUser patient/*.rs"}}]
}"#;

/// A running host program.
struct Host {
    process: Child,
    lines: Lines<BufReader<ChildStdout>>,
    address: String,
    launch: String,
    _folder: tempfile::TempDir,
}

impl Drop for Host {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Host {
    /// `limit` is a shell command run before it, `arguments` those after the configuration.
    fn start(limit: &str, extra: &[&str], arguments: &[&str]) -> Option<Self> {
        let (Some(compiler), Some(library)) = (c::compiler(), c::library()) else { return None };
        let folder = tempfile::tempdir().unwrap();
        let program = c::build(&compiler, &library, &root().join("tests/c/inbox.c"), folder.path(), extra);
        let file = folder.path().join("pos.json");
        fs::write(&file, CONFIGURATION).unwrap();
        let mut process = Command::new("sh")
            .args(["-c", &format!("{limit} exec \"$0\" \"$@\"")])
            .args([program.as_path(), Path::new(&file)])
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let mut host = Self { process, lines, address: String::new(), launch: String::new(), _folder: folder };
        host.address = host.await_line("ADDRESS ");
        host.launch = host.await_line("LAUNCH ");
        Some(host)
    }

    /// Lets it take events.
    fn begin(&mut self) {
        self.process.stdin.as_mut().unwrap().write_all(b"\n").unwrap();
    }

    /// The rest of the next line, which has to begin like this.
    fn await_line(&mut self, start: &str) -> String {
        let line = self.lines.next().expect("the host ended").unwrap();
        line.strip_prefix(start).unwrap_or_else(|| panic!("expected {start}, got {line}")).to_owned()
    }

    fn ended_well(mut self, taken: usize) {
        let said: Vec<String> = self.lines.by_ref().map(Result::unwrap).collect();
        assert_eq!(said.last(), Some(&format!("TAKEN {taken}")), "{said:?}");
        assert!(self.process.wait().unwrap().success(), "{said:?}");
    }
}

/// One request on a connection of its own; the answer's status and the whole of its text. No answer at all is status 0.
fn request(address: &str, line: &str, headers: &str, body: &[u8]) -> (u16, String) {
    let mut connection = TcpStream::connect(address).unwrap();
    let head = format!("{line} HTTP/1.1\r\nHost: pos.test\r\nConnection: close\r\nContent-Length: {}\r\n{headers}\r\n", body.len());
    // A refusal may come before the body is through, and end the connection.
    let _ = connection.write_all(head.as_bytes()).and_then(|()| connection.write_all(body));
    let mut answer = Vec::new();
    let _ = connection.read_to_end(&mut answer);
    let text = String::from_utf8_lossy(&answer).into_owned();
    (text.get(9..12).map_or(0, |status| status.parse().unwrap()), text)
}

fn message(referral: usize, number: usize) -> Value {
    let text = fs::read_to_string(root().join("tests/fixtures/ocean-like-add-service-request.json")).unwrap();
    let text = text
        .replace("5a3db0c5-1001-4a1e-9c00-0c0ffee01001", &format!("ref-{referral}"))
        .replace("5a3db0c5-1099-4a1e-9c00-0c0ffee01099", &format!("00000000-0000-4000-8000-{referral:04}{number:08}"))
        .replace("5a3db0c5-1000-4a1e-9c00-0c0ffee01000", &format!("00000000-0000-4000-9000-{referral:04}{number:08}"));
    let mut bundle: Value = serde_json::from_str(&text).unwrap();
    let entries = bundle["entry"].as_array_mut().unwrap();
    let asked = entries.iter_mut().find(|entry| entry["resource"]["resourceType"] == "ServiceRequest").unwrap();
    asked["resource"]["reasonCode"] = json!([{ "text": number.to_string() }]);
    bundle
}

fn post(address: &str, message: &Value) -> (u16, String) {
    request(address, "POST /fhir/$process-message", BEARER, message.to_string().as_bytes())
}

/// Browser and app: from the start URL to an access token.
fn token(host: &Host) -> String {
    let path = host.launch.strip_prefix("https://pos.test").unwrap();
    let (status, opened) = request(&host.address, &format!("GET {path}"), "", b"");
    assert_eq!(status, 303, "{opened}");
    let header = |text: &str, name: &str| {
        text.lines()
            .find_map(|line| line.split_once(": ").filter(|(known, _)| known.eq_ignore_ascii_case(name)))
            .unwrap()
            .1
            .to_owned()
    };
    let parameter = |text: &str, name: &str| {
        let url = Url::parse(&header(text, "location")).unwrap();
        url.query_pairs().find(|(known, _)| known == name).unwrap_or_else(|| panic!("{text}")).1.into_owned()
    };
    let challenge = BASE64_URL_SAFE_NO_PAD.encode(secret_hash(VERIFIER));
    let launch = parameter(&opened, "launch");
    let query = Serializer::new(String::new())
        .extend_pairs([
            ("response_type", "code"),
            ("client_id", "app"),
            ("redirect_uri", "https://rms.test/back"),
            ("launch", &launch),
        ])
        .extend_pairs([
            ("scope", "launch openid fhirUser patient/*.rs"),
            ("state", "invented-state"),
            ("aud", "https://pos.test/fhir"),
        ])
        .extend_pairs([("code_challenge", challenge.as_str()), ("code_challenge_method", "S256")])
        .finish();
    let cookie = header(&opened, "set-cookie");
    let cookie = format!("Cookie: {}\r\n", cookie.split(';').next().unwrap());
    let (_, authorized) = request(&host.address, &format!("GET /auth/authorize?{query}"), &cookie, b"");
    let form = Serializer::new(String::new())
        .extend_pairs([("grant_type", "authorization_code"), ("code", &parameter(&authorized, "code")), ("client_id", "app")])
        .extend_pairs([("redirect_uri", "https://rms.test/back"), ("code_verifier", VERIFIER)])
        .finish();
    let (_, answer) =
        request(&host.address, "POST /auth/token", "Content-Type: application/x-www-form-urlencoded\r\n", form.as_bytes());
    let body: Value = serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap();
    body["access_token"].as_str().unwrap().to_owned()
}

fn eight_threads_take(messages: usize, extra: &[&str]) {
    const REFERRALS: usize = 20;
    let Some(mut host) = Host::start("", extra, &["8", &messages.to_string()]) else { return };
    std::thread::scope(|scope| {
        for sender in 0..4 {
            let address = &host.address;
            scope.spawn(move || {
                for referral in (sender..REFERRALS).step_by(4) {
                    for number in 1..=messages / REFERRALS {
                        let (status, answer) = post(address, &message(referral, number));
                        assert_eq!(status, 200, "{answer}");
                    }
                }
            });
        }
    });
    // All at once: only the rule of one at a time keeps the threads from taking two of a referral.
    host.begin();
    host.ended_well(messages);
}

#[test]
fn eight_threads_take_each_referral_in_order() {
    eight_threads_take(100, &["-fsanitize=address"]);
}

#[test]
#[ignore = "full run"]
fn eight_threads_take_a_thousand_messages_each_referral_in_order() {
    eight_threads_take(1000, &[]);
}

#[test]
fn a_question_is_answered_while_the_host_sleeps_on_a_message() {
    let Some(mut host) = Host::start("", &["-fsanitize=address"], &["1", "1", "until-question"]) else { return };
    host.begin();
    let token = token(&host);
    assert_eq!(post(&host.address, &message(1, 1)).0, 200);
    host.await_line("SLEEPING");
    let headers = format!("Authorization: Bearer {token}\r\n");
    let (status, answer) = request(&host.address, "GET /fhir/AllergyIntolerance/a1", &headers, b"");
    assert_eq!(status, 200, "{answer}");
    host.await_line("QUESTION");
    host.ended_well(1);
}

/// Eight senders of 60 MB each want more than the address space has: some may be refused, and the process goes on.
#[test]
#[ignore = "full run"]
fn too_little_memory_refuses_messages_and_nothing_else() {
    let Some(mut host) = Host::start("ulimit -v 1000000;", &[], &["2", "10000"]) else { return };
    host.begin();
    let mut large = message(1, 1);
    large["meta"]["extension"] =
        json!([{ "url": "https://rms.test/StructureDefinition/padding", "valueString": "A".repeat(60 << 20) }]);
    let large = large.to_string();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let (status, answer) = request(&host.address, "POST /fhir/$process-message", BEARER, large.as_bytes());
                println!("HTTP {status}");
                assert!([0, 200, 413, 503].contains(&status), "{answer}");
            });
        }
    });
    let (status, answer) = post(&host.address, &message(2, 1));
    assert_eq!(status, 200, "{answer}");
}
