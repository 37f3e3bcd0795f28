//! Files of our messages that their receivers fetch from us (messaging.md 15).

use http::header::{ALLOW, CONTENT_DISPOSITION, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderValue, Method, StatusCode};

use crate::proto::exchange::Ctx;
use crate::proto::http::{Request, Response};
use crate::proto::messaging::receive::{Failure, fhir_response, store_failure};
use crate::proto::messaging::trust;

/// Where the file of this id is, below our FHIR base.
pub(super) fn address(base: &str, id: &str) -> String {
    format!("{base}/DocumentReference/{id}/$binary")
}

/// The id of the file that a path leads to.
pub fn id(path: &str) -> Option<&str> {
    let rest = path.strip_prefix("/fhir/DocumentReference/")?;
    rest.strip_suffix("/$binary").or_else(|| rest.strip_suffix("/%24binary"))
}

/// Hands a file out, to the partner its message was for and to nobody else.
pub async fn handle(ctx: &Ctx, request: &Request, id: &str) -> Response {
    fetch(ctx, request, id).await.unwrap_or_else(|failure| failure.response(ctx))
}

async fn fetch(ctx: &Ctx, request: &Request, id: &str) -> Result<Response, Box<Failure>> {
    if request.method() != Method::GET {
        let failure = Failure::new(StatusCode::METHOD_NOT_ALLOWED, "not-supported", "files are fetched; expected GET");
        return Err(failure.with(ALLOW, "GET"));
    }
    let sender =
        trust::authenticate(ctx, request).await.inspect_err(|failure| ctx.audit_refusal("login refused", None, failure.code()))?;
    // Who only comes from the right place has shown nothing. The same words as for a file that is not there.
    let not_found = || Failure::new(StatusCode::NOT_FOUND, "not-found", "there is no such file for this partner");
    let found = match sender.trusted {
        true => ctx.store().fetch_file(id, &sender.partner.name, ctx.now()).map_err(|error| store_failure(ctx, &error))?,
        false => None,
    };
    let file = found.ok_or_else(not_found)?;
    let content = std::sync::Arc::unwrap_or_clone(file.content);
    let mut response = fhir_response(StatusCode::OK, content);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_str(&file.content_type).map_err(|_| not_found())?);
    headers.insert(CONTENT_DISPOSITION, HeaderValue::from_static("attachment"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    Ok(response)
}
