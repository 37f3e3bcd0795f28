//! The SMART App: is launched, obtains a token, reads the chart and writes the referral letter back (smart.md 1 and 17).

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use ereferral::io::clock;
use ereferral::proto::http::{Parameters, secret_text};
use serde_json::{Value, json};
use url::Url;
use url::form_urlencoded::byte_serialize;

use crate::http::Http;
use crate::{Result, id_token, letter};

const SCOPES: &str = "launch openid fhirUser profile patient/*.rs patient/DocumentReference.c";
const STATE_LIFE_MS: i64 = 10 * 60 * 1000;

/// How the app is known to the systems that launch it.
pub struct Registration {
    pub client_id: String,
    pub client_secret: String,
    pub redirect_uri: String,
    /// The FHIR bases that may launch it.
    pub issuers: Vec<String>,
}

/// The app and the launches it is in the middle of.
pub struct SmartApp {
    registration: Registration,
    http: Http,
    pending: Mutex<HashMap<String, Pending>>,
}

/// What is kept between sending the browser to authorize and its return (smart.md 17, rule 3).
struct Pending {
    iss: String,
    issuer: String,
    token_endpoint: String,
    jwks_uri: String,
    verifier: String,
    nonce: String,
    browser: String,
    since: i64,
}

/// Where the browser goes next, and the cookie that binds the launch to it.
pub struct Redirect {
    pub url: String,
    pub cookie: String,
}

/// What the app learned and did in one launch.
pub struct Visit {
    pub user: String,
    pub scope: String,
    pub patient: Value,
    pub chart: Vec<Value>,
    pub written: String,
}

struct Token {
    access: String,
    scope: String,
    patient: String,
    id_token: String,
}

impl SmartApp {
    pub fn new(registration: Registration, http: Http) -> Self {
        Self { registration, http, pending: Mutex::default() }
    }

    /// The launch page: checks who launches before any request, discovers, and sends the browser to authorize.
    pub fn launch(&self, query: &Parameters) -> Result<Redirect> {
        let iss = query.value("iss").ok_or("the launch has no iss")?;
        let launch = query.value("launch").ok_or("the launch has no launch value")?;
        let bare = |text: &str| text.strip_suffix('/').unwrap_or(text).to_owned();
        if !self.registration.issuers.iter().any(|known| bare(known) == bare(iss)) {
            return Err("this system is not one that may launch the app".to_owned());
        }
        let config = self.http.get(&format!("{}/.well-known/smart-configuration", bare(iss)), None)?.json("discovery", 200)?;
        let methods = config["code_challenge_methods_supported"].as_array();
        if !methods.is_some_and(|list| list.iter().any(|method| method == "S256")) {
            return Err("the system does not support PKCE with S256".to_owned());
        }
        let verifier = secret_text(clock::random());
        let nonce = secret_text(clock::random());
        let state = secret_text(clock::random());
        let browser = secret_text(clock::random());
        let challenge = ring::digest::digest(&ring::digest::SHA256, verifier.as_bytes());
        let endpoint = text(&config, "authorization_endpoint")?;
        let mut url = Url::parse(&endpoint).map_err(|error| format!("the authorization endpoint is no URL: {error}"))?;
        url.query_pairs_mut().extend_pairs([
            ("response_type", "code"),
            ("client_id", &self.registration.client_id),
            ("redirect_uri", &self.registration.redirect_uri),
            ("scope", SCOPES),
            ("state", &state),
            ("aud", iss),
            ("launch", launch),
            ("nonce", &nonce),
            ("code_challenge", &BASE64_URL_SAFE_NO_PAD.encode(challenge)),
            ("code_challenge_method", "S256"),
        ]);
        let pending = Pending {
            iss: bare(iss),
            issuer: text(&config, "issuer")?,
            token_endpoint: text(&config, "token_endpoint")?,
            jwks_uri: text(&config, "jwks_uri")?,
            verifier,
            nonce,
            browser: browser.clone(),
            since: clock::now(),
        };
        let mut all = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|_, old| clock::now() - old.since < STATE_LIFE_MS);
        all.insert(state, pending);
        Ok(Redirect { url: url.into(), cookie: browser })
    }

    /// The redirect handler: redeems the code, checks the id_token, reads the chart, writes the letter (smart.md 17, rules 6 to 11).
    pub fn callback(&self, query: &Parameters, cookie: Option<&str>) -> Result<Visit> {
        let state = query.value("state").ok_or("the answer has no state")?;
        let pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner).remove(state);
        let pending =
            pending.filter(|pending| clock::now() - pending.since < STATE_LIFE_MS).ok_or("no launch is waiting for this answer")?;
        if cookie != Some(pending.browser.as_str()) {
            return Err("the launch was begun in another browser".to_owned());
        }
        // A mix-up of servers is noticed by the issuer in the answer (RFC 9207 2.4).
        if query.value("iss").is_some_and(|iss| iss != pending.issuer) {
            return Err("the answer comes from another system".to_owned());
        }
        if let Some(error) = query.value("error") {
            return Err(format!("the system refused: {error}: {}", query.value("error_description").unwrap_or("no reason given")));
        }
        let token = self.redeem(&pending, query.value("code").ok_or("the answer has no code")?)?;
        let jwks = self.http.get(&pending.jwks_uri, None)?.json("the JWKS", 200)?;
        let expected = id_token::Expected {
            issuer: &pending.issuer,
            client_id: &self.registration.client_id,
            nonce: &pending.nonce,
            access_token: &token.access,
        };
        let now_seconds = u64::try_from(clock::now() / 1000).unwrap_or(0);
        let claims = id_token::check(&token.id_token, &jwks, &expected, now_seconds)?;
        let user = self.user(&pending.iss, &claims, &token)?;
        self.visit(&pending.iss, &token, user)
    }

    fn redeem(&self, pending: &Pending, code: &str) -> Result<Token> {
        let form = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("grant_type", "authorization_code")
            .append_pair("code", code)
            .append_pair("redirect_uri", &self.registration.redirect_uri)
            .append_pair("code_verifier", &pending.verifier)
            .finish();
        // Id and secret are form-encoded before base64 (RFC 6749 2.3.1).
        let encode = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
        let pair = format!("{}:{}", encode(&self.registration.client_id), encode(&self.registration.client_secret));
        let authorization = format!("Basic {}", BASE64_STANDARD.encode(pair));
        let answer =
            self.http.post(&pending.token_endpoint, &authorization, "application/x-www-form-urlencoded", form.as_bytes())?;
        let body = answer.json("the token endpoint", 200)?;
        if !text(&body, "token_type")?.eq_ignore_ascii_case("Bearer") {
            return Err("the token is not a bearer token".to_owned());
        }
        Ok(Token {
            access: text(&body, "access_token")?,
            scope: text(&body, "scope")?,
            patient: text(&body, "patient")?,
            id_token: text(&body, "id_token")?,
        })
    }

    /// The user's name: from the resource the id_token points at when it is on the same FHIR base, otherwise the subject.
    fn user(&self, iss: &str, claims: &id_token::Claims, token: &Token) -> Result<String> {
        let Some(path) = claims.fhir_user.as_deref().and_then(|url| url.strip_prefix(&format!("{iss}/"))) else {
            return Ok(claims.sub.clone());
        };
        let resource = self.http.get(&format!("{iss}/{path}"), Some(&token.access))?.json("reading the user", 200)?;
        Ok(name_of(&resource))
    }

    fn visit(&self, iss: &str, token: &Token, user: String) -> Result<Visit> {
        let base = format!("{iss}/Patient/{}", token.patient);
        let patient = self.http.get(&base, Some(&token.access))?.json("reading the patient", 200)?;
        let bundle = self.http.get(&format!("{base}/$everything"), Some(&token.access))?.json("reading the chart", 200)?;
        let entries = bundle["entry"].as_array().ok_or("the chart has no entries")?;
        let chart: Vec<Value> = entries.iter().map(|entry| entry["resource"].clone()).collect();
        let letter = letter::pdf(&[
            "Referral letter (invented, for testing)".to_owned(),
            format!("Patient: {}", name_of(&patient)),
            format!("Referred by: {user}"),
            "Please assess this invented patient.".to_owned(),
        ]);
        let document = json!({
            "resourceType": "DocumentReference",
            "status": "current",
            "type": {"text": "Referral letter"},
            "subject": {"reference": format!("Patient/{}", token.patient)},
            "content": [{"attachment": {"contentType": "application/pdf", "title": "referral-letter.pdf", "data": BASE64_STANDARD.encode(letter)}}],
        });
        let authorization = format!("Bearer {}", token.access);
        let url = format!("{iss}/DocumentReference");
        let answer = self.http.post(&url, &authorization, "application/fhir+json", document.to_string().as_bytes())?;
        if answer.status != 201 {
            answer.json("writing the letter back", 201)?;
        }
        let written = answer.location.ok_or("the letter was taken, but the answer does not say where it is")?;
        Ok(Visit { user, scope: token.scope.clone(), patient, chart, written })
    }
}

fn text(document: &Value, member: &str) -> Result<String> {
    document[member].as_str().map(str::to_owned).ok_or_else(|| format!("the answer has no {member}"))
}

/// A person's name as text: `Family, Given`.
pub fn name_of(resource: &Value) -> String {
    let name = &resource["name"][0];
    match (name["family"].as_str(), name["given"][0].as_str()) {
        (Some(family), Some(given)) => format!("{family}, {given}"),
        (Some(one), None) | (None, Some(one)) => one.to_owned(),
        (None, None) => name["text"].as_str().unwrap_or("unnamed").to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn app() -> SmartApp {
        let made = crate::certs::make(&["localhost".to_owned()]).unwrap();
        let registration = Registration {
            client_id: "sandbox".to_owned(),
            client_secret: "secret".to_owned(),
            redirect_uri: "https://localhost:1/callback".to_owned(),
            issuers: vec!["https://localhost:1/fhir".to_owned()],
        };
        SmartApp::new(registration, Http::new(made.authority.as_bytes()).unwrap())
    }

    fn query(text: &str) -> Parameters {
        Parameters::parse(text.as_bytes()).unwrap()
    }

    fn waiting(app: &SmartApp, since: i64) {
        let pending = Pending {
            iss: "https://localhost:1/fhir".to_owned(),
            issuer: "https://localhost:1/fhir".to_owned(),
            token_endpoint: "https://localhost:1/auth/token".to_owned(),
            jwks_uri: "https://localhost:1/auth/jwks".to_owned(),
            verifier: "v".to_owned(),
            nonce: "n".to_owned(),
            browser: "cookie".to_owned(),
            since,
        };
        app.pending.lock().unwrap().insert("s1".to_owned(), pending);
    }

    fn refusal<T>(outcome: Result<T>) -> String {
        outcome.err().unwrap()
    }

    #[test]
    fn an_unknown_issuer_is_refused_before_any_request() {
        let text = refusal(app().launch(&query("iss=https://evil.example/fhir&launch=x")));
        assert!(text.contains("not one that may launch"), "{text}");
        let known = refusal(app().launch(&query("iss=https://localhost:1/fhir/&launch=x")));
        assert!(known.contains("cannot be reached"), "{known}");
    }

    #[test]
    fn an_answer_is_taken_once_from_the_same_browser_and_server() {
        let app = app();
        waiting(&app, clock::now());
        assert!(refusal(app.callback(&query("state=s1&code=c"), Some("other"))).contains("another browser"));
        assert!(refusal(app.callback(&query("state=s1&code=c"), Some("cookie"))).contains("no launch is waiting"));
        waiting(&app, clock::now());
        let mixed = query("state=s1&code=c&iss=https://other.example");
        assert!(refusal(app.callback(&mixed, Some("cookie"))).contains("another system"));
        waiting(&app, clock::now() - STATE_LIFE_MS);
        assert!(refusal(app.callback(&query("state=s1&code=c"), Some("cookie"))).contains("no launch is waiting"));
    }

    #[test]
    fn a_refusal_by_the_system_is_shown_with_its_reason() {
        let app = app();
        waiting(&app, clock::now());
        let text = refusal(app.callback(&query("state=s1&error=access_denied&error_description=no+luck"), Some("cookie")));
        assert!(text.contains("access_denied") && text.contains("no luck"), "{text}");
    }
}
