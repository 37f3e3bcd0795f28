//! The way in: authorize, what the host is asked there, standalone launches, what every answer carries, who may read it, and how often.

#[path = "support/smart.rs"]
mod smart;
#[path = "support/store.rs"]
mod store;

#[path = "smart_door/answers.rs"]
mod answers;

use ereferral::io::clock;
use ereferral::proto::exchange::{Answer, Question};
use ereferral::proto::http::{Response, secret_hash};
use ereferral::proto::smart::server::launch;
use ereferral::proto::store::NewLogin;
use serde_json::{Value, json};
use smart::*;

const LOGIN_PAGE: &str = "https://pos.example/login?lang=en";

fn with_app(change: impl FnOnce(&mut Value)) -> Server {
    Server::with(|settings| change(&mut settings["partners"][0]["smart_app"]))
}

fn standalone() -> Server {
    Server::with(|settings| {
        settings["smart"] = json!({ "login_url": LOGIN_PAGE });
        settings["partners"][0]["smart_app"]["standalone"] = json!(true);
    })
}

fn asking(mut server: Server, host: fn(&Question) -> Answer) -> Server {
    server.host = host;
    server
}

/// The app begins by itself.
fn begin(server: &Server, changes: &[(&str, Option<&str>)]) -> Response {
    let mut all = vec![("launch", None), ("scope", Some("openid fhirUser launch/patient patient/*.rs"))];
    all.extend(changes);
    server.authorize("", "a=b", &all)
}

fn cookie(response: &Response) -> String {
    response.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned()
}

/// The host's page signed the user in: the URL to send the browser to, as the engine makes it.
fn finish(server: &Server, login: &str, request: &Value) -> Option<String> {
    let (handle, now) = (secret_hash(login), server.now.load(std::sync::atomic::Ordering::Relaxed));
    let waiting = server.world.store.login(&handle, now).unwrap()?;
    let made = launch::signed_in(&server.world.settings, &waiting, request.to_string().as_bytes(), now, &clock::random);
    let (launch, url) = made.unwrap();
    server.world.store.finish_login(&handle, &launch, now).unwrap().then_some(url)
}

fn user() -> Value {
    json!({ "user": { "id": "u-17", "fhir_user": "Practitioner/d1", "signed_in": 1_800_000_000_000_i64 } })
}

fn error(response: &Response) -> String {
    query(response, "error").unwrap_or_else(|| panic!("{}", location(response)))
}

// ---- standalone

fn picks_p1(question: &Question) -> Answer {
    assert_eq!(question.kind, "pick_patient");
    let document: Value = serde_json::from_str(&question.document).unwrap();
    assert_eq!((&document["partner"], &document["user"], &document["patient"]), (&json!("rms"), &json!("u-17"), &Value::Null));
    Answer::Given(json!({ "patient": "p1" }).to_string())
}

#[test]
fn an_app_begins_by_itself_and_the_host_signs_in_and_picks_the_patient() {
    let server = asking(standalone(), picks_p1);
    let sent = begin(&server, &[("login_hint", Some("dr f"))]);
    assert!(location(&sent).starts_with("https://pos.example/login?lang=en&login_hint=dr%20f&eref_login="), "{}", location(&sent));
    let (login, cookie) = (query(&sent, "eref_login").unwrap(), cookie(&sent));
    assert!(cookie.starts_with("__Host-eref-"));
    let back = finish(&server, &login, &user()).unwrap();
    assert!(back.starts_with("https://pos.example/clinic/auth/login/"), "{back}");
    let answer = server.get(&back, &[("cookie", &cookie)]);
    assert!(location(&answer).starts_with(REDIRECT));
    assert_eq!(query(&answer, "state").unwrap(), "invented-state");
    let granted = document(&server.redeem(&query(&answer, "code").unwrap(), &[]));
    assert_eq!((&granted["patient"], &granted["scope"]), (&json!("p1"), &json!("openid fhirUser launch/patient patient/*.rs")));
    // Nothing of it is good twice.
    assert!(finish(&server, &login, &user()).is_none());
    assert_eq!(error(&server.get(&back, &[("cookie", &cookie)])), "invalid_request");
}

#[test]
fn a_sign_in_ends_in_the_browser_it_began_in() {
    let server = standalone();
    let sent = begin(&server, &[]);
    // Somebody else signs in at the address an attacker began with, in another browser: neither gets anywhere.
    let mut request = user();
    request["patient"] = json!("p1");
    let back = finish(&server, &query(&sent, "eref_login").unwrap(), &request).unwrap();
    let others = cookie(&begin(&server, &[]));
    for cookie in ["a=b", others.as_str()] {
        assert_eq!(error(&server.get(&back, &[("cookie", cookie)])), "access_denied");
    }
    assert!(query(&server.get(&back, &[("cookie", &cookie(&sent))]), "code").is_some());
}

#[test]
fn a_sign_in_waits_ten_minutes_and_then_not() {
    let server = standalone();
    let login = query(&begin(&server, &[]), "eref_login").unwrap();
    server.wait(600);
    assert!(finish(&server, &login, &user()).is_none());
    assert!(finish(&server, "guessed", &user()).is_none());
    assert_eq!(server.get("/clinic/auth/login/guessed", &[]).status(), 404);
    assert_eq!(server.send("POST", "/clinic/auth/login/guessed", &[], "").status(), 405);
}

#[test]
fn what_is_kept_for_a_sign_in_is_bounded() {
    let server = standalone();
    let long = "x".repeat(9 << 10);
    assert_eq!(error(&begin(&server, &[("state", Some(&long))])), "invalid_request");
    for number in 0..1000_u32 {
        let mut login = NewLogin {
            id: format!("open-{number}"),
            handle: [0; 32],
            cookie: [0; 32],
            partner: "rms".into(),
            expires: i64::MAX,
            request: String::new(),
        };
        login.handle[..4].copy_from_slice(&number.to_be_bytes());
        server.world.store.begin_login(&login, 0).unwrap();
    }
    assert_eq!(error(&begin(&server, &[])), "temporarily_unavailable");
}

#[test]
fn the_host_that_picks_nobody_denies() {
    let mut server = asking(standalone(), |_| Answer::Denied("no".to_owned()));
    let run = |server: &Server| {
        let sent = begin(server, &[]);
        let back = finish(server, &query(&sent, "eref_login").unwrap(), &user()).unwrap();
        error(&server.get(&back, &[("cookie", &cookie(&sent))]))
    };
    assert_eq!(run(&server), "access_denied");
    server.host = |_| Answer::Given("{\"patient\": \"../p2\"}".to_owned());
    assert_eq!(run(&server), "server_error");
}

#[test]
fn standalone_is_served_and_advertised_only_where_it_is_set_up() {
    let capabilities =
        |server: &Server| document(&server.get("/clinic/fhir/.well-known/smart-configuration", &[]))["capabilities"].to_string();
    for server in [Server::new(), with_app(|app| app["standalone"] = json!(true))] {
        assert_eq!(error(&begin(&server, &[])), "invalid_request");
        assert!(!capabilities(&server).contains("standalone"));
    }
    let server = standalone();
    assert!(capabilities(&server).contains("launch-standalone") && capabilities(&server).contains("context-standalone-patient"));
    assert_eq!(error(&begin(&server, &[("prompt", Some("none"))])), "login_required");
    assert_eq!(error(&begin(&server, &[("scope", Some("launch openid"))])), "invalid_request", "the scope of an EHR launch");
    assert_eq!(error(&begin(&server, &[("scope", Some("nonsense"))])), "invalid_scope");
    assert_eq!(error(&begin(&server, &[("code_challenge", None)])), "invalid_request");
}

#[test]
fn another_partners_app_takes_no_sign_in_over() {
    let server = standalone();
    let sent = begin(&server, &[]);
    let handle = secret_hash(&query(&sent, "eref_login").unwrap());
    let waiting = server.world.store.login(&handle, 1_800_000_000_000).unwrap().unwrap();
    let mut request = user();
    request["partner"] = json!("second");
    let made = launch::signed_in(&server.world.settings, &waiting, request.to_string().as_bytes(), 0, &clock::random);
    assert_eq!(made.err().unwrap().status(), ereferral::error::EREF_INVALID_ARGUMENT);
}

// ---- the host confirms

#[test]
fn the_host_is_asked_where_the_app_is_registered_so_and_may_grant_less() {
    let asks = |host: fn(&Question) -> Answer, changes: &[(&str, Option<&str>)]| {
        let server = asking(with_app(|app| app["confirm"] = json!(true)), host);
        let (handle, cookie) = server.launched();
        let back = server.authorize(&handle, &cookie, changes);
        let scope = query(&back, "code").map(|code| document(&server.redeem(&code, &[]))["scope"].as_str().unwrap().to_owned());
        scope.ok_or_else(|| error(&back))
    };
    let all = "launch openid fhirUser patient/*.rs patient/DocumentReference.c";
    let yes = |question: &Question| {
        let document: Value = serde_json::from_str(&question.document).unwrap();
        assert_eq!((question.kind, &document["patient"], &document["ui_locales"]), ("authorize", &json!("p1"), &json!("fr")));
        Answer::Given("{}".to_owned())
    };
    assert_eq!(asks(yes, &[("ui_locales", Some("fr"))]).unwrap(), all);
    let less = |_: &Question| Answer::Given(json!({ "scope": "openid patient/*.cruds user/*.rs patient/*.rs" }).to_string());
    assert_eq!(asks(less, &[]).unwrap(), "openid patient/*.rs", "fewer, never others");
    assert_eq!(asks(|_| Answer::Given(json!({ "scope": "" }).to_string()), &[]), Err("access_denied".to_owned()));
    assert_eq!(asks(|_| Answer::Denied("no".to_owned()), &[]), Err("access_denied".to_owned()));
    assert_eq!(asks(|_| Answer::NotFound, &[]), Err("access_denied".to_owned()));
    assert_eq!(asks(|_| Answer::None, &[]), Err("temporarily_unavailable".to_owned()));
    assert_eq!(asks(|_| Answer::None, &[("prompt", Some("none"))]), Err("interaction_required".to_owned()));
    assert_eq!(asks(|_| Answer::Given("nonsense".to_owned()), &[]), Err("server_error".to_owned()));
}

#[test]
fn without_that_nobody_is_asked() {
    let server = asking(Server::new(), |_| panic!("asked"));
    let (handle, cookie) = server.launched();
    assert!(query(&server.authorize(&handle, &cookie, &[("prompt", Some("none"))]), "code").is_some());
}

// ---- parameters

#[test]
fn what_contradicts_itself_is_refused() {
    let refused = |changes: &[(&str, Option<&str>)]| {
        let server = Server::new();
        let (handle, cookie) = server.launched();
        error(&server.authorize(&handle, &cookie, changes))
    };
    assert_eq!(refused(&[("prompt", Some("none login"))]), "invalid_request");
    assert_eq!(refused(&[("max_age", Some("soon"))]), "invalid_request");
    assert_eq!(refused(&[("max_age", Some("-1"))]), "invalid_request");
    assert_eq!(refused(&[("scope", Some("launch patient/\\*.rs"))]), "invalid_scope");
    // The scope comes before the launch (smart.md 5.3).
    assert_eq!(refused(&[("scope", Some("nonsense")), ("launch", Some("guessed"))]), "invalid_scope");
}

#[test]
fn a_sign_in_recent_enough_passes_and_is_told() {
    let server = Server::new();
    let (handle, cookie) = server.launched();
    assert!(query(&server.authorize(&handle, &cookie, &[("max_age", Some("1000"))]), "code").is_some());
}

#[test]
fn long_requests_are_taken_up_to_32_kilobytes() {
    let server = Server::new();
    let (handle, cookie) = server.launched();
    let state = "s".repeat(30 << 10);
    let back = server.authorize(&handle, &cookie, &[("state", Some(&state))]);
    assert_eq!(query(&back, "state").unwrap(), state);
    let (handle, cookie) = server.launched();
    assert_eq!(server.authorize(&handle, &cookie, &[("state", Some(&"s".repeat(33 << 10)))]).status(), 400);
    let form = authorize_query(&handle, &[("state", Some(&"s".repeat(33 << 10)))]);
    let posted = server.send("POST", "/clinic/auth/authorize", &[("content-type", "application/x-www-form-urlencoded")], &form);
    assert_eq!(posted.status(), 413);
}

#[test]
fn a_client_without_state_is_told_of_in_the_log_or_refused() {
    let server = Server::with(|settings| settings["partners"][1]["smart_app"]["browser_binding"] = json!("on"));
    let mut request = launch_request();
    request["partner"] = json!("second");
    let (handle, cookie) = server.open(&server.start(&request));
    let changes = [("client_id", Some("second-app")), ("redirect_uri", Some("https://second.example/cb")), ("state", None)];
    let back = server.authorize(&handle, &cookie, &changes);
    assert!(query(&back, "code").is_some() && query(&back, "state").is_none());
    let lines: Vec<String> = std::iter::from_fn(|| server.world.log.take()).map(|line| line.text).collect();
    assert!(lines.iter().any(|line| line.contains("second") && line.contains("state")), "{lines:?}");
}

#[test]
fn redirects_to_what_only_looks_registered_are_refused() {
    let server = Server::new();
    let (handle, cookie) = server.launched();
    for uri in [
        "https://rms.example./cb",
        "https://rms.example\\cb",
        "https://rms.example\\@evil.example/cb",
        "https:/rms.example/cb",
        "https://rms.example/cb\r\nX: y",
        "https://rms.example/cb%0d%0aX:y",
        "https://rms.example/cb\t",
        "HTTPS://rms.example/cb",
        "https://rms.example/./cb",
        "https://rms.example:0443/cb",
        "https://rms.example/cb;x",
        "https://rms.example@evil.example/cb",
        "//rms.example/cb",
        "javascript:alert(1)",
    ] {
        let page = server.authorize(&handle, &cookie, &[("redirect_uri", Some(uri))]);
        assert_eq!(page.status(), 400, "{uri}");
        assert!(!page.headers().contains_key("location") && !text(&page).contains("rms"));
    }
}

#[test]
fn nothing_in_a_request_makes_a_header() {
    let server = standalone();
    let evil = "x\r\nSet-Cookie: a=b\r\n\r\n<script>";
    let (handle, cookie) = server.launched();
    let answers = [
        server.authorize(&handle, &cookie, &[("state", Some(evil)), ("nonce", Some(evil))]),
        server.authorize(evil, &cookie, &[("state", Some(evil))]),
        server.authorize(&handle, &cookie, &[("state", Some(evil)), ("scope", Some(evil))]),
        begin(&server, &[("login_hint", Some(evil)), ("prompt", Some(evil))]),
        server.send(
            "POST",
            "/clinic/auth/authorize",
            &[("content-type", "application/x-www-form-urlencoded")],
            &authorize_query(&handle, &[("state", Some(evil)), (evil, Some(evil))]),
        ),
    ];
    for answer in answers {
        let location = location(&answer);
        assert!(!location.contains(['\r', '\n', '<', ' ']), "{location}");
        assert!(answer.headers().values().all(|value| !value.to_str().unwrap().contains("a=b") || value == location.as_str()));
    }
}

// ---- the launch

#[test]
fn a_launch_page_may_reload_where_that_is_allowed() {
    let server = with_app(|app| app["launch_reuse"] = json!("within_ttl"));
    let (handle, cookie) = server.launched();
    let codes: Vec<String> = (0..2).map(|_| query(&server.authorize(&handle, &cookie, &[]), "code").unwrap()).collect();
    for code in &codes {
        assert_eq!(server.redeem(code, &[]).status(), 200);
    }
    assert_eq!(error(&server.authorize(&handle, "a=b", &[])), "access_denied", "in the same browser");
    server.wait(361);
    assert_eq!(error(&server.authorize(&handle, &cookie, &[])), "invalid_request", "within its time");
}

#[test]
fn a_launch_waits_as_long_as_the_host_says() {
    let server = Server::new();
    let mut request = launch_request();
    request["launch_seconds"] = json!(900);
    let (handle, cookie) = server.open(&server.start(&request));
    server.wait(899);
    assert!(query(&server.authorize(&handle, &cookie, &[]), "code").is_some());
    request["launch_seconds"] = json!(30);
    let (handle, cookie) = server.open(&server.start(&request));
    server.wait(91);
    assert_eq!(error(&server.authorize(&handle, &cookie, &[])), "invalid_request");
}

fn begun(change: impl FnOnce(&mut Value)) -> Result<(), String> {
    let server = Server::new();
    let mut request = launch_request();
    change(&mut request);
    let begun = launch::begin(&server.world.settings, request.to_string().as_bytes(), 0, &clock::random);
    begun.map(drop).map_err(|error| error.message().to_owned())
}

#[test]
fn what_a_launch_brings_is_checked() {
    let context = |entry: Value| begun(|request| request["fhir_context"] = json!([entry]));
    for good in [
        json!({ "reference": "ServiceRequest/s1" }),
        json!({ "reference": "ImagingStudy/i1", "role": "launch" }),
        json!({ "canonical": "http://x.example/Questionnaire/q|1", "type": "Questionnaire" }),
        json!({ "identifier": { "system": "urn:x", "value": "1" }, "type": "ServiceRequest" }),
        json!({ "reference": "Patient/p9", "role": "https://x.example/role" }),
    ] {
        assert_eq!(context(good.clone()), Ok(()), "{good}");
    }
    for bad in [
        json!("ServiceRequest/s1"),
        json!({}),
        json!({ "type": "ServiceRequest" }),
        json!({ "reference": "https://x.example/ServiceRequest/s1" }),
        json!({ "reference": "ServiceRequest" }),
        json!({ "reference": "ServiceRequest/s1/_history/2" }),
        json!({ "reference": "servicerequest/s1" }),
        json!({ "reference": 7 }),
        json!({ "reference": "ServiceRequest/s1", "role": "" }),
        json!({ "reference": "ServiceRequest/s1", "role": "my role" }),
        json!({ "reference": "Patient/p1" }),
        json!({ "reference": "Encounter/e1", "role": "launch" }),
        json!({ "identifier": { "value": "1" }, "type": "Patient" }),
        json!({ "identifier": "1" }),
        json!({ "canonical": "no address" }),
    ] {
        assert!(context(bad.clone()).unwrap_err().starts_with("fhir_context[0]: "), "{bad}");
    }
    for seconds in [29, 901] {
        assert!(begun(|request| request["launch_seconds"] = json!(seconds)).unwrap_err().starts_with("launch_seconds"));
    }
    assert!(begun(|request| request["smart_style_url"] = json!("http://x.example/s.json")).is_err());
}

#[test]
fn the_style_is_an_address_that_may_be_kept_for_ever() {
    let server = Server::with(|settings| settings["smart"] = json!({ "style": { "color_background": "#fafafa" } }));
    let code = |request: &Value| {
        let (handle, cookie) = server.open(&server.start(request));
        query(&server.authorize(&handle, &cookie, &[]), "code").unwrap()
    };
    let granted = document(&server.redeem(&code(&launch_request()), &[]));
    let address = granted["smart_style_url"].as_str().unwrap();
    let style = server.get(address, &[("origin", "https://anywhere.example")]);
    assert_eq!(document(&style), json!({ "color_background": "#fafafa" }));
    assert_eq!(style.headers()["access-control-allow-origin"], "*");
    assert_eq!(style.headers()["cache-control"], "public, max-age=31536000, immutable");
    assert_eq!(server.get("/clinic/auth/smart-style/other.json", &[]).status(), 404);
    let smart = document(&server.get("/clinic/fhir/.well-known/smart-configuration", &[]));
    assert!(smart["capabilities"].as_array().unwrap().contains(&json!("context-style")));
    let mut own = launch_request();
    own["smart_style_url"] = json!("https://pos.example/dark.json");
    assert_eq!(document(&server.redeem(&code(&own), &[]))["smart_style_url"], "https://pos.example/dark.json");
}

#[test]
fn a_smart_1_0_app_is_launched_with_what_metadata_says() {
    let server = with_app(|app| app["scopes"] = json!("launch openid profile patient/*.read user/Practitioner.read"));
    let metadata = document(&server.get("/clinic/fhir/metadata", &[]));
    let uris = metadata["rest"][0]["security"]["extension"][0]["extension"].as_array().unwrap();
    let uri = |name: &str| uris.iter().find(|uri| uri["url"] == name).unwrap()["valueUri"].as_str().unwrap().to_owned();
    let (handle, cookie) = server.launched();
    let scope = ("scope", Some("launch openid profile patient/*.read user/Practitioner.read"));
    let authorize = format!("{}?{}", uri("authorize"), authorize_query(&handle, &[scope]));
    let code = query(&server.get(&authorize, &[("cookie", &cookie)]), "code").unwrap();
    let form = encode(&[
        ("grant_type", "authorization_code"),
        ("code", &code),
        ("redirect_uri", REDIRECT),
        ("client_id", "rms-app"),
        ("code_verifier", VERIFIER),
    ]);
    let headers = [("content-type", "application/x-www-form-urlencoded")];
    let granted = document(&server.send("POST", &uri("token"), &headers, &form));
    assert_eq!(granted["scope"], "launch openid profile patient/*.read user/Practitioner.read");
    let bearer = format!("Bearer {}", granted["access_token"].as_str().unwrap());
    let read = |path: &str| server.get(path, &[("authorization", &bearer)]).status().as_u16();
    assert_eq!((read("/clinic/fhir/Patient/p1"), read("/clinic/fhir/Condition?patient=p1")), (200, 200));
}
