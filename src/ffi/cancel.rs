//! Stopping a waiting call.

use super::error::eref_error;
use super::guard::{guard, guard_value};
use super::handle::{Handle, Head, checked, reclaim};
use super::text::output;
use crate::engine::Cancel;
use crate::error::Result;

/// Ends a waiting call from another thread. Shared. Once signalled it stays signalled: take a new one for the next wait.
#[repr(C, align(8))]
pub struct eref_cancel {
    head: Head,
    cancel: Cancel,
}

impl Handle for eref_cancel {
    const NAME: &'static str = "eref_cancel";
    fn head(&self) -> &Head {
        &self.head
    }
}

/// The token behind an optional argument.
///
/// # Safety
/// As for `checked`.
pub(super) unsafe fn token(cancel: *const eref_cancel) -> Result<Option<Cancel>> {
    if cancel.is_null() {
        return Ok(None);
    }
    // SAFETY: passed on to our caller.
    unsafe { checked(cancel) }.map(|handle| Some(handle.cancel.clone()))
}

/// Makes a cancel token.
///
/// Ownership: *out is owned by the caller: eref_cancel_free.
/// Threads: any.
/// Errors: EREF_INVALID_ARGUMENT.
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eref_cancel_new(out: *mut *mut eref_cancel, error: *mut *mut eref_error) -> i32 {
    // SAFETY: "an output is the address of a variable of that type" (header, Outputs).
    let body = || unsafe {
        let out = output(out, std::ptr::null_mut(), "out")?;
        *out = eref_cancel { head: eref_cancel::new_head(), cancel: Cancel::default() }.into_raw();
        Ok(())
    };
    // SAFETY: "error is NULL or the address of a pointer" (header, Errors).
    unsafe { guard("eref_cancel_new", error, body) }
}

/// Ends the calls that wait with this token, at once or as soon as they begin to wait. They return EREF_CANCELLED. NULL is ignored.
///
/// Ownership: nothing to free.
/// Threads: any, also while a call waits with it.
/// Errors: none.
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eref_cancel_signal(cancel: *const eref_cancel) {
    guard_value("eref_cancel_signal", (), || {
        // SAFETY: "a handle comes from this library and is not freed while a call uses it" (header, Ownership).
        if let Ok(Some(cancel)) = unsafe { token(cancel) } {
            cancel.signal();
        }
    });
}

/// Frees a cancel token. NULL is allowed. A call that waits with it goes on waiting.
///
/// Ownership: the token ends here.
/// Threads: any, also while a call waits with it, but not while another thread signals it.
/// Errors: none.
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eref_cancel_free(cancel: *mut eref_cancel) {
    // SAFETY: the caller gives the token up.
    guard_value("eref_cancel_free", (), || drop(unsafe { reclaim(cancel) }));
}
