//! A store that forgets when the process ends: for one question on the terminal, and for tests.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use async_trait::async_trait;

use super::{SessionStore, StoreError};
use crate::model::{Message, Record, SessionId};

/// Keeps everything in one map.
#[derive(Debug, Default)]
pub struct MemoryStore {
    sessions: Mutex<HashMap<SessionId, Session>>,
}

#[derive(Debug, Default)]
struct Session {
    messages: Vec<Message>,
    records: Vec<Record>,
}

impl MemoryStore {
    fn lock(&self) -> MutexGuard<'_, HashMap<SessionId, Session>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn now() -> i64 {
    let elapsed = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(elapsed.as_secs()).unwrap_or(i64::MAX)
}

#[async_trait]
impl SessionStore for MemoryStore {
    async fn create_session(&self) -> Result<SessionId, StoreError> {
        let id = SessionId::new_random();
        self.lock().insert(id, Session::default());
        Ok(id)
    }

    async fn append_message(
        &self,
        session: SessionId,
        text: String,
    ) -> Result<Message, StoreError> {
        let mut sessions = self.lock();
        let messages = &mut sessions
            .get_mut(&session)
            .ok_or(StoreError::SessionNotFound(session))?
            .messages;
        let message = Message {
            sequence: messages.len() as u64 + 1,
            text,
            created_at: now(),
        };
        messages.push(message.clone());
        Ok(message)
    }

    async fn messages(&self, session: SessionId) -> Result<Vec<Message>, StoreError> {
        self.lock()
            .get(&session)
            .map(|found| found.messages.clone())
            .ok_or(StoreError::SessionNotFound(session))
    }

    async fn save_record(
        &self,
        session: SessionId,
        summary: String,
        details: String,
    ) -> Result<Record, StoreError> {
        let mut sessions = self.lock();
        let records = &mut sessions
            .get_mut(&session)
            .ok_or(StoreError::SessionNotFound(session))?
            .records;
        let record = Record {
            session,
            summary,
            details,
            created_at: now(),
        };
        records.push(record.clone());
        Ok(record)
    }

    async fn records(&self, session: SessionId) -> Result<Vec<Record>, StoreError> {
        self.lock()
            .get(&session)
            .map(|found| found.records.clone())
            .ok_or(StoreError::SessionNotFound(session))
    }

    async fn probe(&self) -> Result<(), StoreError> {
        Ok(())
    }
}
