//! What FHIR R4 says, apart from messaging: outcomes and reference resolution.

pub mod outcome;
pub mod reference;
