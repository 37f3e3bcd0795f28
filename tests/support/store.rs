//! The real store in a folder of its own, gone with the test.

use std::sync::Arc;

use ereferral::io::store::sqlite;
use ereferral::proto::store::{Node, Store};
use tempfile::TempDir;

/// A new, empty store. It lives as long as the folder is kept.
pub fn open() -> (TempDir, Arc<dyn Store>) {
    let folder = tempfile::tempdir().unwrap();
    let node = Node { id: "node-of-the-test".into(), process: std::process::id(), host: "test-host".into() };
    let store = sqlite::open(&folder.path().join("store.db"), &folder.path().join("store.key"), node).unwrap();
    (folder, store)
}
