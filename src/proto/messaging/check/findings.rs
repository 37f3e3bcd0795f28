//! Findings and the places they are at. A place becomes text only where something was found.

use std::fmt;

use crate::proto::fhir::outcome::{Issue, Level};
use crate::proto::messaging::parse::OUR_LIMITS;

/// Errors that are kept, and as many other findings. A message with more of them tells nobody more.
const MOST_FINDINGS: usize = 200;

/// A place in a message: a link for each step, the innermost first.
#[derive(Clone, Copy)]
pub(super) struct Place<'p> {
    parent: Option<&'p Place<'p>>,
    step: Step<'p>,
}

#[derive(Clone, Copy)]
enum Step<'p> {
    Member(&'p str),
    Item(usize),
}

impl<'p> Place<'p> {
    pub(super) fn root(name: &'p str) -> Self {
        Self { parent: None, step: Step::Member(name) }
    }
    pub(super) fn member(&'p self, name: &'p str) -> Self {
        Self { parent: Some(self), step: Step::Member(name) }
    }
    pub(super) fn item(&'p self, index: usize) -> Self {
        Self { parent: Some(self), step: Step::Item(index) }
    }

    /// The index of the entry whose `resource` this is.
    pub(super) fn entry(&self) -> Option<usize> {
        let entry = self.parent?;
        let Step::Item(index) = entry.step else { return None };
        let root = entry.parent?.parent?;
        root.parent.is_none().then_some(index)
    }
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(parent) = self.parent {
            parent.fmt(f)?;
        }
        match self.step {
            Step::Item(index) => write!(f, "[{index}]"),
            Step::Member(name) if self.parent.is_some() => {
                f.write_str(".")?;
                f.write_str(shown(name))
            }
            Step::Member(name) => f.write_str(name),
        }
    }
}

/// A member's name as it may be shown: only what looks like the name of a FHIR element.
pub(in crate::proto::messaging) fn shown(name: &str) -> &str {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'[' | b']');
    if name.len() <= 60 && name.bytes().all(plain) { name } else { "(odd name)" }
}

/// What is found, up to a limit.
#[derive(Default)]
pub(super) struct Findings {
    issues: Vec<Issue>,
    errors: usize,
    others: usize,
}

impl Findings {
    /// Adds a finding. Where two rules say the same of one place, the first is enough.
    #[cold]
    pub(super) fn add(
        &mut self,
        level: Level,
        code: &'static str,
        place: &Place<'_>,
        text: impl Into<String>,
        source: &'static str,
    ) {
        let count = if level == Level::Error { &mut self.errors } else { &mut self.others };
        if *count < MOST_FINDINGS {
            let (severity, expression) = (level.as_str(), place.to_string());
            if self.issues.iter().any(|issue| issue.code == code && issue.expression == expression) {
                return;
            }
            self.issues.push(Issue { severity, code, expression, text: text.into(), source });
        }
        *count += 1;
    }

    /// All of them, and how many more there are.
    pub(super) fn finish(mut self) -> Vec<Issue> {
        let (errors, others) = (self.errors.saturating_sub(MOST_FINDINGS), self.others.saturating_sub(MOST_FINDINGS));
        if errors + others > 0 {
            let text = format!("there are more findings that are not listed: {errors} errors and {others} others");
            self.issues.push(Issue::warning("incomplete", "Bundle", text, OUR_LIMITS));
        }
        self.issues
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_written_as_fhirpath() {
        let root = Place::root("Bundle");
        let (entry, odd) = (root.member("entry"), "a b");
        let item = entry.item(2);
        let resource = item.member("resource");
        let (identifier, name) = (resource.member("identifier"), resource.member(odd));
        assert_eq!(identifier.item(0).member("system").to_string(), "Bundle.entry[2].resource.identifier[0].system");
        assert_eq!(name.to_string(), "Bundle.entry[2].resource.(odd name)");
        assert_eq!((resource.entry(), identifier.entry(), root.entry()), (Some(2), None, None));
    }

    #[test]
    fn findings_are_limited_and_the_last_says_how_many_more() {
        let mut findings = Findings::default();
        let root = Place::root("Bundle");
        for index in 0..MOST_FINDINGS + 3 {
            findings.add(Level::Warning, "value", &root.item(index), "odd", "");
        }
        findings.add(Level::Error, "value", &root, "wrong", "");
        findings.add(Level::Error, "value", &root, "wrong again", "");
        let issues = findings.finish();
        assert_eq!(issues.len(), MOST_FINDINGS + 2);
        assert_eq!(issues[MOST_FINDINGS].severity, "error");
        assert!(issues[MOST_FINDINGS + 1].text.contains("0 errors and 3 others"));
    }
}
