//! Extraction in worker processes, each with a time limit per document and a memory limit.

use std::path::PathBuf;
use std::process::Stdio;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::Semaphore;

use super::IngestError;
use crate::codec;
use crate::extract::worker::{self, Job, Outcome};

/// How workers are started and bounded.
#[derive(Debug, Clone)]
pub struct ExtractorOptions {
    /// The program; `wattwise` itself.
    pub program: PathBuf,
    /// Its arguments, which make it a worker.
    pub arguments: Vec<String>,
    /// Workers at a time.
    pub workers: usize,
    /// For one document.
    pub timeout: Duration,
}

/// Hands documents to idle workers and replaces those that die.
pub(super) struct Extractor {
    options: ExtractorOptions,
    permits: Semaphore,
    idle: Mutex<Vec<Worker>>,
}

struct Worker {
    child: Child,
    input: ChildStdin,
    output: ChildStdout,
}

impl Extractor {
    pub(super) fn new(options: ExtractorOptions) -> Self {
        Self {
            permits: Semaphore::new(options.workers.max(1)),
            idle: Mutex::new(Vec::new()),
            options,
        }
    }

    /// Extracts one document. The inner result is the document's; the outer one fails only when no
    /// worker can be started at all.
    pub(super) async fn extract(&self, job: &Job) -> Result<Outcome, IngestError> {
        let _permit = self
            .permits
            .acquire()
            .await
            .expect("the semaphore is never closed");
        let idle = self
            .idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop();
        let mut worker = match idle {
            Some(worker) => worker,
            None => self.start()?,
        };
        let timeout = self.options.timeout;
        match tokio::time::timeout(timeout, worker.exchange(job)).await {
            Ok(Ok(outcome)) => {
                self.idle
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push(worker);
                Ok(outcome)
            }
            Ok(Err(_)) => Ok(Err(worker.describe_death().await)),
            // Dropping the worker kills it.
            Err(_) => Ok(Err(format!(
                "extraction took longer than {} s",
                timeout.as_secs()
            ))),
        }
    }

    fn start(&self) -> Result<Worker, IngestError> {
        let failed = |source| IngestError::Worker {
            program: self.options.program.display().to_string(),
            source,
        };
        let mut child = Command::new(&self.options.program)
            .args(&self.options.arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .map_err(failed)?;
        let input = child.stdin.take().expect("stdin was asked to be a pipe");
        let output = child.stdout.take().expect("stdout was asked to be a pipe");
        Ok(Worker {
            child,
            input,
            output,
        })
    }
}

impl Worker {
    async fn exchange(&mut self, job: &Job) -> std::io::Result<Outcome> {
        self.input.write_all(&worker::frame(job)?).await?;
        self.input.flush().await?;
        let mut header = [0; 4];
        self.output.read_exact(&mut header).await?;
        let mut payload = vec![0; worker::frame_length(header)?];
        self.output.read_exact(&mut payload).await?;
        codec::decode(&payload).map_err(std::io::Error::other)
    }

    /// Why a worker that broke its pipe has ended.
    async fn describe_death(mut self) -> String {
        drop(self.input);
        match tokio::time::timeout(Duration::from_secs(2), self.child.wait()).await {
            Ok(Ok(status)) => format!(
                "the extraction worker ended on this file ({status}); it is damaged or hostile"
            ),
            _ => "the extraction worker broke its pipe on this file".to_owned(),
        }
    }
}
