//! P10 and P11: the shipped library as a C program sees it. They need what `make lib` puts into `dist/`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::certs::Authority;
use crate::disk;
use crate::messages;
use crate::table::Row;

const MIB: f64 = 1024.0 * 1024.0;
/// Runs of the idle engine; the first makes the store and is not counted.
const OPENINGS: usize = 6;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A C program linked with the shipped library, and a configuration for it.
struct Kit {
    folder: tempfile::TempDir,
    program: PathBuf,
    config: PathBuf,
}

fn shipped() -> Result<PathBuf, String> {
    let library = root().join("dist/libereferral.so.1");
    if library.exists() { Ok(library) } else { Err("there is no dist/libereferral.so.1; run make lib".into()) }
}

impl Kit {
    fn new() -> Result<Self, String> {
        let library = shipped()?;
        let folder = tempfile::tempdir_in(disk::folder()).map_err(|error| error.to_string())?;
        let program = folder.path().join("library");
        let dist = library.parent().unwrap_or(root());
        let built = Command::new(std::env::var("CC").unwrap_or_else(|_| "cc".into()))
            .args(["-std=c99", "-O2", "-Wall", "-Wextra", "-D_POSIX_C_SOURCE=200809L"])
            .arg(format!("-I{}", root().join("include").display()))
            .arg(root().join("benches/goals/library.c"))
            .arg(&library)
            .arg(format!("-Wl,-rpath,{}", dist.display()))
            .arg("-o")
            .arg(&program)
            .output()
            .map_err(|_| "there is no C compiler".to_owned())?;
        if !built.status.success() {
            return Err(format!("the C program does not compile: {}", String::from_utf8_lossy(&built.stderr)));
        }
        let config = folder.path().join("bench.json");
        fs::write(&config, configuration()).map_err(|error| error.to_string())?;
        Ok(Self { folder, program, config })
    }

    /// What the program prints: names and values.
    fn run(&self, what: &str) -> Result<Vec<(String, f64)>, String> {
        let message = self.folder.path().join("message.json");
        fs::write(&message, messages::referral(0)).map_err(|error| error.to_string())?;
        let input = fs::File::open(message).map_err(|error| error.to_string())?;
        let mut command = Command::new(&self.program);
        command.arg(what).arg(&self.config).stdin(Stdio::from(input)).stderr(Stdio::inherit());
        let output = command.output().map_err(|error| error.to_string())?;
        if !output.status.success() {
            return Err(format!("the C program ended with {}", output.status));
        }
        let line = |line: &str| line.split_once(' ').and_then(|(name, value)| Some((name.to_owned(), value.parse().ok()?)));
        Ok(String::from_utf8_lossy(&output.stdout).lines().filter_map(line).collect())
    }
}

/// A clinic with one partner, on TLS. Its weak setting makes the ALERT that the C program takes.
fn configuration() -> String {
    let pair = Authority::new().server(&["localhost"]);
    serde_json::json!({
        "system": {"name": "Fakeville Family Health", "software": "bench", "version": "1", "roles": ["smart-server", "rms-source"],
                   "time_zone": "America/Toronto", "referral_system": "https://pos.test/fhir/NamingSystem/referral"},
        "public_url": "https://pos.test", "test": true,
        "listen": [{"address": "127.0.0.1:0", "tls": {"certificate": pair.certificate, "key": pair.key}}],
        "store": {"url": "sqlite:idle.db", "key_file": "idle.key"},
        "partners": [{"name": "rms", "roles": ["rms-target", "smart-app"],
            "messaging": {"endpoint": "https://rms.test/fhir/$process-message", "inbound": {"bearer": "bench-bearer-of-the-partner"}},
            "smart_app": {"client_id": "app", "launch_url": "https://rms.test/launch", "redirect_uris": ["https://rms.test/back"],
                          "scopes": "launch openid patient/*.rs", "browser_binding": "off"}}],
    })
    .to_string()
}

/// P10: the fixed cost of calls, the loop around them subtracted.
pub fn calls() -> Vec<Row> {
    let figures = match Kit::new().and_then(|kit| kit.run("calls")) {
        Ok(figures) => figures,
        Err(why) => return vec![Row::skipped("P10", "fixed cost per C call", &why)],
    };
    let row = |(name, value): &(String, f64)| match name.as_str() {
        "field" => Row::note("P10", "`eref_message_field`, a family name (looks up and copies)", format!("{value:.0} ns")),
        name => Row::at_most("P10", &format!("`{name}`"), *value, 50.0, 1.0, "at most 50 ns", format!("{value:.1} ns")),
    };
    figures.iter().map(row).collect()
}

/// P11: size, idle memory, time from open to listening.
pub fn size() -> Vec<Row> {
    let bytes = shipped().and_then(|library| fs::metadata(library).map_err(|error| error.to_string()));
    let size = match bytes {
        Ok(data) => {
            let mib = data.len() as f64 / MIB;
            Row::at_most("P11", "shared library, stripped", mib, 8.0, 1.0, "at most 8 MiB", format!("{mib:.2} MiB"))
        }
        Err(why) => Row::skipped("P11", "shared library, stripped", &why),
    };
    let runs = Kit::new().and_then(|kit| (0..OPENINGS).map(|_| kit.run("open")).collect::<Result<Vec<_>, _>>());
    let runs = match runs {
        Ok(runs) => runs,
        Err(why) => return vec![size, Row::skipped("P11", "idle memory and opening", &why)],
    };
    let median = |name: &str| {
        let found = |run: &Vec<(String, f64)>| run.iter().find(|(found, _)| found == name).map_or(f64::NAN, |(_, value)| *value);
        let mut values: Vec<f64> = runs.iter().skip(1).map(found).collect();
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    };
    // The goal is in MB, the system counts in KiB.
    let (memory, open) = (median("rss_kb") * 1024.0 / 1e6, median("open_ms"));
    vec![
        size,
        Row::at_most("P11", "resident memory when idle, TLS listener", memory, 8.0, 1.0, "at most 8 MB", format!("{memory:.2} MB")),
        Row::at_most("P11", "open to listening, second open", open, 50.0, 1.0, "at most 50 ms", format!("{open:.1} ms")),
    ]
}
