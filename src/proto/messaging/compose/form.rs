//! The form of a draft: which fields its event takes, what they need, and what the referral has in them already.

use std::borrow::Cow;

use serde_json::{Value, json};

use super::{Draft, finding};
use crate::proto::fhir::outcome::Issue;
use crate::proto::guide::field::{Field, Home, Need, on};
use crate::proto::guide::fields_table::FIELDS;
use crate::proto::messaging::Message;
use crate::proto::messaging::fields;
use crate::proto::messaging::view::View;

/// Repetitions of one field that a form shows.
const SHOWN: usize = 20;

/// When a booking is.
const DATED: [&str; 2] = ["appointment.start", "appointment.end"];
/// Bookings in these states need no date (R4 app-3).
const UNDATED: [&str; 3] = ["proposed", "cancelled", "waitlist"];

impl Draft {
    /// The form to fill, as JSON (docs/schema/form.json): name, required, format, code list, example of every field that means something
    /// for this event, and what the referral has there.
    pub fn fields_json(&self) -> String {
        let before = self.before();
        let view = before.and_then(|message| message.view().ok());
        let fields = FIELDS.iter().filter(|field| field.write && self.means_something(field));
        let fields: Vec<Value> = fields.map(|field| self.describe(field, view)).collect();
        json!({"event": self.event.code, "partner": self.partner, "dialect": self.dialect.name, "fields": fields}).to_string()
    }

    /// The message as it would be without the host's fields; `None` for what begins with nothing.
    fn before(&self) -> Option<&Message> {
        let make = || {
            self.known.as_ref()?;
            let bytes = serde_json::to_vec(&self.bundle_of_referral()).ok()?;
            Message::parse(bytes, &self.settings.limits).ok()
        };
        self.before.get_or_init(make).as_ref()
    }

    /// How often the referral has the field already.
    pub(super) fn repetitions_before(&self, field: &Field) -> usize {
        self.before().and_then(|message| message.view().ok()).map_or(0, |view| fields::repetitions(view, field))
    }

    /// One line of the form.
    fn describe(&self, field: &Field, before: Option<View<'_>>) -> Value {
        let need = self.need(field, before);
        let mut line = json!({
            "name": field.name,
            "required": need == Need::Required,
            "repeats": field.name.contains("[]"),
            "format": field.kind.as_str(),
            "expects": field.kind.expectation(),
            "example": field.example,
            "about": field.about,
        });
        if let Need::OneOf(group) = need {
            line["one_of"] = json!(group);
        }
        if need == Need::Required && DATED.contains(&field.name) {
            line["unless"] = json!({"appointment.status": UNDATED});
        }
        if let Some(max) = field.kind.max_length() {
            line["max_length"] = json!(max);
        }
        if !field.codes.is_empty() {
            line["codes"] =
                field.codes.iter().map(|word| json!({"code": word.code, "text": word.words.0, "text_fr": word.words.1})).collect();
        }
        // What a message is about is told anew each time; only what lasts is offered.
        let lasts = !matches!(field.places[0].0, Home::Header | Home::User);
        if let Some(view) = before.filter(|_| lasts) {
            let count = fields::repetitions(view, field).min(SHOWN);
            let values: Vec<Value> = (0..count).map(|index| json!(fields::value(view, field, index))).collect();
            if values.iter().any(|value| !value.is_null()) {
                line["default"] = json!(values);
            }
        }
        line
    }

    /// Whether a field may be set for this event and dialect.
    pub(in crate::proto::messaging) fn means_something(&self, field: &Field) -> bool {
        let about = self.event.focus.iter().any(|focus| field.on & on::of(focus) != 0);
        about && !self.dialect.without_fields.contains(&field.name)
    }

    /// Whether this event needs the field, beside what `message` says already: the minimum of messaging.md 5.1, the profiles' mandatory
    /// elements, and R4's app-3.
    fn need(&self, field: &Field, message: Option<View<'_>>) -> Need {
        let home = field.places[0].0;
        let starts = self.event.code == "add-service-request";
        let full_request = starts || self.event.code == "notify-update-service-request";
        match field.name {
            "referral.identifier[].value" if !starts => Need::Required,
            name if DATED.contains(&name) && self.is_undated(message) => Need::Optional,
            _ if home == Home::Request && !full_request => Need::Optional,
            _ if matches!(home, Home::Task | Home::Appointment | Home::Communication) && !self.focus_homes().contains(&home) => {
                Need::Optional
            }
            _ => field.need,
        }
    }

    /// Whether the booking is one that needs no date.
    fn is_undated(&self, message: Option<View<'_>>) -> bool {
        let known = || {
            let status = FIELDS.iter().find(|field| field.name == "appointment.status")?;
            fields::value(message?, status, 0).map(Cow::into_owned)
        };
        let status = self.value("appointment.status").map(str::to_owned).or_else(known);
        status.is_some_and(|status| UNDATED.contains(&status.as_str()))
    }

    /// What is needed and neither set, nor known of the referral, nor in the host's own resources.
    pub(super) fn missing(&self, message: View<'_>) -> Vec<Issue> {
        let has = |field: &Field| fields::value(message, field, 0).is_some();
        let mut issues = Vec::new();
        let mut groups: Vec<&str> = Vec::new();
        for field in
            FIELDS.iter().filter(|field| field.write && self.means_something(field) && !self.host_speaks_for(field.places[0].0))
        {
            match self.need(field, Some(message)) {
                Need::Required if self.makes_up(field) => {
                    issues.push(finding(field.name, &format!("required for {}", self.event.code)));
                }
                Need::Required if !has(field) => {
                    issues.push(finding(field.name, &format!("required for {}", self.event.code)));
                }
                Need::OneOf(group) if !groups.contains(&group) => {
                    groups.push(group);
                    let members: Vec<&Field> = FIELDS.iter().filter(|other| other.need == Need::OneOf(group)).collect();
                    if !members.iter().any(|other| has(other)) {
                        let names: Vec<&str> = members.iter().map(|other| other.name).collect();
                        issues.push(finding(field.name, &format!("one of {} is required", names.join(", "))));
                    }
                }
                _ => {}
            }
        }
        issues.extend(self.half_a_time(message));
        issues
    }

    /// A number made up here is none the partner knows.
    fn makes_up(&self, field: &Field) -> bool {
        field.name == "referral.identifier[].value" && self.known.is_none() && self.value(field.name).is_none()
    }

    fn half_a_time(&self, message: View<'_>) -> Option<Issue> {
        let appointment = message.home(Home::Appointment, 0)?;
        let (start, end) = (appointment.get("start").is_some(), appointment.get("end").is_some());
        let optional =
            |name: &str| FIELDS.iter().any(|field| field.name == name && self.need(field, Some(message)) == Need::Optional);
        (start != end && optional("appointment.start"))
            .then(|| finding("appointment.end", "start and end stand together (R4 app-2)"))
    }
}
