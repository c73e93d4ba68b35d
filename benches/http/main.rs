//! What a request costs: latency under an open-loop load, and the server's CPU time.
//!
//! `make bench-http` drives the release build over loopback, beside a bare hyper server that says
//! hello, in the same run. Sizes of the index in chunks may follow: `-- 1000 10000 100000`, or
//! `conversation` for what touches no model, in several rounds. No assertion: on a busy machine a time
//! proves nothing.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark is a program of its own: a failure is the message and the figures are the output"
)]

mod driver;
mod index;
mod servers;

use std::time::Duration;

use driver::{Load, Measured, Pace};
use servers::Server;

const WARM_UP: Duration = Duration::from_secs(1);
const LENGTH: Duration = Duration::from_secs(5);
/// Requests a second for what touches no model.
const FAST: f64 = 5000.0;
const CONNECTIONS: usize = 64;
const SESSIONS: usize = 64;
const SIZES: [usize; 2] = [1_000, 10_000];
const ROUNDS: usize = 5;
const HEADING: &str =
    "latency from the moment at which a request was due, in ms; CPU of the server, in µs a request";

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    // `cargo test --benches` runs benchmarks with this flag; this one takes minutes.
    if arguments.iter().any(|argument| argument == "--test") {
        return;
    }
    let runtime = tokio::runtime::Runtime::new().unwrap();
    if arguments == [servers::HELLO] {
        return runtime.block_on(servers::hello());
    }
    if arguments.iter().any(|argument| argument == "conversation") {
        return runtime.block_on(conversations());
    }
    let mut sizes: Vec<usize> = arguments
        .iter()
        .filter_map(|size| size.parse().ok())
        .collect();
    if sizes.is_empty() {
        sizes.extend(SIZES);
    }
    runtime.block_on(run(&sizes));
}

/// What touches no model, several times, since a busy machine makes single figures worth little.
async fn conversations() {
    println!("{HEADING}");
    let base = index::base().await;
    for _ in 0..ROUNDS {
        let hello = greet().await;
        let folder = tempfile::tempdir().unwrap();
        index::write(&folder.path().join("index"), &base, SIZES[0]);
        conversation(&Server::wattwise(folder.path()), &hello).await;
    }
}

async fn greet() -> [Measured; 2] {
    let server = Server::hello();
    let get = |_| b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n".to_vec();
    [
        measure("hello", &server, Pace::Rate(FAST), get).await,
        measure("hello, saturated", &server, Pace::Unbounded, get).await,
    ]
}

async fn run(sizes: &[usize]) {
    println!("{HEADING}");
    let hello = greet().await;
    let base = index::base().await;
    for (position, size) in sizes.iter().enumerate() {
        let folder = tempfile::tempdir().unwrap();
        index::write(&folder.path().join("index"), &base, *size);
        let server = Server::wattwise(folder.path());
        if position == 0 {
            conversation(&server, &hello).await;
        }
        // Every question is asked once, or the query cache would answer instead of the model.
        let new = |number| {
            post(
                &format!("/retrieve_contexts?message=loft+draught+{number}"),
                "",
            )
        };
        measure(
            &format!("retrieve of {size}, new question"),
            &server,
            Pace::Rate(50.0),
            new,
        )
        .await;
        let known = |number| {
            post(
                &format!("/retrieve_contexts?message=heating+{}", number % 8),
                "",
            )
        };
        measure(
            &format!("retrieve of {size}, known question"),
            &server,
            Pace::Rate(200.0),
            known,
        )
        .await;
    }
}

async fn conversation(server: &Server, [hello, hello_most]: &[Measured; 2]) {
    let open = |_| post("/get_session_id", "");
    let opened = measure("get_session_id", server, Pace::Rate(FAST), open).await;
    println!(
        "    {:.1} times hello's CPU (aim: at most 3)",
        opened.cpu_micros / hello.cpu_micros
    );
    let most = measure("get_session_id, saturated", server, Pace::Unbounded, open).await;
    println!(
        "    {:.1} times hello's CPU",
        most.cpu_micros / hello_most.cpu_micros
    );
    let mut sessions = Vec::new();
    for _ in 0..SESSIONS {
        sessions.push(server.open_session().await);
    }
    let message = r#"{"message": "How thick should the insulation of a loft be?"}"#;
    let ask = |number: usize| {
        let session = &sessions[number % SESSIONS];
        post(&format!("/ask?session_id={session}"), message)
    };
    measure("ask, durable", server, Pace::Rate(FAST), ask).await;
    let most = measure("ask, durable, saturated", server, Pace::Unbounded, ask).await;
    println!("    {:.0} a second (aim: at least 5000)", most.rate);
}

fn post(target: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "POST {target} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
         content-length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

async fn measure(
    name: &str,
    server: &Server,
    pace: Pace,
    request: impl Fn(usize) -> Vec<u8> + Sync,
) -> Measured {
    let load = |length| Load {
        address: server.address,
        connections: CONNECTIONS,
        pace,
        length,
    };
    driver::drive(load(WARM_UP), &request).await;
    let before = server.cpu();
    let replies = driver::drive(load(LENGTH), &|number| request(number + (1 << 20))).await;
    let measured = replies.measured(server.cpu().saturating_sub(before));
    println!("{name:<36} {measured}");
    measured
}
