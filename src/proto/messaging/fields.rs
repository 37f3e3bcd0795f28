//! Reading a message by the plain names of the field table.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::OnceLock;

use super::html;
use super::path;
use super::view::{Cast, View};
use crate::error::{EREF_UNKNOWN_FIELD, Error, Result};
use crate::proto::guide::events;
use crate::proto::guide::field::{Field, Kind};
use crate::proto::guide::fields_table::FIELDS;

/// The row of a field, found when this crate is compiled: a name that is not in the table does not compile.
macro_rules! field {
    ($name:literal) => {
        const { $crate::proto::messaging::fields::row($name) }
    };
}
pub(super) use field;

/// The row of this name; for [`field!`].
pub(super) const fn row(name: &str) -> &'static Field {
    let mut table = FIELDS;
    while let [row, rest @ ..] = table {
        if same(row.name.as_bytes(), name.as_bytes()) {
            return row;
        }
        table = rest;
    }
    assert!(name.is_empty(), "the field table has no such field");
    &FIELDS[0]
}

const fn same(mut one: &[u8], mut other: &[u8]) -> bool {
    while let ([a, one_rest @ ..], [b, other_rest @ ..]) = (one, other) {
        if *a != *b {
            return false;
        }
        (one, other) = (one_rest, other_rest);
    }
    one.is_empty() && other.is_empty()
}

/// Which repetition a name asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repetition {
    /// The element at this index; 0 when the name does not say.
    At(usize),
    /// The one after the last, written `[+]`.
    Next,
}

/// Finds the field of a name such as `patient.identifier[0].value`. Its place in the table comes with it.
/// Errors: `EREF_UNKNOWN_FIELD`, naming it and the nearest known name.
pub fn find(name: &str) -> Result<(usize, &'static Field, Repetition)> {
    parse(name)
        .and_then(|(plain, repetition)| {
            let position = *index().get(plain.as_ref())?;
            let field = FIELDS.get(position)?;
            match repetition {
                Some(_) if field.name != plain => None,
                Some(repetition) => Some((position, field, repetition)),
                None => Some((position, field, Repetition::At(0))),
            }
        })
        .ok_or_else(|| unknown(name))
}

/// The rows by name, with and without its `[]`.
fn index() -> &'static HashMap<String, usize> {
    static INDEX: OnceLock<HashMap<String, usize>> = OnceLock::new();
    INDEX.get_or_init(|| {
        let names = |(at, field): (usize, &Field)| [(field.name.replace("[]", ""), at), (field.name.to_owned(), at)];
        FIELDS.iter().enumerate().flat_map(names).collect()
    })
}

/// Splits the index off: `a[3].b` is `a[].b` and 3.
fn parse(name: &str) -> Option<(Cow<'_, str>, Option<Repetition>)> {
    let Some((before, rest)) = name.split_once('[') else { return Some((name.into(), None)) };
    let (index, after) = rest.split_once(']')?;
    let repetition = match index {
        "+" => Repetition::Next,
        digits if digits.len() <= 6 && digits.bytes().all(|byte| byte.is_ascii_digit()) => Repetition::At(digits.parse().ok()?),
        _ => return None,
    };
    Some((format!("{before}[]{after}").into(), Some(repetition)))
}

fn unknown(name: &str) -> Error {
    let harmless = name.len() <= 64 && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._[]+-".contains(&byte));
    let shown = if harmless { name } else { "that name" };
    let stripped: String = name.chars().take(64).filter(|c| !c.is_ascii_digit() && *c != '+').collect();
    let nearest = FIELDS.iter().min_by_key(|field| distance(field.name, &stripped)).map_or("event", |field| field.name);
    Error::new(EREF_UNKNOWN_FIELD, format!("there is no field {shown}; the nearest is {nearest}"))
}

/// The edit distance of two names.
fn distance(one: &str, other: &str) -> usize {
    let mut row: Vec<usize> = (0..=other.chars().count()).collect();
    for (i, a) in one.chars().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (cell, b) in row.iter_mut().skip(1).zip(other.chars()) {
            let value = (diagonal + usize::from(a != b)).min(*cell + 1).min(left + 1);
            diagonal = *cell;
            *cell = value;
            left = value;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or(0)
}

/// The value of a field; `None` when the message does not say. Errors: `EREF_UNKNOWN_FIELD`.
pub fn read(view: View<'_>, name: &str) -> Result<Option<String>> {
    let (_, field, repetition) = find(name)?;
    match repetition {
        Repetition::At(index) => Ok(value(view, field, index).map(Cow::into_owned)),
        Repetition::Next => Err(unknown(name)),
    }
}

/// The value of a field of the table at an index.
pub fn value<'a>(view: View<'a>, field: &Field, index: usize) -> Option<Cow<'a, str>> {
    beginning(view, field, index, usize::MAX)
}

/// As [`value`], of the first so many bytes of the text at most.
pub fn beginning<'a>(view: View<'a>, field: &Field, index: usize, bytes: usize) -> Option<Cow<'a, str>> {
    let (node, text) = field.places.iter().find_map(|(home, place)| {
        let from = view.home(*home, index)?;
        // Of a list, the home is what stands at the index itself.
        let index = if view.length(*home).is_some() { 0 } else { index };
        let node = path::walk(view, from, place, index)?;
        Some((node, path::text(node)?))
    })?;
    match field.kind {
        Kind::Markup(_) => Some(html::plain(text.get(..text.floor_char_boundary(bytes)).unwrap_or(text)))
            .filter(|text| !text.is_empty())
            .map(Cow::Owned),
        Kind::Integer if node.name() == "data" => Some(decoded_size(text).to_string().into()),
        _ if field.name == "event" => Some(events::canonical(text).unwrap_or(text).into()),
        _ => Some(text.into()),
    }
}

/// How many bytes a base64 text stands for, as it is written in JSON: with escapes, line breaks, and with or without padding.
fn decoded_size(data: &str) -> usize {
    let digits = data.trim_end_matches('=');
    let passed_over = digits.bytes().filter(|byte| byte.is_ascii_whitespace()).count();
    let escaped: usize = match digits.contains('\\') {
        true => digits
            .split('\\')
            .skip(1)
            .map(|after| {
                if after.starts_with('u') {
                    5
                } else if after.starts_with('/') {
                    1
                } else {
                    2
                }
            })
            .sum(),
        false => 0,
    };
    digits.len().saturating_sub(passed_over + escaped) * 3 / 4
}

/// How often a repeating field or group occurs (`patient.identifier`, `patient.identifier[].value`); for a single field 1 or 0.
/// Errors: `EREF_UNKNOWN_FIELD`.
pub fn count(view: View<'_>, name: &str) -> Result<usize> {
    let plain = name.split("[]").next().unwrap_or(name);
    let in_group = |field: &&Field| field.name.split_once("[]").is_some_and(|(group, _)| group == plain);
    match FIELDS.iter().filter(in_group).map(|field| repetitions(view, field)).max() {
        Some(count) => Ok(count),
        None => Ok(usize::from(read(view, name)?.is_some())),
    }
}

/// How often a repeating field of the table occurs.
pub fn repetitions(view: View<'_>, field: &Field) -> usize {
    let counts = field.places.iter().filter_map(|(home, place)| match view.length(*home) {
        None => Some(path::count(view, view.home(*home, 0)?, place)),
        length => length,
    });
    counts.into_iter().find(|count| *count > 0).unwrap_or(0)
}

/// The health number in a Patient as JSON.
pub fn health_number(patient: &str) -> Option<String> {
    let bundle = format!(r#"{{"entry":[{{"resource":{{}}}},{{"resource":{patient}}}]}}"#);
    let cast = Cast::read(&bundle).ok()?;
    read(cast.view(&bundle), "patient.health_number").ok().flatten()
}

#[cfg(test)]
mod tests;
