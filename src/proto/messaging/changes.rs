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
    /// The time of the appointment.
    pub when: Option<Shown>,
    /// What stands behind the sentence.
    pub addition: Option<String>,
    /// Something was called off, refused or taken back: told before all else.
    pub ends: bool,
}

impl Change {
    /// Whether a person must look into the referral for it. What becomes of a booking is the clinic's.
    pub fn is_to_be_reviewed(&self) -> bool {
        self.news.as_ref().is_some_and(|news| news.ends) && !self.path.starts_with(List::Appointments.name())
    }

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
        let places = matching(list, old.list(list), new.list(list), &[], zone);
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
    changes.sort_by_key(|change| match &change.news {
        Some(news) => u8::from(!news.ends),
        None => 2,
    });
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
        Some(Change { news: news(list, row, &change, (old, new), zone), ..change })
    };
    let mut changes: Vec<(&str, Change)> = rows(list).iter().filter_map(|row| Some((row.member, change(row)?))).collect();
    let has = |changes: &[(&str, Change)], name: &str| changes.iter().any(|(member, _)| *member == name);
    // An appointment that moves ends at another time too: that is one piece of news.
    let moved = has(&changes, "start");
    let rewritten = has(&changes, "text");
    changes.retain(|(member, _)| !(moved && *member == "end" || rewritten && *member == "text_hash"));
    // One element is one piece of news, the first of its table: what happened to a booking says its time.
    changes.iter_mut().filter(|(_, change)| change.news.is_some()).skip(1).for_each(|(_, change)| change.news = None);
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
    let (label, sentence) = match list {
        List::Tasks | List::Appointments => (("Appointment", "Rendez-vous"), codes::NEW_APPOINTMENT),
        List::Communications => (("Message", "Message"), codes::NEW_MESSAGE),
        List::Documents => (("Document", "Document"), codes::NEW_DOCUMENT),
    };
    let status = rows(list).iter().find(|row| row.member == "status");
    let by_status = status.and_then(|row| news(list, row, &Change::default(), (&Value::Null, element), zone));
    let new = || News { sentence, when: when(element, zone), addition: addition(list, element), ends: false };
    let news = Some(by_status.unwrap_or_else(new));
    let french = (french != text).then_some(french);
    vec![Change { path: path_of(list, element), label, old: None, new: Some(Shown { text, french, value: None }), news }]
}

/// The sentence of a change of an element, when it is news.
fn news(list: List, row: &Row, change: &Change, (old, new): (&Value, &Value), zone: Option<&str>) -> Option<News> {
    let string = |name: &str| new.get(name).and_then(Value::as_str);
    let task_code = string("code").filter(|_| list == List::Tasks);
    let sentence = match (row.reading, &change.old, &change.new) {
        _ if !row.news => return None,
        (Reading::Code(_), ..) if list == List::Tasks => codes::task_sentence(task_code, string(row.member)?)?,
        (Reading::Code(table), ..) => codes::find(table, string(row.member)?)?.sentence,
        (Reading::Moment, Some(_), Some(_)) => codes::MOVED,
        // What had no time did not move.
        (Reading::Moment, None, Some(_)) => codes::NEW_APPOINTMENT,
        (Reading::Text, _, Some(_)) => codes::OTHER_PLACE,
        (Reading::Texts | Reading::Digest | Reading::Size, _, Some(_)) if list == List::Documents => codes::CHANGED_DOCUMENT,
        (Reading::Texts | Reading::Digest | Reading::Size, _, Some(_)) => codes::CHANGED_MESSAGE,
        _ => return None,
    };
    let ends = matches!(row.reading, Reading::Code(_))
        && string(row.member).is_some_and(ends)
        && !task_code.is_some_and(codes::asks_for_information);
    let place = string("location").filter(|_| sentence == codes::OTHER_PLACE).map(str::to_owned);
    // A cancellation need not repeat the time.
    let when = when(new, zone).or_else(|| when(old, zone));
    let news = News { sentence, when, addition: place.or_else(|| addition(list, new)), ends };
    (!sentence.0.is_empty()).then_some(news)
}

/// Whether a status calls something off, refuses it or takes it back.
fn ends(status: &str) -> bool {
    matches!(status, "cancelled" | "revoked" | "rejected" | "failed" | "noshow" | "entered-in-error")
}

/// What stands behind a sentence about an element: the clinic's own words, the beginning of a message, the name of a document.
fn addition(list: List, element: &Value) -> Option<String> {
    let member = match list {
        List::Tasks => "business_status",
        List::Appointments => return None,
        List::Communications => "text",
        List::Documents => "title",
    };
    element.get(member).map(plain).filter(|text| !text.is_empty()).map(Cow::into_owned)
}

fn when(element: &Value, zone: Option<&str>) -> Option<Shown> {
    show(Reading::Moment, element.get("start")?, zone)
}

fn row_change(row: &Row, old: Option<&Value>, new: Option<&Value>, within: Option<&str>, zone: Option<&str>) -> Option<Change> {
    let (old, new) = differs(row.reading, old, new, zone)?;
    let news = match row.reading {
        Reading::Code(table) if row.news => new.as_ref().and_then(|new| {
            let word = codes::find(table, new.value.as_deref()?)?;
            let ends = ends(word.code);
            (ends || old.is_some()).then(|| News { sentence: word.sentence, ends, ..News::default() })
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
    if reading == Reading::Digest {
        return Some((None, Some(Shown { text: "changed".to_owned(), french: Some("modifié".to_owned()), value: None })));
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
        let only_if_both = matches!(reading, Reading::Size | Reading::Digest);
        return only_if_both || old.map(plain).unwrap_or_default().is_empty() && new.map(plain).unwrap_or_default().is_empty();
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
        Reading::Size | Reading::Digest => plain(one) == plain(other),
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
pub(super) fn digits(text: &str) -> String {
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
            return Some(Shown { value: (text != raw).then_some(raw), french: time::in_french(&text), text });
        }
        Reading::Text | Reading::Texts | Reading::Number | Reading::Address | Reading::Size | Reading::Digest => None,
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
