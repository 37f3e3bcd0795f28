//! A partner that misbehaves to order: a small TLS server with a token endpoint, which gives each request the next reply of a list.

use std::collections::{BTreeSet, VecDeque};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};

use super::certs::{Authority, Pair};

/// What the partner does with one request.
#[derive(Clone)]
pub enum Reply {
    /// Status, extra header lines, body.
    Answer(u16, &'static str, Vec<u8>),
    /// A response Bundle: what it names, and its response code.
    Bundle(Names, &'static str),
    /// Accepts the request and says nothing more.
    Silent,
    /// Promises much and sends it byte by byte.
    Trickle,
    /// Closes the connection in the middle of the body.
    Break,
    /// Sends ten gigabytes, with their length at the head or without.
    Endless(bool),
    /// Closes the connection when half of the request has come.
    CutRequest,
    /// Takes the head of the request and then a byte now and then.
    ReadSlowly,
    /// Keeps the message, then does this.
    Keep(Box<Reply>),
}

/// What a response Bundle names as the message it answers.
#[derive(Clone, Copy)]
pub enum Names {
    Message,
    Another,
}

/// A request as it arrived.
#[derive(Clone, Debug)]
pub struct Seen {
    pub path: String,
    pub head: String,
    pub body: Vec<u8>,
    /// Whether the connection showed a client certificate.
    pub certificate: bool,
}

impl Seen {
    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<String> {
        let prefix = format!("{name}: ");
        self.head.lines().find(|line| line.to_lowercase().starts_with(&prefix)).map(|line| line[prefix.len()..].to_owned())
    }

    /// `MessageHeader.id` of the message.
    pub fn message_id(&self) -> String {
        let body: serde_json::Value = serde_json::from_slice(&self.body).unwrap();
        body["entry"][0]["resource"]["id"].as_str().unwrap().to_owned()
    }
}

#[derive(Default)]
struct Script {
    replies: VecDeque<Reply>,
    token_replies: VecDeque<Reply>,
    seen: Vec<Seen>,
    tokens: usize,
    /// The `MessageHeader.id` of each message kept; one that comes again is known (messaging.md 10.1).
    kept: BTreeSet<String>,
}

/// The server. It ends with the process of the test.
pub struct Partner {
    pub address: SocketAddr,
    script: Arc<Mutex<Script>>,
}

impl Partner {
    pub fn new(authority: &Authority) -> Self {
        Self::with(&authority.server(&["127.0.0.1"]), None)
    }

    /// With this certificate; with an authority it asks for client certificates of that.
    pub fn with(pair: &Pair, clients: Option<&Authority>) -> Self {
        let chain = CertificateDer::pem_slice_iter(pair.certificate.as_bytes()).map(Result::unwrap).collect();
        let key = PrivateKeyDer::from_pem_slice(pair.key.as_bytes()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ServerConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions().unwrap();
        let builder = match clients {
            None => builder.with_no_client_auth(),
            Some(authority) => {
                let mut roots = RootCertStore::empty();
                roots.add(CertificateDer::from_pem_slice(authority.pem.as_bytes()).unwrap()).unwrap();
                let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap();
                builder.with_client_cert_verifier(verifier)
            }
        };
        let config = Arc::new(builder.with_single_cert(chain, key).unwrap());
        Self::serving(move |stream, script| {
            let _ = stream.set_nodelay(true);
            serve(StreamOwned::new(ServerConnection::new(config.clone()).unwrap(), stream), script);
        })
    }

    /// One that speaks no version of TLS that we do: it answers the first flight with the alert for that (RFC 8446 6.2).
    pub fn of_old_tls() -> Self {
        Self::serving(|mut stream, _| {
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(&[0x15, 3, 1, 0, 2, 2, 70]);
        })
    }

    fn serving(connection: impl Fn(TcpStream, &Mutex<Script>) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, script) = (listener.local_addr().unwrap(), Arc::new(Mutex::new(Script::default())));
        let (shared, connection) = (script.clone(), Arc::new(connection));
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (script, connection) = (shared.clone(), connection.clone());
                thread::spawn(move || connection(stream.unwrap(), &script));
            }
        });
        Self { address, script }
    }

    /// Where messages go.
    pub fn endpoint(&self) -> String {
        format!("https://{}/fhir/$process-message", self.address)
    }

    /// The next requests for a message get these replies; after them every one is accepted.
    pub fn script(&self, replies: impl IntoIterator<Item = Reply>) {
        self.script.lock().unwrap().replies.extend(replies);
    }

    /// The same for the token endpoint.
    pub fn script_token(&self, replies: impl IntoIterator<Item = Reply>) {
        self.script.lock().unwrap().token_replies.extend(replies);
    }

    /// Forgets the replies that were not given.
    pub fn behave(&self) {
        let mut script = self.script.lock().unwrap();
        script.replies.clear();
        script.token_replies.clear();
    }

    /// How many referrals came of what was kept.
    pub fn kept(&self) -> usize {
        self.script.lock().unwrap().kept.len()
    }

    /// The messages that arrived.
    pub fn messages(&self) -> Vec<Seen> {
        self.seen(|path| !path.ends_with("/token"))
    }

    /// The requests for a token that arrived.
    pub fn token_requests(&self) -> Vec<Seen> {
        self.seen(|path| path.ends_with("/token"))
    }

    fn seen(&self, of: impl Fn(&str) -> bool) -> Vec<Seen> {
        self.script.lock().unwrap().seen.iter().filter(|seen| of(&seen.path)).cloned().collect()
    }
}

impl Script {
    /// The next reply for a request whose head has come.
    fn next(&mut self, path: &str) -> Reply {
        if !path.ends_with("/token") {
            let accepted = br#"{"resourceType":"OperationOutcome","issue":[{"severity":"information","code":"informational"}]}"#;
            let reply = self.replies.pop_front().unwrap_or(Reply::Answer(200, "", accepted.to_vec()));
            let keeps = matches!(reply, Reply::Answer(200..=299, ..) | Reply::Bundle(_, "ok"));
            return if keeps { Reply::Keep(Box::new(reply)) } else { reply };
        }
        self.tokens += 1;
        let body = format!(r#"{{"access_token":"granted-token-{:06}","token_type":"Bearer","expires_in":3600}}"#, self.tokens);
        self.token_replies.pop_front().unwrap_or(Reply::Answer(200, "", body.into_bytes()))
    }
}

type Wire = StreamOwned<ServerConnection, TcpStream>;

fn serve(mut wire: Wire, script: &Mutex<Script>) {
    while let Some((head, path, length)) = read_head(&mut wire) {
        let reply = script.lock().unwrap().next(&path);
        let mut body = vec![0; length];
        match reply {
            Reply::CutRequest => {
                let _ = wire.read_exact(&mut body[..length / 2]);
                return;
            }
            Reply::ReadSlowly => {
                while matches!(wire.read(&mut [0]), Ok(1)) {
                    thread::sleep(Duration::from_millis(20));
                }
                return;
            }
            _ => {}
        }
        if wire.read_exact(&mut body).is_err() {
            return;
        }
        let certificate = wire.conn.peer_certificates().is_some();
        let seen = Seen { path, head, body, certificate };
        script.lock().unwrap().seen.push(seen.clone());
        let reply = match reply {
            Reply::Keep(reply) => {
                // An attachment that is fetched is no message.
                if !seen.body.is_empty() {
                    script.lock().unwrap().kept.insert(seen.message_id());
                }
                *reply
            }
            reply => reply,
        };
        if !give(&mut wire, reply, &seen) {
            return;
        }
    }
}

/// Gives the reply; false when the connection is over.
fn give(wire: &mut Wire, reply: Reply, seen: &Seen) -> bool {
    let sent = match reply {
        Reply::Answer(status, headers, body) => {
            let kind = if headers.to_lowercase().contains("content-type") { "" } else { "Content-Type: application/fhir+json\r\n" };
            let head = format!("HTTP/1.1 {status} Reply\r\nContent-Length: {}\r\n{kind}{headers}\r\n", body.len());
            wire.write_all(head.as_bytes()).and_then(|()| wire.write_all(&body)).and_then(|()| wire.flush())
        }
        Reply::Bundle(names, code) => {
            let named = match names {
                Names::Message => seen.message_id(),
                Names::Another => "6c9f1f0e-0000-4000-8000-000000000000".to_owned(),
            };
            let body = format!(
                r#"{{"resourceType":"Bundle","type":"message","entry":[{{"resource":{{"resourceType":"MessageHeader","response":{{"identifier":"{named}","code":"{code}"}}}}}}]}}"#
            );
            return give(wire, Reply::Answer(200, "", body.into_bytes()), seen);
        }
        Reply::Silent => {
            let _ = wire.read(&mut [0]);
            return false;
        }
        Reply::Trickle => {
            let mut sent = wire.write_all(b"HTTP/1.1 200 Reply\r\nContent-Length: 1000000\r\n\r\n");
            while sent.is_ok() {
                thread::sleep(Duration::from_millis(20));
                sent = wire.write_all(b" ").and_then(|()| wire.flush());
            }
            sent
        }
        Reply::Break => {
            let _ = wire.write_all(b"HTTP/1.1 200 Reply\r\nContent-Length: 1000\r\n\r\n{\"resource").and_then(|()| wire.flush());
            return false;
        }
        Reply::Endless(with_length) => {
            let length = if with_length { "Content-Length: 10000000000\r\n" } else { "Connection: close\r\n" };
            let mut sent = wire.write_all(format!("HTTP/1.1 200 Reply\r\n{length}\r\n").as_bytes());
            while sent.is_ok() {
                sent = wire.write_all(&[b' '; 16 << 10]);
            }
            sent
        }
        Reply::CutRequest | Reply::ReadSlowly | Reply::Keep(_) => return false,
    };
    sent.is_ok()
}

/// The head of a request, its path, and the length of its body.
fn read_head(wire: &mut impl Read) -> Option<(String, String, usize)> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        match wire.read(&mut byte) {
            Ok(1) => head.push(byte[0]),
            _ => return None,
        }
    }
    let head = String::from_utf8(head).unwrap();
    let length = head.to_lowercase().lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok()).unwrap_or(0);
    let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
    Some((head, path, length))
}
