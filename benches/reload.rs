//! What a reload costs the clients of a running server, and whether memory comes back.
//!
//! `make bench-reload` prints the 99th percentile without and with reloads, their ratio, the number
//! of failed requests, and the resident size after 3 and after 50 reloads. No assertion: on a busy
//! machine a time proves nothing.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark is a program of its own: a failure is the message and the figures are the output"
)]

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use wattwise::model::GenerationId;
use wattwise::runtime::tls;
use wattwise::snapshot::current;

const CLIENTS: usize = 2;
/// Between two requests of a client: a constant load below saturation, where queues would hide the
/// cost of a reload.
const PAUSE: Duration = Duration::from_millis(20);
const QUIET: Duration = Duration::from_secs(10);
const RELOADS: usize = 50;
const MEASURED_RELOADS: usize = 20;
const QUESTIONS: [&str; 4] = [
    "how+thick+should+loft+insulation+be",
    "stop+draughts+at+the+letterbox",
    "flow+temperature+of+a+heat+pump",
    "what+does+standby+power+cost",
];

fn project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn wattwise(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wattwise"));
    command.current_dir(folder);
    command
}

/// A generation of the shipped data and `copies` variations of it, so that the graph is not tiny.
fn generation(folder: &Path, edition: usize, copies: usize) -> GenerationId {
    let docs = folder.join("docs");
    for entry in fs_err::read_dir(project("data/guides")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let text = fs_err::read_to_string(&path).unwrap();
        for copy in 0..copies {
            let to = docs.join(copy.to_string());
            fs_err::create_dir_all(&to).unwrap();
            let mark = if copy == 0 { edition } else { copy };
            fs_err::write(to.join(&name), format!("{text}\n\nEdition {mark}.\n")).unwrap();
        }
    }
    let status = wattwise(folder)
        .args(["ingest", "--docs", "docs", "--index", "index"])
        .stderr(Stdio::null())
        .status()
        .unwrap();
    assert!(status.success(), "ingest ended with {status}");
    current::read(&folder.join("index")).unwrap()
}

struct Server {
    child: Child,
    url: String,
}

impl Server {
    fn start(folder: &Path) -> Self {
        let mut child = wattwise(folder)
            .args(["serve", "--index", "index", "--state", "state"])
            .args(["--bind", "127.0.0.1:0", "--log-format", "json"])
            .args(["--reload-interval", "3600"])
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let address = loop {
            let line = lines.next().expect("the server starts").unwrap();
            let event: serde_json::Value = serde_json::from_str(&line).unwrap_or_default();
            if let Some(address) = event["server.address"].as_str() {
                break address.to_owned();
            }
        };
        std::thread::spawn(move || lines.for_each(drop));
        Self {
            child,
            url: format!("http://{address}"),
        }
    }

    async fn reload_to(&self, index: &Path, next: &GenerationId, client: &reqwest::Client) {
        current::publish(index, next).unwrap();
        let id = self.child.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-HUP", &id])
                .status()
                .unwrap()
                .success()
        );
        loop {
            let reply = client
                .get(format!("{}/version", self.url))
                .send()
                .await
                .unwrap();
            if reply.text().await.unwrap().contains(next.as_str()) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    fn resident_kilobytes(&self) -> usize {
        let status = fs_err::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status
            .lines()
            .find(|line| line.starts_with("VmRSS:"))
            .unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Asks until told to stop. Latencies in milliseconds, and failures.
async fn load(url: String, client: String, stop: Arc<AtomicBool>) -> (Vec<f64>, usize) {
    let http = reqwest::Client::new();
    let (mut latencies, mut failures) = (Vec::new(), 0);
    let mut number = 0;
    while !stop.load(Ordering::Relaxed) {
        // Every question is asked once, or the query cache would answer instead of the model.
        let question = QUESTIONS[number % QUESTIONS.len()];
        let target = format!("{url}/retrieve_contexts?k=4&message={question}+{client}+{number}");
        let begun = Instant::now();
        let reply = http.post(target).send().await;
        let whole = match reply.and_then(reqwest::Response::error_for_status) {
            Ok(reply) => reply.bytes().await,
            Err(error) => Err(error),
        };
        match whole {
            Ok(_) => latencies.push(begun.elapsed().as_secs_f64() * 1e3),
            Err(_) => failures += 1,
        }
        number += 1;
        tokio::time::sleep(PAUSE).await;
    }
    (latencies, failures)
}

struct Measured {
    requests: usize,
    failures: usize,
    median: f64,
    p99: f64,
}

async fn measure(phase: &str, url: &str, meanwhile: impl Future<Output = ()>) -> Measured {
    let stop = Arc::new(AtomicBool::new(false));
    let clients: Vec<_> = (0..CLIENTS)
        .map(|client| {
            tokio::spawn(load(
                url.to_owned(),
                format!("{phase}+{client}"),
                Arc::clone(&stop),
            ))
        })
        .collect();
    meanwhile.await;
    stop.store(true, Ordering::Relaxed);
    let (mut latencies, mut failures) = (Vec::new(), 0);
    for client in clients {
        let (some, failed) = client.await.unwrap();
        latencies.extend(some);
        failures += failed;
    }
    latencies.sort_by(f64::total_cmp);
    Measured {
        requests: latencies.len(),
        failures,
        median: latencies[latencies.len() / 2],
        p99: latencies[latencies.len() * 99 / 100],
    }
}

#[tokio::main]
async fn main() {
    // `cargo test --benches` runs benchmarks with this flag; this one takes a minute.
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    tls::install_provider();
    let folder = tempfile::tempdir().unwrap();
    let index = folder.path().join("index");
    let generations = [
        generation(folder.path(), 1, 4),
        generation(folder.path(), 2, 4),
    ];
    let server = Server::start(folder.path());
    let client = reqwest::Client::new();

    measure(
        "first",
        &server.url,
        tokio::time::sleep(Duration::from_secs(2)),
    )
    .await;
    let quiet = measure("quiet", &server.url, tokio::time::sleep(QUIET)).await;
    let mut after_three = 0;
    let begun = Instant::now();
    let reloading = measure("reloading", &server.url, async {
        for reload in 0..MEASURED_RELOADS {
            let next = &generations[reload % 2];
            server.reload_to(&index, next, &client).await;
            tokio::time::sleep(Duration::from_millis(200)).await;
            if reload == 2 {
                after_three = server.resident_kilobytes();
            }
        }
    })
    .await;
    let seconds = begun.elapsed().as_secs_f64();
    for reload in MEASURED_RELOADS..RELOADS {
        server
            .reload_to(&index, &generations[reload % 2], &client)
            .await;
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let after_all = server.resident_kilobytes();

    for (name, measured) in [("quiet", &quiet), ("reloading", &reloading)] {
        println!(
            "{name:<10} {:>6} requests, {} failed, median {:.1} ms, p99 {:.1} ms",
            measured.requests, measured.failures, measured.median, measured.p99
        );
    }
    println!(
        "p99 ratio  {:.2} over {MEASURED_RELOADS} reloads in {seconds:.1} s (aim: at most 3)",
        reloading.p99 / quiet.p99
    );
    println!(
        "memory     {after_three} kB after 3 reloads, {after_all} kB after {RELOADS}: {:+.1} % (aim: within 10 %)",
        (after_all as f64 / after_three as f64 - 1.0) * 100.0
    );
}
