//! `ereferral audit`: is the trail whole, where does it end, and all of it as FHIR.

use std::io::{BufWriter, Write as _};
use std::path::PathBuf;

use clap::Subcommand;
use ereferral::error::{EREF_INVALID_ARGUMENT, EREF_STORE, Error, Result};
use ereferral::proto::store::AuditHead;

#[derive(Subcommand)]
pub enum Audit {
    /// Says whether any entry was changed, removed, added or moved.
    ///
    /// Exit status: 0 when the trail is whole, 1 when it is not.
    Verify {
        /// The configuration file of the engine.
        config: String,
        /// A file with what `head` printed earlier: finds a store that was put back to an older copy.
        #[arg(long)]
        heads: Option<PathBuf>,
    },
    /// Prints where the trail ends now. Keep it outside the store, for `verify --heads`.
    Head {
        /// The configuration file of the engine.
        config: String,
    },
    /// Prints every entry as a FHIR AuditEvent, one on a line. May show personal data.
    Export {
        /// The configuration file of the engine.
        config: String,
    },
}

pub fn run(command: &Audit) -> Result<String> {
    match command {
        Audit::Verify { config, heads } => verify(config, heads.as_ref()),
        Audit::Head { config } => {
            let heads = crate::desk(config)?.audit_heads()?;
            Ok(heads.iter().map(|head| head.line() + "\n").collect())
        }
        Audit::Export { config } => {
            let mut out = BufWriter::new(std::io::stdout().lock());
            // Who stops reading has seen enough.
            crate::desk(config)?.audit_export(&mut |line| writeln!(out, "{line}").is_ok())?;
            let _ = out.flush();
            Ok(String::new())
        }
    }
}

fn verify(config: &str, noted: Option<&PathBuf>) -> Result<String> {
    let mut known = Vec::new();
    if let Some(file) = noted {
        let wrong = |what: String| Error::new(EREF_INVALID_ARGUMENT, format!("{}: {what}", file.display()));
        let text = std::fs::read_to_string(file).map_err(|error| wrong(format!("cannot be read: {error}")))?;
        for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            known.push(AuditHead::parse(line).ok_or_else(|| wrong(format!("line {} is not what head prints", number + 1)))?);
        }
    }
    let report = crate::desk(config)?.audit_verify(&known)?;
    let extent = format!("{} entries in {} chains", report.entries, report.chains);
    if report.wrong == 0 {
        return Ok(format!("the audit trail is whole: {extent}\n"));
    }
    let text = format!("the audit trail is damaged: {extent}, {} problems", report.wrong);
    Err(Error::new(EREF_STORE, text).with_detail(report.problems.join("\n")))
}
