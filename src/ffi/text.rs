//! Text over the border: pointer and length, UTF-8, a NUL behind what goes out.

use std::borrow::Cow;
use std::ffi::{CStr, c_char};

use crate::error::{EREF_INVALID_ARGUMENT, EREF_INVALID_UTF8, Error, Result};

/// As a length: the text ends at its first NUL. The header defines it as `SIZE_MAX`.
const NUL_TERMINATED: usize = usize::MAX;

/// A borrowed piece of text (or bytes): valid until the handle it came from is freed. The two members are frozen for ever.
///
/// `data` is NULL when there is no such text, which is not the same as an empty one.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct eref_text {
    /// The first byte. A NUL follows the last one, so that it can be used as a C string; `eref_message_bundle` alone has none.
    pub data: *const c_char,
    /// Number of bytes, without the NUL.
    pub len: usize,
}

impl eref_text {
    /// No text.
    pub(super) const NONE: Self = Self { data: std::ptr::null(), len: 0 };

    /// Bytes that are owned by a handle, without the courtesy of a NUL.
    pub(super) fn of_bytes(bytes: &[u8]) -> Self {
        Self { data: bytes.as_ptr().cast(), len: bytes.len() }
    }
}

/// Text kept for C: with a NUL behind it.
pub(super) struct Text(Cow<'static, [u8]>);

impl Text {
    /// Copies a text.
    pub(super) fn new(text: &str) -> Self {
        let mut bytes = Vec::with_capacity(text.len() + 1);
        bytes.extend_from_slice(text.as_bytes());
        bytes.push(0);
        Self(Cow::Owned(bytes))
    }

    /// A text that is always there.
    pub(super) const fn constant(text: &'static CStr) -> Self {
        Self(Cow::Borrowed(text.to_bytes_with_nul()))
    }

    /// What C sees of it.
    pub(super) fn view(&self) -> eref_text {
        eref_text { data: self.0.as_ptr().cast(), len: self.0.len().saturating_sub(1) }
    }
}

/// Bytes from C. NULL with length 0 is the empty text.
///
/// # Safety
/// `data` points to `len` readable bytes that do not change during the call, or to a NUL-terminated text.
pub(super) unsafe fn bytes_in<'a>(data: *const c_char, len: usize, name: &str) -> Result<&'a [u8]> {
    if len == NUL_TERMINATED && !data.is_null() {
        // SAFETY: "with EREF_NUL_TERMINATED the text ends with a NUL" (header, Text).
        return Ok(unsafe { CStr::from_ptr(data) }.to_bytes());
    }
    // SAFETY: passed on to our caller.
    unsafe { data_in(data.cast(), len, name) }
}

/// Binary data from C, which has no NUL to end it. NULL with length 0 is no data.
///
/// # Safety
/// `data` points to `len` readable bytes that do not change during the call.
pub(super) unsafe fn data_in<'a>(data: *const u8, len: usize, name: &str) -> Result<&'a [u8]> {
    if len == 0 {
        return Ok(&[]);
    }
    if data.is_null() || len > isize::MAX as usize {
        return Err(Error::new(EREF_INVALID_ARGUMENT, format!("{name} is NULL or its length is out of range")));
    }
    // SAFETY: "the pointer leads to that many bytes, which stay unchanged during the call" (header, Text).
    Ok(unsafe { std::slice::from_raw_parts(data, len) })
}

/// UTF-8 from C that may hold any character.
///
/// # Safety
/// As for `bytes_in`.
pub(super) unsafe fn document_in<'a>(data: *const c_char, len: usize, name: &str) -> Result<&'a str> {
    // SAFETY: passed on to our caller.
    let bytes = unsafe { bytes_in(data, len, name) }?;
    std::str::from_utf8(bytes).map_err(|error| {
        Error::new(EREF_INVALID_UTF8, format!("{name} is not UTF-8: first bad byte at offset {}", error.valid_up_to()))
    })
}

/// UTF-8 from C without a NUL inside.
///
/// # Safety
/// As for `bytes_in`.
pub(super) unsafe fn text_in<'a>(data: *const c_char, len: usize, name: &str) -> Result<&'a str> {
    // SAFETY: passed on to our caller.
    let text = unsafe { document_in(data, len, name) }?;
    match text.find('\0') {
        Some(at) => Err(Error::new(EREF_INVALID_ARGUMENT, format!("{name} has a NUL inside, at offset {at}"))),
        None => Ok(text),
    }
}

/// An output: emptied at once, filled on success. NULL is refused.
///
/// # Safety
/// `place` is NULL or points to a writable value, which need not be initialised.
pub(super) unsafe fn output<'a, T>(place: *mut T, empty: T, name: &str) -> Result<&'a mut T> {
    // SAFETY: passed on to our caller.
    unsafe { optional_output(place, empty) }.ok_or_else(|| Error::new(EREF_INVALID_ARGUMENT, format!("{name} is NULL")))
}

/// An output that may be NULL.
///
/// # Safety
/// As for `output`.
pub(super) unsafe fn optional_output<'a, T>(place: *mut T, empty: T) -> Option<&'a mut T> {
    if place.is_null() {
        return None;
    }
    // SAFETY: "an output is the address of a variable of that type" (header, Outputs).
    unsafe {
        place.write(empty);
        Some(&mut *place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_the_offset_of_the_first_bad_byte() {
        let bytes = b"Fran\xE7oise";
        // SAFETY: a slice of our own.
        let error = unsafe { text_in(bytes.as_ptr().cast(), bytes.len(), "value") }.unwrap_err();
        assert_eq!((error.status(), error.message()), (EREF_INVALID_UTF8, "value is not UTF-8: first bad byte at offset 4"));
    }

    #[test]
    fn null_is_the_empty_text_only_with_length_zero() {
        // SAFETY: NULL is never read.
        unsafe {
            assert_eq!(text_in(std::ptr::null(), 0, "value"), Ok(""));
            assert_eq!(text_in(std::ptr::null(), NUL_TERMINATED, "value").unwrap_err().status(), EREF_INVALID_ARGUMENT);
        }
    }

    #[test]
    fn refuses_a_nul_inside_and_a_length_no_buffer_can_have() {
        // SAFETY: the first is a slice of our own, the second is refused before it is read.
        unsafe {
            assert_eq!(text_in(c"a".as_ptr(), 2, "name").unwrap_err().status(), EREF_INVALID_ARGUMENT);
            assert_eq!(text_in(c"a".as_ptr(), usize::MAX - 1, "name").unwrap_err().status(), EREF_INVALID_ARGUMENT);
        }
    }
}
