//! The one thread that writes, and how it turns many small writes into few syncs.
//!
//! It takes what waits in the queue, runs all of it inside one transaction, commits, and only then
//! answers. Where many write at once it lets a group gather for a moment, since a sync costs more than
//! all the writes it makes durable. A command that fails when it has written something already makes
//! the group run again, each command in a savepoint of its own, so that it undoes itself alone; a
//! commit that fails is the failure of all.

use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use super::StoreError;
use crate::model::SessionId;
use crate::runtime::stages;

/// How many writes may wait. A full queue refuses at once.
const QUEUE_LENGTH: usize = 1024;

/// How many writes share one commit at most, so that the first of them is not kept waiting.
const GROUP_LENGTH: usize = 256;

/// So many writes share one commit well enough; more are not waited for.
const GOOD_LENGTH: usize = 32;

/// For how long a group gathers before somebody looks whether it still grows.
const STEP: Duration = Duration::from_millis(1);

/// How many such steps a group may gather at most.
const MOST_STEPS: u32 = 3;

/// Where waiting brought nothing, so many groups pass before it is tried again.
const GROUPS_BETWEEN_TRIALS: u32 = 16;

/// Groups that may wait for their callers to be told.
const GROUPS_ON_THEIR_WAY: usize = 16;

/// Statements kept ready: all there are.
const STATEMENTS: usize = 64;

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

/// One write in the queue.
trait Command: Send {
    /// Does the work, perhaps again after it was undone; whether it succeeded.
    fn run(&mut self, connection: &Connection) -> bool;

    /// Tells the caller what became of it. `failure` is what went wrong with the whole group.
    fn answer(self: Box<Self>, failure: Option<&str>);
}

struct Submitted<T, W> {
    action: &'static str,
    work: W,
    result: Option<Result<T, Refusal>>,
    reply: oneshot::Sender<Result<T, StoreError>>,
}

impl<T, W> Command for Submitted<T, W>
where
    T: Send,
    W: FnMut(&Connection) -> Result<T, Refusal> + Send,
{
    fn run(&mut self, connection: &Connection) -> bool {
        self.result.insert((self.work)(connection)).is_ok()
    }

    fn answer(self: Box<Self>, failure: Option<&str>) {
        // Nobody listens any more when the client has left; the write stands.
        let _ = self.reply.send(settle(self.action, self.result, failure));
    }
}

/// A group whose fate is known; dropping it tells the callers.
struct Answers {
    commands: Vec<Box<dyn Command>>,
    failure: Option<String>,
}

impl Drop for Answers {
    fn drop(&mut self) {
        for command in self.commands.drain(..) {
            command.answer(self.failure.as_deref());
        }
    }
}

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
    pub(super) fn start(connection: Connection) -> std::io::Result<Self> {
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        let (queue, commands) = mpsc::channel(QUEUE_LENGTH);
        let messenger = Messenger::start();
        let thread = std::thread::Builder::new()
            .name("state-writer".to_owned())
            .spawn(move || write_until_closed(connection, commands, &messenger))?;
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
        let (reply, answer) = oneshot::channel();
        let command = Box::new(Submitted {
            action,
            work,
            result: None,
            reply,
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

fn write_until_closed(
    connection: Connection,
    mut commands: mpsc::Receiver<Box<dyn Command>>,
    messenger: &Messenger,
) {
    let mut group = Vec::new();
    let mut patience = Patience::default();
    while commands.blocking_recv_many(&mut group, GROUP_LENGTH) > 0 {
        patience.gather(&mut group, &mut commands);
        let answers = write_group(&connection, std::mem::take(&mut group));
        messenger.take(answers);
    }
    if let Err(error) = connection.pragma_update(None, "wal_checkpoint", "TRUNCATE") {
        tracing::warn!(%error, "the state's log stays beside the database until the next start");
    }
    if let Err((_, error)) = connection.close() {
        tracing::warn!(%error, "the state did not close cleanly");
    }
}

/// How long groups are let gather: longer while that makes them grow, not at all where it does not,
/// and never while one write comes at a time.
#[derive(Debug, Default)]
struct Patience {
    steps: u32,
    until_trial: u32,
    length_before: usize,
}

impl Patience {
    fn gather<T>(&mut self, group: &mut Vec<T>, queue: &mut mpsc::Receiver<T>) {
        for step in 0..self.steps_for(group.len()) {
            if group.len() >= GOOD_LENGTH {
                break;
            }
            std::thread::sleep(STEP);
            let before = group.len();
            while group.len() < GROUP_LENGTH
                && let Ok(command) = queue.try_recv()
            {
                group.push(command);
            }
            self.learn(step, group.len() > before);
            if group.len() == before {
                break;
            }
        }
        self.length_before = group.len();
    }

    fn steps_for(&mut self, length: usize) -> u32 {
        if length.max(self.length_before) < 2 {
            return 0;
        }
        if self.steps == 0 {
            self.until_trial = self.until_trial.saturating_sub(1);
            return u32::from(self.until_trial == 0);
        }
        self.steps
    }

    /// Takes note of whether a group grew in a step of its wait.
    fn learn(&mut self, step: u32, grew: bool) {
        if !grew {
            self.steps = step;
            self.until_trial = GROUPS_BETWEEN_TRIALS;
        } else if step + 1 >= self.steps {
            self.steps = (step + 2).min(MOST_STEPS);
        }
    }
}

fn write_group(connection: &Connection, mut commands: Vec<Box<dyn Command>>) -> Answers {
    let failure = match attempt(connection, &mut commands, run_all) {
        Err(Failure::HalfDone) => attempt(connection, &mut commands, run_each_alone),
        outcome => outcome,
    };
    let failure = failure.err().map(|failure| match failure {
        Failure::Engine(reason) => reason,
        Failure::HalfDone => "a command could not be undone".to_owned(),
    });
    if let Some(reason) = &failure {
        let writes = commands.len();
        tracing::error!(reason, writes, "the state store could not commit");
    }
    Answers { commands, failure }
}

/// Why a group has no effect.
enum Failure {
    /// A command failed when it had written something.
    HalfDone,
    /// The engine's own words.
    Engine(String),
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::Engine(error.to_string())
    }
}

type Run = fn(&Connection, &mut [Box<dyn Command>]) -> Result<(), Failure>;

fn attempt(
    connection: &Connection,
    group: &mut [Box<dyn Command>],
    run: Run,
) -> Result<(), Failure> {
    let done = execute(connection, "BEGIN IMMEDIATE")
        .and_then(|()| run(connection, group))
        .and_then(|()| execute(connection, "COMMIT"));
    if done.is_err()
        && !connection.is_autocommit()
        && let Err(error) = connection.execute_batch("ROLLBACK")
    {
        tracing::error!(%error, "the state store could not roll back");
    }
    done
}

/// Runs a group without a way to undo one command alone, which would cost as much as the writes.
fn run_all(connection: &Connection, group: &mut [Box<dyn Command>]) -> Result<(), Failure> {
    for command in group {
        let before = connection.total_changes();
        let done = command.run(connection);
        still_inside(connection)?;
        if !done && connection.total_changes() != before {
            return Err(Failure::HalfDone);
        }
    }
    Ok(())
}

fn run_each_alone(connection: &Connection, group: &mut [Box<dyn Command>]) -> Result<(), Failure> {
    for command in group {
        execute(connection, "SAVEPOINT command")?;
        let done = command.run(connection);
        still_inside(connection)?;
        if !done {
            execute(connection, "ROLLBACK TO command")?;
        }
        execute(connection, "RELEASE command")?;
    }
    Ok(())
}

/// A full disk or a failed read makes the engine undo the whole transaction by itself; what follows
/// must not run outside one.
fn still_inside(connection: &Connection) -> Result<(), Failure> {
    if connection.is_autocommit() {
        let reason = "the engine undid the transaction".to_owned();
        return Err(Failure::Engine(reason));
    }
    Ok(())
}

fn execute(connection: &Connection, statement: &str) -> Result<(), Failure> {
    connection.prepare_cached(statement)?.execute([])?;
    Ok(())
}

fn settle<T>(
    action: &'static str,
    result: Option<Result<T, Refusal>>,
    failure: Option<&str>,
) -> Result<T, StoreError> {
    let engine = |reason: String| StoreError::Engine { action, reason };
    match (result, failure) {
        (Some(Err(Refusal::NoSession(session))), _) => Err(StoreError::SessionNotFound(session)),
        (Some(Err(Refusal::Full(session))), _) => Err(StoreError::SessionFull(session)),
        (Some(Err(Refusal::KeyReused)), _) => Err(StoreError::KeyReused),
        (Some(Err(Refusal::Engine(reason))), _) => Err(engine(reason)),
        (_, Some(reason)) => Err(engine(reason.to_owned())),
        (Some(Ok(value)), None) => Ok(value),
        (None, None) => Err(engine("the command never ran".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::task::JoinSet;

    use super::*;

    fn writer() -> Writer {
        let connection = Connection::open_in_memory().unwrap();
        connection
            .execute_batch("CREATE TABLE rows (value INTEGER UNIQUE)")
            .unwrap();
        Writer::start(connection).unwrap()
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

    #[test]
    fn who_comes_alone_is_not_kept_waiting() {
        let (_sender, mut queue) = mpsc::channel::<i64>(4);
        let mut patience = Patience::default();
        for _ in 0..100 {
            assert_eq!(patience.steps_for(1), 0);
            patience.gather(&mut vec![1], &mut queue);
        }
    }

    #[test]
    fn a_group_gathers_while_it_grows_and_stops_where_it_does_not() {
        let mut patience = Patience::default();
        assert_eq!(patience.steps_for(2), 1, "a trial");
        patience.learn(0, true);
        assert_eq!(patience.steps_for(2), 2);
        patience.learn(0, true);
        patience.learn(1, true);
        assert_eq!(patience.steps_for(2), MOST_STEPS);
        patience.learn(0, false);
        for _ in 1..GROUPS_BETWEEN_TRIALS {
            assert_eq!(patience.steps_for(2), 0);
        }
        assert_eq!(patience.steps_for(2), 1, "another trial");
    }

    #[test]
    fn what_comes_in_time_joins_the_group() {
        let (sender, mut queue) = mpsc::channel(4);
        let mut patience = Patience::default();
        let mut group = vec![1, 2];
        sender.try_send(3).unwrap();
        patience.gather(&mut group, &mut queue);
        assert_eq!(group, [1, 2, 3]);
    }
}
