//! One sentence that says what happened, in English and in French, as in a clinic's inbox.

use super::super::changes::{Change, News, Shown};
use super::super::fields::field;
use super::super::groups::Reader;
use super::super::time;
use super::super::view::resource_type;
use crate::proto::guide::codes::{self, Word};
use crate::proto::guide::events::{self, Direction};
use crate::proto::guide::field::Field;

/// Says what a message is about.
pub(super) struct Summary<'a> {
    pub(super) reader: Reader<'a>,
    pub(super) event: &'a str,
}

/// What stands in a sentence beside who acted and the patient.
#[derive(Default)]
struct Parts<'a> {
    when: Option<&'a str>,
    old: &'a str,
    new: &'a str,
    addition: Option<String>,
}

impl Summary<'_> {
    /// The one change that is news of its own; the event when there is none or several.
    pub(super) fn of_changes(&self, changes: &[Change]) -> (String, String) {
        let mut news = changes.iter().filter_map(|change| Some((change, change.news.as_ref()?)));
        match (news.next(), news.next()) {
            (Some((change, news)), None) => self.of_change(change, news),
            _ => self.of_event(),
        }
    }

    fn of_change(&self, change: &Change, news: &News) -> (String, String) {
        // The sentences tell of times, which are the same in both languages.
        let text = |shown: &Option<Shown>| shown.as_ref().map(|shown| shown.text.clone()).unwrap_or_default();
        let (old, new) = (text(&change.old), text(&change.new));
        let addition = news.addition.as_deref().map(short);
        // Bookings and tasks are the clinic's, whoever sends the news of them (messaging.md 19).
        let clinic = self.is_from_clinic() || change.path.starts_with("appointments") || change.path.starts_with("tasks");
        self.said(news.sentence, clinic, &Parts { when: news.when.as_deref(), old: &old, new: &new, addition })
    }

    pub(super) fn nothing_new(&self) -> (String, String) {
        self.said(codes::NOTHING_NEW, self.is_from_clinic(), &Parts::default())
    }

    /// What the event says: of the appointment's or task's status when one is in focus, else of the event.
    pub(super) fn of_event(&self) -> (String, String) {
        let start = self.reader.get(field!("appointment.start"));
        let when = start.map(|start| time::shown(&start, self.reader.zone).unwrap_or(start));
        self.said(
            self.sentence(),
            self.is_from_clinic(),
            &Parts { when: when.as_deref(), addition: self.addition(), ..Parts::default() },
        )
    }

    fn is_from_clinic(&self) -> bool {
        events::info(self.event).is_some_and(|event| event.direction == Direction::TargetToSource)
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
        let by_task = || in_focus("Task").then(|| by_status(field!("task.status"), codes::TASK_STATUS)).flatten();
        by_appointment.or_else(by_event).or_else(by_task).map_or(codes::OTHER_SENTENCE, |word| word.sentence)
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
        let fill = |sentence: &str, someone: &str, nobody: &str, preposition: &str, colon: &str| {
            let when = parts.when.map_or(String::new(), |when| format!(" {preposition} {when}"));
            let values = [
                ("{actor}", actor.as_deref().unwrap_or(someone)),
                ("{patient}", patient.as_deref().unwrap_or(nobody)),
                ("{when}", when.as_str()),
                ("{old}", parts.old),
                ("{new}", parts.new),
            ];
            let said = substitute(sentence, &values);
            match &parts.addition {
                Some(addition) => format!("{said}{colon}{addition}"),
                None => said,
            }
        };
        let preposition = if english.contains("booked") { "for" } else { "on" };
        (fill(english, "The sender", "a patient", preposition, ": "), fill(french, "L’expéditeur", "un patient", "le", "\u{a0}: "))
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
