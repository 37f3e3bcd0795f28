//! A host that leaves SIGPIPE at its default, where a write to a broken connection ends the process, survives its peers.
#![cfg(unix)]

#[path = "support/clinic.rs"]
mod clinic;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsRawFd as _;
use std::process::Command;
use std::sync::Arc;
use std::thread;

use clinic::certs::Authority;
use clinic::{Clinic, PATIENCE};
use ereferral::io::client::Client;
use ereferral::proto::settings::Network;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection, StreamOwned};
use serde_json::json;
use url::Url;

const HOST: &str = "EREF_TEST_SIGPIPE_HOST";
const ROUNDS: usize = 20;
const REQUEST: &[u8] = b"GET /fhir/metadata HTTP/1.1\r\nHost: pos.test\r\n\r\n";

/// Runs `body` in a process of its own, in which SIGPIPE has its default action; the test `name` calls this and nothing else.
fn as_host(name: &str, body: impl FnOnce()) {
    if std::env::var_os(HOST).is_some() {
        // SAFETY: the default action needs nothing of this process.
        unsafe { libc::signal(libc::SIGPIPE, libc::SIG_DFL) };
        return body();
    }
    let program = std::env::current_exe().unwrap();
    let output = Command::new(program).args(["--exact", name, "--nocapture"]).env(HOST, "1").output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "the host ended with {}\n{said}", output.status);
}

/// Says that no more comes, then breaks the connection: the other side's next write is a broken pipe.
fn reset(stream: &TcpStream) {
    // The other side may have gone first.
    let _ = stream.shutdown(std::net::Shutdown::Write);
    let linger = libc::linger { l_onoff: 1, l_linger: 0 };
    let size = libc::socklen_t::try_from(size_of::<libc::linger>()).unwrap();
    // SAFETY: the descriptor is open, and the value lives as long as the call.
    let set = unsafe { libc::setsockopt(stream.as_raw_fd(), libc::SOL_SOCKET, libc::SO_LINGER, (&raw const linger).cast(), size) };
    assert_eq!(set, 0);
}

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

fn tls(authority: &Authority) -> ClientConnection {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(authority.pem.as_bytes()).unwrap()).unwrap();
    let builder = ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions().unwrap();
    let config = builder.with_root_certificates(roots).with_no_client_auth();
    ClientConnection::new(Arc::new(config), ServerName::try_from("127.0.0.1").unwrap()).unwrap()
}

/// Asks for much more than any buffer of the system holds, reads a little of it, and goes.
fn leave_in_the_middle(stream: &mut (impl Read + Write)) {
    stream.write_all(&REQUEST.repeat(4000)).unwrap();
    stream.read_exact(&mut [0; 4 << 10]).unwrap();
}

#[test]
fn a_client_that_resets_does_not_end_the_host() {
    as_host("a_client_that_resets_does_not_end_the_host", || {
        let clinic = Clinic::new();
        let serving = clinic.start(|document| {
            document["system"]["roles"] = json!(["smart-server", "rms-source"]);
            let listen = document["listen"].as_array_mut().unwrap();
            listen.push(json!({"address": "127.0.0.1:0"}));
        });
        let status = serving.status();
        let [secure, plain] = [0, 1].map(|at| status["addresses"][at].as_str().unwrap().parse::<SocketAddr>().unwrap());
        let alive = || assert_eq!(serving.get("/fhir/metadata", &[]).status, 200);
        alive();

        for _ in 0..ROUNDS {
            let mut stream = connect(plain);
            stream.write_all(&REQUEST.repeat(10)).unwrap();
            reset(&stream);
        }
        let mut stream = connect(plain);
        leave_in_the_middle(&mut stream);
        reset(&stream);
        alive();

        // Between the client's first words and the server's.
        for _ in 0..ROUNDS {
            let mut stream = connect(secure);
            tls(&clinic.authority).write_tls(&mut stream).unwrap();
            reset(&stream);
        }
        alive();

        for _ in 0..ROUNDS {
            let mut stream = StreamOwned::new(tls(&clinic.authority), connect(secure));
            stream.write_all(&REQUEST.repeat(10)).unwrap();
            reset(&stream.sock);
        }
        let mut stream = StreamOwned::new(tls(&clinic.authority), connect(secure));
        leave_in_the_middle(&mut stream);
        reset(&stream.sock);
        alive();
        serving.stop();
    });
}

/// A partner that takes the beginning of a request over TLS or plain, then resets.
fn resetting(tls: Option<Arc<ServerConfig>>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for mut stream in listener.incoming().map(Result::unwrap) {
            let mut begun = [0; 1000];
            match &tls {
                None => stream.read_exact(&mut begun).unwrap(),
                Some(config) => {
                    let mut wire = StreamOwned::new(ServerConnection::new(config.clone()).unwrap(), stream.try_clone().unwrap());
                    wire.read_exact(&mut begun).unwrap();
                }
            }
            reset(&stream);
        }
    });
    address
}

#[test]
fn a_partner_that_resets_does_not_end_the_host() {
    as_host("a_partner_that_resets_does_not_end_the_host", || {
        let authority = Authority::new();
        let pair = authority.server(&["127.0.0.1"]);
        let chain = CertificateDer::pem_slice_iter(pair.certificate.as_bytes()).map(Result::unwrap).collect();
        let key = PrivateKeyDer::from_pem_slice(pair.key.as_bytes()).unwrap();
        let builder = ServerConfig::builder_with_provider(provider()).with_safe_default_protocol_versions().unwrap();
        let config = Arc::new(builder.with_no_client_auth().with_single_cert(chain, key).unwrap());
        let network = Network { ca: Some(authority.pem.clone()), only_ca: true, ..Network::default() };
        let client = Client::new(&network, None).unwrap();
        let body = vec![b'x'; 32 << 20];
        for (scheme, address) in [("http", resetting(None)), ("https", resetting(Some(config)))] {
            let url = Url::parse(&format!("{scheme}://{address}/")).unwrap();
            for _ in 0..5 {
                assert!(client.post(&url, &[], &body).unwrap_err().sent);
            }
        }
    });
}
