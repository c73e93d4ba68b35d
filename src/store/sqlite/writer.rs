//! The one thread that writes, and how it turns many small writes into few syncs.
//!
//! It takes what waits in the queue, runs all of it inside one transaction, commits, and only then
//! answers. Where many write at once it lets a group gather for a moment, since a sync costs more than
//! all the writes it makes durable. A command that fails when it has written something already makes
//! the group run again, each command in a savepoint of its own, so that it undoes itself alone; a
//! commit that fails is the failure of all.

use std::thread::JoinHandle;

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use super::StoreError;
use super::group::{Answers, Command, Committer, Submitted};
use super::group_window::{GROUP_LENGTH, GroupWindow};
use super::refusal::Refusal;
use super::room::Ground;
use crate::runtime::stages;

/// How many writes may wait. A full queue refuses at once.
const QUEUE_LENGTH: usize = 1024;

/// Groups that may wait for their callers to be told.
const GROUPS_ON_THEIR_WAY: usize = 16;

/// Statements kept ready: all there are.
const STATEMENTS: usize = 64;

/// Takes groups to a task that answers them, since to wake a caller from outside the runtime costs
/// much more than from inside. Without a runtime, or where that task is behind, whoever has a group
/// answers it.
struct Messenger(Option<mpsc::Sender<Answers>>);

impl Messenger {
    fn start() -> Self {
        let runtime = tokio::runtime::Handle::try_current();
        Self(runtime.ok().map(|runtime| {
            let (messenger, mut groups) = mpsc::channel::<Answers>(GROUPS_ON_THEIR_WAY);
            runtime.spawn(async move {
                while let Some(answers) = groups.recv().await {
                    drop(answers);
                }
            });
            messenger
        }))
    }

    fn take(&self, answers: Answers) {
        if let Some(messenger) = &self.0 {
            // What cannot be sent comes back with the error, and goes with it.
            let _ = messenger.try_send(answers);
        }
    }
}

/// The queue's entrance and the thread behind it.
pub(super) struct Writer {
    queue: Option<mpsc::Sender<Box<dyn Command>>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// Starts the thread; `connection` is its own from here on.
    pub(super) fn start(connection: Connection, ground: Ground) -> std::io::Result<Self> {
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        let (queue, commands) = mpsc::channel(QUEUE_LENGTH);
        let messenger = Messenger::start();
        let thread = std::thread::Builder::new()
            .name("state-writer".to_owned())
            .spawn(move || {
                let committer = Committer::new(connection, ground);
                write_until_closed(committer, commands, &messenger);
            })?;
        Ok(Self {
            queue: Some(queue),
            thread: Some(thread),
        })
    }

    /// Queues a write and waits until it is durable. `action` names it in errors, as a verb phrase.
    /// `work` may run more than once; what it did before is undone by then.
    pub(super) async fn submit<T: Send + 'static>(
        &self,
        action: &'static str,
        work: impl FnMut(&Connection) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.queue(action, false, work).await
    }

    /// As [`Self::submit`], for a write that makes room and may use the reserve.
    pub(super) async fn submit_release<T: Send + 'static>(
        &self,
        action: &'static str,
        work: impl FnMut(&Connection) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.queue(action, true, work).await
    }

    async fn queue<T: Send + 'static>(
        &self,
        action: &'static str,
        makes_room: bool,
        work: impl FnMut(&Connection) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (reply, answer) = oneshot::channel();
        let command = Box::new(Submitted::new(action, makes_room, work, reply));
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

fn write_until_closed(
    mut committer: Committer,
    mut commands: mpsc::Receiver<Box<dyn Command>>,
    messenger: &Messenger,
) {
    let mut group = Vec::new();
    let mut window = GroupWindow::default();
    while commands.blocking_recv_many(&mut group, GROUP_LENGTH) > 0 {
        window.gather(&mut group, &mut commands);
        messenger.take(committer.write(std::mem::take(&mut group)));
    }
    let connection = committer.into_connection();
    if let Err(error) = connection.pragma_update(None, "wal_checkpoint", "TRUNCATE") {
        tracing::warn!(%error, "the state's log stays beside the database until the next start");
    }
    if let Err((_, error)) = connection.close() {
        tracing::warn!(%error, "the state did not close cleanly");
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use tokio::task::JoinSet;

    use super::*;

    fn writer() -> Writer {
        let connection = Connection::open_in_memory().unwrap();
        connection
            .execute_batch("CREATE TABLE rows (value INTEGER UNIQUE)")
            .unwrap();
        Writer::start(connection, Ground::none()).unwrap()
    }

    fn insert(connection: &Connection, value: i64) -> Result<(), Refusal> {
        connection
            .prepare_cached("INSERT INTO rows VALUES (?1)")?
            .execute([value])?;
        Ok(())
    }

    async fn rows(writer: &Writer) -> i64 {
        writer
            .submit("count", |connection| {
                Ok(connection.query_row("SELECT count(*) FROM rows", [], |row| row.get(0))?)
            })
            .await
            .unwrap()
    }

    #[tokio::test]
    async fn a_command_that_fails_half_way_undoes_itself_alone() {
        let writer = Arc::new(writer());
        let mut tasks = JoinSet::new();
        for number in 0..100 {
            let writer = Arc::clone(&writer);
            tasks.spawn(async move {
                let written = writer.submit("insert", move |connection| {
                    insert(connection, 1000 + number)?;
                    // Every third fails when it has written something.
                    insert(
                        connection,
                        if number % 3 == 0 {
                            1000 + number
                        } else {
                            number
                        },
                    )
                });
                (number % 3 == 0, written.await)
            });
        }
        for (fails, outcome) in tasks.join_all().await {
            match outcome {
                Ok(()) => assert!(!fails),
                Err(StoreError::Engine { action, reason }) => {
                    assert!(
                        fails && action == "insert" && reason.contains("UNIQUE"),
                        "{reason}"
                    );
                }
                Err(other) => panic!("{other}"),
            }
        }
        assert_eq!(rows(&writer).await, 2 * 66);
    }

    #[tokio::test]
    async fn callers_that_leave_leave_the_others_their_answers() {
        let writer = Arc::new(writer());
        for kept in 0..16 {
            let submit = |value| {
                let writer = Arc::clone(&writer);
                tokio::spawn(async move {
                    let write =
                        writer.submit("insert", move |connection| insert(connection, value));
                    write.await
                })
            };
            let group: Vec<_> = (0..16).map(|place| submit(kept * 16 + place)).collect();
            tokio::task::yield_now().await;
            for (place, task) in (0..).zip(&group) {
                if place != kept {
                    task.abort();
                }
            }
            for (place, task) in (0..).zip(group) {
                let outcome = task.await;
                assert!(place != kept || outcome.unwrap().is_ok());
            }
        }
    }

    #[tokio::test]
    async fn a_caller_that_does_not_look_keeps_nobody_waiting() {
        let writer = writer();
        let mut submitted = Vec::new();
        for value in 0..8 {
            let write = writer.submit("insert", move |connection| insert(connection, value));
            let mut write = Box::pin(write);
            assert!(futures::poll!(&mut write).is_pending());
            submitted.push(write);
        }
        // While one is waited for, the others are not looked at.
        for write in submitted {
            let done = tokio::time::timeout(Duration::from_secs(30), write).await;
            assert!(done.unwrap().is_ok());
        }
    }

    #[test]
    fn a_store_without_a_runtime_answers_too() {
        let writer = writer();
        let write = writer.submit("insert", |connection| insert(connection, 1));
        assert!(futures::executor::block_on(write).is_ok());
    }
}
