//! Clients that take their time, or everybody's: each is ended by its limit, set by its flag.

use std::process::Command;
use std::time::Duration;

use axum::body::Body;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::chat_server::{ChatServer, Script};
use crate::client::{Server, answer, indexed};
use crate::support::{run, wattwise};

/// Between two bytes of a dripping client; far shorter than any limit here.
const DRIP: Duration = Duration::from_millis(50);

const OPENING: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

async fn connect(server: &Server) -> TcpStream {
    let address = server.base_url.strip_prefix("http://").unwrap();
    TcpStream::connect(address).await.unwrap()
}

/// What the server says to `opening` until it ends the connection, while the client goes on with
/// one byte at a time. Without a limit this would not return.
async fn drip(server: &Server, opening: &[u8], byte: u8) -> String {
    let mut stream = connect(server).await;
    stream.write_all(opening).await.unwrap();
    let mut reply = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        tokio::select! {
            read = stream.read(&mut buffer) => match read {
                Ok(0) | Err(_) => break,
                Ok(length) => reply.extend_from_slice(&buffer[..length]),
            },
            () = tokio::time::sleep(DRIP) => {
                if stream.write_all(&[byte]).await.is_err() {
                    break;
                }
            }
        }
    }
    String::from_utf8_lossy(&reply).into_owned()
}

/// What the server says until it ends the connection of a client that says nothing more.
async fn silence(server: &Server, opening: &[u8]) -> Vec<u8> {
    let mut stream = connect(server).await;
    stream.write_all(opening).await.unwrap();
    let mut reply = Vec::new();
    // A reset is an end too.
    let _ = stream.read_to_end(&mut reply).await;
    reply
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_clients_are_ended() {
    let folder = indexed();
    let server = Server::start(
        folder.path(),
        &[
            "--first-bytes-timeout",
            "1",
            "--header-timeout",
            "1",
            "--body-timeout",
            "1",
            "--write-timeout",
            "1",
        ],
    );
    let session = server.session().await;
    let body = format!(
        "POST /ask?session_id={session} HTTP/1.1\r\nHost: localhost\r\ncontent-length: 999"
    );
    let chunked = body.replace("content-length: 999", "transfer-encoding: chunked");
    let (body, chunked) = (body + "\r\n\r\n{", chunked + "\r\n\r\n3e7\r\n{");
    let settings = b"\0\0\0\x04\0\0\0\0\0";
    let half_head = b"\0\0\x01\x01\0\0\0\0\x01\x82";
    let long_frame = [OPENING, b"\0\x3f\xf0\x04\0\0\0\0\0"].concat();
    let half_open = [OPENING, settings, half_head].concat();
    let (nothing, preface, head, in_body, in_chunk, http2, http2_head, half_frame) = tokio::join!(
        silence(&server, b""),
        silence(&server, &OPENING[..20]),
        drip(
            &server,
            b"GET /version HTTP/1.1\r\nHost: localhost\r\nx-slow: ",
            b'x'
        ),
        drip(&server, body.as_bytes(), b' '),
        drip(&server, chunked.as_bytes(), b' '),
        silence(&server, OPENING),
        silence(&server, &half_open),
        // A frame of settings announced as very long.
        drip(&server, &long_frame, 0),
    );
    assert_eq!((nothing, preface), (vec![], vec![]));
    assert!(!head.contains("200 OK"), "{head}");
    assert!(in_body.starts_with("HTTP/1.1 408 "), "{in_body}");
    assert!(in_chunk.starts_with("HTTP/1.1 408 "), "{in_chunk}");
    // They were spoken to, in frames, and never answered.
    assert!(!http2.is_empty() && !http2_head.is_empty() && !half_frame.is_empty());
    assert_eq!(answer(server.request("GET /version")).await.0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_http2_client_must_ask_and_take() {
    let folder = indexed();
    let server = Server::start(
        folder.path(),
        &[
            "--header-timeout",
            "1",
            "--write-timeout",
            "1",
            "--body-timeout",
            "1",
        ],
    );
    let open = async |window: u32| {
        let stream = TokioIo::new(connect(&server).await);
        let mut builder = http2::Builder::new(TokioExecutor::new());
        builder.initial_stream_window_size(window);
        let (sender, connection) = builder.handshake::<_, Body>(stream).await.unwrap();
        (sender, tokio::spawn(connection))
    };
    let get = |path: &str| {
        let uri = format!("{}{path}", server.base_url);
        hyper::Request::get(uri).body(Body::empty()).unwrap()
    };
    // hyper's client answers pings by itself; it asks once, and then nothing.
    let (mut idle, idle_ends) = open(1 << 16).await;
    let response = idle.send_request(get("/version")).await.unwrap();
    assert_eq!(response.status().as_u16(), 200);
    // This one lets no byte of the reply through.
    let (mut stingy, stingy_ends) = open(0).await;
    let kept = stingy.send_request(get("/openapi.json")).await.unwrap();
    assert_eq!(kept.status().as_u16(), 200);
    // This one sends the head of a request and never its body.
    let (mut slow, _connection) = open(1 << 16).await;
    let never = futures::stream::pending::<Result<Vec<u8>, std::io::Error>>();
    let request = hyper::Request::post(format!("{}/save_records", server.base_url))
        .body(Body::from_stream(never))
        .unwrap();
    let response = slow.send_request(request).await.unwrap();
    assert_eq!(response.status().as_u16(), 408);
    let _ = idle_ends.await.unwrap();
    let _ = stingy_ends.await.unwrap();
    drop(kept);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_has_its_time() {
    let folder = indexed();
    let server = Server::start(folder.path(), &["--request-timeout", "1"]);
    let never = futures::stream::pending::<Result<Vec<u8>, std::io::Error>>();
    let request = server.request("POST /save_records");
    let response = request
        .body(reqwest::Body::wrap_stream(never))
        .send()
        .await
        .unwrap();
    assert_eq!(response.status().as_u16(), 504);
    assert_eq!(response.headers()["retry-after"], "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_at_once_are_refused_at_once() {
    let folder = indexed();
    let script = Script::Waits("The usual target depth is about 270 mm.", " ");
    let model = ChatServer::start(&[script]).await;
    let server = Server::start(
        folder.path(),
        &[
            "--generator",
            "ollama",
            "--chat-url",
            &model.url,
            "--chat-words-timeout",
            "40",
            "--max-concurrent",
            "1",
        ],
    );
    let body = json!({"message": "How deep should loft insulation be?"});
    let held = tokio::spawn(answer(server.request("POST /chat").json(&body)));
    while model.requests().is_empty() {
        tokio::time::sleep(DRIP).await;
    }
    let refused = server.request("GET /version").send().await.unwrap();
    assert_eq!(refused.status().as_u16(), 503);
    assert_eq!(refused.headers()["retry-after"], "1");
    assert_eq!(answer(server.request("GET /healthz")).await.0, 200);
    assert_eq!(answer(server.request("GET /readyz")).await.0, 200);
    model.go_on();
    assert_eq!(held.await.unwrap().0, 200);
    assert_eq!(answer(server.request("GET /version")).await.0, 200);
}

/// Bodies of which no more will come, on connections of their own.
async fn hold_bodies(server: &Server, count: usize) -> Vec<TcpStream> {
    let head = "POST /save_records HTTP/1.1\r\nHost: localhost\r\ncontent-length: 100\r\n\r\n{";
    let mut held = Vec::new();
    for _ in 0..count {
        let mut stream = connect(server).await;
        stream.write_all(head.as_bytes()).await.unwrap();
        held.push(stream);
    }
    held
}

#[tokio::test(flavor = "multi_thread")]
async fn a_place_is_taken_only_when_the_body_is_there() {
    let folder = indexed();
    let server = Server::start(folder.path(), &["--max-concurrent", "1"]);
    let session = server.session().await;
    let _held = hold_bodies(&server, 50).await;
    let ask = format!("/ask?session_id={session}");
    for _ in 0..5 {
        let (status, body) = server.post(&ask, Some(json!({"message": "x"}))).await;
        assert_eq!(status, 200, "{body}");
        assert_eq!(answer(server.request("GET /version")).await.0, 200);
        assert_eq!(answer(server.request("GET /readyz")).await.0, 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_slowest_bodies_make_room_for_others() {
    let folder = indexed();
    let limits = ["--max-arriving", "1", "--max-body", "100"];
    let server = Server::start(folder.path(), &limits);
    let session = server.session().await;
    // Each costs 16 KiB at least, so that 64 of them fill the mebibyte.
    let mut held = hold_bodies(&server, 100).await;
    let mut reply = String::new();
    held[0].read_to_string(&mut reply).await.unwrap();
    assert!(reply.starts_with("HTTP/1.1 408 "), "{reply}");
    // One in two parts comes through all the same.
    let body = r#"{"message": "in two parts"}"#;
    let head = format!(
        "POST /ask?session_id={session} HTTP/1.1\r\nHost: localhost\r\nconnection: close\r\n\
         content-length: {}\r\n\r\n{}",
        body.len(),
        &body[..10]
    );
    let mut stream = connect(&server).await;
    stream.write_all(head.as_bytes()).await.unwrap();
    tokio::time::sleep(2 * DRIP).await;
    stream.write_all(&body.as_bytes()[10..]).await.unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).await.unwrap();
    assert!(reply.starts_with("HTTP/1.1 200 "), "{reply}");
}

/// What `/metrics` says of `name`.
async fn figure(server: &Server, name: &str) -> f64 {
    let reply = server.request("GET /metrics").send().await.unwrap();
    let text = reply.text().await.unwrap();
    let line = text.lines().find(|line| line.starts_with(name)).unwrap();
    line.rsplit(' ').next().unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_reads_is_bounded_and_told() {
    let folder = indexed();
    let server = Server::start(folder.path(), &["--max-unread", "1"]);
    let ask = async || {
        let stream = TokioIo::new(connect(&server).await);
        let mut builder = http2::Builder::new(TokioExecutor::new());
        builder.initial_stream_window_size(0);
        let (mut sender, connection) = builder.handshake::<_, Body>(stream).await.unwrap();
        let ends = tokio::spawn(connection);
        let mut kept = Vec::new();
        for _ in 0..40 {
            let uri = format!("{}/docs/swagger-ui-bundle.js", server.base_url);
            let request = hyper::Request::get(uri).body(Body::empty()).unwrap();
            kept.push(sender.send_request(request).await.unwrap());
        }
        (sender, ends, kept)
    };
    let (_sender, first_ends, _kept) = ask().await;
    assert!(figure(&server, "wattwise_http_unread_bytes ").await >= f64::from(40 << 14));
    // Two such connections are more than may wait; the first has waited longer.
    let (_sender, _ends, _kept) = ask().await;
    let _ = first_ends.await.unwrap();
    assert!(figure(&server, "wattwise_http_unread_bytes ").await <= f64::from(1 << 20));
    let shed = "wattwise_http_requests_shed_total{reason=\"unread_reply\"}";
    assert!(figure(&server, shed).await >= 1.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_does_not_read_is_not_worked_for() {
    let folder = indexed();
    // Two replies of 16 KiB and more are what may wait on a connection.
    let limits = ["--max-unread-per-connection", "32"];
    let server = Server::start(folder.path(), &limits);
    let stream = TokioIo::new(connect(&server).await);
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder.initial_stream_window_size(0);
    let (mut sender, connection) = builder.handshake::<_, Body>(stream).await.unwrap();
    tokio::spawn(connection);
    let get = || {
        let uri = format!("{}/version", server.base_url);
        hyper::Request::get(uri).body(Body::empty()).unwrap()
    };
    let first = sender.send_request(get()).await.unwrap();
    let _second = sender.send_request(get()).await.unwrap();
    let mut third = std::pin::pin!(sender.send_request(get()));
    let early = tokio::time::timeout(10 * DRIP, &mut third).await;
    assert!(early.is_err(), "the third one waits");
    // Giving up one reply is as good as reading it.
    drop(first);
    assert_eq!(third.await.unwrap().status().as_u16(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_that_nobody_reads_takes_no_place() {
    let folder = indexed();
    let limits = [
        "--max-concurrent",
        "1",
        "--max-body",
        "2048",
        "--max-message",
        "2048",
    ];
    let server = Server::start(folder.path(), &limits);
    // More than what the buffers of both ends hold.
    for _ in 0..16 {
        let session = server.session().await;
        let message = json!({"message": "x".repeat(1_900_000)});
        let (status, _) = server
            .post(&format!("/ask?session_id={session}"), Some(message))
            .await;
        assert_eq!(status, 200);
    }
    let mut deaf = connect(&server).await;
    let request = b"GET /export HTTP/1.1\r\nHost: localhost\r\nconnection: close\r\n\r\n";
    deaf.write_all(request).await.unwrap();
    assert!(deaf.read_u8().await.is_ok(), "it has begun");
    let mut answered = 0;
    for _ in 0..100 {
        let (status, _) = answer(server.request("GET /version")).await;
        answered = if status == 200 { answered + 1 } else { 0 };
        if answered == 5 {
            break;
        }
        tokio::time::sleep(DRIP).await;
    }
    assert_eq!(answered, 5);
    // It goes on as soon as somebody reads.
    let mut reply = Vec::new();
    deaf.read_to_end(&mut reply).await.unwrap();
    assert!(reply.len() > 16 * 1_900_000, "{}", reply.len());
    assert!(reply.ends_with(b"0\r\n\r\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_said_all_may_close_that_side() {
    let folder = indexed();
    let server = Server::start(folder.path(), &[]);
    let mut stream = connect(&server).await;
    let request = b"POST /retrieve_contexts?message=loft HTTP/1.1\r\nHost: localhost\r\n\r\n";
    stream.write_all(request).await.unwrap();
    stream.shutdown().await.unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).await.unwrap();
    assert!(reply.starts_with("HTTP/1.1 200 OK\r\n"), "{reply}");
    assert!(reply.ends_with('}'), "{reply}");
}

#[tokio::test(flavor = "multi_thread")]
async fn over_the_cap_an_idle_connection_makes_room_and_one_at_work_does_not() {
    let folder = indexed();
    let script = Script::Waits("The usual target depth is about 270 mm.", " ");
    let model = ChatServer::start(&[script]).await;
    let server = Server::start(
        folder.path(),
        &[
            "--generator",
            "ollama",
            "--chat-url",
            &model.url,
            "--chat-words-timeout",
            "40",
            "--max-connections",
            "1",
        ],
    );
    let request = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let mut idle = connect(&server).await;
    idle.write_all(request).await.unwrap();
    assert!(idle.read_u8().await.is_ok());
    let body = json!({"message": "How deep should loft insulation be?"});
    let busy = tokio::spawn(answer(server.request("POST /chat").json(&body)));
    // The end, or a reset.
    let mut rest = Vec::new();
    let _ = idle.read_to_end(&mut rest).await;
    while model.requests().is_empty() {
        tokio::time::sleep(DRIP).await;
    }
    let mut second = connect(&server).await;
    second.write_all(request).await.unwrap();
    let early = tokio::time::timeout(10 * DRIP, second.read_u8()).await;
    assert!(early.is_err(), "the second one waits");
    model.go_on();
    assert_eq!(busy.await.unwrap().0, 200);
    assert!(second.read_u8().await.is_ok(), "and is served in its turn");
}

#[tokio::test(flavor = "multi_thread")]
async fn few_descriptors_bound_the_connections_and_leave_some_for_a_generation() {
    let folder = indexed();
    let program = wattwise(folder.path(), &[]);
    let mut command = Command::new("sh");
    command
        .args(["-c", "ulimit -n 120; exec \"$0\" \"$@\""])
        .arg(program.get_program())
        .args(["serve", "--index", "index", "--state", "state"])
        .args(["--bind", "127.0.0.1:0", "--log-format", "json"])
        .args(["--reload-interval", "1"])
        .current_dir(folder.path());
    for (name, value) in program.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    let server = Server::spawn(command);
    let id = async || {
        let reply = server.request("GET /version").send().await.unwrap();
        reply.headers()["x-snapshot-id"]
            .to_str()
            .unwrap()
            .to_owned()
    };
    let before = id().await;
    let mut idle = Vec::new();
    for _ in 0..200 {
        idle.push(connect(&server).await);
    }
    let note = folder.path().join("docs/note.md");
    std::fs::write(note, "# Note\n\nA tank jacket is 80 mm thick all round.\n").unwrap();
    let arguments = ["ingest", "--docs", "docs", "--index", "index"];
    assert_eq!(run(folder.path(), &arguments).status.code(), Some(0));
    while id().await == before {
        tokio::time::sleep(DRIP).await;
    }
    let mut warnings = server.lines("WARN");
    warnings.retain(|line| line.contains("connections"));
    assert_eq!(warnings.len(), 1, "{warnings:#?}");
}
