//! What scores mean: the chance that a context is a right one, and how well the corpus covers a
//! question.
//!
//! Both are logistic functions of a few plain figures, fitted once over several evaluation sets;
//! `docs/retrieval.md` has how, and how well they hold. They were fitted with the default embedding
//! model: with another one they still order, but their values are less exact.

use super::score::Candidate;
use crate::index::bm25::LexicalQuery;

/// How well the corpus covers a question.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Coverage {
    /// In [0, 1]: how likely it is that the best contexts answer the question.
    pub share: f32,
}

impl Coverage {
    /// Nothing was found.
    pub const NONE: Self = Self { share: 0.0 };
}

/// Contexts that are looked at together for coverage, as many as a reader gets by default.
const LOOKED_AT: usize = 4;

/// The best must stand out from the one at this place: when all are alike, none is meant.
const CROWD: usize = 5;

/// Coverage of a question by `ranked`, best first.
pub(super) fn coverage(ranked: &[Candidate], words: &LexicalQuery<'_>) -> Coverage {
    let top = &ranked[..ranked.len().min(LOOKED_AT)];
    let Some(sentence) = top.iter().map(|found| found.sentence).reduce(f32::max) else {
        return Coverage::NONE;
    };
    let rows: Vec<u32> = top.iter().map(|found| found.row).collect();
    Coverage {
        share: logistic(3.51 * sentence + 1.71 * words.share(&rows) + 0.36 * lead(ranked) - 4.14),
    }
}

/// The chance that each of the first `count` of `ranked` is a right one. Falls along the order.
pub(super) fn chances(ranked: &[Candidate], count: usize, words: &LexicalQuery<'_>) -> Vec<f32> {
    let lead = lead(ranked);
    let best = ranked.first().map_or(0.0, |best| best.fused);
    let mut least = 1.0_f32;
    ranked
        .iter()
        .take(count)
        .map(|found| {
            let chance = logistic(
                4.33 * found.sentence
                    + 1.18 * words.share(&[found.row])
                    + 0.60 * (found.fused - best)
                    + 0.52 * lead
                    - 4.32,
            );
            least = least.min(chance);
            least
        })
        .collect()
}

/// How far the best stands out.
fn lead(ranked: &[Candidate]) -> f32 {
    match (ranked.first(), ranked.iter().take(CROWD).next_back()) {
        (Some(best), Some(other)) => best.fused - other.fused,
        _ => 0.0,
    }
}

fn logistic(value: f32) -> f32 {
    1.0 / (1.0 + (-value).exp())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::index::lexical::LexicalIndex;

    fn candidate(row: u32, fused: f32, sentence: f32) -> Candidate {
        Candidate {
            row,
            fused,
            sentence,
        }
    }

    #[test]
    fn chances_fall_along_the_order() {
        let index = LexicalIndex::build(["a loft", "loft insulation", "a pump"]);
        let words = LexicalQuery::new(&index, "loft insulation");
        let ranked = [
            candidate(0, 3.0, 0.4),
            candidate(1, 2.9, 0.8),
            candidate(2, 0.5, 0.1),
        ];
        let chances = chances(&ranked, 3, &words);
        assert!(chances.is_sorted_by(|a, b| a >= b), "{chances:?}");
        assert!(chances.iter().all(|chance| (0.0..=1.0).contains(chance)));
    }

    #[test]
    fn coverage_rises_with_the_words_found_and_is_none_without_contexts() {
        let index = LexicalIndex::build(["loft insulation", "a pump"]);
        let ranked = [candidate(0, 3.0, 0.5), candidate(1, 1.0, 0.1)];
        let known = coverage(&ranked, &LexicalQuery::new(&index, "loft"));
        let unknown = coverage(&ranked, &LexicalQuery::new(&index, "zeppelin"));
        assert!(known.share > unknown.share, "{known:?} {unknown:?}");
        let words = LexicalQuery::new(&index, "loft");
        assert_eq!(coverage(&[], &words), Coverage::NONE);
    }
}
