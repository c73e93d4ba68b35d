//! A running server and how the tests talk to it.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use serde_json::Value;

use crate::support::{data, run, text, wattwise};

/// A server on a free port. Killed without mercy when dropped.
pub(crate) struct Server {
    pub(crate) child: Child,
    pub(crate) base_url: String,
    client: reqwest::Client,
    log: Arc<Mutex<Vec<String>>>,
}

impl Server {
    pub(crate) fn start(folder: &Path, arguments: &[&str]) -> Self {
        let mut all = vec![
            "serve",
            "--index",
            "index",
            "--state",
            "state",
            "--bind",
            "127.0.0.1:0",
            "--log-format",
            "json",
        ];
        all.extend_from_slice(arguments);
        Self::spawn(wattwise(folder, &all))
    }

    pub(crate) fn spawn(mut command: Command) -> Self {
        // The tests' own HTTP client wants a provider too.
        wattwise::runtime::tls::install_provider();
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut seen = Vec::new();
        let address = loop {
            let line = lines
                .next()
                .unwrap_or_else(|| panic!("the server ended: {seen:#?}"))
                .unwrap();
            let event: Value = serde_json::from_str(&line).unwrap_or_default();
            if let Some(address) = event["server.address"].as_str() {
                break address.to_owned();
            }
            seen.push(line);
        };
        let log = Arc::new(Mutex::new(seen));
        let sink = Arc::clone(&log);
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                sink.lock().unwrap().push(line);
            }
        });
        Self {
            child,
            base_url: format!("http://{address}"),
            client: reqwest::Client::new(),
            log,
        }
    }

    /// A request to be sent, `GET /version` for instance.
    pub(crate) fn request(&self, line: &str) -> reqwest::RequestBuilder {
        let (method, path) = line.split_once(' ').unwrap();
        let url = format!("{}{path}", self.base_url);
        self.client.request(method.parse().unwrap(), url)
    }

    pub(crate) async fn post(&self, path: &str, body: Option<Value>) -> (u16, Value) {
        let mut request = self.request(&format!("POST {path}"));
        if let Some(body) = body {
            request = request.json(&body);
        }
        answer(request).await
    }

    pub(crate) async fn session(&self) -> String {
        self.post("/get_session_id", None).await.1["session_id"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    /// Waits until the log holds `words`.
    pub(crate) async fn logged(&self, words: &str) {
        while !self
            .log
            .lock()
            .unwrap()
            .iter()
            .any(|line| line.contains(words))
        {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    }

    /// The lines of the log that hold `words`.
    pub(crate) fn lines(&self, words: &str) -> Vec<String> {
        let log = self.log.lock().unwrap();
        log.iter()
            .filter(|line| line.contains(words))
            .cloned()
            .collect()
    }

    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub(crate) fn signal(&self, signal: &str) {
        let done = Command::new("kill")
            .args([signal, &self.child.id().to_string()])
            .status()
            .unwrap();
        assert!(done.success());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Status and body; null where the body is no JSON.
pub(crate) async fn answer(request: reqwest::RequestBuilder) -> (u16, Value) {
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    let bytes = response.bytes().await.unwrap();
    (status, serde_json::from_slice(&bytes).unwrap_or_default())
}

/// A folder with an index of some of the shipped guides.
pub(crate) fn indexed() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let docs = folder.path().join("docs");
    std::fs::create_dir(&docs).unwrap();
    for name in [
        "loft-insulation.md",
        "draught-proofing.md",
        "windows-and-glazing.html",
    ] {
        std::fs::copy(data("guides").join(name), docs.join(name)).unwrap();
    }
    let output = run(
        folder.path(),
        &["ingest", "--docs", "docs", "--index", "index"],
    );
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    folder
}
