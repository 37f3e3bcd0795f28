//! The keys that sign id_tokens, parsed once and kept ready.

use jsonwebtoken::EncodingKey;

use crate::proto::store::Millis;

/// A key is published for so long before it signs, so that everybody has seen it by then (smart.md 9).
pub const AHEAD: Millis = 24 * 3_600_000;
/// When the newest key is this old, the next one is made.
pub const AGE: Millis = 90 * 24 * 3_600_000;
/// A key stays published for so long after the next one signs: id_tokens live an hour, and clocks differ.
pub const AFTER: Millis = 2 * 3_600_000;

/// Signing keys, newest first.
pub struct Keys {
    keys: Vec<Key>,
}

/// One RSA key.
pub struct Key {
    /// Its id in the JWKS.
    pub kid: String,
    /// When it was made, and published.
    pub created: Millis,
    /// The private half, ready to sign.
    pub encoding: EncodingKey,
    /// The public half as a JWK (`kty`, `n`, `e`, `kid`, `use`, `alg`).
    pub jwk: serde_json::Value,
}

impl Keys {
    /// Keys, newest first.
    pub fn new(keys: Vec<Key>) -> Self {
        Self { keys }
    }
    /// The key that signs at this time: the newest that was published for long enough; the oldest where none was, as in a new store.
    pub fn signing(&self, now: Millis) -> Option<&Key> {
        self.keys.iter().find(|key| key.created + AHEAD <= now).or(self.keys.last())
    }
    /// Whether these are the keys of that name, and no others.
    pub fn are(&self, kids: &[&str]) -> bool {
        self.keys.iter().map(|key| key.kid.as_str()).eq(kids.iter().copied())
    }
    /// The JWKS document (smart.md 9).
    pub fn jwks(&self) -> serde_json::Value {
        serde_json::json!({ "keys": self.keys.iter().map(|key| &key.jwk).collect::<Vec<_>>() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_key_is_published_a_day_before_it_signs() {
        let key = |kid: &str, created| Key { kid: kid.into(), created, encoding: EncodingKey::from_secret(b""), jwk: kid.into() };
        let first = Keys::new(vec![key("first", 1000)]);
        assert_eq!(first.signing(1000).unwrap().kid, "first");
        let both = Keys::new(vec![key("next", AGE), key("first", 1000)]);
        assert_eq!(both.jwks()["keys"], serde_json::json!(["next", "first"]));
        assert_eq!(both.signing(AGE + AHEAD - 1).unwrap().kid, "first");
        assert_eq!(both.signing(AGE + AHEAD).unwrap().kid, "next");
        // A second key in the first day of a store changes nothing before its own day is over.
        let early = Keys::new(vec![key("next", 2000), key("first", 1000)]);
        assert_eq!(
            (early.signing(3000).unwrap().kid.as_str(), early.signing(2000 + AHEAD).unwrap().kid.as_str()),
            ("first", "next")
        );
        assert!(Keys::new(Vec::new()).signing(0).is_none());
    }
}
