//! Who may do what with a resource: the one decision that read, search, `_include`, `$everything`, write and batch go by (smart.md 14.3).

use std::collections::HashSet;

use serde_json::Value;

use super::caller::Caller;
use super::chart;
use super::scope::{self, Class, READ};

/// What is decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum May {
    /// It may.
    Yes,
    /// Only if the host says that this user may: the scopes allow it, and it is not about the launch's patient.
    Ask,
    /// It may not. Of another patient's resource the answer is that there is none.
    No,
}

/// Whether the caller may do this (one letter of [`scope`]) with this resource as it stands. `base` is our FHIR base; `binaries` are the ids of
/// the Binaries that documents of the chart refer to.
pub fn may(caller: &Caller<'_>, letter: u8, resource: &Value, base: &str, binaries: &HashSet<String>) -> May {
    let has = |class| scope::allows_resource(&caller.scope, class, letter, resource, base);
    let text = |name: &str| resource.get(name).and_then(Value::as_str).unwrap_or_default();
    let (kind, id) = (text("resourceType"), text("id"));
    // Who the user is may be read by every token that names them (smart.md 9).
    if has(Class::System) || (letter == READ && is_user(caller, kind, id)) {
        return May::Yes;
    }
    if !chart::is_personal(kind) {
        let by_id = letter == READ && has(Class::Patient);
        return if by_id || has(Class::User) { May::Yes } else { May::No };
    }
    let own = chart::may_show(resource, caller.patient(), base, binaries);
    match (own, has(Class::Patient), has(Class::User)) {
        (true, true, _) | (true, _, true) => May::Yes,
        (false, _, true) => May::Ask,
        _ => May::No,
    }
}

/// Whether this is the user of the launch, named by a token with `fhirUser`.
pub fn is_user(caller: &Caller<'_>, kind: &str, id: &str) -> bool {
    let user = caller.user().and_then(|user| user.fhir_user.as_deref()).and_then(|user| user.split_once('/'));
    user == Some((kind, id)) && scope::has(&caller.scope, "fhirUser")
}
