//! Why a call failed.

use std::panic::{self, AssertUnwindSafe};

use super::guard::guard_value;
use super::handle::{Handle, Head, checked, reclaim};
use super::text::{Text, eref_text, optional_output};
use crate::error::{EREF_CATEGORY_INTERNAL, EREF_PANIC, Error};

/// Why a call failed. Made by the call that failed, in the variable whose address was passed last; a value.
#[repr(C, align(8))]
pub struct eref_error {
    head: Head,
    status: i32,
    category: i32,
    http_status: i32,
    retriable: bool,
    message: Text,
    detail: Option<Text>,
}

impl Handle for eref_error {
    const NAME: &'static str = "eref_error";
    fn head(&self) -> &Head {
        &self.head
    }
}

/// What is handed out when making an error object fails. It is never freed.
static LAST_RESORT: eref_error = eref_error {
    head: Head::new(eref_error::TAG),
    status: EREF_PANIC,
    category: EREF_CATEGORY_INTERNAL,
    http_status: 0,
    retriable: false,
    message: Text::constant(c"internal fault while reporting an error"),
    detail: None,
};

impl eref_error {
    /// An error object for C. Cannot fail.
    pub(super) fn make(error: Error) -> *mut Self {
        let made = panic::catch_unwind(AssertUnwindSafe(|| {
            Self {
                head: Self::new_head(),
                status: error.status(),
                category: error.category(),
                http_status: i32::from(error.http_status()),
                retriable: error.is_retriable(),
                message: Text::new(error.message()),
                detail: error.detail().map(Text::new),
            }
            .into_raw()
        }));
        made.unwrap_or_else(|_| std::ptr::from_ref(&LAST_RESORT).cast_mut())
    }
}

/// Reads one property of an error; NULL and freed ones give `otherwise`.
fn read<T: Copy>(function: &'static str, error: *const eref_error, otherwise: T, property: impl FnOnce(&eref_error) -> T) -> T {
    // SAFETY: "a handle comes from this library and is not freed while a call uses it" (header, Ownership).
    guard_value(function, otherwise, || unsafe { checked(error) }.map_or(otherwise, property))
}

/// The status the failed call returned, one of EREF_*; EREF_OK for NULL.
///
/// Ownership: nothing to free.
/// Threads: any.
/// Errors: none.
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eref_error_status(error: *const eref_error) -> i32 {
    read("eref_error_status", error, 0, |error| error.status)
}

/// Which kind of failure it is, one of EREF_CATEGORY_*; 0 for NULL.
///
/// Ownership: nothing to free.
/// Threads: any.
/// Errors: none.
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eref_error_category(error: *const eref_error) -> i32 {
    read("eref_error_category", error, 0, |error| error.category)
}

/// One English sentence. It never holds anything personal or secret: it can be logged.
///
/// Ownership: the text is borrowed from the error and ends with it.
/// Threads: any.
/// Errors: none; out->data is NULL for a NULL error.
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eref_error_message(error: *const eref_error, out: *mut eref_text) {
    let text = read("eref_error_message", error, eref_text::NONE, |error| error.message.view());
    // SAFETY: "an output is the address of a variable of that type" (header, Outputs).
    let _ = unsafe { optional_output(out, text) };
}

/// More about it: an OperationOutcome as JSON, or what the remote system said. It may be personal: show it to the user, do not log it.
///
/// Ownership: the text is borrowed from the error and ends with it.
/// Threads: any.
/// Errors: none; out->data is NULL when there is no more to say.
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eref_error_detail(error: *const eref_error, out: *mut eref_text) {
    let text = read("eref_error_detail", error, eref_text::NONE, |error| error.detail.as_ref().map_or(eref_text::NONE, Text::view));
    // SAFETY: "an output is the address of a variable of that type" (header, Outputs).
    let _ = unsafe { optional_output(out, text) };
}

/// The HTTP status the remote system answered with; 0 when there was no answer.
///
/// Ownership: nothing to free.
/// Threads: any.
/// Errors: none.
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eref_error_http_status(error: *const eref_error) -> i32 {
    read("eref_error_http_status", error, 0, |error| error.http_status)
}

/// 1 when the same call may succeed later without a change, else 0.
///
/// Ownership: nothing to free.
/// Threads: any.
/// Errors: none.
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eref_error_is_retriable(error: *const eref_error) -> i32 {
    read("eref_error_is_retriable", error, 0, |error| i32::from(error.retriable))
}

/// Frees an error. NULL is allowed.
///
/// Ownership: the error and the texts borrowed from it end here.
/// Threads: any, but not while another thread reads it.
/// Errors: none.
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eref_error_free(error: *mut eref_error) {
    guard_value("eref_error_free", (), || {
        if !std::ptr::eq(error, &LAST_RESORT) {
            // SAFETY: the caller gives the error up.
            drop(unsafe { reclaim(error) });
        }
    });
}
