//! JSON Web Tokens that others sign: what must hold before a word of them is believed (smart.md 6.1).
//!
//! A token is read first, because its issuer says whose keys to ask for; [`Unverified`] gives no more than that. Keys come from the
//! configuration or, through a step of the exchange, from an address in the configuration. What the token itself says about where its
//! keys are is never followed.

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jsonwebtoken::DecodingKey;
use serde::Deserialize;
use serde_json::{Map, Value};
use url::Url;

use crate::proto::store::Millis;

/// Longest token taken, in bytes (smart.md 19).
pub const LONGEST: usize = 16 << 10;
/// How far clocks may differ, in milliseconds.
pub const LEEWAY: Millis = 60_000;
/// Largest key set taken, in bytes (smart.md 6.1).
pub const KEY_SET_BYTES: usize = 64 << 10;
/// Most keys of a set.
const MOST_KEYS: usize = 50;
/// Longest `kid` taken.
const LONGEST_KID: usize = 256;

/// Why a token is not believed, in words for the log. They hold nothing of the token.
pub type Why = &'static str;

/// The signatures taken. Symmetric ones are not among them: whoever could verify those could also sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[allow(missing_docs, reason = "the names are those of RFC 7518 3.1")]
pub enum Algorithm {
    RS256,
    RS384,
    PS256,
    ES256,
    ES384,
}

impl Algorithm {
    /// All of them.
    pub fn all() -> Vec<Self> {
        vec![Self::RS256, Self::RS384, Self::PS256, Self::ES256, Self::ES384]
    }
    /// Its name in a header.
    pub fn name(self) -> &'static str {
        match self {
            Self::RS256 => "RS256",
            Self::RS384 => "RS384",
            Self::PS256 => "PS256",
            Self::ES256 => "ES256",
            Self::ES384 => "ES384",
        }
    }
    fn signature(self) -> jsonwebtoken::Algorithm {
        match self {
            Self::RS256 => jsonwebtoken::Algorithm::RS256,
            Self::RS384 => jsonwebtoken::Algorithm::RS384,
            Self::PS256 => jsonwebtoken::Algorithm::PS256,
            Self::ES256 => jsonwebtoken::Algorithm::ES256,
            Self::ES384 => jsonwebtoken::Algorithm::ES384,
        }
    }
    fn kind(self) -> Kind {
        match self {
            Self::RS256 | Self::RS384 | Self::PS256 => Kind::Rsa,
            Self::ES256 => Kind::P256,
            Self::ES384 => Kind::P384,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Rsa,
    P256,
    P384,
}

/// Where the keys of somebody else come from.
#[derive(Clone, Copy, Debug)]
pub enum KeySource<'a> {
    /// From an address.
    Published {
        /// The address.
        url: &'a Url,
        /// Whether it may lead into our own network.
        private: bool,
    },
    /// From the configuration.
    Given(&'a KeySet),
}

impl<'a> KeySource<'a> {
    /// The one that is configured; `None` where neither is, or both are.
    pub fn of(url: Option<&'a Url>, keys: Option<&'a KeySet>, private: bool) -> Option<Self> {
        match (url, keys) {
            (Some(url), None) => Some(Self::Published { url, private }),
            (None, Some(keys)) => Some(Self::Given(keys)),
            _ => None,
        }
    }
    fn url(&self) -> Option<&'a Url> {
        match self {
            Self::Published { url, .. } => Some(url),
            Self::Given(_) => None,
        }
    }
}

/// A published key set that an exchange needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeysWanted {
    /// Where it is.
    pub at: KeysAt,
    /// The key that is needed. A set without it is worth another look, now and then.
    pub kid: String,
}

/// Where a key set is published, and how to get there.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct KeysAt {
    /// The address.
    pub url: Url,
    /// Whether it may lead into our own network.
    pub private: bool,
    /// PEM (path or text) of extra certificate authorities for it.
    pub ca: Option<String>,
}

/// Public keys (RFC 7517 5). Copies share them.
#[derive(Clone, Deserialize)]
#[serde(try_from = "Value")]
pub struct KeySet(Arc<[Key]>);

struct Key {
    kid: String,
    kind: Kind,
    algorithm: Option<String>,
    key: DecodingKey,
}

impl fmt::Debug for KeySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeySet({} keys)", self.0.len())
    }
}

impl TryFrom<Value> for KeySet {
    type Error = Why;

    /// Keys of other kinds and uses are passed over (smart.md 6.1); so is one with its private part, which is anybody's by now.
    fn try_from(document: Value) -> Result<Self, Why> {
        let keys = document.get("keys").and_then(Value::as_array).ok_or("expected a JWKS: an object with a list \"keys\"")?;
        if keys.len() > MOST_KEYS {
            return Err("expected a JWKS of at most 50 keys");
        }
        let keys: Arc<[Key]> = keys.iter().filter_map(Key::read).collect();
        if keys.is_empty() {
            return Err("expected at least one public key with \"kid\": RSA of 2048 to 8192 bits, P-256 or P-384");
        }
        Ok(Self(keys))
    }
}

impl KeySet {
    /// Reads a published set.
    pub fn parse(document: &[u8]) -> Result<Self, Why> {
        if document.len() > KEY_SET_BYTES {
            return Err("expected a JWKS of at most 64 KiB");
        }
        serde_json::from_slice::<Value>(document).map_err(|_| "expected a JWKS, found no JSON")?.try_into()
    }
    /// Whether a key of that name is in it.
    pub fn has(&self, kid: &str) -> bool {
        self.0.iter().any(|key| key.kid == kid)
    }
    /// The one key of that name that suits the algorithm; none when there are several (smart.md 6.1).
    fn find(&self, kid: &str, algorithm: Algorithm) -> Option<&DecodingKey> {
        let suits = |key: &&Key| {
            let agreed = key.algorithm.as_deref().is_none_or(|name| name == algorithm.name());
            key.kid == kid && key.kind == algorithm.kind() && agreed
        };
        let mut found = self.0.iter().filter(suits);
        found.next().filter(|_| found.next().is_none()).map(|key| &key.key)
    }
}

impl Key {
    fn read(jwk: &Value) -> Option<Self> {
        let text = |name: &str| jwk.get(name).and_then(Value::as_str);
        let size = |name: &str| BASE64_URL_SAFE_NO_PAD.decode(text(name)?).ok().map(|bytes| bytes.len());
        let kid = text("kid").filter(|kid| (1..=LONGEST_KID).contains(&kid.len()))?;
        let verifies = |operations: &Value| operations.as_array().is_some_and(|list| list.iter().any(|one| one == "verify"));
        let signs = jwk.get("use").is_none_or(|usage| usage == "sig") && jwk.get("key_ops").is_none_or(verifies);
        if !signs || jwk.get("d").is_some() {
            return None;
        }
        let (kind, key) = match (text("kty")?, text("crv")) {
            // A leading zero byte is wrong (RFC 7518 6.3.1.1) but seen. ring takes 2048 to 8192 bits.
            ("RSA", _) if (256..=1025).contains(&size("n")?) => {
                (Kind::Rsa, DecodingKey::from_rsa_components(text("n")?, text("e")?))
            }
            ("EC", Some("P-256")) if size("x")? == 32 && size("y")? == 32 => {
                (Kind::P256, DecodingKey::from_ec_components(text("x")?, text("y")?))
            }
            ("EC", Some("P-384")) if size("x")? == 48 && size("y")? == 48 => {
                (Kind::P384, DecodingKey::from_ec_components(text("x")?, text("y")?))
            }
            _ => return None,
        };
        Some(Self { kid: kid.to_owned(), kind, algorithm: text("alg").map(str::to_owned), key: key.ok()? })
    }
}

/// The header. Members that point at keys are read so that they can be refused.
#[derive(Deserialize)]
struct Head {
    alg: String,
    kid: Option<String>,
    typ: Option<String>,
    crit: Option<Value>,
    jku: Option<String>,
    x5u: Option<Value>,
    jwk: Option<Value>,
}

/// A token of which nothing is known to be true.
pub struct Unverified<'a> {
    signed: &'a str,
    signature: &'a str,
    head: Head,
    claims: Map<String, Value>,
}

impl<'a> Unverified<'a> {
    /// Reads a token in the compact form (RFC 7515 7.1).
    pub fn read(token: &'a str) -> Result<Self, Why> {
        if token.len() > LONGEST {
            return Err("it is longer than 16 KiB");
        }
        let parts = token.rsplit_once('.').and_then(|(signed, signature)| Some((signed, signed.split_once('.')?, signature)));
        let (signed, (head, claims), signature) = parts.ok_or("it has not three parts")?;
        let decode = |part: &str| BASE64_URL_SAFE_NO_PAD.decode(part).map_err(|_| "a part of it is not base64url");
        let head = serde_json::from_slice(&decode(head)?).map_err(|_| "its header cannot be read")?;
        let claims = serde_json::from_slice(&decode(claims)?).map_err(|_| "its claims are not a JSON object")?;
        Ok(Self { signed, signature, head, claims })
    }
    /// Who it says made it; good for choosing the keys to verify it with.
    pub fn issuer(&self) -> Option<&str> {
        self.claims.get("iss").and_then(Value::as_str)
    }
    /// The key it says it is signed with; required (smart.md 6.1).
    pub fn kid(&self) -> Result<&str, Why> {
        self.head.kid.as_deref().filter(|kid| (1..=LONGEST_KID).contains(&kid.len())).ok_or("it names no key (kid)")
    }

    /// The algorithm, one of these; with what else a header must not say.
    pub fn check_head(&self, algorithms: &[Algorithm], types: &[&str], source: KeySource<'_>) -> Result<Algorithm, Why> {
        let head = &self.head;
        let known = algorithms.iter().copied().find(|algorithm| algorithm.name() == head.alg);
        let algorithm = known.ok_or("its algorithm is not one that is taken")?;
        if head.typ.as_deref().is_some_and(|typ| !types.iter().any(|taken| typ.eq_ignore_ascii_case(taken))) {
            return Err("it is of another type (typ)");
        }
        if head.crit.is_some() {
            return Err("it demands an extension that is not known here (crit)");
        }
        // An address of keys is tolerated where it is the registered one; it is never fetched for the token's sake.
        let registered = |jku: &String| source.url().is_some_and(|url| url.as_str() == jku);
        if head.x5u.is_some() || head.jwk.is_some() || head.jku.as_ref().is_some_and(|jku| !registered(jku)) {
            return Err("it brings or points at keys of its own (jku, x5u, jwk)");
        }
        self.kid().map(|_| algorithm)
    }

    /// Verifies the signature. Only then are the claims anybody's.
    pub fn verify(self, keys: &KeySet, algorithm: Algorithm) -> Result<Claims, Why> {
        let key = keys.find(self.kid()?, algorithm).ok_or("its key (kid) is not in the key set, or not for its algorithm")?;
        let verified = jsonwebtoken::crypto::verify(self.signature, self.signed.as_bytes(), key, algorithm.signature());
        if verified.unwrap_or(false) { Ok(Claims(self.claims)) } else { Err("its signature is wrong") }
    }
}

/// What a token says, signed by whom it says.
pub struct Claims(Map<String, Value>);

impl Claims {
    /// A claim that is a text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).and_then(Value::as_str)
    }
    /// The texts of a claim that is a text or a list of them. A list with anything else in it has none.
    pub fn texts(&self, name: &str) -> Vec<&str> {
        match self.0.get(name) {
            Some(Value::String(text)) => vec![text],
            Some(Value::Array(list)) => list.iter().map(Value::as_str).collect::<Option<_>>().unwrap_or_default(),
            _ => Vec::new(),
        }
    }
    /// A time (RFC 7519 2, NumericDate). `Err` when it is no number.
    pub fn time(&self, name: &str) -> Result<Option<Millis>, Why> {
        let Some(value) = self.0.get(name) else { return Ok(None) };
        let seconds = value.as_f64().filter(|seconds| seconds.is_finite()).ok_or("a time in it is not a number")?;
        // The cast keeps to the bounds of the type.
        Ok(Some((seconds * 1000.0) as Millis))
    }
    /// `exp` is required and not over, `nbf` and `iat` are not to come. Returns `exp`.
    pub fn check_times(&self, now: Millis) -> Result<Millis, Why> {
        let ends = self.time("exp")?.ok_or("it never ends (exp)")?;
        if now >= ends.saturating_add(LEEWAY) {
            return Err("it is expired (exp)");
        }
        for name in ["nbf", "iat"] {
            if self.time(name)?.is_some_and(|begins| begins > now.saturating_add(LEEWAY)) {
                return Err("it is not valid yet (nbf, iat)");
            }
        }
        Ok(ends)
    }
}
