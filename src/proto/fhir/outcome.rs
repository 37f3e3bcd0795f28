//! Findings, and the OperationOutcome they are reported as.

use serde::Serialize;
use serde_json::{Value, json};

/// How much a finding weighs; see docs/dialects.md.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Worth knowing.
    Information,
    /// Odd and usable, or against a rule that was not seen itself.
    Warning,
    /// Against base R4, or against a rule of the dialect that was seen.
    Error,
}

impl Level {
    /// The severity of FHIR.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Information => "information",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// One finding. Its texts are ours and never repeat content of a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Issue {
    /// `fatal`, `error`, `warning` or `information`.
    pub severity: &'static str,
    /// A code of the FHIR value set issue-type, e.g. `required`, `structure`, `not-supported`.
    pub code: &'static str,
    /// FHIRPath of the element; empty when the finding is about the whole.
    pub expression: String,
    /// What was found and what was expected.
    pub text: String,
    /// Where the rule comes from, e.g. `FHIR R4 bdl-1`; empty when it is plain JSON.
    pub source: &'static str,
}

impl Issue {
    /// A finding that makes the message unusable.
    pub fn error(code: &'static str, expression: impl Into<String>, text: impl Into<String>, source: &'static str) -> Self {
        Self { severity: "error", code, expression: expression.into(), text: text.into(), source }
    }

    /// A finding that is accepted.
    pub fn warning(code: &'static str, expression: impl Into<String>, text: impl Into<String>, source: &'static str) -> Self {
        Self { severity: "warning", code, expression: expression.into(), text: text.into(), source }
    }

    fn json(&self) -> Value {
        let mut value = json!({"severity": self.severity, "code": self.code, "details": {"text": self.text}});
        if !self.source.is_empty() {
            value["diagnostics"] = Value::from(format!("Rule: {}", self.source));
        }
        if !self.expression.is_empty() {
            value["expression"] = json!([self.expression]);
        }
        value
    }
}

/// The OperationOutcome resource of some findings. Without findings its `issue` list is empty.
pub fn outcome_json(issues: &[Issue]) -> String {
    outcome(issues).to_string()
}

/// As [`outcome_json`], for what adds to it.
pub fn outcome(issues: &[Issue]) -> Value {
    json!({"resourceType": "OperationOutcome", "issue": issues.iter().map(Issue::json).collect::<Vec<_>>()})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_element_and_rule() {
        let issue = Issue::error("required", "Bundle.type", "the type is missing; expected message", "FHIR R4 Bundle");
        let outcome: Value = serde_json::from_str(&outcome_json(&[issue])).unwrap();
        assert_eq!(outcome["resourceType"], "OperationOutcome");
        assert_eq!(outcome["issue"][0]["expression"][0], "Bundle.type");
        assert_eq!(outcome["issue"][0]["severity"], "error");
        assert_eq!(outcome["issue"][0]["diagnostics"], "Rule: FHIR R4 Bundle");
    }

    #[test]
    fn a_finding_about_the_whole_names_no_element() {
        let outcome: Value = serde_json::from_str(&outcome_json(&[Issue::warning("invalid", "", "odd", "")])).unwrap();
        assert!(outcome["issue"][0].get("expression").is_none());
    }
}
