//! The wire shapes of what is asked and how answers are doing. Times are seconds since the Unix epoch.

use serde::Serialize;
use utoipa::ToSchema;

use super::hour::Sums;
use crate::assistant::admin::{BadAnswer, QuestionGroup, Unanswered};

/// Questions that were not answered, grouped by meaning.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Unanswered)]
pub(super) struct UnansweredBody {
    /// Whether questions are kept (`--question-log on`).
    is_kept: bool,
    /// Days that they are kept; null if they are not.
    days: Option<u64>,
    /// Those that no later generation answers first; most asked first.
    groups: Vec<QuestionGroupBody>,
    /// How many groups there are.
    total: usize,
    /// How many questions are in them.
    questions: usize,
}

impl From<Unanswered> for UnansweredBody {
    fn from(found: Unanswered) -> Self {
        Self {
            is_kept: found.kept_for.is_some(),
            days: found.kept_for.map(|age| age.as_secs() / (24 * 60 * 60)),
            groups: found.groups.into_iter().map(Into::into).collect(),
            total: found.total,
            questions: found.questions,
        }
    }
}

/// Questions that ask for much the same.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = QuestionGroup)]
pub(super) struct QuestionGroupBody {
    /// The wording that most others are near to.
    question: String,
    /// Up to five other wordings.
    others: Vec<String>,
    /// How often it was asked.
    times: usize,
    /// How often a part of it was answered.
    partial: usize,
    /// When it was asked last.
    last_asked_at: i64,
    /// What was answered.
    answer: String,
    /// A later generation that answers it; null if none does.
    answered_in: Option<String>,
}

impl From<QuestionGroup> for QuestionGroupBody {
    fn from(group: QuestionGroup) -> Self {
        Self {
            question: group.question,
            others: group.others,
            times: group.times,
            partial: group.partial,
            last_asked_at: group.last_asked_at,
            answer: group.answer,
            answered_in: group.answered_in,
        }
    }
}

/// Answers that were marked as bad.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = BadAnswers)]
pub(super) struct BadAnswersBody {
    /// Newest first, 200 at most; none where questions are not kept.
    pub(super) answers: Vec<BadAnswerBody>,
}

/// An answer that was marked as bad.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = BadAnswer)]
pub(super) struct BadAnswerBody {
    /// What was asked.
    question: String,
    /// What was answered.
    answer: String,
    /// What was said of it; empty if nothing.
    comment: String,
    /// When it was marked.
    marked_at: i64,
}

impl From<BadAnswer> for BadAnswerBody {
    fn from(bad: BadAnswer) -> Self {
        Self {
            question: bad.question,
            answer: bad.answer,
            comment: bad.comment,
            marked_at: bad.marked_at,
        }
    }
}

/// The last hour.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = LastHour)]
pub(super) struct HourBody {
    /// All of it.
    hour: SumsBody,
    /// Its sixty minutes, oldest first; the last one runs still.
    minutes: Vec<SumsBody>,
    /// The server's time.
    now: i64,
}

impl HourBody {
    pub(super) fn new(now: i64, hour: Sums, minutes: Vec<Sums>) -> Self {
        Self {
            hour: hour.into(),
            minutes: minutes.into_iter().map(SumsBody::from).collect(),
            now,
        }
    }
}

/// Sums over a time.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = FigureSums)]
pub(super) struct SumsBody {
    /// Requests for answers, contexts and conversations.
    requests: u32,
    /// Of these, those that the server failed at or turned away (5xx).
    errors: u32,
    /// Questions that were answered or refused an answer.
    answers: u32,
    /// Of these, those that the sources do not cover.
    refusals: u32,
    /// Half of the requests took no longer until the head of their reply, in milliseconds; null
    /// without requests.
    p50_ms: Option<f64>,
    /// 95 of 100 requests took no longer.
    p95_ms: Option<f64>,
}

impl From<Sums> for SumsBody {
    fn from(sums: Sums) -> Self {
        let tenth = |ms: f64| (ms * 10.0).round() / 10.0;
        Self {
            requests: sums.requests,
            errors: sums.errors,
            answers: sums.answers,
            refusals: sums.refusals,
            p50_ms: sums.p50_ms.map(tenth),
            p95_ms: sums.p95_ms.map(tenth),
        }
    }
}
