//! What FHIR R4 says, apart from messaging: documents to walk in, outcomes, reference resolution.

pub mod outcome;
pub mod reference;
pub mod tree;
