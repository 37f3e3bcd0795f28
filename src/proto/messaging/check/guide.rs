//! Walks the guide's rules over the resources they are about, and looks at the profiles that resources declare.

use crate::proto::fhir::outcome::Level::{Information, Warning};
use crate::proto::fhir::reference::bare_uuid;
use crate::proto::fhir::tree::{Node, list};
use crate::proto::guide::dialects::versioned;
use crate::proto::guide::rules::{Basis, IDENTIFIER_CODES, IDENTIFIER_TYPES, Profile, Rule, What, is_health_card_system};

use super::Checker;
use super::findings::Place;
use super::says_something;

/// A rule at work.
#[derive(Clone, Copy)]
struct Work {
    rule: &'static Rule,
    profile: &'static Profile,
    basis: Basis,
}

impl<'a> Checker<'a> {
    /// The rules of the dialect over the resource of an entry.
    pub(super) fn guide(&mut self, kind: &str, resource: Node<'a>, place: &Place<'_>) {
        self.profile(kind, resource, place);
        self.declared(kind, resource, place);
        self.identifiers(kind, resource, place);
    }

    pub(super) fn profile(&mut self, kind: &str, resource: Node<'a>, place: &Place<'_>) {
        for (profile, basis) in self.dialect.rules.profiles.iter().filter(|(profile, _)| profile.resource == kind) {
            for rule in profile.rules {
                self.walk(resource, rule.holder, place, Work { rule, profile, basis: *basis });
            }
        }
    }

    /// Goes to every element that holds what the rule is about.
    fn walk(&mut self, node: Node<'a>, path: &'static [&'static str], place: &Place<'_>, work: Work) {
        let Some((step, rest)) = path.split_first() else {
            for name in work.rule.names {
                self.judge(node, name, place, work);
            }
            return;
        };
        let (name, slice) = match step.strip_suffix(']').and_then(|step| step.split_once('[')) {
            Some((name, slice)) => (name, Some(slice)),
            None => (*step, None),
        };
        let member = place.member(name);
        match node.get(name) {
            Some(value) if value.is_array() => {
                for (index, item) in value.items().enumerate() {
                    if slice.is_none_or(|slice| is_named(item, slice)) {
                        self.walk(item, rest, &member.item(index), work);
                    }
                }
            }
            Some(value) => self.walk(value, rest, &member, work),
            // Of what is missing nothing can be missing, but every resource is to declare its profile (messaging.md 4.1).
            None if name == "meta" => self.judge_missing(&member.member("profile"), work),
            None => {}
        }
    }

    fn judge(&mut self, node: Node<'a>, name: &'static str, place: &Place<'_>, work: Work) {
        let place = place.member(name);
        if !node.is_object() {
            return;
        }
        let Some(value) = node.get(name) else {
            let companion = || node.members().any(|(member, _)| member.strip_prefix('_') == Some(name));
            if work.rule.what == What::Required && !companion() {
                self.judge_missing(&place, work);
            }
            return;
        };
        match work.rule.what {
            What::Required if says_something(value) => {}
            What::Required => self.judge_missing(&place, work),
            What::AtMostOne if value.items().nth(1).is_none() => {}
            What::AtMostOne => self.against(work, "structure", &place.item(1), "expected at most one"),
            What::Absent => self.against(work, "structure", &place, "the guide has no such element here"),
            _ if value.is_array() => {
                for (index, item) in value.items().enumerate() {
                    self.judge_value(item, &place.item(index), work);
                }
            }
            _ => self.judge_value(value, &place, work),
        }
    }

    fn judge_missing(&mut self, place: &Place<'_>, work: Work) {
        if work.rule.what == What::Required {
            self.against(work, "required", place, "the element is missing");
        }
    }

    fn judge_value(&mut self, value: Node<'a>, place: &Place<'_>, work: Work) {
        let text = value.str().unwrap_or_default();
        match work.rule.what {
            What::OneOf(codes) if !codes.contains(&text) => {
                self.against(work, "value", place, &format!("expected {}", codes.join(" or ")));
            }
            What::LeadsTo(kinds) if self.target_type(value).is_some_and(|kind| !kinds.contains(&kind)) => {
                self.against(work, "value", place, &format!("expected a reference to {}", kinds.join(" or ")));
            }
            What::Uuid if bare_uuid(text).is_none() => self.against(work, "value", place, "expected a UUID"),
            What::Milliseconds if !has_milliseconds(text) => {
                self.against(work, "value", place, "expected a time with milliseconds and offset");
            }
            _ => {}
        }
    }

    fn against(&mut self, work: Work, code: &'static str, place: &Place<'_>, text: &str) {
        let level = work.basis.weigh(work.rule.level);
        let inferred =
            if work.basis == Basis::Inferred { " (a rule of the nearest version of the guide that was seen)" } else { "" };
        self.findings.add(level, code, place, format!("{text}{inferred}"), work.profile.source);
    }

    /// The profiles a resource declares: of its own type, and in a version that is known. Nothing is refused for it (messaging.md 4.1).
    fn declared(&mut self, kind: &str, resource: Node<'a>, place: &Place<'_>) {
        const SOURCE: &str = "Ontario profiles";
        let rules = &self.dialect.rules;
        let meta = place.member("meta");
        let member = meta.member("profile");
        for (index, profile) in list(resource.get("meta").and_then(|meta| meta.get("profile"))).enumerate() {
            let Some(tail) = profile.str().and_then(|url| url.strip_prefix(rules.canonical)) else { continue };
            let (name, version) = versioned(tail);
            let known = rules.versions.iter().find(|(own, _)| *own == kind).map_or(&["1.0.0"][..], |(_, versions)| versions);
            let place = member.item(index);
            if name != kind {
                self.findings.add(Warning, "value", &place, "the profile is one of another resource type", SOURCE);
            } else if !rules.versions.is_empty() && !known.contains(&version) {
                let text = format!("the version of the profile is not one that is known; expected {}", known.join(" or "));
                self.findings.add(Warning, "value", &place, text, SOURCE);
            }
        }
    }
}

impl<'a> Checker<'a> {
    /// The types and systems of identifiers (messaging.md 7).
    fn identifiers(&mut self, kind: &str, resource: Node<'a>, place: &Place<'_>) {
        const SOURCE: &str = "Ontario Identifier Policy";
        fn text<'a>(node: Node<'a>, name: &str) -> &'a str {
            node.get(name).and_then(Node::str).unwrap_or_default()
        }
        let member = place.member("identifier");
        for (index, identifier) in list(resource.get("identifier")).enumerate() {
            let item = member.item(index);
            for coding in list(identifier.get("type").and_then(|kind| kind.get("coding"))) {
                let code = text(coding, "code");
                if IDENTIFIER_CODES.contains(&code) && !IDENTIFIER_TYPES.contains(&text(coding, "system")) {
                    let words = "the type of the identifier is not of the code system v2-0203";
                    self.findings.add(Information, "value", &item.member("type"), words, SOURCE);
                }
                if code == "JHN" && kind == "Patient" && !is_health_card_system(text(identifier, "system")) {
                    let words = "the system is not that of a province's health cards";
                    self.findings.add(Warning, "value", &item.member("system"), words, SOURCE);
                }
            }
        }
    }
}

/// Whether an extension's url ends in this name, with or without a version behind.
fn is_named(extension: Node<'_>, name: &str) -> bool {
    let url = extension.get("url").and_then(Node::str).unwrap_or_default();
    let (url, _) = versioned(url);
    url.rsplit('/').next() == Some(name)
}

/// `YYYY-MM-DDThh:mm:ss.sss` and an offset (messaging.md 4.1).
fn has_milliseconds(text: &str) -> bool {
    let (clock, offset) = (text.get(..23), text.get(23..).unwrap_or_default());
    clock.is_some_and(|clock| clock.as_bytes().get(19) == Some(&b'.')) && offset.starts_with(['Z', '+', '-'])
}
