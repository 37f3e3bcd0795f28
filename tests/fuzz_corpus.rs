//! The corpora of the fuzz targets, and the fixtures they start from, on the toolchain in use: what was once found stays found.

#[path = "../fuzz/exercise.rs"]
mod exercise;
#[path = "support/fixtures.rs"]
mod fixtures;
#[path = "../fuzz/server.rs"]
mod server;
#[path = "support/smart.rs"]
mod smart;
#[path = "support/store.rs"]
mod store;
#[path = "support/tokens.rs"]
mod tokens;

use std::path::Path;

type Target = (&'static str, fn(&[u8]));

const TARGETS: &[Target] = &[
    ("parse", exercise::parse),
    ("check", exercise::check),
    ("changes", exercise::changes),
    ("compose", exercise::compose),
    ("answer", exercise::answer),
    ("exchange", server::exchange),
    ("search", server::search),
    ("url", server::url),
    ("scope", server::scope),
    ("jwt", server::jwt),
];

#[test]
fn every_input_of_the_corpora_is_borne() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
    for (name, target) in TARGETS {
        let files: Vec<_> = std::fs::read_dir(folder.join(name)).unwrap().map(|entry| entry.unwrap().path()).collect();
        assert!(!files.is_empty(), "{name}");
        for path in files {
            println!("{}", path.display());
            target(&std::fs::read(path).unwrap());
        }
    }
}

#[test]
fn every_fixture_is_borne_by_every_target() {
    for name in fixtures::all() {
        let body = fixtures::read(&name);
        exercise::parse(&body);
        exercise::check(&body);
    }
}

/// Two messages that follow each other in a sequence, as the target takes them.
#[test]
fn the_steps_of_every_sequence_are_borne_as_changes() {
    for sequence in fixtures::names("sequences") {
        let steps: Vec<_> = fixtures::names(&sequence).iter().map(|name| fixtures::read(name)).collect();
        for pair in steps.windows(2) {
            exercise::changes(&pair.join(&b"\n---\n"[..]));
        }
    }
}
