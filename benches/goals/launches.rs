//! P16: ten thousand launches at once, each with a chart of 100 KB, in a process of their own; and the same after a restart.

use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use crate::smart::{code, launch_request, plain, redeem, server};
use crate::table::Row;
use crate::{disk, smart};

const LAUNCHES: usize = 10_000;
const CHART: usize = 100_000;
const THREADS: usize = 16;

/// Resident memory of this process, in MB.
fn resident() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    line.trim().trim_end_matches(" kB").parse::<f64>().map_or(f64::NAN, |kib| kib * 1024.0 / 1e6)
}

/// What the child does: starts the launches where there are none yet, lets the app into one, and says what memory it takes. The code of one
/// more is left behind, for the next child to redeem.
pub fn work(folder: &Path) {
    ereferral::io::crypto::install();
    let server = server(folder);
    let left = folder.join("code");
    if let Ok(code) = std::fs::read_to_string(&left) {
        let mut stream = plain(&server.plain);
        let token = redeem(&mut stream, &code);
        assert_eq!(smart::ask(&mut stream, &smart::read_request(&token)).0, 200);
    } else {
        let started = AtomicUsize::new(0);
        let request = launch_request(CHART).to_string();
        thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| {
                    while started.fetch_add(1, Ordering::Relaxed) < LAUNCHES {
                        server.engine.launch_start(request.as_bytes()).expect("a launch");
                    }
                });
            }
        });
        let mut stream = plain(&server.plain);
        let first = code(&server, &mut stream, CHART);
        redeem(&mut stream, &first);
        std::fs::write(&left, code(&server, &mut stream, CHART)).expect("a file can be written");
    }
    let status: serde_json::Value = serde_json::from_str(&server.engine.status_json().expect("a status")).expect("JSON");
    println!("{} {}", resident(), status["store"]["launches"]);
    server.engine.stop(Duration::from_secs(10)).expect("the engine stops");
}

fn child(folder: &Path) -> Result<(f64, String), String> {
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let output = Command::new(program).args(["--work", "launches"]).arg(folder).output().map_err(|error| error.to_string())?;
    let text = String::from_utf8_lossy(&output.stdout);
    let (memory, launches) = text.trim().split_once(' ').ok_or_else(|| String::from_utf8_lossy(&output.stderr).into_owned())?;
    Ok((memory.parse().map_err(|_| "no number".to_owned())?, launches.to_owned()))
}

/// All rows of P16.
pub fn rows() -> Vec<Row> {
    let place = tempfile::tempdir_in(disk::folder()).expect("a folder can be made");
    let row = |what: &str| match child(place.path()) {
        Ok((memory, launches)) => {
            Row::at_most("P16", what, memory, 60.0, 1.0, "at most 60 MB resident", format!("{memory:.1} MB, {launches} launches"))
        }
        Err(why) => Row::skipped("P16", what, why.lines().find(|line| !line.is_empty()).unwrap_or_default()),
    };
    vec![row("10,000 live launches with charts of 100 KB"), row("the same after a restart, one redeemed and read")]
}
