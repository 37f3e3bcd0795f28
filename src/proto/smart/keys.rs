//! The keys that sign id_tokens, parsed once and kept ready.

use jsonwebtoken::EncodingKey;

/// Signing keys, newest first.
pub struct Keys {
    keys: Vec<Key>,
}

/// One RSA key.
pub struct Key {
    /// Its id in the JWKS.
    pub kid: String,
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
    /// The key that signs.
    pub fn signing(&self) -> Option<&Key> {
        self.keys.first()
    }
    /// The JWKS document (smart.md 9).
    pub fn jwks(&self) -> serde_json::Value {
        serde_json::json!({ "keys": self.keys.iter().map(|key| &key.jwk).collect::<Vec<_>>() })
    }
}
