//! As little HTTP/1.1 as the contract needs, so that nothing between test and server tidies a
//! request up.

use std::collections::BTreeMap;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// One request on a connection of its own.
pub(super) struct Request<'a> {
    pub(super) method: &'a str,
    pub(super) path: &'a str,
    pub(super) headers: Vec<(String, String)>,
    /// Nothing, a body, or the pieces of a chunked body.
    pub(super) body: Vec<Vec<u8>>,
}

/// What came back; header names in lower case.
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) headers: BTreeMap<String, String>,
    pub(super) body: Vec<u8>,
}

pub(super) async fn send(address: &str, request: &Request<'_>) -> Reply {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(&encode(address, request)).await.unwrap();
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).await.unwrap();
    decode(&bytes)
}

fn encode(address: &str, request: &Request<'_>) -> Vec<u8> {
    let start = format!(
        "{} {} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n",
        request.method, request.path
    );
    let headers: Vec<String> = request
        .headers
        .iter()
        .map(|(name, value)| format!("{name}: {value}\r\n"))
        .collect();
    let mut bytes = (start + &headers.concat()).into_bytes();
    match request.body.as_slice() {
        [] => bytes.extend_from_slice(b"\r\n"),
        [whole] => {
            bytes.extend_from_slice(format!("content-length: {}\r\n\r\n", whole.len()).as_bytes());
            bytes.extend_from_slice(whole);
        }
        pieces => {
            bytes.extend_from_slice(b"transfer-encoding: chunked\r\n\r\n");
            for piece in pieces {
                bytes.extend_from_slice(format!("{:x}\r\n", piece.len()).as_bytes());
                bytes.extend_from_slice(piece);
                bytes.extend_from_slice(b"\r\n");
            }
            bytes.extend_from_slice(b"0\r\n\r\n");
        }
    }
    bytes
}

fn decode(bytes: &[u8]) -> Reply {
    let end = bytes
        .windows(4)
        .position(|window| window == b"\r\n\r\n")
        .expect("a complete head");
    let (head, body) = (
        std::str::from_utf8(&bytes[..end]).unwrap(),
        &bytes[end + 4..],
    );
    let mut lines = head.lines();
    let status = lines
        .next()
        .and_then(|line| line.split(' ').nth(1))
        .unwrap()
        .parse()
        .unwrap();
    if (100..200).contains(&status) {
        return decode(body);
    }
    let headers: BTreeMap<String, String> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    assert!(
        !headers.contains_key("transfer-encoding"),
        "every reply knows its length"
    );
    Reply {
        status,
        headers,
        body: body.to_vec(),
    }
}
