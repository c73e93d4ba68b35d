//! A store that forgets when the process ends: for one question on the terminal, and for tests.

mod questions;

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use super::questions::KeptQuestion;
use super::{Expiry, SessionLimits, SessionStore, StoreError, size_of, size_of_record};
use crate::model::{
    Feedback, Message, NewRecord, Once, OwnedSession, Owner, Rating, Record, SessionDetails,
    SessionId, SessionSummary,
};
use crate::runtime::clock::now;

/// Characters of a session's first message that a list shows.
const OPENING_CHARACTERS: usize = 200;

/// Keeps everything in memory.
#[derive(Debug, Default)]
pub struct MemoryStore {
    limits: SessionLimits,
    contents: Mutex<Contents>,
}

#[derive(Debug, Default)]
struct Contents {
    sessions: HashMap<SessionId, Session>,
    receipts: HashMap<(Owner, String), Receipt>,
    questions: VecDeque<(Option<OwnedSession>, KeptQuestion)>,
    logged: i64,
    created: u64,
}

#[derive(Debug)]
struct Session {
    owner: Owner,
    order: u64,
    bytes: u64,
    details: SessionDetails,
}

#[derive(Debug)]
struct Receipt {
    fingerprint: [u8; 32],
    created_at: i64,
    result: Done,
}

/// What a write returned.
#[derive(Debug, Clone)]
enum Done {
    Created(SessionId),
    Appended(Message),
    Kept,
    Answered(OwnedSession, String),
}

impl MemoryStore {
    /// An empty store whose sessions may hold so much.
    pub fn with_limits(limits: SessionLimits) -> Self {
        Self {
            limits,
            contents: Mutex::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Contents> {
        self.contents.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn once(
        &self,
        owner: Owner,
        once: Option<Once>,
        write: impl FnOnce(&mut Contents) -> Result<Done, StoreError>,
    ) -> Result<Done, StoreError> {
        let mut contents = self.lock();
        let Some(once) = once else {
            return write(&mut contents);
        };
        let place = (owner, once.key);
        match contents.receipts.get(&place) {
            Some(receipt) if receipt.fingerprint == once.fingerprint => Ok(receipt.result.clone()),
            Some(_) => Err(StoreError::KeyReused),
            None => {
                let result = write(&mut contents)?;
                let receipt = Receipt {
                    fingerprint: once.fingerprint,
                    created_at: now(),
                    result: result.clone(),
                };
                contents.receipts.insert(place, receipt);
                Ok(result)
            }
        }
    }

    /// Makes room for one more entry.
    fn enter<'a>(
        &self,
        contents: &'a mut Contents,
        session: OwnedSession,
        bytes: u64,
    ) -> Result<&'a mut SessionDetails, StoreError> {
        let found = contents.find(session)?;
        let entries = found.details.messages.len()
            + found.details.records.len()
            + found.details.feedback.len();
        if entries as u64 >= self.limits.entries || found.bytes + bytes > self.limits.bytes {
            return Err(StoreError::SessionFull(session.id));
        }
        found.bytes += bytes;
        found.details.summary.used_at = now();
        Ok(&mut found.details)
    }
}

impl Contents {
    fn find(&mut self, session: OwnedSession) -> Result<&mut Session, StoreError> {
        self.sessions
            .get_mut(&session.id)
            .filter(|found| found.owner == session.owner)
            .ok_or(StoreError::SessionNotFound(session.id))
    }

    fn drop_questions_without_session(&mut self) {
        let sessions = &self.sessions;
        self.questions.retain(|(session, _)| {
            session.is_none_or(|session| sessions.contains_key(&session.id))
        });
    }
}

#[async_trait]
impl SessionStore for MemoryStore {
    async fn create_session(
        &self,
        owner: Owner,
        once: Option<Once>,
    ) -> Result<SessionId, StoreError> {
        let id = SessionId::new_random();
        let done = self.once(owner, once, |contents| {
            contents.created += 1;
            let summary = SessionSummary {
                id,
                created_at: now(),
                used_at: now(),
                messages: 0,
                title: None,
                opening: None,
            };
            let session = Session {
                owner,
                order: contents.created,
                bytes: 0,
                details: SessionDetails {
                    summary,
                    messages: Vec::new(),
                    records: Vec::new(),
                    feedback: Vec::new(),
                },
            };
            contents.sessions.insert(id, session);
            Ok(Done::Created(id))
        })?;
        match done {
            Done::Created(id) => Ok(id),
            Done::Appended(_) | Done::Kept | Done::Answered(..) => Err(StoreError::KeyReused),
        }
    }

    async fn append_message(
        &self,
        session: OwnedSession,
        text: String,
        once: Option<Once>,
    ) -> Result<Message, StoreError> {
        let done = self.once(session.owner, once, |contents| {
            let details = self.enter(contents, session, size_of(&[&text]))?;
            details.summary.messages += 1;
            let message = Message {
                sequence: details.summary.messages,
                text,
                created_at: now(),
            };
            if message.sequence == 1 {
                let opening = message.text.chars().take(OPENING_CHARACTERS).collect();
                details.summary.opening = Some(opening);
            }
            details.messages.push(message.clone());
            Ok(Done::Appended(message))
        })?;
        match done {
            Done::Appended(message) => Ok(message),
            Done::Created(_) | Done::Kept | Done::Answered(..) => Err(StoreError::KeyReused),
        }
    }

    async fn messages(&self, session: OwnedSession) -> Result<Vec<Message>, StoreError> {
        Ok(self.lock().find(session)?.details.messages.clone())
    }

    async fn save_record(
        &self,
        session: OwnedSession,
        record: NewRecord,
        once: Option<Once>,
    ) -> Result<(), StoreError> {
        self.once(session.owner, once, |contents| {
            let kept = self.enter(contents, session, size_of_record(&record))?;
            kept.records.push(Record {
                session: session.id,
                summary: record.summary,
                details: record.details,
                created_at: now(),
            });
            Ok(match record.reply {
                Some(reply) => Done::Answered(session, reply),
                None => Done::Kept,
            })
        })
        .map(|_| ())
    }

    async fn reply(&self, owner: Owner, once: Once) -> Result<Option<String>, StoreError> {
        let mut contents = self.lock();
        let Some(receipt) = contents.receipts.get(&(owner, once.key)) else {
            return Ok(None);
        };
        if receipt.fingerprint != once.fingerprint {
            return Err(StoreError::KeyReused);
        }
        let Done::Answered(session, reply) = receipt.result.clone() else {
            return Ok(None);
        };
        Ok(contents.find(session).is_ok().then_some(reply))
    }

    async fn save_feedback(
        &self,
        session: OwnedSession,
        rating: Rating,
        comment: String,
        once: Option<Once>,
    ) -> Result<(), StoreError> {
        self.once(session.owner, once, |contents| {
            let kept = self.enter(contents, session, size_of(&[&comment]))?;
            kept.feedback.push(Feedback {
                rating,
                comment,
                created_at: now(),
            });
            Ok(Done::Kept)
        })
        .map(|_| ())
    }

    async fn session(&self, session: OwnedSession) -> Result<SessionDetails, StoreError> {
        Ok(self.lock().find(session)?.details.clone())
    }

    async fn sessions(
        &self,
        owner: Owner,
        after: Option<SessionId>,
        at_most: u32,
    ) -> Result<Vec<SessionSummary>, StoreError> {
        let contents = self.lock();
        let mut own: Vec<&Session> = contents
            .sessions
            .values()
            .filter(|session| session.owner == owner)
            .collect();
        let before = match after {
            None => u64::MAX,
            Some(id) => own
                .iter()
                .find(|session| session.details.summary.id == id)
                .map_or(0, |session| session.order),
        };
        own.retain(|session| session.order < before);
        own.sort_by_key(|session| std::cmp::Reverse(session.order));
        Ok(own
            .into_iter()
            .take(at_most as usize)
            .map(|session| session.details.summary.clone())
            .collect())
    }

    async fn rename_session(&self, session: OwnedSession, title: String) -> Result<(), StoreError> {
        self.lock().find(session)?.details.summary.title = Some(title);
        Ok(())
    }

    async fn delete_session(&self, session: OwnedSession) -> Result<(), StoreError> {
        let mut contents = self.lock();
        contents.find(session)?;
        contents.sessions.remove(&session.id);
        contents.drop_questions_without_session();
        Ok(())
    }

    async fn expire(&self, expiry: Expiry) -> Result<bool, StoreError> {
        let mut contents = self.lock();
        let old = expiry.sessions_before.unwrap_or(i64::MIN);
        contents
            .sessions
            .retain(|_, session| session.details.summary.used_at >= old);
        contents.drop_questions_without_session();
        contents
            .receipts
            .retain(|_, receipt| receipt.created_at >= expiry.receipts_before);
        Ok(false)
    }

    async fn probe(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{contract, question_contract};

    #[tokio::test]
    async fn keeps_the_contract_but_for_restarts() {
        contract::holds_while_open(MemoryStore::with_limits(contract::LIMITS)).await;
        question_contract::holds_for(&MemoryStore::default()).await;
    }
}
