//! Power is lost at every point where it matters; everything the clinic acknowledged is there afterwards. A killed process proves nothing
//! about that, since the system keeps what it wrote. So a recorder notes writes and syncs, and the files are rebuilt as if all that was
//! not yet synced were gone.
#![cfg(target_os = "linux")]

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use ereferral::io::store::sqlite;
use ereferral::proto::store::{Node, event_kind};
use support::doomed::{self, Client, Clinic, Start};
use support::random::Random;
use support::recording::{self, Disk, Loss, Step};
use support::{c, trace};

#[path = "support"]
mod support {
    pub mod c;
    pub mod doomed;
    pub mod random;
    pub mod recording;
    pub mod trace;
}

/// Messages of a run.
const MESSAGES: usize = 50;
/// SQLite's log.
const LOG: &str = "s.db-wal";

#[test]
fn clinic() {
    doomed::run();
}

/// Every fifth is a large one, so that SQLite moves its log into the database in the middle of the run and begins it anew.
fn message(number: usize) -> String {
    doomed::notification(number, if number.is_multiple_of(5) { 400_000 } else { 30_000 })
}

/// A folder in memory where there is one: the thousand syncs of the checks themselves need no disk.
fn scratch() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory).unwrap() } else { tempfile::tempdir().unwrap() }
}

/// The recorder, or nothing where there is no compiler.
struct Recorder {
    library: PathBuf,
    folder: tempfile::TempDir,
}

impl Recorder {
    fn new() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("store")).unwrap();
        let library = recording::recorder(&c::compiler()?, folder.path());
        Some(Self { library, folder })
    }

    fn store(&self) -> PathBuf {
        self.folder.path().join("store")
    }

    /// Starts a clinic under the recorder.
    fn start(&self, log: &str, start: Start) -> Clinic {
        let (store, log) = (self.store(), self.folder.path().join(log));
        let mut variables = vec![
            ("LD_PRELOAD", self.library.to_str().unwrap()),
            ("RECORDER_FOLDER", store.to_str().unwrap()),
            ("RECORDER_LOG", log.to_str().unwrap()),
        ];
        variables.extend(start.variables);
        Clinic::start(&store, &Start { variables: &variables, ..start })
    }

    fn steps(&self, log: &str) -> Vec<Step> {
        recording::read(&self.folder.path().join(log))
    }
}

/// The messages acknowledged so far, in order: id and body.
type Acknowledged<'a> = Vec<(&'a str, &'a str)>;

/// What is wrong with a store after power was lost at this point, if anything: it is opened as after a restart, every message has to have
/// its event, and those that `reads` picks their body.
fn fault(
    disk: &Disk,
    acknowledged: &Acknowledged,
    reads: impl Fn(usize) -> bool,
    loss: &Loss,
    random: &mut Random,
) -> Option<String> {
    let folder = scratch();
    disk.rebuild(folder.path(), loss, random);
    let node = Node { id: "after".to_owned(), process: 1, host: "after".to_owned() };
    let opened = sqlite::open(&folder.path().join("s.db"), &folder.path().join("s.key"), node);
    let store = match opened {
        Ok(store) => store,
        Err(error) => return Some(format!("the store does not open: {error}")),
    };
    let mut found = HashMap::new();
    while let Some(event) = store.lease_event(event_kind::MESSAGE, i64::MAX / 2, i64::MAX).unwrap() {
        let document: serde_json::Value = serde_json::from_str(&event.document).unwrap();
        found.insert(document["message"]["id"].as_str().unwrap().to_owned(), event.subject);
    }
    acknowledged.iter().enumerate().find_map(|(number, (id, body))| match found.get(*id) {
        None => Some(format!("{id} is lost")),
        Some(subject) if reads(number) && store.message_body(subject).unwrap() != body.as_bytes() => {
            Some(format!("{id} has another body"))
        }
        Some(_) => None,
    })
}

type Bodies = HashMap<String, String>;

/// Loses power after every sync and every answer; the first fault, with the number of the step. Counts the points tried.
///
/// Opening a body is slow in a program that is not optimised: at most points the newest are read, and one older in eight, by turns.
fn first_fault(steps: &[Step], bodies: &Bodies, loss: &Loss, random: &mut Random, points: &mut usize) -> Option<(usize, String)> {
    let (mut disk, mut acknowledged) = (Disk::default(), Acknowledged::new());
    for (at, step) in steps.iter().enumerate() {
        disk.step(step);
        match step {
            Step::Answered(200, id) => {
                let (id, body) = bodies.get_key_value(id).unwrap();
                acknowledged.push((id, body));
            }
            Step::SyncEnded(..) => {}
            _ => continue,
        }
        // Before the first answer there is nothing to lose; how a store comes into being has a test of its own.
        let Some(newest) = acknowledged.len().checked_sub(1) else { continue };
        *points += 1;
        let moved = matches!(step, Step::SyncEnded(name, _) if name != LOG);
        let (turn, last) = (*points, newest + 1 == MESSAGES);
        let reads = |number: usize| moved || last || number + 2 > newest || (number + turn).is_multiple_of(8);
        if let Some(fault) = fault(&disk, &acknowledged, reads, loss, random) {
            return Some((at, fault));
        }
    }
    None
}

/// The fault at the last of these steps alone.
fn fault_after(steps: &[Step], bodies: &Bodies, random: &mut Random) -> Option<String> {
    let (mut disk, mut acknowledged) = (Disk::default(), Acknowledged::new());
    for step in steps {
        disk.step(step);
        if let Step::Answered(200, id) = step {
            acknowledged.push((id, &bodies[id]));
        }
    }
    fault(&disk, &acknowledged, |_| false, &Loss::All, random)
}

/// A clinic that takes fifty messages, recorded.
fn fifty_messages(recorder: &Recorder) -> Vec<Step> {
    let mut clinic = recorder.start("fifty", Start::default());
    let (address, _words) = clinic.ready();
    let mut client = Client::new(address).unwrap();
    for number in 0..MESSAGES {
        assert_eq!(client.post(&doomed::message_id(number), &message(number)).unwrap(), 200);
    }
    clinic.stop();
    recorder.steps("fifty")
}

#[test]
#[ignore = "full run"]
fn every_message_whose_answer_left_outlives_a_loss_of_power_at_any_point() {
    let Some(recorder) = Recorder::new() else { return };
    let mut random = Random::seeded("power");
    let steps = fifty_messages(&recorder);
    let bodies: Bodies = (0..MESSAGES).map(|number| (doomed::message_id(number), message(number))).collect();
    let answers: Vec<usize> = (0..steps.len()).filter(|at| matches!(steps[*at], Step::Answered(200, _))).collect();
    assert_eq!(answers.len(), MESSAGES);
    let starts_of_log = |step: &&Step| matches!(step, Step::Written(name, 0, _) if name == LOG);
    assert!(steps.iter().filter(starts_of_log).count() > 1, "the log never began anew");
    for loss in [Loss::All, Loss::Some] {
        let mut points = 0;
        let fault = first_fault(&steps, &bodies, &loss, &mut random, &mut points);
        println!("{points} points, {} steps", steps.len());
        assert_eq!(fault, None);
        assert!(points >= 2 * MESSAGES);
    }
    // The same must fail as soon as the disk only pretends, even once.
    for number in [0, MESSAGES / 2, MESSAGES - 1] {
        let answer = answers[number];
        let of_log = |at: &usize| matches!(&steps[*at], Step::SyncEnded(name, _) if name == LOG);
        let dropped = (0..answer).rev().find(of_log).unwrap();
        let mut lying = steps.clone();
        lying.remove(dropped);
        let fault = fault_after(&lying[..answer], &bodies, &mut random);
        assert_eq!(fault, Some(format!("message-{number} is lost")));
    }
}

#[test]
fn a_store_that_is_cut_off_while_it_is_made_can_be_made_afterwards() {
    let Some(recorder) = Recorder::new() else { return };
    let mut random = Random::seeded("making");
    let mut clinic = recorder.start("making", Start::default());
    drop(clinic.ready());
    clinic.kill();
    let steps = recorder.steps("making");
    assert!(steps.iter().any(|step| matches!(step, Step::Renamed(_, to) if to == "s.key")), "no key was made");
    let mut disk = Disk::default();
    for (at, step) in steps.iter().enumerate() {
        disk.step(step);
        for loss in [Loss::All, Loss::Some, Loss::Nothing] {
            let fault = fault(&disk, &Vec::new(), |_| false, &loss, &mut random);
            assert_eq!(fault, None, "after step {at}, {step:?}");
        }
    }
    println!("{} steps", steps.len());
}

/// What a process wrote but was killed before it could sync is seen by the next one. It must not be told to anybody before it is safe.
#[test]
#[ignore = "full run"]
fn a_receipt_for_what_a_killed_process_left_unsynced_outlives_a_loss_of_power() {
    let Some(recorder) = Recorder::new() else { return };
    let mut random = Random::seeded("receipt");
    std::fs::write(recorder.store().join(doomed::KEYS), "act-1").unwrap();
    let desk = || Start { desk: true, endpoint: Some("http://127.0.0.1:1/none"), ..Start::default() };
    // How many syncs it takes, in a store made before.
    drop(doomed::open(&recorder.store(), false, None));
    let copy = tempfile::tempdir().unwrap();
    copy_files(&recorder.store(), copy.path());
    recorder.start("whole", desk()).ended();
    let syncs = recorder.steps("whole").iter().filter(|step| matches!(step, Step::SyncBegan(..))).count();
    assert!(syncs > 0);
    let mut left_unsynced = 0;
    for number in 1..=syncs {
        for file in std::fs::read_dir(recorder.store()).unwrap() {
            std::fs::remove_file(file.unwrap().path()).unwrap();
        }
        copy_files(copy.path(), &recorder.store());
        let logs = [format!("killed-{number}"), format!("again-{number}")];
        let at = number.to_string();
        let mut killed = recorder.start(&logs[0], Start { variables: &[("RECORDER_KILL_AT", &at)], ..desk() });
        assert!(!killed.process.wait().unwrap().success());
        recorder.start(&logs[1], desk()).ended();
        // What the disk held at first was safe. Power is lost as soon as the host has its receipt.
        let mut disk = Disk::default();
        disk.hold(copy.path());
        let steps = [recorder.steps(&logs[0]), recorder.steps(&logs[1])].concat();
        let noted =
            |step: &&Step| !matches!(step, Step::Written(name, _, data) if name == doomed::RECEIPTS && data.starts_with(b"after"));
        steps.iter().take_while(noted).for_each(|step| disk.step(step));
        let receipts = doomed::lines(&recorder.store(), doomed::RECEIPTS);
        let receipt = receipts.iter().find(|line| line[0] == "after").unwrap();
        left_unsynced += usize::from(receipt[3] == "true");
        let folder = scratch();
        disk.rebuild(folder.path(), &Loss::All, &mut random);
        let after = doomed::open(folder.path(), false, None);
        let kept = after.delivery_find("act-1").map(|delivery| delivery.record.id);
        assert_eq!(kept.ok().as_ref(), Some(&receipt[2]), "killed in the place of sync {number}");
    }
    println!("{syncs} kills, {left_unsynced} of them between write and sync");
    assert!(left_unsynced > 0, "no kill left anything unsynced");
}

/// A process that closes a file lets go of all its locks on it. Without its lock, another process may take itself for the last user and
/// remove the log.
#[test]
fn a_store_opened_twice_by_a_process_stays_locked() {
    let folder = tempfile::tempdir().unwrap();
    let _first = doomed::open(folder.path(), false, None);
    let file = std::fs::metadata(folder.path().join("s.db")).unwrap();
    let (process, inode) = (format!(" {} ", std::process::id()), format!(":{} ", std::os::unix::fs::MetadataExt::ino(&file)));
    let locks = || {
        let all = std::fs::read_to_string("/proc/locks").unwrap();
        all.lines().filter(|line| line.contains(&process) && line.contains(&inode)).count()
    };
    assert_eq!(locks(), 1);
    drop(doomed::open(folder.path(), false, None));
    assert_eq!(locks(), 1);
}

fn copy_files(from: &Path, to: &Path) {
    for file in std::fs::read_dir(from).unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), to.join(file.file_name())).unwrap();
    }
}

#[test]
#[ignore = "full run"]
fn no_answer_leaves_before_the_sync_that_covers_it() {
    let strace = std::process::Command::new("strace").args(["-o", "/dev/null", "true"]).output();
    let Some(()) = c::present(strace.is_ok_and(|output| output.status.success()).then_some(()), "strace that may trace") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let trace_file = folder.path().join("trace");
    let under = [&trace::STRACE[..], &[trace_file.to_str().unwrap()]].concat();
    let mut clinic = Clinic::start(folder.path(), &Start { under: &under, ..Start::default() });
    let (address, _words) = clinic.ready();
    let mut client = Client::new(address).unwrap();
    for number in 0..MESSAGES {
        assert_eq!(client.post(&doomed::message_id(number), &doomed::notification(number, 0)).unwrap(), 200);
    }
    clinic.stop();
    let text = std::fs::read_to_string(&trace_file).unwrap();
    assert_eq!(trace::unsynced_answers(&text, LOG), (MESSAGES, 0));
    // The same must fail where the syncs are missing.
    let lying: String = text.lines().filter(|line| !line.contains("sync(")).flat_map(|line| [line, "\n"]).collect();
    assert_eq!(trace::unsynced_answers(&lying, LOG), (MESSAGES, MESSAGES));
}
