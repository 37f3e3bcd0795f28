//! Nothing personal and nothing secret leaves the engine by a side door: planted values go through every flow, well and badly, and are
//! then looked for in log lines, error messages, status documents, and in every file of the store.

#[path = "support/browser.rs"]
mod browser;
#[path = "support/clinic.rs"]
mod clinic;

use std::path::Path;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use browser::{authorize, authorize_with, launch_request, open, parameter, read, redeem, write_letter};
use clinic::partner::Reply;
use clinic::{CLIENT_SECRET, Clinic, OTHER_TOKEN, PATIENCE, Serving, TOKEN, notification, parsed};
use ereferral::engine::{Config, Engine};
use ereferral::error::Error;
use ereferral::proto::store::event_kind::{ALERT, DELIVERY, LAUNCH, MESSAGE, QUESTION, WRITE};
use serde_json::{Value, json};

/// What no side door may show. Where a test needs a code or a token that the engine makes, it is added to these.
const PLANTED: &[&str] = &[
    TOKEN,
    OTHER_TOKEN,
    CLIENT_SECRET,
    "8887776665",
    "Zebracanary",
    "Quillcanary",
    "77 Canary Lane",
    "MRN-canary-4711",
    "REF-canary-0815",
    "hostkey-canary-1",
    "user-canary",
    "Wombatcanary",
    "session-canary",
    "Canary reason",
    "canary-diagnostics",
    "bad-token-canary",
    "canary-retry-reason",
    "canary-note",
    "canary-refusal",
    "condition-canary",
    "mh-canary",
    "b-canary",
    "letter-canary.pdf",
    "canary letter content",
    "granted-token-0",
    "1961-07-23",
    "short-canary",
    "login-hint-canary",
    "bad-login-canary",
];

/// What is collected: texts that a support person, or a thief of the disk, gets to see.
#[derive(Default)]
struct Seen(Vec<(String, String)>);

impl Seen {
    fn error(&mut self, error: Option<Error>) {
        let error = error.expect("this call must fail");
        self.0.push(("error".to_owned(), format!("{error} {error:?} {}", error.message())));
    }
    fn engine(&mut self, pos: &Serving) {
        self.0.push(("status".to_owned(), pos.status().to_string()));
        while let Some(line) = pos.engine.log_next() {
            self.0.push(("log".to_owned(), line.text));
        }
    }
}

fn configure(document: &mut Value) {
    document["system"]["roles"] = json!(["smart-server", "rms-source", "rms-target"]);
    document["log"] = json!({"file": "pos.log", "level": "debug"});
    document["limits"] = json!({"question_ms": 3000});
    document["network"]["first_retry_ms"] = json!(3_600_000);
    document["smart"] = json!({"login_url": "https://pos.test/login"});
    document["partners"][0]["smart_app"]["standalone"] = json!(true);
}

/// A notification full of planted values.
fn message(header: &str, bundle: &str) -> Vec<u8> {
    let mut message = parsed(&notification(header, bundle, "REF-canary-0815"));
    for entry in message["entry"].as_array_mut().unwrap() {
        let resource = &mut entry["resource"];
        match resource["resourceType"].as_str().unwrap() {
            "Patient" => {
                resource["identifier"][0]["value"] = json!("8887776665");
                resource["identifier"].as_array_mut().unwrap().push(json!({"system": "urn:mrn", "value": "MRN-canary-4711"}));
                resource["name"] = json!([{"family": "Zebracanary", "given": ["Quillcanary"]}]);
                resource["address"] = json!([{"line": ["77 Canary Lane"]}]);
                resource["birthDate"] = json!("1961-07-23");
            }
            "ServiceRequest" => resource["note"] = json!([{"text": "Canary reason"}]),
            _ => {}
        }
    }
    message.to_string().into_bytes()
}

fn receive(pos: &Serving, seen: &mut Seen) {
    assert_eq!(pos.message(TOKEN, &message("mh-canary-1", "b-canary-1")).status, 200);
    let mut event = pos.event(MESSAGE);
    assert!(event.document().contains("8887776665"), "the host does get it");
    event.retry(Duration::ZERO, "canary-retry-reason").unwrap();
    let mut event = pos.event(MESSAGE);
    seen.error(event.answer("{\"name\":\"Zebracanary\"}").err());
    event.done().unwrap();
    // Replayed, repeated wrongly, by the wrong partner, with a bad token, broken.
    assert_eq!(pos.message(TOKEN, &message("mh-canary-1", "b-canary-1")).status, 200);
    assert_eq!(pos.message(TOKEN, &message("mh-canary-2", "b-canary-1")).status, 400);
    assert_eq!(pos.message(OTHER_TOKEN, &message("mh-canary-3", "b-canary-3")).status, 200);
    let mut of_nobody = pos.event(MESSAGE);
    assert!(of_nobody.document().contains("\"unlinked\":true"));
    of_nobody.done().unwrap();
    assert_eq!(pos.message("bad-token-canary", &message("mh-canary-4", "b-canary-4")).status, 401);
    let whole = String::from_utf8(message("mh-canary-5", "b-canary-5")).unwrap();
    for broken in [
        whole[..whole.len() - 3].to_owned(),
        whole.replace("\"type\":\"message\"", "\"type\":\"Zebracanary\""),
        whole.replace("notify-add-appointment", "8887776665-zebracanary"),
        whole.replace("\"entry\"", "\"8887776665\":1,\"8887776665\":2,\"entry\""),
        whole.replacen("\"id\":\"mh-canary-5\"", "\"id\":[\"mh-canary-5\"]", 1),
    ] {
        assert_eq!(pos.message(TOKEN, broken.as_bytes()).status, 400);
    }
    pos.engine.audit_note(br#"{"viewed":"canary-note 8887776665"}"#).unwrap();
    seen.error(pos.engine.audit_note(b"canary-note {").err());
    seen.error(pos.engine.referral_find("urn:canary", "REF-canary-0815").err());
}

fn draft(pos: &Serving, reason: &str) -> ereferral::proto::messaging::Message {
    let mut draft = pos.engine.draft("rms", "add-service-request").unwrap();
    for (name, value) in clinic::REFERRAL {
        draft.set(name, value).unwrap();
    }
    for (name, value) in [
        ("patient.name.family", "Zebracanary"),
        ("patient.name.given[0]", "Quillcanary"),
        ("patient.health_number", "8887776665"),
        ("patient.mrn", "MRN-canary-4711"),
        ("patient.birth_date", "1961-07-23"),
        ("user.name", "Wombatcanary"),
        ("referral.identifier[0].value", "REF-canary-0815-ours"),
        ("referral.reason", reason),
    ] {
        draft.set(name, value).unwrap();
    }
    draft.add_attachment("letter-canary.pdf", "application/pdf", b"canary letter content").unwrap();
    pos.engine.draft_build(&draft).unwrap()
}

fn send(pos: &Serving, clinic: &Clinic, seen: &mut Seen) {
    let mut broken = pos.engine.draft("rms", "add-service-request").unwrap();
    seen.error(broken.set("patient.birth_date", "Zebracanary").err());
    seen.error(broken.set("patient.gender", "8887776665").err());
    seen.error(broken.add_resource(b"{\"name\":\"Zebracanary\"").err());
    seen.error(broken.add_attachment("8887776665/Zebracanary", "application/pdf", b"x").err());
    seen.error(pos.engine.draft_build(&broken).err());

    let words = |status| {
        let outcome = br#"{"resourceType":"OperationOutcome","issue":[{"severity":"error","code":"8887776665","diagnostics":"canary-diagnostics Zebracanary"}]}"#;
        Reply::Answer(status, "", outcome.to_vec())
    };
    clinic.partner.script_token([Reply::Answer(400, "", br#"{"error":"canary-diagnostics granted-token-000000"}"#.to_vec())]);
    clinic.partner.script([words(503), words(401), words(401), Reply::Break, words(400)]);
    let delivery = pos.engine.send("rms", "hostkey-canary-1", &draft(pos, "Canary reason")).unwrap();
    let id = delivery.record.id;
    seen.error(pos.engine.send("rms", "hostkey-canary-1", &draft(pos, "Canary reason, another")).err());
    for attempt in 1.. {
        clinic::until("the attempt", || {
            let record = pos.delivery(&id);
            record.attempts == attempt && record.state.as_str() != "sending"
        });
        seen.engine(pos);
        if pos.delivery(&id).state.as_str() == "refused" {
            break;
        }
        pos.engine.delivery_resend(&id).unwrap();
    }
    // Parked for want of a credential, then of unknown outcome.
    (0..2).for_each(|_| pos.event(DELIVERY).done().unwrap());
    let mut refused = pos.event(DELIVERY);
    assert!(refused.document().contains("canary-diagnostics"), "the host does get the partner's words");
    refused.done().unwrap();
    pos.engine.delivery_resend(&id).unwrap();
    pos.event(DELIVERY).done().unwrap();
    seen.error(pos.engine.delivery_find("hostkey-canary-2").err());
}

fn request() -> Value {
    let mut request = launch_request();
    request["session"] = json!("session-canary");
    request["user"]["id"] = json!("user-canary");
    request["user"]["name"] = json!("Dr. Wombatcanary");
    request["chart"][0]["identifier"][0]["value"] = json!("8887776665");
    request["chart"][0]["name"][0]["family"] = json!("Zebracanary");
    request
}

/// A launch from start to end; returns the secrets that were made on the way.
/// A launch that the app begins by itself: by what the sign-in is known.
fn sign_in(pos: &Serving, seen: &mut Seen) -> Vec<String> {
    let finish = |login: &str, request: &str| pos.engine.login_finish(login, request.as_bytes());
    let scope = ("scope", "openid launch/patient patient/*.rs");
    let sent = authorize_with(pos, "", &[scope, ("login_hint", "login-hint-canary")]);
    let login = parameter(&sent, "eref_login").unwrap();
    let cookie = sent.headers["set-cookie"].to_str().unwrap().split([';', '=']).nth(1).unwrap().to_owned();
    seen.error(finish("bad-login-canary", &request().to_string()).err());
    seen.error(finish(&login, "{\"user\":\"Wombatcanary\"").err());
    let started = finish(&login, &request().to_string()).unwrap();
    assert_eq!(parameter(&pos.get(&started.url, &[]), "error").as_deref(), Some("access_denied"));
    seen.error(finish(&login, &request().to_string()).err());
    assert_eq!(pos.get("/auth/login/bad-login-canary", &[]).status, 404);
    vec![login, cookie, started.url.rsplit('/').next().unwrap().to_owned()]
}

fn launch(pos: &Serving, seen: &mut Seen) -> Vec<String> {
    let mut wrong = request();
    wrong["user"]["fhir_user"] = json!("Zebracanary");
    seen.error(pos.engine.launch_start(wrong.to_string().as_bytes()).err());
    wrong["user"] = json!("Wombatcanary");
    seen.error(pos.engine.launch_start(wrong.to_string().as_bytes()).err());
    let mut wrong = request();
    wrong["chart"][1]["subject"]["reference"] = json!("Patient/8887776665");
    seen.error(pos.engine.launch_start(wrong.to_string().as_bytes()).err());
    seen.error(pos.engine.launch_start(b"{\"user\":\"Wombatcanary\"").err());

    let started = pos.engine.launch_start(request().to_string().as_bytes()).unwrap();
    let (handle, cookie) = open(pos, &started.url);
    let refused = authorize(pos, &handle, "__Host-eref-x=8887776665");
    assert!(refused.status >= 400 || parameter(&refused, "code").is_none());
    let started = pos.engine.launch_start(request().to_string().as_bytes()).unwrap();
    let (second_handle, second_cookie) = open(pos, &started.url);
    let code = parameter(&authorize(pos, &second_handle, &second_cookie), "code").unwrap();
    assert!(redeem(pos, "bad-token-canary").status >= 400);
    let granted = parsed(&redeem(pos, &code).body);
    let text = |name: &str| granted[name].as_str().unwrap().to_owned();
    let token = text("access_token");
    assert_eq!(read(pos, &token, "/fhir/Patient/p1").status, 200);
    assert_eq!(read(pos, &token, "/fhir/Patient/8887776665").status, 404);
    assert_eq!(read(pos, "bad-token-canary", "/fhir/Patient/p1").status, 401);
    assert_eq!(write_letter(pos, &token, "p1").status, 201);
    pos.event(WRITE).done().unwrap();
    assert_eq!(write_letter(pos, &token, "Zebracanary").status, 403);
    std::thread::scope(|scope| {
        let app = scope.spawn(|| read(pos, &token, "/fhir/Condition/condition-canary").status);
        let mut question = pos.event(QUESTION);
        seen.error(question.answer("Zebracanary").err());
        question.refuse(true, "canary-refusal").unwrap();
        assert_eq!(app.join().unwrap(), 403);
    });
    let start = started.url.rsplit('/').next().unwrap().to_owned();
    assert_eq!(pos.get(&started.url, &[]).status, 410);
    seen.error(pos.engine.launch_end("Zebracanary").err());
    let cookies = [cookie, second_cookie].map(|cookie| cookie.split_once('=').unwrap().1.to_owned());
    [vec![start, handle, second_handle, code, token.clone(), text("id_token")], cookies.to_vec()].concat()
}

fn wrong_configurations(clinic: &Clinic, seen: &mut Seen) {
    type Change = fn(&mut Value);
    let wrong: [Change; 4] = [
        |document| document["partners"][0]["messaging"]["inbound"] = json!({"bearer": "short-canary"}),
        |document| document["partners"][0]["messaging"]["inbound"] = json!(TOKEN),
        |document| document["partners"][0]["messaging"]["auth"]["oauth2_client_credentials"] = json!(CLIENT_SECRET),
        |document| document["network"] = json!({"ca": 5, "connect_ms": CLIENT_SECRET}),
    ];
    for change in wrong {
        let mut config = Config::new();
        let parsed = config.parse_json(clinic.document(change).to_string().as_bytes());
        seen.error(parsed.and_then(|()| Engine::open(&config).map(|_| ())).err());
    }
}

/// The needle as it stands, and as base64 would show it at each of the three offsets.
fn forms(needle: &str) -> Vec<Vec<u8>> {
    let mut forms = vec![needle.as_bytes().to_vec()];
    for offset in 0..3usize {
        let padded = [vec![0; offset], needle.as_bytes().to_vec()].concat();
        let encoded = BASE64_STANDARD.encode(&padded);
        forms.push(encoded.as_bytes()[(offset * 8).div_ceil(6)..padded.len() * 8 / 6].to_vec());
    }
    forms
}

fn holds(text: &[u8], forms: &[Vec<u8>]) -> bool {
    forms.iter().any(|form| text.windows(form.len()).any(|window| window == form))
}

/// Every file of the folder but the key.
fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let files = entries.filter(|path| path.extension().is_none_or(|extension| extension != "key"));
    files.map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), std::fs::read(&path).unwrap())).collect()
}

fn assert_clean(planted: &[String], texts: &[(String, Vec<u8>)]) {
    for needle in planted {
        let forms = forms(needle);
        for (place, text) in texts {
            assert!(!holds(text, &forms), "{needle} stands in {place}");
        }
    }
}

#[test]
fn nothing_planted_shows_in_logs_errors_status_or_files() {
    let clinic = Clinic::new();
    let mut seen = Seen::default();
    let pos = clinic.start(configure);
    wrong_configurations(&clinic, &mut seen);
    receive(&pos, &mut seen);
    send(&pos, &clinic, &mut seen);
    let mut planted = launch(&pos, &mut seen);
    planted.extend(sign_in(&pos, &mut seen));
    planted.extend(PLANTED.iter().map(|text| (*text).to_owned()));
    // Notices are for the host's own screens; they say no more than the log.
    while let Ok(event) = pos.engine.event_next(ALERT | LAUNCH, Duration::ZERO, None) {
        seen.0.push(("notice".to_owned(), event.document().to_owned()));
    }
    // What waits in the store is on the disk as well.
    assert_eq!(pos.message(TOKEN, &message("mh-canary-9", "b-canary-9")).status, 200);
    pos.engine.launch_start(request().to_string().as_bytes()).unwrap();
    seen.engine(&pos);

    let open = files(clinic.folder.path());
    let names: Vec<&str> = open.iter().map(|(name, _)| name.as_str()).collect();
    assert!(["pos.db", "pos.db-wal", "pos.log"].iter().all(|name| names.contains(name)), "{names:?}");
    assert!(
        holds(&open.iter().find(|(name, _)| name == "pos.log").unwrap().1, &forms("from rms")),
        "the search finds what is there"
    );
    pos.engine.stop(PATIENCE).unwrap();
    seen.engine(&pos);
    drop(pos);
    let closed = files(clinic.folder.path());
    let texts = seen.0.into_iter().map(|(place, text)| (format!("{place}: {text}"), text.into_bytes()));
    let texts: Vec<_> = texts.chain(open).chain(closed).collect();
    assert!(texts.len() > 30);
    assert_clean(&planted, &texts);
}

#[test]
fn the_search_sees_through_base64() {
    for text in ["x8887776665", "xx 8887776665 y", "8887776665"] {
        assert!(holds(BASE64_STANDARD.encode(text).as_bytes(), &forms("8887776665")), "{text}");
    }
}
