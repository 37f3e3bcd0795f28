//! The rules of the SMART Server, driven through the exchange: launch, authorize, token.

#[path = "support/smart.rs"]
mod smart;
#[path = "support/store.rs"]
mod store;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use ereferral::error::{EREF_INVALID_ARGUMENT, EREF_INVALID_CONTENT, EREF_NOT_FOUND};
use ereferral::io::clock;
use ereferral::proto::exchange::Signal;
use ereferral::proto::smart::server::launch;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::{Value, json};
use smart::*;

fn fresh_code(server: &Server) -> String {
    let (handle, cookie) = server.launched();
    query(&server.authorize(&handle, &cookie, &[]), "code").unwrap()
}

fn basic(text: &str) -> String {
    format!("Basic {}", BASE64_STANDARD.encode(text))
}

// ---- the whole way

#[test]
fn an_app_that_also_sends_messages_is_told_the_number_of_its_referral() {
    let messaging = Server::with(|settings| settings["partners"][0]["messaging"] = json!({}));
    let body = document(&messaging.redeem(&fresh_code(&messaging), &[]));
    let entries = body["fhirContext"].as_array().unwrap();
    let entry = entries.iter().find(|entry| entry["type"] == "ServiceRequest").unwrap();
    assert_eq!(entry["identifier"]["system"], format!("{BASE}/NamingSystem/referral"));
    assert_eq!(entry["identifier"]["value"].as_str().map(str::len), Some(36));
    assert!(entry.get("role").is_none());
    let silent = Server::with(|settings| _ = settings["partners"][0].as_object_mut().unwrap().remove("messaging"));
    let body = document(&silent.redeem(&fresh_code(&silent), &[]));
    assert!(!body["fhirContext"].to_string().contains("NamingSystem/referral"));
    // The host cannot give the number.
    let mut request = launch_request();
    request["correlation"] = json!("mine");
    let begun =
        ereferral::proto::smart::server::launch::begin(&silent.world.settings, request.to_string().as_bytes(), 0, &|| [7; 32]);
    assert_eq!(begun.err().map(|error| error.status()), Some(ereferral::error::EREF_INVALID_ARGUMENT));
}

#[test]
fn a_launch_leads_to_a_token_for_its_patient() {
    let server = Server::new();
    let url = server.start(&launch_request());
    assert!(url.starts_with("https://pos.example/clinic/auth/start/"));
    let opened = server.get(&url, &[]);
    assert!(
        location(&opened).starts_with("https://rms.example/launch?site=7&iss=https%3A%2F%2Fpos.example%2Fclinic%2Ffhir&launch=")
    );
    let cookie = opened.headers()["set-cookie"].to_str().unwrap();
    for attribute in ["__Host-eref-", "; Path=/", "; HttpOnly", "; Secure", "; SameSite=Lax"] {
        assert!(cookie.contains(attribute), "{cookie}");
    }
    assert_eq!(opened.headers()["cache-control"], "no-store");
    assert_eq!(opened.headers()["referrer-policy"], "no-referrer");

    let handle = query(&opened, "launch").unwrap();
    let back = server.authorize(&handle, cookie.split(';').next().unwrap(), &[]);
    assert_eq!(back.status(), 303);
    assert_eq!(query(&back, "state").unwrap(), "invented-state");
    assert_eq!(query(&back, "iss").unwrap(), BASE);

    let response = server.redeem(&query(&back, "code").unwrap(), &[]);
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["cache-control"], "no-store");
    assert_eq!(response.headers()["pragma"], "no-cache");
    let body = document(&response);
    assert_eq!(body["scope"], "launch openid fhirUser patient/*.rs patient/DocumentReference.c");
    assert_eq!((&body["patient"], &body["encounter"], &body["intent"]), (&json!("p1"), &json!("e1"), &json!("create-referral")));
    assert_eq!((&body["expires_in"], &body["need_patient_banner"]), (&json!(3600), &json!(true)));
    assert!(matches!(&server.signals.lock().unwrap()[..], [Signal::Launch { what: "authorized", .. }]));
}

#[test]
fn the_id_token_is_what_discovery_says() {
    let server = Server::new();
    let body = document(&server.redeem(&fresh_code(&server), &[]));
    let jwks = document(&server.get("/clinic/auth/jwks", &[]));
    let configuration = document(&server.get("/clinic/fhir/.well-known/openid-configuration", &[]));
    let key = DecodingKey::from_jwk(&serde_json::from_value(jwks["keys"][0].clone()).unwrap()).unwrap();
    let mut rules = Validation::new(Algorithm::RS256);
    rules.set_audience(&["rms-app"]);
    rules.set_issuer(&[configuration["issuer"].as_str().unwrap()]);
    rules.validate_exp = false;
    let token = jsonwebtoken::decode::<Value>(body["id_token"].as_str().unwrap(), &key, &rules).unwrap();
    assert_eq!(token.header.kid.as_deref(), Some("k1"));
    let user = format!("{BASE}/Practitioner/d1");
    let claims = token.claims;
    assert_eq!((&claims["sub"], &claims["nonce"], &claims["auth_time"]), (&json!("u-17"), &json!("n-1"), &json!(1_799_999_000)));
    assert_eq!((&claims["fhirUser"], &claims["profile"]), (&json!(user), &json!(user)));
    assert_eq!((&claims["iat"], &claims["exp"]), (&json!(1_800_000_000), &json!(1_800_003_600)));
    assert_eq!(claims["at_hash"].as_str().unwrap().len(), 22);
    assert!(claims.get("name").is_none(), "profile was not granted");
}

#[test]
fn discovery_advertises_one_description_everywhere() {
    let server = Server::new();
    let get = |path: &str| {
        let response = server.get(path, &[("origin", "https://anywhere.example"), ("accept", "text/html")]);
        assert_eq!(
            (response.status().as_u16(), &response.headers()["access-control-allow-origin"]),
            (200, &http::HeaderValue::from_static("*"))
        );
        document(&response)
    };
    let smart = get("/clinic/fhir/.well-known/smart-configuration");
    let openid = get("/clinic/fhir/.well-known/openid-configuration");
    let oauth = get("/.well-known/oauth-authorization-server/clinic/fhir");
    for name in ["issuer", "authorization_endpoint", "token_endpoint", "jwks_uri", "scopes_supported", "grant_types_supported"] {
        assert!(smart[name] == openid[name] && smart[name] == oauth[name] && !smart[name].is_null(), "{name}");
    }
    assert_eq!(smart["issuer"], BASE);
    assert_eq!(smart["code_challenge_methods_supported"], json!(["S256"]));
    assert_eq!(smart["token_endpoint_auth_methods_supported"], json!(["client_secret_basic", "none"]));
    for absent in ["refresh_token", "introspection_endpoint", "private_key_jwt", "launch-standalone", "permission-offline"] {
        assert!(!smart.to_string().contains(absent), "{absent}");
    }
    let metadata = document(&server.get("/clinic/fhir/metadata?mode=oceancc", &[]));
    let uris = &metadata["rest"][0]["security"]["extension"][0]["extension"];
    assert_eq!(uris[0]["valueUri"], smart["authorization_endpoint"]);
    assert_eq!(uris[1]["valueUri"], smart["token_endpoint"]);
    assert_eq!((&uris[2]["url"], &uris[2]["valueUri"]), (&json!("revoke"), &smart["revocation_endpoint"]));
}

#[test]
fn a_document_the_client_has_is_not_sent_again() {
    let server = Server::new();
    let path = "/clinic/fhir/.well-known/smart-configuration";
    let tag = server.get(path, &[]).headers()["etag"].to_str().unwrap().to_owned();
    let again = server.get(path, &[("if-none-match", &tag)]);
    assert_eq!((again.status().as_u16(), again.body().len()), (304, 0));
}

#[test]
fn nothing_of_smart_is_served_without_the_role() {
    let server = Server::with(|settings| settings["system"]["roles"] = json!(["rms-source"]));
    for path in ["/fhir/.well-known/smart-configuration", "/auth/jwks", "/auth/authorize", "/fhir/Patient/p1"] {
        assert_eq!(server.get(&format!("/clinic{path}"), &[]).status(), 404, "{path}");
    }
}

// ---- starting a launch

fn begin(change: impl FnOnce(&mut Value)) -> i32 {
    let server = Server::new();
    let mut request = launch_request();
    change(&mut request);
    let begun = launch::begin(&server.world.settings, request.to_string().as_bytes(), 0, &clock::random);
    begun.err().map_or(0, |error| error.status())
}

#[test]
fn a_launch_request_is_checked_before_anything_is_kept() {
    assert_eq!(begin(|_| {}), 0);
    assert_eq!(begin(|request| request["partner"] = json!("nobody")), EREF_NOT_FOUND);
    assert_eq!(begin(|request| request["user"]["id"] = json!("")), EREF_INVALID_ARGUMENT);
    assert_eq!(begin(|request| request["user"]["fhir_user"] = json!("Device/x")), EREF_INVALID_ARGUMENT);
    assert_eq!(begin(|request| request["surprise"] = json!(1)), EREF_INVALID_ARGUMENT);
    assert_eq!(begin(|request| request["fhir_context"] = json!([{ "reference": "Patient/p1" }])), EREF_INVALID_ARGUMENT);
    assert_eq!(begin(|request| request["fhir_context"] = json!([{ "reference": "ServiceRequest/s1" }])), 0);
    assert_eq!(begin(|request| request["launch_query"] = json!({ "action": "referDirect" })), 0);
    assert_eq!(begin(|request| request["launch_query"] = json!({ "other": "x" })), EREF_INVALID_ARGUMENT);
    assert_eq!(begin(|request| request["patient"] = json!("p2")), EREF_INVALID_CONTENT);
    assert_eq!(begin(|request| request["chart"][1]["subject"]["reference"] = json!("Patient/p2")), EREF_INVALID_CONTENT);
    assert_eq!(begin(|request| drop(request["chart"].as_array_mut().unwrap().remove(0))), EREF_INVALID_CONTENT);
    assert_eq!(begin(|request| drop(request.as_object_mut().unwrap().remove("patient"))), EREF_INVALID_CONTENT);
}

#[test]
fn a_start_url_opened_twice_ends_the_launch() {
    let server = Server::new();
    let url = server.start(&launch_request());
    let (handle, cookie) = server.open(&url);
    assert_eq!(server.get(&url, &[]).status(), 410);
    assert!(matches!(
        &server.signals.lock().unwrap()[..],
        [Signal::Alert { started: true, .. }, Signal::Alert { started: false, .. }, Signal::Launch { what: "ended", .. }]
    ));
    let back = server.authorize(&handle, &cookie, &[]);
    assert_eq!(query(&back, "error").unwrap(), "invalid_request");
}

#[test]
fn a_second_opening_kills_the_tokens_already_given() {
    let server = Server::new();
    let url = server.start(&launch_request());
    let (handle, cookie) = server.open(&url);
    let code = query(&server.authorize(&handle, &cookie, &[]), "code").unwrap();
    let bearer = format!("Bearer {}", document(&server.redeem(&code, &[]))["access_token"].as_str().unwrap());
    assert_eq!(server.get("/clinic/fhir/Patient/p1", &[("authorization", &bearer)]).status(), 200);
    assert_eq!(server.get(&url, &[]).status(), 410);
    assert_eq!(server.get("/clinic/fhir/Patient/p1", &[("authorization", &bearer)]).status(), 401);
}

#[test]
fn a_start_url_is_good_for_a_minute_and_only_to_be_opened() {
    let server = Server::new();
    let url = server.start(&launch_request());
    assert_eq!(server.send("HEAD", &url, &[], "").status(), 405);
    server.wait(60);
    let late = server.get(&url, &[]);
    assert_eq!(late.status(), 404);
    assert_eq!(late.headers()["content-security-policy"], "default-src 'none'; frame-ancestors 'none'");
}

#[test]
fn without_browser_binding_the_launch_goes_straight_to_the_app() {
    let server = Server::new();
    let mut request = launch_request();
    request["partner"] = json!("second");
    request["launch_query"] = json!({ "action": "refer direct" });
    let url = server.start(&request);
    assert!(url.starts_with("https://second.example/launch?site=7&action=refer%20direct&iss="), "{url}");
}

// ---- authorize

fn refused(changes: &[(&str, Option<&str>)]) -> String {
    let server = Server::new();
    let (handle, cookie) = server.launched();
    let back = server.authorize(&handle, &cookie, changes);
    assert_eq!(back.status(), 303, "{}", text(&back));
    assert!(location(&back).starts_with(REDIRECT) && query(&back, "code").is_none());
    assert_eq!(query(&back, "iss").unwrap(), BASE);
    query(&back, "error").unwrap()
}

#[test]
fn never_redirects_when_client_or_redirect_uri_is_bad() {
    let server = Server::new();
    let (handle, cookie) = server.launched();
    let bad = [
        ("client_id", None),
        ("client_id", Some("unknown-app")),
        ("client_id", Some("second-app")),
        ("redirect_uri", None),
        ("redirect_uri", Some("https://rms.example/CB")),
        ("redirect_uri", Some("https://rms.example:443/cb")),
        ("redirect_uri", Some("https://rms.example/cb/")),
        ("redirect_uri", Some("https://rms.example/c%62")),
        ("redirect_uri", Some("https://x@rms.example/cb")),
        ("redirect_uri", Some("https://rms.example/cb#x")),
        ("redirect_uri", Some("https://second.example/cb")),
        ("redirect_uri", Some("https://rms.example/cb?evil=1")),
    ];
    for change in bad {
        let page = server.authorize(&handle, &cookie, &[change]);
        assert_eq!(page.status(), 400, "{change:?}");
        assert!(!page.headers().contains_key("location"));
        assert!(!text(&page).contains("rms"), "the page repeats nothing of the request");
    }
    assert!(query(&server.authorize(&handle, &cookie, &[]), "code").is_some(), "the launch is still good");
}

#[test]
fn a_repeated_parameter_is_refused_without_a_redirect() {
    let server = Server::new();
    let (handle, cookie) = server.launched();
    let url = format!("{}&state=other", authorize_url(&handle, &[]));
    assert_eq!(server.get(&url, &[("cookie", &cookie)]).status(), 400);
}

#[test]
fn demands_pkce_with_s256() {
    assert_eq!(refused(&[("code_challenge", None), ("code_challenge_method", None)]), "invalid_request");
    assert_eq!(refused(&[("code_challenge", None)]), "invalid_request");
    assert_eq!(refused(&[("code_challenge_method", None)]), "invalid_request");
    assert_eq!(refused(&[("code_challenge_method", Some("plain"))]), "invalid_request");
    assert_eq!(refused(&[("code_challenge", Some("short"))]), "invalid_request");
}

#[test]
fn refuses_what_it_does_not_serve() {
    assert_eq!(refused(&[("response_type", Some("token"))]), "unsupported_response_type");
    assert_eq!(refused(&[("response_type", None)]), "invalid_request");
    assert_eq!(refused(&[("response_mode", Some("fragment"))]), "invalid_request");
    assert_eq!(refused(&[("request", Some("x.y.z"))]), "request_not_supported");
    assert_eq!(refused(&[("request_uri", Some("https://rms.example/r"))]), "request_uri_not_supported");
    assert_eq!(refused(&[("state", None)]), "invalid_request");
    assert_eq!(refused(&[("scope", None)]), "invalid_request");
    assert_eq!(refused(&[("scope", Some("patient/Nothing.rs system/*.rs online_access"))]), "invalid_scope");
    assert_eq!(refused(&[("scope", Some("launch \"x\""))]), "invalid_scope");
    assert_eq!(refused(&[("max_age", Some("60"))]), "login_required");
}

#[test]
fn aud_is_this_server_a_slash_at_its_end_forgiven() {
    assert_eq!(refused(&[("aud", None)]), "invalid_request");
    assert_eq!(refused(&[("aud", Some("https://other.example/fhir"))]), "invalid_request");
    assert_eq!(refused(&[("aud", Some("http://pos.example/clinic/fhir"))]), "invalid_request");
    assert_eq!(refused(&[("resource", Some("https://other.example/fhir"))]), "invalid_request");
    let server = Server::new();
    let (handle, cookie) = server.launched();
    let slash = format!("{BASE}/");
    assert!(query(&server.authorize(&handle, &cookie, &[("aud", Some(&slash))]), "code").is_some());
}

#[test]
fn a_launch_is_used_once() {
    let server = Server::new();
    let (handle, cookie) = server.launched();
    assert!(query(&server.authorize(&handle, &cookie, &[]), "code").is_some());
    assert_eq!(query(&server.authorize(&handle, &cookie, &[]), "error").unwrap(), "invalid_request");
}

#[test]
fn a_launch_is_needed_known_and_not_too_old() {
    assert_eq!(refused(&[("launch", None)]), "invalid_request");
    assert_eq!(refused(&[("launch", Some("guessed"))]), "invalid_request");
    let server = Server::new();
    let (handle, cookie) = server.launched();
    server.wait(361);
    assert_eq!(query(&server.authorize(&handle, &cookie, &[]), "error").unwrap(), "invalid_request");
}

#[test]
fn a_launch_of_one_client_is_of_no_use_to_another() {
    let server = Server::new();
    let (handle, cookie) = server.launched();
    let other = [("client_id", Some("second-app")), ("redirect_uri", Some("https://second.example/cb"))];
    let back = server.authorize(&handle, &cookie, &other);
    assert!(location(&back).starts_with("https://second.example/cb"));
    assert_eq!(query(&back, "error").unwrap(), "invalid_request");
    assert!(query(&server.authorize(&handle, &cookie, &[]), "code").is_some());
}

#[test]
fn only_the_browser_that_opened_the_start_url_is_authorized() {
    let server = Server::new();
    let (handle, cookie) = server.launched();
    let (_, others) = server.launched();
    let twice = format!("{cookie}; {}=x", cookie.split('=').next().unwrap());
    let forged = format!("{}=x", cookie.split('=').next().unwrap());
    for wrong in ["a=b", others.as_str(), &twice, &forged] {
        let back = server.authorize(&handle, wrong, &[]);
        assert_eq!(query(&back, "error").unwrap(), "access_denied", "{wrong}");
    }
    assert!(matches!(server.signals.lock().unwrap()[0], Signal::Launch { what: "denied", .. }));
    let both = format!("{others}; {cookie}");
    assert!(query(&server.authorize(&handle, &both, &[]), "code").is_some());
}

#[test]
fn a_bound_launch_that_was_never_opened_is_refused() {
    let server = Server::new();
    let url = server.start(&launch_request());
    // The handle as the start URL would give it, taken without leaving a cookie behind.
    let value = url.rsplit('/').next().unwrap();
    let handle = ereferral::proto::http::secret_text(ereferral::proto::http::secret_hash(&format!("launch {value}")));
    assert_eq!(query(&server.authorize(&handle, "a=b", &[]), "error").unwrap(), "access_denied");
}

#[test]
fn a_posted_form_comes_back_as_get() {
    let server = Server::new();
    let (handle, cookie) = server.launched();
    let form = authorize_query(&handle, &[("state", Some("a b\r\nX: y"))]);
    let response = server.send("POST", "/clinic/auth/authorize", &[("content-type", "application/x-www-form-urlencoded")], &form);
    assert_eq!(response.status(), 303);
    let again = location(&response);
    assert!(again.starts_with("https://pos.example/clinic/auth/authorize?"));
    let back = server.get(&again, &[("cookie", &cookie)]);
    assert!(query(&back, "code").is_some());
    assert_eq!(query(&back, "state").unwrap(), "a b\r\nX: y", "returned exactly as received");
    assert_eq!(server.send("POST", "/clinic/auth/authorize", &[("content-type", "text/plain")], &form).status(), 415);
}

#[test]
fn a_state_with_line_breaks_injects_no_header() {
    let server = Server::new();
    let (handle, cookie) = server.launched();
    let back = server.authorize(&handle, &cookie, &[("state", Some("x\r\nSet-Cookie: a=b"))]);
    assert!(!back.headers().contains_key("set-cookie") && location(&back).contains("%0D%0A"));
}

#[test]
fn authorize_is_not_for_scripts() {
    let server = Server::new();
    let (handle, cookie) = server.launched();
    let headers = [("cookie", cookie.as_str()), ("origin", "https://rms.example")];
    assert!(!server.get(&authorize_url(&handle, &[]), &headers).headers().contains_key("access-control-allow-origin"));
    assert_eq!(server.send("OPTIONS", "/clinic/auth/authorize", &headers, "").status(), 405);
}

#[test]
fn the_pkce_waiver_needs_its_reason() {
    let waived = |reason: Option<&str>| {
        let server = Server::with(|settings| {
            settings["partners"][0]["smart_app"]["pkce"] = json!("not-required");
            settings["partners"][0]["smart_app"]["pkce_waiver"] = json!(reason);
        });
        let (handle, cookie) = server.launched();
        let back = server.authorize(&handle, &cookie, &[("code_challenge", None), ("code_challenge_method", None)]);
        query(&back, "code").map(|code| (server, code))
    };
    assert!(waived(None).is_none() && waived(Some(" ")).is_none());
    let (server, code) = waived(Some("invented reason")).unwrap();
    assert_eq!(document(&server.redeem(&code, &[]))["error"], "invalid_grant", "a verifier without a challenge");
    server.wait(31);
    assert_eq!(document(&server.redeem(&code, &[("code_verifier", None)]))["error"], "invalid_grant", "half the usual time");
    let (server, code) = waived(Some("invented reason")).unwrap();
    assert_eq!(server.redeem(&code, &[("code_verifier", None)]).status(), 200);
}

// ---- token

fn error(response: &http::Response<Vec<u8>>) -> (u16, String) {
    assert_eq!(response.headers()["cache-control"], "no-store");
    (response.status().as_u16(), document(response)["error"].as_str().unwrap().to_owned())
}

fn grant_error() -> (u16, String) {
    (400, "invalid_grant".to_owned())
}

#[test]
fn a_code_presented_twice_kills_the_tokens_of_the_first() {
    let server = Server::new();
    let code = fresh_code(&server);
    let bearer = format!("Bearer {}", document(&server.redeem(&code, &[]))["access_token"].as_str().unwrap());
    let read = || server.get("/clinic/fhir/Patient/p1", &[("authorization", &bearer)]).status().as_u16();
    assert_eq!(read(), 200);
    assert_eq!(error(&server.redeem(&code, &[])), grant_error());
    assert_eq!(read(), 401);
}

#[test]
fn a_wrong_second_presentation_kills_nothing() {
    let server = Server::new();
    let code = fresh_code(&server);
    let bearer = format!("Bearer {}", document(&server.redeem(&code, &[]))["access_token"].as_str().unwrap());
    let wrong = "a-wrong-verifier-that-is-long-enough-0123456789";
    for _ in 0..4 {
        assert_eq!(error(&server.redeem(&code, &[("code_verifier", Some(wrong))])), grant_error());
    }
    let form =
        encode(&[("grant_type", "authorization_code"), ("code", &code), ("redirect_uri", REDIRECT), ("code_verifier", VERIFIER)]);
    let second = basic("second-app:invented secret+1");
    assert_eq!(error(&server.post_token(&form, &[("authorization", &second)])), grant_error(), "replayed by another client");
    assert_eq!(server.get("/clinic/fhir/Patient/p1", &[("authorization", &bearer)]).status(), 200);
}

#[test]
fn the_third_failed_try_uses_up_the_code() {
    let wrong = [("code_verifier", Some("a-wrong-verifier-that-is-long-enough-0123456789"))];
    let server = Server::new();
    let code = fresh_code(&server);
    assert_eq!(error(&server.redeem(&code, &wrong)), grant_error());
    assert_eq!(error(&server.redeem(&code, &[("redirect_uri", None)])), grant_error());
    assert_eq!(server.redeem(&code, &[]).status(), 200, "two failed tries do not consume it");
    let code = fresh_code(&server);
    for _ in 0..3 {
        assert_eq!(error(&server.redeem(&code, &wrong)), grant_error());
    }
    assert_eq!(error(&server.redeem(&code, &[])), grant_error());
}

#[test]
fn another_clients_tries_do_not_use_up_the_code() {
    let server = Server::new();
    let code = fresh_code(&server);
    let form = encode(&[("grant_type", "authorization_code"), ("code", &code), ("redirect_uri", REDIRECT), ("code_verifier", "x")]);
    for _ in 0..3 {
        let response = server.post_token(&form, &[("authorization", &basic("second-app:invented secret+1"))]);
        assert_eq!(error(&response), grant_error());
    }
    assert_eq!(server.redeem(&code, &[]).status(), 200);
}

#[test]
fn demands_the_verifier_the_redirect_uri_and_a_fresh_code() {
    for change in [
        ("code_verifier", None),
        ("code_verifier", Some("tooshort")),
        ("redirect_uri", None),
        ("redirect_uri", Some("https://rms.example/other")),
        ("code", Some("guessed")),
    ] {
        let server = Server::new();
        assert_eq!(error(&server.redeem(&fresh_code(&server), &[change])), grant_error(), "{change:?}");
    }
    let server = Server::new();
    let code = fresh_code(&server);
    server.wait(61);
    assert_eq!(error(&server.redeem(&code, &[])), grant_error());
}

#[test]
fn a_form_of_more_than_64_kib_or_100_parameters_is_refused() {
    let server = Server::new();
    assert_eq!(server.post_token(&format!("grant_type=x&a={}", "b".repeat(65 << 10)), &[]).status(), 413);
    let many: String = (0..101).map(|at| format!("p{at}=x&")).collect();
    assert_eq!(error(&server.post_token(&format!("{many}grant_type=x"), &[])), (400, "invalid_request".into()));
    assert_eq!(error(&server.post_token("grant_type=x", &[])), (400, "unsupported_grant_type".into()));
}

#[test]
fn the_request_must_be_a_form_with_a_known_grant() {
    let server = Server::new();
    let code = fresh_code(&server);
    assert_eq!(error(&server.redeem(&code, &[("grant_type", None)])), (400, "invalid_request".into()));
    assert_eq!(error(&server.redeem(&code, &[("grant_type", Some("password"))])), (400, "unsupported_grant_type".into()));
    assert_eq!(error(&server.redeem(&code, &[("code", None)])), (400, "invalid_request".into()));
    let twice = server.post_token("grant_type=authorization_code&code=a&code=b&client_id=rms-app", &[]);
    assert_eq!(error(&twice), (400, "invalid_request".into()));
    let get = server.get("/clinic/auth/token", &[]);
    assert_eq!((get.status().as_u16(), &get.headers()["allow"]), (405, &http::HeaderValue::from_static("POST, OPTIONS")));
    assert_eq!(server.send("POST", "/clinic/auth/token", &[("content-type", "application/json")], "{}").status(), 400);
    assert_eq!(server.redeem(&code, &[("state", Some("stray"))]).status(), 200, "unknown parameters are ignored");
}

fn code_of_second(server: &Server) -> String {
    let mut request = launch_request();
    request["partner"] = json!("second");
    let url = url::Url::parse(&server.start(&request)).unwrap();
    let handle = url.query_pairs().find(|(name, _)| name == "launch").unwrap().1.into_owned();
    let other = [("client_id", Some("second-app")), ("redirect_uri", Some("https://second.example/cb"))];
    query(&server.authorize(&handle, "a=b", &other), "code").unwrap()
}

#[test]
fn a_confidential_client_authenticates_by_basic_in_both_encodings() {
    let redeem = |authorization: Option<String>, extra: &[(&str, &str)]| {
        let server = Server::new();
        let code = code_of_second(&server);
        let mut form = vec![
            ("grant_type", "authorization_code"),
            ("code", code.as_str()),
            ("redirect_uri", "https://second.example/cb"),
            ("code_verifier", VERIFIER),
        ];
        form.extend(extra);
        let headers: Vec<(&str, &str)> = authorization.iter().map(|value| ("authorization", value.as_str())).collect();
        server.post_token(&encode(&form), &headers)
    };
    assert_eq!(redeem(Some(basic("second-app:invented secret+1")), &[]).status(), 200);
    assert_eq!(redeem(Some(basic("second-app:invented+secret%2B1")), &[("client_id", "second-app")]).status(), 200);
    let invalid = (401, "invalid_client".to_owned());
    let refused = redeem(Some(basic("second-app:wrong")), &[]);
    assert_eq!((error(&refused), refused.headers().contains_key("www-authenticate")), (invalid.clone(), true));
    assert_eq!(error(&redeem(Some(basic("second-app:")), &[])), invalid);
    assert_eq!(error(&redeem(None, &[("client_id", "second-app")])), invalid, "its id alone proves nothing");
    assert_eq!(error(&redeem(None, &[("client_id", "second-app"), ("client_secret", "invented secret+1")])), invalid);
    assert_eq!(error(&redeem(Some(basic("second-app:invented secret+1")), &[("client_id", "rms-app")])), invalid);
    let two = redeem(Some(basic("second-app:invented secret+1")), &[("client_secret", "x")]);
    assert_eq!(error(&two), (400, "invalid_request".to_owned()));
}

#[test]
fn a_messaging_partner_gets_a_token_that_opens_no_chart() {
    let server = Server::new();
    let body = encode(&[
        ("grant_type", "client_credentials"),
        ("client_id", "rms-messages"),
        ("client_secret", "invented-messaging-secret"),
        ("scope", "anything"),
    ]);
    let response = server.post_token(&body, &[]);
    assert_eq!(response.status(), 200);
    let by_basic =
        server.post_token("grant_type=client_credentials", &[("authorization", &basic("rms-messages:invented-messaging-secret"))]);
    assert_eq!(by_basic.status(), 200);
    let bearer = format!("Bearer {}", document(&response)["access_token"].as_str().unwrap());
    assert_eq!(server.get("/clinic/fhir/Patient/p1", &[("authorization", &bearer)]).status(), 401);
    for form in [
        "grant_type=client_credentials&client_id=rms-messages&client_secret=wrong",
        "grant_type=client_credentials&client_id=rms-messages",
        "grant_type=client_credentials",
        "grant_type=client_credentials&client_id=nobody",
    ] {
        assert_eq!(error(&server.post_token(form, &[])), (401, "invalid_client".into()), "{form}");
    }
    let app = server.post_token("grant_type=client_credentials&client_id=rms-app", &[]);
    assert_eq!(error(&app), (400, "unauthorized_client".into()));
}

#[test]
fn only_the_origins_of_the_client_may_read_its_answer() {
    let server = Server::new();
    let origin = |response: &http::Response<Vec<u8>>| {
        response.headers().get("access-control-allow-origin").map(|value| value.to_str().unwrap().to_owned())
    };
    let preflight = |from: &str| server.send("OPTIONS", "/clinic/auth/token", &[("origin", from)], "");
    assert_eq!(origin(&preflight("https://rms.example")).as_deref(), Some("https://rms.example"));
    assert_eq!(origin(&preflight("https://evil.example")), None);
    assert_eq!(origin(&preflight("null")), None);
    let form = encode(&[("grant_type", "authorization_code"), ("code", "x"), ("client_id", "rms-app")]);
    assert_eq!(origin(&server.post_token(&form, &[("origin", "https://second.example")])), None);
    assert!(origin(&server.post_token(&form, &[("origin", "https://rms.example")])).is_some(), "errors can be read too");
}
