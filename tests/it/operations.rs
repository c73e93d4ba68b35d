//! What an operator sees: readiness, figures, timings.

use std::io::Write as _;
use std::process::{Command, Stdio};

use serde_json::json;

use crate::client::{Server, answer, indexed};
use crate::support::{run, text};

#[tokio::test(flavor = "multi_thread")]
async fn figures_tell_what_happened() {
    let folder = indexed();
    let server = Server::start(folder.path(), &[]);
    let session = server.session().await;
    let (_, found) = server.post("/retrieve_contexts?message=loft", None).await;
    let summary = json!({
        "session_id": session,
        "contexts": found["contexts"],
        "message_history": ["How deep should mineral wool in a loft be?"],
    });
    let request = server.request("POST /generate_summary").json(&summary);
    let timing = request.send().await.unwrap().headers()["server-timing"]
        .to_str()
        .unwrap()
        .to_owned();
    for stage in ["embed;dur=", "generate;dur=", "verify;dur=", "total;dur="] {
        assert!(timing.contains(stage), "{timing}");
    }
    answer(server.request("GET /sessions/nothing")).await;
    answer(server.request("PATCH /made/up/by/a/client")).await;
    let (_, version) = answer(server.request("GET /version")).await;
    let (_, ready) = answer(server.request("GET /readyz")).await;
    assert_eq!(ready["generation"], version["generation"]);
    let address = server.base_url.strip_prefix("http://").unwrap().to_owned();
    let health = |bind: &str| run(folder.path(), &["health", "--bind", bind]);
    let healthy = health(&address);
    assert_eq!(healthy.status.code(), Some(0), "{}", text(&healthy));
    assert!(text(&healthy).contains("ready"));
    assert_eq!(health("127.0.0.1:1").status.code(), Some(3));

    let response = server.request("GET /metrics").send().await.unwrap();
    let figures = response.text().await.unwrap();
    let generation = version["generation"].as_str().unwrap();
    for line in [
        "wattwise_http_requests_total{route=\"/get_session_id\",method=\"POST\",status=\"200\"} 1",
        "wattwise_http_requests_total{route=\"/sessions/{id}\",method=\"GET\",status=\"404\"} 1",
        "wattwise_http_requests_total{route=\"none\",method=\"other\",status=\"404\"} 1",
        "wattwise_http_request_duration_seconds_count{route=\"/retrieve_contexts\"} 1",
        // One request's, and those of two probes.
        "wattwise_stage_duration_seconds_count{stage=\"search\"} 3",
        "wattwise_stage_duration_seconds_count{stage=\"store\"}",
        "wattwise_http_requests_in_flight 1",
        "wattwise_http_requests_shed_total{reason=\"rate\"} 0",
        "wattwise_errors_total{kind=\"no_session\"} 1",
        "wattwise_build_info{version=",
        &format!("wattwise_generation_info{{generation=\"{generation}\""),
        "wattwise_generation_documents 3",
    ] {
        assert!(figures.contains(line), "no {line} in\n{figures}");
    }
    let Ok(mut promtool) = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
    else {
        eprintln!("skipped: promtool is not installed (Debian: prometheus)");
        return;
    };
    let mut input = promtool.stdin.take().unwrap();
    input.write_all(figures.as_bytes()).unwrap();
    drop(input);
    let verdict = promtool.wait_with_output().unwrap();
    assert!(
        verdict.status.success() && verdict.stderr.is_empty() && verdict.stdout.is_empty(),
        "{verdict:?}"
    );
}
