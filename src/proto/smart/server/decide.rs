//! What the host decides before an app is granted anything (smart.md 5.4): which patient, and whether at all. Both are QUESTIONs.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::authorize::{Asked, Refusal, refuse};
use super::{chart, scope};
use crate::log::Level;
use crate::proto::exchange::{Answer, Ctx};
use crate::proto::smart::LaunchContext;

/// What the app says of how the user is to be met (smart.md 5.2). The host sees it and may leave it.
const HINTS: [&str; 7] = ["prompt", "max_age", "login_hint", "ui_locales", "display", "acr_values", "id_token_hint"];

/// The host's answer to `pick_patient`.
#[derive(Deserialize)]
struct Picked {
    patient: String,
    encounter: Option<String>,
}

/// The host's answer to `authorize`.
#[derive(Deserialize)]
struct Confirmed {
    /// What of the scopes is granted; all when absent.
    scope: Option<String>,
}

fn question(ctx: &Ctx, asked: &Asked<'_>, kind: &str, launch_id: &str, context: &LaunchContext) -> Map<String, Value> {
    let mut members = Map::new();
    let mut put = |name: &str, value: Value| members.insert(name.to_owned(), value);
    put("question", json!(kind));
    put("launch_id", json!(launch_id));
    put("partner", json!(asked.partner.name));
    put("patient", json!(context.patient));
    put("user", json!(context.user.id));
    put("answer_within_ms", json!(ctx.settings().limits.question_ms));
    for name in HINTS {
        if let Some(value) = asked.parameters.value(name) {
            put(name, json!(value));
        }
    }
    members
}

/// The host's yes, as JSON of that form; else why there is no code.
async fn put<T: for<'de> Deserialize<'de>>(
    ctx: &Ctx,
    asked: &Asked<'_>,
    kind: &'static str,
    launch_id: &str,
    members: Map<String, Value>,
) -> Result<T, Refusal> {
    match ctx.ask(launch_id, kind, Value::Object(members).to_string()).await {
        Answer::Given(json) => serde_json::from_str(&json).or_else(|_| not_understood(ctx, kind)),
        Answer::NotFound | Answer::Denied(_) => refuse("access_denied", "the user or the point-of-service system said no"),
        Answer::None if asked.prompts("none") => refuse("interaction_required", "the user did not answer in time"),
        Answer::None => refuse("temporarily_unavailable", "the point-of-service system did not answer in time"),
    }
}

fn not_understood<T>(ctx: &Ctx, kind: &str) -> Result<T, Refusal> {
    ctx.world.log.line(Level::Error, "smart", format!("the host's answer to a question {kind} is not as question.json says"));
    refuse("server_error", "the point-of-service system gave no answer that can be used")
}

/// Has the host pick the patient of a launch that the app began by itself, when it asks for one and the sign-in brought none (smart.md 5.4).
/// True when `context` changed.
pub async fn pick_patient(
    ctx: &Ctx,
    asked: &Asked<'_>,
    granted: &str,
    launch_id: &str,
    context: &mut LaunchContext,
) -> Result<bool, Refusal> {
    let is_about_one = |scope: &str| scope == "launch/patient" || scope.starts_with("patient/");
    if context.patient.is_some() || !asked.signed_in || !granted.split(' ').any(is_about_one) {
        return Ok(false);
    }
    let members = question(ctx, asked, "pick_patient", launch_id, context);
    let picked: Picked = put(ctx, asked, "pick_patient", launch_id, members).await?;
    if ![Some(&picked.patient), picked.encounter.as_ref()].into_iter().flatten().all(|id| chart::is_id(id)) {
        return not_understood(ctx, "pick_patient");
    }
    context.patient = Some(picked.patient);
    context.encounter = picked.encounter.or(context.encounter.take());
    Ok(true)
}

/// Asks the host whether the app may, where its registration says so (`smart_app.confirm`): the scopes, all or fewer.
pub async fn confirm(
    ctx: &Ctx,
    asked: &Asked<'_>,
    launch_id: &str,
    context: &LaunchContext,
    granted: String,
) -> Result<String, Refusal> {
    if !asked.app.confirm {
        return Ok(granted);
    }
    let mut members = question(ctx, asked, "authorize", launch_id, context);
    members.insert("scope".to_owned(), json!(granted));
    let confirmed: Confirmed = put(ctx, asked, "authorize", launch_id, members).await?;
    let Some(scope) = confirmed.scope else { return Ok(granted) };
    // Fewer words, never more and never other ones.
    let kept: Vec<&str> = granted.split(' ').filter(|word| scope::has(&scope, word)).collect();
    if kept.is_empty() {
        return refuse("access_denied", "the user or the point-of-service system said no");
    }
    Ok(kept.join(" "))
}
