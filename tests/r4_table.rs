//! The table of base FHIR R4 is what its generator writes from the published definitions. The generator needs Python and a package; where
//! they are not there the test says so.

use std::process::Command;

/// The Python that has the package; `python3` unless the environment names another.
fn python() -> String {
    std::env::var("EREF_R4_PYTHON").unwrap_or_else(|_| "python3".to_owned())
}

#[test]
fn the_table_is_what_the_generator_writes() {
    let root = env!("CARGO_MANIFEST_DIR");
    let made = match Command::new(python()).arg(format!("{root}/tools/r4_table.py")).output() {
        Ok(made) if made.status.code() == Some(3) => {
            let why = String::from_utf8_lossy(&made.stderr).into_owned();
            println!("SKIPPED: {}; tools/r4_table.py says how to get it, EREF_R4_PYTHON names the Python that has it", why.trim());
            return;
        }
        Ok(made) => made,
        Err(error) => {
            println!("SKIPPED: {} cannot be started: {error}", python());
            return;
        }
    };
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let table = std::fs::read(format!("{root}/src/proto/guide/r4.table")).expect("the table can be read");
    assert!(made.stdout == table, "src/proto/guide/r4.table is not what tools/r4_table.py writes");
}
