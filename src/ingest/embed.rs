//! Vectors for passages: those of earlier runs, and new ones within a limit of time per document.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures::{StreamExt as _, stream};
use tokio::time::{Instant, timeout, timeout_at};

use super::IngestError;
use super::cache::Cache;
use super::prepare::{Assembly, PROBES, Prepared};
use crate::embed::{EmbedError, Embedder, Passage, PassageVectors};
use crate::model::UnitVector;
use crate::snapshot::Records;

/// Passages of one document that are handed to the embedder at once, and how many such batches are
/// under way: enough to keep every worker busy, few enough to stay small.
const BATCH: usize = 8;
const BATCHES_UNDER_WAY: usize = 4;

/// Vectors of an earlier generation, by the digest of what was embedded.
struct Known<'a> {
    records: &'a Records,
    rows: HashMap<[u8; 16], u32>,
}

impl<'a> Known<'a> {
    /// `None` if the vectors come from another embedder.
    fn of(records: &'a Records, embedder: &dyn Embedder) -> Option<Self> {
        (records.manifest.embedder == *embedder.fingerprint()).then(|| Self {
            rows: (0_u32..)
                .zip(records.chunks())
                .map(|(row, chunk)| (chunk.embedded_digest, row))
                .collect(),
            records,
        })
    }

    fn find(&self, prepared: &Prepared) -> Option<PassageVectors> {
        let row = *self.rows.get(&prepared.chunk.embedded_digest)?;
        let spans = self.records.spans.vectors(row).ok()?;
        let whole = UnitVector::normalize(self.records.vectors.row(row).to_vec()).ok()?;
        let words = self.records.words.codes(row).ok()?;
        // Sentence rules may have changed since, or the generation be older than word vectors; then
        // the passage is embedded again. An embedder without token vectors gives neither.
        let is_whole = spans.is_empty()
            || (spans.len() == prepared.passage.spans.len()
                && words.is_empty() == prepared.passage.words.is_empty());
        is_whole.then_some(PassageVectors {
            whole,
            spans,
            words,
        })
    }
}

/// What need not be embedded again.
pub(super) struct Recalled {
    vectors: Vec<Option<PassageVectors>>,
    /// Passages that an interrupted run has embedded.
    pub(super) resumed: usize,
}

impl Recalled {
    /// Looks every passage up among those that this run has made, in the generation before and in
    /// the cache.
    pub(super) fn of(
        prepared: &[Prepared],
        earlier: Option<(Option<&Records>, &Cache)>,
        fresh: &HashMap<[u8; 16], PassageVectors>,
        embedder: &dyn Embedder,
    ) -> Self {
        let known = earlier.and_then(|(records, _)| Known::of(records?, embedder));
        let cached = earlier.map(|(_, cache)| cache.vectors(embedder.fingerprint()));
        let cached = cached.unwrap_or_default();
        let mut resumed = 0;
        let vectors = prepared
            .iter()
            .map(|item| {
                let fits = |vectors: &&PassageVectors| {
                    vectors.spans.is_empty() || vectors.spans.len() == item.passage.spans.len()
                };
                let digest = &item.chunk.embedded_digest;
                let made = fresh.get(digest).filter(fits).cloned();
                let published = || known.as_ref().and_then(|known| known.find(item));
                made.or_else(published).or_else(|| {
                    let vectors = cached.get(digest).filter(fits)?;
                    resumed += 1;
                    Some(vectors.clone())
                })
            })
            .collect();
        Self { vectors, resumed }
    }

    /// How many passages are still to be embedded.
    pub(super) fn missing(&self) -> usize {
        self.vectors.iter().filter(|known| known.is_none()).count()
    }
}

/// What came of embedding.
pub(super) struct Embedding {
    /// Of each passage; `None` for those of documents that failed.
    pub(super) vectors: Vec<Option<PassageVectors>>,
    /// How many are new.
    pub(super) made: usize,
    /// Why documents failed, by their position.
    pub(super) failures: HashMap<usize, String>,
}

/// Some passages of one document, by their rows.
struct Batch {
    document: usize,
    rows: Vec<usize>,
}

/// The vectors of all passages in order. What is new is kept in the cache as soon as it is there.
///
/// A document has `assembly.timeout` from its first batch on. It is the document's fault when its
/// passages fail or take longer while the embedder still answers a probe; else the run ends.
pub(super) async fn embed(
    prepared: &[Prepared],
    recalled: Recalled,
    assembly: &Assembly<'_>,
) -> Result<Embedding, IngestError> {
    let mut embedding = Embedding {
        vectors: recalled.vectors,
        made: 0,
        failures: HashMap::new(),
    };
    let batches = batches(prepared, &embedding.vectors);
    let missing: usize = batches.iter().map(|batch| batch.rows.len()).sum();
    assembly.bar.set_position((prepared.len() - missing) as u64);
    let clocks = Clocks::new(assembly.timeout);
    let mut results = stream::iter(batches)
        .map(|batch| {
            let rows = batch.rows.iter();
            let passages: Vec<_> = rows.map(|row| prepared[*row].passage.clone()).collect();
            let deadline = clocks.deadline(batch.document);
            async move {
                let outcome = try_batch(passages, deadline, assembly).await;
                (batch, outcome)
            }
        })
        .buffer_unordered(BATCHES_UNDER_WAY);
    while let Some((batch, outcome)) = results.next().await {
        assembly.bar.inc(batch.rows.len() as u64);
        let fresh = match outcome? {
            Ok(fresh) => fresh,
            Err(reason) => {
                clocks.stop(batch.document);
                embedding.failures.entry(batch.document).or_insert(reason);
                continue;
            }
        };
        let digest = |row: &usize| prepared[*row].chunk.embedded_digest;
        let keys = batch.rows.iter().map(digest);
        let fingerprint = assembly.embedder.fingerprint();
        assembly.cache.keep_vectors(fingerprint, keys.zip(&fresh));
        embedding.made += fresh.len();
        for (row, vectors) in batch.rows.into_iter().zip(fresh) {
            embedding.vectors[row] = Some(vectors);
        }
    }
    Ok(embedding)
}

/// The passages that have no vectors yet.
fn batches(prepared: &[Prepared], vectors: &[Option<PassageVectors>]) -> Vec<Batch> {
    let mut batches: Vec<Batch> = Vec::new();
    for row in (0..prepared.len()).filter(|row| vectors[*row].is_none()) {
        let document = prepared[row].document();
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assistant::fixture::fake_embedder::HashEmbedder;
    use crate::language::content_words;
    use crate::snapshot::{current, open};

    /// A chunk of a golden generation, to be embedded in the same way today.
    fn recalled_from(format: &str) -> Option<PassageVectors> {
        let index = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/it/golden")
            .join(format);
        let records = open::open_records(&index, &current::read(&index).unwrap()).unwrap();
        let chunk = records.chunks()[0].clone();
        let text = records.chunk_text(&chunk).to_owned();
        let prepared = Prepared {
            passage: Passage {
                spans: chunk.sentences.clone(),
                words: content_words(&text).collect(),
                text,
            },
            lexical_text: String::new(),
            chunk,
        };
        Known::of(&records, &HashEmbedder::named("fake"))
            .unwrap()
            .find(&prepared)
    }

    #[test]
    fn what_has_no_words_yet_is_embedded_again_and_the_rest_is_not() {
        assert!(recalled_from("format-2").is_none());
        let recalled = recalled_from("format-3").unwrap();
        assert!(!recalled.words.is_empty() && recalled.spans.len() == 3);
    }
}
