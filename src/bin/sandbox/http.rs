//! The app's outgoing requests: HTTPS with the given authorities only, no redirects, every time limit set.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, TlsProvider};

use crate::Result;

/// Sends requests for the SMART App.
pub struct Http(ureq::Agent);

/// What came back.
pub struct Answer {
    pub status: u16,
    pub location: Option<String>,
    pub body: Vec<u8>,
}

impl Answer {
    /// The body as JSON, when the status is the expected one.
    pub fn json(&self, what: &str, status: u16) -> Result<Value> {
        if self.status != status {
            let said = String::from_utf8_lossy(&self.body).chars().take(600).collect::<String>();
            return Err(format!("{what} answered {} where {status} was expected: {said}", self.status));
        }
        serde_json::from_slice(&self.body).map_err(|error| format!("{what} answered no JSON: {error}"))
    }
}

impl Http {
    /// Trusts the authorities in `pem` and nothing else.
    pub fn new(pem: &[u8]) -> Result<Self> {
        let mut roots: Vec<Certificate<'static>> = Vec::new();
        for item in ureq::tls::parse_pem(pem) {
            if let PemItem::Certificate(certificate) = item.map_err(|error| format!("the CA file is not PEM: {error}"))? {
                roots.push(certificate);
            }
        }
        if roots.is_empty() {
            return Err("the CA file holds no certificate".to_owned());
        }
        let tls = TlsConfig::builder()
            .provider(TlsProvider::Rustls)
            .root_certs(RootCerts::new_with_certs(&roots))
            .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .build();
        let config = ureq::Agent::config_builder()
            .tls_config(tls)
            .https_only(true)
            .proxy(None)
            .max_redirects(0)
            .http_status_as_error(false)
            .timeout_connect(Some(Duration::from_secs(5)))
            .timeout_global(Some(Duration::from_secs(20)))
            .build();
        Ok(Self(config.into()))
    }

    /// GET, with a bearer token if there is one.
    pub fn get(&self, url: &str, bearer: Option<&str>) -> Result<Answer> {
        let mut request = self.0.get(url).header("Accept", "application/json");
        if let Some(token) = bearer {
            request = request.header("Authorization", format!("Bearer {token}"));
        }
        read(url, request.call())
    }

    /// POST with an Authorization header.
    pub fn post(&self, url: &str, authorization: &str, content_type: &str, body: &[u8]) -> Result<Answer> {
        let request = self.0.post(url).header("Authorization", authorization).header("Content-Type", content_type);
        read(url, request.header("Accept", "application/json").send(body))
    }
}

fn read(url: &str, answer: std::result::Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Result<Answer> {
    let place = url.split('?').next().unwrap_or_default();
    let mut answer = answer.map_err(|error| format!("{place} cannot be reached: {error}"))?;
    let location = answer.headers().get("location").and_then(|value| value.to_str().ok()).map(str::to_owned);
    let body = answer.body_mut().with_config().limit(16 << 20).read_to_vec();
    let body = body.map_err(|error| format!("{place} broke off its answer: {error}"))?;
    Ok(Answer { status: answer.status().as_u16(), location, body })
}
