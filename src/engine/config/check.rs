//! The rules a configuration must keep, each with a refusal that names path, value and expectation.

mod clients;
mod inbound;

pub(super) use inbound::path as inbound_path;

use std::net::SocketAddr;

use url::Url;

use crate::error::{EREF_CONFIG, Error, Result};
use crate::proto::guide::dialects::dialect;
use crate::proto::messaging::attachment::host_of;
use crate::proto::settings::{
    ChartSettings, ClientAuth, ClientCredentials, LaunchReuse, Listen, OnOff, OutboundAuth, Partner, Pkce, Purpose, Settings,
    Smart, SmartApp, is_origin,
};
use crate::proto::smart::server::is_known;
use crate::proto::store::Millis;

/// `path: found …, expected …`, the form of every refusal.
pub(super) fn wrong(path: &str, found: impl std::fmt::Display, expected: &str) -> Error {
    Error::new(EREF_CONFIG, format!("{path}: found {found}, expected {expected}"))
}

/// All of them.
pub(super) fn check(settings: &Settings, now: Millis) -> Result<()> {
    check_public_url(&settings.public_url)?;
    check_system(settings)?;
    if settings.serve && settings.threads && settings.listen.is_empty() {
        return Err(wrong("listen", "nothing", "at least one address, or \"serve\": false for a desk"));
    }
    if !settings.threads && !settings.listen.is_empty() {
        return Err(wrong(
            "listen",
            "an address beside \"threads\": false",
            "no address: listening needs threads of the engine's own",
        ));
    }
    for (index, listen) in settings.listen.iter().enumerate() {
        check_listen(&format!("listen[{index}]"), listen)?;
    }
    check_limits(settings)?;
    check_chart(&settings.chart)?;
    check_smart(&settings.smart)?;
    for (index, partner) in settings.partners.iter().enumerate() {
        let at = format!("partners[{index}]");
        check_partner(&at, partner)?;
        if settings.partners.iter().take(index).any(|other| other.name == partner.name) {
            return Err(wrong(&format!("{at}.name"), format_args!("{:?} a second time", partner.name), "a name of its own"));
        }
        let client_id = |partner: &Partner| partner.smart_app.as_ref().map(|app| app.client_id.clone());
        if client_id(partner).is_some() && settings.partners.iter().take(index).any(|other| client_id(other) == client_id(partner))
        {
            return Err(wrong(&format!("{at}.smart_app.client_id"), "an id used before", "an id of its own"));
        }
        clients::check(&at, partner, settings)?;
        inbound::check(&at, partner, settings, now)?;
        inbound::check_identity(&at, partner, settings.partners.get(..index).unwrap_or_default())?;
    }
    Ok(())
}

/// smart.md 2.5: one identical string everywhere, so no query, fragment or user part.
fn check_public_url(url: &Url) -> Result<()> {
    if url.scheme() != "https" || url.query().is_some() || url.fragment().is_some() || !url.username().is_empty() {
        return Err(wrong("public_url", format_args!("{:?}", url.as_str()), "an https address without query, fragment or user"));
    }
    Ok(())
}

fn check_system(settings: &Settings) -> Result<()> {
    if settings.system.name.trim().is_empty() {
        return Err(wrong("system.name", "an empty text", "the name of the organization"));
    }
    if settings.system.roles.is_empty() {
        return Err(wrong("system.roles", "an empty list", "at least one of smart-server, smart-app, rms-source, rms-target"));
    }
    let messaging = settings.partners.iter().any(|partner| partner.messaging.is_some());
    match settings.system.time_zone.as_deref() {
        Some(zone) if jiff::tz::TimeZone::get(zone).is_err() => {
            Err(wrong("system.time_zone", format_args!("{zone:?}"), "an IANA time zone such as \"America/Toronto\""))
        }
        None if messaging => Err(wrong("system.time_zone", "nothing", "an IANA time zone: appointments are shown in it")),
        _ => Ok(()),
    }
}

fn check_listen(at: &str, listen: &Listen) -> Result<()> {
    let address: SocketAddr = listen.address.parse().map_err(|_| {
        wrong(&format!("{at}.address"), format_args!("{:?}", listen.address), "an IP address and a port, as 0.0.0.0:8443")
    })?;
    if listen.purposes.as_ref().is_some_and(Vec::is_empty) {
        return Err(wrong(&format!("{at}.for"), "an empty list", "\"messaging\", \"smart\", or no member at all"));
    }
    match &listen.tls {
        None if !address.ip().is_loopback() => {
            Err(wrong(&format!("{at}.tls"), "nothing", "certificate and key: plain HTTP is served on loopback only"))
        }
        Some(tls) if tls.client_ca.is_some() && listen.purposes.as_deref() != Some(&[Purpose::Messaging]) => Err(wrong(
            &format!("{at}.tls.client_ca"),
            "client certificates on a listener that serves SMART pages",
            "\"for\": [\"messaging\"]: a browser would show its user a certificate chooser",
        )),
        Some(tls) if tls.client_crl.is_some() && tls.client_ca.is_none() => {
            Err(wrong(&format!("{at}.tls.client_crl"), "revocation lists without client_ca", "both, or neither"))
        }
        _ => Ok(()),
    }
}

fn check_limits(settings: &Settings) -> Result<()> {
    let limits = &settings.limits;
    let network = &settings.network;
    let ranges: [(&str, u64, u64, u64); 33] = [
        ("limits.message_bytes", limits.message_bytes as u64, 1024, 1 << 30),
        ("limits.request_bytes", limits.request_bytes as u64, 1024, 64 << 20),
        ("limits.write_bytes", limits.write_bytes as u64, 1024, 1 << 30),
        ("limits.in_flight_bytes", limits.in_flight_bytes as u64, 1 << 20, 1 << 34),
        ("limits.json_depth", limits.json_depth as u64, 8, 120),
        ("limits.json_values", limits.json_values as u64, 1000, 10_000_000),
        ("limits.referral_bytes", limits.referral_bytes as u64, 64 << 10, 64 << 20),
        ("limits.bundle_entries", limits.bundle_entries as u64, 2, 100_000),
        ("limits.attachment_bytes", limits.attachment_bytes as u64, 1024, 1 << 30),
        ("limits.attachments_bytes", limits.attachments_bytes as u64, 1024, 1 << 30),
        ("limits.connections", limits.connections as u64, 1, 65_536),
        ("limits.connections_per_address", limits.connections_per_address as u64, 1, 65_536),
        ("limits.head_ms", limits.head_ms, 100, 600_000),
        ("limits.body_ms", limits.body_ms, 100, 3_600_000),
        ("limits.idle_ms", limits.idle_ms, 100, 3_600_000),
        ("limits.question_ms", limits.question_ms, 100, 120_000),
        ("limits.event_lease_ms", limits.event_lease_ms, 100, 3_600_000),
        ("limits.start_seconds", limits.start_seconds.into(), 5, 300),
        ("limits.launch_seconds", limits.launch_seconds.into(), 30, 900),
        ("limits.login_seconds", limits.login_seconds.into(), 60, 3600),
        ("limits.authorize_per_minute", limits.authorize_per_minute.into(), 0, 1_000_000),
        ("limits.start_per_minute", limits.start_per_minute.into(), 0, 1_000_000),
        ("limits.token_per_minute", limits.token_per_minute.into(), 0, 1_000_000),
        ("limits.introspect_per_minute", limits.introspect_per_minute.into(), 0, 1_000_000),
        ("limits.failures_per_minute", limits.failures_per_minute.into(), 0, 1_000_000),
        ("limits.code_seconds", limits.code_seconds.into(), 5, 600),
        ("limits.session_seconds", limits.session_seconds.into(), 60, 86_400),
        ("limits.log_lines", limits.log_lines as u64, 1, 1_000_000),
        ("network.answer_bytes", network.answer_bytes, 1024, 1 << 30),
        ("network.first_retry_ms", network.first_retry_ms, 1, 86_400_000),
        // 0 hours: a delivery is tried once.
        ("network.give_up_hours", network.give_up_hours.into(), 0, 8760),
        // Repeated messages are recognised for a week (messaging.md 10.1), and an audit must cover what it is kept for.
        ("retention.audit_days", settings.retention.audit_days.into(), 30, 36_525),
        ("retention.body_days", settings.retention.body_days.into(), 7, 36_525),
    ];
    for (path, value, low, high) in ranges {
        if !(low..=high).contains(&value) {
            return Err(wrong(path, value, &format!("{low} to {high}")));
        }
    }
    if limits.in_flight_bytes < limits.message_bytes {
        return Err(wrong(
            "limits.in_flight_bytes",
            limits.in_flight_bytes,
            "at least limits.message_bytes, or the largest message never fits",
        ));
    }
    let times = [("connect_ms", network.connect_ms), ("total_ms", network.total_ms)];
    if let Some((name, value)) = times.into_iter().find(|(_, value)| !(1..=300_000).contains(value)) {
        return Err(wrong(&format!("network.{name}"), value, "1 to 300000 milliseconds: nothing here waits for ever"));
    }
    Ok(())
}

fn check_smart(smart: &Smart) -> Result<()> {
    if let Some(url) = &smart.login_url {
        check_address("smart.login_url", url)?;
    }
    for (index, origin) in smart.frame_ancestors.iter().enumerate() {
        if !is_origin(origin) {
            let at = format!("smart.frame_ancestors[{index}]");
            return Err(wrong(&at, format_args!("{origin:?}"), "an origin such as \"https://pos.example\""));
        }
    }
    let style = smart.style.iter().flatten().find(|(_, value)| !value.is_string());
    style.map_or(Ok(()), |(name, _)| Err(wrong(&format!("smart.style.{name}"), "something else", "a text")))
}

/// https, or http on a loopback address for development.
fn check_address(at: &str, url: &Url) -> Result<()> {
    if url.scheme() == "https" || (url.scheme() == "http" && is_loopback(url)) {
        return Ok(());
    }
    Err(wrong(at, format_args!("{:?}", url.as_str()), "an https address (http on loopback only)"))
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        _ => false,
    }
}

fn check_partner(at: &str, partner: &Partner) -> Result<()> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if partner.name.is_empty() || partner.name.len() > 64 || !partner.name.chars().all(plain) {
        return Err(wrong(&format!("{at}.name"), format_args!("{:?}", partner.name), "1 to 64 letters, digits, '-', '_' or '.'"));
    }
    if dialect(&partner.dialect).is_none() {
        return Err(wrong(
            &format!("{at}.dialect"),
            format_args!("{:?}", partner.dialect),
            "a known dialect such as \"on-0.11.1\"",
        ));
    }
    if let Some(messaging) = &partner.messaging {
        if let Some(endpoint) = &messaging.endpoint {
            check_address(&format!("{at}.messaging.endpoint"), endpoint)?;
        }
        for (index, host) in messaging.attachment_hosts.iter().flatten().enumerate() {
            if host_of(host).is_none() {
                let at = format!("{at}.messaging.attachment_hosts[{index}]");
                return Err(wrong(&at, format_args!("{host:?}"), "a host, with a port where it is not 443"));
            }
        }
        if let OutboundAuth::ClientCredentials(credentials) = &messaging.auth {
            check_credentials(
                &format!("{at}.messaging.auth.oauth2_client_credentials"),
                credentials,
                messaging.client_tls.is_some(),
            )?;
        }
    }
    partner.smart_app.as_ref().map_or(Ok(()), |app| check_app(&format!("{at}.smart_app"), app))
}

/// Where the FHIR API's data comes from.
fn check_chart(chart: &ChartSettings) -> Result<()> {
    if let Some(index) = chart.ask.iter().position(|kind| !is_known(kind)) {
        return Err(wrong(
            &format!("chart.ask[{index}]"),
            "another text",
            "a resource type that is served, such as \"Observation\"",
        ));
    }
    let Some(server) = &chart.fhir_server else { return Ok(()) };
    let at = "chart.fhir_server";
    check_address(&format!("{at}.url"), &server.url)?;
    if server.url.query().is_some() || server.url.fragment().is_some() {
        return Err(wrong(&format!("{at}.url"), "a query or a fragment", "the base address of a FHIR server"));
    }
    match &server.auth {
        OutboundAuth::ClientCredentials(credentials) => {
            check_credentials(&format!("{at}.auth.oauth2_client_credentials"), credentials, server.client_tls.is_some())
        }
        OutboundAuth::None | OutboundAuth::Bearer(_) => Ok(()),
    }
}

/// One way to show who we are at the token endpoint, and only one (messaging.md 9).
fn check_credentials(at: &str, credentials: &ClientCredentials, certificate: bool) -> Result<()> {
    check_address(&format!("{at}.token_url"), &credentials.token_url)?;
    let expected = "one of \"client_secret\" and \"private_key_jwt\", or neither with \"client_tls\"";
    match (&credentials.client_secret, &credentials.private_key_jwt) {
        (Some(_), Some(_)) => Err(wrong(at, "\"client_secret\" beside \"private_key_jwt\"", expected)),
        (None, None) if !certificate => Err(wrong(at, "nothing that says who we are", expected)),
        _ => Ok(()),
    }
}

/// smart.md 3, and the waiver rule of its decisions.
fn check_app(at: &str, app: &SmartApp) -> Result<()> {
    if app.client_id.is_empty() {
        return Err(wrong(&format!("{at}.client_id"), "an empty text", "the id assigned to the app"));
    }
    check_address(&format!("{at}.launch_url"), &app.launch_url)?;
    if app.redirect_uris.is_empty() {
        return Err(wrong(&format!("{at}.redirect_uris"), "an empty list", "at least one complete address"));
    }
    for (index, uri) in app.redirect_uris.iter().enumerate() {
        let at = format!("{at}.redirect_uris[{index}]");
        let url = Url::parse(uri).map_err(|_| wrong(&at, format_args!("{uri:?}"), "a complete address"))?;
        check_address(&at, &url)?;
        if url.fragment().is_some() || uri.contains('*') {
            return Err(wrong(&at, format_args!("{uri:?}"), "no fragment and no wildcard"));
        }
    }
    if !(60..=3600).contains(&app.access_token_seconds) {
        return Err(wrong(&format!("{at}.access_token_seconds"), app.access_token_seconds, "60 to 3600"));
    }
    if app.launch_reuse == LaunchReuse::WithinTtl && app.browser_binding == OnOff::Off {
        let expected = "browser binding on: a launch value that is good twice must be tied to its browser";
        return Err(wrong(&format!("{at}.launch_reuse"), "\"within_ttl\"", expected));
    }
    if app.pkce == Pkce::NotRequired && matches!(app.auth, ClientAuth::Public) {
        let waived = app.pkce_waiver.as_deref().is_some_and(|text| !text.trim().is_empty());
        if !waived || app.browser_binding == OnOff::Off {
            return Err(wrong(
                &format!("{at}.pkce"),
                "\"not-required\" for a public client",
                "a written \"pkce_waiver\" and browser binding on",
            ));
        }
    }
    Ok(())
}
