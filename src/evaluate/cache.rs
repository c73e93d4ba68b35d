//! How well the answer cache tells questions apart, on labelled pairs.

use std::path::Path;

use serde::Deserialize;

use super::{QuestionsError, share};
use crate::assistant::answer_cache::likeness;
use crate::assistant::{Assistant, AssistantError};

/// Two questions and whether one answer does for both.
#[derive(Debug, Clone, Deserialize)]
pub struct LabelledPair {
    /// One question.
    pub a: String,
    /// Another one.
    pub b: String,
    /// Whether one answer does for both.
    pub same: bool,
    /// Which part of the set it belongs to, `dev` or `held-out`.
    #[serde(default)]
    pub part: String,
}

/// A pair and what the cache makes of it.
#[derive(Debug, Clone)]
pub struct JudgedPair {
    /// The pair.
    pub pair: LabelledPair,
    /// Cosine of the two questions.
    pub cosine: f32,
    /// Whether the words let them share an answer.
    pub may_share: bool,
}

/// What would happen at a threshold.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CacheFigures {
    /// The least cosine of a hit.
    pub threshold: f32,
    /// Share of the pairs that ask the same which would hit.
    pub hits: f64,
    /// Share of the others which would.
    pub false_hits: f64,
    /// The same by cosine alone.
    pub hits_by_cosine: f64,
    /// The same by cosine alone.
    pub false_hits_by_cosine: f64,
}

/// Reads pairs, one JSON object a line.
pub fn read_pairs(path: &Path) -> Result<Vec<LabelledPair>, QuestionsError> {
    super::questions::read_lines(path, "{\"a\": \"…\", \"b\": \"…\", \"same\": true}")
}

/// Judges every pair.
pub async fn judge_pairs(
    assistant: &Assistant,
    pairs: Vec<LabelledPair>,
) -> Result<Vec<JudgedPair>, AssistantError> {
    let mut judged = Vec::with_capacity(pairs.len());
    for pair in pairs {
        let (cosine, may_share) = likeness(&assistant.search, &pair.a, &pair.b).await?;
        judged.push(JudgedPair {
            pair,
            cosine,
            may_share,
        });
    }
    Ok(judged)
}

/// Sums up.
pub fn cache_figures(judged: &[JudgedPair], threshold: f32) -> CacheFigures {
    let rate = |same: bool, needs_words: bool| {
        let labelled = || judged.iter().filter(move |judged| judged.pair.same == same);
        let hits = labelled()
            .filter(|judged| judged.cosine >= threshold && (judged.may_share || !needs_words));
        share(hits.count(), labelled().count())
    };
    CacheFigures {
        threshold,
        hits: rate(true, true),
        false_hits: rate(false, true),
        hits_by_cosine: rate(true, false),
        false_hits_by_cosine: rate(false, false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_the_words_and_the_cosine_count() {
        let judged = |same, cosine, may_share| JudgedPair {
            pair: LabelledPair {
                a: String::new(),
                b: String::new(),
                same,
                part: String::new(),
            },
            cosine,
            may_share,
        };
        let all = [
            judged(true, 0.9, true),
            judged(true, 0.9, false),
            judged(false, 0.95, false),
            judged(false, 0.5, true),
        ];
        let figures = cache_figures(&all, 0.8);
        let rates = [figures.hits, figures.false_hits];
        assert!(
            rates[0] > 0.49 && rates[0] < 0.51 && rates[1] < 0.01,
            "{rates:?}"
        );
        assert!(figures.hits_by_cosine > 0.99 && figures.false_hits_by_cosine > 0.49);
    }
}
