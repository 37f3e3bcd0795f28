//! A configuration being put together.

use std::ffi::c_char;

use super::error::eref_error;
use super::guard::{guard, guard_value};
use super::handle::{Exclusive, ExclusiveHandle, Handle, Head, exclusive, free_exclusive};
use super::text::{bytes_in, output, text_in};
use crate::engine::Config;

/// A configuration being put together: one JSON document and the secrets it names. Exclusive.
#[repr(C, align(8))]
pub struct eref_config {
    head: Head,
    cell: Exclusive<Config>,
}

impl Handle for eref_config {
    const NAME: &'static str = "eref_config";
    fn head(&self) -> &Head {
        &self.head
    }
}

impl ExclusiveHandle for eref_config {
    type Value = Config;
    fn cell(&self) -> &Exclusive<Config> {
        &self.cell
    }
}

/// Begins an empty configuration.
///
/// Ownership: *out is owned by the caller: eref_config_free.
/// Threads: any.
/// Errors: EREF_INVALID_ARGUMENT.
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eref_config_new(out: *mut *mut eref_config, error: *mut *mut eref_error) -> i32 {
    // SAFETY: "an output is the address of a variable of that type" (header, Outputs).
    let body = || unsafe {
        let out = output(out, std::ptr::null_mut(), "out")?;
        *out = eref_config { head: eref_config::new_head(), cell: Exclusive::new(Config::new()) }.into_raw();
        Ok(())
    };
    // SAFETY: "error is NULL or the address of a pointer" (header, Errors).
    unsafe { guard("eref_config_new", error, body) }
}

/// Takes the document from a text. Paths in it must be absolute, unless it sets "base_dir". A later document replaces an earlier one.
///
/// Ownership: the text is copied and stays the caller's.
/// Threads: one call at a time on a config.
/// Errors: EREF_CONFIG (also when it is not JSON; the message names the path in the document, what was found, and what was expected),
/// EREF_BUSY.
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eref_config_parse_json(
    config: *mut eref_config,
    json: *const c_char,
    json_len: usize,
    error: *mut *mut eref_error,
) -> i32 {
    // SAFETY: live handle and readable text (header, Ownership and Text).
    let body = || unsafe { exclusive(config, |config| config.parse_json(bytes_in(json, json_len, "json")?)) };
    // SAFETY: "error is NULL or the address of a pointer" (header, Errors).
    unsafe { guard("eref_config_parse_json", error, body) }
}

/// Takes the document from a file. Paths in it are relative to the file's folder.
///
/// Ownership: the path is copied and stays the caller's; no file stays open.
/// Threads: one call at a time on a config.
/// Errors: EREF_CONFIG (also when the file cannot be read or is not JSON), EREF_INVALID_UTF8 (path), EREF_BUSY.
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eref_config_read_file(
    config: *mut eref_config,
    path: *const c_char,
    path_len: usize,
    error: *mut *mut eref_error,
) -> i32 {
    // SAFETY: live handle and readable text (header, Ownership and Text).
    let body = || unsafe { exclusive(config, |config| config.read_file(text_in(path, path_len, "path")?)) };
    // SAFETY: "error is NULL or the address of a pointer" (header, Errors).
    unsafe { guard("eref_config_read_file", error, body) }
}

/// Sets a secret that the document refers to as {"named": "name"}, so that the document itself can be shown around.
///
/// Ownership: both texts are copied and stay the caller's; the copy of the secret is wiped when it is no longer needed.
/// Threads: one call at a time on a config.
/// Errors: EREF_INVALID_ARGUMENT, EREF_INVALID_UTF8, EREF_BUSY.
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eref_config_set_secret(
    config: *mut eref_config,
    name: *const c_char,
    name_len: usize,
    secret: *const c_char,
    secret_len: usize,
    error: *mut *mut eref_error,
) -> i32 {
    // SAFETY: live handle and readable texts (header, Ownership and Text).
    let body = || unsafe {
        exclusive(config, |config| config.set_secret(text_in(name, name_len, "name")?, text_in(secret, secret_len, "secret")?))
    };
    // SAFETY: "error is NULL or the address of a pointer" (header, Errors).
    unsafe { guard("eref_config_set_secret", error, body) }
}

/// Frees a configuration. NULL is allowed. Engines made from it are not touched: they have their own copy.
///
/// Ownership: the config ends here; freed during a call on it, it ends with that call.
/// Threads: any.
/// Errors: none.
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eref_config_free(config: *mut eref_config) {
    // SAFETY: the caller gives the config up.
    guard_value("eref_config_free", (), || unsafe { free_exclusive(config) });
}
