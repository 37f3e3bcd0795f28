//! What a configuration says, as parsed values: one JSON document, its schema is `docs/schema/configuration.json`.
//!
//! Parsing and the checks that need no file happen here; reading files and secrets happens in `engine/config.rs`.

mod chart;
mod clients;
mod inbound;
mod outbound;
mod smart;

pub use chart::*;
pub use clients::*;
pub use inbound::*;
pub use outbound::*;
pub use smart::*;

use std::time::Duration;

use serde::Deserialize;
use url::Url;
use zeroize::Zeroizing;

use crate::proto::guide::dialects::{self, OWN_REFERRAL};

/// A secret. Never printed, wiped when dropped, compared in constant time.
#[derive(Clone, Default)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Wraps a secret text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }
    /// The text, for the one place that needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }
    /// Compares in a time that does not depend on where the texts differ.
    pub fn matches(&self, candidate: &str) -> bool {
        let digest = |text: &str| ring::digest::digest(&ring::digest::SHA256, text.as_bytes());
        crate::proto::http::same_bytes(digest(self.expose()).as_ref(), digest(candidate).as_ref())
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// Where a secret comes from: the text itself, `{"file": "path"}`, or `{"named": "name"}` for `eref_config_set_secret`.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum SecretSource {
    /// Inline.
    Text(Secret),
    /// Read from a file; a trailing line break is dropped.
    File {
        /// Its path.
        file: String,
    },
    /// Set by call.
    Named {
        /// The name it was set under.
        named: String,
    },
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Secret::new)
    }
}

static UNRESOLVED: std::sync::OnceLock<Secret> = std::sync::OnceLock::new();

impl SecretSource {
    /// The secret, after `engine::config` has resolved all sources to `Text`.
    pub fn secret(&self) -> &Secret {
        match self {
            Self::Text(secret) => secret,
            _ => UNRESOLVED.get_or_init(Secret::default),
        }
    }
}

/// The whole configuration.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Who we are.
    pub system: System,
    /// The address the world reaches us at, without a trailing slash. Everything we publish is built from it, never from `Host`.
    pub public_url: Url,
    /// Whether this engine listens and delivers (true), or is a desk on the same store.
    #[serde(default = "yes")]
    pub serve: bool,
    /// Whether the engine may start its own threads.
    #[serde(default = "yes")]
    pub threads: bool,
    /// Takes messages labelled HTEST and labels everything it sends.
    #[serde(default)]
    pub test: bool,
    /// The folder that relative paths are relative to. A configuration file's own folder when it is read from a file.
    #[serde(default)]
    pub base_dir: Option<String>,
    /// Where to listen.
    #[serde(default)]
    pub listen: Vec<Listen>,
    /// Where state is kept.
    pub store: StoreSettings,
    /// Signing in and the looks of the SMART Server.
    #[serde(default)]
    pub smart: Smart,
    /// The remote systems.
    #[serde(default)]
    pub partners: Vec<Partner>,
    /// Sizes, counts and times.
    #[serde(default)]
    pub limits: Limits,
    /// Outgoing connections.
    #[serde(default)]
    pub network: Network,
    /// Where the FHIR API's data comes from besides what the host pushes.
    #[serde(default)]
    pub chart: ChartSettings,
    /// How long things are kept.
    #[serde(default)]
    pub retention: Retention,
    /// Where log lines go besides `eref_log_next`.
    #[serde(default)]
    pub log: LogSettings,
}

fn yes() -> bool {
    true
}

/// Who we are.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct System {
    /// Name of the clinic or hospital, sent in `MessageHeader.source.name`.
    pub name: String,
    /// Name of the host program.
    pub software: String,
    /// Its version.
    pub version: String,
    /// The parts we take: `smart-server`, `rms-source`, `rms-target`, `smart-app`.
    pub roles: Vec<Role>,
    /// IANA name of the time zone appointments are shown in. Required when messaging is on.
    #[serde(default)]
    pub time_zone: Option<String>,
    /// The naming system of our own referral identifiers.
    #[serde(default)]
    pub referral_system: Option<String>,
}

/// The parts a system can take (messaging.md 2, smart.md 20.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Launches apps.
    SmartServer,
    /// Is launched.
    SmartApp,
    /// Sends referrals.
    RmsSource,
    /// Receives referrals.
    RmsTarget,
}

/// One address to listen on.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listen {
    /// `host:port`; port 0 asks the system for one (see `eref_engine_status_json`).
    pub address: String,
    /// What is served here; absent means everything.
    #[serde(default, rename = "for")]
    pub purposes: Option<Vec<Purpose>>,
    /// TLS material. Absent is accepted on loopback addresses only.
    #[serde(default)]
    pub tls: Option<ListenTls>,
    /// Everything comes through a proxy that appends the client's address to `X-Forwarded-For`: that address is counted, not the proxy's.
    #[serde(default)]
    pub forwarded: bool,
}

/// What a listener serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Purpose {
    /// `$process-message`.
    Messaging,
    /// SMART launch and FHIR API.
    Smart,
}

/// Certificate and key of a listener. Each is a path, or the PEM text itself.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListenTls {
    /// The chain, leaf first.
    pub certificate: String,
    /// The private key.
    pub key: String,
    /// Certificates that client certificates must come from. A listener with this serves messaging only.
    #[serde(default)]
    pub client_ca: Option<String>,
    /// Revocation lists of these authorities, one of each; a certificate whose authority has none is refused then.
    #[serde(default)]
    pub client_crl: Option<String>,
}

/// Where state is kept.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoreSettings {
    /// `sqlite:path`.
    pub url: String,
    /// The file with the key that wraps the store's key. Made together with the store.
    pub key_file: String,
}

/// A remote system.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Partner {
    /// Our name for it; stands in logs and documents.
    pub name: String,
    /// The guide and version it speaks; `on-0.11.1` by default.
    #[serde(default = "default_dialect")]
    pub dialect: String,
    /// The parts it takes.
    pub roles: Vec<Role>,
    /// Direct Messaging with it.
    #[serde(default)]
    pub messaging: Option<Messaging>,
    /// Its SMART app.
    #[serde(default)]
    pub smart_app: Option<SmartApp>,
    /// Its service that calls the FHIR API without a user.
    #[serde(default)]
    pub backend: Option<Backend>,
}

fn default_dialect() -> String {
    dialects::DEFAULT.name.to_owned()
}

impl Partner {
    /// Whether this is the id of its app or of its backend service.
    pub fn has_client(&self, client_id: &str) -> bool {
        self.smart_app.as_ref().is_some_and(|app| app.client_id == client_id)
            || self.backend.as_ref().is_some_and(|backend| backend.client_id == client_id)
    }
}

/// Direct Messaging with a partner.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Messaging {
    /// Where we post to, the whole address.
    #[serde(default)]
    pub endpoint: Option<Url>,
    /// How we show who we are.
    #[serde(default)]
    pub auth: OutboundAuth,
    /// How it shows who it is; any of these is enough. None: it cannot send to us.
    #[serde(default, deserialize_with = "inbound::ways")]
    pub inbound: Vec<Inbound>,
    /// The `MessageHeader.source.endpoint` values it is known to use; others are taken with a warning.
    #[serde(default)]
    pub source_endpoints: Vec<String>,
    /// Our client certificate, shown to its endpoint and its token endpoint when they ask for one (messaging.md 9). Goes with any `auth`.
    #[serde(default)]
    pub client_tls: Option<ClientTls>,
    /// PEM (path or text) of extra certificate authorities for its endpoint.
    #[serde(default)]
    pub ca: Option<String>,
    /// The `Bundle.id` of a message that is sent again (messaging.md 10.1). Absent: the same by itself, a new one when sent again by hand.
    #[serde(default)]
    pub resend_bundle_id: Option<ResendBundleId>,
    /// What to do when a known `MessageHeader.id` comes with other content (messaging.md 10.1).
    #[serde(default)]
    pub changed_content: ChangedContent,
    /// What to do with a message of a referral that is not known here (messaging.md 10.4).
    #[serde(default)]
    pub unknown_referral: UnknownReferral,
    /// What to do with a message of a known referral whose event is not known (messaging.md 3.4).
    #[serde(default)]
    pub unknown_events: UnknownEvents,
    /// What its messages are answered with. Absent: `task` where our roles include `rms-target`, else `header`.
    #[serde(default)]
    pub answer: Option<AnswerForm>,
    /// Whether a withdrawn referral is confirmed at once with a cancelled Task, before a person has seen it.
    #[serde(default)]
    pub confirm_revoke: bool,
    /// The hosts that its attachments may be fetched from, with a port where it is not 443. Absent: the host of `endpoint`.
    #[serde(default)]
    pub attachment_hosts: Option<Vec<String>>,
    /// Whether its attachments may be fetched from private addresses, inside a hospital for example.
    #[serde(default)]
    pub private: bool,
}

/// What to do with a message of a referral that is not known here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UnknownReferral {
    /// Keep it as an unlinked referral, until a person says where it belongs.
    #[default]
    Stub,
    /// Refuse it with 400.
    Refuse,
}

/// What to do with a message of a known referral whose event is not known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UnknownEvents {
    /// Refuse it with 400.
    #[default]
    Refuse,
    /// Keep it and hand it over as `unrecognised`.
    Store,
}

/// What messages are answered with (messaging.md 8.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AnswerForm {
    /// A new referral with a process-request Task `received`; anything else with a MessageHeader.
    Task,
    /// A MessageHeader.
    Header,
    /// Notifications with nothing, the others with a MessageHeader.
    Empty,
}

/// What to do when a known `MessageHeader.id` comes with other content.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChangedContent {
    /// Take it as an update.
    #[default]
    Update,
    /// Refuse it with 409.
    Refuse,
}

/// A partner's SMART app: its registration with us (smart.md 3).
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SmartApp {
    /// The id we assigned.
    pub client_id: String,
    /// Where a launch opens.
    pub launch_url: Url,
    /// Compared by exact string.
    pub redirect_uris: Vec<String>,
    /// How it authenticates at the token endpoint.
    #[serde(default)]
    pub auth: ClientAuth,
    /// Upper bound of what it is granted.
    pub scopes: String,
    /// `required` by default.
    #[serde(default)]
    pub pkce: Pkce,
    /// Who decided, and why, that a public client may go without PKCE.
    #[serde(default)]
    pub pkce_waiver: Option<String>,
    /// `on` by default.
    #[serde(default)]
    pub browser_binding: OnOff,
    /// `never` by default.
    #[serde(default)]
    pub launch_reuse: LaunchReuse,
    /// Whether the host is asked (QUESTION `authorize`) before the app is granted anything.
    #[serde(default)]
    pub confirm: bool,
    /// Whether the app may start by itself, where there is a `smart.login_url`.
    #[serde(default)]
    pub standalone: bool,
    /// Query keys the host may add to the launch URL.
    #[serde(default)]
    pub launch_query: Vec<String>,
    /// Extra origins for CORS.
    #[serde(default)]
    pub origins: Vec<String>,
    /// The app's name for id_token and pages; the partner's name when absent.
    #[serde(default)]
    pub title: Option<String>,
    /// Life of an access token in seconds, at most 3600.
    #[serde(default = "hour")]
    pub access_token_seconds: u32,
    /// How long its refresh tokens live.
    #[serde(default)]
    pub refresh: Refresh,
    /// Claims of its id_tokens that a launch may bring besides ours.
    #[serde(default)]
    pub id_token_claims: Vec<String>,
    /// Members of its token responses that a launch may bring besides ours.
    #[serde(default)]
    pub response_members: Vec<String>,
    /// Whether it may ask what any token is good for.
    #[serde(default)]
    pub may_introspect: bool,
}

fn hour() -> u32 {
    3600
}

/// Whether PKCE is demanded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Pkce {
    /// Always.
    #[default]
    Required,
    /// Not; a standing ALERT says so.
    NotRequired,
}

/// A switch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnOff {
    /// On.
    #[default]
    On,
    /// Off.
    Off,
}

/// Sizes, counts and times. Every limit is here; none is hidden in code.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Largest message body in bytes (80 MB: 50 MB of attachments in base64).
    pub message_bytes: usize,
    /// Largest other request body in bytes.
    pub request_bytes: usize,
    /// Largest resource an app may write back.
    pub write_bytes: usize,
    /// One attachment that an app writes back inline, decoded.
    pub write_attachment_bytes: usize,
    /// All that an app may write back under one launch.
    pub launch_write_bytes: u64,
    /// How long the answer to a write waits for the host's decision, in milliseconds; 0: not at all.
    pub write_wait_ms: u64,
    /// Entries of a batch.
    pub batch_entries: usize,
    /// Bodies of all requests together; more than `message_bytes`, or the largest message could never be taken.
    pub in_flight_bytes: usize,
    /// Depth of nesting in JSON.
    pub json_depth: usize,
    /// Values in a JSON document: texts, numbers, arrays and objects, each counted. It bounds what a tree of them can take.
    pub json_values: usize,
    /// What is known of one referral, as JSON. A message that would make it larger is refused.
    pub referral_bytes: usize,
    /// Entries of a Bundle.
    pub bundle_entries: usize,
    /// One attachment, decoded.
    pub attachment_bytes: usize,
    /// All attachments of a message, decoded.
    pub attachments_bytes: usize,
    /// Open connections per listener.
    pub connections: usize,
    /// Open connections from one address (IPv6: one /64) per listener. Not counted where `listen[].forwarded` is set: they all come from the proxy.
    pub connections_per_address: usize,
    /// Time to send the request head, in milliseconds.
    pub head_ms: u64,
    /// Time to send the body, in milliseconds; a large one gets more, see [`SLOWEST_LINE`]. No pause in it may be longer.
    pub body_ms: u64,
    /// Time a connection may stay idle, in milliseconds.
    pub idle_ms: u64,
    /// Time the host has to answer a question, in milliseconds.
    pub question_ms: u64,
    /// Lease of an event, in milliseconds.
    pub event_lease_ms: u64,
    /// Life of a launch's start URL, in seconds.
    pub start_seconds: u32,
    /// Life of a launch handle, in seconds.
    pub launch_seconds: u32,
    /// Time to sign in on the host's page, in seconds.
    pub login_seconds: u32,
    /// Life of an authorization code, in seconds.
    pub code_seconds: u32,
    /// Longest a launch lives, in seconds.
    pub session_seconds: u32,
    /// Authorize requests a minute, of one app from one address. This and the next four: 0 for no limit.
    pub authorize_per_minute: u32,
    /// Start and sign-in addresses opened a minute, from one address.
    pub start_per_minute: u32,
    /// Token and revocation requests a minute, of one client from one address.
    pub token_per_minute: u32,
    /// Introspections a minute, of one client from one address.
    pub introspect_per_minute: u32,
    /// Requests to the FHIR API without a good token a minute, from one address.
    pub failures_per_minute: u32,
    /// Log lines kept for `eref_log_next`.
    pub log_lines: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            message_bytes: 80 << 20,
            request_bytes: 1 << 20,
            write_bytes: 32 << 20,
            write_attachment_bytes: 20_000_000,
            launch_write_bytes: 256 << 20,
            write_wait_ms: 3_000,
            batch_entries: 100,
            in_flight_bytes: if cfg!(target_pointer_width = "32") { 96 << 20 } else { 128 << 20 },
            json_depth: 64,
            json_values: 300_000,
            referral_bytes: 4 << 20,
            bundle_entries: 2000,
            attachment_bytes: 15 << 20,
            attachments_bytes: 50 << 20,
            connections: 1024,
            connections_per_address: 256,
            head_ms: 10_000,
            body_ms: 60_000,
            idle_ms: 60_000,
            question_ms: 20_000,
            event_lease_ms: 60_000,
            start_seconds: 60,
            launch_seconds: 300,
            login_seconds: 600,
            code_seconds: 60,
            session_seconds: 12 * 3600,
            authorize_per_minute: 300,
            start_per_minute: 300,
            token_per_minute: 600,
            introspect_per_minute: 3000,
            failures_per_minute: 300,
            log_lines: 2000,
        }
    }
}

/// The slowest line that bodies travel on, in bytes per second. What such a line needs for a body is added to `limits.body_ms` and
/// `network.total_ms`, so that these need not be set for the largest letter: 80 MB take 85 minutes, 10 KB less than a second.
pub const SLOWEST_LINE: u64 = 16 << 10;

/// A time of the configuration, in milliseconds, with what a body of this many bytes needs on the [`SLOWEST_LINE`] added.
pub fn time_for(milliseconds: u64, bytes: usize) -> Duration {
    Duration::from_millis(milliseconds) + Duration::from_millis((bytes as u64).saturating_mul(1000) / SLOWEST_LINE)
}

/// Outgoing connections.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Network {
    /// Time to connect, TLS included, in milliseconds.
    pub connect_ms: u64,
    /// Time for the whole exchange, in milliseconds; a large request gets more, see [`SLOWEST_LINE`].
    pub total_ms: u64,
    /// Largest answer read, in bytes.
    pub answer_bytes: u64,
    /// `http://host:port` of a proxy; none by default, the environment is not read.
    pub proxy: Option<String>,
    /// PEM (path or text) of extra certificate authorities.
    pub ca: Option<String>,
    /// Trust only `ca`, not the system's store.
    pub only_ca: bool,
    /// First pause before a delivery is tried again, in milliseconds. Later ones follow messaging.md 10.2.
    pub first_retry_ms: u64,
    /// How long a delivery is tried, in hours.
    pub give_up_hours: u32,
}

impl Default for Network {
    fn default() -> Self {
        Self {
            connect_ms: 10_000,
            total_ms: 30_000,
            answer_bytes: 8 << 20,
            proxy: None,
            ca: None,
            only_ca: false,
            first_retry_ms: 5_000,
            give_up_hours: 96,
        }
    }
}

/// How long things are kept (architecture: retention).
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Retention {
    /// Entries of the audit trail, in days.
    pub audit_days: u32,
    /// Bodies of messages, in days after they are done with.
    pub body_days: u32,
}

impl Default for Retention {
    fn default() -> Self {
        // Ten years, leap days included.
        Self { audit_days: 3653, body_days: 90 }
    }
}

/// Where log lines go.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LogSettings {
    /// A file that lines are appended to.
    pub file: Option<String>,
    /// `error`, `warn`, `info` (default) or `debug`.
    pub level: Option<String>,
}

impl Settings {
    /// The FHIR base: issuer, audience and `iss` in one string, without a trailing slash (smart.md 2.5).
    pub fn fhir_base(&self) -> String {
        format!("{}/fhir", self.public_url.as_str().trim_end_matches('/'))
    }
    /// The base of the OAuth endpoints.
    pub fn auth_base(&self) -> String {
        format!("{}/auth", self.public_url.as_str().trim_end_matches('/'))
    }
    /// Where partners and apps fetch tokens.
    pub fn token_endpoint(&self) -> String {
        format!("{}/token", self.auth_base())
    }
    /// The naming system of our own referral numbers.
    pub fn own_referral_system(&self) -> String {
        self.system.referral_system.clone().unwrap_or_else(|| format!("{}{OWN_REFERRAL}", self.fhir_base()))
    }
    /// The partner of that name.
    pub fn partner(&self, name: &str) -> Option<&Partner> {
        self.partners.iter().find(|partner| partner.name == name)
    }
    /// The partner whose app has this client id, with the app.
    pub fn app(&self, client_id: &str) -> Option<(&Partner, &SmartApp)> {
        self.partners
            .iter()
            .find_map(|partner| partner.smart_app.as_ref().filter(|app| app.client_id == client_id).map(|app| (partner, app)))
    }
    /// The partner that has a client of this id: an app, a backend service, or one that sends messages.
    pub fn partner_of_client(&self, client_id: &str) -> Option<&Partner> {
        let sends = |messaging: &Messaging| {
            messaging.inbound.iter().filter_map(|way| way.client_credentials.as_ref()).any(|rule| rule.client_id == client_id)
        };
        self.partners.iter().find(|partner| {
            partner.smart_app.as_ref().is_some_and(|app| app.client_id == client_id)
                || partner.backend.as_ref().is_some_and(|service| service.client_id == client_id)
                || partner.messaging.as_ref().is_some_and(sends)
        })
    }
    /// The partner whose backend service has this client id, with the service.
    pub fn backend(&self, client_id: &str) -> Option<(&Partner, &Backend)> {
        let of = |partner: &'_ Partner| partner.backend.as_ref().is_some_and(|service| service.client_id == client_id);
        self.partners.iter().find(|partner| of(partner)).and_then(|partner| Some((partner, partner.backend.as_ref()?)))
    }
}
