//! Start and stop: the serving lease, the listeners, the delivering threads, the housekeeping.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::engine::behind;
use crate::engine::worker::EXTRA;
use crate::engine::{Engine, Inner, millis};
use crate::error::{EREF_NO_MEMORY, EREF_STORE_IN_USE, EREF_TIMEOUT, EREF_WRONG_STATE, Error, Result};
use crate::io::clock;
use crate::io::listener::{Listener, Options};
use crate::log::Level;
use crate::proto::exchange::Signal;
use crate::proto::store::Millis;

/// How long the serving lease lasts without being renewed, and how often it is renewed.
const LEASE: Duration = Duration::from_secs(15);
const RENEW: Duration = Duration::from_secs(5);
/// How often another process's commits are looked for.
const WATCH: Duration = Duration::from_millis(250);
/// How often what has outlived its retention is deleted.
const PURGE: Millis = 3_600_000;
/// How often parked events are looked for.
const LOOK: Millis = 60_000;
/// Stack of each of our threads.
const STACK: usize = 1 << 20;
/// Most partners with a delivering thread to count on; beyond that they share.
const WORKERS: usize = 12;

/// Whether the engine runs, and what runs.
#[derive(Default)]
pub(crate) struct Run {
    running: Option<Running>,
    /// The threads of the last run, which may still be in the middle of a delivery.
    ending: Option<Arc<Threads>>,
    last_purge: Millis,
    last_look: Millis,
    last_renewal: Option<Instant>,
}

struct Running {
    listener: Option<Listener>,
    threads: Arc<Threads>,
}

impl Run {
    pub(crate) fn is_running(&self) -> bool {
        self.running.is_some()
    }
}

/// Counts our threads, so that a stop can wait for them with a deadline, which a join cannot.
#[derive(Default)]
struct Threads {
    count: Mutex<Count>,
    ended: Condvar,
}

#[derive(Default)]
struct Count {
    running: usize,
    /// Done by the last thread when it ends.
    last_act: Option<Box<dyn FnOnce() + Send>>,
}

impl Threads {
    fn spawn(self: &Arc<Self>, name: String, body: impl FnOnce() + Send + 'static) -> Result<()> {
        let threads = self.clone();
        self.count().running += 1;
        let spawned = std::thread::Builder::new().name(name).stack_size(STACK).spawn(move || {
            // A fault in one thread must not keep a stop from ending.
            let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(body));
            threads.end();
        });
        spawned.map(|_| ()).map_err(|e| {
            self.end();
            Error::new(EREF_NO_MEMORY, format!("a thread cannot be started: {}", e.kind()))
        })
    }

    fn count(&self) -> MutexGuard<'_, Count> {
        self.count.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn end(&self) {
        let mut count = self.count();
        count.running -= 1;
        let act = if count.running == 0 { count.last_act.take() } else { None };
        drop(count);
        if let Some(act) = act {
            act();
        }
        self.ended.notify_all();
    }

    fn wait(&self, deadline: Instant) -> bool {
        let left = deadline.saturating_duration_since(Instant::now());
        let waited = self.ended.wait_timeout_while(self.count(), left, |count| count.running > 0);
        !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }

    /// Has the last thread do this; false when none is left, and nothing is done.
    fn at_the_end(&self, act: impl FnOnce() + Send + 'static) -> bool {
        let mut count = self.count();
        if count.running > 0 {
            count.last_act = Some(Box::new(act));
        }
        count.running > 0
    }
}

impl Engine {
    /// Serving: takes the store's serving lease, listens, starts the threads. Desk: starts the one that watches the store for what other
    /// processes commit.
    ///
    /// Errors: `EREF_STORE_IN_USE` (names process and host of who serves), `EREF_LISTEN`, `EREF_CONFIG` (certificates),
    /// `EREF_WRONG_STATE` (started already, or still stopping). A failed start leaves nothing running and may be repeated.
    pub fn start(&self) -> Result<()> {
        let inner = &self.0;
        let mut run = inner.run();
        if run.is_running() {
            return Err(Error::new(EREF_WRONG_STATE, "the engine is started already"));
        }
        // Threads of the last run would take the new start for their own and go on.
        if run.ending.as_ref().is_some_and(|threads| !threads.wait(Instant::now())) {
            return Err(Error::new(EREF_WRONG_STATE, "the engine is still stopping: stop it again with more time"));
        }
        let settings = inner.settings();
        inner.worker.set_stopping(false);
        let mut running = Running { listener: None, threads: Arc::default() };
        if settings.serve {
            let now = clock::now();
            inner.store.take_serving_lease(&inner.node, now, now + millis(LEASE))?;
            run.last_renewal = Some(Instant::now());
            if settings.threads
                && let Err(error) = inner.start_threads(&mut running)
            {
                inner.worker.set_stopping(true);
                let _ = inner.store.drop_serving_lease(&inner.node);
                return Err(error);
            }
        }
        if settings.threads {
            let watching = inner.clone();
            running.threads.spawn("eref-watch".to_owned(), move || watching.watch_until_stopped())?;
        }
        run.running = Some(running);
        inner.queue.set_closed(false);
        inner.log.line(Level::Info, "engine", if settings.serve { "serving" } else { "desk open" });
        Ok(())
    }

    /// Stops listening, lets requests and the deliveries under way finish, ends the threads and gives the lease back. Waits at most
    /// `timeout`: `EREF_TIMEOUT` when something still runs then; it ends by itself, and nothing is lost. Another call waits on. When all
    /// has ended the engine can be started again.
    pub fn stop(&self, timeout: Duration) -> Result<()> {
        let inner = &self.0;
        let deadline = Instant::now() + timeout;
        let (running, ending) = {
            let mut run = inner.run();
            let running = run.running.take();
            if let Some(running) = &running {
                run.ending = Some(running.threads.clone());
            }
            (running, run.ending.clone())
        };
        let threads = ending.ok_or_else(|| Error::new(EREF_WRONG_STATE, "the engine is not started"))?;
        inner.worker.set_stopping(true);
        inner.queue.set_closed(true);
        let was_running = running.is_some();
        let listener_ended = running
            .and_then(|running| running.listener)
            .is_none_or(|listener| listener.stop(deadline.saturating_duration_since(Instant::now())));
        let threads_ended = threads.wait(deadline);
        if threads_ended {
            inner.run().ending = None;
        }
        inner.store.flush_accesses(clock::now())?;
        // What is still being sent is covered by the lease until its end.
        let leaving = inner.clone();
        let holds_lease = was_running && inner.settings().serve;
        if holds_lease && !threads.at_the_end(move || _ = leaving.store.drop_serving_lease(&leaving.node)) {
            inner.store.drop_serving_lease(&inner.node)?;
        }
        if listener_ended && threads_ended {
            inner.log.line(Level::Info, "engine", "stopped");
            return Ok(());
        }
        Err(Error::new(EREF_TIMEOUT, "requests or deliveries were still under way at the deadline; they end by themselves"))
    }
}

impl Inner {
    pub(crate) fn run(&self) -> MutexGuard<'_, Run> {
        self.run.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn start_threads(self: &Arc<Self>, running: &mut Running) -> Result<()> {
        let settings = self.settings();
        let (world, queue, decisions) = (self.world.clone(), self.queue.clone(), self.queue.clone());
        let (current, key_sets) = (self.world.clone(), self.key_sets.clone());
        // The listener belongs to the engine, not the engine to it.
        let inner = Arc::downgrade(self);
        running.listener = Some(Listener::start(Options {
            listen: settings.listen.clone(),
            world: Arc::new(move || world.read().unwrap_or_else(PoisonError::into_inner).clone()),
            questions: Arc::new(move |question| queue.ask(question)),
            keys: Arc::new(move |wanted| {
                let world = current.read().unwrap_or_else(PoisonError::into_inner).clone();
                key_sets.look(wanted, &world.settings.network, &world.log, clock::now())
            }),
            fetches: Arc::new(move |url| behind::fetch(&inner, url)),
            decisions: Arc::new(move || decisions.decisions()),
            clock: clock::now,
            entropy: clock::random,
        })?);
        let partners = settings.partners.iter().filter(|partner| partner.messaging.is_some()).count();
        for number in 1..=partners.clamp(1, WORKERS) + EXTRA {
            let inner = self.clone();
            running.threads.spawn(format!("eref-worker-{number}"), move || inner.deliver_until_stopped())?;
        }
        let inner = self.clone();
        running.threads.spawn("eref-timer".to_owned(), move || inner.keep_house_until_stopped())
    }

    /// Rings when another process committed, and once a second for what became due by itself.
    fn watch_until_stopped(&self) {
        let mut known = None;
        let mut rounds = 0;
        while self.worker.sleep_unless_stopping(WATCH) {
            // A store that cannot be read now is told of elsewhere; it is looked at again next time.
            let counter = self.store.change_counter().ok();
            if counter.is_some() && counter != known {
                known = counter;
                self.queue.notify();
                self.queue.decided();
            }
            rounds += 1;
            if rounds % 4 == 0 {
                self.queue.ring();
            }
        }
    }

    fn keep_house_until_stopped(&self) {
        while self.worker.sleep_unless_stopping(Duration::from_secs(1)) {
            if let Err(error) = self.keep_house(clock::now()) {
                self.log.line(Level::Error, "engine", format!("housekeeping failed: {error}"));
            }
        }
    }

    /// Renews the lease and purges, each when its time has come. A lost lease ends serving: two engines on one store would both deliver.
    pub(crate) fn keep_house(&self, now: Millis) -> Result<()> {
        let (renew, purge, look) = {
            let mut run = self.run();
            let renew = run.last_renewal.is_some_and(|at| at.elapsed() >= RENEW);
            let purge = now - run.last_purge >= PURGE;
            if purge {
                run.last_purge = now;
            }
            let look = now - run.last_look >= LOOK;
            if look {
                run.last_look = now;
            }
            (renew, purge, look)
        };
        if renew {
            match self.store.renew_serving_lease(&self.node, now + millis(LEASE)) {
                Ok(()) => {
                    self.run().last_renewal = Some(Instant::now());
                    self.tell_store(None);
                }
                Err(error) if error.status() == EREF_STORE_IN_USE => {
                    self.let_go();
                    self.queue.signal(Signal::Alert {
                        key: "lease-lost".to_owned(),
                        partner: None,
                        text: "another engine took over the store; this one stopped serving".to_owned(),
                        started: true,
                    });
                    return Err(error);
                }
                Err(error) => {
                    self.tell_store(Some(&error));
                    return Err(error);
                }
            }
        }
        self.reload_changed();
        self.store.flush_accesses(now)?;
        let world = self.world();
        world.throttle.over(now).iter().for_each(|episode| self.queue.signal(Signal::too_often(&world.settings, episode, false)));
        if purge {
            self.store.purge(&self.settings().retention, now)?;
        }
        if look {
            let parked = self.store.status()?.events_parked;
            self.tell_parked(parked);
            self.end_overdue_launches(now)?;
            self.keep_signing_keys(now)?;
        }
        Ok(())
    }

    /// The renewal is the one write that always comes round, so it tells whether the store can be written (architecture: events).
    fn tell_store(&self, failure: Option<&Error>) {
        let text = failure.map_or_else(|| "the store can be written again".to_owned(), Error::to_string);
        let key = "store-failing".to_owned();
        self.queue.signal(Signal::Alert { key, partner: None, text, started: failure.is_some() });
    }

    /// Tells everything that runs to end, without waiting.
    pub(crate) fn let_go(&self) {
        self.worker.set_stopping(true);
        self.queue.set_closed(true);
        let mut run = self.run();
        if let Some(running) = run.running.take() {
            run.ending = Some(running.threads);
            drop(running.listener);
        }
    }

    /// For the status document: whether it runs, where it listens, and the listener's own counts.
    pub(crate) fn serving_status(&self) -> (bool, Vec<String>, serde_json::Value) {
        let run = self.run();
        let listener = run.running.as_ref().and_then(|running| running.listener.as_ref());
        let addresses = listener.map_or_else(Vec::new, |listener| listener.addresses().iter().map(ToString::to_string).collect());
        let counts = listener.map(Listener::counts).map(|counts| {
            json!({
                "connections": counts.connections,
                "closed_slow": counts.slow,
                "refused_full": counts.refused,
                "body_bytes": counts.body_bytes,
            })
        });
        (run.is_running(), addresses, counts.unwrap_or_default())
    }
}
