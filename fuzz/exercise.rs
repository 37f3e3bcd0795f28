//! What each fuzz target does with its bytes. `tests/fuzz_corpus.rs` does the same with the corpora, on the stable toolchain.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use ereferral::proto::guide::dialects::{DIALECTS, Dialect};
use ereferral::proto::guide::events::EVENTS;
use ereferral::proto::guide::field::{Field, Kind, Need};
use ereferral::proto::guide::fields_table::FIELDS;
use ereferral::proto::messaging::answer::{self, AnswerMeaning, Sent};
use ereferral::proto::messaging::changes::between;
use ereferral::proto::messaging::content::{Content, merge};
use ereferral::proto::messaging::groups::Said;
use ereferral::proto::messaging::tracking::Drives;
use ereferral::proto::messaging::{Draft, Message};
use ereferral::proto::settings::{Limits, Settings};

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

fn settings(dialect: &Dialect) -> Arc<Settings> {
    let text = r#"{"system": {"name": "Riverside Family Health", "software": "MyPOS", "version": "4.2",
            "roles": ["rms-source", "rms-target"], "time_zone": "America/Toronto"},
        "public_url": "https://pos.example", "store": {"url": "sqlite:a.db", "key_file": "a.key"},
        "partners": [{"name": "rms", "dialect": "DIALECT", "roles": ["rms-source", "rms-target"],
            "messaging": {"endpoint": "https://rms.example/fhir/$process-message"}}]}"#;
    Arc::new(serde_json::from_str(&text.replace("DIALECT", dialect.name)).expect("the settings are read"))
}

/// Every event in every dialect, with the fields it takes.
fn kinds() -> &'static [(&'static Dialect, &'static str, Vec<&'static Field>)] {
    static KINDS: OnceLock<Vec<(&'static Dialect, &'static str, Vec<&'static Field>)>> = OnceLock::new();
    KINDS.get_or_init(|| {
        let events = |dialect: &'static Dialect| {
            EVENTS.iter().filter_map(move |event| {
                let draft = Draft::new(settings(dialect), "rms", event.code).ok()?;
                let form = draft.fields_json();
                let taken = |field: &&Field| form.contains(&format!("\"name\":\"{}\"", field.name));
                Some((dialect, event.code, FIELDS.iter().filter(taken).collect()))
            })
        };
        DIALECTS.iter().flat_map(events).collect()
    })
}

/// Fields from the bytes, set as far as they are taken. The first byte chooses event and dialect; the second whether what is needed is set
/// beforehand, and a file added. Then, each up to a zero: a byte for the field, one for its repetition, and the value.
pub fn compose(data: &[u8]) {
    let [kind, flags, rest @ ..] = data else { return };
    let kinds = kinds();
    let (dialect, event, fields) = &kinds[usize::from(*kind) % kinds.len()];
    let mut draft = Draft::new(settings(dialect), "rms", event).expect("the event is composed");
    let mut set: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    let mut put = |draft: &mut Draft, field: &'static Field, again: bool, value: &str| {
        let had = set.entry(field.name).or_default();
        let index = if again && field.name.contains("[]") { had.len() } else { 0 };
        let name = field.name.replace("[]", &format!("[{index}]"));
        if value.is_empty() || draft.set(&name, value).is_err() {
            return;
        }
        match had.get_mut(index) {
            Some(had) => value.clone_into(had),
            None => had.push(value.to_owned()),
        }
    };
    if flags & 1 == 1 {
        let needed = |field: &&&Field| field.need != Need::Optional || field.name.starts_with("referral.identifier");
        let other = |field: &&&Field| field.name.starts_with("appointment.") && *event != "notify-add-appointment";
        for field in fields.iter().filter(needed).filter(|field| !other(field)) {
            put(&mut draft, field, false, field.example);
        }
    }
    if flags & 2 == 2 {
        draft.add_attachment("lettre.pdf", "application/pdf", data).expect("the file is taken");
    }
    for record in rest.split(|byte| *byte == 0) {
        let [which, repetition, value @ ..] = record else { continue };
        put(&mut draft, fields[usize::from(*which) % fields.len()], repetition % 2 == 1, &String::from_utf8_lossy(value));
    }
    let count = Cell::new(0u64);
    let random = || {
        count.set(count.get() + 1);
        let mut bytes = [9; 32];
        bytes[..8].copy_from_slice(&count.get().to_be_bytes());
        bytes
    };
    match draft.build(1_778_351_400_118, &random) {
        Ok(message) => reads_back(message.bundle(), dialect, &set),
        Err(error) => assert!(error.detail().is_some_and(|detail| detail.contains("OperationOutcome")), "{error}"),
    }
}

/// What was composed is right in its dialect and says what was set.
fn reads_back(bundle: &[u8], dialect: &'static Dialect, set: &BTreeMap<&str, Vec<String>>) {
    let message = Message::parse(bundle.to_vec(), &Limits::default()).expect("what is composed parses");
    assert!(message.errors(dialect).is_empty(), "{:?}", message.errors(dialect));
    for (name, values) in set {
        let kind = FIELDS.iter().find(|field| field.name == *name).map(|field| field.kind);
        let is_number = kind == Some(Kind::Integer);
        // Markup is read as the text that it shows; without a tag there is none.
        let is_plain = |value: &&String| !matches!(kind, Some(Kind::Markup(_))) || !value.contains('<');
        for (index, value) in values.iter().enumerate().filter(|(_, value)| is_plain(value)) {
            let read = message.field(&name.replace("[]", &format!("[{index}]"))).expect("the field is known");
            let same = match &read {
                Some(read) if is_number => read.parse::<i64>() == value.parse::<i64>(),
                read => read.as_deref() == Some(value.as_str()),
            };
            assert!(same, "{name}[{index}]: set {value:?}, read {read:?}");
        }
    }
}

/// An answer to a message: two bytes for the status, a line for the media type, then the body. What is said of it is fit for a log.
pub fn answer(data: &[u8]) {
    let [high, low, rest @ ..] = data else { return };
    let status = u16::from_be_bytes([*high, *low]) % 1000;
    let end = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
    let (media, body) = rest.split_at(end);
    let media = std::str::from_utf8(media).ok().filter(|media| !media.is_empty());
    let body = body.get(1..).unwrap_or_default();
    let sent = Sent { message_id: "m-1", bundle_id: "b-1" };
    let said = match answer::read(status, media, body, &sent) {
        AnswerMeaning::Delivered { odd, .. } => {
            assert!((200..300).contains(&status) || status == 409, "{status} is no success");
            odd.unwrap_or_default().to_owned()
        }
        AnswerMeaning::Unauthorized => return assert_eq!(status, 401),
        AnswerMeaning::Retry { reason } | AnswerMeaning::Unclear { reason } | AnswerMeaning::Refused { reason } => {
            assert!(!reason.is_empty());
            reason
        }
    };
    assert!(said.len() < 200 && said.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic()), "{said:?}");
}
