//! What every answer carries, who may read it, how often one may come, and what the audit trail says of it.

use super::*;
use ereferral::proto::exchange::Signal;

/// One answer of every kind of endpoint: what it is, and what was sent.
fn everywhere(server: &Server, origin: &str) -> Vec<(&'static str, Response)> {
    let headers = [("origin", origin)];
    let form = [("origin", origin), ("content-type", "application/x-www-form-urlencoded")];
    let (handle, cookie) = server.launched();
    let authorize = [("origin", origin), ("cookie", cookie.as_str())];
    vec![
        ("public", server.get("/clinic/fhir/.well-known/smart-configuration", &headers)),
        ("public", server.get("/clinic/fhir/.well-known/openid-configuration", &headers)),
        ("public", server.get("/.well-known/oauth-authorization-server/clinic/fhir", &headers)),
        ("public", server.get("/clinic/fhir/metadata", &headers)),
        ("public", server.get("/clinic/auth/jwks", &headers)),
        ("public", server.get("/clinic/auth/smart-style/none.json", &headers)),
        ("apps", server.send("POST", "/clinic/auth/token", &form, "grant_type=x")),
        ("apps", server.get("/clinic/auth/token", &headers)),
        ("apps", server.send("POST", "/clinic/auth/revoke", &form, "token=x")),
        ("none", server.send("POST", "/clinic/auth/introspect", &form, "token=x")),
        ("apps", server.get("/clinic/fhir/Patient/p1", &headers)),
        ("apps", server.get("/clinic/fhir/Nonsense/p1", &headers)),
        ("none", server.get(&authorize_url(&handle, &[]), &authorize)),
        ("none", server.get("/clinic/auth/authorize", &headers)),
        ("none", server.send("POST", "/clinic/auth/authorize", &form, "a=b")),
        ("none", server.get("/clinic/auth/start/guessed", &headers)),
        ("none", server.get("/clinic/auth/login/guessed", &headers)),
        ("none", server.get("/nowhere", &headers)),
    ]
}

#[test]
fn only_whom_it_concerns_may_read_an_answer() {
    let server = Server::new();
    for (origin, known) in
        [("https://rms.example", true), ("https://evil.example", false), ("null", false), ("https://rms.example.evil", false)]
    {
        for (number, (audience, answer)) in everywhere(&server, origin).into_iter().enumerate() {
            let allowed = answer.headers().get("access-control-allow-origin").map(|value| value.to_str().unwrap().to_owned());
            let expected = match audience {
                "public" => Some("*".to_owned()),
                "apps" if known => Some(origin.to_owned()),
                _ => None,
            };
            assert_eq!(allowed, expected, "{number} {origin}");
            assert!(!answer.headers().contains_key("access-control-allow-credentials"), "{number}");
            let varies = answer.headers().get_all("vary").iter().any(|value| value == "Origin");
            assert_eq!(varies, audience == "apps", "{number}: the answer depends on who asks, whether allowed or not");
        }
    }
}

#[test]
fn a_preflight_tells_what_may_be_sent() {
    let server = Server::new();
    let ask = |path: &str, origin: &str| {
        let headers = [("origin", origin), ("access-control-request-method", "POST")];
        server.send("OPTIONS", path, &headers, "")
    };
    for path in ["/clinic/auth/token", "/clinic/fhir/Patient/p1", "/clinic/fhir/metadata", "/clinic/auth/jwks"] {
        let answer = ask(path, "https://rms.example");
        assert_eq!(answer.status(), 204, "{path}");
        assert!(answer.headers()["access-control-allow-methods"].to_str().unwrap().contains("PUT, PATCH, DELETE"));
        assert!(answer.headers()["access-control-allow-headers"].to_str().unwrap().contains("authorization"));
        assert_eq!(answer.headers()["access-control-max-age"], "600");
    }
    assert!(!ask("/clinic/auth/token", "https://evil.example").headers().contains_key("access-control-allow-origin"));
    assert_eq!(ask("/clinic/auth/authorize", "https://rms.example").status(), 405);
}

#[test]
fn every_answer_is_hardened() {
    let server = Server::new();
    for (number, (_, answer)) in everywhere(&server, "https://rms.example").into_iter().enumerate() {
        let header = |name: &str| answer.headers().get(name).map(|value| value.to_str().unwrap());
        assert_eq!(header("x-content-type-options"), Some("nosniff"), "{number}");
        assert_eq!(header("referrer-policy"), Some("no-referrer"), "{number}");
        let public = header("cache-control").is_some_and(|value| value.starts_with("public"));
        assert!(public || header("cache-control") == Some("no-store"), "{number}");
        assert_eq!(public, number < 5, "{number}");
        let policy = Some("default-src 'none'; frame-ancestors 'none'").filter(|_| !answer.status().is_redirection());
        assert_eq!(header("content-security-policy"), policy, "{number}: an address that only leads on may be framed");
        assert_eq!(header("x-frame-options"), None);
        assert_eq!(header("strict-transport-security"), None, "not a listener with TLS");
    }
}

#[test]
fn pages_may_be_framed_by_the_hosts_own_and_tls_lasts() {
    let server =
        Server::with(|settings| settings["smart"] = json!({ "frame_ancestors": ["https://pos.example", "https://a.example"] }));
    let page = server.get("/clinic/auth/start/guessed", &[]);
    let policy = "default-src 'none'; frame-ancestors https://pos.example https://a.example";
    assert_eq!(page.headers()["content-security-policy"], policy);
    assert_eq!(
        server.get("/clinic/fhir/metadata", &[]).headers()["content-security-policy"],
        "default-src 'none'; frame-ancestors 'none'"
    );
    let mut server = server;
    server.peer.tls = true;
    let page = server.get("/clinic/auth/start/guessed", &[]);
    assert_eq!(page.headers()["strict-transport-security"], "max-age=31536000");
    let mut local = Server::with(|settings| settings["public_url"] = json!("https://localhost:8443/clinic"));
    local.peer.tls = true;
    assert!(!local.get("/clinic/auth/jwks", &[]).headers().contains_key("strict-transport-security"));
}

// ---- how often

fn alerts(server: &Server) -> Vec<(String, bool)> {
    let signals = server.signals.lock().unwrap();
    let alert = |signal: &Signal| match signal {
        Signal::Alert { key, started, .. } => Some((key.clone(), *started)),
        _ => None,
    };
    signals.iter().filter_map(alert).collect()
}

fn throttled() -> Server {
    let mut server = Server::with(|settings| {
        let two = json!(2);
        settings["limits"] = json!({ "authorize_per_minute": two, "start_per_minute": two, "token_per_minute": two,
                                     "failures_per_minute": two });
    });
    server.peer.address = Some("192.0.2.1:5000".parse().unwrap());
    server
}

#[test]
fn who_comes_too_often_waits_and_nobody_else() {
    let server = throttled();
    let authorize = |client: &str| server.authorize("guessed", "a=b", &[("client_id", Some(client))]).status().as_u16();
    assert_eq!([authorize("rms-app"), authorize("rms-app"), authorize("rms-app")], [303, 303, 429]);
    assert_eq!(authorize("second-app"), 400, "another app, its redirect URI is another");
    assert_eq!([authorize("a"), authorize("b"), authorize("c")], [400, 400, 429], "who is not known counts as one");
    let answer = server.authorize("guessed", "a=b", &[]);
    assert_eq!((answer.status().as_u16(), &answer.headers()["retry-after"]), (429, &http::HeaderValue::from_static("30")));
    let expected = [("too-often:authorize:rms".to_owned(), true), ("too-often:authorize:unknown".to_owned(), true)];
    assert_eq!(alerts(&server), expected, "one for each, however many are refused");
    server.wait(30);
    assert_eq!(authorize("rms-app"), 303);
    server.wait(60);
    let now = server.now.load(std::sync::atomic::Ordering::Relaxed);
    assert_eq!(server.world.throttle.over(now).len(), 2);
}

#[test]
fn a_client_that_floods_the_token_endpoint_keeps_no_other_out() {
    let server = throttled();
    let post = |path: &str, client: &str| {
        let headers = [("content-type", "application/x-www-form-urlencoded"), ("origin", "https://rms.example")];
        server.send(
            "POST",
            path,
            &headers,
            &encode(&[("grant_type", "authorization_code"), ("code", "guessed"), ("client_id", client)]),
        )
    };
    let token = |client: &str| post("/clinic/auth/token", client).status().as_u16();
    assert_eq!([token("rms-app"), token("rms-app"), token("rms-app")], [400, 400, 429]);
    assert_eq!(token("second-app"), 401, "not authenticated, but not kept out");
    assert_eq!([token("a"), token("b"), token("c")], [401, 401, 429]);
    let refused = post("/clinic/auth/revoke", "rms-app");
    assert_eq!((refused.status().as_u16(), &refused.headers()["retry-after"]), (429, &http::HeaderValue::from_static("30")));
    assert_eq!(refused.headers()["access-control-allow-origin"], "https://rms.example");
    assert_eq!(refused.headers()["cache-control"], "no-store");
}

#[test]
fn start_addresses_are_not_to_be_guessed() {
    let server = throttled();
    let url = server.start(&launch_request());
    let statuses: Vec<u16> = (0..3).map(|_| server.get("/clinic/auth/start/guessed", &[]).status().as_u16()).collect();
    assert_eq!(statuses, [404, 404, 429]);
    assert_eq!(server.get("/clinic/auth/login/guessed", &[]).status(), 429);
    server.wait(30);
    assert_eq!(server.get(&url, &[]).status(), 303, "what was refused used nothing up");
}

#[test]
fn bad_tokens_are_counted_and_good_ones_are_not_kept_out() {
    let server = throttled();
    let (handle, cookie) = server.launched();
    let code = query(&server.authorize(&handle, &cookie, &[]), "code").unwrap();
    let good = format!("Bearer {}", document(&server.redeem(&code, &[]))["access_token"].as_str().unwrap());
    let read = |bearer: &str| server.get("/clinic/fhir/Patient/p1", &[("authorization", bearer)]);
    let statuses: Vec<u16> = (0..3).map(|_| read("Bearer guessed").status().as_u16()).collect();
    assert_eq!(statuses, [401, 401, 429]);
    let refused = server.get("/clinic/fhir/Patient/p1", &[("origin", "https://rms.example"), ("authorization", "Bearer x")]);
    assert_eq!(refused.status(), 429);
    assert_eq!(refused.headers()["access-control-allow-origin"], "https://rms.example", "errors can be read too");
    assert!(refused.headers().contains_key("retry-after"));
    for _ in 0..5 {
        assert_eq!(read(&good).status(), 200);
    }
}

#[test]
fn behind_our_own_proxy_its_clients_are_counted() {
    let mut server = throttled();
    let status = |server: &Server, forwarded: &str| {
        server.get("/clinic/auth/start/guessed", &[("x-forwarded-for", forwarded)]).status().as_u16()
    };
    assert_eq!([status(&server, "192.0.2.7"), status(&server, "192.0.2.8"), status(&server, "192.0.2.9")], [404, 404, 429]);
    server.peer.forwarded = true;
    // Only the last was written by the proxy; what stands before it anybody can write.
    let forged = ["198.51.100.1, 192.0.2.7", "198.51.100.2, 192.0.2.7", "198.51.100.3, 192.0.2.7"];
    assert_eq!(forged.map(|forwarded| status(&server, forwarded)), [404, 404, 429]);
    assert_eq!(status(&server, "192.0.2.8"), 404);
}

#[test]
fn what_was_refused_behind_our_own_proxy_is_noted_with_the_address_of_its_client() {
    let mut server = Server::new();
    server.peer.address = Some("192.0.2.1:4711".parse().unwrap());
    let refused = |server: &Server| {
        server.get("/clinic/fhir/Patient/p1", &[("authorization", "Bearer none"), ("x-forwarded-for", "192.0.2.7")]);
        let entries = server.world.store.audit_entries(None, 100).unwrap();
        serde_json::from_str::<Value>(&entries.last().unwrap().content).unwrap()["address"].clone()
    };
    assert_eq!(refused(&server), "192.0.2.1", "nobody vouches for what the header says");
    server.peer.forwarded = true;
    server.wait(3600);
    assert_eq!(refused(&server), "192.0.2.7");
}

// ---- audit

#[test]
fn every_access_is_in_the_audit_trail() {
    let server = Server::new();
    let (handle, cookie) = server.launched();
    let code = query(&server.authorize(&handle, &cookie, &[]), "code").unwrap();
    let bearer = format!("Bearer {}", document(&server.redeem(&code, &[]))["access_token"].as_str().unwrap());
    let headers = [("authorization", bearer.as_str())];
    for path in ["Patient/p1", "Patient/p1", "Patient/p2", "Condition?patient=p1", "Patient/p1/$everything", "Fakename/x"] {
        server.get(&format!("/clinic/fhir/{path}"), &headers);
    }
    server.world.store.flush_accesses(1_800_000_002_000).unwrap();
    let entries = server.world.store.audit_entries(None, 100).unwrap();
    let whats = |what: &str| entries.iter().any(|entry| entry.content.contains(what));
    assert!(whats("launch started") && whats("launch authorized") && whats("code redeemed"));
    let entry: Value = serde_json::from_str(&entries.last().unwrap().content).unwrap();
    assert_eq!((&entry["what"], &entry["partner"], &entry["client_id"]), (&json!("fhir access"), &json!("rms"), &json!("rms-app")));
    assert_eq!((&entry["user"], &entry["patient"]), (&json!("u-17"), &json!("p1")));
    let access = |what: &str, kind: &str, status: u16, count: u32| {
        let expected = json!({ "what": what, "type": kind, "status": status, "count": count });
        assert!(entry["accesses"].as_array().unwrap().contains(&expected), "{expected} {}", entry["accesses"]);
    };
    access("read", "Patient", 200, 2);
    access("read", "Patient", 404, 1);
    access("search", "Condition", 200, 1);
    access("everything", "Patient", 200, 1);
    access("read", "-", 404, 1);
}
