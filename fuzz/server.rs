//! What the fuzz targets of the SMART Server do with their bytes (`exercise.rs` has those of messaging).

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, LazyLock};

use ereferral::io::{clock, crypto};
use ereferral::proto::exchange::{Answer, BodyError, Exchange, Peer, Step, World};
use ereferral::proto::http::Response;
use ereferral::proto::jwt::{Algorithm, KeySet, KeySource, Unverified};
use ereferral::proto::settings::Settings;
use ereferral::proto::smart::server::launch;
use ereferral::proto::smart::server::scope::{self, Circumstances, Class};
use ereferral::proto::store::Millis;
use serde_json::{Value, json};

use crate::smart::{self, REDIRECT, Server, VERIFIER, challenge};
use crate::tokens::Signer;

/// Stands in the chart of another patient's launch, and is never shown to the app of this one.
const OTHERS: &str = "canary-of-another-patient";
/// A server is used so often, so that its store stays small.
const USES: u32 = 200;
/// Steps of one input.
const STEPS: usize = 12;
/// What may stand in an input in place of a secret, which is another one each time.
const SECRETS: [&str; 6] = ["$LAUNCH", "$COOKIE", "$CODE", "$TOKEN", "$REFRESH", "$START"];

/// A host, a browser and an app that do what an input says.
struct Play<'a> {
    server: &'a Server,
    answer: Answer,
    known: BTreeMap<&'static str, String>,
    /// The input itself, which may name anything.
    input: &'a str,
}

fn other_launch() -> Value {
    let about = json!({"reference": "Patient/p2"});
    json!({"partner": "second", "user": {"id": "u-18"}, "patient": "p2", "chart": [
        {"resourceType": "Patient", "id": "p2", "identifier": [{"system": "urn:hcn", "value": "8888888888"}], "name": [{"family": OTHERS}]},
        {"resourceType": "Condition", "id": "c2", "subject": about, "code": {"text": OTHERS}},
        {"resourceType": "DocumentReference", "id": "f2", "subject": about, "description": OTHERS}]})
}

/// Hands over a server on which another patient's launch is under way.
fn with_server(work: impl FnOnce(&Server)) {
    thread_local!(static SERVER: RefCell<Option<(Server, u32)>> = const { RefCell::new(None) });
    SERVER.with_borrow_mut(|slot| {
        if slot.as_ref().is_none_or(|(_, uses)| *uses >= USES) {
            let server = Server::new();
            server.start(&other_launch());
            *slot = Some((server, 0));
        }
        if let Some((server, uses)) = slot {
            *uses += 1;
            // Nobody knocks too often.
            server.wait(60);
            work(server);
        }
    });
}

/// Drives one request; the driver has neither network nor host but what `answer` says.
fn send(world: &Arc<World>, mut now: Millis, request: http::Request<()>, body: &[u8], answer: &Answer) -> Response {
    let mut exchange = Exchange::new(world.clone(), request, Peer::default(), Box::new(clock::random));
    loop {
        match exchange.step(now) {
            Step::NeedBody { limit } => {
                exchange.body(if body.len() > limit { Err(BodyError::TooLarge) } else { Ok(body.to_vec()) })
            }
            Step::Keys(_) => exchange.keys(None),
            Step::Fetch(_) => exchange.fetched(None),
            Step::Ask(_) => exchange.answer(answer.clone()),
            Step::Wait { until } => {
                now = until;
                exchange.waited();
            }
            Step::Respond(response) => return response,
        }
    }
}

/// The lines of a request, as a host's web server would read them; what is no request is none.
fn request(head: &str) -> Option<http::Request<()>> {
    let mut lines = head.lines();
    let (method, target) = lines.next()?.split_once(' ')?;
    let mut request = http::Request::builder().method(method).uri(target);
    for (name, value) in lines.filter_map(|line| line.split_once(": ")) {
        if http::HeaderName::try_from(name).is_ok() && http::HeaderValue::try_from(value).is_ok() {
            request = request.header(name, value);
        }
    }
    request.body(()).ok()
}

impl<'a> Play<'a> {
    fn new(server: &'a Server, input: &'a str) -> Self {
        let mut play = Self { server, answer: Answer::NotFound, known: BTreeMap::new(), input };
        let has = |name: &str| input.contains(name);
        if has("$START") {
            play.known.insert("$START", server.start(&smart::launch_request()).replace("https://pos.example", ""));
        }
        if has("$LAUNCH") || has("$COOKIE") {
            let (handle, cookie) = server.launched();
            play.known.extend([("$LAUNCH", handle), ("$COOKIE", cookie)]);
        }
        if has("$CODE") {
            play.known.insert("$CODE", fresh_code(server));
        }
        if has("$TOKEN") || has("$REFRESH") {
            let granted = smart::document(&server.redeem(&fresh_code(server), &[]));
            for (name, member) in [("$TOKEN", "access_token"), ("$REFRESH", "refresh_token")] {
                play.known.extend(granted[member].as_str().map(|value| (name, value.to_owned())));
            }
        }
        play
    }

    fn filled(&self, text: &str) -> String {
        let mut text = text.replace("$VERIFIER", VERIFIER).replace("$CHALLENGE", &challenge());
        for (name, value) in &self.known {
            text = text.replace(name, value);
        }
        text
    }

    fn step(&mut self, part: &str) {
        if let Some(answer) = part.strip_prefix("host ") {
            self.answer = match answer {
                "denied" => Answer::Denied("not today".to_owned()),
                "silent" => Answer::None,
                "nothing" => Answer::NotFound,
                given => Answer::Given(given.to_owned()),
            };
        } else if let Some(seconds) = part.strip_prefix("wait ") {
            self.server.wait(seconds.trim().parse::<u16>().unwrap_or_default().into());
        } else {
            let filled = self.filled(part);
            let (head, body) = filled.split_once("\n\n").unwrap_or((&filled, ""));
            let Some(request) = request(head) else { return };
            let response =
                send(&self.server.world, self.server.now.load(Ordering::Relaxed), request, body.as_bytes(), &self.answer);
            self.check(&response);
            self.learn(&response);
        }
    }

    /// What holds of every answer, whoever asks for what.
    fn check(&self, response: &Response) {
        let status = response.status().as_u16();
        assert!((200..600).contains(&status) && status != 500, "{status}: {}", String::from_utf8_lossy(response.body()));
        let headers = response.headers();
        assert!(!headers.contains_key("access-control-allow-credentials"));
        if let Some(location) = headers.get("location") {
            let location = location.to_str().expect("an address is text");
            let ours = ["https://pos.example/clinic/", REDIRECT, "https://rms.example/launch", "https://second.example/cb"];
            assert!(ours.iter().any(|start| location.starts_with(start)), "leads to {location}");
        }
        let is_json = headers.get("content-type").is_some_and(|kind| kind.as_bytes().windows(4).any(|four| four == b"json"));
        if is_json && !response.body().is_empty() {
            serde_json::from_slice::<Value>(response.body()).expect("what calls itself JSON is JSON");
        }
        assert!(
            self.input.contains("canary") || !String::from_utf8_lossy(response.body()).contains(OTHERS),
            "another patient's data"
        );
        while let Some(line) = self.server.world.log.take() {
            let told = SECRETS.iter().filter_map(|name| self.known.get(name)).any(|secret| line.text.contains(secret.as_str()));
            assert!(!told, "a log line repeats a secret");
        }
    }

    /// What a browser and an app would keep of it.
    fn learn(&mut self, response: &Response) {
        let location = response.headers().get("location").and_then(|value| value.to_str().ok());
        if let Some(url) = location.and_then(|location| url::Url::parse(location).ok()) {
            for (name, value) in url.query_pairs() {
                let name = SECRETS.iter().find(|known| known[1..].eq_ignore_ascii_case(&name));
                self.known.extend(name.map(|name| (*name, value.into_owned())));
            }
        }
        let document: Value = serde_json::from_slice(response.body()).unwrap_or_default();
        for (name, member) in [("$TOKEN", "access_token"), ("$REFRESH", "refresh_token")] {
            self.known.extend(document[member].as_str().map(|value| (name, value.to_owned())));
        }
    }
}

fn fresh_code(server: &Server) -> String {
    let (handle, cookie) = server.launched();
    smart::query(&server.authorize(&handle, &cookie, &[]), "code").expect("a code")
}

/// Steps divided by lines that hold `---` only: a request, what the host answers from now on (`host TEXT`), or a pause (`wait SECONDS`).
pub fn exchange(data: &[u8]) {
    let Ok(input) = std::str::from_utf8(data) else { return };
    with_server(|server| {
        let mut play = Play::new(server, input);
        input.split("\n---\n").take(STEPS).for_each(|part| play.step(part));
    });
}

/// What stands behind `/fhir/` of a read or search with a good token; after a line break the form of a search by POST.
pub fn search(data: &[u8]) {
    let Ok(input) = std::str::from_utf8(data) else { return };
    with_server(|server| {
        let mut play = Play::new(server, "$TOKEN");
        play.input = input;
        let (target, form) = input.split_once('\n').map_or((input, None), |(target, form)| (target, Some(form)));
        let authorized = "authorization: Bearer $TOKEN";
        let kind = "content-type: application/x-www-form-urlencoded";
        play.step(&match form {
            Some(form) => format!("POST /clinic/fhir/{target}\n{authorized}\n{kind}\n\n{form}"),
            None => format!("GET /clinic/fhir/{target}\n{authorized}"),
        });
    });
}

/// Three lines: our public address, the registered redirect URI, and the one asked for. An authorize request leads nowhere else.
pub fn url(data: &[u8]) {
    let Ok(input) = std::str::from_utf8(data) else { return };
    let mut lines = input.lines();
    let (Some(public), Some(registered), Some(asked)) = (lines.next(), lines.next(), lines.next()) else { return };
    with_server(|server| {
        let mut settings = smart::settings();
        settings["public_url"] = json!(public);
        settings["partners"][0]["smart_app"]["redirect_uris"] = json!([registered]);
        settings["partners"][0]["smart_app"]["browser_binding"] = json!("off");
        let Ok(settings) = serde_json::from_value::<Settings>(settings) else { return };
        let now = server.now.load(Ordering::Relaxed);
        let wanted = smart::launch_request().to_string();
        let Ok((begun, start)) = launch::begin(&settings, wanted.as_bytes(), now, &clock::random) else { return };
        server.world.store.save_launch(&begun, now).expect("the launch is kept");
        let handle = url::Url::parse(&start)
            .ok()
            .and_then(|url| url.query_pairs().find(|(name, _)| name == "launch").map(|(_, value)| value.into_owned()));
        let handle = handle.expect("the launch URL carries the handle");
        let path = format!("{}/auth/authorize", settings.public_url.path().trim_end_matches('/'));
        let base = settings.fhir_base();
        let query = smart::authorize_query(&handle, &[("redirect_uri", Some(asked)), ("aud", Some(&base))]);
        let world = World { settings: Arc::new(settings), ..World::clone(&server.world) };
        let Some(request) = request(&format!("GET {path}?{query}")) else { return };
        let response = send(&Arc::new(world), now, request, b"", &Answer::NotFound);
        if let Some(location) = response.headers().get("location") {
            leads_home(location.to_str().expect("an address is text"), registered, asked);
        }
    });
}

/// The address is the one registered, but for the port of a loopback one, also as a browser reads it.
fn leads_home(location: &str, registered: &str, asked: &str) {
    assert!(location.starts_with(asked), "{asked:?} became {location:?}");
    let (found, known) = (url::Url::parse(location).expect("an address"), url::Url::parse(registered).expect("an address"));
    assert_eq!((found.scheme(), found.host(), found.path()), (known.scheme(), known.host(), known.path()));
    assert_eq!((found.username(), found.password(), found.fragment()), (known.username(), known.password(), None));
    let loopback = ["http://127.0.0.1", "http://[::1]", "http://localhost"].iter().any(|host| registered.starts_with(host));
    assert!(loopback || found.port_or_known_default() == known.port_or_known_default());
}

/// Two lines: the scopes asked for, and those allowed; before them a byte for the circumstances. What is granted is asked for and allowed.
pub fn scope(data: &[u8]) {
    let [flags, rest @ ..] = data else { return };
    let Some((asked, allowed)) = std::str::from_utf8(rest).ok().and_then(|text| text.split_once('\n')) else { return };
    // A configuration may divide them by more than blanks; a token never does.
    let allowed = &allowed.split_ascii_whitespace().collect::<Vec<_>>().join(" ");
    let is = |bit: u8| flags & (1 << bit) != 0;
    let circumstances = Circumstances {
        patient: is(0),
        encounter: is(1),
        fhir_user: is(2),
        openid: is(3),
        online: is(4),
        offline: is(5),
        backend: is(6),
        context: &[],
    };
    let Ok(granted) = scope::grant(asked, allowed, circumstances) else { return };
    let granted = granted.join(" ");
    for class in Class::ALL {
        for kind in ["Patient", "Observation", "DocumentReference", "Practitioner", "Binary"] {
            for letter in [scope::CREATE, scope::READ, scope::UPDATE, scope::DELETE, scope::SEARCH] {
                let may = |scopes: &str| scope::allows_as(scopes, class, kind, letter);
                assert!(!may(&granted) || (may(asked) && may(allowed)), "{granted:?} of {asked:?} within {allowed:?}");
            }
        }
    }
    let mut again = scope::grant(&granted, allowed, circumstances).expect("what was granted can be asked for");
    let mut first: Vec<&str> = granted.split(' ').filter(|word| !word.is_empty()).collect();
    again.sort_unstable();
    first.sort_unstable();
    assert_eq!(again, first, "the same scopes asked for again");
}

static SIGNERS: LazyLock<[Signer; 2]> = LazyLock::new(|| [Signer::new("ES256", "k-1"), Signer::new("ES384", "k-2")]);

/// A token, in which `$1H`, `$1C` and `$1S` stand for the parts of one that was signed by the first key, `$2H` and so on of the second. Only
/// the tokens that were signed are believed.
pub fn jwt(data: &[u8]) {
    let Ok(input) = std::str::from_utf8(data) else { return };
    let _ = KeySet::parse(data);
    crypto::install();
    static GENUINE: LazyLock<[String; 2]> = LazyLock::new(|| {
        let claims = json!({"iss": "app", "sub": "app", "aud": ["https://pos.example"], "exp": 1_800_000_300, "jti": "j-1"});
        [0, 1].map(|at| SIGNERS[at].token(&claims))
    });
    static KEYS: LazyLock<KeySet> = LazyLock::new(|| {
        let keys = json!({"keys": [SIGNERS[0].jwk(), SIGNERS[1].jwk()]});
        KeySet::parse(keys.to_string().as_bytes()).expect("the keys are read")
    });
    let mut token = input.to_owned();
    for (at, genuine) in GENUINE.iter().enumerate() {
        for (name, part) in ["H", "C", "S"].iter().zip(genuine.split('.')) {
            token = token.replace(&format!("${}{name}", at + 1), part);
        }
    }
    let Ok(read) = Unverified::read(&token) else { return };
    let _ = read.issuer();
    let Ok(algorithm) = read.check_head(&Algorithm::all(), &["JWT"], KeySource::Given(&KEYS)) else { return };
    if let Ok(claims) = read.verify(&KEYS, algorithm) {
        let signed = |token: &str| token.rsplit_once('.').map(|(signed, _)| signed.to_owned());
        assert!(GENUINE.iter().any(|genuine| signed(genuine) == signed(&token)), "a token that nobody signed is believed");
        assert_eq!((claims.text("iss"), claims.texts("aud").len()), (Some("app"), 1));
        assert!(claims.check_times(1_800_000_000_000).is_ok() && claims.check_times(1_900_000_000_000).is_err());
    }
}
