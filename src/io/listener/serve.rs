//! One connection's requests, each an exchange that is stepped until it responds.

use std::convert::Infallible;
use std::future::{Future as _, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use http::header::{CONNECTION, EXPECT, HeaderValue};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Body as _, Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, timeout_at};

use super::Shared;
use super::counts::Counters;
use super::watch::{Phase, Watched};
use crate::log::Level;
use crate::proto::exchange::{Answer, BodyError, Exchange, Peer, Question, Step};
use crate::proto::http::{Response, plain};
use crate::proto::settings::{Limits, time_for};

/// Most bytes of a request head.
const HEAD_BYTES: usize = 64 << 10;
/// First allocation for a body that does not say its size, and for one that says a large one.
const FIRST_BYTES: usize = 64 << 10;
/// How long the rest of a refused body is read and thrown away. Closing at once would make many clients lose the answer.
const LINGER: Duration = Duration::from_secs(5);

type HttpResponse = http::Response<Full<Bytes>>;

/// Answers the requests of one connection, one after another, until it closes, idles out or the listener stops.
pub async fn serve<S>(shared: &Arc<Shared>, limits: &Limits, stream: S, peer: Peer)
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let phase = Phase::new();
    let stream = Watched::new(stream, phase.clone(), Duration::from_millis(limits.head_ms), Duration::from_millis(limits.idle_ms));
    let service = service_fn(|request| {
        phase.busy();
        let (shared, peer, phase) = (shared.clone(), peer.clone(), phase.clone());
        async move {
            let response = answer(&shared, request, peer).await;
            phase.idle();
            Ok::<_, Infallible>(response)
        }
    });
    let mut builder = http1::Builder::new();
    // `Watched` keeps the deadlines.
    builder.header_read_timeout(None).max_buf_size(HEAD_BYTES);
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
    let mut stop = shared.stop.clone();
    let mut stop = pin!(stop.wait_for(|stop| *stop));
    let mut stopping = false;
    // A broken connection has nobody left to tell.
    let _ = poll_fn(|cx| {
        if !stopping && stop.as_mut().poll(cx).is_ready() {
            stopping = true;
            connection.as_mut().graceful_shutdown();
        }
        connection.as_mut().poll(cx)
    })
    .await;
    if phase.was_slow() {
        shared.counters.slow.fetch_add(1, Ordering::AcqRel);
    }
}

async fn answer(shared: &Shared, request: hyper::Request<Incoming>, peer: Peer) -> HttpResponse {
    let (head, body) = request.into_parts();
    let waits = head.headers.contains_key(EXPECT);
    let world = (shared.options.world)();
    let (limits, log) = (world.settings.limits.clone(), world.log.clone());
    let mut exchange = Exchange::new(world, http::Request::from_parts(head, ()), peer, Box::new(shared.options.entropy));
    let mut body = Reader { body, touched: false, ended: false, held: Held { counters: shared.counters.clone(), bytes: 0 } };
    // From before the first step, so that no decision falls between a look at the store and the wait.
    let mut decisions = (shared.options.decisions)();
    loop {
        let clock = shared.options.clock;
        let stepped = tokio::task::spawn_blocking(move || {
            let step = exchange.step(clock());
            (exchange, step)
        });
        let step = match stepped.await {
            Ok((stepped, step)) => {
                exchange = stepped;
                step
            }
            Err(error) if error.is_panic() => {
                // The payload stays out of the log: it may hold what the rules were working on.
                log.line(Level::Error, "listener", "a rule failed inside; the request was answered with 500");
                return body.finish(plain(500, "the request could not be answered"), waits);
            }
            Err(_) => return body.finish(plain(503, "the server is stopping"), waits),
        };
        match step {
            Step::NeedBody { limit } => exchange.body(body.read(limit, &limits).await),
            Step::Ask(question) => exchange.answer(ask(shared, question, limits.question_ms).await),
            Step::Keys(wanted) => exchange.keys((shared.options.keys)(&wanted).await.ok().flatten()),
            Step::Fetch(url) => exchange.fetched((shared.options.fetches)(url).await.ok().flatten()),
            Step::Wait { until } => {
                let left = Duration::from_millis(u64::try_from(until - clock()).unwrap_or(0));
                let _ = tokio::time::timeout(left, decisions.changed()).await;
                exchange.waited();
            }
            Step::Respond(response) => return body.finish(response, waits),
        }
    }
}

async fn ask(shared: &Shared, question: Question, question_ms: u64) -> Answer {
    let answer = (shared.options.questions)(question);
    match tokio::time::timeout(Duration::from_millis(question_ms), answer).await {
        Ok(Ok(answer)) => answer,
        _ => Answer::None,
    }
}

/// A request's body, and the memory it may take until the answer is made.
struct Reader {
    body: Incoming,
    touched: bool,
    ended: bool,
    held: Held,
}

impl Reader {
    async fn read(&mut self, limit: usize, limits: &Limits) -> Result<Vec<u8>, BodyError> {
        // What never fits is refused for good, not put off.
        let limit = limit.min(limits.in_flight_bytes);
        let announced = usize::try_from(self.body.size_hint().lower()).unwrap_or(usize::MAX);
        if announced > limit {
            return Err(BodyError::TooLarge);
        }
        self.touched = true;
        let result = self.collect(limit, announced, limits).await;
        if matches!(result, Err(BodyError::TimedOut)) {
            self.held.counters.slow.fetch_add(1, Ordering::AcqRel);
        }
        result
    }

    async fn collect(&mut self, limit: usize, announced: usize, limits: &Limits) -> Result<Vec<u8>, BodyError> {
        let (mut bytes, began) = (Vec::new(), Instant::now());
        loop {
            // What has arrived wins time, not what was announced: a trickled body ends soon, however large it says it is.
            let whole = began + time_for(limits.body_ms, bytes.len());
            let pause = Instant::now() + Duration::from_millis(limits.body_ms);
            let next = timeout_at(whole.min(pause), self.body.frame()).await.map_err(|_| BodyError::TimedOut)?;
            let Some(frame) = next else { break };
            let Ok(piece) = frame.map_err(|_| BodyError::Lost)?.into_data() else { continue };
            let needed = bytes.len().saturating_add(piece.len());
            if needed > limit {
                return Err(BodyError::TooLarge);
            }
            if needed > bytes.capacity() {
                // Memory follows what arrived, not what was announced.
                let most = if announced > 0 { announced } else { limit };
                let target = bytes.capacity().saturating_mul(2).max(FIRST_BYTES).min(most).max(needed);
                self.held.grow(target, limits.in_flight_bytes)?;
                bytes.try_reserve_exact(target - bytes.len()).map_err(|_| BodyError::Overloaded)?;
            }
            bytes.extend_from_slice(&piece);
        }
        self.ended = true;
        Ok(bytes)
    }

    /// Makes hyper's response, and takes care of a body that was not read to its end.
    fn finish(self, response: Response, waits: bool) -> HttpResponse {
        let mut response = response.map(|body| Full::new(Bytes::from(body)));
        if self.ended || self.body.is_end_stream() {
            return response;
        }
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        // A client that asked for permission to send, and did not get it, sends nothing (RFC 9110 10.1.1).
        if self.touched || !waits {
            let mut body = self.body;
            tokio::spawn(tokio::time::timeout(LINGER, async move { while let Some(Ok(_)) = body.frame().await {} }));
        }
        response
    }
}

/// A share of the memory for bodies, given back when dropped.
struct Held {
    counters: Arc<Counters>,
    bytes: usize,
}

impl Held {
    fn grow(&mut self, target: usize, in_flight: usize) -> Result<(), BodyError> {
        let more = target.saturating_sub(self.bytes);
        let fits = |all: usize| all.checked_add(more).filter(|all| *all <= in_flight);
        self.counters.body_bytes.fetch_update(Ordering::AcqRel, Ordering::Acquire, fits).map_err(|_| BodyError::Overloaded)?;
        self.bytes = target;
        Ok(())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.counters.body_bytes.fetch_sub(self.bytes, Ordering::AcqRel);
    }
}
