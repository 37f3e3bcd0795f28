//! Deadlines of a connection: a head must come whole in time, an idle connection ends, and a client that takes no bytes is let go.
//!
//! hyper has one deadline for both waiting for a request and reading its head; a trickled head needs a shorter one.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

/// What a connection is doing. The low two bits are the phase, the others count the changes.
#[derive(Clone)]
pub struct Phase(Arc<AtomicU64>);

const HEAD: u64 = 0;
const BUSY: u64 = 1;
const IDLE: u64 = 2;
const SLOW: u64 = 3;

impl Phase {
    /// Before the first request: its head is awaited.
    pub fn new() -> Self {
        Self(Arc::new(AtomicU64::new(HEAD)))
    }
    /// A request is being answered; its own deadlines hold.
    pub fn busy(&self) {
        self.enter(BUSY);
    }
    /// The answer is made; the next request is awaited.
    pub fn idle(&self) {
        self.enter(IDLE);
    }
    /// Whether a deadline ended the connection; that of an idle one is none.
    pub fn was_slow(&self) -> bool {
        self.word() & 3 == SLOW
    }
    fn enter(&self, phase: u64) {
        // One connection's futures run one after another, so nothing comes between load and store.
        self.0.store(((self.word() >> 2) + 1) << 2 | phase, Ordering::Release);
    }
    fn word(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }
}

/// A stream with deadlines. An exceeded one shows as an error of kind `TimedOut`.
pub struct Watched<S> {
    inner: S,
    phase: Phase,
    head: Duration,
    idle: Duration,
    /// The word of the phase that `read_deadline` was set for.
    armed: Option<u64>,
    read_deadline: Pin<Box<Sleep>>,
    /// Set while the client takes no bytes.
    write_deadline: Option<Pin<Box<Sleep>>>,
}

impl<S> Watched<S> {
    /// Watches a fresh connection.
    pub fn new(inner: S, phase: Phase, head: Duration, idle: Duration) -> Self {
        Self { inner, phase, head, idle, armed: None, read_deadline: Box::pin(sleep(head)), write_deadline: None }
    }

    fn read_overdue(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let word = self.phase.word();
        let wait = match word & 3 {
            HEAD => self.head,
            IDLE => self.idle,
            _ => return Poll::Pending,
        };
        if self.armed != Some(word) {
            self.armed = Some(word);
            self.read_deadline.as_mut().reset(Instant::now() + wait);
        }
        ready!(self.read_deadline.as_mut().poll(cx));
        if word & 3 == HEAD {
            self.phase.enter(SLOW);
        }
        Poll::Ready(())
    }

    /// Passes a result of the write side on, unless it waits for too long.
    fn written<T>(&mut self, result: Poll<io::Result<T>>, cx: &mut Context<'_>) -> Poll<io::Result<T>> {
        if result.is_ready() {
            self.write_deadline = None;
            // A client that takes a long answer is not idle. hyper may already wait to read, and then does not ask again by itself: the
            // deadline is set here, and wakes it.
            if self.phase.word() & 3 == IDLE {
                self.armed = None;
                let _ = self.read_overdue(cx);
            }
            return result;
        }
        let idle = self.idle;
        ready!(self.write_deadline.get_or_insert_with(|| Box::pin(sleep(idle))).as_mut().poll(cx));
        self.phase.enter(SLOW);
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        match Pin::new(&mut self.inner).poll_read(cx, buffer) {
            Poll::Ready(result) => {
                if buffer.filled().len() > before && self.phase.word() & 3 == IDLE {
                    self.phase.enter(HEAD);
                }
                Poll::Ready(result)
            }
            Poll::Pending => {
                ready!(self.read_overdue(cx));
                Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
            }
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.inner).poll_write(cx, bytes);
        self.written(result, cx)
    }
    fn poll_write_vectored(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.inner).poll_write_vectored(cx, bytes);
        self.written(result, cx)
    }
    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = Pin::new(&mut self.inner).poll_flush(cx);
        self.written(result, cx)
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = Pin::new(&mut self.inner).poll_shutdown(cx);
        self.written(result, cx)
    }
}
