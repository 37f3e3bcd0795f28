//! FHIR messaging: receiving, composing, answering.

pub mod answer;
mod assemble;
pub mod attachment;
pub mod certificate;
pub mod changes;
pub mod check;
pub mod complete;
pub mod compose;
pub mod content;
pub mod credentials;
pub mod envelope;
pub mod fields;
pub mod groups;
pub mod header;
mod html;
pub mod known;
mod matching;
pub mod message;
pub mod notification;
pub mod parse;
mod path;
pub mod receive;
pub mod resend;
mod respond;
pub mod retry;
mod time;
pub mod tracking;
mod trust;
pub mod view;

pub use compose::Draft;
pub use known::Known;
pub use message::Message;
