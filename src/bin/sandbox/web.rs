//! The app's two pages, over HTTPS: `/launch` and `/callback`.

use std::convert::Infallible;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ereferral::proto::http::Parameters;
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{HeaderName, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _};
use tokio::runtime::Runtime;
use tokio_rustls::TlsAcceptor;

use crate::Result;
use crate::smart_app::{Redirect, SmartApp, Visit, name_of};

const COOKIE: &str = "__Host-sandbox-launch";
const HANDSHAKE: Duration = Duration::from_secs(10);

/// Told about each launch that came through.
pub type OnVisit = Arc<dyn Fn(Visit) + Send + Sync>;

type Reply = Response<Full<Bytes>>;

/// The running web server; dropping it closes everything.
pub struct Web {
    _runtime: Runtime,
    pub address: SocketAddr,
}

impl Web {
    /// Listens on `address` with the certificate and key in these files.
    pub fn start(address: &str, certificate: &Path, key: &Path, app: Arc<SmartApp>, on_visit: OnVisit) -> Result<Self> {
        let acceptor = TlsAcceptor::from(Arc::new(tls(certificate, key)?));
        let listener = TcpListener::bind(address).map_err(|error| format!("cannot listen on {address}: {error}"))?;
        let failed = |error: std::io::Error| format!("cannot serve the app's pages: {error}");
        listener.set_nonblocking(true).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().map_err(failed)?;
        runtime.spawn(async move {
            if let Ok(listener) = tokio::net::TcpListener::from_std(listener) {
                accept(listener, acceptor, app, on_visit).await;
            }
        });
        Ok(Self { _runtime: runtime, address })
    }
}

fn tls(certificate: &Path, key: &Path) -> Result<rustls::ServerConfig> {
    let failed = |path: &Path, error: String| format!("cannot use {}: {error}", path.display());
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect)
        .map_err(|error| failed(certificate, error.to_string()))?;
    let key_der = PrivateKeyDer::from_pem_file(key).map_err(|error| failed(key, error.to_string()))?;
    rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key_der))
        .map_err(|error| failed(certificate, error.to_string()))
}

async fn accept(listener: tokio::net::TcpListener, acceptor: TlsAcceptor, app: Arc<SmartApp>, on_visit: OnVisit) {
    loop {
        let Ok((socket, _)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let (acceptor, app, on_visit) = (acceptor.clone(), app.clone(), on_visit.clone());
        tokio::spawn(async move {
            let Ok(Ok(stream)) = tokio::time::timeout(HANDSHAKE, acceptor.accept(socket)).await else { return };
            let service = service_fn(move |request| {
                let (app, on_visit) = (app.clone(), on_visit.clone());
                async move { Ok::<_, Infallible>(answer(app, on_visit, request).await) }
            });
            // A broken connection concerns its browser only.
            let _ = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(HANDSHAKE)
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

async fn answer(app: Arc<SmartApp>, on_visit: OnVisit, request: Request<Incoming>) -> Reply {
    if request.method() != Method::GET {
        return page(StatusCode::METHOD_NOT_ALLOWED, "Only GET is served here", "");
    }
    let path = request.uri().path().to_owned();
    let Ok(query) = Parameters::parse(request.uri().query().unwrap_or_default().as_bytes()) else {
        return failure("a parameter came twice");
    };
    let cookie = cookie(&request);
    let work = tokio::task::spawn_blocking(move || match path.as_str() {
        "/launch" => app.launch(&query).map_or_else(|text| failure(&text), |next| redirect(&next)),
        "/callback" => match app.callback(&query, cookie.as_deref()) {
            Ok(visit) => {
                let reply = found(&visit);
                on_visit(visit);
                reply
            }
            Err(text) => failure(&text),
        },
        _ => page(StatusCode::NOT_FOUND, "Nothing is here", ""),
    });
    work.await.unwrap_or_else(|_| page(StatusCode::INTERNAL_SERVER_ERROR, "The sandbox failed", ""))
}

fn cookie(request: &Request<Incoming>) -> Option<String> {
    let header = request.headers().get(hyper::header::COOKIE)?.to_str().ok()?;
    header.split(';').find_map(|pair| pair.trim().strip_prefix(COOKIE)?.strip_prefix('=').map(str::to_owned))
}

fn redirect(next: &Redirect) -> Reply {
    let mut reply = page(StatusCode::SEE_OTHER, "Continuing", "");
    set(&mut reply, hyper::header::LOCATION, &next.url);
    set(&mut reply, hyper::header::SET_COOKIE, &format!("{COOKIE}={}; Path=/; HttpOnly; Secure; SameSite=Lax", next.cookie));
    reply
}

fn found(visit: &Visit) -> Reply {
    let mut list = String::new();
    for resource in &visit.chart {
        let kind = resource["resourceType"].as_str().unwrap_or("?");
        let id = resource["id"].as_str().unwrap_or("?");
        list.push_str(&format!("<li>{}/{}</li>\n", escape(kind), escape(id)));
    }
    let body = format!(
        "<p>Patient: {}</p>\n<p>User: {}</p>\n<p>Granted: {}</p>\n<p>Letter written to: {}</p>\n<p>Chart, {} resources:</p>\n<ul>\n{list}</ul>\n",
        escape(&name_of(&visit.patient)),
        escape(&visit.user),
        escape(&visit.scope),
        escape(&visit.written),
        visit.chart.len(),
    );
    page(StatusCode::OK, "LAUNCH OK", &body)
}

fn failure(text: &str) -> Reply {
    page(StatusCode::BAD_REQUEST, "LAUNCH FAILED", &format!("<p>{}</p>\n", escape(text)))
}

fn page(status: StatusCode, title: &str, body: &str) -> Reply {
    let html = format!(
        "<!doctype html>\n<html lang=\"en\"><head><title>{title}</title></head><body>\n<h1>{title}</h1>\n{body}</body></html>\n"
    );
    let mut reply = Response::new(Full::new(Bytes::from(html)));
    *reply.status_mut() = status;
    set(&mut reply, hyper::header::CONTENT_TYPE, "text/html; charset=utf-8");
    set(&mut reply, hyper::header::CACHE_CONTROL, "no-store");
    set(&mut reply, hyper::header::REFERRER_POLICY, "no-referrer");
    set(&mut reply, hyper::header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'");
    reply
}

/// A value that cannot stand in a header makes the whole reply a failure instead of a half one.
fn set(reply: &mut Reply, name: HeaderName, value: &str) {
    match HeaderValue::from_str(value) {
        Ok(value) => drop(reply.headers_mut().insert(name, value)),
        Err(_) => *reply.status_mut() = StatusCode::BAD_GATEWAY,
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::certs;
    use crate::http::Http;
    use crate::smart_app::Registration;

    #[test]
    fn pages_are_served_over_tls_and_say_what_went_wrong() {
        let folder = tempfile::tempdir().unwrap();
        certs::write(folder.path(), &["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
        let authority = std::fs::read(folder.path().join("ca.pem")).unwrap();
        let registration = Registration {
            client_id: "sandbox".to_owned(),
            client_secret: "secret".to_owned(),
            redirect_uri: "https://localhost/callback".to_owned(),
            issuers: Vec::new(),
        };
        let app = Arc::new(SmartApp::new(registration, Http::new(&authority).unwrap()));
        let (certificate, key) = (folder.path().join("server.pem"), folder.path().join("server.key"));
        let web = Web::start("127.0.0.1:0", &certificate, &key, app, Arc::new(|_| ())).unwrap();

        let client = Http::new(&authority).unwrap();
        let get = |path: &str| client.get(&format!("https://localhost:{}{path}", web.address.port()), None).unwrap();
        let refused = get("/launch?iss=https://evil.example/%3Cb%3E&launch=x");
        assert_eq!(refused.status, 400);
        assert!(String::from_utf8(refused.body).unwrap().contains("LAUNCH FAILED"));
        assert_eq!(get("/callback?state=a&state=b").status, 400);
        assert_eq!(get("/elsewhere").status, 404);
    }

    #[test]
    fn markup_from_outside_stays_text() {
        assert_eq!(escape("<b a=\"1\">&"), "&lt;b a=&quot;1&quot;&gt;&amp;");
    }
}
