//! The one thread that writes, and how it turns many small writes into few syncs.
//!
//! It takes what waits in the queue, runs each command in a savepoint of its own inside one
//! transaction, commits, and only then answers. A command that fails undoes itself alone; a commit
//! that fails is the failure of all.

use std::thread::JoinHandle;

use rusqlite::{Connection, OptionalExtension, params};
use tokio::sync::{mpsc, oneshot};

use super::StoreError;
use crate::model::{Message, Record, SessionId};

/// How many writes may wait. A full queue refuses at once.
const QUEUE_LENGTH: usize = 1024;

/// How many writes share one commit at most, so that the first of them is not kept waiting.
const GROUP_LENGTH: usize = 256;

type Reply<T> = oneshot::Sender<Result<T, StoreError>>;

/// One write and where its answer goes.
pub(super) enum Command {
    /// Insert an empty session.
    CreateSession {
        session: SessionId,
        created_at: i64,
        reply: Reply<()>,
    },
    /// Append to a session.
    AppendMessage {
        session: SessionId,
        text: String,
        created_at: i64,
        reply: Reply<Message>,
    },
    /// Keep a record.
    SaveRecord {
        record: Record,
        reply: Reply<Record>,
    },
    /// Prove that writing works.
    Probe { at: i64, reply: Reply<()> },
}

/// The queue's entrance and the thread behind it.
pub(super) struct Writer {
    queue: Option<mpsc::Sender<Command>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// Starts the thread; `connection` is its own from here on.
    pub(super) fn start(connection: Connection) -> std::io::Result<Self> {
        let (queue, commands) = mpsc::channel(QUEUE_LENGTH);
        let thread = std::thread::Builder::new()
            .name("state-writer".to_owned())
            .spawn(move || write_until_closed(connection, commands))?;
        Ok(Self {
            queue: Some(queue),
            thread: Some(thread),
        })
    }

    /// Queues a command and waits until it is durable.
    pub(super) async fn submit<T>(
        &self,
        command: impl FnOnce(Reply<T>) -> Command,
    ) -> Result<T, StoreError> {
        let (reply, answer) = oneshot::channel();
        let queue = self.queue.as_ref().ok_or(StoreError::Closed)?;
        queue
            .try_send(command(reply))
            .map_err(|error| match error {
                mpsc::error::TrySendError::Full(_) => StoreError::Overloaded,
                mpsc::error::TrySendError::Closed(_) => StoreError::Closed,
            })?;
        answer.await.map_err(|_| StoreError::Closed)?
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the state writer had panicked");
        }
    }
}

fn write_until_closed(connection: Connection, mut commands: mpsc::Receiver<Command>) {
    let mut group = Vec::with_capacity(GROUP_LENGTH);
    while commands.blocking_recv_many(&mut group, GROUP_LENGTH) > 0 {
        write_group(&connection, group.drain(..));
    }
    if let Err(error) = connection.pragma_update(None, "wal_checkpoint", "TRUNCATE") {
        tracing::warn!(%error, "the state's log stays beside the database until the next start");
    }
    if let Err((_, error)) = connection.close() {
        tracing::warn!(%error, "the state did not close cleanly");
    }
}

/// A command that ran but is not durable yet: called with what went wrong with the commit, if
/// anything did, it answers.
type Pending = Box<dyn FnOnce(Option<&str>)>;

fn write_group(connection: &Connection, commands: impl Iterator<Item = Command>) {
    let mut failure = connection
        .execute_batch("BEGIN IMMEDIATE")
        .err()
        .map(|error| error.to_string());
    let mut pending: Vec<Pending> = Vec::with_capacity(GROUP_LENGTH);
    for command in commands {
        pending.push(run(connection, command, failure.as_deref()));
        // A full disk or a failed read makes the engine undo the whole transaction by itself; what
        // follows must not run outside one.
        if failure.is_none() && connection.is_autocommit() {
            failure = Some("the engine undid the transaction".to_owned());
        }
    }
    if failure.is_none() {
        failure = connection
            .execute_batch("COMMIT")
            .err()
            .map(|error| error.to_string());
    }
    if let Some(reason) = &failure {
        tracing::error!(
            reason,
            writes = pending.len(),
            "the state store could not commit"
        );
        if !connection.is_autocommit()
            && let Err(error) = connection.execute_batch("ROLLBACK")
        {
            tracing::error!(%error, "the state store could not roll back");
        }
    }
    for answer in pending {
        answer(failure.as_deref());
    }
}

fn run(connection: &Connection, command: Command, failure: Option<&str>) -> Pending {
    match command {
        Command::CreateSession {
            session,
            created_at,
            reply,
        } => hold(
            reply,
            "create a session",
            in_savepoint(connection, failure, || {
                create_session(connection, session, created_at)
            }),
        ),
        Command::AppendMessage {
            session,
            text,
            created_at,
            reply,
        } => hold(
            reply,
            "append a message",
            in_savepoint(connection, failure, || {
                append_message(connection, session, text, created_at)
            }),
        ),
        Command::SaveRecord { record, reply } => hold(
            reply,
            "save a record",
            in_savepoint(connection, failure, || save_record(connection, record)),
        ),
        Command::Probe { at, reply } => hold(
            reply,
            "write a probe",
            in_savepoint(connection, failure, || write_probe(connection, at)),
        ),
    }
}

/// Why a command inside a group has no effect.
enum Refusal {
    NoSession(SessionId),
    Engine(String),
}

impl From<rusqlite::Error> for Refusal {
    fn from(error: rusqlite::Error) -> Self {
        Self::Engine(error.to_string())
    }
}

fn in_savepoint<T>(
    connection: &Connection,
    failure: Option<&str>,
    work: impl FnOnce() -> Result<T, Refusal>,
) -> Result<T, Refusal> {
    if let Some(reason) = failure {
        return Err(Refusal::Engine(reason.to_owned()));
    }
    connection
        .prepare_cached("SAVEPOINT command")?
        .execute([])?;
    let result = work();
    if result.is_err() {
        connection
            .prepare_cached("ROLLBACK TO command")?
            .execute([])?;
    }
    connection.prepare_cached("RELEASE command")?.execute([])?;
    result
}

fn hold<T: 'static>(reply: Reply<T>, action: &'static str, result: Result<T, Refusal>) -> Pending {
    Box::new(move |failure| {
        let result = match (result, failure) {
            (Err(Refusal::NoSession(session)), _) => Err(StoreError::SessionNotFound(session)),
            (Err(Refusal::Engine(reason)), _) => Err(StoreError::Engine { action, reason }),
            (Ok(_), Some(reason)) => Err(StoreError::Engine {
                action,
                reason: reason.to_owned(),
            }),
            (Ok(value), None) => Ok(value),
        };
        // Nobody listens any more when the client has left; the write stands.
        let _ = reply.send(result);
    })
}

fn create_session(
    connection: &Connection,
    session: SessionId,
    created_at: i64,
) -> Result<(), Refusal> {
    connection
        .prepare_cached("INSERT INTO sessions (id, created_at) VALUES (?1, ?2)")?
        .execute(params![session.to_string(), created_at])?;
    Ok(())
}

fn append_message(
    connection: &Connection,
    session: SessionId,
    text: String,
    created_at: i64,
) -> Result<Message, Refusal> {
    let sequence: Option<i64> = connection
        .prepare_cached(
            "INSERT INTO messages (session, sequence, text, created_at)
             SELECT number,
                    1 + coalesce((SELECT max(sequence) FROM messages WHERE session = number), 0),
                    ?2, ?3
             FROM sessions WHERE id = ?1
             RETURNING sequence",
        )?
        .query_row(params![session.to_string(), text, created_at], |row| {
            row.get(0)
        })
        .optional()?;
    let sequence = sequence.ok_or(Refusal::NoSession(session))?;
    Ok(Message {
        sequence: u64::try_from(sequence).map_err(|error| Refusal::Engine(error.to_string()))?,
        text,
        created_at,
    })
}

fn save_record(connection: &Connection, record: Record) -> Result<Record, Refusal> {
    let inserted = connection
        .prepare_cached(
            "INSERT INTO records (session, summary, details, created_at)
             SELECT number, ?2, ?3, ?4 FROM sessions WHERE id = ?1",
        )?
        .execute(params![
            record.session.to_string(),
            record.summary,
            record.details,
            record.created_at
        ])?;
    if inserted == 0 {
        return Err(Refusal::NoSession(record.session));
    }
    Ok(record)
}

fn write_probe(connection: &Connection, at: i64) -> Result<(), Refusal> {
    connection
        .prepare_cached("INSERT INTO probe (one, at) VALUES (1, ?1) ON CONFLICT (one) DO UPDATE SET at = excluded.at")?
        .execute([at])?;
    Ok(())
}
