//! Vectors for passages that have none, within a limit of time per document.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures::{StreamExt as _, stream};
use tokio::time::{Instant, timeout, timeout_at};

use super::IngestError;
use super::prepare::{Assembly, passage};
use super::recall::{Plan, Recall};
use super::split::SplitText;
use crate::embed::{EmbedError, Passage, PassageVectors};
use crate::snapshot::write::{Body, Origin};

/// Texts by which an embedder is recognised: an everyday question, and figures with units.
pub(super) const PROBES: [&str; 2] = [
    "How can I heat my home for less money?",
    "270 mm of mineral wool, 21 °C, 0.16 W/m²K",
];

/// Passages of one document that are handed to the embedder at once, and how many such batches are
/// under way: enough to keep every worker busy, few enough to stay small.
const BATCH: usize = 8;
const BATCHES_UNDER_WAY: usize = 4;

/// What came of embedding.
#[derive(Default)]
pub(super) struct Embedding {
    /// How many passages were embedded.
    pub(super) made: usize,
    /// Why documents failed, by their position.
    pub(super) failures: HashMap<usize, String>,
}

/// Some passages of one document, by their rows.
struct Batch {
    document: usize,
    rows: Vec<usize>,
}

/// Makes the vectors that `plan` misses and hands them to `recall`, in the order of the rows. What is
/// new is kept in the cache as soon as it is there.
///
/// A document has `assembly.timeout` from its first batch on. It is the document's fault when its
/// passages fail or take longer while the embedder still answers a probe; else the run ends.
pub(super) async fn embed(
    documents: &[SplitText],
    plan: &mut Plan,
    recall: &mut Recall,
    assembly: &Assembly<'_>,
) -> Result<Embedding, IngestError> {
    let mut embedding = Embedding::default();
    let batches = batches(plan);
    let Plan {
        chunks, origins, ..
    } = plan;
    let missing: usize = batches.iter().map(|batch| batch.rows.len()).sum();
    assembly.bar.set_length(chunks.len() as u64);
    assembly.bar.set_position((chunks.len() - missing) as u64);
    let clocks = Clocks::new(assembly.timeout);
    let fingerprint = assembly.embedder.fingerprint();
    let chunks = &*chunks;
    let mut results = stream::iter(batches)
        .map(|batch| {
            let body = &documents[batch.document].text.body;
            let rows = batch.rows.iter();
            let passages: Vec<_> = match body {
                Body::New(text) => rows.map(|row| passage(text, &chunks[*row])).collect(),
                Body::Kept(_) => Vec::new(),
            };
            let deadline = clocks.deadline(batch.document);
            async move {
                let outcome = try_batch(passages, deadline, assembly).await;
                if let Ok(Ok(fresh)) = &outcome {
                    let keys = batch.rows.iter().map(|row| chunks[*row].embedded_digest);
                    assembly.cache.keep_vectors(fingerprint, keys.zip(fresh));
                }
                (batch, outcome)
            }
        })
        .buffered(BATCHES_UNDER_WAY);
    while let Some((batch, outcome)) = results.next().await {
        assembly.bar.inc(batch.rows.len() as u64);
        match outcome? {
            Ok(fresh) => {
                embedding.made += fresh.len();
                for (row, vectors) in batch.rows.into_iter().zip(fresh) {
                    let number = recall.keep(&chunks[row], vectors)?;
                    origins[row] = Some(Origin::New(number));
                }
            }
            Err(reason) => {
                clocks.stop(batch.document);
                embedding.failures.entry(batch.document).or_insert(reason);
            }
        }
    }
    Ok(embedding)
}

/// The passages that have no vectors yet.
fn batches(plan: &Plan) -> Vec<Batch> {
    let mut batches: Vec<Batch> = Vec::new();
    let missing = |row: &usize| plan.origins[*row].is_none();
    for row in (0..plan.chunks.len()).filter(missing) {
        let document = plan.chunks[row].document as usize;
        match batches.last_mut() {
            Some(batch) if batch.document == document && batch.rows.len() < BATCH => {
                batch.rows.push(row);
            }
            _ => batches.push(Batch {
                document,
                rows: vec![row],
            }),
        }
    }
    batches
}

/// The vectors of some passages. The inner error is their document's, the outer one the embedder's.
async fn try_batch(
    passages: Vec<Passage>,
    deadline: Instant,
    assembly: &Assembly<'_>,
) -> Result<Result<Vec<PassageVectors>, String>, EmbedError> {
    let embedder = assembly.embedder;
    let seconds = assembly.timeout.as_secs();
    let overdue = || format!("embedding took longer than {seconds} s");
    if deadline <= Instant::now() {
        return Ok(Err(overdue()));
    }
    let mut has_failed = false;
    loop {
        let count = passages.len();
        let failure = match timeout_at(deadline, embedder.embed_passages(passages.clone())).await {
            Ok(Ok(vectors)) if vectors.len() == count => return Ok(Ok(vectors)),
            Ok(Ok(_)) => Some(EmbedError::Inference(
                "fewer vectors than passages".to_owned(),
            )),
            Ok(Err(error)) => Some(error),
            Err(_) => None,
        };
        match timeout(assembly.timeout, embedder.embed_query(PROBES[0])).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => return Err(failure.unwrap_or(error)),
            Err(_) => {
                let silent = EmbedError::Inference(format!("no answer within {seconds} s"));
                return Err(failure.unwrap_or(silent));
            }
        }
        match failure {
            None => return Ok(Err(overdue())),
            Some(error) if has_failed => return Ok(Err(error.to_string())),
            Some(_) => has_failed = true,
        }
    }
}

/// When each document must be done.
struct Clocks {
    limit: Duration,
    deadlines: Mutex<HashMap<usize, Instant>>,
}

impl Clocks {
    fn new(limit: Duration) -> Self {
        Self {
            limit,
            deadlines: Mutex::default(),
        }
    }

    /// The first call for a document starts its clock.
    fn deadline(&self, document: usize) -> Instant {
        let mut deadlines = self
            .deadlines
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *deadlines
            .entry(document)
            .or_insert_with(|| Instant::now() + self.limit)
    }

    /// What is left of a document is not worth the time.
    fn stop(&self, document: usize) {
        self.deadlines
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(document, Instant::now());
    }
}
