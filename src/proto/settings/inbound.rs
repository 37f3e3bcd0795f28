//! How a partner shows who it is when it sends to us (messaging.md 9).

use std::collections::BTreeMap;
use std::fmt;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::de::{MapAccess, SeqAccess, Visitor, value::MapAccessDeserializer};
use serde::{Deserialize, Deserializer};
use url::Url;

use super::{Secret, SecretSource};
use crate::proto::addresses::Range;
use crate::proto::http::{same_bytes, secret_hash};
use crate::proto::jwt::{Algorithm, KeySet, KeySource};
use crate::proto::store::{Millis, SecretHash};

/// One way to show who one is. The members that are present must hold together; a partner has a list of ways, any of which is enough.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Inbound {
    /// A fixed bearer token.
    pub bearer: Option<Bearer>,
    /// The same, given as the SHA-256 of the token in hexadecimal digits.
    pub bearer_sha256: Option<Sha256>,
    /// A client certificate from one of the listener's client authorities.
    pub certificate: Option<CertificateRule>,
    /// A JWT of an issuer it is known by.
    pub jwt: Option<JwtRule>,
    /// It fetches a token from our own token endpoint.
    pub client_credentials: Option<ClientRule>,
    /// Nothing at all, for the first tests with a partner.
    pub none: Option<NoneRule>,
}

/// The ways of a partner: one object, or a list of them.
pub(super) fn ways<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Inbound>, D::Error> {
    struct Ways;

    impl<'de> Visitor<'de> for Ways {
        type Value = Vec<Inbound>;

        fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
            f.write_str("one way to show who one is, or a list of them")
        }
        fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
            Inbound::deserialize(MapAccessDeserializer::new(map)).map(|way| vec![way])
        }
        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
            let mut ways = Vec::new();
            while let Some(way) = list.next_element()? {
                ways.push(way);
            }
            Ok(ways)
        }
        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok(Vec::new())
        }
    }
    deserializer.deserialize_any(Ways)
}

/// A fixed bearer token. What stands in the document itself is kept as a hash only, from the moment it is read.
#[derive(Clone, Debug, Deserialize)]
#[serde(from = "SecretSource")]
pub enum Bearer {
    /// Its hash.
    Known(SecretHash),
    /// Still to be read, or too short to be taken; it opens nothing.
    Unread(SecretSource),
}

impl From<SecretSource> for Bearer {
    fn from(source: SecretSource) -> Self {
        match source {
            SecretSource::Text(secret) if secret.is_long_enough() => Self::Known(secret_hash(secret.expose())),
            other => Self::Unread(other),
        }
    }
}

/// A SHA-256: 64 hexadecimal digits, also with colons between the bytes as tools print them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Sha256(pub [u8; 32]);

impl TryFrom<String> for Sha256 {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        const WRONG: &str = "expected the 64 hexadecimal digits of a SHA-256";
        let digits: String = text.chars().filter(|c| *c != ':').collect();
        let mut bytes = [0; 32];
        if digits.len() != 64 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(WRONG);
        }
        for (at, byte) in bytes.iter_mut().enumerate() {
            let pair = digits.get(2 * at..2 * at + 2).unwrap_or_default();
            *byte = u8::from_str_radix(pair, 16).map_err(|_| WRONG)?;
        }
        Ok(Self(bytes))
    }
}

/// What a client certificate must be. All members that are present must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CertificateRule {
    /// SHA-256 thumbprints of whole certificates; one of them. A list, so that the next certificate can be named before it is in use.
    pub sha256: Vec<Sha256>,
    /// The whole subject, as RFC 4514 writes it: `CN=rms.example,O=The RMS,C=CA`.
    pub subject: Option<String>,
    /// A DNS name among the subject's alternative names. A wildcard in a certificate stands for itself only.
    pub dns: Option<String>,
    /// A URI among the subject's alternative names.
    pub uri: Option<String>,
}

/// What a JWT of a configured issuer must say.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JwtRule {
    /// Its `iss`.
    pub issuer: String,
    /// What must be in its `aud`.
    pub audience: String,
    /// Where the issuer publishes its keys.
    #[serde(default)]
    pub jwks_url: Option<Url>,
    /// Or the keys themselves.
    #[serde(default)]
    pub jwks: Option<KeySet>,
    /// Whether `jwks_url` may lead to an address of our own network.
    #[serde(default)]
    pub private: bool,
    /// Its `sub`.
    #[serde(default)]
    pub subject: Option<String>,
    /// Claims with a text, or a list of texts that holds this one.
    #[serde(default)]
    pub claims: BTreeMap<String, String>,
    /// The signatures taken.
    #[serde(default = "Algorithm::all")]
    pub algorithms: Vec<Algorithm>,
}

impl JwtRule {
    /// Where the keys come from.
    pub fn keys(&self) -> Option<KeySource<'_>> {
        KeySource::of(self.jwks_url.as_ref(), self.jwks.as_ref(), self.private)
    }
}

/// A client of our own token endpoint: a secret, or keys to verify its assertions with.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClientRule {
    /// The id it signs in with.
    pub client_id: String,
    /// Its secret, in the form body or by HTTP Basic.
    #[serde(default)]
    pub client_secret: Option<SecretSource>,
    /// Its keys (`private_key_jwt`).
    #[serde(default)]
    pub private_key_jwt: Option<ClientKeys>,
}

/// The keys of a client that signs assertions (smart.md 6.1).
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClientKeys {
    /// Where it publishes them.
    #[serde(default)]
    pub jwks_url: Option<Url>,
    /// Or the keys themselves.
    #[serde(default)]
    pub jwks: Option<KeySet>,
    /// Whether `jwks_url` may lead to an address of our own network.
    #[serde(default)]
    pub private: bool,
    /// The signatures taken.
    #[serde(default = "Algorithm::all")]
    pub algorithms: Vec<Algorithm>,
}

impl ClientKeys {
    /// Where the keys come from.
    pub fn keys(&self) -> Option<KeySource<'_>> {
        KeySource::of(self.jwks_url.as_ref(), self.jwks.as_ref(), self.private)
    }
}

/// A partner that shows nothing: known by where it sends from, for a few days, and not trusted (messaging.md, decisions).
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoneRule {
    /// The last day, in the system's time zone.
    pub until: Day,
    /// Where it sends from. Behind a proxy this is the proxy's address.
    pub addresses: Vec<Range>,
}

/// The longest that a partner may go without credentials, in days from the loading of the configuration.
pub const LONGEST_NONE: i64 = 14;

impl NoneRule {
    /// When it ends: the end of its last day.
    pub fn ends(&self, zone: Option<&str>) -> Millis {
        let zone = zone.and_then(|name| TimeZone::get(name).ok()).unwrap_or(TimeZone::UTC);
        let ends = self.until.0.tomorrow().and_then(|next| next.to_zoned(zone));
        ends.map_or(Millis::MIN, |ends| ends.timestamp().as_millisecond())
    }
}

/// A day: `2026-12-01` (full-date of RFC 3339).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Day(pub Date);

impl TryFrom<String> for Day {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let plain = text.len() == 10 && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
        text.parse().ok().filter(|_| plain).map(Self).ok_or("expected a day such as 2026-12-01")
    }
}

impl Secret {
    /// Secrets of fewer than 16 characters are refused.
    pub fn is_long_enough(&self) -> bool {
        self.expose().len() >= 16
    }
}

impl Inbound {
    /// Whether it takes a token in the Authorization header.
    pub fn wants_token(&self) -> bool {
        self.bearer.is_some() || self.bearer_sha256.is_some() || self.jwt.is_some() || self.client_credentials.is_some()
    }
    /// Whether this way has that fixed token. Compares in constant time.
    pub fn has_bearer(&self, hash: &SecretHash) -> bool {
        self.bearer_hash().is_some_and(|known| same_bytes(&known, hash))
    }
    /// The hash of its fixed token.
    pub fn bearer_hash(&self) -> Option<SecretHash> {
        match &self.bearer {
            Some(Bearer::Known(hash)) => Some(*hash),
            _ => self.bearer_sha256.map(|hash| hash.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_bearer_in_the_document_is_kept_as_a_hash() {
        let way: Inbound = serde_json::from_value(json!({"bearer": "invented-bearer-0001"})).unwrap();
        let hash = secret_hash("invented-bearer-0001");
        assert!(matches!(way.bearer, Some(Bearer::Known(known)) if known == hash));
        let digits: String = hash.iter().map(|byte| format!("{byte:02X}:")).collect();
        let way: Inbound = serde_json::from_value(json!({"bearer_sha256": digits.trim_end_matches(':')})).unwrap();
        assert!(way.has_bearer(&hash) && !way.has_bearer(&secret_hash("another")));
        let short: Inbound = serde_json::from_value(json!({"bearer": "short"})).unwrap();
        assert!(!short.has_bearer(&secret_hash("short")));
        assert!(serde_json::from_value::<Inbound>(json!({"bearer_sha256": "ab"})).is_err());
        assert!(Sha256::try_from("é".repeat(32)).is_err());
    }

    #[test]
    fn none_ends_with_its_last_day_where_the_clinic_is() {
        let rule = |until: &str| serde_json::from_value::<NoneRule>(json!({"until": until, "addresses": ["10.0.0.1"]}));
        // Toronto is five hours behind in winter; on the day that summer time ends it has 25 hours.
        assert_eq!(rule("2026-12-01").unwrap().ends(Some("America/Toronto")), 1_796_187_600_000);
        assert_eq!(rule("2026-12-01").unwrap().ends(None), 1_796_169_600_000);
        for wrong in ["2026-13-01", "2026-12-01T00:00:00Z", "tomorrow", "26-12-01", "+002026-12-01"] {
            assert!(rule(wrong).is_err(), "{wrong}");
        }
    }
}
