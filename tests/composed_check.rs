//! The composed messages as an independent checker sees them (`tools/check_compose.py`, which reads the published definitions of R4).

use std::path::Path;

#[path = "support/composed.rs"]
mod composed;
#[path = "support/r4.rs"]
mod r4;

#[test]
fn an_independent_checker_finds_nothing_in_what_is_composed_and_much_in_what_is_not() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("composed");
    composed::write_all(&folder);
    let Some((good, told)) = r4::checked(&folder) else { return };
    assert!(good, "{told}");
    // It bites: one flaw in each message, and each is found.
    let flawed = Path::new(env!("CARGO_TARGET_TMPDIR")).join("flawed");
    let flaws = composed::write_flawed(&folder, &flawed);
    let (good, told) = r4::checked(&flawed).unwrap();
    let silent: Vec<&String> = flaws.iter().filter(|name| !told.contains(name.as_str())).collect();
    assert!(!good && silent.is_empty(), "not found: {silent:?}\n{told}");
}
