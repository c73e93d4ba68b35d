//! Search structures over the chunks of one generation: dense and lexical.
//!
//! Rows are chunk positions, from 0. Nothing here knows what a chunk says.

pub mod bm25;
mod distance;
mod error;
pub mod flat;
pub mod hnsw;
pub mod lexical;
pub mod moments;
pub mod spans;
mod wire;

pub use error::IndexError;

use crate::model::UnitVector;

/// One row found, and how near it is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hit {
    /// Chunk position.
    pub row: u32,
    /// Cosine for a dense index, BM25 for the lexical one; higher is better.
    pub score: f32,
}

/// Nearest neighbours among unit vectors of one dimension.
///
/// Contract, checked by one test for every implementation: at most `k` hits, distinct rows, best
/// first, scores are the true cosines within rounding; a query of another dimension gives none.
pub trait VectorIndex: Send + Sync {
    /// How many rows there are.
    fn len(&self) -> usize;

    /// Whether there are no rows.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The rows nearest to `query`.
    fn search(&self, query: &UnitVector, k: usize) -> Vec<Hit>;
}

/// Orders hits best first; equal scores by row, so that results are the same on every run.
pub fn sort_best_first(hits: &mut [Hit]) {
    hits.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.row.cmp(&b.row)));
}
