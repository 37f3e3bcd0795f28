//! Input that is broken, hostile or merely odd, read without an engine: a status, words with a place, no panic, bounded memory.
//! `bad_posts.rs` sends the same kind of input to a serving engine.

#[path = "support/fixtures.rs"]
mod fixtures;
#[path = "support/peak.rs"]
mod peak;

use ereferral::error::{EREF_INVALID_CONTENT, EREF_INVALID_JSON, EREF_TOO_LARGE};
use ereferral::proto::messaging::Message;
use ereferral::proto::messaging::parse::Refusal;
use ereferral::proto::settings::Limits;
use serde_json::{Value, json};

#[global_allocator]
static MEMORY: peak::Counting = peak::Counting;

const SMALL: &str = "notify-add-appointment-0.10";
const REQUEST: &str = "on-0.11.1/add-service-request";
const BOOKED: &str = "on-0.11.1/notify-add-appointment";

fn read(body: impl Into<Vec<u8>>) -> Result<Message, Refusal> {
    Message::read(body.into(), &Limits::default())
}

/// A fixture with something changed.
fn changed(name: &str, change: impl FnOnce(&mut Value)) -> String {
    let mut bundle: Value = serde_json::from_slice(&fixtures::read(name)).unwrap();
    change(&mut bundle);
    bundle.to_string()
}

/// The first resource of a type.
fn first<'a>(bundle: &'a mut Value, kind: &str) -> &'a mut Value {
    let entries = bundle["entry"].as_array_mut().unwrap();
    let entry = entries.iter_mut().find(|entry| entry["resource"]["resourceType"] == kind);
    &mut entry.unwrap_or_else(|| panic!("no {kind}"))["resource"]
}

fn reference(bundle: &mut Value, kind: &str) -> Value {
    json!({"reference": format!("urn:uuid:{}", first(bundle, kind)["id"].as_str().unwrap())})
}

/// All that a host reads of a message comes without a panic, and is JSON.
fn read_all(message: &Message) -> Value {
    message.view().unwrap();
    serde_json::from_str::<Value>(message.issues()).unwrap();
    for name in ["patient.name.family", "appointment.start", "referral.identifier[0].value", "task.status", "attachment[0].title"] {
        message.field(name).unwrap();
    }
    serde_json::from_str(message.document()).unwrap()
}

/// Refused with words and a place, or read.
fn taken_or_refused(body: String, what: &str) -> bool {
    match read(body) {
        Ok(message) => {
            read_all(&message);
            true
        }
        Err(refusal) => {
            assert_eq!(refusal.status, EREF_INVALID_CONTENT, "{what}: {refusal:?}");
            assert!(refusal.issue.expression.starts_with("Bundle"), "{what}: {refusal:?}");
            assert!(!refusal.issue.text.is_empty() && !refusal.issue.source.is_empty(), "{what}: {refusal:?}");
            false
        }
    }
}

#[test]
fn a_message_cut_anywhere_is_no_json() {
    for name in [REQUEST, BOOKED, "traffic/unknown-content"] {
        let body = String::from_utf8(fixtures::read(name)).unwrap().trim_end().to_owned().into_bytes();
        for end in (0..body.len()).step_by(97).chain([body.len() - 1]) {
            let refusal = read(&body[..end]).err().unwrap();
            assert_eq!(refusal.status, EREF_INVALID_JSON, "{name} cut at {end}");
            assert!(refusal.issue.text.contains("line") || refusal.issue.text.contains("UTF-8"), "{name} cut at {end}");
        }
    }
}

#[test]
fn nesting_of_ten_thousand_levels_is_refused_before_it_is_followed() {
    let deep = |open: &str, close: &str| format!("{}1{}", open.repeat(10_000), close.repeat(10_000));
    for value in [deep("[", "]"), deep("{\"a\":", "}"), deep("[{\"a\":", "}]"), "[".repeat(10_000), "{\"a\":".repeat(10_000)] {
        for body in [value.clone(), format!("{{\"resourceType\":\"Bundle\",\"extension\":{value}}}")] {
            let (refusal, peak) = peak::of(|| read(body).err().unwrap());
            let too_deep = refusal.status == EREF_TOO_LARGE && refusal.issue.text.contains("limits.json_depth");
            assert!(too_deep || refusal.issue.expression == "Bundle", "{refusal:?}");
            assert!(peak < 1 << 20, "{peak} bytes");
        }
    }
}

/// The JSON of a value in which the object of that number names its first member twice.
fn doubled(value: &Value, left: &mut isize, text: &mut String) {
    match value {
        Value::Object(members) => {
            *left -= 1;
            let twice = if *left == -1 { members.iter().next() } else { None };
            text.push('{');
            for (at, (name, member)) in members.iter().chain(twice).enumerate() {
                text.push_str(if at > 0 { "," } else { "" });
                text.push_str(&format!("{}:", json!(name)));
                doubled(member, left, text);
            }
            text.push('}');
        }
        Value::Array(items) => {
            text.push('[');
            for (at, item) in items.iter().enumerate() {
                text.push_str(if at > 0 { "," } else { "" });
                doubled(item, left, text);
            }
            text.push(']');
        }
        other => text.push_str(&other.to_string()),
    }
}

#[test]
fn a_member_that_stands_twice_is_refused_in_every_object() {
    let bundle: Value = serde_json::from_slice(&fixtures::read(BOOKED)).unwrap();
    for number in 0.. {
        let (mut left, mut text) = (number, String::new());
        doubled(&bundle, &mut left, &mut text);
        if left >= 0 {
            assert!(number > 100, "{number} objects");
            break;
        }
        let refusal = read(text).err().unwrap_or_else(|| panic!("object {number}"));
        assert_eq!(refusal.status, EREF_INVALID_CONTENT, "object {number}");
        assert!(refusal.issue.text.contains("twice"), "object {number}: {refusal:?}");
    }
}

/// The paths of all values below one, as JSON pointers.
fn pointers(value: &Value, at: String, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => members.iter().for_each(|(name, member)| pointers(member, format!("{at}/{name}"), found)),
        Value::Array(items) => items.iter().enumerate().for_each(|(index, item)| pointers(item, format!("{at}/{index}"), found)),
        _ => {}
    }
    found.push(at);
}

/// Puts a value of each other JSON type in every place, one after the other; returns how many were taken and refused.
fn with_wrong_types(name: &str) -> (usize, usize) {
    let bundle: Value = serde_json::from_slice(&fixtures::read(name)).unwrap();
    let mut places = Vec::new();
    pointers(&bundle, String::new(), &mut places);
    let others =
        [Value::Null, json!(true), json!(7), json!(-1.5e300), json!("x"), json!([]), json!([[]]), json!({}), json!([{"a": {}}])];
    let (mut taken, mut refused) = (0, 0);
    for place in places.iter().filter(|place| !place.is_empty()) {
        for other in &others {
            let mut broken = bundle.clone();
            *broken.pointer_mut(place).unwrap() = other.clone();
            *(if taken_or_refused(broken.to_string(), &format!("{name}{place} = {other}")) { &mut taken } else { &mut refused }) +=
                1;
        }
        let mut without = bundle.clone();
        let (parent, last) = place.rsplit_once('/').unwrap();
        match without.pointer_mut(parent).unwrap() {
            Value::Object(members) => drop(members.shift_remove(last)),
            Value::Array(items) => drop(items.remove(last.parse().unwrap())),
            _ => unreachable!(),
        }
        taken_or_refused(without.to_string(), &format!("{name} without {place}"));
    }
    (taken, refused)
}

#[test]
fn any_member_of_another_type_is_refused_with_its_place_or_borne() {
    let (taken, refused) = with_wrong_types(SMALL);
    assert!(taken > 400 && refused > 300, "{taken} taken, {refused} refused");
}

#[test]
#[ignore = "full run"]
fn any_member_of_another_type_in_messages_with_everything() {
    for name in ["traffic/accumulated", "traffic/vendor-extensions", "sequences/life-on-0.10/09-completed", "on-0.10/add-rfi"] {
        with_wrong_types(name);
    }
}

#[test]
fn another_charset_is_refused_in_words() {
    let text = String::from_utf8(fixtures::read(REQUEST)).unwrap();
    assert!(!text.is_ascii(), "the fixture has letters that charsets differ in");
    let utf16 = |swap: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(swap).collect::<Vec<u8>>();
    let latin_1: Vec<u8> = text.chars().map(|letter| u8::try_from(u32::from(letter)).unwrap_or(b'?')).collect();
    let mark = |mark: &[u8], body: Vec<u8>| mark.iter().copied().chain(body).collect::<Vec<u8>>();
    let bodies = [
        ("UTF-16 LE", utf16(u16::to_le_bytes)),
        ("UTF-16 BE", utf16(u16::to_be_bytes)),
        ("UTF-16 LE with mark", mark(&[0xff, 0xfe], utf16(u16::to_le_bytes))),
        ("UTF-16 BE with mark", mark(&[0xfe, 0xff], utf16(u16::to_be_bytes))),
        ("Latin-1", latin_1),
        ("overlong", b"{\"a\":\"\xc0\xaf\"}".to_vec()),
        ("surrogate", b"{\"a\":\"\xed\xa0\x80\"}".to_vec()),
    ];
    for (what, body) in bodies {
        let refusal = read(body).err().unwrap_or_else(|| panic!("{what}"));
        assert_eq!(refusal.status, EREF_INVALID_JSON, "{what}");
        assert!(refusal.issue.text.contains("UTF-8") || refusal.issue.text.contains("well-formed"), "{what}: {refusal:?}");
    }
}

#[test]
fn a_byte_order_mark_is_borne_and_kept() {
    let plain = fixtures::read(REQUEST);
    let marked: Vec<u8> = [&b"\xef\xbb\xbf"[..], &plain].concat();
    let message = read(marked.clone()).unwrap();
    assert_eq!(message.bundle(), marked);
    assert!(message.issues().contains("byte order mark"), "{}", message.issues());
    let unmarked = read(plain).unwrap();
    assert_eq!(message.content_identity(), unmarked.content_identity());
    assert_eq!(read_all(&message)["patient"], read_all(&unmarked)["patient"]);
    for elsewhere in [&b"\xef\xbb\xbf\xef\xbb\xbf{}"[..], b" \xef\xbb\xbf{}", b"{}\xef\xbb\xbf"] {
        assert_eq!(read(elsewhere).err().unwrap().status, EREF_INVALID_JSON);
    }
}

#[test]
fn the_number_of_entries_is_taken_at_the_limit_and_refused_above() {
    let grown = |entries: usize| {
        changed(SMALL, |bundle| {
            let list = bundle["entry"].as_array_mut().unwrap();
            let missing = entries - list.len();
            list.extend((0..missing).map(|at| json!({"resource": {"resourceType": "Basic", "id": format!("b{at}")}})));
        })
    };
    let limit = Limits::default().bundle_entries;
    let message = read(grown(limit)).unwrap();
    assert_eq!(message.envelope().entries.len(), limit);
    read_all(&message);
    let refusal = read(grown(limit + 1)).err().unwrap();
    assert_eq!((refusal.status, refusal.issue.code), (EREF_TOO_LARGE, "too-long"));
    assert!(refusal.issue.text.contains("limits.bundle_entries"), "{refusal:?}");
}

#[test]
fn references_in_a_circle_end() {
    type Change = fn(&mut Value);
    let circles: [(&str, &str, Change); 7] = [
        ("ServiceRequest.basedOn itself", REQUEST, |bundle| {
            let own = reference(bundle, "ServiceRequest");
            for element in ["basedOn", "replaces", "supportingInfo"] {
                first(bundle, "ServiceRequest")[element] = json!([own]);
            }
        }),
        ("Organization.partOf in a circle", REQUEST, |bundle| {
            let own = reference(bundle, "Organization");
            first(bundle, "Organization")["partOf"] = own;
        }),
        ("Location.partOf itself", BOOKED, |bundle| {
            let own = reference(bundle, "Location");
            first(bundle, "Location")["partOf"] = own;
        }),
        ("a role that is its own person and clinic", REQUEST, |bundle| {
            let own = reference(bundle, "PractitionerRole");
            let role = first(bundle, "PractitionerRole");
            (role["practitioner"], role["organization"], role["location"]) = (own.clone(), own.clone(), json!([own]));
        }),
        ("an appointment that is its own actor and base", BOOKED, |bundle| {
            let own = reference(bundle, "Appointment");
            let appointment = first(bundle, "Appointment");
            appointment["participant"] = json!([{"actor": own, "status": "accepted"}]);
            appointment["basedOn"] = json!([own]);
        }),
        ("a communication that answers itself", "on-0.11.1/send-communication-from-provider", |bundle| {
            let own = reference(bundle, "Communication");
            let communication = first(bundle, "Communication");
            (communication["inResponseTo"], communication["basedOn"], communication["sender"]) =
                (json!([own]), json!([own]), own.clone());
        }),
        ("a header in its own focus", REQUEST, |bundle| {
            let own = reference(bundle, "MessageHeader");
            let header = first(bundle, "MessageHeader");
            (header["focus"], header["author"]) = (json!([own]), own);
        }),
    ];
    for (what, name, change) in circles {
        let body = changed(name, change);
        assert_ne!(body, changed(name, |_| {}), "{what}");
        let message = read(body).unwrap_or_else(|refusal| panic!("{what}: {refusal:?}"));
        assert!(read_all(&message)["summary"].is_string(), "{what}");
    }
}

#[test]
fn the_focus_may_be_several_but_must_be_there_and_the_header_must_be_first() {
    let two = read(fixtures::read("on-0.11.1/notify-update-process-request-two-foci")).unwrap();
    assert_eq!(read_all(&two)["focus"], json!(["Task", "Appointment"]));
    let focus = |focus: Value| changed(REQUEST, |bundle| first(bundle, "MessageHeader")["focus"] = focus);
    let cases = [
        (focus(json!([])), "Bundle.entry[0].resource.focus"),
        (focus(json!([{}])), "Bundle.entry[0].resource.focus[0]"),
        (focus(json!([{"reference": ""}])), "Bundle.entry[0].resource.focus[0]"),
        (focus(json!([{"reference": "ServiceRequest/of-somewhere-else"}])), "Bundle.entry[0].resource.focus[0]"),
        (
            changed(REQUEST, |bundle| drop(first(bundle, "MessageHeader").as_object_mut().unwrap().remove("focus"))),
            "Bundle.entry[0].resource.focus",
        ),
        (changed(REQUEST, |bundle| bundle["entry"].as_array_mut().unwrap().rotate_left(1)), "Bundle.entry[0].resource"),
        (changed(REQUEST, |bundle| drop(bundle["entry"].as_array_mut().unwrap().remove(0))), "Bundle.entry[0].resource"),
        (changed(REQUEST, |bundle| bundle["entry"] = json!([])), "Bundle.entry[0].resource"),
    ];
    for (body, place) in cases {
        let refusal = read(body).err().unwrap_or_else(|| panic!("{place}"));
        assert_eq!((refusal.status, refusal.issue.expression.as_str()), (EREF_INVALID_CONTENT, place), "{refusal:?}");
    }
}

#[test]
fn times_that_no_clock_shows_are_handed_on_as_they_stand() {
    let times = [
        "9999-12-31T23:59:59.999-04:00",
        "9999-12-31T23:59:59Z",
        "9999-12-31",
        "10000-01-01T00:00:00Z",
        "-0001-01-01T00:00:00Z",
        "-1",
        "0000-00-00T00:00:00Z",
        "0001-01-01T00:00:00+14:00",
        "2016-12-31T23:59:60Z",
        "2026-02-30T10:00:00-05:00",
        "2026-03-08T02:30:00-05:00",
        "2026-05-09T24:00:00-04:00",
        "2026-05-09T14:30:00+99:99",
        "2026-05-09T14:30",
        "2026",
        "2026-05",
        "14:30",
        "soon",
        " ",
        "🕑",
        "2026-05-09T14:30:00.000000000000000000000000000001-04:00",
    ];
    let long = "9".repeat(100_000);
    for time in times.iter().copied().chain([long.as_str()]) {
        let body = changed(BOOKED, |bundle| {
            bundle["timestamp"] = json!(time);
            let appointment = first(bundle, "Appointment");
            (appointment["start"], appointment["end"]) = (json!(time), json!(time));
            first(bundle, "Patient")["birthDate"] = json!(time);
            first(bundle, "ServiceRequest")["authoredOn"] = json!(time);
        });
        let document = read_all(&read(body).unwrap());
        let shown = &time[..time.len().min(40)];
        // What no time can be as long as is cut.
        let told = if time.len() > 2_048 { format!("{}…", &time[..2_048]) } else { time.to_owned() };
        assert_eq!(document["appointment"]["start"]["value"], told, "{shown}");
        assert_eq!(document["message"]["timestamp"]["value"], told, "{shown}");
        assert_eq!(document["patient"]["birth_date"], told, "{shown}");
    }
}

/// Bodies of some megabytes that would cost a careless reader many times their size.
fn heavy() -> Vec<(&'static str, String)> {
    let in_resource = |text: &str| {
        let body = String::from_utf8(fixtures::read(SMALL)).unwrap();
        body.replacen("\"start\"", &format!("\"x\":{text},\"start\""), 1)
    };
    let in_header = |element: &str, item: Value, count: usize| {
        changed(SMALL, |bundle| first(bundle, "MessageHeader")[element] = Value::Array(vec![item; count]))
    };
    let members: String = (0..300_000).map(|at| format!("\"m{at}\":1,")).collect();
    vec![
        ("many empty objects", in_resource(&format!("[{}{{}}]", "{},".repeat(1_000_000)))),
        ("as many empty objects as are taken", in_resource(&format!("[{}{{}}]", "{},".repeat(299_000)))),
        ("as many numbers as are taken", in_resource(&format!("[{}1]", "1,".repeat(299_000)))),
        ("many numbers", in_resource(&format!("[{}1]", "1,".repeat(1_000_000)))),
        ("many members", in_resource(&format!("{{{members}\"z\":1}}"))),
        ("a long name", in_resource(&format!("{{\"{}\":1}}", "n".repeat(3_000_000)))),
        ("a long text", in_resource(&format!("\"{}\"", "t".repeat(3_000_000)))),
        ("a long text of escapes", in_resource(&format!("\"{}\"", "\\u00e9".repeat(500_000)))),
        ("many destinations", in_header("destination", json!({}), 290_000)),
        ("many extensions", in_header("extension", json!({"url": ""}), 140_000)),
        (
            "many identifiers",
            changed(SMALL, |bundle| first(bundle, "Patient")["identifier"] = Value::Array(vec![json!({}); 290_000])),
        ),
        ("many attachments", {
            let content = Value::Array(vec![json!({"attachment": {}}); 140_000]);
            changed(REQUEST, |bundle| first(bundle, "DocumentReference")["content"] = content)
        }),
        ("many foci", in_header("focus", json!({}), 290_000)),
        (
            "half a document",
            format!("{{\"resourceType\":\"Bundle\",\"entry\":[{}", "{\"resource\":{\"resourceType\":\"Basic\"}},".repeat(1_999)),
        ),
    ]
}

/// What the tree takes for a value: 24 bytes, in a list that may have room for twice what it holds.
const NODE: usize = 48;

#[test]
fn memory_stays_in_proportion_whatever_the_body_holds() {
    for (what, body) in heavy() {
        let size = body.len();
        let values = body.bytes().filter(|byte| matches!(byte, b',' | b'{' | b'[')).count();
        // The body itself was made before; reading keeps it, and notes where things stand in it.
        let (message, peak) = peak::of(|| read(body));
        assert!(peak <= size / 2 + (4 << 20), "{what}: reading {size} bytes took {peak} more");
        if let Err(refusal) = &message {
            assert!(!refusal.issue.source.is_empty(), "{what}: {refusal:?}");
        }
        let Ok(message) = message else { continue };
        let (_, peak) = peak::of(|| read_all(&message));
        assert!(peak <= NODE * values + size + (1 << 20), "{what}: a view of {values} values in {size} bytes took {peak}");
    }
}
