//! A few connections that only read, used on blocking threads.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::types::Type;
use rusqlite::{Connection, OpenFlags, OptionalExtension, Row, params};
use tokio::sync::Semaphore;

use super::{StoreError, open_connection, open_error};
use crate::model::{
    Feedback, Message, Once, OwnedSession, Owner, Rating, Record, SessionDetails, SessionId,
    SessionSummary,
};
use crate::runtime::{blocking, stages};
use crate::store::Expiry;

/// How many reads run at once.
const CONNECTIONS: usize = 4;

/// How many more may wait for a connection; beyond that a read is refused at once.
const WAITING: usize = 512;

/// The pool. WAL lets its connections read while the writer writes.
pub(super) struct Readers {
    idle: Mutex<Vec<Connection>>,
    seats: Arc<Semaphore>,
    turns: Arc<Semaphore>,
}

impl Readers {
    /// Opens the connections; the database must be migrated already.
    pub(super) fn open(path: &Path) -> Result<Self, StoreError> {
        let mut idle = Vec::with_capacity(CONNECTIONS);
        for _ in 0..CONNECTIONS {
            let connection = open_connection(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
            connection
                .pragma_update(None, "query_only", true)
                .map_err(|error| open_error(path, &error))?;
            idle.push(connection);
        }
        Ok(Self {
            idle: Mutex::new(idle),
            seats: Arc::new(Semaphore::new(CONNECTIONS + WAITING)),
            turns: Arc::new(Semaphore::new(CONNECTIONS)),
        })
    }

    /// Runs `read` with a connection on a blocking thread.
    pub(super) async fn run<T, F>(self: &Arc<Self>, read: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    {
        // The permits go with the work: a caller that is dropped must not free a connection's turn
        // while its read still runs.
        let seat = Arc::clone(&self.seats)
            .try_acquire_owned()
            .map_err(|_| StoreError::Overloaded)?;
        let readers = Arc::clone(self);
        stages::timed("store", async move {
            let turn = Arc::clone(&readers.turns)
                .acquire_owned()
                .await
                .map_err(|_| StoreError::Closed)?;
            blocking::run(move || {
                let lease = Lease::take(&readers)?;
                let result = read(lease.connection());
                drop(lease);
                drop((turn, seat));
                result
            })
            .await
        })
        .await
    }
}

/// A connection that goes back to the pool when dropped, after a panic too.
struct Lease<'a> {
    readers: &'a Readers,
    connection: Option<Connection>,
}

impl<'a> Lease<'a> {
    fn take(readers: &'a Readers) -> Result<Self, StoreError> {
        let connection = readers
            .idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop();
        connection
            .map(|connection| Self {
                readers,
                connection: Some(connection),
            })
            .ok_or(StoreError::Overloaded)
    }

    fn connection(&self) -> &Connection {
        self.connection
            .as_ref()
            .expect("only dropping takes the connection")
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        self.readers
            .idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend(self.connection.take());
    }
}

/// The messages of a session, oldest first.
pub(super) fn messages(
    connection: &Connection,
    session: OwnedSession,
) -> Result<Vec<Message>, StoreError> {
    of_session(
        connection,
        session,
        "read the messages",
        |moment, number, _| rows(moment, MESSAGES, number, message),
    )
}

/// Everything that is kept of a session, as of one moment.
pub(super) fn session(
    connection: &Connection,
    session: OwnedSession,
) -> Result<SessionDetails, StoreError> {
    of_session(
        connection,
        session,
        "read a session",
        |moment, number, summary| {
            Ok(SessionDetails {
                summary,
                messages: rows(moment, MESSAGES, number, message)?,
                records: rows(
                    moment,
                    "SELECT summary, details, created_at FROM records WHERE session = ?1 ORDER BY number",
                    number,
                    |row| {
                        Ok(Record {
                            session: session.id,
                            summary: row.get(0)?,
                            details: row.get(1)?,
                            created_at: row.get(2)?,
                        })
                    },
                )?,
                feedback: rows(
                    moment,
                    "SELECT rating, comment, created_at FROM feedback WHERE session = ?1 ORDER BY number",
                    number,
                    |row| {
                        let rating = row.get(0)?;
                        Ok(Feedback {
                            rating: Rating::from_number(rating)
                                .ok_or(rusqlite::Error::IntegralValueOutOfRange(0, rating))?,
                            comment: row.get(1)?,
                            created_at: row.get(2)?,
                        })
                    },
                )?,
            })
        },
    )
}

/// Sessions of one owner, newest first.
pub(super) fn sessions(
    connection: &Connection,
    owner: Owner,
    after: Option<SessionId>,
    at_most: u32,
) -> Result<Vec<SessionSummary>, StoreError> {
    let read = || {
        // A session that is not there has no number, and nothing is smaller than that.
        let mut statement = connection.prepare_cached(&format!(
            "SELECT {SUMMARY} FROM sessions
                 WHERE owner = ?1 AND number < iif(?2 IS NULL, 9223372036854775807,
                     (SELECT number FROM sessions WHERE id = ?2 AND owner = ?1))
                 ORDER BY number DESC LIMIT ?3"
        ))?;
        let after = after.map(|id| id.to_string());
        statement
            .query_map(params![owner.number(), after, at_most], summary)?
            .collect::<rusqlite::Result<Vec<SessionSummary>>>()
    };
    read().map_err(|error: rusqlite::Error| engine_error("list sessions", &error))
}

/// The reply that was kept under a name, if it is still there.
pub(super) fn reply(
    connection: &Connection,
    owner: Owner,
    once: &Once,
) -> Result<Option<String>, StoreError> {
    let found: Option<([u8; 32], Option<String>)> = connection
        .prepare_cached(
            "SELECT fingerprint, reply FROM receipts LEFT JOIN replies USING (owner, key)
             WHERE receipts.owner = ?1 AND receipts.key = ?2",
        )
        .and_then(|mut statement| {
            statement
                .query_row(params![owner.number(), once.key], |row| {
                    Ok((row.get(0)?, row.get(1)?))
                })
                .optional()
        })
        .map_err(|error| engine_error("look for a kept reply", &error))?;
    match found {
        Some((fingerprint, reply)) if fingerprint == once.fingerprint => Ok(reply),
        Some(_) => Err(StoreError::KeyReused),
        None => Ok(None),
    }
}

/// What is old enough to be deleted, by the numbers of its rows.
#[derive(Debug, Default)]
pub(super) struct Old {
    pub(super) sessions: Vec<i64>,
    pub(super) receipts: Vec<i64>,
}

/// The next old sessions behind the one numbered `after`, and old receipts, each by its own time: a
/// clock that was wrong for a while gives rows whose order is not that of their age. A pass looks at
/// every row once; it runs beside the writer, and an index on the time of use would cost each write.
pub(super) fn old(connection: &Connection, expiry: Expiry, after: i64) -> Result<Old, StoreError> {
    let numbers = |query, before, after| {
        connection
            .prepare_cached(query)?
            .query_map(params![before, after, expiry.at_most], |row| row.get(0))?
            .collect::<rusqlite::Result<Vec<i64>>>()
    };
    let read = || {
        let sessions = match expiry.sessions_before {
            Some(before) => numbers(
                "SELECT number FROM sessions WHERE used_at < ?1 AND number > ?2
                 ORDER BY number LIMIT ?3",
                before,
                after,
            )?,
            None => Vec::new(),
        };
        let receipts = numbers(
            "SELECT number FROM receipts WHERE created_at < ?1 AND number > ?2
             ORDER BY number LIMIT ?3",
            expiry.receipts_before,
            0,
        )?;
        Ok(Old { sessions, receipts })
    };
    read().map_err(|error: rusqlite::Error| engine_error("look for what is old", &error))
}

/// Reads what the writer's probe wrote.
pub(super) fn probe(connection: &Connection) -> Result<(), StoreError> {
    connection
        .prepare_cached("SELECT at FROM probe")
        .and_then(|mut statement| statement.query_row([], |row| row.get::<_, i64>(0)))
        .map(|_| ())
        .map_err(|error| engine_error("read a probe", &error))
}

/// The columns that [`summary`] reads.
const SUMMARY: &str = "id, created_at, used_at, messages, title,
    (SELECT substr(text, 1, 200) FROM messages WHERE session = number AND sequence = 1)";

const MESSAGES: &str =
    "SELECT sequence, text, created_at FROM messages WHERE session = ?1 ORDER BY sequence";

/// Reads a row of sequence, text and time.
pub(super) fn message(row: &Row<'_>) -> rusqlite::Result<Message> {
    Ok(Message {
        sequence: whole(0, row.get(0)?)?,
        text: row.get(1)?,
        created_at: row.get(2)?,
    })
}

fn summary(row: &Row<'_>) -> rusqlite::Result<SessionSummary> {
    let id: String = row.get(0)?;
    Ok(SessionSummary {
        id: SessionId::parse(&id).ok_or_else(|| {
            rusqlite::Error::FromSqlConversionFailure(0, Type::Text, "no session id".into())
        })?,
        created_at: row.get(1)?,
        used_at: row.get(2)?,
        messages: whole(3, row.get(3)?)?,
        title: row.get(4)?,
        opening: row.get(5)?,
    })
}

fn whole(column: usize, number: i64) -> rusqlite::Result<u64> {
    u64::try_from(number).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(column, number))
}

fn rows<T>(
    connection: &Connection,
    query: &str,
    session: i64,
    read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<Vec<T>> {
    connection
        .prepare_cached(query)?
        .query_map([session], read)?
        .collect()
}

/// Reads with the session's number and summary, all as of one moment.
fn of_session<T>(
    connection: &Connection,
    session: OwnedSession,
    action: &'static str,
    read: impl FnOnce(&Connection, i64, SessionSummary) -> rusqlite::Result<T>,
) -> Result<T, StoreError> {
    let found = || {
        let moment = connection.unchecked_transaction()?;
        let found = moment
            .prepare_cached(&format!(
                "SELECT {SUMMARY}, number FROM sessions WHERE id = ?1 AND owner = ?2"
            ))?
            .query_row(
                params![session.id.to_string(), session.owner.number()],
                |row| Ok((summary(row)?, row.get(6)?)),
            )
            .optional()?;
        found
            .map(|(summary, number)| read(&moment, number, summary))
            .transpose()
    };
    found()
        .map_err(|error: rusqlite::Error| engine_error(action, &error))?
        .ok_or(StoreError::SessionNotFound(session.id))
}

/// The engine's failure in the store's words.
pub(super) fn engine_error(action: &'static str, error: &rusqlite::Error) -> StoreError {
    StoreError::Engine {
        action,
        reason: error.to_string(),
    }
}
