//! P1 and P3: what reading a message costs.

use std::hint::black_box;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use ereferral::proto::messaging::message::Message;
use ereferral::proto::settings::Limits;
use serde::de::IgnoredAny;

use crate::disk;
use crate::heap;
use crate::messages;
use crate::reading;
use crate::table::Row;

/// Before base64; the message is 5.0 MB.
const ATTACHMENT: usize = 3_700_000;

pub fn skip(bytes: &[u8]) {
    black_box(serde_json::from_slice::<IgnoredAny>(bytes).expect("it is JSON"));
}

fn accept(bytes: Vec<u8>, limits: &Limits) -> Message {
    Message::read(bytes, limits).unwrap_or_else(|refusal| panic!("the sample is refused: {refusal:?}"))
}

/// What runs under callgrind: the work `count` times, on copies that are made in any case.
pub fn work(kind: &str, count: usize) {
    let message = messages::referral(0);
    let limits = Limits::default();
    let known = reading::known(&message, &limits);
    let copies = vec![message; 20];
    for copy in copies.into_iter().take(count) {
        match kind {
            "skip" => skip(&copy),
            "value" => reading::value(&copy),
            "understand" => drop(black_box(reading::understood(copy, &known, &limits))),
            _ => drop(black_box(accept(copy, &limits))),
        }
    }
}

/// Instructions of one piece of work: what ten more of them add.
pub fn instructions(kind: &str) -> Result<f64, String> {
    let total = |count: &str| -> Result<f64, String> {
        let out = disk::folder().join("callgrind.out");
        let done = Command::new("valgrind")
            .args(["--tool=callgrind", &format!("--callgrind-out-file={}", out.display())])
            .arg(std::env::current_exe().map_err(|error| error.to_string())?)
            .args(["--work", kind, count])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        match done {
            Ok(status) if status.success() => {}
            Ok(status) => return Err(format!("callgrind ended with {status}")),
            Err(_) => return Err("valgrind is not installed".to_owned()),
        }
        let text = std::fs::read_to_string(out).map_err(|error| error.to_string())?;
        let line = text.lines().find_map(|line| line.strip_prefix("totals: "));
        line.and_then(|number| number.trim().parse().ok()).ok_or_else(|| "callgrind wrote no totals".to_owned())
    };
    Ok((total("20")? - total("10")?) / 10.0)
}

fn median(mut times: Vec<Duration>) -> f64 {
    times.sort();
    times[times.len() / 2].as_secs_f64() * 1e6
}

/// Median times in microseconds of work and its yardstick, taken in turns.
pub fn in_turns(rounds: usize, mut work: impl FnMut() -> Duration, mut yardstick: impl FnMut()) -> (f64, f64) {
    let (mut times, mut limits) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        times.push(work());
        let start = Instant::now();
        yardstick();
        limits.push(start.elapsed());
    }
    (median(times), median(limits))
}

fn timed_accept(message: &[u8], limits: &Limits) -> Duration {
    let copy = message.to_vec();
    let start = Instant::now();
    let message = black_box(accept(copy, limits));
    let time = start.elapsed();
    drop(message);
    time
}

/// P1: a message of 40 KB.
pub fn small() -> Vec<Row> {
    let limits = Limits::default();
    let message = messages::referral(0);
    let size = format!("accept-parse of {:.1} KB", message.len() as f64 / 1e3);
    let counted = match (instructions("accept"), instructions("skip")) {
        (Ok(ours), Ok(skip)) => Row::at_most(
            "P1",
            &format!("{size}, instructions"),
            ours,
            skip,
            2.0,
            "at most 2.0x serde_json skip-all",
            format!("{:.3} M beside {:.3} M", ours / 1e6, skip / 1e6),
        ),
        (Err(why), _) | (_, Err(why)) => Row::skipped("P1", "instructions", &why),
    };
    let copy = message.clone();
    let calls = heap::count(|| accept(copy, &limits)).calls;
    let allocations =
        Row::at_most("P1", &format!("{size}, allocations"), calls as f64, 100.0, 1.0, "at most 100", calls.to_string());
    let (ours, other) = in_turns(501, || timed_accept(&message, &limits), || skip(&message));
    let time = Row::note("P1", &format!("{size}, median time"), format!("{ours:.0} us, skip-all {other:.0} us"));
    let hapi = match hapi(&message) {
        Ok(theirs) => Row::at_most(
            "P1",
            "accept-parse beside HAPI FHIR's parse, median times",
            ours,
            theirs,
            1.0 / 50.0,
            "at least 50x faster",
            format!("{ours:.0} us beside {theirs:.0} us: {:.0}x", theirs / ours),
        ),
        Err(why) => Row::skipped("P1", "at least 50x faster than HAPI FHIR's parse", &why),
    };
    vec![counted, allocations, time, hapi]
}

/// Microseconds of HAPI's parse of the same bytes, on a warm JVM (`bindings/java/hapi`). Needs what `tools/setup-tests.sh` fetches.
fn hapi(message: &[u8]) -> Result<f64, String> {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let file = disk::folder().join("hapi-message.json");
    std::fs::write(&file, message).map_err(|error| error.to_string())?;
    let done = Command::new("mvn")
        .args(["-o", "-B", "-q", "-f", "bindings/java/hapi/pom.xml", "test", "-Dtest=ParseSpeed"])
        .arg(format!("-Dmaven.repo.local={}", root.join(".tools/m2").display()))
        .arg(format!("-Dereferral.message={}", file.display()))
        .current_dir(root)
        .output()
        .map_err(|_| "needs Maven and a JVM (tools/setup-tests.sh)".to_owned())?;
    let said = String::from_utf8_lossy(&done.stdout);
    let found = said.split("HAPI_PARSE_US ").nth(1).and_then(|rest| rest.split_whitespace().next()?.parse().ok());
    found.ok_or_else(|| "needs what tools/setup-tests.sh fetches".to_owned())
}

/// P3: a message of 5 MB.
pub fn large() -> Vec<Row> {
    let limits = Limits::default();
    let message = messages::referral(ATTACHMENT);
    let size = format!("accept-parse of {:.1} MB", message.len() as f64 / 1e6);
    let hash = || {
        black_box(ring::digest::digest(&ring::digest::SHA256, &message));
    };
    let (ours, sha) = in_turns(41, || timed_accept(&message, &limits), hash);
    let time = Row::at_most(
        "P3",
        &format!("{size}, median time"),
        ours,
        sha,
        0.5,
        "at most 0.5x SHA-256 (ring)",
        format!("{ours:.0} us beside {sha:.0} us"),
    );
    let copy = message.clone();
    let extra = heap::count(|| accept(copy, &limits)).most;
    let heap = Row::at_most(
        "P3",
        &format!("{size}, extra heap"),
        extra as f64,
        message.len() as f64,
        0.01,
        "at most 1 % beyond one copy",
        format!("{:.1} KB", extra as f64 / 1e3),
    );
    vec![time, heap]
}
