//! The referral management system: takes referrals, sends Direct Messaging notifications, all through the library's own engine.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use ereferral::engine::{Cancel, Engine, Event};
use ereferral::error::{EREF_CANCELLED, EREF_TIMEOUT, Error};
use ereferral::io::clock;
use ereferral::proto::messaging::Message;
use ereferral::proto::store::event_kind;
use jiff::{ToSpan as _, Zoned};
use serde_json::{Value, json};

use crate::Result;
use crate::smart_app::name_of;

const CLINIC: &str = "Fakeville Fracture Clinic";
const TIME_ZONE: &str = "America/Toronto";

/// What a notification repeats of the referral and its people, in the plain names of the field table.
const SHARED_FIELDS: &[&str] = &[
    "referral.identifier[0].system",
    "referral.identifier[0].value",
    "patient.health_number",
    "patient.mrn",
    "patient.mrn.system",
    "patient.name.family",
    "patient.name.given[0]",
    "patient.gender",
    "patient.birth_date",
    "requester.licence",
    "requester.name.family",
    "requester.name.given[0]",
    "requester.organization",
    "target.listing",
];

type Fields = Vec<(&'static str, String)>;

/// The system and the referrals it knows of since it started.
pub struct Rms {
    engine: Engine,
    partner: String,
    referral_system: String,
    referrals: Mutex<Vec<Referral>>,
}

#[derive(Clone)]
struct Referral {
    fields: Fields,
    received: bool,
}

impl Referral {
    fn number(&self) -> &str {
        self.fields.iter().find(|(name, _)| *name == "referral.identifier[0].value").map_or("?", |(_, value)| value.as_str())
    }
}

impl Rms {
    /// `partner` is the point-of-service system as the engine's configuration names it.
    pub fn new(engine: Engine, partner: String, referral_system: String) -> Self {
        Self { engine, partner, referral_system, referrals: Mutex::default() }
    }

    /// A referral begins where the app was launched: for the patient in the chart, by the user at the keyboard.
    pub fn refer(&self, patient: &Value, user: &str) {
        let (family, given) = user.split_once(", ").unwrap_or((user, ""));
        let mut fields: Fields = vec![
            ("referral.identifier[0].system", self.referral_system.clone()),
            ("referral.identifier[0].value", clock::id()),
            ("patient.name.family", text(&patient["name"][0]["family"])),
            ("patient.name.given[0]", text(&patient["name"][0]["given"][0])),
            ("patient.birth_date", text(&patient["birthDate"])),
            ("patient.gender", text(&patient["gender"])),
            ("patient.health_number", identifier(patient, "JHN", "value")),
            ("patient.mrn", identifier(patient, "MR", "value")),
            ("patient.mrn.system", identifier(patient, "MR", "system")),
            ("requester.name.family", family.to_owned()),
            ("requester.name.given[0]", given.to_owned()),
        ];
        fields.retain(|(_, value)| !value.is_empty());
        let referral = Referral { fields, received: false };
        println!("REFERRED referral={} patient={}", referral.number(), name_of(patient));
        self.keep(referral);
    }

    fn keep(&self, referral: Referral) {
        let mut all = self.referrals.lock().unwrap_or_else(PoisonError::into_inner);
        if !all.iter().any(|known| known.number() == referral.number()) {
            all.push(referral);
        }
    }

    /// How many referrals there are, and how many of them came by message.
    pub fn count(&self) -> (usize, usize) {
        let all = self.referrals.lock().unwrap_or_else(PoisonError::into_inner);
        (all.len(), all.iter().filter(|referral| referral.received).count())
    }

    fn newest(&self) -> Option<Referral> {
        self.referrals.lock().unwrap_or_else(PoisonError::into_inner).last().cloned()
    }

    /// Tells the point-of-service system what became of the newest referral: accepted, booked, and a word from the clinic. When there is
    /// none yet, one of an invented patient is made up, so that receiving can be tried alone.
    pub fn send_notifications(&self) -> Result<()> {
        if self.newest().is_none() {
            self.refer(&invented_patient(), "Fakename, Paul");
        }
        let referral = self.newest().ok_or("there is no referral to notify about")?;
        let start = Zoned::now()
            .in_tz(TIME_ZONE)
            .and_then(|now| now.checked_add(14.days()))
            .and_then(|day| day.with().hour(14).minute(30).second(0).subsec_nanosecond(0).build())
            .map_err(|error| format!("cannot find an appointment time: {error}"))?;
        let at = |time: &Zoned| time.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string();
        let end = start.checked_add(30.minutes()).map_err(|error| format!("cannot find an appointment time: {error}"))?;
        self.notify(&referral, "notify-add-process-request", &accepted())?;
        let appointment = vec![
            ("appointment.status", "booked".to_owned()),
            ("appointment.start", at(&start)),
            ("appointment.end", at(&end)),
            ("appointment.description", "First visit".to_owned()),
            ("appointment.location", format!("{CLINIC}, Room 0")),
        ];
        self.notify(&referral, "notify-add-appointment", &appointment)?;
        let question = vec![("communication.text[0]", "Please send the latest X-ray report before the visit.".to_owned())];
        self.notify(&referral, "send-communication-from-provider", &question)
    }

    fn notify(&self, referral: &Referral, event: &str, news: &[(&'static str, String)]) -> Result<()> {
        let failed = |error: Error| format!("cannot send {event}: {}", explain(&error));
        let mut draft = self.engine.draft(&self.partner, event).map_err(failed)?;
        let ours = [("target.organization", CLINIC.to_owned()), ("user.name", "Triage Testnurse".to_owned())];
        for (name, value) in referral.fields.iter().chain(&ours).chain(news) {
            draft.set(name, value).map_err(failed)?;
        }
        let message = self.engine.draft_build(&draft).map_err(failed)?;
        // One act of one kind per referral: repeating the command sends nothing twice.
        let key = format!("{}/{event}", referral.number());
        let delivery = self.engine.send(&self.partner, &key, &message).map_err(failed)?;
        println!("QUEUED event={event} referral={} delivery={}", referral.number(), delivery.record.id);
        Ok(())
    }

    /// Takes events until cancelled; what the library logs goes to standard error.
    pub fn serve_events(&self, cancel: &Cancel) {
        while !cancel.is_signalled() {
            let wanted = event_kind::MESSAGE | event_kind::DELIVERY;
            let taken = self.engine.event_next(wanted, Duration::from_millis(250), Some(cancel));
            while let Some(line) = self.engine.log_next() {
                eprintln!("{} {}: {}", line.level.as_str(), line.target, line.text);
            }
            match taken {
                Ok(mut event) => {
                    let given_back = match self.take(&event) {
                        Ok(()) => event.done(),
                        Err(text) => {
                            eprintln!("error sandbox: {text}");
                            event.retry(Duration::from_secs(5), "the sandbox could not answer")
                        }
                    };
                    if let Err(error) = given_back {
                        eprintln!("error sandbox: cannot finish an event: {error}");
                    }
                }
                Err(error) if matches!(error.status(), EREF_TIMEOUT | EREF_CANCELLED) => {}
                Err(error) => {
                    eprintln!("error sandbox: no events: {error}");
                    return;
                }
            }
        }
    }

    fn take(&self, event: &Event) -> Result<()> {
        let message = event.message().map_err(|error| format!("cannot read a message: {error}"))?;
        let Some(message) = message else {
            println!("DELIVERY {}", one_line(event.document()));
            return Ok(());
        };
        println!("RECEIVED event={} attempt={}", message.event(), event.attempt());
        if message.event() != "add-service-request" {
            return Ok(());
        }
        let referral = Referral { fields: shared_fields(message)?, received: true };
        self.keep(referral.clone());
        self.notify(&referral, "notify-add-process-request", &accepted())
    }
}

fn invented_patient() -> Value {
    json!({"resourceType": "Patient", "name": [{"family": "Testpatient", "given": ["Anna"]}], "gender": "female", "birthDate": "1980-02-29"})
}

fn accepted() -> Fields {
    vec![("task.status", "accepted".to_owned()), ("task.business_status", "Waiting for an appointment".to_owned())]
}

fn shared_fields(message: &Message) -> Result<Fields> {
    let mut fields = Fields::new();
    for name in SHARED_FIELDS {
        let value = message.field(name).map_err(|error| format!("cannot read {name}: {error}"))?;
        fields.extend(value.map(|value| (*name, value)));
    }
    Ok(fields)
}

/// A member of the identifier whose type has this code (messaging.md 5.5).
fn identifier(patient: &Value, code: &str, member: &str) -> String {
    let all = patient["identifier"].as_array().map(Vec::as_slice).unwrap_or_default();
    let of_type =
        |one: &&Value| one["type"]["coding"].as_array().is_some_and(|codings| codings.iter().any(|coding| coding["code"] == code));
    all.iter().find(of_type).map(|one| text(&one[member])).unwrap_or_default()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn explain(error: &Error) -> String {
    format!("{error} {}", error.detail().map(one_line).unwrap_or_default())
}

/// JSON without its line breaks, so that one line of output is one thing.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_are_found_by_their_type() {
        let patient = json!({"identifier": [
            {"system": "urn:x", "value": "1"},
            {"type": {"coding": [{"code": "MR"}]}, "value": "T-1"},
            {"type": {"coding": [{"code": "JHN"}]}, "value": "9999999999"},
        ]});
        assert_eq!(identifier(&patient, "JHN", "value"), "9999999999");
        assert_eq!(identifier(&patient, "MR", "value"), "T-1");
        assert_eq!(identifier(&json!({}), "MR", "value"), "");
    }
}
