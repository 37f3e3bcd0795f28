//! The inbox: what was received, and how far the host has come with it.

use serde_json::{Value, json};

use crate::engine::{Engine, events, rfc3339};
use crate::error::{EREF_INVALID_ARGUMENT, EREF_NOT_FOUND, Error, Result};
use crate::io::clock;
use crate::proto::guide::dialects::dialect;
use crate::proto::messaging::Message;
use crate::proto::messaging::groups::Said;
use crate::proto::messaging::notification::{self, Notice};
use crate::proto::messaging::tracking;
use crate::proto::store::{Candidate, Link, Reception, ReceptionState};

fn value(record: &Reception) -> Value {
    let mut value = json!({
        "reception_id": record.id,
        "partner": record.partner,
        "trusted": record.trusted,
        "event": record.event,
        "message_id": record.message_id,
        "received_at": rfc3339(record.received),
        "size": record.size,
        "state": record.state.as_str(),
        "attempt": record.attempt,
    });
    if let Some(referral_id) = &record.referral_id {
        value["referral_id"] = referral_id.as_str().into();
    }
    value
}

impl Engine {
    /// The newest receptions as a JSON array (docs/schema/reception.json); `state` is `waiting`, `leased`, `parked` or `done`, or empty
    /// for all.
    pub fn inbox_list(&self, state: &str, limit: u32) -> Result<String> {
        let unknown = || Error::new(EREF_INVALID_ARGUMENT, "state: expected waiting, leased, parked or done");
        let state = if state.is_empty() { None } else { Some(ReceptionState::parse(state).ok_or_else(unknown)?) };
        let list: Vec<Value> = self.0.store.receptions(state, limit)?.iter().map(value).collect();
        Ok(Value::Array(list).to_string())
    }

    /// One reception as a JSON object, with its notification under `notification` as long as the message's body is kept. `EREF_NOT_FOUND`.
    pub fn inbox_show(&self, reception_id: &str) -> Result<String> {
        let record = self.reception(reception_id)?;
        let mut value = value(&record);
        match self.notification_again(&record, false) {
            Ok(document) => value["notification"] = serde_json::from_str(&document).unwrap_or_default(),
            Err(error) if error.status() == EREF_NOT_FOUND => {}
            Err(error) => return Err(error),
        }
        Ok(value.to_string())
    }

    /// Hands a reception over once more, as a MESSAGE event that was not seen before; a parked one comes again as for its first attempt.
    /// Its document is made from the message as it was received, and says `resent`: summary, changes and needs are those of then, so that
    /// nothing old comes as news; links and candidates are those of now. Errors: `EREF_NOT_FOUND` (no such reception, or
    /// its body is not kept any more), `EREF_WRONG_STATE` (its event is out just now).
    pub fn inbox_resend(&self, reception_id: &str) -> Result<()> {
        let record = self.reception(reception_id)?;
        let document = self.notification_again(&record, true)?;
        self.0.store.resend_event(&record.id, &document, clock::now())?;
        self.0.queue.notify();
        Ok(())
    }

    fn reception(&self, id: &str) -> Result<Reception> {
        self.0.store.reception(id)?.ok_or_else(|| Error::new(EREF_NOT_FOUND, "there is no reception of that id"))
    }

    /// The notification of a message received before: what it meant as it was told then, where it belongs as it is now.
    fn notification_again(&self, record: &Reception, resent: bool) -> Result<String> {
        let (settings, store) = (self.0.settings(), &self.0.store);
        let referral = record.referral_id.as_deref().map(|id| store.referral(id)).transpose()?.flatten();
        let message = Message::parse(store.message_body(&record.id)?, &events::limits_of_kept())?;
        let spoken = settings.partner(&record.partner).and_then(|partner| dialect(&partner.dialect));
        let issues = message.check(spoken.unwrap_or_else(|| message.dialect()));
        let unlinked = referral.as_ref().filter(|referral| referral.unlinked);
        let candidates = unlinked.map(|referral| store.candidates(&referral.id)).transpose()?.unwrap_or_default();
        let candidates: Vec<Value> = candidates.iter().map(Candidate::document).collect();
        let links: Vec<&Link> = referral.iter().flat_map(|referral| &referral.links).collect();
        let own = referral.as_ref().map_or("", |referral| referral.id.as_str());
        let (parents, children) = (tracking::linked(&links, own, true), tracking::linked(&links, own, false));
        let notice = Notice {
            partner: Some(&record.partner),
            trusted: record.trusted,
            our_role: referral.as_ref().map(|referral| referral.our_role.as_str()),
            referral_id: referral.as_ref().map(|referral| referral.id.as_str()),
            launch_id: referral.as_ref().and_then(|referral| referral.launch_id.as_deref()),
            unlinked: unlinked.is_some(),
            candidates: &candidates,
            parents: &parents,
            children: &children,
            ..Notice::default()
        };
        let said = Said::read(message.view()?, settings.system.time_zone.as_deref());
        let document = notification::document(said, &record.event, &issues, &notice);
        let told = referral.as_ref().map(|referral| store.history_of(&referral.id, &record.id)).transpose()?.flatten();
        Ok(tracking::again(&document, told.as_ref().map(|told| told.document.as_str()), resent))
    }
}
