//! Requests over loopback at a given rate, whatever the server does.
//!
//! A request is due at a moment that no reply can shift. Its latency counts from that moment, so a
//! server that stalls is charged for everything that should have been asked meanwhile.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::Instant;

/// How requests follow each other.
#[derive(Clone, Copy)]
pub(crate) enum Pace {
    /// So many a second over all connections, due at even distances.
    Rate(f64),
    /// The next one on a connection as soon as it has its reply.
    Unbounded,
}

pub(crate) struct Load {
    pub(crate) address: SocketAddr,
    pub(crate) connections: usize,
    pub(crate) pace: Pace,
    pub(crate) length: Duration,
}

#[derive(Default)]
pub(crate) struct Replies {
    latencies: Vec<Duration>,
    failures: usize,
    took: Duration,
}

pub(crate) struct Measured {
    /// Replies a second.
    pub(crate) rate: f64,
    /// Of the server, for one request.
    pub(crate) cpu_micros: f64,
    failures: usize,
    /// Median, 90th, 99th, 99.9th percentile and worst, in milliseconds.
    percentiles: [f64; 5],
}

impl Replies {
    pub(crate) fn measured(mut self, cpu: Duration) -> Measured {
        self.latencies.sort_unstable();
        let count = self.latencies.len();
        let at = |thousandths: usize| {
            let position = count * thousandths / 1000;
            self.latencies[position.min(count - 1)].as_secs_f64() * 1e3
        };
        Measured {
            rate: count as f64 / self.took.as_secs_f64(),
            cpu_micros: cpu.as_secs_f64() * 1e6 / count as f64,
            failures: self.failures,
            percentiles: [at(500), at(900), at(990), at(999), at(1000)],
        }
    }
}

impl fmt::Display for Measured {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [p50, p90, p99, p999, worst] = self.percentiles;
        write!(
            formatter,
            "{:>7.0}/s  p50 {p50:>7.2}  p90 {p90:>7.2}  p99 {p99:>7.2}  p99.9 {p999:>7.2}  max {worst:>7.2}  \
             CPU {:>7.1}  failed {}",
            self.rate, self.cpu_micros, self.failures
        )
    }
}

/// Sends the load and waits for the last reply.
pub(crate) async fn drive(load: Load, request: &(impl Fn(usize) -> Vec<u8> + Sync)) -> Replies {
    let mut streams = Vec::new();
    for _ in 0..load.connections {
        let stream = TcpStream::connect(load.address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        streams.push(stream);
    }
    let start = Instant::now();
    let clients = streams
        .into_iter()
        .enumerate()
        .map(|(number, stream)| client(stream, number, &load, start, request));
    // One task for all clients: the driver must not take the server's cores.
    let mut all = Replies::default();
    for replies in futures::future::join_all(clients).await {
        all.latencies.extend(replies.latencies);
        all.failures += replies.failures;
    }
    all.took = start.elapsed();
    all
}

async fn client(
    mut stream: TcpStream,
    first: usize,
    load: &Load,
    start: Instant,
    request: &impl Fn(usize) -> Vec<u8>,
) -> Replies {
    let mut replies = Replies::default();
    let mut buffer = Vec::new();
    for number in (first..).step_by(load.connections) {
        let due = match load.pace {
            Pace::Rate(rate) => start + Duration::from_secs_f64(number as f64 / rate),
            Pace::Unbounded => Instant::now(),
        };
        if due >= start + load.length {
            break;
        }
        tokio::time::sleep_until(due).await;
        stream.write_all(&request(number)).await.unwrap();
        if read_reply(&mut stream, &mut buffer).await {
            replies.latencies.push(due.elapsed());
        } else {
            replies.failures += 1;
        }
    }
    replies
}

/// Reads one reply whose length is announced; whether it was a success.
async fn read_reply(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> bool {
    buffer.clear();
    let mut whole = usize::MAX;
    while buffer.len() < whole {
        let read = stream.read_buf(buffer).await.unwrap();
        assert!(read > 0, "the server ended a connection");
        if whole == usize::MAX
            && let Some(head) = buffer.windows(4).position(|bytes| bytes == b"\r\n\r\n")
        {
            whole = head + 4 + content_length(&buffer[..head]);
        }
    }
    buffer.starts_with(b"HTTP/1.1 200")
}

fn content_length(head: &[u8]) -> usize {
    let head = String::from_utf8_lossy(head).to_ascii_lowercase();
    let line = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "));
    line.expect("every reply tells its length").parse().unwrap()
}
