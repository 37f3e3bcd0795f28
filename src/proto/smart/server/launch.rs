//! Starting a launch: what the host hands over, and the address its browser opens first (smart.md 4, architecture: launch URL).

use std::collections::BTreeMap;

use http::header::{COOKIE, SET_COOKIE};
use http::{HeaderMap, StatusCode};
use serde_json::Value;
use serde_json::value::RawValue;

use super::{chart, pages, reply};
use crate::error::{EREF_INVALID_ARGUMENT, EREF_INVALID_CONTENT, EREF_INVALID_JSON, EREF_NOT_FOUND, Error, Result};
use crate::proto::exchange::{Ctx, Signal, new_id};
use crate::proto::http::{Request, Response, secret_hash, secret_text};
use crate::proto::messaging::fields;
use crate::proto::settings::{Limits, OnOff, Settings, SmartApp};
use crate::proto::smart::LaunchContext;
use crate::proto::store::{ChartResource, LaunchRecord, LoginRecord, Millis, NewLaunch, Started};
use crate::proto::throttle::Door;

/// The longest a launch may wait for the app's authorize request, in seconds (smart.md 4).
pub(super) const LONGEST_WAIT: u32 = 900;

/// Checks a launch request (docs/schema/launch.json: the launch context, and optionally `chart`) and makes the launch to be stored, with
/// the URL the host opens in the user's browser. `random` gives fresh bytes per call. Stores nothing.
///
/// Errors: `EREF_INVALID_JSON`, `EREF_INVALID_ARGUMENT` (a member is wrong), `EREF_NOT_FOUND` (the partner, or its app),
/// `EREF_INVALID_CONTENT` (the chart).
pub fn begin(settings: &Settings, request: &[u8], now: Millis, random: &dyn Fn() -> [u8; 32]) -> Result<(NewLaunch, String)> {
    let (context, chart) = parse(settings, request, None)?;
    let app = checked_app(settings, &context)?;
    let secret = secret_text(random());
    let bound = app.browser_binding == OnOff::On;
    // The clocks of start URL and handle run one after the other: the handle is first seen when the start URL is opened.
    let start_until = now + i64::from(settings.limits.start_seconds) * 1000;
    let handle = if bound { handle_of(&secret) } else { secret.clone() };
    let url = if bound { format!("{}/start/{secret}", settings.auth_base()) } else { launch_url(settings, app, &context, &handle) };
    let mut launch = assemble(settings, context, chart, &handle, now, random)?;
    if bound {
        launch.start = Some(secret_hash(&secret));
        launch.start_until = start_until;
        launch.handle_until += start_until - now;
    }
    Ok((launch, url))
}

/// The same for a user who signed in on the host's page because an app asked for it: `partner` of the request may be left out. The URL
/// takes the browser back to the app's authorize request.
pub fn signed_in(
    settings: &Settings,
    login: &LoginRecord,
    request: &[u8],
    now: Millis,
    random: &dyn Fn() -> [u8; 32],
) -> Result<(NewLaunch, String)> {
    let (context, chart) = parse(settings, request, Some(&login.partner))?;
    if context.partner != login.partner {
        return Err(argument("partner: it is another partner's app that asked for the sign-in"));
    }
    checked_app(settings, &context)?;
    let handle = secret_text(random());
    let launch = assemble(settings, context, chart, &handle, now, random)?;
    let url = format!("{}/login/{handle}", settings.auth_base());
    Ok((NewLaunch { id: login.id.clone(), cookie: Some(login.cookie), ..launch }, url))
}

fn checked_app<'a>(settings: &'a Settings, context: &LaunchContext) -> Result<&'a SmartApp> {
    let app = settings
        .partner(&context.partner)
        .and_then(|partner| partner.smart_app.as_ref())
        .ok_or_else(|| Error::new(EREF_NOT_FOUND, "partner: no partner of this name has a smart_app in the configuration"))?;
    check(context, app)?;
    Ok(app)
}

/// A launch as it is kept, without a start URL.
fn assemble(
    settings: &Settings,
    mut context: LaunchContext,
    chart: Vec<ChartResource>,
    handle: &str,
    now: Millis,
    random: &dyn Fn() -> [u8; 32],
) -> Result<NewLaunch> {
    let after = |seconds: u32| now + i64::from(seconds) * 1000;
    let correlation = new_id(now, random());
    context.correlation = Some(correlation.clone());
    Ok(NewLaunch {
        id: new_id(now, random()),
        partner: context.partner.clone(),
        handle: secret_hash(handle),
        start: None,
        cookie: None,
        session: context.session.clone().unwrap_or_default(),
        patient: context.patient.clone(),
        correlation,
        health_number: health_number(&context, &chart),
        start_until: now,
        handle_until: after(context.launch_seconds.unwrap_or(settings.limits.launch_seconds)),
        ends: after(settings.limits.session_seconds),
        context: serde_json::to_string(&context).map_err(|error| Error::new(EREF_INVALID_JSON, error.to_string()))?,
        chart,
    })
}

/// The health number of the launch's patient, by which messages that lead nowhere find it as a candidate (messaging.md 14).
fn health_number(context: &LaunchContext, chart: &[ChartResource]) -> Option<String> {
    let is_the_patient = |resource: &&ChartResource| {
        resource.resource_type == "Patient" && context.patient.as_deref().is_some_and(|patient| patient == resource.id)
    };
    let patient = chart.iter().find(is_the_patient)?;
    fields::health_number(&patient.json)
}

/// Only hashes are stored, so the handle follows from the start URL's value, which comes back when the browser opens it. One-way: who
/// knows the handle cannot find the start URL.
fn handle_of(start: &str) -> String {
    secret_text(secret_hash(&format!("launch {start}")))
}

fn argument(text: impl Into<String>) -> Error {
    Error::new(EREF_INVALID_ARGUMENT, text)
}

fn parse(settings: &Settings, request: &[u8], partner: Option<&str>) -> Result<(LaunchContext, Vec<ChartResource>)> {
    let broken = |error: serde_json::Error| {
        Error::new(EREF_INVALID_JSON, "the launch request is not a JSON object").with_detail(error.to_string())
    };
    let mut members: BTreeMap<String, &RawValue> = serde_json::from_slice(request).map_err(broken)?;
    let pushed = members.remove("chart");
    let partner = partner.and_then(|name| serde_json::value::to_raw_value(name).ok());
    if let Some(partner) = &partner {
        members.entry("partner".to_owned()).or_insert(partner);
    }
    let rest = serde_json::to_string(&members).map_err(broken)?;
    let mut reader = serde_json::Deserializer::from_str(&rest);
    let context: LaunchContext = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        argument(format!("{}: not as the launch document's schema says", error.path())).with_detail(error.to_string())
    })?;
    let Some(pushed) = pushed else {
        return Ok((context, Vec::new()));
    };
    let base = settings.fhir_base();
    let about = context.patient.as_deref().map(|patient| (patient, base.as_str()));
    let chart = chart::parse(pushed.get(), about, &settings.limits)?;
    match &context.patient {
        Some(patient) if !chart.iter().any(|resource| resource.resource_type == "Patient" && resource.id == *patient) => {
            Err(Error::new(EREF_INVALID_CONTENT, "chart: the Patient the launch is about is not in it"))
        }
        None if chart.iter().any(|resource| chart::is_personal(&resource.resource_type)) => {
            Err(Error::new(EREF_INVALID_CONTENT, "chart: a launch without a patient can show no patient's resources"))
        }
        _ => Ok((context, chart)),
    }
}

/// Parses what the host adds to the chart of a running launch: a resource, an array of them, or a Bundle. Errors: `EREF_INVALID_JSON`,
/// `EREF_INVALID_CONTENT`, `EREF_TOO_LARGE`.
pub fn parse_chart(json: &[u8], limits: &Limits) -> Result<Vec<ChartResource>> {
    let text =
        std::str::from_utf8(json).map_err(|error| Error::new(crate::error::EREF_INVALID_UTF8, format!("the chart: {error}")))?;
    chart::parse(text, None, limits)
}

fn check(context: &LaunchContext, app: &SmartApp) -> Result<()> {
    if context.correlation.is_some() {
        return Err(argument("correlation: it is given out by the engine, never by the host"));
    }
    // `sub` of the id_token (smart.md 9).
    let user = &context.user.id;
    if user.is_empty() || user.len() > 255 || !user.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(argument("user.id: expected 1 to 255 printable ASCII characters without spaces"));
    }
    for (name, id) in [("patient", &context.patient), ("encounter", &context.encounter)] {
        if id.as_deref().is_some_and(|id| !chart::is_id(id)) {
            return Err(argument(format!("{name}: expected a logical id, 1 to 64 letters, digits, '-' or '.'")));
        }
    }
    // smart.md 4: a launch waits between half a minute and a quarter of an hour.
    if context.launch_seconds.is_some_and(|seconds| !(30..=LONGEST_WAIT).contains(&seconds)) {
        return Err(argument("launch_seconds: expected 30 to 900"));
    }
    if context.smart_style_url.as_ref().is_some_and(|url| url.scheme() != "https") {
        return Err(argument("smart_style_url: expected an https address"));
    }
    if context.user.fhir_user.as_deref().is_some_and(|text| !is_person(text)) {
        return Err(argument("user.fhir_user: expected a reference such as Practitioner/{id}"));
    }
    if let Some(index) = context.ask.iter().position(|kind| !chart::is_known(kind)) {
        return Err(argument(format!("ask[{index}]: expected a resource type that is served")));
    }
    for (index, entry) in context.fhir_context.iter().enumerate() {
        check_context_entry(entry).map_err(|text| argument(format!("fhir_context[{index}]: {text}")))?;
    }
    let brought = [
        ("id_token_claims", &context.id_token_claims, &app.id_token_claims),
        ("response_members", &context.response_members, &app.response_members),
    ];
    for (member, brought, allowed) in brought {
        if brought.keys().any(|name| !allowed.contains(name)) {
            return Err(argument(format!("{member}: a name is not in the app's list of that name")));
        }
    }
    for (key, value) in &context.launch_query {
        if !app.launch_query.contains(key) || key == "iss" || key == "launch" {
            return Err(argument("launch_query: a key is not in the app's launch_query list"));
        }
        if !value.is_string() {
            return Err(argument("launch_query: every value must be a string"));
        }
    }
    Ok(())
}

/// The types of `fhirUser` (smart.md 9).
fn is_person(reference: &str) -> bool {
    const TYPES: [&str; 5] = ["Patient", "Practitioner", "PractitionerRole", "RelatedPerson", "Person"];
    reference.split_once('/').is_some_and(|(kind, id)| TYPES.contains(&kind) && chart::is_id(id))
}

/// The resource type of a relative reference.
fn referred_type(reference: &str) -> Option<&str> {
    let (kind, id) = reference.split_once('/')?;
    let is_type = kind.starts_with(|first: char| first.is_ascii_uppercase()) && kind.bytes().all(|byte| byte.is_ascii_alphabetic());
    (is_type && chart::is_id(id)).then_some(kind)
}

/// What an entry of `fhirContext` must be (smart.md 8).
fn check_context_entry(entry: &Value) -> std::result::Result<(), &'static str> {
    let entry = entry.as_object().ok_or("expected an object")?;
    let text = |name: &str| match entry.get(name) {
        None => Ok(None),
        Some(value) => value.as_str().map(Some).ok_or("reference, canonical, type and role must be texts"),
    };
    let (reference, canonical, kind, role) = (text("reference")?, text("canonical")?, text("type")?, text("role")?);
    let identifier = entry.get("identifier");
    if reference.is_none() && canonical.is_none() && identifier.is_none() {
        return Err("expected an object with reference, canonical or identifier");
    }
    if identifier.is_some_and(|identifier| !identifier.is_object()) {
        return Err("identifier must be a FHIR Identifier, an object");
    }
    let referred =
        reference.map(|reference| referred_type(reference).ok_or("reference must be relative, as Type/id")).transpose()?;
    if canonical.is_some_and(|canonical| url::Url::parse(canonical).is_err()) {
        return Err("canonical must be a URL");
    }
    if role.is_some_and(|role| role != "launch" && url::Url::parse(role).is_err()) {
        return Err("role must be a URI, or launch");
    }
    let in_context = |kind: &str| kind == "Patient" || kind == "Encounter";
    if role.is_none_or(|role| role == "launch") && referred.into_iter().chain(kind).any(in_context) {
        return Err("Patient and Encounter have members of their own");
    }
    Ok(())
}

/// The app's launch URL with what it needs to come back (smart.md 4).
fn launch_url(settings: &Settings, app: &SmartApp, context: &LaunchContext, handle: &str) -> String {
    let base = settings.fhir_base();
    let extra = context.launch_query.iter().filter_map(|(key, value)| Some((key.as_str(), value.as_str()?)));
    let pairs: Vec<(&str, &str)> = extra.chain([("iss", base.as_str()), ("launch", handle)]).collect();
    reply::append_query(app.launch_url.as_str(), &pairs)
}

/// The name of the cookie of one launch; launches open side by side in one browser do not disturb each other.
fn cookie_name(launch_id: &str) -> String {
    format!("__Host-eref-{launch_id}")
}

/// The cookie that ties a launch to a browser. Lax: the app's site sends the browser here, and the cookie has to come with it.
pub(super) fn set_cookie(launch_id: &str, secret: &str, seconds: u32) -> String {
    format!("{}={secret}; Max-Age={seconds}; Path=/; HttpOnly; Secure; SameSite=Lax", cookie_name(launch_id))
}

/// The value of the launch's cookie. With two of one name there is no telling which is ours: neither counts.
pub(super) fn cookie<'a>(headers: &'a HeaderMap, launch_id: &str) -> Option<&'a str> {
    let name = cookie_name(launch_id);
    let lines = headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok());
    let mut values =
        lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('=')).filter(|(key, _)| *key == name);
    values.next().filter(|_| values.next().is_none()).map(|(_, value)| value)
}

/// `GET /auth/start/{value}`: sets the cookie that ties the launch to this browser and sends it to the app. Good once.
pub(super) fn start(ctx: &Ctx, request: &Request, value: &str) -> Response {
    // A HEAD, as link checkers send, must not use up the launch.
    if request.method() != http::Method::GET {
        let mut response = pages::error(StatusCode::METHOD_NOT_ALLOWED, "Cannot start", "This address can only be opened.");
        reply::set(&mut response, http::header::ALLOW, "GET");
        return response;
    }
    if let Err(seconds) = ctx.knock(Door::Start, None) {
        return pages::too_often(seconds);
    }
    let secret = secret_text(ctx.random());
    match ctx.store().start_launch(&secret_hash(value), &secret_hash(&secret), ctx.now()) {
        Ok(Started::First(launch)) => started(ctx, &launch, value, &secret).unwrap_or_else(unknown),
        Ok(Started::Again { launch_id, partner }) => opened_again(ctx, launch_id, partner),
        Ok(Started::Unknown) => unknown(),
        Err(error) => pages::error(reply::failure(ctx, &error), "Cannot start", "Please try again from your own program."),
    }
}

fn unknown() -> Response {
    pages::error(
        StatusCode::NOT_FOUND,
        "Cannot start",
        "This link is not valid any more. Please start again from your own program.",
    )
}

fn started(ctx: &Ctx, launch: &LaunchRecord, value: &str, secret: &str) -> Option<Response> {
    let context: LaunchContext = serde_json::from_str(&launch.context).ok()?;
    let app = ctx.settings().partner(&launch.partner)?.smart_app.as_ref()?;
    let mut response = reply::see_other(&launch_url(ctx.settings(), app, &context, &handle_of(value)));
    let seconds = context.launch_seconds.unwrap_or(ctx.settings().limits.launch_seconds);
    reply::set(&mut response, SET_COOKIE, &set_cookie(&launch.id, secret, seconds));
    Some(response)
}

/// Two browsers, or a browser and someone who saw the URL: neither is trusted (architecture: launch URL). The store has ended the launch.
fn opened_again(ctx: &Ctx, launch_id: String, partner: String) -> Response {
    // It is over as soon as it is seen: an end follows the start.
    for started in [true, false] {
        ctx.signal(Signal::Alert {
            key: format!("launch-opened-again:{launch_id}"),
            partner: Some(partner.clone()),
            text: "The start URL of a launch was opened a second time; the launch was ended.".to_owned(),
            started,
        });
    }
    ctx.signal(Signal::Launch { launch_id, partner, what: "ended" });
    pages::error(
        StatusCode::GONE,
        "Cannot start",
        "This link was opened before and has been withdrawn. Please start again from your own program.",
    )
}
