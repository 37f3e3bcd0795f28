//! The front door with real engines: a launch survives a kill at every step, a sign-in crosses processes, a change of patient counts at
//! once, and accesses are soon in the audit trail.
#![cfg(unix)]

#[path = "support/browser.rs"]
mod browser;
#[path = "support/clinic.rs"]
mod clinic;

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::thread;

use browser::{authorize_with, launch_request, location, open, parameter, read, redeem, token};
use clinic::{Clinic, Serving, parsed, until};
use ereferral::engine::{Config, Engine};
use ereferral::error::EREF_NOT_FOUND;
use ereferral::proto::store::event_kind::QUESTION;
use serde_json::{Value, json};
use url::form_urlencoded::Serializer;

/// Where the child finds its configuration.
const CONFIGURATION: &str = "EREF_DOOR_CONFIGURATION";
const SCOPE: &str = "launch openid online_access patient/*.rs";

fn smart(document: &mut Value) {
    document["system"]["roles"] = json!(["smart-server", "rms-source", "rms-target"]);
    document["smart"] = json!({"login_url": "https://pos.test/login"});
    let app = &mut document["partners"][0]["smart_app"];
    app["standalone"] = json!(true);
    app["scopes"] = json!("launch openid fhirUser online_access patient/*.rs");
}

/// The child: serves until it is killed.
#[test]
fn clinic_of_a_child() {
    let Ok(path) = std::env::var(CONFIGURATION) else { return };
    let mut config = Config::new();
    config.read_file(&path).unwrap();
    let engine = Engine::open(&config).unwrap();
    engine.start().unwrap();
    let status: Value = serde_json::from_str(&engine.status_json().unwrap()).unwrap();
    println!("serves {}", status["addresses"][0].as_str().unwrap());
    loop {
        thread::park();
    }
}

/// A serving process, seen from a desk on the same store.
struct Served {
    child: Child,
    pos: Serving,
}

impl Served {
    fn start(clinic: &Clinic) -> Self {
        std::fs::write(clinic.path("child.json"), clinic.document(smart).to_string()).unwrap();
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["clinic_of_a_child", "--exact", "--nocapture"]).env(CONFIGURATION, clinic.path("child.json"));
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let address = lines.find_map(|line| line.split("serves ").nth(1).map(str::to_owned)).unwrap();
        let desk = clinic.start(|document| {
            smart(document);
            (document["serve"], document["listen"]) = (json!(false), json!([]));
        });
        Self { child, pos: Serving { address: format!("https://{address}"), ..desk } }
    }

    /// The process is killed, another takes its place.
    fn killed(mut self, clinic: &Clinic) -> Self {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        Self::start(clinic)
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn refresh(pos: &Serving, token: &str) -> (u16, Value) {
    let form = Serializer::new(String::new())
        .extend_pairs([("grant_type", "refresh_token"), ("refresh_token", token), ("client_id", "rms-app")])
        .finish();
    let answer = pos.post("/auth/token", &[("content-type", "application/x-www-form-urlencoded")], form.as_bytes());
    (answer.status, parsed(&answer.body))
}

fn text<'a>(document: &'a Value, name: &str) -> &'a str {
    document[name].as_str().unwrap_or_else(|| panic!("no {name} in {document}"))
}

#[test]
fn a_launch_survives_a_kill_at_every_step() {
    let clinic = Clinic::new();
    let served = Served::start(&clinic);
    let launch = served.pos.engine.launch_start(launch_request().to_string().as_bytes()).unwrap();
    let served = served.killed(&clinic);
    let (handle, cookie) = open(&served.pos, &launch.url);
    let served = served.killed(&clinic);
    let code = parameter(&authorize_with(&served.pos, &cookie, &[("launch", &handle), ("scope", SCOPE)]), "code").unwrap();
    let served = served.killed(&clinic);
    let granted = parsed(&redeem(&served.pos, &code).body);
    let served = served.killed(&clinic);
    assert_eq!(read(&served.pos, text(&granted, "access_token"), "/fhir/Patient/p1").status, 200);
    // The answer to a refresh is lost with the process: the same request gets it again.
    let (status, refreshed) = refresh(&served.pos, text(&granted, "refresh_token"));
    assert_eq!(status, 200, "{refreshed}");
    let served = served.killed(&clinic);
    assert_eq!(read(&served.pos, text(&refreshed, "access_token"), "/fhir/Patient/p1").status, 200);
    let (status, next) = refresh(&served.pos, text(&refreshed, "refresh_token"));
    assert_eq!(status, 200, "{next}");
    served.pos.engine.launch_end(&launch.id).unwrap();
    assert_eq!(read(&served.pos, text(&next, "access_token"), "/fhir/Patient/p1").status, 401);
}

#[test]
fn a_sign_in_goes_on_after_a_kill_and_is_finished_at_a_desk() {
    let clinic = Clinic::new();
    let served = Served::start(&clinic);
    let scope = ("scope", "openid fhirUser launch/patient patient/*.rs");
    let sent = authorize_with(&served.pos, "", &[scope]);
    assert!(location(&sent).as_str().starts_with("https://pos.test/login?eref_login="), "{}", location(&sent));
    let login = parameter(&sent, "eref_login").unwrap();
    let cookie = sent.headers["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    let served = served.killed(&clinic);
    let mut request = launch_request();
    request.as_object_mut().unwrap().remove("partner");
    let launch = served.pos.engine.login_finish(&login, request.to_string().as_bytes()).unwrap();
    let again = served.pos.engine.login_finish(&login, request.to_string().as_bytes());
    assert_eq!(again.err().unwrap().status(), EREF_NOT_FOUND);
    let served = served.killed(&clinic);
    assert_eq!(parameter(&served.pos.get(&launch.url, &[]), "error").as_deref(), Some("access_denied"), "another browser");
    let back = served.pos.get(&launch.url, &[("cookie", &cookie)]);
    let granted = parsed(&redeem(&served.pos, &parameter(&back, "code").unwrap()).body);
    assert_eq!((&granted["patient"], &granted["scope"]), (&json!("p1"), &json!(scope.1)));
    assert_eq!(read(&served.pos, text(&granted, "access_token"), "/fhir/Patient/p1").status, 200);
}

#[test]
fn the_host_picks_the_patient_and_puts_the_chart_before_it_answers() {
    let clinic = Clinic::new();
    let pos = clinic.start(smart);
    let sent = authorize_with(&pos, "", &[("scope", "openid launch/patient patient/*.rs")]);
    let cookie = sent.headers["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    let user = json!({"user": {"id": "u-17"}, "session": "session-1"});
    let launch = pos.engine.login_finish(&parameter(&sent, "eref_login").unwrap(), user.to_string().as_bytes()).unwrap();
    let back = thread::scope(|scope| {
        let browser = scope.spawn(|| pos.get(&launch.url, &[("cookie", &cookie)]));
        let mut question = pos.event(QUESTION);
        let document = parsed(question.document().as_bytes());
        assert_eq!((&document["question"], &document["launch_id"]), (&json!("pick_patient"), &json!(launch.id)));
        pos.engine.chart_put(&launch.id, launch_request()["chart"].to_string().as_bytes()).unwrap();
        question.answer("{\"patient\": \"p1\"}").unwrap();
        browser.join().unwrap()
    });
    let granted = parsed(&redeem(&pos, &parameter(&back, "code").unwrap()).body);
    let bearer = text(&granted, "access_token");
    assert_eq!((text(&granted, "patient"), read(&pos, bearer, "/fhir/Patient/p1").status), ("p1", 200));
    // The patient who was picked is the patient of the launch.
    assert_eq!(pos.engine.session_patient("session-1", Some("p1")).unwrap(), 0);
    assert_eq!(pos.engine.session_patient("session-1", Some("p2")).unwrap(), 1);
    assert_eq!(read(&pos, bearer, "/fhir/Patient/p1").status, 401);
}

#[test]
fn a_change_of_patient_at_a_desk_ends_the_launches_of_the_others_at_once() {
    let clinic = Clinic::new();
    let pos = clinic.start(smart);
    let desk = clinic.desk();
    let start = |session: &str| {
        let mut request = launch_request();
        request["session"] = json!(session);
        token(&pos, &pos.engine.launch_start(request.to_string().as_bytes()).unwrap().url)
    };
    let (mine, others) = (start("session-1"), start("session-2"));
    assert_eq!(desk.engine.session_patient("session-1", Some("p1")).unwrap(), 0);
    assert_eq!(read(&pos, &mine, "/fhir/Patient/p1").status, 200);
    assert_eq!(desk.engine.session_patient("session-1", None).unwrap(), 1);
    assert_eq!([&mine, &others].map(|token| read(&pos, token, "/fhir/Patient/p1").status), [401, 200]);
}

#[test]
fn accesses_are_in_the_audit_trail_within_seconds() {
    let clinic = Clinic::new();
    let pos = clinic.start(smart);
    let token = token(&pos, &pos.engine.launch_start(launch_request().to_string().as_bytes()).unwrap().url);
    assert_eq!(read(&pos, &token, "/fhir/Condition/c1").status, 200);
    let desk = clinic.desk();
    let mut event = None;
    until("the audit entry", || {
        let mut found = |line: &str| {
            let known = parsed(line.as_bytes());
            if known["subtype"][0]["display"] == "fhir access" {
                event = Some(known);
            }
            true
        };
        desk.engine.audit_export(&mut found).unwrap();
        event.is_some()
    });
    let event = event.unwrap();
    assert_eq!((&event["type"]["code"], &event["agent"][0]["who"]["display"]), (&json!("110110"), &json!("rms")));
    let details = event["entity"][0]["detail"].to_string();
    for told in ["\"u-17\"", "\"p1\"", "\"rms-app\"", "Condition"] {
        assert!(details.contains(told), "{told} {details}");
    }
    assert_eq!(desk.engine.audit_verify(&[]).unwrap().wrong, 0);
}
