//! What a running server does between requests.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use super::access::Access;
use super::answer_cache::AnswerCache;
use crate::runtime::clock::now;
use crate::store::questions::QuestionStore;
use crate::store::shared::{Change, SharedStore};
use crate::store::{Expiry, SessionStore, StoreError};

/// How soon a key that was created or revoked counts.
const KEY_INTERVAL: Duration = Duration::from_secs(1);

/// How soon a server that came or went counts; a server that is silent for three of these is gone.
const COUNT_INTERVAL: Duration = Duration::from_secs(5);

/// Between two looks for what is old.
const EXPIRY_INTERVAL: Duration = Duration::from_mins(1);

/// Sessions deleted in one transaction, which other writes wait for.
const EXPIRY_STEP: u32 = 200;

/// Repeatable writes are remembered for a day.
const RECEIPT_SECONDS: i64 = 24 * 60 * 60;

/// Follows for ever what others change in the store: keys at once where the store tells of them, and
/// within `KEY_INTERVAL` where it does not; answers that were forgotten elsewhere.
pub(crate) async fn follow(
    access: Arc<Access>,
    answers: Option<Arc<AnswerCache>>,
    store: Arc<dyn SharedStore>,
) {
    let mut is_told = false;
    loop {
        let change = tokio::time::timeout(KEY_INTERVAL, store.next_change()).await;
        if let (Ok(change), Some(answers)) = (&change, &answers) {
            follow_answers(answers, *change).await;
        }
        if matches!(change, Ok(Change::Answers(_))) {
            continue;
        }
        match access.refresh().await {
            Ok(()) if std::mem::take(&mut is_told) => tracing::info!("the keys are read again"),
            // Once for each time that the store is away.
            Err(error) if !std::mem::replace(&mut is_told, true) => {
                tracing::warn!(%error, "the keys could not be read; those known go on counting");
            }
            Ok(()) | Err(_) => {}
        }
    }
}

async fn follow_answers(answers: &AnswerCache, change: Change) {
    match change {
        Change::Keys => {}
        Change::Answers(owner) => answers.drop_owner(owner),
        Change::Unknown => {
            if let Err(error) = answers.reload().await {
                tracing::warn!(%error, "kept answers could not be read again; none are given");
            }
        }
    }
}

/// Counts for ever how many servers share the store, and keeps the number in `servers`.
pub(crate) async fn count_servers(store: Arc<dyn SharedStore>, servers: Arc<AtomicU32>) {
    loop {
        match store.count_servers().await {
            Ok(count) => servers.store(count.max(1), Ordering::Relaxed),
            Err(error) => tracing::debug!(%error, "the servers could not be counted"),
        }
        tokio::time::sleep(COUNT_INTERVAL).await;
    }
}

/// How long things are kept.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Retention {
    /// Sessions that are not written to; for ever without it.
    pub session_ttl: Option<Duration>,
    /// Questions in the log.
    pub questions: Duration,
}

/// Deletes what is old for ever: sessions that were not written to for their time, kept answers
/// that were given longer ago than that, since they hold what was asked in those sessions, logged
/// questions, also where none are logged any more, and memories of repeatable writes.
pub(crate) async fn delete_old(
    sessions: Arc<dyn SessionStore>,
    questions: Arc<dyn QuestionStore>,
    answers: Option<Arc<AnswerCache>>,
    retention: Retention,
) {
    loop {
        let deleted = delete_once(
            (sessions.as_ref(), questions.as_ref()),
            answers.as_deref(),
            retention,
            now(),
        );
        if let Err(error) = deleted.await {
            tracing::warn!(%error, "what is old could not be deleted");
        }
        tokio::time::sleep(EXPIRY_INTERVAL).await;
    }
}

async fn delete_once(
    (sessions, questions): (&dyn SessionStore, &dyn QuestionStore),
    answers: Option<&AnswerCache>,
    retention: Retention,
    now: i64,
) -> Result<(), StoreError> {
    let before =
        |age: Duration| now.saturating_sub(i64::try_from(age.as_secs()).unwrap_or(i64::MAX));
    questions
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
    while sessions.expire(expiry).await? {
        // Other writes go first.
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Ok(())
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
        let delete = async |at| {
            delete_once((&store, &store), None, kept_for(None), at)
                .await
                .unwrap();
        };
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
        let delete = async |ttl, at| {
            delete_once((&store, &store), None, kept_for(ttl), at)
                .await
                .unwrap();
        };
        delete(None, now() + 7200).await;
        delete(hour, now() + 1800).await;
        assert_eq!(count().await, 1);
        delete(hour, now() + 7200).await;
        assert_eq!(count().await, 0);
    }

    fn kept_answer() -> KeptAnswer {
        KeptAnswer {
            scope: [1; 32],
            owner: Owner::OPERATOR,
            generation: "g".to_owned(),
            question: "how do I heat a loft".to_owned(),
            vector: vec![1.0],
            answer: "{}".to_owned(),
            created_at: now(),
        }
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
        let kept = kept_answer();
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
            let deleted = delete_once(
                (store.as_ref(), store.as_ref()),
                Some(&cache),
                kept_for(ttl),
                at,
            );
            deleted.await.unwrap();
        };
        delete(None, now() + 7200).await;
        delete(hour, now() + 1800).await;
        assert_eq!(counts().await, (1, 1));
        delete(hour, now() + 7200).await;
        assert_eq!(counts().await, (0, 0));
    }

    struct Told(tokio::sync::Mutex<tokio::sync::mpsc::Receiver<Change>>);

    #[async_trait::async_trait]
    impl SharedStore for Told {
        async fn next_change(&self) -> Change {
            match self.0.lock().await.recv().await {
                Some(change) => change,
                None => std::future::pending().await,
            }
        }

        async fn count_servers(&self) -> Result<u32, StoreError> {
            Ok(3)
        }
    }

    #[tokio::test]
    async fn what_other_servers_do_is_followed() {
        let directory = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(directory.path(), SessionLimits::default()).unwrap();
        let store = Arc::new(store);
        let kept = kept_answer();
        let room = AnswerRoom {
            entries: 9,
            bytes: 1 << 20,
            seconds: 3600,
        };
        store.keep_answer(kept, room).await.unwrap();
        let options = AnswerCacheOptions {
            threshold: 0.8,
            room,
        };
        let cache = AnswerCache::open(Arc::clone(&store) as Arc<dyn AnswerStore>, options, "g");
        let cache = Arc::new(cache.await.unwrap());
        let access = Access::open(Arc::clone(&store) as _, None).await.unwrap();
        let (tell, told) = tokio::sync::mpsc::channel(1);
        let told = Arc::new(Told(told.into()));
        let following = tokio::spawn(follow(
            Arc::new(access),
            Some(Arc::clone(&cache)),
            Arc::clone(&told) as _,
        ));
        let holds = async |count| {
            while cache.len() != count {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        assert_eq!(cache.len(), 1);
        tell.send(Change::Answers(Owner::OPERATOR)).await.unwrap();
        holds(0).await;
        // The store has it still.
        tell.send(Change::Unknown).await.unwrap();
        holds(1).await;
        following.abort();

        let servers = Arc::new(AtomicU32::new(1));
        let counting = tokio::spawn(count_servers(told, Arc::clone(&servers)));
        while servers.load(Ordering::Relaxed) != 3 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        counting.abort();
    }
}
