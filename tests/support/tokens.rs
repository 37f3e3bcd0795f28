//! Tokens that others sign, with invented keys.
#![allow(dead_code)]

use std::sync::LazyLock;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as B64;
use ring::rand::SystemRandom;
use ring::rsa::PublicKeyComponents;
use ring::signature::{self, EcdsaKeyPair, KeyPair as _, RsaKeyPair};
use serde_json::{Value, json};

/// Making an RSA key takes long, so that all tests of a file share one.
static RSA: LazyLock<Vec<u8>> = LazyLock::new(|| ereferral::io::crypto::generate_signing_key().unwrap().to_vec());

/// Somebody's key and the algorithm they sign by.
pub struct Signer {
    pub algorithm: &'static str,
    pub kid: &'static str,
    key: Key,
}

enum Key {
    Rsa(RsaKeyPair, &'static dyn signature::RsaEncoding),
    Ec(EcdsaKeyPair, &'static str),
}

pub fn part(value: &Value) -> String {
    B64.encode(value.to_string())
}

impl Signer {
    pub fn new(algorithm: &'static str, kid: &'static str) -> Self {
        let rsa = |encoding| Key::Rsa(RsaKeyPair::from_pkcs8(&RSA).unwrap(), encoding);
        let ec = |signing, curve| {
            let der = EcdsaKeyPair::generate_pkcs8(signing, &SystemRandom::new()).unwrap();
            Key::Ec(EcdsaKeyPair::from_pkcs8(signing, der.as_ref(), &SystemRandom::new()).unwrap(), curve)
        };
        let key = match algorithm {
            "RS256" => rsa(&signature::RSA_PKCS1_SHA256),
            "RS384" => rsa(&signature::RSA_PKCS1_SHA384),
            "PS256" => rsa(&signature::RSA_PSS_SHA256),
            "ES256" => ec(&signature::ECDSA_P256_SHA256_FIXED_SIGNING, "P-256"),
            "ES384" => ec(&signature::ECDSA_P384_SHA384_FIXED_SIGNING, "P-384"),
            other => panic!("no such algorithm: {other}"),
        };
        Self { algorithm, kid, key }
    }

    /// The public key.
    pub fn jwk(&self) -> Value {
        match &self.key {
            Key::Rsa(pair, _) => {
                let public = PublicKeyComponents::<Vec<u8>>::from(pair.public());
                json!({"kty": "RSA", "kid": self.kid, "use": "sig", "n": B64.encode(public.n), "e": B64.encode(public.e)})
            }
            Key::Ec(pair, curve) => {
                let (x, y) = pair.public_key().as_ref()[1..].split_at(pair.public_key().as_ref().len() / 2);
                json!({"kty": "EC", "crv": curve, "kid": self.kid, "x": B64.encode(x), "y": B64.encode(y)})
            }
        }
    }

    /// A set with this key alone.
    pub fn jwks(&self) -> Value {
        json!({"keys": [self.jwk()]})
    }

    pub fn token(&self, claims: &Value) -> String {
        self.token_with(&json!({"alg": self.algorithm, "kid": self.kid, "typ": "JWT"}), claims)
    }

    /// With that header, whatever it says.
    pub fn token_with(&self, head: &Value, claims: &Value) -> String {
        let signed = format!("{}.{}", part(head), part(claims));
        let signature = match &self.key {
            Key::Rsa(pair, encoding) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(*encoding, &SystemRandom::new(), signed.as_bytes(), &mut signature).unwrap();
                signature
            }
            Key::Ec(pair, _) => pair.sign(&SystemRandom::new(), signed.as_bytes()).unwrap().as_ref().to_vec(),
        };
        format!("{signed}.{}", B64.encode(signature))
    }
}
