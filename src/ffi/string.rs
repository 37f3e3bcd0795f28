//! Owned text.

use std::ffi::c_char;

use super::guard::guard_value;
use super::handle::{Handle, Head, checked, reclaim};
use super::text::Text;

/// A text that the caller owns, mostly a JSON document; a value.
#[repr(C, align(8))]
pub struct eref_string {
    head: Head,
    text: Text,
}

impl Handle for eref_string {
    const NAME: &'static str = "eref_string";
    fn head(&self) -> &Head {
        &self.head
    }
}

impl eref_string {
    /// A copy of the text for C.
    pub(super) fn make(text: &str) -> *mut Self {
        Self { head: Self::new_head(), text: Text::new(text) }.into_raw()
    }
}

/// Reads one property of a string; NULL and freed ones give `otherwise`.
fn read<T: Copy>(function: &'static str, string: *const eref_string, otherwise: T, property: impl FnOnce(&eref_string) -> T) -> T {
    // SAFETY: "a handle comes from this library and is not freed while a call uses it" (header, Ownership).
    guard_value(function, otherwise, || unsafe { checked(string) }.map_or(otherwise, property))
}

/// The text: UTF-8 with a NUL behind it. NULL for NULL.
///
/// Ownership: the text is borrowed from the string and ends with it.
/// Threads: any.
/// Errors: none.
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eref_string_data(string: *const eref_string) -> *const c_char {
    read("eref_string_data", string, std::ptr::null(), |string| string.text.view().data)
}

/// Number of bytes, without the NUL. 0 for NULL.
///
/// Ownership: nothing to free.
/// Threads: any.
/// Errors: none.
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eref_string_len(string: *const eref_string) -> usize {
    read("eref_string_len", string, 0, |string| string.text.view().len)
}

/// Frees a string. NULL is allowed.
///
/// Ownership: the string and the text borrowed from it end here.
/// Threads: any, but not while another thread reads it.
/// Errors: none.
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eref_string_free(string: *mut eref_string) {
    // SAFETY: the caller gives the string up.
    guard_value("eref_string_free", (), || drop(unsafe { reclaim(string) }));
}
