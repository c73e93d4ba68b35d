//! The database's layout, its version, and the steps from each version to the next.

use std::fmt::Display;
use std::path::Path;

use rusqlite::{Connection, ErrorCode, TransactionBehavior};

use super::{StoreError, open_error};

/// Step `n` leads from version `n` to version `n + 1`. Never edit a released step; add one.
pub(super) const STEPS: &[&str] = &[
    // A session's number keeps the other tables' keys small; its id is what clients know.
    "CREATE TABLE sessions (
        number INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        created_at INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE messages (
        session INTEGER NOT NULL REFERENCES sessions (number) ON DELETE CASCADE,
        sequence INTEGER NOT NULL,
        text TEXT NOT NULL,
        created_at INTEGER NOT NULL,
        PRIMARY KEY (session, sequence)
    ) STRICT;
    CREATE TABLE records (
        number INTEGER PRIMARY KEY,
        session INTEGER NOT NULL REFERENCES sessions (number) ON DELETE CASCADE,
        summary TEXT NOT NULL,
        details TEXT NOT NULL,
        created_at INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX records_by_session ON records (session);
    CREATE TABLE probe (
        one INTEGER PRIMARY KEY CHECK (one = 1),
        at INTEGER NOT NULL
    ) STRICT;",
    // Owner 0 is the operator: whoever used the server before there were keys. Counts and bytes live
    // with the session, so that an append need not look at what is there.
    "ALTER TABLE sessions ADD COLUMN owner INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE sessions ADD COLUMN used_at INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE sessions ADD COLUMN messages INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE sessions ADD COLUMN entries INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE sessions ADD COLUMN bytes INTEGER NOT NULL DEFAULT 0;
    UPDATE sessions SET
        used_at = max(created_at,
            coalesce((SELECT max(created_at) FROM messages WHERE session = number), 0)),
        messages = coalesce((SELECT max(sequence) FROM messages WHERE session = number), 0),
        entries = (SELECT count(*) FROM messages WHERE session = number)
            + (SELECT count(*) FROM records WHERE session = sessions.number),
        bytes = (SELECT coalesce(sum(octet_length(text)), 0) FROM messages WHERE session = number)
            + (SELECT coalesce(sum(octet_length(summary) + octet_length(details)), 0)
               FROM records WHERE session = sessions.number);
    CREATE INDEX sessions_by_owner ON sessions (owner, number);
    CREATE INDEX sessions_by_use ON sessions (used_at);
    CREATE TABLE feedback (
        number INTEGER PRIMARY KEY,
        session INTEGER NOT NULL REFERENCES sessions (number) ON DELETE CASCADE,
        rating INTEGER NOT NULL CHECK (rating IN (-1, 1)),
        comment TEXT NOT NULL,
        created_at INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX feedback_by_session ON feedback (session);
    CREATE TABLE keys (
        id INTEGER PRIMARY KEY CHECK (id <> 0),
        name TEXT NOT NULL,
        hash BLOB NOT NULL CHECK (length(hash) = 32),
        scopes TEXT NOT NULL,
        created_at INTEGER NOT NULL,
        last_used_at INTEGER,
        revoked_at INTEGER
    ) STRICT;
    CREATE TABLE receipts (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        owner INTEGER NOT NULL,
        key TEXT NOT NULL,
        fingerprint BLOB NOT NULL,
        result TEXT NOT NULL,
        created_at INTEGER NOT NULL,
        UNIQUE (owner, key)
    ) STRICT;",
    // Answers of a language model that may be given again. They are worth nothing once another
    // generation answers.
    "CREATE TABLE answers (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        owner INTEGER NOT NULL,
        generation TEXT NOT NULL,
        scope BLOB NOT NULL CHECK (length(scope) = 32),
        question TEXT NOT NULL,
        vector BLOB NOT NULL,
        answer TEXT NOT NULL,
        created_at INTEGER NOT NULL,
        UNIQUE (scope, question)
    ) STRICT;",
    // Every write moved its session's entry, and sessions are in order of their age without it.
    "DROP INDEX sessions_by_use;",
    // Replies that go out again when their request is repeated; each goes with its record, and with
    // the memory of its request.
    "CREATE TABLE replies (
        record INTEGER PRIMARY KEY REFERENCES records (number) ON DELETE CASCADE,
        owner INTEGER NOT NULL,
        key TEXT NOT NULL,
        reply TEXT NOT NULL,
        UNIQUE (owner, key)
    ) STRICT;
    CREATE TRIGGER replies_go_with_receipts AFTER DELETE ON receipts BEGIN
        DELETE FROM replies WHERE owner = old.owner AND key = old.key;
    END;",
    // What an owner calls a session.
    "ALTER TABLE sessions ADD COLUMN title TEXT;",
    // Questions that were not answered, or badly; only where the operator wants them kept.
    "CREATE TABLE questions (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        session INTEGER REFERENCES sessions (number) ON DELETE CASCADE,
        lack INTEGER NOT NULL CHECK (lack IN (1, 2, 3)),
        question TEXT NOT NULL,
        vector BLOB NOT NULL,
        embedder BLOB NOT NULL CHECK (length(embedder) = 32),
        answer TEXT NOT NULL,
        comment TEXT NOT NULL,
        generation TEXT NOT NULL,
        asked_at INTEGER NOT NULL,
        answered_in TEXT,
        UNIQUE (session, lack, question)
    ) STRICT;",
];

/// Marks the file as ours, so that another program's database is never migrated: "Watt".
const APPLICATION_ID: i64 = 0x5761_7474;

/// A database up to this size is checked page by page when it is opened; beyond it the check would
/// hold up the start for too long, and damage is reported by the statement that meets it.
const CHECKED_SIZE_BYTES: i64 = 256 << 20;

/// Checks that the file is ours and whole, sets it to write-ahead logging and migrates it.
pub(super) fn bring_up_to_date(connection: &Connection, path: &Path) -> Result<(), StoreError> {
    let version = read_number(connection, path, "user_version")?;
    let known = i64::try_from(STEPS.len()).expect("the steps are counted on one hand");
    refuse_foreign(connection, path, version)?;
    if version > known {
        return Err(StoreError::TooNew {
            path: path.to_owned(),
            found: version,
            known,
        });
    }
    check_pages(connection, path)?;
    set_durability(connection).map_err(|error| open_error(path, &error))?;
    migrate(connection, known).map_err(|error| open_error(path, &error))
}

fn refuse_foreign(connection: &Connection, path: &Path, version: i64) -> Result<(), StoreError> {
    if read_number(connection, path, "application_id")? == APPLICATION_ID {
        return Ok(());
    }
    let tables: i64 = connection
        .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
        .map_err(|error| open_error(path, &error))?;
    if version == 0 && tables == 0 {
        return Ok(());
    }
    Err(open_error(
        path,
        &"the file is a database of another program",
    ))
}

fn check_pages(connection: &Connection, path: &Path) -> Result<(), StoreError> {
    let size_bytes =
        read_number(connection, path, "page_count")? * read_number(connection, path, "page_size")?;
    if size_bytes > CHECKED_SIZE_BYTES {
        return Ok(());
    }
    let verdict: String = connection
        .query_row("PRAGMA quick_check(1)", [], |row| row.get(0))
        .map_err(|error| unreadable(path, &error))?;
    if verdict == "ok" {
        return Ok(());
    }
    Err(damaged(path, &verdict))
}

/// Why the engine cannot read the file: also the list of tables itself can be damaged.
fn unreadable(path: &Path, error: &rusqlite::Error) -> StoreError {
    if error.sqlite_error_code() == Some(ErrorCode::DatabaseCorrupt) {
        return damaged(path, error);
    }
    open_error(path, error)
}

fn damaged(path: &Path, verdict: &impl Display) -> StoreError {
    let reason = format!(
        "the database is damaged ({verdict}); restore a backup or move the file away to start anew"
    );
    open_error(path, &reason)
}

fn set_durability(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update(None, "journal_mode", "WAL")?;
    // In WAL mode FULL syncs the log at every commit: an acknowledged write survives a power cut.
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "journal_size_limit", 64 << 20)
}

/// Lets the database grow to `most_bytes` and no further; it never shrinks for that.
pub(super) fn bound(connection: &Connection, most_bytes: u64) -> rusqlite::Result<()> {
    // The engine's own highest number of pages.
    const MOST_PAGES: i64 = 4_294_967_294;
    let page: i64 = connection.pragma_query_value(None, "page_size", |row| row.get(0))?;
    let pages = i64::try_from(most_bytes).unwrap_or(i64::MAX) / page.max(1);
    connection.pragma_update(None, "max_page_count", pages.clamp(1, MOST_PAGES))
}

fn migrate(connection: &Connection, known: i64) -> rusqlite::Result<()> {
    let transaction =
        rusqlite::Transaction::new_unchecked(connection, TransactionBehavior::Immediate)?;
    // Read again under the lock: another process may have migrated meanwhile.
    let version: i64 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let done = usize::try_from(version).unwrap_or(0);
    for step in STEPS.iter().skip(done) {
        transaction.execute_batch(step)?;
    }
    if version < known {
        transaction.pragma_update(None, "user_version", known)?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    }
    transaction.commit()
}

fn read_number(connection: &Connection, path: &Path, pragma: &str) -> Result<i64, StoreError> {
    connection
        .pragma_query_value(None, pragma, |row| row.get(0))
        .map_err(|error| unreadable(path, &error))
}
