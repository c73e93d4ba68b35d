//! Candidates, scores, order.

use std::sync::Arc;

use thiserror::Error;
use tokio::sync::Semaphore;

use super::query_cache::QueryCache;
use super::score::{Score, Scorer};
use crate::embed::{EmbedError, Embedder};
use crate::index::VectorIndex as _;
use crate::model::{Context, UnitVector, dot};
use crate::runtime::{blocking, cpu_pool, stages};
use crate::snapshot::Generation;

/// How retrieval weighs its evidence.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RetrievalParameters {
    /// Candidates taken from each side.
    pub candidates: usize,
    /// Weight of the dense side; the lexical side has the rest.
    pub dense_weight: f32,
    /// Weight of a chunk's best sentence within the dense side; the whole chunk has the rest.
    pub sentence_weight: f32,
    /// Two chunks whose vectors have at least this cosine say the same; only the better one is
    /// returned.
    pub duplicate_cosine: f32,
    /// Best dense score under which the sources count as not covering the question.
    pub floor: f32,
}

impl Default for RetrievalParameters {
    fn default() -> Self {
        Self {
            candidates: 100,
            dense_weight: 0.75,
            sentence_weight: 0.6,
            duplicate_cosine: 0.998,
            floor: 0.30,
        }
    }
}

/// Questions whose vectors are remembered.
const CACHED_QUERIES: usize = 4_096;

/// A question is searched by its first bytes up to this many: nobody asks more than a page, and a
/// pasted book must not cost seconds.
const LONGEST_QUESTION_BYTES: usize = 8 * 1024;

/// Why nothing was retrieved.
#[derive(Debug, Error)]
pub enum RetrieveError {
    /// The question could not be embedded.
    #[error(transparent)]
    Embed(#[from] EmbedError),
}

/// A chunk at its place in the order.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RankedChunk {
    /// Its row.
    pub row: u32,
    /// In [0, 1], falling along the order.
    pub score: f32,
}

/// The result of a search.
#[derive(Clone)]
pub struct Ranked {
    /// The generation that was searched.
    pub generation: Arc<Generation>,
    /// Best first.
    pub chunks: Vec<RankedChunk>,
    /// Whether the best of them is near enough to the question to answer it.
    pub covered: bool,
    /// The question's vector.
    pub query: UnitVector,
}

impl Ranked {
    /// The chunks with all that a reader needs.
    pub fn contexts(&self) -> Vec<Context> {
        self.chunks
            .iter()
            .map(|chunk| self.generation.context(chunk.row, chunk.score))
            .collect()
    }
}

/// Searches generations.
pub struct Retriever {
    embedder: Arc<dyn Embedder>,
    parameters: RetrievalParameters,
    cache: QueryCache,
    /// One search per core: more would only slow each other down.
    permits: Semaphore,
}

impl Retriever {
    /// A retriever that embeds questions with `embedder`.
    pub fn new(embedder: Arc<dyn Embedder>, parameters: RetrievalParameters) -> Self {
        Self {
            embedder,
            parameters,
            cache: QueryCache::new(CACHED_QUERIES),
            permits: Semaphore::new(cpu_pool::available_threads().get()),
        }
    }

    /// The `k` best chunks of `generation` for `question`, which must not be blank.
    pub async fn retrieve(
        &self,
        generation: Arc<Generation>,
        question: &str,
        k: usize,
    ) -> Result<Ranked, RetrieveError> {
        let question = &question[..question.floor_char_boundary(LONGEST_QUESTION_BYTES)];
        let query = self.embed(question).await?;
        let parameters = self.parameters;
        let question = question.to_owned();
        let search = async {
            let _permit = self
                .permits
                .acquire()
                .await
                .expect("the semaphore is never closed");
            blocking::run(move || {
                let (chunks, covered) = search(&generation, &question, &query, k, &parameters);
                Ranked {
                    generation,
                    chunks,
                    covered,
                    query,
                }
            })
            .await
        };
        Ok(stages::timed("search", search).await)
    }

    /// The vector of a question, from the cache if it was asked before.
    pub async fn embed(&self, question: &str) -> Result<UnitVector, RetrieveError> {
        if let Some(vector) = self.cache.find(question) {
            return Ok(vector);
        }
        let vector = stages::timed("embed", self.embedder.embed_query(question)).await?;
        self.cache.insert(question, vector.clone());
        Ok(vector)
    }
}

fn search(
    generation: &Generation,
    question: &str,
    query: &UnitVector,
    k: usize,
    parameters: &RetrievalParameters,
) -> (Vec<RankedChunk>, bool) {
    let candidates = parameters.candidates.max(k);
    let lexical = generation.lexical.score(question);
    let mut rows: Vec<u32> = generation
        .graph
        .search(query, candidates)
        .iter()
        .map(|hit| hit.row)
        .collect();
    rows.extend(lexical.best(candidates));
    rows.sort_unstable();
    rows.dedup();

    let scorer = Scorer::new(generation, query, &lexical, parameters);
    let mut scored: Vec<(u32, Score)> = rows
        .into_iter()
        .map(|row| (row, scorer.score(row)))
        .collect();
    scored.sort_by(|a, b| b.1.fused.total_cmp(&a.1.fused).then(a.0.cmp(&b.0)));
    let covered = scored
        .iter()
        .take(k.max(1))
        .any(|(_, score)| score.dense >= parameters.floor);

    let mut chosen: Vec<RankedChunk> = Vec::with_capacity(k);
    for (row, score) in scored {
        if chosen.len() == k {
            break;
        }
        if !repeats(generation, &chosen, row, parameters.duplicate_cosine) {
            chosen.push(RankedChunk {
                row,
                score: score.shown,
            });
        }
    }
    (chosen, covered)
}

/// Whether `row` says what one of the chosen chunks says already.
fn repeats(generation: &Generation, chosen: &[RankedChunk], row: u32, threshold: f32) -> bool {
    let vectors = &generation.records.vectors;
    chosen
        .iter()
        .any(|other| dot(vectors.row(other.row), vectors.row(row)) >= threshold)
}
