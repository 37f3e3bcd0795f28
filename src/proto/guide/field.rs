//! What a row of the field table is made of.
//!
//! A path is written like FHIRPath from the home resource: `a.b` steps into members, `[0]` picks an element, `[]` picks the one the
//! caller's index says, `[key=x|y]` the first whose member is one of the values, `[key~=x]` the first whose member contains one of them,
//! `[key=x][]` the one of those that the caller's index says, `resolve()` follows a Reference into the resource it means. A step into a list without a choice takes its first element. The first
//! place is the one written; reading takes the first that has a value.

use super::codes::Word;

/// The resource a place is in, found by its part in the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Home {
    /// Bundle: what stands around the entries.
    Envelope,
    /// MessageHeader.
    Header,
    /// The ServiceRequest the message is about.
    Request,
    /// The Patient it is about.
    Patient,
    /// PractitionerRole of the requester.
    RequesterRole,
    /// Practitioner of the requester.
    Requester,
    /// Organization of the requester.
    RequesterOrganization,
    /// Location of the requester.
    RequesterLocation,
    /// PractitionerRole of the performer.
    TargetRole,
    /// Practitioner of the performer.
    Target,
    /// Organization of the performer.
    TargetOrganization,
    /// Location of the performer.
    TargetLocation,
    /// PractitionerRole of who acted.
    UserRole,
    /// Practitioner who acted.
    User,
    /// Task.
    Task,
    /// Appointment.
    Appointment,
    /// Location of the appointment.
    AppointmentLocation,
    /// Communication.
    Communication,
    /// The Communication that is the advice of an eConsult: the result of a Task.
    Advice,
    /// Whatever is in focus.
    Focus,
    /// The attachments of all documents and communications, as one list.
    Attachments,
    /// The documents and communications they stand in, one for each attachment.
    AttachmentHolders,
    /// The answers of all questionnaires, as one list.
    Answers,
    /// The questions they answer, one for each answer.
    Questions,
}

impl Home {
    /// The resource type, where the home has one.
    pub fn resource_type(self) -> Option<&'static str> {
        match self {
            Self::Envelope => Some("Bundle"),
            Self::Header => Some("MessageHeader"),
            Self::Request => Some("ServiceRequest"),
            Self::Patient => Some("Patient"),
            Self::RequesterRole | Self::TargetRole | Self::UserRole => Some("PractitionerRole"),
            Self::Requester | Self::Target | Self::User => Some("Practitioner"),
            Self::RequesterOrganization | Self::TargetOrganization => Some("Organization"),
            Self::RequesterLocation | Self::TargetLocation | Self::AppointmentLocation => Some("Location"),
            Self::Task => Some("Task"),
            Self::Appointment => Some("Appointment"),
            Self::Communication | Self::Advice => Some("Communication"),
            Self::Focus | Self::Attachments | Self::AttachmentHolders | Self::Answers | Self::Questions => None,
        }
    }
}

/// What a value looks like. Lengths are in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// One line of text, at most so long.
    Line(usize),
    /// Text with line breaks.
    Text(usize),
    /// As `Text`; partners put HTML into it, which is read as plain text.
    Markup(usize),
    /// One of the codes of the list.
    Code,
    /// `YYYY`, `YYYY-MM` or `YYYY-MM-DD`.
    Date,
    /// A date, or date and time with offset.
    DateTime,
    /// Date and time with offset.
    Instant,
    /// A whole number.
    Integer,
    /// An absolute URI.
    Uri,
    /// `true` or `false`.
    Bool,
}

impl Kind {
    /// The word in `docs/fields.md` and in forms.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Line(_) => "line",
            Self::Text(_) | Self::Markup(_) => "text",
            Self::Code => "code",
            Self::Date => "date",
            Self::DateTime => "dateTime",
            Self::Instant => "instant",
            Self::Integer => "integer",
            Self::Uri => "uri",
            Self::Bool => "boolean",
        }
    }
    /// The greatest length, where there is one of its own.
    pub fn max_length(self) -> Option<usize> {
        match self {
            Self::Line(max) | Self::Text(max) | Self::Markup(max) => Some(max),
            Self::Uri => Some(2048),
            _ => None,
        }
    }
    /// What is expected, in words for a person who typed something else.
    pub fn expectation(self) -> &'static str {
        match self {
            Self::Line(_) => "one line of text without control characters",
            Self::Text(_) | Self::Markup(_) => "text; of the control characters only line breaks and tabs",
            Self::Code => "one of the codes of its list",
            Self::Date => "a date as YYYY, YYYY-MM or YYYY-MM-DD",
            Self::DateTime => "a date, or date and time with offset, e.g. 2026-05-09T14:30:00-04:00",
            Self::Instant => "date and time with offset, e.g. 2026-05-09T14:30:00-04:00",
            Self::Integer => "a whole number",
            Self::Uri => "an absolute URI",
            Self::Bool => "true or false",
        }
    }
}

/// Whether a draft needs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// It may be left out.
    Optional,
    /// A message cannot be composed without it.
    Required,
    /// One of the fields of this group is needed.
    OneOf(&'static str),
}

/// The events a field means something for, by the type in focus.
pub mod on {
    /// ServiceRequest events.
    pub const REQUEST: u8 = 1;
    /// Task events.
    pub const TASK: u8 = 2;
    /// Appointment events.
    pub const APPOINTMENT: u8 = 4;
    /// Communication events.
    pub const COMMUNICATION: u8 = 8;
    /// All of them.
    pub const ALL: u8 = 15;

    /// The bit of the type in focus.
    pub fn of(resource_type: &str) -> u8 {
        match resource_type {
            "ServiceRequest" => REQUEST,
            "Task" => TASK,
            "Appointment" => APPOINTMENT,
            "Communication" => COMMUNICATION,
            _ => 0,
        }
    }
}

/// One field.
pub struct Field {
    /// The name, with `[]` where it repeats.
    pub name: &'static str,
    /// Where it lives.
    pub places: &'static [(Home, &'static str)],
    /// What it looks like.
    pub kind: Kind,
    /// Whether a draft takes it.
    pub write: bool,
    /// The events it means something for, bits of [`on`].
    pub on: u8,
    /// Whether a draft needs it.
    pub need: Need,
    /// The codes it takes; for other kinds than `Code`, those met in traffic.
    pub codes: &'static [Word],
    /// An example.
    pub example: &'static str,
    /// What it is.
    pub about: &'static str,
}

/// Where a field lives: read from the first that has a value, written to the first.
pub type Places = &'static [(Home, &'static str)];

/// A field that is only read.
pub const fn read(name: &'static str, places: Places, kind: Kind, on: u8, example: &'static str, about: &'static str) -> Field {
    Field { name, places, kind, write: false, on, need: Need::Optional, codes: &[], example, about }
}

/// A field that is read and that a draft takes.
pub const fn write(
    name: &'static str,
    places: Places,
    kind: Kind,
    on: u8,
    need: Need,
    example: &'static str,
    about: &'static str,
) -> Field {
    Field { name, places, kind, write: true, on, need, codes: &[], example, about }
}

/// The same field with the codes it takes.
pub const fn coded(field: Field, codes: &'static [Word]) -> Field {
    Field { codes, ..field }
}
