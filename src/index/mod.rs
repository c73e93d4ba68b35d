//! Search structures over the chunks of one generation: dense and lexical.
//!
//! Rows are chunk positions, from 0. Nothing here knows what a chunk says.

pub mod bm25;
pub mod dense;
mod error;
pub mod flat;
pub mod graph;
pub mod hnsw;
pub mod impacts;
pub mod lexical;
pub mod link;
pub mod moments;
pub mod packed;
pub mod part_writer;
pub mod parts;
pub mod quantised;
pub mod spans;
pub mod spelling;
mod stored;
mod wire;
pub mod words;

pub use error::IndexError;

/// One row found, and how near it is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hit {
    /// Chunk position.
    pub row: u32,
    /// Its cosine; higher is better.
    pub score: f32,
}

/// Orders hits best first; equal scores by row, so that results are the same on every run.
pub fn sort_best_first(hits: &mut [Hit]) {
    hits.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.row.cmp(&b.row)));
}

/// Deterministic directions (xorshift), so that a failure can be repeated.
#[cfg(test)]
fn directions(count: usize, dimension: usize, seed: u64) -> Vec<crate::model::UnitVector> {
    let mut state = seed | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        f32::from(i16::from_le_bytes([
            state.to_le_bytes()[2],
            state.to_le_bytes()[5],
        ])) / 32_768.0
    };
    (0..count)
        .map(|_| {
            crate::model::UnitVector::normalize((0..dimension).map(|_| next()).collect()).unwrap()
        })
        .collect()
}
