//! The table: rows, the machine, and its place in a document.

use std::fs;
use std::path::Path;

use crate::disk;

const BEGIN: &str = "<!-- begin: written by make bench -->\n";
const END: &str = "<!-- end: written by make bench -->\n";

/// One line of the table.
pub struct Row {
    name: &'static str,
    what: String,
    goal: String,
    measured: String,
    ratio: String,
    verdict: &'static str,
}

impl Row {
    /// A goal that a figure may not exceed. `unit` is the limit it is measured by.
    pub fn at_most(name: &'static str, what: &str, value: f64, unit: f64, limit: f64, goal: &str, measured: String) -> Self {
        let ratio = value / unit;
        Self::new(name, what, goal, measured, ratio, ratio <= limit)
    }

    /// A goal that a figure must reach.
    pub fn at_least(name: &'static str, what: &str, ratio: f64, limit: f64, goal: &str, measured: String) -> Self {
        Self::new(name, what, goal, measured, ratio, ratio >= limit)
    }

    fn new(name: &'static str, what: &str, goal: &str, measured: String, ratio: f64, met: bool) -> Self {
        let ratio = if ratio < 0.1 { format!("{ratio:.4}") } else { format!("{ratio:.2}") };
        Self { name, what: what.into(), goal: goal.into(), measured, ratio, verdict: if met { "met" } else { "**not met**" } }
    }

    /// A figure without a goal.
    pub fn note(name: &'static str, what: &str, measured: String) -> Self {
        Self { name, what: what.into(), goal: "for information".into(), measured, ratio: String::new(), verdict: "" }
    }

    /// A goal that cannot be measured here.
    pub fn skipped(name: &'static str, what: &str, why: &str) -> Self {
        Self {
            name,
            what: what.into(),
            goal: String::new(),
            measured: format!("skipped: {why}"),
            ratio: String::new(),
            verdict: "",
        }
    }

    pub fn line(&self) -> String {
        format!("| {} | {} | {} | {} | {} | {} |\n", self.name, self.what, self.goal, self.measured, self.ratio, self.verdict)
    }
}

/// The machine and the heading of the table.
pub fn head() -> String {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    format!(
        "Machine: {cores} cores, {}, store on {}, PRAGMA synchronous={} (set by the store), load {} at the start.\n\n\
         | # | what | goal | measured | ratio | |\n|---|---|---|---|---|---|\n",
        cpu(),
        disk::file_system(&disk::folder()).unwrap_or_else(|| "an unknown file system".into()),
        disk::SYNCHRONOUS,
        load.split(' ').next().unwrap_or("unknown"),
    )
}

fn cpu() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let line = info.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or("unknown processor");
    line.trim_start_matches([' ', '\t', ':']).to_owned()
}

/// Puts the table between the marks of a document.
pub fn replace(file: &Path, table: &str) {
    let old = fs::read_to_string(file).expect("the document can be read");
    let (before, rest) = old.split_once(BEGIN).expect("the document has its first mark");
    let (_, after) = rest.split_once(END).expect("the document has its second mark");
    fs::write(file, format!("{before}{BEGIN}{table}{END}{after}")).expect("the document can be written");
}
