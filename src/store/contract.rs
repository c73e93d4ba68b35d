//! What every [`SessionStore`] promises, as one function that runs against each of them.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{Expiry, SessionLimits, SessionStore, StoreError};
use crate::model::{KeyId, Message, NewRecord, Once, OwnedSession, Owner, Rating, SessionId};

/// What the contract is tried with; room for the longest text in it.
pub(crate) const LIMITS: SessionLimits = SessionLimits {
    entries: 100,
    bytes: 8 << 20,
};

fn record(summary: &str) -> NewRecord {
    NewRecord {
        summary: summary.to_owned(),
        details: "{}".to_owned(),
        reply: None,
    }
}

/// Runs the contract. `open` must give the same state each time, as after a restart; the store it
/// gave before is dropped by then.
pub(crate) async fn holds_for<S, F>(open: F)
where
    S: SessionStore + 'static,
    F: Fn() -> S,
{
    holds_while_open(open()).await;
    everything_outlives_a_restart(&open).await;
}

/// Runs the part of the contract that needs no restart.
pub(crate) async fn holds_while_open<S: SessionStore + 'static>(store: S) {
    let store: Arc<dyn SessionStore> = Arc::new(store);
    unknown_sessions_are_refused(store.as_ref()).await;
    messages_keep_their_order(store.as_ref()).await;
    concurrent_appends_are_all_kept(Arc::clone(&store)).await;
    any_text_comes_back_unchanged(store.as_ref()).await;
    another_owner_finds_nothing(store.as_ref()).await;
    lists_are_paged_newest_first(store.as_ref()).await;
    a_deleted_session_is_gone(store.as_ref()).await;
    a_session_is_listed_by_its_name_and_its_first_words(store.as_ref()).await;
    a_full_session_takes_no_more(store.as_ref()).await;
    a_repeated_write_has_one_effect(store.as_ref()).await;
    what_is_old_is_deleted(store.as_ref()).await;
}

/// A session of the operator's.
pub(super) async fn session(store: &dyn SessionStore) -> OwnedSession {
    let id = store.create_session(Owner::OPERATOR, None).await.unwrap();
    own(id)
}

pub(super) fn own(id: SessionId) -> OwnedSession {
    OwnedSession {
        owner: Owner::OPERATOR,
        id,
    }
}

pub(super) fn stranger() -> Owner {
    Owner::of(KeyId::from_random(84))
}

async fn say(store: &dyn SessionStore, session: OwnedSession, text: &str) -> Message {
    store
        .append_message(session, text.to_owned(), None)
        .await
        .unwrap()
}

async fn save(store: &dyn SessionStore, session: OwnedSession, summary: &str, details: &str) {
    store
        .save_record(
            session,
            NewRecord {
                details: details.to_owned(),
                ..record(summary)
            },
            None,
        )
        .await
        .unwrap();
}

async fn unknown_sessions_are_refused(store: &dyn SessionStore) {
    let nobody = own(SessionId::new_random());
    let refused =
        |error: StoreError| matches!(error, StoreError::SessionNotFound(id) if id == nobody.id);
    assert!(refused(
        store
            .append_message(nobody, "hi".to_owned(), None)
            .await
            .unwrap_err()
    ));
    assert!(refused(store.messages(nobody).await.unwrap_err()));
    assert!(refused(
        store
            .save_record(nobody, record("s"), None)
            .await
            .unwrap_err()
    ));
    assert!(refused(store.session(nobody).await.unwrap_err()));
    store.probe().await.unwrap();
}

async fn messages_keep_their_order(store: &dyn SessionStore) {
    let first = session(store).await;
    let second = session(store).await;
    assert_ne!(first, second);
    for (session, text) in [(first, "a"), (second, "x"), (first, "b"), (first, "c")] {
        let appended = say(store, session, text).await;
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
    let session = session(store.as_ref()).await;
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..APPENDERS {
        let store = Arc::clone(&store);
        tasks.spawn(async move { say(store.as_ref(), session, &number.to_string()).await });
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
    let session = session(store).await;
    let texts = [
        String::new(),
        "naïve 你好 😀 \u{fffd}".to_owned(),
        "before\0after".to_owned(),
        "'; DROP TABLE messages; --".to_owned(),
        "é".repeat(500_000),
    ];
    for text in &texts {
        say(store, session, text).await;
        save(store, session, text, text).await;
    }
    let messages: Vec<String> = store
        .messages(session)
        .await
        .unwrap()
        .into_iter()
        .map(|message| message.text)
        .collect();
    assert!(messages == texts, "a message's text changed");
    for (record, text) in store
        .session(session)
        .await
        .unwrap()
        .records
        .iter()
        .zip(&texts)
    {
        assert!(
            record.summary == *text && record.details == *text,
            "a record's text changed"
        );
    }
}

async fn everything_outlives_a_restart<S: SessionStore>(open: &impl Fn() -> S) {
    let store = open();
    let (kept, empty) = (session(&store).await, session(&store).await);
    say(&store, kept, "kept").await;
    save(&store, kept, "one", "{\"a\":1}").await;
    save(&store, kept, "two", "{}").await;
    let details = store.session(kept).await.unwrap();
    drop(store);
    let store = open();
    assert_eq!(store.session(kept).await.unwrap(), details);
    assert_eq!(details.records[1].summary, "two");
    assert_eq!(store.messages(empty).await.unwrap(), []);
    assert_eq!(say(&store, kept, "next").await.sequence, 2);
}

async fn another_owner_finds_nothing(store: &dyn SessionStore) {
    let mine = session(store).await;
    say(store, mine, "mine").await;
    let theirs = OwnedSession {
        owner: stranger(),
        ..mine
    };
    let missing = |error: StoreError| matches!(error, StoreError::SessionNotFound(_));
    assert!(missing(store.messages(theirs).await.unwrap_err()));
    assert!(missing(store.session(theirs).await.unwrap_err()));
    assert!(missing(store.delete_session(theirs).await.unwrap_err()));
    let refused = store.append_message(theirs, "x".to_owned(), None).await;
    assert!(missing(refused.unwrap_err()));
    let refused = store
        .save_feedback(theirs, Rating::Up, String::new(), None)
        .await;
    assert!(missing(refused.unwrap_err()));
    assert_eq!(store.sessions(stranger(), None, 9).await.unwrap(), []);
    let behind = store.sessions(stranger(), Some(mine.id), 9).await;
    assert_eq!(behind.unwrap(), []);
    assert_eq!(store.messages(mine).await.unwrap().len(), 1);
}

async fn lists_are_paged_newest_first(store: &dyn SessionStore) {
    let owner = Owner::of(KeyId::from_random(168));
    let mut made = Vec::new();
    for _ in 0..5 {
        made.push(store.create_session(owner, None).await.unwrap());
    }
    made.reverse();
    let mut seen = Vec::new();
    loop {
        let page = store
            .sessions(owner, seen.last().copied(), 2)
            .await
            .unwrap();
        if page.is_empty() {
            break;
        }
        seen.extend(page.into_iter().map(|summary| summary.id));
    }
    assert_eq!(seen, made);
    let unknown = Some(SessionId::new_random());
    assert_eq!(store.sessions(owner, unknown, 2).await.unwrap(), []);
}

async fn a_deleted_session_is_gone(store: &dyn SessionStore) {
    let (kept, deleted) = (session(store).await, session(store).await);
    for session in [kept, deleted] {
        say(store, session, "words").await;
        save(store, session, "s", "{}").await;
        store
            .save_feedback(session, Rating::Down, "no".to_owned(), None)
            .await
            .unwrap();
    }
    store.delete_session(deleted).await.unwrap();
    let gone = store.session(deleted).await.unwrap_err();
    assert!(matches!(gone, StoreError::SessionNotFound(id) if id == deleted.id));
    let again = store.delete_session(deleted).await.unwrap_err();
    assert!(matches!(again, StoreError::SessionNotFound(_)));
    let details = store.session(kept).await.unwrap();
    assert_eq!(details.summary.messages, 1);
    assert_eq!((details.messages.len(), details.records.len()), (1, 1));
    assert_eq!(details.feedback[0].rating, Rating::Down);
    assert_eq!(details.feedback[0].comment, "no");
}

async fn a_session_is_listed_by_its_name_and_its_first_words(store: &dyn SessionStore) {
    let owner = Owner::of(KeyId::from_random(252));
    let id = store.create_session(owner, None).await.unwrap();
    let session = OwnedSession { owner, id };
    let listed = async || {
        let found = store.sessions(owner, None, 9).await.unwrap().remove(0);
        let whole = store.session(session).await.unwrap().summary;
        assert_eq!(found, whole);
        (found.title, found.opening)
    };
    assert_eq!(listed().await, (None, None));
    say(store, session, &"é".repeat(300)).await;
    say(store, session, "second").await;
    assert_eq!(listed().await, (None, Some("é".repeat(200))));
    for title in ["first name", "Über 'uns'"] {
        store
            .rename_session(session, title.to_owned())
            .await
            .unwrap();
        assert_eq!(listed().await.0.as_deref(), Some(title));
    }
    let theirs = OwnedSession {
        owner: stranger(),
        ..session
    };
    let refused = store.rename_session(theirs, "x".to_owned()).await;
    assert!(matches!(
        refused.unwrap_err(),
        StoreError::SessionNotFound(_)
    ));
}

async fn a_full_session_takes_no_more(store: &dyn SessionStore) {
    let full = |error: StoreError| matches!(error, StoreError::SessionFull(_));
    let large = session(store).await;
    let text = "x".repeat(usize::try_from(LIMITS.bytes).unwrap());
    say(store, large, &text[1..]).await;
    let refused = store.append_message(large, "xx".to_owned(), None).await;
    assert!(full(refused.unwrap_err()));
    say(store, large, "x").await;

    let many = session(store).await;
    for _ in 0..LIMITS.entries {
        say(store, many, "").await;
    }
    let refused = store.append_message(many, String::new(), None).await;
    assert!(full(refused.unwrap_err()));
    let refused = store
        .save_record(
            many,
            NewRecord {
                details: String::new(),
                ..record("")
            },
            None,
        )
        .await;
    assert!(full(refused.unwrap_err()));
    assert_eq!(store.messages(many).await.unwrap().len(), 100);
}

async fn a_repeated_write_has_one_effect(store: &dyn SessionStore) {
    let once = |key: &str, fingerprint: u8| {
        Some(Once {
            key: key.to_owned(),
            fingerprint: [fingerprint; 32],
        })
    };
    let owner = Owner::OPERATOR;
    let first = store.create_session(owner, once("a", 1)).await.unwrap();
    assert_eq!(
        store.create_session(owner, once("a", 1)).await.unwrap(),
        first
    );
    let reused = store.create_session(owner, once("a", 2)).await;
    assert!(matches!(reused.unwrap_err(), StoreError::KeyReused));
    let theirs = store.create_session(stranger(), once("a", 2)).await;
    assert_ne!(theirs.unwrap(), first, "names are each owner's own");

    let session = own(first);
    let append =
        |fingerprint| store.append_message(session, "once".to_owned(), once("b", fingerprint));
    let message = append(3).await.unwrap();
    assert_eq!(append(3).await.unwrap(), message);
    assert!(matches!(
        append(4).await.unwrap_err(),
        StoreError::KeyReused
    ));
    assert_eq!(store.messages(session).await.unwrap(), [message]);
    for _ in 0..2 {
        store
            .save_record(session, record("s"), once("c", 5))
            .await
            .unwrap();
        store
            .save_feedback(session, Rating::Up, String::new(), once("d", 6))
            .await
            .unwrap();
    }
    let details = store.session(session).await.unwrap();
    assert_eq!((details.records.len(), details.feedback.len()), (1, 1));

    let kept = |fingerprint| Once {
        key: "f".to_owned(),
        fingerprint: [fingerprint; 32],
    };
    assert_eq!(store.reply(owner, kept(9)).await.unwrap(), None);
    for reply in ["first", "second"] {
        let answer = NewRecord {
            reply: Some(reply.to_owned()),
            ..record("s")
        };
        let once = Some(kept(9));
        store.save_record(session, answer, once).await.unwrap();
    }
    let reply = store.reply(owner, kept(9)).await.unwrap();
    assert_eq!(reply.as_deref(), Some("first"));
    assert_eq!(store.session(session).await.unwrap().records.len(), 2);
    assert_eq!(store.reply(stranger(), kept(9)).await.unwrap(), None);
    let reused = store.reply(owner, kept(1)).await;
    assert!(matches!(reused.unwrap_err(), StoreError::KeyReused));
    store.delete_session(session).await.unwrap();
    assert_eq!(store.reply(owner, kept(9)).await.unwrap(), None);

    let nobody = own(SessionId::new_random());
    let refused = store.append_message(nobody, String::new(), once("e", 7));
    assert!(refused.await.is_err());
    store.create_session(owner, once("e", 8)).await.unwrap();
}

async fn what_is_old_is_deleted(store: &dyn SessionStore) {
    let young = session(store).await;
    let nothing = Expiry {
        sessions_before: Some(1),
        receipts_before: 1,
        at_most: 1000,
    };
    assert!(!store.expire(nothing).await.unwrap());
    assert!(store.session(young).await.is_ok());
    let sessions = Expiry {
        sessions_before: Some(i64::MAX),
        ..nothing
    };
    assert!(!store.expire(sessions).await.unwrap());
    assert!(store.session(young).await.is_err());
    assert_eq!(
        store.sessions(young.owner, None, 9).await.unwrap(),
        [],
        "all of them were old"
    );
}
