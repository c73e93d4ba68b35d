//! A message that asks several things: each is answered as a turn of the conversation, and what the
//! sources do not say is named.

use std::collections::HashSet;
use std::sync::Arc;

use super::brackets::without_markup;
use super::prepared::Prepared;
use super::refusals::{not_covered, refusal};
use super::sources::Source;
use crate::assistant::answer_cache::Cached;
use crate::assistant::request::{Outcome, Reason};
use crate::generate::extractive::Passage;
use crate::language::{questions_in, restate};
use crate::model::{Answer, Citation};
use crate::retrieve::with_earlier;
use crate::snapshot::Generation;

/// One of the things that a message asks, with its answer.
pub(super) struct Part {
    pub(super) question: String,
    pub(super) sources: Vec<Source>,
    /// Of the sources, in their order.
    pub(super) scores: Vec<f32>,
    pub(super) passages: Vec<Passage>,
    pub(super) answer: Answer,
    pub(super) outcome: Outcome,
}

impl Part {
    /// Says nothing where all of it was quoted by a part before.
    pub(super) fn forget_repetition(&mut self, before: &[Self]) {
        let said = before.iter().flat_map(|part| &part.answer.citations);
        let is_said = |new: &Citation| {
            let mut said = said.clone();
            said.any(|old| holds(old, new) || holds(new, old))
        };
        if self.answer.citations.iter().all(is_said) {
            self.answer.citations.clear();
        }
    }
}

/// Whether one citation quotes all that another does.
fn holds(old: &Citation, new: &Citation) -> bool {
    match (&new.place, &old.place) {
        (Some(new), Some(old)) => {
            new.document == old.document
                && old.range.start <= new.range.start
                && new.range.end <= old.range.end
        }
        _ => old.quote.contains(&new.quote),
    }
}

/// The conversation up to each of the things that the last message asks. One that only names another
/// thing than the message before is said in full.
pub(super) fn turns(messages: &[String]) -> Vec<Vec<String>> {
    let Some((last, earlier)) = messages.split_last() else {
        return vec![Vec::new()];
    };
    let mut questions: Vec<String> = questions_in(last).into_iter().map(str::to_owned).collect();
    if questions.is_empty() {
        questions.push(last.clone());
    }
    let mut turns: Vec<Vec<String>> = Vec::new();
    let mut said = earlier.to_vec();
    for question in questions {
        said.push(question);
        let texts: Vec<&str> = said.iter().map(String::as_str).collect();
        let before = with_earlier(&texts).and_then(|(last, before, _)| restate(before?, last));
        let mut turn = said.clone();
        if let (Some(full), Some(last)) = (before, turn.last_mut()) {
            *last = full;
        }
        turns.push(turn);
    }
    turns
}

/// The answers to all parts as one.
pub(super) fn join(
    generation: Arc<Generation>,
    history: Vec<String>,
    mut parts: Vec<Part>,
) -> Prepared {
    let (extractive, outcome) = if parts.len() == 1 {
        let part = &mut parts[0];
        (
            std::mem::replace(&mut part.answer, refusal(String::new())),
            part.outcome,
        )
    } else {
        joined(&generation, &mut parts)
    };
    let mut prepared = Prepared {
        generation,
        history,
        sources: Vec::new(),
        scores: Vec::new(),
        passages: Vec::new(),
        extractive,
        outcome,
        cached: Cached::Bypass,
        corrected: None,
        session: None,
    };
    let mut rows: HashSet<u32> = HashSet::new();
    for part in parts {
        let found = part.sources.into_iter().zip(part.scores).zip(part.passages);
        for ((source, score), passage) in found {
            if source.row().is_none_or(|row| rows.insert(row)) {
                prepared.sources.push(source);
                prepared.scores.push(score);
                prepared.passages.push(passage);
            }
        }
    }
    prepared
}

/// The answers below each other; what has no answer is named behind them.
fn joined(generation: &Generation, parts: &mut [Part]) -> (Answer, Outcome) {
    let mut whole = refusal(String::new());
    let mut missing: Vec<String> = Vec::new();
    let mut confidence: Option<f32> = None;
    for part in parts.iter_mut() {
        if !part.answer.answered {
            missing.push(if part.outcome.reason == Reason::IdentifierMissing {
                part.answer.text.clone()
            } else {
                let question = without_markup(part.question.trim_end_matches(','));
                format!("The sources do not say: {question}")
            });
            continue;
        }
        let least = confidence.unwrap_or(1.0).min(part.outcome.confidence);
        confidence = Some(least);
        if !part.answer.citations.is_empty() {
            add(&mut whole, &part.answer);
        }
    }
    let Some(confidence) = confidence else {
        let first = &parts[0].outcome;
        let sources = parts.iter().flat_map(|part| &part.sources).cloned();
        let text = if first.reason == Reason::NotCovered {
            not_covered(generation, &sources.collect::<Vec<_>>()).text
        } else {
            parts[0].answer.text.clone()
        };
        return (refusal(text), *first);
    };
    let reason = if missing.is_empty() {
        Reason::Answered
    } else {
        Reason::Partial
    };
    for text in missing {
        whole.text.push_str("\n\n");
        whole.text.push_str(&text);
    }
    whole.answered = true;
    (whole, Outcome { reason, confidence })
}

/// Puts an answer below another, whose markers its own follow.
fn add(whole: &mut Answer, answer: &Answer) {
    if !whole.text.is_empty() {
        whole.text.push_str("\n\n");
    }
    whole.text.push_str(&answer.text);
    whole.citations.extend(answer.citations.iter().cloned());
    whole.sentences.extend(answer.sentences.iter().cloned());
}
