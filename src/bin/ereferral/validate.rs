//! `ereferral validate`: the findings of messages, file by file.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use ereferral::proto::fhir::outcome::Issue;
use ereferral::proto::guide::dialects::{DIALECTS, Dialect, dialect};

/// Exit status when a message has errors.
const WRONG: u8 = 1;
/// Exit status when a file is no message, or the command itself is wrong.
const UNREADABLE: u8 = 2;

/// Prints the findings of each file; the worst of them decides the exit status.
pub fn run(files: &[PathBuf], name: Option<&str>) -> ExitCode {
    let wanted = name.and_then(dialect);
    if let (Some(name), None) = (name, wanted) {
        let known: Vec<&str> = DIALECTS.iter().map(|dialect| dialect.name).collect();
        eprintln!("there is no dialect {name:?}; expected one of: {}", known.join(", "));
        return ExitCode::from(UNREADABLE);
    }
    let mut worst = 0;
    for file in files {
        let (page, status) = one(file, wanted);
        print!("{page}");
        worst = worst.max(status);
    }
    ExitCode::from(worst)
}

fn one(file: &Path, wanted: Option<&'static Dialect>) -> (String, u8) {
    let message = match crate::read(file) {
        Ok(message) => message,
        Err(error) => {
            return (format!("{}: not a message that can be used\n    {}\n", file.display(), error.message()), UNREADABLE);
        }
    };
    let dialect = wanted.unwrap_or_else(|| message.dialect());
    let findings = message.check(dialect);
    let mut page = format!("{}: {} as {}, {}\n", file.display(), message.event(), dialect.name, counts(&findings));
    for issue in &findings {
        let place = if issue.expression.is_empty() { "(message)" } else { &issue.expression };
        let source = if issue.source.is_empty() { String::new() } else { format!(" [{}]", issue.source) };
        let _ = writeln!(page, "    {:<12} {place}: {}{source}", issue.severity, issue.text);
    }
    let wrong = findings.iter().any(|issue| issue.severity == "error");
    (page, if wrong { WRONG } else { 0 })
}

fn counts(findings: &[Issue]) -> String {
    let of = |severity| findings.iter().filter(|issue| issue.severity == severity).count();
    format!("errors: {}, warnings: {}, information: {}", of("error"), of("warning"), of("information"))
}
