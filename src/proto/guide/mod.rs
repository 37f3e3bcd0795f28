//! The guides as data: tables, no logic beyond looking a row up.

pub mod codes;
pub mod compared;
pub mod dialects;
pub mod events;
pub mod field;
pub mod fields_table;
pub mod lifecycle;
pub mod rules;
pub mod rules_ca;
pub mod rules_on;
