//! Compiles the C programs of `tests/c`, runs them against the built library: plainly, under AddressSanitizer, and under valgrind.

mod support;

use std::fs;
use std::path::Path;
use std::process::Command;

use support::c::{self, root};

const SANITIZED: &[&str] = &["-fsanitize=address", "-fno-omit-frame-pointer"];

/// Valgrind keeps the TLS of others out of this: none of these programs speaks it.
const VALGRIND: &[&str] = &["valgrind", "--quiet", "--error-exitcode=99", "--leak-check=full", "--errors-for-leak-kinds=definite"];

/// Builds `tests/c/{name}.c` and runs it; anything but exit status 0 fails.
fn run(name: &str, arguments: &dyn Fn(&Path) -> Vec<String>) {
    for extra in [&[][..], SANITIZED] {
        run_under(&["timeout", "120"], name, extra, arguments);
    }
}

fn run_under(runner: &[&str], name: &str, extra: &[&str], arguments: &dyn Fn(&Path) -> Vec<String>) {
    let (Some(compiler), Some(library)) = (c::compiler(), c::library()) else { return };
    if !c::tools(&runner[..1]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let program = c::build(&compiler, &library, &root().join("tests/c").join(name).with_extension("c"), folder.path(), extra);
    let output = Command::new(runner[0]).args(&runner[1..]).arg(program).args(arguments(folder.path())).output().unwrap();
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{name} {extra:?}: {}\n{}{}", output.status, said(&output.stdout), said(&output.stderr));
}

fn nothing(_: &Path) -> Vec<String> {
    Vec::new()
}

fn empty_folder(folder: &Path) -> Vec<String> {
    vec![folder.display().to_string()]
}

/// A configuration for an engine on loopback without TLS, with its store in `folder`.
fn configuration(folder: &Path) -> Vec<String> {
    let document = r#"{
        "system": {"name": "Fakeville Family Health", "software": "test", "version": "1", "roles": ["smart-server", "rms-source"],
                   "time_zone": "America/Toronto", "referral_system": "https://pos.test/fhir/NamingSystem/referral"},
        "public_url": "https://pos.test", "test": true,
        "listen": [{"address": "127.0.0.1:0"}],
        "store": {"url": "sqlite:pos.db", "key_file": "pos.key"},
        "partners": [{"name": "sandbox", "roles": ["rms-target", "smart-app"],
            "messaging": {"endpoint": "https://rms.test/fhir/$process-message"},
            "smart_app": {"client_id": "app", "launch_url": "https://rms.test/launch", "redirect_uris": ["https://rms.test/back"],
                          "scopes": "launch openid fhirUser patient/*.rs", "browser_binding": "off"}}]
    }"#;
    let file = folder.join("pos.json");
    fs::write(&file, document).unwrap();
    vec![file.display().to_string()]
}

#[test]
fn null_for_every_pointer_is_a_status_or_harmless() {
    let source = fs::read_to_string(root().join("tests/c/null.c")).unwrap();
    let symbols = fs::read_to_string(root().join("include/ereferral.symbols")).unwrap();
    let names = symbols.lines().filter(|line| !line.starts_with('#')).map(|line| line.split(' ').next().unwrap());
    let untried: Vec<&str> = names.filter(|name| !source.contains(&format!("{name}("))).collect();
    assert!(untried.is_empty(), "not tried in null.c: {untried:?}");
    run("null", &nothing);
}

#[test]
fn misused_handles_and_texts_are_refused() {
    run("misuse", &nothing);
}

#[cfg(feature = "test-panic")]
#[test]
fn a_fault_inside_the_library_is_contained() {
    run("panic", &nothing);
}

#[test]
fn an_engine_refuses_what_comes_at_the_wrong_time_and_survives_frees() {
    run("engine_misuse", &configuration);
}

#[test]
fn a_delivery_under_way_survives_stop_and_free() {
    run("delivery", &empty_folder);
}

#[test]
#[ignore = "full run"]
fn valgrind_finds_nothing_in_calls_without_an_engine() {
    run_under(VALGRIND, "null", &[], &nothing);
    run_under(VALGRIND, "misuse", &[], &|_| vec!["valgrind".to_owned()]);
}

#[test]
#[ignore = "full run"]
fn valgrind_finds_nothing_in_an_engine() {
    // In the forked child everything of the threads that are not there counts as lost.
    run_under(&[&VALGRIND[..3], &["--leak-check=no"]].concat(), "engine_misuse", &[], &configuration);
    run_under(VALGRIND, "delivery", &[], &empty_folder);
}
