//! `GET /metrics`

use axum::extract::State;
use axum::http::{HeaderName, header};

use crate::assistant::GenerationInfo;
use crate::http::AppState;

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
pub(in crate::http) async fn page(
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
