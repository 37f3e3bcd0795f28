//! What `c/recorder.c` wrote down, and the disk as a loss of power would have left it.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use super::random::Random;

/// One thing the program did, in the order in which it did them. Files go by their names within the folder.
#[derive(Clone, Debug)]
pub enum Step {
    Created(String),
    Written(String, u64, Vec<u8>),
    Cut(String, u64),
    Unlinked(String),
    Renamed(String, String),
    /// A sync of a file, or with an empty name of the folder, begins.
    SyncBegan(String, u64),
    /// It ended; nothing counts as safe before.
    SyncEnded(String, u64),
    /// An HTTP answer left: its status, and the request's X-Request-Id.
    Answered(u16, String),
}

/// Compiles the recorder.
pub fn recorder(compiler: &str, folder: &Path) -> PathBuf {
    let library = folder.join("recorder.so");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/c/recorder.c");
    let mut command = std::process::Command::new(compiler);
    command.args(["-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror", "-o"]).arg(&library).arg(source);
    let output = command.args(["-ldl", "-lpthread"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    library
}

/// Takes the next `length` bytes.
fn take<'a>(rest: &mut &'a [u8], length: usize) -> &'a [u8] {
    let (taken, left) = rest.split_at(length);
    *rest = left;
    taken
}

/// Reads a whole recording.
pub fn read(log: &Path) -> Vec<Step> {
    let bytes = std::fs::read(log).unwrap();
    let mut rest = bytes.as_slice();
    let mut steps = Vec::new();
    while !rest.is_empty() {
        let kind = take(&mut rest, 1)[0];
        let length = |rest: &mut &[u8]| u32::from_ne_bytes(take(rest, 4).try_into().unwrap()) as usize;
        let name_length = length(&mut rest);
        let name = String::from_utf8(take(&mut rest, name_length).to_vec()).unwrap();
        let number = u64::from_ne_bytes(take(&mut rest, 8).try_into().unwrap());
        let data_length = length(&mut rest);
        let data = take(&mut rest, data_length).to_vec();
        steps.push(match kind {
            b'C' => Step::Created(name),
            b'W' => Step::Written(name, number, data),
            b'T' => Step::Cut(name, number),
            b'U' => Step::Unlinked(name),
            b'R' => Step::Renamed(name, String::from_utf8(data).unwrap()),
            b'B' => Step::SyncBegan(name, number),
            b'E' => Step::SyncEnded(name, number),
            b'A' => answered(&String::from_utf8_lossy(&data)),
            other => panic!("the recording has a record of kind {other}"),
        });
    }
    steps
}

fn answered(head: &str) -> Step {
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap();
    let id = head.lines().find_map(|line| line.strip_prefix("x-request-id: ")).unwrap_or_default();
    Step::Answered(status, id.to_owned())
}

/// What a loss of power leaves of what was not yet safe.
pub enum Loss {
    /// Nothing: only what was synced is there.
    All,
    /// Any part of it, sector by sector, names too.
    Some,
    /// Everything: this is no loss of power, but the end of the process.
    Nothing,
}

#[derive(Clone)]
enum Change {
    Write(u64, Vec<u8>),
    Cut(u64),
}

#[derive(Default)]
struct Inode {
    safe: Vec<u8>,
    /// What is not safe yet, each with its place in the order of all steps.
    unsafe_yet: Vec<(usize, Change)>,
}

impl Change {
    fn apply(&self, content: &mut Vec<u8>) {
        match self {
            Self::Write(offset, data) => {
                let (from, to) = (*offset as usize, *offset as usize + data.len());
                content.resize(content.len().max(to), 0);
                content[from..to].copy_from_slice(data);
            }
            Self::Cut(length) => content.resize(*length as usize, 0),
        }
    }
}

type Names = BTreeMap<String, usize>;

/// A folder on a disk that forgets.
#[derive(Default)]
pub struct Disk {
    inodes: Vec<Inode>,
    names: Names,
    safe_names: Names,
    /// Syncs under way: when each began, the file, and for the folder the names it will make safe.
    syncs: HashMap<u64, (usize, Option<usize>, Names)>,
    now: usize,
}

impl Disk {
    /// Takes over what is in a folder, as safe.
    pub fn hold(&mut self, folder: &Path) {
        for file in std::fs::read_dir(folder).unwrap() {
            let file = file.unwrap();
            let inode = self.inode(&file.file_name().into_string().unwrap());
            self.inodes[inode].safe = std::fs::read(file.path()).unwrap();
        }
        self.safe_names = self.names.clone();
    }

    /// Does one step.
    pub fn step(&mut self, step: &Step) {
        self.now += 1;
        match step {
            Step::Created(name) => {
                self.inode(name);
            }
            Step::Written(name, offset, data) => self.change(name, Change::Write(*offset, data.clone())),
            Step::Cut(name, length) => self.change(name, Change::Cut(*length)),
            Step::Unlinked(name) => {
                self.names.remove(name);
            }
            Step::Renamed(from, to) => {
                let inode = self.names.remove(from).unwrap();
                self.names.insert(to.clone(), inode);
            }
            Step::SyncBegan(name, number) => {
                let inode = (!name.is_empty()).then(|| self.inode(name));
                self.syncs.insert(*number, (self.now, inode, self.names.clone()));
            }
            Step::SyncEnded(_, number) => match self.syncs.remove(number).unwrap() {
                (_, None, names) => self.safe_names = names,
                (began, Some(inode), _) => self.inodes[inode].sync(began),
            },
            Step::Answered(..) => {}
        }
    }

    fn inode(&mut self, name: &str) -> usize {
        if let Some(inode) = self.names.get(name) {
            return *inode;
        }
        self.inodes.push(Inode::default());
        self.names.insert(name.to_owned(), self.inodes.len() - 1);
        self.inodes.len() - 1
    }

    fn change(&mut self, name: &str, change: Change) {
        let inode = self.inode(name);
        self.inodes[inode].unsafe_yet.push((self.now, change));
    }

    /// Writes into a folder what is found after power, or the process, is lost now. SQLite's index of the log is left out: it is made
    /// anew from the log whenever nobody has the store open.
    pub fn rebuild(&self, folder: &Path, loss: &Loss, random: &mut Random) {
        let names = match loss {
            Loss::All => &self.safe_names,
            Loss::Some if random.next() & 1 == 0 => &self.safe_names,
            _ => &self.names,
        };
        for (name, inode) in names.iter().filter(|(name, _)| !name.ends_with("-shm")) {
            std::fs::write(folder.join(name), self.inodes[*inode].after(loss, random)).unwrap();
        }
    }
}

impl Inode {
    fn sync(&mut self, began: usize) {
        let covered = self.unsafe_yet.partition_point(|(at, _)| *at < began);
        for (_, change) in self.unsafe_yet.drain(..covered) {
            change.apply(&mut self.safe);
        }
    }

    fn after(&self, loss: &Loss, random: &mut Random) -> Vec<u8> {
        const SECTOR: usize = 512;
        let mut content = self.safe.clone();
        for (_, change) in &self.unsafe_yet {
            match (loss, change) {
                (Loss::All, _) => {}
                (Loss::Nothing, change) => change.apply(&mut content),
                (Loss::Some, Change::Cut(_)) if random.next() & 1 == 0 => change.apply(&mut content),
                (Loss::Some, Change::Cut(_)) => {}
                (Loss::Some, Change::Write(offset, data)) => {
                    for (at, sector) in data.chunks(SECTOR).enumerate().filter(|_| random.next() & 1 == 0) {
                        Change::Write(offset + (at * SECTOR) as u64, sector.to_vec()).apply(&mut content);
                    }
                }
            }
        }
        content
    }
}
