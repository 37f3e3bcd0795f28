//! Referrals as they are tracked: found, listed, told, and put where they belong.

use serde_json::{Value, json};

use crate::engine::{Engine, invalid_json, rfc3339};
use crate::error::{EREF_INVALID_ARGUMENT, EREF_KEY_REUSED, EREF_NOT_FOUND, EREF_STORE, EREF_WRONG_STATE, Error, Result};
use crate::io::clock;
use crate::proto::messaging::tracking;
use crate::proto::store::{Candidate, HistoryRecord, Identifier, Link, Merge, ReferralFilter, ReferralRecord};

/// What `referral_list` is asked for (docs/schema/referral-filter.json).
#[derive(Default, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Filter {
    unlinked: Option<bool>,
    changed_since: Option<String>,
    partner: Option<String>,
}

fn value(record: &ReferralRecord, candidates: &[Candidate]) -> Value {
    let document: Value = serde_json::from_str(&record.document).unwrap_or(Value::Null);
    let linked = |parents: bool| -> Vec<Value> {
        let sides = |link: &Link| {
            if parents { (link.child.clone(), link.parent.clone()) } else { (link.parent.clone(), link.child.clone()) }
        };
        let links = record.links.iter().map(|link| (sides(link), link.relation)).filter(|((own, _), _)| *own == record.id);
        links.map(|((_, other), relation)| json!({"referral_id": other, "relation": relation.as_str()})).collect()
    };
    let mut value = json!({
        "referral_id": record.id,
        "our_role": record.our_role.as_str(),
        "unlinked": record.unlinked,
        "identifiers": record.identifiers.iter().map(|i| json!({"system": i.system, "value": i.value})).collect::<Vec<_>>(),
        "parties": record.parties.iter().map(|(name, role)| json!({"partner": name, "role": role.as_str()})).collect::<Vec<_>>(),
        "parents": linked(true),
        "children": linked(false),
        "created_at": rfc3339(record.created),
        "updated_at": rfc3339(record.updated),
        "referral": document,
    });
    let status = |status: &Option<crate::proto::store::Status>| status.as_ref().map(|status| Value::from(status.code.as_str()));
    let optional = [
        ("launch_id", record.launch_id.as_deref().map(Value::from)),
        ("status", status(&record.state.request)),
        ("task_status", status(&record.state.task)),
        ("candidates", record.unlinked.then(|| candidates.iter().map(Candidate::document).collect())),
    ];
    for (name, member) in optional {
        if let Some(member) = member {
            value[name] = member;
        }
    }
    value
}

/// As in the referral document and in the notification.
fn told(record: &HistoryRecord) -> Value {
    let mut value: Value = serde_json::from_str(&record.document).unwrap_or_else(|_| json!({}));
    // For handing the message over again.
    value.as_object_mut().map(|members| members.shift_remove("needs"));
    value["at"] = rfc3339(record.at).into();
    value["direction"] = if record.incoming { "in" } else { "out" }.into();
    value["partner"] = record.partner.as_str().into();
    value["event"] = record.event.as_str().into();
    value[if record.incoming { "reception_id" } else { "delivery_id" }] = record.subject.as_str().into();
    value
}

fn missing() -> Error {
    Error::new(EREF_NOT_FOUND, "there is no such referral")
}

impl Engine {
    fn referral_value(&self, record: &ReferralRecord) -> Result<Value> {
        let candidates = if record.unlinked { self.0.store.candidates(&record.id)? } else { Vec::new() };
        Ok(value(record, &candidates))
    }

    /// A referral by our id (`system` empty) or by one of its identifiers, as JSON (docs/schema/referral.json).
    pub fn referral_find(&self, system: &str, value: &str) -> Result<String> {
        let found = if system.is_empty() {
            self.0.store.referral(value)?
        } else {
            self.0.store.referral_by_identifier(&Identifier { system: system.to_owned(), value: value.to_owned() })?
        };
        Ok(self.referral_value(&found.ok_or_else(missing)?)?.to_string())
    }

    /// The referrals changed last, as a JSON array. The filter is JSON (docs/schema/referral-filter.json); empty for all. Errors:
    /// `EREF_INVALID_JSON`, `EREF_INVALID_ARGUMENT` (`changed_since` is not a time).
    pub fn referral_list(&self, filter: &[u8], limit: u32) -> Result<String> {
        let filter: Filter =
            if filter.is_empty() { Filter::default() } else { serde_json::from_slice(filter).map_err(invalid_json)? };
        let since = filter.changed_since.map(|text| text.parse::<jiff::Timestamp>()).transpose();
        let since = since.map_err(|_| Error::new(EREF_INVALID_ARGUMENT, "changed_since: expected an RFC 3339 time with offset"))?;
        let changed_since = since.map(|time| time.as_millisecond());
        let filter = ReferralFilter { unlinked: filter.unlinked, changed_since, partner: filter.partner };
        let list = self.0.store.referrals(&filter, limit)?;
        Ok(Value::Array(list.iter().map(|record| self.referral_value(record)).collect::<Result<_>>()?).to_string())
    }

    /// The newest messages of a referral, in and out, as a JSON array (docs/schema/history.json). `EREF_NOT_FOUND`.
    pub fn referral_history(&self, referral_id: &str, limit: u32) -> Result<String> {
        self.0.store.referral(referral_id)?.ok_or_else(missing)?;
        let list = self.0.store.history(referral_id, limit)?;
        Ok(Value::Array(list.iter().map(told).collect()).to_string())
    }

    /// Gives a referral another identifier, by which later messages will find it.
    pub fn referral_link(&self, referral_id: &str, system: &str, value: &str) -> Result<()> {
        if system.is_empty() || value.is_empty() {
            return Err(Error::new(EREF_INVALID_ARGUMENT, "system and value: expected both"));
        }
        let identifier = Identifier { system: system.to_owned(), value: value.to_owned() };
        self.0.store.link_referral(referral_id, &identifier, clock::now())
    }

    /// Says where an unlinked referral belongs: `to` is the referral it is part of, the launch it came of, or its own id where it stands
    /// by itself. What became part of another leaves its id as a signpost to it. Errors: `EREF_NOT_FOUND` (no such referral, or `to` is
    /// none of these), `EREF_WRONG_STATE` (the referral is not unlinked), `EREF_KEY_REUSED` (the launch has its referral).
    pub fn referral_settle(&self, referral_id: &str, to: &str) -> Result<()> {
        let store = &self.0.store;
        for _ in 0..tracking::TRIES {
            let record = store.referral(referral_id)?.ok_or_else(missing)?;
            if !record.unlinked || record.id != referral_id {
                return Err(Error::new(EREF_WRONG_STATE, "the referral is not unlinked"));
            }
            let own = (record.id.clone(), record.version);
            let done = match store.referral(to)? {
                Some(same) if same.id == record.id => store.settle_referral(&own, None, clock::now())?,
                Some(into) => {
                    let (state, document) = tracking::joined(&self.0.settings(), &into, &record);
                    let merge = Merge { unlinked: own, into: (into.id, into.version), state, document };
                    store.merge_referral(&merge, clock::now())?
                }
                None => self.settle_to_launch(&own, to)?,
            };
            if done {
                return Ok(());
            }
        }
        Err(Error::new(EREF_STORE, "too many messages of one referral came at once; try again"))
    }

    fn settle_to_launch(&self, referral: &(String, u64), launch_id: &str) -> Result<bool> {
        match self.0.store.launch_referral(launch_id)? {
            None => Err(Error::new(EREF_NOT_FOUND, "there is no such referral or launch to link to")),
            Some(Some(_)) => Err(Error::new(EREF_KEY_REUSED, "another referral came of this launch")),
            Some(None) => self.0.store.settle_referral(referral, Some(launch_id), clock::now()),
        }
    }
}
