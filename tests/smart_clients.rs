//! Who may ask for tokens: client authentication, backend services, and what discovery says of them. Driven through the exchange.

#[path = "support/smart.rs"]
mod smart;
#[path = "support/store.rs"]
mod store;
#[path = "support/tokens.rs"]
mod tokens;

use std::sync::LazyLock;

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD as B64};
use ereferral::proto::exchange::{Answer, Fetched};
use ereferral::proto::http::Response;
use ereferral::proto::jwt::KeySet;
use serde_json::{Value, json};
use smart::*;
use tokens::{Signer, part};

static SIGNER: LazyLock<Signer> = LazyLock::new(|| Signer::new("RS384", "r1"));
static OTHER: LazyLock<Signer> = LazyLock::new(|| Signer::new("ES384", "e1"));

const TOKEN_URL: &str = "https://pos.example/clinic/auth/token";
const TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const NOW: i64 = 1_800_000_000;

/// The second app signs assertions, and its partner has a backend service; keys are given.
fn server_with(change: impl FnOnce(&mut Value)) -> Server {
    Server::with(|settings| {
        let keys = json!({"jwks": {"keys": [SIGNER.jwk(), OTHER.jwk()]}, "algorithms": ["RS384", "ES384"]});
        settings["partners"][1]["smart_app"]["auth"] = json!({ "private_key_jwt": keys });
        settings["partners"][1]["smart_app"]["scopes"] = json!("launch openid fhirUser patient/*.rs offline_access");
        settings["partners"][1]["backend"] = json!({"client_id": "robot", "private_key_jwt": keys, "scopes": "system/Patient.rs system/Observation.r", "may_introspect": true});
        change(settings);
    })
}

fn server() -> Server {
    server_with(|_| {})
}

fn claims(id: &str, jti: &str) -> Value {
    json!({"iss": id, "sub": id, "aud": TOKEN_URL, "exp": NOW + 300, "iat": NOW, "jti": jti})
}

fn with(claims: &Value, change: &Value) -> Value {
    let mut claims = claims.clone();
    for (name, value) in change.as_object().unwrap() {
        if value.is_null() {
            claims.as_object_mut().unwrap().remove(name);
        } else {
            claims[name] = value.clone();
        }
    }
    claims
}

fn ask(server: &Server, assertion: &str, more: &[(&str, &str)]) -> Response {
    let form = [
        ("grant_type", "client_credentials"),
        ("scope", "system/Patient.rs"),
        ("client_assertion_type", TYPE),
        ("client_assertion", assertion),
    ];
    let kept = form.into_iter().filter(|(name, _)| !more.iter().any(|(other, _)| other == name));
    let form: Vec<_> = kept.chain(more.iter().copied()).collect();
    server.post_token(&encode(&form), &[])
}

fn error(response: &Response) -> (u16, String) {
    assert_eq!(response.headers()["cache-control"], "no-store");
    (response.status().as_u16(), document(response)["error"].as_str().unwrap_or_default().to_owned())
}

fn unauthorized() -> (u16, String) {
    (401, "invalid_client".to_owned())
}

fn basic(text: &str) -> String {
    format!("Basic {}", BASE64_STANDARD.encode(text))
}

// ---- assertions (smart.md 6.1)

#[test]
fn an_assertion_that_keeps_the_rules_is_taken_once() {
    let server = server();
    for (jti, change) in [
        ("a", json!({})),
        ("b", json!({"aud": BASE})),
        ("c", json!({"aud": [BASE, TOKEN_URL]})),
        ("d", json!({"aud": [TOKEN_URL, "https://pos.example/clinic/auth/introspect"]})),
        ("e", json!({"exp": NOW + 360, "iat": NOW + 60, "nbf": NOW + 60})),
        ("f", json!({"iat": NOW - 600})),
        ("g", json!({"iat": null})),
        ("h", json!({"exp": NOW - 59})),
    ] {
        let token = SIGNER.token(&with(&claims("robot", jti), &change));
        assert_eq!(ask(&server, &token, &[("client_id", "robot")]).status(), 200, "{change}");
        assert_eq!(error(&ask(&server, &token, &[])), unauthorized(), "{change}");
    }
    assert_eq!(ask(&server, &OTHER.token(&claims("robot", "i")), &[]).status(), 200);
    let plain = SIGNER.token_with(&json!({"alg": "RS384", "kid": "r1"}), &claims("robot", "j"));
    assert_eq!(ask(&server, &plain, &[]).status(), 200, "typ may be absent");
}

#[test]
fn an_assertion_is_good_once_also_across_a_restart() {
    let server = server();
    let token = SIGNER.token(&claims("robot", "once"));
    assert_eq!(ask(&server, &token, &[]).status(), 200);
    let server = server.restarted();
    assert_eq!(error(&ask(&server, &token, &[])), unauthorized());
    // As long as it could be taken at all.
    server.wait(359);
    assert_eq!(error(&ask(&server, &token, &[])), unauthorized());
    // Another client's number of the same name is its own.
    let form = [("grant_type", "refresh_token"), ("refresh_token", "x"), ("client_assertion_type", TYPE)];
    let theirs = SIGNER.token(&with(&claims("second-app", "once"), &json!({"exp": NOW + 600, "iat": NOW + 300})));
    let form: Vec<_> = form.into_iter().chain([("client_assertion", theirs.as_str())]).collect();
    assert_eq!(error(&server.post_token(&encode(&form), &[])), (400, "invalid_grant".into()));
}

#[test]
fn claims_that_break_a_rule_are_refused() {
    let server = server();
    for change in [
        json!({"iss": "rms-app"}),
        json!({"sub": "second-app"}),
        json!({"iss": "nobody", "sub": "nobody"}),
        json!({"aud": "https://pos.example/clinic/auth"}),
        json!({"aud": [TOKEN_URL, "https://elsewhere.example/token"]}),
        json!({"aud": "https://pos.example/clinic/auth/revoke"}),
        json!({"aud": []}),
        json!({"aud": null}),
        json!({"exp": NOW - 60}),
        json!({"exp": NOW + 361}),
        json!({"exp": null}),
        json!({"exp": "soon"}),
        json!({"iat": NOW - 601}),
        json!({"iat": NOW + 61}),
        json!({"nbf": NOW + 61}),
        json!({"jti": null}),
        json!({"jti": ""}),
        json!({"jti": "x".repeat(257)}),
        json!({"filler": "x".repeat(16 << 10)}),
    ] {
        let token = SIGNER.token(&with(&claims("robot", "j"), &change));
        assert_eq!(error(&ask(&server, &token, &[])), unauthorized(), "{change}");
    }
    // None of them used the number up.
    assert_eq!(ask(&server, &SIGNER.token(&claims("robot", "j")), &[]).status(), 200);
}

#[test]
fn heads_and_signatures_that_break_a_rule_are_refused() {
    let server = server();
    let claims = claims("robot", "j");
    let head = |change: Value| with(&json!({"alg": "RS384", "kid": "r1", "typ": "JWT"}), &change);
    for change in [
        json!({"alg": "RS256"}),
        json!({"alg": "ES384"}),
        json!({"alg": "rs384"}),
        json!({"kid": null}),
        json!({"kid": ""}),
        json!({"kid": "e1"}),
        json!({"kid": "r2"}),
        json!({"kid": "../../etc/passwd"}),
        json!({"kid": "' OR 1=1 --"}),
        json!({"typ": "at+jwt"}),
        json!({"crit": ["exp"]}),
        json!({"jku": "https://elsewhere.example/jwks"}),
        json!({"x5u": "https://elsewhere.example/cert"}),
        json!({"jwk": OTHER.jwk()}),
    ] {
        let token = SIGNER.token_with(&head(change.clone()), &claims);
        assert_eq!(error(&ask(&server, &token, &[])), unauthorized(), "{change}");
    }
    let unsigned = format!("{}.{}.", part(&head(json!({"alg": "none"}))), part(&claims));
    // The public key, which anybody has, as the secret of a symmetric signature.
    let signed = format!("{}.{}", part(&head(json!({"alg": "HS384"}))), part(&claims));
    let secret = ring::hmac::Key::new(ring::hmac::HMAC_SHA384, SIGNER.jwk()["n"].as_str().unwrap().as_bytes());
    let symmetric = format!("{signed}.{}", B64.encode(ring::hmac::sign(&secret, signed.as_bytes())));
    let good = SIGNER.token(&claims);
    let stolen = format!(
        "{}.{}.{}",
        good.split('.').next().unwrap(),
        part(&with(&claims, &json!({"jti": "k"}))),
        good.rsplit('.').next().unwrap()
    );
    for token in [&unsigned, &symmetric, &stolen, "a.b.c", "", "x"] {
        let refused = error(&ask(&server, token, &[]));
        assert_eq!(refused, unauthorized(), "{token}");
    }
    assert_eq!(error(&ask(&server, &good, &[("client_assertion_type", "urn:other")])), unauthorized());
    assert_eq!(error(&ask(&server, &good, &[("client_id", "second-app")])), unauthorized());
    assert_eq!(ask(&server, &good, &[]).status(), 200);
}

#[test]
fn keys_are_looked_for_at_the_registered_address_only() {
    let published = "https://rms.example/jwks";
    let mut server = server_with(|settings| {
        settings["partners"][1]["backend"]["private_key_jwt"] = json!({"jwks_url": "https://rms.example/jwks"});
    });
    server.keys = |wanted| {
        assert_eq!((wanted.at.url.as_str(), wanted.at.private, wanted.kid.as_str()), ("https://rms.example/jwks", false, "r1"));
        Some(KeySet::parse(SIGNER.jwks().to_string().as_bytes()).unwrap())
    };
    let head = |jku: &str| json!({"alg": "RS384", "kid": "r1", "typ": "JWT", "jku": jku});
    assert_eq!(ask(&server, &SIGNER.token_with(&head(published), &claims("robot", "a")), &[]).status(), 200);
    for jku in ["https://rms.example/jwks/", "https://evil.example/jwks", "http://169.254.169.254/latest"] {
        assert_eq!(error(&ask(&server, &SIGNER.token_with(&head(jku), &claims("robot", "b")), &[])), unauthorized(), "{jku}");
    }
    server.keys = |_| None;
    let unavailable = ask(&server, &SIGNER.token(&claims("robot", "c")), &[]);
    assert_eq!((error(&unavailable).0, unavailable.headers()["retry-after"].to_str().unwrap()), (503, "5"));
}

// ---- one way, and the registered one (smart.md 6)

#[test]
fn two_ways_at_once_and_the_wrong_way_are_refused() {
    let server = server();
    let good = || SIGNER.token(&claims("robot", "j"));
    let form = |assertion: &str, more: &[(&str, &str)]| {
        let form = [("grant_type", "client_credentials"), ("scope", "system/Patient.rs"), ("client_assertion_type", TYPE)];
        encode(&form.into_iter().chain([("client_assertion", assertion)]).chain(more.iter().copied()).collect::<Vec<_>>())
    };
    let malformed = (400, "invalid_request".to_owned());
    let both = server.post_token(&form(&good(), &[]), &[("authorization", &basic("robot:x"))]);
    assert_eq!(error(&both), malformed);
    assert_eq!(error(&server.post_token(&form(&good(), &[("client_secret", "x")]), &[])), malformed);
    // A client that signs is not believed by its name, and neither by a secret.
    for (body, headers) in [
        ("grant_type=client_credentials&scope=system/Patient.rs&client_id=robot", vec![]),
        ("grant_type=client_credentials&scope=system/Patient.rs&client_id=robot&client_secret=", vec![]),
        ("grant_type=client_credentials&scope=system/Patient.rs", vec![("authorization", basic("robot:"))]),
        ("grant_type=refresh_token&refresh_token=x&client_id=second-app", vec![]),
        ("grant_type=authorization_code&code=x&client_id=second-app", vec![]),
        ("grant_type=authorization_code&code=x&client_id=second-app&client_secret=guess", vec![]),
    ] {
        let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        assert_eq!(error(&server.post_token(body, &headers)), unauthorized(), "{body}");
    }
    assert_eq!(ask(&server, &good(), &[]).status(), 200, "nothing was used up");
}

#[test]
fn a_secret_travels_as_the_client_is_registered() {
    let body = "grant_type=authorization_code&code=x&redirect_uri=x";
    let by_form = format!("{body}&client_id=second-app&client_secret=invented+secret%2B1");
    let not_good = (400, "invalid_grant".to_owned());
    let (plain, post) = (
        Server::new(),
        Server::with(|settings| settings["partners"][1]["smart_app"]["auth"] = json!({"secret_post": "invented secret+1"})),
    );
    // Raw, as many send it, and form-encoded, as RFC 6749 wants it.
    for pair in ["second-app:invented secret+1", "second-app:invented+secret%2B1", "second%2Dapp:invented%20secret%2B1"] {
        for server in [&plain, &post] {
            assert_eq!(error(&server.post_token(body, &[("authorization", &basic(pair))])), not_good, "{pair}");
        }
    }
    assert_eq!(error(&plain.post_token(&by_form, &[])), unauthorized());
    assert_eq!(error(&post.post_token(&by_form, &[])), not_good);
    for wrong in ["invented secret+2", "", "invented secret+1 "] {
        let form =
            encode(&[("grant_type", "authorization_code"), ("code", "x"), ("client_id", "second-app"), ("client_secret", wrong)]);
        assert_eq!(error(&post.post_token(&form, &[])), unauthorized(), "{wrong:?}");
        let header = basic(&format!("second-app:{wrong}"));
        let refused = plain.post_token(body, &[("authorization", &header)]);
        assert_eq!(
            (error(&refused), refused.headers()["www-authenticate"].to_str().unwrap()),
            (unauthorized(), "Basic realm=\"token\"")
        );
    }
}

#[test]
fn an_app_that_signs_redeems_refreshes_and_revokes() {
    let server = server();
    let mut request = launch_request();
    request["partner"] = json!("second");
    let url = url::Url::parse(&server.start(&request)).unwrap();
    let handle = url.query_pairs().find(|(name, _)| name == "launch").unwrap().1.into_owned();
    let scope = "launch openid fhirUser patient/*.rs offline_access";
    let second = [("client_id", Some("second-app")), ("redirect_uri", Some("https://second.example/cb")), ("scope", Some(scope))];
    let code = query(&server.authorize(&handle, "", &second), "code").unwrap();
    let post = |path: &str, jti: &str, form: &[(&str, &str)]| {
        let assertion = SIGNER.token(&claims("second-app", jti));
        let mut all = form.to_vec();
        all.extend([("client_assertion_type", TYPE), ("client_assertion", assertion.as_str())]);
        server.send("POST", path, &[("content-type", "application/x-www-form-urlencoded")], &encode(&all))
    };
    let redeem = [
        ("grant_type", "authorization_code"),
        ("code", &code),
        ("redirect_uri", "https://second.example/cb"),
        ("code_verifier", VERIFIER),
    ];
    let first = document(&post("/clinic/auth/token", "1", &redeem));
    let refresh = |document: &Value, jti: &str| {
        let token = document["refresh_token"].as_str().unwrap().to_owned();
        post("/clinic/auth/token", jti, &[("grant_type", "refresh_token"), ("refresh_token", &token)])
    };
    let next = document(&refresh(&first, "2"));
    assert_eq!(next["scope"], "launch openid fhirUser offline_access patient/*.rs");
    let token = next["refresh_token"].as_str().unwrap();
    assert_eq!(post("/clinic/auth/revoke", "3", &[("token", token)]).status(), 200);
    assert_eq!(error(&refresh(&next, "4")), (400, "invalid_grant".into()));
    // What an app may not use.
    let system = post("/clinic/auth/token", "5", &[("grant_type", "client_credentials"), ("scope", "system/Patient.rs")]);
    assert_eq!(error(&system), (400, "unauthorized_client".into()));
}

// ---- backend services (smart.md 11)

#[test]
fn a_backend_service_gets_what_it_may_have_for_five_minutes() {
    let server = server();
    let response = ask(
        &server,
        &SIGNER.token(&claims("robot", "1")),
        &[("scope", "system/Patient.cruds system/Observation.rs system/Condition.r")],
    );
    let tokens = document(&response);
    assert_eq!((&tokens["scope"], &tokens["expires_in"]), (&json!("system/Patient.rs system/Observation.r"), &json!(300)));
    assert_eq!(tokens.as_object().unwrap().len(), 4, "no refresh token, no id_token, no context: {tokens}");
    let bearer = format!("Bearer {}", tokens["access_token"].as_str().unwrap());
    let introspect = |token: &str| {
        let headers = [("authorization", bearer.as_str()), ("content-type", "application/x-www-form-urlencoded")];
        server.send("POST", "/clinic/auth/introspect", &headers, &encode(&[("token", token)]))
    };
    let said = document(&introspect(&bearer["Bearer ".len()..]));
    assert_eq!((&said["active"], &said["client_id"], &said["scope"]), (&json!(true), &json!("robot"), &tokens["scope"]));
    assert!(said.get("patient").is_none() && said.get("sub").is_none());
    assert_ne!(server.get("/clinic/fhir/Patient?_id=p1", &[("authorization", &bearer)]).status(), 401);
    server.wait(300);
    assert_eq!(introspect("x").status(), 401);
    assert_eq!(server.get("/clinic/fhir/Patient?_id=p1", &[("authorization", &bearer)]).status(), 401);
}

/// The backend service's way to read: what it gets at a path.
fn robot_reads<'a>(server: &'a Server, jti: &str) -> impl Fn(&str) -> Response + use<'a> {
    let tokens =
        document(&ask(server, &SIGNER.token(&claims("robot", jti)), &[("scope", "system/Patient.rs system/Observation.r")]));
    let bearer = format!("Bearer {}", tokens["access_token"].as_str().unwrap());
    move |path| server.get(&format!("/clinic/fhir/{path}"), &[("authorization", &bearer)])
}

#[test]
fn a_backend_service_reads_what_the_host_answers() {
    let mut server = server_with(|document| document["chart"] = json!({ "ask": ["Patient"] }));
    server.host = |question| {
        let asked: Value = serde_json::from_str(&question.document).unwrap();
        assert!(asked["launch_id"].is_null() && asked["patient"].is_null() && asked["user"].is_null(), "{asked}");
        let patient = |id: &str| json!({ "resourceType": "Patient", "id": id, "name": [{ "family": "Testpatient" }] });
        match (question.kind, asked["id"].as_str()) {
            ("resource", Some("p7")) => Answer::Given(patient("p7").to_string()),
            ("resource", _) => Answer::NotFound,
            _ => Answer::Given(json!([patient("p7"), patient("p8")]).to_string()),
        }
    };
    let read = robot_reads(&server, "1");
    assert_eq!(document(&read("Patient/p7"))["id"], "p7");
    assert_eq!(read("Patient/p9").status(), 404);
    assert_eq!(document(&read("Patient?family=Testpatient"))["total"], 2, "no launch confines it to one patient");
    assert_eq!(read("Observation?patient=p7").status(), 403, "its scope is for reading by id");
    assert_eq!(read("Condition/c1").status(), 403, "no scope of its");
}

#[test]
fn a_backend_service_reads_through_to_the_server_behind() {
    const BEHIND: &str = "https://fhir.clinic.example/r4";
    let mut server = server_with(|document| document["chart"] = json!({ "fhir_server": { "url": BEHIND } }));
    server.behind = |url| {
        assert!(url.query_pairs().all(|(name, _)| name != "patient" && name != "_id"), "nothing confines it: {url}");
        let patient = |id: &str| json!({ "resourceType": "Patient", "id": id });
        let body = match url.path() {
            "/r4/Patient/p7" => patient("p7"),
            "/r4/Observation/o7" => {
                json!({ "resourceType": "Observation", "id": "o7", "subject": { "reference": format!("{BEHIND}/Patient/p7") } })
            }
            "/r4/Patient" => {
                json!({ "resourceType": "Bundle", "entry": [{ "resource": patient("p7") }, { "resource": patient("p8") }] })
            }
            _ => return Some(Fetched { status: 404, body: Vec::new() }),
        };
        Some(Fetched { status: 200, body: body.to_string().into_bytes() })
    };
    let read = robot_reads(&server, "1");
    assert_eq!(document(&read("Patient/p7"))["id"], "p7");
    assert_eq!(document(&read("Observation/o7"))["subject"]["reference"], format!("{BASE}/Patient/p7"));
    assert_eq!(read("Patient/p9").status(), 404);
    assert_eq!(document(&read("Patient"))["total"], 2);
    assert_eq!(read("Condition/c1").status(), 403);
}

/// What is written is about a launch's patient, and a backend service has none (smart.md 2.2, 14.2).
#[test]
fn a_backend_service_is_neither_offered_nor_granted_writes() {
    let server = server_with(|settings| settings["partners"][1]["backend"]["scopes"] = json!("system/*.cruds"));
    let response =
        ask(&server, &SIGNER.token(&claims("robot", "1")), &[("scope", "system/DocumentReference.crus system/Task.write")]);
    assert_eq!(document(&response)["scope"], "system/DocumentReference.rs");
    let told = document(&server.get("/clinic/fhir/.well-known/smart-configuration", &[]));
    let system = told["scopes_supported"].as_array().unwrap().iter().filter(|one| one.as_str().unwrap().starts_with("system/"));
    assert_eq!(system.collect::<Vec<_>>(), ["system/*.rs"]);
}

#[test]
fn a_backend_service_gets_nothing_else() {
    let server = server();
    let mut jti = 0;
    let mut ask = |scope: &str, grant_type: &str| {
        jti += 1;
        let token = SIGNER.token(&claims("robot", &jti.to_string()));
        error(&ask(&server, &token, &[("scope", scope), ("grant_type", grant_type), ("code", "x"), ("refresh_token", "x")]))
    };
    for scope in
        ["patient/Patient.rs", "system/Patient.rs user/Patient.rs", "system/Condition.rs", "openid", "launch", "system/Patient.dus"]
    {
        assert_eq!(ask(scope, "client_credentials"), (400, "invalid_scope".into()), "{scope}");
    }
    assert_eq!(ask("", "client_credentials"), (400, "invalid_request".into()));
    for grant_type in ["authorization_code", "refresh_token"] {
        assert_eq!(ask("system/Patient.rs", grant_type), (400, "unauthorized_client".into()));
    }
    assert_eq!(ask("system/Patient.rs", "password"), (400, "unsupported_grant_type".into()));
}

// ---- discovery (smart.md 2.2 to 2.5)

fn configuration(server: &Server) -> Value {
    document(&server.get("/clinic/fhir/.well-known/smart-configuration", &[]))
}

fn has(list: &Value, word: &str) -> bool {
    list.as_array().unwrap().iter().any(|one| one == word)
}

#[test]
fn what_is_advertised_follows_from_what_is_configured() {
    let full = configuration(&server_with(|settings| {
        settings["partners"][0]["smart_app"]["scopes"] = json!("launch openid fhirUser patient/*.rs user/*.rs online_access");
    }));
    for (member, words) in [
        ("grant_types_supported", &["authorization_code", "refresh_token", "client_credentials"][..]),
        ("token_endpoint_auth_methods_supported", &["private_key_jwt", "none"]),
        ("token_endpoint_auth_signing_alg_values_supported", &["RS384", "ES384"]),
        (
            "capabilities",
            &["client-confidential-asymmetric", "permission-online", "permission-offline", "permission-user", "sso-openid-connect"],
        ),
        ("scopes_supported", &["online_access", "offline_access", "system/Patient.rs", "patient/*.rs"]),
    ] {
        for word in words {
            assert!(has(&full[member], word), "{member}: {word}");
        }
    }
    assert!(!has(&full["token_endpoint_auth_methods_supported"], "client_secret_basic"));
    assert_eq!(full["introspection_endpoint"], "https://pos.example/clinic/auth/introspect");
    // Without those clients nothing of theirs is there.
    let bare = configuration(&Server::with(|settings| {
        settings["partners"].as_array_mut().unwrap().pop();
        settings["partners"][0]["smart_app"]["scopes"] = json!("launch patient/*.rs");
    }));
    for absent in [
        "refresh_token",
        "client_credentials",
        "private_key_jwt",
        "signing_alg",
        "introspect",
        "permission-o",
        "permission-user",
        "openid",
        "issuer",
        "secret",
        "system/",
    ] {
        assert!(!bare.to_string().contains(absent), "{absent} in {bare}");
    }
}

#[test]
fn the_capability_statement_names_the_same_endpoints() {
    for server in [server(), Server::new()] {
        let configuration = configuration(&server);
        let metadata = document(&server.get("/clinic/fhir/metadata", &[]));
        let uris = metadata["rest"][0]["security"]["extension"][0]["extension"].as_array().unwrap().clone();
        let names = [
            ("authorize", "authorization_endpoint"),
            ("token", "token_endpoint"),
            ("introspect", "introspection_endpoint"),
            ("revoke", "revocation_endpoint"),
        ];
        for (short, long) in names {
            let uri = uris.iter().find(|uri| uri["url"] == short).map_or(&Value::Null, |uri| &uri["valueUri"]);
            assert_eq!(uri, &configuration[long], "{long}");
        }
        assert_eq!(uris.len(), names.iter().filter(|(_, long)| !configuration[*long].is_null()).count());
    }
}
