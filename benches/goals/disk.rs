//! The disk that durable figures are measured on.

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// What the store sets on each of its connections (src/io/store/sqlite.rs).
pub const SYNCHRONOUS: &str = "FULL";

/// A folder of the project's own disk, beside what cargo builds.
pub fn folder() -> PathBuf {
    let program = std::env::current_exe().expect("the program knows its file");
    let target = program.ancestors().find(|path| path.ends_with("deps")).and_then(|deps| deps.parent()?.parent());
    let folder = target.map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("target"), Path::to_owned).join("bench");
    fs::create_dir_all(&folder).expect("the folder for measuring can be made");
    folder
}

/// The type of the file system that holds `folder`.
pub fn file_system(folder: &Path) -> Option<String> {
    let folder = folder.canonicalize().ok()?;
    let mounts = fs::read_to_string("/proc/self/mountinfo").ok()?;
    let of_line = |line: &str| {
        let (head, tail) = line.split_once(" - ")?;
        let point = head.split(' ').nth(4)?.replace("\\040", " ");
        let kind = tail.split(' ').next()?.to_owned();
        folder.starts_with(&point).then_some((point.len(), kind))
    };
    mounts.lines().filter_map(of_line).max_by_key(|(length, _)| *length).map(|(_, kind)| kind)
}

/// Why durable figures would mean nothing in `folder`, if so.
pub fn not_durable(folder: &Path) -> Option<String> {
    match file_system(folder).as_deref() {
        None => Some("the file system under target/ is not known".into()),
        Some(kind @ ("tmpfs" | "ramfs" | "devtmpfs")) => Some(format!("target/ lies on {kind}, which is no disk")),
        Some(_) => None,
    }
}

/// How often per second `bytes` can be appended to a file in `folder` and made durable.
pub fn sync_rate(folder: &Path, bytes: usize, time: Duration) -> f64 {
    let path = folder.join("raw");
    let mut file: File = OpenOptions::new().create(true).write(true).truncate(true).open(&path).expect("a file can be made");
    let piece = vec![0x5a; bytes];
    let (start, mut count) = (Instant::now(), 0u32);
    while start.elapsed() < time {
        file.write_all(&piece).and_then(|()| file.sync_data()).expect("the disk takes what is written");
        count += 1;
    }
    let rate = f64::from(count) / start.elapsed().as_secs_f64();
    fs::remove_file(path).expect("the file can be removed");
    rate
}
