//! What an operator sees: readiness, figures, timings.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use crate::client::{Server, answer, indexed};
use crate::support::{run, text, wattwise};

#[tokio::test(flavor = "multi_thread")]
async fn figures_tell_what_happened() {
    let folder = indexed();
    let server = Server::start(folder.path(), &[]);
    let session = server.session().await;
    let asked = "usual%20target%20depth%20of%20mineral%20wool%20in%20a%20loft";
    let path = format!("/retrieve_contexts?message={asked}");
    let (_, found) = server.post(&path, None).await;
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
        // One request's, and that of the probes, which all ask the same.
        "wattwise_stage_duration_seconds_count{stage=\"search\"} 2",
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

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_nobody_reads_holds_no_request_up_and_loses_nothing() {
    const REQUESTS: usize = 2000;
    wattwise::runtime::tls::install_provider();
    let folder = indexed();
    let arguments = ["serve", "--bind", "127.0.0.1:0", "--log-format", "json"];
    let mut command = wattwise(folder.path(), &arguments);
    let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
    let mut log = BufReader::new(child.stderr.take().unwrap()).lines();
    let mut lines = log.by_ref().map_while(Result::ok);
    let address = lines
        .find_map(|line| {
            let event: Value = serde_json::from_str(&line).unwrap_or_default();
            Some(event["server.address"].as_str()?.to_owned())
        })
        .unwrap();
    let client = reqwest::Client::new();
    for _ in 0..REQUESTS {
        let request = client.get(format!("http://{address}/version"));
        let response = request.timeout(Duration::from_secs(30)).send().await;
        assert_eq!(response.unwrap().status().as_u16(), 200);
    }
    let id = child.id().to_string();
    assert!(Command::new("kill").arg(&id).status().unwrap().success());
    // Far more than a pipe holds, to the last line.
    let lines: Vec<String> = log.map_while(Result::ok).collect();
    let of_requests = lines.iter().filter(|line| line.contains("/version"));
    assert_eq!(of_requests.count(), REQUESTS);
    assert!(lines.last().unwrap().contains("stopped"), "{lines:?}");
    assert!(child.wait().unwrap().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_signal_ends_the_server_at_once() {
    let folder = indexed();
    let mut server = Server::start(folder.path(), &["--drain", "600"]);
    // A request whose body never comes keeps the server waiting.
    let address = server.base_url.strip_prefix("http://").unwrap();
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    let head = "POST /save_records HTTP/1.1\r\nhost: localhost\r\ncontent-length: 9\r\n\r\n";
    stream.write_all(head.as_bytes()).unwrap();
    // Another one proves that the first has arrived.
    answer(server.request("GET /version")).await;
    server.signal("-TERM");
    server.logged("shutting down").await;
    assert!(server.child.try_wait().unwrap().is_none());
    server.signal("-TERM");
    let status = server.child.wait().unwrap();
    assert_eq!(status.code(), Some(130), "{status}");
}
