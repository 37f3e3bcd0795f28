//! What the listener counts, for the status document.

use std::sync::atomic::{AtomicUsize, Ordering};

/// The state of a listener. Nothing here tells one client from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts {
    /// Connections open now.
    pub connections: usize,
    /// Connections closed since the start because handshake, head or body did not come in time, or the answer was not taken.
    pub slow: usize,
    /// Connections closed at once since the start because `limits.connections` or `limits.connections_per_address` was reached.
    pub refused: usize,
    /// Bytes of bodies that all requests hold now.
    pub body_bytes: usize,
}

/// The counters behind [`Counts`], shared by all connections.
#[derive(Default)]
pub struct Counters {
    pub slow: AtomicUsize,
    pub refused: AtomicUsize,
    pub body_bytes: AtomicUsize,
}

impl Counters {
    pub fn read(&self, connections: usize) -> Counts {
        let read = |counter: &AtomicUsize| counter.load(Ordering::Acquire);
        Counts { connections, slow: read(&self.slow), refused: read(&self.refused), body_bytes: read(&self.body_bytes) }
    }
}
