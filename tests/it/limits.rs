//! Each limit from its flag to what a client gets.

use serde_json::{Value, json};

use crate::client::{Server, answer, indexed};

#[tokio::test(flavor = "multi_thread")]
async fn what_a_request_may_cost_is_told_by_flags() {
    let folder = indexed();
    let server = Server::start(
        folder.path(),
        &[
            "--max-body",
            "4",
            "--max-message",
            "1",
            "--max-contexts",
            "2",
            "--max-json-depth",
            "5",
            "--max-session-entries",
            "2",
            "--max-header",
            "8",
            "--body-timeout",
            "1",
        ],
    );
    let session = server.session().await;
    let ask = format!("/ask?session_id={session}");
    let message = |length: usize| Some(json!({"message": "x".repeat(length)}));
    assert_eq!(server.post(&ask, message(5000)).await.0, 413);
    let (status, body) = server.post(&ask, message(1025)).await;
    assert_eq!(status, 422);
    assert_eq!(body["detail"][0]["type"], "string_too_long");
    assert_eq!(server.post(&ask, message(1024)).await.0, 200);
    assert_eq!(
        server
            .post(&ask, Some(json!({"message": "x", "y": [[[[[]]]]]})))
            .await
            .0,
        400
    );

    let search = |k: &str| format!("/retrieve_contexts?message=loft&k={k}");
    assert_eq!(server.post(&search("3"), None).await.0, 422);
    let (_, found) = server.post("/retrieve_contexts?message=loft", None).await;
    assert_eq!(found["contexts"].as_array().unwrap().len(), 2);
    let summary = json!({"session_id": "x", "contexts": ["a", "b", "c"], "message_history": ["q"]});
    let (status, body) = server.post("/generate_summary", Some(summary)).await;
    assert_eq!(
        (status, &body["detail"][0]["type"]),
        (422, &json!("too_long"))
    );

    assert_eq!(server.post(&ask, message(1)).await.0, 200);
    assert_eq!(server.post(&ask, message(1)).await.0, 409);
    let large = server
        .request("GET /version")
        .header("x-large", "x".repeat(9000));
    assert_eq!(large.send().await.unwrap().status().as_u16(), 431);
    let never = futures::stream::pending::<Result<Vec<u8>, std::io::Error>>();
    let slow = server.request(&format!("POST {ask}"));
    let (status, _) = answer(slow.body(reqwest::Body::wrap_stream(never))).await;
    assert_eq!(status, 408);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_comes_too_often_is_told_when_to_come_again() {
    let folder = indexed();
    let server = Server::start(folder.path(), &["--requests-per-minute", "3"]);
    let mut left = Vec::new();
    for _ in 0..3 {
        let response = server.request("GET /version").send().await.unwrap();
        assert_eq!(response.status().as_u16(), 200);
        assert_eq!(
            response.headers()["ratelimit-policy"],
            "\"default\";q=3;w=60"
        );
        left.push(response.headers()["ratelimit"].to_str().unwrap()[..13].to_owned());
    }
    assert_eq!(
        left,
        ["\"default\";r=2", "\"default\";r=1", "\"default\";r=0"]
    );
    let response = server.request("GET /version").send().await.unwrap();
    assert_eq!(response.status().as_u16(), 429);
    let wait: u64 = response.headers()["retry-after"]
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    assert!((1..=20).contains(&wait), "{wait}");
    assert_eq!(
        response.json::<Value>().await.unwrap()["detail"],
        "Too many requests, slow down"
    );
    assert_eq!(answer(server.request("GET /healthz")).await.0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_expire_when_told_to() {
    let folder = indexed();
    let mut server = Server::start(folder.path(), &[]);
    let session = server.session().await;
    server.kill();
    // Two seconds later the session is older than the one second it may live.
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    let server = Server::start(folder.path(), &["--session-ttl", "1"]);
    let show = format!("GET /sessions/{session}");
    for _ in 0..100 {
        if answer(server.request(&show)).await.0 == 404 {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("the session is still there");
}
