//! The system's clock and random source. Nothing else in the crate reads them.

use std::time::{SystemTime, UNIX_EPOCH};

use ring::rand::{SecureRandom, SystemRandom};

use crate::proto::exchange::new_id;
use crate::proto::store::Millis;

/// Now, in milliseconds since 1970-01-01 UTC.
pub fn now() -> Millis {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |elapsed| i64::try_from(elapsed.as_millis()).unwrap_or(i64::MAX))
}

/// 32 bytes from the system's random source.
///
/// # Panics
/// When the system has no randomness to give: nothing here can go on without it, and the guard turns it into a status.
#[allow(clippy::panic, reason = "see above")]
pub fn random() -> [u8; 32] {
    let mut bytes = [0u8; 32];
    if SystemRandom::new().fill(&mut bytes).is_err() {
        panic!("the system's random source failed");
    }
    bytes
}

/// A fresh id of ours.
pub fn id() -> String {
    new_id(now(), random())
}
