//! Scores of candidates and their fusion.
//!
//! Each side is standardised over *all* chunks of the generation (not over the candidates), then
//! the two are added by weight. On every public set that was measured this beats either side alone
//! and reciprocal rank fusion; see `docs/retrieval.md`.

use super::retriever::RetrievalParameters;
use crate::index::lexical::LexicalScores;
use crate::model::UnitVector;
use crate::snapshot::Generation;

/// Standardised scores of one query over one generation.
pub(super) struct Scorer<'a> {
    generation: &'a Generation,
    query: &'a UnitVector,
    lexical: &'a LexicalScores,
    dense_mean: f32,
    dense_deviation: f32,
    parameters: &'a RetrievalParameters,
}

/// The scores of one candidate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Score {
    /// For ordering; a standard score.
    pub(super) fused: f32,
    /// For people: the cosine that a chunk of this standing would have, in [0, 1].
    pub(super) shown: f32,
    /// The dense part alone, as a cosine.
    pub(super) dense: f32,
}

/// Keeps a constant side from dividing by nothing: when no word of the query stands anywhere, all
/// lexical scores are equal and say nothing.
const SMALLEST_DEVIATION: f32 = 1e-6;

impl<'a> Scorer<'a> {
    pub(super) fn new(
        generation: &'a Generation,
        query: &'a UnitVector,
        lexical: &'a LexicalScores,
        parameters: &'a RetrievalParameters,
    ) -> Self {
        let (dense_mean, dense_deviation) =
            generation.moments.of_cosines(query).unwrap_or((0.0, 1.0));
        Self {
            generation,
            query,
            lexical,
            dense_mean,
            dense_deviation,
            parameters,
        }
    }

    pub(super) fn score(&self, row: u32) -> Score {
        let dense = self.dense(row);
        let dense_standard = standard(dense, self.dense_mean, self.dense_deviation);
        let lexical = self
            .lexical
            .scores
            .get(row as usize)
            .copied()
            .unwrap_or(0.0);
        let lexical_standard = standard(lexical, self.lexical.mean, self.lexical.deviation);
        let weight = self.parameters.dense_weight;
        let fused = weight * dense_standard + (1.0 - weight) * lexical_standard;
        Score {
            fused,
            shown: (self.dense_mean + self.dense_deviation * fused).clamp(0.0, 1.0),
            dense,
        }
    }

    /// The chunk's cosine and its best sentence's, by weight: a chunk is often found for one of its
    /// sentences, and a single sentence without its surroundings misleads.
    fn dense(&self, row: u32) -> f32 {
        let whole = self.query.cosine(self.generation.records.vectors.row(row));
        let best = self
            .generation
            .records
            .spans
            .cosines(row, self.query)
            .into_iter()
            .reduce(f32::max);
        best.map_or(whole, |best| {
            whole + self.parameters.sentence_weight * (best - whole)
        })
    }
}

fn standard(value: f32, mean: f32, deviation: f32) -> f32 {
    if deviation < SMALLEST_DEVIATION {
        0.0
    } else {
        (value - mean) / deviation
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_side_without_spread_is_silent() {
        assert!(standard(3.0, 3.0, 0.0).abs() < f32::EPSILON);
        assert!((standard(5.0, 3.0, 2.0) - 1.0).abs() < f32::EPSILON);
    }
}
