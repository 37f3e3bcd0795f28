//! How the clients of the token endpoint show who they are, and what they get (smart.md 3, 6, 10, 11).

use serde::Deserialize;

use super::{ClientKeys, SecretSource};

/// How an app authenticates (smart.md 6).
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum ClientAuth {
    /// A public client.
    #[default]
    Public,
    /// A client secret, sent by HTTP Basic.
    Secret(SecretSource),
    /// A client secret, sent by HTTP Basic or in the form.
    SecretPost(SecretSource),
    /// Assertions it signs.
    PrivateKeyJwt(ClientKeys),
}

impl ClientAuth {
    /// The client secret, if it has one.
    pub fn secret(&self) -> Option<&SecretSource> {
        match self {
            Self::Secret(secret) | Self::SecretPost(secret) => Some(secret),
            Self::Public | Self::PrivateKeyJwt(_) => None,
        }
    }
    /// The same, to be resolved.
    pub fn secret_mut(&mut self) -> Option<&mut SecretSource> {
        match self {
            Self::Secret(secret) | Self::SecretPost(secret) => Some(secret),
            Self::Public | Self::PrivateKeyJwt(_) => None,
        }
    }
}

/// How long a client may go on without its user, in seconds (smart.md 10). It gets refresh tokens where its `scopes` name `online_access`
/// or `offline_access`.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Refresh {
    /// Longest pause of an online grant.
    pub online_idle_seconds: u32,
    /// Longest life of an online grant; it never outlives its launch.
    pub online_seconds: u32,
    /// Longest pause of an offline grant.
    pub offline_idle_seconds: u32,
    /// Longest life of an offline grant.
    pub offline_seconds: u32,
}

impl Default for Refresh {
    fn default() -> Self {
        const HOUR: u32 = 3600;
        Self {
            online_idle_seconds: 8 * HOUR,
            online_seconds: 12 * HOUR,
            offline_idle_seconds: 30 * 24 * HOUR,
            offline_seconds: 90 * 24 * HOUR,
        }
    }
}

/// A partner's backend service: it calls the FHIR API without a user, with tokens that it fetches by signing an assertion (smart.md 11).
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Backend {
    /// The id we assigned.
    pub client_id: String,
    /// Its keys. A secret is not for this profile.
    pub private_key_jwt: ClientKeys,
    /// The `system/` scopes it may have; none where it only asks what tokens are good for.
    #[serde(default)]
    pub scopes: String,
    /// Whether it may ask what any token is good for.
    #[serde(default)]
    pub may_introspect: bool,
}
