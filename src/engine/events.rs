//! Events: what the host must know or decide, taken on the host's own threads (architecture: events).
//!
//! Durable kinds (MESSAGE, WRITE, DELIVERY) live in the store and are leased. QUESTION, LAUNCH and ALERT live in the queue of this
//! process. Another process's commits are noticed by polling the store's change counter.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use once_cell::sync::OnceCell;
use tokio::sync::{oneshot, watch};

use crate::engine::{Engine, Inner};
use crate::error::{
    EREF_CANCELLED, EREF_INVALID_ARGUMENT, EREF_INVALID_JSON, EREF_LEASE_LOST, EREF_TIMEOUT, EREF_WRONG_STATE, Error, Result,
};
use crate::io::clock;
use crate::log::Level;
use crate::proto::exchange::{Answer, Question, Signal};
use crate::proto::guide::dialects::dialect;
use crate::proto::messaging::Message;
use crate::proto::messaging::attachment::Origin;
use crate::proto::messaging::message::Arrived;
use crate::proto::settings::Limits;
use crate::proto::store::{EventRecord, event_kind};

/// How often another process's commits are looked for.
const POLL: Duration = Duration::from_millis(250);
/// Due times (a retry's pause, a lease that ran out) are looked for at least this often.
const RECHECK: Duration = Duration::from_secs(1);
/// LAUNCH and ALERT events kept when nobody takes them; the oldest go first.
const NOTICES: usize = 1000;

/// Stops a waiting call from another thread. Shared: copies stop the same call.
#[derive(Clone, Default)]
pub struct Cancel(Arc<CancelState>);

#[derive(Default)]
struct CancelState {
    signalled: std::sync::atomic::AtomicBool,
    waiting: Mutex<Vec<std::sync::Weak<Queue>>>,
}

impl Cancel {
    /// Ends the call that waits with this token, now or as soon as it starts waiting. The token stays signalled.
    pub fn signal(&self) {
        self.0.signalled.store(true, std::sync::atomic::Ordering::Release);
        let waiting = self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner).clone();
        waiting.iter().filter_map(std::sync::Weak::upgrade).for_each(|queue| queue.notify());
    }
    /// Whether it was signalled.
    pub fn is_signalled(&self) -> bool {
        self.0.signalled.load(std::sync::atomic::Ordering::Acquire)
    }
    fn wakes(&self, queue: &Arc<Queue>) {
        let mut waiting = self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.retain(|known| known.strong_count() > 0);
        if !waiting.iter().any(|known| std::ptr::eq(known.as_ptr(), Arc::as_ptr(queue))) {
            waiting.push(Arc::downgrade(queue));
        }
    }
}

/// A LAUNCH or ALERT event.
struct Notice {
    kind: u32,
    id: String,
    document: String,
}

#[derive(Default)]
struct Waiting {
    questions: VecDeque<Question>,
    asked: HashMap<String, oneshot::Sender<Answer>>,
    notices: VecDeque<Notice>,
    alerts: HashMap<String, (Option<String>, String)>,
    /// Grows with everything that may matter to a waiting call.
    generation: u64,
    closed: bool,
}

/// The events of this process, and the bell that wakes who waits for any.
#[derive(Default)]
pub(crate) struct Queue {
    waiting: Mutex<Waiting>,
    bell: Condvar,
    decisions: watch::Sender<()>,
    #[cfg(unix)]
    wakeup: OnceCell<(std::os::unix::net::UnixStream, std::os::unix::net::UnixStream)>,
}

impl Queue {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Something may be waiting: a durable event was committed, a call was cancelled.
    pub(crate) fn notify(&self) {
        self.waiting().generation += 1;
        self.ring();
    }

    /// The host may have decided about a WRITE event, in this process or another.
    pub(crate) fn decided(&self) {
        self.decisions.send_replace(());
    }

    /// Changes with each such decision.
    pub(crate) fn decisions(&self) -> watch::Receiver<()> {
        self.decisions.subscribe()
    }

    /// Wakes who watches the descriptor, for what has become due by itself.
    pub(crate) fn ring(&self) {
        self.bell.notify_all();
        #[cfg(unix)]
        if let Some((_, write)) = self.wakeup.get() {
            // A full pipe already says what there is to say.
            let _ = std::io::Write::write(&mut &*write, &[1]);
        }
    }

    /// After `open` calls wait; after `close` they end with `EREF_CANCELLED`.
    pub(crate) fn set_closed(&self, closed: bool) {
        self.waiting().closed = closed;
        self.notify();
    }

    /// Puts a question to the host. The answer comes through the receiver; dropping the receiver withdraws the question.
    pub(crate) fn ask(&self, question: Question) -> oneshot::Receiver<Answer> {
        let (sender, receiver) = oneshot::channel();
        {
            let mut waiting = self.waiting();
            // Who asked and went away is forgotten.
            waiting.asked.retain(|_, sender| !sender.is_closed());
            let Waiting { asked, questions, .. } = &mut *waiting;
            questions.retain(|question| asked.contains_key(&question.id));
            waiting.asked.insert(question.id.clone(), sender);
            waiting.questions.push_back(question);
            waiting.generation += 1;
        }
        self.ring();
        receiver
    }

    /// The host's answer. There is one way to answer a question, whoever asked it.
    fn answer(&self, id: &str, answer: Answer) -> Result<()> {
        let sender = self.waiting().asked.remove(id);
        let late = || Error::new(EREF_LEASE_LOST, "the question's deadline has passed, or it was answered before");
        sender.ok_or_else(late)?.send(answer).map_err(|_| late())
    }

    /// Takes in what the rules signal.
    pub(crate) fn signal(&self, signal: Signal) {
        let mut waiting = self.waiting();
        waiting.generation += 1;
        let notice = match signal {
            Signal::Queued => None,
            Signal::Launch { launch_id, partner, what } => Some((
                event_kind::LAUNCH,
                serde_json::json!({"launch_id": launch_id, "partner": partner, "what": what, "at": crate::engine::rfc3339(clock::now())}),
            )),
            Signal::Alert { key, partner, text, started } => {
                let known = waiting.alerts.contains_key(&key);
                if started {
                    waiting.alerts.insert(key.clone(), (partner.clone(), text.clone()));
                } else {
                    waiting.alerts.remove(&key);
                }
                // One when a condition starts, one when it ends.
                (known != started).then(|| {
                    (
                        event_kind::ALERT,
                        serde_json::json!({"alert": key, "partner": partner, "text": text, "started": started, "at": crate::engine::rfc3339(clock::now())}),
                    )
                })
            }
        };
        if let Some((kind, document)) = notice {
            if waiting.notices.len() >= NOTICES {
                waiting.notices.pop_front();
            }
            waiting.notices.push_back(Notice { kind, id: clock::id(), document: document.to_string() });
        }
        drop(waiting);
        self.ring();
    }

    /// Whether an alert with this key has started and not ended.
    pub(crate) fn is_in_force(&self, key: &str) -> bool {
        self.waiting().alerts.contains_key(key)
    }

    /// The alerts in force: key, partner, text.
    pub(crate) fn alerts(&self) -> Vec<(String, Option<String>, String)> {
        let waiting = self.waiting();
        let mut alerts: Vec<_> =
            waiting.alerts.iter().map(|(key, (partner, text))| (key.clone(), partner.clone(), text.clone())).collect();
        alerts.sort();
        alerts
    }

    /// How many questions wait for an answer.
    pub(crate) fn questions(&self) -> usize {
        self.waiting().asked.values().filter(|sender| !sender.is_closed()).count()
    }

    /// A descriptor that becomes readable when an event may be waiting.
    #[cfg(unix)]
    pub(crate) fn wakeup_fd(&self) -> Result<i32> {
        use std::os::fd::AsRawFd;
        let failed = |e: std::io::Error| Error::new(crate::error::EREF_NO_MEMORY, format!("no wakeup descriptor: {}", e.kind()));
        let (read, _) = self.wakeup.get_or_try_init(|| {
            let (read, write) = std::os::unix::net::UnixStream::pair().map_err(failed)?;
            read.set_nonblocking(true).and_then(|()| write.set_nonblocking(true)).map_err(failed)?;
            Ok::<_, Error>((read, write))
        })?;
        Ok(read.as_raw_fd())
    }

    #[cfg(unix)]
    fn quiet(&self) {
        if let Some((read, _)) = self.wakeup.get() {
            let mut bytes = [0u8; 64];
            while matches!(std::io::Read::read(&mut &*read, &mut bytes), Ok(n) if n == bytes.len()) {}
        }
    }

    fn take(&self, kinds: u32) -> Option<What> {
        let mut waiting = self.waiting();
        if kinds & event_kind::QUESTION != 0 {
            while let Some(question) = waiting.questions.pop_front() {
                if waiting.asked.get(&question.id).is_some_and(|sender| !sender.is_closed()) {
                    return Some(What::Question(question));
                }
            }
        }
        let position = waiting.notices.iter().position(|notice| notice.kind & kinds != 0)?;
        waiting.notices.remove(position).map(What::Notice)
    }
}

enum What {
    Question(Question),
    Notice(Notice),
    Durable { record: EventRecord, message: OnceCell<Arc<Message>> },
}

/// Something the host must know or decide. One call at a time. Dropping a durable one without [`Event::done`] gives it back.
pub struct Event {
    engine: Arc<Inner>,
    what: What,
    open: bool,
}

impl Event {
    /// One bit of [`event_kind`].
    pub fn kind(&self) -> u32 {
        match &self.what {
            What::Question(_) => event_kind::QUESTION,
            What::Notice(notice) => notice.kind,
            What::Durable { record, .. } => record.kind,
        }
    }

    /// Stable over redelivery and restarts. Hosts store it in the transaction of their own write, to see a redelivery.
    pub fn id(&self) -> &str {
        match &self.what {
            What::Question(question) => &question.id,
            What::Notice(notice) => &notice.id,
            What::Durable { record, .. } => &record.id,
        }
    }

    /// The partner a durable event concerns; `None` for the others, whose documents name it.
    pub fn partner(&self) -> Option<&str> {
        match &self.what {
            What::Durable { record, .. } => Some(&record.partner),
            _ => None,
        }
    }

    /// Our id of the referral a durable event belongs to, if it belongs to one.
    pub fn referral_id(&self) -> Option<&str> {
        match &self.what {
            What::Durable { record, .. } => record.referral_id.as_deref(),
            _ => None,
        }
    }

    /// 1 the first time it is handed out.
    pub fn attempt(&self) -> u32 {
        match &self.what {
            What::Durable { record, .. } => record.attempt,
            _ => 1,
        }
    }

    /// The event's document as JSON.
    pub fn document(&self) -> &str {
        match &self.what {
            What::Question(question) => &question.document,
            What::Notice(notice) => &notice.document,
            What::Durable { record, .. } => &record.document,
        }
    }

    /// The message of a MESSAGE event, read from the store the first time; `None` for other kinds.
    pub fn message(&self) -> Result<Option<&Arc<Message>>> {
        match &self.what {
            What::Durable { record, message } if record.kind == event_kind::MESSAGE => {
                let load = || {
                    let body = self.engine.store.message_body(&record.subject)?;
                    let trusted = is_trusted(&record.document);
                    let origin = Origin { id: record.subject.clone(), partner: record.partner.clone(), trusted };
                    let settings = self.engine.settings();
                    let arrived = Arrived {
                        event: self.engine.store.reception(&record.subject)?.map(|known| known.event).unwrap_or_default(),
                        dialect: settings.partner(&record.partner).and_then(|partner| dialect(&partner.dialect)),
                        document: record.document.clone(),
                    };
                    Message::stored(body, arrived, origin, &limits_of_kept()).map(Arc::new)
                };
                message.get_or_try_init(load).map(Some)
            }
            _ => Ok(None),
        }
    }

    /// The host has stored it: it will not come again. `EREF_LEASE_LOST` when it has gone to another call meanwhile.
    pub fn done(&mut self) -> Result<()> {
        self.closing(|inner, record| inner.store.finish_event(&record.id, record.attempt, clock::now()))
    }

    /// Gives it back, to come again after a pause; the reason goes into the log. After the last attempt it is parked, and an ALERT
    /// says so.
    pub fn retry(&mut self, after: Duration, reason: &str) -> Result<()> {
        if !matches!(self.what, What::Durable { .. }) {
            return Err(not_leased());
        }
        let available = clock::now().saturating_add(i64::try_from(after.as_millis()).unwrap_or(i64::MAX));
        self.closing(|inner, record| give_back(inner, record, available, reason))
    }

    /// Prolongs the lease by its full length.
    pub fn extend(&mut self) -> Result<()> {
        match &self.what {
            What::Durable { record, .. } if self.open => {
                let until = clock::now() + self.engine.lease_ms();
                self.engine.store.extend_event(&record.id, record.attempt, until)
            }
            _ => Err(not_leased()),
        }
    }

    /// Answers a QUESTION. The text must be JSON.
    pub fn answer(&mut self, json: &str) -> Result<()> {
        serde_json::from_str::<serde::de::IgnoredAny>(json).map_err(|e| {
            Error::new(EREF_INVALID_JSON, format!("the answer is not JSON (line {}, column {})", e.line(), e.column()))
        })?;
        self.reply(Answer::Given(json.to_owned()))
    }

    /// Refuses a QUESTION: there is no such thing (`exists` false, the app sees 404), or the user may not (403, with the text). Refuses
    /// what a WRITE event tells of, for good: an app that still waits sees 422 with the text, and who reads the resource later 410.
    pub fn refuse(&mut self, exists: bool, text: &str) -> Result<()> {
        if self.kind() == event_kind::WRITE {
            return self.closing(|inner, record| inner.store.refuse_write(&record.id, record.attempt, text, clock::now()));
        }
        self.reply(if exists { Answer::Denied(text.to_owned()) } else { Answer::NotFound })
    }

    fn reply(&mut self, answer: Answer) -> Result<()> {
        match &self.what {
            What::Question(question) if self.open => {
                self.engine.queue.answer(&question.id, answer)?;
                self.open = false;
                Ok(())
            }
            _ => Err(Error::new(EREF_WRONG_STATE, "only a QUESTION can be answered, or refused like a WRITE, and only once")),
        }
    }

    fn closing(&mut self, act: impl FnOnce(&Inner, &EventRecord) -> Result<()>) -> Result<()> {
        match &self.what {
            What::Durable { record, .. } if self.open => {
                act(&self.engine, record)?;
                self.open = false;
                self.engine.queue.notify();
                if record.kind == event_kind::WRITE {
                    self.engine.queue.decided();
                }
                Ok(())
            }
            What::Notice(_) if self.open => {
                self.open = false;
                Ok(())
            }
            _ => Err(not_leased()),
        }
    }
}

/// A message that is kept was within the limits when it arrived; narrower ones since then do not take it away.
pub(super) fn limits_of_kept() -> Limits {
    Limits {
        json_depth: 128,
        json_values: usize::MAX,
        bundle_entries: usize::MAX,
        attachment_bytes: usize::MAX,
        attachments_bytes: usize::MAX,
        ..Limits::default()
    }
}

/// What the notification says of its sender.
fn is_trusted(notification: &str) -> bool {
    #[derive(serde::Deserialize)]
    struct Sender {
        trusted: bool,
    }
    serde_json::from_str::<Sender>(notification).is_ok_and(|sender| sender.trusted)
}

fn not_leased() -> Error {
    Error::new(EREF_WRONG_STATE, "this event is not open: it was finished before, or its kind has no lease")
}

fn give_back(inner: &Inner, record: &EventRecord, available: i64, reason: &str) -> Result<()> {
    let parked = inner.store.retry_event(&record.id, record.attempt, available, reason)?;
    inner.log.line(Level::Warn, "engine", format!("event {} given back at attempt {}", record.id, record.attempt));
    if parked {
        inner.tell_parked(1);
    }
    Ok(())
}

impl Inner {
    /// One ALERT while any event is parked: handed out too often without being finished, it waits for a person.
    pub(crate) fn tell_parked(&self, count: u64) {
        self.queue.signal(Signal::Alert {
            key: "events-parked".to_owned(),
            partner: None,
            text: format!("{count} events were handed out ten times without being finished and are parked"),
            started: count > 0,
        });
    }
}

/// A host that frees without `done` gets the event again at once the first time, then after pauses that double, in milliseconds: a
/// database that is away for a minute does not use up the attempts.
fn pause(attempt: u32) -> i64 {
    if attempt <= 1 { 0 } else { 1000 << (attempt - 2).min(10) }
}

impl Drop for Event {
    fn drop(&mut self) {
        if let (true, What::Durable { record, .. }) = (self.open, &self.what) {
            // A lost lease needs no giving back; a store that fails gives it back when the lease runs out.
            let _ = give_back(&self.engine, record, clock::now() + pause(record.attempt), "freed without done");
            self.engine.queue.notify();
        }
    }
}

impl Engine {
    /// Takes the next event of the kinds in the mask, questions first. `EREF_TIMEOUT` when none came in time, `EREF_CANCELLED` when
    /// cancelled or when the engine stops. Any thread; several may wait at once.
    pub fn event_next(&self, kinds: u32, timeout: Duration, cancel: Option<&Cancel>) -> Result<Event> {
        let known = event_kind::DURABLE | event_kind::QUESTION | event_kind::LAUNCH | event_kind::ALERT;
        if kinds & known == 0 || kinds & !known != 0 {
            return Err(Error::new(EREF_INVALID_ARGUMENT, format!("kinds: {kinds:#x} is not a mask of EREF_EVENT_* kinds")));
        }
        if let Some(cancel) = cancel {
            cancel.wakes(&self.0.queue);
        }
        let deadline = Instant::now().checked_add(timeout);
        let mut watch = Watch::default();
        loop {
            let seen = self.0.queue.waiting().generation;
            if cancel.is_some_and(Cancel::is_signalled) {
                return Err(Error::new(EREF_CANCELLED, "the call was cancelled"));
            }
            if let Some(what) = self.0.queue.take(kinds) {
                return Ok(Event { engine: self.0.clone(), what, open: true });
            }
            if kinds & event_kind::DURABLE != 0 && watch.worth_looking(&self.0, seen)? {
                let now = clock::now();
                if let Some(record) = self.0.store.lease_event(kinds & event_kind::DURABLE, now, now + self.0.lease_ms())? {
                    if record.parked {
                        self.0.tell_parked(1);
                        continue;
                    }
                    let what = What::Durable { record, message: OnceCell::new() };
                    return Ok(Event { engine: self.0.clone(), what, open: true });
                }
            }
            self.wait(seen, deadline)?;
        }
    }

    /// Makes parked events available again, once their cause is mended. Returns how many there were, and ends the ALERT.
    pub fn events_unpark(&self) -> Result<u32> {
        let count = self.0.store.unpark_events(clock::now())?;
        self.0.tell_parked(0);
        self.0.queue.notify();
        Ok(count)
    }

    /// Waits until something changed in this process, or it is time to look at the store again.
    fn wait(&self, seen: u64, deadline: Option<Instant>) -> Result<()> {
        let left = deadline.map_or(POLL, |deadline| deadline.saturating_duration_since(Instant::now()));
        let waiting = self.0.queue.waiting();
        if waiting.closed {
            return Err(Error::new(EREF_CANCELLED, "the engine is stopping"));
        }
        if waiting.generation != seen {
            return Ok(());
        }
        if left.is_zero() {
            // Only who found nothing takes the signal away; a waiting call would take it from the thread that watches the descriptor.
            #[cfg(unix)]
            self.0.queue.quiet();
            return Err(Error::new(EREF_TIMEOUT, "no event came in time"));
        }
        drop(self.0.queue.bell.wait_timeout(waiting, left.min(POLL)).unwrap_or_else(PoisonError::into_inner));
        Ok(())
    }
}

/// When it is worth asking the store: at first, after a change here or in another process, and now and then for what became due.
#[derive(Default)]
struct Watch {
    last: Option<(u64, i64, Instant)>,
}

impl Watch {
    fn worth_looking(&mut self, inner: &Inner, generation: u64) -> Result<bool> {
        let counter = inner.store.change_counter()?;
        let fresh = self.last.is_some_and(|(known, change, at)| known == generation && change == counter && at.elapsed() < RECHECK);
        if !fresh {
            self.last = Some((generation, counter, Instant::now()));
        }
        Ok(!fresh)
    }
}
