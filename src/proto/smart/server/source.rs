//! Where the resources of the FHIR API come from: pushed by the host, asked of it, or read through from a FHIR server behind. Nothing that
//! comes from there is shown before it was checked (architecture: chart; smart.md 14.3).

// A refusal is the answer itself, made once per request: boxing it would gain nothing.
#![allow(clippy::result_large_err)]

use std::collections::{HashMap, HashSet};

use http::StatusCode;
use http::header::RETRY_AFTER;
use serde_json::{Value, json};

use super::access::{self, May};
use super::caller::Caller;
use super::fhir_api::{failed, not_found};
use super::scope::{self, Class, READ, SEARCH};
use super::{behind, chart, fhir_write, reply};
use crate::log::Level;
use crate::proto::exchange::{Answer, Ctx};
use crate::proto::http::Response;
use crate::proto::messaging::parse::check_json;
use crate::proto::settings::UserAccess;
use crate::proto::store::{ChartResource, Millis};

/// Most resources taken for one search from a source that is not ours.
pub const MOST_FOUND: usize = 1_000;
/// Most times that the host is asked for one request whether the user may see another patient's data: `$everything` asks for each type.
const MOST_ASKED: usize = 50;

/// A resource, as it came and as a tree.
pub struct Found {
    /// Its type.
    pub kind: String,
    /// Its id.
    pub id: String,
    /// `meta.versionId`; of what was pushed the version in the chart. `None` when its source keeps none.
    pub version: Option<String>,
    /// The resource as it came, byte for byte.
    pub json: String,
    /// The same to look into.
    pub value: Value,
}

impl Found {
    fn pushed(resource: ChartResource) -> Option<Self> {
        let value = serde_json::from_str(&resource.json).ok()?;
        let version = Some(resource.version.to_string());
        Some(Self { kind: resource.resource_type, id: resource.id, version, json: resource.json, value })
    }

    /// Its version as the chart would number it. A source that numbers no versions has the first.
    pub fn number(&self) -> u32 {
        self.version.as_deref().and_then(|version| version.parse().ok()).unwrap_or(1)
    }

    /// What another source said, if it is a resource of this type.
    pub fn given(json: String, kind: &str) -> Option<Self> {
        let value: Value = serde_json::from_str(&json).ok()?;
        let text = |pointer: &str| value.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
        let id = text("/id").filter(|id| chart::is_id(id) && text("/resourceType").as_deref() == Some(kind))?;
        Some(Self { kind: kind.to_owned(), id, version: text("/meta/versionId"), json, value })
    }
}

/// What one request looks into. It remembers what the host said of other patients.
pub struct Source<'a> {
    ctx: &'a Ctx,
    caller: &'a Caller<'a>,
    base: String,
    binaries: Option<HashSet<String>>,
    /// By patient, type and letter, as the host was asked.
    allowed: HashMap<(String, String, u8), bool>,
    /// Until when others are asked: all questions of a request together have the time of one, and none follows one without an answer.
    until: Millis,
    cut: bool,
}

impl<'a> Source<'a> {
    /// For one request.
    pub fn new(ctx: &'a Ctx, caller: &'a Caller<'a>) -> Self {
        let time = Millis::try_from(ctx.settings().limits.question_ms).unwrap_or(Millis::MAX);
        let until = ctx.now().saturating_add(time);
        Self { ctx, caller, base: ctx.settings().fhir_base(), binaries: None, allowed: HashMap::new(), until, cut: false }
    }

    /// Whether more was to be had than a limit let us take, so that an answer made of it is not the whole.
    pub fn is_cut(&self) -> bool {
        self.cut
    }

    /// Our FHIR base.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// Whether data of other patients than the launch's can come into question (smart.md 14.3).
    pub fn reaches_others(&self, kind: &str, letter: u8) -> bool {
        let has = |class| scope::allows_as(&self.caller.scope, class, kind, letter);
        let asks = self.ctx.settings().chart.access == UserAccess::Ask;
        has(Class::System) || (asks && self.caller.user().is_some() && has(Class::User))
    }

    /// Whether the scopes allow this with some resources of a type.
    pub fn allows(&self, kind: &str, letter: u8) -> bool {
        scope::allows(&self.caller.scope, kind, letter)
    }

    /// Whether the scopes allow that this resource is read, whatever it holds.
    pub fn may_be_read(&self, kind: &str, id: &str) -> bool {
        self.allows(kind, READ) || access::is_user(self.caller, kind, id)
    }

    /// Whether resources of a type come from elsewhere too than from what was pushed.
    pub fn is_elsewhere(&self, kind: &str) -> bool {
        self.is_asked(kind) || self.ctx.settings().chart.fhir_server.is_some()
    }

    /// One resource that the caller may read. 404 for what does not exist, and in the same words for what it may not see.
    pub async fn one(&mut self, kind: &str, id: &str) -> Result<Found, Response> {
        let another = kind == "Patient" && self.caller.patient() != Some(id);
        let nobodys = chart::is_personal(kind) && self.caller.patient().is_none();
        if !chart::is_id(id) || ((another || nobodys) && !self.reaches_others(kind, READ)) {
            return Err(not_found());
        }
        let pushed = self.ctx.store().chart_resource(self.caller.launch(), kind, id).map_err(|error| failed(self.ctx, &error))?;
        if pushed.is_none() {
            fhir_write::not_refused(self.ctx, self.caller, kind, id)?;
        }
        let found = match pushed {
            Some(resource) => Found::pushed(resource),
            None if self.ctx.settings().chart.fhir_server.is_some() => {
                let read = behind::read(self.ctx, kind, id, self.until).await;
                self.heard(read)?
            }
            None => self.asked_one(kind, id).await?,
        };
        let found = found.filter(|found| found.id == id).ok_or_else(not_found)?;
        if self.may(READ, &found).await? {
            return Ok(found);
        }
        let text = format!("launch {}: a {kind} was withheld, it is not for this app to see", self.caller.launch());
        self.ctx.world.log.line(Level::Warn, "smart", text);
        Err(not_found())
    }

    /// Another version of a resource than the one that is served.
    pub async fn version(&mut self, served: Found, version: &str) -> Result<Found, Response> {
        let other = fhir_write::version(self.ctx, self.caller, served, version)?.and_then(Found::pushed).ok_or_else(not_found)?;
        if self.may(READ, &other).await? { Ok(other) } else { Err(not_found()) }
    }

    /// The resources of a type that the caller may see by this letter, in an order that stays. `criteria` narrow what the other sources are
    /// asked for; whether what comes fits them is for the caller to check.
    pub async fn several(&mut self, kind: &str, letter: u8, criteria: &[(String, String)]) -> Result<Vec<Found>, Response> {
        let all = self.gather(kind, letter, criteria).await?;
        self.visible(letter, all).await
    }

    async fn gather(&mut self, kind: &str, letter: u8, criteria: &[(String, String)]) -> Result<Vec<Found>, Response> {
        let pushed = self.ctx.store().chart(self.caller.launch(), Some(kind)).map_err(|error| failed(self.ctx, &error))?;
        let mut all: Vec<Found> = pushed.into_iter().filter_map(Found::pushed).collect();
        let mut more = Vec::new();
        if self.is_asked(kind) {
            more = self.asked_several(kind, criteria).await?;
        } else if self.is_elsewhere(kind) {
            let patient = if self.reaches_others(kind, letter) { None } else { self.caller.patient() };
            let searched = behind::search(self.ctx, kind, patient, criteria, self.until).await;
            let (found, cut) = self.heard(searched)?;
            self.cut |= cut;
            more = found;
        }
        let mut known: HashSet<String> = all.iter().map(|found| found.id.clone()).collect();
        all.extend(more.into_iter().filter(|found| known.insert(found.id.clone())));
        Ok(all)
    }

    async fn visible(&mut self, letter: u8, all: Vec<Found>) -> Result<Vec<Found>, Response> {
        let mut visible = Vec::with_capacity(all.len());
        for found in all {
            if self.may(letter, &found).await? {
                visible.push(found);
            }
        }
        Ok(visible)
    }

    /// The pushed chart, or what of it has this type, as far as the caller may see it by this letter, in the order it was put.
    pub async fn pushed(&mut self, kind: Option<&str>, letter: u8) -> Result<Vec<Found>, Response> {
        let all = self.ctx.store().chart(self.caller.launch(), kind).map_err(|error| failed(self.ctx, &error))?;
        self.visible(letter, all.into_iter().filter_map(Found::pushed).collect()).await
    }

    /// Whether the host said that it is asked for searches of this type.
    pub fn is_asked(&self, kind: &str) -> bool {
        let of_launch = self.caller.context.as_ref().map_or(&[][..], |context| &context.ask);
        self.ctx.settings().chart.ask.iter().chain(of_launch).any(|asked| asked == kind)
    }

    /// What [`access::may`] decides, with the host's word where it takes that.
    async fn may(&mut self, letter: u8, found: &Found) -> Result<bool, Response> {
        if found.kind == "Binary" && self.binaries.is_none() {
            self.binaries = Some(self.documents_binaries().await?);
        }
        let none = HashSet::new();
        match access::may(self.caller, letter, &found.value, &self.base, self.binaries.as_ref().unwrap_or(&none)) {
            May::Yes => Ok(true),
            May::No => Ok(false),
            May::Ask => match chart::patient_of(&found.value, &self.base).map(str::to_owned) {
                Some(patient) => self.may_see(&patient, &found.kind, letter).await,
                None => Ok(false),
            },
        }
    }

    /// Whether the user may see data of another patient: the host is asked, once in a request for each patient, type and
    /// action, since its word on one type says nothing of another (smart.md 14.3).
    pub async fn may_see(&mut self, patient: &str, kind: &str, letter: u8) -> Result<bool, Response> {
        if scope::allows_as(&self.caller.scope, Class::System, kind, letter) || self.caller.patient() == Some(patient) {
            return Ok(true);
        }
        let question = (patient.to_owned(), kind.to_owned(), letter);
        if let Some(known) = self.allowed.get(&question) {
            return Ok(*known);
        }
        if !self.reaches_others(kind, letter) {
            return Ok(false);
        }
        if self.allowed.len() >= MOST_ASKED {
            self.cut = true;
            return Ok(false);
        }
        let action = if letter == SEARCH { "search" } else { "read" };
        let asked = json!({ "type": kind, "about": patient, "action": action });
        let allowed = match self.ask("access", asked).await? {
            Answer::Given(text) => text.trim() == "true",
            Answer::NotFound | Answer::Denied(_) => false,
            Answer::None => return Err(unanswered()),
        };
        self.allowed.insert(question, allowed);
        Ok(allowed)
    }

    /// The Binaries that documents of the launch's patient refer to.
    async fn documents_binaries(&mut self) -> Result<HashSet<String>, Response> {
        let Some(patient) = self.caller.patient() else { return Ok(HashSet::new()) };
        let of_patient = [("patient".to_owned(), patient.to_owned())];
        let documents = self.gather("DocumentReference", READ, &of_patient).await?;
        let own = documents.iter().filter(|document| chart::in_compartment(&document.value, Some(patient), &self.base));
        Ok(own.flat_map(|document| chart::binaries(&document.value, &self.base)).map(str::to_owned).collect())
    }

    /// Asks the host for a resource that it did not push.
    async fn asked_one(&mut self, kind: &str, id: &str) -> Result<Option<Found>, Response> {
        match self.ask("resource", json!({ "type": kind, "id": id })).await? {
            Answer::Given(json) => match check_json(&json, kind, &self.ctx.settings().limits) {
                Ok(()) => Ok(Found::given(json, kind)),
                Err(refusal) => {
                    self.warn(kind, &refusal.issue.text);
                    Ok(None)
                }
            },
            Answer::NotFound => Ok(None),
            Answer::Denied(text) => Err(reply::outcome(StatusCode::FORBIDDEN, "forbidden", &text)),
            Answer::None => Err(unanswered()),
        }
    }

    /// Asks the host for what fits a search.
    async fn asked_several(&mut self, kind: &str, criteria: &[(String, String)]) -> Result<Vec<Found>, Response> {
        let mut members = serde_json::Map::new();
        for (name, value) in criteria {
            let values = members.entry(name).or_insert_with(|| json!([]));
            if let Value::Array(values) = values {
                values.push(json!(value));
            }
        }
        match self.ask("search", json!({ "type": kind, "criteria": members })).await? {
            Answer::Given(json) => match chart::parse(&json, None, &self.ctx.settings().limits) {
                Ok(list) => {
                    self.cut |= list.len() > MOST_FOUND;
                    Ok(list.into_iter().take(MOST_FOUND).filter_map(|one| Found::given(one.json, kind)).collect())
                }
                Err(error) => {
                    self.warn(kind, error.message());
                    Err(reply::outcome(StatusCode::BAD_GATEWAY, "exception", "the point-of-service system's answer cannot be used"))
                }
            },
            Answer::NotFound => Ok(Vec::new()),
            Answer::Denied(text) => Err(reply::outcome(StatusCode::FORBIDDEN, "forbidden", &text)),
            Answer::None => Err(unanswered()),
        }
    }

    /// Puts a question about this launch to the host (docs/schema/question.json).
    async fn ask(&mut self, kind: &'static str, asked: Value) -> Result<Answer, Response> {
        let left = self.until.saturating_sub(self.ctx.now());
        if left <= 0 {
            return Ok(Answer::None);
        }
        let mut question = json!({
            "question": kind, "launch_id": self.caller.launch_id, "partner": self.caller.partner.name,
            "patient": self.caller.patient(), "user": self.caller.user().map(|user| &user.id), "answer_within_ms": left,
        });
        if let (Some(members), Value::Object(asked)) = (question.as_object_mut(), asked) {
            members.extend(asked);
        }
        let answer = self.ctx.ask(self.caller.launch(), kind, question.to_string()).await;
        if matches!(answer, Answer::None) {
            self.until = Millis::MIN;
        }
        self.caller.still_good(self.ctx)?;
        Ok(answer)
    }

    /// What the server behind said. When it did not answer, nobody is asked again.
    fn heard<T>(&mut self, said: Result<T, Response>) -> Result<T, Response> {
        if said.as_ref().is_err_and(|refusal| refusal.status() == StatusCode::SERVICE_UNAVAILABLE) {
            self.until = Millis::MIN;
        }
        self.caller.still_good(self.ctx)?;
        said
    }

    fn warn(&self, kind: &str, why: &str) {
        self.ctx.world.log.line(Level::Warn, "smart", format!("the host's answer, a {kind}, cannot be served: {why}"));
    }
}

/// 503: whoever has the data did not answer in time.
pub fn unanswered() -> Response {
    let text = "the point-of-service system did not answer in time";
    let mut response = reply::outcome(StatusCode::SERVICE_UNAVAILABLE, "timeout", text);
    reply::set(&mut response, RETRY_AFTER, "5");
    response
}
