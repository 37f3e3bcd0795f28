//! How we show a partner who we are, and what is sent again.

use serde::Deserialize;
use url::Url;

use super::{Secret, SecretSource};

/// What becomes of `Bundle.id` when a message is sent again. `MessageHeader.id` always stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ResendBundleId {
    /// The same: the same bytes again.
    Same,
    /// A new one each time.
    New,
}

/// Certificate and key by which we show who we are in TLS. Each is a path, or the PEM text itself.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClientTls {
    /// The chain, leaf first.
    pub certificate: String,
    /// The private key.
    pub key: String,
}

/// How we show who we are when sending.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum OutboundAuth {
    /// Not at all.
    #[default]
    None,
    /// A fixed bearer token.
    Bearer(SecretSource),
    /// OAuth2 client credentials.
    #[serde(rename = "oauth2_client_credentials")]
    ClientCredentials(Box<ClientCredentials>),
}

/// OAuth2 client credentials (RFC 6749 4.4).
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClientCredentials {
    /// The token endpoint.
    pub token_url: Url,
    /// Our id there.
    pub client_id: String,
    /// Our secret there. Without it and `private_key_jwt` the client certificate alone says who we are (RFC 8705 2).
    #[serde(default)]
    pub client_secret: Option<SecretSource>,
    /// Our key there, instead of a secret (RFC 7523 2.2).
    #[serde(default)]
    pub private_key_jwt: Option<PrivateKeyJwt>,
    /// Asked for when present.
    #[serde(default)]
    pub scope: Option<String>,
    /// `body` (default) or `basic`.
    #[serde(default)]
    pub secret_in: SecretPlace,
}

/// The key that signs who we are, for the token endpoint to verify.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PrivateKeyJwt {
    /// The private key as PEM (path or text): RSA, or EC on the curve of the algorithm. Text after `engine::config` has resolved it.
    pub key: Secret,
    /// Its id in the JWKS that the partner knows.
    #[serde(default)]
    pub key_id: Option<String>,
    /// `RS384` (default), `RS256`, `ES384` or `ES256`.
    #[serde(default)]
    pub algorithm: AssertionAlgorithm,
    /// The `aud` of the assertion; `token_url` when absent.
    #[serde(default)]
    pub audience: Option<String>,
}

/// What an assertion is signed with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub enum AssertionAlgorithm {
    /// RSA with SHA-384.
    #[default]
    RS384,
    /// RSA with SHA-256.
    RS256,
    /// P-384 with SHA-384.
    ES384,
    /// P-256 with SHA-256.
    ES256,
}

/// Where the client secret travels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SecretPlace {
    /// In the form body.
    #[default]
    Body,
    /// In the Authorization header.
    Basic,
}
