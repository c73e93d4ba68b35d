//! The server as a model of OpenAI's API.

use serde_json::{Value, json};

use crate::client::{Server, answer, indexed};
use crate::support::wattwise;

const QUESTION: &str = "What is the usual target depth of mineral wool in a loft?";

fn chunks(text: &str) -> Vec<Value> {
    let mut found: Vec<&str> = text
        .split("\n\n")
        .filter_map(|b| b.strip_prefix("data: "))
        .collect();
    assert_eq!(found.pop(), Some("[DONE]"), "{text}");
    found
        .iter()
        .map(|data| serde_json::from_str(data).unwrap())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_come_in_its_shapes_with_citations_besides() {
    let folder = indexed();
    let server = Server::start(folder.path(), &[]);
    let messages = json!([
        {"role": "system", "content": "Talk like a pirate."},
        {"role": "user", "content": "How do I stop draughts?"},
        {"role": "assistant", "content": "With strips."},
        {"role": "user", "content": [{"type": "text", "text": QUESTION}]},
    ]);
    let body = json!({"model": "wattwise", "messages": messages, "temperature": 0.5});
    let (status, whole) = server
        .post("/v1/chat/completions", Some(body.clone()))
        .await;
    assert_eq!(
        (status, &whole["object"]),
        (200, &json!("chat.completion")),
        "{whole}"
    );
    let choice = &whole["choices"][0];
    assert_eq!(
        (&choice["finish_reason"], &choice["message"]["role"]),
        (&json!("stop"), &json!("assistant"))
    );
    assert!(
        choice["message"]["content"]
            .as_str()
            .unwrap()
            .contains("270 mm")
    );
    assert_eq!(whole["citations"][0]["verified"], true);
    assert!(whole["usage"]["total_tokens"].as_u64().unwrap() > 0);

    let mut streamed = body;
    streamed["stream"] = json!(true);
    streamed["stream_options"] = json!({"include_usage": true});
    let request = server.request("POST /v1/chat/completions").json(&streamed);
    let chunks = chunks(&request.send().await.unwrap().text().await.unwrap());
    let said: String = chunks
        .iter()
        .filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str())
        .collect();
    assert_eq!(said, choice["message"]["content"].as_str().unwrap());
    let [.., end, usage] = &chunks[..] else {
        panic!("{chunks:?}");
    };
    assert_eq!(
        (&end["choices"][0]["finish_reason"], &end["citations"]),
        (&json!("stop"), &whole["citations"])
    );
    assert_eq!(
        (&usage["choices"], &usage["usage"]),
        (&json!([]), &whole["usage"])
    );

    let (_, models) = answer(server.request("GET /v1/models")).await;
    assert_eq!(models["data"][0]["id"], "wattwise");
    assert_eq!(
        answer(server.request("GET /v1/models/wattwise")).await.0,
        200
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_come_in_its_shape() {
    let folder = indexed();
    let mut command = wattwise(
        folder.path(),
        &[
            "serve",
            "--index",
            "index",
            "--bind",
            "127.0.0.1:0",
            "--log-format",
            "json",
        ],
    );
    command.env("AUTH_API_KEY", "0123456789abcdef");
    let server = Server::spawn(command);
    let (status, body) = answer(server.request("GET /v1/models")).await;
    assert_eq!(
        (status, &body["error"]["code"]),
        (401, &json!("invalid_api_key")),
        "{body}"
    );
    let user = |content: &Value| json!({"model": "wattwise", "messages": [{"role": "user", "content": content}]});
    let rows = [
        (
            "POST",
            json!({"model": "gpt-4o", "messages": [{"role": "user", "content": "x"}]}),
            404,
            "model_not_found",
            "",
        ),
        ("POST", json!({"model": "wattwise"}), 400, "", "messages"),
        (
            "POST",
            json!({"model": "wattwise", "messages": []}),
            400,
            "",
            "messages",
        ),
        ("POST", user(&Value::Null), 400, "", "messages[0].content"),
        (
            "POST",
            user(&json!([{"type": "image_url"}])),
            400,
            "",
            "messages[0].content",
        ),
        (
            "POST",
            json!({"model": "wattwise", "messages": [{"content": "x"}]}),
            400,
            "",
            "messages[0].role",
        ),
        (
            "POST",
            json!({"model": "wattwise", "messages": [{"role": "assistant", "content": "x"}]}),
            400,
            "",
            "messages[0].role",
        ),
        ("POST", json!([1]), 400, "", ""),
        ("PUT", json!({}), 405, "", ""),
    ];
    for (method, body, status, code, param) in rows {
        let request = server
            .request(&format!("{method} /v1/chat/completions"))
            .bearer_auth("0123456789abcdef")
            .json(&body);
        let (got, reply) = answer(request).await;
        assert_eq!(got, status, "{body}: {reply}");
        let error = &reply["error"];
        assert!(!error["message"].as_str().unwrap().is_empty(), "{reply}");
        assert_eq!(
            error["code"].as_str().unwrap_or_default(),
            code,
            "{body}: {reply}"
        );
        assert_eq!(
            error["param"].as_str().unwrap_or_default(),
            param,
            "{body}: {reply}"
        );
    }
    for (path, status) in [("/v1/none", 404), ("/v1/models/none", 404)] {
        let request = server
            .request(&format!("GET {path}"))
            .bearer_auth("0123456789abcdef");
        let (got, reply) = answer(request).await;
        assert_eq!(got, status);
        assert!(reply["error"]["message"].is_string(), "{reply}");
    }
}
