//! What FHIR R4 says, apart from messaging: documents to walk in, its types as a table, outcomes, reference
//! resolution.

pub mod audit_event;
pub mod date;
pub mod outcome;
pub mod primitive;
pub mod r4;
pub mod reference;
pub mod tree;
