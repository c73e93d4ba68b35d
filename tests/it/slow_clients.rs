//! Clients that take their time, or everybody's: each is ended by its limit, set by its flag.

use std::time::Duration;

use axum::body::Body;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::client::{Server, answer, indexed};

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
    let server = Server::start(folder.path(), &["--max-concurrent", "1"]);
    let session = server.session().await;
    let body = json!({"message": "held"}).to_string();
    let head = format!(
        "POST /ask?session_id={session} HTTP/1.1\r\nHost: localhost\r\ncontent-length: {}\r\n\
         content-type: application/json\r\nconnection: close\r\nexpect: 100-continue\r\n\r\n",
        body.len()
    );
    let mut held = connect(&server).await;
    held.write_all(head.as_bytes()).await.unwrap();
    // The server says so when it begins to read the body of a request that it has let in.
    let mut go_on = [0; b"HTTP/1.1 100 Continue\r\n\r\n".len()];
    held.read_exact(&mut go_on).await.unwrap();
    assert_eq!(&go_on, b"HTTP/1.1 100 Continue\r\n\r\n");
    let refused = server.request("GET /version").send().await.unwrap();
    assert_eq!(refused.status().as_u16(), 503);
    assert_eq!(refused.headers()["retry-after"], "1");
    assert_eq!(answer(server.request("GET /healthz")).await.0, 200);
    assert_eq!(answer(server.request("GET /readyz")).await.0, 200);
    held.write_all(body.as_bytes()).await.unwrap();
    let mut reply = String::new();
    held.read_to_string(&mut reply).await.unwrap();
    assert!(reply.starts_with("HTTP/1.1 200 OK\r\n"), "{reply}");
    assert_eq!(answer(server.request("GET /version")).await.0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_over_the_cap_wait() {
    let folder = indexed();
    let server = Server::start(folder.path(), &["--max-connections", "1"]);
    let request = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let mut first = connect(&server).await;
    first.write_all(request).await.unwrap();
    assert!(first.read_u8().await.is_ok(), "the first one is served");
    let mut second = connect(&server).await;
    second.write_all(request).await.unwrap();
    let early = tokio::time::timeout(10 * DRIP, second.read_u8()).await;
    assert!(early.is_err(), "the second one waits");
    drop(first);
    assert!(second.read_u8().await.is_ok(), "and is served in its turn");
}
