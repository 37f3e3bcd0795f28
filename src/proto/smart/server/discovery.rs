//! The documents that say what is served: all made from one description, so that they cannot disagree (smart.md 2).

use std::collections::BTreeSet;

use http::StatusCode;
use http::header::{ACCEPT, ALLOW, CACHE_CONTROL, ETAG, IF_NONE_MATCH};
use serde_json::{Map, Value, json};

use super::cors::{self, Audience};
use super::{capability, chart, reply, scope, search};
use crate::proto::exchange::Ctx;
use crate::proto::http::{Request, Response, secret_hash, secret_text};
use crate::proto::settings::{Backend, ClientAuth, ClientKeys, Role, SmartApp};

/// One of the public documents.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Document {
    /// smart.md 2.2
    SmartConfiguration,
    /// smart.md 2.4
    OpenidConfiguration,
    /// RFC 8414
    OauthServer,
    /// smart.md 9
    Jwks,
    /// smart.md 2.5, 16.5
    Metadata,
}

/// Which document lives at a path.
pub fn find(path: &str) -> Option<Document> {
    match path {
        "/fhir/.well-known/smart-configuration" => Some(Document::SmartConfiguration),
        "/fhir/.well-known/openid-configuration" => Some(Document::OpenidConfiguration),
        "/fhir/.well-known/oauth-authorization-server" => Some(Document::OauthServer),
        "/auth/jwks" => Some(Document::Jwks),
        "/fhir/metadata" => Some(Document::Metadata),
        _ => None,
    }
}

/// Answers with a document. Public, for every origin, whatever `Accept` says (smart.md 2.2).
pub fn handle(ctx: &Ctx, request: &Request, document: Document) -> Response {
    cors::preflight(ctx, request, Audience::Everyone)
        .unwrap_or_else(|| cors::allow(ctx, request, answer(ctx, request, document), Audience::Everyone))
}

fn answer(ctx: &Ctx, request: &Request, document: Document) -> Response {
    if !reply::is_get(request) {
        let mut response = reply::outcome(StatusCode::METHOD_NOT_ALLOWED, "not-supported", "this address can only be read");
        reply::set(&mut response, ALLOW, "GET, HEAD, OPTIONS");
        return response;
    }
    let served = Served::new(ctx);
    let json = match document {
        Document::Jwks => ctx.world.keys.jwks(),
        Document::SmartConfiguration => served.smart_configuration(),
        Document::OpenidConfiguration if !served.openid => {
            return reply::outcome(StatusCode::NOT_FOUND, "not-found", "OpenID Connect is not offered here");
        }
        Document::OpenidConfiguration => served.openid_configuration(),
        Document::OauthServer => Value::Object(served.oauth()),
        Document::Metadata => return metadata(ctx, request, &served),
    };
    let age = if document == Document::Jwks { "public, max-age=3600" } else { "public, max-age=300" };
    cached(request, reply::body(StatusCode::OK, "application/json", json.to_string()), age)
}

fn metadata(ctx: &Ctx, request: &Request, served: &Served<'_>) -> Response {
    let query = search::pairs(request.uri().query().unwrap_or_default().as_bytes());
    let format = query.iter().find(|(name, _)| name == "_format").map(|(_, value)| value.as_str());
    let asked_for_xml = !reply::accepts_json(request, format) && (format.is_some() || request.headers().contains_key(ACCEPT));
    if asked_for_xml {
        return reply::outcome(StatusCode::NOT_ACCEPTABLE, "not-supported", "only JSON is served");
    }
    cached(request, reply::fhir(StatusCode::OK, served.capability_statement(ctx).to_string()), "public, max-age=300")
}

/// Adds the cache headers; 304 when the client has this very document.
pub(super) fn cached(request: &Request, mut response: Response, age: &str) -> Response {
    let text = String::from_utf8_lossy(response.body());
    let tag = format!("\"{}\"", secret_text(secret_hash(&text)));
    let known = request.headers().get(IF_NONE_MATCH).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if known.split(',').any(|candidate| candidate.trim().trim_start_matches("W/") == tag) {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        response.body_mut().clear();
    }
    reply::set(&mut response, ETAG, &tag);
    reply::set(&mut response, CACHE_CONTROL, age);
    response
}

/// Those that exist.
fn existing<T: Copy>(all: &[(T, bool)]) -> Vec<T> {
    all.iter().filter(|(_, exists)| *exists).map(|(one, _)| *one).collect()
}

/// What some client can be granted.
fn scopes(apps: &[&SmartApp], backends: &[&Backend], openid: bool) -> BTreeSet<String> {
    let launch = scope::Circumstances {
        patient: true,
        encounter: true,
        fhir_user: true,
        openid,
        online: true,
        offline: true,
        ..Default::default()
    };
    let alone = scope::Circumstances { backend: true, ..Default::default() };
    let of_apps = apps.iter().map(|app| scope::grant(&app.scopes, &app.scopes, launch));
    let of_backends = backends.iter().map(|service| scope::grant(&service.scopes, &service.scopes, alone));
    of_apps.chain(of_backends).filter_map(Result::ok).flatten().collect()
}

/// What exists: the one description. What no configured client can use is not in it.
struct Served<'a> {
    base: String,
    auth: String,
    apps: Vec<&'a SmartApp>,
    backends: Vec<&'a Backend>,
    /// What some client can be granted.
    scopes: BTreeSet<String>,
    openid: bool,
    /// Apps may start by themselves: there is a page to sign in on.
    standalone: bool,
    styled: bool,
}

impl<'a> Served<'a> {
    fn new(ctx: &'a Ctx) -> Self {
        let settings = ctx.settings();
        let apps: Vec<&SmartApp> = settings.partners.iter().filter_map(|partner| partner.smart_app.as_ref()).collect();
        let backends: Vec<&Backend> = settings.partners.iter().filter_map(|partner| partner.backend.as_ref()).collect();
        let scopes = scopes(&apps, &backends, ctx.world.keys.signing(ctx.now()).is_some());
        Self {
            base: settings.fhir_base(),
            auth: settings.auth_base(),
            openid: scopes.contains("openid"),
            standalone: settings.smart.login_url.is_some() && apps.iter().any(|app| app.standalone),
            styled: settings.smart.style.is_some(),
            apps,
            backends,
            scopes,
        }
    }

    fn has_public(&self) -> bool {
        self.apps.iter().any(|app| matches!(app.auth, ClientAuth::Public))
    }

    fn has_secret(&self) -> bool {
        self.apps.iter().any(|app| app.auth.secret().is_some())
    }

    /// The keys of all clients that sign assertions.
    fn keys(&self) -> impl Iterator<Item = &'a ClientKeys> {
        let of_apps = self.apps.iter().filter_map(|app| match &app.auth {
            ClientAuth::PrivateKeyJwt(keys) => Some(keys),
            _ => None,
        });
        of_apps.chain(self.backends.iter().map(|service| &service.private_key_jwt))
    }

    /// How clients show who they are.
    fn methods(&self) -> Vec<&'static str> {
        let post = self.apps.iter().any(|app| matches!(app.auth, ClientAuth::SecretPost(_)));
        let methods = [
            ("client_secret_basic", self.has_secret()),
            ("client_secret_post", post),
            ("private_key_jwt", self.keys().next().is_some()),
            ("none", self.has_public()),
        ];
        existing(&methods)
    }

    fn endpoint(&self, name: &str) -> String {
        format!("{}/{name}", self.auth)
    }

    /// The endpoints there are: their name in the CapabilityStatement and at the end of their address, and that in the other documents.
    fn endpoints(&self) -> Vec<(&'static str, &'static str)> {
        let may_introspect =
            self.apps.iter().any(|app| app.may_introspect) || self.backends.iter().any(|service| service.may_introspect);
        let all = [
            (("authorize", "authorization_endpoint"), !self.apps.is_empty()),
            (("token", "token_endpoint"), true),
            (("introspect", "introspection_endpoint"), may_introspect),
            (("revoke", "revocation_endpoint"), true),
        ];
        existing(&all)
    }

    fn grants(&self) -> Vec<&'static str> {
        let refreshes = ["online_access", "offline_access"].into_iter().any(|word| self.scopes.contains(word));
        existing(&[
            ("authorization_code", !self.apps.is_empty()),
            ("refresh_token", refreshes),
            ("client_credentials", !self.backends.is_empty()),
        ])
    }

    /// The members that OAuth, OpenID and SMART documents share.
    fn oauth(&self) -> Map<String, Value> {
        let mut members = Map::new();
        let mut put = |name: &str, value: Value| members.insert(name.to_owned(), value);
        put("issuer", json!(self.base));
        for (end, name) in self.endpoints() {
            put(name, json!(self.endpoint(end)));
            if ["introspect", "revoke"].contains(&end) {
                put(&format!("{name}_auth_methods_supported"), json!(self.methods()));
            }
        }
        if self.openid {
            put("jwks_uri", json!(self.endpoint("jwks")));
        }
        put("grant_types_supported", json!(self.grants()));
        put("response_types_supported", json!(if self.apps.is_empty() { &[][..] } else { &["code"] }));
        put("response_modes_supported", json!(["query"]));
        put("scopes_supported", json!(self.scopes));
        put("token_endpoint_auth_methods_supported", json!(self.methods()));
        let algorithms: BTreeSet<&str> = self.keys().flat_map(|keys| keys.algorithms.iter().map(|one| one.name())).collect();
        if !algorithms.is_empty() {
            put("token_endpoint_auth_signing_alg_values_supported", json!(algorithms));
        }
        put("code_challenge_methods_supported", json!(["S256"]));
        put("authorization_response_iss_parameter_supported", json!(true));
        members
    }

    fn smart_configuration(&self) -> Value {
        let mut members = self.oauth();
        // The issuer is that of id_tokens, and left out without them (smart.md 2.2).
        if !self.openid {
            members.remove("issuer");
        }
        members.insert("capabilities".to_owned(), json!(self.capabilities()));
        Value::Object(members)
    }

    /// smart.md 2.3
    fn capabilities(&self) -> Vec<&'static str> {
        let app = !self.apps.is_empty();
        let has_class = |class: &str| self.scopes.iter().any(|scope| scope.starts_with(class));
        let has_data = ["patient/", "user/", "system/"].into_iter().any(has_class);
        existing(&[
            ("launch-ehr", app),
            ("launch-standalone", self.standalone),
            ("authorize-post", app),
            ("client-public", self.has_public()),
            ("client-confidential-symmetric", self.has_secret()),
            ("client-confidential-asymmetric", self.keys().next().is_some()),
            ("sso-openid-connect", self.openid),
            ("context-banner", app),
            ("context-style", self.styled),
            ("context-ehr-patient", app),
            ("context-ehr-encounter", app),
            ("context-standalone-patient", self.standalone),
            ("permission-offline", self.scopes.contains("offline_access")),
            ("permission-online", self.scopes.contains("online_access")),
            ("permission-patient", has_class("patient/")),
            ("permission-user", has_class("user/")),
            ("permission-v1", has_data),
            ("permission-v2", has_data),
        ])
    }

    fn openid_configuration(&self) -> Value {
        let mut members = self.oauth();
        const CLAIMS: [&str; 13] = [
            "iss",
            "sub",
            "aud",
            "exp",
            "iat",
            "auth_time",
            "nonce",
            "at_hash",
            "fhirUser",
            "profile",
            "name",
            "given_name",
            "family_name",
        ];
        let extra = self.apps.iter().flat_map(|app| app.id_token_claims.iter().map(String::as_str));
        let claims: BTreeSet<&str> = CLAIMS.into_iter().chain(extra).collect();
        members.insert("subject_types_supported".to_owned(), json!(["public"]));
        members.insert("id_token_signing_alg_values_supported".to_owned(), json!(["RS256"]));
        members.insert("claims_supported".to_owned(), json!(claims));
        for name in ["request_parameter_supported", "request_uri_parameter_supported", "claims_parameter_supported"] {
            members.insert(name.to_owned(), json!(false));
        }
        Value::Object(members)
    }

    /// What this system is and does, computed from the configuration (smart.md 2.5, messaging.md 3).
    fn capability_statement(&self, ctx: &Ctx) -> Value {
        let settings = ctx.settings();
        let system = &settings.system;
        let day = jiff::Timestamp::from_millisecond(ctx.now()).unwrap_or_default().strftime("%Y-%m-%d").to_string();
        let mut statement = json!({
            "resourceType": "CapabilityStatement",
            "status": "active",
            "date": day,
            "description": capability::roles(settings),
            "kind": "instance",
            "software": { "name": system.software, "version": system.version },
            "implementation": { "description": system.name, "url": self.base },
            "fhirVersion": "4.0.1",
            "format": ["json"],
        });
        if system.roles.contains(&Role::SmartServer) {
            let resources: Vec<Value> = chart::types().map(|name| capability::resource(settings, name)).collect();
            statement["rest"] = json!([{ "mode": "server", "security": self.security(), "resource": resources,
                                       "interaction": [{ "code": "batch" }] }]);
        }
        if let Some(messaging) = capability::messaging(settings) {
            statement["messaging"] = json!([messaging]);
        }
        statement
    }

    /// For apps of SMART 1.0, which look nowhere else (smart.md 2.5).
    fn security(&self) -> Value {
        let endpoints = self.endpoints().into_iter();
        let uris: Vec<Value> = endpoints.map(|(name, _)| json!({ "url": name, "valueUri": self.endpoint(name) })).collect();
        json!({
            "extension": [{
                "url": "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris",
                "extension": uris,
            }],
            "cors": true,
            "service": [{ "coding": [{
                "system": "http://terminology.hl7.org/CodeSystem/restful-security-service", "code": "SMART-on-FHIR" }] }],
        })
    }
}
