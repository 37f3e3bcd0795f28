//! The table of base FHIR R4 is what its generator writes from the published definitions.

#[path = "support/r4.rs"]
mod r4;

#[test]
fn the_table_is_what_the_generator_writes() {
    let Some(made) = r4::run("r4_table.py", &[]) else { return };
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let table = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/src/proto/guide/r4.table")).unwrap();
    assert!(made.stdout == table, "src/proto/guide/r4.table is not what tools/r4_table.py writes");
}
