//! What is too large for the memory there is fails with a status, and the process goes on; and a large letter is held once.

#[path = "support/clinic.rs"]
mod clinic;
#[path = "support/messages.rs"]
mod messages;
#[path = "support/store.rs"]
mod store;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::Arc;

use clinic::Clinic;
use ereferral::error::{EREF_NO_MEMORY, Result};
use ereferral::io::clock;
use ereferral::log::{Level, Log};
use ereferral::proto::exchange::{Exchange, Peer, Step, World};
use ereferral::proto::smart::keys::Keys;
use ereferral::proto::store::{Accepted, IncomingMessage, MessageIdentity, OutgoingMessage, Turn, event_kind};

/// More than anything else allocates at a time, less than a piece of a body.
const SHORT: usize = 512 << 10;
const LARGE: usize = 3 << 20;

thread_local! {
    /// The smallest allocation that this thread is refused.
    static REFUSED: Cell<usize> = const { Cell::new(usize::MAX) };
    /// What this thread holds, and held at most, since the last count began.
    static HELD: Cell<isize> = const { Cell::new(0) };
    static MOST: Cell<isize> = const { Cell::new(0) };
}

fn took(bytes: usize) {
    HELD.set(HELD.get() + bytes as isize);
    MOST.set(MOST.get().max(HELD.get()));
}

fn gave(bytes: usize) {
    HELD.set(HELD.get() - bytes as isize);
}

struct Scarce;

// SAFETY: all is done by the system's allocator, or refused, which the contract allows.
unsafe impl GlobalAlloc for Scarce {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if layout.size() >= REFUSED.get() {
            return std::ptr::null_mut();
        }
        took(layout.size());
        // SAFETY: the caller keeps the same promises to us.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        gave(layout.size());
        // SAFETY: the caller keeps the same promises to us.
        unsafe { System.dealloc(memory, layout) }
    }
    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if size >= REFUSED.get() {
            return std::ptr::null_mut();
        }
        // Both blocks may exist for a moment.
        took(size);
        gave(layout.size());
        // SAFETY: the caller keeps the same promises to us.
        unsafe { System.realloc(memory, layout, size) }
    }
}

#[global_allocator]
static MEMORY: Scarce = Scarce;

/// Runs `call` while this thread gets no large memory.
fn scarce<T>(call: impl FnOnce() -> T) -> T {
    REFUSED.set(SHORT);
    let result = call();
    REFUSED.set(usize::MAX);
    result
}

fn assert_refused<T>(call: impl FnOnce() -> Result<T>) {
    assert_eq!(scarce(call).err().map(|error| error.status()), Some(EREF_NO_MEMORY));
}

/// The most that this thread held during a call, beyond what it held before.
fn most<T>(call: impl FnOnce() -> T) -> (usize, T) {
    HELD.set(0);
    MOST.set(0);
    let result = call();
    (MOST.get().max(0) as usize, result)
}

fn incoming(body: Vec<u8>, response: Vec<u8>) -> IncomingMessage {
    IncomingMessage {
        id: "in-1".into(),
        identity: MessageIdentity {
            partner: "rms".into(),
            trusted: true,
            message_id: "mh-1".into(),
            bundle_id: "b-1".into(),
            content: [7; 32],
            refuse_changed: false,
        },
        event: "notify-update-appointment".into(),
        response_to: None,
        body: body.into(),
        response,
        notification: "{}".into(),
        referral: None,
    }
}

#[test]
fn a_body_that_cannot_be_sealed_or_opened_is_refused() {
    let (_folder, store) = store::open();
    let (large, now) = (vec![b'x'; LARGE], clock::now());
    let (body, response) = (incoming(large.clone(), Vec::new()), incoming(Vec::new(), large.clone()));
    assert_refused(|| store.accept_message(&body, now));
    assert_refused(|| store.accept_message(&response, now));
    assert!(matches!(store.accept_message(&body, now).unwrap(), Accepted::New { .. }));
    assert_refused(|| store.message_body("in-1"));
    assert!(store.message_body("in-1").unwrap() == large);
}

#[test]
fn a_letter_that_cannot_be_opened_is_leased_without_its_body() {
    let (_folder, store) = store::open();
    let now = clock::now();
    let letter = OutgoingMessage {
        id: "out-1".into(),
        partner: "rms".into(),
        host_key: "key-1".into(),
        content: [1; 32],
        event: "add-service-request".into(),
        message_id: "mh-1".into(),
        bundle_id: "b-1".into(),
        body: vec![b'x'; LARGE].into(),
        referral: None,
        replaces: None,
        files: Vec::new(),
        note: None,
    };
    assert_refused(|| store.enqueue(&letter, now));
    store.enqueue(&letter, now).unwrap();
    let turn = Turn { partner: "rms".into(), urgent: false, expired_before: 0, most: 1 };
    let (record, body) = scarce(|| store.lease_deliveries(&turn, now)).unwrap().pop().unwrap();
    assert_eq!((record.id.as_str(), body.err().map(|error| error.status())), ("out-1", Some(EREF_NO_MEMORY)));
}

#[test]
fn a_file_and_a_message_that_cannot_be_copied_are_refused() {
    let clinic = Clinic::new();
    let desk = clinic.desk();
    let mut draft = desk.engine.draft("rms", "add-service-request").unwrap();
    clinic::REFERRAL.iter().for_each(|(name, value)| draft.set(name, value).unwrap());
    draft.set("referral.identifier[0].value", "R-1").unwrap();
    draft.set("referral.reason", "Invented").unwrap();
    let file = vec![b'x'; LARGE];
    assert_refused(|| draft.add_attachment("letter.pdf", "application/pdf", &file));
    draft.add_attachment("letter.pdf", "application/pdf", &file).unwrap();
    let message = desk.engine.draft_build(&draft).unwrap();
    assert_refused(|| desk.engine.send("rms", "key-1", &message));
    desk.engine.send("rms", "key-1", &message).unwrap();
}

/// A letter of this many bytes, 4/3 of that in base64. Held a second time anywhere, it would be more than the room for everything else.
const LETTER: usize = 4 << 20;
const ROOM: usize = 3 << 20;

#[test]
fn a_large_letter_is_taken_kept_and_read_without_a_second_copy() {
    let (_folder, store) = store::open();
    let settings = serde_json::json!({
        "system": {"name": "Fakeville Family Health", "software": "test", "version": "1", "roles": ["rms-target"],
                   "time_zone": "America/Toronto"},
        "public_url": "https://pos.test", "test": true, "store": {"url": "sqlite:unused.db", "key_file": "unused.key"},
        "limits": {"attachment_bytes": LETTER + 4096, "attachments_bytes": LETTER + 8192},
        "partners": [{"name": "rms", "roles": ["rms-source"], "messaging": {"inbound": {"bearer": "invented-long-token"}}}],
    });
    let world = Arc::new(World {
        store: store.clone(),
        settings: Arc::new(serde_json::from_value(settings).unwrap()),
        keys: Arc::new(Keys::new(Vec::new())),
        log: Arc::new(Log::new(100, Level::Debug, clock::now)),
        throttle: Arc::default(),
        signals: Arc::new(|_| {}),
    });
    let body = messages::referral(LETTER);
    let request = http::Request::post("/fhir/$process-message")
        .header("authorization", "Bearer invented-long-token")
        .header("content-type", "application/fhir+json")
        .body(())
        .unwrap();
    let mut exchange = Exchange::new(world, request, Peer::default(), Box::new(clock::random));
    match exchange.step(clock::now()) {
        Step::NeedBody { .. } => {}
        Step::Respond(response) => panic!("answered {}", response.status()),
        Step::Ask(_) | Step::Keys(_) | Step::Fetch(_) | Step::Wait { .. } => panic!("it asks for something else"),
    }
    let size = body.len();
    exchange.body(Ok(body));
    let (taking, step) = most(|| exchange.step(clock::now()));
    let Step::Respond(response) = step else { panic!("no answer") };
    assert_eq!(response.status(), 200, "{}", String::from_utf8_lossy(response.body()));
    let event = store.lease_event(event_kind::MESSAGE, clock::now(), clock::now() + 60_000).unwrap().unwrap();
    let (opening, kept) = most(|| store.message_body(&event.subject).unwrap());
    eprintln!("{size} bytes: {taking} more to take them, {opening} to read them from the store");
    assert_eq!(kept.len(), size);
    assert!(taking < ROOM, "{taking} bytes more than the body");
    assert!(opening < size + ROOM, "{opening} bytes for a body of {size}");
}
