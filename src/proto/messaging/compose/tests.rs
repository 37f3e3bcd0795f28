use super::*;
use crate::proto::messaging::path::elements_of;
use crate::proto::messaging::view::tests::Sample;
use serde_json::json;

fn settings(test: bool) -> Arc<Settings> {
    let text = json!({
        "system": {"name": "Riverside Family Health", "software": "MyPOS", "version": "4.2", "roles": ["rms-source"], "time_zone": "America/Toronto"},
        "public_url": "https://pos.example", "test": test, "store": {"url": "sqlite:a.db", "key_file": "a.key"},
        "partners": [{"name": "ocean", "roles": ["rms-target"], "messaging": {"endpoint": "https://rms.example/svc/fhir/v1/$process-messages"}},
            {"name": "mute", "roles": ["smart-app"]}]
    });
    Arc::new(serde_json::from_value(text).unwrap())
}

fn draft(event: &str) -> Draft {
    Draft::new(settings(false), "ocean", event).unwrap()
}

/// The fields of a referral that every event takes.
const COMMON: &[(&str, &str)] = &[
    ("patient.name.family", "Testpatient"),
    ("patient.name.given[+]", "Anna"),
    ("patient.gender", "female"),
    ("patient.birth_date", "1980-02-29"),
    ("patient.health_number", "9999999999"),
    ("patient.health_number.version", "ZZ"),
    ("requester.name.family", "Fakename"),
    ("requester.licence", "999999"),
    ("requester.phone", "416-555-0101"),
    ("target.organization", "Fracture Clinic"),
    ("target.listing", "fracture-clinic-1"),
    ("user.name", "Sam Sampleuser"),
];

fn fill(draft: &mut Draft, more: &[(&str, &str)]) {
    for (name, value) in COMMON.iter().chain(more) {
        draft.set(name, value).unwrap();
    }
}

const REFERRAL: &[(&str, &str)] =
    &[("referral.category.code", "183545006"), ("referral.category.display", "Orthopaedics"), ("referral.reason", "Knee pain")];

fn random() -> impl Fn() -> [u8; 32] {
    let count = std::cell::Cell::new(0u8);
    move || {
        count.set(count.get() + 1);
        [count.get(); 32]
    }
}

fn compose(draft: &Draft) -> Value {
    let message = draft.build(1_778_351_400_118, &random());
    serde_json::from_slice(message.unwrap_or_else(|error| panic!("{error}: {:?}", error.detail())).bundle()).unwrap()
}

fn findings(draft: &Draft) -> String {
    let error = draft.build(0, &random()).err().unwrap();
    assert!([EREF_INVALID_FIELD, EREF_INVALID_CONTENT].contains(&error.status()));
    error.detail().unwrap().to_owned()
}

fn types(bundle: &Value) -> Vec<&str> {
    elements_of(bundle.get("entry")).iter().map(|entry| resource_type(&entry["resource"])).collect()
}

#[test]
fn a_referral_has_the_envelope_and_the_parts_of_the_guide() {
    let mut draft = draft("add-service-request");
    fill(&mut draft, REFERRAL);
    draft.add_attachment("letter.pdf", "application/pdf", b"%PDF-1.4").unwrap();
    let bundle = compose(&draft);
    assert_eq!(bundle["type"], "message");
    assert_eq!(bundle["timestamp"], "2026-05-09T14:30:00.118-04:00");
    assert!(bundle.get("total").is_none());
    let expected = [
        "MessageHeader",
        "ServiceRequest",
        "Patient",
        "PractitionerRole",
        "Practitioner",
        "PractitionerRole",
        "Organization",
        "PractitionerRole",
        "Practitioner",
        "DocumentReference",
    ];
    assert_eq!(types(&bundle), expected);
    for entry in elements_of(bundle.get("entry")) {
        assert_eq!(entry["fullUrl"].as_str().unwrap(), format!("urn:uuid:{}", entry["resource"]["id"].as_str().unwrap()));
        assert!(entry["resource"]["meta"]["profile"][0].as_str().unwrap().contains("|1.0."));
        assert!(entry["resource"]["meta"].get("security").is_none());
    }
    let header = &bundle["entry"][0]["resource"];
    assert_eq!(header["destination"][0]["endpoint"], "https://rms.example/svc/fhir/v1/$process-messages");
    assert_eq!(header["source"]["endpoint"], "https://pos.example/fhir/$process-message");
    assert_eq!(header["reason"]["text"], "Initial");
    let request = &bundle["entry"][1]["resource"];
    assert_eq!(header["focus"][0]["reference"], bundle["entry"][1]["fullUrl"]);
    assert_eq!(header["extension"][0]["valueIdentifier"], request["identifier"][0]);
    assert_eq!(request["identifier"][0]["system"], "https://pos.example/fhir/NamingSystem/referral");
    assert_eq!(request["intent"], "proposal");
    assert_eq!(request["supportingInfo"][0]["reference"], bundle["entry"][9]["fullUrl"]);
    let attachment = &bundle["entry"][9]["resource"]["content"][0]["attachment"];
    assert_eq!(attachment["data"], "JVBERi0xLjQ=");
    assert_eq!(attachment["hash"], "GChKT9CWeATJoCy1voZ5i1RQkVM=");
    let listing = &bundle["entry"][5]["resource"]["identifier"][0];
    assert_eq!(listing["system"], "https://rms.example/svc/fhir/v1/NamingSystem/id-referral-target-reference");
}

#[test]
fn fields_come_back_from_the_composed_message() {
    let mut draft = draft("add-service-request");
    fill(&mut draft, REFERRAL);
    let sample = Sample::of(&compose(&draft));
    for (name, value) in COMMON.iter().chain(REFERRAL) {
        let read = fields::read(sample.view(), &name.replace("[+]", "")).unwrap();
        assert_eq!(read.as_deref(), Some(*value), "{name}");
    }
}

#[test]
fn status_booking_and_communication_name_their_referral() {
    type Case = (&'static str, &'static str, &'static [(&'static str, &'static str)]);
    let cases: [Case; 4] = [
        ("notify-add-process-request", "Task", &[("task.status", "received")]),
        ("notify-update-process-request", "Task", &[("task.status", "accepted"), ("task.business_status", "Waiting for imaging")]),
        (
            "notify-add-appointment",
            "Appointment",
            &[
                ("appointment.start", "2026-05-09T14:30:00-04:00"),
                ("appointment.end", "2026-05-09T15:00:00-04:00"),
                ("appointment.location", "Room 4"),
            ],
        ),
        ("send-communication-from-provider", "Communication", &[("communication.text[+]", "Please send the report.")]),
    ];
    for (event, focus, values) in cases {
        let mut draft = draft(event);
        fill(&mut draft, &[("referral.identifier[0].system", "https://rms.example/ref"), ("referral.identifier[0].value", "R-1")]);
        values.iter().for_each(|(name, value)| draft.set(name, value).unwrap());
        let bundle = compose(&draft);
        assert_eq!(types(&bundle)[..3], ["MessageHeader", focus, "ServiceRequest"], "{event}");
        let based_on = &bundle["entry"][1]["resource"]["basedOn"][0];
        assert_eq!(based_on["reference"], bundle["entry"][2]["fullUrl"]);
        assert_eq!(based_on["identifier"]["value"], "R-1");
        let sample = Sample::of(&bundle);
        for (name, value) in values {
            assert_eq!(fields::read(sample.view(), &name.replace("[+]", "")).unwrap().as_deref(), Some(*value), "{name}");
        }
    }
}

#[test]
fn a_withdrawal_says_revoked_and_an_update_may_be_about_an_appointment() {
    let mut revoke = draft("revoke-service-request");
    fill(&mut revoke, &[("referral.identifier.value", "R-1")]);
    assert_eq!(compose(&revoke)["entry"][1]["resource"]["status"], "revoked");
    let mut update = draft("notify-update-process-request");
    fill(&mut update, &[("referral.identifier.value", "R-1"), ("appointment.status", "cancelled")]);
    assert_eq!(types(&compose(&update))[1], "Appointment");
}

#[test]
fn all_that_is_missing_is_said_at_once() {
    let findings = findings(&draft("add-service-request"));
    for name in [
        "patient.name.family",
        "patient.gender",
        "referral.category.code",
        "referral.reason",
        "requester.name.family",
        "target.listing",
    ] {
        assert!(findings.contains(&format!("\"{name}\"")), "{name}");
    }
    let mut update = draft("notify-add-process-request");
    fill(&mut update, &[("task.status", "received")]);
    assert!(self::findings(&update).contains("referral.identifier[].value"));
}

#[test]
fn an_appointment_has_start_and_end_unless_it_is_proposed_or_cancelled() {
    let mut draft = draft("notify-add-appointment");
    let line = |draft: &Draft| {
        let form: Value = serde_json::from_str(&draft.fields_json()).unwrap();
        let lines = elements_of(form.get("fields")).to_vec();
        lines.into_iter().find(|line| line["name"] == "appointment.start").unwrap()
    };
    assert_eq!((&line(&draft)["required"], &line(&draft)["unless"]["appointment.status"][0]), (&json!(true), &json!("proposed")));
    fill(
        &mut draft,
        &[("referral.identifier.value", "R-1"), ("appointment.status", "proposed"), ("appointment.identifier", "A-1")],
    );
    assert_eq!(line(&draft)["required"], false);
    let proposed = Message::parse(compose(&draft).to_string().into_bytes(), &Default::default()).unwrap();
    // Of a booking that is proposed already no date is asked either.
    let mut known = Known::default();
    known.add(proposed.view().unwrap(), "notify-add-appointment").unwrap();
    let mut again = self::draft("notify-add-appointment").about("r", Arc::new(known), ReferralRole::Target, None);
    again.set("appointment.identifier", "A-1").unwrap();
    again.set("appointment.description", "First visit").unwrap();
    assert_eq!(line(&again)["required"], false);
    let fresh = random();
    let _ = (0..100).map(|_| fresh()).last();
    let again = again.build(1_778_351_400_118, &fresh).unwrap();
    assert_eq!(again.field("appointment.status").unwrap().as_deref(), Some("proposed"));
    draft.set("appointment.start", "2026-05-09T14:30:00-04:00").unwrap();
    assert!(findings(&draft).contains("appointment.end"));
    draft.set("appointment.start", "").unwrap();
    draft.set("appointment.status", "booked").unwrap();
    assert!(findings(&draft).contains("appointment.start"));
}

#[test]
fn values_are_checked_when_set_and_never_repeated_in_errors() {
    let mut draft = draft("notify-add-appointment");
    let long = "x".repeat(300);
    let cases = [
        ("patient.birth_date", "29.02.1980"),
        ("patient.gender", "F"),
        ("patient.name.family", "Test\u{7}patient"),
        ("patient.name.family", "Test\npatient"),
        ("patient.name.family", "   "),
        ("patient.name.family", long.as_str()),
        ("appointment.start", "2026-05-09 14:30"),
        ("referral.identifier[0].system", "not a uri"),
        ("patient.id", "p1"),
        ("communication.text", "Hello there"),
        ("patient.name.given[100]", "Anna"),
    ];
    for (name, value) in cases {
        let error = draft.set(name, value).unwrap_err();
        assert_eq!(error.status(), EREF_INVALID_FIELD, "{name}");
        assert!(!error.message().contains(value) && !error.detail().unwrap().contains(value), "{name}");
        assert!(error.message().starts_with(fields::find(name).unwrap().1.name), "{name}");
    }
}

#[test]
fn the_identity_is_that_of_what_the_host_handed_in() {
    let make = |order: bool, reason: &str| {
        let mut draft = draft("add-service-request");
        if order {
            fill(&mut draft, &[("referral.reason", reason), ("referral.priority", "urgent")]);
        } else {
            fill(&mut draft, &[("referral.priority", "urgent"), ("referral.reason", reason)]);
        }
        draft
    };
    assert_eq!(make(true, "Knee").identity(), make(false, "Knee").identity());
    assert_ne!(make(true, "Knee").identity(), make(true, "Hip").identity());
    let with_file = |title: &str, kind: &str, data: &[u8]| {
        let mut draft = make(true, "Knee");
        draft.add_attachment(title, kind, data).unwrap();
        draft.identity()
    };
    let with_resource = |json: &str| {
        let mut draft = make(true, "Knee");
        draft.add_resource(json.as_bytes()).unwrap();
        draft.identity()
    };
    let mut all = [
        make(true, "Knee").identity(),
        with_file("a.txt", "text/plain", b"a"),
        with_file("b.txt", "text/plain", b"a"),
        with_file("a.txt", "text/html", b"a"),
        with_file("a.txt", "text/plain", b"b"),
        with_resource(r#"{"resourceType":"Condition","id":"1"}"#),
        with_resource(r#"{"resourceType":"Condition","id":"2"}"#),
    ];
    all.sort_unstable();
    assert!(all.windows(2).all(|pair| pair[0] != pair[1]));
    assert_eq!(with_file("a.txt", "text/plain", b"a"), with_file("a.txt", "text/plain", b"a"));
}

#[test]
fn the_hosts_resource_is_used_whole_and_its_fields_are_refused() {
    let mut draft = draft("add-service-request");
    for (name, value) in COMMON.iter().chain(REFERRAL).filter(|(name, _)| !name.starts_with("patient.")) {
        draft.set(name, value).unwrap();
    }
    let patient = json!({"resourceType": "Patient", "id": "p1", "name": [{"family": "Testpatient"}], "gender": "female", "language": "fr-CA"});
    draft.add_resource(patient.to_string().as_bytes()).unwrap();
    let bundle = compose(&draft);
    assert_eq!(bundle["entry"][2]["fullUrl"], "https://pos.example/fhir/Patient/p1");
    assert_eq!(bundle["entry"][2]["resource"]["language"], "fr-CA");
    assert_eq!(bundle["entry"][1]["resource"]["subject"]["reference"], "https://pos.example/fhir/Patient/p1");
    assert!(draft.add_resource(patient.to_string().as_bytes()).is_err());
    draft.set("patient.gender", "female").unwrap();
    assert!(findings(&draft).contains("patient.gender"));
}

#[test]
fn a_resource_with_a_member_twice_or_too_many_values_is_refused() {
    let mut draft = draft("add-service-request");
    let error = draft.add_resource(br#"{"resourceType":"Patient","name":[{"family":"A","family":"B"}]}"#).unwrap_err();
    assert_eq!(error.status(), EREF_INVALID_CONTENT);
    assert!(error.message().starts_with("resource.name[0]: "), "{}", error.message());
    let many = format!(r#"{{"resourceType":"Basic","x":[{}0]}}"#, "0,".repeat(draft.settings.limits.json_values));
    assert_eq!(draft.add_resource(many.as_bytes()).unwrap_err().status(), EREF_TOO_LARGE);
}

#[test]
fn references_of_host_resources_must_lead_somewhere_and_something_must_lead_to_them() {
    let mut draft = draft("add-service-request");
    fill(&mut draft, REFERRAL);
    draft.add_resource(br#"{"resourceType":"Condition","id":"c1","subject":{"reference":"Patient/gone"}}"#).unwrap();
    draft.add_resource(br#"{"resourceType":"Device","id":"d1"}"#).unwrap();
    let findings = findings(&draft);
    assert!(findings.contains("leads to no resource"));
    assert!(findings.contains("no reference leads to this resource"));
}

#[test]
fn the_hosts_own_referral_names_its_parties() {
    let mut draft = draft("add-service-request");
    for resource in [
        json!({"resourceType": "ServiceRequest", "id": "s1", "identifier": [{"system": "https://pos.example/r", "value": "1"}], "status": "active", "intent": "proposal",
            "subject": {"reference": "Patient/p1"}, "requester": {"reference": "PractitionerRole/r1"}, "performer": [{"reference": "PractitionerRole/r2"}]}),
        json!({"resourceType": "Patient", "id": "p1", "name": [{"family": "Testpatient"}], "gender": "female"}),
        json!({"resourceType": "PractitionerRole", "id": "r1"}),
        json!({"resourceType": "PractitionerRole", "id": "r2"}),
    ] {
        draft.add_resource(resource.to_string().as_bytes()).unwrap();
    }
    draft.add_attachment("a.txt", "text/plain", b"a").unwrap();
    let bundle = compose(&draft);
    assert_eq!(bundle["entry"][0]["resource"]["author"]["reference"], "PractitionerRole/r1");
    assert_eq!(bundle["entry"][0]["resource"]["destination"][0]["receiver"]["reference"], "PractitionerRole/r2");
    assert_eq!(types(&bundle).len(), 6);
}

#[test]
fn a_test_engine_labels_everything_and_a_real_one_refuses_labelled_resources() {
    let mut draft = Draft::new(settings(true), "ocean", "add-service-request").unwrap();
    fill(&mut draft, REFERRAL);
    let bundle = compose(&draft);
    assert_eq!(bundle["meta"]["security"][0]["code"], "HTEST");
    assert!(elements_of(bundle.get("entry")).iter().all(|entry| entry["resource"]["meta"]["security"][0]["code"] == "HTEST"));
    let mut real = self::draft("add-service-request");
    fill(&mut real, REFERRAL);
    real.add_resource(br#"{"resourceType":"Condition","meta":{"security":[{"code":"HTEST"}]}}"#).unwrap();
    assert!(findings(&real).contains("test data"));
}

#[test]
fn partners_and_events_are_checked_first() {
    let status = |partner: &str, event: &str| Draft::new(settings(false), partner, event).err().map(|error| error.status());
    assert_eq!(status("nobody", "add-service-request"), Some(EREF_NOT_FOUND));
    assert_eq!(status("mute", "add-service-request"), Some(EREF_CONFIG));
    assert_eq!(status("ocean", "add-rfi"), Some(EREF_UNKNOWN_EVENT));
    assert_eq!(status("ocean", "add-servicerequest"), None);
}

#[test]
fn files_are_checked() {
    let mut draft = draft("add-service-request");
    assert!(draft.add_attachment("letter", "application/pdf", b"x").is_err());
    assert!(draft.add_attachment("../letter.pdf", "application/pdf", b"x").is_err());
    assert!(draft.add_attachment("letter.pdf", "pdf", b"x").is_err());
    assert!(draft.add_attachment("letter.pdf", "application/pdf", b"").is_err());
    let big = vec![0; draft.settings.limits.attachment_bytes + 1];
    assert_eq!(draft.add_attachment("letter.pdf", "application/pdf", &big).unwrap_err().status(), EREF_TOO_LARGE);
}

#[test]
fn the_form_lists_what_means_something_for_the_event() {
    let form: Value = serde_json::from_str(&draft("notify-add-appointment").fields_json()).unwrap();
    let names: Vec<&str> = elements_of(form.get("fields")).iter().map(|field| field["name"].as_str().unwrap()).collect();
    assert!(names.contains(&"appointment.start") && !names.contains(&"task.status") && !names.contains(&"patient.id"));
    let schema: Value = serde_json::from_str(include_str!("../../../../docs/schema/form.json")).unwrap();
    crate::proto::messaging::notification::tests::check_described(&form, &schema, &schema, "form");
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]
    #[test]
    fn any_name_and_text_comes_back_unchanged(
        family in "[\\p{L}\\p{M}'’ ᐃᓄᒃᑎᑐᑦéèçœ🙂\"\\\\-]{0,40}x",
        reason in "[^\\p{C}\\p{Z}]{1,40}",
        note in "(\\PC|\n){0,60}x",
    ) {
        let mut draft = draft("add-service-request");
        fill(&mut draft, REFERRAL);
        for (name, value) in [("patient.name.family", &family), ("referral.reason", &reason), ("referral.note[+]", &note)] {
            draft.set(name, value).unwrap();
        }
        let sample = Sample::of(&compose(&draft));
        let read = |name: &str| fields::read(sample.view(), name).unwrap().unwrap();
        proptest::prop_assert_eq!(read("patient.name.family"), family);
        proptest::prop_assert_eq!(read("referral.reason"), reason);
        proptest::prop_assert_eq!(read("referral.note[0]"), note);
    }
}
