//! A system that receives: the real rules and the real store, without a network, at a time of the test's choosing. And messages for it.
#![allow(dead_code)]

use std::cell::Cell;
use std::sync::Arc;

use ereferral::io::clock;
use ereferral::io::store::sqlite;
use ereferral::log::{Level, Log};
use ereferral::proto::exchange::{Exchange, Peer, Step, World};
use ereferral::proto::messaging::tracking;
use ereferral::proto::settings::Settings;
use ereferral::proto::smart::keys::Keys;
use ereferral::proto::store::{Identifier, Merge, Node, ReferralRecord, Store, event_kind};
use serde_json::{Value, json};

/// 2027-01-15T08:00:00Z.
pub const NOW: i64 = 1_800_000_000_000;
pub const DAY: i64 = 86_400_000;
/// The naming system of the partners' numbers, and of ours.
pub const SYSTEM: &str = "https://rms.example/fhir/NamingSystem/id-ereferral-reference";
pub const OURS: &str = "https://pos.example/fhir/NamingSystem/referral";

pub struct Receiver {
    pub store: Arc<dyn Store>,
    pub settings: Arc<Settings>,
    pub now: Cell<i64>,
    pub folder: tempfile::TempDir,
}

impl Receiver {
    pub fn new() -> Self {
        Self::with(|_| {})
    }

    pub fn with(change: impl FnOnce(&mut Value)) -> Self {
        let partner = |name: &str, roles: Value| json!({"name": name, "roles": roles, "messaging": {"inbound": {"bearer": format!("invented-token-{name}")}}});
        let mut document = json!({
            "system": {"name": "Fakename Clinic", "software": "TestPOS", "version": "1", "roles": ["rms-source", "rms-target"],
                       "time_zone": "America/Toronto", "referral_system": OURS},
            "public_url": "https://pos.example", "test": true,
            "store": {"url": "sqlite:unused.db", "key_file": "unused.key"},
            "partners": [
                partner("hub", json!(["rms-source", "rms-target"])),
                partner("other", json!(["rms-source", "rms-target"])),
                partner("source", json!(["rms-source"])),
                partner("target", json!(["rms-target"])),
            ],
        });
        change(&mut document);
        let folder = tempfile::tempdir().unwrap();
        let store = open(&folder);
        Self { store, settings: Arc::new(serde_json::from_value(document).unwrap()), now: Cell::new(NOW), folder }
    }

    /// Ends the process and starts another one.
    pub fn restarted(self) -> Self {
        let Self { store, settings, now, folder } = self;
        drop(store);
        Self { store: open(&folder), settings, now, folder }
    }

    /// Another process beside this one, on the same store.
    pub fn beside(&self) -> Arc<dyn Store> {
        open(&self.folder)
    }

    pub fn post(&self, partner: &str, message: &Value) -> (u16, Value) {
        post(self.store.clone(), self.settings.clone(), self.now.get(), partner, message)
    }

    /// Posts a message that is taken, and returns its notification.
    pub fn take(&self, partner: &str, message: &Value) -> Value {
        let (status, answer) = self.post(partner, message);
        assert_eq!(status, 200, "{answer}");
        self.events().pop().expect("an event")
    }

    /// The documents of the MESSAGE events, oldest first.
    pub fn events(&self) -> Vec<Value> {
        let (mut found, now) = (Vec::new(), self.now.get());
        while let Some(event) = self.store.lease_event(event_kind::MESSAGE, now, now + 60_000).unwrap() {
            found.push(serde_json::from_str(&event.document).unwrap());
            self.store.finish_event(&event.id, event.attempt, now).unwrap();
        }
        found
    }

    pub fn referral(&self, value: &str) -> Option<ReferralRecord> {
        self.store.referral_by_identifier(&Identifier { system: SYSTEM.into(), value: value.into() }).unwrap()
    }

    /// A person says that an unlinked referral is part of another.
    pub fn join(&self, unlinked: &str, into: &str) {
        let record = |id: &str| self.store.referral(id).unwrap().unwrap();
        let (unlinked, into) = (record(unlinked), record(into));
        let (state, document) = tracking::joined(&self.settings, &into, &unlinked);
        let merge = Merge { unlinked: (unlinked.id, unlinked.version), into: (into.id, into.version), state, document };
        assert!(self.store.merge_referral(&merge, self.now.get()).unwrap());
    }

    /// Status of the request and of the task.
    pub fn state(&self, value: &str) -> (String, String) {
        let state = self.referral(value).expect("the referral").state;
        let code = |status: Option<ereferral::proto::store::Status>| status.map_or(String::new(), |status| status.code);
        (code(state.request), code(state.task))
    }
}

fn open(folder: &tempfile::TempDir) -> Arc<dyn Store> {
    let node = Node { id: clock::id(), process: 1, host: "test".into() };
    sqlite::open(&folder.path().join("store.db"), &folder.path().join("store.key"), node).unwrap()
}

/// Posts a message as this partner does.
pub fn post(store: Arc<dyn Store>, settings: Arc<Settings>, now: i64, partner: &str, message: &Value) -> (u16, Value) {
    let world = World {
        store,
        settings,
        keys: Arc::new(Keys::new(Vec::new())),
        log: Arc::new(Log::new(100, Level::Debug, clock::now)),
        throttle: Arc::default(),
        signals: Arc::new(|_| {}),
    };
    let request = http::Request::builder().method("POST").uri("/fhir/$process-message");
    let request = request.header("authorization", format!("Bearer invented-token-{partner}"));
    let request = request.header("content-type", "application/fhir+json").body(()).unwrap();
    let mut exchange = Exchange::new(Arc::new(world), request, Peer::default(), Box::new(clock::random));
    loop {
        match exchange.step(now) {
            Step::NeedBody { .. } => exchange.body(Ok(message.to_string().into_bytes())),
            Step::Ask(_) | Step::Keys(_) | Step::Fetch(_) | Step::Wait { .. } => panic!("receiving asks nobody"),
            Step::Respond(response) => {
                return (response.status().as_u16(), serde_json::from_slice(response.body()).unwrap_or_default());
            }
        }
    }
}

/// An identifier of the partners' numbering.
pub fn number(value: &str) -> Value {
    json!({"system": SYSTEM, "value": value})
}

/// A message of these resources, the first in focus, with ids made of `id`, sent `minute` minutes after an hour of its own.
pub fn message(event: &str, id: &str, minute: u32, resources: &[Value]) -> Value {
    let focus = &resources[0];
    let reference = format!("{}/{}", focus["resourceType"].as_str().unwrap(), focus["id"].as_str().unwrap());
    let header = json!({
        "resourceType": "MessageHeader", "id": format!("header-{id}"),
        "eventCoding": {"system": "https://ehealthontario.ca/fhir/CodeSystem/message-event-code", "code": event},
        "destination": [{"endpoint": "https://pos.example/fhir/$process-message"}],
        "source": {"name": "Sample RMS", "endpoint": "https://rms.example/fhir/$process-message"},
        "focus": [{"reference": reference}],
    });
    let entries: Vec<Value> = std::iter::once(&header).chain(resources).map(|resource| json!({"resource": resource})).collect();
    json!({
        "resourceType": "Bundle", "id": format!("bundle-{id}"), "type": "message", "timestamp": format!("2027-01-15T07:{minute:02}:00Z"),
        "meta": {"security": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ActReason", "code": "HTEST"}]}, "entry": entries,
    })
}

/// The header of a message.
pub fn header(message: &mut Value) -> &mut Value {
    &mut message["entry"][0]["resource"]
}

/// A request with this number.
pub fn request(value: &str, status: &str) -> Value {
    json!({"resourceType": "ServiceRequest", "id": format!("sr-{value}"), "identifier": [number(value)], "status": status,
           "intent": "proposal", "subject": {"reference": "Patient/p"}})
}

/// A task on the request with this number.
pub fn task(value: &str, status: &str) -> Value {
    json!({"resourceType": "Task", "id": "t", "status": status, "intent": "order",
           "basedOn": [{"reference": format!("ServiceRequest/sr-{value}"), "identifier": number(value)}]})
}

/// An appointment on the request with this number.
pub fn appointment(value: &str, status: &str) -> Value {
    json!({"resourceType": "Appointment", "id": "a", "status": status, "start": "2027-05-09T14:30:00-04:00",
           "basedOn": [{"identifier": number(value)}], "participant": [{"actor": {"reference": "Patient/p"}, "status": "accepted"}]})
}

/// A communication on the request with this number.
pub fn communication(value: &str, own: &str) -> Value {
    json!({"resourceType": "Communication", "id": "c", "status": "completed", "identifier": [{"system": SYSTEM, "value": own}],
           "basedOn": [{"identifier": number(value)}], "payload": [{"contentString": "Please call."}]})
}

pub fn patient() -> Value {
    json!({"resourceType": "Patient", "id": "p", "name": [{"family": "Testpatient", "given": ["Anna"]}], "birthDate": "1990-02-03",
           "identifier": [{"system": "https://fhir.infoway-inforoute.ca/NamingSystem/ca-on-patient-hcn", "value": "9999999999"}]})
}

/// A message with which a referral begins.
pub fn new_referral(value: &str) -> Value {
    message("add-service-request", &format!("add-{value}"), 0, &[request(value, "active"), patient()])
}

/// A task's status, with the request and the patient, as the Target sends it.
pub fn status(value: &str, id: &str, minute: u32, code: &str) -> Value {
    message("notify-update-process-request", id, minute, &[task(value, code), request(value, "active"), patient()])
}
