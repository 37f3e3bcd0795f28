//! The one page a browser is shown: something went wrong. It says little and loads nothing (smart.md 5.3). What keeps it from being framed
//! and cached stands with all answers in `reply`.

use http::StatusCode;
use http::header::{CACHE_CONTROL, RETRY_AFTER};

use super::reply;
use crate::proto::http::Response;

/// A page with a title and a sentence. Both are our own fixed words, so nothing a request brought is ever shown.
pub fn error(status: StatusCode, title: &'static str, text: &'static str) -> Response {
    let html = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title></head>\n<body><h1>{title}</h1><p>{text}</p></body></html>\n"
    );
    let mut response = reply::body(status, "text/html; charset=utf-8", html);
    reply::set(&mut response, CACHE_CONTROL, "no-store");
    response
}

/// The page for a browser that comes too often.
pub fn too_often(seconds: i64) -> Response {
    let mut response = error(StatusCode::TOO_MANY_REQUESTS, "Too many requests", "Please try again in a minute.");
    reply::set(&mut response, RETRY_AFTER, &seconds.to_string());
    response
}
