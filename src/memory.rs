//! Memory whose size comes from outside: when there is none, the call fails and the host goes on.

use crate::error::{EREF_NO_MEMORY, Error, Result};

/// An empty vector with room for exactly this many bytes. `EREF_NO_MEMORY` when the system has none; `what` says what it was for.
pub(crate) fn room(bytes: usize, what: &str) -> Result<Vec<u8>> {
    let mut room = Vec::new();
    room.try_reserve_exact(bytes).map_err(|_| Error::new(EREF_NO_MEMORY, format!("no memory for {what}")))?;
    Ok(room)
}

/// A copy. `EREF_NO_MEMORY` as for [`room`].
pub(crate) fn copy(bytes: &[u8], what: &str) -> Result<Vec<u8>> {
    let mut copy = room(bytes.len(), what)?;
    copy.extend_from_slice(bytes);
    Ok(copy)
}
