//! Reloads under load, and refusals, as clients and operators see them.

use std::collections::HashSet;
use std::io::{BufRead as _, BufReader};
use std::num::NonZeroUsize;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use wattwise::index::hnsw::HnswParameters;
use wattwise::model::GenerationId;
use wattwise::runtime::{cpu_pool, tls};
use wattwise::snapshot::{current, open, write};

use crate::embedding_server::EmbeddingServer;
use crate::support::{run, text, wattwise};

/// A server whose log can be read on.
struct Server {
    child: Child,
    url: String,
    log: Receiver<String>,
}

impl Server {
    fn start(folder: &Path, flags: &[&str]) -> Self {
        let mut arguments = vec!["serve", "--index", "index", "--state", "state"];
        arguments.extend(["--bind", "127.0.0.1:0", "--log-format", "json"]);
        arguments.extend_from_slice(flags);
        let mut child = wattwise(folder, &arguments)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let (send, log) = channel();
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let _ = send.send(line);
            }
        });
        let address = loop {
            let line = log.recv().expect("the server says where it listens");
            let event: Value = serde_json::from_str(&line).unwrap_or_default();
            if let Some(address) = event["server.address"].as_str() {
                break address.to_owned();
            }
        };
        Self {
            child,
            url: format!("http://{address}"),
            log,
        }
    }

    fn hang_up(&self) {
        let id = self.child.id().to_string();
        let status = Command::new("kill").args(["-HUP", &id]).status();
        assert!(status.unwrap().success());
    }

    async fn generation(&self) -> String {
        let reply = reqwest::get(format!("{}/readyz", self.url)).await.unwrap();
        let body: Value = reply.json().await.unwrap();
        body["generation"].as_str().unwrap().to_owned()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Two generations of a few documents, made by the program with the double of an embedder.
async fn two_generations(folder: &Path, server: &EmbeddingServer) -> [GenerationId; 2] {
    tls::install_provider();
    let docs = folder.join("docs");
    std::fs::create_dir_all(&docs).unwrap();
    let mut ids = Vec::new();
    for edition in ["first", "second"] {
        for number in 0..4 {
            let page = format!(
                "# Guide {number}\n\nThe {edition} edition says: seal the letterbox of room {number}.\n"
            );
            std::fs::write(docs.join(format!("{number}.md")), page).unwrap();
        }
        let mut arguments = vec!["ingest", "--docs", "docs", "--index", "index"];
        arguments.extend(server.flags());
        let (folder, arguments) = (
            folder.to_owned(),
            arguments
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>(),
        );
        let output = tokio::task::spawn_blocking(move || {
            let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
            (run(&folder, &arguments), folder)
        })
        .await
        .unwrap();
        assert!(output.0.status.success(), "{}", text(&output.0));
        ids.push(current::read(&output.1.join("index")).unwrap());
    }
    ids.try_into().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_reloads_under_load_fail_no_request() {
    let folder = tempfile::tempdir().unwrap();
    let embedder = EmbeddingServer::start(Duration::ZERO).await;
    let generations = two_generations(folder.path(), &embedder).await;
    let index = folder.path().join("index");
    let flags = [&embedder.flags()[..], &["--reload-interval", "3600"]].concat();
    let server = Server::start(folder.path(), &flags);

    let stop = Arc::new(AtomicBool::new(false));
    let served = Arc::new(AtomicUsize::new(0));
    let seen = Arc::new(Mutex::new(HashSet::new()));
    let clients: Vec<_> = (0..4)
        .map(|client| {
            let (stop, served, seen) = (Arc::clone(&stop), Arc::clone(&served), Arc::clone(&seen));
            let url = format!(
                "{}/retrieve_contexts?k=2&message=seal%20room%20{client}",
                server.url
            );
            tokio::spawn(async move {
                let client = reqwest::Client::new();
                let mut failures = Vec::new();
                while !stop.load(Ordering::Relaxed) {
                    match client.post(&url).send().await {
                        Ok(reply) if reply.status().is_success() => {
                            let header = reply.headers()["x-snapshot-id"].to_str().unwrap();
                            seen.lock().unwrap().insert(header.to_owned());
                            let body: Value = reply.json().await.unwrap();
                            assert_eq!(body["contexts"].as_array().unwrap().len(), 2);
                            served.fetch_add(1, Ordering::Relaxed);
                        }
                        Ok(reply) => failures.push(reply.status().to_string()),
                        Err(error) => failures.push(error.to_string()),
                    }
                }
                failures
            })
        })
        .collect();
    for reload in 0..20 {
        let next = &generations[reload % 2];
        current::publish(&index, next).unwrap();
        server.hang_up();
        while server.generation().await != next.as_str() {
            tokio::task::yield_now().await;
        }
        let so_far = served.load(Ordering::Relaxed);
        while served.load(Ordering::Relaxed) < so_far + 5 {
            tokio::task::yield_now().await;
        }
    }
    stop.store(true, Ordering::Relaxed);
    let mut failures = Vec::new();
    for client in clients {
        failures.extend(client.await.unwrap());
    }
    println!(
        "20 reloads, {} requests answered, {} failed",
        served.load(Ordering::Relaxed),
        failures.len()
    );
    assert!(failures.is_empty(), "{failures:?}");
    let expected: HashSet<String> = generations.iter().map(ToString::to_string).collect();
    assert_eq!(
        *seen.lock().unwrap(),
        expected,
        "every reply names one of the two"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_generation_is_told_once_and_the_next_good_one_is_taken() {
    let folder = tempfile::tempdir().unwrap();
    let embedder = EmbeddingServer::start(Duration::ZERO).await;
    let [first, second] = two_generations(folder.path(), &embedder).await;
    let index = folder.path().join("index");
    current::publish(&index, &first).unwrap();
    let flags = [&embedder.flags()[..], &["--reload-interval", "1"]].concat();
    let server = Server::start(folder.path(), &flags);

    let damaged = index.join(second.as_str()).join("chunks.bin");
    let whole = std::fs::read(&damaged).unwrap();
    std::fs::write(&damaged, "damage").unwrap();
    current::publish(&index, &second).unwrap();
    let refusals = |line: &String| line.contains("was refused") && line.contains("chunks.bin");
    let told = server.log.recv_timeout(Duration::from_mins(2)).unwrap();
    assert!(refusals(&told), "{told}");
    // Three looks at CURRENT later, there is no second line.
    let again = server.log.recv_timeout(Duration::from_millis(3_200));
    assert!(again.is_err(), "{again:?}");
    assert_eq!(server.generation().await, first.as_str());

    std::fs::write(&damaged, whole).unwrap();
    let records = open::open_records(&index, &second).unwrap();
    assert_eq!(records.documents().len(), 4);
    let third = rewrite(&index, &embedder, folder.path()).await;
    let taken = server.log.recv_timeout(Duration::from_mins(2)).unwrap();
    assert!(
        taken.contains("now answering") && taken.contains(third.as_str()),
        "{taken}"
    );
}

/// One more generation, by one more run.
async fn rewrite(index: &Path, embedder: &EmbeddingServer, folder: &Path) -> GenerationId {
    std::fs::write(
        folder.join("docs/more.md"),
        "# More\n\nDraw the curtains at dusk.\n",
    )
    .unwrap();
    let mut command = wattwise(folder, &["ingest", "--docs", "docs", "--index", "index"]);
    command.args(embedder.flags());
    let output = tokio::task::spawn_blocking(move || command.output().unwrap())
        .await
        .unwrap();
    assert!(output.status.success(), "{}", text(&output));
    current::read(index).unwrap()
}

/// A generation whose run ended before it was published is neither a fallback nor kept.
#[tokio::test]
async fn an_unpublished_generation_is_no_fallback() {
    let index = tempfile::tempdir().unwrap();
    let embedder = crate::fake_embedder::HashEmbedder::named("fake");
    let contents = crate::tiny_generation::contents(2, &embedder).await;
    let pool = cpu_pool::build("test", NonZeroUsize::MIN);
    let make = || write::write(index.path(), &contents, HnswParameters::default(), &pool).unwrap();
    let orphan = make();
    let live = make();
    current::publish(index.path(), &live).unwrap();
    std::fs::write(index.path().join(live.as_str()).join("chunks.bin"), "x").unwrap();
    let error = open::open_usable(index.path(), 64).err().unwrap();
    assert!(error.to_string().contains("chunks.bin"), "{error}");
    current::remove_unfinished(index.path()).unwrap();
    assert_eq!(current::list(index.path()).unwrap(), [live]);
    assert!(!index.path().join(orphan.as_str()).exists());
}

/// A `CURRENT` that nobody writes into, as a mount that hangs would be, holds up neither answers nor
/// the end; and a server that starts then takes the newest generation.
#[tokio::test(flavor = "multi_thread")]
async fn a_current_that_is_no_file_stops_neither_answers_nor_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let embedder = EmbeddingServer::start(Duration::ZERO).await;
    let [_, second] = two_generations(folder.path(), &embedder).await;
    let flags = [&embedder.flags()[..], &["--reload-interval", "1"]].concat();
    let current = folder.path().join("index/CURRENT");
    let mut server = Server::start(folder.path(), &flags);
    std::fs::remove_file(&current).unwrap();
    let (fifo, mode) = (rustix::fs::FileType::Fifo, rustix::fs::Mode::RWXU);
    rustix::fs::mknodat(rustix::fs::CWD, &current, fifo, mode, 0).unwrap();
    for start in ["running", "started anew"] {
        let told = server.log.recv_timeout(Duration::from_mins(2));
        let told = told.unwrap_or_default();
        assert!(told.contains("a FIFO"), "{start}: {told}");
        assert_eq!(server.generation().await, second.as_str(), "{start}");
        let id = server.child.id().to_string();
        let status = Command::new("kill").args(["-TERM", &id]).status();
        assert!(status.unwrap().success());
        let ended = tokio::task::spawn_blocking(move || server.child.wait().map(|s| (s, server)));
        let ended = tokio::time::timeout(Duration::from_mins(2), ended).await;
        let (status, _) = ended.expect("the server ends").unwrap().unwrap();
        assert!(status.success(), "{start}: {status}");
        if start == "running" {
            server = Server::start(folder.path(), &flags);
        } else {
            break;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_server_on_one_state_is_refused_and_told_where_the_first_listens() {
    let folder = tempfile::tempdir().unwrap();
    let embedder = EmbeddingServer::start(Duration::ZERO).await;
    two_generations(folder.path(), &embedder).await;
    let mut server = Server::start(folder.path(), &embedder.flags());
    let again = async || {
        let mut flags = vec!["serve", "--index", "index", "--state", "state"];
        flags.extend(["--bind", "127.0.0.1:0"]);
        flags.extend(embedder.flags());
        let mut command = wattwise(folder.path(), &flags);
        let output = tokio::task::spawn_blocking(move || command.output().unwrap());
        output.await.unwrap()
    };
    let refused = again().await;
    assert_eq!(refused.status.code(), Some(3), "{}", text(&refused));
    let address = server.url.strip_prefix("http://").unwrap();
    let holder = format!("process {}, on {address}", server.child.id());
    assert!(text(&refused).contains(&holder), "{}", text(&refused));
    // `keys` works beside it, and a kill leaves nothing that holds.
    let listed = run(folder.path(), &["keys", "list", "--state", "state"]);
    assert!(listed.status.success(), "{}", text(&listed));
    server.child.kill().unwrap();
    server.child.wait().unwrap();
    drop(Server::start(folder.path(), &embedder.flags()));
}
