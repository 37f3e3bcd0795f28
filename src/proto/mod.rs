//! The rules. No input or output, no clock, no threads, no unsafe: `now` and randomness are arguments, durable state is reached through
//! the [`store::Store`] trait.

pub mod addresses;
pub mod exchange;
pub mod fhir;
pub mod guide;
pub mod http;
pub mod jwt;
pub mod messaging;
pub mod settings;
pub mod smart;
pub mod store;
pub mod throttle;
