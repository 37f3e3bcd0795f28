//! The world: store, listener, client, TLS, crypto, clock, random.

pub mod client;
pub mod clock;
pub mod crypto;
pub mod jwks;
pub mod listener;
pub mod resolve;
pub mod store;
pub mod tls;
