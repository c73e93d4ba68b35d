//! What a running server does between requests.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::access::Access;
use super::answer_cache::AnswerCache;
use crate::store::questions::QuestionStore;
use crate::store::{Expiry, SessionStore, StoreError};

/// How soon a key that was created or revoked counts.
const KEY_INTERVAL: Duration = Duration::from_secs(1);

/// Between two looks for what is old.
const EXPIRY_INTERVAL: Duration = Duration::from_mins(1);

/// Sessions deleted in one transaction, which other writes wait for.
const EXPIRY_STEP: u32 = 200;

/// Repeatable writes are remembered for a day.
const RECEIPT_SECONDS: i64 = 24 * 60 * 60;

/// Follows the stored keys for ever.
pub async fn follow_keys(access: Arc<Access>) {
    loop {
        tokio::time::sleep(KEY_INTERVAL).await;
        if let Err(error) = access.refresh().await {
            tracing::warn!(%error, "the keys could not be read; those known go on counting");
        }
    }
}

/// How long things are kept.
#[derive(Debug, Clone, Copy)]
pub struct Retention {
    /// Sessions that are not written to; for ever without it.
    pub session_ttl: Option<Duration>,
    /// Questions in the log.
    pub questions: Duration,
}

/// Deletes what is old for ever: sessions that were not written to for their time, kept answers
/// that were given longer ago than that, since they hold what was asked in those sessions, logged
/// questions, also where none are logged any more, and memories of repeatable writes.
pub async fn delete_old<S: SessionStore + QuestionStore>(
    store: Arc<S>,
    answers: Option<Arc<AnswerCache>>,
    retention: Retention,
) {
    loop {
        let deleted = delete_once(store.as_ref(), answers.as_deref(), retention, now());
        if let Err(error) = deleted.await {
            tracing::warn!(%error, "what is old could not be deleted");
        }
        tokio::time::sleep(EXPIRY_INTERVAL).await;
    }
}

async fn delete_once<S: SessionStore + QuestionStore>(
    store: &S,
    answers: Option<&AnswerCache>,
    retention: Retention,
    now: i64,
) -> Result<(), StoreError> {
    let before =
        |age: Duration| now.saturating_sub(i64::try_from(age.as_secs()).unwrap_or(i64::MAX));
    store
        .forget_questions_before(before(retention.questions))
        .await?;
    let sessions_before = retention.session_ttl.map(before);
    if let (Some(answers), Some(before)) = (answers, sessions_before) {
        answers.forget_before(before).await?;
    }
    let expiry = Expiry {
        sessions_before,
        receipts_before: now - RECEIPT_SECONDS,
        at_most: EXPIRY_STEP,
    };
    while store.expire(expiry).await? {
        // Other writes go first.
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Ok(())
}

/// Seconds since the Unix epoch.
pub fn now() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |elapsed| {
            i64::try_from(elapsed.as_secs()).unwrap_or(i64::MAX)
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assistant::answer_cache::AnswerCacheOptions;
    use crate::model::Owner;
    use crate::store::SessionLimits;
    use crate::store::answers::{AnswerRoom, AnswerStore, KeptAnswer};
    use crate::store::memory::MemoryStore;
    use crate::store::questions::{Lack, LoggedQuestion};
    use crate::store::sqlite::SqliteStore;

    fn kept_for(session_ttl: Option<Duration>) -> Retention {
        Retention {
            session_ttl,
            questions: Duration::from_hours(2),
        }
    }

    #[tokio::test]
    async fn questions_live_as_long_as_told_whatever_sessions_do() {
        let store = MemoryStore::default();
        let asked = LoggedQuestion {
            session: None,
            lack: Lack::Refused,
            question: "how do I heat a loft".to_owned(),
            vector: vec![1.0],
            embedder: [0; 32],
            answer: String::new(),
            comment: String::new(),
            generation: "g".to_owned(),
            asked_at: now(),
        };
        store.log_question(asked).await.unwrap();
        let count = async || store.logged_questions(0, 9).await.unwrap().len();
        let delete = async |at| delete_once(&store, None, kept_for(None), at).await.unwrap();
        delete(now() + 3600).await;
        assert_eq!(count().await, 1);
        delete(now() + 7260).await;
        assert_eq!(count().await, 0);
    }

    #[tokio::test]
    async fn sessions_live_as_long_as_told() {
        let store = MemoryStore::default();
        store.create_session(Owner::OPERATOR, None).await.unwrap();
        let count = || async {
            store
                .sessions(Owner::OPERATOR, None, 9)
                .await
                .unwrap()
                .len()
        };
        let hour = Some(Duration::from_hours(1));
        let delete = async |ttl, at| delete_once(&store, None, kept_for(ttl), at).await.unwrap();
        delete(None, now() + 7200).await;
        delete(hour, now() + 1800).await;
        assert_eq!(count().await, 1);
        delete(hour, now() + 7200).await;
        assert_eq!(count().await, 0);
    }

    #[tokio::test]
    async fn kept_answers_live_no_longer_than_sessions() {
        let directory = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(directory.path(), SessionLimits::default()).unwrap();
        let store = Arc::new(store);
        let room = AnswerRoom {
            entries: 9,
            bytes: 1 << 20,
            seconds: 7 * 24 * 3600,
        };
        let kept = KeptAnswer {
            scope: [1; 32],
            owner: Owner::OPERATOR,
            generation: "g".to_owned(),
            question: "how do I heat a loft".to_owned(),
            vector: vec![1.0],
            answer: "{}".to_owned(),
            created_at: now(),
        };
        store.keep_answer(kept, room).await.unwrap();
        let options = AnswerCacheOptions {
            threshold: 0.8,
            room,
        };
        let cache = AnswerCache::open(Arc::clone(&store) as Arc<dyn AnswerStore>, options, "g");
        let cache = cache.await.unwrap();
        let hour = Some(Duration::from_hours(1));
        let counts = async || {
            let stored = store.answers("g".to_owned(), 0).await.unwrap();
            (stored.len(), cache.len())
        };
        let delete = async |ttl, at| {
            let deleted = delete_once(store.as_ref(), Some(&cache), kept_for(ttl), at);
            deleted.await.unwrap();
        };
        delete(None, now() + 7200).await;
        delete(hour, now() + 1800).await;
        assert_eq!(counts().await, (1, 1));
        delete(hour, now() + 7200).await;
        assert_eq!(counts().await, (0, 0));
    }
}
