//! Asks what was not answered again when another generation answers.

use std::sync::Arc;
use std::time::Duration;

use super::answers::Answers;
use super::question_log::{QuestionLog, lack};
use super::{AssistantError, SummaryRequest};
use crate::model::Owner;
use crate::store::questions::Lack;

/// Between two looks whether another generation answers.
const ASK_INTERVAL: Duration = Duration::from_mins(1);
/// Questions that are asked again in one look, so that those of people go first.
const ASKED_AGAIN: usize = 100;
/// So many of the newest are looked at.
const LOOKED_AT: u32 = 5000;

/// Asks what was not answered again whenever another generation answers, for ever, so that the log
/// tells what is still missing.
pub(crate) async fn ask_again(answers: Arc<Answers>) {
    let mut asked = None;
    while let Some(log) = &answers.question_log {
        tokio::time::sleep(ASK_INTERVAL).await;
        let live = answers.search.live.current().id().clone();
        if asked.as_ref() == Some(&live) {
            continue;
        }
        match ask_once(&answers, log).await {
            Ok(true) => {}
            Ok(false) => asked = Some(live),
            Err(error) => tracing::warn!(%error, "logged questions could not be asked again"),
        }
    }
}

/// Asks some questions again that an earlier generation did not answer, and says whether there may be
/// more of them.
pub(super) async fn ask_once(answers: &Answers, log: &QuestionLog) -> Result<bool, AssistantError> {
    let live = answers.search.live.current().id().to_string();
    let mut kept = log.store.logged_questions(0, LOOKED_AT).await?;
    kept.retain(|kept| {
        let logged = &kept.logged;
        logged.lack != Lack::Bad && kept.answered_in.is_none() && logged.generation != live
    });
    let is_more = kept.len() > ASKED_AGAIN;
    let mut noted = Vec::new();
    for kept in kept.into_iter().take(ASKED_AGAIN) {
        let request = SummaryRequest {
            owner: Owner::OPERATOR,
            session: String::new(),
            contexts: None,
            history: Some(vec![kept.logged.question]),
        };
        let prepared = answers.prepare(request).await?;
        let is_answered = lack(&prepared.extractive, prepared.outcome).is_none();
        noted.push((kept.number, is_answered));
    }
    if !noted.is_empty() {
        log.store.note_answers(live, noted).await?;
    }
    Ok(is_more)
}
