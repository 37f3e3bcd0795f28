//! Measures the goals of docs/performance.md and prints one row each: the goal, what was measured, their ratio, met or not.
//!
//! Every figure stands beside a limit measured in the same run, because absolute times say more about the machine than about the code.
//! With `--write FILE` the table also replaces the text between the two marks of that file. A name, such as `P5`, runs only that goal.

#[path = "../../tests/support/certs.rs"]
mod certs;
#[path = "../../tests/support/messages.rs"]
mod messages;

mod accept;
mod check;
mod compose;
mod disk;
mod heap;
mod launches;
mod library;
mod outbox;
mod parse;
mod reading;
mod smart;
mod table;

use std::path::PathBuf;

#[global_allocator]
static HEAP: heap::Counting = heap::Counting;

type Measure = fn() -> Vec<table::Row>;

/// The goals in order, each with what measures it.
const GOALS: [(&str, Measure); 11] = [
    ("P1", parse::small),
    ("P2", reading::rows),
    ("P3", parse::large),
    ("P4", accept::durable),
    ("P8", smart::rows),
    ("P10", library::calls),
    ("P11", library::size),
    ("P12", outbox::rows),
    ("P14", check::rows),
    ("P15", compose::rows),
    ("P16", launches::rows),
];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    if let [work, kind, count] = arguments.as_slice()
        && work == "--work"
    {
        if kind == "launches" {
            return launches::work(std::path::Path::new(count));
        }
        return parse::work(kind, count.parse().expect("a number"));
    }
    let file = arguments.iter().position(|argument| argument == "--write").and_then(|at| arguments.get(at + 1)).map(PathBuf::from);
    let wanted = |name: &str| {
        let mut names = arguments.iter().filter(|argument| argument.starts_with('P')).peekable();
        // One run gives P4 and P5, which share the rounds of raw syncs, and one those of the SMART Server.
        let together = |wanted: &str| match name {
            "P4" => wanted == "P5",
            "P8" => ["P7", "P9", "P13"].contains(&wanted),
            _ => false,
        };
        names.peek().is_none() || names.any(|wanted| wanted == name || together(wanted))
    };
    let mut text = table::head();
    print!("{text}");
    for (name, measure) in GOALS {
        if wanted(name) {
            let rows: String = measure().iter().map(table::Row::line).collect();
            print!("{rows}");
            text.push_str(&rows);
        }
    }
    if let Some(file) = file {
        table::replace(&file, &text);
    }
}
