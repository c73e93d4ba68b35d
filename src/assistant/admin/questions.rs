//! The question log as its owner reads it.

use std::time::Duration;

use super::groups::{BOUNDS, group};
use super::{Admin, AdminError};
use crate::assistant::question_log::digest;
use crate::runtime::blocking;
use crate::runtime::clock::now;
use crate::store::questions::{KeptQuestion, Lack};

/// So many of the newest questions are read.
const READ: u32 = 5000;
/// Other wordings shown of a group.
const WORDINGS: usize = 5;
/// Bad answers shown.
const MOST_BAD: usize = 200;

/// Questions that ask for much the same. Times are seconds since the Unix epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuestionGroup {
    /// The wording that most others are near to.
    pub question: String,
    /// Some of the other wordings.
    pub others: Vec<String>,
    /// How often it was asked.
    pub times: usize,
    /// How often a part of it was answered.
    pub partial: usize,
    /// When it was asked last.
    pub last_asked_at: i64,
    /// What was answered to the wording shown.
    pub answer: String,
    /// A later generation that answers all of it, if one does.
    pub answered_in: Option<String>,
}

/// What was not answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unanswered {
    /// Those without an answer until today first; most asked first.
    pub groups: Vec<QuestionGroup>,
    /// How many groups there are.
    pub total: usize,
    /// How many questions are in them.
    pub questions: usize,
    /// How long questions are kept; `None` where none are.
    pub kept_for: Option<Duration>,
}

/// An answer that was marked as bad.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadAnswer {
    /// What was asked.
    pub question: String,
    /// What was answered.
    pub answer: String,
    /// What was said of it.
    pub comment: String,
    /// When, in seconds since the Unix epoch.
    pub marked_at: i64,
}

impl Admin {
    /// Up to `at_most` groups of questions that were not answered.
    pub async fn unanswered(&self, at_most: usize) -> Result<Unanswered, AdminError> {
        let Some(kept_for) = self.parts.question_log else {
            return Ok(Unanswered {
                groups: Vec::new(),
                total: 0,
                questions: 0,
                kept_for: None,
            });
        };
        let mut kept = self.kept(kept_for).await?;
        kept.retain(|kept| kept.logged.lack != Lack::Bad);
        let embedder = digest(&self.parts.live.current().records.manifest.embedder);
        let mut groups = blocking::run(move || groups(&kept, embedder)).await;
        let (total, questions) = (groups.len(), groups.iter().map(|group| group.times).sum());
        groups.truncate(at_most);
        Ok(Unanswered {
            groups,
            total,
            questions,
            kept_for: Some(kept_for),
        })
    }

    /// Answers that were marked as bad, newest first.
    pub async fn bad_answers(&self) -> Result<Vec<BadAnswer>, AdminError> {
        let Some(kept_for) = self.parts.question_log else {
            return Ok(Vec::new());
        };
        let mut kept = self.kept(kept_for).await?;
        kept.retain(|kept| kept.logged.lack == Lack::Bad);
        let bad = kept.into_iter().take(MOST_BAD).map(|kept| BadAnswer {
            question: kept.logged.question,
            answer: kept.logged.answer,
            comment: kept.logged.comment,
            marked_at: kept.logged.asked_at,
        });
        Ok(bad.collect())
    }

    /// What is in the log and young enough, newest first.
    async fn kept(&self, kept_for: Duration) -> Result<Vec<KeptQuestion>, AdminError> {
        let age = i64::try_from(kept_for.as_secs()).unwrap_or(i64::MAX);
        let since = now().saturating_sub(age);
        Ok(self.parts.questions.logged_questions(since, READ).await?)
    }
}

fn groups(kept: &[KeptQuestion], embedder: [u8; 32]) -> Vec<QuestionGroup> {
    let questions: Vec<(&str, Option<&[f32]>)> = kept
        .iter()
        .map(|KeptQuestion { logged, .. }| {
            let is_comparable = logged.embedder == embedder && !logged.vector.is_empty();
            let vector = is_comparable.then_some(logged.vector.as_slice());
            (logged.question.as_str(), vector)
        })
        .collect();
    let grouped = group(&questions, &BOUNDS).into_iter();
    let mut groups: Vec<QuestionGroup> = grouped
        .map(|members| {
            let members: Vec<&KeptQuestion> = members.iter().map(|member| &kept[*member]).collect();
            summed(&members)
        })
        .collect();
    groups.sort_by_key(|group| {
        let (often, late) = (group.times, group.last_asked_at);
        (
            group.answered_in.is_some(),
            std::cmp::Reverse((often, late)),
        )
    });
    groups
}

/// `members` is not empty; the first has the wording that is shown.
fn summed(members: &[&KeptQuestion]) -> QuestionGroup {
    let shown = &members[0].logged;
    let mut others: Vec<String> = Vec::new();
    for KeptQuestion { logged, .. } in members {
        let is_new = logged.question != shown.question && !others.contains(&logged.question);
        if is_new && others.len() < WORDINGS {
            others.push(logged.question.clone());
        }
    }
    let is_answered = members.iter().all(|kept| kept.answered_in.is_some());
    QuestionGroup {
        question: shown.question.clone(),
        others,
        times: members.len(),
        partial: members
            .iter()
            .filter(|kept| kept.logged.lack == Lack::Partial)
            .count(),
        last_asked_at: members
            .iter()
            .map(|kept| kept.logged.asked_at)
            .max()
            .unwrap_or_default(),
        answer: shown.answer.clone(),
        answered_in: members[0].answered_in.clone().filter(|_| is_answered),
    }
}
