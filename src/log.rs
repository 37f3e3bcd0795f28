//! The log: a bounded ring of lines the host takes, and optionally a file. No line holds a name, a health number, a token, a secret or a
//! body; callers compose them from fixed words, our own ids, partner names, event codes, paths of elements and numbers.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

/// How much a line matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(i32)]
pub enum Level {
    /// Something failed that a person should look at.
    Error = 1,
    /// Something odd was accepted, or a weak setting is in force.
    Warn = 2,
    /// What was done.
    Info = 3,
    /// More of it.
    Debug = 4,
}

impl Level {
    /// The word in lines and in the configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
        }
    }
    /// The inverse of `as_str`.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Error, Self::Warn, Self::Info, Self::Debug].into_iter().find(|level| level.as_str() == text)
    }
}

/// One line.
#[derive(Clone, Debug)]
pub struct Line {
    /// When, in milliseconds since 1970.
    pub at: i64,
    /// How much it matters.
    pub level: Level,
    /// Which part speaks: `listener`, `smart`, `messaging`, `worker`, `store`, `engine`.
    pub target: &'static str,
    /// What happened.
    pub text: String,
}

/// As a host and the file have it: "TIME LEVEL PART: what happened".
impl std::fmt::Display for Line {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let at = jiff::Timestamp::from_millisecond(self.at).unwrap_or_default();
        write!(f, "{at:.3} {} {}: {}", self.level.as_str(), self.target, self.text)
    }
}

/// Where lines go besides the ring.
pub type Sink = Box<dyn FnMut(&Line) + Send>;

/// The ring. Lines beyond its size push out the oldest, which are counted.
pub struct Log {
    inner: Mutex<Ring>,
}

struct Ring {
    lines: VecDeque<Line>,
    size: usize,
    level: Level,
    dropped: u64,
    sink: Option<Sink>,
    clock: fn() -> i64,
}

impl Log {
    /// A ring of `size` lines up to `level`; `clock` gives the time of a line.
    pub fn new(size: usize, level: Level, clock: fn() -> i64) -> Self {
        Self { inner: Mutex::new(Ring { lines: VecDeque::new(), size, level, dropped: 0, sink: None, clock }) }
    }

    fn ring(&self) -> std::sync::MutexGuard<'_, Ring> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes size and level, and where lines go besides the ring.
    pub fn configure(&self, size: usize, level: Level, sink: Option<Sink>) {
        let mut ring = self.ring();
        (ring.size, ring.level, ring.sink) = (size, level, sink);
    }

    /// Adds a line.
    pub fn line(&self, level: Level, target: &'static str, text: impl Into<String>) {
        let mut ring = self.ring();
        if level > ring.level || ring.size == 0 {
            return;
        }
        let line = Line { at: (ring.clock)(), level, target, text: text.into() };
        if let Some(sink) = ring.sink.as_mut() {
            sink(&line);
        }
        while ring.lines.len() >= ring.size {
            ring.lines.pop_front();
            ring.dropped += 1;
        }
        ring.lines.push_back(line);
    }

    /// Takes the oldest line.
    pub fn take(&self) -> Option<Line> {
        self.ring().lines.pop_front()
    }

    /// How many lines were pushed out before they were taken.
    pub fn dropped(&self) -> u64 {
        self.ring().dropped
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_when_how_bad_who_and_what() {
        let text = "partner ocean cannot be reached".to_owned();
        let line = Line { at: 1_700_000_000_123, level: Level::Warn, target: "worker", text };
        assert_eq!(line.to_string(), "2023-11-14T22:13:20.123Z warn worker: partner ocean cannot be reached");
    }
}
