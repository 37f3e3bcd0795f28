//! One sentence that says what happened, in English and in French, as in a clinic's inbox.

use super::super::changes::{Change, News, Shown};
use super::super::fields::field;
use super::super::groups::Reader;
use super::super::time;
use super::super::view::resource_type;
use crate::proto::guide::codes::{self, Word};
use crate::proto::guide::field::Field;

/// Says what a message is about.
pub(super) struct Summary<'a> {
    pub(super) reader: Reader<'a>,
    pub(super) event: &'a str,
    /// The clinic speaks, not the requester.
    pub(super) is_from_clinic: bool,
}

/// What stands in a sentence beside who acted and the patient.
#[derive(Default)]
struct Parts<'a> {
    when: Option<&'a Shown>,
    old: Option<&'a Shown>,
    new: Option<&'a Shown>,
    /// What stands behind the sentence: English, French.
    addition: Option<(String, String)>,
    /// How much more there is to tell.
    more: usize,
}

impl Summary<'_> {
    /// The most important of what is news of its own; without any, what is different. What the message merely repeats is not told.
    pub(super) fn of_changes(&self, changes: &[Change]) -> (String, String) {
        let mut news = changes.iter().filter_map(|change| Some((change, change.news.as_ref()?)));
        match (news.next(), changes.first()) {
            (Some((change, told)), _) => self.of_change(change, told, news.count()),
            (None, Some(first)) => {
                let corrected = codes::find(codes::EVENT_SENTENCES, self.event).filter(|_| self.event == "notify-data-correction");
                let sentence = corrected.map_or(codes::UPDATED, |word| word.sentence);
                let addition = Some((first.label.0.to_owned(), first.label.1.to_owned()));
                self.said(sentence, self.is_from_clinic, &Parts { addition, more: changes.len() - 1, ..Parts::default() })
            }
            (None, None) => self.of_nothing(codes::NOTHING_NEW),
        }
    }

    fn of_change(&self, change: &Change, news: &News, more: usize) -> (String, String) {
        // Bookings and tasks are the clinic's, whoever sends the news of them (messaging.md 19); a question either side closes.
        let is_of = |list: &str| change.path.starts_with(list) && news.sentence != codes::NO_LONGER_ASKED;
        let clinic = self.is_from_clinic || is_of("appointments") || is_of("tasks");
        let addition = news.addition.as_deref().map(short).map(|text| (text.clone(), text));
        let parts = Parts { when: news.when.as_ref(), old: change.old.as_ref(), new: change.new.as_ref(), addition, more };
        self.said(news.sentence, clinic, &parts)
    }

    /// A sentence that tells nothing of the message.
    pub(super) fn of_nothing(&self, sentence: (&str, &str)) -> (String, String) {
        self.said(sentence, self.is_from_clinic, &Parts::default())
    }

    /// What the event says: of the appointment's or task's status when one is in focus, else of the event.
    pub(super) fn of_event(&self) -> (String, String) {
        let start = self.reader.get(field!("appointment.start"));
        let when = start.map(|start| time::shown(&start, self.reader.zone).unwrap_or(start));
        let when = when.map(|text| Shown { french: time::in_french(&text), text, value: None });
        let addition = self.addition().map(|text| (text.clone(), text));
        self.said(self.sentence(), self.is_from_clinic, &Parts { when: when.as_ref(), addition, ..Parts::default() })
    }

    /// Who acted, the clinic or the requester, by the name a reader knows it under.
    fn actor(&self, clinic: bool) -> Option<String> {
        let target = || {
            self.reader
                .get(field!("target.organization"))
                .or_else(|| self.reader.get(field!("target.location")))
                .or_else(|| self.reader.get(field!("target.name.family")))
        };
        let requester = || self.reader.requester_name().or_else(|| self.reader.get(field!("requester.organization")));
        let side = if clinic { target() } else { requester() };
        side.or_else(|| self.reader.get(field!("source.name")))
    }

    fn sentence(&self) -> (&'static str, &'static str) {
        let in_focus = |name: &str| self.reader.view.in_focus(name);
        let by_status = |field: &Field, table: &'static [Word]| codes::find(table, &self.reader.get(field)?);
        let by_appointment =
            in_focus("Appointment").then(|| by_status(field!("appointment.status"), codes::APPOINTMENT_STATUS)).flatten();
        let by_event = || codes::find(codes::EVENT_SENTENCES, self.event);
        let withdrawn = || {
            let word = by_status(field!("communication.status"), codes::COMMUNICATION_STATUS);
            in_focus("Communication").then_some(word).flatten().filter(|word| !word.sentence.0.is_empty())
        };
        let by_task = || {
            let (code, status) = (self.reader.get(field!("task.code")), self.reader.get(field!("task.status")));
            in_focus("Task").then(|| codes::task_sentence(code.as_deref(), &status?)).flatten()
        };
        let sentence = by_appointment.or_else(withdrawn).or_else(by_event).map(|word| word.sentence);
        sentence.or_else(by_task).unwrap_or(codes::OTHER_SENTENCE)
    }

    /// What stands behind the sentence: the category, the clinic's own words, the beginning of the message.
    fn addition(&self) -> Option<String> {
        let text = match self.reader.view.focus().next().map(resource_type)? {
            "ServiceRequest" => self.reader.get(field!("referral.category.display")),
            "Task" => self.reader.get(field!("task.business_status")),
            "Communication" => self.reader.get(field!("communication.text[]")),
            _ => None,
        }?;
        Some(short(&text))
    }

    fn said(&self, (english, french): (&str, &str), clinic: bool, parts: &Parts<'_>) -> (String, String) {
        let (actor, patient) = (self.actor(clinic), self.reader.patient_name());
        let fill = |sentence: &str, [someone, nobody, preposition, colon, more]: [&str; 5], french: bool| {
            let shown = |shown: &Shown| shown.french.clone().filter(|_| french).unwrap_or_else(|| shown.text.clone());
            let when = parts.when.map_or(String::new(), |when| format!(" {preposition} {}", shown(when)));
            let (old, new) = (parts.old.map(shown).unwrap_or_default(), parts.new.map(shown).unwrap_or_default());
            let values = [
                ("{actor}", actor.as_deref().unwrap_or(someone)),
                ("{patient}", patient.as_deref().unwrap_or(nobody)),
                ("{when}", when.as_str()),
                ("{old}", old.as_str()),
                ("{new}", new.as_str()),
            ];
            let mut said = substitute(sentence, &values);
            if let Some((english, of_french)) = &parts.addition {
                said = said + colon + if french { of_french } else { english };
            }
            if parts.more > 0 {
                said = format!("{said} ({})", more.replace("{n}", &parts.more.to_string()));
            }
            said
        };
        let preposition = if english.contains("booked") { "for" } else { "on" };
        (
            fill(english, ["The sender", "a patient", preposition, ": ", "and {n} more"], false),
            fill(french, ["L’expéditeur", "un patient", "le", "\u{a0}: ", "et {n} de plus"], true),
        )
    }
}

/// A text as one line of at most 80 characters.
fn short(text: &str) -> String {
    let line: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() > 80 { line.chars().take(79).chain(['…']).collect() } else { line }
}

/// Replaces the placeholders; what is put in is not looked at again.
fn substitute(sentence: &str, values: &[(&str, &str)]) -> String {
    let mut text = String::new();
    let mut rest = sentence;
    while let Some(at) = rest.find('{') {
        let (before, from) = rest.split_at(at);
        text.push_str(before);
        match values.iter().find(|(name, _)| from.starts_with(name)) {
            Some((name, value)) => {
                text.push_str(value);
                rest = from.strip_prefix(name).unwrap_or_default();
            }
            None => {
                text.push('{');
                rest = from.strip_prefix('{').unwrap_or_default();
            }
        }
    }
    text + rest
}
