//! `docs/dialects.md` says what the rule tables say. `EREF_BLESS=1` writes the part between its marks anew.

use std::fmt::Write as _;

use ereferral::proto::guide::dialects::{DIALECTS, Dialect};
use ereferral::proto::guide::rules::{Basis, Profile, Rule, What};

const BEGIN: &str = "<!-- begin: made from the rule tables -->\n";
const END: &str = "<!-- end: made from the rule tables -->\n";

fn basis(basis: Basis) -> &'static str {
    match basis {
        Basis::Seen => "seen",
        Basis::Inferred => "inferred",
    }
}

/// What each dialect says of each resource type it has a profile for.
fn dialect(dialect: &Dialect) -> String {
    let mut text = format!("### {}\n\n| resource | profile sent | rules from | basis |\n| --- | --- | --- | --- |\n", dialect.name);
    let mut types: Vec<&str> = dialect.rules.profiles.iter().map(|(profile, _)| profile.resource).collect();
    types.extend(dialect.profiles.iter().map(|(resource, _)| *resource).filter(|own| *own != "Bundle"));
    types.sort_unstable();
    types.dedup();
    for resource in types {
        let sent = if resource == "Bundle" { Some(dialect.bundle_profile) } else { dialect.profile(resource) };
        let version = sent.and_then(|url| url.rsplit_once('|')).map_or("none", |(_, version)| version);
        let rules = dialect.rules.profiles.iter().find(|(profile, _)| profile.resource == resource);
        let (source, basis) =
            rules.map_or(("base R4 only: not seen in any version", "none"), |(profile, b)| (profile.source, basis(*b)));
        let _ = writeln!(text, "| {resource} | {version} | {source} | {basis} |");
    }
    text.push_str("\n| message about | rules from | basis |\n| --- | --- | --- |\n");
    for (content, b) in dialect.rules.contents {
        let _ = writeln!(text, "| {} | {} | {} |", content.focus, content.source, basis(*b));
    }
    text.push('\n');
    text
}

fn said(rule: &Rule) -> String {
    let list = |all: &[&str]| all.iter().map(|one| format!("`{one}`")).collect::<Vec<_>>().join(", ");
    match rule.what {
        What::Required => "required".to_owned(),
        What::AtMostOne => "at most one".to_owned(),
        What::Absent => "absent".to_owned(),
        What::OneOf(values) => format!("one of {}", list(values)),
        What::LeadsTo(types) => format!("leads to {}", list(types)),
        What::Uuid => "a UUID".to_owned(),
        What::Milliseconds => "with milliseconds".to_owned(),
    }
}

fn rules() -> String {
    let mut text = String::from("### The rules\n\n| from | element | rule | where seen |\n| --- | --- | --- | --- |\n");
    let mut told: Vec<&Profile> = Vec::new();
    for (profile, _) in DIALECTS.iter().flat_map(|dialect| dialect.rules.profiles) {
        if told.iter().any(|own| own.source == profile.source) {
            continue;
        }
        told.push(profile);
        for rule in profile.rules {
            for name in rule.names {
                let path: Vec<&str> = std::iter::once(profile.resource).chain(rule.holder.iter().copied()).chain([*name]).collect();
                let (path, said, level) = (path.join("."), said(rule), rule.level.as_str());
                let _ = writeln!(text, "| {} | `{path}` | {said} | {level} |", profile.source);
            }
        }
    }
    text
}

#[test]
fn the_page_about_dialects_says_what_the_tables_say() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/dialects.md");
    let page = std::fs::read_to_string(path).expect("docs/dialects.md is there");
    let (before, rest) = page.split_once(BEGIN).expect("the page has its first mark");
    let (_, after) = rest.split_once(END).expect("the page has its second mark");
    let tables: String = DIALECTS.iter().map(dialect).collect();
    let wanted = format!("{before}{BEGIN}{tables}{}{END}{after}", rules());
    if std::env::var_os("EREF_BLESS").is_some() {
        std::fs::write(path, &wanted).expect("docs/dialects.md can be written");
    } else {
        assert!(page == wanted, "docs/dialects.md is stale; run this test with EREF_BLESS=1");
    }
}
