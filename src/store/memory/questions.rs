//! Logged questions in memory.

use std::collections::HashMap;

use async_trait::async_trait;

use super::MemoryStore;
use crate::store::StoreError;
use crate::store::questions::{KeptQuestion, LoggedQuestion, MOST_QUESTIONS, QuestionStore};

#[async_trait]
impl QuestionStore for MemoryStore {
    async fn log_question(&self, question: LoggedQuestion) -> Result<(), StoreError> {
        let mut contents = self.lock();
        let session = question.session;
        if session.is_some_and(|session| contents.find(session).is_err()) {
            return Ok(());
        }
        contents.logged += 1;
        let kept = KeptQuestion {
            number: contents.logged,
            logged: LoggedQuestion {
                session: None,
                ..question
            },
            answered_in: None,
        };
        if session.is_some() {
            contents.questions.retain(|(of, earlier)| {
                let (earlier, later) = (&earlier.logged, &kept.logged);
                (*of, earlier.lack, &earlier.question) != (session, later.lack, &later.question)
            });
        }
        contents.questions.push_back((session, kept));
        if contents.questions.len() > MOST_QUESTIONS as usize {
            contents.questions.pop_front();
        }
        Ok(())
    }

    async fn logged_questions(
        &self,
        since: i64,
        at_most: u32,
    ) -> Result<Vec<KeptQuestion>, StoreError> {
        let contents = self.lock();
        let newest_first = contents.questions.iter().rev().map(|(_, kept)| kept);
        let young = newest_first.filter(|kept| kept.logged.asked_at >= since);
        Ok(young.take(at_most as usize).cloned().collect())
    }

    async fn note_answers(
        &self,
        generation: String,
        asked: Vec<(i64, bool)>,
    ) -> Result<(), StoreError> {
        let asked: HashMap<i64, bool> = asked.into_iter().collect();
        for (_, kept) in &mut self.lock().questions {
            match asked.get(&kept.number) {
                Some(true) => kept.answered_in = Some(generation.clone()),
                Some(false) => {
                    kept.logged.generation.clone_from(&generation);
                    kept.answered_in = None;
                }
                None => {}
            }
        }
        Ok(())
    }

    async fn forget_questions_before(&self, second: i64) -> Result<(), StoreError> {
        let mut contents = self.lock();
        contents
            .questions
            .retain(|(_, kept)| kept.logged.asked_at >= second);
        Ok(())
    }
}
