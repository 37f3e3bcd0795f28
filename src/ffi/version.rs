//! Which library this is.

use std::ffi::c_char;
use std::sync::OnceLock;

use super::guard::guard_value;
use super::text::Text;
use crate::error::STATUSES;

/// The ABI this header describes. A library with another `eref_abi_number` must not be used with it.
pub const EREF_ABI_NUMBER: i32 = 1;

/// The version of the loaded library, for example "0.1.0".
///
/// Ownership: the text belongs to the library and lasts as long as it is loaded; never free it.
/// Threads: any.
/// Errors: none.
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub extern "C" fn eref_version_text() -> *const c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
}

/// The ABI number of the loaded library. Compare it with EREF_ABI_NUMBER before the first other call.
///
/// Ownership: nothing to free.
/// Threads: any.
/// Errors: none.
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub extern "C" fn eref_abi_number() -> i32 {
    EREF_ABI_NUMBER
}

/// How the loaded library was built, as a JSON object: version, abi, target, tls, features. Meant for support tickets.
///
/// Ownership: the text belongs to the library and lasts as long as it is loaded; never free it.
/// Threads: any.
/// Errors: none; NULL after a fault inside the library.
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub extern "C" fn eref_build_info() -> *const c_char {
    static INFO: OnceLock<Text> = OnceLock::new();
    guard_value("eref_build_info", std::ptr::null(), || INFO.get_or_init(|| Text::new(&build_info())).view().data)
}

fn build_info() -> String {
    let features: &[&str] = if cfg!(feature = "test-panic") { &["test-panic"] } else { &[] };
    serde_json::json!({
        "version": env!("CARGO_PKG_VERSION"),
        "abi": EREF_ABI_NUMBER,
        "target": format!("{}-{}", std::env::consts::ARCH, std::env::consts::OS),
        "debug": cfg!(debug_assertions),
        "tls": "rustls, ring",
        "features": features,
    })
    .to_string()
}

/// The name of a status, for example "EREF_TIMEOUT" for 600; "EREF_UNKNOWN" for a number this library does not know.
///
/// Ownership: the text belongs to the library and lasts as long as it is loaded; never free it.
/// Threads: any.
/// Errors: none.
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub extern "C" fn eref_status_name(status: i32) -> *const c_char {
    static NAMES: OnceLock<Vec<(i32, Text)>> = OnceLock::new();
    guard_value("eref_status_name", c"EREF_UNKNOWN".as_ptr(), || {
        let names = NAMES.get_or_init(|| STATUSES.iter().map(|row| (row.number, Text::new(row.name))).collect());
        names.iter().find(|(number, _)| *number == status).map_or(c"EREF_UNKNOWN".as_ptr(), |(_, name)| name.view().data)
    })
}
