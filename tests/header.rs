//! The header is what the library exports, compiles alone, and says what a reader needs.

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use support::c::{self, root};

/// The files the header is made of, in its order.
const SOURCES: &[&str] = &[
    "error.rs",
    "ffi/text.rs",
    "ffi/version.rs",
    "ffi/error.rs",
    "ffi/string.rs",
    "ffi/config.rs",
    "ffi/engine.rs",
    "ffi/launch.rs",
    "ffi/event.rs",
    "ffi/grant.rs",
    "ffi/message.rs",
    "ffi/draft.rs",
    "ffi/send.rs",
    "ffi/referral.rs",
    "ffi/inbox.rs",
    "ffi/log.rs",
    "ffi/cancel.rs",
];

fn header() -> String {
    fs::read_to_string(root().join("include/ereferral.h")).unwrap()
}

/// Each declared function with the comment above it.
fn declarations(header: &str) -> Vec<(String, String)> {
    let mut comment = String::new();
    let mut found = Vec::new();
    for piece in header.split("\n\n") {
        let Some((before, declaration)) = piece.rsplit_once("*/") else { continue };
        comment.clear();
        comment.push_str(before);
        let Some(start) = declaration.find("\nEREF_API") else { continue };
        let declaration = &declaration[start..];
        let name = declaration.split('(').next().unwrap().rsplit([' ', '*']).next().unwrap();
        found.push((name.to_owned(), comment.clone()));
    }
    found
}

/// The exports, from the lines of `ereferral.symbols`: name and ABI number.
fn symbols() -> BTreeSet<String> {
    let text = fs::read_to_string(root().join("include/ereferral.symbols")).unwrap();
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| line.split_whitespace().next().unwrap().to_owned()).collect()
}

#[test]
fn the_header_is_up_to_date() {
    let config = cbindgen::Config::from_file(root().join("cbindgen.toml")).unwrap();
    let sources = SOURCES.iter().map(|file| root().join("src").join(file));
    let builder = sources.fold(cbindgen::Builder::new().with_config(config), |builder, file| builder.with_src(file));
    let mut made = Vec::new();
    builder.generate().unwrap().write(&mut made);
    let made = String::from_utf8(made).unwrap();
    let path = root().join("include/ereferral.h");
    if std::env::var_os("EREF_BLESS").is_some() {
        fs::write(&path, &made).unwrap();
    }
    let checked_in = fs::read_to_string(&path).unwrap_or_default();
    let differing = made.lines().zip(checked_in.lines()).find(|(new, old)| new != old);
    assert!(made == checked_in, "include/ereferral.h is stale (EREF_BLESS=1 rewrites it); first difference: {differing:?}");
}

#[test]
fn every_source_of_the_c_abi_is_in_the_header() {
    let folder = fs::read_dir(root().join("src/ffi")).unwrap();
    let files: BTreeSet<String> = folder.map(|entry| format!("ffi/{}", entry.unwrap().file_name().to_string_lossy())).collect();
    let inner = ["ffi/mod.rs", "ffi/guard.rs", "ffi/handle.rs", "ffi/test_panic.rs"];
    let expected: BTreeSet<String> =
        SOURCES.iter().filter(|file| file.starts_with("ffi/")).chain(&inner).map(|file| (*file).to_owned()).collect();
    assert_eq!(files, expected);
}

#[test]
fn each_declaration_is_in_the_symbols_and_the_other_way_round() {
    let declared: BTreeSet<String> = declarations(&header()).into_iter().map(|(name, _)| name).collect();
    assert_eq!(declared, symbols());
}

#[test]
fn each_function_has_words_on_ownership_threads_errors_and_version() {
    let missing: Vec<String> = declarations(&header())
        .iter()
        .flat_map(|(name, comment)| {
            let lines: Vec<&str> = comment.lines().map(|line| line.trim_start_matches([' ', '*', '/'])).collect();
            let has = |word: &str| lines.iter().any(|line| line.strip_prefix(word).is_some_and(|rest| rest.len() > 4));
            let missing = ["Ownership:", "Threads:", "Errors:", "Since:"]
                .into_iter()
                .filter(|word| !has(word))
                .map(|word| format!("{name}: {word}"));
            missing.collect::<Vec<_>>()
        })
        .collect();
    assert!(missing.is_empty(), "{missing:#?}");
}

#[test]
fn each_owned_output_names_the_function_that_frees_it() {
    let header = header();
    for (name, comment) in declarations(&header) {
        let declaration = &header[header.find(&format!("{name}(")).unwrap()..];
        let declaration = &declaration[..declaration.find(';').unwrap()];
        let Some(kind) = declaration.split(['(', ',']).find_map(|part| part.trim().strip_suffix(" **out")) else { continue };
        assert!(comment.contains(&format!("{kind}_free")), "{name} does not say that {kind}_free ends its output");
    }
}

#[test]
fn the_library_exports_exactly_the_symbols() {
    let Some(library) = c::library() else { return };
    let output = Command::new("nm").args(["-D", "--defined-only", "--format=posix"]).arg(&library).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let exported: BTreeSet<String> = text.lines().map(|line| line.split(' ').next().unwrap().to_owned()).collect();
    let mut expected = symbols();
    if cfg!(feature = "test-panic") {
        expected.extend(["eref_test_events", "eref_test_panic"].map(str::to_owned));
    }
    assert_eq!(exported, expected, "{}", library.display());
}

#[test]
fn compiles_alone_as_c99_and_cxx11_also_when_included_twice() {
    let Some(compiler) = c::compiler() else { return };
    let folder = tempfile::tempdir().unwrap();
    let warnings = ["-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fsyntax-only"];
    for (file, language) in [("alone.c", "-std=c99"), ("alone.cpp", "-std=c++11")] {
        let source = folder.path().join(file);
        fs::write(&source, "#include \"ereferral.h\"\n#include \"ereferral.h\"\nint main(void) { return 0; }\n").unwrap();
        let output = Command::new(&compiler)
            .arg(language)
            .args(warnings)
            .arg("-I")
            .arg(root().join("include"))
            .arg(&source)
            .output()
            .unwrap();
        assert!(output.status.success(), "{language}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn version_layout_and_addresses_agree_as_seen_from_c() {
    let (Some(compiler), Some(library)) = (c::compiler(), c::library()) else { return };
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("agree.c");
    let functions: String = symbols().iter().map(|name| format!("    (any){name},\n")).collect();
    let program = format!(
        "#include <string.h>\n#include \"ereferral.h\"\ntypedef void (*any)(void);\nstatic const any functions[] = {{\n{functions}}};\n\
         int main(void) {{\n    if (sizeof(eref_text) != 2 * sizeof(void *) || offsetof(eref_text, len) != sizeof(void *)) return 2;\n    \
         if (strcmp(EREF_VERSION_TEXT, eref_version_text()) != 0) return 3;\n    if (EREF_ABI_NUMBER != eref_abi_number()) return 4;\n    \
         if (strcmp(eref_status_name(EREF_STORE_IN_USE), \"EREF_STORE_IN_USE\") != 0) return 5;\n    \
         if (strcmp(eref_status_name(-7), \"EREF_UNKNOWN\") != 0) return 6;\n    return functions[0] == 0;\n}}\n"
    );
    fs::write(&source, program).unwrap();
    let built = c::build(&compiler, &library, &source, folder.path(), &[]);
    let status = Command::new(built).status().unwrap();
    assert_eq!(status.code(), Some(0));
}

#[test]
fn the_header_names_the_version_of_the_package() {
    assert!(header().contains(&format!("#define EREF_VERSION_TEXT \"{}\"\n", env!("CARGO_PKG_VERSION"))));
}

#[test]
fn every_status_and_its_number_stand_in_the_header() {
    let header = header();
    for info in ereferral::error::STATUSES {
        assert!(header.contains(&format!("#define {} {}\n", info.name, info.number)), "{}", info.name);
    }
}
