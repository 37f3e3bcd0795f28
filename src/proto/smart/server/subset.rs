//! Parts of resources: `_elements`, and the kinds of `_summary` that leave something out (FHIR R4 search).

use std::collections::BTreeMap;

use serde_json::json;
use serde_json::value::{RawValue, to_raw_value};

use super::source::Found;
use crate::proto::fhir::r4::R4;

/// Which elements are told. What a resource must have is told always.
#[derive(Default)]
pub enum Subset {
    /// All.
    #[default]
    All,
    /// All but the narrative.
    NoText,
    /// These.
    Only(Vec<String>),
}

impl Subset {
    /// `_summary`; false for a value that is not one. Of `true` we have no shorter form than the whole.
    pub fn summary(&mut self, value: &str) -> bool {
        match value {
            "text" => *self = Self::Only(vec!["text".to_owned()]),
            "data" => *self = Self::NoText,
            _ => {}
        }
        matches!(value, "true" | "false" | "text" | "data")
    }

    /// `_elements`.
    pub fn elements(&mut self, value: &str) {
        *self = Self::Only(value.split(',').map(str::to_owned).collect());
    }

    fn tells(&self, kind: &str, name: &str) -> bool {
        let plain = name.trim_start_matches('_');
        match self {
            Self::All => true,
            Self::NoText => plain != "text",
            Self::Only(names) => {
                let r4 = R4::get();
                let required = || {
                    let marks = r4.resource(kind).and_then(|index| r4.kind(index)).map_or(&[][..], |kind| r4.marks(kind));
                    marks.iter().any(|mark| mark.required && plain.starts_with(mark.name))
                };
                matches!(plain, "resourceType" | "id" | "meta")
                    || names.iter().any(|wanted| plain.starts_with(wanted.as_str()))
                    || required()
            }
        }
    }

    /// The resource as it is told, marked as a part of itself unless it is whole.
    pub fn apply(&self, found: &Found) -> String {
        let members: BTreeMap<String, &RawValue> = match self {
            Self::All => return found.json.clone(),
            _ => serde_json::from_str(&found.json).unwrap_or_default(),
        };
        let mut told: BTreeMap<String, &RawValue> = members.into_iter().filter(|(name, _)| self.tells(&found.kind, name)).collect();
        let mut meta = found.value.get("meta").cloned().filter(serde_json::Value::is_object).unwrap_or_else(|| json!({}));
        let mark = json!({ "system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue", "code": "SUBSETTED" });
        match meta.get_mut("tag").and_then(serde_json::Value::as_array_mut) {
            Some(tags) => tags.push(mark),
            None => meta["tag"] = json!([mark]),
        }
        let meta = to_raw_value(&meta).unwrap_or_default();
        told.insert("meta".to_owned(), &meta);
        serde_json::to_string(&told).unwrap_or_default()
    }
}
