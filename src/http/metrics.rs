//! The figures of operation: names, what they count, and `GET /metrics`.
//!
//! Recording goes through the `metrics` facade and costs little where nobody installed a recorder.

use std::collections::HashMap;
use std::sync::OnceLock;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderName, Method, header};
use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};

use super::AppState;
use super::hour::LastHour;
use crate::assistant::answer_cache::CacheStatus;
use crate::assistant::upkeep::now;
use crate::assistant::{GenerationInfo, Summary};

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
pub fn describe() {
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

/// The figures that every request moves. Their handles are looked up once, because the facade hashes
/// the name and all labels each time.
pub(super) struct RequestFigures {
    in_flight: Gauge,
    routes: HashMap<&'static str, RouteFigures>,
    stages: [(&'static str, OnceLock<Histogram>); 5],
}

#[derive(Default)]
struct RouteFigures {
    duration: OnceLock<Histogram>,
    /// Of successes, by method.
    succeeded: [OnceLock<Counter>; METHODS.len()],
}

const METHODS: [&str; 4] = ["GET", "HEAD", "POST", "DELETE"];

const STAGE_NAMES: [&str; 5] = ["embed", "search", "generate", "verify", "store"];

/// A request that is being worked on; dropping it ends it.
pub(super) struct InFlight<'a>(&'a Gauge);

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.decrement(1);
    }
}

impl RequestFigures {
    /// Call it once a recorder is installed.
    pub(super) fn of(routes: impl IntoIterator<Item = &'static str>) -> Self {
        let routes = routes.into_iter().chain(["none"]);
        Self {
            in_flight: gauge!(IN_FLIGHT),
            routes: routes
                .map(|route| (route, RouteFigures::default()))
                .collect(),
            stages: STAGE_NAMES.map(|stage| (stage, OnceLock::new())),
        }
    }

    pub(super) fn begin(&self) -> InFlight<'_> {
        self.in_flight.increment(1);
        InFlight(&self.in_flight)
    }

    /// A request was answered. `route` is a route's pattern, never an address that a client made up.
    pub(super) fn answered(
        &self,
        route: &'static str,
        method: &Method,
        status: u16,
        took: Duration,
        stages: &[(&'static str, Duration)],
    ) {
        let place = METHODS.iter().position(|known| method == known);
        let method = place.map_or("other", |place| METHODS[place]);
        let count = || counter!(REQUESTS, "route" => route, "method" => method, "status" => status.to_string());
        let Some(figures) = self.routes.get(route) else {
            debug_assert!(false, "a route that is not in the table: {route}");
            return;
        };
        match place {
            Some(place) if status == 200 => {
                figures.succeeded[place].get_or_init(count).increment(1);
            }
            Some(_) | None => count().increment(1),
        }
        let duration = || histogram!(DURATION, "route" => route);
        figures.duration.get_or_init(duration).record(took);
        for (stage, took) in stages {
            match self.stages.iter().find(|(known, _)| known == stage) {
                Some((_, handle)) => handle
                    .get_or_init(|| histogram!(STAGES, "stage" => *stage))
                    .record(*took),
                None => streamed(&[(*stage, *took)]),
            }
        }
    }
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

/// Stages of a reply that was made while it was sent.
pub(super) fn streamed(stages: &[(&'static str, Duration)]) {
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

/// Read the figures of operation
///
/// Prometheus text. Needs a key with the scope `admin` where keys are asked for.
#[utoipa::path(
    get,
    operation_id = "metrics",
    path = "/metrics",
    tag = "operation",
    responses((status = 200, description = "Prometheus text, version 0.0.4", body = String, content_type = "text/plain"))
)]
pub(super) async fn page(
    State(state): State<AppState>,
) -> ([(HeaderName, &'static str); 1], String) {
    let mut text = state.figures().map(|figures| figures()).unwrap_or_default();
    describe_waiting(&state, &mut text);
    describe_generation(&state.assistant().generation(), &mut text);
    (
        [(
            header::CONTENT_TYPE,
            "text/plain; version=0.0.4; charset=utf-8",
        )],
        text,
    )
}

/// What waits for clients, as it is at this moment.
fn describe_waiting(state: &AppState, text: &mut String) {
    let count = |count: usize| i128::try_from(count).unwrap_or(i128::MAX);
    write_gauge(
        text,
        "wattwise_http_unread_bytes",
        "Replies that wait for clients to read them, and 16 KiB for each.",
        "",
        count(state.unread().used()),
    );
    write_gauge(
        text,
        "wattwise_http_arriving_bytes",
        "Request bodies on their way, and 16 KiB for each.",
        "",
        count(state.arriving().used()),
    );
}

fn write_gauge(text: &mut String, name: &str, help: &str, labels: &str, value: i128) {
    text.push_str(&format!(
        "# HELP {name} {help}\n# TYPE {name} gauge\n{name}{labels} {value}\n\n"
    ));
}

/// Written by hand, because a recorder would go on showing generations that are no more.
fn describe_generation(generation: &GenerationInfo, text: &mut String) {
    let mut line = |name: &str, help: &str, labels: &str, value: i128| {
        write_gauge(text, name, help, labels, value);
    };
    let quoted = |value: &str| {
        let escaped = value.replace('\\', "\\\\").replace('"', "\\\"");
        escaped.replace('\n', "\\n")
    };
    line(
        "wattwise_build_info",
        "The program.",
        concat!("{version=\"", env!("CARGO_PKG_VERSION"), "\"}"),
        1,
    );
    let labels = format!(
        "{{generation=\"{}\",embedder=\"{}\"}}",
        quoted(&generation.id),
        quoted(&generation.embedder)
    );
    line(
        "wattwise_generation_info",
        "The generation that answers.",
        &labels,
        1,
    );
    let count = |count: usize| i128::try_from(count).unwrap_or(i128::MAX);
    line(
        "wattwise_generation_documents",
        "Documents in the generation that answers.",
        "",
        count(generation.documents),
    );
    line(
        "wattwise_generation_chunks",
        "Chunks in the generation that answers.",
        "",
        count(generation.chunks),
    );
    line(
        "wattwise_generation_created_timestamp_seconds",
        "When the generation that answers was made.",
        "",
        generation.created_at.into(),
    );
}
