//! The messages of `tests/fixtures`, as files, and what is read out of them without this library.
#![allow(dead_code)]

use std::path::{Path, PathBuf};

/// The folder of the fixtures.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

/// A fixture by its path below the folder, without `.json`.
pub fn read(name: &str) -> Vec<u8> {
    let path = folder().join(format!("{name}.json"));
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The names of the fixtures in a folder, in order.
pub fn names(below: &str) -> Vec<String> {
    let entries = std::fs::read_dir(folder().join(below)).unwrap();
    let plain = |path: PathBuf| path.file_name().unwrap().to_str().unwrap().trim_end_matches(".json").to_owned();
    let mut found: Vec<String> = entries.map(|entry| format!("{below}/{}", plain(entry.unwrap().path()))).collect();
    found.sort();
    found
}

/// Every message there is.
pub fn all() -> Vec<String> {
    let sequences = names("sequences").into_iter().flat_map(|name| names(&name));
    ["on-0.10", "on-0.11.1", "traffic"].into_iter().flat_map(names).chain(sequences).collect()
}

/// The number that the RMS gave the referral: the first in the file, which is the header's or the focus's.
pub fn referral_number(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let from = text.find("\"EREF-").expect("the message names a referral") + 1;
    text[from..].split('"').next().unwrap().to_owned()
}
