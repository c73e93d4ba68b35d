//! The one thread that writes, and how it turns many small writes into few syncs.
//!
//! It takes what waits in the queue, runs each command in a savepoint of its own inside one
//! transaction, commits, and only then answers. A command that fails undoes itself alone; a commit
//! that fails is the failure of all.

use std::thread::JoinHandle;

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use super::StoreError;
use crate::model::SessionId;
use crate::runtime::stages;

/// How many writes may wait. A full queue refuses at once.
const QUEUE_LENGTH: usize = 1024;

/// How many writes share one commit at most, so that the first of them is not kept waiting.
const GROUP_LENGTH: usize = 256;

/// One write: told why nothing can be written, if so, it refuses, else it runs; either way it
/// leaves behind what answers its caller.
type Command = Box<dyn FnOnce(&Connection, Option<&str>) -> Pending + Send>;

/// A command that ran but is not durable yet: called with what went wrong with the commit, if
/// anything did, it answers.
type Pending = Box<dyn FnOnce(Option<&str>)>;

/// Why a command inside a group has no effect.
pub(super) enum Refusal {
    /// The session is not there, or not the caller's.
    NoSession(SessionId),
    /// The session has no room.
    Full(SessionId),
    /// The name of a repeatable write stands for another one.
    KeyReused,
    /// The engine's own words.
    Engine(String),
}

impl From<rusqlite::Error> for Refusal {
    fn from(error: rusqlite::Error) -> Self {
        Self::Engine(error.to_string())
    }
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

    /// Queues a write and waits until it is durable. `action` names it in errors, as a verb phrase.
    pub(super) async fn submit<T: Send + 'static>(
        &self,
        action: &'static str,
        work: impl FnOnce(&Connection) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (reply, answer) = oneshot::channel();
        let command: Command = Box::new(move |connection, failure| {
            let result = in_savepoint(connection, failure, work);
            Box::new(move |failure| {
                // Nobody listens any more when the client has left; the write stands.
                let _ = reply.send(settle(action, result, failure));
            })
        });
        let queue = self.queue.as_ref().ok_or(StoreError::Closed)?;
        queue.try_send(command).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => StoreError::Overloaded,
            mpsc::error::TrySendError::Closed(_) => StoreError::Closed,
        })?;
        stages::timed("store", answer)
            .await
            .map_err(|_| StoreError::Closed)?
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

fn write_group(connection: &Connection, commands: impl Iterator<Item = Command>) {
    let mut failure = connection
        .execute_batch("BEGIN IMMEDIATE")
        .err()
        .map(|error| error.to_string());
    let mut pending: Vec<Pending> = Vec::with_capacity(GROUP_LENGTH);
    for command in commands {
        pending.push(command(connection, failure.as_deref()));
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

fn in_savepoint<T>(
    connection: &Connection,
    failure: Option<&str>,
    work: impl FnOnce(&Connection) -> Result<T, Refusal>,
) -> Result<T, Refusal> {
    if let Some(reason) = failure {
        return Err(Refusal::Engine(reason.to_owned()));
    }
    connection
        .prepare_cached("SAVEPOINT command")?
        .execute([])?;
    let result = work(connection);
    if result.is_err() {
        connection
            .prepare_cached("ROLLBACK TO command")?
            .execute([])?;
    }
    connection.prepare_cached("RELEASE command")?.execute([])?;
    result
}

fn settle<T>(
    action: &'static str,
    result: Result<T, Refusal>,
    failure: Option<&str>,
) -> Result<T, StoreError> {
    match (result, failure) {
        (Err(Refusal::NoSession(session)), _) => Err(StoreError::SessionNotFound(session)),
        (Err(Refusal::Full(session)), _) => Err(StoreError::SessionFull(session)),
        (Err(Refusal::KeyReused), _) => Err(StoreError::KeyReused),
        (Err(Refusal::Engine(reason)), _) => Err(StoreError::Engine { action, reason }),
        (Ok(_), Some(reason)) => Err(StoreError::Engine {
            action,
            reason: reason.to_owned(),
        }),
        (Ok(value), None) => Ok(value),
    }
}
