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
use crate::proto::store::{ChartResource, LaunchRecord, Millis, NewLaunch, Started};

/// Checks a launch request (docs/schema/launch.json: the launch context, and optionally `chart`) and makes the launch to be stored, with
/// the URL the host opens in the user's browser. `random` gives fresh bytes per call. Stores nothing.
///
/// Errors: `EREF_INVALID_JSON`, `EREF_INVALID_ARGUMENT` (a member is wrong), `EREF_NOT_FOUND` (the partner, or its app),
/// `EREF_INVALID_CONTENT` (the chart).
pub fn begin(settings: &Settings, request: &[u8], now: Millis, random: &dyn Fn() -> [u8; 32]) -> Result<(NewLaunch, String)> {
    let (mut context, chart) = parse(settings, request)?;
    let app = settings
        .partner(&context.partner)
        .and_then(|partner| partner.smart_app.as_ref())
        .ok_or_else(|| Error::new(EREF_NOT_FOUND, "partner: no partner of this name has a smart_app in the configuration"))?;
    check(&context, app)?;
    let after = |seconds: u32| now + i64::from(seconds) * 1000;
    let limits = &settings.limits;
    let secret = secret_text(random());
    let bound = app.browser_binding == OnOff::On;
    // The clocks of start URL and handle run one after the other: the handle is first seen when the start URL is opened.
    let start_until = after(limits.start_seconds);
    let handle_until = after(limits.launch_seconds) + if bound { start_until - now } else { 0 };
    let handle = if bound { handle_of(&secret) } else { secret.clone() };
    let url = if bound { format!("{}/start/{secret}", settings.auth_base()) } else { launch_url(settings, app, &context, &handle) };
    let correlation = new_id(now, random());
    context.correlation = Some(correlation.clone());
    let launch = NewLaunch {
        id: new_id(now, random()),
        partner: context.partner.clone(),
        handle: secret_hash(&handle),
        start: bound.then(|| secret_hash(&secret)),
        session: context.session.clone().unwrap_or_default(),
        correlation,
        health_number: health_number(&context, &chart),
        start_until,
        handle_until,
        ends: after(limits.session_seconds),
        context: serde_json::to_string(&context).map_err(|error| Error::new(EREF_INVALID_JSON, error.to_string()))?,
        chart,
    };
    Ok((launch, url))
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

fn parse(settings: &Settings, request: &[u8]) -> Result<(LaunchContext, Vec<ChartResource>)> {
    let broken = |error: serde_json::Error| {
        Error::new(EREF_INVALID_JSON, "the launch request is not a JSON object").with_detail(error.to_string())
    };
    let mut members: BTreeMap<String, &RawValue> = serde_json::from_slice(request).map_err(broken)?;
    let pushed = members.remove("chart");
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
    if context.user.fhir_user.as_deref().is_some_and(|text| !is_person(text)) {
        return Err(argument("user.fhir_user: expected a reference such as Practitioner/{id}"));
    }
    if let Some(index) = context.ask.iter().position(|kind| !chart::is_known(kind)) {
        return Err(argument(format!("ask[{index}]: expected a resource type that is served")));
    }
    for (index, entry) in context.fhir_context.iter().enumerate() {
        check_context_entry(entry).map_err(|text| argument(format!("fhir_context[{index}]: {text}")))?;
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

/// What an entry of `fhirContext` must be (smart.md 8).
fn check_context_entry(entry: &Value) -> std::result::Result<(), &'static str> {
    let member = |name: &str| entry.get(name).filter(|value| !value.is_null());
    if !["reference", "canonical", "identifier"].into_iter().any(|name| member(name).is_some()) {
        return Err("expected an object with reference, canonical or identifier");
    }
    let role = member("role").map_or(Some("launch"), Value::as_str).unwrap_or_default();
    if role.is_empty() {
        return Err("role must be a non-empty string");
    }
    let reference = member("reference").map_or(Some(""), Value::as_str).ok_or("reference must be a string")?;
    if role == "launch" && (reference.starts_with("Patient/") || reference.starts_with("Encounter/")) {
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
    let seconds = ctx.settings().limits.launch_seconds;
    let cookie = format!("{}={secret}; Max-Age={seconds}; Path=/; HttpOnly; Secure; SameSite=Lax", cookie_name(&launch.id));
    reply::set(&mut response, SET_COOKIE, &cookie);
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
