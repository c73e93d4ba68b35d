//! What happens to every request: an id, one log line, the common headers, an end in time, and what
//! becomes of a panic. Whether it may come in at all is decided in `admission`.

use std::any::Any;
use std::fmt::Write as _;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use axum::body::{Body, HttpBody};
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use futures::FutureExt as _;
use serde_json::json;
use tower::Service as _;
use tracing::Instrument;

use super::admission::{Entry, ShownKey};
use super::cors::Visit;
use super::error::{ApiError, ErrorDetail, FailureDetails, InternalFailure, internal_detail};
use super::headers::SNAPSHOT_ID;
use super::permits::Permit;
use super::rate::Client;
use super::route::{HEALTH_PATHS, Known, Takes};
use super::server::{Line, Peer};
use super::trace::Trace;
use super::{AppState, arrival, metrics, openai, outgoing};
use crate::model::Scope;
use crate::runtime::clock::now;
use crate::runtime::stages::Stages;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// How many headers every reply gets here.
const OUR_HEADERS: usize = 5;

/// Outermost: gives the request its id and the reply its headers, logs both in one line and counts
/// them. Nested futures each hold the whole request, so all that needs no waiting is no future here.
pub(super) fn observe(
    state: AppState,
    mut request: Request,
    route: Option<&'static Known>,
    routed: Router,
) -> impl Future<Output = Response> + Send + use<> {
    let started = Instant::now();
    let id = request_id(&request);
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let span = tracing::info_span!("request", request.id = id);
    let line = request.extensions().get::<Peer>();
    let line = line.map(|peer| Arc::clone(&peer.line));
    async move {
        let _in_flight = metrics::begin();
        let stages = Stages::default();
        let trace = Trace::begin(&state, &request, route, &id, &stages, started);
        let mut entry = Entry::of(&state, route, &mut request);
        let reply = answer(&state, request, route, routed, &mut entry, line.as_deref());
        let work = stages
            .collect(AssertUnwindSafe(reply).catch_unwind())
            .instrument(span);
        let (mut response, permit) = work
            .await
            .unwrap_or_else(|panic| (panic_response(panic.as_ref()), None));
        entry.marks.add(&mut response);
        if response.extensions().get::<InternalFailure>().is_some() {
            response = without_details(response, &id);
        }
        if openai::applies_to(&path) {
            response = openai::errors::reshape(response);
        }
        let (took, stages) = (started.elapsed(), stages.noted());
        // A route's pattern hides the session that an address names; an address without a route may
        // be anything, a person's question too.
        let status = response.status();
        // Pages, health checks and the operator's own looks say nothing of how answers are doing.
        if route.is_some_and(|route| matches!(route.scope, Some(Scope::Chat | Scope::Retrieve))) {
            metrics::HOUR.request(now(), took, status.is_server_error());
        }
        let (route, status) = (route.map_or("none", |route| route.path), status.as_u16());
        metrics::answered(route, &method, status, took, &stages);
        log(&method, route, &id, took, &response);
        if method == Method::HEAD {
            response = without_body(response);
        } else {
            leave_length_to_server(&mut response);
        }
        add_headers(&state, &id, &mut response);
        add_timing(took, &stages, response.headers_mut());
        if let Some(trace) = trace {
            trace.end_with(&mut response);
        }
        outgoing::watch(&state, entry.client, line.as_ref(), permit, response)
    }
}

/// Answers a browser that asks first, and any other request if it is admitted.
async fn answer(
    state: &AppState,
    mut request: Request,
    route: Option<&'static Known>,
    routed: Router,
    entry: &mut Entry,
    line: Option<&Line>,
) -> (Response, Option<Permit>) {
    let visit = state.cors().map(|cors| cors.visit(&request));
    let preflight = visit.as_ref().and_then(Visit::preflight);
    let is_read = preflight.is_none() && entry.outcome.is_ok() && has_body_to_read(&request, route);
    let can_go_on = is_read || arrival::is_past(state, &mut request, line).await;
    let (mut response, permit) = if let Some(reply) = preflight {
        (reply, None)
    } else if let Err(refusal) = std::mem::replace(&mut entry.outcome, Ok(())) {
        (refusal.into_response(), None)
    } else {
        let work = work(state, request, route, routed, entry.client, line);
        match tokio::time::timeout(state.limits().request_timeout, work).await {
            Ok(Ok(made)) => made,
            Ok(Err(refusal)) => (refusal.into_response(), None),
            // Its body may still be on its way.
            Err(_) => (arrival::last(ApiError::TimedOut.into_response()), None),
        }
    };
    if !can_go_on {
        response = arrival::last(response);
    }
    if let Some(visit) = visit {
        visit.mark(response.headers_mut());
    }
    (response, permit)
}

/// Whether its route reads the body.
fn has_body_to_read(request: &Request, route: Option<&Known>) -> bool {
    request.method() == Method::POST && route.is_some_and(|route| route.takes != Takes::Nothing)
}

/// Waits for what is the client's to do, then for the reply. Only the second takes a place among the
/// requests under way; it is given with the reply, which may be made while it is sent.
async fn work(
    state: &AppState,
    mut request: Request,
    route: Option<&Known>,
    mut routed: Router,
    client: Client,
    line: Option<&Line>,
) -> Result<(Response, Option<Permit>), ApiError> {
    if let Some(line) = line {
        line.is_read().await;
    }
    let mut length = 0;
    if has_body_to_read(&request, route) {
        (request, length) = match arrival::arrive(request, state, client, line).await {
            Ok(arrived) => arrived,
            // What has not come of it may still come.
            Err(refusal) => return Ok((arrival::last(refusal.into_response()), None)),
        };
    }
    let permit = if HEALTH_PATHS.contains(&request.uri().path()) {
        None
    } else {
        let permit = state.permits().take(client, length);
        Some(permit.ok_or_else(|| {
            metrics::shed("concurrency");
            ApiError::Busy
        })?)
    };
    // A router is always ready and does not fail.
    let Ok(response) = routed.call(request).await;
    Ok((response, permit))
}

/// The reply to HEAD: what GET would get but for the body. Over HTTP/2 hyper would send it.
fn without_body(response: Response) -> Response {
    let (mut head, body) = response.into_parts();
    // An empty one was taken away by the router, which has told its length.
    if let Some(length @ 1..) = body.size_hint().exact() {
        head.headers
            .entry(header::CONTENT_LENGTH)
            .or_insert(length.into());
    }
    Response::from_parts(head, Body::empty())
}

/// hyper tells the length of a body that it sends. With one header less those of a plain reply fit
/// in the first block of a map. The second is larger than what the allocator keeps for each thread,
/// so that threads wait for each other to get and to return it.
fn leave_length_to_server(response: &mut Response) {
    if response.body().size_hint().exact().is_some() {
        response.headers_mut().remove(header::CONTENT_LENGTH);
    }
}

/// What the client is told of a failure inside: its id, by which the log tells the rest.
fn without_details(mut response: Response, id: &str) -> Response {
    let detail = internal_detail(id);
    let body = Json(json!({ "detail": detail }));
    let mut extensions = std::mem::take(response.extensions_mut());
    extensions.insert(ErrorDetail {
        detail: detail.into(),
        kind: "internal",
    });
    let mut plain = (response.status(), body).into_response();
    *plain.extensions_mut() = extensions;
    plain
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
}
