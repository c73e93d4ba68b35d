//! How good answers are, on questions whose answers are known.
//!
//! Each question takes the way of a client: contexts are retrieved, then the answer is composed
//! from them. It counts as a hit when *all* its answer strings stand in the answer's text.

use std::time::{Duration, Instant};

use super::{LabelledQuestion, median, questions::normalize, share};
use crate::assistant::{Assistant, AssistantError, SummaryRequest, SuppliedContext};
use crate::model::{Filter, Owner};

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
    /// Words of the text up to the end of the last answer string; `None` unless all stand in it.
    pub words_read: Option<usize>,
    /// Citations released.
    pub citations: usize,
    /// Those that carry a proof: stored text read again and found equal.
    pub verified: usize,
    /// Time to compose and verify, beyond retrieval.
    pub latency: Duration,
}

impl AnswerOutcome {
    /// Whether every answer string stands in the text.
    pub fn is_hit(&self) -> bool {
        self.words_read.is_some()
    }
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
    /// Mean over the hits of the words that a reader has read when the whole answer has been said.
    pub mean_words_read: f64,
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
        .search
        .retrieve(&question.to_ask(), CONTEXTS, &Filter::default())
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
        .answers
        .answer(SummaryRequest {
            owner: Owner::OPERATOR,
            session: String::new(),
            contexts: Some(contexts),
            history: Some(question.messages()),
        })
        .await?;
    let latency = begun.elapsed();
    let answer = summary.answer;
    Ok(AnswerOutcome {
        question: question.question.clone(),
        answerable: !question.answers.is_empty(),
        answered: answer.answered,
        words_read: words_read(&answer.text, &question.answers),
        citations: answer.citations.len(),
        verified: answer.citations.iter().filter(|c| c.verified).count(),
        text: answer.text,
        latency,
    })
}

/// How many words of `text` are read when all of `wanted` has been, by the share of its characters;
/// `None` if it is not all there.
fn words_read(text: &str, wanted: &[String]) -> Option<usize> {
    let words = text.split_whitespace().count();
    let text = normalize(text);
    let mut end = 0;
    for wanted in wanted {
        let wanted = normalize(wanted);
        end = end.max(text.find(&wanted)? + wanted.len());
    }
    Some((words * end).div_ceil(text.len().max(1)))
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
    let read: Vec<usize> = answerable.iter().filter_map(|o| o.words_read).collect();
    AnswerFigures {
        answerable: answerable.len(),
        hits: share(count(&answerable, AnswerOutcome::is_hit), answerable.len()),
        wrongly_refused: share(count(&answerable, |o| !o.answered), answerable.len()),
        unanswerable: unanswerable.len(),
        refused: share(count(&unanswerable, |o| !o.answered), unanswerable.len()),
        verified: share(
            outcomes.iter().map(|outcome| outcome.verified).sum(),
            outcomes.iter().map(|outcome| outcome.citations).sum(),
        ),
        mean_words_read: share(read.iter().sum(), read.len()),
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
        let outcome = |answerable, answered, hit: bool, verified| AnswerOutcome {
            question: String::new(),
            text: "three words here".to_owned(),
            answerable,
            answered,
            words_read: hit.then_some(2),
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
        let expected = [0.5, 0.25, 0.5, 11.0 / 12.0, 3.0, 2.0];
        let found = [
            figures.hits,
            figures.wrongly_refused,
            figures.refused,
            figures.verified,
            figures.mean_words,
            figures.mean_words_read,
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

    #[test]
    fn an_answer_is_read_when_its_last_string_is() {
        let read = |wanted: &[&str]| {
            let wanted: Vec<String> = wanted.iter().map(|&wanted| wanted.to_owned()).collect();
            words_read("one two six ten", &wanted)
        };
        assert_eq!(read(&["two"]), Some(2));
        assert_eq!(read(&["SIX", "one"]), Some(3));
        assert_eq!(read(&["one", "nine"]), None);
    }
}
