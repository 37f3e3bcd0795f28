//! One writer with group commit, and no thread of its own.
//!
//! A caller puts its work into the queue. When nobody is writing, it becomes the leader: it runs all the work that is queued, each piece
//! in a savepoint, and commits once. The others sleep until their work is done, or until the leader has ended and one of them leads the
//! next batch. So one sync of the disk serves everybody who came while the previous one was under way, and whoever's work is done never
//! waits for the sync of others. A piece of work that fails is undone alone; a commit that fails fails all of its batch.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use rusqlite::Connection;

use crate::error::{EREF_STORE, Error, Result};
use crate::io::store::sqlite::store_error;

/// Most pieces of work in one commit.
const BATCH: usize = 256;

pub(super) struct Writer {
    connection: Mutex<Connection>,
    line: Mutex<Line>,
    /// A batch has ended.
    ended: Condvar,
}

/// Who waits for the writer.
#[derive(Default)]
struct Line {
    jobs: Vec<Box<dyn Job>>,
    led: bool,
}

/// A piece of work whose result type is known to its caller only.
trait Job: Send {
    /// Does the work; false when it failed and must be undone.
    fn run(&mut self, connection: &Connection) -> bool;
    /// Hands the result to the caller, or the commit's error.
    fn settle(&mut self, commit_error: Option<&Error>);
}

type Slot<T> = Arc<Mutex<Option<Result<T>>>>;

struct Work<T, F> {
    act: Option<F>,
    result: Option<Result<T>>,
    slot: Slot<T>,
}

impl<T: Send, F: FnOnce(&Connection) -> Result<T> + Send> Job for Work<T, F> {
    fn run(&mut self, connection: &Connection) -> bool {
        self.result = self.act.take().map(|act| act(connection));
        matches!(self.result, Some(Ok(_)))
    }
    fn settle(&mut self, commit_error: Option<&Error>) {
        let result = match (self.result.take(), commit_error) {
            // Work that was not reached, because the transaction could not begin, has the transaction's error too.
            (Some(Ok(_)) | None, Some(error)) => Some(Err(error.clone())),
            (result, _) => result,
        };
        *lock(&self.slot) = result;
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Leads one batch; whatever happens in it, the next leader is let in.
struct Leader<'a>(&'a Writer);

impl Drop for Leader<'_> {
    fn drop(&mut self) {
        lock(&self.0.line).led = false;
        self.0.ended.notify_all();
    }
}

impl Writer {
    pub(super) fn new(connection: Connection) -> Self {
        Self { connection: Mutex::new(connection), line: Mutex::default(), ended: Condvar::new() }
    }

    /// Runs `act` in a transaction and returns after it is durable.
    pub(super) fn write<T, F>(&self, act: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T> + Send + 'static,
    {
        let slot: Slot<T> = Arc::default();
        let mut line = lock(&self.line);
        line.jobs.push(Box::new(Work { act: Some(act), result: None, slot: slot.clone() }));
        loop {
            if let Some(result) = lock(&slot).take() {
                return result;
            }
            if line.led {
                line = self.ended.wait(line).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            let count = line.jobs.len().min(BATCH);
            let batch: Vec<_> = line.jobs.drain(..count).collect();
            if batch.is_empty() {
                // Only a fault in the middle of a batch can lose work; its transaction was rolled back.
                return Err(Error::new(EREF_STORE, "the write was abandoned by a fault in another write"));
            }
            line.led = true;
            drop(line);
            let leader = Leader(self);
            run_batch(&lock(&self.connection), batch);
            drop(leader);
            line = lock(&self.line);
        }
    }

    /// The writing connection itself, for what is no transaction.
    pub(super) fn connection(&self) -> MutexGuard<'_, Connection> {
        lock(&self.connection)
    }
}
fn run_batch(connection: &Connection, mut batch: Vec<Box<dyn Job>>) {
    let committed = try_batch(connection, &mut batch).map_err(store_error);
    if committed.is_err() && !connection.is_autocommit() {
        // The rollback of a broken transaction has no better answer than its own error.
        let _ = connection.execute_batch("ROLLBACK");
    }
    batch.iter_mut().for_each(|job| job.settle(committed.as_ref().err()));
}

fn try_batch(connection: &Connection, batch: &mut [Box<dyn Job>]) -> rusqlite::Result<()> {
    if !connection.is_autocommit() {
        // A fault left this open.
        connection.execute_batch("ROLLBACK")?;
    }
    connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
    for job in batch {
        connection.prepare_cached("SAVEPOINT work")?.execute([])?;
        if !job.run(connection) {
            connection.prepare_cached("ROLLBACK TO work")?.execute([])?;
        }
        connection.prepare_cached("RELEASE work")?.execute([])?;
    }
    connection.prepare_cached("COMMIT")?.execute([])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::thread::{self, JoinHandle};

    use super::*;

    struct Kit {
        _folder: tempfile::TempDir,
        writer: Arc<Writer>,
        other: Arc<Mutex<Connection>>,
    }

    impl Kit {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let open = || Connection::open(folder.path().join("w.db")).unwrap();
            let connection = open();
            connection.execute_batch("PRAGMA journal_mode=WAL; CREATE TABLE t (x)").unwrap();
            Self { writer: Arc::new(Writer::new(connection)), other: Arc::new(Mutex::new(open())), _folder: folder }
        }

        /// A thread that inserts a row after `first` and returns how many rows another connection sees then.
        fn insert(&self, first: impl FnOnce() + Send + 'static) -> JoinHandle<Result<u32>> {
            let (writer, other) = (self.writer.clone(), self.other.clone());
            let act = move |connection: &Connection| {
                first();
                connection.execute("INSERT INTO t VALUES (1)", []).map_err(store_error)?;
                Ok(committed(&other))
            };
            thread::spawn(move || writer.write(act))
        }

        /// As `insert`, but the row waits for a word from the sender; returns once it is being written.
        fn insert_when_told(&self) -> (mpsc::Sender<()>, JoinHandle<Result<u32>>) {
            let ((tell, told), (begun, begins)) = (mpsc::channel(), mpsc::channel());
            let thread = self.insert(move || {
                begun.send(()).unwrap();
                told.recv().unwrap();
            });
            begins.recv().unwrap();
            (tell, thread)
        }

        fn until_queued(&self, count: usize) {
            while lock(&self.writer.line).jobs.len() < count {
                thread::yield_now();
            }
        }
    }

    fn committed(connection: &Mutex<Connection>) -> u32 {
        lock(connection).query_row("SELECT count(*) FROM t", [], |row| row.get(0)).unwrap()
    }

    #[test]
    fn work_that_came_during_a_commit_shares_the_next_one() {
        let kit = Kit::new();
        let (tell, first) = kit.insert_when_told();
        let others = [kit.insert(|| ()), kit.insert(|| ())];
        kit.until_queued(2);
        tell.send(()).unwrap();
        assert_eq!(first.join().unwrap().unwrap(), 0);
        assert_eq!(others.map(|thread| thread.join().unwrap().unwrap()), [1, 1]);
        assert_eq!(committed(&kit.other), 3);
    }

    #[test]
    fn whoever_is_done_does_not_wait_for_the_next_commit() {
        let kit = Kit::new();
        let (tell, first) = kit.insert_when_told();
        // The second batch: one that blocks, and one that is with it.
        let ((tell_second, told), (begun, begins)) = (mpsc::channel::<()>(), mpsc::channel());
        let batch = [
            kit.insert(move || {
                begun.send(()).unwrap();
                told.recv().unwrap();
            }),
            kit.insert(|| ()),
        ];
        kit.until_queued(2);
        tell.send(()).unwrap();
        begins.recv().unwrap();
        let ((tell_third, told), (begun, begins)) = (mpsc::channel::<()>(), mpsc::channel());
        let third = kit.insert(move || {
            begun.send(()).unwrap();
            told.recv().unwrap();
        });
        kit.until_queued(1);
        tell_second.send(()).unwrap();
        begins.recv().unwrap();
        // The third is being written; all before it return.
        first.join().unwrap().unwrap();
        batch.into_iter().for_each(|thread| assert_eq!(thread.join().unwrap().unwrap(), 1));
        tell_third.send(()).unwrap();
        assert_eq!(third.join().unwrap().unwrap(), 3);
    }

    #[test]
    fn a_fault_in_one_piece_of_work_fails_its_batch_and_no_other() {
        let kit = Kit::new();
        let (tell, first) = kit.insert_when_told();
        let batch = [kit.insert(|| panic!("meant to happen")), kit.insert(|| ())];
        kit.until_queued(2);
        tell.send(()).unwrap();
        first.join().unwrap().unwrap();
        let outcomes = batch.map(|thread| thread.join().map(|result| result.map_err(|error| error.status())));
        assert_eq!(outcomes.iter().filter(|outcome| outcome.is_err()).count(), 1, "one thread met the fault");
        assert!(outcomes.iter().flatten().all(|result| *result == Err(EREF_STORE)));
        assert_eq!(kit.insert(|| ()).join().unwrap().unwrap(), 1);
    }
}
