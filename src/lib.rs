//! Lets a point-of-service system take part in Ontario's eReferral-eConsult exchange: it starts SMART launches, receives Direct
//! Messaging notifications, and sends referral Bundles.
//!
//! The rooms: [`engine`] is what a host holds; [`proto`] holds the rules and does no input or output; [`io`] touches the world; `ffi` is
//! the C ABI and holds all the `unsafe` there is. `proto` imports neither of the others, `io` only `proto`, `engine` both, `ffi` only
//! `engine` and public types.

#![cfg_attr(not(test), warn(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

#[forbid(unsafe_code)]
pub mod engine;
#[forbid(unsafe_code)]
pub mod error;
pub mod ffi;
#[forbid(unsafe_code)]
pub mod io;
#[forbid(unsafe_code)]
pub mod log;
#[forbid(unsafe_code)]
mod memory;
#[forbid(unsafe_code)]
pub mod proto;
