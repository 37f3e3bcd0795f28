//! The README's C example is a file of this repository, and it compiles against the header. What comments cite is explained.

use std::path::Path;
use std::process::Command;

fn read(path: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The first fenced block of that language.
fn block<'a>(text: &'a str, language: &str) -> &'a str {
    let (_, rest) = text.split_once(&format!("\n```{language}\n")).expect("the README has such a block");
    rest.split_once("```").expect("the block ends").0
}

#[test]
fn the_c_example_is_the_file_in_the_repository() {
    assert_eq!(block(&read("README.md"), "c"), read("examples-c/hello.c"));
}

#[test]
fn the_c_example_compiles_without_warnings() {
    let compiler = std::env::var("CC").unwrap_or_else(|_| "cc".to_owned());
    let mut command = Command::new(compiler);
    command.args(["-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fsyntax-only", "-Iinclude", "examples-c/hello.c"]);
    match command.current_dir(env!("CARGO_MANIFEST_DIR")).output() {
        Ok(output) => assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr)),
        Err(error) => assert!(std::env::var_os("CI").is_none(), "no C compiler: {error}"),
    }
}

#[test]
fn the_configuration_parses() {
    let settings: ereferral::proto::settings::Settings = serde_json::from_str(block(&read("README.md"), "json")).unwrap();
    assert_eq!(settings.partners.len(), 1);
    assert!(settings.app("the-rms").is_some());
}

/// The text of every Rust file under a folder.
fn sources(folder: &Path, text: &mut String) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, text);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            text.push_str(&std::fs::read_to_string(&path).unwrap());
        }
    }
}

#[test]
fn every_section_a_comment_cites_is_explained() {
    let mut text = String::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut text);
    let page = read("docs/sources.md");
    let (messaging, rest) = page.split_once("\n## smart.md").unwrap();
    let (smart, architecture) = rest.split_once("\n## architecture").unwrap();
    for (name, explained) in [("messaging.md ", messaging), ("smart.md ", smart)] {
        let numbers = text.split(name).skip(1).map(|after| {
            let end = after.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(after.len());
            after[..end].trim_end_matches('.')
        });
        for number in numbers.filter(|number| !number.is_empty()) {
            assert!(explained.contains(&format!("\n| {number} | ")), "{name}{number}");
        }
    }
    let names: Vec<&str> = architecture.lines().filter_map(|line| line.strip_prefix("| ")?.split(" | ").next()).collect();
    for after in text.split("architecture: ").skip(1) {
        assert!(names.iter().any(|name| after.starts_with(name)), "architecture: {}", after.lines().next().unwrap_or_default());
    }
}
