//! `docs/fields.md` says what the field table says. `EREF_BLESS=1` writes it anew.

use std::fmt::Write as _;

use ereferral::proto::guide::field::{Kind, Need, on};
use ereferral::proto::guide::fields_table::FIELDS;

fn table() -> String {
    let mut text = String::from(
        "# Fields\n\nThe plain names by which a host reads a message (`eref_message_field`) and fills a draft (`eref_draft_set`). This page is made from the\nfield table; the names are ABI.\n\n\
         `[]` marks a repetition: `[0]` is the first, no brackets mean the first, and when writing `[+]` is the next not set yet.\n\
         Events: R about a referral, T about its status, A about an appointment, C communications.\n\
         What is required of the referral itself is required for new and updated referrals; the form of a draft says it for its event.\n\n\
         | name | format | use | events | example | what it is |\n| --- | --- | --- | --- | --- | --- |\n",
    );
    for field in FIELDS {
        let events: String = [(on::REQUEST, 'R'), (on::TASK, 'T'), (on::APPOINTMENT, 'A'), (on::COMMUNICATION, 'C')]
            .iter()
            .filter(|(bit, _)| field.on & bit != 0)
            .map(|(_, letter)| letter)
            .collect();
        let length = field.kind.max_length().map_or(String::new(), |max| format!(", up to {max}"));
        let usage = match field.need {
            _ if !field.write => "read".to_owned(),
            Need::Optional => "read, write".to_owned(),
            Need::Required => "read, write, **required**".to_owned(),
            Need::OneOf(group) => format!("read, write, one of *{group}* required"),
        };
        let codes: Vec<&str> = field.codes.iter().map(|word| word.code).collect();
        let list = match (codes.is_empty(), field.kind) {
            (true, _) => String::new(),
            (false, Kind::Code) => format!(" One of: {}.", codes.join(", ")),
            (false, _) => format!(" Met in traffic: {}.", codes.join(", ")),
        };
        let (name, kind, example, about) = (field.name, field.kind.as_str(), field.example, field.about);
        let _ = writeln!(text, "| `{name}` | {kind}{length} | {usage} | {events} | `{example}` | {about}{list} |");
    }
    text
}

#[test]
fn the_page_about_fields_says_what_the_table_says() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/fields.md");
    if std::env::var_os("EREF_BLESS").is_some() {
        std::fs::write(path, table()).expect("docs/fields.md can be written");
    }
    let page = std::fs::read_to_string(path).expect("docs/fields.md is there");
    assert!(page == table(), "docs/fields.md is stale; run this test with EREF_BLESS=1");
}
