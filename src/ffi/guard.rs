//! The one way into every exported function: clears the error, contains panics, turns the outcome into a status.

use std::cell::{Cell, RefCell};
use std::panic::{self, AssertUnwindSafe, PanicHookInfo};
use std::sync::Once;

use super::error::eref_error;
use crate::error::{EREF_OK, EREF_PANIC, Error, Result};

thread_local! {
    /// How many of our calls this thread is inside of.
    static INSIDE: Cell<u32> = const { Cell::new(0) };
    /// Where the last panic inside one of our calls happened.
    static PLACE: RefCell<String> = const { RefCell::new(String::new()) };
}

static HOOK: Once = Once::new();

/// Runs the body of a function that can fail.
///
/// # Safety
/// `error` is NULL or points to a writable pointer, as the header's section on errors says.
pub(super) unsafe fn guard(function: &'static str, error: *mut *mut eref_error, body: impl FnOnce() -> Result<()>) -> i32 {
    if !error.is_null() {
        // SAFETY: "error is NULL or the address of a pointer" (header, Errors).
        unsafe { error.write(std::ptr::null_mut()) };
    }
    match contain(function, body).and_then(|result| result) {
        Ok(()) => EREF_OK,
        Err(failure) => {
            let status = failure.status();
            if !error.is_null() {
                // SAFETY: as above.
                unsafe { error.write(eref_error::make(failure)) };
            }
            status
        }
    }
}

/// Runs the body of a function that cannot fail; after a panic its answer is `otherwise`.
pub(super) fn guard_value<T>(function: &'static str, otherwise: T, body: impl FnOnce() -> T) -> T {
    contain(function, body).unwrap_or(otherwise)
}

/// Runs `body`; a panic becomes an error that names the function and the place, never the panic's own text: that may quote a patient.
fn contain<T>(function: &'static str, body: impl FnOnce() -> T) -> Result<T> {
    HOOK.call_once(install_hook);
    INSIDE.set(INSIDE.get() + 1);
    let outcome = panic::catch_unwind(AssertUnwindSafe(body));
    let outcome = outcome.map_err(|payload| {
        let place = PLACE.take();
        if let Err(again) = panic::catch_unwind(AssertUnwindSafe(|| drop(payload))) {
            // Its drop panics: dropping that one could go on for ever.
            std::mem::forget(again);
        }
        Error::new(EREF_PANIC, format!("internal fault in {function} at {place}"))
    });
    INSIDE.set(INSIDE.get() - 1);
    outcome
}

/// Notes where a panic happened, and keeps its text off the host's standard error, when it happens in our calls or on our threads. All
/// other panics go to the hook that was there before.
fn install_hook() {
    let previous = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        if INSIDE.try_with(Cell::get).unwrap_or(0) > 0 {
            let _ = PLACE.try_with(|place| place.try_borrow_mut().map(|mut place| *place = place_of(info)));
        } else if !std::thread::current().name().is_some_and(|name| name.starts_with("eref-")) {
            previous(info);
        }
    }));
}

/// `file:line`, without the folders of the machine it was built on.
fn place_of(info: &PanicHookInfo) -> String {
    info.location().map_or_else(String::new, |location| {
        let file = location.file().replace('\\', "/");
        let start = file.rmatch_indices('/').nth(2).map_or(0, |(at, _)| at + 1);
        format!("{}:{}", file.get(start..).unwrap_or_default(), location.line())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_an_error_that_names_the_place_and_not_the_payload() {
        let failure = contain("eref_something", || panic!("Testpatient")).map(|_: ()| ()).unwrap_err();
        assert_eq!(failure.status(), EREF_PANIC);
        assert!(failure.message().starts_with("internal fault in eref_something at src/ffi/guard.rs:"), "{}", failure.message());
        assert!(!failure.message().contains("Testpatient"));
    }
}
