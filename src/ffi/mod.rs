//! The C ABI: one file per C object, and all the `unsafe` of the crate. Every function takes one way in (`guard`), calls the public Rust
//! API, and turns the outcome into a status and an error object. The prose on each function is the header's prose.

#![deny(improper_ctypes_definitions)]
#![allow(non_camel_case_types, reason = "the C names are the names")]
#![allow(rustdoc::broken_intra_doc_links, reason = "field names such as identifier[0] stand in the header's prose")]
#![allow(clippy::missing_safety_doc, reason = "the header's Ownership and Threads lines are the contract")]

#[cfg(not(panic = "unwind"))]
compile_error!("ereferral contains panics at its C boundary and needs panic = \"unwind\"");

pub mod cancel;
pub mod config;
pub mod draft;
pub mod engine;
pub mod error;
pub mod event;
pub mod grant;
mod guard;
mod handle;
pub mod inbox;
pub mod launch;
pub mod log;
pub mod message;
pub mod referral;
pub mod send;
pub mod string;
#[cfg(feature = "test-panic")]
pub mod test_panic;
pub mod text;
pub mod version;
