//! What of a referral is compared from message to message, and under which name a person is told of a change.

use super::codes::{self, Word};

/// How two values are compared and shown.
#[derive(Clone, Copy)]
pub enum Reading {
    /// Text; white space does not count.
    Text,
    /// A list of texts, in any order.
    Texts,
    /// A number people write in many ways: only its letters and digits count.
    Number,
    /// A date or time.
    Moment,
    /// A code, told in words.
    Code(&'static [Word]),
    /// Yes or no.
    Flag,
    /// An address: its parts as one text.
    Address,
    /// A number that is compared where both sides give one.
    Size,
    /// A hash, compared where both sides give one. A person is told only that there is another.
    Digest,
}

impl PartialEq for Reading {
    fn eq(&self, other: &Self) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }
}

/// A member that is compared.
pub struct Row {
    /// Its path in the referral content document, or its name in an element of a list.
    pub member: &'static str,
    /// What it is called: English, French.
    pub label: (&'static str, &'static str),
    /// How it is read.
    pub reading: Reading,
    /// A change of it is news that may stand in the summary.
    pub news: bool,
    /// An element in which all these are the same is the same element.
    pub identifies: bool,
    /// It stands in the short description of a new element.
    pub in_short: bool,
}

use Reading::{Address, Code, Digest, Flag, Moment, Number, Size, Text, Texts};

const fn row(member: &'static str, label: (&'static str, &'static str), reading: Reading) -> Row {
    Row { member, label, reading, news: false, identifies: false, in_short: false }
}

const fn news(row: Row) -> Row {
    Row { news: true, ..row }
}

const fn identifies(row: Row) -> Row {
    Row { identifies: true, ..row }
}

const fn in_short(row: Row) -> Row {
    Row { in_short: true, ..row }
}

/// The request and the people of it. Ids and identifiers are bookkeeping, not news.
#[rustfmt::skip]
pub const REFERRAL: &[Row] = &[
    news(row("referral.status", ("Status of the referral", "État de la demande"), Code(codes::REQUEST_STATUS))),
    row("referral.status_reason", ("Reason for the status", "Motif de l’état"), Text),
    row("referral.category.display", ("Kind of care", "Type de soins"), Text),
    row("referral.service.display", ("Service", "Service"), Text),
    row("referral.priority", ("Priority", "Priorité"), Code(codes::PRIORITY)),
    row("referral.reason", ("Reason for the referral", "Motif de la demande"), Text),
    row("referral.notes", ("Notes of the referral", "Notes de la demande"), Texts),
    row("referral.copied", ("Copies to", "Copies à"), Texts),
    row("referral.requester.name", ("Requester", "Demandeur"), Text),
    row("referral.requester.organization", ("Practice of the requester", "Cabinet du demandeur"), Text),
    row("referral.requester.phone", ("Telephone of the requester", "Téléphone du demandeur"), Number),
    row("referral.requester.fax", ("Fax of the requester", "Télécopieur du demandeur"), Number),
    row("referral.target.name", ("Performer", "Intervenant"), Text),
    row("referral.target.organization", ("Clinic", "Clinique"), Text),
    row("referral.target.location", ("Site of the clinic", "Emplacement de la clinique"), Text),
    row("referral.target.specialty", ("Specialty of the clinic", "Spécialité de la clinique"), Text),
    row("referral.target.phone", ("Telephone of the clinic", "Téléphone de la clinique"), Number),
    row("referral.target.fax", ("Fax of the clinic", "Télécopieur de la clinique"), Number),
    row("patient.name", ("Name of the patient", "Nom du patient"), Text),
    row("patient.birth_date", ("Date of birth", "Date de naissance"), Moment),
    row("patient.gender", ("Gender", "Sexe"), Code(codes::GENDER)),
    row("patient.health_number", ("Health card number", "Numéro de carte Santé"), Number),
    row("patient.health_number_version", ("Version of the health card", "Version de la carte Santé"), Number),
    row("patient.phone", ("Telephone of the patient", "Téléphone du patient"), Number),
    row("patient.email", ("E-mail of the patient", "Courriel du patient"), Text),
    row("patient.address", ("Address of the patient", "Adresse du patient"), Address),
    row("patient.language", ("Language of the patient", "Langue du patient"), Text),
];

/// A task.
#[rustfmt::skip]
pub const TASK: &[Row] = &[
    identifies(news(row("status", ("Status at the clinic", "État à la clinique"), Code(codes::TASK_STATUS)))),
    identifies(row("code", ("Kind of task", "Type de tâche"), Code(codes::TASK_CODE))),
    row("status_reason", ("Reason for the status at the clinic", "Motif de l’état à la clinique"), Text),
    identifies(row("business_status", ("In the clinic’s words", "Selon la clinique"), Text)),
    row("business_status_reason", ("Reason given by the clinic", "Motif donné par la clinique"), Text),
    row("owner", ("Who is working on it", "Responsable"), Text),
    row("needs_to_be_seen", ("Patient needs to be seen", "Le patient doit être vu"), Flag),
    row("asked", ("Asked for", "Demandé"), Texts),
    row("advice", ("Advice", "Avis"), Texts),
    row("notes", ("Notes of the clinic", "Notes de la clinique"), Texts),
];

/// An appointment.
#[rustfmt::skip]
pub const APPOINTMENT: &[Row] = &[
    in_short(identifies(news(row("status", ("Status of the appointment", "État du rendez-vous"), Code(codes::APPOINTMENT_STATUS))))),
    in_short(identifies(news(row("start", ("Start of the appointment", "Début du rendez-vous"), Moment)))),
    row("end", ("End of the appointment", "Fin du rendez-vous"), Moment),
    in_short(news(row("location", ("Place of the appointment", "Lieu du rendez-vous"), Text))),
    in_short(row("with", ("Appointment with", "Rendez-vous avec"), Texts)),
    row("type", ("Kind of appointment", "Type de rendez-vous"), Text),
    row("cancellation_reason", ("Reason for the cancellation", "Motif de l’annulation"), Text),
    in_short(row("description", ("Description of the appointment", "Description du rendez-vous"), Text)),
    row("comment", ("Remark on the appointment", "Remarque sur le rendez-vous"), Text),
    row("instruction", ("Instructions for the patient", "Directives au patient"), Text),
];

/// A communication. `sent` and `text` make it the same one. Of a long text only the beginning is kept, and a hash of the whole.
#[rustfmt::skip]
pub const COMMUNICATION: &[Row] = &[
    news(row("status", ("Status of the message", "État du message"), Code(codes::COMMUNICATION_STATUS))),
    identifies(row("sent", ("Sent", "Envoyé"), Moment)),
    in_short(identifies(news(row("text", ("Text of the message", "Texte du message"), Texts)))),
    identifies(news(row("text_hash", ("Rest of the message", "Suite du message"), Digest))),
];

/// A document.
#[rustfmt::skip]
pub const DOCUMENT: &[Row] = &[
    news(row("status", ("Status of the document", "État du document"), Code(codes::DOCUMENT_STATUS))),
    identifies(news(row("hash", ("Content of the document", "Contenu du document"), Digest))),
    in_short(identifies(row("title", ("Title of the document", "Titre du document"), Text))),
    in_short(row("type", ("Kind of document", "Type de document"), Text)),
    in_short(identifies(row("date", ("Date of the document", "Date du document"), Moment))),
    row("description", ("Description of the document", "Description du document"), Text),
    identifies(news(row("size", ("Size of the document", "Taille du document"), Size))),
];
