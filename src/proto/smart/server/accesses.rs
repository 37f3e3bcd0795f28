//! What becomes of a request to the FHIR API besides its answer: an access is noted in the audit trail (smart.md 19, HALO R-006), and who
//! comes without a good token is counted.

use http::header::RETRY_AFTER;
use http::{Method, StatusCode};

use super::caller::Caller;
use super::{chart, reply};
use crate::log::Level;
use crate::proto::exchange::Ctx;
use crate::proto::http::{Request, Response};
use crate::proto::store::{Access, Accessor};
use crate::proto::throttle::Door;

/// Notes who accessed what, and how it went.
pub fn note(ctx: &Ctx, request: &Request, path: &str, caller: &Caller<'_>, status: StatusCode) {
    let mut segments = path.split('/');
    let (kind, second) = (segments.next().unwrap_or_default(), segments.next());
    let last = segments.next_back().or(second);
    let what = match *request.method() {
        Method::PUT => "update",
        Method::PATCH => "patch",
        Method::DELETE => "delete",
        Method::POST if last == Some("_search") => "search",
        Method::POST => "create",
        _ if matches!(last, Some("$everything" | "%24everything")) => "everything",
        _ if second.is_none() => "search",
        _ => "read",
    };
    let by = Accessor {
        grant_id: caller.grant_id.clone(),
        launch_id: caller.launch_id.clone(),
        partner: caller.partner.name.clone(),
        client_id: caller.client_id.clone(),
        user: caller.user().map(|user| user.id.clone()),
        patient: caller.patient().map(str::to_owned),
    };
    // What is no type of ours may be anything, also something personal.
    let resource_type = if chart::is_known(kind) { kind } else { "-" }.to_owned();
    if let Err(error) = ctx.store().audit_access(Access { by, what, resource_type, status: status.as_u16() }, ctx.now()) {
        ctx.world.log.line(Level::Error, "audit", format!("accesses could not be recorded: {error}"));
    }
}

/// Counts who comes without a good token. A good one is never counted, so nobody is kept out by another's guesses.
pub fn stranger(ctx: &Ctx, refusal: Response) -> Response {
    if refusal.status() != StatusCode::UNAUTHORIZED {
        return refusal;
    }
    ctx.audit_refusal("login refused", None, "no good access token");
    let Err(seconds) = ctx.knock(Door::Failure, None) else { return refusal };
    let mut response = reply::outcome(StatusCode::TOO_MANY_REQUESTS, "throttled", "too many requests without a good token");
    reply::set(&mut response, RETRY_AFTER, &seconds.to_string());
    response
}
