//! TLS for both directions, on rustls with ring. The provider is always passed explicitly: a process-wide default could be anyone's.
//!
//! Versions 1.2 and 1.3 with forward secrecy (messaging.md 9); nothing switches verification off.

use std::fs;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{VerifierBuilderError, WebPkiClientVerifier};
use rustls::{AlertDescription, CertificateError, ClientConfig, InconsistentKeys, RootCertStore, ServerConfig};

use crate::error::{EREF_CONFIG, Error, Result};
use crate::proto::settings::{ClientTls, ListenTls, Network};

static PROVIDER: LazyLock<Arc<CryptoProvider>> = LazyLock::new(|| Arc::new(rustls::crypto::ring::default_provider()));

/// How often files are looked at for changes.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// A listener's certificate and key, read again when their files change. Shared by all handshakes of the listener.
pub struct ServerTls {
    sources: ListenTls,
    state: Mutex<State>,
}

struct State {
    config: Arc<ServerConfig>,
    stamps: Stamps,
    looked: Instant,
    failing: bool,
}

/// Time of change and length of certificate, key, client authorities and revocation lists; `None` where there is no file.
type Stamps = [Option<(SystemTime, u64)>; 4];

/// What came of looking at the files.
pub enum Reload {
    /// New material is in force for new handshakes.
    Done {
        /// Whether the material before it could not be used.
        recovered: bool,
    },
    /// The new material cannot be used; the old stays in force. The error names the file.
    Failed(Error),
}

impl ServerTls {
    /// Reads and checks the material. `EREF_CONFIG` names the path and what is wrong with it.
    pub fn load(sources: &ListenTls) -> Result<Self> {
        // The stamps come first: a file that changes while it is read is then read once more.
        let stamps = stamps(sources);
        let config = server_config(sources)?;
        let state = Mutex::new(State { config, stamps, looked: Instant::now(), failing: false });
        Ok(Self { sources: sources.clone(), state })
    }

    /// What a new handshake uses.
    pub fn config(&self) -> Arc<ServerConfig> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).config.clone()
    }

    /// Whether a second has passed since the files were looked at. True for one caller only.
    pub fn due(&self) -> bool {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let due = state.looked.elapsed() >= LOOK_EVERY;
        if due {
            state.looked = Instant::now();
        }
        due
    }

    /// Reads the files again if they changed; may block on the disk. `None` when they did not change.
    pub fn refresh(&self) -> Option<Reload> {
        let stamps = stamps(&self.sources);
        if self.state.lock().unwrap_or_else(PoisonError::into_inner).stamps == stamps {
            return None;
        }
        let loaded = server_config(&self.sources);
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.stamps = stamps;
        Some(match loaded {
            Ok(config) => {
                state.config = config;
                Reload::Done { recovered: std::mem::replace(&mut state.failing, false) }
            }
            Err(error) => {
                state.failing = true;
                Reload::Failed(error)
            }
        })
    }
}

/// Whether a setting is PEM text itself, not the path of a file.
fn is_text(setting: &str) -> bool {
    setting.contains("-----BEGIN")
}

fn stamps(sources: &ListenTls) -> Stamps {
    let stamp = |setting: &str| {
        let known = if is_text(setting) { None } else { fs::metadata(setting).ok() };
        known.and_then(|known| Some((known.modified().ok()?, known.len())))
    };
    let optional = |setting: &Option<String>| setting.as_deref().and_then(stamp);
    [stamp(&sources.certificate), stamp(&sources.key), optional(&sources.client_ca), optional(&sources.client_crl)]
}

/// The bytes of a PEM setting, and how to call it in messages.
fn read(setting: &str, what: &str) -> Result<(Vec<u8>, String)> {
    if is_text(setting) {
        return Ok((setting.as_bytes().to_vec(), format!("the {what} given as text")));
    }
    let name = format!("the {what} {setting}");
    let bytes = fs::read(setting).map_err(|reason| Error::new(EREF_CONFIG, format!("{name} cannot be read: {}", reason.kind())))?;
    Ok((bytes, name))
}

fn certificates(setting: &str, what: &str) -> Result<(Vec<CertificateDer<'static>>, String)> {
    let (pem, name) = read(setting, what)?;
    let list: std::result::Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    let list = list.map_err(|_| Error::new(EREF_CONFIG, format!("{name} is not well-formed PEM")))?;
    if list.is_empty() {
        return Err(Error::new(EREF_CONFIG, format!("{name} holds no certificate; expected a PEM section CERTIFICATE")));
    }
    Ok((list, name))
}

fn roots(setting: &str, what: &str) -> Result<Vec<CertificateDer<'static>>> {
    let (list, name) = certificates(setting, what)?;
    let mut probe = RootCertStore::empty();
    for certificate in &list {
        probe
            .add(certificate.clone())
            .map_err(|_| Error::new(EREF_CONFIG, format!("{name} holds a certificate that cannot be parsed")))?;
    }
    Ok(list)
}

/// A chain and its key, and how to call the two in messages.
type ChainAndKey = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>, [String; 2]);

fn chain_and_key(certificate: &str, key: &str) -> Result<ChainAndKey> {
    let (chain, chain_name) = certificates(certificate, "certificate")?;
    let (pem, key_name) = read(key, "key")?;
    let pem = zeroize::Zeroizing::new(pem);
    let key = PrivateKeyDer::from_pem_slice(&pem).map_err(|_| {
        Error::new(EREF_CONFIG, format!("{key_name} holds no usable key; expected an unencrypted PEM section PRIVATE KEY"))
    })?;
    Ok((chain, key, [chain_name, key_name]))
}

/// Why a chain and a key cannot be used together.
fn unusable_pair(reason: &rustls::Error, [chain, key]: &[String; 2]) -> Error {
    let text = match reason {
        rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => format!("{key} does not belong to {chain}"),
        rustls::Error::InvalidCertificate(_) => format!("{chain} cannot be parsed"),
        _ => format!("{key} is not a key that can be used; expected RSA of 2048 bits or more, P-256, P-384 or Ed25519"),
    };
    Error::new(EREF_CONFIG, text)
}

fn server_config(sources: &ListenTls) -> Result<Arc<ServerConfig>> {
    let (chain, key, names) = chain_and_key(&sources.certificate, &sources.key)?;
    let builder = ServerConfig::builder_with_provider(PROVIDER.clone()).with_safe_default_protocol_versions();
    let builder = builder.map_err(|_| Error::new(EREF_CONFIG, "the TLS provider offers no usable version"))?;
    let builder = match &sources.client_ca {
        None => builder.with_no_client_auth(),
        Some(setting) => builder.with_client_cert_verifier(client_verifier(setting, sources.client_crl.as_deref())?),
    };
    let mut config = builder.with_single_cert(chain, key).map_err(|reason| unusable_pair(&reason, &names))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

fn client_verifier(authorities: &str, lists: Option<&str>) -> Result<Arc<dyn ClientCertVerifier>> {
    let mut store = RootCertStore::empty();
    store.add_parsable_certificates(roots(authorities, "client authority file")?);
    let mut builder = WebPkiClientVerifier::builder_with_provider(Arc::new(store), PROVIDER.clone());
    if let Some(setting) = lists {
        builder = builder.with_crls(revocation_lists(setting)?);
    }
    builder.build().map_err(|reason| {
        let text = match reason {
            VerifierBuilderError::InvalidCrl(_) => "a revocation list of client certificates cannot be parsed",
            _ => "the client authorities cannot be used",
        };
        Error::new(EREF_CONFIG, text)
    })
}

fn revocation_lists(setting: &str) -> Result<Vec<CertificateRevocationListDer<'static>>> {
    let (pem, name) = read(setting, "revocation list file")?;
    let lists: std::result::Result<Vec<_>, _> = CertificateRevocationListDer::pem_slice_iter(&pem).collect();
    lists
        .ok()
        .filter(|lists| !lists.is_empty())
        .ok_or_else(|| Error::new(EREF_CONFIG, format!("{name} holds no revocation list; expected a PEM section X509 CRL")))
}

/// What outgoing connections use: the system's trust store plus the authorities given, or with `only_ca` those alone. `partner_ca` is the
/// partner's own addition, `own` what we show when the other side asks for a certificate. `EREF_CONFIG` names the file that is wrong.
pub fn client_config(network: &Network, partner_ca: Option<&str>, own: Option<&ClientTls>) -> Result<Arc<ClientConfig>> {
    let mut extra = Vec::new();
    for setting in network.ca.as_deref().into_iter().chain(partner_ca) {
        extra.extend(roots(setting, "authority file")?);
    }
    let unusable = |_| Error::new(EREF_CONFIG, "no certificate authority is trusted: the system has none and none is configured");
    let verifier: Arc<dyn ServerCertVerifier> = if network.only_ca {
        let mut store = RootCertStore::empty();
        store.add_parsable_certificates(extra);
        let built = WebPkiServerVerifier::builder_with_provider(Arc::new(store), PROVIDER.clone()).build();
        built.map_err(|_| Error::new(EREF_CONFIG, "network.only_ca is set, but no certificate authority is configured"))?
    } else {
        Arc::new(rustls_platform_verifier::Verifier::new_with_extra_roots(extra, PROVIDER.clone()).map_err(unusable)?)
    };
    let builder = ClientConfig::builder_with_provider(PROVIDER.clone()).with_safe_default_protocol_versions();
    let builder = builder.map_err(|_| Error::new(EREF_CONFIG, "the TLS provider offers no usable version"))?;
    // Named "dangerous" by rustls because a verifier is replaced; both of these verify in full.
    let builder = builder.dangerous().with_custom_certificate_verifier(verifier);
    let mut config = match own {
        None => builder.with_no_client_auth(),
        Some(own) => {
            let (chain, key, names) = chain_and_key(&own.certificate, &own.key)?;
            builder.with_client_auth_cert(chain, key).map_err(|reason| unusable_pair(&reason, &names))?
        }
    };
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

/// Why a handshake failed, in words for a message.
pub fn reason(error: &rustls::Error) -> &'static str {
    match error {
        rustls::Error::InvalidCertificate(certificate) => certificate_reason(certificate),
        rustls::Error::PeerIncompatible(_) => "no common version or cipher (TLS 1.2 with forward secrecy is the least accepted)",
        rustls::Error::AlertReceived(alert) => alert_reason(*alert),
        rustls::Error::InvalidMessage(_) => "the other side does not speak TLS",
        rustls::Error::NoCertificatesPresented => "no certificate was presented",
        _ => "the handshake broke a rule of the protocol",
    }
}

fn certificate_reason(error: &CertificateError) -> &'static str {
    match error {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => "the certificate is expired",
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => "the certificate is not valid yet",
        CertificateError::Revoked => "the certificate is revoked",
        CertificateError::UnknownIssuer => "unknown issuer: the certificate comes from an authority that is not trusted",
        // An authority of the same name with another key, as after a test authority was made anew.
        CertificateError::BadSignature => "unknown issuer: the certificate is not signed by the trusted authority of that name",
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "name mismatch: the certificate is for another host"
        }
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            "the certificate is for another purpose"
        }
        CertificateError::BadEncoding => "the certificate cannot be parsed",
        _ => "the certificate was not accepted",
    }
}

fn alert_reason(alert: AlertDescription) -> &'static str {
    match alert {
        AlertDescription::CertificateRequired => "the other side asks for a client certificate",
        _ if is_certificate_alert(alert) => "the other side did not accept our certificate",
        AlertDescription::ProtocolVersion | AlertDescription::HandshakeFailure | AlertDescription::InsufficientSecurity => {
            "no common version or cipher (TLS 1.2 with forward secrecy is the least accepted)"
        }
        AlertDescription::UnrecognisedName => "the other side does not serve this host name",
        _ => "the other side broke off the handshake",
    }
}

/// Alerts by which a server refuses the client's certificate. With TLS 1.3 they arrive after the first request was written; the server
/// has not read it.
pub fn is_certificate_alert(alert: AlertDescription) -> bool {
    matches!(
        alert,
        AlertDescription::CertificateRequired
            | AlertDescription::BadCertificate
            | AlertDescription::UnsupportedCertificate
            | AlertDescription::CertificateRevoked
            | AlertDescription::CertificateExpired
            | AlertDescription::CertificateUnknown
            | AlertDescription::UnknownCA
    )
}
