//! Traces: what a collector gets of a question, and that it can hold nothing up.

use std::time::Duration;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use prost::Message as _;
use serde_json::json;
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::client::{Server, answer, indexed};
use crate::support::wattwise;

const QUESTION: &str = "What is the usual target depth of mineral wool in a loft?";

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

async fn collector() -> MockServer {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .and(path("/v1/traces"))
        .respond_with(ResponseTemplate::new(200))
        .mount(&server)
        .await;
    server
}

fn start(folder: &std::path::Path, collector: &str) -> Server {
    let mut command = wattwise(
        folder,
        &[
            "serve",
            "--index",
            "index",
            "--state",
            "state",
            "--bind",
            "127.0.0.1:0",
            "--log-format",
            "json",
            "--otlp-endpoint",
            collector,
        ],
    );
    command.env("OTEL_BSP_SCHEDULE_DELAY", "50");
    Server::spawn(command)
}

/// Spans as they come, until one of each name is there.
async fn spans(collector: &MockServer, wanted: &[&str]) -> Vec<Span> {
    loop {
        let mut spans = Vec::new();
        for request in collector.received_requests().await.unwrap() {
            let batch = ExportTraceServiceRequest::decode(&request.body[..]).unwrap();
            let scopes = batch.resource_spans.into_iter().flat_map(|r| r.scope_spans);
            spans.extend(scopes.flat_map(|scope| scope.spans));
        }
        let is_there = |name: &str| spans.iter().any(|span| span.name == name);
        if wanted.iter().all(|name| is_there(name)) {
            return spans;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn named<'a>(spans: &'a [Span], name: &str) -> &'a Span {
    spans.iter().find(|span| span.name == name).unwrap()
}

fn number(id: &[u8]) -> u128 {
    id.iter()
        .fold(0, |number, byte| number << 8 | u128::from(*byte))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_is_a_span_with_its_stages_under_that_of_its_caller() {
    let folder = indexed();
    let collector = collector().await;
    let server = start(folder.path(), &collector.uri());
    let caller = format!("00-{TRACE}-b7ad6b7169203331-01");
    let question = json!({"message": QUESTION, "stream": true});
    let request = server.request("POST /chat").json(&question);
    let reply = request.header("traceparent", caller).send().await.unwrap();
    // The reply is made while it is sent, and so are some of its stages.
    assert!(reply.text().await.unwrap().contains("270 mm"));
    answer(server.request("GET /sessions/nothing")).await;
    answer(server.request("GET /healthz")).await;
    let unsampled = "00-11111111111111111111111111111111-b7ad6b7169203331-00";
    let request = server.request("GET /documents");
    answer(request.header("traceparent", unsampled)).await;
    answer(
        server
            .request("GET /version")
            .header("traceparent", "nonsense"),
    )
    .await;

    let wanted = ["POST /chat", "GET /sessions/{id}", "GET /version", "verify"];
    let spans = spans(&collector, &wanted).await;
    let chat = named(&spans, "POST /chat");
    assert_eq!(
        number(&chat.trace_id),
        u128::from_str_radix(TRACE, 16).unwrap()
    );
    assert_eq!(number(&chat.parent_span_id), 0xb7ad_6b71_6920_3331);
    assert_eq!(chat.kind(), SpanKind::Server);
    for stage in ["embed", "search", "generate", "verify"] {
        let of_chat = |span: &&Span| span.name == stage && span.trace_id == chat.trace_id;
        let stage = spans.iter().find(of_chat).unwrap();
        assert_eq!(stage.parent_span_id, chat.span_id, "{stage:?}");
        assert!(
            stage.start_time_unix_nano >= chat.start_time_unix_nano,
            "{stage:?}"
        );
        assert!(
            stage.end_time_unix_nano <= chat.end_time_unix_nano,
            "{stage:?}"
        );
    }
    let names: Vec<&str> = spans.iter().map(|span| span.name.as_str()).collect();
    assert!(!names.contains(&"GET /healthz"), "{names:?}");
    assert!(
        !names.contains(&"GET /documents"),
        "its caller takes no sample: {names:?}"
    );
    let version = named(&spans, "GET /version");
    assert!(version.parent_span_id.is_empty() && version.trace_id.iter().any(|byte| *byte != 0));
    assert!(
        !format!("{spans:?}").contains("mineral"),
        "no word of a person is in it"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_is_away_holds_nothing_up_and_is_told_once() {
    let folder = indexed();
    let mut server = start(folder.path(), "http://127.0.0.1:1");
    for _ in 0..3 {
        let (status, _) = server
            .post("/chat", Some(json!({"message": QUESTION})))
            .await;
        assert_eq!(status, 200);
    }
    server
        .logged("traces are dropped: http://127.0.0.1:1")
        .await;
    assert_eq!(answer(server.request("GET /version")).await.0, 200);
    server.signal("-TERM");
    assert!(server.child.wait().unwrap().success());
    assert_eq!(server.lines("traces are dropped").len(), 1);
}
