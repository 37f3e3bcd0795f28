//! Status numbers and the one error type.
//!
//! Every failure that leaves this crate carries a status from the table below. The numbers are ABI: they are written out one by one,
//! never re-used, and an entry that is retired stays in the table.

use std::fmt;

/// Success.
pub const EREF_OK: i32 = 0;

/// An argument was NULL, out of range or of the wrong form. The message names the argument.
pub const EREF_INVALID_ARGUMENT: i32 = 1;
/// Text passed in is not UTF-8. The message gives the offset of the first bad byte.
pub const EREF_INVALID_UTF8: i32 = 2;
/// The handle is in use by another call. Exclusive handles serve one call at a time.
pub const EREF_BUSY: i32 = 3;
/// The call came at the wrong time, for example a second start, or an answer to an event that is not a question.
pub const EREF_WRONG_STATE: i32 = 4;
/// A fault inside the library made this handle unusable. It can only be freed.
pub const EREF_POISONED: i32 = 5;
/// The process was forked after the engine was opened. Open a new engine in the child.
pub const EREF_FORKED: i32 = 6;
/// What was asked for does not exist.
pub const EREF_NOT_FOUND: i32 = 7;
/// The configuration is wrong. The message names the path, the value found and what was expected.
pub const EREF_CONFIG: i32 = 8;

/// The bytes are not well-formed JSON. The detail gives line and column.
pub const EREF_INVALID_JSON: i32 = 100;
/// The input is larger than a configured limit. The message names the limit.
pub const EREF_TOO_LARGE: i32 = 101;

/// The FHIR content cannot be used. The detail is an OperationOutcome naming the elements.
pub const EREF_INVALID_CONTENT: i32 = 200;
/// The name of a field is not in the field table.
pub const EREF_UNKNOWN_FIELD: i32 = 201;
/// A field was given a value it cannot take, or a required one is missing. The detail is an OperationOutcome.
pub const EREF_INVALID_FIELD: i32 = 202;
/// Test data in a production engine. Set `"test": true` to take messages labelled HTEST.
pub const EREF_TEST_DATA: i32 = 203;
/// The event is not one this library or this partner's dialect knows.
pub const EREF_UNKNOWN_EVENT: i32 = 204;

/// The partner is not party to this referral, or may not do this.
pub const EREF_FORBIDDEN: i32 = 300;

/// The network failed: name lookup, connection refused, connection lost.
pub const EREF_NETWORK: i32 = 400;
/// The TLS handshake failed. The message says why (unknown issuer, expired, name mismatch, ...).
pub const EREF_TLS: i32 = 450;

/// The remote system answered with an error. `eref_error_http_status` gives the number.
pub const EREF_REMOTE: i32 = 500;

/// A deadline passed. For `eref_event_next` it only means that no event arrived.
pub const EREF_TIMEOUT: i32 = 600;
/// The call was cancelled.
pub const EREF_CANCELLED: i32 = 601;

/// The store cannot be read or written. Retriable when the cause may pass (locked, disk full).
pub const EREF_STORE: i32 = 700;
/// Another serving engine holds this store. The message names its process and host.
pub const EREF_STORE_IN_USE: i32 = 701;
/// The key of the store is missing or wrong. The message names the path and the key id.
pub const EREF_STORE_KEY: i32 = 702;
/// The store was written by a newer version of the library.
pub const EREF_STORE_VERSION: i32 = 703;
/// The store lies on a network share, where its locks cannot be trusted.
pub const EREF_STORE_NETWORK: i32 = 704;
/// This host key was used before, for other content.
pub const EREF_KEY_REUSED: i32 = 705;
/// The event is no longer leased to this handle: the lease ran out, or the event is done.
pub const EREF_LEASE_LOST: i32 = 706;

/// The address cannot be listened on.
pub const EREF_LISTEN: i32 = 800;

/// A fault in the library itself. The message names the place. Please report it.
pub const EREF_PANIC: i32 = 900;
/// Memory could not be allocated.
pub const EREF_NO_MEMORY: i32 = 901;

/// The call itself was wrong.
pub const EREF_CATEGORY_USAGE: i32 = 1;
/// The data handed in or received is wrong.
pub const EREF_CATEGORY_DATA: i32 = 2;
/// A rule of the protocol forbids it.
pub const EREF_CATEGORY_PROTOCOL: i32 = 3;
/// Network or TLS.
pub const EREF_CATEGORY_NETWORK: i32 = 4;
/// The remote system said no.
pub const EREF_CATEGORY_REMOTE: i32 = 5;
/// A deadline or a cancellation.
pub const EREF_CATEGORY_TIME: i32 = 6;
/// The store.
pub const EREF_CATEGORY_STORE: i32 = 7;
/// The library itself.
pub const EREF_CATEGORY_INTERNAL: i32 = 9;

/// One row of the status table.
pub struct StatusInfo {
    /// The number, as the `EREF_*` constant.
    pub number: i32,
    /// The name of that constant.
    pub name: &'static str,
    /// One of `EREF_CATEGORY_*`; 0 for success.
    pub category: i32,
    /// Whether the same call may succeed later without a change.
    pub retriable: bool,
}

macro_rules! statuses {
    ($($name:ident, $category:expr, $retriable:expr;)*) => {
        /// The table of all statuses, in numeric order.
        pub const STATUSES: &[StatusInfo] = &[
            $(StatusInfo { number: $name, name: stringify!($name), category: $category, retriable: $retriable },)*
        ];
    };
}

statuses! {
    EREF_OK, 0, false;
    EREF_INVALID_ARGUMENT, EREF_CATEGORY_USAGE, false;
    EREF_INVALID_UTF8, EREF_CATEGORY_USAGE, false;
    EREF_BUSY, EREF_CATEGORY_USAGE, true;
    EREF_WRONG_STATE, EREF_CATEGORY_USAGE, false;
    EREF_POISONED, EREF_CATEGORY_INTERNAL, false;
    EREF_FORKED, EREF_CATEGORY_USAGE, false;
    EREF_NOT_FOUND, EREF_CATEGORY_USAGE, false;
    EREF_CONFIG, EREF_CATEGORY_USAGE, false;
    EREF_INVALID_JSON, EREF_CATEGORY_DATA, false;
    EREF_TOO_LARGE, EREF_CATEGORY_DATA, false;
    EREF_INVALID_CONTENT, EREF_CATEGORY_DATA, false;
    EREF_UNKNOWN_FIELD, EREF_CATEGORY_USAGE, false;
    EREF_INVALID_FIELD, EREF_CATEGORY_DATA, false;
    EREF_TEST_DATA, EREF_CATEGORY_PROTOCOL, false;
    EREF_UNKNOWN_EVENT, EREF_CATEGORY_PROTOCOL, false;
    EREF_FORBIDDEN, EREF_CATEGORY_PROTOCOL, false;
    EREF_NETWORK, EREF_CATEGORY_NETWORK, true;
    EREF_TLS, EREF_CATEGORY_NETWORK, false;
    EREF_REMOTE, EREF_CATEGORY_REMOTE, false;
    EREF_TIMEOUT, EREF_CATEGORY_TIME, true;
    EREF_CANCELLED, EREF_CATEGORY_TIME, true;
    EREF_STORE, EREF_CATEGORY_STORE, true;
    EREF_STORE_IN_USE, EREF_CATEGORY_STORE, true;
    EREF_STORE_KEY, EREF_CATEGORY_STORE, false;
    EREF_STORE_VERSION, EREF_CATEGORY_STORE, false;
    EREF_STORE_NETWORK, EREF_CATEGORY_STORE, false;
    EREF_KEY_REUSED, EREF_CATEGORY_STORE, false;
    EREF_LEASE_LOST, EREF_CATEGORY_STORE, false;
    EREF_LISTEN, EREF_CATEGORY_NETWORK, false;
    EREF_PANIC, EREF_CATEGORY_INTERNAL, false;
    EREF_NO_MEMORY, EREF_CATEGORY_INTERNAL, true;
}

/// The row of a status number, if it is one of ours.
pub fn status_info(number: i32) -> Option<&'static StatusInfo> {
    STATUSES.iter().find(|info| info.number == number)
}

/// A failure: a status, a sentence that is safe to log, and optionally a detail that is not.
///
/// `message` is composed from our own words and harmless values (host names, paths of elements, limits); it never holds a name, a
/// health number, a token or a secret. `detail` may hold remote text or an OperationOutcome as JSON: show it, do not log it blindly.
#[derive(Clone, PartialEq)]
pub struct Error {
    status: i32,
    message: String,
    detail: Option<String>,
    http_status: u16,
    retriable: Option<bool>,
}

/// The result of everything that can fail here.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// A failure with a status from the table and a sentence that is safe to log.
    pub fn new(status: i32, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), detail: None, http_status: 0, retriable: None }
    }

    /// Adds the detail: JSON or remote text, not for logs.
    pub fn with_detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// Adds the HTTP status the remote system answered with.
    pub fn with_http_status(mut self, status: u16) -> Self {
        self.http_status = status;
        self
    }

    /// Says that the table's answer to "retriable?" does not fit this case.
    pub fn with_retriable(mut self, retriable: bool) -> Self {
        self.retriable = Some(retriable);
        self
    }

    /// The status number, one of `EREF_*`, never 0.
    pub fn status(&self) -> i32 {
        self.status
    }

    /// The category of the status, one of `EREF_CATEGORY_*`.
    pub fn category(&self) -> i32 {
        status_info(self.status).map_or(EREF_CATEGORY_INTERNAL, |info| info.category)
    }

    /// One sentence, safe to log.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// JSON or remote text, not for logs.
    pub fn detail(&self) -> Option<&str> {
        self.detail.as_deref()
    }

    /// The HTTP status of the remote answer, 0 when there was none.
    pub fn http_status(&self) -> u16 {
        self.http_status
    }

    /// Whether the same call may succeed later without a change.
    pub fn is_retriable(&self) -> bool {
        self.retriable.unwrap_or_else(|| status_info(self.status).is_some_and(|info| info.retriable))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = status_info(self.status).map_or("EREF_UNKNOWN", |info| info.name);
        write!(f, "{name}: {}", self.message)
    }
}

/// The detail stays out: it may be personal, and `Debug` ends in logs.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_constant_stands_in_the_table_once_and_in_order() {
        let source = include_str!("error.rs");
        let constants = source.lines().filter(|line| line.starts_with("pub const EREF_") && !line.contains("CATEGORY")).count();
        assert_eq!(constants, STATUSES.len());
        assert!(STATUSES.windows(2).all(|pair| pair[0].number < pair[1].number));
    }

    #[test]
    fn debug_does_not_show_the_detail() {
        let error = Error::new(EREF_REMOTE, "the partner refused").with_detail("Testpatient");
        assert!(!format!("{error:?}").contains("Testpatient"));
    }
}
