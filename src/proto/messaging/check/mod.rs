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
use crate::proto::fhir::reference::Addresses;
use crate::proto::fhir::tree::{Node, list};
use crate::proto::guide::dialects::{Dialect, Signs, recognise};

pub(super) use findings::shown;
use findings::{Findings, Place};
use invariants::Invariant;
use references::Logical;

/// One entry of the Bundle.
struct Entry<'a> {
    full_url: Option<&'a str>,
    kind: &'a str,
    resource: Node<'a>,
    /// Where its references lead, in [`Checker::links`].
    links: Range<usize>,
}

struct Checker<'a> {
    r4: &'static R4,
    invariants: &'static [&'static [Invariant]],
    dialect: &'static Dialect,
    findings: Findings,
    entries: Vec<Entry<'a>>,
    addresses: Addresses<'a>,
    /// The entries by identifier.
    logical: Logical<'a>,
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

/// Everything found in a message, checked as one of this dialect.
pub fn check(bundle: Node<'_>, dialect: &'static Dialect) -> Vec<Issue> {
    let Ok(mut checker) = Checker::new(bundle, dialect) else {
        return vec![Issue::warning("throttled", "", "there was not enough memory to check the message", "")];
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
    fn new(bundle: Node<'a>, dialect: &'static Dialect) -> Result<Self, TryReserveError> {
        let items = || bundle.get("entry").into_iter().flat_map(Node::items);
        let mut entries = Vec::new();
        entries.try_reserve_exact(items().count())?;
        let mut addresses = Addresses::default();
        addresses.reserve(entries.capacity())?;
        for item in items() {
            let resource = item.get("resource").unwrap_or(item);
            let text = |node: Node<'a>, name| node.get(name).and_then(Node::str);
            let (full_url, kind) = (text(item, "fullUrl"), text(resource, "resourceType").unwrap_or_default());
            addresses.add(full_url, kind, text(resource, "id"));
            entries.push(Entry { full_url, kind, resource, links: 0..0 });
        }
        let (r4, invariants, findings) = (R4::get(), invariants::all(), Findings::default());
        Ok(Self {
            r4,
            invariants,
            dialect,
            findings,
            entries,
            addresses,
            logical: Logical::default(),
            links: Vec::new(),
            contained: HashMap::new(),
        })
    }
}
