//! The Model Context Protocol, message by message. Whether real clients are served is in
//! `scripts/check_mcp.py`.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::client::{Server, indexed};
use crate::support::{run, text, wattwise};

const QUESTION: &str = "What is the usual target depth of mineral wool in a loft?";

fn call(method: &str, params: &Value) -> Value {
    json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
}

async fn post(server: &Server, key: &str, body: &Value) -> (u16, Value) {
    let request = server
        .request("POST /mcp")
        .bearer_auth(key)
        .header("accept", "application/json, text/event-stream")
        .json(body);
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    let text = response.text().await.unwrap();
    let data = text.lines().find_map(|line| line.strip_prefix("data: {"));
    let text = data.map_or(text.clone(), |data| format!("{{{data}"));
    (
        status,
        serde_json::from_str(&text).unwrap_or(Value::String(text)),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn tools_and_documents_are_for_keys_that_hold_their_scope() {
    let folder = indexed();
    let key = |name: &str, scopes: &str| {
        let made = run(
            folder.path(),
            &[
                "keys", "create", "--state", "state", "--name", name, "--scopes", scopes,
            ],
        );
        String::from_utf8_lossy(&made.stdout).trim().to_owned()
    };
    let (chat, retrieve) = (key("a", "chat"), key("b", "retrieve"));
    let server = Server::start(folder.path(), &[]);
    let tool = |name: &str, arguments: &Value| {
        call("tools/call", &json!({"name": name, "arguments": arguments}))
    };
    let (status, listed) = post(&server, &chat, &call("tools/list", &json!({}))).await;
    assert_eq!(status, 200, "{listed}");
    let tools = listed["result"]["tools"].as_array().unwrap();
    assert_eq!(tools.len(), 4);
    assert!(
        tools
            .iter()
            .all(|tool| tool["annotations"]["readOnlyHint"] == true)
    );

    let answer = tool("answer", &json!({"question": QUESTION}));
    let (_, said) = post(&server, &chat, &answer).await;
    let content = &said["result"]["structuredContent"];
    assert_eq!(
        (&content["answered"], &content["citations"][0]["verified"]),
        (&json!(true), &json!(true)),
        "{said}"
    );
    let search = tool("search", &json!({"query": QUESTION, "limit": 3}));
    let (_, found) = post(&server, &retrieve, &search).await;
    let id = &found["result"]["structuredContent"]["results"][0]["id"];
    let (_, read) = post(&server, &retrieve, &tool("fetch", &json!({"id": id}))).await;
    let document = read["result"]["structuredContent"]["text"]
        .as_str()
        .unwrap();
    assert!(document.contains("270 mm"), "{read}");
    let resource = call(
        "resources/read",
        &json!({"uri": format!("wattwise://documents/{}", id.as_str().unwrap())}),
    );
    let (_, resource) = post(&server, &retrieve, &resource).await;
    assert_eq!(resource["result"]["contents"][0]["text"], document);

    for (key, body) in [
        (&retrieve, &answer),
        (&chat, &search),
        (&chat, &call("resources/list", &json!({}))),
    ] {
        let (_, refused) = post(&server, key, body).await;
        let message = refused["error"]["message"].as_str().unwrap_or_default();
        assert!(message.contains("lacks the scope"), "{refused}");
    }
    assert_eq!(post(&server, "wrong", &search).await.0, 401);
    // With a key too, as the specification wants it.
    let foreign = server
        .request("POST /mcp")
        .bearer_auth(&chat)
        .header("origin", "https://evil.example")
        .json(&search);
    assert_eq!(foreign.send().await.unwrap().status(), 403);
    let get = server.request("GET /mcp").bearer_auth(&chat);
    assert_eq!(get.send().await.unwrap().status(), 405);
}

#[test]
fn a_program_on_this_machine_talks_over_standard_streams() {
    let folder = indexed();
    let mut command: Command = wattwise(folder.path(), &["mcp", "--index", "index"]);
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut say = |body: &Value| writeln!(input, "{body}").unwrap();
    let initialize = json!({
        "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"},
    });
    say(&call("initialize", &initialize));
    let hello: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
    assert_eq!(hello["result"]["serverInfo"]["name"], "wattwise");
    say(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}));
    say(&call(
        "tools/call",
        &json!({"name": "answer", "arguments": {"question": QUESTION}}),
    ));
    let said: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
    let answer = &said["result"]["structuredContent"]["answer"];
    assert!(answer.as_str().unwrap().contains("270 mm"), "{said}");
    // It ends when the program leaves.
    drop(input);
    assert!(child.wait().unwrap().success());
}

#[test]
fn without_an_index_it_says_so_and_ends() {
    let folder = tempfile::tempdir().unwrap();
    let output = run(folder.path(), &["mcp", "--index", "none"]);
    assert_eq!(output.status.code(), Some(3), "{}", text(&output));
    assert!(output.stdout.is_empty());
}
