//! Where the FHIR API's data comes from besides what the host pushes, and how far a user's scopes reach.

use serde::Deserialize;
use url::Url;

use super::{ClientTls, OutboundAuth};

/// The data behind the FHIR API.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChartSettings {
    /// The resource types whose searches are QUESTIONs to the host, in all launches; a launch may name more.
    #[serde(default)]
    pub ask: Vec<String>,
    /// How far `user/` scopes reach.
    #[serde(default)]
    pub access: UserAccess,
    /// A FHIR server that is read through. What was pushed for a launch comes before it.
    #[serde(default)]
    pub fhir_server: Option<FhirServer>,
}

/// How far `user/` scopes reach (smart.md 14.3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UserAccess {
    /// To the patient of the launch.
    #[default]
    Launch,
    /// To every patient that the host allows by a QUESTION `access`.
    Ask,
}

/// A FHIR server that is read through.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FhirServer {
    /// Its base address.
    pub url: Url,
    /// How we show it who we are.
    #[serde(default)]
    pub auth: OutboundAuth,
    /// Our client certificate, shown when it asks for one.
    #[serde(default)]
    pub client_tls: Option<ClientTls>,
    /// PEM (path or text) of extra certificate authorities.
    #[serde(default)]
    pub ca: Option<String>,
}
