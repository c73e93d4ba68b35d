//! Extraction and splitting in worker processes, each with a limit of time per task and of memory.

use std::ops::Range;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde::de::DeserializeOwned;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::Semaphore;

use super::IngestError;
use super::ocr::{self, Ocr};
use super::worker::{self, Job, Reply, SplitJob, Task};
use crate::chunk::Piece;
use crate::codec;
use crate::embed::TokenRule;
use crate::model::{Extracted, Warning};
use crate::runtime::blocking;

/// How workers are started and bounded.
#[derive(Debug, Clone)]
pub struct ExtractorOptions {
    /// The program; `wattwise` itself.
    pub program: PathBuf,
    /// Its arguments, which make it a worker.
    pub arguments: Vec<String>,
    /// Workers at a time.
    pub workers: usize,
    /// For each task: the extraction of one document, and its splitting.
    pub timeout: Duration,
    /// What reads scanned pages, if there is anything.
    pub ocr: Option<Ocr>,
}

/// For the start of a worker on a busy machine.
const START: Duration = Duration::from_secs(30);

/// What came of a document, or why nothing did.
pub(super) type Outcome<T> = Result<T, String>;

/// Hands documents to idle workers and replaces those that die.
pub struct Extractor {
    options: ExtractorOptions,
    tokens: TokenRule,
    permits: Semaphore,
    idle: Mutex<Vec<Worker>>,
    /// Whether the log tells what keeps workers from files and network.
    is_told: AtomicBool,
}

struct Worker {
    child: Child,
    input: ChildStdin,
    output: ChildStdout,
    /// Whether it knows how tokens are counted.
    counts: bool,
}

impl Extractor {
    /// Starts nothing yet. Pieces are measured by `tokens`.
    pub fn new(options: ExtractorOptions, tokens: TokenRule) -> Self {
        Self {
            permits: Semaphore::new(options.workers.max(1)),
            idle: Mutex::new(Vec::new()),
            options,
            tokens,
            is_told: AtomicBool::new(false),
        }
    }

    /// What reads scanned pages, if there is anything.
    pub(super) fn ocr(&self) -> Option<&Ocr> {
        self.options.ocr.as_ref()
    }

    /// Extracts one document and has its scanned pages read. The inner result is the document's; the
    /// outer one fails only when no worker can be started at all.
    pub async fn extract(&self, mut job: Job) -> Result<Result<Extracted, String>, IngestError> {
        job.scans_from = self.ocr().map(|_| 1);
        let mut task = Task::Extract(job);
        let mut document = match (self.extract_once(&task).await?, self.ocr()) {
            (Ok(document), Some(_)) => document,
            (outcome, _) => return Ok(outcome),
        };
        while let Some(ocr) = self.ocr().cloned() {
            let (read, next) = blocking::run(move || {
                let next = ocr.read_scans(&mut document);
                (document, next)
            })
            .await;
            document = read;
            let (Some(next), Task::Extract(job)) = (next, &mut task) else {
                break;
            };
            job.scans_from = Some(next);
            match self.extract_once(&task).await? {
                Ok(more) => document.scans = more.scans,
                Err(reason) => document.warnings.push(Warning::OcrFailed(reason)),
            }
        }
        Ok(ocr::checked(document))
    }

    async fn extract_once(&self, task: &Task) -> Result<Outcome<Extracted>, IngestError> {
        let outcome = self.run("extraction", task).await?;
        Ok(outcome.and_then(|reply| match reply {
            Reply::Extracted(extracted) if is_sound(&extracted) => Ok(*extracted),
            Reply::Ready(_) | Reply::Counting | Reply::Extracted(_) | Reply::Pieces(_) => {
                Err(odd_reply())
            }
            Reply::Refused(reason) => Err(reason),
        }))
    }

    /// Splits one text, as [`split`](crate::chunk::split) does.
    pub(super) async fn split(&self, job: SplitJob) -> Result<Outcome<Vec<Piece>>, IngestError> {
        let task = Task::Split(job);
        let outcome = self.run("splitting", &task).await?;
        let Task::Split(job) = task else {
            unreachable!("it was made above")
        };
        Ok(outcome.and_then(|reply| match reply {
            Reply::Pieces(pieces) if pieces.iter().all(|piece| fits(&job.text, piece)) => {
                Ok(pieces)
            }
            Reply::Ready(_) | Reply::Counting | Reply::Extracted(_) | Reply::Pieces(_) => {
                Err(odd_reply())
            }
            Reply::Refused(reason) => Err(reason),
        }))
    }

    /// One task on an idle or a new worker.
    async fn run(&self, what: &str, task: &Task) -> Result<Outcome<Reply>, IngestError> {
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
            None => self.start().await?,
        };
        if matches!(task, Task::Split(_))
            && !worker.counts
            && self.teach(&mut worker).await.is_err()
        {
            // It may have no memory left after a large document.
            worker = self.start().await?;
            self.teach(&mut worker).await?;
        }
        let timeout = self.options.timeout;
        match tokio::time::timeout(timeout, worker.exchange(task)).await {
            Ok(Ok(reply)) => {
                self.idle
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push(worker);
                Ok(Ok(reply))
            }
            Ok(Err(_)) => Ok(Err(worker.describe_death(what).await)),
            // Dropping the worker kills it.
            Err(_) => Ok(Err(format!(
                "{what} took longer than {} s",
                timeout.as_secs()
            ))),
        }
    }

    fn failed(&self, source: std::io::Error) -> IngestError {
        IngestError::Worker {
            program: self.options.program.display().to_string(),
            source,
        }
    }

    async fn start(&self) -> Result<Worker, IngestError> {
        let mut child = Command::new(&self.options.program)
            .args(&self.options.arguments)
            // Keys and passwords of the environment are none of a document's business.
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| self.failed(error))?;
        let input = child.stdin.take().expect("stdin was asked to be a pipe");
        let mut output = child.stdout.take().expect("stdout was asked to be a pipe");
        match within(START, read(&mut output)).await {
            Ok(Reply::Ready(confinement)) => {
                let note = confinement.lacks();
                if let Some(note) = note.filter(|_| !self.is_told.swap(true, Ordering::Relaxed)) {
                    tracing::warn!("{note}");
                }
            }
            Ok(_) => return Err(self.failed(std::io::Error::other(odd_reply()))),
            Err(error) => return Err(self.failed(error)),
        }
        Ok(Worker {
            child,
            input,
            output,
            counts: false,
        })
    }

    /// Tells a worker how tokens are counted.
    async fn teach(&self, worker: &mut Worker) -> Result<(), IngestError> {
        let task = Task::Count(self.tokens.clone());
        match within(START, worker.exchange(&task)).await {
            Ok(Reply::Counting) => {
                worker.counts = true;
                Ok(())
            }
            Ok(Reply::Refused(reason)) => Err(self.failed(std::io::Error::other(reason))),
            Ok(Reply::Ready(_) | Reply::Extracted(_) | Reply::Pieces(_)) => {
                Err(self.failed(std::io::Error::other(odd_reply())))
            }
            Err(error) => Err(self.failed(error)),
        }
    }
}

impl Worker {
    async fn exchange(&mut self, task: &Task) -> std::io::Result<Reply> {
        self.input.write_all(&worker::frame(task)?).await?;
        self.input.flush().await?;
        read(&mut self.output).await
    }

    /// Why a worker that broke its pipe has ended.
    async fn describe_death(mut self, what: &str) -> String {
        drop(self.input);
        match tokio::time::timeout(Duration::from_secs(2), self.child.wait()).await {
            Ok(Ok(status)) => format!(
                "the worker for {what} ended on this file ({status}); it is damaged or hostile"
            ),
            _ => format!("the worker for {what} broke its pipe on this file"),
        }
    }
}

async fn read<T: DeserializeOwned>(output: &mut ChildStdout) -> std::io::Result<T> {
    let mut header = [0; 4];
    output.read_exact(&mut header).await?;
    let mut payload = vec![0; worker::frame_length(header)?];
    output.read_exact(&mut payload).await?;
    codec::decode(&payload).map_err(std::io::Error::other)
}

async fn within<T>(
    limit: Duration,
    work: impl Future<Output = std::io::Result<T>>,
) -> std::io::Result<T> {
    tokio::time::timeout(limit, work)
        .await
        .unwrap_or_else(|_| Err(std::io::ErrorKind::TimedOut.into()))
}

fn odd_reply() -> String {
    "a worker answered something else than what it was asked".to_owned()
}

/// Whether the positions lie in the text. A worker that a document has taken over may say anything.
fn is_sound(extracted: &Extracted) -> bool {
    let mut blocks = extracted.blocks.iter();
    blocks.all(|block| extracted.text.get(block.range.clone()).is_some())
}

fn fits(text: &str, piece: &Piece) -> bool {
    let is_in_piece = |sentence: &Range<usize>| {
        piece.range.start <= sentence.start
            && sentence.end <= piece.range.end
            && text.get(sentence.clone()).is_some()
    };
    text.get(piece.range.clone()).is_some() && piece.sentences.iter().all(is_in_piece)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn workers_see_nothing_of_the_environment_and_one_that_is_none_is_named() {
        assert!(
            std::env::var_os("PATH").is_some(),
            "there is something to see"
        );
        let folder = tempfile::tempdir().unwrap();
        let seen = folder.path().join("seen");
        let script = format!("env > {}", seen.display());
        let options = ExtractorOptions {
            program: "/bin/sh".into(),
            arguments: vec!["-c".to_owned(), script],
            workers: 1,
            timeout: Duration::from_secs(30),
            ocr: None,
        };
        let extractor = Extractor::new(options, TokenRule::Estimate);
        let kind = crate::model::ContentKind::Text;
        let job = Job::new(kind, None, b"Wool is warm.".to_vec());
        let error = extractor.extract(job).await.unwrap_err().to_string();
        assert!(error.contains("/bin/sh"), "{error}");
        let seen = fs_err::read_to_string(seen).unwrap();
        let names: Vec<&str> = seen
            .lines()
            .filter_map(|line| line.split('=').next())
            .collect();
        assert!(
            names
                .iter()
                .all(|name| ["PWD", "OLDPWD", "SHLVL", "_"].contains(name)),
            "{seen}"
        );
    }

    #[test]
    fn positions_outside_the_text_are_found() {
        let piece = |range: Range<usize>, sentence: Range<usize>| Piece {
            range,
            heading_path: Vec::new(),
            page: None,
            sentences: vec![sentence],
        };
        assert!(fits("né un", &piece(0..6, 0..3)));
        for (range, sentence) in [(0..7, 0..3), (2..6, 3..6), (0..3, 0..6), (0..6, 0..2)] {
            assert!(
                !fits("né un", &piece(range.clone(), sentence.clone())),
                "{range:?} {sentence:?}"
            );
        }
    }
}
