//! How we show who we are at a partner's token endpoint (messaging.md 9; RFC 6749 4.4, RFC 7523, RFC 8705).

use base64::Engine as _;
use serde_json::{Value, json};

use crate::error::{EREF_REMOTE, Error, Result};
use crate::proto::settings::{ClientCredentials, Secret, SecretPlace};
use crate::proto::store::Millis;

/// A token is fetched anew this long before it runs out (messaging.md 9).
const MARGIN: Millis = 60_000;
/// Life of an assertion, in seconds.
const ASSERTION: i64 = 300;

/// What is posted to the token endpoint. Both parts are secret.
pub struct TokenRequest {
    /// The value of the Authorization header, if there is one.
    pub authorization: Option<Secret>,
    /// The form.
    pub form: Secret,
}

/// What the key of a client without a secret signs; `id` is fresh for each request.
pub fn assertion(credentials: &ClientCredentials, now: Millis, id: &str) -> Value {
    let audience = credentials.private_key_jwt.as_ref().and_then(|signed| signed.audience.as_deref());
    let seconds = now / 1000;
    json!({
        "iss": credentials.client_id, "sub": credentials.client_id, "jti": id, "iat": seconds, "exp": seconds + ASSERTION,
        "aud": audience.unwrap_or(credentials.token_url.as_str()),
    })
}

/// The request: the secret in the body or by Basic, or a signed assertion, or the client id alone, which the TLS certificate proves.
pub fn token_request(credentials: &ClientCredentials, assertion: Option<&str>) -> TokenRequest {
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    form.append_pair("grant_type", "client_credentials");
    let secret = credentials.client_secret.as_ref().map(|source| source.secret().expose());
    let mut authorization = None;
    match (secret, credentials.secret_in) {
        (Some(secret), SecretPlace::Basic) => {
            let encode = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
            let pair = format!("{}:{}", encode(&credentials.client_id), encode(secret));
            authorization = Some(Secret::new(format!("Basic {}", base64::prelude::BASE64_STANDARD.encode(pair))));
        }
        (Some(secret), SecretPlace::Body) => {
            form.append_pair("client_id", &credentials.client_id).append_pair("client_secret", secret);
        }
        (None, _) => {
            form.append_pair("client_id", &credentials.client_id);
        }
    }
    if let Some(assertion) = assertion {
        form.append_pair("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
        form.append_pair("client_assertion", assertion);
    }
    if let Some(scope) = &credentials.scope {
        form.append_pair("scope", scope);
    }
    TokenRequest { authorization, form: Secret::new(form.finish()) }
}

/// The token granted, and until when it is used. `EREF_REMOTE` when the endpoint granted none.
pub fn granted(status: u16, body: &[u8], now: Millis) -> Result<(Secret, Millis)> {
    #[derive(serde::Deserialize)]
    struct Granted {
        access_token: Secret,
        expires_in: Option<Value>,
    }
    if status != 200 {
        return Err(Error::new(EREF_REMOTE, format!("the token endpoint answered {status}")).with_http_status(status));
    }
    let without = || Error::new(EREF_REMOTE, "the token endpoint's answer has no access_token").with_http_status(status);
    let granted: Granted = serde_json::from_slice(body).map_err(|_| without())?;
    // Whatever cannot stand in a header is no token (RFC 6750 2.1).
    if granted.access_token.expose().is_empty() || !granted.access_token.expose().bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(without());
    }
    // Some servers send the number as a text; without one the token is used once.
    let seconds = granted.expires_in.and_then(|value| value.as_i64().or_else(|| value.as_str()?.parse().ok())).unwrap_or(0);
    let until = now.saturating_add(seconds.clamp(0, 86_400 * 365).saturating_mul(1000)).saturating_sub(MARGIN);
    Ok((granted.access_token, until))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn credentials(change: Value) -> ClientCredentials {
        let mut document = json!({"token_url": "https://rms.test/token", "client_id": "pos one"});
        for (name, value) in change.as_object().unwrap() {
            document[name] = value.clone();
        }
        serde_json::from_value(document).unwrap()
    }

    fn sent(change: Value, assertion: Option<&str>) -> (Option<String>, String) {
        let request = token_request(&credentials(change), assertion);
        (request.authorization.map(|value| value.expose().to_owned()), request.form.expose().to_owned())
    }

    #[test]
    fn each_way_to_show_who_we_are_has_its_form() {
        let secret = "s:cret/of+ours&more";
        assert_eq!(
            sent(json!({"client_secret": secret, "scope": "a b"}), None),
            (
                None,
                "grant_type=client_credentials&client_id=pos+one&client_secret=s%3Acret%2Fof%2Bours%26more&scope=a+b".to_owned()
            )
        );
        let (authorization, form) = sent(json!({"client_secret": secret, "secret_in": "basic"}), None);
        // RFC 6749 2.3.1: each part is form-encoded before the two are joined: pos+one:s%3Acret%2Fof%2Bours%26more
        assert_eq!(authorization.unwrap(), "Basic cG9zK29uZTpzJTNBY3JldCUyRm9mJTJCb3VycyUyNm1vcmU=");
        assert_eq!(form, "grant_type=client_credentials");
        let (authorization, form) = sent(json!({}), Some("a.b.c"));
        assert_eq!(authorization, None);
        assert_eq!(
            form,
            "grant_type=client_credentials&client_id=pos+one\
             &client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer&client_assertion=a.b.c"
        );
        assert_eq!(sent(json!({}), None).1, "grant_type=client_credentials&client_id=pos+one");
    }

    #[test]
    fn an_assertion_is_for_the_token_endpoint_and_lives_five_minutes() {
        let claims = assertion(&credentials(json!({})), 1_000_999, "j-1");
        assert_eq!(
            claims,
            json!({"iss": "pos one", "sub": "pos one", "jti": "j-1", "iat": 1000, "exp": 1300, "aud": "https://rms.test/token"})
        );
        let named = credentials(json!({"private_key_jwt": {"key": "pem", "audience": "https://rms.test"}}));
        assert_eq!(assertion(&named, 0, "j")["aud"], "https://rms.test");
    }

    #[test]
    fn a_token_is_used_until_a_minute_before_its_end() {
        let until = |expires: &str| granted(200, format!(r#"{{"access_token":"t"{expires}}}"#).as_bytes(), 5).unwrap().1;
        assert_eq!(until(r#","expires_in":3600"#), 5 + 3_540_000);
        assert_eq!(until(r#","expires_in":"3600""#), 5 + 3_540_000);
        assert!(until("") < 5 && until(r#","expires_in":30"#) < 5, "used once");
    }

    #[test]
    fn no_token_is_an_error_that_repeats_nothing() {
        for (status, body) in
            [(401, "{}"), (200, "{}"), (200, "Testpatient"), (200, r#"{"access_token":""}"#), (200, "{\"access_token\":\"a\\nb\"}")]
        {
            let error = granted(status, body.as_bytes(), 0).err().unwrap();
            assert_eq!(error.http_status(), status);
            assert!(!error.message().contains("Testpatient"));
        }
    }
}
