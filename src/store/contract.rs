//! What every [`SessionStore`] promises, as one function that runs against each of them.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{SessionStore, StoreError};
use crate::model::SessionId;

/// Runs the contract. `open` must give the same state each time, as after a restart; the store it
/// gave before is dropped by then.
pub(crate) async fn holds_for<S, F>(open: F)
where
    S: SessionStore + 'static,
    F: Fn() -> S,
{
    unknown_sessions_are_refused(&open()).await;
    messages_keep_their_order(&open()).await;
    concurrent_appends_are_all_kept(Arc::new(open())).await;
    any_text_comes_back_unchanged(&open()).await;
    everything_outlives_a_restart(&open).await;
}

async fn unknown_sessions_are_refused(store: &dyn SessionStore) {
    let nobody = SessionId::new_random();
    let refused =
        |error: StoreError| matches!(error, StoreError::SessionNotFound(id) if id == nobody);
    assert!(refused(
        store
            .append_message(nobody, "hi".to_owned())
            .await
            .unwrap_err()
    ));
    assert!(refused(store.messages(nobody).await.unwrap_err()));
    assert!(refused(
        store
            .save_record(nobody, "s".to_owned(), "{}".to_owned())
            .await
            .unwrap_err()
    ));
    assert!(refused(store.records(nobody).await.unwrap_err()));
    store.probe().await.unwrap();
}

async fn messages_keep_their_order(store: &dyn SessionStore) {
    let first = store.create_session().await.unwrap();
    let second = store.create_session().await.unwrap();
    assert_ne!(first, second);
    for (session, text) in [(first, "a"), (second, "x"), (first, "b"), (first, "c")] {
        let appended = store
            .append_message(session, text.to_owned())
            .await
            .unwrap();
        assert_eq!(appended.text, text);
        assert_eq!(
            store.messages(session).await.unwrap().last(),
            Some(&appended)
        );
    }
    let kept: Vec<(u64, String)> = store
        .messages(first)
        .await
        .unwrap()
        .into_iter()
        .map(|message| (message.sequence, message.text))
        .collect();
    assert_eq!(
        kept,
        [
            (1, "a".to_owned()),
            (2, "b".to_owned()),
            (3, "c".to_owned())
        ]
    );
    assert_eq!(store.messages(second).await.unwrap().len(), 1);
}

async fn concurrent_appends_are_all_kept(store: Arc<dyn SessionStore>) {
    const APPENDERS: u64 = 50;
    let session = store.create_session().await.unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..APPENDERS {
        let store = Arc::clone(&store);
        tasks.spawn(async move {
            store
                .append_message(session, number.to_string())
                .await
                .unwrap()
        });
    }
    let answered = tasks.join_all().await;
    let kept = store.messages(session).await.unwrap();
    let sequences: Vec<u64> = kept.iter().map(|message| message.sequence).collect();
    assert_eq!(sequences, (1..=APPENDERS).collect::<Vec<_>>());
    assert_eq!(
        kept.iter()
            .map(|message| &message.text)
            .collect::<BTreeSet<_>>()
            .len(),
        50
    );
    for message in &answered {
        assert!(
            kept.contains(message),
            "acknowledged but not kept: {message:?}"
        );
    }
}

async fn any_text_comes_back_unchanged(store: &dyn SessionStore) {
    let session = store.create_session().await.unwrap();
    let texts = [
        String::new(),
        "naïve 你好 😀 \u{fffd}".to_owned(),
        "before\0after".to_owned(),
        "'; DROP TABLE messages; --".to_owned(),
        "é".repeat(500_000),
    ];
    for text in &texts {
        store.append_message(session, text.clone()).await.unwrap();
        store
            .save_record(session, text.clone(), text.clone())
            .await
            .unwrap();
    }
    let messages: Vec<String> = store
        .messages(session)
        .await
        .unwrap()
        .into_iter()
        .map(|message| message.text)
        .collect();
    assert!(messages == texts, "a message's text changed");
    for (record, text) in store.records(session).await.unwrap().iter().zip(&texts) {
        assert!(
            record.summary == *text && record.details == *text,
            "a record's text changed"
        );
    }
}

async fn everything_outlives_a_restart<S: SessionStore>(open: &impl Fn() -> S) {
    let store = open();
    let session = store.create_session().await.unwrap();
    let empty = store.create_session().await.unwrap();
    let message = store
        .append_message(session, "kept".to_owned())
        .await
        .unwrap();
    let first = store
        .save_record(session, "one".to_owned(), "{\"a\":1}".to_owned())
        .await
        .unwrap();
    let second = store
        .save_record(session, "two".to_owned(), "{}".to_owned())
        .await
        .unwrap();
    drop(store);
    let store = open();
    assert_eq!(store.messages(session).await.unwrap(), [message]);
    assert_eq!(store.records(session).await.unwrap(), [first, second]);
    assert_eq!(store.messages(empty).await.unwrap(), []);
    assert_eq!(
        store
            .append_message(session, "next".to_owned())
            .await
            .unwrap()
            .sequence,
        2
    );
}
