use super::*;

fn message(store: &SqliteStore, session: OwnedSession, bytes: usize) -> Appending<'_> {
    store.append_message(session, "x".repeat(bytes), None)
}

type Appending<'a> =
    std::pin::Pin<Box<dyn Future<Output = Result<Message, StoreError>> + Send + 'a>>;

async fn session(store: &SqliteStore) -> OwnedSession {
    let owner = Owner::OPERATOR;
    let id = store.create_session(owner, None).await.unwrap();
    OwnedSession { owner, id }
}

fn open_small(directory: &Path) -> SqliteStore {
    SqliteStore::open_bounded(directory, SessionLimits::default(), 1 << 20).unwrap()
}

fn no_room<T>(outcome: &Result<T, StoreError>) -> bool {
    matches!(outcome, Err(StoreError::NoRoom { .. }))
}

#[tokio::test]
async fn a_full_state_says_so_and_deleting_makes_room() {
    let directory = tempfile::tempdir().unwrap();
    let store = open_small(directory.path());
    let (kept, doomed) = (session(&store).await, session(&store).await);
    for place in [kept, doomed] {
        message(&store, place, 300_000).await.unwrap();
    }
    store.probe().await.unwrap();
    let full = loop {
        if let Err(error) = message(&store, kept, 20_000).await {
            break error;
        }
    };
    assert!(full.to_string().contains("--max-state-size"), "{full}");
    assert!(no_room(&store.probe().await), "readiness tells it");
    // In one group with a write that finds no room, the delete stands.
    let (failed, deleted) =
        tokio::join!(message(&store, kept, 500_000), store.delete_session(doomed));
    assert!(no_room(&failed) && deleted.is_ok());
    store.probe().await.unwrap();
    message(&store, kept, 200_000).await.unwrap();
    let kept = store.messages(kept).await.unwrap();
    assert!(kept.iter().all(|message| message.text.starts_with('x')));
    drop(store);
    let length = fs_err::metadata(directory.path().join(DATABASE_FILE))
        .unwrap()
        .len();
    assert!(length <= 1 << 20, "{length}");
}

/// A disk that is full, as the engine tells it, until the reserve has been spent.
fn needs_the_reserve(reserve: &Path) -> Result<(), Refusal> {
    match fs_err::metadata(reserve).map(|found| found.len()) {
        Ok(0) => Ok(()),
        _ => Err(Refusal::OutOfRoom),
    }
}

#[tokio::test]
async fn deleting_may_spend_the_reserve_and_nothing_else_may() {
    let directory = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(directory.path(), SessionLimits::default()).unwrap();
    let reserve = directory.path().join(room::RESERVE_FILE);
    let length = || fs_err::metadata(&reserve).unwrap().len();
    let whole = length();
    assert!(whole >= 1 << 20, "{whole}");
    let path = reserve.clone();
    let refused = store
        .writer
        .submit("write", move |_| needs_the_reserve(&path));
    assert!(no_room(&refused.await));
    assert_eq!(length(), whole);
    let path = reserve.clone();
    let released = store
        .writer
        .submit_release("delete", move |_| needs_the_reserve(&path));
    released.await.unwrap();
    assert_eq!(length(), whole, "it is taken back at once");
}

#[tokio::test]
async fn nothing_is_written_but_deletes_while_the_reserve_is_spent() {
    let directory = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(directory.path(), SessionLimits::default()).unwrap();
    let (doomed, kept) = (session(&store).await, session(&store).await);
    let reserve = directory.path().join(room::RESERVE_FILE);
    // A directory in its place is room that cannot be taken again.
    let path = reserve.clone();
    let released = store.writer.submit_release("delete", move |_| {
        needs_the_reserve(&path)?;
        fs_err::remove_file(&path)
            .and_then(|()| fs_err::create_dir(&path))
            .map_err(|error| Refusal::Engine(error.to_string()))
    });
    released.await.unwrap();
    assert!(no_room(&message(&store, kept, 1).await));
    assert!(no_room(&store.probe().await));
    store.delete_session(doomed).await.unwrap();
    fs_err::remove_dir(&reserve).unwrap();
    while no_room(&message(&store, kept, 1).await) {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    store.probe().await.unwrap();
}

#[tokio::test]
async fn a_database_that_is_gone_takes_no_more_writes() {
    let log = format!("{DATABASE_FILE}-wal");
    for (file, is_replaced) in [(DATABASE_FILE, false), (DATABASE_FILE, true), (&log, false)] {
        let directory = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(directory.path(), SessionLimits::default()).unwrap();
        let place = session(&store).await;
        message(&store, place, 1).await.unwrap();
        let path = directory.path().join(file);
        let aside = directory.path().join("aside");
        if is_replaced {
            fs_err::copy(&path, &aside).unwrap();
            fs_err::rename(&aside, &path).unwrap();
        } else {
            fs_err::rename(&path, &aside).unwrap();
        }
        for outcome in [
            message(&store, place, 1).await.map(drop),
            store.probe().await,
        ] {
            let error = outcome.unwrap_err();
            let fate = if is_replaced {
                "was replaced"
            } else {
                "was deleted"
            };
            assert!(matches!(error, StoreError::Lost { .. }), "{file}: {error}");
            assert!(error.to_string().contains(fate), "{file}: {error}");
        }
        if !is_replaced {
            fs_err::rename(&aside, &path).unwrap();
            message(&store, place, 1).await.unwrap();
        }
    }
}
