//! Accept-parse: one pass over a message's bytes, without a tree.
//!
//! It checks the syntax of the whole document, its depth, and that no object names a member twice (parsers disagree on which one
//! counts), and notes what receiving needs: the envelope, and of every entry its fullUrl, type, id, identifiers and byte range.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::error::{EREF_INVALID_CONTENT, EREF_INVALID_JSON, EREF_TOO_LARGE, Error};
use crate::proto::fhir::outcome::{Issue, outcome_json};
use crate::proto::fhir::tree::BYTE_ORDER_MARK;
use crate::proto::messaging::check::shown;
use crate::proto::messaging::envelope::{Attachment, Entry, Envelope, Pair, Text};
use crate::proto::settings::Limits;

/// Members one object may have. The largest R4 resource has fewer than 70 elements; twice that with their `_` companions.
const MAX_MEMBERS: usize = 160;

/// Bytes a member's name may have. The longest of R4 has fewer than 60.
const MAX_NAME: usize = 255;

/// Identifiers, and attachments, for each entry that the limit allows; one or two are usual.
const MOST_OF_ENTRY: usize = 16;

/// Where the elements of `content` and `payload` stand: Bundle, array, entry, resource, array, element.
const PART_DEPTH: usize = 6;

/// The source of refusals that no standard asks for.
pub(super) const OUR_LIMITS: &str = "limits of this system";

/// Why a document cannot be used: a status and the finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// `EREF_INVALID_JSON`, `EREF_INVALID_CONTENT` or `EREF_TOO_LARGE`.
    pub status: i32,
    /// What, where, and what was expected.
    pub issue: Issue,
}

impl Refusal {
    /// Content that cannot be used.
    pub fn content(code: &'static str, expression: impl Into<String>, text: impl Into<String>, source: &'static str) -> Self {
        Self { status: EREF_INVALID_CONTENT, issue: Issue::error(code, expression, text, source) }
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        let Refusal { status, issue } = refusal;
        let place = if issue.expression.is_empty() { "the document" } else { issue.expression.as_str() };
        Error::new(status, format!("{place}: {}", issue.text)).with_detail(outcome_json(std::slice::from_ref(&issue)))
    }
}

/// Reads a document in one pass. Errors name the element (FHIRPath), or line and column where it is not JSON.
pub fn parse(document: &str, limits: &Limits) -> Result<Envelope, Refusal> {
    let mut parser = Parser::new(document, "Bundle", limits);
    match parser.walk(Role::Bundle) {
        Ok(()) => {
            parser.settle(document.len(), 3);
            let mut found = parser.found;
            found.attachments.retain(|attachment| {
                let kind = found.entries.get(attachment.entry).and_then(|entry| entry.resource_type.as_ref());
                kind.is_some_and(|kind| kind.of(document) == attachment.holder)
            });
            Ok(found)
        }
        Err(error) => Err(parser.refused(&error)),
    }
}

/// The same walk over any JSON, for what a tree is made of afterwards: syntax, depth, number of values, no member twice. Errors name the
/// element, beginning with `root`.
pub fn check_json(document: &str, root: &str, limits: &Limits) -> Result<(), Refusal> {
    let mut parser = Parser::new(document, root, limits);
    parser.walk(Role::Other).map_err(|error| parser.refused(&error))
}

struct Parser<'a> {
    document: &'a str,
    root: &'a str,
    depth: usize,
    values: usize,
    entries: usize,
    /// Values that may still come.
    values_left: usize,
    /// The member names of all open objects.
    names: Vec<&'a str>,
    /// Where an error happened, innermost part first.
    trail: Vec<String>,
    /// Why we refused, if it was us and not the JSON reader.
    refusal: Option<(i32, &'static str, String)>,
    /// The entry whose resource was read and whose end is not known yet.
    pending: Option<usize>,
    found: Envelope,
}

impl<'a> Parser<'a> {
    fn new(document: &'a str, root: &'a str, limits: &Limits) -> Self {
        Self {
            document,
            root,
            depth: limits.json_depth,
            values: limits.json_values,
            entries: limits.bundle_entries,
            values_left: limits.json_values,
            names: Vec::with_capacity(64),
            trail: Vec::new(),
            refusal: None,
            pending: None,
            found: Envelope::default(),
        }
    }

    fn walk(&mut self, role: Role) -> Result<(), serde_json::Error> {
        // Some writers begin UTF-8 with a byte order mark, which RFC 8259 8.1 lets a reader ignore. It stays part of the bytes.
        let text = self.document.strip_prefix(BYTE_ORDER_MARK).filter(|_| role == Role::Bundle).unwrap_or(self.document);
        let mut json = serde_json::Deserializer::from_str(text);
        Walk { parser: self, depth: 1, role }.deserialize(&mut json)?;
        json.end()
    }

    /// Counts a value: a tree of them takes many times the bytes of the text.
    #[inline]
    fn count<E: serde::de::Error>(&mut self) -> Result<(), E> {
        match self.values_left.checked_sub(1) {
            Some(left) => {
                self.values_left = left;
                Ok(())
            }
            None => Err(self.too_many()),
        }
    }

    /// Refuses one more of what is noted by the way: a note takes many times the bytes of the text.
    fn room<E: serde::de::Error>(&mut self, noted: usize, what: &str) -> Result<(), E> {
        if noted < self.entries.saturating_mul(MOST_OF_ENTRY) {
            return Ok(());
        }
        let text = format!("the Bundle has more than {MOST_OF_ENTRY} {what} for each entry it may have (limits.bundle_entries)");
        Err(self.refuse(EREF_TOO_LARGE, "too-long", text))
    }

    #[cold]
    fn too_many<E: serde::de::Error>(&mut self) -> E {
        let text = format!("the JSON has more than {} values (limits.json_values)", self.values);
        self.refuse(EREF_TOO_LARGE, "too-long", text)
    }

    fn refuse<E: serde::de::Error>(&mut self, status: i32, code: &'static str, text: impl Into<String>) -> E {
        self.refusal.get_or_insert_with(|| (status, code, text.into()));
        E::custom("refused")
    }

    /// Notes the expectation; it is used when the JSON reader found another type.
    #[cold]
    fn wrong_type<E: fmt::Display>(&mut self, error: E, expected: &str) -> E {
        self.refusal.get_or_insert_with(|| (0, "structure", format!("expected {expected}")));
        error
    }

    #[cold]
    fn inside<E>(&mut self, name: &str, error: E) -> E {
        self.trail.push(shown(name).to_owned());
        error
    }

    fn refused(self, error: &serde_json::Error) -> Refusal {
        let mut expression = self.root.to_owned();
        for part in self.trail.iter().rev() {
            expression.push_str(if part.starts_with('[') { "" } else { "." });
            expression.push_str(part);
        }
        let place = format!("line {}, column {}", error.line(), error.column());
        match self.refusal {
            Some((status, code, text)) if error.is_data() => {
                let status = if status == 0 { EREF_INVALID_CONTENT } else { status };
                let source = match code {
                    "too-long" => OUR_LIMITS,
                    "required" => "FHIR R4 Bundle",
                    _ => "FHIR R4 json",
                };
                Refusal { status, issue: Issue::error(code, expression, format!("{text} ({place})"), source) }
            }
            _ => {
                let what = if error.is_eof() { "the JSON ends too early" } else { "the JSON is not well-formed" };
                Refusal {
                    status: EREF_INVALID_JSON,
                    issue: Issue::error("structure", expression, format!("{what} at {place}"), "RFC 8259"),
                }
            }
        }
    }

    /// Where a text that was borrowed from the document begins.
    fn position(&self, text: &str) -> usize {
        (text.as_ptr() as usize).wrapping_sub(self.document.as_ptr() as usize)
    }

    /// Adds a name to the open object that began at `start`; a second one is an error.
    #[inline]
    fn name<E: serde::de::Error>(&mut self, start: usize, name: &'a str) -> Result<(), E> {
        let siblings = self.names.get(start..).unwrap_or_default();
        if siblings.contains(&name) {
            let text = format!("the member {} stands twice in one object; expected once", shown(name));
            return Err(self.refuse(EREF_INVALID_CONTENT, "structure", text));
        }
        if name.len() > MAX_NAME {
            return Err(self.refuse(EREF_TOO_LARGE, "too-long", format!("a member's name is longer than {MAX_NAME} bytes")));
        }
        if siblings.len() >= MAX_MEMBERS {
            return Err(self.refuse(EREF_TOO_LARGE, "too-long", format!("an object has more than {MAX_MEMBERS} members")));
        }
        self.names.push(name);
        Ok(())
    }

    /// The byte a member's value begins with, and where.
    fn value_start(&self, name: &str) -> Option<(usize, u8)> {
        let after = self.position(name) + name.len() + 1;
        let rest = self.document.as_bytes().get(after..)?;
        let skipped = rest.iter().position(|byte| !matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | b':'))?;
        Some((after + skipped, *rest.get(skipped)?))
    }

    /// Finds where the pending resource ends: it is the `braces`-th closing brace before `before`. Only structural characters lie
    /// between, because every entry has a member.
    fn settle(&mut self, before: usize, braces: usize) {
        let Some(entry) = self.pending.take().and_then(|index| self.found.entries.get_mut(index)) else { return };
        let head = self.document.as_bytes().get(..before).unwrap_or_default();
        let mut closers = head.iter().enumerate().rev().filter(|(_, byte)| **byte == b'}');
        entry.resource.end = closers.nth(braces - 1).map_or(before, |(at, _)| at + 1);
    }

    fn last_entry(&mut self) -> Option<&mut Entry> {
        self.found.entries.last_mut()
    }
}

/// What the value at this place is to us.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Bundle,
    Entries,
    Entry(usize),
    Resource,
    Meta,
    Labels,
    Identifiers,
    BasedOn,
    /// `content` or `payload`, where the attachments of this resource type stand.
    Parts(&'static str),
    Attachment,
    Other,
}

struct Walk<'p, 'a> {
    parser: &'p mut Parser<'a>,
    depth: usize,
    role: Role,
}

impl<'de> Walk<'_, 'de> {
    fn scalar<E: serde::de::Error>(self) -> Result<(), E> {
        match self.role {
            Role::Bundle | Role::Entry(_) | Role::Resource => {
                Err(self.parser.refuse(EREF_INVALID_CONTENT, "structure", "expected an object"))
            }
            Role::Entries => Err(self.parser.refuse(EREF_INVALID_CONTENT, "structure", "expected an array of entries")),
            _ => Ok(()),
        }
    }

    fn open<E: serde::de::Error>(&mut self) -> Result<(), E> {
        if self.depth > self.parser.depth {
            let text = format!("the JSON is nested deeper than {} levels (limits.json_depth)", self.parser.depth);
            return Err(self.parser.refuse(EREF_TOO_LARGE, "too-long", text));
        }
        Ok(())
    }

    /// Reads the value of one member.
    #[inline]
    fn member<A: MapAccess<'de>>(&mut self, name: &'de str, map: &mut A) -> Result<(), A::Error> {
        let role = match self.role {
            Role::Bundle => return self.bundle_member(name, map),
            Role::Entry(index) => return self.entry_member(index, name, map),
            Role::Resource => return self.resource_member(name, map),
            Role::Meta if name == "security" => Role::Labels,
            Role::Labels if name == "code" => {
                let code = map.next_value_seed(TextSeed(self.parser))?;
                self.parser.found.test |= code.of(self.parser.document) == "HTEST";
                return Ok(());
            }
            Role::Identifiers if matches!(name, "system" | "value") => {
                let text = map.next_value_seed(TextSeed(self.parser))?;
                if let Some(pair) = self.parser.found.pairs.last_mut() {
                    *(if name == "system" { &mut pair.system } else { &mut pair.value }) = Some(text);
                }
                return Ok(());
            }
            Role::BasedOn if name == "identifier" => Role::Identifiers,
            Role::Parts(holder) => self.part(holder, name)?,
            Role::Attachment if name == "data" => return self.attachment_data(name, map),
            _ => Role::Other,
        };
        self.value(map, role)
    }

    fn value<A: MapAccess<'de>>(&mut self, map: &mut A, role: Role) -> Result<(), A::Error> {
        map.next_value_seed(Walk { parser: &mut *self.parser, depth: self.depth + 1, role })
    }

    /// Notes an attachment: `DocumentReference.content.attachment` or `Communication.payload.contentAttachment`. The notification counts
    /// them by the same rule, so that one index serves both.
    fn part<E: serde::de::Error>(&mut self, holder: &'static str, name: &str) -> Result<Role, E> {
        let wanted = if holder == "Communication" { "contentAttachment" } else { "attachment" };
        let is_object = self.parser.value_start(name).is_some_and(|(_, byte)| byte == b'{');
        if self.depth != PART_DEPTH || name != wanted || !is_object {
            return Ok(Role::Other);
        }
        self.parser.room(self.parser.found.attachments.len(), "attachments")?;
        let entry = self.parser.found.entries.len().saturating_sub(1);
        self.parser.found.attachments.push(Attachment { entry, holder, data: None });
        Ok(Role::Attachment)
    }

    fn attachment_data<A: MapAccess<'de>>(&mut self, name: &'de str, map: &mut A) -> Result<(), A::Error> {
        if self.parser.value_start(name).is_none_or(|(_, byte)| byte != b'"') {
            return self.value(map, Role::Other);
        }
        self.parser.count()?;
        let raw: &RawValue = map.next_value()?;
        let from = self.parser.position(raw.get()) + 1;
        if let Some(attachment) = self.parser.found.attachments.last_mut() {
            attachment.data = Some(from..from + raw.get().len().saturating_sub(2));
        }
        Ok(())
    }

    fn bundle_member<A: MapAccess<'de>>(&mut self, name: &'de str, map: &mut A) -> Result<(), A::Error> {
        let quote = self.parser.position(name).saturating_sub(1);
        self.parser.settle(quote, 2);
        match name {
            "resourceType" => self.parser.found.resource_type = Some(map.next_value_seed(TextSeed(self.parser))?),
            "id" => self.parser.found.id = Some(map.next_value_seed(TextSeed(self.parser))?),
            "type" => self.parser.found.kind = Some(map.next_value_seed(TextSeed(self.parser))?),
            "timestamp" => self.parser.found.timestamp = Some(map.next_value_seed(TextSeed(self.parser))?),
            "entry" => self.value(map, Role::Entries)?,
            "meta" => self.value(map, Role::Meta)?,
            _ => {
                self.parser.found.total |= name == "total";
                self.value(map, Role::Other)?;
            }
        }
        Ok(())
    }

    fn entry_member<A: MapAccess<'de>>(&mut self, index: usize, name: &'de str, map: &mut A) -> Result<(), A::Error> {
        let quote = self.parser.position(name).saturating_sub(1);
        let braces = if self.parser.pending == Some(index) { 1 } else { 2 };
        self.parser.settle(quote, braces);
        match name {
            "fullUrl" => {
                let text = map.next_value_seed(TextSeed(self.parser))?;
                if let Some(entry) = self.parser.last_entry() {
                    entry.full_url = Some(text);
                }
            }
            "resource" => {
                let from = self.parser.value_start(name).map_or(0, |(at, _)| at);
                self.value(map, Role::Resource)?;
                self.parser.pending = Some(index);
                if let Some(entry) = self.parser.last_entry() {
                    entry.resource = from..from;
                }
            }
            _ => self.value(map, Role::Other)?,
        }
        Ok(())
    }

    fn resource_member<A: MapAccess<'de>>(&mut self, name: &'de str, map: &mut A) -> Result<(), A::Error> {
        match name {
            "resourceType" | "id" => {
                let text = map.next_value_seed(TextSeed(self.parser))?;
                if let Some(entry) = self.parser.last_entry() {
                    *(if name == "id" { &mut entry.id } else { &mut entry.resource_type }) = Some(text);
                }
            }
            "identifier" | "basedOn" => {
                let own = name == "identifier";
                let from = self.parser.found.pairs.len();
                self.value(map, if own { Role::Identifiers } else { Role::BasedOn })?;
                let range = from..self.parser.found.pairs.len();
                if let Some(entry) = self.parser.last_entry() {
                    *(if own { &mut entry.identifiers } else { &mut entry.based_on }) = range;
                }
            }
            "meta" => self.value(map, Role::Meta)?,
            "content" => self.value(map, Role::Parts("DocumentReference"))?,
            "payload" => self.value(map, Role::Parts("Communication"))?,
            _ => self.value(map, Role::Other)?,
        }
        Ok(())
    }

    /// What an entry must have, once it is read.
    fn closed<E: serde::de::Error>(&mut self) -> Result<(), E> {
        let Some(entry) = self.parser.found.entries.last() else { return Ok(()) };
        let text = match self.role {
            // Every entry carries a resource (messaging.md 4.1); the byte ranges rely on it too.
            Role::Entry(index) if self.parser.pending != Some(index) && entry.resource.is_empty() => {
                "the entry has no resource; expected fullUrl and resource"
            }
            Role::Resource if entry.resource_type.is_none() => "the resource has no resourceType",
            _ => return Ok(()),
        };
        Err(self.parser.refuse(EREF_INVALID_CONTENT, "required", text))
    }
}

impl<'de> DeserializeSeed<'de> for Walk<'_, 'de> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        self.parser.count()?;
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Walk<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON")
    }
    fn visit_bool<E: serde::de::Error>(self, _: bool) -> Result<(), E> {
        self.scalar()
    }
    fn visit_i64<E: serde::de::Error>(self, _: i64) -> Result<(), E> {
        self.scalar()
    }
    fn visit_u64<E: serde::de::Error>(self, _: u64) -> Result<(), E> {
        self.scalar()
    }
    fn visit_f64<E: serde::de::Error>(self, _: f64) -> Result<(), E> {
        self.scalar()
    }
    fn visit_str<E: serde::de::Error>(self, _: &str) -> Result<(), E> {
        self.scalar()
    }
    fn visit_unit<E: serde::de::Error>(self) -> Result<(), E> {
        self.scalar()
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut seq: A) -> Result<(), A::Error> {
        if matches!(self.role, Role::Bundle | Role::Entry(_) | Role::Resource) {
            return self.scalar();
        }
        self.open()?;
        let mut index = 0;
        loop {
            let role = match self.role {
                Role::Entries => Role::Entry(index),
                Role::Meta => Role::Other,
                role => role,
            };
            let next = seq.next_element_seed(Walk { parser: &mut *self.parser, depth: self.depth + 1, role });
            match next {
                Ok(Some(())) => index += 1,
                Ok(None) => return Ok(()),
                Err(error) => return Err(self.parser.inside(&format!("[{index}]"), error)),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        self.open()?;
        match self.role {
            Role::Entries => return self.scalar(),
            Role::Entry(index) if index >= self.parser.entries => {
                let text = format!("the Bundle has more than {} entries (limits.bundle_entries)", self.parser.entries);
                return Err(self.parser.refuse(EREF_TOO_LARGE, "too-long", text));
            }
            Role::Entry(_) => self.parser.found.entries.push(Entry::default()),
            Role::Identifiers => {
                self.parser.room(self.parser.found.pairs.len(), "identifiers")?;
                self.parser.found.pairs.push(Pair::default());
            }
            _ => {}
        }
        let start = self.parser.names.len();
        loop {
            let name = match map.next_key::<&'de str>() {
                Ok(Some(name)) => name,
                Ok(None) => break,
                Err(error) => return Err(self.parser.wrong_type(error, "a member name without escapes")),
            };
            self.parser.name(start, name)?;
            if let Err(error) = self.member(name, &mut map) {
                return Err(self.parser.inside(name, error));
            }
        }
        self.parser.names.truncate(start);
        self.closed()
    }
}

struct TextSeed<'p, 'a>(&'p mut Parser<'a>);

impl<'de> DeserializeSeed<'de> for TextSeed<'_, 'de> {
    type Value = Text;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Text, D::Error> {
        self.0.count()?;
        let document = self.0.document;
        deserializer.deserialize_str(TextVisitor(document)).map_err(|error| self.0.wrong_type(error, "a string"))
    }
}

struct TextVisitor<'a>(&'a str);

impl<'de> Visitor<'de> for TextVisitor<'de> {
    type Value = Text;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }
    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Text, E> {
        let from = (text.as_ptr() as usize).wrapping_sub(self.0.as_ptr() as usize);
        Ok(Text::At(from..from + text.len()))
    }
    fn visit_str<E>(self, text: &str) -> Result<Text, E> {
        Ok(Text::Own(text.into()))
    }
}
