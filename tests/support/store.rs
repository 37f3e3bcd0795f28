//! The real store in a folder of its own, gone with the test.
#![allow(dead_code, reason = "each test file uses its part")]

use std::path::Path;
use std::sync::Arc;

use ereferral::io::store::sqlite;
use ereferral::proto::store::{Node, Store};
use tempfile::TempDir;

/// A new, empty store. It lives as long as the folder is kept.
pub fn open() -> (TempDir, Arc<dyn Store>) {
    let folder = tempfile::tempdir().unwrap();
    let store = reopen(folder.path());
    (folder, store)
}

/// The store of a folder once more, as another process would open it.
pub fn reopen(folder: &Path) -> Arc<dyn Store> {
    let node = Node { id: "node-of-the-test".into(), process: std::process::id(), host: "test-host".into() };
    sqlite::open(&folder.join("store.db"), &folder.join("store.key"), node).unwrap()
}
