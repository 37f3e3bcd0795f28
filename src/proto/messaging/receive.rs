//! `$process-message`: who sends, what it is, keep it, and only then answer.

use http::header;
use http::{HeaderValue, Method, StatusCode};

use crate::error::{EREF_TOO_LARGE, Error};
use crate::log::Level;
use crate::proto::exchange::{BodyError, Ctx, Signal};
use crate::proto::fhir::outcome::{Issue, outcome};
use crate::proto::guide::dialects::dialect;
use crate::proto::guide::events::{self, Direction};
use crate::proto::http::{Request, Response};
use crate::proto::messaging::attachment;
use crate::proto::messaging::message::Message;
use crate::proto::messaging::notification::{self, Notice};
use crate::proto::messaging::parse::Refusal;
use crate::proto::messaging::respond::{self, Taken};
use crate::proto::messaging::trust::{self, Sender};
use crate::proto::settings::{ChangedContent, Messaging, Partner, Role, Settings};
use crate::proto::store::{Accepted, IncomingMessage, ReferralRole};

/// An answer that is not a success.
pub(super) struct Failure {
    status: StatusCode,
    issue: Issue,
    extra: Option<(header::HeaderName, HeaderValue)>,
    /// The profile of the OperationOutcome, once it is known who is told.
    profile: Option<&'static str>,
}

impl Failure {
    pub(super) fn new(status: StatusCode, code: &'static str, text: impl Into<String>) -> Box<Self> {
        Box::new(Self { status, issue: Issue::error(code, "", text, ""), extra: None, profile: None })
    }
    pub(super) fn with(mut self: Box<Self>, name: header::HeaderName, value: &'static str) -> Box<Self> {
        self.extra = Some((name, HeaderValue::from_static(value)));
        self
    }
    /// In the partner's dialect.
    fn told_to(mut self: Box<Self>, partner: &Partner) -> Box<Self> {
        self.profile = dialect(&partner.dialect).and_then(|dialect| dialect.profile("OperationOutcome"));
        self
    }
    fn body(&self) -> Vec<u8> {
        let mut outcome = outcome(std::slice::from_ref(&self.issue));
        if let Some(profile) = self.profile {
            outcome["meta"] = serde_json::json!({"profile": [profile]});
        }
        outcome.to_string().into_bytes()
    }
}

impl From<Refusal> for Box<Failure> {
    fn from(refusal: Refusal) -> Self {
        let status = if refusal.status == EREF_TOO_LARGE { StatusCode::PAYLOAD_TOO_LARGE } else { StatusCode::BAD_REQUEST };
        Self::new(Failure { status, issue: refusal.issue, extra: None, profile: None })
    }
}

/// Answers a posted message.
pub async fn handle(ctx: &Ctx, request: &Request) -> Response {
    let mut response = match receive(ctx, request).await {
        Ok(response) => response,
        Err(failure) => {
            let text = format!("a message was answered {}: {}", failure.status.as_u16(), failure.issue.code);
            ctx.world.log.line(Level::Warn, "messaging", text);
            let mut response = fhir_response(failure.status, failure.body());
            if let Some((name, value)) = failure.extra {
                response.headers_mut().insert(name, value);
            }
            response
        }
    };
    for name in ["x-request-id", "x-correlation-id"] {
        if let Some(value) = request.headers().get(name).filter(|value| is_echoable(value)) {
            response.headers_mut().insert(name, value.clone());
        }
    }
    response
}

/// Correlation headers come back only when they are short and plain (messaging.md 8.1).
fn is_echoable(value: &HeaderValue) -> bool {
    let bytes = value.as_bytes();
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._:".contains(byte);
    (1..=128).contains(&bytes.len()) && bytes.iter().all(plain)
}

fn fhir_response(status: StatusCode, body: Vec<u8>) -> Response {
    let empty = body.is_empty();
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    if !empty {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/fhir+json; charset=utf-8"));
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

async fn receive(ctx: &Ctx, request: &Request) -> std::result::Result<Response, Box<Failure>> {
    check_head(request)?;
    let sender = trust::authenticate(ctx, request)
        .await
        .inspect_err(|failure| ctx.audit_refusal("login refused", None, failure.issue.code))?;
    take(ctx, &sender).await.map_err(|failure| {
        ctx.audit_refusal("message refused", Some(&sender.partner.name), failure.issue.code);
        failure.told_to(sender.partner)
    })
}

async fn take(ctx: &Ctx, sender: &Sender<'_>) -> std::result::Result<Response, Box<Failure>> {
    let body = ctx.body(ctx.settings().limits.message_bytes).await.map_err(body_failure)?;
    let message = Message::read(body, &ctx.settings().limits)?;
    check_test_label(ctx.settings(), &message)?;
    let (event, direction) = event_of(sender.partner, &message)?;
    let status = respond::status(message.header());
    let body = accept(ctx, sender, message, event, direction)?;
    Ok(fhir_response(status, body))
}

/// Method and media types (messaging.md 8.1).
fn check_head(request: &Request) -> std::result::Result<(), Box<Failure>> {
    if request.method() != Method::POST {
        let failure = Failure::new(StatusCode::METHOD_NOT_ALLOWED, "not-supported", "messages are posted; expected POST");
        return Err(failure.with(header::ALLOW, "POST"));
    }
    let text = |name| request.headers().get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let media = text(header::CONTENT_TYPE).unwrap_or_default().split(';').next().unwrap_or_default().trim();
    let known = ["application/fhir+json", "application/json"].iter().any(|known| media.eq_ignore_ascii_case(known));
    let coding = text(header::CONTENT_ENCODING).unwrap_or("identity");
    if !known || !coding.eq_ignore_ascii_case("identity") {
        let text = "expected Content-Type application/fhir+json without Content-Encoding";
        return Err(Failure::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "not-supported", text));
    }
    Ok(())
}

fn body_failure(error: BodyError) -> Box<Failure> {
    match error {
        BodyError::TooLarge => Failure::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "too-long",
            "the body is larger than this system takes (limits.message_bytes)",
        ),
        BodyError::TimedOut => Failure::new(StatusCode::REQUEST_TIMEOUT, "timeout", "the body did not arrive in time"),
        BodyError::Lost => Failure::new(StatusCode::BAD_REQUEST, "incomplete", "the body broke off"),
        BodyError::Overloaded => {
            Failure::new(StatusCode::SERVICE_UNAVAILABLE, "throttled", "too much is under way").with(header::RETRY_AFTER, "5")
        }
    }
}

/// A store that cannot keep the message: the sender must try again (messaging.md 10.3).
pub(super) fn store_failure(ctx: &Ctx, error: &Error) -> Box<Failure> {
    ctx.world.log.line(Level::Error, "messaging", format!("the store failed: {error}"));
    if error.is_retriable() {
        let failure =
            Failure::new(StatusCode::SERVICE_UNAVAILABLE, "transient", "the message could not be stored; send it again later");
        return failure.with(header::RETRY_AFTER, "30");
    }
    Failure::new(StatusCode::INTERNAL_SERVER_ERROR, "exception", "the message could not be stored")
}

/// Test and real never mix (architecture: test and real).
fn check_test_label(settings: &Settings, message: &Message) -> std::result::Result<(), Box<Failure>> {
    if message.is_test() && !settings.test {
        let text = "the message is labelled as test data (HTEST), and this is a production system";
        return Err(Refusal::content("business-rule", "Bundle.meta.security", text, "HTEST").into());
    }
    Ok(())
}

/// The canonical event and its direction. Unknown events are refused (messaging.md 3.4).
fn event_of(partner: &Partner, message: &Message) -> std::result::Result<(&'static str, Direction), Box<Failure>> {
    let code = message.header().event_code();
    // Some spellings do not say who speaks: the partner's part does (messaging.md 3.2).
    let is_source = partner.roles.contains(&Role::RmsSource) && !partner.roles.contains(&Role::RmsTarget);
    let known = events::canonical_from(code, is_source).and_then(events::info);
    known.map(|info| (info.code, info.direction)).ok_or_else(|| {
        let shown = code.len() <= 60 && code.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        let text = format!("the event {} is not known here", if shown { code } else { "code" });
        Refusal::content("not-supported", "Bundle.entry[0].resource.eventCoding.code", text, "message-event-code").into()
    })
}

/// Our part and the partner's in this referral, should this message start it.
fn roles(partner: &Partner, direction: Direction) -> (ReferralRole, ReferralRole) {
    match direction {
        Direction::SourceToCopy => (ReferralRole::Copy, ReferralRole::Source),
        Direction::SourceToTarget if partner.roles.contains(&Role::RmsSource) => (ReferralRole::Target, ReferralRole::Source),
        _ => (ReferralRole::Source, ReferralRole::Target),
    }
}

/// What is found in the partner's dialect, and what only this engine can find: that depends on the partner and on us.
fn findings(settings: &Settings, partner: &Partner, message: &Message) -> Vec<Issue> {
    let mut issues = dialect(&partner.dialect).map_or_else(|| message.findings().to_vec(), |dialect| message.check(dialect));
    if let Ok(view) = message.view() {
        issues.extend(attachment::findings(view));
    }
    if settings.test && !message.is_test() {
        let text = "the message is not labelled as test data (HTEST), and this is a test system";
        issues.push(Issue::warning("business-rule", "Bundle.meta.security", text, "HTEST"));
    }
    let endpoint = message.header().source.endpoint.as_deref().unwrap_or_default();
    let expected = |messaging: &Messaging| {
        let own = messaging.endpoint.as_ref().is_some_and(|own| own.as_str() == endpoint);
        own || messaging.source_endpoints.is_empty() || messaging.source_endpoints.iter().any(|known| known == endpoint)
    };
    // Recorded and warned about, never identity (architecture: identity of a message).
    if !partner.messaging.as_ref().is_none_or(expected) {
        let path = "Bundle.entry[0].resource.source.endpoint";
        issues.push(Issue::warning(
            "value",
            path,
            "the endpoint is not one this partner is configured with",
            "partner configuration",
        ));
    }
    issues
}

/// Keeps the message, then says so (messaging.md 10.3).
fn accept(
    ctx: &Ctx,
    sender: &Sender,
    message: Message,
    event: &'static str,
    direction: Direction,
) -> std::result::Result<Vec<u8>, Box<Failure>> {
    let settings = ctx.settings();
    let Sender { partner, trusted } = *sender;
    let (our_role, partner_role) = roles(partner, direction);
    let id = ctx.id();
    let issues = findings(settings, partner, &message);
    let (notification, referral) = {
        let view = message.view().map_err(|error| Refusal::content("structure", "Bundle.entry", error.message(), "FHIR R4"))?;
        let notice = Notice {
            partner: Some(&partner.name),
            trusted,
            time_zone: settings.system.time_zone.as_deref(),
            our_role: Some(our_role.as_str()),
            ..Notice::default()
        };
        let document = notification::document(view, event, &issues, &notice);
        // A sender without credentials touches no referral (messaging.md, decisions).
        let mut referral = notification::referral_update(view, event, our_role, partner_role).filter(|_| trusted);
        if let Some(update) = referral.as_mut() {
            let own = settings.own_referral_system();
            (update.ours, update.identifiers) = std::mem::take(&mut update.identifiers).into_iter().partition(|i| i.system == own);
        }
        (document, referral)
    };
    let taken = Taken { message: &message, partner, event, our_role, trusted, findings: &issues };
    let answer = respond::answer(ctx, &taken).map_err(|error| store_failure(ctx, &error))?;
    let incoming = IncomingMessage {
        id: id.clone(),
        partner: partner.name.clone(),
        message_id: message.message_id().to_owned(),
        bundle_id: message.bundle_id().to_owned(),
        event: event.to_owned(),
        response_to: message.header().response.as_ref().and_then(|response| response.identifier.clone()),
        content: message.content_identity(),
        refuse_changed: partner.messaging.as_ref().is_some_and(|messaging| messaging.changed_content == ChangedContent::Refuse),
        body: message.into_bundle().into(),
        response: answer.body,
        notification,
        referral,
        trusted,
    };
    let accepted = ctx.store().accept_message(&incoming, ctx.now()).map_err(|error| store_failure(ctx, &error))?;
    let answered = answer.task_status.map_or_else(String::new, |status| format!(", answered with a Task {status}"));
    let log = |what: &str| ctx.world.log.line(Level::Info, "messaging", format!("{event} from {}: {what}", partner.name));
    match accepted {
        Accepted::New { .. } => {
            log(&format!("stored as {id}{answered}"));
            ctx.signal(Signal::Queued);
            Ok(incoming.response)
        }
        Accepted::Replay { response } => {
            log("known, answered again");
            Ok(response)
        }
        Accepted::BundleReused => {
            let text = "this Bundle.id came before with another MessageHeader.id";
            Err(Refusal::content("duplicate", "Bundle.id", text, "FHIR R4 messaging").into())
        }
        Accepted::Changed => {
            let text = "this MessageHeader.id came before with other content; expected a new MessageHeader.id";
            let issue = Issue::error("conflict", "Bundle.entry[0].resource.id", text, "FHIR R4 messaging");
            Err(Box::new(Failure { status: StatusCode::CONFLICT, issue, extra: None, profile: None }))
        }
        // The words are the same whatever the referral is, so that nothing is revealed.
        Accepted::NotParty => {
            Err(Failure::new(StatusCode::FORBIDDEN, "forbidden", "the message may not be processed for this sender"))
        }
    }
}
