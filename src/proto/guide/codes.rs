//! Words for codes, as a clinic would say them, in English and French, and the sentences of the inbox.
//!
//! In a sentence `{actor}` is who acted, `{patient}` the patient, `{when}` the appointment's time with its preposition.

/// One code in words.
pub struct Word {
    /// The code.
    pub code: &'static str,
    /// What it is called: English, French.
    pub words: (&'static str, &'static str),
    /// What happened, as a whole sentence without its end: English, French.
    pub sentence: (&'static str, &'static str),
}

const fn word(code: &'static str, words: (&'static str, &'static str), sentence: (&'static str, &'static str)) -> Word {
    Word { code, words, sentence }
}

/// Task.status (messaging.md 6, 11.2).
#[rustfmt::skip]
pub const TASK_STATUS: &[Word] = &[
    word("draft", ("draft", "ébauche"), ("{actor} drafted a response for {patient}", "{actor} a ébauché une réponse pour {patient}")),
    word("requested", ("requested", "demandé"), ("{actor} has the referral of {patient}", "{actor} a la demande pour {patient}")),
    word("received", ("received", "reçu"), ("{actor} received the referral of {patient}", "{actor} a reçu la demande pour {patient}")),
    word("accepted", ("accepted", "accepté"), ("{actor} accepted the referral of {patient}", "{actor} a accepté la demande pour {patient}")),
    word("rejected", ("declined", "refusé"), ("{actor} declined the referral of {patient}", "{actor} a refusé la demande pour {patient}")),
    word("ready", ("ready to book", "prêt à planifier"), ("{actor} is ready to book {patient}", "{actor} est prêt à planifier {patient}")),
    word("cancelled", ("cancelled", "annulé"), ("{actor} cancelled the referral of {patient}", "{actor} a annulé la demande pour {patient}")),
    word("in-progress", ("in progress", "en cours"), ("{actor} is working on the referral of {patient}", "{actor} traite la demande pour {patient}")),
    word("on-hold", ("on hold", "en attente"), ("{actor} put the referral of {patient} on hold", "{actor} a mis en attente la demande pour {patient}")),
    word("failed", ("not completed", "non réalisé"), ("{actor} could not complete the referral of {patient}", "{actor} n’a pas pu réaliser la demande pour {patient}")),
    word("completed", ("completed", "terminé"), ("{actor} completed the referral of {patient}", "{actor} a terminé la demande pour {patient}")),
    word("entered-in-error", ("entered in error", "saisi par erreur"), ("{actor} withdrew a status of {patient} entered in error", "{actor} a retiré un état de {patient} saisi par erreur")),
];

/// Appointment.status (messaging.md 6).
#[rustfmt::skip]
pub const APPOINTMENT_STATUS: &[Word] = &[
    word("proposed", ("proposed", "proposé"), ("{actor} proposed an appointment to {patient}{when}", "{actor} a proposé un rendez-vous à {patient}{when}")),
    word("pending", ("to be confirmed", "à confirmer"), ("{actor} is waiting for confirmation of the appointment of {patient}{when}", "{actor} attend la confirmation du rendez-vous de {patient}{when}")),
    word("booked", ("booked", "fixé"), ("{actor} booked {patient}{when}", "{actor} a fixé un rendez-vous à {patient}{when}")),
    word("arrived", ("arrived", "arrivé"), ("{patient} arrived at {actor}{when}", "Arrivée de {patient} chez {actor}{when}")),
    word("fulfilled", ("took place", "a eu lieu"), ("{actor} saw {patient}{when}", "{actor} a vu {patient}{when}")),
    word("cancelled", ("cancelled", "annulé"), ("{actor} cancelled the appointment of {patient}{when}", "{actor} a annulé le rendez-vous de {patient}{when}")),
    word("noshow", ("did not come", "absence"), ("{patient} did not come to the appointment at {actor}{when}", "Absence de {patient} au rendez-vous de {actor}{when}")),
    word("entered-in-error", ("entered in error", "saisi par erreur"), ("{actor} withdrew an appointment of {patient} entered in error", "{actor} a retiré un rendez-vous de {patient} saisi par erreur")),
    word("checked-in", ("checked in", "enregistré"), ("{patient} checked in at {actor}{when}", "Enregistrement de {patient} chez {actor}{when}")),
    word("waitlist", ("on the waiting list", "sur la liste d’attente"), ("{actor} put {patient} on the waiting list", "{actor} a mis {patient} sur la liste d’attente")),
];

/// Sentences of the events whose focus is not told by a status.
#[rustfmt::skip]
pub const EVENT_SENTENCES: &[Word] = &[
    word("add-service-request", ("", ""), ("{actor} referred {patient}", "{actor} a adressé une demande pour {patient}")),
    word("notify-add-service-request", ("", ""), ("{actor} sent a copy of the referral of {patient}", "{actor} a envoyé une copie de la demande pour {patient}")),
    word("notify-update-service-request", ("", ""), UPDATED),
    word("revoke-service-request", ("", ""), ("{actor} withdrew the referral of {patient}", "{actor} a retiré la demande pour {patient}")),
    word("notify-data-correction", ("", ""), ("{actor} corrected data of {patient}", "{actor} a corrigé des données de {patient}")),
    word("send-communication-from-requester", ("", ""), ("{actor} wrote about {patient}", "{actor} a écrit au sujet de {patient}")),
    word("send-communication-from-provider", ("", ""), ("{actor} wrote about {patient}", "{actor} a écrit au sujet de {patient}")),
    word("notify-add-service-record", ("", ""), ("{actor} linked another referral of {patient}", "{actor} a lié une autre demande pour {patient}")),
    word("notify-update-service-record", ("", ""), ("{actor} updated a linked referral of {patient}", "{actor} a mis à jour une demande liée pour {patient}")),
    word("add-rfi", ("", ""), ASKED),
];

/// The sentence of an event for which no other row fits.
pub const OTHER_SENTENCE: (&str, &str) =
    ("{actor} sent news about the referral of {patient}", "{actor} a envoyé des nouvelles de la demande pour {patient}");

/// The sentence of a referral of which something is different that has no sentence of its own.
pub const UPDATED: (&str, &str) = ("{actor} updated the referral of {patient}", "{actor} a mis à jour la demande pour {patient}");

/// The sentence of a message whose focus is older than what was known, and that says nothing else.
pub const OLDER: (&str, &str) = (
    "{actor} sent an older message about {patient}; nothing is undone",
    "{actor} a envoyé un message plus ancien au sujet de {patient}; rien n’est annulé",
);

/// The sentence of a Task that asks for information.
pub const ASKED: (&str, &str) =
    ("{actor} asks for information about {patient}", "{actor} demande des renseignements sur {patient}");

/// The sentence of a Task that asked for information and is over.
pub const NO_LONGER_ASKED: (&str, &str) =
    ("{actor} closed a request for information about {patient}", "{actor} a clos une demande de renseignements sur {patient}");

/// The sentence of an appointment that is at another place now.
pub const OTHER_PLACE: (&str, &str) = (
    "{actor} changed the place of the appointment of {patient}{when}",
    "{actor} a changé le lieu du rendez-vous de {patient}{when}",
);

/// The sentence of an appointment that has another time now; `{old}` and `{new}` are the times.
pub const MOVED: (&str, &str) = (
    "{actor} moved the appointment of {patient} from {old} to {new}",
    "{actor} a déplacé le rendez-vous de {patient} du {old} au {new}",
);

/// The sentence of an appointment that was not known, when its status has none.
pub const NEW_APPOINTMENT: (&str, &str) =
    ("{actor} sent an appointment of {patient}{when}", "{actor} a envoyé un rendez-vous de {patient}{when}");

/// The sentence of a communication that was not known.
pub const NEW_MESSAGE: (&str, &str) = ("{actor} wrote about {patient}", "{actor} a écrit au sujet de {patient}");

/// The sentence of a communication that has another text now.
pub const CHANGED_MESSAGE: (&str, &str) =
    ("{actor} changed a message about {patient}", "{actor} a modifié un message au sujet de {patient}");

/// The sentence of a document that has another content now.
pub const CHANGED_DOCUMENT: (&str, &str) = (
    "{actor} sent a new version of a document about {patient}",
    "{actor} a envoyé une nouvelle version d’un document au sujet de {patient}",
);

/// The sentence of a document that was not known.
pub const NEW_DOCUMENT: (&str, &str) =
    ("{actor} sent a document about {patient}", "{actor} a envoyé un document au sujet de {patient}");

/// The sentence of a message that says nothing new.
pub const NOTHING_NEW: (&str, &str) = (
    "{actor} sent the referral of {patient} again; nothing is new",
    "{actor} a renvoyé la demande pour {patient}; rien de nouveau",
);

/// ServiceRequest.status (messaging.md 6).
#[rustfmt::skip]
pub const REQUEST_STATUS: &[Word] = &[
    word("draft", ("draft", "ébauche"), ("The referral of {patient} is a draft", "La demande pour {patient} est une ébauche")),
    word("active", ("active", "active"), ("The referral of {patient} is active", "La demande pour {patient} est active")),
    word("on-hold", ("on hold", "en attente"), ("The referral of {patient} is on hold", "La demande pour {patient} est en attente")),
    word("revoked", ("withdrawn", "retirée"), ("{actor} withdrew the referral of {patient}", "{actor} a retiré la demande pour {patient}")),
    word("completed", ("completed", "terminée"), ("The referral of {patient} is completed", "La demande pour {patient} est terminée")),
    word("entered-in-error", ("entered in error", "saisie par erreur"), ("The referral of {patient} was entered in error", "La demande pour {patient} a été saisie par erreur")),
    word("unknown", ("unknown", "inconnu"), ("The status of the referral of {patient} is unknown", "L’état de la demande pour {patient} est inconnu")),
];

/// Communication.status (R4 event-status).
#[rustfmt::skip]
pub const COMMUNICATION_STATUS: &[Word] = &[
    word("preparation", ("being written", "en préparation"), ("", "")),
    word("in-progress", ("in progress", "en cours"), ("", "")),
    word("not-done", ("not sent", "non envoyé"), ("", "")),
    word("on-hold", ("on hold", "en attente"), ("", "")),
    word("stopped", ("stopped", "interrompu"), ("", "")),
    word("completed", ("sent", "envoyé"), ("", "")),
    word("entered-in-error", ("withdrawn", "retiré"), ("{actor} withdrew a message about {patient}", "{actor} a retiré un message au sujet de {patient}")),
    word("unknown", ("unknown", "inconnu"), ("", "")),
];

/// DocumentReference.status (R4 document-reference-status).
#[rustfmt::skip]
pub const DOCUMENT_STATUS: &[Word] = &[
    word("current", ("current", "à jour"), ("", "")),
    word("superseded", ("replaced", "remplacé"), ("", "")),
    word("entered-in-error", ("withdrawn", "retiré"), ("{actor} withdrew a document about {patient}", "{actor} a retiré un document au sujet de {patient}")),
];

/// Answers of yes or no.
pub const YES_NO: &[Word] = &[word("true", ("yes", "oui"), ("", "")), word("false", ("no", "non"), ("", ""))];

/// ServiceRequest.priority (messaging.md 6).
pub const PRIORITY: &[Word] = &[
    word("routine", ("routine", "courante"), ("", "")),
    word("urgent", ("urgent", "urgente"), ("", "")),
    word("asap", ("as soon as possible", "dès que possible"), ("", "")),
    word("stat", ("immediately", "immédiate"), ("", "")),
];

/// Communication.category as met in traffic (messaging.md 6); open.
pub const COMMUNICATION_CATEGORY: &[Word] = &[
    word("rfi", ("request for information", "demande de renseignements"), ("", "")),
    word("request-for-information", ("request for information", "demande de renseignements"), ("", "")),
    word("general-information", ("general information", "renseignements généraux"), ("", "")),
    word("advice", ("advice", "avis"), ("", "")),
    word("outcome-report", ("outcome report", "rapport de résultat"), ("", "")),
    word("consult-report", ("consult report", "rapport de consultation"), ("", "")),
];

/// Patient.gender (R4 administrative-gender).
pub const GENDER: &[Word] = &[
    word("male", ("male", "masculin"), ("", "")),
    word("female", ("female", "féminin"), ("", "")),
    word("other", ("other", "autre"), ("", "")),
    word("unknown", ("unknown", "inconnu"), ("", "")),
];

/// Task.code of a Task with which the clinic asks for information (messaging.md 6).
pub const REQUEST_FOR_INFORMATION: &str = "request-for-information-for-requester";

/// Task.code (messaging.md 6).
pub const TASK_CODE: &[Word] = &[
    word("process-request", ("referral", "demande de consultation"), ("", "")),
    word("process-request-consult", ("eConsult", "consultation électronique"), ("", "")),
    word(REQUEST_FOR_INFORMATION, ("request for information", "demande de renseignements"), ("", "")),
];

/// What a Task's status says, by its code.
pub fn task_sentence(code: Option<&str>, status: &str) -> Option<(&'static str, &'static str)> {
    if code.is_some_and(asks_for_information) {
        return Some(if is_over(status) { NO_LONGER_ASKED } else { ASKED });
    }
    find(TASK_STATUS, status).map(|word| word.sentence)
}

/// Whether nobody works on a Task of this status any more (messaging.md 11.2).
pub fn is_over(task_status: &str) -> bool {
    matches!(task_status, "completed" | "cancelled" | "failed" | "rejected" | "entered-in-error")
}

/// Whether a Task of this code asks for information beside the referral, instead of telling how far the referral has come (messaging.md 6).
pub fn asks_for_information(task_code: &str) -> bool {
    task_code == REQUEST_FOR_INFORMATION
}

/// The row of a code.
pub fn find(table: &'static [Word], code: &str) -> Option<&'static Word> {
    table.iter().find(|word| word.code == code)
}
