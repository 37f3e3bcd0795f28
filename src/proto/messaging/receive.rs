//! `$process-message`: who sends, what it is, keep it, and only then answer.

use std::sync::Arc;

use http::header;
use http::{HeaderValue, Method, StatusCode};

use crate::error::{EREF_TOO_LARGE, Error};
use crate::log::Level;
use crate::proto::exchange::{BodyError, Ctx, Signal};
use crate::proto::fhir::outcome::{Issue, outcome};
use crate::proto::guide::dialects::dialect;
use crate::proto::http::{Request, Response};
use crate::proto::messaging::attachment;
use crate::proto::messaging::message::Message;
use crate::proto::messaging::parse::Refusal;
use crate::proto::messaging::respond::{self, Taken};
use crate::proto::messaging::tracking::{self, Refused};
use crate::proto::messaging::trust::{self, Sender};
use crate::proto::settings::{ChangedContent, Messaging, Partner, Settings};
use crate::proto::store::{Accepted, IncomingMessage, MessageIdentity, ReferralRole};

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
    /// A word for the audit trail.
    pub(super) fn code(&self) -> &'static str {
        self.issue.code
    }
    /// The answer; the log says that it was one.
    pub(super) fn response(self, ctx: &Ctx) -> Response {
        let text = format!("a request was answered {}: {}", self.status.as_u16(), self.issue.code);
        ctx.world.log.line(Level::Warn, "messaging", text);
        let mut response = fhir_response(self.status, self.body());
        if let Some((name, value)) = self.extra {
            response.headers_mut().insert(name, value);
        }
        response
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
        Err(failure) => failure.response(ctx),
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

pub(super) fn fhir_response(status: StatusCode, body: Vec<u8>) -> Response {
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
    let status = respond::status(message.header());
    let body = accept(ctx, sender, message)?;
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

/// Why tracking does not take a message, in words that are the same whatever is known of the referral, so that nothing is revealed.
fn refusal(refused: Refused, code: &str) -> Box<Failure> {
    match refused {
        Refused::Forbidden => Failure::new(StatusCode::FORBIDDEN, "forbidden", "the message may not be processed for this sender"),
        Refused::UnknownEvent => {
            let shown = code.len() <= 60 && code.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
            let text = format!("the event {} is not known here", if shown { code } else { "code" });
            let path = "Bundle.entry[0].resource.eventCoding.code";
            Refusal::content("not-supported", path, text, "message-event-code").into()
        }
        Refused::NotOurs => {
            let text = "this system takes no referrals to work on";
            Refusal::content("business-rule", "Bundle.entry[0].resource.eventCoding.code", text, "messaging.md 2").into()
        }
        Refused::Several => {
            let text = "the requests in focus are different referrals; expected one message for each";
            Refusal::content("business-rule", "Bundle.entry[0].resource.focus", text, "messaging.md 4.2").into()
        }
        Refused::NotFound => {
            let text = "the message belongs to no referral that is known here for this sender";
            Refusal::content("not-found", "Bundle.entry[0].resource.focus", text, "messaging.md 10.4").into()
        }
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
fn accept(ctx: &Ctx, sender: &Sender, message: Message) -> std::result::Result<Vec<u8>, Box<Failure>> {
    let Sender { partner, trusted } = *sender;
    let messaging = partner.messaging.as_ref();
    let identity = MessageIdentity {
        partner: partner.name.clone(),
        trusted,
        message_id: message.message_id().to_owned(),
        bundle_id: message.bundle_id().to_owned(),
        content: message.content_identity(),
        refuse_changed: messaging.is_some_and(|messaging| messaging.changed_content == ChangedContent::Refuse),
    };
    let failed = |error: Error| store_failure(ctx, &error);
    // What is known is answered as it was then, whatever became of the referral.
    let revised = match ctx.store().known_message(&identity, ctx.now()).map_err(failed)? {
        Some(Accepted::Revised) => true,
        Some(known) => return settled(ctx, partner, known, Vec::new()),
        None => false,
    };
    let mut incoming = incoming(ctx, sender, (identity, revised), message)?;
    for _ in 0..tracking::TRIES {
        match ctx.store().accept_message(&incoming, ctx.now()).map_err(failed)? {
            Accepted::Moved => {
                let message = Message::read(Arc::unwrap_or_clone(incoming.body), &ctx.settings().limits)?;
                incoming = self::incoming(ctx, sender, (incoming.identity, revised), message)?;
            }
            Accepted::New { .. } => {
                let text = format!("{} from {}: stored as {}", incoming.event, partner.name, incoming.id);
                ctx.world.log.line(Level::Info, "messaging", text);
                ctx.signal(Signal::Queued);
                return Ok(incoming.response);
            }
            known => return settled(ctx, partner, known, incoming.response),
        }
    }
    let text = "too many messages of one referral came at once; send it again later";
    Err(Failure::new(StatusCode::SERVICE_UNAVAILABLE, "transient", text).with(header::RETRY_AFTER, "30"))
}

/// The answer to a message that came before (messaging.md 10.1).
fn settled(ctx: &Ctx, partner: &Partner, known: Accepted, response: Vec<u8>) -> std::result::Result<Vec<u8>, Box<Failure>> {
    match known {
        Accepted::Replay { response } => {
            ctx.world.log.line(Level::Info, "messaging", format!("a message of {} is known, answered again", partner.name));
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
        Accepted::New { .. } | Accepted::Moved | Accepted::Revised => Ok(response),
    }
}

/// The message as it is to be kept, with what it makes of its referral as that is now. `revised`: its header came before with other content.
fn incoming(
    ctx: &Ctx,
    sender: &Sender,
    (identity, revised): (MessageIdentity, bool),
    message: Message,
) -> std::result::Result<IncomingMessage, Box<Failure>> {
    let settings = ctx.settings();
    let Sender { partner, trusted } = *sender;
    let view = message.view().map_err(|error| Refusal::content("structure", "Bundle.entry", error.message(), "FHIR R4"))?;
    let code = message.header().event_code();
    let placed = tracking::place(ctx.store(), settings, (&partner.name, false), view, ctx.now())
        .map_err(|error| store_failure(ctx, &error))?;
    let mut tracked =
        tracking::received(settings, partner, code, trusted, placed, ctx.id()).map_err(|refused| refusal(refused, code))?;
    let mut issues = findings(settings, partner, &message);
    issues.extend_from_slice(&tracked.issues);
    if revised {
        let text = "this MessageHeader.id came before with other content; taken as an update";
        ctx.world.log.line(Level::Warn, "messaging", format!("a message of {}: {text}", partner.name));
        issues.push(Issue::warning("business-rule", "Bundle.entry[0].resource.id", text, "messaging.md 10.1"));
    }
    if tracked.disputed {
        let text = format!("a message of {} names a number under which another partner told of a referral", partner.name);
        ctx.world.log.line(Level::Warn, "messaging", text);
    }
    let event = tracked.event;
    let our_role = tracked.update.as_ref().map_or(ReferralRole::Copy, |update| update.our_role);
    let taken = Taken { message: &message, partner, event, our_role, known: tracked.task_status(), trusted, findings: &issues };
    let answer = respond::answer(ctx, &taken).map_err(|error| store_failure(ctx, &error))?;
    if let Some(code) = &answer.task_status {
        tracked.answered(code, &answer.body, ctx.now());
    }
    let (notification, referral) = tracking::told(settings, (&partner.name, trusted), view, &issues, tracked, ctx.now());
    if referral.as_ref().is_some_and(|update| update.document.len() > settings.limits.referral_bytes) {
        let text = "what is known of the referral would be larger than this system keeps (limits.referral_bytes)";
        return Err(Failure::new(StatusCode::PAYLOAD_TOO_LARGE, "too-costly", text));
    }
    Ok(IncomingMessage {
        id: ctx.id(),
        identity,
        event: event.to_owned(),
        response_to: message.header().response.as_ref().and_then(|response| response.identifier.clone()),
        body: message.into_bundle().into(),
        response: answer.body,
        notification,
        referral,
    })
}
