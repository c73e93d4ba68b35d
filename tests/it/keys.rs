//! Keys: made on the terminal, asked for by the server, each with its own scopes and sessions.

use std::path::Path;

use serde_json::{Value, json};

use crate::client::{Server, answer, indexed};
use crate::support::{run, text};

fn create(folder: &Path, scopes: &str) -> String {
    let output = run(
        folder,
        &["keys", "create", "--name", "test", "--scopes", scopes],
    );
    assert!(output.status.success(), "{}", text(&output));
    let key = String::from_utf8(output.stdout).unwrap().trim().to_owned();
    assert!(key.starts_with("ww_") && key.len() == 84, "{key}");
    key
}

/// Asks until the server has taken notice of a change.
async fn until(server: &Server, line: &str, key: &str, status: u16) {
    for _ in 0..200 {
        if answer(server.request(line).bearer_auth(key)).await.0 == status {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("{line} never gave {status}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_key_closes_the_door_and_revoking_it_opens_nothing() {
    let folder = indexed();
    let server = Server::start(folder.path(), &[]);
    assert_eq!(answer(server.request("GET /version")).await.0, 200);
    let key = create(folder.path(), "chat");
    until(&server, "GET /version", "nonsense", 401).await;
    let version = || server.request("GET /version");
    for request in [
        version().header("authorization", &key),
        version().bearer_auth(&key),
        version().header("x-api-key", &key),
        version().basic_auth("me", Some(&key)),
        version().basic_auth(&key, None::<&str>),
    ] {
        assert_eq!(answer(request).await.0, 200);
    }
    for path in ["/healthz", "/readyz"] {
        let (status, body) = answer(server.request(&format!("GET {path}"))).await;
        assert_eq!(status, 200, "{body}");
    }

    let id = key.split('_').nth(1).unwrap();
    let listed = run(folder.path(), &["keys", "list"]);
    assert!(text(&listed).contains(id) && !text(&listed).contains(&key));
    assert!(run(folder.path(), &["keys", "revoke", id]).status.success());
    until(&server, "GET /version", &key, 401).await;
    assert_eq!(answer(version()).await.0, 401);
    for wrong in ["0123456789abcdef", "x"] {
        assert!(
            !run(folder.path(), &["keys", "revoke", wrong])
                .status
                .success()
        );
    }
    let wrong = ["keys", "create", "--name", "n", "--scopes", "root"];
    assert_eq!(run(folder.path(), &wrong).status.code(), Some(2));
    let state = std::fs::read(folder.path().join("state/wattwise.sqlite3-wal")).unwrap();
    let secret = key.split('_').nth(2).unwrap().as_bytes();
    assert!(!state.windows(secret.len()).any(|window| window == secret));
}

#[tokio::test(flavor = "multi_thread")]
async fn each_key_does_what_its_scopes_allow_and_sees_its_own_sessions() {
    let folder = indexed();
    let [chat, other, search, admin] =
        ["chat", "chat", "retrieve", "admin"].map(|scopes| create(folder.path(), scopes));
    let server = Server::start(folder.path(), &["--auth-api-key", "0123456789abcdef"]);
    let send = async |key: &str, line: &str, body: Value| {
        let request = server.request(line).bearer_auth(key);
        answer(if body.is_null() {
            request
        } else {
            request.json(&body)
        })
        .await
    };
    let operator = "0123456789abcdef";
    let search_line = "POST /retrieve_contexts?message=loft";
    for (key, line, status) in [
        (&*chat, "POST /get_session_id", 200),
        (&*search, "POST /get_session_id", 403),
        (&*admin, "POST /get_session_id", 200),
        (operator, "POST /get_session_id", 200),
        (&*chat, search_line, 403),
        (&*search, search_line, 200),
        (&*chat, "GET /metrics", 403),
        (&*admin, "GET /metrics", 200),
        (operator, "GET /metrics", 200),
        (&*search, "GET /sessions/x", 403),
        (&*search, "GET /openapi.json", 200),
        (&*search, "GET /nothing", 404),
    ] {
        let (got, body) = send(key, line, Value::Null).await;
        assert_eq!(got, status, "{line}: {body}");
        if status == 403 {
            assert!(body["detail"].as_str().unwrap().contains("scope"));
        }
    }

    let (_, opened) = send(&chat, "POST /get_session_id", Value::Null).await;
    let session = opened["session_id"].as_str().unwrap();
    let ask = format!("POST /ask?session_id={session}");
    let message = json!({"message": "mine"});
    assert_eq!(send(&chat, &ask, message.clone()).await.0, 200);
    let rating = json!({"session_id": session, "rating": 1, "comment": "good"});
    let record = json!({"session_id": session, "summary": "s", "more": [1]});
    let named = json!({ "session_id": session });
    let show = format!("GET /sessions/{session}");
    let delete = format!("DELETE /sessions/{session}");
    for key in [&*other, &*admin, operator] {
        for (line, body) in [
            (&*ask, &message),
            (&*show, &Value::Null),
            (&*delete, &Value::Null),
            ("POST /feedback", &rating),
            ("POST /save_records", &record),
            ("POST /get_session_history", &named),
        ] {
            let (status, body) = send(key, line, body.clone()).await;
            assert_eq!(
                (status, &body["detail"]),
                (404, &json!("Session not found"))
            );
        }
    }
    assert_eq!(send(&chat, "POST /feedback", rating).await.0, 200);
    assert_eq!(send(&chat, "POST /save_records", record).await.0, 200);
    let (_, shown) = send(&chat, &show, Value::Null).await;
    assert_eq!(shown["messages"][0]["text"], "mine");
    assert_eq!(shown["feedback"][0]["comment"], "good");
    assert_eq!(shown["records"][0]["details"], json!({"more": [1]}));
    for (body, status) in [
        (json!({"session_id": session, "rating": 0}), 422),
        (json!({"session_id": session}), 422),
        (json!({"session_id": session, "rating": -1}), 200),
    ] {
        assert_eq!(send(&chat, "POST /feedback", body).await.0, status);
    }

    let (_, page) = send(&chat, "GET /sessions?limit=1", Value::Null).await;
    assert_eq!(page["sessions"][0]["session_id"], json!(session));
    let next = format!("GET /sessions?after={}", page["next"].as_str().unwrap());
    let (_, page) = send(&chat, &next, Value::Null).await;
    assert_eq!(page["sessions"].as_array().unwrap().len(), 1);
    assert_eq!(page["next"], Value::Null);

    let export = server.request("GET /export").bearer_auth(&chat);
    let lines = export.send().await.unwrap().text().await.unwrap();
    let lines: Vec<Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 2);
    let (_, shown) = send(&chat, &show, Value::Null).await;
    assert_eq!(lines[0], shown);
    assert_eq!(send(&chat, &delete, Value::Null).await.0, 204);
    assert_eq!(send(&chat, &show, Value::Null).await.0, 404);
}
