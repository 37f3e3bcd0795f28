//! What tokens are good for and how they end, driven through the exchange: refresh, revocation, introspection.

#[path = "support/smart.rs"]
mod smart;
#[path = "support/store.rs"]
mod store;

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use ereferral::io::clock;
use ereferral::proto::http::{Response, secret_hash};
use ereferral::proto::smart::server::launch;
use ereferral::proto::store::Whose;
use serde_json::{Value, json};
use smart::*;

const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;
const SCOPE: &str = "launch openid fhirUser profile patient/*.rs patient/DocumentReference.c online_access";
const SECOND: &str = "second-app:invented secret+1";

fn server_with(change: impl FnOnce(&mut Value)) -> Server {
    Server::with(|settings| {
        for app in [0, 1] {
            settings["partners"][app]["smart_app"]["scopes"] = json!(format!("{SCOPE} offline_access user/Practitioner.rs"));
        }
        settings["partners"][1]["smart_app"]["may_introspect"] = json!(true);
        change(settings);
    })
}

fn server() -> Server {
    server_with(|_| {})
}

fn code(server: &Server, scope: &str) -> String {
    let (handle, cookie) = server.launched();
    query(&server.authorize(&handle, &cookie, &[("scope", Some(scope))]), "code").unwrap()
}

/// The token response of the first app.
fn granted(server: &Server, scope: &str) -> Value {
    document(&server.redeem(&code(server, scope), &[]))
}

/// The token response of the second app, which has a secret.
fn granted_second(server: &Server, scope: &str) -> Value {
    let mut request = launch_request();
    request["partner"] = json!("second");
    let url = url::Url::parse(&server.start(&request)).unwrap();
    let handle = url.query_pairs().find(|(name, _)| name == "launch").unwrap().1.into_owned();
    let second = [("client_id", Some("second-app")), ("redirect_uri", Some("https://second.example/cb")), ("scope", Some(scope))];
    let code = query(&server.authorize(&handle, "", &second), "code").unwrap();
    let form = [
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("redirect_uri", "https://second.example/cb"),
        ("code_verifier", VERIFIER),
    ];
    document(&server.post_token(&encode(&form), &[("authorization", &basic(SECOND))]))
}

fn basic(text: &str) -> String {
    format!("Basic {}", BASE64_STANDARD.encode(text))
}

fn text<'a>(document: &'a Value, name: &str) -> &'a str {
    document[name].as_str().unwrap_or_else(|| panic!("no {name} in {document}"))
}

fn refresh(server: &Server, token: &str, more: &[(&str, &str)]) -> Response {
    let form: Vec<_> =
        [("grant_type", "refresh_token"), ("refresh_token", token)].into_iter().chain(more.iter().copied()).collect();
    server.post_token(&encode(&form), &[])
}

fn error(response: &Response) -> (u16, String) {
    assert_eq!(response.headers()["cache-control"], "no-store");
    (response.status().as_u16(), document(response)["error"].as_str().unwrap_or_default().to_owned())
}

fn bad(code: &str) -> (u16, String) {
    (400, code.to_owned())
}

fn reads(server: &Server, access: &str) -> bool {
    let status = server.get("/clinic/fhir/Practitioner/d1", &[("authorization", &format!("Bearer {access}"))]).status().as_u16();
    assert!([200, 401, 404].contains(&status), "{status}");
    status != 401
}

fn post(server: &Server, path: &str, form: &[(&str, &str)], headers: &[(&str, &str)]) -> Response {
    let mut all = vec![("content-type", "application/x-www-form-urlencoded")];
    all.extend(headers);
    server.send("POST", path, &all, &encode(form))
}

fn introspect(server: &Server, token: &str) -> Value {
    let response = post(server, "/clinic/auth/introspect", &[("token", token)], &[("authorization", &basic(SECOND))]);
    assert_eq!(
        (response.status().as_u16(), &response.headers()["cache-control"]),
        (200, &http::HeaderValue::from_static("no-store"))
    );
    document(&response)
}

fn claims(id_token: &str) -> Value {
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(id_token.split('.').nth(1).unwrap()).unwrap()).unwrap()
}

// ---- refresh (smart.md 7.2, 10)

#[test]
fn a_refresh_gives_the_same_again_under_new_tokens() {
    let server = server();
    let first = granted(&server, SCOPE);
    server.wait(600);
    let response = refresh(&server, text(&first, "refresh_token"), &[("client_id", "rms-app")]);
    assert_eq!((response.status().as_u16(), &response.headers()["pragma"]), (200, &http::HeaderValue::from_static("no-cache")));
    let second = document(&response);
    for same in ["scope", "patient", "encounter", "intent", "need_patient_banner", "token_type", "expires_in"] {
        assert_eq!(first[same], second[same], "{same}");
    }
    assert!(text(&second, "scope").contains("online_access"), "some apps refresh only where they read it");
    assert!(first["access_token"] != second["access_token"] && first["refresh_token"] != second["refresh_token"]);
    let (before, after) = (claims(text(&first, "id_token")), claims(text(&second, "id_token")));
    for same in ["iss", "sub", "aud", "auth_time", "fhirUser"] {
        assert!(before[same] == after[same] && !after[same].is_null(), "{same}");
    }
    assert!(before.get("nonce").is_some() && after.get("nonce").is_none());
    assert_eq!(after["iat"], before["iat"].as_i64().unwrap() + 600);
    let hash = BASE64_URL_SAFE_NO_PAD.encode(&secret_hash(text(&second, "access_token"))[..16]);
    assert_eq!(after["at_hash"], hash);
    assert!(reads(&server, text(&first, "access_token")) && reads(&server, text(&second, "access_token")));
    assert!(!reads(&server, text(&second, "refresh_token")), "a refresh token reads nothing");
}

#[test]
fn no_refresh_token_without_its_scope_and_never_both_kinds() {
    let server = server();
    assert!(granted(&server, "launch patient/*.rs").get("refresh_token").is_none());
    let both = granted(&server, "launch online_access offline_access");
    assert_eq!(both["scope"], "launch offline_access");
    let narrow = server_with(|settings| settings["partners"][0]["smart_app"]["scopes"] = json!("launch online_access"));
    assert_eq!(granted(&narrow, "launch online_access offline_access")["scope"], "launch online_access");
}

#[test]
fn a_refresh_token_used_twice_ends_everything_that_came_of_the_grant() {
    let server = server();
    let first = granted(&server, SCOPE);
    let old = text(&first, "refresh_token");
    let second = document(&refresh(&server, old, &[]));
    server.wait(10);
    assert_eq!(error(&refresh(&server, old, &[])), bad("invalid_grant"));
    for document in [&first, &second] {
        assert!(!reads(&server, text(document, "access_token")));
    }
    assert_eq!(error(&refresh(&server, text(&second, "refresh_token"), &[])), bad("invalid_grant"));
}

#[test]
fn an_identical_retry_gets_the_same_answer_also_after_a_restart() {
    let server = server();
    let first = granted(&server, SCOPE);
    let old = text(&first, "refresh_token");
    let answer = document(&refresh(&server, old, &[]));
    server.wait(9);
    let server = server.restarted();
    assert_eq!(document(&refresh(&server, old, &[("client_id", "rms-app")])), answer);
    // Once the answer is known to have arrived, nobody but a thief asks for it again.
    let third = document(&refresh(&server, text(&answer, "refresh_token"), &[]));
    assert_eq!(error(&refresh(&server, old, &[])), bad("invalid_grant"));
    assert!(!reads(&server, text(&third, "access_token")));
    // Another request is no retry.
    let first = granted(&server, SCOPE);
    let answer = document(&refresh(&server, text(&first, "refresh_token"), &[]));
    assert_eq!(error(&refresh(&server, text(&first, "refresh_token"), &[("scope", "openid")])), bad("invalid_grant"));
    assert!(!reads(&server, text(&answer, "access_token")));
}

#[test]
fn another_client_gets_nothing_and_does_no_harm() {
    let server = server();
    let (mine, theirs) = (granted(&server, SCOPE), granted_second(&server, SCOPE));
    let as_second = [("grant_type", "refresh_token"), ("refresh_token", text(&mine, "refresh_token"))];
    for _ in 0..2 {
        assert_eq!(
            error(&post(&server, "/clinic/auth/token", &as_second, &[("authorization", &basic(SECOND))])),
            bad("invalid_grant")
        );
        assert_eq!(error(&refresh(&server, text(&theirs, "refresh_token"), &[("client_id", "rms-app")])), bad("invalid_grant"));
    }
    // A confidential client shows who it is, whatever it holds.
    let unauthorized = (401, "invalid_client".to_owned());
    assert_eq!(error(&refresh(&server, text(&theirs, "refresh_token"), &[])), unauthorized);
    assert_eq!(error(&refresh(&server, text(&theirs, "refresh_token"), &[("client_id", "second-app")])), unauthorized);
    let again = document(&refresh(&server, text(&mine, "refresh_token"), &[]));
    server.wait(11);
    assert_eq!(error(&refresh(&server, text(&mine, "refresh_token"), &[("client_id", "second-app")])), unauthorized);
    assert!(reads(&server, text(&again, "access_token")) && reads(&server, text(&theirs, "access_token")));
    // What is no refresh token.
    for wrong in [text(&mine, "access_token"), "unheard-of", ""] {
        assert_ne!(refresh(&server, wrong, &[]).status(), 200, "{wrong}");
    }
}

#[test]
fn a_refresh_asks_for_less_but_never_for_more() {
    let server = server();
    let mut token = text(&granted(&server, SCOPE), "refresh_token").to_owned();
    let less = document(&refresh(&server, &token, &[("scope", "patient/Practitioner.r online_access")]));
    assert_eq!(less["scope"], "patient/Practitioner.r online_access");
    assert!(less.get("id_token").is_none());
    token = text(&less, "refresh_token").to_owned();
    for wider in ["user/Practitioner.rs", "offline_access", "patient/*.cruds", "system/*.rs", "launch unheard-of"] {
        assert_eq!(error(&refresh(&server, &token, &[("scope", wider)])), bad("invalid_scope"), "{wider}");
    }
    // What was refused used nothing up, and the grant is as wide as it was.
    assert!(text(&document(&refresh(&server, &token, &[])), "scope").contains("patient/*.rs"));
}

#[test]
fn an_online_grant_ends_idle_with_its_time_and_with_the_session() {
    let server = server_with(|settings| {
        settings["limits"] = json!({"session_seconds": 86_400});
        settings["partners"][0]["smart_app"]["access_token_seconds"] = json!(60);
    });
    let mut token = text(&granted(&server, SCOPE), "refresh_token").to_owned();
    server.wait(8 * HOUR - 1);
    token = text(&document(&refresh(&server, &token, &[])), "refresh_token").to_owned();
    server.wait(4 * HOUR);
    let last = document(&refresh(&server, &token, &[]));
    assert_eq!(last["expires_in"], 1, "no token outlives its grant");
    server.wait(1);
    assert_eq!(error(&refresh(&server, text(&last, "refresh_token"), &[])), bad("invalid_grant"));
    // Idle.
    let idle = granted(&server, SCOPE);
    server.wait(8 * HOUR);
    assert_eq!(error(&refresh(&server, text(&idle, "refresh_token"), &[])), bad("invalid_grant"));
}

#[test]
fn the_session_takes_online_grants_and_leaves_offline_ones() {
    let server = server();
    let now = || server.now.load(std::sync::atomic::Ordering::Relaxed);
    let with_session = |scope| {
        let mut request = launch_request();
        request["session"] = json!("session-7");
        let (handle, cookie) = server.open(&server.start(&request));
        let code = query(&server.authorize(&handle, &cookie, &[("scope", Some(scope))]), "code").unwrap();
        document(&server.redeem(&code, &[]))
    };
    let online = with_session(SCOPE);
    let offline = with_session("launch openid fhirUser offline_access patient/*.rs");
    assert_eq!(server.world.store.end_session("session-7", now()).unwrap().len(), 2);
    assert!(!reads(&server, text(&online, "access_token")) && reads(&server, text(&offline, "access_token")));
    assert_eq!(error(&refresh(&server, text(&online, "refresh_token"), &[])), bad("invalid_grant"));
    server.wait(29 * DAY);
    let mut token = text(&document(&refresh(&server, text(&offline, "refresh_token"), &[])), "refresh_token").to_owned();
    for _ in 0..2 {
        server.wait(29 * DAY);
        token = text(&document(&refresh(&server, &token, &[])), "refresh_token").to_owned();
    }
    server.wait(3 * DAY);
    assert_eq!(error(&refresh(&server, &token, &[])), bad("invalid_grant"), "90 days are over");
    let idle = with_session("launch offline_access");
    server.wait(30 * DAY);
    assert_eq!(error(&refresh(&server, text(&idle, "refresh_token"), &[])), bad("invalid_grant"));
}

#[test]
fn a_code_presented_twice_takes_the_refresh_token_too() {
    let server = server();
    let code = code(&server, SCOPE);
    let tokens = document(&server.redeem(&code, &[]));
    let wrong_client =
        [("grant_type", "authorization_code"), ("code", &code), ("redirect_uri", REDIRECT), ("code_verifier", VERIFIER)];
    assert_eq!(
        error(&post(&server, "/clinic/auth/token", &wrong_client, &[("authorization", &basic(SECOND))])),
        bad("invalid_grant")
    );
    let other = "another-verifier-that-is-long-enough-0123456789abc";
    assert_eq!(error(&server.redeem(&code, &[("code_verifier", Some(other))])), bad("invalid_grant"));
    assert!(reads(&server, text(&tokens, "access_token")), "who proves nothing does no harm");
    assert_eq!(error(&server.redeem(&code, &[])), bad("invalid_grant"));
    assert!(!reads(&server, text(&tokens, "access_token")));
    assert_eq!(error(&refresh(&server, text(&tokens, "refresh_token"), &[])), bad("invalid_grant"));
}

// ---- revocation (smart.md 13)

#[test]
fn a_client_gives_up_its_own_tokens_and_nobody_elses() {
    let server = server();
    let revoke = |token: &str, headers: &[(&str, &str)], more: &[(&str, &str)]| {
        let form: Vec<_> = [("token", token)].into_iter().chain(more.iter().copied()).collect();
        post(&server, "/clinic/auth/revoke", &form, headers)
    };
    let public = [("client_id", "rms-app")];
    let (mine, theirs) = (granted(&server, SCOPE), granted_second(&server, SCOPE));
    let done = |response: Response| {
        assert_eq!((response.status().as_u16(), response.body().len()), (200, 0));
        assert_eq!(response.headers()["cache-control"], "no-store");
    };
    done(revoke(text(&theirs, "refresh_token"), &[], &public));
    done(revoke(text(&theirs, "access_token"), &[], &public));
    done(revoke("unheard-of", &[], &public));
    assert!(reads(&server, text(&theirs, "access_token")));
    done(revoke(text(&mine, "access_token"), &[("origin", "https://rms.example")], &public));
    assert!(!reads(&server, text(&mine, "access_token")));
    let next = document(&refresh(&server, text(&mine, "refresh_token"), &[]));
    done(revoke(text(&next, "refresh_token"), &[], &[("client_id", "rms-app"), ("token_type_hint", "access_token")]));
    assert!(!reads(&server, text(&next, "access_token")), "a wrong hint is only a hint");
    assert_eq!(error(&refresh(&server, text(&next, "refresh_token"), &[])), bad("invalid_grant"));
    let hinted = revoke(text(&theirs, "access_token"), &[], &[("client_id", "rms-app"), ("token_type_hint", "id_token")]);
    assert_eq!(error(&hinted), bad("unsupported_token_type"));
    assert_eq!(error(&revoke("x", &[], &[])), bad("invalid_request"));
    assert_eq!(error(&post(&server, "/clinic/auth/revoke", &public, &[])), bad("invalid_request"));
    assert_eq!(error(&revoke("x", &[("authorization", &basic("second-app:wrong"))], &[])), (401, "invalid_client".into()));
    let preflight = server.send("OPTIONS", "/clinic/auth/revoke", &[("origin", "https://rms.example")], "");
    assert_eq!(preflight.headers()["access-control-allow-origin"], "https://rms.example");
}

#[test]
fn the_host_revokes_by_user_client_patient_and_launch_at_once() {
    let server = server();
    let now = server.now.load(std::sync::atomic::Ordering::Relaxed);
    let revoke = |whose: Whose| server.world.store.revoke_grants(&whose, now).unwrap();
    for whose in [Whose::User("u-17".into()), Whose::Client("rms-app".into()), Whose::Patient("p1".into())] {
        let (tokens, pending) = (granted(&server, "launch fhirUser openid offline_access patient/*.rs"), code(&server, SCOPE));
        assert!(reads(&server, text(&tokens, "access_token")));
        assert_eq!((revoke(Whose::User("p1".into())), revoke(Whose::Patient("u-17".into()))), (0, 0));
        assert_eq!(revoke(whose.clone()), 2, "{whose:?}");
        assert!(!reads(&server, text(&tokens, "access_token")), "{whose:?}");
        assert_eq!(error(&refresh(&server, text(&tokens, "refresh_token"), &[])), bad("invalid_grant"));
        assert_eq!(error(&server.redeem(&pending, &[])), bad("invalid_grant"), "{whose:?}");
    }
}

// ---- introspection (smart.md 12)

#[test]
fn introspection_says_what_the_token_response_said() {
    let server = server();
    let tokens = granted(&server, SCOPE);
    let said = introspect(&server, text(&tokens, "access_token"));
    assert_eq!((&said["active"], &said["client_id"], &said["scope"]), (&json!(true), &json!("rms-app"), &tokens["scope"]));
    assert_eq!((&said["exp"], &said["iat"]), (&json!(1_800_003_600), &json!(1_800_000_000)));
    for member in ["patient", "encounter", "intent", "need_patient_banner", "fhirContext", "token_type"] {
        assert_eq!(said[member], tokens[member], "{member}");
    }
    assert_eq!((&said["iss"], &said["sub"], &said["aud"]), (&json!(BASE), &json!("u-17"), &json!(BASE)));
    assert_eq!(said["fhirUser"], format!("{BASE}/Practitioner/d1"));
    let said = introspect(&server, text(&tokens, "refresh_token"));
    assert!(said["active"] == true && said.get("token_type").is_none());
    // Without openid the app was not told who the user is, and neither is who asks.
    let said = introspect(&server, text(&granted(&server, "launch patient/*.rs"), "access_token"));
    assert!(said["active"] == true && said.get("sub").is_none() && said.get("fhirUser").is_none());
}

#[test]
fn introspection_says_no_word_about_what_is_not_good() {
    let server = server();
    let inactive = json!({"active": false});
    let messaging = "grant_type=client_credentials&client_id=rms-messages&client_secret=invented-messaging-secret";
    let messaging = document(&server.post_token(messaging, &[]));
    for token in ["unheard-of", "\u{0}", text(&messaging, "access_token")] {
        assert_eq!(introspect(&server, token), inactive);
    }
    let tokens = granted(&server, SCOPE);
    post(&server, "/clinic/auth/revoke", &[("client_id", "rms-app"), ("token", text(&tokens, "refresh_token"))], &[]);
    assert_eq!(introspect(&server, text(&tokens, "access_token")), inactive);
    let used = granted(&server, SCOPE);
    refresh(&server, text(&used, "refresh_token"), &[]);
    assert_eq!(introspect(&server, text(&used, "refresh_token")), inactive);
    server.wait(HOUR);
    assert_eq!(introspect(&server, text(&used, "access_token")), inactive);
}

#[test]
fn only_those_may_ask_who_are_allowed_to() {
    let server = server_with(|settings| settings["partners"][1]["smart_app"]["may_introspect"] = json!(false));
    let tokens = granted(&server, SCOPE);
    let token = ("token", text(&tokens, "access_token"));
    let ask = |more: &[(&str, &str)], headers: &[(&str, &str)]| {
        let form: Vec<_> = [token].into_iter().chain(more.iter().copied()).collect();
        let response = post(&server, "/clinic/auth/introspect", &form, headers);
        assert!(!text_of(&response).contains("active"));
        error(&response)
    };
    let refused = (401, "invalid_client".to_owned());
    let bearer = format!("Bearer {}", token.1);
    assert_eq!(ask(&[("client_id", "rms-app")], &[]), refused);
    assert_eq!(ask(&[], &[("authorization", &basic(SECOND))]), refused);
    assert_eq!(ask(&[], &[("authorization", &bearer)]), refused);
    assert_eq!(ask(&[("client_id", "second-app")], &[]), refused);
    assert_eq!(ask(&[], &[]), bad("invalid_request"));
    let elsewhere = post(&server, "/clinic/auth/introspect", &[token], &[("origin", "https://rms.example")]);
    assert!(!elsewhere.headers().contains_key("access-control-allow-origin"));
    assert_eq!(server.send("OPTIONS", "/clinic/auth/introspect", &[("origin", "https://rms.example")], "").status(), 405);
}

fn text_of(response: &Response) -> String {
    smart::text(response)
}

// ---- what the launch brings for its app (smart.md 3, 9)

#[test]
fn a_launch_brings_claims_and_members_that_never_pass_for_ours() {
    let server = server_with(|settings| {
        settings["partners"][0]["smart_app"]["id_token_claims"] = json!(["uao", "rid"]);
        settings["partners"][0]["smart_app"]["response_members"] = json!(["sharedKey"]);
    });
    let mut request = launch_request();
    request["user"]["given_name"] = json!("Given");
    request["user"]["family_name"] = json!("Fakename");
    request["id_token_claims"] = json!({"uao": "1.2.3", "rid": {"cpso": 12345}});
    request["response_members"] = json!({"sharedKey": "aW52ZW50ZWQ="});
    let (handle, cookie) = server.open(&server.start(&request));
    let code = query(&server.authorize(&handle, &cookie, &[("scope", Some(SCOPE))]), "code").unwrap();
    let tokens = document(&server.redeem(&code, &[]));
    assert_eq!(tokens["sharedKey"], "aW52ZW50ZWQ=");
    let said = claims(text(&tokens, "id_token"));
    assert_eq!((&said["uao"], &said["rid"]), (&json!("1.2.3"), &json!({"cpso": 12345})));
    assert_eq!((&said["sub"], &said["given_name"], &said["family_name"]), (&json!("u-17"), &json!("Given"), &json!("Fakename")));
    assert!(introspect(&server, text(&tokens, "access_token")).get("sharedKey").is_none(), "it is for the app alone");
    let refreshed = document(&refresh(&server, text(&tokens, "refresh_token"), &[]));
    assert_eq!((&refreshed["sharedKey"], &claims(text(&refreshed, "id_token"))["uao"]), (&json!("aW52ZW50ZWQ="), &json!("1.2.3")));
    for (member, value) in [
        ("id_token_claims", json!({"sub": "x"})),
        ("response_members", json!({"access_token": "x"})),
        ("response_members", json!({"other": 1})),
    ] {
        let mut request = launch_request();
        request[member] = value;
        let begun = launch::begin(&server.world.settings, request.to_string().as_bytes(), 0, &clock::random);
        assert!(begun.err().unwrap().message().starts_with(member));
    }
}

// ---- the form (smart.md 7)

#[test]
fn what_stands_in_the_address_is_not_read_and_nothing_is_cached() {
    let server = server();
    let tokens = granted(&server, SCOPE);
    let token = text(&tokens, "refresh_token");
    for path in ["/clinic/auth/token", "/clinic/auth/introspect", "/clinic/auth/revoke"] {
        let address = format!("{path}?grant_type=refresh_token&client_id=rms-app&token={token}&refresh_token={token}");
        let form = [("content-type", "application/x-www-form-urlencoded")];
        assert_eq!(error(&server.send("POST", &address, &form, "")), bad("invalid_request"), "{path}");
        let json = [("content-type", "application/json")];
        assert_eq!(error(&server.send("POST", &address, &json, "{}")), bad("invalid_request"), "{path}");
        assert_eq!(error(&server.send("POST", path, &form, "token=a&token=b")), bad("invalid_request"), "{path}");
        for method in ["GET", "PUT", "DELETE"] {
            let response = server.send(method, &address, &[], "");
            assert_eq!(error(&response), (405, "invalid_request".into()), "{method} {path}");
            assert!(response.headers()["allow"].to_str().unwrap().starts_with("POST"), "{method} {path}");
        }
    }
    assert!(introspect(&server, token)["active"] == true, "nothing was revoked or used");
    let unknown = refresh(&server, token, &[("state", "stray"), ("client_id", "")]);
    assert_eq!(unknown.status(), 200, "unknown and empty parameters count as absent");
}
