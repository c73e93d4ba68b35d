//! Candidates, scores, order.

use std::sync::Arc;

use thiserror::Error;
use tokio::sync::Semaphore;

use super::confidence::{self, Coverage};
use super::conversation::InContext;
use super::parameters::RetrievalParameters;
use super::query::Query;
use super::score::{Candidate, Scorer};
use super::spelling::mend;
use crate::embed::{EmbedError, Embedder};
use crate::index::IndexError;
use crate::language::identifiers;
use crate::model::{Context, Filter, GenerationId, UnitVector, dot};
use crate::runtime::recent::Recent;
use crate::runtime::{blocking, cpu_pool, stages};
use crate::snapshot::Generation;
use crate::snapshot::search::{RowVectors, Sought};

/// Bytes of questions whose vectors are remembered, some thousands under the default model: embedding
/// is the dearest step of a request, and a conversation asks for the same question more than once.
const MOST_QUERY_BYTES: usize = 24 << 20;

/// Bytes of results that are remembered, some thousands of questions.
const MOST_FOUND_BYTES: usize = 8 << 20;

/// Longer questions are not remembered; nobody asks the same long text twice.
const LONGEST_REMEMBERED_BYTES: usize = 2_000;

/// A name that stands in more rows than this tells little.
const MOST_NAMED_ROWS: usize = 32;

/// A question is searched by its first bytes up to this many: nobody asks more than a page, and a
/// pasted book must not cost seconds.
const LONGEST_QUESTION_BYTES: usize = 8 * 1024;

/// Why nothing was retrieved.
#[derive(Debug, Error)]
pub enum RetrieveError {
    /// The question could not be embedded.
    #[error(transparent)]
    Embed(#[from] EmbedError),
    /// The index could not be asked, or not be read.
    #[error(transparent)]
    Index(#[from] IndexError),
}

/// A chunk at its place in the order.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RankedChunk {
    /// Its row.
    pub row: u32,
    /// In [0, 1], falling along the order: the share of right ones among chunks of this score.
    pub score: f32,
}

/// The result of a search.
#[derive(Clone)]
pub struct Ranked {
    /// The generation that was searched.
    pub generation: Arc<Generation>,
    /// Best first.
    pub chunks: Vec<RankedChunk>,
    /// How well the corpus covers the question.
    pub coverage: Coverage,
    /// Whether that is enough for an answer.
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

/// All that a search depends on besides the parameters.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Asked {
    generation: GenerationId,
    /// What is searched for, with the bits of its weight.
    texts: Vec<(String, u32)>,
    k: usize,
    filter: Filter,
}

/// What a search found.
struct Found {
    chunks: Vec<RankedChunk>,
    coverage: Coverage,
    query: UnitVector,
}

/// Searches generations.
pub struct Retriever {
    embedder: Arc<dyn Embedder>,
    parameters: RetrievalParameters,
    queries: Recent<String, Arc<Query>>,
    found: Recent<Asked, Arc<Found>>,
    /// One search per core: more would only slow each other down.
    permits: Semaphore,
}

impl Retriever {
    /// A retriever that embeds questions with `embedder`.
    pub fn new(embedder: Arc<dyn Embedder>, parameters: RetrievalParameters) -> Self {
        Self {
            embedder,
            parameters,
            queries: Recent::of_bytes(MOST_QUERY_BYTES),
            found: Recent::of_bytes(MOST_FOUND_BYTES),
            permits: Semaphore::new(cpu_pool::available_threads().get()),
        }
    }

    /// The `k` best chunks of `generation` that `filter` admits for a question, which must not be
    /// blank.
    pub async fn retrieve(
        &self,
        generation: Arc<Generation>,
        asked: &InContext,
        k: usize,
        filter: &Filter,
    ) -> Result<Ranked, RetrieveError> {
        let mut texts = vec![(cut(asked.question.trim()).to_owned(), 1.0)];
        if let Some((before, weight)) = &asked.before {
            texts.push((cut(before.trim()).to_owned(), *weight));
        }
        let key = Asked {
            generation: generation.id().clone(),
            texts: texts
                .iter()
                .map(|(text, weight)| (text.clone(), weight.to_bits()))
                .collect(),
            k,
            filter: filter.clone(),
        };
        let found = match self.found.find(&key) {
            Some(found) => found,
            None => self.search(&generation, texts, key).await?,
        };
        Ok(Ranked {
            chunks: found.chunks.clone(),
            coverage: found.coverage,
            covered: found.coverage.share >= self.parameters.floor,
            query: found.query.clone(),
            generation,
        })
    }

    async fn search(
        &self,
        generation: &Arc<Generation>,
        texts: Vec<(String, f32)>,
        key: Asked,
    ) -> Result<Arc<Found>, RetrieveError> {
        let mut query = self.understand(&texts[0].0).await?;
        for (before, weight) in &texts[1..] {
            let earlier = self.understand(before).await?;
            query = Arc::new(Query::clone(&query).with(&earlier, *weight));
        }
        let parameters = self.parameters;
        let (generation, filter, k) = (Arc::clone(generation), key.filter.clone(), key.k);
        let search = async {
            let _permit = self
                .permits
                .acquire()
                .await
                .expect("the semaphore is never closed");
            blocking::run(move || {
                let (chunks, coverage) =
                    search(&generation, &texts, &query, k, &filter, &parameters)?;
                Ok::<_, IndexError>(Arc::new(Found {
                    chunks,
                    coverage,
                    query: query.whole.clone(),
                }))
            })
            .await
        };
        let found = stages::timed("search", search).await?;
        let text_bytes: usize = key.texts.iter().map(|(text, _)| text.len()).sum();
        if text_bytes <= LONGEST_REMEMBERED_BYTES {
            let bytes = size_of::<(Asked, Found)>()
                + text_bytes
                + key.filter.source.as_ref().map_or(0, String::len)
                + key.filter.host.as_ref().map_or(0, String::len)
                + size_of_val(found.chunks.as_slice())
                + size_of_val(found.query.as_slice());
            self.found.insert(key, Arc::clone(&found), bytes);
        }
        Ok(found)
    }

    /// The vector of a question, from the cache if it was asked before.
    pub async fn embed(&self, question: &str) -> Result<UnitVector, RetrieveError> {
        Ok(self.understand(question).await?.whole.clone())
    }

    /// The question with mistyped words as the sources of `generation` write them; `None` if there is
    /// nothing to mend.
    pub async fn mend(&self, generation: &Arc<Generation>, question: &str) -> Option<String> {
        let question = cut(question).to_owned();
        let generation = Arc::clone(generation);
        let embedder = Arc::clone(&self.embedder);
        // The first mistyped word has all words of the sources collected.
        blocking::run(move || mend(&question, &generation, embedder.as_ref())).await
    }

    /// How many results are remembered.
    #[cfg(test)]
    pub(super) fn remembered(&self) -> usize {
        self.found.len()
    }

    async fn understand(&self, question: &str) -> Result<Arc<Query>, RetrieveError> {
        if let Some(query) = self.queries.find(question) {
            return Ok(query);
        }
        let vectors = stages::timed("embed", self.embedder.embed_query(question)).await?;
        let query = Arc::new(Query::of(vectors));
        if question.len() <= LONGEST_REMEMBERED_BYTES {
            let bytes = size_of::<(String, Query)>() + question.len() + query.bytes();
            self.queries
                .insert(question.to_owned(), Arc::clone(&query), bytes);
        }
        Ok(query)
    }
}

/// The part of a text that is searched for.
fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(LONGEST_QUESTION_BYTES)]
}

fn search(
    generation: &Generation,
    texts: &[(String, f32)],
    query: &Query,
    k: usize,
    filter: &Filter,
    parameters: &RetrievalParameters,
) -> Result<(Vec<RankedChunk>, Coverage), IndexError> {
    let texts: Vec<(&str, f32)> = texts
        .iter()
        .map(|(t, weight)| (t.as_str(), *weight))
        .collect();
    let found = generation.gather(&Sought {
        vector: &query.whole,
        texts: &texts,
        names: &names(texts[0].0),
        most_named: MOST_NAMED_ROWS,
        count: parameters.candidates.max(k),
        admitted: admitted(generation, filter).as_deref(),
    })?;
    let mut ranked = Scorer::new(generation, query, &found, parameters).rank();
    let scores = confidence::chances(&ranked, ranked.len(), &found.words);
    named_first(&found.named, &mut ranked);
    let mut chosen: Vec<RankedChunk> = Vec::with_capacity(k);
    for (candidate, score) in ranked.iter().zip(scores) {
        if chosen.len() == k {
            break;
        }
        let vectors = found.vectors.as_ref();
        if !repeats(vectors, &chosen, candidate.row, parameters.duplicate_cosine) {
            chosen.push(RankedChunk {
                row: candidate.row,
                score,
            });
        }
    }
    let rows = chosen.iter().map(|chunk| chunk.row);
    generation.records.have_texts(rows)?;
    Ok((chosen, confidence::coverage(&ranked, &found.words)))
}

/// The names in a question, each by its parts and by all of it in one.
fn names(question: &str) -> Vec<Vec<Vec<String>>> {
    let names = identifiers(question).into_iter().map(|name| {
        let (parts, whole) = name.words();
        vec![parts, vec![whole]]
    });
    names.collect()
}

/// Puts chunks that hold more of the names of a question before the others; otherwise the order
/// stays.
fn named_first(named: &[Vec<u32>], ranked: &mut [Candidate]) {
    let held = |candidate: &Candidate| {
        named
            .iter()
            .filter(|rows| rows.contains(&candidate.row))
            .count()
    };
    ranked.sort_by_cached_key(|candidate| std::cmp::Reverse(held(candidate)));
}

/// The rows that a filter lets through; `None` when there is no filter.
fn admitted(generation: &Generation, filter: &Filter) -> Option<Vec<bool>> {
    if filter.is_empty() {
        return None;
    }
    let records = &generation.records;
    let documents: Vec<bool> = records
        .documents()
        .iter()
        .map(|document| filter.admits(document))
        .collect();
    let rows = records
        .chunks()
        .iter()
        .map(|chunk| documents[chunk.document as usize] && filter.admits_chunk(chunk));
    Some(rows.collect())
}

/// Whether `row` says what one of the chosen chunks says already.
fn repeats(vectors: &dyn RowVectors, chosen: &[RankedChunk], row: u32, threshold: f32) -> bool {
    let own = vectors.vector(row);
    chosen
        .iter()
        .any(|other| dot(&vectors.vector(other.row), &own) >= threshold)
}
