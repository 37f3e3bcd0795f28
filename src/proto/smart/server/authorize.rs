//! The authorization endpoint (smart.md 5). In an EHR launch the user is known and the host has already said yes by starting the launch,
//! so no page is ever shown here unless something is wrong.

use http::{Method, StatusCode};
use serde::{Deserialize, Serialize};

use super::{grant, launch, pages, redirect, reply, scope};
use crate::proto::exchange::{Ctx, Signal};
use crate::proto::http::{Parameters, Request, Response, same_bytes, secret_hash, secret_text};
use crate::proto::settings::{ClientAuth, OnOff, Partner, Pkce, SmartApp};
use crate::proto::smart::LaunchContext;
use crate::proto::store::{LaunchRecord, LaunchState, NewCode, NewGrant};

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

/// An error told to the app by redirect (smart.md 5.5). The description is a fixed ASCII text of ours.
struct Refusal {
    code: &'static str,
    text: &'static str,
    /// The launch that was denied, once it is known to be the app's own.
    launch_id: Option<String>,
}

fn refuse<T>(code: &'static str, text: &'static str) -> Result<T, Refusal> {
    Err(Refusal { code, text, launch_id: None })
}

/// `GET` and `POST /auth/authorize`. No CORS here: this is for browsers to visit, not for scripts to read (smart.md 15).
pub async fn handle(ctx: &Ctx, request: &Request) -> Response {
    match *request.method() {
        Method::GET => answer(ctx, request),
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

/// The order of checks is that of smart.md 5.3: never a redirect before client and redirect URI are known to be good.
fn answer(ctx: &Ctx, request: &Request) -> Response {
    let query = request.uri().query().unwrap_or_default();
    if query.len() > LONGEST {
        return bad("It is too long.");
    }
    // Which of two values another reader would take is anyone's guess, so nothing in such a request is trusted (smart.md 5.1).
    let Ok(parameters) = Parameters::parse(query.as_bytes()) else {
        return bad("A parameter comes twice, or there are too many.");
    };
    let Some((partner, app)) = parameters.value("client_id").and_then(|id| ctx.settings().app(id)) else {
        return bad("The app is not known here.");
    };
    let registered = |uri: &&str| redirect::is_registered(uri, &app.redirect_uris);
    let Some(redirect_uri) = parameters.value("redirect_uri").filter(registered) else {
        return bad("The address the app wants the answer at is not registered for it.");
    };
    let issuer = ctx.settings().fhir_base();
    let mut answer: Vec<(&str, &str)> = Vec::new();
    let outcome = authorize(ctx, request, &parameters, partner, app, redirect_uri);
    match &outcome {
        Ok(code) => answer.push(("code", code)),
        Err(refusal) => {
            tell(ctx, partner, refusal);
            answer.extend([("error", refusal.code), ("error_description", refusal.text)]);
        }
    }
    if let Some(state) = parameters.value("state") {
        answer.push(("state", state));
    }
    answer.push(("iss", issuer.as_str()));
    reply::see_other(&reply::append_query(redirect_uri, &answer))
}

fn tell(ctx: &Ctx, partner: &Partner, refusal: &Refusal) {
    let line = format!("partner {}: authorize refused, {}: {}", partner.name, refusal.code, refusal.text);
    ctx.world.log.line(crate::log::Level::Warn, "smart", line);
    ctx.audit_refusal("login refused", Some(&partner.name), refusal.text);
    if let Some(launch_id) = refusal.launch_id.clone() {
        ctx.signal(Signal::Launch { launch_id, partner: partner.name.clone(), what: "denied" });
    }
}

fn authorize(
    ctx: &Ctx,
    request: &Request,
    parameters: &Parameters,
    partner: &Partner,
    app: &SmartApp,
    redirect_uri: &str,
) -> Result<String, Refusal> {
    check_form(parameters, app)?;
    let challenge = challenge(parameters, may_omit_pkce(app, redirect_uri, ctx.settings().test))?;
    check_audience(parameters, &ctx.settings().fhir_base())?;
    let Some(requested) = parameters.value("scope") else {
        return refuse("invalid_request", "scope is missing");
    };
    let (launch, context) = find_launch(ctx, request, parameters, partner, app)?;
    match granted_scope(ctx, parameters, app, requested, &context) {
        Ok(scope) => {
            let nonce = parameters.value("nonce").map(str::to_owned);
            let granted = grant::of_launch(ctx, app, &launch, &context, scope);
            let binding = Binding { redirect_uri: redirect_uri.to_owned(), challenge, nonce };
            issue(ctx, launch, granted, &binding)
        }
        Err(refusal) => Err(Refusal { launch_id: Some(launch.id), ..refusal }),
    }
}

/// What can be seen from the request alone (smart.md 5.2).
fn check_form(parameters: &Parameters, app: &SmartApp) -> Result<(), Refusal> {
    if parameters.value("request").is_some() {
        return refuse("request_not_supported", "request objects are not supported");
    }
    if parameters.value("request_uri").is_some() {
        return refuse("request_uri_not_supported", "request objects are not supported");
    }
    match parameters.value("response_type") {
        Some("code") => {}
        Some(_) => return refuse("unsupported_response_type", "response_type must be code"),
        None => return refuse("invalid_request", "response_type is missing"),
    }
    if parameters.value("response_mode").is_some_and(|mode| mode != "query") {
        return refuse("invalid_request", "response_mode must be query or absent");
    }
    if parameters.value("state").is_none() && matches!(app.auth, ClientAuth::Public) {
        return refuse("invalid_request", "state is missing");
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

/// The launch the app was given: alive, unused, of this partner, and opened in this very browser (smart.md 5.3 step 8).
fn find_launch(
    ctx: &Ctx,
    request: &Request,
    parameters: &Parameters,
    partner: &Partner,
    app: &SmartApp,
) -> Result<(LaunchRecord, LaunchContext), Refusal> {
    const NOT_GOOD: &str = "launch is unknown, expired or used";
    let Some(handle) = parameters.value("launch") else {
        return refuse("invalid_request", "launch is missing: only launches from the point-of-service system are served");
    };
    let found = ctx.store().launch_by_handle(&secret_hash(handle), ctx.now()).map_err(|error| server_error(ctx, &error))?;
    let usable = |launch: &LaunchRecord| {
        launch.partner == partner.name
            && matches!(launch.state, LaunchState::Created | LaunchState::Started)
            && ctx.now() < launch.handle_until
            && ctx.now() < launch.ends
    };
    let Some(launch) = found.filter(usable) else {
        return refuse("invalid_request", NOT_GOOD);
    };
    if !is_same_browser(request, &launch, app) {
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

fn server_error(ctx: &Ctx, error: &crate::error::Error) -> Refusal {
    let code = if reply::failure(ctx, error).as_u16() == 503 { "temporarily_unavailable" } else { "server_error" };
    Refusal { code, text: "the server cannot answer at the moment", launch_id: None }
}

/// The scopes granted (smart.md 14.2).
fn granted_scope(
    ctx: &Ctx,
    parameters: &Parameters,
    app: &SmartApp,
    requested: &str,
    context: &LaunchContext,
) -> Result<String, Refusal> {
    let (online, offline) = grant::refreshes(app, requested);
    let circumstances = scope::Circumstances {
        patient: context.patient.is_some(),
        encounter: context.encounter.is_some(),
        fhir_user: context.user.fhir_user.is_some(),
        openid: ctx.world.keys.signing(ctx.now()).is_some(),
        context: &context.fhir_context,
        online,
        offline,
        backend: false,
    };
    let granted = match scope::grant(requested, &app.scopes, circumstances) {
        Ok(granted) if !granted.is_empty() => granted.join(" "),
        Ok(_) => return refuse("invalid_scope", "nothing of the requested scope can be granted"),
        Err(scope::Malformed) => return refuse("invalid_scope", "scope holds characters that no scope can have"),
    };
    // We have no page to sign in on, so a sign-in that is too old cannot be renewed (smart.md 5.2).
    if let (Some(age), Some(signed_in)) = (parameters.value("max_age"), context.user.signed_in) {
        match age.parse::<u32>() {
            Ok(age) if ctx.now() - signed_in <= i64::from(age) * 1000 => {}
            Ok(_) => return refuse("login_required", "the user signed in longer ago than max_age allows"),
            Err(_) => return refuse("invalid_request", "max_age must be a number of seconds"),
        }
    }
    Ok(granted)
}

/// Uses up the launch and makes the code, in one step of the store: of two authorize requests one wins (smart.md 5.6).
fn issue(ctx: &Ctx, launch: LaunchRecord, grant: NewGrant, binding: &Binding) -> Result<String, Refusal> {
    // Half the time for a code that no verifier protects (smart.md, PKCE waiver in its head note).
    let seconds = ctx.settings().limits.code_seconds;
    let seconds = if binding.challenge.is_some() { seconds } else { seconds.min(30) };
    let code = secret_text(ctx.random());
    let record = NewCode {
        hash: secret_hash(&code),
        grant,
        expires: ctx.now() + i64::from(seconds) * 1000,
        binding: serde_json::to_string(binding).or_else(|_| refuse("server_error", "the launch cannot be kept"))?,
        reuse: false,
        picked: false,
    };
    match ctx.store().issue_code(&record, ctx.now()) {
        Ok(true) => {
            ctx.signal(Signal::Launch { launch_id: launch.id, partner: launch.partner, what: "authorized" });
            Ok(code)
        }
        Ok(false) => refuse("invalid_request", "launch is unknown, expired or used"),
        Err(error) => Err(server_error(ctx, &error)),
    }
}
