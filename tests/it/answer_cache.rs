//! A model's answers, given again where the same is asked again.

use futures::future::join_all;
use serde_json::{Value, json};

use crate::chat_server::{ChatServer, Script};
use crate::client::{Server, indexed};
use crate::support::{run, text};

const QUESTION: &str = "What is the usual target depth of mineral wool in a loft?";
const PARAPHRASE: &str = "Tell me, what is the usual target depth of mineral wool in the attic?";
const NEAR_MISSES: [&str; 3] = [
    "What is not the usual target depth of mineral wool in a loft?",
    "Who sets the usual target depth of mineral wool in a loft?",
    "Is 100 mm the usual target depth of mineral wool in a loft?",
];
const TRUE: &str = "The usual target depth of mineral wool in a loft is about 270 mm. [1]";

fn flags<'a>(url: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let mut flags = vec!["--generator", "ollama", "--chat-url", url];
    flags.extend(["--chat-retries", "0"]);
    flags.extend_from_slice(more);
    flags
}

/// `X-Cache` and the body.
async fn ask(server: &Server, path: &str, body: Value) -> (String, String) {
    let request = server.request(&format!("POST {path}")).json(&body);
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), 200);
    let cache = response.headers()["x-cache"].to_str().unwrap().to_owned();
    (cache, response.text().await.unwrap())
}

async fn chat(server: &Server, question: &str) -> (String, Value) {
    let (cache, body) = ask(server, "/chat", json!({ "message": question })).await;
    (cache, serde_json::from_str(&body).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_gives_an_answer_again_until_the_generation_changes() {
    let folder = indexed();
    let model = ChatServer::start(&[Script::Says(TRUE)]).await;
    let mut server = Server::start(folder.path(), &flags(&model.url, &[]));
    let (cache, first) = chat(&server, QUESTION).await;
    assert_eq!(
        (cache.as_str(), &first["degraded"]),
        ("miss", &json!(false))
    );
    let (cache, again) = chat(&server, PARAPHRASE).await;
    assert_eq!(cache, "hit");
    for field in ["summary", "citations", "sentences", "generator"] {
        assert_eq!(again[field], first[field], "{again}");
    }
    let history = json!({"session_id": "x", "message_history": [QUESTION]});
    assert_eq!(ask(&server, "/generate_summary", history).await.0, "hit");
    let messages = json!([{"role": "user", "content": QUESTION}]);
    for stream in [false, true] {
        let body = json!({"model": "wattwise", "messages": messages, "stream": stream});
        let (cache, body) = ask(&server, "/v1/chat/completions", body).await;
        assert!(cache == "hit" && body.contains("270 mm"), "{body}");
    }
    let body = json!({"message": QUESTION, "stream": true});
    let (cache, body) = ask(&server, "/chat", body).await;
    assert!(cache == "hit" && body.contains("event: citation"), "{body}");
    assert_eq!(model.requests().len(), 1);
    for question in NEAR_MISSES {
        assert_ne!(chat(&server, question).await.0, "hit", "{question}");
    }
    // What the question is read with belongs to it.
    let history =
        json!({"session_id": "x", "message_history": ["How do I heat a loft?", QUESTION]});
    assert_eq!(ask(&server, "/generate_summary", history).await.0, "miss");

    server.kill();
    let mut server = Server::start(folder.path(), &flags(&model.url, &[]));
    assert_eq!(chat(&server, QUESTION).await.0, "hit");
    server.kill();
    // Without a reader other sentences count as supported.
    let unread = flags(&model.url, &["--reader", "off"]);
    let mut server = Server::start(folder.path(), &unread);
    assert_eq!(chat(&server, QUESTION).await.0, "miss");
    server.kill();
    let off = flags(&model.url, &["--answer-cache", "off"]);
    let mut server = Server::start(folder.path(), &off);
    assert_eq!(chat(&server, QUESTION).await.0, "bypass");
    server.kill();

    std::fs::write(folder.path().join("docs/new.md"), "# New\n\nA new page.\n").unwrap();
    let ingest = ["ingest", "--docs", "docs", "--index", "index"];
    let output = run(folder.path(), &ingest);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let server = Server::start(folder.path(), &flags(&model.url, &[]));
    assert_eq!(chat(&server, QUESTION).await.0, "miss");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_degraded_or_no_longer_stands_in_the_sources_is_not_given_again() {
    let folder = indexed();
    let scripts = [Script::BreaksOff("The usual"), Script::Says(TRUE)];
    let model = ChatServer::start(&scripts).await;
    let mut server = Server::start(folder.path(), &flags(&model.url, &[]));
    let (cache, reply) = chat(&server, QUESTION).await;
    assert_eq!((cache.as_str(), &reply["degraded"]), ("miss", &json!(true)));
    let (cache, reply) = chat(&server, QUESTION).await;
    assert_eq!(
        (cache.as_str(), &reply["degraded"]),
        ("miss", &json!(false))
    );
    assert_eq!(chat(&server, QUESTION).await.0, "hit");
    server.kill();

    let state = rusqlite::Connection::open(folder.path().join("state/wattwise.sqlite3")).unwrap();
    let changed = state
        .execute(
            "UPDATE answers SET answer = replace(answer, '270', '999')",
            [],
        )
        .unwrap();
    assert_eq!(changed, 1);
    drop(state);
    let server = Server::start(folder.path(), &flags(&model.url, &[]));
    let (cache, reply) = chat(&server, QUESTION).await;
    assert_eq!(cache, "miss");
    assert!(!reply.to_string().contains("999"), "{reply}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_conversation_takes_the_kept_answers_with_it() {
    let folder = indexed();
    let model = ChatServer::start(&[Script::Says(TRUE)]).await;
    let server = Server::start(folder.path(), &flags(&model.url, &[]));
    let (_, reply) = chat(&server, QUESTION).await;
    let session = reply["session_id"].as_str().unwrap();
    let deleted = server.request(&format!("DELETE /sessions/{session}"));
    assert!(deleted.send().await.unwrap().status().is_success());
    assert_eq!(chat(&server, QUESTION).await.0, "miss");
}

#[tokio::test(flavor = "multi_thread")]
async fn those_who_ask_the_same_at_once_share_one_call() {
    let folder = indexed();
    let model = ChatServer::start(&[Script::Says(TRUE)]).await;
    let server = Server::start(folder.path(), &flags(&model.url, &[]));
    let replies = join_all((0..6).map(|_| chat(&server, QUESTION))).await;
    assert_eq!(model.requests().len(), 1);
    let misses = replies.iter().filter(|(cache, _)| cache == "miss").count();
    assert_eq!(misses, 1);
    for (_, reply) in &replies {
        assert_eq!(reply["summary"], replies[0].1["summary"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_key_never_sees_the_answers_of_another() {
    let folder = indexed();
    let model = ChatServer::start(&[Script::Says(TRUE)]).await;
    let key = |name: &str| {
        let create = ["keys", "create", "--name", name, "--scopes", "chat"];
        let output = run(folder.path(), &create);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output));
        let out = String::from_utf8(output.stdout).unwrap();
        let key = out.split_whitespace().find(|word| word.starts_with("ww_"));
        key.unwrap().to_owned()
    };
    let keys = [key("one"), key("two")];
    let server = Server::start(folder.path(), &flags(&model.url, &[]));
    let ask = async |key: &str| {
        let body = json!({ "message": QUESTION });
        let request = server.request("POST /chat").header("x-api-key", key);
        let response = request.json(&body).send().await.unwrap();
        assert_eq!(response.status(), 200);
        response.headers()["x-cache"].to_str().unwrap().to_owned()
    };
    assert_eq!(ask(&keys[0]).await, "miss");
    assert_eq!(ask(&keys[0]).await, "hit");
    assert_eq!(ask(&keys[1]).await, "miss");
}
