//! A reply that is given before its request's body is read: the connection goes on behind the body, or
//! the reply says that it ends.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::client::{Server, indexed};

const KEY: &str = "a key that is long enough";

/// In which an early reply would be there.
const MOMENT: Duration = Duration::from_millis(100);

/// Requests whose bodies are not read: without a key, of another site, of a wrong type, to no route,
/// with a wrong method, to a route that takes none.
const UNREAD: [(&str, &str); 6] = [
    ("POST /mcp HTTP/1.1\r\n", " 401 "),
    (
        "POST /ask HTTP/1.1\r\nx-api-key: a key that is long enough\r\ncontent-type: text/plain\r\norigin: https://a.test\r\n",
        " 415 ",
    ),
    (
        "POST /chat HTTP/1.1\r\nx-api-key: a key that is long enough\r\ncontent-type: text/plain\r\n",
        " 415 ",
    ),
    (
        "POST /none HTTP/1.1\r\nx-api-key: a key that is long enough\r\n",
        " 404 ",
    ),
    (
        "PUT /ask HTTP/1.1\r\nx-api-key: a key that is long enough\r\n",
        " 405 ",
    ),
    (
        "POST /get_session_id HTTP/1.1\r\nx-api-key: a key that is long enough\r\n",
        " 200 ",
    ),
];

async fn connect(server: &Server) -> TcpStream {
    let address = server.base_url.strip_prefix("http://").unwrap();
    TcpStream::connect(address).await.unwrap()
}

/// The next reply, head and body.
async fn reply(stream: &mut TcpStream) -> String {
    let mut read = String::new();
    let mut byte = [0];
    while !read.ends_with("\r\n\r\n") {
        assert_eq!(
            stream.read(&mut byte).await.unwrap(),
            1,
            "no reply after {read:?}"
        );
        read.push(byte[0].into());
    }
    let head = read.to_lowercase();
    let length = head.split("content-length: ").nth(1).unwrap();
    let length = length.split('\r').next().unwrap().parse().unwrap();
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.unwrap();
    read + &String::from_utf8(body).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_follow_a_body_that_was_not_read() {
    let folder = indexed();
    let server = Server::start(folder.path(), &["--auth-api-key", KEY]);
    let body = vec![b' '; 40_000];
    for (head, status) in UNREAD {
        for framing in ["content-length: 40000", "transfer-encoding: chunked"] {
            let mut stream = connect(&server).await;
            let head = format!("{head}host: localhost\r\n{framing}\r\n\r\n");
            stream.write_all(head.as_bytes()).await.unwrap();
            tokio::time::sleep(MOMENT).await;
            if framing.ends_with("chunked") {
                stream.write_all(b"9c40\r\n").await.unwrap();
            }
            stream.write_all(&body[..20_000]).await.unwrap();
            tokio::time::sleep(MOMENT).await;
            stream.write_all(&body[20_000..]).await.unwrap();
            if framing.ends_with("chunked") {
                stream.write_all(b"\r\n0\r\n\r\n").await.unwrap();
            }
            let first = reply(&mut stream).await;
            assert!(first.contains(status), "{head}{first}");
            assert!(!first.contains("connection: close"), "{first}");
            stream
                .write_all(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n")
                .await
                .unwrap();
            let second = reply(&mut stream).await;
            assert!(second.starts_with("HTTP/1.1 200 "), "{head}{second}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reply_before_the_end_of_its_body_says_that_it_is_the_last() {
    let folder = indexed();
    let server = Server::start(
        folder.path(),
        &[
            "--auth-api-key",
            KEY,
            "--max-body",
            "64",
            "--body-timeout",
            "1",
        ],
    );
    let authorised = format!("x-api-key: {KEY}\r\n");
    for (head, status) in [
        // Nothing of it comes, it is larger than anything that is taken, it waits to be asked for.
        ("content-length: 5\r\n", " 401 "),
        ("content-length: 100000\r\n", " 401 "),
        ("content-length: 5\r\nexpect: 100-continue\r\n", " 401 "),
        (
            "content-length: 100000\r\nexpect: 100-continue\r\nKEY",
            " 413 ",
        ),
        ("content-length: 5\r\nKEY", " 408 "),
    ] {
        let mut stream = connect(&server).await;
        let head = head.replace("KEY", &authorised);
        let head = format!(
            "POST /chat HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n{head}\r\n"
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        let last = reply(&mut stream).await;
        assert!(last.contains(status), "{head}{last}");
        assert!(last.contains("connection: close\r\n"), "{head}{last}");
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).await.unwrap();
        assert_eq!(rest, b"");
    }
}
