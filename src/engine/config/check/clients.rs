//! The rules for the clients of the token endpoint (smart.md 3, 6.1, 9, 10, 11).

use super::inbound::check_keys;
use super::wrong;
use crate::error::Result;
use crate::proto::jwt::Algorithm;
use crate::proto::settings::{Backend, ClientAuth, ClientKeys, Partner, Refresh, Settings, SmartApp};
use crate::proto::smart::server::{id_token, issue};

/// How a partner's app and backend service are known, and what they may have.
pub(super) fn check(at: &str, partner: &Partner, settings: &Settings) -> Result<()> {
    if let Some(app) = &partner.smart_app {
        check_app(&format!("{at}.smart_app"), app)?;
    }
    match &partner.backend {
        Some(service) => check_backend(&format!("{at}.backend"), service, partner, settings),
        None => Ok(()),
    }
}

fn check_app(at: &str, app: &SmartApp) -> Result<()> {
    match &app.auth {
        ClientAuth::Public if app.may_introspect => {
            let expected = "an app that can show who it is";
            return Err(wrong(&format!("{at}.may_introspect"), "true for a public client", expected));
        }
        ClientAuth::PrivateKeyJwt(keys) => check_client_keys(&format!("{at}.auth.private_key_jwt"), keys)?,
        _ => {}
    }
    check_refresh(&format!("{at}.refresh"), &app.refresh)?;
    let lists = [
        ("id_token_claims", &app.id_token_claims, &id_token::OURS[..]),
        ("response_members", &app.response_members, &issue::OURS[..]),
    ];
    for (list, names, ours) in lists {
        if let Some(index) = names.iter().position(|name| name.is_empty() || ours.contains(&name.as_str())) {
            return Err(wrong(&format!("{at}.{list}[{index}]"), "a name that is ours, or none", "a name of another's"));
        }
    }
    Ok(())
}

fn check_client_keys(at: &str, keys: &ClientKeys) -> Result<()> {
    check_keys(at, keys.keys().is_none(), keys.jwks_url.as_ref(), keys.private, &keys.algorithms)?;
    // What is said to be offered has one of these (smart.md 2.2).
    if !keys.algorithms.iter().any(|one| matches!(one, Algorithm::RS384 | Algorithm::ES384)) {
        return Err(wrong(&format!("{at}.algorithms"), "neither RS384 nor ES384", "at least one of the two"));
    }
    Ok(())
}

fn check_refresh(at: &str, refresh: &Refresh) -> Result<()> {
    const DAY: u32 = 86_400;
    let ranges = [
        ("online_idle_seconds", refresh.online_idle_seconds, DAY),
        ("online_seconds", refresh.online_seconds, DAY),
        ("offline_idle_seconds", refresh.offline_idle_seconds, 365 * DAY),
        ("offline_seconds", refresh.offline_seconds, 365 * DAY),
    ];
    match ranges.into_iter().find(|(_, value, most)| !(3600..=*most).contains(value)) {
        Some((name, value, most)) => Err(wrong(&format!("{at}.{name}"), value, &format!("3600 to {most}"))),
        None => Ok(()),
    }
}

/// Its id is nobody else's, or the token endpoint could not tell what is asked for.
fn check_backend(at: &str, service: &Backend, partner: &Partner, settings: &Settings) -> Result<()> {
    let at_id = format!("{at}.client_id");
    if service.client_id.is_empty() {
        return Err(wrong(&at_id, "an empty text", "the id assigned to the service"));
    }
    let is_used = |other: &Partner| {
        let ways = other.messaging.as_ref().map_or(&[][..], |messaging| &messaging.inbound);
        let mut messaging = ways.iter().filter_map(|way| way.client_credentials.as_ref());
        let is_app = other.smart_app.as_ref().is_some_and(|app| app.client_id == service.client_id);
        is_app
            || messaging.any(|rule| rule.client_id == service.client_id)
            || (other.name != partner.name && other.has_client(&service.client_id))
    };
    if settings.partners.iter().any(is_used) {
        return Err(wrong(&at_id, "an id used elsewhere", "an id of its own"));
    }
    if service.scopes.split_ascii_whitespace().any(|scope| !scope.starts_with("system/")) {
        return Err(wrong(&format!("{at}.scopes"), "a scope about a user or a patient", "system/ scopes only"));
    }
    check_client_keys(&format!("{at}.private_key_jwt"), &service.private_key_jwt)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn refusal(change: impl Fn(&mut Value)) -> String {
        crate::io::crypto::install();
        let keys = json!({"jwks_url": "https://rms.example/jwks"});
        let mut document = json!({
            "system": {"name": "Fakename Clinic", "software": "TestPOS", "version": "1", "roles": ["smart-server"]},
            "public_url": "https://pos.example", "store": {"url": "sqlite:s.db", "key_file": "s.key"},
            "partners": [{"name": "rms", "roles": ["smart-app"],
                "smart_app": {"client_id": "app", "launch_url": "https://rms.example/l", "redirect_uris": ["https://rms.example/cb"],
                              "scopes": "launch", "auth": {"private_key_jwt": keys}},
                "backend": {"client_id": "robot", "private_key_jwt": keys, "scopes": "system/*.rs"},
                "messaging": {"inbound": {"client_credentials": {"client_id": "m", "client_secret": "invented-secret-0001"}}}}],
        });
        change(&mut document);
        let settings: Settings = serde_json::from_value(document).unwrap();
        let checked = settings.partners.iter().try_for_each(|partner| check("p", partner, &settings));
        checked.err().map(|error| error.message().to_owned()).unwrap_or_default()
    }

    #[test]
    fn a_client_that_cannot_be_served_is_refused_by_name() {
        assert_eq!(refusal(|_| {}), "");
        let cases: [(&str, &str, Value); 13] = [
            ("smart_app/auth/private_key_jwt/algorithms", "p.smart_app.auth.private_key_jwt.algorithms", json!(["RS256"])),
            ("smart_app/auth", "p.smart_app.may_introspect", json!("public")),
            (
                "smart_app/auth/private_key_jwt/jwks_url",
                "p.smart_app.auth.private_key_jwt.jwks_url",
                json!("http://rms.example/jwks"),
            ),
            (
                "smart_app/auth/private_key_jwt/jwks_url",
                "p.smart_app.auth.private_key_jwt.jwks_url",
                json!("https://10.0.0.1/jwks"),
            ),
            (
                "smart_app/auth/private_key_jwt/jwks_url",
                "p.smart_app.auth.private_key_jwt.jwks_url",
                json!("https://169.254.169.254/"),
            ),
            ("smart_app/refresh", "p.smart_app.refresh.online_seconds", json!({"online_seconds": 60})),
            ("smart_app/id_token_claims", "p.smart_app.id_token_claims[1]", json!(["uao", "sub"])),
            ("smart_app/response_members", "p.smart_app.response_members[0]", json!(["access_token"])),
            ("backend/client_id", "p.backend.client_id", json!("app")),
            ("backend/client_id", "p.backend.client_id", json!("m")),
            ("backend/scopes", "p.backend.scopes", json!("system/*.rs user/*.rs")),
            ("backend/private_key_jwt", "p.backend.private_key_jwt", json!({})),
            ("backend/client_id", "p.backend.client_id", json!("")),
        ];
        for (member, path, value) in cases {
            let text = refusal(|document| {
                document["partners"][0]["smart_app"]["may_introspect"] = json!(true);
                let (parent, name) = member.rsplit_once('/').unwrap();
                document.pointer_mut(&format!("/partners/0/{parent}")).unwrap()[name] = value.clone();
            });
            assert!(text.starts_with(&format!("{path}: found ")), "{member} {value}: {text:?}");
        }
    }
}
