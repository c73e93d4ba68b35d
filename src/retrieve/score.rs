//! Scores of candidates and their fusion.
//!
//! Each side is standardised over *all* chunks of the generation (not over the candidates), then
//! the sides are added by weight. On every public set that was measured this beats either side
//! alone and reciprocal rank fusion; see `docs/retrieval.md`.

use std::ops::Range;

use super::parameters::RetrievalParameters;
use super::query::Query;
use crate::index::IndexError;
use crate::index::bm25::LexicalScores;
use crate::model::UnitVector;
use crate::snapshot::Generation;
use crate::snapshot::search::{Gathered, RowVectors};

/// How many of the best chunks show, in a second look, what the question is about.
const FEEDBACK_CHUNKS: usize = 3;

/// How far below the best a chunk may score and still have a say in the second look: one that is
/// this far below counts 1/e as much.
const FEEDBACK_SPREAD: f32 = 0.5;

/// How many of the best chunks are looked at word by word.
const MEETING_CHUNKS: usize = 100;

/// How far the scores of late interaction of one question usually lie apart (one standard
/// deviation), so that its weight compares with that of standard scores. Fixed, so that an order
/// among few chunks is no matter of chance.
const MEETING_SPREAD: f32 = 0.05;

/// Scores of one query over one generation.
pub(super) struct Scorer<'a> {
    generation: &'a Generation,
    query: &'a Query,
    found: &'a Gathered<'a>,
    dense: (f32, f32),
    parameters: &'a RetrievalParameters,
}

/// A candidate and what speaks for it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Candidate {
    /// Its row.
    pub(super) row: u32,
    /// For ordering; a standard score.
    pub(super) fused: f32,
    /// Cosine of its best sentence, or of the whole chunk where sentences have no vectors.
    pub(super) sentence: f32,
}

/// Keeps a constant side from dividing by nothing: when no word of the query stands anywhere, all
/// lexical scores are equal and say nothing.
const SMALLEST_DEVIATION: f32 = 1e-6;

impl<'a> Scorer<'a> {
    pub(super) fn new(
        generation: &'a Generation,
        query: &'a Query,
        found: &'a Gathered<'a>,
        parameters: &'a RetrievalParameters,
    ) -> Self {
        Self {
            generation,
            query,
            found,
            dense: generation
                .moments
                .of_cosines(&query.whole)
                .unwrap_or((0.0, 1.0)),
            parameters,
        }
    }

    /// Scores the candidates, best first.
    pub(super) fn rank(&self) -> Vec<Candidate> {
        let rows = &self.found.rows;
        let mut candidates: Vec<Candidate> = match self.sentences(rows) {
            Ok(sentences) => {
                let pairs = rows.iter().zip(sentences);
                pairs.map(|(row, best)| self.score(*row, best)).collect()
            }
            Err(error) => {
                tracing::warn!(%error, "a question was answered without looking at single sentences");
                rows.iter().map(|row| self.score(*row, None)).collect()
            }
        };
        sort(&mut candidates);
        self.meet_words(&mut candidates);
        self.look_again(&mut candidates);
        candidates
    }

    /// The cosine of the best sentence of each row, where it has any.
    fn sentences(&self, rows: &[u32]) -> Result<Vec<Option<f32>>, IndexError> {
        let best = |row: &u32| {
            let cosines = self
                .found
                .vectors
                .sentence_cosines(*row, &self.query.whole)?;
            Ok(cosines.into_iter().reduce(f32::max))
        };
        rows.iter().map(best).collect()
    }

    /// `sentence` is the cosine of its best one.
    fn score(&self, row: u32, sentence: Option<f32>) -> Candidate {
        let document = self.generation.chunk(row).document;
        let vectors = self.found.vectors.as_ref();
        let (query, beside) = (&self.query.whole, self.parameters.neighbour_weight);
        let together = self.generation.records.rows_of(document);
        let whole = in_place(query, vectors, &together, row, beside);
        let sentence = sentence.unwrap_or_else(|| query.cosine(&vectors.vector(row)));
        // A chunk is often found for one of its sentences, and a single sentence without its
        // surroundings misleads.
        let dense = whole + self.parameters.sentence_weight * (sentence - whole);
        // A chunk speaks in the light of its document: words that stand beside it count too.
        let here = standard_lexical(&self.found.chunks, row);
        let around = standard_lexical(&self.found.documents, document);
        let lexical = here + self.parameters.document_weight * (around - here);
        let weight = self.parameters.dense_weight;
        Candidate {
            row,
            fused: weight * standard(dense, self.dense) + (1.0 - weight) * lexical,
            sentence,
        }
    }

    /// Feedback (Rocchio, 1971): what the best chunks have in common says more clearly than the
    /// question what is asked for, so that nearness to them is a part of every score.
    fn look_again(&self, candidates: &mut [Candidate]) {
        let weight = self.parameters.feedback_weight;
        let vectors = self.found.vectors.as_ref();
        let mut common = vec![0.0_f32; self.query.whole.dimension()];
        let best = candidates.first().map_or(0.0, |best| best.fused);
        for candidate in candidates.iter().take(FEEDBACK_CHUNKS) {
            let say = ((candidate.fused - best) / FEEDBACK_SPREAD).exp();
            for (sum, value) in common.iter_mut().zip(vectors.vector(candidate.row).iter()) {
                *sum += say * value;
            }
        }
        // No vector is common to nothing; then there is nothing to learn.
        let Ok(common) = UnitVector::normalize(common) else {
            return;
        };
        let moments = self.generation.moments.of_cosines(&common);
        for candidate in candidates.iter_mut() {
            let near = standard(
                common.cosine(&vectors.vector(candidate.row)),
                moments.unwrap_or((0.0, 1.0)),
            );
            candidate.fused += weight * (near - candidate.fused);
        }
        sort(candidates);
    }

    /// Late interaction: what each token of the question finds among a chunk's words. The vector of
    /// a whole chunk tells what it is about, its words tell whether it says just that.
    fn meet_words(&self, candidates: &mut [Candidate]) {
        let looked_at = candidates.iter().take(MEETING_CHUNKS);
        let rows: Vec<u32> = looked_at.map(|candidate| candidate.row).collect();
        let meetings = match self.found.vectors.meet(&self.query.tokens, &rows) {
            Ok(meetings) => meetings,
            Err(error) => {
                tracing::warn!(%error, "a question was answered without looking at single words");
                return;
            }
        };
        let known = || meetings.iter().copied().flatten();
        let Some(least) = known().reduce(f32::min) else {
            return;
        };
        let mean = known().sum::<f32>() / known().count() as f32;
        for (position, candidate) in candidates.iter_mut().enumerate() {
            let meeting = meetings.get(position).copied().flatten().unwrap_or(least);
            candidate.fused += self.parameters.late_weight * (meeting - mean) / MEETING_SPREAD;
        }
        sort(candidates);
    }
}

/// The cosine of a chunk where it stands: its vector with those of the chunks before and after it in
/// the same document, which count `weight` each.
fn in_place(
    query: &UnitVector,
    vectors: &dyn RowVectors,
    together: &Range<u32>,
    row: u32,
    weight: f32,
) -> f32 {
    let neighbours = row.checked_sub(1).into_iter().chain([row + 1]);
    let own = vectors.vector(row);
    let mut sum = own.to_vec();
    for neighbour in neighbours.filter(|other| together.contains(other)) {
        for (sum, value) in sum.iter_mut().zip(vectors.vector(neighbour).iter()) {
            *sum += weight * value;
        }
    }
    // Only opposite vectors cancel out.
    let sum = UnitVector::normalize(sum);
    query.cosine(sum.as_ref().map_or(&own, UnitVector::as_slice))
}

/// Best first; equal scores by row, so that results are the same on every run.
fn sort(candidates: &mut [Candidate]) {
    candidates.sort_by(|a, b| b.fused.total_cmp(&a.fused).then(a.row.cmp(&b.row)));
}

fn standard_lexical(scores: &LexicalScores, position: u32) -> f32 {
    let score = scores.scores.get(position as usize).copied();
    standard(score.unwrap_or(0.0), (scores.mean, scores.deviation))
}

fn standard(value: f32, (mean, deviation): (f32, f32)) -> f32 {
    if deviation < SMALLEST_DEVIATION {
        0.0
    } else {
        (value - mean) / deviation
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::*;
    use crate::index::words::QueryTokens;

    struct Rows([UnitVector; 3]);

    impl RowVectors for Rows {
        fn vector(&self, row: u32) -> Cow<'_, [f32]> {
            Cow::Borrowed(self.0[row as usize].as_slice())
        }

        fn sentence_cosines(&self, _: u32, _: &UnitVector) -> Result<Vec<f32>, IndexError> {
            Ok(Vec::new())
        }

        fn meet(&self, _: &QueryTokens, _: &[u32]) -> Result<Vec<Option<f32>>, IndexError> {
            Ok(Vec::new())
        }
    }

    /// Rows 0 and 1 are one document, row 2 another. The query is what row 1 says.
    #[test]
    fn a_chunk_speaks_with_its_neighbours_and_never_with_another_document() {
        let unit = |values: [f32; 3]| UnitVector::normalize(values.to_vec()).unwrap();
        let rows = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]].map(unit);
        let query = rows[1].clone();
        let rows = Rows(rows);
        let together = |row| if row < 2 { 0..2 } else { 2..3 };
        let of = |row, weight| in_place(&query, &rows, &together(row), row, weight);
        let near = |found: f32, expected: f32| assert!((found - expected).abs() < 1e-6, "{found}");
        near(of(0, 0.0), 0.0);
        // (1, ½, 0) has length √1.25.
        near(of(0, 0.5), 0.5 / 1.25_f32.sqrt());
        near(of(1, 0.5), 1.0 / 1.25_f32.sqrt());
        near(of(2, 0.5), 0.0);
    }

    #[test]
    fn a_side_without_spread_is_silent() {
        assert!(standard(3.0, (3.0, 0.0)).abs() < f32::EPSILON);
        assert!((standard(5.0, (3.0, 2.0)) - 1.0).abs() < f32::EPSILON);
    }
}
