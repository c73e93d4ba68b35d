//! Writes that share a transaction: what one is, and how a group of them is committed.
//!
//! Where there is no room for a group, its writes go one at a time, those that make room first, and
//! these may use the reserve. While that is spent, no other write is tried.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use tokio::sync::oneshot;

use super::StoreError;
use super::refusal::Refusal;
use super::room::{DISK_IS_FULL, Ground};

/// How often it is tried to take room for a reserve that was spent.
const REFILL_INTERVAL: Duration = Duration::from_secs(1);

/// What became of a command inside its group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ran {
    Done,
    Refused,
    OutOfRoom,
}

/// One write in the queue.
pub(super) trait Command: Send {
    /// Does the work, perhaps again after it was undone.
    fn run(&mut self, connection: &Connection) -> Ran;

    /// Whether it is worth the reserve.
    fn makes_room(&self) -> bool;

    /// Tells the caller what became of it. `fault` is what kept it from being committed.
    fn answer(self: Box<Self>, fault: Option<&Fault>);
}

/// A write and whoever waits for it.
pub(super) struct Submitted<T, W> {
    action: &'static str,
    makes_room: bool,
    work: W,
    result: Option<Result<T, Refusal>>,
    reply: oneshot::Sender<Result<T, StoreError>>,
}

impl<T, W> Submitted<T, W> {
    /// `action` names it in errors, as a verb phrase.
    pub(super) fn new(
        action: &'static str,
        makes_room: bool,
        work: W,
        reply: oneshot::Sender<Result<T, StoreError>>,
    ) -> Self {
        Self {
            action,
            makes_room,
            work,
            result: None,
            reply,
        }
    }
}

impl<T, W> Command for Submitted<T, W>
where
    T: Send,
    W: FnMut(&Connection) -> Result<T, Refusal> + Send,
{
    fn run(&mut self, connection: &Connection) -> Ran {
        match self.result.insert((self.work)(connection)) {
            Ok(_) => Ran::Done,
            Err(Refusal::OutOfRoom) => Ran::OutOfRoom,
            Err(_) => Ran::Refused,
        }
    }

    fn makes_room(&self) -> bool {
        self.makes_room
    }

    fn answer(self: Box<Self>, fault: Option<&Fault>) {
        // Nobody listens any more when the client has left; the write stands.
        let _ = self.reply.send(settle(self.action, self.result, fault));
    }
}

/// Why a command was not committed.
#[derive(Debug, Clone)]
pub(super) enum Fault {
    /// There is no room.
    NoRoom(&'static str),
    /// The database is not where it was.
    Lost { path: PathBuf, fate: &'static str },
    /// The engine's own words.
    Engine(String),
}

/// Commands whose fate is known; dropping them tells the callers.
#[derive(Default)]
pub(super) struct Answers(Vec<(Box<dyn Command>, Option<Fault>)>);

impl Drop for Answers {
    fn drop(&mut self) {
        for (command, fault) in self.0.drain(..) {
            command.answer(fault.as_ref());
        }
    }
}

/// Why an attempt has no effect.
enum Failure {
    /// A command failed when it had written something.
    HalfDone,
    /// There is no room.
    OutOfRoom,
    /// It is not to be tried again.
    Final(Fault),
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        if let Refusal::Engine(words) = Refusal::from(error) {
            Self::Final(Fault::Engine(words))
        } else {
            Self::OutOfRoom
        }
    }
}

type Run = fn(&Connection, &mut [Box<dyn Command>]) -> Result<(), Failure>;

/// Commits groups.
pub(super) struct Committer {
    connection: Connection,
    ground: Ground,
    /// Since the reserve was spent: when it was last tried to take room for it again.
    spent: Option<Instant>,
}

impl Committer {
    pub(super) fn new(connection: Connection, ground: Ground) -> Self {
        Self {
            connection,
            ground,
            spent: None,
        }
    }

    pub(super) fn into_connection(self) -> Connection {
        self.connection
    }

    /// Writes a group as one transaction if it can.
    pub(super) fn write(&mut self, group: Vec<Box<dyn Command>>) -> Answers {
        let mut answers = Answers::default();
        let mut group = self.refuse_while_spent(group, &mut answers);
        let outcome = if group.is_empty() {
            Ok(())
        } else {
            self.attempt(&mut group)
        };
        let fault = match outcome {
            Ok(()) => None,
            Err(Failure::OutOfRoom) => {
                self.write_one_by_one(group, &mut answers);
                return answers;
            }
            Err(Failure::Final(fault)) => Some(fault),
            Err(Failure::HalfDone) => {
                Some(Fault::Engine("a command could not be undone".to_owned()))
            }
        };
        if let Some(fault) = &fault {
            let writes = group.len();
            tracing::error!(?fault, writes, "the state store could not commit");
        }
        let group = group.into_iter().map(|command| (command, fault.clone()));
        answers.0.extend(group);
        answers
    }

    /// What may be tried; the rest is answered.
    fn refuse_while_spent(
        &mut self,
        group: Vec<Box<dyn Command>>,
        answers: &mut Answers,
    ) -> Vec<Box<dyn Command>> {
        let Some(last) = self.spent else {
            return group;
        };
        if last.elapsed() >= REFILL_INTERVAL {
            self.refill();
        }
        if self.spent.is_none() {
            return group;
        }
        let (tried, refused): (Vec<_>, Vec<_>) =
            group.into_iter().partition(|command| command.makes_room());
        let fault = Some(Fault::NoRoom(DISK_IS_FULL));
        let refused = refused.into_iter().map(|command| (command, fault.clone()));
        answers.0.extend(refused);
        tried
    }

    fn write_one_by_one(&mut self, group: Vec<Box<dyn Command>>, answers: &mut Answers) {
        let (first, second): (Vec<_>, Vec<_>) =
            group.into_iter().partition(|command| command.makes_room());
        for mut command in first.into_iter().chain(second) {
            let mut outcome = self.attempt(std::slice::from_mut(&mut command));
            if matches!(outcome, Err(Failure::OutOfRoom))
                && command.makes_room()
                && self.spent.is_none()
            {
                tracing::warn!("the disk that holds the state is full; deleting uses the reserve");
                self.ground.spend_reserve();
                self.spent = Some(Instant::now());
                outcome = self.attempt(std::slice::from_mut(&mut command));
            }
            let fault = outcome.err().map(|failure| match failure {
                Failure::OutOfRoom => Fault::NoRoom(self.ground.what_is_full(&self.connection)),
                Failure::Final(fault) => fault,
                Failure::HalfDone => Fault::Engine("a command could not be undone".to_owned()),
            });
            answers.0.push((command, fault));
        }
        if self.spent.is_some() {
            // What is in the database need not be in the log, which is written anew then.
            if let Err(error) = self
                .connection
                .pragma_update(None, "wal_checkpoint", "PASSIVE")
            {
                tracing::warn!(%error, "the state's log could not be emptied");
            }
            self.refill();
        }
    }

    fn refill(&mut self) {
        self.spent = if self.ground.fill_reserve() {
            tracing::info!("the state has its reserve again");
            None
        } else {
            Some(Instant::now())
        };
    }

    fn attempt(&self, group: &mut [Box<dyn Command>]) -> Result<(), Failure> {
        match self.attempt_with(group, run_all) {
            Err(Failure::HalfDone) => self.attempt_with(group, run_each_alone),
            outcome => outcome,
        }
    }

    fn attempt_with(&self, group: &mut [Box<dyn Command>], run: Run) -> Result<(), Failure> {
        let connection = &self.connection;
        let done = execute(connection, "BEGIN IMMEDIATE")
            .and_then(|()| run(connection, group))
            .and_then(|()| self.check_files())
            .and_then(|()| execute(connection, "COMMIT"));
        if done.is_err()
            && !connection.is_autocommit()
            && let Err(error) = connection.execute_batch("ROLLBACK")
        {
            tracing::error!(%error, "the state store could not roll back");
        }
        done
    }

    fn check_files(&self) -> Result<(), Failure> {
        self.ground
            .check_files()
            .map_err(|(path, fate)| Failure::Final(Fault::Lost { path, fate }))
    }
}

/// Runs a group without a way to undo one command alone, which would cost as much as the writes.
fn run_all(connection: &Connection, group: &mut [Box<dyn Command>]) -> Result<(), Failure> {
    for command in group {
        let before = connection.total_changes();
        let ran = command.run(connection);
        still_inside(connection, ran)?;
        if ran != Ran::Done && connection.total_changes() != before {
            return Err(Failure::HalfDone);
        }
    }
    Ok(())
}

fn run_each_alone(connection: &Connection, group: &mut [Box<dyn Command>]) -> Result<(), Failure> {
    for command in group {
        execute(connection, "SAVEPOINT command")?;
        let ran = command.run(connection);
        still_inside(connection, ran)?;
        if ran != Ran::Done {
            execute(connection, "ROLLBACK TO command")?;
        }
        execute(connection, "RELEASE command")?;
    }
    Ok(())
}

/// Whether the transaction goes on. A full disk or a failed read makes the engine undo the whole of it
/// by itself; what follows must not run outside one.
fn still_inside(connection: &Connection, ran: Ran) -> Result<(), Failure> {
    if ran == Ran::OutOfRoom {
        return Err(Failure::OutOfRoom);
    }
    if connection.is_autocommit() {
        let words = "the engine undid the transaction".to_owned();
        return Err(Failure::Final(Fault::Engine(words)));
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
    fault: Option<&Fault>,
) -> Result<T, StoreError> {
    let engine = |reason: String| StoreError::Engine { action, reason };
    match (result, fault) {
        (_, Some(Fault::NoRoom(reason))) => Err(StoreError::NoRoom { reason }),
        (Some(Err(Refusal::NoSession(session))), _) => Err(StoreError::SessionNotFound(session)),
        (Some(Err(Refusal::Full(session))), _) => Err(StoreError::SessionFull(session)),
        (Some(Err(Refusal::KeyReused)), _) => Err(StoreError::KeyReused),
        (Some(Err(Refusal::NoRoom(reason))), _) => Err(StoreError::NoRoom { reason }),
        (Some(Err(Refusal::OutOfRoom)), _) => Err(StoreError::NoRoom {
            reason: DISK_IS_FULL,
        }),
        (Some(Err(Refusal::Engine(reason))), _) => Err(engine(reason)),
        (_, Some(Fault::Lost { path, fate })) => Err(StoreError::Lost {
            path: path.clone(),
            fate,
        }),
        (_, Some(Fault::Engine(reason))) => Err(engine(reason.clone())),
        (Some(Ok(value)), None) => Ok(value),
        (None, None) => Err(engine("the command never ran".to_owned())),
    }
}
