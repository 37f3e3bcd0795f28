//! The checker: everything that is wrong or odd in a message, each finding with its place and the source of its rule.
//!
//! It decides nothing: what makes a message unusable is refused when it is parsed, and is not looked at again here. Base R4 comes from a
//! table (`fhir/r4.rs`), the guides' rules from tables (`guide/rules.rs`). Its work is linear in the size of the message.

mod base;
mod content;
mod envelope;
mod findings;
mod guide;
mod invariants;
mod references;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, TryReserveError};
use std::ops::Range;

use crate::proto::fhir::outcome::Issue;
use crate::proto::fhir::r4::R4;
use crate::proto::fhir::reference::Targets;
use crate::proto::fhir::tree::{Kind, Node, list};
use crate::proto::guide::dialects::{Dialect, Signs, recognise};

use super::parse::OUR_LIMITS;
use super::view::View;
pub(super) use content::ONE_PATIENT;
pub(super) use findings::shown;
use findings::{Findings, Place};
use invariants::Invariant;

/// One entry of the Bundle.
struct Entry<'a> {
    full_url: Option<&'a str>,
    kind: &'a str,
    resource: Node<'a>,
    /// Where its references lead, in [`Checker::links`].
    links: Range<usize>,
}

struct Checker<'a> {
    view: View<'a>,
    r4: &'static R4,
    invariants: &'static [&'static [Invariant]],
    dialect: &'static Dialect,
    findings: Findings,
    entries: Vec<Entry<'a>>,
    /// The entries that references lead to, in the order of those they stand in.
    links: Vec<usize>,
    /// The type of each contained resource of the entry under way, by id.
    contained: HashMap<&'a str, &'a str>,
}

/// The dialect a message seems to be written in.
pub fn dialect_of(bundle: Node<'_>) -> &'static Dialect {
    let entry = bundle.get("entry").and_then(|entries| entries.items().next());
    let Some(header) = entry.and_then(|entry| entry.get("resource")) else { return recognise(&Signs::default()) };
    recognise(&Signs {
        extensions: list(header.get("extension")).filter_map(|extension| extension.get("url")?.str()).collect(),
        event: header.get("eventCoding").and_then(|coding| coding.get("code")?.str()).unwrap_or_default(),
        profiles: list(header.get("meta").and_then(|meta| meta.get("profile"))).filter_map(Node::str).collect(),
    })
}

/// Whether a value says anything: an empty text or list, `{}` and `null` stand for no element that is required (FHIR R4 ele-1).
fn says_something(value: Node<'_>) -> bool {
    match value.kind() {
        Kind::Null => false,
        Kind::Object => value.members().next().is_some(),
        Kind::Array => value.items().next().is_some(),
        _ => value.raw() != "\"\"",
    }
}

/// Everything found in a message, checked as one of this dialect.
pub fn check(view: View<'_>, dialect: &'static Dialect) -> Vec<Issue> {
    let bundle = view.root();
    let Ok(mut checker) = Checker::new(view, dialect) else {
        return vec![Issue::warning("throttled", "Bundle", "there was not enough memory to check the message", OUR_LIMITS)];
    };
    let root = Place::root("Bundle");
    if let Some(kind) = checker.r4.resource("Bundle").and_then(|kind| checker.r4.kind(kind)) {
        checker.object(bundle, kind, &root);
    }
    checker.envelope(bundle, &root);
    checker.profile("Bundle", bundle, &root);
    checker.content(&root);
    checker.reachable(&root);
    checker.findings.finish()
}

impl<'a> Checker<'a> {
    fn new(view: View<'a>, dialect: &'static Dialect) -> Result<Self, TryReserveError> {
        let mut entries = Vec::new();
        entries.try_reserve_exact(view.count())?;
        for (index, resource) in view.resources().enumerate() {
            let (full_url, kind) = (view.full_url(index), view.resource_type(index));
            entries.push(Entry { full_url, kind, resource, links: 0..0 });
        }
        let (r4, invariants, findings) = (R4::get(), invariants::all(), Findings::default());
        Ok(Self { view, r4, invariants, dialect, findings, entries, links: Vec::new(), contained: HashMap::new() })
    }
}
