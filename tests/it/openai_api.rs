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
    assert_eq!(
        whole["not_honoured"],
        json!(["temperature", "messages[0] (system)"])
    );
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

/// Method, body, and the status, code and parameter of the error.
fn wrong_requests() -> [(&'static str, Value, u16, &'static str, &'static str); 9] {
    let user = |content: &Value| json!({"model": "wattwise", "messages": [{"role": "user", "content": content}]});
    [
        (
            "POST",
            json!({"model": "gpt-4o", "messages": [{"role": "user", "content": "x"}]}),
            404,
            "model_not_found",
            "model",
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
            "messages",
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
            "messages",
        ),
        ("POST", json!([1]), 400, "", ""),
        ("PUT", json!({}), 405, "", ""),
    ]
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
    for (method, body, status, code, param) in wrong_requests() {
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
    for (path, code) in [
        ("/v1/none", "unknown_url"),
        ("/v1/models/none", "model_not_found"),
    ] {
        let request = server
            .request(&format!("GET {path}"))
            .bearer_auth("0123456789abcdef");
        let (got, reply) = answer(request).await;
        assert_eq!(
            (got, &reply["error"]["code"]),
            (404, &json!(code)),
            "{reply}"
        );
    }
    // As curl sends a body that it is not told the type of.
    let untyped = server
        .request("POST /v1/chat/completions")
        .bearer_auth("0123456789abcdef")
        .header("content-type", "application/x-www-form-urlencoded")
        .body("{}");
    let (status, reply) = answer(untyped).await;
    let message = reply["error"]["message"].as_str().unwrap();
    assert_eq!(status, 415);
    assert!(
        message.contains("Content-Type: application/json"),
        "{message}"
    );
}

fn asking(more: &Value) -> Value {
    let mut body =
        json!({"model": "wattwise", "messages": [{"role": "user", "content": QUESTION}]});
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    body
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_ends_with_its_sources_unless_they_are_not_wanted() {
    let folder = indexed();
    let server = Server::start(folder.path(), &[]);
    let path = "/v1/chat/completions";
    let (_, whole) = server.post(path, Some(asking(&json!({})))).await;
    let message = &whole["choices"][0]["message"];
    let text = message["content"].as_str().unwrap();
    let (answer, sources) = text.split_once("\n\n**Sources**\n\n").unwrap();
    let citations = whole["citations"].as_array().unwrap();
    assert_eq!(sources.lines().count(), citations.len(), "{text}");
    let annotation = &message["annotations"][0]["url_citation"];
    let url = annotation["url"].as_str().unwrap();
    assert!(sources.contains(url), "{text}");
    let at = |name: &str| usize::try_from(annotation[name].as_u64().unwrap()).unwrap();
    let marker: String = text
        .chars()
        .skip(at("start_index"))
        .take(at("end_index") - at("start_index"))
        .collect();
    assert_eq!(marker, "[1]");
    // The link leads to the quote.
    let place = url.strip_prefix(&server.base_url).unwrap();
    let (status, found) = crate::client::answer(server.request(&format!("GET {place}"))).await;
    assert_eq!((status, &found["quote"]), (200, &citations[0]["quote"]));
    let (_, bare) = server
        .post(path, Some(asking(&json!({"sources": false}))))
        .await;
    assert_eq!(bare["choices"][0]["message"]["content"], answer);
    drop(server);
    let off = Server::start(folder.path(), &["--openai-sources", "off"]);
    let (_, bare) = off.post(path, Some(asking(&json!({})))).await;
    assert_eq!(bare["choices"][0]["message"]["content"], answer);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_client_wishes_is_done_or_named() {
    let folder = indexed();
    let server = Server::start(folder.path(), &[]);
    let path = "/v1/chat/completions";
    let content = |reply: &Value| reply["choices"][0]["message"]["content"].clone();
    let (_, short) = server
        .post(path, Some(asking(&json!({"max_tokens": 2}))))
        .await;
    assert_eq!(short["choices"][0]["finish_reason"], "length");
    assert!(content(&short).as_str().unwrap().len() <= 8);
    let (_, stopped) = server
        .post(path, Some(asking(&json!({"stop": "270"}))))
        .await;
    assert_eq!(stopped["choices"][0]["finish_reason"], "stop");
    assert!(!content(&stopped).as_str().unwrap().contains("270"));
    let schema = json!({"type": "object", "properties": {
        "answered": {"type": "boolean"}, "answer": {"type": "string"},
    }});
    let format = json!({"type": "json_schema", "json_schema": {"name": "x", "schema": schema}});
    let (_, object) = server
        .post(path, Some(asking(&json!({"response_format": format}))))
        .await;
    let object: Value = serde_json::from_str(content(&object).as_str().unwrap()).unwrap();
    assert_eq!(object["answered"], true);
    assert!(
        object["answer"].as_str().unwrap().contains("270 mm"),
        "{object}"
    );
    let tools = json!({"tools": [{"type": "function"}], "tool_choice": "auto", "seed": 1});
    let (_, named) = server.post(path, Some(asking(&tools))).await;
    assert_eq!(named["not_honoured"], json!(["seed", "tools"]));
    // A picture is passed over, and the person is told.
    let parts = json!([{"type": "text", "text": QUESTION}, {"type": "image_url", "image_url": {"url": "data:"}}]);
    let messages = json!([{"role": "user", "content": parts}, {"role": "tool", "content": "42"}]);
    let (status, seen) = server
        .post(path, Some(asking(&json!({"messages": messages}))))
        .await;
    assert_eq!(status, 200, "{seen}");
    assert!(content(&seen).as_str().unwrap().contains("not read here"));
    assert_eq!(
        seen["not_honoured"],
        json!(["messages[0].content[1] (image_url)", "messages[1] (tool)"])
    );
    let price = json!({"type": "object", "properties": {"price": {"type": "number"}}});
    let foreign = json!({"type": "json_schema", "json_schema": {"name": "x", "schema": price}});
    for (wish, param) in [
        (json!({"n": 2}), "n"),
        (json!({"tool_choice": "required"}), "tool_choice"),
        (json!({"response_format": foreign}), "response_format"),
        (json!({"max_tokens": 0}), "max_tokens"),
    ] {
        let (status, refused) = server.post(path, Some(asking(&wish))).await;
        assert_eq!(
            (status, &refused["error"]["param"]),
            (400, &json!(param)),
            "{refused}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_has_a_delta_for_each_sentence() {
    let folder = indexed();
    let server = Server::start(folder.path(), &[]);
    let question = "How do I stop draughts around doors and windows?";
    let messages = json!([{"role": "user", "content": question}]);
    let body = asking(&json!({"messages": messages, "stream": true}));
    let request = server.request("POST /v1/chat/completions").json(&body);
    let chunks = chunks(&request.send().await.unwrap().text().await.unwrap());
    let end = chunks.last().unwrap();
    let sentences = end["sentences"].as_array().unwrap().len();
    let deltas = chunks
        .iter()
        .filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str())
        .filter(|text| !text.is_empty())
        .count();
    // The sources are one more.
    assert!(deltas > sentences && sentences > 0, "{deltas} {end}");
    assert!(
        end["choices"][0]["delta"]["annotations"].is_array(),
        "{end}"
    );
}
