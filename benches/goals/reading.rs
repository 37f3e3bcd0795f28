//! P2: what walking in a message costs, and what it costs to understand one.

use std::hint::black_box;
use std::time::{Duration, Instant};

use ereferral::proto::fhir::tree::Tree;
use ereferral::proto::messaging::changes;
use ereferral::proto::messaging::content::{Content, merge};
use ereferral::proto::messaging::groups::Said;
use ereferral::proto::messaging::message::Message;
use ereferral::proto::messaging::notification::{Notice, document};
use ereferral::proto::messaging::tracking::Drives;
use ereferral::proto::settings::Limits;
use serde_json::Value;

use crate::heap;
use crate::messages;
use crate::parse::{in_turns, instructions, skip};
use crate::table::Row;

const ZONE: Option<&str> = Some("America/Toronto");
/// As who keeps a copy sees it.
const BOTH: Drives = Drives { request: true, task: true };

pub fn value(bytes: &[u8]) {
    drop(black_box(serde_json::from_slice::<Value>(bytes).expect("it is JSON")));
}

fn tree(text: &str) -> Tree {
    Tree::read(text).expect("it is JSON")
}

fn timed<T>(work: impl FnOnce() -> T) -> Duration {
    let start = Instant::now();
    let result = black_box(work());
    let time = start.elapsed();
    drop(result);
    time
}

/// What is known of the referral after a message.
pub fn known(bytes: &[u8], limits: &Limits) -> String {
    let message = Message::read(bytes.to_vec(), limits).expect("the sample is accepted");
    Content::of(&Said::read(message.view().expect("it can be walked"), ZONE), message.event()).document()
}

/// Everything a host is told of a message about a referral that is known.
pub fn understood(bytes: Vec<u8>, known: &str, limits: &Limits) -> String {
    let message = Message::read(bytes, limits).expect("the sample is accepted");
    let view = message.view().expect("it can be walked");
    let known = Content::read(known).expect("it was written so");
    let said = Said::read(view, ZONE);
    let merged = merge(known.clone(), Content::of(&said, message.event()), BOTH, ZONE);
    let changes = changes::between(&known, &merged.content, ZONE);
    let notice = Notice { changes: Some(&changes), outdated: merged.outdated, ..Notice::default() };
    black_box(merged.content.document());
    document(said, message.event(), message.findings(), &notice)
}

/// P2, and the whole way of a message.
pub fn rows() -> Vec<Row> {
    let bytes = messages::referral(0);
    let text = std::str::from_utf8(&bytes).expect("it is text");
    let size = format!("{:.1} KB", bytes.len() as f64 / 1e3);
    let (ours, other) = in_turns(501, || timed(|| tree(text)), || value(&bytes));
    let (_, least) = in_turns(101, || timed(|| tree(text)), || skip(&bytes));
    let time = Row::at_most(
        "P2",
        &format!("{size} made navigable, median time"),
        ours,
        other,
        1.0,
        "at most 1x serde_json into Value",
        format!("{ours:.0} us beside {other:.0} us; skip-all {least:.0} us"),
    );
    let (ours, other) =
        (heap::count(|| tree(text)).calls as f64, heap::count(|| serde_json::from_slice::<Value>(&bytes)).calls as f64);
    let allocations = Row::at_most(
        "P2",
        &format!("{size} made navigable, allocations"),
        ours,
        other,
        0.1,
        "at most 0.1x serde_json into Value",
        format!("{ours} beside {other}"),
    );
    let mut rows = vec![time, allocations, one_resource(&bytes)];
    rows.extend(whole(&bytes, &size));
    rows
}

/// The patient with its fields, out of a message that was made navigable.
fn one_resource(bytes: &[u8]) -> Row {
    const FIELDS: [&str; 8] = [
        "patient.name.family",
        "patient.name.given[0]",
        "patient.birth_date",
        "patient.gender",
        "patient.health_number",
        "patient.mrn",
        "patient.phone",
        "patient.address.line[0]",
    ];
    let message = Message::read(bytes.to_vec(), &Limits::default()).expect("the sample is accepted");
    message.view().expect("it can be walked");
    let read = || FIELDS.map(|name| message.field(name).expect("it is a field").expect("the sample says it"));
    let (ours, _) = in_turns(501, || timed(read), || ());
    let what = "eight fields of one resource, median time";
    Row::at_most("P2", what, ours, 10.0, 1.0, "at most 10 us", format!("{ours:.1} us"))
}

/// Parse, check, notification and changes together.
fn whole(bytes: &[u8], size: &str) -> Vec<Row> {
    let limits = Limits::default();
    let known = known(bytes, &limits);
    let work = || {
        let copy = bytes.to_vec();
        timed(|| understood(copy, &known, &limits))
    };
    let (ours, other) = in_turns(501, work, || value(bytes));
    let what = format!("{size}: parse, check, notification and changes");
    let time = Row::at_most(
        "P2",
        &format!("{what}, median time"),
        ours,
        other,
        1.5,
        "at most 1.5x serde_json into Value",
        format!("{ours:.0} us beside {other:.0} us"),
    );
    let counted = match (instructions("understand"), instructions("value")) {
        (Ok(ours), Ok(other)) => {
            Row::note("P2", &format!("{what}, instructions"), format!("{:.2} M beside {:.2} M", ours / 1e6, other / 1e6))
        }
        (Err(why), _) | (_, Err(why)) => Row::skipped("P2", "instructions", &why),
    };
    vec![time, counted]
}
