//! What one pass over a Bundle finds: where things stand in the document, not copies of them.

use std::ops::Range;

use crate::proto::fhir::reference::Target;

/// A text of the document: where it stands, or a copy if it holds escapes.
#[derive(Clone, Debug)]
pub enum Text {
    /// Byte range in the document.
    At(Range<usize>),
    /// The text with its escapes resolved.
    Own(Box<str>),
}

impl Text {
    /// The text, given the document it was found in.
    pub fn of<'a>(&'a self, document: &'a str) -> &'a str {
        match self {
            Self::At(range) => document.get(range.clone()).unwrap_or_default(),
            Self::Own(text) => text,
        }
    }
}

/// An identifier as it stands.
#[derive(Clone, Debug, Default)]
pub struct Pair {
    /// `identifier.system`.
    pub system: Option<Text>,
    /// `identifier.value`.
    pub value: Option<Text>,
}

/// One entry of the Bundle.
#[derive(Clone, Debug, Default)]
pub struct Entry {
    /// `entry.fullUrl`.
    pub full_url: Option<Text>,
    /// `resource.resourceType`.
    pub resource_type: Option<Text>,
    /// `resource.id`.
    pub id: Option<Text>,
    /// Where the resource stands, from brace to brace.
    pub resource: Range<usize>,
    /// Its identifiers in [`Envelope::pairs`].
    pub identifiers: Range<usize>,
    /// The identifiers of its `basedOn` references in [`Envelope::pairs`].
    pub based_on: Range<usize>,
}

/// An attachment: the entry it stands in, and its base64 text as it stands between the quotes.
#[derive(Clone, Debug)]
pub struct Attachment {
    /// Index of the entry.
    pub entry: usize,
    /// The resource type whose attachments stand in this place.
    pub holder: &'static str,
    /// Byte range of the text, escapes unresolved; `None` when the attachment is only a URL.
    pub data: Option<Range<usize>>,
}

/// What one pass finds.
#[derive(Clone, Debug, Default)]
pub struct Envelope {
    /// `resourceType` of the document.
    pub resource_type: Option<Text>,
    /// `Bundle.id`.
    pub id: Option<Text>,
    /// `Bundle.type`.
    pub kind: Option<Text>,
    /// `Bundle.timestamp`.
    pub timestamp: Option<Text>,
    /// `Bundle.total` is there; R4 forbids it on a message.
    pub total: bool,
    /// The Bundle or any resource carries the security label HTEST.
    pub test: bool,
    /// The entries in order.
    pub entries: Vec<Entry>,
    /// All identifiers, in document order.
    pub pairs: Vec<Pair>,
    /// The attachments of DocumentReference and Communication, in document order.
    pub attachments: Vec<Attachment>,
}

/// An entry together with the document, as a target of references.
pub struct Located<'a> {
    /// The entry.
    pub entry: &'a Entry,
    /// The envelope it belongs to.
    pub envelope: &'a Envelope,
    /// The document.
    pub document: &'a str,
}

impl Target for Located<'_> {
    fn full_url(&self) -> Option<&str> {
        self.entry.full_url.as_ref().map(|text| text.of(self.document))
    }
    fn resource_type(&self) -> &str {
        self.entry.resource_type.as_ref().map_or("", |text| text.of(self.document))
    }
    fn id(&self) -> Option<&str> {
        self.entry.id.as_ref().map(|text| text.of(self.document))
    }
    fn has_identifier(&self, system: Option<&str>, value: &str) -> bool {
        let same = |text: &Option<Text>, wanted| text.as_ref().is_some_and(|text| text.of(self.document) == wanted);
        let pairs = self.envelope.pairs.get(self.entry.identifiers.clone()).unwrap_or_default();
        pairs.iter().any(|pair| same(&pair.value, value) && system.is_none_or(|system| same(&pair.system, system)))
    }
}
