//! `ereferral outbox`: what waits, what went wrong, and what a person decides about it.

use clap::Subcommand;
use ereferral::error::{EREF_INVALID_JSON, Error, Result};
use serde_json::Value;

#[derive(Subcommand)]
pub enum Outbox {
    /// Lists the newest deliveries.
    List {
        /// The configuration file of the engine.
        config: String,
        /// Only those in this state: queued, sending, delivered, refused, unknown_outcome or dead.
        #[arg(long, default_value = "")]
        state: String,
        /// At most so many.
        #[arg(long, default_value_t = 50)]
        limit: u32,
    },
    /// Shows a delivery, with the partner's answer. May show personal data.
    Show {
        /// The configuration file of the engine.
        config: String,
        /// The delivery's id, or the host's key.
        delivery: String,
    },
    /// Sends a delivery again that is unfinished, refused or dead.
    Resend {
        /// The configuration file of the engine.
        config: String,
        /// The delivery's id, or the host's key.
        delivery: String,
    },
    /// Gives up a delivery that is unfinished, refused or dead.
    Drop {
        /// The configuration file of the engine.
        config: String,
        /// The delivery's id, or the host's key.
        delivery: String,
        /// Why; kept with it and in the audit trail.
        #[arg(long)]
        reason: String,
    },
}

pub fn run(command: &Outbox) -> Result<String> {
    match command {
        Outbox::List { config, state, limit } => {
            let list = crate::desk(config)?.delivery_list(state, *limit)?;
            let list: Vec<Value> = serde_json::from_str(&list).map_err(unreadable)?;
            Ok(list.iter().map(line).collect())
        }
        Outbox::Show { config, delivery } => page(&crate::desk(config)?.delivery_find(delivery)?.document()),
        Outbox::Resend { config, delivery } => {
            let sent = crate::desk(config)?.delivery_resend(delivery)?;
            Ok(format!("{} is sent again by the serving engine\n", sent.record.id))
        }
        Outbox::Drop { config, delivery, reason } => {
            let dropped = crate::desk(config)?.delivery_drop(delivery, reason)?;
            Ok(format!("{} is given up\n", dropped.record.id))
        }
    }
}

fn unreadable(error: serde_json::Error) -> Error {
    Error::new(EREF_INVALID_JSON, format!("a document of the library cannot be read: {error}"))
}

/// One delivery: id, state, attempts, partner, event, since when, why.
fn line(delivery: &Value) -> String {
    let text = |name: &str| crate::on_one_line(delivery[name].as_str().unwrap_or_default());
    let mut state = text("state");
    if delivery["dropped"] == true {
        state = "dropped".to_owned();
    } else if delivery["replaced_by"].is_string() {
        state = "replaced".to_owned();
    }
    let (id, partner, event, queued) = (text("delivery_id"), text("partner"), text("event"), text("queued_at"));
    format!("{id}  {state:<15} {:>3}  {queued}  {partner}  {event}  {}\n", delivery["attempts"], text("error"))
}

fn page(document: &str) -> Result<String> {
    let document: Value = serde_json::from_str(document).map_err(unreadable)?;
    let mut page = String::new();
    for (name, value) in document.as_object().into_iter().flatten().filter(|(_, value)| !value.is_null()) {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        page.push_str(&format!("{name:<16} {}\n", crate::on_one_line(&text)));
    }
    Ok(page)
}
