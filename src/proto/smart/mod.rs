//! SMART App Launch 2.2.0. `server` is the SMART Server: authorization server, OpenID provider and FHIR API for the app that is launched.

pub mod keys;
pub mod server;

use serde::{Deserialize, Serialize};

/// What a launch is about: whom, by whom, with what. Kept with the launch as JSON; the host hands it to `eref_launch_start` in the same
/// form (docs/schema/launch.json).
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LaunchContext {
    /// The partner whose app is launched.
    pub partner: String,
    /// The user at the keyboard.
    pub user: User,
    /// Logical id of the patient in the chart; absent for a launch without a patient.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patient: Option<String>,
    /// Logical id of the encounter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encounter: Option<String>,
    /// What the app is to do (smart.md 8).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intent: Option<String>,
    /// Whether the app shows a patient banner; true when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub need_patient_banner: Option<bool>,
    /// Opaque id of the organization.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// The address of the look the app is asked to take up; the configuration's when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub smart_style_url: Option<url::Url>,
    /// Further context (smart.md 8).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fhir_context: Vec<serde_json::Value>,
    /// Query parameters for the launch URL; each key must be in the app's `launch_query`.
    #[serde(default, skip_serializing_if = "serde_json::Map::is_empty")]
    pub launch_query: serde_json::Map<String, serde_json::Value>,
    /// How long the launch may wait for the app's authorize request, in seconds; `limits.launch_seconds` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub launch_seconds: Option<u32>,
    /// The host's id of the user's session, for `eref_session_end` and `eref_session_patient`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// Resource types whose searches are asked of the host by QUESTION, beside those of the configuration (`chart.ask`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ask: Vec<String>,
    /// Claims for the id_token besides ours; each name must be in the app's `id_token_claims`.
    #[serde(default, skip_serializing_if = "serde_json::Map::is_empty")]
    pub id_token_claims: serde_json::Map<String, serde_json::Value>,
    /// Members for the token response besides ours; each name must be in the app's `response_members`.
    #[serde(default, skip_serializing_if = "serde_json::Map::is_empty")]
    pub response_members: serde_json::Map<String, serde_json::Value>,
    /// The value of the referral identifier that the first message of this launch may carry (messaging.md 14). Ours: a host cannot give it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correlation: Option<String>,
}

/// The user at the keyboard.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct User {
    /// Stable id, never reassigned, not the login name; becomes the id_token's `sub`.
    pub id: String,
    /// `Practitioner/{id}` in the chart; becomes `fhirUser`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fhir_user: Option<String>,
    /// Name shown to the app.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Given names; the id_token's `given_name`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub given_name: Option<String>,
    /// Family name; the id_token's `family_name`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub family_name: Option<String>,
    /// When the user last signed in to the host, in milliseconds since 1970; becomes `auth_time`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signed_in: Option<i64>,
}
