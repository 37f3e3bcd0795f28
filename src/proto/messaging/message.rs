//! A message: its bytes, what one pass found in them, and views made only when asked for.

mod attachments;

use std::ops::Range;
use std::sync::OnceLock;

use ring::digest::{Context, SHA256};

use crate::error::{EREF_INVALID_JSON, EREF_TOO_LARGE, Result};
use crate::proto::fhir::outcome::{Issue, outcome_json};
use crate::proto::fhir::reference::{bare_uuid, resolve};
use crate::proto::fhir::tree::BYTE_ORDER_MARK;
use crate::proto::guide::dialects::{self, Dialect};
use crate::proto::guide::events;
use crate::proto::messaging::attachment::Origin;
use crate::proto::messaging::check;
use crate::proto::messaging::envelope::{Attachment, Entry, Envelope, Located, Text};
use crate::proto::messaging::fields;
use crate::proto::messaging::groups::Said;
use crate::proto::messaging::header::Header;
use crate::proto::messaging::notification::{self, Notice};
use crate::proto::messaging::parse::{self, Refusal};
use crate::proto::messaging::view::{Cast, View};
use crate::proto::settings::Limits;

/// Foci a message may have. One is usual; a booking with its communications has a few.
const MOST_FOCI: usize = 16;

/// Identifiers a message may give its referral. Each side adds one or two.
const MOST_IDENTIFIERS: usize = 64;

/// What was made of a message when it arrived.
pub struct Arrived {
    /// The canonical event code, by the part of its sender.
    pub event: String,
    /// The dialect its sender speaks; `None`: the one it seems to be written in.
    pub dialect: Option<&'static Dialect>,
    /// The notification document.
    pub document: String,
}

/// A message: a FHIR Bundle of type `message`, parsed or composed. Immutable; its bytes are exactly what was received or will be sent.
pub struct Message {
    bundle: String,
    envelope: Envelope,
    header: Header,
    event: String,
    spoken: Option<&'static Dialect>,
    findings: OnceLock<Vec<Issue>>,
    identity: OnceLock<[u8; 32]>,
    cast: OnceLock<Result<Cast>>,
    document: OnceLock<String>,
    issues_json: OnceLock<String>,
    attachments: Vec<attachments::Slot>,
    origin: Option<Origin>,
}

impl Message {
    /// Parses and checks a Bundle's envelope. Needs no engine. Errors: `EREF_INVALID_JSON`, `EREF_INVALID_CONTENT`, `EREF_TOO_LARGE`.
    pub fn parse(bundle: Vec<u8>, limits: &Limits) -> Result<Self> {
        Ok(Self::read(bundle, limits)?)
    }

    /// As [`Message::parse`], with the finding itself as the error.
    pub fn read(bundle: Vec<u8>, limits: &Limits) -> std::result::Result<Self, Refusal> {
        let bundle = String::from_utf8(bundle).map_err(|error| Refusal {
            status: EREF_INVALID_JSON,
            issue: Issue::error(
                "structure",
                "Bundle",
                format!("not UTF-8 at byte {}", error.utf8_error().valid_up_to()),
                "RFC 8259",
            ),
        })?;
        let envelope = parse::parse(&bundle, limits)?;
        let header = check_envelope(&bundle, &envelope)?;
        let event = events::canonical(header.event_code()).unwrap_or(header.event_code()).to_owned();
        let attachments = envelope.attachments.iter().map(|_| attachments::Slot::default()).collect();
        let message = Self {
            findings: OnceLock::new(),
            spoken: None,
            bundle,
            envelope,
            header,
            event,
            attachments,
            origin: None,
            identity: OnceLock::new(),
            cast: OnceLock::new(),
            document: OnceLock::new(),
            issues_json: OnceLock::new(),
        };
        message.check_attachments(limits)?;
        let foci = message.check_focus()?;
        message.check_identifiers(&foci)?;
        Ok(message)
    }

    /// A message we composed ourselves. `identity` is the SHA-256 of what the host handed in, see [`Message::content_identity`].
    pub fn composed(bundle: Vec<u8>, identity: [u8; 32], limits: &Limits) -> Result<Self> {
        let mut message = Self::parse(bundle, limits)?;
        message.identity = OnceLock::from(identity);
        Ok(message)
    }

    /// A message out of the store, with what was made of it when it arrived.
    pub fn stored(bundle: Vec<u8>, arrived: Arrived, origin: Origin, limits: &Limits) -> Result<Self> {
        let mut message = Self::parse(bundle, limits)?;
        message.document = OnceLock::from(arrived.document);
        message.event = arrived.event;
        message.spoken = arrived.dialect;
        message.origin = Some(origin);
        Ok(message)
    }

    /// Where it came from; `None` for a message that came out of no store.
    pub fn origin(&self) -> Option<&Origin> {
        self.origin.as_ref()
    }

    /// The canonical event code (messaging.md 3); the code as received when it is not one we know.
    pub fn event(&self) -> &str {
        &self.event
    }

    /// `MessageHeader.id`, or the UUID of its fullUrl when it has none.
    pub fn message_id(&self) -> &str {
        self.envelope.entries.first().and_then(|entry| header_id(&self.bundle, entry)).unwrap_or_default()
    }

    /// `Bundle.id`; empty when absent.
    pub fn bundle_id(&self) -> &str {
        self.envelope.id.as_ref().map_or("", |text| text.of(&self.bundle))
    }

    /// Whether it is labelled as test data (HTEST).
    pub fn is_test(&self) -> bool {
        self.envelope.test
    }

    /// The MessageHeader.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// What one pass found.
    pub fn envelope(&self) -> &Envelope {
        &self.envelope
    }

    /// Everything found wrong or odd in it, checked on the first call as a message of the dialect of its
    /// sender, or else of its [`Message::dialect`].
    pub fn findings(&self) -> &[Issue] {
        self.findings.get_or_init(|| self.check(self.spoken.unwrap_or_else(|| self.dialect())))
    }

    /// Everything found wrong or odd in it as a message of this dialect.
    pub fn check(&self, dialect: &'static Dialect) -> Vec<Issue> {
        let mut found = match self.view() {
            Ok(view) => check::check(view, dialect),
            Err(error) => vec![Issue::error("structure", "Bundle", error.message(), "FHIR R4 json")],
        };
        if self.bundle.starts_with(BYTE_ORDER_MARK) {
            let text = "the JSON begins with a byte order mark, which is ignored";
            found.insert(0, Issue::warning("structure", "Bundle", text, "RFC 8259 8.1"));
        }
        found
    }

    /// The errors found in it as a message of this dialect.
    pub fn errors(&self, dialect: &'static Dialect) -> Vec<Issue> {
        self.check(dialect).into_iter().filter(|issue| matches!(issue.severity, "error" | "fatal")).collect()
    }

    /// The dialect it seems to be written in.
    pub fn dialect(&self) -> &'static Dialect {
        self.view().map_or_else(|_| dialects::DEFAULT, |view| check::dialect_of(view.root()))
    }

    /// A field by its name in the field table, e.g. `patient.name.family`, `appointment.start`, `patient.identifier[0].value`.
    /// `Ok(None)` when the message does not say; `EREF_UNKNOWN_FIELD` when there is no such name.
    pub fn field(&self, name: &str) -> Result<Option<String>> {
        // Some spellings of the event do not say who speaks.
        if name == "event" { Ok(Some(self.event.clone())) } else { fields::read(self.view()?, name) }
    }

    /// How often a repeating field or group occurs, e.g. `patient.identifier`.
    pub fn field_count(&self, name: &str) -> Result<usize> {
        fields::count(self.view()?, name)
    }

    /// The message made navigable, on the first call. Errors: those of [`Cast::read`].
    pub fn view(&self) -> Result<View<'_>> {
        let cast = self.cast.get_or_init(|| Cast::read(&self.bundle));
        cast.as_ref().map(|cast| cast.view(&self.bundle)).map_err(Clone::clone)
    }

    /// The notification document as JSON (docs/schema/notification.json).
    pub fn document(&self) -> &str {
        self.document.get_or_init(|| {
            let notice = Notice::default();
            let document = |view| notification::document(Said::read(view, None), &self.event, self.findings(), &notice);
            self.view().map_or_else(|_| "{}".to_owned(), document)
        })
    }

    /// The Bundle, byte for byte.
    pub fn bundle(&self) -> &[u8] {
        self.bundle.as_bytes()
    }

    /// The Bundle, byte for byte, without a copy.
    pub fn into_bundle(self) -> Vec<u8> {
        self.bundle.into_bytes()
    }

    /// [`Message::findings`] as an OperationOutcome; an empty `issue` list when nothing was found.
    pub fn issues(&self) -> &str {
        self.issues_json.get_or_init(|| outcome_json(self.findings()))
    }

    /// What makes two messages the same: for a composed one SHA-256 over what the host handed in, for a parsed one SHA-256 over the
    /// entries' bytes without the envelope, so that a resend in a new Bundle is the same content (messaging.md 10.1).
    pub fn content_identity(&self) -> [u8; 32] {
        *self.identity.get_or_init(|| {
            let mut hash = Context::new(&SHA256);
            for entry in &self.envelope.entries {
                for part in [self.full_url(entry).unwrap_or_default(), self.resource(entry)] {
                    hash.update(&(part.len() as u64).to_be_bytes());
                    hash.update(part.as_bytes());
                }
            }
            hash.finish().as_ref().try_into().unwrap_or_default()
        })
    }

    fn full_url<'a>(&'a self, entry: &'a Entry) -> Option<&'a str> {
        entry.full_url.as_ref().map(|text| text.of(&self.bundle))
    }

    fn resource(&self, entry: &Entry) -> &str {
        self.bundle.get(entry.resource.clone()).unwrap_or_default()
    }

    /// Attachments beyond the limits are refused (messaging.md 15).
    fn check_attachments(&self, limits: &Limits) -> std::result::Result<(), Refusal> {
        let mut total = 0usize;
        for Attachment { entry, data, .. } in &self.envelope.attachments {
            let size = data.as_ref().map_or(0, Range::len) / 4 * 3;
            total = total.saturating_add(size);
            let limit = if size > limits.attachment_bytes {
                format!("an attachment is larger than {} bytes (limits.attachment_bytes)", limits.attachment_bytes)
            } else if total > limits.attachments_bytes {
                format!("the attachments together are larger than {} bytes (limits.attachments_bytes)", limits.attachments_bytes)
            } else {
                continue;
            };
            let issue = Issue::error("too-long", format!("Bundle.entry[{entry}].resource"), limit, parse::OUR_LIMITS);
            return Err(Refusal { status: EREF_TOO_LARGE, issue });
        }
        Ok(())
    }

    /// Every focus must lead to an entry (messaging.md 4.3). Returns which.
    fn check_focus(&self) -> std::result::Result<Vec<usize>, Refusal> {
        const SOURCE: &str = "Ontario MessageHeader";
        let path = "Bundle.entry[0].resource.focus";
        if self.header.focus.is_empty() {
            return Err(Refusal::content("required", path, "the message has no focus; expected at least one", SOURCE));
        }
        if self.header.focus.len() > MOST_FOCI {
            return Err(Refusal::content("too-costly", path, format!("the message has more than {MOST_FOCI} foci"), SOURCE));
        }
        let located: Vec<_> = self.located().collect();
        let resolved = self.header.focus.iter().enumerate().map(|(index, focus)| {
            let text = "the focus leads to no entry of the Bundle; expected the fullUrl, Type/id or identifier of one";
            let dangling = || Refusal::content("not-found", format!("{path}[{index}]"), text, SOURCE);
            resolve(focus.target(), &located).ok_or_else(dangling)
        });
        resolved.collect()
    }

    /// Each identifier of the referral (messaging.md 10.5) is looked up one by one, so their number is bounded.
    fn check_identifiers(&self, foci: &[usize]) -> std::result::Result<(), Refusal> {
        let mut left = MOST_IDENTIFIERS;
        let mut take = |index: usize, element: &str, count: usize| {
            left = left.checked_sub(count).ok_or_else(|| {
                let text = format!("the message names its referral by more than {MOST_IDENTIFIERS} identifiers");
                Refusal::content("too-costly", format!("Bundle.entry[{index}].resource.{element}"), text, parse::OUR_LIMITS)
            })?;
            Ok(())
        };
        take(0, "extension", self.header.identifier_extensions())?;
        for (index, entry) in self.envelope.entries.iter().enumerate() {
            if entry.resource_type.as_ref().is_some_and(|kind| kind.of(&self.bundle) == "ServiceRequest") {
                take(index, "identifier", entry.identifiers.len())?;
            }
            if foci.contains(&index) {
                take(index, "basedOn", entry.based_on.len())?;
            }
        }
        Ok(())
    }

    /// The entries as targets of references.
    pub fn located(&self) -> impl Iterator<Item = Located<'_>> {
        self.envelope.entries.iter().map(|entry| Located { entry, envelope: &self.envelope, document: &self.bundle })
    }
}

/// What a Bundle must have to be a message at all (messaging.md 4.1).
fn check_envelope(bundle: &str, envelope: &Envelope) -> std::result::Result<Header, Refusal> {
    const SOURCE: &str = "FHIR R4 Bundle";
    let is = |text: &Option<Text>, wanted| text.as_ref().is_some_and(|text| text.of(bundle) == wanted);
    if !is(&envelope.resource_type, "Bundle") {
        return Err(Refusal::content(
            "invalid",
            "Bundle.resourceType",
            "this is not a Bundle; expected resourceType Bundle",
            SOURCE,
        ));
    }
    if !is(&envelope.kind, "message") {
        return Err(Refusal::content("value", "Bundle.type", "the Bundle is no message; expected type message", SOURCE));
    }
    let first = envelope.entries.first();
    let Some(first) = first.filter(|entry| is(&entry.resource_type, "MessageHeader")) else {
        let text = "the first entry is no MessageHeader";
        return Err(Refusal::content("required", "Bundle.entry[0].resource", text, "FHIR R4 Bundle bdl-12"));
    };
    let header = Header::read(bundle.get(first.resource.clone()).unwrap_or_default())?;
    if header_id(bundle, first).is_none() {
        let text = "the MessageHeader has no id; expected one, or a fullUrl with a UUID";
        return Err(Refusal::content("required", "Bundle.entry[0].resource.id", text, "Ontario 0.10.1 MessageHeader"));
    }
    Ok(header)
}

fn header_id<'a>(bundle: &'a str, entry: &'a Entry) -> Option<&'a str> {
    let id = entry.id.as_ref().map(|text| text.of(bundle)).filter(|id| !id.is_empty());
    id.or_else(|| entry.full_url.as_ref().and_then(|text| bare_uuid(text.of(bundle))))
}
