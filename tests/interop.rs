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
use ereferral::engine::Event;
use ereferral::proto::store::event_kind::{QUESTION, WRITE};
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

/// A new key of an algorithm as JWKs, private and public, made by Node; `None` after saying so where that is missing.
fn keys(algorithm: &str) -> Option<(Value, Value)> {
    const MAKE: &str = "const { generateKeyPairSync } = require('node:crypto');
        const alg = process.argv[1];
        const { publicKey, privateKey } = alg === 'ES384' ? generateKeyPairSync('ec', { namedCurve: 'P-384' })
            : generateKeyPairSync('rsa', { modulusLength: 2048 });
        const jwk = (key) => ({ ...key.export({ format: 'jwk' }), kid: 'key-1', alg, use: 'sig' });
        console.log(JSON.stringify([jwk(privateKey), jwk(publicKey)]));";
    if !c::tools(&["node"]) {
        return None;
    }
    let output = Command::new("node").args(["-e", MAKE, algorithm]).output().unwrap();
    Some(serde_json::from_slice(&output.stdout).unwrap())
}

/// A port that was free a moment ago.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// The host: it takes what is written, and knows one patient beside the charts of launches.
fn play_host(mut event: Event) {
    let asked: Value = serde_json::from_slice(event.document().as_bytes()).unwrap();
    match event.kind() {
        WRITE => event.done().unwrap(),
        _ if asked["type"] == "Patient" && asked["id"] == "p1" => event.answer(&patient().to_string()).unwrap(),
        _ => event.refuse(false, "not known").unwrap(),
    }
}

fn patient() -> Value {
    json!({"resourceType": "Patient", "id": "p1", "identifier": [{"system": "urn:hcn", "value": "9999999999"}],
           "name": [{"family": "Testpatient", "given": ["Anna"]}]})
}

impl Interop {
    /// The registration of the app is changed by the members of `change`.
    fn new(change: Value) -> Self {
        Self::with(change, |_| {})
    }

    /// The same, with the partner that owns the app changed.
    fn with(change: Value, partner: impl FnOnce(&mut Value)) -> Self {
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
            partner(&mut document["partners"][0]);
        });
        Self { clinic, pos, base: format!("{public}/fhir"), pair }
    }

    /// Starts a launch about an invented patient: the address a browser opens.
    fn launch(&self) -> String {
        let condition =
            |number: u32| json!({"resourceType": "Condition", "id": format!("c{number}"), "subject": {"reference": "Patient/p1"}});
        let mut chart = vec![patient(), json!({"resourceType": "Practitioner", "id": "d1", "name": [{"family": "Fakename"}]})];
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
            if let Ok(event) = self.pos.engine.event_next(WRITE | QUESTION, Duration::from_millis(50), None) {
                play_host(event);
            }
        };
        let told = std::fs::read_to_string(&output).unwrap();
        assert!(status.success(), "{script}: {status}, after:\n{told}");
        let steps = told.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        Some(steps.map(|step| (step["step"].as_str().unwrap().to_owned(), step)).collect())
    }
}

/// Runs `fhirclient.mjs`, which serves the app itself; beside what it tells, the address the app is at after the launch.
fn in_chromium(change: Value, scope: &str, members: Value) -> Option<(Value, String)> {
    if !c::tools(&["chromium"]) {
        return None;
    }
    let own = format!("https://localhost:{}", free_port());
    let redirect = format!("{own}/app");
    let mut registered = json!({"launch_url": format!("{own}/launch"), "redirect_uris": [redirect], "scopes": scope});
    set(&mut registered, change);
    let interop = Interop::new(registered);
    let mut given = json!({
        "base": interop.base, "app": own, "stranger": own.replace("localhost", "127.0.0.1"), "redirect_uri": redirect, "scope": scope,
        "certificate": interop.pair.certificate, "key": interop.pair.key,
    });
    set(&mut given, members);
    Some((interop.run("fhirclient.mjs", given)?, redirect))
}

#[test]
#[ignore = "full run"]
fn fhirclient_for_javascript_goes_through_a_whole_launch_in_chromium() {
    let scope = format!("{SCOPE} patient/DocumentReference.c");
    let Some((told, redirect)) = in_chromium(json!({}), &scope, json!({})) else { return };
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
    assert_eq!(told["paged"]["pages"], json!([["c1", "c2"], ["c3", "c4"], ["c5"]]));
    assert_eq!(told["refreshed"], json!({"step": "refreshed", "changed": true, "family": "Testpatient"}));
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
    assert_eq!(told["refreshed"], json!({"step": "refreshed", "changed": true, "name": "Anna Testpatient"}));
}

/// How an app shows who it is: what its registration has, and what its script needs.
fn ways() -> Option<[(Value, Value); 3]> {
    let jwt =
        |(private, public): (Value, Value)| (json!({"private_key_jwt": {"jwks": {"keys": [public]}}}), json!({"jwk": private}));
    Some([(json!({"secret": SECRET}), json!({"secret": SECRET})), jwt(keys("RS384")?), jwt(keys("ES384")?)])
}

/// A login by code, refreshed, asked about and revoked by a client of OpenID Connect, once for each way it can show who it is. What it tells
/// of the id_token it has verified. What else it told.
fn log_in(script: &str) -> Vec<Value> {
    let mut all = Vec::new();
    let Some(ways) = ways() else { return all };
    for (auth, members) in ways {
        let interop = Interop::new(json!({"auth": auth, "may_introspect": true}));
        let Some(told) = interop.run(script, members) else { return all };
        assert_eq!(told["discovered"]["issuer"], interop.base);
        let tokens = &told["tokens"];
        assert_eq!((&tokens["patient"], &tokens["claims"]["sub"]), (&json!("p1"), &json!("u-17")));
        assert_eq!(tokens["scope"], SCOPE);
        // Some count down from then on.
        assert!((3000..=3600).contains(&tokens["expires_in"].as_u64().unwrap()), "{tokens}");
        assert_eq!(tokens["claims"]["fhirUser"], format!("{}/Practitioner/d1", interop.base));
        assert_eq!(told["patient"]["family"], "Testpatient");
        let refreshed = &told["refreshed"];
        assert_eq!(
            (&refreshed["family"], &refreshed["access"], &refreshed["refresh"]),
            (&json!("Testpatient"), &json!("new"), &json!("new"))
        );
        let seen = &told["introspected"];
        assert_eq!((&seen["active"], &seen["client_id"], &seen["scope"]), (&json!(true), &json!("app"), &json!(SCOPE)));
        assert_eq!((&seen["patient"], &seen["sub"]), (&json!("p1"), &json!("u-17")));
        assert_eq!(told["revoked"], json!({"step": "revoked", "active": false, "refused": "invalid_grant", "read": 401}));
        all.push(told);
    }
    all
}

/// The launch was used up by the first authorize request: the second is refused, and the client understands.
fn assert_denied(told: &Value) {
    assert_eq!(
        (&told["denied"]["error"], &told["denied"]["words"]),
        (&json!("invalid_request"), &json!("launch is unknown, expired or used"))
    );
}

#[test]
#[ignore = "full run"]
fn openid_client_4_logs_in() {
    log_in("openid-client-4.mjs").iter().for_each(assert_denied);
}

#[test]
#[ignore = "full run"]
fn openid_client_6_logs_in() {
    for told in log_in("openid-client-6.mjs") {
        assert_denied(&told);
        assert_eq!(told["discovered"]["same"], true);
    }
}

#[test]
#[ignore = "full run"]
fn fhirclient_for_javascript_shows_who_it_is_by_its_key() {
    for algorithm in ["RS384", "ES384"] {
        let Some((private, public)) = keys(algorithm) else { return };
        let Some((told, _)) =
            in_chromium(json!({"auth": {"private_key_jwt": {"jwks": {"keys": [public]}}}}), SCOPE, json!({"jwk": private}))
        else {
            return;
        };
        assert_eq!(told["launched"]["patient"], "p1");
        assert_eq!(told["read"]["family"], "Testpatient");
    }
}

#[test]
#[ignore = "full run"]
fn authlib_logs_in() {
    log_in("authlib_flow.py");
}

/// A backend service without a launch, whose reads the host answers.
fn serve_backend(script: &str) {
    for algorithm in ["RS384", "ES384"] {
        let Some((private, public)) = keys(algorithm) else { return };
        let backend = json!({"client_id": "service", "private_key_jwt": {"jwks": {"keys": [public]}},
                             "scopes": "system/Patient.rs system/Condition.rs", "may_introspect": true});
        let interop = Interop::with(json!({}), |partner| partner["backend"] = backend);
        let members = json!({"base": interop.base, "client_id": "service", "jwk": private, "scope": "system/Patient.rs system/Observation.rs"});
        let Some(told) = interop.run(script, members) else { return };
        let tokens = &told["tokens"];
        assert_eq!((&tokens["scope"], &tokens["expires_in"]), (&json!("system/Patient.rs"), &json!(300)));
        assert_eq!((&tokens["refresh"], &tokens["patient"]), (&json!(false), &json!(false)));
        assert_eq!(told["patient"]["family"], "Testpatient");
        let seen = &told["introspected"];
        assert_eq!(
            (&seen["active"], &seen["client_id"], &seen["scope"]),
            (&json!(true), &json!("service"), &json!("system/Patient.rs"))
        );
        assert_eq!((&told["refused"]["scope"], &told["refused"]["key"]), (&json!("invalid_scope"), &json!("invalid_client")));
    }
}

#[test]
#[ignore = "full run"]
fn openid_client_6_works_as_a_backend_service() {
    serve_backend("openid-client-6-backend.mjs");
}

#[test]
#[ignore = "full run"]
fn authlib_works_as_a_backend_service() {
    serve_backend("authlib_backend.py");
}

#[test]
#[ignore = "full run"]
fn fhir_kit_client_reads_and_pages() {
    let interop = Interop::new(json!({}));
    let Some(told) = interop.run("fhir-kit-client.mjs", json!({})) else { return };
    assert_eq!(told["discovered"]["token"], interop.base.replace("/fhir", "/auth/token"));
    assert_eq!(told["discovered"]["version"], "4.0.1");
    assert_eq!((&told["read"]["family"], &told["read"]["again"]), (&json!("Testpatient"), &json!("Testpatient")));
    let pages = [&["c1", "c2"][..], &["c3", "c4"], &["c5"]].map(|ids| json!({"total": 5, "ids": ids}));
    assert_eq!((&told["paged"]["get"], &told["paged"]["post"]), (&json!(pages), &json!(pages)));
    assert_eq!(told["everything"]["types"], json!(["Condition", "Patient", "Practitioner"]));
    let refused = json!({
        "step": "refused", "stranger": [404, "OperationOutcome", "not-found"], "search": [403, "OperationOutcome", "forbidden"],
        "unknown": [404, "OperationOutcome", "not-supported"], "thief": [401, "OperationOutcome", "login"],
    });
    assert_eq!(told["refused"], refused);
}

#[test]
#[ignore = "full run"]
fn fhir_kit_client_writes() {
    let scope = format!("{SCOPE} patient/ServiceRequest.cu patient/DocumentReference.c");
    let interop = Interop::new(json!({"scopes": scope}));
    let Some(told) = interop.run("fhir-kit-client-write.mjs", json!({"scope": scope})) else { return };
    let created = json!({"step": "created", "statuses": [201, 200], "same": true, "location": true, "etag": "W/\"1\""});
    assert_eq!(told["created"], created);
    let stale = json!([412, "OperationOutcome", "conflict"]);
    let updated = json!({"step": "updated", "status": 200, "etag": "W/\"2\"", "read": "active", "stale": stale});
    assert_eq!(told["updated"], updated);
    let refused = json!({
        "step": "refused", "other": [403, "OperationOutcome", "forbidden"], "wrong": [422, "OperationOutcome", "required"],
        "scope": [403, "OperationOutcome", "forbidden"], "unread": [400, "OperationOutcome", "structure"],
    });
    assert_eq!(told["refused"], refused);
    assert_eq!(told["batch"], json!({"step": "batch", "type": "batch-response", "statuses": ["200", "404", "201"]}));
}
