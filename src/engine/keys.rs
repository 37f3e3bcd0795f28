//! The keys that sign id_tokens: the first, the next ones, and having them ready.

use std::sync::{Arc, PoisonError};

use crate::engine::{Engine, Inner};
use crate::error::{EREF_WRONG_STATE, Error, Result};
use crate::io::{clock, crypto};
use crate::log::Level;
use crate::proto::exchange::World;
use crate::proto::settings::{Role, Settings};
use crate::proto::smart::keys::{AGE, AHEAD, Keys};
use crate::proto::store::{Millis, SigningKey, Store};

impl Engine {
    /// Makes the next key that signs id_tokens. It is published at once and signs a day later; the one before it goes when its tokens
    /// have expired. An engine that serves does this by itself when its key is 90 days old, and sees within a minute what a desk did.
    /// Returns when the key begins to sign, in milliseconds since 1970. Takes up to a few seconds.
    ///
    /// Errors: `EREF_WRONG_STATE` (the newest key was made less than a day ago), `EREF_STORE`.
    pub fn rotate_signing_key(&self) -> Result<Millis> {
        let now = clock::now();
        if !make(self.0.store.as_ref(), now, now - AHEAD)? {
            return Err(Error::new(EREF_WRONG_STATE, "the newest key was made less than a day ago: it is the next one already"));
        }
        Ok(now + AHEAD)
    }
}

/// Makes a key, unless there is one that was made after `after`.
fn make(store: &dyn Store, now: Millis, after: Millis) -> Result<bool> {
    // Looked at first: making a key takes long.
    if store.signing_keys()?.iter().any(|key| key.created > after) {
        return Ok(false);
    }
    store.save_signing_key(&SigningKey { kid: clock::id(), der: crypto::generate_signing_key()?, created: now }, after)
}

/// The keys; the first is made when a SMART Server's store has none. A desk only reads them.
pub(super) fn signing_keys(settings: &Settings, store: &dyn Store) -> Result<Keys> {
    if signs(settings) {
        make(store, clock::now(), Millis::MIN)?;
    }
    Ok(Keys::new(store.signing_keys()?.iter().map(crypto::load).collect::<Result<Vec<_>>>()?))
}

fn signs(settings: &Settings) -> bool {
    settings.serve && settings.system.roles.contains(&Role::SmartServer)
}

impl Inner {
    /// Makes the next key when the newest is old, and has ready what the store has. No request waits for it.
    pub(crate) fn keep_signing_keys(&self, now: Millis) -> Result<()> {
        if !signs(&self.settings()) {
            return Ok(());
        }
        if make(self.store.as_ref(), now, now - AGE)? {
            self.log.line(Level::Info, "smart", "the next key for id_tokens was made; it signs in a day");
        }
        let kept = self.store.signing_keys()?;
        if self.world().keys.are(&kept.iter().map(|key| key.kid.as_str()).collect::<Vec<_>>()) {
            return Ok(());
        }
        let keys = Arc::new(Keys::new(kept.iter().map(crypto::load).collect::<Result<Vec<_>>>()?));
        let mut world = self.world.write().unwrap_or_else(PoisonError::into_inner);
        *world = Arc::new(World { keys, ..World::clone(&world) });
        Ok(())
    }
}
