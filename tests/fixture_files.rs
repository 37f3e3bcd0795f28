//! The fixtures are what their generator writes.

use std::process::Command;

#[path = "support/c.rs"]
mod c;

#[test]
fn the_fixtures_are_what_the_generator_writes() {
    if !c::tools(&["python3"]) {
        return;
    }
    let script = c::root().join("tools/fixtures/make.py");
    let output = Command::new("python3").env("PYTHONDONTWRITEBYTECODE", "1").arg(script).arg("--check").output().unwrap();
    assert!(output.status.success(), "{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
}
