//! What each fuzz target does with its bytes. `tests/fuzz_corpus.rs` does the same with the corpora, on the stable toolchain.

use ereferral::proto::messaging::Message;
use ereferral::proto::messaging::changes::between;
use ereferral::proto::messaging::content::{Content, merge};
use ereferral::proto::messaging::groups::Said;
use ereferral::proto::messaging::tracking::Drives;
use ereferral::proto::settings::Limits;

/// Small limits, so that short inputs reach them.
fn limits() -> Limits {
    Limits { json_depth: 32, json_values: 20_000, bundle_entries: 100, ..Limits::default() }
}

/// Accept-parse: bytes are kept, places lie in the document, attachments are read to their end.
pub fn parse(data: &[u8]) {
    let message = match Message::read(data.to_vec(), &limits()) {
        Ok(message) => message,
        Err(refusal) => {
            assert!(!refusal.issue.text.is_empty());
            return;
        }
    };
    assert_eq!(message.bundle(), data);
    assert!(!message.event().is_empty() && !message.message_id().is_empty());
    for entry in &message.envelope().entries {
        let resource = &data[entry.resource.clone()];
        assert!(resource.starts_with(b"{") && resource.ends_with(b"}"));
    }
    let mut buffer = [0; 256];
    for index in 0..message.attachment_count() {
        let mut offset = 0;
        while let Ok(count @ 1..) = message.attachment_read(index, offset, &mut buffer) {
            offset += count as u64;
        }
        assert!(offset <= data.len() as u64);
    }
    message.content_identity();
}

/// Findings, fields and the notification of whatever is accepted.
pub fn check(data: &[u8]) {
    let Ok(message) = Message::parse(data.to_vec(), &limits()) else { return };
    assert!(message.issues().starts_with('{'));
    assert!(message.document().starts_with("{\"event\":"), "a message without a notification");
    for name in ["patient.name.family", "appointment.start", "attachment[0].size", "referral.note[1]", "task.status"] {
        let _ = message.field(name);
        let _ = message.field_count(name);
    }
}

/// Two messages in a row, divided by a line that only holds `---`: what the second changes, and that it changes nothing a second time.
pub fn changes(data: &[u8]) {
    const ZONE: Option<&str> = Some("America/Toronto");
    /// As who keeps a copy sees it.
    const BOTH: Drives = Drives { request: true, task: true };
    let divider = b"\n---\n";
    let Some(at) = data.windows(divider.len()).position(|window| window == divider) else { return };
    let content = |data: &[u8]| {
        let message = Message::parse(data.to_vec(), &limits()).ok()?;
        Some(Content::of(&Said::read(message.view().ok()?, ZONE), message.event()))
    };
    let (Some(before), Some(after)) = (content(&data[..at]), content(&data[at + divider.len()..])) else { return };
    let merged = merge(before.clone(), after.clone(), BOTH, ZONE).content;
    between(&before, &merged, ZONE);
    assert!(between(&merged, &merged, ZONE).is_empty());
    assert!(Content::read(&merged.document()).is_ok());
    merge(merged, after, BOTH, ZONE);
}
