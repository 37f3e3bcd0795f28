//! An app reads through to the FHIR server of the host: a real second server on loopback, which wants a token.

#[path = "support/browser.rs"]
mod browser;
#[path = "support/clinic.rs"]
mod clinic;

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use browser::{launch_request, read, token};
use clinic::{Clinic, parsed};
use serde_json::{Value, json};

/// A FHIR server that answers every GET by this, and says what it was asked: path and Authorization header.
fn server(answer: impl Fn(&str, &str) -> (u16, String) + Send + 'static) -> (String, Receiver<(String, String)>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}/r4", listener.local_addr().unwrap());
    let (say, heard) = channel();
    let own = base.clone();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
            let Some(first) = lines.next() else { continue };
            let head: Vec<String> = lines.by_ref().take_while(|line| !line.is_empty()).collect();
            let bearer = head.iter().find_map(|line| line.strip_prefix("authorization: ")).unwrap_or_default().to_owned();
            let path = first.split(' ').nth(1).unwrap().to_owned();
            let (status, body) = answer(&path, &own);
            if say.send((path, bearer)).is_err() {
                return;
            }
            let _ = write!(
                stream,
                "HTTP/1.1 {status} x\r\ncontent-type: application/fhir+json\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
                body.len()
            );
        }
    });
    (base, heard)
}

fn observation(base: &str, id: &str, patient: &str) -> Value {
    json!({"resourceType": "Observation", "id": id, "status": "final", "code": {"text": "Height"},
           "subject": {"reference": format!("{base}/Patient/{patient}")}})
}

#[test]
fn what_was_not_pushed_is_read_from_the_server_behind() {
    let (base, heard) = server(|path, base| match path {
        "/r4/Observation/o1" => (200, observation(base, "o1", "p1").to_string()),
        "/r4/Observation/moved" => (302, observation(base, "moved", "p1").to_string()),
        "/r4/Observation?status=final&_count=200&patient=p1" => {
            let entries =
                [observation(base, "o1", "p1"), observation(base, "o2", "p2")].map(|resource| json!({"resource": resource}));
            (200, json!({"resourceType": "Bundle", "type": "searchset", "entry": entries}).to_string())
        }
        _ => (404, "{}".to_owned()),
    });
    let clinic = Clinic::new();
    let pos = clinic.start(|document| {
        document["system"]["roles"] = json!(["smart-server", "rms-source", "rms-target"]);
        document["chart"] = json!({"fhir_server": {"url": base, "auth": {"bearer": "an-invented-token-of-ours"}}});
    });
    let launch = pos.engine.launch_start(launch_request().to_string().as_bytes()).unwrap();
    let token = token(&pos, &launch.url);

    let answer = read(&pos, &token, "/fhir/Observation/o1");
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    assert_eq!(parsed(&answer.body)["subject"]["reference"], "https://pos.test/fhir/Patient/p1");
    assert_eq!(heard.recv().unwrap(), ("/r4/Observation/o1".to_owned(), "Bearer an-invented-token-of-ours".to_owned()));
    let bundle = parsed(&read(&pos, &token, "/fhir/Observation?status=final").body);
    assert_eq!((&bundle["total"], &bundle["entry"][0]["resource"]["id"]), (&json!(1), &json!("o1")));
    assert_eq!(read(&pos, &token, "/fhir/Observation/none").status, 404);
    assert_eq!(read(&pos, &token, "/fhir/Observation/moved").status, 502, "redirects are not followed");
    assert_eq!(heard.try_iter().count(), 3);
    assert_eq!(read(&pos, &token, "/fhir/Patient/p1").status, 200);
    assert_eq!(heard.try_iter().count(), 0, "what was pushed is not asked for");

    // Nobody listens there any more: the app may come again.
    pos.engine
        .configure(&clinic.config(|document| {
            document["system"]["roles"] = json!(["smart-server", "rms-source", "rms-target"]);
            document["chart"] = json!({"fhir_server": {"url": "http://127.0.0.1:1/r4"}});
        }))
        .unwrap();
    let answer = read(&pos, &token, "/fhir/Observation/o1");
    assert_eq!((answer.status, answer.headers["retry-after"].to_str().unwrap()), (503, "5"));
}
