//! What a message changes in a referral, as a person reads it: codes in words, times in the clinic's zone, nothing that was told before.

use std::borrow::Cow;
use std::cmp::Ordering;

use serde_json::{Value, json};

use super::content::{Content, List};
use super::matching::matching;
use super::time;
use crate::proto::guide::codes::{self, Word};
use crate::proto::guide::compared::{self, Reading, Row};

/// Characters of a text that a change shows.
const SHOWN: usize = 500;

/// One difference between what was known of a referral and what is known now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// Where in the referral content document; in brackets by what an element of a list is known: `appointments[A-77].start`.
    pub path: String,
    /// What it is: English, French.
    pub label: (&'static str, &'static str),
    /// What it was; `None` when nothing was known.
    pub old: Option<Shown>,
    /// What it is now; `None` when it is gone.
    pub new: Option<Shown>,
    /// What makes it news of its own: it is told in the summary when it is the only such change.
    pub news: Option<News>,
}

/// A value as a person reads it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shown {
    /// In English: codes in words, times in the clinic's zone.
    pub text: String,
    /// In French, where it differs.
    pub french: Option<String>,
    /// As it was received, where that differs.
    pub value: Option<String>,
}

/// A change as a sentence of the inbox.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct News {
    /// The sentence with its placeholders: English, French.
    pub sentence: (&'static str, &'static str),
    /// The time of the appointment, as shown.
    pub when: Option<String>,
    /// What stands behind the sentence.
    pub addition: Option<String>,
}

impl Change {
    /// As it stands in the notification (docs/schema/notification.json).
    pub fn document(&self) -> Value {
        let mut document = json!({"path": self.path, "label": self.label.0, "label_fr": self.label.1});
        for (name, shown) in [("old", &self.old), ("new", &self.new)] {
            let Some(shown) = shown else { continue };
            let parts = [("", Some(&shown.text)), ("_fr", shown.french.as_ref()), ("_value", shown.value.as_ref())];
            for (suffix, part) in parts {
                if let (Some(part), Some(members)) = (part, document.as_object_mut()) {
                    members.insert(format!("{name}{suffix}"), Value::String(part.clone()));
                }
            }
        }
        document
    }
}

/// What is different between two states of a referral, most important first. `zone` is the IANA name of the zone times are shown in.
pub fn between(old: &Content, new: &Content, zone: Option<&str>) -> Vec<Change> {
    let mut changes = Vec::new();
    for list in List::ALL {
        let places = matching(list, old.list(list), new.list(list), zone);
        for (element, place) in new.list(list).iter().zip(places) {
            match place.and_then(|place| old.list(list).get(place)) {
                Some(known) => changes.extend(of_element(list, known, element, zone)),
                None => changes.extend(of_new(list, element, zone)),
            }
        }
    }
    for row in compared::REFERRAL {
        changes.extend(row_change(row, old.get(row.member), new.get(row.member), None, zone));
    }
    changes.sort_by_key(|change| change.news.is_none());
    changes
}

/// Whether two elements of a list say the same.
pub(super) fn is_same(list: List, one: &Value, other: &Value, zone: Option<&str>) -> bool {
    rows(list)
        .iter()
        .filter(|row| row.identifies)
        .all(|row| differs(row.reading, member(one, row), member(other, row), zone).is_none())
}

fn rows(list: List) -> &'static [Row] {
    match list {
        List::Tasks => compared::TASK,
        List::Appointments => compared::APPOINTMENT,
        List::Communications => compared::COMMUNICATION,
        List::Documents => compared::DOCUMENT,
    }
}

fn member<'v>(element: &'v Value, row: &Row) -> Option<&'v Value> {
    element.get(row.member)
}

/// `appointments[A-77]`.
fn path_of(list: List, element: &Value) -> String {
    let known_by =
        ["/identifiers/0/value", "/identifier", "/id", "/title"].into_iter().find_map(|path| element.pointer(path)?.as_str());
    format!("{}[{}]", list.name(), known_by.unwrap_or_default())
}

fn of_element(list: List, old: &Value, new: &Value, zone: Option<&str>) -> Vec<Change> {
    let path = path_of(list, new);
    let change = |row: &'static Row| {
        let change = row_change(row, member(old, row), member(new, row), Some(&path), zone)?;
        let news = news(row, new, zone).map(|news| match (row.reading, &change.old) {
            // What had no time did not move.
            (Reading::Moment, None) => News { sentence: codes::NEW_APPOINTMENT, ..news },
            _ => news,
        });
        Some(Change { news, ..change })
    };
    let mut changes: Vec<(&str, Change)> = rows(list).iter().filter_map(|row| Some((row.member, change(row)?))).collect();
    let has = |changes: &[(&str, Change)], name: &str| changes.iter().any(|(member, _)| *member == name);
    // An appointment that moves ends at another time too: that is one piece of news.
    let moved = has(&changes, "start");
    changes.retain(|(member, _)| !(moved && *member == "end"));
    if has(&changes, "status") {
        // What happened to the booking says its time.
        changes.iter_mut().filter(|(member, _)| *member == "start").for_each(|(_, change)| change.news = None);
    }
    changes.into_iter().map(|(_, change)| change).collect()
}

/// An element that was not known: what is told of it as one change, of a task member by member.
fn of_new(list: List, element: &Value, zone: Option<&str>) -> Vec<Change> {
    if list == List::Tasks {
        return of_element(list, &Value::Null, element, zone);
    }
    let shown = rows(list).iter().filter(|row| row.in_short).filter_map(|row| show(row.reading, member(element, row)?, zone));
    let shown: Vec<Shown> = shown.collect();
    let joined = |text: fn(&Shown) -> &str| shown.iter().map(text).collect::<Vec<_>>().join(", ");
    let (text, french) = (joined(|shown| &shown.text), joined(|shown| shown.french.as_deref().unwrap_or(&shown.text)));
    if text.is_empty() {
        return Vec::new();
    }
    let label = match list {
        List::Tasks | List::Appointments => ("Appointment", "Rendez-vous"),
        List::Communications => ("Message", "Message"),
        List::Documents => ("Document", "Document"),
    };
    let addition = |name: &str| element.get(name).map(plain).filter(|text| !text.is_empty()).map(Cow::into_owned);
    let news = match list {
        List::Tasks => None,
        List::Appointments => {
            let row = compared::APPOINTMENT.iter().find(|row| row.member == "status");
            row.and_then(|row| news(row, element, zone)).or(Some(News {
                sentence: codes::NEW_APPOINTMENT,
                when: when(element, zone),
                addition: None,
            }))
        }
        List::Communications => Some(News { sentence: codes::NEW_MESSAGE, when: None, addition: addition("text") }),
        List::Documents => Some(News { sentence: codes::NEW_DOCUMENT, when: None, addition: addition("title") }),
    };
    let french = (french != text).then_some(french);
    vec![Change { path: path_of(list, element), label, old: None, new: Some(Shown { text, french, value: None }), news }]
}

/// The sentence of a status or of a moved appointment.
fn news(row: &Row, element: &Value, zone: Option<&str>) -> Option<News> {
    let sentence = match row.reading {
        Reading::Code(table) if row.news => codes::find(table, element.get(row.member)?.as_str()?)?.sentence,
        Reading::Moment if row.news => codes::MOVED,
        _ => return None,
    };
    let addition = element.get("business_status").and_then(Value::as_str).map(str::to_owned);
    Some(News { sentence, when: when(element, zone), addition })
}

fn when(element: &Value, zone: Option<&str>) -> Option<String> {
    show(Reading::Moment, element.get("start")?, zone).map(|shown| shown.text)
}

fn row_change(row: &Row, old: Option<&Value>, new: Option<&Value>, within: Option<&str>, zone: Option<&str>) -> Option<Change> {
    let (old, new) = differs(row.reading, old, new, zone)?;
    let news = match row.reading {
        Reading::Code(table) if row.news => old.as_ref().and(new.as_ref()).and_then(|new| {
            let word = codes::find(table, new.value.as_deref()?)?;
            Some(News { sentence: word.sentence, ..News::default() })
        }),
        _ => None,
    };
    let path = within.map_or_else(|| row.member.to_owned(), |within| format!("{within}.{}", row.member));
    Some(Change { path, label: row.label, old, new, news })
}

/// The two values as a person reads them; `None` when they say the same.
fn differs(
    reading: Reading,
    old: Option<&Value>,
    new: Option<&Value>,
    zone: Option<&str>,
) -> Option<(Option<Shown>, Option<Shown>)> {
    if is_equal(reading, old, new) {
        return None;
    }
    if reading == Reading::Texts {
        let lines = |from: Option<&Value>, without: Option<&Value>| {
            let known: Vec<String> = texts(without).map(normal).collect();
            let lines: Vec<&str> = texts(from).filter(|line| !known.contains(&normal(line))).collect();
            (!lines.is_empty()).then(|| Shown { text: cut(&lines.join("\n")), ..Shown::default() })
        };
        return Some((lines(old, new), lines(new, old)));
    }
    let shown = |value: Option<&Value>| value.and_then(|value| show(reading, value, zone));
    let (old, new) = (shown(old), shown(new));
    (old.is_some() || new.is_some()).then_some((old, new))
}

/// Whether two values mean the same, however they are written.
fn is_equal(reading: Reading, old: Option<&Value>, new: Option<&Value>) -> bool {
    if old == new {
        return true;
    }
    let (Some(one), Some(other)) = (old, new) else {
        return old.map(plain).unwrap_or_default().is_empty() && new.map(plain).unwrap_or_default().is_empty();
    };
    match reading {
        Reading::Moment => {
            let (one, other) = (plain(one), plain(other));
            one == other || time::order(&one, &other, None) == Some(Ordering::Equal)
        }
        Reading::Texts => {
            let sorted = |value: &Value| {
                let mut lines: Vec<String> = texts(Some(value)).map(normal).collect();
                lines.sort_unstable();
                lines.dedup();
                lines
            };
            sorted(one) == sorted(other)
        }
        Reading::Number => digits(&plain(one)) == digits(&plain(other)),
        Reading::Text | Reading::Code(_) | Reading::Flag | Reading::Address => normal(&plain(one)) == normal(&plain(other)),
    }
}

fn texts(value: Option<&Value>) -> impl Iterator<Item = &str> {
    value.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}

/// Text with each run of white space as one space.
fn normal(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A telephone, card or chart number without what people put between its digits, and without the country of North America.
fn digits(text: &str) -> String {
    let plain: String = text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
    match plain.strip_prefix('1') {
        Some(rest) if rest.len() == 10 => rest.to_owned(),
        _ => plain,
    }
}

/// A value of the document as one text: of a time as received, of an address its parts.
fn plain(value: &Value) -> Cow<'_, str> {
    match value {
        Value::String(text) => Cow::Borrowed(text),
        Value::Bool(_) | Value::Number(_) => Cow::Owned(value.to_string()),
        Value::Array(items) => Cow::Owned(items.iter().map(plain).collect::<Vec<_>>().join(", ")),
        Value::Object(members) => match members.get("value") {
            Some(value) => plain(value),
            None => Cow::Owned(members.values().map(plain).collect::<Vec<_>>().join(", ")),
        },
        Value::Null => Cow::Borrowed(""),
    }
}

fn cut(text: &str) -> String {
    if text.chars().count() > SHOWN { text.chars().take(SHOWN - 1).chain(['…']).collect() } else { text.to_owned() }
}

/// A value as a person reads it; an empty one counts as none.
fn show(reading: Reading, value: &Value, zone: Option<&str>) -> Option<Shown> {
    let raw = plain(value).into_owned();
    if raw.is_empty() {
        return None;
    }
    let words = |words: Option<&Word>| words.map(|word| word.words);
    let in_words = match reading {
        Reading::Code(table) => words(codes::find(table, &raw)),
        Reading::Flag => words(codes::find(codes::YES_NO, &raw)),
        Reading::Moment => {
            let text = time::shown(&raw, zone).unwrap_or_else(|| raw.clone());
            return Some(Shown { value: (text != raw).then_some(raw), text, french: None });
        }
        Reading::Text | Reading::Texts | Reading::Number | Reading::Address => None,
    };
    Some(match in_words {
        Some((english, french)) => {
            Shown { text: english.to_owned(), french: (french != english).then(|| french.to_owned()), value: Some(raw) }
        }
        None => Shown { text: cut(&raw), ..Shown::default() },
    })
}

#[cfg(test)]
mod tests;
