//! The composed messages as an independent checker sees them. It needs Python and the published definitions of R4; where they are not there
//! the test says so.

use std::path::Path;
use std::process::Command;

#[path = "support/composed.rs"]
mod composed;

/// The Python that has the definitions; `python3` unless the environment names another.
fn python() -> String {
    std::env::var("EREF_R4_PYTHON").unwrap_or_else(|_| "python3".to_owned())
}

/// What the checker says of a folder, and whether it found nothing; `None` where it cannot run.
fn checked(folder: &Path) -> Option<(bool, String)> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tools/check_compose.py");
    match Command::new(python())
        .env("PYTHONPATH", concat!(env!("CARGO_MANIFEST_DIR"), "/.tools/r4"))
        .arg(script)
        .arg(folder)
        .output()
    {
        Ok(ended) if ended.status.code() == Some(3) => {
            println!("SKIPPED: {}; the script says how to get it", String::from_utf8_lossy(&ended.stderr).trim());
            None
        }
        Ok(ended) => {
            let told = [ended.stdout, ended.stderr].concat();
            Some((ended.status.success(), String::from_utf8_lossy(&told).into_owned()))
        }
        Err(error) => {
            println!("SKIPPED: {} cannot be started: {error}", python());
            None
        }
    }
}

#[test]
fn an_independent_checker_finds_nothing_in_what_is_composed_and_much_in_what_is_not() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("composed");
    composed::write_all(&folder);
    let Some((good, told)) = checked(&folder) else { return };
    assert!(good, "{told}");
    // It bites: one flaw in each message, and each is found.
    let flawed = Path::new(env!("CARGO_TARGET_TMPDIR")).join("flawed");
    let flaws = composed::write_flawed(&folder, &flawed);
    let (good, told) = checked(&flawed).unwrap();
    let silent: Vec<&String> = flaws.iter().filter(|name| !told.contains(name.as_str())).collect();
    assert!(!good && silent.is_empty(), "not found: {silent:?}\n{told}");
}
