//! Checking the id_token (smart.md 17, rule 9; OpenID Connect Core 3.1.3.7).

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::Deserialize;
use serde_json::Value;

use crate::Result;

/// What the token must say.
pub struct Expected<'a> {
    pub issuer: &'a str,
    pub client_id: &'a str,
    pub nonce: &'a str,
    pub access_token: &'a str,
}

/// What it says about the user.
#[derive(Debug, Deserialize)]
pub struct Claims {
    pub sub: String,
    #[serde(default, rename = "fhirUser")]
    pub fhir_user: Option<String>,
    #[serde(default)]
    nonce: Option<String>,
    #[serde(default)]
    at_hash: Option<String>,
    iat: u64,
}

/// Signature by a key of the JWKS, RS256 only; issuer, audience, expiry, nonce and at_hash.
pub fn check(token: &str, jwks: &Value, expected: &Expected<'_>, now_seconds: u64) -> Result<Claims> {
    let header = jsonwebtoken::decode_header(token).map_err(|error| format!("the id_token is malformed: {error}"))?;
    if header.alg != Algorithm::RS256 {
        return Err("the id_token is not signed with RS256".to_owned());
    }
    let kid = header.kid.ok_or("the id_token names no key")?;
    let keys = jwks["keys"].as_array().ok_or("the JWKS has no keys")?;
    let key = keys.iter().find(|key| key["kid"] == kid.as_str() && key["kty"] == "RSA");
    let key = key.ok_or("the key that signed the id_token is not in the JWKS")?;
    let (Some(n), Some(e)) = (key["n"].as_str(), key["e"].as_str()) else {
        return Err("the key in the JWKS is incomplete".to_owned());
    };
    let decoding = DecodingKey::from_rsa_components(n, e).map_err(|error| format!("the key in the JWKS is unusable: {error}"))?;

    let mut rules = Validation::new(Algorithm::RS256);
    rules.set_issuer(&[expected.issuer]);
    rules.set_audience(&[expected.client_id]);
    rules.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
    rules.leeway = 60;
    let claims = jsonwebtoken::decode::<Claims>(token, &decoding, &rules)
        .map_err(|error| format!("the id_token is not acceptable: {error}"))?
        .claims;
    if claims.iat > now_seconds + 60 {
        return Err("the id_token is from the future".to_owned());
    }
    if claims.nonce.as_deref() != Some(expected.nonce) {
        return Err("the id_token carries another nonce".to_owned());
    }
    if claims.at_hash.as_deref().is_some_and(|hash| hash != at_hash(expected.access_token)) {
        return Err("the id_token belongs to another access token".to_owned());
    }
    Ok(claims)
}

/// The left half of the SHA-256 of the access token (OpenID Connect Core 3.1.3.6).
fn at_hash(access_token: &str) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, access_token.as_bytes());
    BASE64_URL_SAFE_NO_PAD.encode(digest.as_ref().split_at(16).0)
}

#[cfg(test)]
mod tests {
    use ereferral::io::crypto;
    use ereferral::proto::smart::keys::Key;
    use ereferral::proto::store::SigningKey;
    use jsonwebtoken::Header;
    use serde_json::json;

    use super::*;

    const EXPECTED: Expected<'_> =
        Expected { issuer: "https://pos.test/fhir", client_id: "app", nonce: "n1", access_token: "token" };

    fn key(kid: &str) -> Key {
        crypto::install();
        let der = crypto::generate_signing_key().unwrap();
        crypto::load(&SigningKey { kid: kid.to_owned(), der, created: 0 }).unwrap()
    }

    fn now() -> u64 {
        std::time::SystemTime::now().duration_since(std::time::SystemTime::UNIX_EPOCH).unwrap().as_secs()
    }

    fn claims() -> Value {
        json!({"iss": "https://pos.test/fhir", "aud": "app", "sub": "u1", "nonce": "n1", "iat": now(), "exp": now() + 300,
               "at_hash": at_hash("token"), "fhirUser": "https://pos.test/fhir/Practitioner/1"})
    }

    fn sign(key: &Key, claims: &Value) -> String {
        let mut header = Header::new(Algorithm::RS256);
        header.kid = Some(key.kid.clone());
        jsonwebtoken::encode(&header, claims, &key.encoding).unwrap()
    }

    #[test]
    fn a_token_must_be_for_us_from_them_now_and_for_this_launch() {
        let key = key("k1");
        let jwks = json!({"keys": [key.jwk]});
        let good = check(&sign(&key, &claims()), &jwks, &EXPECTED, now()).unwrap();
        assert_eq!(good.sub, "u1");
        assert_eq!(good.fhir_user.as_deref(), Some("https://pos.test/fhir/Practitioner/1"));
        for (member, value) in [
            ("iss", json!("https://other.test/fhir")),
            ("aud", json!("other")),
            ("nonce", json!("n2")),
            ("nonce", Value::Null),
            ("exp", json!(now() - 120)),
            ("iat", json!(now() + 600)),
            ("at_hash", json!(at_hash("other token"))),
        ] {
            let mut changed = claims();
            changed[member] = value.clone();
            assert!(check(&sign(&key, &changed), &jwks, &EXPECTED, now()).is_err(), "{member}: {value}");
        }
    }

    #[test]
    fn a_token_signed_by_another_key_is_refused() {
        let (known, forged) = (key("k1"), key("k1"));
        let jwks = json!({"keys": [known.jwk]});
        assert!(check(&sign(&forged, &claims()), &jwks, &EXPECTED, now()).is_err());
        assert!(check(&sign(&key("k2"), &claims()), &jwks, &EXPECTED, now()).is_err());
    }

    #[test]
    fn unsigned_and_symmetric_tokens_are_refused() {
        let key = key("k1");
        let jwks = json!({"keys": [key.jwk]});
        let encode = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
        for alg in ["none", "HS256"] {
            let token = format!("{}.{}.", encode(&json!({"alg": alg, "kid": "k1"})), encode(&claims()));
            assert!(check(&token, &jwks, &EXPECTED, now()).is_err(), "{alg}");
        }
    }
}
