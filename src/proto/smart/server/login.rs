//! Launches that an app begins by itself (smart.md 1, standalone launch): the user signs in on the host's own page, which knows how, and
//! comes back with the launch that the host made of it.
//!
//! The browser is the same all the way: a cookie set here is demanded when it comes back. Who sends a sign-in address to somebody else
//! gains nothing, since the other's browser has no such cookie; and where the host sends its user's browser, nobody else is.

use http::header::{ALLOW, SET_COOKIE};
use http::{Method, StatusCode};

use super::authorize::{self, Asked, Refusal, refuse, server_error};
use super::{launch, pages, reply};
use crate::proto::exchange::Ctx;
use crate::proto::http::{Request, Response, secret_hash, secret_text};
use crate::proto::store::NewLogin;
use crate::proto::throttle::Door;

/// What the app says of how the user is to be met, for the host's page.
const HINTS: [&str; 4] = ["prompt", "max_age", "login_hint", "ui_locales"];

/// Longest request that is kept for the time of a sign-in, in bytes.
const LONGEST_KEPT: usize = 8 << 10;

/// Sends the browser to the host's page with a one-time `eref_login` value.
pub fn begin(ctx: &Ctx, asked: &Asked<'_>) -> Result<Response, Refusal> {
    let page = ctx.settings().smart.login_url.as_ref().filter(|_| asked.app.standalone && !asked.wants("launch"));
    let Some(page) = page else {
        return refuse("invalid_request", "launch is missing: only launches from the point-of-service system are served");
    };
    if asked.prompts("none") {
        return refuse("login_required", "the user has to sign in");
    }
    if asked.query.len() > LONGEST_KEPT {
        return refuse("invalid_request", "the request is too long to be kept while the user signs in");
    }
    let (handle, cookie, id) = (secret_text(ctx.random()), secret_text(ctx.random()), ctx.id());
    let limits = &ctx.settings().limits;
    let login = NewLogin {
        id: id.clone(),
        handle: secret_hash(&handle),
        cookie: secret_hash(&cookie),
        partner: asked.partner.name.clone(),
        expires: ctx.now() + i64::from(limits.login_seconds) * 1000,
        request: asked.query.to_owned(),
    };
    ctx.store().begin_login(&login, ctx.now()).map_err(|error| server_error(ctx, &error))?;
    let hints = HINTS.into_iter().filter_map(|name| Some((name, asked.parameters.value(name)?)));
    let pairs: Vec<(&str, &str)> = hints.chain([("eref_login", handle.as_str())]).collect();
    let mut response = reply::see_other(&reply::append_query(page.as_str(), &pairs));
    // As long as the sign-in may take, and after it the launch.
    let seconds = limits.login_seconds + launch::LONGEST_WAIT;
    reply::set(&mut response, SET_COOKIE, &launch::set_cookie(&id, &cookie, seconds));
    Ok(response)
}

/// `GET /auth/login/{value}`: the user signed in, the app's request goes on as if it came now, with the launch.
pub async fn resume(ctx: &Ctx, request: &Request, value: &str) -> Response {
    if request.method() != Method::GET {
        let mut response = pages::error(StatusCode::METHOD_NOT_ALLOWED, "Cannot go on", "This address can only be opened.");
        reply::set(&mut response, ALLOW, "GET");
        return response;
    }
    if let Err(seconds) = ctx.knock(Door::Start, None) {
        return pages::too_often(seconds);
    }
    match ctx.store().login_request(&secret_hash(value), ctx.now()) {
        Ok(Some(query)) => authorize::answer(ctx, request, &query, Some(value)).await,
        Ok(None) => {
            pages::error(StatusCode::NOT_FOUND, "Cannot go on", "This link is not valid any more. Please start again from the app.")
        }
        Err(error) => pages::error(reply::failure(ctx, &error), "Cannot go on", "Please start again from the app."),
    }
}
