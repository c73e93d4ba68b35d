use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::time::Instant;

use super::*;
use crate::model::{Key, KeyHash, KeyId, Scopes};
use crate::store::{KeyStore as _, contract, question_contract};

fn open(directory: &Path) -> Result<SqliteStore, StoreError> {
    SqliteStore::open(directory, SessionLimits::default())
}

async fn session(store: &SqliteStore) -> OwnedSession {
    let owner = Owner::OPERATOR;
    let id = store.create_session(owner, None).await.unwrap();
    OwnedSession { owner, id }
}

fn mode(path: &Path) -> u32 {
    fs_err::metadata(path).unwrap().permissions().mode() & 0o777
}

fn refusal(directory: &Path) -> String {
    open(directory).unwrap_err().to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn keeps_the_contract() {
    let directory = tempfile::tempdir().unwrap();
    let open = || SqliteStore::open(directory.path(), contract::LIMITS).unwrap();
    contract::holds_for(open).await;
    question_contract::holds_for(&open()).await;
}

#[tokio::test]
async fn state_is_for_its_owner_alone() {
    let parent = tempfile::tempdir().unwrap();
    let directory = parent.path().join("deep/state");
    let store = open(&directory).unwrap();
    session(&store).await;
    assert_eq!(mode(&directory), 0o700);
    for entry in fs_err::read_dir(&directory).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
}

#[tokio::test]
async fn closing_leaves_the_database_and_its_reserve() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path()).unwrap();
    session(&store).await;
    store.probe().await.unwrap();
    drop(store);
    let mut names: Vec<_> = fs_err::read_dir(directory.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    names.sort();
    assert_eq!(names, [room::RESERVE_FILE, DATABASE_FILE]);
}

#[tokio::test]
async fn what_was_acknowledged_is_in_the_files() {
    let (directory, copy) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let store = open(directory.path()).unwrap();
    let session = session(&store).await;
    let message = store
        .append_message(session, "kept".to_owned(), None)
        .await
        .unwrap();
    // The files as a kill at this instant would leave them; the shared index is rebuilt.
    for name in [DATABASE_FILE.to_owned(), format!("{DATABASE_FILE}-wal")] {
        fs_err::copy(directory.path().join(&name), copy.path().join(&name)).unwrap();
    }
    let survivor = open(copy.path()).unwrap();
    assert_eq!(survivor.messages(session).await.unwrap(), [message]);
}

#[test]
fn a_newer_schema_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    drop(open(directory.path()).unwrap());
    let path = directory.path().join(DATABASE_FILE);
    Connection::open(&path)
        .unwrap()
        .pragma_update(None, "user_version", 99)
        .unwrap();
    let error = open(directory.path()).unwrap_err();
    assert!(
        matches!(
            &error,
            StoreError::TooNew {
                found: 99,
                known: 7,
                ..
            }
        ),
        "{error}"
    );
}

#[test]
fn a_file_that_is_no_database_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    fs_err::write(
        directory.path().join(DATABASE_FILE),
        "not a database at all ".repeat(500),
    )
    .unwrap();
    assert!(
        refusal(directory.path()).contains("not a database"),
        "{}",
        refusal(directory.path())
    );
}

#[test]
fn another_programs_database_is_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(DATABASE_FILE);
    Connection::open(&path)
        .unwrap()
        .execute_batch("CREATE TABLE theirs (x)")
        .unwrap();
    assert!(
        refusal(directory.path()).contains("another program"),
        "{}",
        refusal(directory.path())
    );
}

#[tokio::test]
async fn a_damaged_page_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path()).unwrap();
    let session = session(&store).await;
    for number in 0..200 {
        store
            .append_message(session, format!("message {number}").repeat(20), None)
            .await
            .unwrap();
    }
    drop(store);
    let path = directory.path().join(DATABASE_FILE);
    let mut bytes = fs_err::read(&path).unwrap();
    for page in bytes.chunks_mut(4096).skip(6) {
        page[..64].fill(0xa5);
    }
    fs_err::write(&path, bytes).unwrap();
    assert!(
        refusal(directory.path()).contains("damaged"),
        "{}",
        refusal(directory.path())
    );
}

#[test]
fn a_directory_that_is_a_file_is_refused_by_name() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("state");
    fs_err::write(&path, "").unwrap();
    assert!(refusal(&path).contains("state"), "{}", refusal(&path));
}

#[tokio::test]
async fn a_failed_command_undoes_itself_alone() {
    let directory = tempfile::tempdir().unwrap();
    let store = Arc::new(open(directory.path()).unwrap());
    let session = session(&store).await;
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..60 {
        let store = Arc::clone(&store);
        let target = if number % 3 == 0 {
            OwnedSession {
                id: SessionId::new_random(),
                ..session
            }
        } else {
            session
        };
        tasks.spawn(async move {
            store
                .append_message(target, "x".to_owned(), None)
                .await
                .is_ok()
        });
    }
    let kept = tasks.join_all().await.into_iter().filter(|ok| *ok).count();
    assert_eq!(kept, 40);
    assert_eq!(store.messages(session).await.unwrap().len(), 40);
}

#[tokio::test(flavor = "current_thread")]
async fn a_full_queue_refuses_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let store = Arc::new(open(directory.path()).unwrap());
    let session = session(&store).await;
    // Another connection holds the write lock, so the writer can take one group and no more.
    let other = Connection::open(directory.path().join(DATABASE_FILE)).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..3000 {
        let store = Arc::clone(&store);
        tasks.spawn(async move { store.append_message(session, "x".to_owned(), None).await });
    }
    tokio::task::yield_now().await;
    other.execute_batch("COMMIT").unwrap();
    let results = tasks.join_all().await;
    let refused = results
        .iter()
        .filter(|result| matches!(result, Err(StoreError::Overloaded)))
        .count();
    let kept = results.iter().filter(|result| result.is_ok()).count();
    assert!(refused > 0, "nothing was refused");
    assert_eq!(refused + kept, 3000);
    assert_eq!(store.messages(session).await.unwrap().len(), kept);
}

/// Prints the rate of durable appends: `cargo test -- --ignored --nocapture append_rate`.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement, not a check"]
async fn append_rate() {
    const CLIENTS: usize = 64;
    const APPENDS: usize = 500;
    let directory = tempfile::tempdir_in(".").unwrap();
    let store = Arc::new(open(directory.path()).unwrap());
    let started = Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..CLIENTS {
        let store = Arc::clone(&store);
        tasks.spawn(async move {
            let session = session(&store).await;
            for _ in 0..APPENDS {
                store
                    .append_message(session, "how can I save energy at home?".to_owned(), None)
                    .await
                    .unwrap();
            }
        });
    }
    tasks.join_all().await;
    let seconds = started.elapsed().as_secs_f64();
    println!(
        "{:.0} durable appends a second",
        (CLIENTS * APPENDS) as f64 / seconds
    );
}

#[tokio::test]
async fn state_of_the_first_version_becomes_the_operators() {
    let directory = tempfile::tempdir().unwrap();
    let id = SessionId::new_random();
    let old = Connection::open(directory.path().join(DATABASE_FILE)).unwrap();
    old.execute_batch(schema::STEPS[0]).unwrap();
    old.execute_batch(&format!(
        "INSERT INTO sessions VALUES (7, '{id}', 100);
         INSERT INTO messages VALUES (7, 1, 'é', 101), (7, 2, 'b', 102);
         INSERT INTO records VALUES (1, 7, 'sum', '{{}}', 103);
         PRAGMA user_version = 1;
         PRAGMA application_id = {};",
        0x5761_7474
    ))
    .unwrap();
    drop(old);
    let limits = SessionLimits {
        entries: 4,
        bytes: 10,
    };
    let store = SqliteStore::open(directory.path(), limits).unwrap();
    let session = OwnedSession {
        owner: Owner::OPERATOR,
        id,
    };
    let details = store.session(session).await.unwrap();
    assert_eq!(
        (details.summary.messages, details.summary.used_at),
        (2, 102)
    );
    assert_eq!(details.records[0].summary, "sum");
    let append = |text: &str| store.append_message(session, text.to_owned(), None);
    assert!(append("abc").await.is_err(), "8 of 10 bytes are taken");
    assert_eq!(append("ab").await.unwrap().sequence, 3);
    assert!(append("").await.is_err(), "4 of 4 entries are taken");
}

#[tokio::test]
async fn keys_are_kept_as_digests() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path()).unwrap();
    let key = Key {
        id: KeyId::from_random(99),
        name: "front end".to_owned(),
        scopes: Scopes::parse("chat").unwrap(),
        hash: KeyHash::of(b"secret"),
        created_at: 5,
        last_used_at: None,
        revoked_at: None,
    };
    store.add_key(key.clone()).await.unwrap();
    assert!(store.add_key(key.clone()).await.is_err(), "ids are unique");
    assert_eq!(store.keys().await.unwrap(), std::slice::from_ref(&key));
    store.touch_keys(vec![(key.id, 6)]).await.unwrap();
    assert!(store.revoke_key(key.id, 7).await.unwrap());
    assert!(store.revoke_key(key.id, 8).await.unwrap());
    assert!(!store.revoke_key(KeyId::from_random(2), 8).await.unwrap());
    drop(store);
    let kept = open(directory.path()).unwrap().keys().await.unwrap();
    assert_eq!(
        (kept[0].last_used_at, kept[0].revoked_at),
        (Some(6), Some(7))
    );
}

#[tokio::test]
async fn old_sessions_go_in_steps() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path()).unwrap();
    for _ in 0..5 {
        session(&store).await;
    }
    let expiry = Expiry {
        sessions_before: Some(i64::MAX),
        receipts_before: 0,
        at_most: 2,
    };
    let mut steps = 1;
    while store.expire(expiry).await.unwrap() {
        steps += 1;
    }
    assert_eq!(steps, 3);
    assert_eq!(store.sessions(Owner::OPERATOR, None, 9).await.unwrap(), []);
}

#[tokio::test]
async fn sessions_in_use_stay_however_old_they_are() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path()).unwrap();
    let mut sessions = Vec::new();
    let other = Connection::open(directory.path().join(DATABASE_FILE)).unwrap();
    for (created, used) in [(100, 400), (110, 110), (200, 250), (300, 300), (310, 310)] {
        let session = session(&store).await;
        let changed = other.execute(
            "UPDATE sessions SET created_at = ?1, used_at = ?2 WHERE id = ?3",
            rusqlite::params![created, used, session.id.to_string()],
        );
        assert_eq!(changed.unwrap(), 1);
        sessions.push(session);
    }
    let expiry = |before| Expiry {
        sessions_before: Some(before),
        receipts_before: 0,
        at_most: 9,
    };
    let left = async || {
        let mut left = Vec::new();
        for session in &sessions {
            left.push(store.session(*session).await.is_ok());
        }
        left
    };
    store.expire(expiry(260)).await.unwrap();
    assert_eq!(left().await, [true, false, false, true, true]);
    store.expire(expiry(350)).await.unwrap();
    assert_eq!(left().await, [true, false, false, false, false]);
    store.expire(expiry(401)).await.unwrap();
    assert_eq!(left().await, [false; 5]);
}

#[tokio::test]
async fn state_of_the_version_before_opens_and_stays() {
    let directory = tempfile::tempdir().unwrap();
    let id = SessionId::parse("6c1f0f0e-5a3c-4a53-8f5b-0c1d8a2b7e11").unwrap();
    let old = Connection::open(directory.path().join(DATABASE_FILE)).unwrap();
    for step in &schema::STEPS[..3] {
        old.execute_batch(step).unwrap();
    }
    old.execute_batch(&format!(
        "INSERT INTO sessions (id, created_at, used_at) VALUES ('{id}', 100, 100);
         PRAGMA user_version = 3;
         PRAGMA application_id = {};",
        0x5761_7474
    ))
    .unwrap();
    drop(old);
    let store = open(directory.path()).unwrap();
    let owner = Owner::OPERATOR;
    let kept = OwnedSession { owner, id };
    let message = store.append_message(kept, "x".to_owned(), None).await;
    assert_eq!(message.unwrap().sequence, 1);
    let newer = session(&store).await;
    let listed = store.sessions(owner, None, 9).await.unwrap();
    let ids: Vec<_> = listed.iter().map(|summary| summary.id).collect();
    assert_eq!(ids, [newer.id, id]);
}

#[tokio::test]
async fn a_wrong_clock_keeps_nothing_but_its_own_rows() {
    const IN_2040: i64 = 2_208_988_800;
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path()).unwrap();
    let other = Connection::open(directory.path().join(DATABASE_FILE)).unwrap();
    // Made while the clock was wrong, as many as one step takes; then come old ones.
    for (number, at) in [(1, IN_2040), (2, IN_2040), (3, 100), (4, 100), (5, 100)] {
        session(&store).await;
        let changed = other.execute(
            "UPDATE sessions SET created_at = ?1, used_at = ?1 WHERE number = ?2",
            [at, number],
        );
        assert_eq!(changed.unwrap(), 1);
        other
            .execute(
                "INSERT INTO receipts (owner, key, fingerprint, result, created_at)
                 VALUES (0, ?1, x'00', '', ?2)",
                [number, at],
            )
            .unwrap();
    }
    let expiry = Expiry {
        sessions_before: Some(1_000),
        receipts_before: 1_000,
        at_most: 2,
    };
    while store.expire(expiry).await.unwrap() {}
    let left = |table: &str| -> (i64, i64) {
        let count = format!("SELECT count(*), min(created_at) FROM {table}");
        let row = other.query_row(&count, [], |row| Ok((row.get(0)?, row.get(1)?)));
        row.unwrap()
    };
    for table in ["sessions", "receipts"] {
        assert_eq!(left(table), (2, IN_2040), "{table}");
    }
    // A later pass begins at the front again.
    other
        .execute("UPDATE sessions SET used_at = 100 WHERE number = 1", [])
        .unwrap();
    while store.expire(expiry).await.unwrap() {}
    assert_eq!(left("sessions").0, 1);
}
