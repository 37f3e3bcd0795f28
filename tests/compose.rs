//! What a host sets is what its partner reads: every event, every dialect, any values.

#[path = "support/composed.rs"]
mod composed;

use std::sync::Arc;

use composed::{built, is_about, kinds, settings, taken};
use ereferral::proto::guide::dialects::{DIALECTS, Dialect};
use ereferral::proto::guide::field::{Field, Kind};
use ereferral::proto::messaging::{Draft, Known, Message};
use ereferral::proto::store::ReferralRole;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, TestRunner};

const WORDS: &str = "[\\p{L}\\p{M}\\p{N}'’\"\\\\/.,;:()«»ᐃᓄᒃᑎᑐᑦéèçœÉ🙂👩‍⚕️ -]";

/// Values that the kind of a field allows.
fn value(field: &'static Field) -> BoxedStrategy<String> {
    let time = "20[0-4][0-9]-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\\.[0-9]{1,3})?(Z|-0[345]:00|\\+05:30)";
    match field.kind {
        // What ends has begun before.
        Kind::Instant if field.name.ends_with(".end") => "205[0-9]-0[1-9]-0[1-9]T10:00:00Z".boxed(),
        Kind::Line(_) if field.name.ends_with(".code") => "[A-Za-z0-9éᐃ./+-]{1,12}( [a-z0-9-]{1,6})?".boxed(),
        Kind::Line(max) => {
            let line = format!("[\\p{{L}}\\p{{N}}\"]{WORDS}{{0,{}}}[\\p{{L}}\\p{{N}}🙂]", max.min(40).saturating_sub(2));
            proptest::string::string_regex(&line).unwrap().prop_filter("length", move |text| text.chars().count() <= max).boxed()
        }
        Kind::Text(max) | Kind::Markup(max) => {
            let text = format!("[\\p{{L}}«]({WORDS}|\n|\t){{0,80}}x");
            let short = proptest::string::string_regex(&text).unwrap();
            let long = Just("Très long, avec « guillemets » et ᐃᓄᒃᑎᑐᑦ 🙂 & 140 < 150.\n".repeat(max.min(60_000) / 60) + "fin");
            prop_oneof![9 => short, 1 => long].prop_filter("length", move |text| text.chars().count() <= max).boxed()
        }
        Kind::Code => proptest::sample::select(field.codes.iter().map(|word| word.code.to_owned()).collect::<Vec<_>>()).boxed(),
        Kind::Date => "(19|20)[0-9][0-9](-(0[1-9]|1[0-2])(-(0[1-9]|1[0-9]|2[0-8]))?)?".boxed(),
        Kind::DateTime => prop_oneof![time, "20[0-4][0-9]-0[1-9]-[012][1-8]"].boxed(),
        Kind::Instant => time.boxed(),
        Kind::Integer => (0..100_000i64).prop_map(|number| number.to_string()).boxed(),
        Kind::Bool => any::<bool>().prop_map(|word| word.to_string()).boxed(),
        Kind::Uri => "https://[a-z]{1,12}\\.example/fhir/NamingSystem/[a-zA-Z0-9~-]{1,30}".boxed(),
    }
}

/// Sets every field the event takes; gives back what was set.
fn fill(draft: &mut Draft, event: &str, mut next: impl FnMut(&'static Field) -> String) -> Vec<(String, String)> {
    let mut set = Vec::new();
    for field in taken(draft).into_iter().filter(|field| is_about(event, field)) {
        let times = if field.name.contains("[]") { 2 } else { 1 };
        for index in 0..times {
            let (name, value) = (field.name.replace("[]", &format!("[{index}]")), next(field));
            draft.set(&name, &value).unwrap_or_else(|error| panic!("{name}: {error}"));
            set.push((name, value));
        }
    }
    set
}

fn compose_and_read(dialect: &'static Dialect, event: &str, runner: &mut TestRunner) {
    let mut draft = Draft::new(settings(dialect, false), "rms", event).unwrap();
    let set = fill(&mut draft, event, |field| value(field).new_tree(runner).unwrap().current());
    let composed = built(&draft, &format!("{} {event}", dialect.name));
    let message = Message::parse(composed.bundle().to_vec(), &Default::default()).unwrap();
    for (name, value) in set {
        assert_eq!(message.field(&name).unwrap().as_deref(), Some(value.as_str()), "{} {event} {name}", dialect.name);
    }
}

/// Times some times over, for every event and dialect.
fn any_values(times: usize) {
    let mut runner = TestRunner::new(Config::default());
    for (dialect, event) in kinds() {
        (0..times).for_each(|_| compose_and_read(dialect, event, &mut runner));
    }
}

#[test]
fn what_is_set_is_read_back() {
    any_values(1);
}

#[test]
#[ignore = "full run"]
fn what_is_set_is_read_back_many_times() {
    any_values(60);
}

/// A referral received in one dialect is passed on in another: the content goes along, the words around it are those of the new partner.
#[test]
fn received_in_one_dialect_passed_on_in_another() {
    for (from, to) in DIALECTS.iter().flat_map(|from| DIALECTS.iter().map(move |to| (from, to))) {
        let mut first = Draft::new(settings(from, false), "rms", "add-service-request").unwrap();
        for field in taken(&first) {
            first.set(&field.name.replace("[]", "[0]"), field.example).unwrap();
        }
        let received = built(&first, from.name);
        let mut known = Known::default();
        known.add(received.view().unwrap(), "add-service-request").unwrap();
        let draft = Draft::new(settings(to, false), "rms", "add-service-request").unwrap();
        let child = ereferral::proto::messaging::compose::Child::Forwarded;
        let mut draft = draft.about("r", Arc::new(known), ReferralRole::Target, Some(child));
        draft.set("target.organization", "Clinique Est").unwrap();
        draft.set("referral.identifier[0].value", "CI-1").unwrap();
        let message = built(&draft, &format!("{} to {}", from.name, to.name));
        let field = |name: &str| message.field(name).unwrap().unwrap_or_default();
        assert_eq!((field("referral.replaces[0].value"), field("referral.identifier[0].value")), ("R-1001".into(), "CI-1".into()));
        for name in ["patient.name.family", "patient.health_number", "referral.reason", "referral.note[0]", "requester.licence"] {
            assert_eq!(field(name), received.field(name).unwrap().unwrap(), "{} to {}: {name}", from.name, to.name);
        }
        assert_eq!((field("target.organization"), field("target.listing")), ("Clinique Est".into(), String::new()));
        let text = String::from_utf8(message.bundle().to_vec()).unwrap();
        for (_, profile) in from.profiles.iter().filter(|(kind, profile)| to.profile(kind) != Some(profile)) {
            assert!(!text.contains(&format!("\"{profile}\"")), "{} to {}: {profile}", from.name, to.name);
        }
    }
}
