//! What was acknowledged is there, whatever happens to the server.

use std::collections::HashMap;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::client::{Server, answer, indexed};

const KILLS: u64 = 20;
const WRITERS: usize = 6;
/// What must be acknowledged before a server is killed.
const WRITES_A_ROUND: usize = 10;

/// Sessions with the messages and records that were acknowledged.
type Acknowledged = HashMap<String, (Vec<String>, Vec<String>)>;

#[tokio::test(flavor = "multi_thread")]
async fn twenty_kills_under_load_lose_nothing_that_was_acknowledged() {
    let folder = indexed();
    let mut acknowledged = Acknowledged::new();
    for round in 0..KILLS {
        let mut server = Server::start(folder.path(), &[]);
        let mut writers = JoinSet::new();
        let (tell, mut told) = mpsc::unbounded_channel();
        for writer in 0..WRITERS {
            let base_url = server.base_url.clone();
            let name = format!("{round}-{writer}");
            writers.spawn(write_until_it_dies(base_url, name, tell.clone()));
        }
        drop(tell);
        // A different moment each time, somewhere in the load, however slow the machine is.
        for _ in 0..WRITES_A_ROUND {
            told.recv().await.unwrap();
        }
        tokio::time::sleep(Duration::from_millis(17 * (round % 7))).await;
        server.kill();
        for written in writers.join_all().await {
            acknowledged.extend(written);
        }
    }
    let server = Server::start(folder.path(), &[]);
    for (session, (messages, records)) in acknowledged {
        let (status, found) = answer(server.request(&format!("GET /sessions/{session}"))).await;
        assert_eq!(status, 200, "session {session} is lost");
        assert_prefix(&messages, &found["messages"], "text");
        assert_prefix(&records, &found["records"], "summary");
    }
}

/// What was acknowledged comes first and in its order; one more write may have been under way.
fn assert_prefix(acknowledged: &[String], found: &Value, field: &str) {
    let found: Vec<&str> = found
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry[field].as_str().unwrap())
        .collect();
    assert!(found.len() <= acknowledged.len() + 1, "{found:?}");
    assert_eq!(found[..acknowledged.len()], *acknowledged);
}

/// Tells of each message and record that was acknowledged.
async fn write_until_it_dies(
    base_url: String,
    name: String,
    tell: mpsc::UnboundedSender<()>,
) -> Acknowledged {
    let client = reqwest::Client::new();
    let post = async |path: &str, body: Value| -> Option<Value> {
        let request = client.post(format!("{base_url}{path}")).json(&body);
        let response = request.send().await.ok()?;
        assert_eq!(response.status().as_u16(), 200);
        response.json().await.ok()
    };
    let mut written = Acknowledged::new();
    for number in 0.. {
        let Some(opened) = post("/get_session_id", Value::Null).await else {
            break;
        };
        let session = opened["session_id"].as_str().unwrap().to_owned();
        let (messages, records) = written.entry(session.clone()).or_default();
        for part in 0..3 {
            let text = format!("{name}-{number}-{part}");
            let path = format!("/ask?session_id={session}");
            if post(&path, json!({ "message": text })).await.is_none() {
                return written;
            }
            messages.push(text.clone());
            let _ = tell.send(());
            let record = json!({"session_id": session, "summary": text});
            if post("/save_records", record).await.is_none() {
                return written;
            }
            records.push(text);
            let _ = tell.send(());
        }
    }
    written
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_clients_of_one_session_lose_nothing_and_keep_their_order() {
    const CLIENTS: usize = 50;
    const MESSAGES: usize = 10;
    let folder = indexed();
    let server = Server::start(folder.path(), &[]);
    let session = server.session().await;
    let mut clients = JoinSet::new();
    for client in 0..CLIENTS {
        let url = format!("{}/ask?session_id={session}", server.base_url);
        clients.spawn(async move {
            let http = reqwest::Client::new();
            for number in 0..MESSAGES {
                let body = json!({"message": format!("{client} {number}")});
                let response = http.post(&url).json(&body).send().await.unwrap();
                assert_eq!(response.status().as_u16(), 200);
            }
        });
    }
    clients.join_all().await;
    let history = json!({ "session_id": session });
    let (status, history) = server.post("/get_session_history", Some(history)).await;
    assert_eq!((status, &history["session_id"]), (200, &json!(session)));
    let history = history["message_history"].as_array().unwrap();
    assert_eq!(history.len(), CLIENTS * MESSAGES);
    let mut next = vec![0; CLIENTS];
    for message in history {
        let (client, number) = message.as_str().unwrap().split_once(' ').unwrap();
        let (client, number): (usize, usize) = (client.parse().unwrap(), number.parse().unwrap());
        assert_eq!(next[client], number, "client {client}");
        next[client] += 1;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_write_gets_the_same_reply_after_a_kill_too() {
    let folder = indexed();
    let mut server = Server::start(folder.path(), &[]);
    let open = |server: &Server| {
        let request = server.request("POST /get_session_id");
        answer(request.header("idempotency-key", "first"))
    };
    let (_, opened) = open(&server).await;
    server.kill();
    let server = Server::start(folder.path(), &[]);
    assert_eq!(open(&server).await, (200, opened.clone()));

    let session = opened["session_id"].as_str().unwrap();
    let ask = |key: &str, message: &str| {
        let request = server.request(&format!("POST /ask?session_id={session}"));
        let body = json!({ "message": message });
        answer(request.header("idempotency-key", key).json(&body))
    };
    let first = ask("second", "hello").await;
    assert_eq!(ask("second", "hello").await, first);
    let (status, refused) = ask("second", "goodbye").await;
    assert_eq!(status, 422);
    assert_eq!(refused["detail"][0]["type"], "idempotency_key");
    assert_eq!(ask("first", "hello").await.0, 422, "it named another route");
    assert_eq!(ask("with space", "hello").await.0, 422);
    let (_, found) = answer(server.request(&format!("GET /sessions/{session}"))).await;
    assert_eq!(found["message_count"], 1, "{found}");
}
