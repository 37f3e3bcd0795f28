//! Clients that nobody here wrote, against a serving engine over TLS: what each of them makes of us, in its own words. docs/interop.md
//! says which they are; `tools/setup-tests.sh` installs them.

#[path = "support/c.rs"]
mod c;
#[path = "support/clinic.rs"]
mod clinic;

use std::fs::File;
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::time::Duration;

use clinic::certs::Pair;
use clinic::{Clinic, Serving};
use ereferral::proto::store::event_kind::WRITE;
use serde_json::{Value, json};

/// An app's address, where nothing listens: the scripts play the browser, and read the address they are sent to.
const APP: &str = "https://app.test";
const REDIRECT: &str = "https://app.test/cb";
const SCOPE: &str = "launch openid fhirUser online_access patient/*.rs";
/// What Basic needs form-encoded, and what a careless client would break (RFC 6749 2.3.1).
const SECRET: &str = "invented secret:+%20/&=?~";

/// A clinic whose engine serves one app.
struct Interop {
    clinic: Clinic,
    pos: Serving,
    base: String,
    pair: Pair,
}

/// Puts the members of the second object into the first.
fn set(object: &mut Value, members: Value) {
    if let (Value::Object(object), Value::Object(members)) = (object, members) {
        object.extend(members);
    }
}

/// A port that was free a moment ago.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

impl Interop {
    /// The registration of the app is changed by the members of `change`.
    fn new(change: Value) -> Self {
        let mut app =
            json!({"client_id": "app", "launch_url": format!("{APP}/launch"), "redirect_uris": [REDIRECT], "scopes": SCOPE});
        set(&mut app, change);
        let clinic = Clinic::new();
        let pair = clinic.authority.server(&["127.0.0.1", "localhost"]);
        let port = free_port();
        let public = format!("https://127.0.0.1:{port}");
        let pos = clinic.start(|document| {
            document["system"]["roles"] = json!(["smart-server", "rms-source", "rms-target"]);
            document["public_url"] = json!(public);
            document["listen"][0]["address"] = json!(format!("127.0.0.1:{port}"));
            document["listen"][0]["tls"] = json!({"certificate": pair.certificate, "key": pair.key});
            document["partners"][0]["smart_app"] = app;
        });
        Self { clinic, pos, base: format!("{public}/fhir"), pair }
    }

    /// Starts a launch about an invented patient: the address a browser opens.
    fn launch(&self) -> String {
        let condition =
            |number: u32| json!({"resourceType": "Condition", "id": format!("c{number}"), "subject": {"reference": "Patient/p1"}});
        let mut chart = vec![
            json!({"resourceType": "Patient", "id": "p1", "identifier": [{"system": "urn:hcn", "value": "9999999999"}],
                   "name": [{"family": "Testpatient", "given": ["Anna"]}]}),
            json!({"resourceType": "Practitioner", "id": "d1", "name": [{"family": "Fakename"}]}),
        ];
        chart.extend((1..=5).map(condition));
        let request = json!({
            "partner": "rms", "user": {"id": "u-17", "fhir_user": "Practitioner/d1", "name": "Dr. Fakename"},
            "patient": "p1", "session": "session-1", "chart": chart,
        });
        self.pos.engine.launch_start(request.to_string().as_bytes()).unwrap().url
    }

    /// Runs a script on a new launch and plays the host meanwhile: what its steps told, by their names. `members` are given to the script
    /// beside the usual. `None` after saying so where what it needs is missing.
    fn run(&self, script: &str, members: Value) -> Option<Value> {
        let clients = c::root().join(".tools/interop");
        let (program, list) =
            if script.ends_with(".py") { ("python3", "python/made-from.txt") } else { ("node", "node_modules/made-from.json") };
        let installed = c::tools(&[program])
            && c::present(clients.join(list).exists().then_some(()), "clients (tools/setup-tests.sh)").is_some();
        if !installed {
            return None;
        }
        let [ca, output] = ["ca.pem", "script.out"].map(|name| self.clinic.path(name));
        std::fs::write(&ca, &self.clinic.authority.pem).unwrap();
        let mut given = json!({"start": self.launch(), "client_id": "app", "redirect_uri": REDIRECT, "scope": SCOPE});
        set(&mut given, members);
        let mut child = Command::new(program)
            .arg(c::root().join("tests/interop").join(script))
            .env("INTEROP", given.to_string())
            .env("NODE_EXTRA_CA_CERTS", &ca)
            .env("REQUESTS_CA_BUNDLE", &ca)
            .env("PYTHONPATH", clients.join("python"))
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdin(Stdio::null())
            .stdout(File::create(&output).unwrap())
            .spawn()
            .unwrap();
        let status = loop {
            if let Some(status) = child.try_wait().unwrap() {
                break status;
            }
            if let Ok(mut event) = self.pos.engine.event_next(WRITE, Duration::from_millis(50), None) {
                event.done().unwrap();
            }
        };
        let told = std::fs::read_to_string(&output).unwrap();
        assert!(status.success(), "{script}: {status}, after:\n{told}");
        let steps = told.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        Some(steps.map(|step| (step["step"].as_str().unwrap().to_owned(), step)).collect())
    }
}

#[test]
#[ignore = "full run"]
fn fhirclient_for_javascript_goes_through_a_whole_launch_in_chromium() {
    let own = format!("https://localhost:{}", free_port());
    let redirect = format!("{own}/app");
    let scope = format!("{SCOPE} patient/DocumentReference.c");
    let interop = Interop::new(json!({"launch_url": format!("{own}/launch"), "redirect_uris": [redirect], "scopes": scope}));
    if !c::tools(&["chromium"]) {
        return;
    }
    let given = json!({
        "base": interop.base, "app": own, "stranger": own.replace("localhost", "127.0.0.1"), "redirect_uri": redirect, "scope": scope,
        "certificate": interop.pair.certificate, "key": interop.pair.key,
    });
    let Some(told) = interop.run("fhirclient.mjs", given) else { return };
    let launched = &told["launched"];
    assert_eq!((&launched["at"], &launched["pkce"]), (&json!(redirect), &json!("S256")));
    assert_eq!(
        (&launched["patient"], &launched["user"], &launched["banner"]),
        (&json!("p1"), &json!("Practitioner/d1"), &json!(true))
    );
    assert_eq!((&told["read"]["family"], &told["read"]["user"]), (&json!("Testpatient"), &json!("Fakename")));
    // Errors are seen by a page of another origin, with their words.
    let refused = &told["refused"];
    assert_eq!(refused["stranger"], json!({"status": 404, "code": "not-found", "header": null}));
    assert_eq!(refused["nobody"], json!({"status": 401, "code": "login", "header": "Bearer realm=\"fhir\""}));
    assert_eq!(
        refused["thief"],
        json!({"status": 401, "code": "login", "header": "Bearer realm=\"fhir\", error=\"invalid_token\""})
    );
    assert!(refused["words"].as_str().unwrap().contains("there is no such resource"));
    assert_eq!((&told["written"]["title"], &told["written"]["refused"]), (&json!("letter.pdf"), &json!(403)));
    assert_eq!((&told["token_error"]["status"], &told["token_error"]["error"]), (&json!(400), &json!("invalid_grant")));
    let stranger = &told["stranger"];
    assert_eq!((&stranger["public"], &stranger["metadata"], &stranger["fhir"]), (&json!(200), &json!(200), &json!("hidden")));
}

#[test]
#[ignore = "full run"]
fn fhirclient_for_python_needs_only_the_capability_statement_and_a_secret() {
    let interop = Interop::new(json!({"auth": {"secret": SECRET}, "pkce": "not-required"}));
    let given = json!({"secret": SECRET, "scope": "openid fhirUser online_access patient/*.read"});
    let Some(told) = interop.run("fhirclient_py.py", given) else { return };
    assert_eq!((&told["tokens"]["ready"], &told["tokens"]["patient"]), (&json!(true), &json!("p1")));
    assert_eq!(told["read"]["name"], "Anna Testpatient");
    assert_eq!(told["paged"]["ids"], json!(["c1", "c2", "c3", "c4", "c5"]));
    assert_eq!(told["searched"]["ids"], json!(["p1"]));
    assert_eq!(told["stranger"]["refused"], true);
}

/// What every client of OpenID Connect has to have found, by then having verified the id_token.
fn assert_logged_in(interop: &Interop, told: &Value) {
    assert_eq!(told["discovered"]["issuer"], interop.base);
    let tokens = &told["tokens"];
    assert_eq!((&tokens["patient"], &tokens["claims"]["sub"]), (&json!("p1"), &json!("u-17")));
    assert_eq!(tokens["claims"]["fhirUser"], format!("{}/Practitioner/d1", interop.base));
    assert_eq!(told["patient"]["family"], "Testpatient");
}

#[test]
#[ignore = "full run"]
fn openid_client_4_with_a_secret() {
    let interop = Interop::new(json!({"auth": {"secret": SECRET}}));
    let Some(told) = interop.run("openid-client-4.mjs", json!({"secret": SECRET})) else { return };
    assert_logged_in(&interop, &told);
}

#[test]
#[ignore = "full run"]
fn openid_client_6_with_a_secret() {
    let interop = Interop::new(json!({"auth": {"secret": SECRET}}));
    let Some(told) = interop.run("openid-client-6.mjs", json!({"secret": SECRET})) else { return };
    assert_logged_in(&interop, &told);
}

#[test]
#[ignore = "full run"]
fn authlib_with_a_secret() {
    let interop = Interop::new(json!({"auth": {"secret": SECRET}}));
    let Some(told) = interop.run("authlib_flow.py", json!({"secret": SECRET})) else { return };
    assert_logged_in(&interop, &told);
}

#[test]
#[ignore = "full run"]
fn fhir_kit_client_reads_and_pages() {
    let interop = Interop::new(json!({}));
    let Some(told) = interop.run("fhir-kit-client.mjs", json!({})) else { return };
    assert_eq!((&told["discovered"]["version"], &told["read"]["family"]), (&json!("4.0.1"), &json!("Testpatient")));
    assert_eq!(told["paged"]["total"], 5);
}
