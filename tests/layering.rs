//! The rooms of the crate import each other only as README's map says.

use std::path::{Path, PathBuf};

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The code of every file of a room, without comments and without its tests.
fn code(room: &str) -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(room);
    let mut files = Vec::new();
    sources(&root, &mut files);
    assert!(!files.is_empty(), "{room} has no files");
    let strip = |path: PathBuf| {
        let text = std::fs::read_to_string(&path).unwrap();
        let text = text.split("#[cfg(test)]\nmod tests").next().unwrap().to_owned();
        let lines = text.lines().filter(|line| !line.trim_start().starts_with("//"));
        (path, lines.collect::<Vec<_>>().join("\n"))
    };
    files.into_iter().map(strip).collect()
}

fn must_not_mention(room: &str, words: &[&str]) {
    for (path, text) in code(room) {
        for word in words {
            assert!(!text.contains(word), "{} mentions {word}", path.display());
        }
    }
}

#[test]
fn proto_knows_no_other_room_and_touches_no_world() {
    must_not_mention("proto", &["crate::io", "crate::engine", "crate::ffi", "unsafe "]);
    let world = [
        "std::fs",
        "std::net::Tcp",
        "std::thread",
        "std::env",
        "SystemTime",
        "Instant::now",
        "rusqlite",
        "ureq",
        "hyper",
        "tokio",
        "SystemRandom",
    ];
    must_not_mention("proto", &world);
}

#[test]
fn io_knows_only_proto() {
    must_not_mention("io", &["crate::engine", "crate::ffi", "unsafe "]);
}

#[test]
fn engine_does_not_know_the_c_abi() {
    must_not_mention("engine", &["crate::ffi", "unsafe "]);
}

#[test]
fn the_c_abi_calls_only_the_engine_and_public_types() {
    must_not_mention("ffi", &["crate::io"]);
}

#[test]
fn files_stay_readable() {
    for room in ["proto", "io", "engine", "ffi"] {
        for (path, text) in code(room) {
            let lines = text.lines().count();
            assert!(lines <= 550, "{} has {lines} lines of code: is there a seam?", path.display());
        }
    }
}
