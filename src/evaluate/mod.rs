//! How good retrieval is, on questions whose answers are known.
//!
//! A question counts as hit at `k` when *all* its answer strings stand in the first `k` contexts.

mod answers;
pub mod beir;
mod cache;
mod claims;
mod compare;
mod questions;

use std::cmp::Ordering;
use std::time::{Duration, Instant};

pub use answers::{AnswerFigures, AnswerOutcome, answer_figures, judge_answer};
pub use cache::{CacheFigures, JudgedPair, LabelledPair, cache_figures, judge_pairs, read_pairs};
pub use claims::{
    ClaimFigures, JudgedClaim, LabelledClaim, claim_figures, judge_claims, read_claims,
};
pub use compare::{Comparison, compare};
pub use questions::{LabelledQuestion, QuestionsError, read_questions};

use self::questions::normalize;
use crate::assistant::{Assistant, AssistantError};
use crate::model::Filter;

/// Depths at which hits are counted.
pub const DEPTHS: [usize; 3] = [1, 4, 10];

/// What one question came to.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// The question.
    pub question: String,
    /// How many contexts it takes until all answers have been seen, if ten are enough.
    pub rank: Option<usize>,
    /// Whether the retriever said that the sources cover it.
    pub covered: bool,
    /// How well it said that they do, in [0, 1].
    pub coverage: f32,
    /// Whether the question has an answer at all.
    pub answerable: bool,
    /// Time of retrieval, embedding included.
    pub latency: Duration,
}

/// The figures over all questions.
#[derive(Debug, Clone, PartialEq)]
pub struct Figures {
    /// Questions with an answer.
    pub answerable: usize,
    /// Share of them hit at each of [`DEPTHS`].
    pub hits: [f64; 3],
    /// Mean reciprocal rank at 10.
    pub mrr: f64,
    /// Questions without an answer.
    pub unanswerable: usize,
    /// Share of those that the retriever said are not covered.
    pub refused: f64,
    /// Share of answerable ones that it wrongly said are not covered.
    pub wrongly_refused: f64,
    /// How likely it is that coverage ranks an answerable question above an unanswerable one: the
    /// area under the ROC curve. 0.5 without questions of both sorts.
    pub coverage_auc: f64,
    /// Median latency.
    pub median: Duration,
}

/// Asks every question and compares.
pub async fn run(
    assistant: &Assistant,
    questions: &[LabelledQuestion],
) -> Result<Vec<Outcome>, AssistantError> {
    let mut outcomes = Vec::with_capacity(questions.len());
    for question in questions {
        let begun = Instant::now();
        let retrieved = assistant
            .search
            .retrieve(&question.to_ask(), DEPTHS[2], &Filter::default())
            .await?;
        let latency = begun.elapsed();
        let texts: Vec<String> = retrieved
            .contexts
            .iter()
            .map(|context| normalize(&context.text))
            .collect();
        outcomes.push(Outcome {
            question: question.question.clone(),
            rank: complete_at(&texts, &question.answers),
            covered: retrieved.covered,
            coverage: retrieved.coverage.share,
            answerable: !question.answers.is_empty(),
            latency,
        });
    }
    Ok(outcomes)
}

/// The first depth at which every answer stands in some text.
fn complete_at(texts: &[String], answers: &[String]) -> Option<usize> {
    if answers.is_empty() {
        return None;
    }
    answers
        .iter()
        .map(|answer| {
            let wanted = normalize(answer);
            texts
                .iter()
                .position(|text| text.contains(&wanted))
                .map(|position| position + 1)
        })
        .try_fold(0, |deepest, rank| rank.map(|rank| deepest.max(rank)))
}

/// Sums up.
pub fn figures(outcomes: &[Outcome]) -> Figures {
    let (answerable, unanswerable): (Vec<&Outcome>, Vec<&Outcome>) =
        outcomes.iter().partition(|outcome| outcome.answerable);
    let hits_at = |depth| {
        answerable
            .iter()
            .filter(|o| o.rank.is_some_and(|rank| rank <= depth))
            .count()
    };
    let reciprocal: f64 = answerable
        .iter()
        .filter_map(|outcome| outcome.rank)
        .map(|rank| 1.0 / rank as f64)
        .sum();
    Figures {
        answerable: answerable.len(),
        hits: DEPTHS.map(|depth| share(hits_at(depth), answerable.len())),
        mrr: if answerable.is_empty() {
            0.0
        } else {
            reciprocal / answerable.len() as f64
        },
        unanswerable: unanswerable.len(),
        refused: share(
            unanswerable.iter().filter(|o| !o.covered).count(),
            unanswerable.len(),
        ),
        wrongly_refused: share(
            answerable.iter().filter(|o| !o.covered).count(),
            answerable.len(),
        ),
        coverage_auc: area_under_curve(&answerable, &unanswerable),
        median: median(outcomes.iter().map(|outcome| outcome.latency)),
    }
}

/// `part` of `whole`; zero of nothing.
fn share(part: usize, whole: usize) -> f64 {
    if whole == 0 {
        0.0
    } else {
        part as f64 / whole as f64
    }
}

/// The middle of some times; zero of none.
pub fn median(times: impl Iterator<Item = Duration>) -> Duration {
    let mut times: Vec<Duration> = times.collect();
    times.sort();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

/// The share of pairs in which the first has the higher coverage; equal ones count half.
fn area_under_curve(answerable: &[&Outcome], unanswerable: &[&Outcome]) -> f64 {
    let pairs = answerable.len() * unanswerable.len();
    if pairs == 0 {
        return 0.5;
    }
    let won: f64 = answerable
        .iter()
        .flat_map(|with| unanswerable.iter().map(move |without| (with, without)))
        .map(
            |(with, without)| match with.coverage.total_cmp(&without.coverage) {
                Ordering::Greater => 1.0,
                Ordering::Equal => 0.5,
                Ordering::Less => 0.0,
            },
        )
        .sum();
    won / pairs as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_answers_must_have_been_seen() {
        let texts: Vec<String> = ["aone", "btwo", "cthree"].map(str::to_owned).to_vec();
        let answers = |list: &[&str]| {
            list.iter()
                .map(|answer| (*answer).to_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(complete_at(&texts, &answers(&["one"])), Some(1));
        assert_eq!(complete_at(&texts, &answers(&["two", "one"])), Some(2));
        assert_eq!(complete_at(&texts, &answers(&["two", "four"])), None);
        assert_eq!(complete_at(&texts, &[]), None);
    }

    #[test]
    fn figures_agree_with_a_worked_example() {
        let outcome = |rank, covered, answerable| Outcome {
            question: String::new(),
            rank,
            covered,
            coverage: if covered { 0.9 } else { 0.1 },
            answerable,
            latency: Duration::from_millis(2),
        };
        let figures = figures(&[
            outcome(Some(1), true, true),
            outcome(Some(4), true, true),
            outcome(None, false, true),
            outcome(Some(10), true, true),
            outcome(None, false, false),
        ]);
        assert!(
            figures
                .hits
                .iter()
                .zip([0.25, 0.5, 0.75])
                .all(|(hit, expected)| (hit - expected).abs() < 1e-9)
        );
        assert!((figures.mrr - (1.0 + 0.25 + 0.1) / 4.0).abs() < 1e-9);
        // Of the four pairs three are won, and one is a tie.
        assert!((figures.coverage_auc - 3.5 / 4.0).abs() < 1e-9);
        assert!(
            (figures.refused - 1.0).abs() < 1e-9 && (figures.wrongly_refused - 0.25).abs() < 1e-9
        );
    }
}
