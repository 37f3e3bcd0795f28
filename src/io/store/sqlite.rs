//! The embedded store: one SQLite file in WAL mode with `synchronous=FULL`, shared by all processes of a clinic on one computer.

use std::cell::Cell;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OptionalExtension};

use crate::error::{EREF_STORE, EREF_STORE_NETWORK, EREF_STORE_VERSION, Error, Result};
use crate::io::store::accesses::Accesses;
use crate::io::store::audit_trail::Refusals;
use crate::io::store::schema::{SCHEMA, VERSION};
use crate::io::store::vault::Vault;
use crate::io::store::writer::Writer;
use crate::proto::store::{Node, Store};

/// How long a database locked by another process is waited for.
const LOCKED: Duration = Duration::from_secs(5);
/// How often it is looked at meanwhile. SQLite's own waiting looks every 100 ms after a while: who writes without a pause would keep another
/// process out for longer than it waits, since the lock is free only for a moment between two commits.
const LOOK: Duration = Duration::from_millis(1);
/// Reading connections kept open.
const READERS: usize = 8;

/// See the module.
pub struct Sqlite {
    pub(super) writer: Writer,
    readers: Mutex<Vec<Connection>>,
    pub(super) vault: Arc<Vault>,
    pub(super) node: Node,
    pub(super) path: PathBuf,
    /// Held while this engine serves; the system lets go of it when the process dies.
    pub(super) serving: Mutex<Option<File>>,
    /// Refusals lately written to the audit trail.
    pub(super) refusals: Mutex<Refusals>,
    /// Accesses not yet written to it.
    pub(super) accesses: Mutex<Accesses>,
}

/// Opens the store at `path`, or makes it together with its key when there is none.
///
/// Errors: `EREF_STORE_NETWORK`, `EREF_STORE_VERSION`, `EREF_STORE_KEY` (path and key id named), `EREF_STORE`.
pub fn open(path: &Path, key_file: &Path, node: Node) -> Result<Arc<dyn Store>> {
    refuse_network_share(path)?;
    create_private(path)?;
    let connection = connect(path)?;
    let wrapped = prepare_schema(&connection, key_file)?;
    sync_log(path)?;
    let vault = Arc::new(Vault::open(key_file, &wrapped)?);
    Ok(Arc::new(Sqlite {
        writer: Writer::new(connection),
        readers: Mutex::default(),
        vault,
        node,
        path: path.to_owned(),
        serving: Mutex::default(),
        refusals: Mutex::default(),
        accesses: Mutex::default(),
    }))
}

/// The wrapped key of an existing store, for `ereferral key check`.
pub fn wrapped_key(path: &Path) -> Result<Vec<u8>> {
    if !path.exists() {
        return Err(Error::new(EREF_STORE, format!("{}: there is no store", path.display())));
    }
    let connection = connect(path)?;
    let found = connection.query_row("SELECT value FROM meta WHERE key = 'wrapped_key'", [], |row| row.get(0));
    found.map_err(store_error)
}

impl Sqlite {
    /// Runs a query on a reading connection.
    pub(super) fn read<T>(&self, act: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        let kept = self.readers.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let connection = match kept {
            Some(connection) => connection,
            None => connect(&self.path)?,
        };
        let result = act(&connection);
        let mut readers = self.readers.lock().unwrap_or_else(PoisonError::into_inner);
        if readers.len() < READERS {
            readers.push(connection);
        }
        result
    }
}

/// One line of words for what SQLite says; never any content.
pub(super) fn store_error(error: rusqlite::Error) -> Error {
    match error {
        rusqlite::Error::SqliteFailure(failure, _) => match failure.code {
            ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => {
                Error::new(EREF_STORE, format!("the store was locked by another process for {} s", LOCKED.as_secs()))
            }
            ErrorCode::DiskFull => Error::new(EREF_STORE, "the disk of the store is full"),
            ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => {
                Error::new(EREF_STORE, "the store's file is damaged or no store").with_retriable(false)
            }
            code => Error::new(EREF_STORE, format!("the store failed: {code:?} ({})", failure.extended_code)),
        },
        rusqlite::Error::QueryReturnedNoRows => Error::new(EREF_STORE, "the store lacks a row that should be there"),
        _ => Error::new(EREF_STORE, "the store holds something unexpected").with_retriable(false),
    }
}

/// Whether a locked database is waited for any longer; `before` counts the looks at this lock so far.
fn waits(before: i32) -> bool {
    thread_local! { static SINCE: Cell<Option<Instant>> = const { Cell::new(None) } }
    let since = SINCE.get().filter(|_| before > 0).unwrap_or_else(Instant::now);
    SINCE.set(Some(since));
    std::thread::sleep(LOOK);
    since.elapsed() < LOCKED
}

fn connect(path: &Path) -> Result<Connection> {
    let mut connection = Connection::open(path).map_err(store_error)?;
    let set = |connection: &mut Connection| {
        connection.busy_handler(Some(waits))?;
        let mode = wal_mode(connection)?;
        connection.execute_batch(
            "PRAGMA synchronous=FULL; PRAGMA secure_delete=ON; PRAGMA temp_store=MEMORY; PRAGMA foreign_keys=OFF;
             PRAGMA wal_autocheckpoint=2000; PRAGMA journal_size_limit=67108864;",
        )?;
        // No plan hangs on a bound value: else SQLite prepares some statements anew each time they are run.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
        connection.set_prepared_statement_cache_capacity(256);
        Ok(mode)
    };
    let mode = set(&mut connection).map_err(store_error)?;
    if mode != "wal" {
        return Err(Error::new(EREF_STORE, format!("{}: SQLite cannot use its WAL mode here", path.display())));
    }
    Ok(connection)
}

/// Puts a database into WAL mode. Two processes that make one at once refuse each other here without SQLite's own waiting, so the wait is
/// ours.
fn wal_mode(connection: &Connection) -> rusqlite::Result<String> {
    let deadline = Instant::now() + LOCKED;
    loop {
        let mode = connection.query_row("PRAGMA journal_mode=WAL", [], |row| row.get(0));
        let busy = |error: &rusqlite::Error| error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy);
        if !mode.as_ref().is_err_and(busy) || Instant::now() >= deadline {
            return mode;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The database file, readable by its owner only. SQLite gives its companions the same rights. A file that is there is not opened: closing
/// it again would let go of the locks that another engine of this process holds on it.
fn create_private(path: &Path) -> Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Err(e) if e.kind() != std::io::ErrorKind::AlreadyExists => {
            Err(Error::new(EREF_STORE, format!("{}: cannot be made: {}", path.display(), e.kind())))
        }
        _ => Ok(()),
    }
}

/// Makes safe what a process wrote to the log but was killed before it could sync. It counts as committed from the first look on, and a
/// repeated message or send is answered from it without another write.
fn sync_log(path: &Path) -> Result<()> {
    let mut log = path.to_owned().into_os_string();
    log.push("-wal");
    // Windows syncs only what is open for writing.
    match std::fs::OpenOptions::new().write(true).open(log).and_then(|log| log.sync_data()) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(Error::new(EREF_STORE, format!("the store's log: {}", e.kind()))),
        _ => Ok(()),
    }
}

/// Makes the tables and the key of a new store; returns the wrapped key. Two processes that come at once make one store.
fn prepare_schema(connection: &Connection, key_file: &Path) -> Result<Vec<u8>> {
    let version = |connection: &Connection| connection.query_row("PRAGMA user_version", [], |row| row.get::<_, i64>(0));
    let known = |connection: &Connection| {
        let found = connection.query_row("SELECT value FROM meta WHERE key = 'wrapped_key'", [], |row| row.get(0));
        found.optional().map_err(store_error)
    };
    match version(connection).map_err(store_error)? {
        0 => {}
        VERSION => return known(connection)?.ok_or_else(|| Error::new(EREF_STORE, "the store has lost its key entry")),
        newer => {
            let text = format!("the store has version {newer}, this library knows {VERSION}: use a newer library");
            return Err(Error::new(EREF_STORE_VERSION, text));
        }
    }
    connection.execute_batch("BEGIN IMMEDIATE").map_err(store_error)?;
    let made = make(connection, key_file, version, known);
    connection.execute_batch(if made.is_ok() { "COMMIT" } else { "ROLLBACK" }).map_err(store_error)?;
    made
}

fn make(
    connection: &Connection,
    key_file: &Path,
    version: impl Fn(&Connection) -> rusqlite::Result<i64>,
    known: impl Fn(&Connection) -> Result<Option<Vec<u8>>>,
) -> Result<Vec<u8>> {
    if version(connection).map_err(store_error)? != 0 {
        // Another process was first.
        return known(connection)?.ok_or_else(|| Error::new(EREF_STORE, "the store has lost its key entry"));
    }
    let (_, wrapped) = Vault::create(key_file)?;
    connection.execute_batch(SCHEMA).map_err(store_error)?;
    connection
        .execute("INSERT INTO meta (key, value) VALUES ('wrapped_key', ?1)", [&wrapped])
        .and_then(|_| connection.pragma_update(None, "user_version", VERSION))
        .map_err(store_error)?;
    Ok(wrapped)
}

/// SQLite's locks cannot be trusted on network file systems (architecture: store).
fn refuse_network_share(path: &Path) -> Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let folder = folder
        .canonicalize()
        .map_err(|e| Error::new(EREF_STORE, format!("{}: the store's folder: {}", folder.display(), e.kind())))?;
    match network_type(&folder) {
        Some(kind) => {
            let text = format!("{}: lies on a network share ({kind}); keep the store on a local disk", path.display());
            Err(Error::new(EREF_STORE_NETWORK, text))
        }
        None => Ok(()),
    }
}

#[cfg(windows)]
fn network_type(folder: &Path) -> Option<String> {
    use std::path::{Component, Prefix};
    match folder.components().next()? {
        Component::Prefix(prefix) if matches!(prefix.kind(), Prefix::UNC(..) | Prefix::VerbatimUNC(..)) => {
            Some("UNC path".to_owned())
        }
        _ => None,
    }
}

#[cfg(not(windows))]
fn network_type(folder: &Path) -> Option<String> {
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").ok()?;
    network_type_in(&mounts, folder)
}

/// The type of the mount that holds `folder`, when it is a network one. `mounts` is the text of `/proc/self/mountinfo`.
#[cfg(not(windows))]
fn network_type_in(mounts: &str, folder: &Path) -> Option<String> {
    const NETWORK: [&str; 12] =
        ["nfs", "nfs4", "cifs", "smb3", "smbfs", "fuse.sshfs", "fuse.rclone", "9p", "afs", "ceph", "glusterfs", "fuse.glusterfs"];
    let of_line = |line: &str| {
        let (head, tail) = line.split_once(" - ")?;
        let mount_point = head.split(' ').nth(4)?.replace("\\040", " ");
        let kind = tail.split(' ').next()?.to_owned();
        folder.starts_with(&mount_point).then_some((mount_point.len(), kind))
    };
    // Of two mounts on one point the later is in force.
    let (_, kind) = mounts.lines().filter_map(of_line).max_by_key(|(length, _)| *length)?;
    NETWORK.contains(&kind.as_str()).then_some(kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(not(windows))]
    #[test]
    fn the_innermost_mount_decides_whether_a_folder_is_on_a_network_share() {
        let mounts = "22 1 8:1 / / rw - ext4 /dev/a rw\n30 22 0:40 / /mnt/share\\040one rw - nfs4 host:/x rw\n31 30 8:2 / /mnt/share\\040one/local rw - ext4 /dev/b rw\n";
        let kind = |folder: &str| network_type_in(mounts, Path::new(folder));
        assert_eq!(kind("/mnt/share one/data").as_deref(), Some("nfs4"));
        assert_eq!(kind("/mnt/share one/local/data"), None);
        assert_eq!(kind("/home"), None);
    }
}
