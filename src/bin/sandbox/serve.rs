//! Runs the RMS and its SMART App until told to quit.

use std::io::BufRead as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use ereferral::engine::{Cancel, Config, Engine};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::Result;
use crate::http::Http;
use crate::rms::Rms;
use crate::smart_app::{Registration, SmartApp, Visit};
use crate::web::Web;

#[derive(Args)]
pub struct Options {
    /// The sandbox's configuration; paths in it are relative to its folder
    config: PathBuf,
}

/// The sandbox's configuration: that of its engine, and that of its app.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    /// The engine's configuration, as for any host of the library.
    engine: Map<String, Value>,
    /// The point-of-service system, by its name among the engine's partners.
    partner: String,
    /// The naming system of the referral numbers the sandbox gives out.
    referral_system: String,
    app: App,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct App {
    /// `host:port` of the app's pages; port 0 asks the system for one.
    listen: String,
    certificate: PathBuf,
    key: PathBuf,
    /// The authorities the app trusts when it calls a point-of-service system.
    ca: PathBuf,
    client_id: String,
    client_secret: String,
    redirect_uri: String,
    /// The FHIR bases that may launch the app.
    issuers: Vec<String>,
}

/// Prints `READY` when both sides listen. Answers each command on standard input with one line starting `OK` or `FAILED`.
pub fn run(options: Options) -> Result<()> {
    let settings = read(&options.config)?;
    let folder = folder_of(&options.config)?;
    let engine = open(settings.engine, &folder)?;
    engine.start().map_err(|error| format!("cannot start the engine: {error}"))?;
    let rms = Arc::new(Rms::new(engine.clone(), settings.partner, settings.referral_system));

    let app = settings.app;
    let authorities = std::fs::read(folder.join(&app.ca)).map_err(|error| format!("cannot read {}: {error}", app.ca.display()))?;
    let registration = Registration {
        client_id: app.client_id,
        client_secret: app.client_secret,
        redirect_uri: app.redirect_uri,
        issuers: app.issuers,
    };
    let smart_app = Arc::new(SmartApp::new(registration, Http::new(&authorities)?));
    let on_visit = {
        let rms = rms.clone();
        Arc::new(move |visit: Visit| rms.refer(&visit.patient, &visit.user))
    };
    let web = Web::start(&app.listen, &folder.join(&app.certificate), &folder.join(&app.key), smart_app, on_visit)?;

    let cancel = Cancel::default();
    let events = {
        let (rms, cancel) = (rms.clone(), cancel.clone());
        std::thread::spawn(move || rms.serve_events(&cancel))
    };
    println!("READY app={}", web.address);
    commands(&rms);
    cancel.signal();
    events.join().map_err(|_| "the event thread failed".to_owned())?;
    engine.stop(Duration::from_secs(5)).map_err(|error| format!("the engine did not stop: {error}"))
}

fn commands(rms: &Rms) {
    for line in std::io::stdin().lock().lines().map_while(std::io::Result::ok) {
        let outcome = match line.trim() {
            "" => continue,
            "quit" => return,
            "send-notifications" => rms.send_notifications().map(|()| line.clone()),
            "referrals" => {
                let (all, received) = rms.count();
                Ok(format!("referrals all={all} received={received}"))
            }
            other => Err(format!("there is no command \"{other}\"; try send-notifications, referrals or quit")),
        };
        match outcome {
            Ok(text) => println!("OK {text}"),
            Err(text) => println!("FAILED {text}"),
        }
    }
}

fn read(path: &Path) -> Result<Settings> {
    let text = std::fs::read(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    serde_json::from_slice(&text).map_err(|error| format!("{} is not as expected: {error}", path.display()))
}

fn folder_of(path: &Path) -> Result<PathBuf> {
    let whole = std::fs::canonicalize(path).map_err(|error| format!("cannot find {}: {error}", path.display()))?;
    Ok(whole.parent().map(Path::to_path_buf).unwrap_or(whole))
}

fn open(mut settings: Map<String, Value>, folder: &Path) -> Result<Engine> {
    settings.entry("base_dir").or_insert_with(|| json!(folder.to_string_lossy()));
    let mut config = Config::new();
    let failed = |error: ereferral::error::Error| format!("cannot open the engine: {error}");
    config.parse_json(Value::Object(settings).to_string().as_bytes()).map_err(failed)?;
    Engine::open(&config).map_err(failed)
}
