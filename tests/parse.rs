//! Accept-parse: what one pass finds, and what it refuses.

#[path = "support/messages.rs"]
mod messages;

use ereferral::error::{EREF_INVALID_CONTENT, EREF_INVALID_JSON, EREF_NOT_FOUND, EREF_TOO_LARGE};
use ereferral::proto::messaging::Message;
use ereferral::proto::messaging::parse::{Refusal, check_json, parse};
use ereferral::proto::settings::Limits;
use proptest::prelude::*;
use serde::Deserialize;
use serde_json::value::RawValue;

const SIZED_011: &str = include_str!("fixtures/add-service-request-0.11.json");
const PLAIN_010: &str = include_str!("fixtures/notify-add-appointment-0.10.json");

fn limits() -> Limits {
    Limits::default()
}

fn refusal(document: &str) -> Refusal {
    match Message::read(document.as_bytes().to_vec(), &limits()) {
        Ok(_) => panic!("accepted: {document}"),
        Err(refusal) => refusal,
    }
}

/// The smallest message, with parts to break.
fn message(header: &str, entry: &str) -> String {
    format!(
        r#"{{"resourceType":"Bundle","id":"b","type":"message","timestamp":"2026-01-01T00:00:00Z","entry":[{{"fullUrl":"urn:uuid:00000000-0000-4000-8000-000000000001","resource":{{"resourceType":"MessageHeader","id":"m",{header}}}}},{entry}]}}"#
    )
}

const HEADER: &str =
    r#""eventCoding":{"code":"add-service-request"},"source":{"endpoint":"https://rms.example"},"focus":[{"reference":"Task/t"}]"#;
const TASK: &str = r#"{"fullUrl":"https://rms.example/Task/t","resource":{"resourceType":"Task","id":"t"}}"#;

#[derive(Deserialize)]
struct RawBundle<'a> {
    #[serde(borrow)]
    entry: Vec<RawEntry<'a>>,
}

#[derive(Deserialize)]
struct RawEntry<'a> {
    #[serde(borrow)]
    resource: &'a RawValue,
}

fn assert_ranges(document: &str) {
    let raw: RawBundle = serde_json::from_str(document).unwrap();
    let envelope = parse(document, &limits()).unwrap();
    let found: Vec<&str> = envelope.entries.iter().map(|entry| &document[entry.resource.clone()]).collect();
    let expected: Vec<&str> = raw.entry.iter().map(|entry| entry.resource.get()).collect();
    assert_eq!(found, expected);
}

#[test]
fn reads_the_0_11_message_with_bare_uuid_and_without_ids() {
    let message = Message::parse(SIZED_011.into(), &limits()).unwrap();
    assert_eq!(message.event(), "add-service-request");
    assert_eq!(message.message_id(), "00000000-0000-4000-8000-000000000001");
    assert_eq!(message.bundle_id(), "00000000-0000-4000-8000-000000000100");
    assert!(message.is_test());
    assert_eq!(message.envelope().entries.len(), 13);
    assert_eq!(message.header().referral_identifier().unwrap().value, "00000000-0000-4000-8000-000000000012");
    assert!(message.findings().iter().all(|issue| issue.severity != "error"), "{:?}", message.findings());
    assert!(message.findings().iter().any(|issue| issue.expression == "Bundle.entry[0].fullUrl"));
    assert_ranges(SIZED_011);
}

#[test]
fn reads_the_0_10_message_without_full_urls() {
    let message = Message::parse(PLAIN_010.into(), &limits()).unwrap();
    assert_eq!((message.event(), message.message_id()), ("notify-add-appointment", "mh-1"));
    let places: Vec<&str> = message.findings().iter().map(|issue| issue.expression.as_str()).collect();
    assert!(places.contains(&"Bundle.total") && places.contains(&"Bundle.entry[4].fullUrl"), "{places:?}");
    assert_ranges(PLAIN_010);
}

#[test]
fn finds_identifiers_and_based_on_of_each_entry() {
    let envelope = parse(PLAIN_010, &limits()).unwrap();
    let values = |range: std::ops::Range<usize>| {
        envelope.pairs[range].iter().map(|pair| pair.value.as_ref().unwrap().of(PLAIN_010).to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(values(envelope.entries[1].based_on.clone()), ["R-1001"]);
    assert_eq!(values(envelope.entries[2].identifiers.clone()), ["R-1001"]);
    assert_eq!(values(envelope.entries[3].identifiers.clone()), ["9999999999"]);
}

#[test]
fn reads_the_generated_messages() {
    let small = String::from_utf8(messages::referral(0)).unwrap();
    assert!((38_000..44_000).contains(&small.len()), "{}", small.len());
    assert_eq!(parse(&small, &limits()).unwrap().entries.len(), 23);
    assert_ranges(&small);
    let large = String::from_utf8(messages::referral(3_700_000)).unwrap();
    assert!((4_900_000..5_100_000).contains(&large.len()), "{}", large.len());
    assert_ranges(&large);
}

#[test]
fn refuses_a_member_that_stands_twice_at_any_depth() {
    for (entry, place) in [
        (r#"{"resource":{"resourceType":"Task","id":"t","id":"u"}}"#, "Bundle.entry[1].resource"),
        (
            r#"{"resource":{"resourceType":"Task","id":"t","code":{"coding":[{},{"a":1,"b":2,"a":3}]}}}"#,
            "Bundle.entry[1].resource.code.coding[1]",
        ),
        (r#"{"resource":{"resourceType":"Task","id":"t"},"resource":{"resourceType":"Task","id":"t"}}"#, "Bundle.entry[1]"),
    ] {
        let refusal = refusal(&message(HEADER, entry));
        assert_eq!((refusal.status, refusal.issue.expression.as_str()), (EREF_INVALID_CONTENT, place));
        assert!(refusal.issue.text.contains("twice"), "{}", refusal.issue.text);
    }
}

#[test]
fn the_same_member_in_sibling_objects_is_no_repetition() {
    let entry = r#"{"resource":{"resourceType":"Task","id":"t","input":[{"a":{"id":1}},{"a":{"id":1}}],"output":{"id":2}}}"#;
    assert!(Message::parse(message(HEADER, entry).into(), &limits()).is_ok());
}

#[test]
fn refuses_a_member_name_with_escapes() {
    let refusal = refusal(&message(HEADER, r#"{"resource":{"resourceType":"Task","\u0069d":"t"}}"#));
    assert_eq!(refusal.status, EREF_INVALID_CONTENT);
    assert!(refusal.issue.text.contains("without escapes"), "{}", refusal.issue.text);
}

#[test]
fn refuses_what_is_not_json_and_says_where() {
    for document in
        ["", "{", "nul", r#"{"a":[1,]}"#, r#"{"resourceType":"Bundle"} x"#, "{\"a\":\"\u{1}\"}", r#"{"a":"\ud800"}"#, r#"{"a":01}"#]
    {
        let refusal = refusal(document);
        assert_eq!(refusal.status, EREF_INVALID_JSON, "{document}: {}", refusal.issue.text);
        assert!(refusal.issue.text.contains("line 1"), "{document}: {}", refusal.issue.text);
    }
    let broken = refusal(&message(HEADER, r#"{"resource":{"resourceType":"Task","status":}}"#));
    assert_eq!(broken.issue.expression, "Bundle.entry[1].resource.status");
}

#[test]
fn refuses_bytes_that_are_not_utf8() {
    let error = Message::parse(b"{\"a\":\"\xff\"}".to_vec(), &limits()).err().unwrap();
    assert_eq!(error.status(), EREF_INVALID_JSON);
    assert!(error.message().contains("byte 6"), "{}", error.message());
}

#[test]
fn refuses_nesting_beyond_the_limit() {
    let deep = |levels: usize| {
        let entry =
            format!(r#"{{"resource":{{"resourceType":"Task","id":"t","x":{}1{}}}}}"#, "[".repeat(levels), "]".repeat(levels));
        Message::parse(message(HEADER, &entry).into(), &limits())
    };
    assert!(deep(60).is_ok());
    assert_eq!(deep(61).err().unwrap().status(), EREF_TOO_LARGE);
    assert_eq!(deep(100_000).err().unwrap().status(), EREF_TOO_LARGE);
}

#[test]
fn refuses_more_entries_and_members_than_the_limits() {
    let few = Limits { bundle_entries: 1, ..limits() };
    assert_eq!(Message::parse(message(HEADER, TASK).into(), &few).err().unwrap().status(), EREF_TOO_LARGE);
    let members: String = (0..200).map(|at| format!(r#","m{at}":1"#)).collect();
    let wide = message(HEADER, &format!(r#"{{"resource":{{"resourceType":"Task","id":"t"{members}}}}}"#));
    assert_eq!(refusal(&wide).status, EREF_TOO_LARGE);
}

/// A message with one more resource whose values number `count`, its own object included.
fn with_values(count: usize) -> Vec<String> {
    let plain = ["1", "\"a\"", "null", "{}", "[]"].map(|value| format!("[{}]", vec![value; count - 3].join(",")));
    let named: Vec<String> = (0..count - 3).map(|at| format!("{{\"data\":\"{at}\"}}")).collect();
    let half = format!("[{}]", named[..(count - 3) / 2].join(","));
    let entry = |list: &str| format!(r#"{TASK},{{"resource":{{"resourceType":"Basic","x":{list}}}}}"#);
    plain.iter().chain([&half]).map(|list| message(HEADER, &entry(list))).collect()
}

#[test]
fn refuses_more_values_than_the_limit_whatever_they_are() {
    let limits = Limits { json_values: 1000, ..limits() };
    for document in with_values(900) {
        assert!(Message::parse(document.into(), &limits).is_ok());
    }
    for document in with_values(1002) {
        let refusal = Message::read(document.into(), &limits).err().unwrap();
        assert_eq!((refusal.status, refusal.issue.code), (EREF_TOO_LARGE, "too-long"));
        assert!(refusal.issue.text.contains("limits.json_values"), "{}", refusal.issue.text);
    }
}

#[test]
fn any_json_is_walked_for_repetition_depth_and_number_before_a_tree_is_made() {
    let limits = Limits { json_values: 10, json_depth: 8, ..limits() };
    let check = |document: &str| check_json(document, "Basic", &limits);
    assert_eq!(check(r#"{"a":[1,2,{"data":"x"}],"b":null}"#), Ok(()));
    assert_eq!(check("[1,2,3,4,5,6,7,8,9]"), Ok(()));
    let cases = [
        ("[1,2,3,4,5,6,7,8,9,10]", EREF_TOO_LARGE, "Basic[9]"),
        (r#"{"a":[{"b":1,"b":2}]}"#, EREF_INVALID_CONTENT, "Basic.a[0]"),
        ("[[[[[[[[[]]]]]]]]]", EREF_TOO_LARGE, "Basic[0][0][0][0][0][0][0][0]"),
        (r#"{"a":}"#, EREF_INVALID_JSON, "Basic.a"),
        ("{} {}", EREF_INVALID_JSON, "Basic"),
    ];
    for (document, status, place) in cases {
        let refusal = check(document).err().unwrap();
        assert_eq!((refusal.status, refusal.issue.expression.as_str()), (status, place), "{document}");
    }
}

#[test]
fn refuses_more_than_16_foci_and_64_referral_identifiers() {
    let focus = r#"{"reference":"Task/t"}"#;
    let foci = |count: usize| message(&HEADER.replace(focus, &vec![focus; count].join(",")), TASK);
    let identifiers = |count: usize| (0..count).map(|at| format!(r#"{{"value":"{at}"}}"#)).collect::<Vec<_>>().join(",");
    let request = |count: usize| {
        let request = format!(r#"{{"resource":{{"resourceType":"ServiceRequest","identifier":[{}]}}}}"#, identifiers(count));
        message(HEADER, &format!("{TASK},{request}"))
    };
    let based_on = |count: usize| {
        let list: Vec<_> = identifiers(count).split(',').map(|own| format!(r#"{{"identifier":{own}}}"#)).collect();
        message(HEADER, &TASK.replace(r#""id":"t""#, &format!(r#""id":"t","basedOn":[{}]"#, list.join(","))))
    };
    let extension = |count: usize| {
        let url = "http://ehealthontario.ca/fhir/StructureDefinition/ext-referral-identifier";
        let one = |own: &str| format!(r#"{{"url":"{url}","valueIdentifier":{own}}}"#);
        let list: Vec<_> = identifiers(count).split(',').map(one).collect();
        message(&format!(r#"{HEADER},"extension":[{}]"#, list.join(",")), TASK)
    };
    for document in [foci(16), request(64), based_on(64), extension(64)] {
        Message::parse(document.into(), &limits()).unwrap();
    }
    for (document, place) in [
        (foci(17), "Bundle.entry[0].resource.focus"),
        (request(65), "Bundle.entry[2].resource.identifier"),
        (based_on(65), "Bundle.entry[1].resource.basedOn"),
        (extension(65), "Bundle.entry[0].resource.extension"),
    ] {
        let refusal = refusal(&document);
        assert_eq!((refusal.status, refusal.issue.expression.as_str()), (EREF_INVALID_CONTENT, place));
    }
}

#[test]
fn refuses_ids_and_identifiers_that_are_too_long_to_keep() {
    let request = |system: usize, value: usize| {
        let own = format!(r#"{{"system":"{}","value":"{}"}}"#, "s".repeat(system), "v".repeat(value));
        message(HEADER, &format!(r#"{TASK},{{"resource":{{"resourceType":"ServiceRequest","identifier":[{own}]}}}}"#))
    };
    let bundle = |count: usize| message(HEADER, TASK).replace(r#""id":"b""#, &format!(r#""id":"{}""#, "b".repeat(count)));
    let header = |count: usize| message(HEADER, TASK).replace(r#""id":"m""#, &format!(r#""id":"{}""#, "h".repeat(count)));
    for document in [request(1024, 1024), bundle(255), header(255)] {
        Message::parse(document.into(), &limits()).unwrap();
    }
    for (document, place) in [
        (request(1025, 1), "Bundle.entry[2].resource.identifier"),
        (request(1, 1025), "Bundle.entry[2].resource.identifier"),
        (bundle(256), "Bundle.id"),
        (header(256), "Bundle.entry[0].resource.id"),
    ] {
        let refusal = refusal(&document);
        assert_eq!((refusal.status, refusal.issue.expression.as_str()), (EREF_INVALID_CONTENT, place));
    }
}

#[test]
fn refuses_what_cannot_be_used_and_names_the_element() {
    let cases = [
        (r#"{"resourceType":"Patient","id":"p"}"#.to_owned(), "Bundle.resourceType"),
        (r#"[{"resourceType":"Bundle"}]"#.to_owned(), "Bundle"),
        (message(HEADER, TASK).replace(r#""type":"message""#, r#""type":"batch""#), "Bundle.type"),
        (message(HEADER, TASK).replace(r#""type":"message","#, ""), "Bundle.type"),
        (message(HEADER, TASK).replace(r#""id":"b""#, r#""id":7"#), "Bundle.id"),
        (message(HEADER, TASK).replace("MessageHeader", "Basic"), "Bundle.entry[0].resource"),
        (r#"{"resourceType":"Bundle","type":"message","entry":{}}"#.to_owned(), "Bundle.entry"),
        (message(HEADER, "{}"), "Bundle.entry[1]"),
        (message(HEADER, r#"{"fullUrl":"urn:x"}"#), "Bundle.entry[1]"),
        (message(HEADER, "null"), "Bundle.entry[1]"),
        (message(HEADER, r#"{"resource":[]}"#), "Bundle.entry[1].resource"),
        (message(HEADER, r#"{"resource":{}}"#), "Bundle.entry[1].resource"),
        (message(r#""eventUri":"https://x.example""#, TASK), "Bundle.entry[0].resource.eventUri"),
        (message(r#""focus":[]"#, TASK), "Bundle.entry[0].resource.eventCoding.code"),
        (message(r#""eventCoding":{"code":"add-service-request"}"#, TASK), "Bundle.entry[0].resource.focus"),
        (message(&HEADER.replace("Task/t", "Task/other"), TASK), "Bundle.entry[0].resource.focus[0]"),
        (
            message(&HEADER.replace(r#"{"endpoint":"https://rms.example"}"#, r#"{"endpoint":5}"#), TASK),
            "Bundle.entry[0].resource.source.endpoint",
        ),
    ];
    for (document, place) in cases {
        let refusal = refusal(&document);
        assert_eq!((refusal.issue.expression.as_str(), refusal.status), (place, EREF_INVALID_CONTENT), "{document}");
    }
}

#[test]
fn errors_never_repeat_content() {
    for document in [
        message(HEADER, r#"{"resource":{"resourceType":"Patient","id":["Testpatient"]}}"#),
        message(HEADER, r#"{"resource":{"resourceType":"Patient","Testpatient Anna":1,"Testpatient Anna":1}}"#),
        message(&HEADER.replace(r#"[{"reference":"Task/t"}]"#, r#""Testpatient""#), TASK),
        message(&HEADER.replace("Task/t", "Testpatient"), TASK),
    ] {
        let error = Message::parse(document.into(), &limits()).err().unwrap();
        assert!(!error.message().contains("Testpatient"), "{}", error.message());
        assert!(!error.detail().unwrap().contains("Testpatient"));
    }
}

#[test]
fn the_uuid_of_the_full_url_stands_in_for_a_missing_header_id() {
    let document = message(HEADER, TASK).replace(r#""id":"m","#, "");
    let message = Message::parse(document.clone().into(), &limits()).unwrap();
    assert_eq!(message.message_id(), "00000000-0000-4000-8000-000000000001");
    assert_eq!(refusal(&document.replace("urn:uuid:0", "urn:x")).issue.expression, "Bundle.entry[0].resource.id");
}

#[test]
fn a_label_on_any_resource_makes_it_test_data() {
    let entry = r#"{"resource":{"resourceType":"Task","id":"t","meta":{"security":[{"code":"X"},{"code":"HTEST"}]}}}"#;
    assert!(Message::parse(message(HEADER, entry).into(), &limits()).unwrap().is_test());
    assert!(!Message::parse(message(HEADER, TASK).into(), &limits()).unwrap().is_test());
}

#[test]
fn content_is_the_same_in_another_envelope_only() {
    let identity = |document: &str| Message::parse(document.into(), &limits()).unwrap().content_identity();
    let first = message(HEADER, TASK);
    assert_eq!(identity(&first), identity(&first.replace(r#""id":"b""#, r#""id":"c""#).replace("2026-01-01", "2026-01-02")));
    assert_ne!(identity(&first), identity(&first.replace(r#""id":"t""#, r#""id":"t","status":"x""#)));
    let composed = Message::composed(first.into_bytes(), [7; 32], &limits()).unwrap();
    assert_eq!(composed.content_identity(), [7; 32]);
}

#[test]
fn an_attachment_is_read_in_pieces_from_any_offset() {
    let content: Vec<u8> = (0..50_000u32).map(|at| (at * 7) as u8).collect();
    let plain = base64::Engine::encode(&base64::prelude::BASE64_STANDARD, &content);
    let escaped = plain.replace('/', "\\/").replace('+', "\\u002B");
    let broken_lines: String =
        plain.as_bytes().chunks(76).map(|line| format!("{}\\r\\n", std::str::from_utf8(line).unwrap())).collect();
    for data in [plain.trim_end_matches('=').to_owned(), plain, escaped, broken_lines] {
        let entry = format!(
            r#"{TASK},{{"resource":{{"content":[{{"attachment":{{"data":"{data}","title":"a"}}}}],"resourceType":"DocumentReference"}}}},{{"resource":{{"resourceType":"Basic","attachment":{{"data":"AAAA"}}}}}}"#
        );
        let message = Message::parse(message(HEADER, &entry).into(), &limits()).unwrap();
        assert_eq!(message.attachment_count(), 1);
        for size in [1, 2, 3, 4, 1000, 12_288, 100_000] {
            let mut read = Vec::new();
            let mut buffer = vec![0; size];
            // Small buffers are tried on the beginning only.
            while read.len() < content.len().min(size * 100) {
                let count = message.attachment_read(0, read.len() as u64, &mut buffer).unwrap();
                assert!(count > 0);
                read.extend_from_slice(&buffer[..count]);
            }
            assert!(content.starts_with(&read), "buffer of {size}");
        }
        assert_eq!(message.attachment_read(0, content.len() as u64, &mut [0; 8]).unwrap(), 0);
        assert_eq!(message.attachment_read(0, u64::MAX, &mut [0; 8]).unwrap(), 0);
        assert!(message.attachment_read(1, 0, &mut [0; 8]).is_err());
    }
}

#[test]
fn one_index_serves_fields_and_content_also_behind_an_attachment_that_is_only_a_url() {
    // What stands where no attachment belongs, or is none, is counted by neither.
    let document = r#"{"resourceType":"DocumentReference","payload":[{"contentAttachment":{"data":"AAAA","title":"no"}}],
        "content":[{"attachment":{"url":"https://rms.example/fhir/Binary/1","title":"first.pdf"}},{"attachment":"no"},
            {"content":{"attachment":{"data":"AAAA"}}},{"attachment":{"data":"SGVsbG8=","title":"second.txt"}}]}"#;
    let communication = r#"{"content":[{"attachment":{"data":"AAAA"}}],
        "payload":[{"contentAttachment":{"data":null}},{"contentAttachment":{"title":"third.txt","data":"QnllIQ=="}}],
        "resourceType":"Communication"}"#;
    let entry = format!(r#"{TASK},{{"resource":{document}}},{{"resource":{communication}}}"#);
    let message = Message::parse(message(HEADER, &entry).into(), &limits()).unwrap();
    assert_eq!(message.attachment_count(), 4);
    assert_eq!(message.field_count("attachment").unwrap(), 4);
    let field = |name: &str| message.field(name).unwrap();
    assert_eq!(field("attachment[0].url").as_deref(), Some("https://rms.example/fhir/Binary/1"));
    for (index, title, content) in [(1, "second.txt", &b"Hello"[..]), (3, "third.txt", b"Bye!")] {
        assert_eq!(field(&format!("attachment[{index}].title")).as_deref(), Some(title));
        assert_eq!(field(&format!("attachment[{index}].size")).as_deref(), Some(content.len().to_string().as_str()));
        let mut buffer = [0; 8];
        let read = message.attachment_read(index, 0, &mut buffer).unwrap();
        assert_eq!(&buffer[..read], content);
    }
    for only_url in [0, 2] {
        let error = message.attachment_read(only_url, 0, &mut [0; 8]).unwrap_err();
        assert_eq!(error.status(), EREF_NOT_FOUND);
        assert!(error.message().contains("only a URL"), "{}", error.message());
    }
    let error = message.attachment_read(4, 0, &mut [0; 8]).unwrap_err();
    assert_eq!((error.status(), error.message()), (EREF_NOT_FOUND, "there is no attachment 4; the message has 4"));
}

#[test]
fn fields_and_content_count_the_same_attachments_however_odd_their_places() {
    for (content, expected) in [
        (r#"[{"attachment":{"data":5}},{"attachment":{"data":"QQ=="}}]"#, 2),
        (r#"[{"attachment":"x"},{"attachment":null},{"attachment":[{"data":"QQ=="}]},{"attachment":{"data":"QQ=="}}]"#, 1),
        (r#"{"attachment":{"data":"QQ=="}}"#, 0),
        (r#"[[{"attachment":{"data":"QQ=="}}]]"#, 0),
        (r#"[{"x":{"attachment":{"data":"QQ=="}}},{"contentAttachment":{"data":"QQ=="}}]"#, 0),
    ] {
        for order in [("", r#","resourceType":"DocumentReference""#), (r#""resourceType":"DocumentReference","#, "")] {
            let entry = format!(r#"{TASK},{{"resource":{{{}"content":{content}{}}}}}"#, order.0, order.1);
            let message = Message::parse(message(HEADER, &entry).into(), &limits()).unwrap();
            assert_eq!((message.attachment_count(), message.field_count("attachment").unwrap()), (expected, expected), "{content}");
            if let Some(last) = expected.checked_sub(1) {
                let mut read = [0; 4];
                assert_eq!(message.attachment_read(last, 0, &mut read).unwrap(), 1, "{content}");
            }
        }
    }
}

#[test]
fn an_attachment_that_is_no_base64_fails_when_read() {
    let entry = format!(
        r#"{TASK},{{"resource":{{"resourceType":"Communication","payload":[{{"contentAttachment":{{"data":"not base64!"}}}}]}}}}"#
    );
    let message = Message::parse(message(HEADER, &entry).into(), &limits()).unwrap();
    assert_eq!(message.attachment_read(0, 0, &mut [0; 8]).err().unwrap().status(), EREF_INVALID_CONTENT);
}

#[test]
fn attachments_beyond_the_limits_are_refused() {
    let document = messages::referral(0);
    let single = Limits { attachment_bytes: 1000, ..limits() };
    let total = Limits { attachments_bytes: 2000, ..limits() };
    for few in [single, total] {
        assert_eq!(Message::parse(document.clone(), &few).err().unwrap().status(), EREF_TOO_LARGE);
    }
}

fn space() -> impl Strategy<Value = &'static str> {
    prop_oneof![Just(""), Just(" "), Just("\n  "), Just("\t\r\n")]
}

fn value() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        any::<i32>().prop_map(|number| number.to_string()),
        "[a-z{}\\[\\],:é\"\\\\]{0,8}".prop_map(|text| serde_json::to_string(&text).unwrap()),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            (prop::collection::vec(inner.clone(), 0..4), space()).prop_map(|(list, s)| format!("[{s}{}{s}]", list.join(","))),
            (prop::collection::vec(inner, 0..4), space()).prop_map(|(list, s)| {
                let members: Vec<_> = list.iter().enumerate().map(|(at, value)| format!("\"m{at}\"{s}:{s}{value}")).collect();
                format!("{{{s}{}{s}}}", members.join(&format!("{s},{s}")))
            }),
        ]
    })
}

fn entry() -> impl Strategy<Value = String> {
    (value(), space(), space(), 0..6usize).prop_map(|(value, s, t, order)| {
        let full_url = format!("\"fullUrl\"{s}:{t}\"urn:x\"");
        let resource = format!("\"resource\"{t}:{s}{{{s}\"resourceType\"{s}:\"Task\",{t}\"x\":{value}{t}}}");
        let extra = format!("\"link\":{s}[{{}}]");
        let members = match order {
            0 => vec![full_url, resource],
            1 => vec![resource, full_url],
            2 => vec![resource],
            3 => vec![extra, resource, full_url],
            4 => vec![resource, extra],
            _ => vec![full_url, extra, resource],
        };
        format!("{{{t}{}{s}}}", members.join(&format!("{t},{s}")))
    })
}

proptest! {
    #[test]
    fn ranges_are_those_of_a_raw_value(
        entries in prop::collection::vec(entry(), 0..5), s in space(), t in space(), after in prop::bool::ANY, before in prop::bool::ANY,
    ) {
        let list = format!("\"entry\"{s}:{t}[{t}{}{s}]", entries.join(&format!("{s},{t}")));
        let mut members = vec!["\"type\":\"message\"".to_owned()];
        members.insert(usize::from(before), list);
        if after {
            members.push(format!("\"meta\":{{{t}}}"));
        }
        assert_ranges(&format!("{t}{{{s}{}{t}}}{s}", members.join(&format!("{t},{s}"))));
    }

    #[test]
    fn no_text_makes_it_panic(text in "[{}\\[\\]:,\" a-e0-9\\\\]{0,64}") {
        let _ = Message::parse(text.into_bytes(), &limits());
    }

    #[test]
    fn no_change_of_one_byte_makes_it_panic(at in 0..PLAIN_010.len(), byte in any::<u8>()) {
        let mut bytes = PLAIN_010.as_bytes().to_vec();
        bytes[at] = byte;
        if let Ok(message) = Message::parse(bytes, &limits()) {
            let _ = (message.message_id(), message.content_identity(), message.document().len());
        }
    }
}
