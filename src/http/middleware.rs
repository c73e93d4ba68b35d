//! What happens to every request: an id, one log line, the common headers; the key, the limits and
//! what becomes of a panic.

use std::any::Any;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use axum::body::{Body, HttpBody};
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use futures::{FutureExt, StreamExt};
use serde_json::json;
use tower::Service as _;
use tracing::Instrument;

use super::auth::find_key;
use super::error::{ApiError, ErrorDetail, FailureDetails, InternalFailure, internal_detail};
use super::rate::Client;
use super::router::HEALTH_PATHS;
use super::{AppState, cors, metrics, openai_errors, router};
use crate::assistant::access::Caller;
use crate::assistant::upkeep::now;
use crate::model::KeyId;
use crate::runtime::stages::Stages;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// How many headers every reply gets here.
const OUR_HEADERS: usize = 5;

/// Names the generation that a reply was made from.
pub(super) const SNAPSHOT_ID: HeaderName = HeaderName::from_static("x-snapshot-id");

/// The other end of the connection.
#[derive(Debug, Clone, Copy)]
pub(super) struct Peer {
    /// Its address.
    pub(super) address: SocketAddr,
    /// Whether it speaks TLS with us.
    pub(super) secure: bool,
}

/// Outermost: gives the request its id and the reply its headers, logs both in one line and counts
/// them.
pub(super) async fn observe(state: &AppState, mut request: Request, routed: Router) -> Response {
    let started = Instant::now();
    let _in_flight = state.request_figures().begin();
    let id = request_id(&request);
    if let Some(uri) = decoded(request.uri()) {
        *request.uri_mut() = uri;
    }
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let span = tracing::info_span!("request", request.id = id);
    let stages = Stages::default();
    let reply = cors::share(state, request, routed);
    let work = stages
        .collect(AssertUnwindSafe(reply).catch_unwind())
        .instrument(span);
    let mut response = work
        .await
        .unwrap_or_else(|panic| panic_response(panic.as_ref()));
    if response.extensions().get::<InternalFailure>().is_some() {
        let detail = internal_detail(&id);
        let body = Json(json!({ "detail": detail }));
        let mut extensions = std::mem::take(response.extensions_mut());
        extensions.insert(ErrorDetail(detail.into()));
        response = (response.status(), body).into_response();
        *response.extensions_mut() = extensions;
    }
    if openai_errors::applies_to(&path) {
        response = openai_errors::reshape(response);
    }
    let (took, stages) = (started.elapsed(), stages.noted());
    let route = router::find(&path).map_or("none", |(route, _)| route);
    let status = response.status().as_u16();
    state
        .request_figures()
        .answered(route, &method, status, took, &stages);
    // A route's pattern hides the session that an address names; an address without a route may be
    // anything, a person's question too.
    log(&method, route, &id, took, &response);
    add_headers(state, &id, &mut response);
    add_timing(took, &stages, response.headers_mut());
    response
}

/// Inside `share`: who is calling and whether they may, how often, how many at once, and how long
/// a request may take. Health checks need no key and are never turned away.
pub(super) async fn guard(state: &AppState, mut request: Request, routed: Router) -> Response {
    if HEALTH_PATHS.contains(&request.uri().path()) {
        return in_time(state, request, routed).await;
    }
    let access = state.access();
    if !access.needs_key()
        && let Some(hosts) = state.known_hosts()
        && let Some(host) = hosts.stranger(&request)
    {
        return ApiError::UnknownHost { host }.into_response();
    }
    let caller = if access.needs_key() {
        find_key(request.headers(), |key| access.identify(key, now()))
    } else {
        Some(Caller::OPERATOR)
    };
    let client = match caller {
        Some(caller) if access.needs_key() => Client::Holder(caller.owner),
        Some(_) | None => {
            let peer = request.extensions().get::<Peer>();
            Client::at(peer.map(|peer| peer.address.ip()))
        }
    };
    let verdict = state.rate().map(|rate| rate.take(client, Instant::now()));
    let mut response = match caller {
        _ if verdict.is_some_and(|verdict| !verdict.allowed) => {
            metrics::shed("rate");
            ApiError::TooManyRequests.into_response()
        }
        None => ApiError::NotAuthenticated.into_response(),
        Some(caller) => {
            request.extensions_mut().insert(caller);
            admit(state, caller, request, routed).await
        }
    };
    if let Some(verdict) = verdict {
        verdict.add_headers(response.headers_mut());
    }
    if let Some(key) = caller.and_then(|caller| caller.key) {
        response.extensions_mut().insert(ShownKey(key));
    }
    response
}

/// The stored key that a request showed, for the log.
#[derive(Debug, Clone, Copy)]
struct ShownKey(KeyId);

async fn admit(state: &AppState, caller: Caller, request: Request, routed: Router) -> Response {
    let route = router::find(request.uri().path());
    if let Some((_, Some(scope))) = route
        && !caller.scopes.allow(scope)
    {
        return ApiError::Forbidden {
            scope: scope.as_str(),
        }
        .into_response();
    }
    let Ok(permit) = Arc::clone(state.permits()).try_acquire_owned() else {
        metrics::shed("concurrency");
        return ApiError::Busy.into_response();
    };
    let response = in_time(state, request, routed).await;
    if response.body().size_hint().exact().is_some() {
        return response;
    }
    // A reply that is made while it is sent is work until its end.
    response.map(|body| {
        let chunks = body.into_data_stream().inspect(move |_| {
            let _until_the_end = &permit;
        });
        Body::from_stream(chunks)
    })
}

async fn in_time(state: &AppState, request: Request, mut routed: Router) -> Response {
    let reply = routed.call(request);
    match tokio::time::timeout(state.limits().request_timeout, reply).await {
        Ok(Ok(response)) => response,
        Err(_) => ApiError::TimedOut.into_response(),
    }
}

/// The client's own id if it is harmless, else a new one.
fn request_id(request: &Request) -> String {
    let theirs = request
        .headers()
        .get(REQUEST_ID)
        .and_then(|value| value.to_str().ok());
    let is_harmless = |id: &&str| {
        (1..=128).contains(&id.len())
            && id
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
    };
    theirs
        .filter(is_harmless)
        .map_or_else(new_request_id, str::to_owned)
}

/// A version 7 UUID, which sorts by time. It is no secret, so a quick generator will do.
fn new_request_id() -> String {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH);
    let millis = since_epoch.map_or(0, |time| u64::try_from(time.as_millis()).unwrap_or(0));
    let mut random = [0; 10];
    fastrand::fill(&mut random);
    uuid::Builder::from_unix_timestamp_millis(millis, &random)
        .into_uuid()
        .to_string()
}

/// The address with its path's `%41` escapes undone, as the original application routes it; `None`
/// if nothing changes or the result could not be one of our paths.
fn decoded(uri: &Uri) -> Option<Uri> {
    let mut rest = uri.path().as_bytes();
    let mut path = Vec::with_capacity(rest.len());
    while let [byte, after @ ..] = rest {
        let escaped = match (byte, after) {
            (b'%', [high, low, ..]) => char::from(*high)
                .to_digit(16)
                .zip(char::from(*low).to_digit(16)),
            _ => None,
        };
        let plain = escaped.and_then(|(high, low)| u8::try_from(high << 4 | low).ok());
        path.push(plain.unwrap_or(*byte));
        rest = if plain.is_some() { &after[2..] } else { after };
    }
    let is_ours = path
        .iter()
        .all(|byte| byte.is_ascii_alphanumeric() || b"/_-.".contains(byte));
    if !is_ours || path == uri.path().as_bytes() {
        return None;
    }
    let path = String::from_utf8(path).ok()?;
    let path_and_query = uri
        .query()
        .map_or_else(|| path.clone(), |query| format!("{path}?{query}"));
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(path_and_query.parse().ok()?);
    Uri::from_parts(parts).ok()
}

fn panic_response(panic: &(dyn Any + Send)) -> Response {
    let message = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message");
    let mut response = StatusCode::INTERNAL_SERVER_ERROR.into_response();
    response
        .extensions_mut()
        .insert(FailureDetails(format!("panicked: {message}").into()));
    response.extensions_mut().insert(InternalFailure);
    response
}

/// The path and never the query, which names sessions and carries questions.
fn log(method: &Method, path: &str, id: &str, took: Duration, response: &Response) {
    let status = response.status().as_u16();
    let duration_ms = took.as_secs_f64() * 1000.0;
    let key = response.extensions().get::<ShownKey>();
    let key = key.map(|ShownKey(key)| tracing::field::display(key));
    if let Some(FailureDetails(error)) = response.extensions().get() {
        tracing::error!(
            request.id = id, http.method = %method, http.path = path, http.status = status,
            http.duration_ms = duration_ms, key.id = key, error = %error,
            "{method} {path} failed with {status}: {error}"
        );
    } else if HEALTH_PATHS.contains(&path) {
        tracing::debug!(
            request.id = id, http.method = %method, http.path = path, http.status = status,
            http.duration_ms = duration_ms, "{method} {path} gave {status}"
        );
    } else {
        tracing::info!(
            request.id = id, http.method = %method, http.path = path, http.status = status,
            http.duration_ms = duration_ms, key.id = key, "{method} {path} gave {status}"
        );
    }
}

/// Tells the client where the time went, in milliseconds.
fn add_timing(took: Duration, stages: &[(&'static str, Duration)], headers: &mut HeaderMap) {
    let mut text = String::with_capacity(48);
    for (stage, took) in stages.iter().chain(&[("total", took)]) {
        let comma = if text.is_empty() { "" } else { ", " };
        let hundredths = u64::try_from(took.as_micros() / 10).unwrap_or(u64::MAX);
        let (whole, part) = (hundredths / 100, hundredths % 100);
        // Writing into a string cannot fail.
        let _ = write!(text, "{comma}{stage};dur={whole}.{part:02}");
    }
    if let Ok(value) = HeaderValue::try_from(text) {
        headers.insert(HeaderName::from_static("server-timing"), value);
    }
}

fn add_headers(state: &AppState, id: &str, response: &mut Response) {
    let headers = response.headers_mut();
    headers.reserve(OUR_HEADERS);
    if let Ok(id) = HeaderValue::from_str(id) {
        headers.insert(REQUEST_ID, id);
    }
    if !headers.contains_key(SNAPSHOT_ID)
        && let Ok(snapshot) = HeaderValue::from_str(state.assistant().generation_id().as_str())
    {
        headers.insert(SNAPSHOT_ID, snapshot);
    }
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_harmless_ids_are_kept() {
        let id_for = |value: &str| {
            let request = Request::builder()
                .header("x-request-id", value)
                .body(axum::body::Body::empty())
                .unwrap();
            request_id(&request)
        };
        for kept in ["a", "A-b_c.9", &"x".repeat(128)] {
            assert_eq!(id_for(kept), kept);
        }
        for replaced in ["", "a b", "a,b", "<script>", &"x".repeat(129)] {
            assert_ne!(id_for(replaced), replaced);
            assert!(uuid::Uuid::parse_str(&id_for(replaced)).is_ok());
        }
    }

    #[test]
    fn escapes_in_a_path_are_undone_when_it_may_be_ours() {
        let after = |uri: &str| decoded(&uri.parse().unwrap()).map(|uri| uri.to_string());
        assert_eq!(after("/a%5Fb?q=%41").as_deref(), Some("/a_b?q=%41"));
        assert_eq!(
            after("http://host/%61sk").as_deref(),
            Some("http://host/ask")
        );
        for unchanged in ["/ask", "/a%20b", "/a%3Fb", "/%zz", "/a%", "/%00", "/%c3%a9"] {
            assert_eq!(after(unchanged), None, "{unchanged}");
        }
    }
}
