//! A question as the vectors see it.

use crate::embed::QueryVectors;
use crate::index::words::QueryTokens;
use crate::model::UnitVector;

/// What a question means: its direction, and those of its tokens.
#[derive(Debug, Clone)]
pub(super) struct Query {
    /// The whole question.
    pub(super) whole: UnitVector,
    /// Its tokens; none where the embedder shows none.
    pub(super) tokens: QueryTokens,
}

impl Query {
    /// From what an embedder says.
    pub(super) fn of(vectors: QueryVectors) -> Self {
        Self {
            tokens: QueryTokens::of(&vectors.tokens),
            whole: vectors.whole,
        }
    }

    /// Bytes that its vectors take.
    pub(super) fn bytes(&self) -> usize {
        size_of_val(self.whole.as_slice()) + self.tokens.bytes()
    }

    /// A question in the light of another, which counts `weight` beside it.
    pub(super) fn with(self, other: &Self, weight: f32) -> Self {
        let sum = self
            .whole
            .as_slice()
            .iter()
            .zip(other.whole.as_slice())
            .map(|(a, b)| a + weight * b)
            .collect();
        Self {
            // Only opposite vectors of equal weight cancel out.
            whole: UnitVector::normalize(sum).unwrap_or(self.whole),
            tokens: self.tokens.with(&other.tokens, weight),
        }
    }
}
