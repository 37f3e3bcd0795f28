//! A C host that fetches and reads attachments (`tests/c/attachment.c`); the test is the partner that sends and the host of the letter.

#[path = "support/c.rs"]
mod c;
#[path = "support/clinic.rs"]
mod clinic;

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use clinic::partner::Reply;
use clinic::{Clinic, TOKEN};
use ereferral::io::client::Client;
use ereferral::proto::settings::Network;
use serde_json::{Value, json};
use url::Url;

fn message() -> Vec<u8> {
    let mut bundle: Value = serde_json::from_str(include_str!("fixtures/add-service-request-0.11.json")).unwrap();
    let entries = bundle["entry"].as_array_mut().unwrap();
    entries.retain(|entry| entry["resource"]["resourceType"] != "DocumentReference");
    let content = json!([
        {"attachment": {"contentType": "text/plain", "data": "SGVsbG8=", "size": 5}},
        {"attachment": {"url": "DocumentReference/d-1/$binary", "size": 18}},
        {"attachment": {"url": "https://elsewhere.example/letter"}},
    ]);
    entries.push(json!({"fullUrl": "urn:uuid:00000000-0000-4000-8000-000000000900", "resource":
        {"resourceType": "DocumentReference", "status": "current", "content": content}}));
    bundle.to_string().into_bytes()
}

#[test]
fn a_c_host_fetches_and_reads_attachments() {
    let (Some(compiler), Some(library)) = (c::compiler(), c::library()) else { return };
    let clinic = Clinic::new();
    let program = c::build(&compiler, &library, &c::root().join("tests/c/attachment.c"), clinic.folder.path(), &[]);
    let document = clinic.document(|document| document["partners"][0]["messaging"]["private"] = json!(true));
    fs::write(clinic.path("pos.json"), document.to_string()).unwrap();
    let mut host = Command::new(program).arg(clinic.path("pos.json")).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(host.stdout.take().unwrap()).lines().map(Result::unwrap);
    let first = lines.next().expect("the host ended");
    let address = first.strip_prefix("ADDRESS ").unwrap_or_else(|| panic!("{first}"));

    clinic.partner.script([Reply::Answer(200, "Content-Type: application/pdf\r\n", b"an invented letter".to_vec())]);
    let network = Network { ca: Some(clinic.authority.pem.clone()), only_ca: true, ..Network::default() };
    let url = Url::parse(&format!("https://{address}/fhir/$process-message")).unwrap();
    let bearer = format!("Bearer {TOKEN}");
    let headers = [("authorization", bearer.as_str()), ("content-type", "application/fhir+json")];
    let answer = Client::new(&network, None).unwrap().post(&url, &headers, &message()).unwrap();
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));

    let said: Vec<String> = lines.collect();
    assert_eq!(said, ["0 text/plain Hello", "1 application/pdf an invented letter", "DONE"]);
    assert!(host.wait().unwrap().success());
    assert_eq!(clinic.partner.messages().len(), 1);
}
