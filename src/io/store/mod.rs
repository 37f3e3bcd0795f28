//! Stores: implementations of `proto::store::Store`. SQLite is the embedded one.

mod accesses;
mod attachments;
mod audit;
mod audit_trail;
mod body;
mod charts;
mod delivering;
mod events;
mod files;
mod grants;
mod inbox;
mod keeping;
mod keys;
mod launches;
mod logins;
mod outbox;
mod referral_write;
mod referrals;
mod schema;
mod serving;
pub mod sqlite;
pub mod vault;
mod writer;
mod writes;
