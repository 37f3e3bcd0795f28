//! Signatures for JSON Web Tokens, on ring: the provider that `jsonwebtoken` works with, the making of the id_token key and its loading.
//!
//! ring cannot make RSA keys, so the crate `rsa` makes the one key a store needs. It never signs: its private-key operations are not
//! constant in time.

use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jsonwebtoken::crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::{Error as JwtError, ErrorKind};
use jsonwebtoken::jwk::{EllipticCurve, ThumbprintHash};
use jsonwebtoken::signature::{self, Signer, Verifier};
use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey, DecodingKeyKind, EncodingKey};
use ring::rand::SystemRandom;
use ring::rsa::PublicKeyComponents;
use ring::signature::{EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RsaKeyPair, UnparsedPublicKey};
use rsa::pkcs1::DecodeRsaPublicKey as _;
use rsa::pkcs8::EncodePrivateKey as _;
use rsa::traits::PublicKeyParts as _;
use zeroize::Zeroizing;

use crate::error::{EREF_CONFIG, EREF_PANIC, EREF_STORE_KEY, Error, Result};
use crate::io::clock;
use crate::proto::settings::{AssertionAlgorithm, Secret};
use crate::proto::smart::keys::Key;
use crate::proto::store::SigningKey;

type JwtResult<T> = std::result::Result<T, JwtError>;
type SignatureResult<T> = std::result::Result<T, signature::Error>;

/// Makes ring the crypto of every JWT in this library. Call before the first signature; calling again changes nothing.
pub fn install() {
    // The slot belongs to our copy of the crate. It can only be taken by an earlier call of this function.
    let _ = PROVIDER.install_default();
}

/// Makes an RSA key of 2048 bits for id_tokens (smart.md 9). Returns PKCS#8 DER, wiped when dropped. Takes up to a few seconds.
pub fn generate_signing_key() -> Result<Zeroizing<Vec<u8>>> {
    let failed = |_| Error::new(EREF_PANIC, "the key for id_tokens could not be made");
    let key = rsa::RsaPrivateKey::new(&mut SystemRng, 2048).map_err(failed)?;
    let document =
        key.to_pkcs8_der().map_err(|_| Error::new(EREF_PANIC, "the key for id_tokens could not be written as PKCS#8"))?;
    Ok(document.to_bytes())
}

/// Makes a kept key ready to sign. `EREF_STORE_KEY` when the stored bytes are not an RSA key.
pub fn load(key: &SigningKey) -> Result<Key> {
    let broken =
        || Error::new(EREF_STORE_KEY, format!("the signing key {} in the store is not an RSA key in PKCS#8 form", key.kid));
    let encoding = EncodingKey::from_rsa_der(&key.der);
    let pair = rsa_pair(&encoding).map_err(|_| broken())?;
    let public = PublicKeyComponents::<Vec<u8>>::from(pair.public());
    let jwk = serde_json::json!({
        "kty": "RSA", "use": "sig", "alg": "RS256", "kid": key.kid,
        "n": BASE64_URL_SAFE_NO_PAD.encode(public.n), "e": BASE64_URL_SAFE_NO_PAD.encode(public.e),
    });
    Ok(Key { kid: key.kid.clone(), created: key.created, encoding, jwk })
}

/// The system's random source in the form the crate `rsa` takes.
struct SystemRng;

impl rsa::rand_core::RngCore for SystemRng {
    fn next_u32(&mut self) -> u32 {
        rsa::rand_core::impls::next_u32_via_fill(self)
    }
    fn next_u64(&mut self) -> u64 {
        rsa::rand_core::impls::next_u64_via_fill(self)
    }
    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        for piece in bytes.chunks_mut(32) {
            let random = Zeroizing::new(clock::random());
            piece.iter_mut().zip(random.iter()).for_each(|(to, from)| *to = *from);
        }
    }
    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> std::result::Result<(), rsa::rand_core::Error> {
        self.fill_bytes(bytes);
        Ok(())
    }
}

impl rsa::rand_core::CryptoRng for SystemRng {}

static PROVIDER: CryptoProvider = CryptoProvider {
    signer_factory: new_signer,
    verifier_factory: new_verifier,
    key_utils: KeyUtils {
        rsa_pub_components_from_private_key,
        rsa_pub_components_from_public_key,
        ec_pub_components_from_private_key,
        ed_pub_components_from_private_key,
        compute_digest,
    },
};

/// A private key with the algorithm it signs by.
struct RsaSigner {
    algorithm: Algorithm,
    encoding: &'static dyn ring::signature::RsaEncoding,
    pair: Arc<RsaKeyPair>,
}

/// The key that signs our assertions at a token endpoint. `EREF_CONFIG` when the text is no key of that kind.
pub fn assertion_key(algorithm: AssertionAlgorithm, pem: &Secret) -> Result<(Algorithm, EncodingKey)> {
    let bytes = pem.expose().as_bytes();
    let (algorithm, key) = match algorithm {
        AssertionAlgorithm::RS256 => (Algorithm::RS256, EncodingKey::from_rsa_pem(bytes)),
        AssertionAlgorithm::RS384 => (Algorithm::RS384, EncodingKey::from_rsa_pem(bytes)),
        AssertionAlgorithm::ES256 => (Algorithm::ES256, EncodingKey::from_ec_pem(bytes)),
        AssertionAlgorithm::ES384 => (Algorithm::ES384, EncodingKey::from_ec_pem(bytes)),
    };
    let unusable = |_| Error::new(EREF_CONFIG, "the key cannot sign by that algorithm");
    let key = key.map_err(unusable)?;
    new_signer(&algorithm, &key).map_err(unusable)?;
    Ok((algorithm, key))
}

/// A private key on a curve.
struct EcSigner {
    algorithm: Algorithm,
    pair: EcdsaKeyPair,
}

impl Signer<Vec<u8>> for EcSigner {
    fn try_sign(&self, message: &[u8]) -> SignatureResult<Vec<u8>> {
        let signed = self.pair.sign(&SystemRandom::new(), message);
        signed.map(|signature| signature.as_ref().to_vec()).map_err(|_| signature::Error::new())
    }
}

impl JwtSigner for EcSigner {
    fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
}

fn ec_signer(
    algorithm: Algorithm,
    curve: &'static ring::signature::EcdsaSigningAlgorithm,
    key: &EncodingKey,
) -> JwtResult<Box<dyn JwtSigner>> {
    if key.family() != AlgorithmFamily::Ec {
        return Err(ErrorKind::InvalidKeyFormat.into());
    }
    let pair = EcdsaKeyPair::from_pkcs8(curve, key.as_bytes(), &SystemRandom::new()).map_err(|_| ErrorKind::InvalidEcdsaKey)?;
    Ok(Box::new(EcSigner { algorithm, pair }))
}

fn new_signer(algorithm: &Algorithm, key: &EncodingKey) -> JwtResult<Box<dyn JwtSigner>> {
    let encoding: &'static dyn ring::signature::RsaEncoding = match algorithm {
        Algorithm::RS256 => &ring::signature::RSA_PKCS1_SHA256,
        Algorithm::RS384 => &ring::signature::RSA_PKCS1_SHA384,
        Algorithm::ES256 => return ec_signer(*algorithm, &ring::signature::ECDSA_P256_SHA256_FIXED_SIGNING, key),
        Algorithm::ES384 => return ec_signer(*algorithm, &ring::signature::ECDSA_P384_SHA384_FIXED_SIGNING, key),
        _ => return Err(ErrorKind::UnsupportedAlgorithm.into()),
    };
    Ok(Box::new(RsaSigner { algorithm: *algorithm, encoding, pair: rsa_pair(key)? }))
}

impl Signer<Vec<u8>> for RsaSigner {
    fn try_sign(&self, message: &[u8]) -> SignatureResult<Vec<u8>> {
        let mut signature = vec![0; self.pair.public().modulus_len()];
        let signed = self.pair.sign(self.encoding, &SystemRandom::new(), message, &mut signature);
        signed.map(|()| signature).map_err(|_| signature::Error::new())
    }
}

impl JwtSigner for RsaSigner {
    fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
}

/// How many parsed keys are kept: one per engine of the process, and its predecessors.
const KEPT_PAIRS: usize = 8;

/// A parsed key under the SHA-256 of its DER.
type KeptPair = ([u8; 32], Arc<RsaKeyPair>);

/// Parsed keys, newest first. `EncodingKey` holds only DER, and parsing that costs about as much as a signature.
static PAIRS: Mutex<Vec<KeptPair>> = Mutex::new(Vec::new());

fn rsa_pair(key: &EncodingKey) -> JwtResult<Arc<RsaKeyPair>> {
    if key.family() != AlgorithmFamily::Rsa {
        return Err(ErrorKind::InvalidKeyFormat.into());
    }
    let digest = ring::digest::digest(&ring::digest::SHA256, key.as_bytes());
    let known = PAIRS
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .iter()
        .find(|kept| kept.0 == digest.as_ref())
        .map(|kept| kept.1.clone());
    if let Some(pair) = known {
        return Ok(pair);
    }
    // PEM files in the older form arrive here as PKCS#1.
    let parsed = RsaKeyPair::from_pkcs8(key.as_bytes()).or_else(|_| RsaKeyPair::from_der(key.as_bytes()));
    let pair = Arc::new(parsed.map_err(|reason| ErrorKind::InvalidRsaKey(reason.to_string()))?);
    let mut pairs = PAIRS.lock().unwrap_or_else(PoisonError::into_inner);
    pairs.truncate(KEPT_PAIRS - 1);
    pairs.insert(0, (digest.as_ref().try_into().unwrap_or_default(), pair.clone()));
    Ok(pair)
}

/// A public key with the algorithm it verifies by.
struct RingVerifier {
    algorithm: Algorithm,
    rule: Rule,
    key: DecodingKey,
}

#[derive(Clone, Copy)]
enum Rule {
    Rsa(&'static ring::signature::RsaParameters),
    Other(&'static dyn ring::signature::VerificationAlgorithm),
}

fn new_verifier(algorithm: &Algorithm, key: &DecodingKey) -> JwtResult<Box<dyn JwtVerifier>> {
    let (family, rule) = match algorithm {
        Algorithm::RS256 => (AlgorithmFamily::Rsa, Rule::Rsa(&ring::signature::RSA_PKCS1_2048_8192_SHA256)),
        Algorithm::RS384 => (AlgorithmFamily::Rsa, Rule::Rsa(&ring::signature::RSA_PKCS1_2048_8192_SHA384)),
        Algorithm::RS512 => (AlgorithmFamily::Rsa, Rule::Rsa(&ring::signature::RSA_PKCS1_2048_8192_SHA512)),
        Algorithm::PS256 => (AlgorithmFamily::Rsa, Rule::Rsa(&ring::signature::RSA_PSS_2048_8192_SHA256)),
        Algorithm::ES256 => (AlgorithmFamily::Ec, Rule::Other(&ring::signature::ECDSA_P256_SHA256_FIXED)),
        Algorithm::ES384 => (AlgorithmFamily::Ec, Rule::Other(&ring::signature::ECDSA_P384_SHA384_FIXED)),
        _ => return Err(ErrorKind::UnsupportedAlgorithm.into()),
    };
    if key.family() != family {
        return Err(ErrorKind::InvalidKeyFormat.into());
    }
    Ok(Box::new(RingVerifier { algorithm: *algorithm, rule, key: key.clone() }))
}

impl Verifier<Vec<u8>> for RingVerifier {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> SignatureResult<()> {
        let verified = match (self.key.kind(), self.rule) {
            (DecodingKeyKind::RsaModulusExponent { n, e }, Rule::Rsa(rule)) => {
                PublicKeyComponents { n, e }.verify(rule, message, signature)
            }
            (DecodingKeyKind::SecretOrDer(der), Rule::Rsa(rule)) => UnparsedPublicKey::new(rule, der).verify(message, signature),
            (DecodingKeyKind::SecretOrDer(der), Rule::Other(rule)) => UnparsedPublicKey::new(rule, der).verify(message, signature),
            (DecodingKeyKind::RsaModulusExponent { .. }, Rule::Other(_)) => return Err(signature::Error::new()),
        };
        verified.map_err(|_| signature::Error::new())
    }
}

impl JwtVerifier for RingVerifier {
    fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
}

fn rsa_pub_components_from_private_key(der: &[u8]) -> JwtResult<(Vec<u8>, Vec<u8>)> {
    let pair = rsa_pair(&EncodingKey::from_rsa_der(der))?;
    let public = PublicKeyComponents::<Vec<u8>>::from(pair.public());
    Ok((public.n, public.e))
}

fn rsa_pub_components_from_public_key(der: &[u8]) -> JwtResult<(Vec<u8>, Vec<u8>)> {
    let key = rsa::RsaPublicKey::from_pkcs1_der(der).map_err(|reason| ErrorKind::InvalidRsaKey(reason.to_string()))?;
    Ok((key.n().to_bytes_be(), key.e().to_bytes_be()))
}

fn ec_pub_components_from_private_key(der: &[u8], algorithm: Algorithm) -> JwtResult<(EllipticCurve, Vec<u8>, Vec<u8>)> {
    let (signing, curve) = match algorithm {
        Algorithm::ES256 => (&ring::signature::ECDSA_P256_SHA256_FIXED_SIGNING, EllipticCurve::P256),
        Algorithm::ES384 => (&ring::signature::ECDSA_P384_SHA384_FIXED_SIGNING, EllipticCurve::P384),
        _ => return Err(ErrorKind::UnsupportedAlgorithm.into()),
    };
    let pair = EcdsaKeyPair::from_pkcs8(signing, der, &SystemRandom::new()).map_err(|_| ErrorKind::InvalidEcdsaKey)?;
    // An uncompressed point: the byte 4, then x and y in equal length (SEC 1, 2.3.3).
    let point = pair.public_key().as_ref().strip_prefix(&[4]).ok_or(ErrorKind::InvalidEcdsaKey)?;
    let (x, y) = point.split_at(point.len() / 2);
    Ok((curve, x.to_vec(), y.to_vec()))
}

fn ed_pub_components_from_private_key(der: &[u8], curve: &EllipticCurve) -> JwtResult<Vec<u8>> {
    if *curve != EllipticCurve::Ed25519 {
        return Err(ErrorKind::UnsupportedAlgorithm.into());
    }
    let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(der).map_err(|_| ErrorKind::InvalidEddsaKey)?;
    Ok(pair.public_key().as_ref().to_vec())
}

fn compute_digest(data: &[u8], hash: ThumbprintHash) -> JwtResult<Vec<u8>> {
    let algorithm = match hash {
        ThumbprintHash::SHA256 => &ring::digest::SHA256,
        ThumbprintHash::SHA384 => &ring::digest::SHA384,
        ThumbprintHash::SHA512 => &ring::digest::SHA512,
        _ => return Err(ErrorKind::UnsupportedAlgorithm.into()),
    };
    Ok(ring::digest::digest(algorithm, data).as_ref().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;
    use jsonwebtoken::{Header, Validation, decode, encode};
    use serde_json::{Value, json};
    use std::sync::LazyLock;

    static MADE: LazyLock<Zeroizing<Vec<u8>>> = LazyLock::new(|| generate_signing_key().unwrap());

    fn stored(kid: &str) -> SigningKey {
        SigningKey { kid: kid.to_owned(), der: MADE.clone(), created: 0 }
    }

    fn rules(algorithm: Algorithm) -> Validation {
        let mut rules = Validation::new(algorithm);
        rules.set_required_spec_claims::<&str>(&[]);
        rules.validate_exp = false;
        rules
    }

    #[test]
    fn a_made_key_signs_what_its_own_jwk_verifies() {
        install();
        let key = load(&stored("k1")).unwrap();
        let token = encode(&Header::new(Algorithm::RS256), &json!({"sub": "u1"}), &key.encoding).unwrap();
        let public = DecodingKey::from_jwk(&serde_json::from_value(key.jwk.clone()).unwrap()).unwrap();
        assert_eq!(decode::<Value>(&token, &public, &rules(Algorithm::RS256)).unwrap().claims["sub"], "u1");
        assert_eq!(key.jwk["kid"], "k1");
        assert_eq!(key.jwk["e"], "AQAB");
        assert!(key.jwk.get("d").is_none());
    }

    #[test]
    fn refuses_a_token_whose_content_was_changed() {
        install();
        let key = load(&stored("k1")).unwrap();
        let token = encode(&Header::new(Algorithm::RS256), &json!({"sub": "u1"}), &key.encoding).unwrap();
        let other = BASE64_URL_SAFE_NO_PAD.encode(r#"{"sub":"u2"}"#);
        let parts: Vec<&str> = token.split('.').collect();
        let forged = format!("{}.{other}.{}", parts[0], parts[2]);
        let public = DecodingKey::from_jwk(&serde_json::from_value(key.jwk).unwrap()).unwrap();
        let refused = decode::<Value>(&forged, &public, &rules(Algorithm::RS256)).unwrap_err();
        assert!(matches!(refused.kind(), ErrorKind::InvalidSignature));
    }

    #[test]
    fn the_provider_verifies_a_curve_signature() {
        install();
        let random = SystemRandom::new();
        let signing = &ring::signature::ECDSA_P384_SHA384_FIXED_SIGNING;
        let der = EcdsaKeyPair::generate_pkcs8(signing, &random).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(signing, der.as_ref(), &random).unwrap();
        let signed = format!(
            "{}.{}",
            BASE64_URL_SAFE_NO_PAD.encode(r#"{"alg":"ES384"}"#),
            BASE64_URL_SAFE_NO_PAD.encode(r#"{"iss":"app"}"#)
        );
        let signature = BASE64_URL_SAFE_NO_PAD.encode(pair.sign(&random, signed.as_bytes()).unwrap());
        let (_, x, y) = ec_pub_components_from_private_key(der.as_ref(), Algorithm::ES384).unwrap();
        let (x, y) = (BASE64_URL_SAFE_NO_PAD.encode(x), BASE64_URL_SAFE_NO_PAD.encode(y));
        let public = DecodingKey::from_ec_components(&x, &y).unwrap();
        let token = format!("{signed}.{signature}");
        assert_eq!(decode::<Value>(&token, &public, &rules(Algorithm::ES384)).unwrap().claims["iss"], "app");
    }

    #[test]
    fn algorithms_we_do_not_speak_are_errors_and_no_panic() {
        install();
        let refused = encode(&Header::new(Algorithm::HS256), &json!({}), &EncodingKey::from_secret(b"secret")).unwrap_err();
        assert!(matches!(refused.kind(), ErrorKind::UnsupportedAlgorithm));
    }

    #[test]
    fn a_broken_stored_key_is_named_by_its_id_only() {
        let broken = SigningKey { kid: "k9".to_owned(), der: Zeroizing::new(b"no key".to_vec()), created: 0 };
        let error = load(&broken).err().unwrap();
        assert_eq!(error.status(), EREF_STORE_KEY);
        assert!(error.message().contains("k9") && !error.message().contains("no key"));
    }

    #[test]
    fn a_key_is_parsed_once() {
        let first = rsa_pair(&load(&stored("k1")).unwrap().encoding).unwrap();
        let second = rsa_pair(&load(&stored("k2")).unwrap().encoding).unwrap();
        assert!(Arc::ptr_eq(&first, &second));
    }
}
