//! What we answer to a message that was taken (messaging.md 8.2 to 8.4): a response Bundle, or nothing where the sender or the
//! configuration wants nothing. Made before the commit and kept with the message, so that a repeated message gets the same answer.

mod task;

use http::StatusCode;
use serde_json::{Value, json};

use super::assemble::label;
use super::header::Header;
use super::message::Message;
use crate::error::{EREF_PANIC, Error, Result};
use crate::proto::exchange::Ctx;
use crate::proto::fhir::outcome::{Issue, outcome};
use crate::proto::guide::dialects::{Dialect, dialect};
use crate::proto::guide::{events, lifecycle};
use crate::proto::settings::{AnswerForm, Partner, Role, Settings};
use crate::proto::store::{Millis, ReferralRole};

/// Findings told in an answer. More of them say the same thing to the sender.
const MOST_FINDINGS: usize = 50;

/// A message that passed its checks, and what is known of it.
pub(super) struct Taken<'a> {
    pub message: &'a Message,
    pub partner: &'a Partner,
    /// The canonical event code.
    pub event: &'a str,
    /// Our part in the referral.
    pub our_role: ReferralRole,
    /// The status of the Task that we told before; `None` before the first.
    pub known: Option<&'a str>,
    /// False for a sender that did not show who it is: it gets no content back.
    pub trusted: bool,
    pub findings: &'a [Issue],
}

/// An answer.
pub(super) struct Answer {
    /// The body, empty when none is wanted.
    pub body: Vec<u8>,
    /// The status of the process-request Task that the answer carries: what the referral's record must know. The Task's identifier is
    /// `assemble::own_task`.
    pub task_status: Option<String>,
}

/// The HTTP status of an answer with this body: 204 when the sender asked for none (messaging.md 8.3). It follows from the message alone,
/// so a repeated message is answered the same way.
pub(super) fn status(header: &Header) -> StatusCode {
    if is_unwanted(header) { StatusCode::NO_CONTENT } else { StatusCode::OK }
}

/// `messageheader-response-request`: `on-error` and `never` want no answer to what went well (messaging.md 8.4). A refusal is told in any
/// case: its HTTP status cannot be left out, and the OperationOutcome beside it is no message.
fn is_unwanted(header: &Header) -> bool {
    matches!(header.response_request(), Some("on-error" | "never"))
}

/// The answer to a message.
pub(super) fn answer(ctx: &Ctx, taken: &Taken<'_>) -> Result<Answer> {
    let settings = ctx.settings();
    let form = form(settings, taken.partner);
    if !taken.trusted
        || is_unwanted(taken.message.header())
        || (form == AnswerForm::Empty && !events::info(taken.event).is_some_and(|event| event.consequence))
    {
        return Ok(Answer { body: Vec::new(), task_status: None });
    }
    let reply = Reply { ctx, taken, settings, dialect: dialect(&taken.partner.dialect) };
    let status = task_status(taken, form);
    let parts = status.and_then(|status| task::parts(&reply, status));
    let task_status = status.filter(|_| parts.is_some()).map(str::to_owned);
    let body = serde_json::to_vec(&reply.bundle(parts)).map_err(|_| Error::new(EREF_PANIC, "the answer could not be written"))?;
    Ok(Answer { body, task_status })
}

/// `messaging.answer`; without it a system that receives referrals answers them with a Task.
fn form(settings: &Settings, partner: &Partner) -> AnswerForm {
    let target = settings.system.roles.contains(&Role::RmsTarget);
    let usual = if target { AnswerForm::Task } else { AnswerForm::Header };
    partner.messaging.as_ref().and_then(|messaging| messaging.answer).unwrap_or(usual)
}

/// Whether a Task is due at once, and its status (messaging.md 3.1): the one that we told before, where the new one does not follow it
/// (messaging.md 11.2). A withdrawal is confirmed at once only where the configuration says so, because a person has to stop the work.
fn task_status<'a>(taken: &Taken<'a>, form: AnswerForm) -> Option<&'a str> {
    if taken.our_role != ReferralRole::Target {
        return None;
    }
    let confirms = || taken.partner.messaging.as_ref().is_some_and(|messaging| messaging.confirm_revoke);
    let due = match taken.event {
        "add-service-request" if form == AnswerForm::Task => "received",
        "revoke-service-request" if confirms() => "cancelled",
        _ => return None,
    };
    Some(taken.known.filter(|known| !lifecycle::task_may_go(Some(known), due)).unwrap_or(due))
}

/// An answer being put together.
struct Reply<'a> {
    ctx: &'a Ctx,
    taken: &'a Taken<'a>,
    settings: &'a Settings,
    dialect: Option<&'static Dialect>,
}

/// What an answer carries besides its header.
struct Parts {
    entries: Vec<(String, Value)>,
    focus: Vec<Value>,
    /// Our side, and the sender's.
    author: Option<Value>,
    receiver: Option<Value>,
}

impl Reply<'_> {
    /// A UUID for something new.
    fn uuid(&self) -> String {
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&self.ctx.random()[..16]);
        uuid::Builder::from_random_bytes(bytes).into_uuid().to_string()
    }

    fn label(&self, value: &mut Value, profile: Option<&str>) {
        label(value, profile, self.settings.test);
    }

    fn profile(&self, resource_type: &str) -> Option<&'static str> {
        self.dialect.and_then(|dialect| dialect.profile(resource_type))
    }

    /// The whole Bundle: header, what it carries, findings (messaging.md 8.4).
    fn bundle(&self, parts: Option<Parts>) -> Value {
        let header_id = self.uuid();
        let mut header = self.header(&header_id, parts.as_ref());
        let mut entries = Vec::new();
        if let Some(parts) = parts {
            header["focus"] = Value::Array(parts.focus);
            entries = parts.entries;
        }
        if let Some((url, outcome)) = self.findings() {
            header["response"]["details"] = json!({"reference": url});
            entries.push((url, outcome));
        }
        entries.insert(0, (format!("urn:uuid:{header_id}"), header));
        // `json!` copies what it is given by name, and an answer carries copies enough.
        let entry = |(url, value): (String, Value)| object([("fullUrl", Some(Value::from(url))), ("resource", Some(value))]);
        let entries: Vec<Value> = entries.into_iter().map(entry).collect();
        let mut bundle = json!({"resourceType": "Bundle", "id": self.uuid(), "meta": {}, "type": "message",
                                "timestamp": timestamp(self.ctx.now())});
        bundle["entry"] = Value::Array(entries);
        self.label(&mut bundle, self.dialect.map(|dialect| dialect.bundle_profile));
        bundle
    }

    /// The MessageHeader: it names the request, source and destination swapped.
    fn header(&self, id: &str, parts: Option<&Parts>) -> Value {
        let request = self.taken.message.header();
        let system = &self.settings.system;
        let mut header = json!({"resourceType": "MessageHeader", "id": id, "meta": {}, "eventCoding": self.event(parts.is_some())});
        self.label(&mut header, self.profile("MessageHeader"));
        let text = |text: &Option<String>| text.as_deref().map(Value::from);
        let destination = [
            ("name", text(&request.source.name)),
            ("endpoint", text(&request.source.endpoint)),
            ("receiver", parts.and_then(|parts| parts.receiver.clone())),
        ];
        if request.source.endpoint.is_some() {
            header["destination"] = json!([object(destination)]);
        }
        if let Some(author) = parts.and_then(|parts| parts.author.clone()) {
            header["author"] = author;
        }
        header["source"] = json!({"name": system.name, "software": system.software, "version": system.version,
                                  "endpoint": format!("{}/$process-message", self.settings.fhir_base())});
        header["response"] = json!({"identifier": self.taken.message.message_id(), "code": "ok"});
        header
    }

    /// The allowed response event when its resources come with it, else the request's own as it came.
    fn event(&self, with_task: bool) -> Value {
        let response = events::info(self.taken.event).and_then(|event| event.response).and_then(events::info).filter(|_| with_task);
        if let (Some(response), Some(dialect)) = (response, self.dialect) {
            return json!({"system": dialect.event_system, "code": response.code, "display": response.display});
        }
        let request = self.taken.message.header();
        object([("system", request.event_system().map(Value::from)), ("code", Some(Value::from(request.event_code())))])
    }

    /// What was found, for the sender to see. Inside a success nothing is more than a warning (messaging.md 8.3).
    fn findings(&self) -> Option<(String, Value)> {
        if self.taken.findings.is_empty() {
            return None;
        }
        let told = self.taken.findings.iter().take(MOST_FINDINGS).cloned();
        let told: Vec<Issue> = told
            .map(|issue| Issue { severity: if issue.severity == "information" { "information" } else { "warning" }, ..issue })
            .collect();
        let id = self.uuid();
        let mut value = outcome(&told);
        value["id"] = json!(id);
        self.label(&mut value, self.profile("OperationOutcome"));
        Some((format!("urn:uuid:{id}"), value))
    }
}

/// An object of the members that are there.
fn object<const N: usize>(members: [(&str, Option<Value>); N]) -> Value {
    members
        .into_iter()
        .filter_map(|(name, value)| value.map(|value| (name.to_owned(), value)))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

/// `YYYY-MM-DDThh:mm:ss.sssZ` (messaging.md 4.1).
fn timestamp(now: Millis) -> String {
    let instant = jiff::Timestamp::from_millisecond(now).unwrap_or_default();
    instant.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
}
