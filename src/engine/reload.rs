//! Secret, key and authority files that the configuration names are read again when they change (architecture: configuration). The
//! listeners do the same with their own.

use std::path::PathBuf;
use std::sync::{MutexGuard, PoisonError};
use std::time::SystemTime;

use crate::engine::{Config, Inner};
use crate::error::Result;
use crate::log::Level;
use crate::proto::exchange::Signal;
use crate::proto::settings::Settings;

/// What settings were made from.
pub(super) struct Sources {
    config: Config,
    files: Vec<PathBuf>,
    stamps: Vec<Stamp>,
}

/// Time of change and length; `None` for a file that cannot be seen.
type Stamp = Option<(SystemTime, u64)>;

fn stamp(file: &PathBuf) -> Stamp {
    let known = std::fs::metadata(file).ok()?;
    Some((known.modified().ok()?, known.len()))
}

impl Sources {
    /// The settings a configuration makes, and what they were made from.
    pub(super) fn read(config: &Config) -> Result<(Settings, Self)> {
        let (_, files) = config.resolve_with_files()?;
        // The stamps come before the reading that counts: a file that changes meanwhile is then read once more.
        let stamps = files.iter().map(stamp).collect();
        let settings = config.resolve()?;
        Ok((settings, Self { config: config.clone(), files, stamps }))
    }

    /// Whether a file changed since it was last looked at.
    fn changed(&mut self) -> bool {
        let stamps: Vec<Stamp> = self.files.iter().map(stamp).collect();
        let changed = stamps != self.stamps;
        self.stamps = stamps;
        changed
    }
}

impl Inner {
    pub(super) fn sources(&self) -> MutexGuard<'_, Sources> {
        self.sources.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts what changed in force. What cannot be used leaves the old in force, and an ALERT says so until it can.
    pub(super) fn reload_changed(&self) {
        let mut sources = self.sources();
        if !sources.changed() {
            return;
        }
        let loaded = sources.config.resolve().and_then(|settings| self.put_in_force(settings));
        drop(sources);
        let (level, text, failed) = match loaded {
            Ok(()) => (Level::Info, "files of the configuration changed and were read again".to_owned(), false),
            Err(error) => {
                (Level::Error, format!("a file of the configuration changed and cannot be used, the old stays: {error}"), true)
            }
        };
        self.log.line(level, "engine", text.clone());
        self.queue.signal(Signal::Alert { key: "configuration-file".to_owned(), partner: None, text, started: failed });
    }
}
