//! A partner that misbehaves to order: a small TLS server with a token endpoint, which gives each request the next reply of a list.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::certs::Authority;

/// What the partner does with one request.
#[derive(Clone)]
pub enum Reply {
    /// Status, extra header lines, body.
    Answer(u16, &'static str, Vec<u8>),
    /// Accepts the request and says nothing more.
    Silent,
    /// Promises much and sends it byte by byte.
    Trickle,
    /// Closes the connection in the middle of the body.
    Break,
    /// Promises 10 GB and begins to send them.
    Huge,
}

/// A request as it arrived.
#[derive(Clone, Debug)]
pub struct Seen {
    pub path: String,
    pub head: String,
    pub body: Vec<u8>,
}

#[derive(Default)]
struct Script {
    replies: VecDeque<Reply>,
    token_replies: VecDeque<Reply>,
    seen: Vec<Seen>,
    tokens: usize,
}

/// The server. It ends with the process of the test.
pub struct Partner {
    pub address: SocketAddr,
    script: Arc<Mutex<Script>>,
}

impl Partner {
    pub fn new(authority: &Authority) -> Self {
        let pair = authority.server(&["127.0.0.1"]);
        let chain = CertificateDer::pem_slice_iter(pair.certificate.as_bytes()).map(Result::unwrap).collect();
        let key = PrivateKeyDer::from_pem_slice(pair.key.as_bytes()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let config = Arc::new(builder.with_no_client_auth().with_single_cert(chain, key).unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, script) = (listener.local_addr().unwrap(), Arc::new(Mutex::new(Script::default())));
        let shared = script.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (config, script) = (config.clone(), shared.clone());
                thread::spawn(move || serve(StreamOwned::new(ServerConnection::new(config).unwrap(), stream.unwrap()), &script));
            }
        });
        Self { address, script }
    }

    /// The next requests for a message get these replies; after them every one is accepted.
    pub fn script(&self, replies: impl IntoIterator<Item = Reply>) {
        self.script.lock().unwrap().replies.extend(replies);
    }

    /// The same for the token endpoint.
    pub fn script_token(&self, replies: impl IntoIterator<Item = Reply>) {
        self.script.lock().unwrap().token_replies.extend(replies);
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

fn reply_to(seen: Seen, script: &Mutex<Script>) -> Reply {
    let mut script = script.lock().unwrap();
    let token = seen.path.ends_with("/token");
    script.seen.push(seen);
    if !token {
        let accepted = br#"{"resourceType":"OperationOutcome","issue":[{"severity":"information","code":"informational"}]}"#;
        return script.replies.pop_front().unwrap_or(Reply::Answer(200, "", accepted.to_vec()));
    }
    script.tokens += 1;
    let body = format!(r#"{{"access_token":"granted-token-{:06}","token_type":"Bearer","expires_in":3600}}"#, script.tokens);
    script.token_replies.pop_front().unwrap_or(Reply::Answer(200, "", body.into_bytes()))
}

fn serve(mut wire: StreamOwned<ServerConnection, TcpStream>, script: &Mutex<Script>) {
    while let Some(seen) = read_request(&mut wire) {
        let done = match reply_to(seen, script) {
            Reply::Answer(status, headers, body) => {
                let kind =
                    if headers.to_lowercase().contains("content-type") { "" } else { "Content-Type: application/fhir+json\r\n" };
                let head = format!("HTTP/1.1 {status} Reply\r\nContent-Length: {}\r\n{kind}{headers}\r\n", body.len());
                wire.write_all(head.as_bytes()).and_then(|()| wire.write_all(&body))
            }
            Reply::Silent => {
                let _ = wire.read(&mut [0]);
                return;
            }
            Reply::Trickle => {
                let mut sent = wire.write_all(b"HTTP/1.1 200 Reply\r\nContent-Length: 1000000\r\n\r\n");
                while sent.is_ok() {
                    thread::sleep(Duration::from_millis(20));
                    sent = wire.write_all(b" ").and_then(|()| wire.flush());
                }
                return;
            }
            Reply::Huge => {
                let mut sent = wire.write_all(b"HTTP/1.1 200 Reply\r\nContent-Length: 10737418240\r\n\r\n");
                while sent.is_ok() {
                    sent = wire.write_all(&[b'x'; 4096]).and_then(|()| wire.flush());
                }
                return;
            }
            Reply::Break => {
                let _ =
                    wire.write_all(b"HTTP/1.1 200 Reply\r\nContent-Length: 1000\r\n\r\n{\"resource").and_then(|()| wire.flush());
                return;
            }
        };
        if done.and_then(|()| wire.flush()).is_err() {
            return;
        }
    }
}

fn read_request(wire: &mut impl Read) -> Option<Seen> {
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
    let mut body = vec![0; length];
    wire.read_exact(&mut body).ok()?;
    let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
    Some(Seen { path, head, body })
}
