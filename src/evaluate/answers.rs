//! How good answers are, on questions whose answers are known.
//!
//! Each question takes the way of a client: contexts are retrieved, then the answer is composed
//! from them. It counts as a hit when *all* its answer strings stand in the answer's text.

use std::time::{Duration, Instant};

use super::{LabelledQuestion, median, questions::normalize, share};
use crate::assistant::{Assistant, AssistantError, Question, SummaryRequest, SuppliedContext};
use crate::model::Owner;

/// Contexts that an answer is composed from.
const CONTEXTS: usize = 10;

/// What the answer to one question came to.
#[derive(Debug, Clone, PartialEq)]
pub struct AnswerOutcome {
    /// The question.
    pub question: String,
    /// The answer's text.
    pub text: String,
    /// Whether the question has an answer at all.
    pub answerable: bool,
    /// Whether the reply claims to answer it.
    pub answered: bool,
    /// Whether every answer string stands in the text.
    pub hit: bool,
    /// Citations released.
    pub citations: usize,
    /// Those that carry a proof: stored text read again and found equal.
    pub verified: usize,
    /// Time to compose and verify, beyond retrieval.
    pub latency: Duration,
}

/// The figures over all questions.
#[derive(Debug, Clone, PartialEq)]
pub struct AnswerFigures {
    /// Questions with an answer.
    pub answerable: usize,
    /// Share of them whose answer strings all stand in the answer.
    pub hits: f64,
    /// Share of them that were wrongly refused.
    pub wrongly_refused: f64,
    /// Questions without an answer.
    pub unanswerable: usize,
    /// Share of those that were refused.
    pub refused: f64,
    /// Share of all released citations that carry a proof.
    pub verified: f64,
    /// Mean length of the answers that were given, in words.
    pub mean_words: f64,
    /// Length of the longest, in words.
    pub most_words: usize,
    /// Median time beyond retrieval.
    pub median: Duration,
}

/// Answers one question and compares.
pub async fn judge_answer(
    assistant: &Assistant,
    question: &LabelledQuestion,
) -> Result<AnswerOutcome, AssistantError> {
    let retrieved = assistant
        .retrieve(&Question::Text(question.question.clone()), CONTEXTS)
        .await?;
    let contexts = retrieved
        .contexts
        .into_iter()
        .map(|context| SuppliedContext {
            chunk: Some(context.chunk),
            text: context.text,
        })
        .collect();
    let begun = Instant::now();
    let summary = assistant
        .summarize(SummaryRequest {
            owner: Owner::OPERATOR,
            session: String::new(),
            contexts: Some(contexts),
            history: Some(vec![question.question.clone()]),
        })
        .await?;
    let latency = begun.elapsed();
    let answer = summary.answer;
    let text = normalize(&answer.text);
    Ok(AnswerOutcome {
        question: question.question.clone(),
        answerable: !question.answers.is_empty(),
        answered: answer.answered,
        hit: question
            .answers
            .iter()
            .all(|wanted| text.contains(&normalize(wanted))),
        citations: answer.citations.len(),
        verified: answer.citations.iter().filter(|c| c.verified).count(),
        text: answer.text,
        latency,
    })
}

/// Sums up.
pub fn answer_figures(outcomes: &[AnswerOutcome]) -> AnswerFigures {
    let (answerable, unanswerable): (Vec<&AnswerOutcome>, Vec<&AnswerOutcome>) =
        outcomes.iter().partition(|outcome| outcome.answerable);
    let count = |outcomes: &[&AnswerOutcome], holds: fn(&AnswerOutcome) -> bool| {
        outcomes.iter().filter(|outcome| holds(outcome)).count()
    };
    let words: Vec<usize> = outcomes
        .iter()
        .filter(|outcome| outcome.answered)
        .map(|outcome| outcome.text.split_whitespace().count())
        .collect();
    AnswerFigures {
        answerable: answerable.len(),
        hits: share(count(&answerable, |o| o.hit), answerable.len()),
        wrongly_refused: share(count(&answerable, |o| !o.answered), answerable.len()),
        unanswerable: unanswerable.len(),
        refused: share(count(&unanswerable, |o| !o.answered), unanswerable.len()),
        verified: share(
            outcomes.iter().map(|outcome| outcome.verified).sum(),
            outcomes.iter().map(|outcome| outcome.citations).sum(),
        ),
        mean_words: share(words.iter().sum(), words.len()),
        most_words: words.into_iter().max().unwrap_or(0),
        median: median(outcomes.iter().map(|outcome| outcome.latency)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_agree_with_a_worked_example() {
        let outcome = |answerable, answered, hit, verified| AnswerOutcome {
            question: String::new(),
            text: "three words here".to_owned(),
            answerable,
            answered,
            hit,
            citations: 2,
            verified,
            latency: Duration::from_millis(3),
        };
        let figures = answer_figures(&[
            outcome(true, true, true, 2),
            outcome(true, true, false, 2),
            outcome(true, false, false, 1),
            outcome(true, true, true, 2),
            outcome(false, false, true, 2),
            outcome(false, true, true, 2),
        ]);
        assert_eq!((figures.answerable, figures.unanswerable), (4, 2));
        let expected = [0.5, 0.25, 0.5, 11.0 / 12.0, 3.0];
        let found = [
            figures.hits,
            figures.wrongly_refused,
            figures.refused,
            figures.verified,
            figures.mean_words,
        ];
        assert!(
            found
                .iter()
                .zip(expected)
                .all(|(found, expected)| (found - expected).abs() < 1e-9),
            "{found:?}"
        );
        assert_eq!(figures.median, Duration::from_millis(3));
    }
}
