//! Taking log lines.

use super::engine::{engine_in, eref_engine};
use super::error::eref_error;
use super::guard::guard;
use super::string::eref_string;
use super::text::{optional_output, output};

/// Level of a log line: something failed that a person should look at.
pub const EREF_LOG_ERROR: i32 = 1;
/// Level of a log line: something odd was accepted, or a weak setting is in force.
pub const EREF_LOG_WARN: i32 = 2;
/// Level of a log line: what was done.
pub const EREF_LOG_INFO: i32 = 3;
/// Level of a log line: more of it.
pub const EREF_LOG_DEBUG: i32 = 4;

/// Takes the oldest log line; *out is NULL when there is none. A line reads "TIME LEVEL PART: what happened", without a line break and
/// without anything personal. *out_level (may be NULL) is one of EREF_LOG_*. Lines that nobody takes push out the oldest.
///
/// Ownership: *out is owned by the caller: eref_string_free.
/// Threads: any.
/// Errors: EREF_FORKED.
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eref_log_next(
    engine: *const eref_engine,
    out_level: *mut i32,
    out: *mut *mut eref_string,
    error: *mut *mut eref_error,
) -> i32 {
    // SAFETY: live handle and writable outputs (header, Ownership and Outputs).
    let body = || unsafe {
        let level = optional_output(out_level, 0);
        let out = output(out, std::ptr::null_mut(), "out")?;
        let Some(line) = engine_in(engine)?.log_next() else { return Ok(()) };
        if let Some(level) = level {
            *level = line.level as i32;
        }
        *out = eref_string::make(&line.to_string());
        Ok(())
    };
    // SAFETY: "error is NULL or the address of a pointer" (header, Errors).
    unsafe { guard("eref_log_next", error, body) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::Level;

    #[test]
    fn the_levels_are_those_of_the_log() {
        let levels = [Level::Error, Level::Warn, Level::Info, Level::Debug].map(|level| level as i32);
        assert_eq!(levels, [EREF_LOG_ERROR, EREF_LOG_WARN, EREF_LOG_INFO, EREF_LOG_DEBUG]);
    }
}
