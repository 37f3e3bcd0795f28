//! What a partner's answer to a message means for the sender (messaging.md 8.3, 8.4).

use serde::Deserialize;

/// What to do about a delivery. The texts are safe to log; the partner's own words are in the stored answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AnswerMeaning {
    /// The partner has the message.
    Delivered {
        /// The partner gave words with it that the user should see.
        warnings: bool,
        /// What is odd about the answer, if anything.
        odd: Option<&'static str>,
    },
    /// Send the same bytes again later.
    Retry {
        /// Why.
        reason: String,
    },
    /// It cannot be told whether the partner has the message: send it again later, with the same ids.
    Unclear {
        /// Why.
        reason: String,
    },
    /// The partner will not take this message; a corrected one needs new ids.
    Refused {
        /// Why.
        reason: String,
    },
    /// The credential was not accepted: fetch a new one once, then send the same bytes again.
    Unauthorized,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Body {
    resource_type: String,
    issue: Vec<IssueCode>,
    entry: Vec<BodyEntry>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct IssueCode {
    severity: String,
    code: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct BodyEntry {
    resource: BodyResource,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct BodyResource {
    resource_type: String,
    response: Option<ResponsePart>,
    issue: Vec<IssueCode>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ResponsePart {
    identifier: String,
    code: String,
}

/// What was sent, as an answer may name it.
pub struct Sent<'a> {
    /// `MessageHeader.id`.
    pub message_id: &'a str,
    /// `Bundle.id`.
    pub bundle_id: &'a str,
}

/// Reads an answer: HTTP status, content type and body. Never fails: what cannot be read counts by its status alone.
pub fn read(status: u16, content_type: Option<&str>, body: &[u8], sent: &Sent) -> AnswerMeaning {
    let media = content_type.unwrap_or_default().to_ascii_lowercase();
    // A page for people comes from a proxy, a portal or a wrong address, not from what takes messages (messaging.md 8.4).
    if (200..=299).contains(&status) && media.contains("html") && !body.is_empty() {
        let reason =
            format!("the partner answered {status} with a web page; is the endpoint right, or does something stand between?");
        return AnswerMeaning::Unclear { reason };
    }
    let json = media.is_empty() || media.contains("json");
    // Plain JSON of another shape is a legal answer (messaging.md 8.4): it reads as an empty Body.
    let body: Body = if json { serde_json::from_slice(body).unwrap_or_default() } else { Body::default() };
    match status {
        200..=299 => success(&body, sent),
        401 => AnswerMeaning::Unauthorized,
        // An idea of NHS BaRS: the partner has it already (messaging.md 8.3).
        409 if body.issue.iter().any(|issue| issue.code == "duplicate") => {
            AnswerMeaning::Delivered { warnings: false, odd: Some("the partner says it has this message already") }
        }
        408 | 425 | 429 | 500..=599 => AnswerMeaning::Retry { reason: format!("the partner answered {status}") },
        404 | 405 | 410 => AnswerMeaning::Refused { reason: format!("the partner answered {status}: is the endpoint right?") },
        _ => AnswerMeaning::Refused { reason: refusal(status, &body.issue) },
    }
}

fn refusal(status: u16, issues: &[IssueCode]) -> String {
    let first = issues.iter().find(|issue| matches!(issue.severity.as_str(), "error" | "fatal"));
    match first.filter(|issue| is_code(&issue.code)) {
        Some(issue) => format!("the partner answered {status} with {} finding(s), first: {}", issues.len(), issue.code),
        None => format!("the partner answered {status}"),
    }
}

/// A code that is fit for a log line.
fn is_code(code: &str) -> bool {
    !code.is_empty() && code.len() <= 40 && code.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-')
}

fn success(body: &Body, sent: &Sent) -> AnswerMeaning {
    if body.resource_type == "OperationOutcome" {
        let serious = body.issue.iter().any(|issue| matches!(issue.severity.as_str(), "error" | "fatal"));
        let odd = serious.then_some("the partner answered success with an error in the OperationOutcome");
        return AnswerMeaning::Delivered { warnings: !body.issue.is_empty(), odd };
    }
    let first = body.entry.first().map(|entry| &entry.resource);
    let header = first.filter(|resource| body.resource_type == "Bundle" && resource.resource_type == "MessageHeader");
    let Some(response) = header.and_then(|header| header.response.as_ref()) else {
        return AnswerMeaning::Delivered { warnings: false, odd: None };
    };
    let warnings = body.entry.iter().any(|entry| !entry.resource.issue.is_empty());
    // A `fullUrl` in place of the id is taken for the id: HAPI FHIR's parser gives an entry its `fullUrl`'s UUID as id, with the prefix.
    let names = response.identifier.strip_prefix("urn:uuid:").unwrap_or(&response.identifier);
    let ours = names == sent.message_id;
    // The exchange is synchronous, so a failure counts even when it names another message.
    let note = if ours { "" } else { " (the answer names another message)" };
    match response.code.as_str() {
        "transient-error" => AnswerMeaning::Retry { reason: format!("the partner answered transient-error{note}") },
        "fatal-error" => AnswerMeaning::Refused { reason: format!("the partner answered fatal-error{note}") },
        "ok" if ours => AnswerMeaning::Delivered { warnings, odd: None },
        // Some partners name the Bundle instead, or nothing.
        "ok" if names.is_empty() || names == sent.bundle_id => {
            AnswerMeaning::Delivered { warnings, odd: Some("the answer does not name the message") }
        }
        "ok" => AnswerMeaning::Unclear { reason: "the answer is for another message".to_owned() },
        _ => AnswerMeaning::Delivered {
            warnings,
            odd: Some("the answer's response code is not one of ok, transient-error, fatal-error"),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SENT: Sent = Sent { message_id: "m-1", bundle_id: "b-1" };
    const OK: AnswerMeaning = AnswerMeaning::Delivered { warnings: false, odd: None };

    fn read_json(status: u16, body: &str) -> AnswerMeaning {
        read(status, Some("application/fhir+json"), body.as_bytes(), &SENT)
    }

    fn bundle(identifier: &str, code: &str) -> String {
        format!(
            r#"{{"resourceType":"Bundle","type":"message","entry":[{{"resource":{{"resourceType":"MessageHeader","response":{{"identifier":"{identifier}","code":"{code}"}}}}}}]}}"#
        )
    }

    #[test]
    fn success_without_a_fhir_body_is_delivered() {
        for body in ["", "{}", r#"{"status":"processed"}"#, "[1,2]", "not json", r#"{"resourceType":7}"#] {
            assert_eq!(read_json(200, body), OK, "{body}");
        }
        assert_eq!(read(202, Some("text/plain"), b"thanks", &SENT), OK);
        assert_eq!(read(200, Some("text/html"), b"", &SENT), OK);
        assert_eq!(read(200, None, b"", &SENT), OK);
    }

    #[test]
    fn a_web_page_is_no_answer() {
        let AnswerMeaning::Unclear { reason } = read(200, Some("text/html; charset=utf-8"), b"<p>sign in", &SENT) else {
            panic!("taken for an answer")
        };
        assert!(reason.contains("web page") && !reason.contains("sign in"));
    }

    #[test]
    fn the_response_code_decides_inside_a_success() {
        assert_eq!(read_json(200, &bundle("m-1", "ok")), OK);
        assert_eq!(read_json(200, &bundle("urn:uuid:m-1", "ok")), OK);
        assert!(matches!(read_json(200, &bundle("m-1", "transient-error")), AnswerMeaning::Retry { .. }));
        assert!(matches!(read_json(200, &bundle("m-1", "fatal-error")), AnswerMeaning::Refused { .. }));
    }

    #[test]
    fn an_answer_about_another_message_says_nothing_of_ours_but_its_failure_counts() {
        for other in ["m-2", "urn:uuid:m-2"] {
            assert!(matches!(read_json(200, &bundle(other, "ok")), AnswerMeaning::Unclear { .. }), "{other}");
        }
        assert!(matches!(read_json(200, &bundle("m-2", "transient-error")), AnswerMeaning::Retry { .. }));
        for loose in ["", "b-1"] {
            assert!(matches!(read_json(200, &bundle(loose, "ok")), AnswerMeaning::Delivered { odd: Some(_), .. }), "{loose}");
        }
        let AnswerMeaning::Refused { reason } = read_json(200, &bundle("m-2", "fatal-error")) else { panic!("not refused") };
        assert!(reason.contains("another message"));
    }

    #[test]
    fn an_outcome_inside_a_success_is_shown() {
        let outcome = r#"{"resourceType":"OperationOutcome","issue":[{"severity":"warning","code":"informational"}]}"#;
        assert_eq!(read_json(200, outcome), AnswerMeaning::Delivered { warnings: true, odd: None });
    }

    #[test]
    fn client_errors_are_final_and_name_the_code_but_not_the_text() {
        let outcome =
            r#"{"resourceType":"OperationOutcome","issue":[{"severity":"error","code":"required","diagnostics":"Testpatient"}]}"#;
        let AnswerMeaning::Refused { reason } = read_json(400, outcome) else { panic!("not refused") };
        assert!(reason.contains("required") && !reason.contains("Testpatient"));
        for status in [403, 404, 405, 409, 410, 413, 415, 301] {
            assert!(matches!(read_json(status, ""), AnswerMeaning::Refused { .. }), "{status}");
        }
    }

    #[test]
    fn a_code_that_is_no_code_is_not_repeated() {
        let outcome = r#"{"issue":[{"severity":"error","code":"Testpatient Anna 9999"}]}"#;
        assert_eq!(read_json(400, outcome), AnswerMeaning::Refused { reason: "the partner answered 400".to_owned() });
    }

    #[test]
    fn overload_and_server_errors_are_tried_again() {
        for status in [408, 425, 429, 500, 502, 503, 504] {
            assert!(matches!(read_json(status, ""), AnswerMeaning::Retry { .. }), "{status}");
        }
        assert_eq!(read_json(401, ""), AnswerMeaning::Unauthorized);
    }

    #[test]
    fn a_conflict_marked_duplicate_is_delivered() {
        let outcome = r#"{"resourceType":"OperationOutcome","issue":[{"severity":"error","code":"duplicate"}]}"#;
        assert!(matches!(read_json(409, outcome), AnswerMeaning::Delivered { odd: Some(_), .. }));
    }
}
