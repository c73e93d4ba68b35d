//! The figures of operation: their names and what they count.
//!
//! Recording goes through the `metrics` facade and costs little where nobody installed a recorder.

use std::time::Duration;

use axum::http::Method;
use metrics::{counter, gauge, histogram};

use super::hour::LastHour;
use crate::assistant::Summary;
use crate::assistant::answer_cache::CacheStatus;
use crate::runtime::clock::now;

const REQUESTS: &str = "wattwise_http_requests_total";
const DURATION: &str = "wattwise_http_request_duration_seconds";
const IN_FLIGHT: &str = "wattwise_http_requests_in_flight";
const STAGES: &str = "wattwise_stage_duration_seconds";
const ERRORS: &str = "wattwise_errors_total";
const ANSWERS: &str = "wattwise_answers_total";
const DEGRADED: &str = "wattwise_answers_degraded_total";
const CACHE: &str = "wattwise_answer_cache_total";
const CONNECTIONS: &str = "wattwise_http_connections";
const SHEDS: &str = "wattwise_http_requests_shed_total";

/// What `/status` draws; one for the process, as the recorder of figures is.
pub(super) static HOUR: LastHour = LastHour::new();

/// Gives each figure its explanation. Call it once a recorder is installed.
pub(crate) fn describe() {
    metrics::describe_counter!(REQUESTS, "Requests answered, by route, method and status.");
    metrics::describe_histogram!(
        DURATION,
        metrics::Unit::Seconds,
        "Time from a request's head to the head of its reply, by route."
    );
    metrics::describe_gauge!(IN_FLIGHT, "Requests being worked on.");
    metrics::describe_histogram!(
        STAGES,
        metrics::Unit::Seconds,
        "Time spent in a stage of a request."
    );
    metrics::describe_counter!(ERRORS, "Requests that got an error, by kind.");
    metrics::describe_counter!(
        SHEDS,
        "Requests turned away, or given up, to protect the server, by reason."
    );
    metrics::describe_counter!(
        ANSWERS,
        "Answers given, by what wrote them and whether the sources hold one."
    );
    metrics::describe_counter!(
        DEGRADED,
        "Extractive answers in the place of a language model's, by reason."
    );
    metrics::describe_counter!(
        CACHE,
        "Questions put to the answer cache, by outcome: hit, miss or bypass."
    );
    metrics::describe_counter!(
        "wattwise_reloads_total",
        "New generations met while running, by outcome: ok or refused."
    );
    // What has not happened yet is a zero, so that its first time is seen as a rise.
    for outcome in ["ok", "refused"] {
        counter!("wattwise_reloads_total", "outcome" => outcome).absolute(0);
    }
    for status in [CacheStatus::Hit, CacheStatus::Miss, CacheStatus::Bypass] {
        counter!(CACHE, "outcome" => status.name()).absolute(0);
    }
    metrics::describe_gauge!(CONNECTIONS, "Open connections.");
    for reason in [
        "concurrency",
        "rate",
        "connections",
        "slow_body",
        "unread_reply",
    ] {
        counter!(SHEDS, "reason" => reason).absolute(0);
    }
}

/// Methods that have a label of their own: a client may make others up.
const METHODS: [&str; 4] = ["GET", "HEAD", "POST", "DELETE"];

/// A request that is being worked on; dropping it ends it.
pub(super) struct InFlight(());

impl Drop for InFlight {
    fn drop(&mut self) {
        gauge!(IN_FLIGHT).decrement(1);
    }
}

/// A request begins to be worked on.
pub(super) fn begin() -> InFlight {
    gauge!(IN_FLIGHT).increment(1);
    InFlight(())
}

/// A request was answered. `route` is a route's pattern, never an address that a client made up.
pub(super) fn answered(
    route: &'static str,
    method: &Method,
    status: u16,
    took: Duration,
    stages: &[(&'static str, Duration)],
) {
    let method = METHODS.into_iter().find(|known| method == known);
    let method = method.unwrap_or("other");
    counter!(REQUESTS, "route" => route, "method" => method, "status" => status.to_string())
        .increment(1);
    histogram!(DURATION, "route" => route).record(took);
    staged(stages);
}

/// An answer was given.
pub(super) fn answer(summary: &Summary) {
    HOUR.answer(now(), !summary.answer.answered);
    let answered = if summary.answer.answered {
        "true"
    } else {
        "false"
    };
    counter!(ANSWERS, "generator" => summary.generator.clone(), "answered" => answered)
        .increment(1);
    if let Some(degraded) = summary.degraded {
        counter!(DEGRADED, "reason" => degraded.kind).increment(1);
    }
}

/// A question went past the answer cache.
pub(super) fn cache(status: CacheStatus) {
    counter!(CACHE, "outcome" => status.name()).increment(1);
}

/// Stages of a request, or of a reply that was made while it was sent.
pub(super) fn staged(stages: &[(&'static str, Duration)]) {
    for (stage, took) in stages {
        histogram!(STAGES, "stage" => *stage).record(*took);
    }
}

/// A request got an error.
pub(super) fn failed(kind: &'static str) {
    counter!(ERRORS, "kind" => kind).increment(1);
}

/// So many connections are open.
pub(super) fn connections(open: usize) {
    gauge!(CONNECTIONS).set(u32::try_from(open).unwrap_or(u32::MAX));
}

/// A request was turned away.
pub(super) fn shed(reason: &'static str) {
    counter!(SHEDS, "reason" => reason).increment(1);
}
