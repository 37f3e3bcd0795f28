//! The desk command line.

#![forbid(unsafe_code)]
#![cfg_attr(not(test), warn(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

#[path = "ereferral/audit.rs"]
mod audit;
#[path = "ereferral/outbox.rs"]
mod outbox;
#[path = "ereferral/validate.rs"]
mod validate;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use ereferral::engine::{Config, Engine};
use ereferral::error::{EREF_INVALID_ARGUMENT, Error, Result};
use ereferral::proto::messaging::Message;
use ereferral::proto::settings::Limits;

/// Looks into what ereferral received, sent and stored.
#[derive(Parser)]
#[command(name = "ereferral", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Says in plain words what a message is. Shows personal data.
    Inspect {
        /// A FHIR Bundle of type "message", as JSON.
        file: PathBuf,
    },
    /// Says everything that is wrong or odd in messages, with its place and the source of the rule.
    ///
    /// Exit status: 0 without errors, 1 with errors, 2 when a file cannot be read as a message.
    Validate {
        /// Bundles of type "message", as JSON.
        #[arg(required = true)]
        files: Vec<PathBuf>,
        /// The dialect to check against, for example on-0.11.1; without it the one each message seems to be written in.
        #[arg(long)]
        dialect: Option<String>,
    },
    /// What is to be sent, and what became of it.
    #[command(subcommand)]
    Outbox(outbox::Outbox),
    /// The audit trail.
    #[command(subcommand)]
    Audit(audit::Audit),
    /// The keys of a store.
    #[command(subcommand)]
    Key(Key),
    /// What was received.
    #[command(subcommand)]
    Inbox(Inbox),
}

#[derive(Subcommand)]
enum Key {
    /// Says whether the key file is the store's, and its key id.
    Check {
        /// The configuration file of the engine.
        config: String,
    },
    /// Copies the key file, after checking it, to a new file. Keep that apart from the store.
    Backup {
        /// The configuration file of the engine.
        config: String,
        /// The file to write; it must not exist.
        to: PathBuf,
    },
    /// Makes the next key that signs id_tokens: published at once, it signs a day later. The engine does so by itself every 90 days.
    RotateSigning {
        /// The configuration file of the engine.
        config: String,
    },
}

#[derive(Subcommand)]
enum Inbox {
    /// Lists the messages received, newest first, with how far the host has come: waiting, leased, parked, done.
    List {
        /// The configuration file of the engine.
        config: String,
        /// Only those in this state.
        #[arg(long, default_value = "")]
        state: String,
        /// At most so many.
        #[arg(long, default_value_t = 50)]
        limit: u32,
    },
    /// Shows one with its notification, as JSON. Shows personal data.
    Show {
        /// The configuration file of the engine.
        config: String,
        /// Its id in the list.
        id: String,
    },
    /// Hands one over to the host once more.
    Resend {
        /// The configuration file of the engine.
        config: String,
        /// Its id in the list.
        id: String,
    },
}

/// What is shown of a message: a heading, and the fields under it that the message may hold.
const PAGE: &[(&str, &[(&str, &str)])] = &[
    (
        "Message",
        &[
            ("id", "message.id"),
            ("made", "message.timestamp"),
            ("from", "source.name"),
            ("software", "source.software"),
            ("reason", "message.reason"),
        ],
    ),
    (
        "Referral",
        &[
            ("number", "referral.identifier[].value"),
            ("status", "referral.status"),
            ("category", "referral.category.display"),
            ("priority", "referral.priority"),
            ("written", "referral.authored"),
            ("reason", "referral.reason"),
            ("note", "referral.note[]"),
        ],
    ),
    (
        "Patient",
        &[
            ("name", "patient.name.text"),
            ("family name", "patient.name.family"),
            ("given names", "patient.name.given[]"),
            ("born", "patient.birth_date"),
            ("gender", "patient.gender"),
            ("health number", "patient.health_number"),
            ("telephone", "patient.phone"),
        ],
    ),
    (
        "Referred by",
        &[
            ("name", "requester.name.text"),
            ("family name", "requester.name.family"),
            ("given names", "requester.name.given[]"),
            ("practice", "requester.organization"),
            ("telephone", "requester.phone"),
        ],
    ),
    (
        "Referred to",
        &[
            ("family name", "target.name.family"),
            ("given names", "target.name.given[]"),
            ("clinic", "target.organization"),
            ("site", "target.location"),
            ("listing", "target.listing"),
        ],
    ),
    (
        "Progress",
        &[("status", "task.status"), ("in words", "task.business_status"), ("why", "task.status_reason"), ("note", "task.note[]")],
    ),
    (
        "Appointment",
        &[
            ("status", "appointment.status"),
            ("start", "appointment.start"),
            ("end", "appointment.end"),
            ("what", "appointment.description"),
            ("where", "appointment.location"),
            ("instruction", "appointment.instruction"),
        ],
    ),
    ("Communication", &[("category", "communication.category"), ("sent", "communication.sent"), ("text", "communication.text[]")]),
    ("Attachments", &[("title", "attachment[].title"), ("where", "attachment[].url")]),
];

fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        Command::Inspect { file } => inspect(&file),
        Command::Validate { files, dialect } => return validate::run(&files, dialect.as_deref()),
        Command::Outbox(command) => outbox::run(&command),
        Command::Audit(command) => audit::run(&command),
        Command::Inbox(command) => inbox(command),
        Command::Key(Key::Check { config }) => key(&config, None),
        Command::Key(Key::Backup { config, to }) => key(&config, Some(&to)),
        Command::Key(Key::RotateSigning { config }) => rotate_signing(&config),
    };
    match done {
        Ok(page) => {
            print!("{page}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            if let Some(detail) = error.detail() {
                eprintln!("{detail}");
            }
            ExitCode::FAILURE
        }
    }
}

/// A desk on the store of a clinic; the serving engine may run meanwhile.
fn desk(file: &str) -> Result<Engine> {
    let mut config = Config::new();
    config.read_file(file)?;
    config.set_desk();
    Engine::open(&config)
}

fn key(file: &str, backup: Option<&Path>) -> Result<String> {
    let mut config = Config::new();
    config.read_file(file)?;
    match backup {
        None => Ok(format!("the key file is the store's: key {}\n", config.key_check()?)),
        Some(to) => Ok(format!("key {} copied to {}: keep it apart from the store\n", config.key_backup(to)?, to.display())),
    }
}

fn rotate_signing(config: &str) -> Result<String> {
    let at = jiff::Timestamp::from_millisecond(desk(config)?.rotate_signing_key()?).unwrap_or_default();
    Ok(format!("the next key is published from now on and signs from {at:.0}\n"))
}

fn read(file: &Path) -> Result<Message> {
    let bytes =
        std::fs::read(file).map_err(|error| Error::new(EREF_INVALID_ARGUMENT, format!("the file cannot be read: {error}")))?;
    Message::parse(bytes, &Limits::default())
}

fn inbox(command: Inbox) -> Result<String> {
    match command {
        Inbox::List { config, state, limit } => {
            let list = desk(&config)?.inbox_list(&state, limit)?;
            let list: Vec<serde_json::Value> = serde_json::from_str(&list).unwrap_or_default();
            let word = |record: &serde_json::Value, name: &str| on_one_line(record[name].as_str().unwrap_or_default());
            let line = |record: &serde_json::Value| {
                let [id, at, state] = ["reception_id", "received_at", "state"].map(|name| word(record, name));
                let [partner, event] = ["partner", "event"].map(|name| word(record, name));
                format!("{id}  {at}  {state:<8} {partner}  {event}\n")
            };
            Ok(list.iter().map(line).collect())
        }
        Inbox::Show { config, id } => {
            let shown: serde_json::Value = serde_json::from_str(&desk(&config)?.inbox_show(&id)?).unwrap_or_default();
            // Control characters are escaped in JSON.
            Ok(format!("{shown:#}\n"))
        }
        Inbox::Resend { config, id } => {
            desk(&config)?.inbox_resend(&id)?;
            Ok(format!("{id} is handed over once more\n"))
        }
    }
}

fn inspect(file: &Path) -> Result<String> {
    let message = read(file)?;
    let document: serde_json::Value = serde_json::from_str(message.document()).unwrap_or_default();
    let said = |name: &str| on_one_line(document[name].as_str().unwrap_or_default());
    let mut page = format!("{}\n{} ({})\n", said("summary"), said("event_text"), message.event());
    for (heading, rows) in PAGE {
        let mut shown = Vec::new();
        for (label, name) in *rows {
            shown.extend(values(&message, name)?.into_iter().map(|value| format!("    {label:<14} {}\n", on_one_line(&value))));
        }
        if !shown.is_empty() {
            page.push_str(&format!("\n{heading}\n{}", shown.concat()));
        }
    }
    page.push_str(&format!("\nNumber of attachments: {}\n", message.attachment_count()));
    page.push_str(if message.findings().is_empty() { "Nothing odd was found.\n" } else { "\nFindings\n" });
    for finding in message.findings() {
        page.push_str(&format!("    {:<14} {}: {}\n", finding.severity, finding.expression, finding.text));
    }
    Ok(page)
}

/// The values of a field: one for each repetition where its name has `[]`.
fn values(message: &Message, name: &str) -> Result<Vec<String>> {
    let Some((group, _)) = name.split_once("[]") else { return Ok(message.field(name)?.into_iter().collect()) };
    let mut values = Vec::new();
    for index in 0..message.field_count(group)? {
        values.extend(message.field(&name.replacen("[]", &format!("[{index}]"), 1))?);
    }
    Ok(values)
}

/// A message comes from outside: no control character of it reaches the terminal, and long texts are cut.
fn on_one_line(value: &str) -> String {
    const SHOWN: usize = 300;
    let mut line: String = value.chars().map(|c| if c.is_control() { ' ' } else { c }).take(SHOWN).collect();
    if value.chars().nth(SHOWN).is_some() {
        line.push('…');
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_do_not_reach_the_terminal() {
        assert_eq!(on_one_line("a\u{1b}[2J\nb"), "a [2J b");
        assert_eq!(on_one_line(&"x".repeat(301)).chars().count(), 301);
    }
}
