//! The one page a browser is shown: something went wrong. It says little, loads nothing and cannot be framed (smart.md 5.3, 5.6).

use http::StatusCode;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS};

use super::reply;
use crate::proto::http::Response;

/// A page with a title and a sentence. Both are our own fixed words, so nothing a request brought is ever shown.
pub fn error(status: StatusCode, title: &'static str, text: &'static str) -> Response {
    let html = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title></head>\n<body><h1>{title}</h1><p>{text}</p></body></html>\n"
    );
    let mut response = reply::body(status, "text/html; charset=utf-8", html);
    reply::set(&mut response, CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'");
    reply::set(&mut response, CACHE_CONTROL, "no-store");
    reply::set(&mut response, REFERRER_POLICY, "no-referrer");
    reply::set(&mut response, X_CONTENT_TYPE_OPTIONS, "nosniff");
    response
}
