//! The authorization endpoint (smart.md 5). In an EHR launch the user is known and the host has already said yes by starting the launch,
//! so no page is ever shown here unless something is wrong.

use http::{Method, StatusCode};
use serde::{Deserialize, Serialize};

use super::{decide, grant, launch, login, pages, redirect, reply, scope};
use crate::proto::exchange::{Ctx, Signal};
use crate::proto::http::{Parameters, Request, Response, same_bytes, secret_hash, secret_text};
use crate::proto::settings::{ClientAuth, LaunchReuse, OnOff, Partner, Pkce, SmartApp};
use crate::proto::smart::LaunchContext;
use crate::proto::store::{LaunchRecord, LaunchState, NewCode};
use crate::proto::throttle::Door;

/// Longest request taken, in bytes: lists of scopes are long (smart.md 5.1).
const LONGEST: usize = 32 << 10;

/// What a code is bound to besides its grant (smart.md 5.6). Kept with it as JSON.
#[derive(Serialize, Deserialize)]
pub struct Binding {
    /// As given here; the token request must repeat it.
    pub redirect_uri: String,
    /// S256 challenge; absent only for a client whose PKCE is waived.
    pub challenge: Option<String>,
    /// Echoed in the id_token.
    pub nonce: Option<String>,
}

/// An app's request, as far as the app and its address are known to be good.
pub(super) struct Asked<'a> {
    /// The request as it came.
    pub(super) request: &'a Request,
    /// The query, encoded.
    pub(super) query: &'a str,
    /// The query.
    pub(super) parameters: &'a Parameters,
    /// The partner whose app asks.
    pub(super) partner: &'a Partner,
    /// The app.
    pub(super) app: &'a SmartApp,
    redirect_uri: &'a str,
    /// The app began by itself, and the user has signed in since.
    pub(super) signed_in: bool,
    /// The launch's handle.
    launch: Option<&'a str>,
}

impl Asked<'_> {
    /// Whether the request has this word in `prompt`.
    pub(super) fn prompts(&self, word: &str) -> bool {
        self.parameters.value("prompt").is_some_and(|words| scope::has(words, word))
    }
    /// Whether the request has this scope.
    pub(super) fn wants(&self, word: &str) -> bool {
        self.parameters.value("scope").is_some_and(|words| scope::asks(words, word))
    }
}

/// An error told to the app by redirect (smart.md 5.5). The description is a fixed ASCII text of ours.
pub(super) struct Refusal {
    code: &'static str,
    text: &'static str,
    /// The launch that was denied, once it is known to be the app's own.
    launch_id: Option<String>,
}

pub(super) fn refuse<T>(code: &'static str, text: &'static str) -> Result<T, Refusal> {
    Err(Refusal { code, text, launch_id: None })
}

/// `GET` and `POST /auth/authorize`. No CORS here: this is for browsers to visit, not for scripts to read (smart.md 15).
pub async fn handle(ctx: &Ctx, request: &Request) -> Response {
    match *request.method() {
        Method::GET => {
            let query = request.uri().query().unwrap_or_default();
            if query.len() > LONGEST { bad("It is too long.") } else { answer(ctx, request, query, None).await }
        }
        Method::POST => repeat_as_get(ctx, request).await,
        _ => {
            let mut response = bad("This address takes GET and POST.");
            *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
            reply::set(&mut response, http::header::ALLOW, "GET, POST");
            response
        }
    }
}

fn bad(text: &'static str) -> Response {
    pages::error(StatusCode::BAD_REQUEST, "The app's request cannot be answered", text)
}

/// A form that another site posts comes without our cookie; the GET that follows our 303 brings it (architecture: launch URL).
async fn repeat_as_get(ctx: &Ctx, request: &Request) -> Response {
    if reply::content_type(request) != "application/x-www-form-urlencoded" {
        return pages::error(StatusCode::UNSUPPORTED_MEDIA_TYPE, "The app's request cannot be answered", "Expected a form.");
    }
    match ctx.body(LONGEST).await {
        Ok(form) => {
            let mut query = url::form_urlencoded::Serializer::new(String::new());
            query.extend_pairs(url::form_urlencoded::parse(&form));
            reply::see_other(&format!("{}/authorize?{}", ctx.settings().auth_base(), query.finish()))
        }
        Err(error) => pages::error(reply::body_status(error), "The app's request cannot be answered", "It was not received whole."),
    }
}

/// The order of checks is that of smart.md 5.3: never a redirect before client and redirect URI are known to be good. `signed_in` is the
/// handle of the launch that the host made of a sign-in; else the query has it.
pub(super) async fn answer(ctx: &Ctx, request: &Request, query: &str, signed_in: Option<&str>) -> Response {
    // Which of two values another reader would take is anyone's guess, so nothing in such a request is trusted (smart.md 5.1).
    let parsed = Parameters::parse(query.as_bytes());
    let client_id = parsed.as_ref().ok().and_then(|parameters| parameters.value("client_id"));
    if let Err(seconds) = ctx.knock(Door::Authorize, client_id) {
        return pages::too_often(seconds);
    }
    let Ok(parameters) = &parsed else {
        return bad("A parameter comes twice, or there are too many.");
    };
    let Some((partner, app)) = client_id.and_then(|id| ctx.settings().app(id)) else {
        return bad("The app is not known here.");
    };
    let registered = |uri: &&str| redirect::is_registered(uri, &app.redirect_uris);
    let Some(redirect_uri) = parameters.value("redirect_uri").filter(registered) else {
        return bad("The address the app wants the answer at is not registered for it.");
    };
    let launch = signed_in.or(parameters.value("launch"));
    let asked = Asked { request, query, parameters, partner, app, redirect_uri, signed_in: signed_in.is_some(), launch };
    match authorize(ctx, &asked).await {
        Ok(Outcome::Code(code)) => back(ctx, &asked, &[("code", &code)]),
        Ok(Outcome::SignIn(page)) => page,
        Err(refusal) => {
            tell(ctx, partner, &refusal);
            back(ctx, &asked, &[("error", refusal.code), ("error_description", refusal.text)])
        }
    }
}

/// Sends the browser back to the app: `state` exactly as it came, and who answers (smart.md 5.5, 5.6).
fn back(ctx: &Ctx, asked: &Asked<'_>, answer: &[(&str, &str)]) -> Response {
    let issuer = ctx.settings().fhir_base();
    let state = asked.parameters.value("state").map(|state| ("state", state));
    let pairs: Vec<(&str, &str)> = answer.iter().copied().chain(state).chain([("iss", issuer.as_str())]).collect();
    reply::see_other(&reply::append_query(asked.redirect_uri, &pairs))
}

fn tell(ctx: &Ctx, partner: &Partner, refusal: &Refusal) {
    let line = format!("partner {}: authorize refused, {}: {}", partner.name, refusal.code, refusal.text);
    ctx.world.log.line(crate::log::Level::Warn, "smart", line);
    ctx.audit_refusal("login refused", Some(&partner.name), refusal.text);
    if let Some(launch_id) = refusal.launch_id.clone() {
        ctx.signal(Signal::Launch { launch_id, partner: partner.name.clone(), what: "denied" });
    }
}

/// What a good request leads to.
enum Outcome {
    /// An authorization code.
    Code(String),
    /// The host's page to sign in on.
    SignIn(Response),
}

async fn authorize(ctx: &Ctx, asked: &Asked<'_>) -> Result<Outcome, Refusal> {
    check_form(ctx, asked)?;
    let challenge = challenge(asked.parameters, may_omit_pkce(asked.app, asked.redirect_uri, ctx.settings().test))?;
    check_audience(asked.parameters, &ctx.settings().fhir_base())?;
    let requested = check_scope(ctx, asked)?;
    let Some(handle) = asked.launch else {
        return login::begin(ctx, asked).map(Outcome::SignIn);
    };
    let (mut launch, mut context) = find_launch(ctx, asked, handle)?;
    let of_launch = |refusal: Refusal| Refusal { launch_id: Some(launch.id.clone()), ..refusal };
    check_age(ctx, asked.parameters, &context).map_err(of_launch)?;
    let picked = decide::pick_patient(ctx, asked, requested, &launch.id, &mut context).await.map_err(of_launch)?;
    let scope = granted_scope(ctx, asked.app, requested, Some(&context)).map_err(of_launch)?;
    let scope = decide::confirm(ctx, asked, &launch.id, &context, scope).await.map_err(of_launch)?;
    if picked {
        launch.context = serde_json::to_string(&context).or_else(|_| refuse("server_error", "the launch cannot be kept"))?;
    }
    // Half the time for a code that no verifier protects (smart.md, PKCE waiver in its head note).
    let seconds = ctx.settings().limits.code_seconds;
    let seconds = if challenge.is_some() { seconds } else { seconds.min(30) };
    let code = secret_text(ctx.random());
    let nonce = asked.parameters.value("nonce").map(str::to_owned);
    let binding = Binding { redirect_uri: asked.redirect_uri.to_owned(), challenge, nonce };
    let new = NewCode {
        hash: secret_hash(&code),
        grant: grant::of_launch(ctx, asked.app, &launch, &context, scope),
        expires: ctx.now() + i64::from(seconds) * 1000,
        binding: serde_json::to_string(&binding).or_else(|_| refuse("server_error", "the launch cannot be kept"))?,
        reuse: asked.app.launch_reuse == LaunchReuse::WithinTtl,
        picked,
    };
    // Uses up the launch and keeps the code in one step of the store: of two requests one wins (smart.md 5.6).
    match ctx.store().issue_code(&new, ctx.now()) {
        Ok(true) => {
            ctx.signal(Signal::Launch { launch_id: launch.id, partner: launch.partner, what: "authorized" });
            Ok(Outcome::Code(code))
        }
        Ok(false) => refuse("invalid_request", NOT_GOOD),
        Err(error) => Err(server_error(ctx, &error)),
    }
}

const NOT_GOOD: &str = "launch is unknown, expired or used";

/// What can be seen from the request alone (smart.md 5.2).
fn check_form(ctx: &Ctx, asked: &Asked<'_>) -> Result<(), Refusal> {
    let value = |name: &str| asked.parameters.value(name);
    if value("request").is_some() {
        return refuse("request_not_supported", "request objects are not supported");
    }
    if value("request_uri").is_some() {
        return refuse("request_uri_not_supported", "request objects are not supported");
    }
    match value("response_type") {
        Some("code") => {}
        Some(_) => return refuse("unsupported_response_type", "response_type must be code"),
        None => return refuse("invalid_request", "response_type is missing"),
    }
    if value("response_mode").is_some_and(|mode| mode != "query") {
        return refuse("invalid_request", "response_mode must be query or absent");
    }
    if asked.prompts("none") && value("prompt") != Some("none") {
        return refuse("invalid_request", "prompt none goes with no other word");
    }
    if value("max_age").is_some_and(|age| age.parse::<u32>().is_err()) {
        return refuse("invalid_request", "max_age must be a number of seconds");
    }
    if value("state").is_none() {
        if matches!(asked.app.auth, ClientAuth::Public) {
            return refuse("invalid_request", "state is missing");
        }
        let line =
            format!("partner {}: its app sends no state: it cannot tell its own answers from forged ones", asked.partner.name);
        ctx.world.log.line(crate::log::Level::Warn, "smart", line);
    }
    Ok(())
}

/// The S256 challenge. Without one only where the configuration waives it (smart.md 5.2, PKCE waiver in its head note).
fn challenge(parameters: &Parameters, may_omit: bool) -> Result<Option<String>, Refusal> {
    let method = parameters.value("code_challenge_method");
    let Some(challenge) = parameters.value("code_challenge") else {
        return if method.is_none() && may_omit {
            Ok(None)
        } else {
            refuse("invalid_request", "code_challenge is missing: PKCE with S256 is required")
        };
    };
    if method != Some("S256") {
        return refuse("invalid_request", "code_challenge_method must be S256");
    }
    // The form of a SHA-256 in base64url (RFC 7636 4.2).
    if challenge.len() != 43 || !challenge.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_') {
        return refuse("invalid_request", "code_challenge must be 43 base64url characters");
    }
    Ok(Some(challenge.to_owned()))
}

/// A public client needs a written reason, browser binding and https (loopback in tests) to make up for what PKCE would give.
fn may_omit_pkce(app: &SmartApp, redirect_uri: &str, test: bool) -> bool {
    let waived = app.pkce_waiver.as_deref().is_some_and(|text| !text.trim().is_empty());
    let guarded = waived && app.browser_binding == OnOff::On && (test || redirect_uri.starts_with("https://"));
    app.pkce == Pkce::NotRequired && (guarded || !matches!(app.auth, ClientAuth::Public))
}

/// `aud` is our FHIR base; a slash at its end is forgiven, nothing else (smart.md 2.5). `resource` may stand for it.
fn check_audience(parameters: &Parameters, base: &str) -> Result<(), Refusal> {
    let ours = |value: &str| value.strip_suffix('/').unwrap_or(value) == base;
    let given: Vec<&str> = ["aud", "resource"].into_iter().filter_map(|name| parameters.value(name)).collect();
    if given.is_empty() {
        return refuse("invalid_request", "aud is missing");
    }
    if !given.into_iter().all(ours) {
        return refuse("invalid_request", "aud is not this FHIR server");
    }
    Ok(())
}

/// Malformed, or nothing of it could ever be granted to this app (smart.md 5.3 step 7).
fn check_scope<'a>(ctx: &Ctx, asked: &Asked<'a>) -> Result<&'a str, Refusal> {
    let Some(requested) = asked.parameters.value("scope") else {
        return refuse("invalid_request", "scope is missing");
    };
    granted_scope(ctx, asked.app, requested, None).map(|_| requested)
}

/// The launch the app was given: alive, unused, of this partner, and opened in this very browser (smart.md 5.3 step 8).
fn find_launch(ctx: &Ctx, asked: &Asked<'_>, handle: &str) -> Result<(LaunchRecord, LaunchContext), Refusal> {
    let found = ctx.store().launch_by_handle(&secret_hash(handle), ctx.now()).map_err(|error| server_error(ctx, &error))?;
    let usable = |launch: &LaunchRecord| {
        let unused = matches!(launch.state, LaunchState::Created | LaunchState::Started);
        let reused = launch.state == LaunchState::Authorized && asked.app.launch_reuse == LaunchReuse::WithinTtl;
        launch.partner == asked.partner.name && (unused || reused) && ctx.now() < launch.handle_until && ctx.now() < launch.ends
    };
    let Some(launch) = found.filter(usable) else {
        return refuse("invalid_request", NOT_GOOD);
    };
    if !is_same_browser(asked.request, &launch, asked.app) {
        return Err(Refusal { code: "access_denied", text: "this browser did not start the launch", launch_id: Some(launch.id) });
    }
    match serde_json::from_str(&launch.context) {
        Ok(context) => Ok((launch, context)),
        Err(_) => refuse("server_error", "the launch cannot be read"),
    }
}

/// The cookie set at the start URL, when the launch is bound to a browser (architecture: launch URL).
fn is_same_browser(request: &Request, launch: &LaunchRecord, app: &SmartApp) -> bool {
    match &launch.cookie {
        None => app.browser_binding == OnOff::Off,
        Some(expected) => {
            launch::cookie(request.headers(), &launch.id).is_some_and(|value| same_bytes(&secret_hash(value), expected))
        }
    }
}

pub(super) fn server_error(ctx: &Ctx, error: &crate::error::Error) -> Refusal {
    let code = if reply::failure(ctx, error).as_u16() == 503 { "temporarily_unavailable" } else { "server_error" };
    Refusal { code, text: "the server cannot answer at the moment", launch_id: None }
}

/// The user is known already, so a sign-in that is too old is not renewed here (smart.md 5.2).
fn check_age(ctx: &Ctx, parameters: &Parameters, context: &LaunchContext) -> Result<(), Refusal> {
    let age = parameters.value("max_age").and_then(|age| age.parse::<u32>().ok());
    match (age, context.user.signed_in) {
        (Some(age), Some(signed_in)) if ctx.now() - signed_in > i64::from(age) * 1000 => {
            refuse("login_required", "the user signed in longer ago than max_age allows")
        }
        _ => Ok(()),
    }
}

/// The scopes granted (smart.md 14.2); without a launch, those that could be in the best of launches.
fn granted_scope(ctx: &Ctx, app: &SmartApp, requested: &str, context: Option<&LaunchContext>) -> Result<String, Refusal> {
    let has = |what: fn(&LaunchContext) -> bool| context.is_none_or(what);
    let (online, offline) = grant::refreshes(app, requested);
    let circumstances = scope::Circumstances {
        patient: has(|context| context.patient.is_some()),
        encounter: has(|context| context.encounter.is_some()),
        fhir_user: has(|context| context.user.fhir_user.is_some()),
        openid: ctx.world.keys.signing(ctx.now()).is_some(),
        online,
        offline,
        context: context.map_or(&[], |context| &context.fhir_context),
        backend: false,
    };
    match scope::grant(requested, &app.scopes, circumstances) {
        Ok(granted) if !granted.is_empty() => Ok(granted.join(" ")),
        Ok(_) => refuse("invalid_scope", "nothing of the requested scope can be granted"),
        Err(scope::Malformed) => refuse("invalid_scope", "scope holds characters that no scope can have"),
    }
}
