//! The audit trail, for whoever looks after it: verified, noted elsewhere, exported.

use serde_json::json;

use crate::engine::{Engine, rfc3339};
use crate::error::{EREF_INVALID_ARGUMENT, EREF_INVALID_JSON, Error, Result};
use crate::proto::fhir::audit_event::audit_event;
use crate::proto::store::{AuditHead, AuditReport};

/// Entries read at a time.
const PAGE: u32 = 500;

impl Engine {
    /// Checks that no entry of the audit trail was changed, removed, added or moved. `known` are heads noted earlier outside the store: by
    /// them a store that was put back to an older copy is found too. Takes a few seconds for a million entries. Errors: `EREF_STORE`.
    pub fn audit_verify(&self, known: &[AuditHead]) -> Result<AuditReport> {
        self.0.store.audit_verify(known)
    }

    /// As [`Engine::audit_verify`], as JSON (docs/schema/audit-report.json). `known` are the `heads` of an earlier report, or empty.
    pub fn audit_report(&self, known: &[u8]) -> Result<String> {
        let not_json = |_| Error::new(EREF_INVALID_JSON, "known: expected a JSON array of texts");
        let known: Vec<String> = if known.is_empty() { Vec::new() } else { serde_json::from_slice(known).map_err(not_json)? };
        let no_head = || Error::new(EREF_INVALID_ARGUMENT, "known: expected the heads of an earlier report");
        let known: Vec<AuditHead> = known.iter().map(|line| AuditHead::parse(line).ok_or_else(no_head)).collect::<Result<_>>()?;
        // Heads first: what is written meanwhile is not in them, so that they hold for a later report.
        let heads: Vec<String> = self.audit_heads()?.iter().map(AuditHead::line).collect();
        let AuditReport { entries, chains, wrong, problems } = self.audit_verify(&known)?;
        let report = json!({"whole": wrong == 0, "entries": entries, "chains": chains, "wrong": wrong, "problems": problems, "heads": heads});
        Ok(report.to_string())
    }

    /// Where the chains of the audit trail end now.
    pub fn audit_heads(&self) -> Result<Vec<AuditHead>> {
        self.0.store.audit_heads()
    }

    /// Hands over the whole audit trail, each entry as a FHIR AuditEvent on a line (NDJSON), chain by chain; ends early when `line` says
    /// false. What hosts noted may be personal. Returns how many entries there were.
    pub fn audit_export(&self, line: &mut dyn FnMut(&str) -> bool) -> Result<u64> {
        let settings = self.0.settings();
        let mut count = 0;
        let mut after: Option<(String, i64)> = None;
        loop {
            let page = self.0.store.audit_entries(after.as_ref().map(|(node, seq)| (node.as_str(), *seq)), PAGE)?;
            let Some(last) = page.last() else { return Ok(count) };
            after = Some((last.node_id.clone(), last.seq));
            for entry in &page {
                if !line(&audit_event(entry, &settings.system.name, &rfc3339(entry.at)).to_string()) {
                    return Ok(count);
                }
                count += 1;
            }
        }
    }
}
