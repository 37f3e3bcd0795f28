//! The message events (messaging.md 3.1) and the other spellings under which they arrive (messaging.md 3.2).

/// Which side sends an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From the RMS Source to the RMS Target.
    SourceToTarget,
    /// From the RMS Target to the RMS Source.
    TargetToSource,
    /// From the RMS Source to systems that only keep a copy.
    SourceToCopy,
    /// From an informer to a recipient, about a linked referral.
    Link,
    /// From an RMS to the analytics repository.
    Report,
}

/// One event.
pub struct EventInfo {
    /// The code we send, and under which we know the event.
    pub code: &'static str,
    /// Other spellings met on the wire.
    pub aliases: &'static [&'static str],
    /// `eventCoding.display`.
    pub display: &'static str,
    /// What happened, as a heading in a clinic's inbox: English, French.
    pub words: (&'static str, &'static str),
    /// The resource types its focus may have, the usual one first.
    pub focus: &'static [&'static str],
    /// Which side sends it.
    pub direction: Direction,
    /// True: must be processed once and answered. False: informative, safe to process again.
    pub consequence: bool,
    /// The event of the business answer, if there is one.
    pub response: Option<&'static str>,
}

use Direction::{Link, Report, SourceToCopy, SourceToTarget, TargetToSource};

const REQUEST: &[&str] = &["ServiceRequest"];
const TASK: &[&str] = &["Task"];

/// The table of messaging.md 3.1.
#[rustfmt::skip]
pub const EVENTS: &[EventInfo] = &[
    EventInfo { code: "add-service-request", aliases: &["add-servicerequest", "sof-enh-add-service-request", "cds-service-request"],
        display: "Add Service Request", words: ("New referral", "Nouvelle demande de consultation"), focus: REQUEST,
        direction: SourceToTarget, consequence: true, response: Some("notify-add-process-request") },
    EventInfo { code: "notify-add-service-request", aliases: &["notify-add-servicerequest"],
        display: "Notify Add Service Request", words: ("Copy of a new referral", "Copie d’une nouvelle demande"), focus: REQUEST,
        direction: SourceToCopy, consequence: false, response: None },
    EventInfo { code: "notify-update-service-request", aliases: &["notify-update-servicerequest", "update-service-request"],
        display: "Notify Update Service Request", words: ("Referral updated", "Demande mise à jour"), focus: REQUEST,
        direction: SourceToTarget, consequence: false, response: None },
    EventInfo { code: "revoke-service-request", aliases: &["terminate-servicerequest", "revoke-servicerequest"],
        display: "Revoke Service Request", words: ("Referral withdrawn", "Demande retirée"), focus: REQUEST,
        direction: SourceToTarget, consequence: true, response: Some("notify-update-process-request") },
    EventInfo { code: "notify-data-correction", aliases: &[],
        display: "Notify Data Correction", words: ("Data corrected", "Données corrigées"), focus: REQUEST,
        direction: TargetToSource, consequence: false, response: Some("notify-update-service-request") },
    EventInfo { code: "notify-add-process-request", aliases: &["notify-add-perform-request"],
        display: "Notify Add Process Request", words: ("Referral received by the clinic", "Demande reçue par la clinique"), focus: TASK,
        direction: TargetToSource, consequence: false, response: None },
    EventInfo { code: "notify-update-process-request",
        aliases: &["update-status", "notify-update-status", "acknowledge-service-request", "notify-update-perform-request"],
        display: "Notify Update Process Request", words: ("Status of the referral", "État de la demande"), focus: &["Task", "Appointment"],
        direction: TargetToSource, consequence: false, response: None },
    EventInfo { code: "notify-add-appointment", aliases: &["add-appointment", "update-appointment", "notify-update-appointment"],
        display: "Notify Add Appointment", words: ("Appointment", "Rendez-vous"), focus: &["Appointment"],
        direction: TargetToSource, consequence: false, response: None },
    EventInfo { code: "send-communication-from-requester", aliases: &["communication-from-requester"],
        display: "Send Communication From Requester", words: ("Message from the requester", "Message du demandeur"), focus: &["Communication"],
        direction: SourceToTarget, consequence: true, response: Some("send-communication-from-provider") },
    EventInfo { code: "send-communication-from-provider", aliases: &["communication-from-provider"],
        display: "Send Communication From Provider", words: ("Message from the clinic", "Message de la clinique"), focus: &["Communication"],
        direction: TargetToSource, consequence: true, response: Some("send-communication-from-requester") },
    EventInfo { code: "notify-add-service-record", aliases: &[],
        display: "Notify Add Service Record", words: ("Linked referral", "Demande liée"), focus: REQUEST,
        direction: Link, consequence: false, response: None },
    EventInfo { code: "notify-update-service-record", aliases: &[],
        display: "Notify Update Service Record", words: ("Linked referral updated", "Demande liée mise à jour"),
        focus: &["ServiceRequest", "Task", "Appointment"], direction: Link, consequence: false, response: None },
    EventInfo { code: "add-rfi", aliases: &[],
        display: "Add RFI", words: ("Question from the clinic", "Question de la clinique"), focus: TASK,
        direction: TargetToSource, consequence: true, response: Some("send-communication-from-requester") },
    EventInfo { code: "notify-report-service-request", aliases: &[],
        display: "Notify Report Service Request", words: ("Report", "Rapport"), focus: &["ServiceRequest", "Task", "Appointment", "Patient"],
        direction: Report, consequence: false, response: None },
];

/// Spellings that do not say which side wrote (messaging.md 3.2).
const EITHER_COMMUNICATION: &[&str] = &["add-communication", "send-communication"];

/// The row of a code in its sent spelling.
pub fn info(code: &str) -> Option<&'static EventInfo> {
    EVENTS.iter().find(|event| event.code == code)
}

/// The sent spelling of a code as it was received; `None` for an unknown event. A communication that does not say which side wrote
/// counts as the provider's; use [`canonical_from`] where the sender's side is known.
pub fn canonical(code: &str) -> Option<&'static str> {
    canonical_from(code, false)
}

/// As [`canonical`], with the side of the sender: `source` when it is the RMS Source of the referral (messaging.md 3.2).
pub fn canonical_from(code: &str, source: bool) -> Option<&'static str> {
    if EITHER_COMMUNICATION.contains(&code) {
        return Some(if source { "send-communication-from-requester" } else { "send-communication-from-provider" });
    }
    EVENTS.iter().find(|event| event.code == code || event.aliases.contains(&code)).map(|event| event.code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_and_alias_stands_once() {
        let mut all: Vec<&str> = EVENTS.iter().flat_map(|event| event.aliases.iter().copied().chain([event.code])).collect();
        all.extend(EITHER_COMMUNICATION);
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), count);
    }

    #[test]
    fn responses_are_events_themselves() {
        assert!(EVENTS.iter().filter_map(|event| event.response).all(|code| info(code).is_some()));
    }

    #[test]
    fn old_spellings_become_the_sent_one() {
        assert_eq!(canonical("add-servicerequest"), Some("add-service-request"));
        assert_eq!(canonical("terminate-servicerequest"), Some("revoke-service-request"));
        assert_eq!(canonical("update-appointment"), Some("notify-add-appointment"));
        assert_eq!(canonical("no-such-event"), None);
    }

    #[test]
    fn a_communication_without_a_side_takes_the_senders() {
        assert_eq!(canonical_from("add-communication", true), Some("send-communication-from-requester"));
        assert_eq!(canonical_from("add-communication", false), Some("send-communication-from-provider"));
    }
}
