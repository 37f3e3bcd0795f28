//! `eref_engine_status_json`: how the engine is doing, for a support call. Counts, times, our ids and partner names; nothing personal.

use serde_json::{Value, json};

use crate::engine::Engine;
use crate::error::Result;
use crate::io::clock;
use crate::proto::store::DeliveryState;

impl Engine {
    /// How the engine is doing, as JSON (docs/schema/status.json). A store that cannot be read is said so in it, not an error.
    pub fn status_json(&self) -> Result<String> {
        let inner = &self.0;
        let settings = inner.settings();
        let (running, addresses, listener) = inner.serving_status();
        let store = match inner.store.status() {
            Ok(status) => {
                let deliveries: serde_json::Map<String, Value> = (1..=6)
                    .filter_map(DeliveryState::from_number)
                    .map(|state| (state.as_str().to_owned(), json!(status.deliveries[state as usize])))
                    .collect();
                json!({
                    "error": null,
                    "bytes": status.bytes,
                    "events": {"waiting": status.events_waiting, "parked": status.events_parked},
                    "deliveries": deliveries,
                    "oldest_delivery_at": status.oldest_delivery.map(crate::engine::rfc3339),
                    "launches": status.launches,
                    "referrals": status.referrals,
                })
            }
            Err(error) => json!({ "error": error.to_string() }),
        };
        let alerts: Vec<Value> = inner
            .queue
            .alerts()
            .into_iter()
            .map(|(key, partner, text)| json!({"alert": key, "partner": partner, "text": text}))
            .collect();
        Ok(json!({
            "version": env!("CARGO_PKG_VERSION"),
            "at": crate::engine::rfc3339(clock::now()),
            "node": {"id": inner.node.id, "process": inner.node.process, "host": inner.node.host},
            "serve": settings.serve,
            "test": settings.test,
            "running": running,
            "addresses": addresses,
            "listener": listener,
            "store": store,
            "worker": inner.worker.status(),
            "questions": inner.queue.questions(),
            "partners": settings.partners.iter().map(|partner| partner.name.clone()).collect::<Vec<_>>(),
            "alerts": alerts,
            "log_lines_dropped": inner.log.dropped(),
        })
        .to_string())
    }
}
