//! From a configuration document to settings in force: secrets and paths resolved, every rule checked.
//!
//! Each refusal names the path in the document, what was found (never a secret) and what was expected.

mod check;

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

use check::wrong;

use crate::error::{EREF_CONFIG, Error, Result};
use crate::io::store::{sqlite, vault};
use crate::io::{clock, crypto};
use crate::proto::settings::{Bearer, ClientCredentials, Inbound, OutboundAuth, Partner, Secret, SecretSource, Settings};

/// A configuration being put together: one JSON document (docs/schema/configuration.json) and the secrets it names.
#[derive(Clone, Default)]
pub struct Config {
    settings: Option<Settings>,
    folder: Option<PathBuf>,
    secrets: HashMap<String, Secret>,
    desk: bool,
}

fn empty() -> Error {
    Error::new(EREF_CONFIG, "the configuration is empty: parse a document first")
}

impl Config {
    /// An empty configuration.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the document from a text. Paths in it must be absolute unless it sets `base_dir`. Errors: `EREF_CONFIG`.
    pub fn parse_json(&mut self, json: &[u8]) -> Result<()> {
        let settings = parse(json)?;
        self.folder = settings.base_dir.as_ref().map(PathBuf::from);
        self.settings = Some(settings);
        Ok(())
    }

    /// Takes the document from a file. Paths in it are relative to the file's folder. Errors: `EREF_CONFIG`.
    pub fn read_file(&mut self, path: &str) -> Result<()> {
        let json = std::fs::read(path).map_err(|e| Error::new(EREF_CONFIG, format!("{path}: cannot be read: {}", e.kind())))?;
        let file = std::path::absolute(path).map_err(|e| Error::new(EREF_CONFIG, format!("{path}: {}", e.kind())))?;
        let settings = parse(&json)?;
        let folder = file.parent().unwrap_or(Path::new("/")).to_owned();
        self.folder = Some(settings.base_dir.as_ref().map_or_else(|| folder.clone(), |base| folder.join(base)));
        self.settings = Some(settings);
        Ok(())
    }

    /// Sets a secret that the document refers to as `{"named": "name"}`.
    pub fn set_secret(&mut self, name: &str, secret: &str) -> Result<()> {
        self.secrets.insert(name.to_owned(), Secret::new(secret));
        Ok(())
    }

    /// Makes it the configuration of a desk, whatever the document says: no listener, no delivery, and no need for the secrets that the
    /// serving engine is given by call.
    pub fn set_desk(&mut self) {
        self.desk = true;
    }

    /// The settings, with every secret and path resolved and every rule checked. The configuration can be used again.
    pub(crate) fn resolve(&self) -> Result<Settings> {
        Ok(self.resolve_with_files()?.0)
    }

    /// The settings, and the files besides the listeners' that went into them.
    pub(crate) fn resolve_with_files(&self) -> Result<(Settings, Vec<PathBuf>)> {
        let mut settings = self.settings.clone().ok_or_else(empty)?;
        if self.desk {
            settings.serve = false;
            settings.listen.clear();
        }
        let resolver = Resolver { config: self, files: RefCell::default() };
        resolver.resolve_paths(&mut settings)?;
        for (index, partner) in settings.partners.iter_mut().enumerate() {
            resolver.resolve_partner(&format!("partners[{index}]"), partner)?;
        }
        check::check(&settings, clock::now())?;
        Ok((settings, resolver.files.into_inner()))
    }

    /// Checks that the key file is the store's: returns the key id. Needs no secret and starts nothing. Errors: `EREF_STORE_KEY` naming
    /// path and key id, `EREF_STORE`.
    pub fn key_check(&self) -> Result<String> {
        let (store, key_file) = self.store_files()?;
        vault::check(&key_file, &sqlite::wrapped_key(&store)?)
    }

    /// Copies the key file, after checking it, to a new file that only its owner can read. An existing file is not overwritten:
    /// `EREF_INVALID_ARGUMENT`.
    pub fn key_backup(&self, to: &Path) -> Result<String> {
        let key_id = self.key_check()?;
        vault::backup(&self.store_files()?.1, to)?;
        Ok(key_id)
    }

    fn store_files(&self) -> Result<(PathBuf, PathBuf)> {
        let settings = self.settings.as_ref().ok_or_else(empty)?;
        let path = settings.store.url.strip_prefix("sqlite:").ok_or_else(|| {
            wrong("store.url", format_args!("{:?}", settings.store.url), "\"sqlite:\" followed by the path of the database file")
        })?;
        Ok((self.path("store.url", path)?.into(), self.path("store.key_file", &settings.store.key_file)?.into()))
    }

    fn path(&self, at: &str, path: &str) -> Result<String> {
        let joined = match &self.folder {
            Some(folder) => folder.join(path),
            None => PathBuf::from(path),
        };
        if path.is_empty() || !joined.is_absolute() {
            return Err(wrong(at, format_args!("{path:?}"), "an absolute path, or \"base_dir\" to be set"));
        }
        joined.to_str().map(str::to_owned).ok_or_else(|| wrong(at, "a path that is not UTF-8", "UTF-8"))
    }
}

/// One reading of a configuration. It notes each file it reads, so that a change of one can be noticed.
struct Resolver<'a> {
    config: &'a Config,
    files: RefCell<Vec<PathBuf>>,
}

impl Resolver<'_> {
    fn resolve_paths(&self, settings: &mut Settings) -> Result<()> {
        let (store, key_file) = self.config.store_files()?;
        settings.store.url = format!("sqlite:{}", store.display());
        settings.store.key_file = key_file.display().to_string();
        for (index, listen) in settings.listen.iter_mut().enumerate() {
            let Some(tls) = listen.tls.as_mut() else { continue };
            // A listener watches its own files.
            self.pem_path(&format!("listen[{index}].tls.certificate"), &mut tls.certificate)?;
            self.pem_path(&format!("listen[{index}].tls.key"), &mut tls.key)?;
            if let Some(ca) = tls.client_ca.as_mut() {
                self.pem_path(&format!("listen[{index}].tls.client_ca"), ca)?;
            }
            if let Some(lists) = tls.client_crl.as_mut() {
                self.pem(&format!("listen[{index}].tls.client_crl"), lists)?;
            }
        }
        if let Some(ca) = settings.network.ca.as_mut() {
            self.pem("network.ca", ca)?;
        }
        if let Some(file) = settings.log.file.as_mut() {
            *file = self.config.path("log.file", file)?;
        }
        Ok(())
    }

    fn resolve_partner(&self, at: &str, partner: &mut Partner) -> Result<()> {
        if let Some(messaging) = partner.messaging.as_mut() {
            match &mut messaging.auth {
                OutboundAuth::None => {}
                OutboundAuth::Bearer(source) => self.secret(&format!("{at}.messaging.auth.bearer"), source)?,
                OutboundAuth::ClientCredentials(credentials) => self.credentials(at, credentials)?,
            }
            if let Some(tls) = messaging.client_tls.as_mut() {
                self.pem(&format!("{at}.messaging.client_tls.certificate"), &mut tls.certificate)?;
                self.pem(&format!("{at}.messaging.client_tls.key"), &mut tls.key)?;
            }
            let several = messaging.inbound.len() > 1;
            for (index, way) in messaging.inbound.iter_mut().enumerate() {
                self.resolve_inbound(&check::inbound_path(at, several.then_some(index)), way)?;
            }
            if let Some(ca) = messaging.ca.as_mut() {
                self.pem(&format!("{at}.messaging.ca"), ca)?;
            }
        }
        if let Some(source) = partner.smart_app.as_mut().and_then(|app| app.auth.secret_mut()) {
            self.secret(&format!("{at}.smart_app.auth.secret"), source)?;
        }
        Ok(())
    }

    fn credentials(&self, at: &str, credentials: &mut ClientCredentials) -> Result<()> {
        let at = format!("{at}.messaging.auth.oauth2_client_credentials");
        if let Some(source) = credentials.client_secret.as_mut() {
            self.secret(&format!("{at}.client_secret"), source)?;
        }
        let Some(signed) = credentials.private_key_jwt.as_mut() else { return Ok(()) };
        let at = format!("{at}.private_key_jwt.key");
        if !is_pem(signed.key.expose()) {
            signed.key = self.read(&at, signed.key.expose())?;
        }
        let expected = "an unencrypted PEM key: RSA of 2048 bits or more, or EC on the curve of \"algorithm\"";
        crypto::assertion_key(signed.algorithm, &signed.key).map(drop).map_err(|_| wrong(&at, "no key that can sign so", expected))
    }

    /// A fixed bearer token is kept as a hash only.
    fn resolve_inbound(&self, at: &str, way: &mut Inbound) -> Result<()> {
        if let Some(Bearer::Unread(source)) = &mut way.bearer {
            self.secret(&format!("{at}.bearer"), source)?;
            way.bearer = Some(source.clone().into());
        }
        match way.client_credentials.as_mut().and_then(|client| client.client_secret.as_mut()) {
            Some(source) => self.secret(&format!("{at}.client_credentials.client_secret"), source),
            None => Ok(()),
        }
    }

    fn secret(&self, at: &str, source: &mut SecretSource) -> Result<()> {
        let secret = match source {
            SecretSource::Text(secret) => secret.clone(),
            SecretSource::Named { named } => self
                .config
                .secrets
                .get(named)
                .cloned()
                // A desk shows no secret to anybody: one that nobody knows stands in its place.
                .or_else(|| self.config.desk.then(|| Secret::new(clock::id())))
                .ok_or_else(|| wrong(at, format_args!("the name {named:?}"), "a secret set under that name by call"))?,
            SecretSource::File { file } => Secret::new(self.read(at, file)?.expose().trim_end_matches(['\r', '\n'])),
        };
        if !secret.is_long_enough() {
            return Err(wrong(at, "a secret of fewer than 16 characters", "at least 16 characters"));
        }
        *source = SecretSource::Text(secret);
        Ok(())
    }

    /// A secret file's text.
    fn read(&self, at: &str, file: &str) -> Result<Secret> {
        let path = self.config.path(at, file)?;
        let text = std::fs::read_to_string(&path)
            .map_err(|e| wrong(at, format_args!("{path:?}, which cannot be read ({})", e.kind()), "a readable file"))?;
        self.files.borrow_mut().push(path.into());
        Ok(Secret::new(text))
    }

    /// A PEM member is either the text itself or a path, which is read when it is used.
    fn pem(&self, at: &str, value: &mut String) -> Result<()> {
        self.pem_path(at, value)?;
        if !is_pem(value) {
            self.files.borrow_mut().push(value.as_str().into());
        }
        Ok(())
    }

    fn pem_path(&self, at: &str, value: &mut String) -> Result<()> {
        if !is_pem(value) {
            *value = self.config.path(at, value)?;
        }
        Ok(())
    }
}

fn is_pem(text: &str) -> bool {
    text.trim_start().starts_with("-----BEGIN")
}

fn parse(json: &[u8]) -> Result<Settings> {
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    let settings: Settings = serde_path_to_error::deserialize(&mut deserializer).map_err(|e| {
        let path = e.path().to_string();
        let place = format!("line {}, column {}", e.inner().line(), e.inner().column());
        let text = e.inner().to_string();
        let text = without_found(text.rsplit_once(" at line ").map_or(text.as_str(), |(text, _)| text));
        Error::new(EREF_CONFIG, format!("{}: {text} ({place})", if path == "." { "configuration" } else { &path }))
    })?;
    deserializer.end().map_err(|e| Error::new(EREF_CONFIG, format!("configuration: {e}")))?;
    Ok(settings)
}

/// The parser quotes the value it found, which may be a secret in a wrong place: only the names of members are repeated.
fn without_found(text: &str) -> Cow<'_, str> {
    match text.rsplit_once(", expected ") {
        Some((found, expected)) if !found.starts_with("unknown field ") => {
            format!("found something else, expected {expected}").into()
        }
        _ => text.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document() -> serde_json::Value {
        serde_json::json!({
            "system": {"name": "Clinic", "software": "MyPOS", "version": "1", "roles": ["smart-server", "rms-source"],
                       "time_zone": "America/Toronto"},
            "public_url": "https://pos.test:8443",
            "base_dir": "/tmp/nowhere",
            "listen": [{"address": "127.0.0.1:0"}],
            "store": {"url": "sqlite:a.db", "key_file": "a.key"},
            "partners": [{"name": "rms", "roles": ["rms-target"],
                "messaging": {"endpoint": "https://rms.test/fhir/$process-message", "auth": {"bearer": "0123456789abcdef"},
                              "inbound": {"bearer": {"named": "in"}}},
                "smart_app": {"client_id": "rms", "launch_url": "https://rms.test/launch",
                              "redirect_uris": ["https://rms.test/callback"], "scopes": "launch"}}]
        })
    }

    fn resolve(change: impl FnOnce(&mut serde_json::Value)) -> Result<Settings> {
        let mut json = document();
        change(&mut json);
        let mut config = Config::new();
        config.set_secret("in", "a-long-enough-secret")?;
        config.parse_json(json.to_string().as_bytes())?;
        config.resolve()
    }

    #[test]
    fn a_whole_document_resolves() {
        let settings = resolve(|_| {}).unwrap();
        assert_eq!(settings.store.url, "sqlite:/tmp/nowhere/a.db");
        assert_eq!(settings.fhir_base(), "https://pos.test:8443/fhir");
    }

    #[test]
    fn each_refusal_names_path_and_expectation() {
        type Change = fn(&mut serde_json::Value);
        let cases: &[(&str, Change)] = &[
            ("system.time_zone", |j| j["system"]["time_zone"] = "Mars/Olympus".into()),
            ("system.time_zone", |j| _ = j["system"].as_object_mut().unwrap().remove("time_zone")),
            ("system.roles[0]", |j| j["system"]["roles"] = serde_json::json!(["boss"])),
            ("public_url", |j| j["public_url"] = "http://pos.test".into()),
            ("public_url", |j| j["public_url"] = "https://pos.test/?a".into()),
            ("listen[0].address", |j| j["listen"][0]["address"] = "localhost".into()),
            ("listen[0].tls", |j| j["listen"][0]["address"] = "0.0.0.0:1".into()),
            ("listen[0].tls.client_ca", |j| {
                j["listen"][0]["tls"] = serde_json::json!({"certificate": "a", "key": "b", "client_ca": "c"})
            }),
            ("store.url", |j| j["store"]["url"] = "oracle:x".into()),
            ("partners[0].dialect", |j| j["partners"][0]["dialect"] = "on-99".into()),
            ("partners[0].name", |j| j["partners"][0]["name"] = "a b".into()),
            ("partners[0].messaging.endpoint", |j| j["partners"][0]["messaging"]["endpoint"] = "http://rms.test/".into()),
            ("partners[0].messaging.inbound.bearer", |j| {
                j["partners"][0]["messaging"]["inbound"]["bearer"] = serde_json::json!({"named": "missing"})
            }),
            ("partners[0].messaging.auth.bearer", |j| j["partners"][0]["messaging"]["auth"]["bearer"] = "short".into()),
            ("partners[0].smart_app.redirect_uris[0]", |j| {
                j["partners"][0]["smart_app"]["redirect_uris"][0] = "https://rms.test/#x".into()
            }),
            ("partners[0].smart_app.launch_reuse", |j| {
                let app = &mut j["partners"][0]["smart_app"];
                (app["launch_reuse"], app["browser_binding"]) = ("within_ttl".into(), "off".into());
            }),
            ("partners[0].smart_app.pkce", |j| j["partners"][0]["smart_app"]["pkce"] = "not-required".into()),
            ("limits.json_depth", |j| j["limits"] = serde_json::json!({"json_depth": 1})),
            ("limits.json_values", |j| j["limits"] = serde_json::json!({"json_values": 10})),
            ("limits.write_bytes", |j| j["limits"] = serde_json::json!({"write_bytes": 0})),
            ("limits.attachment_bytes", |j| j["limits"] = serde_json::json!({"attachment_bytes": 0})),
            ("limits.attachments_bytes", |j| j["limits"] = serde_json::json!({"attachments_bytes": 0})),
            ("limits.head_ms", |j| j["limits"] = serde_json::json!({"head_ms": 0})),
            ("limits.body_ms", |j| j["limits"] = serde_json::json!({"body_ms": 0})),
            ("limits.idle_ms", |j| j["limits"] = serde_json::json!({"idle_ms": 0})),
            ("limits.log_lines", |j| j["limits"] = serde_json::json!({"log_lines": 0})),
            ("network.answer_bytes", |j| j["network"] = serde_json::json!({"answer_bytes": 0})),
            ("network.first_retry_ms", |j| j["network"] = serde_json::json!({"first_retry_ms": 0})),
            ("network.give_up_hours", |j| j["network"] = serde_json::json!({"give_up_hours": 10_000})),
            ("limits.login_seconds", |j| j["limits"] = serde_json::json!({"login_seconds": 1})),
            ("smart.login_url", |j| j["smart"] = serde_json::json!({"login_url": "http://pos.test/login"})),
            ("smart.frame_ancestors[0]", |j| j["smart"] = serde_json::json!({"frame_ancestors": ["*"]})),
            ("smart.style.color_text", |j| j["smart"] = serde_json::json!({"style": {"color_text": 7}})),
            ("limits.no_such", |j| j["limits"] = serde_json::json!({"no_such": 1})),
        ];
        for (path, change) in cases {
            let error = resolve(change).unwrap_err();
            assert_eq!(error.status(), EREF_CONFIG);
            assert!(error.message().starts_with(path), "{path}: {}", error.message());
        }
    }

    #[test]
    fn two_partners_never_share_an_inbound_identity() {
        let two = |inbound: [serde_json::Value; 2]| {
            resolve(|j| {
                let mut other = j["partners"][0].clone();
                (other["name"], other["smart_app"]) = ("other".into(), serde_json::Value::Null);
                j["partners"].as_array_mut().unwrap().push(other);
                for (partner, inbound) in j["partners"].as_array_mut().unwrap().iter_mut().zip(inbound) {
                    partner["messaging"]["inbound"] = inbound;
                }
            })
        };
        let bearer = |secret: &str| serde_json::json!({ "bearer": secret });
        let client =
            |id: &str| serde_json::json!({"client_credentials": {"client_id": id, "client_secret": "the-same-long-secret"}});
        let error = two([serde_json::json!({"bearer": {"named": "in"}}), bearer("a-long-enough-secret")]).unwrap_err();
        assert!(error.message().starts_with("partners[1].messaging.inbound.bearer: "), "{}", error.message());
        assert!(!error.message().contains("a-long-enough"), "{}", error.message());
        let error = two([client("rms"), client("rms")]).unwrap_err();
        assert!(error.message().starts_with("partners[1].messaging.inbound.client_credentials.client_id: "), "{}", error.message());
        assert!(two([client("rms"), client("other")]).is_ok());
        assert!(two([bearer("a-long-enough-secret"), bearer("another-long-secret")]).is_ok());
        assert!(two([bearer("a-long-enough-secret"), client("a-long-enough-secret")]).is_ok());
    }

    #[test]
    fn a_relative_path_needs_a_base() {
        let error = resolve(|j| _ = j.as_object_mut().unwrap().remove("base_dir")).unwrap_err();
        assert!(error.message().contains("base_dir"), "{}", error.message());
    }

    #[test]
    fn a_secret_in_a_wrong_place_is_not_repeated() {
        let planted = "planted-secret, expected at line 1";
        for (place, name) in [("messaging", "auth"), ("messaging", "ca_only"), ("smart_app", "pkce"), ("smart_app", "scopes_x")] {
            let error = resolve(|j| j["partners"][0][place][name] = planted.into()).unwrap_err();
            assert!(error.message().starts_with(&format!("partners[0].{place}.{name}: ")), "{}", error.message());
            assert!(!error.message().contains("planted"), "{}", error.message());
        }
        let error = resolve(|j| j["partners"][0]["messaging"]["auth"] = serde_json::json!({"bearer": 987_654_321})).unwrap_err();
        assert!(!error.message().contains("987"), "{}", error.message());
    }
}
