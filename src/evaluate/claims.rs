//! How well claims that the sources support are told from others, on labelled ones.

use std::path::Path;

use serde::Deserialize;

use super::{QuestionsError, share};
use crate::assistant::{Assistant, AssistantError};

/// One sentence that a model might answer, and whether the sources support it.
#[derive(Debug, Clone, Deserialize)]
pub struct LabelledClaim {
    /// What was asked.
    pub question: String,
    /// What was answered.
    pub claim: String,
    /// Whether the sources say so.
    pub supported: bool,
    /// Which part of the set it belongs to, `dev` or `held-out`.
    #[serde(default)]
    pub part: String,
}

/// A claim and what became of it.
#[derive(Debug, Clone)]
pub struct JudgedClaim {
    /// The claim.
    pub claim: LabelledClaim,
    /// Whether it would go out as supported, all its numbers verified.
    pub passed: bool,
}

/// The figures over all claims.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ClaimFigures {
    /// Claims that the sources support.
    pub supported: usize,
    /// Share of them that passed.
    pub passed: f64,
    /// Claims that they do not support.
    pub unsupported: usize,
    /// Share of those that passed all the same.
    pub wrongly_passed: f64,
}

/// Reads claims, one JSON object a line.
pub fn read_claims(path: &Path) -> Result<Vec<LabelledClaim>, QuestionsError> {
    let example = "{\"question\": \"…\", \"claim\": \"…\", \"supported\": true}";
    super::questions::read_lines(path, example)
}

/// Judges every claim as a sentence of a model's answer to its question.
pub async fn judge_claims(
    assistant: &Assistant,
    claims: Vec<LabelledClaim>,
) -> Result<Vec<JudgedClaim>, AssistantError> {
    let mut judged = Vec::with_capacity(claims.len());
    for claim in claims {
        let passed = assistant
            .answers
            .would_pass(&claim.question, &claim.claim)
            .await?;
        judged.push(JudgedClaim { claim, passed });
    }
    Ok(judged)
}

/// Sums up.
pub fn claim_figures(judged: &[JudgedClaim]) -> ClaimFigures {
    let count = |supported: bool| {
        judged
            .iter()
            .filter(|judged| judged.claim.supported == supported)
            .count()
    };
    let passed = |supported: bool| {
        judged
            .iter()
            .filter(|judged| judged.claim.supported == supported && judged.passed)
            .count()
    };
    ClaimFigures {
        supported: count(true),
        passed: share(passed(true), count(true)),
        unsupported: count(false),
        wrongly_passed: share(passed(false), count(false)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_agree_with_a_worked_example() {
        let judged: Vec<JudgedClaim> = [(true, true), (true, false), (false, true), (false, false)]
            .into_iter()
            .chain([(false, false)])
            .map(|(supported, passed)| JudgedClaim {
                claim: LabelledClaim {
                    question: String::new(),
                    claim: String::new(),
                    supported,
                    part: String::new(),
                },
                passed,
            })
            .collect();
        let figures = claim_figures(&judged);
        assert_eq!((figures.supported, figures.unsupported), (2, 3));
        assert!((figures.passed - 0.5).abs() < 1e-9);
        assert!((figures.wrongly_passed - 1.0 / 3.0).abs() < 1e-9);
    }
}
