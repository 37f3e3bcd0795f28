//! Launches: one call starts one, another ends it.

use crate::engine::{Engine, Inner};
use crate::error::{EREF_NOT_FOUND, Error, Result};
use crate::io::clock;
use crate::log::Level;
use crate::proto::exchange::Signal;
use crate::proto::http::secret_hash;
use crate::proto::smart::server::launch;
use crate::proto::store::{Millis, Whose};

/// A launch that was started.
pub struct Launch {
    /// Our id, for `launch_end` and `chart_put`.
    pub id: String,
    /// What the host opens in the user's browser. Good once, for a minute.
    pub url: String,
    /// The value of the referral identifier by which the first message of this launch is known (messaging.md 14). Its system is that of
    /// our own referral numbers (`system.referral_system`). The app gets it as an entry of `fhirContext`.
    pub correlation: String,
}

impl Engine {
    /// Starts a launch of a partner's app for a user and a patient (docs/schema/launch.json). Returns after the commit; a serving engine
    /// on the same store serves it, whichever process started it.
    ///
    /// Errors: `EREF_INVALID_JSON`, `EREF_INVALID_ARGUMENT` (what is wrong with the request), `EREF_NOT_FOUND` (partner), `EREF_STORE`.
    pub fn launch_start(&self, request: &[u8]) -> Result<Launch> {
        let now = clock::now();
        let (launch, url) = launch::begin(&self.0.settings(), request, now, &clock::random)?;
        self.0.store.save_launch(&launch, now)?;
        self.0.log.line(Level::Info, "smart", format!("launch {} of {} started", launch.id, launch.partner));
        Ok(Launch { id: launch.id, url, correlation: launch.correlation })
    }

    /// A user signed in on the host's page (`smart.login_url`), which an app had asked for: makes the launch and the URL to send that
    /// user's browser to. `login` is the page's `eref_login` parameter; the request is that of `launch_start`, where `partner` may be left
    /// out. Good once: a second call for the same sign-in is refused.
    ///
    /// Errors: as `launch_start`; `EREF_NOT_FOUND` also when the sign-in is unknown, finished or too late.
    pub fn login_finish(&self, login: &str, request: &[u8]) -> Result<Launch> {
        let now = clock::now();
        let handle = secret_hash(login);
        let gone = || Error::new(EREF_NOT_FOUND, "the sign-in is unknown, finished already, or its time is over");
        let waiting = self.0.store.login(&handle, now)?.ok_or_else(gone)?;
        let (launch, url) = launch::signed_in(&self.0.settings(), &waiting, request, now, &clock::random)?;
        if !self.0.store.finish_login(&handle, &launch, now)? {
            return Err(gone());
        }
        self.0.log.line(Level::Info, "smart", format!("launch {} of {} started after a sign-in", launch.id, launch.partner));
        Ok(Launch { id: launch.id, url, correlation: launch.correlation })
    }

    /// Ends a launch: all its tokens die at once, its chart is deleted. `EREF_NOT_FOUND` when there is no such launch.
    pub fn launch_end(&self, launch_id: &str) -> Result<()> {
        let partner = self.0.store.end_launch(launch_id, "ended by the host", clock::now())?;
        self.0.tell_ended(launch_id, &partner, "ended");
        Ok(())
    }

    /// Ends all launches of a host session, as when the user signs out. Returns how many there were.
    pub fn session_end(&self, session: &str) -> Result<u32> {
        Ok(self.tell_all_ended(&self.0.store.end_session(session, clock::now())?))
    }

    /// Ends the launches of a host session that are about another patient than this one, or about any when `patient` is `None`: the
    /// user has changed patient. Launches without a patient go on. Returns how many there were.
    pub fn session_patient(&self, session: &str, patient: Option<&str>) -> Result<u32> {
        Ok(self.tell_all_ended(&self.0.store.change_patient(session, patient, clock::now())?))
    }

    fn tell_all_ended(&self, ended: &[(String, String)]) -> u32 {
        ended.iter().for_each(|(id, partner)| self.0.tell_ended(id, partner, "ended"));
        u32::try_from(ended.len()).unwrap_or(u32::MAX)
    }

    /// Revokes everything that was granted to one user, client, patient or launch: codes and tokens die at once, here and in every other
    /// process on the store, also those that outlive a session. Launches go on: one that no app has come for yet can still be granted.
    /// Returns how many grants there were.
    pub fn grant_revoke(&self, whose: &Whose) -> Result<u32> {
        let count = self.0.store.revoke_grants(whose, clock::now())?;
        self.0.log.line(Level::Info, "smart", format!("grants revoked by the host: {count}"));
        Ok(count)
    }

    /// Adds to a launch's chart, or replaces what it has: a resource, an array of resources, or a Bundle.
    pub fn chart_put(&self, launch_id: &str, resources: &[u8]) -> Result<()> {
        let resources = launch::parse_chart(resources, &self.0.settings().limits)?;
        self.0.store.put_chart(launch_id, &resources, clock::now())
    }

    /// Queues events as a launch that ended does, without one.
    #[cfg(feature = "test-panic")]
    pub(crate) fn test_events(&self, count: u32) {
        for _ in 0..count {
            self.0.queue.signal(Signal::Launch { launch_id: "none".to_owned(), partner: "none".to_owned(), what: "ended" });
        }
    }
}

impl Inner {
    /// Ends what has outlived its time and says so.
    pub(crate) fn end_overdue_launches(&self, now: Millis) -> Result<()> {
        self.store.end_overdue(now)?.iter().for_each(|(id, partner)| self.tell_ended(id, partner, "expired"));
        Ok(())
    }

    fn tell_ended(&self, launch_id: &str, partner: &str, what: &'static str) {
        self.log.line(Level::Info, "smart", format!("launch {launch_id} {what}"));
        self.queue.signal(Signal::Launch { launch_id: launch_id.to_owned(), partner: partner.to_owned(), what });
    }
}
