//! A JSON document made navigable in one pass, without copies of its texts.
//!
//! A [`Tree`] is a list of small nodes in document order, each with the place where it stands; it holds no document. A [`Node`] borrows
//! both. The syntax is serde_json's business; what a message may hold is checked before, in `messaging/parse.rs`.

use std::fmt;
use std::ops::Range;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::error::{EREF_INVALID_JSON, EREF_NO_MEMORY, EREF_TOO_LARGE, Error, Result};

/// The member that carries base64 in FHIR. Megabytes of it are not looked at: its text is what stands between the quotes.
const BASE64: &str = "data";

/// What some systems write before the JSON; a reader may ignore it (RFC 8259 8.1).
pub const BYTE_ORDER_MARK: char = '\u{feff}';

/// What a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An object.
    Object,
    /// An array.
    Array,
    /// A string.
    String,
    /// A number.
    Number,
    /// `true` or `false`.
    Bool,
    /// `null`.
    Null,
}

/// A node: all places are bytes of the document, below 4 GiB.
#[derive(Clone, Copy)]
struct Slot {
    from: u32,
    to: u32,
    /// The index after the node and all below it; for a string with escapes its place in `Tree::unescaped` instead, see [`Slot::after`].
    end: u32,
    name: u32,
    name_length: u16,
    kind: Kind,
    escaped: bool,
}

/// The nodes of a document. They mean something only together with the document they were read from.
#[derive(Default)]
pub struct Tree {
    slots: Vec<Slot>,
    /// The strings that hold escapes, without them, one behind the other.
    texts: String,
    /// Where each of them stands in `texts`.
    unescaped: Vec<Range<usize>>,
}

/// One value of a document.
#[derive(Clone, Copy)]
pub struct Node<'a> {
    tree: &'a Tree,
    document: &'a str,
    index: usize,
}

impl Tree {
    /// Reads a document in one pass. Nesting is limited by serde_json (128 levels). Errors: `EREF_INVALID_JSON` (that, not JSON, or a
    /// member name with escapes), `EREF_TOO_LARGE` (4 GiB), `EREF_NO_MEMORY`.
    pub fn read(document: &str) -> Result<Self> {
        if u32::try_from(document.len()).is_err() {
            return Err(Error::new(EREF_TOO_LARGE, "the JSON is larger than 4 GiB"));
        }
        let json = document.strip_prefix(BYTE_ORDER_MARK).unwrap_or(document);
        let mut reader = Reader { document, at: document.len() - json.len(), tree: Self::default(), out_of_memory: false };
        let mut json = serde_json::Deserializer::from_str(json);
        let read = Walk { reader: &mut reader, name: None }.deserialize(&mut json).and_then(|()| json.end());
        match read {
            Ok(()) => Ok(reader.tree),
            Err(_) if reader.out_of_memory => Err(Error::new(EREF_NO_MEMORY, "no memory for the values of the JSON")),
            Err(error) => {
                let place = format!("line {}, column {}", error.line(), error.column());
                Err(Error::new(EREF_INVALID_JSON, format!("the JSON cannot be read at {place}")))
            }
        }
    }

    /// The whole document as a node.
    pub fn root<'a>(&'a self, document: &'a str) -> Node<'a> {
        Node { tree: self, document, index: 0 }
    }

    /// How many nodes there are: each has an index below.
    pub fn count(&self) -> usize {
        self.slots.len()
    }

    /// The node that [`Node::index`] named.
    pub fn node<'a>(&'a self, document: &'a str, index: usize) -> Option<Node<'a>> {
        (index < self.slots.len()).then_some(Node { tree: self, document, index })
    }

    fn slot(&self, index: usize) -> Slot {
        self.slots.get(index).copied().unwrap_or(Slot::NONE)
    }
}

impl Slot {
    /// What stands where nothing is.
    const NONE: Slot = Slot { from: 0, to: 0, end: u32::MAX, name: 0, name_length: 0, kind: Kind::Null, escaped: false };

    /// The index behind the node, which stands at `index`, and all below it.
    fn after(&self, index: usize) -> usize {
        if matches!(self.kind, Kind::Object | Kind::Array) { self.end as usize } else { index + 1 }
    }

    fn name<'a>(&self, document: &'a str) -> &'a str {
        let from = self.name as usize;
        document.get(from..from + usize::from(self.name_length)).unwrap_or_default()
    }
}

impl<'a> Node<'a> {
    fn slot(self) -> Slot {
        self.tree.slot(self.index)
    }

    /// What it is.
    pub fn kind(self) -> Kind {
        self.slot().kind
    }

    /// Whether it is an object.
    pub fn is_object(self) -> bool {
        self.kind() == Kind::Object
    }

    /// Whether it is an array.
    pub fn is_array(self) -> bool {
        self.kind() == Kind::Array
    }

    /// Its place in the tree, to come back to it with [`Tree::node`].
    pub fn index(self) -> usize {
        self.index
    }

    /// The name it has as a member of an object; empty for an element of an array and for the whole document.
    pub fn name(self) -> &'a str {
        self.slot().name(self.document)
    }

    /// The member of this name of an object; the first, should there be two.
    pub fn get(self, name: &str) -> Option<Node<'a>> {
        self.children(Kind::Object).find(|member| {
            let slot = member.slot();
            usize::from(slot.name_length) == name.len() && slot.name(self.document) == name
        })
    }

    /// The elements of an array in order; none for anything else.
    pub fn items(self) -> Nodes<'a> {
        self.children(Kind::Array)
    }

    /// The members of an object in order, each with its name; none for anything else.
    pub fn members(self) -> impl Iterator<Item = (&'a str, Node<'a>)> {
        self.children(Kind::Object).map(|member| (member.name(), member))
    }

    fn children(self, kind: Kind) -> Nodes<'a> {
        let slot = self.slot();
        let end = if slot.kind == kind { slot.end as usize } else { 0 };
        Nodes { node: Node { index: self.index + 1, ..self }, end }
    }

    /// The text of a string without its escapes; `None` for anything else. That of a member `data` is as it is written.
    pub fn str(self) -> Option<&'a str> {
        let slot = self.slot();
        if slot.kind != Kind::String {
            return None;
        }
        if slot.escaped {
            let place = self.tree.unescaped.get(slot.end as usize)?;
            return self.tree.texts.get(place.clone());
        }
        self.document.get(slot.from as usize + 1..(slot.to as usize).saturating_sub(1))
    }

    /// The value of a boolean; `None` for anything else.
    pub fn bool(self) -> Option<bool> {
        (self.kind() == Kind::Bool).then(|| self.raw() == "true")
    }

    /// A number as it is written, so that no digit is lost (`1.50`); `None` for anything else.
    pub fn number_text(self) -> Option<&'a str> {
        (self.kind() == Kind::Number).then(|| self.raw())
    }

    /// The value as it stands in the document, with its quotes or braces.
    pub fn raw(self) -> &'a str {
        self.document.get(self.range()).unwrap_or_default()
    }

    /// Where it stands in the document.
    pub fn range(self) -> Range<usize> {
        let slot = self.slot();
        slot.from as usize..slot.to as usize
    }
}

/// Nodes that stand beside each other.
#[derive(Clone)]
pub struct Nodes<'a> {
    node: Node<'a>,
    end: usize,
}

impl<'a> Iterator for Nodes<'a> {
    type Item = Node<'a>;
    fn next(&mut self) -> Option<Node<'a>> {
        let node = self.node;
        if node.index >= self.end {
            return None;
        }
        self.node.index = node.slot().after(node.index);
        Some(node)
    }
}

/// The elements of a list; a single value where a list belongs counts as a list of one, `null` and nothing as an empty one.
pub fn list(node: Option<Node<'_>>) -> impl Iterator<Item = Node<'_>> + Clone {
    node.into_iter().flat_map(|node| match node.kind() {
        Kind::Array => node.items(),
        Kind::Null => Nodes { node, end: 0 },
        _ => Nodes { node, end: node.slot().after(node.index) },
    })
}

struct Reader<'a> {
    document: &'a str,
    /// Where reading stands: behind the last name, value or brace.
    at: usize,
    tree: Tree,
    out_of_memory: bool,
}

impl<'a> Reader<'a> {
    /// Moves to the next value, name or closing brace, and says what byte it begins with.
    fn next(&mut self) -> u8 {
        while let Some(byte) = self.document.as_bytes().get(self.at) {
            if !matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | b':' | b',') {
                return *byte;
            }
            self.at += 1;
        }
        0
    }

    /// Where a text that was borrowed from the document begins.
    fn position(&self, text: &str) -> usize {
        (text.as_ptr() as usize).wrapping_sub(self.document.as_ptr() as usize)
    }

    /// Adds a node that begins here and whose end is known or will be.
    fn add<E: serde::de::Error>(&mut self, kind: Kind, name: Option<&'a str>, to: usize) -> std::result::Result<usize, E> {
        let index = self.tree.slots.len();
        if index == self.tree.slots.capacity() && self.tree.slots.try_reserve(index.max(256)).is_err() {
            self.out_of_memory = true;
            return Err(E::custom("no memory"));
        }
        let (name, name_length) = match name {
            Some(name) => (self.position(name), u16::try_from(name.len()).map_err(|_| E::custom("a name is too long"))?),
            None => (0, 0),
        };
        let place = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        let slot = Slot { from: place(self.at), to: place(to), end: 0, name: place(name), name_length, kind, escaped: false };
        self.tree.slots.push(slot);
        self.at = to;
        Ok(index)
    }

    /// Closes an object or array whose last child was read.
    fn close(&mut self, index: usize) {
        self.next();
        self.at += 1;
        let end = self.tree.slots.len();
        if let Some(slot) = self.tree.slots.get_mut(index) {
            slot.to = u32::try_from(self.at).unwrap_or(u32::MAX);
            slot.end = u32::try_from(end).unwrap_or(u32::MAX);
        }
    }

    /// The end of the string that begins here and holds escapes: behind the first quote that is not escaped itself.
    fn string_end(&self) -> usize {
        let rest = self.document.as_bytes().get(self.at + 1..).unwrap_or_default();
        let mut escape = false;
        let quote = rest.iter().position(|byte| {
            let end = *byte == b'"' && !escape;
            escape = *byte == b'\\' && !escape;
            end
        });
        self.at + quote.map_or(0, |quote| quote + 2)
    }

    /// Adds a string with escapes, given the text without them.
    fn escaped<E: serde::de::Error>(&mut self, name: Option<&'a str>, text: &str) -> std::result::Result<(), E> {
        let index = self.add(Kind::String, name, self.string_end())?;
        if self.tree.texts.try_reserve(text.len()).is_err() || self.tree.unescaped.try_reserve(1).is_err() {
            self.out_of_memory = true;
            return Err(E::custom("no memory"));
        }
        let from = self.tree.texts.len();
        self.tree.texts.push_str(text);
        let place = u32::try_from(self.tree.unescaped.len()).unwrap_or(u32::MAX);
        self.tree.unescaped.push(from..self.tree.texts.len());
        if let Some(slot) = self.tree.slots.get_mut(index) {
            (slot.end, slot.escaped) = (place, true);
        }
        Ok(())
    }
}

/// Reads one value into the tree.
struct Walk<'r, 'a> {
    reader: &'r mut Reader<'a>,
    name: Option<&'a str>,
}

impl<'de> DeserializeSeed<'de> for Walk<'_, 'de> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> std::result::Result<(), D::Error> {
        let kind = match self.reader.next() {
            b'{' | b'[' => return deserializer.deserialize_any(self),
            b'"' if self.name != Some(BASE64) => return deserializer.deserialize_str(self),
            b'"' => Kind::String,
            b't' | b'f' => Kind::Bool,
            b'n' => Kind::Null,
            _ => Kind::Number,
        };
        let raw = <&RawValue as serde::Deserialize>::deserialize(deserializer)?.get();
        self.reader.add(kind, self.name, self.reader.at + raw.len()).map(drop)
    }
}

impl<'de> Visitor<'de> for Walk<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON")
    }

    fn visit_borrowed_str<E: serde::de::Error>(self, text: &'de str) -> std::result::Result<(), E> {
        self.reader.add(Kind::String, self.name, self.reader.at + text.len() + 2).map(drop)
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> std::result::Result<(), E> {
        self.reader.escaped(self.name, text)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> std::result::Result<(), A::Error> {
        let reader = self.reader;
        let index = reader.add(Kind::Array, self.name, reader.at + 1)?;
        while seq.next_element_seed(Walk { reader: &mut *reader, name: None })?.is_some() {}
        reader.close(index);
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> std::result::Result<(), A::Error> {
        let reader = self.reader;
        let index = reader.add(Kind::Object, self.name, reader.at + 1)?;
        while let Some(name) = map.next_key::<&'de str>()? {
            reader.at = reader.position(name) + name.len() + 1;
            map.next_value_seed(Walk { reader: &mut *reader, name: Some(name) })?;
        }
        reader.close(index);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
