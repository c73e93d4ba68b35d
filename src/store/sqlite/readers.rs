//! A few connections that only read, used on blocking threads.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::{Connection, OpenFlags, OptionalExtension, Row};
use tokio::sync::Semaphore;

use super::{StoreError, open_connection, open_error};
use crate::model::{Message, Record, SessionId};
use crate::runtime::blocking;

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
        let turn = Arc::clone(&self.turns)
            .acquire_owned()
            .await
            .map_err(|_| StoreError::Closed)?;
        let readers = Arc::clone(self);
        blocking::run(move || {
            let lease = Lease::take(&readers)?;
            let result = read(lease.connection());
            drop(lease);
            drop((turn, seat));
            result
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
    session: SessionId,
) -> Result<Vec<Message>, StoreError> {
    read_of_session(
        connection,
        session,
        "read the messages",
        "SELECT sequence, text, created_at FROM messages WHERE session = ?1 ORDER BY sequence",
        |row| {
            let sequence: i64 = row.get(0)?;
            Ok(Message {
                sequence: u64::try_from(sequence)
                    .map_err(|_| rusqlite::Error::IntegralValueOutOfRange(0, sequence))?,
                text: row.get(1)?,
                created_at: row.get(2)?,
            })
        },
    )
}

/// The records of a session, oldest first.
pub(super) fn records(
    connection: &Connection,
    session: SessionId,
) -> Result<Vec<Record>, StoreError> {
    read_of_session(
        connection,
        session,
        "read the records",
        "SELECT summary, details, created_at FROM records WHERE session = ?1 ORDER BY number",
        |row| {
            Ok(Record {
                session,
                summary: row.get(0)?,
                details: row.get(1)?,
                created_at: row.get(2)?,
            })
        },
    )
}

/// Reads what the writer's probe wrote.
pub(super) fn probe(connection: &Connection) -> Result<(), StoreError> {
    connection
        .prepare_cached("SELECT at FROM probe")
        .and_then(|mut statement| statement.query_row([], |row| row.get::<_, i64>(0)))
        .map(|_| ())
        .map_err(|error| engine_error("read a probe", &error))
}

fn read_of_session<T>(
    connection: &Connection,
    session: SessionId,
    action: &'static str,
    query: &str,
    read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> Result<Vec<T>, StoreError> {
    let rows = || {
        // One transaction, so that both statements see the same moment.
        let moment = connection.unchecked_transaction()?;
        let number: Option<i64> = moment
            .prepare_cached("SELECT number FROM sessions WHERE id = ?1")?
            .query_row([session.to_string()], |row| row.get(0))
            .optional()?;
        let Some(number) = number else {
            return Ok(None);
        };
        let rows: rusqlite::Result<Vec<T>> = moment
            .prepare_cached(query)?
            .query_map([number], read)?
            .collect();
        rows.map(Some)
    };
    rows()
        .map_err(|error| engine_error(action, &error))?
        .ok_or(StoreError::SessionNotFound(session))
}

fn engine_error(action: &'static str, error: &rusqlite::Error) -> StoreError {
    StoreError::Engine {
        action,
        reason: error.to_string(),
    }
}
