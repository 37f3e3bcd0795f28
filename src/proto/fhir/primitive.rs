//! The primitive types of FHIR R4 and the forms of their values (R4 datatypes).

use super::date::{is_date, is_instant};
use super::tree::{Kind, Node};

/// A primitive type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are FHIR's")]
pub enum Primitive {
    Base64Binary,
    Boolean,
    Canonical,
    Code,
    Date,
    DateTime,
    Decimal,
    Id,
    Instant,
    Integer,
    Markdown,
    Oid,
    PositiveInt,
    String,
    Time,
    UnsignedInt,
    Uri,
    Url,
    Uuid,
    Xhtml,
}

use Primitive::*;

/// Name and what is expected, in words.
const PRIMITIVES: [(Primitive, &str, &str); 20] = [
    (Base64Binary, "base64Binary", "base64"),
    (Boolean, "boolean", "true or false"),
    (Canonical, "canonical", "an address without white space"),
    (Code, "code", "a code without white space around it"),
    (Date, "date", "a date such as 2026-05-09, 2026-05 or 2026"),
    (DateTime, "dateTime", "a date, or date and time with seconds and offset such as 2026-05-09T14:30:00-04:00"),
    (Decimal, "decimal", "a number"),
    (Id, "id", "1 to 64 letters, digits, hyphens and dots"),
    (Instant, "instant", "date and time with seconds and offset such as 2026-05-09T14:30:00-04:00"),
    (Integer, "integer", "a whole number of 32 bits"),
    (Markdown, "markdown", "a text"),
    (Oid, "oid", "urn:oid: and an OID"),
    (PositiveInt, "positiveInt", "a whole number from 1 on"),
    (String, "string", "a text"),
    (Time, "time", "a time such as 14:30:00"),
    (UnsignedInt, "unsignedInt", "a whole number from 0 on"),
    (Uri, "uri", "an address without white space"),
    (Url, "url", "an address without white space"),
    (Uuid, "uuid", "urn:uuid: and a UUID"),
    (Xhtml, "xhtml", "XHTML in a div element"),
];

impl Primitive {
    /// The type of this name.
    pub fn named(name: &str) -> Option<Self> {
        PRIMITIVES.iter().find(|(_, own, _)| *own == name).map(|(primitive, ..)| *primitive)
    }

    /// What is expected of its values, in words.
    pub fn expected(self) -> &'static str {
        PRIMITIVES.iter().find(|(own, ..)| *own == self).map_or("", |(.., words)| words)
    }

    /// What its values are in JSON.
    pub fn json(self) -> Kind {
        match self {
            Boolean => Kind::Bool,
            Decimal | Integer | PositiveInt | UnsignedInt => Kind::Number,
            _ => Kind::String,
        }
    }

    /// Whether a value that has the right JSON type has the right form.
    pub fn accepts(self, value: Node<'_>) -> bool {
        let text = value.str().unwrap_or_default();
        match self {
            Boolean | Decimal | String | Markdown => true,
            Integer => whole(value, i64::from(i32::MIN)),
            UnsignedInt => whole(value, 0),
            PositiveInt => whole(value, 1),
            Uri | Url | Canonical => is_solid(text),
            Code => is_code(text),
            Id => (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-.".contains(&byte)),
            Date => is_date(text),
            DateTime => is_date(text) || is_instant(text),
            Instant => is_instant(text),
            Time => is_time(text),
            Oid => text.strip_prefix("urn:oid:").is_some_and(is_oid),
            Uuid => text.strip_prefix("urn:uuid:").is_some_and(|uuid| uuid.len() == 36 && uuid::Uuid::try_parse(uuid).is_ok()),
            Base64Binary => is_base64(text),
            Xhtml => text.trim_start().starts_with("<div"),
        }
    }
}

fn whole(value: Node<'_>, least: i64) -> bool {
    let number = value.number_text().and_then(|text| text.parse::<i64>().ok());
    number.is_some_and(|number| (least..=i64::from(i32::MAX)).contains(&number))
}

/// No white space. All bytes are looked at in one sweep, which is faster than stopping at the first.
fn is_solid(text: &str) -> bool {
    !text.bytes().fold(false, |spaced, byte| spaced | byte.is_ascii_whitespace())
}

/// The alphabet of base64, white space, and the backslash of an escape: the text stands here as it was written.
fn is_base64(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() | matches!(byte, b'+' | b'/' | b'=' | b' ' | b'\t' | b'\r' | b'\n' | b'\\');
    text.bytes().fold(true, |all, byte| all & fits(byte))
}

/// No white space around it, and none but single spaces inside.
fn is_code(text: &str) -> bool {
    let bytes = text.as_bytes();
    let spaced = |byte: &u8| byte.is_ascii_whitespace();
    is_solid(text)
        || (!bytes.first().is_some_and(spaced)
            && !bytes.last().is_some_and(spaced)
            && !bytes.windows(2).any(|pair| pair.iter().all(spaced)))
}

fn is_oid(text: &str) -> bool {
    let number =
        |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()) && (part == "0" || !part.starts_with('0'));
    let first = text.split('.').next().unwrap_or_default();
    matches!(first, "0" | "1" | "2") && text.contains('.') && text.split('.').all(number)
}

fn is_time(text: &str) -> bool {
    let (clock, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = !fraction.is_empty() && fraction.bytes().all(|byte| byte.is_ascii_digit());
    clock.len() == 8
        && digits
        && clock.bytes().enumerate().all(|(at, byte)| (at % 3 == 2) == (byte == b':'))
        && clock.parse::<jiff::civil::Time>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::fhir::tree::Tree;

    fn accepts(primitive: Primitive, json: &str) -> bool {
        let tree = Tree::read(json).unwrap();
        let node = tree.root(json);
        node.kind() == primitive.json() && primitive.accepts(node)
    }

    #[test]
    fn each_type_has_its_form() {
        for (primitive, good, bad) in [
            (Base64Binary, vec![r#""SGVsbG8=""#, r#""SGVs bG8""#], vec![r#""SGV!""#, "1"]),
            (Boolean, vec!["true"], vec![r#""true""#, "1"]),
            (Canonical, vec![r#""http://a.example/b|1""#], vec![r#""http://a.example/ b""#]),
            (Code, vec![r#""on-hold""#, r#""a b""#], vec![r#"" a""#, r#""a ""#, r#""a  b""#, "1"]),
            (Date, vec![r#""2026""#, r#""2024-02-29""#], vec![r#""2026-02-29""#, r#""2026-05-09T10:00:00Z""#]),
            (DateTime, vec![r#""2026-05""#, r#""2026-05-09T10:00:00.5-04:00""#], vec![r#""2026-05-09T10:00""#, r#""9 May""#]),
            (Decimal, vec!["1.50", "-3", "1e3"], vec![r#""1""#]),
            (Id, vec![r#""a-1.B""#], vec![r#""a_1""#, r#""""#]),
            (Instant, vec![r#""2026-05-09T10:00:00Z""#], vec![r#""2026-05-09""#, r#""2026-05-09T10:00:00""#]),
            (Integer, vec!["0", "-5", "2147483647"], vec!["1.0", "2147483648", r#""1""#]),
            (Markdown, vec![r#""*a*""#], vec!["1"]),
            (Oid, vec![r#""urn:oid:2.16.840""#], vec![r#""2.16""#, r#""urn:oid:3.1""#, r#""urn:oid:2.01""#, r#""urn:oid:2""#]),
            (PositiveInt, vec!["1"], vec!["0", "-1", "1.5"]),
            (String, vec![r#""a""#], vec!["1", "{}"]),
            (Time, vec![r#""14:30:00""#, r#""14:30:00.25""#], vec![r#""14:30""#, r#""25:00:00""#, r#""14:30:00.""#]),
            (UnsignedInt, vec!["0"], vec!["-1"]),
            (Uri, vec![r#""urn:uuid:x""#], vec![r#""a b""#]),
            (Url, vec![r#""https://a.example""#], vec![r#""a b""#]),
            (Uuid, vec![r#""urn:uuid:7f1460c8-4ab0-4ee3-9ba5-ee7f1119b78f""#], vec![r#""7f1460c8-4ab0-4ee3-9ba5-ee7f1119b78f""#]),
            (Xhtml, vec![r#""<div xmlns=\"http://www.w3.org/1999/xhtml\">a</div>""#], vec![r#""text""#]),
        ] {
            assert!(good.iter().all(|json| accepts(primitive, json)), "{primitive:?} {good:?}");
            assert!(!bad.iter().any(|json| accepts(primitive, json)), "{primitive:?} {bad:?}");
        }
    }
}
