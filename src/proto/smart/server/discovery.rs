//! The documents that say what is served: all made from one description, so that they cannot disagree (smart.md 2).

use http::StatusCode;
use http::header::{ACCEPT, ALLOW, CACHE_CONTROL, ETAG, IF_NONE_MATCH};
use serde_json::{Map, Value, json};

use super::cors::{self, Audience};
use super::{capability, chart, reply, scope, search};
use crate::proto::exchange::Ctx;
use crate::proto::http::{Request, Response, secret_hash, secret_text};
use crate::proto::settings::{ClientAuth, Role, SmartApp};

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
fn cached(request: &Request, mut response: Response, age: &str) -> Response {
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

/// What exists: the one description.
struct Served<'a> {
    base: String,
    auth: String,
    apps: Vec<&'a SmartApp>,
    openid: bool,
}

impl<'a> Served<'a> {
    fn new(ctx: &'a Ctx) -> Self {
        let settings = ctx.settings();
        Self {
            base: settings.fhir_base(),
            auth: settings.auth_base(),
            apps: settings.partners.iter().filter_map(|partner| partner.smart_app.as_ref()).collect(),
            openid: ctx.world.keys.signing().is_some(),
        }
    }

    fn has_public(&self) -> bool {
        self.apps.iter().any(|app| matches!(app.auth, ClientAuth::Public))
    }

    fn has_secret(&self) -> bool {
        self.apps.iter().any(|app| app.auth.secret().is_some())
    }

    fn endpoint(&self, name: &str) -> String {
        format!("{}/{name}", self.auth)
    }

    /// What some app can be granted.
    fn scopes(&self) -> Vec<String> {
        let full =
            scope::Circumstances { patient: true, encounter: true, fhir_user: true, openid: self.openid, ..Default::default() };
        let mut scopes: Vec<String> = Vec::new();
        for app in &self.apps {
            let granted = scope::grant(&app.scopes, &app.scopes, full).unwrap_or_default();
            scopes.extend(granted);
        }
        scopes.sort();
        scopes.dedup();
        scopes
    }

    /// The members that OAuth, OpenID and SMART documents share.
    fn oauth(&self) -> Map<String, Value> {
        let methods = [("client_secret_basic", self.has_secret()), ("none", self.has_public())];
        let methods: Vec<&str> = methods.into_iter().filter(|(_, exists)| *exists).map(|(name, _)| name).collect();
        let mut members = Map::new();
        let mut put = |name: &str, value: Value| members.insert(name.to_owned(), value);
        put("issuer", json!(self.base));
        put("authorization_endpoint", json!(self.endpoint("authorize")));
        put("token_endpoint", json!(self.endpoint("token")));
        if self.openid {
            put("jwks_uri", json!(self.endpoint("jwks")));
        }
        put("grant_types_supported", json!(["authorization_code"]));
        put("response_types_supported", json!(["code"]));
        put("response_modes_supported", json!(["query"]));
        put("scopes_supported", json!(self.scopes()));
        put("token_endpoint_auth_methods_supported", json!(methods));
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

    fn capabilities(&self) -> Vec<&'static str> {
        let list = [
            ("launch-ehr", true),
            ("authorize-post", true),
            ("client-public", self.has_public()),
            ("client-confidential-symmetric", self.has_secret()),
            ("sso-openid-connect", self.openid),
            ("context-banner", true),
            ("context-ehr-patient", true),
            ("context-ehr-encounter", true),
            ("permission-patient", true),
            ("permission-user", true),
            ("permission-v1", true),
            ("permission-v2", true),
        ];
        list.into_iter().filter(|(_, exists)| *exists).map(|(name, _)| name).collect()
    }

    fn openid_configuration(&self) -> Value {
        let mut members = self.oauth();
        let claims = ["iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "at_hash", "fhirUser", "profile", "name"];
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
            statement["rest"] = json!([{ "mode": "server", "security": self.security(), "resource": resources }]);
        }
        if let Some(messaging) = capability::messaging(settings) {
            statement["messaging"] = json!([messaging]);
        }
        statement
    }

    /// For apps of SMART 1.0, which look nowhere else (smart.md 2.5).
    fn security(&self) -> Value {
        let uri = |name: &str, endpoint: &str| json!({ "url": name, "valueUri": self.endpoint(endpoint) });
        json!({
            "extension": [{
                "url": "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris",
                "extension": [uri("authorize", "authorize"), uri("token", "token")],
            }],
            "cors": true,
            "service": [{ "coding": [{
                "system": "http://terminology.hl7.org/CodeSystem/restful-security-service", "code": "SMART-on-FHIR" }] }],
        })
    }
}
