//! The embedded default: one `SQLite` database in WAL mode.
//!
//! Writes go through one named thread that commits what waits as a group (`writer`), reads through
//! a few connections of their own (`readers`), and `schema` brings the file to the current version.
//! `room` watches over the files and over what room is left.
//! SQL stays inside this module.

mod answers;
mod group;
mod group_window;
mod keys;
mod questions;
mod readers;
mod refusal;
mod room;
mod schema;
mod writer;
mod writes;

use std::fmt;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use async_trait::async_trait;
use rusqlite::{Connection, OpenFlags};

use self::readers::Readers;
use self::refusal::Refusal;
use self::room::Ground;
use self::writer::Writer;
use self::writes::Done;
use super::shared::SharedStore;
use super::{Expiry, SessionLimits, SessionStore, StoreError};
use crate::model::{
    Message, NewRecord, Once, OwnedSession, Owner, Rating, SessionDetails, SessionId,
    SessionSummary,
};
use crate::runtime::clock::now;

/// Name of the database inside the state directory.
const DATABASE_FILE: &str = "wattwise.sqlite3";

/// How long a connection waits for a lock that another process holds.
const BUSY_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(5);

/// Sessions, messages and records in one `SQLite` file.
///
/// Dropping it commits what is queued, folds the write-ahead log into the database and closes it;
/// the drop waits for that.
pub struct SqliteStore {
    // Dropped first, so that the writer's closing checkpoint finds no reader in its way.
    readers: Arc<Readers>,
    writer: Writer,
    ground: Ground,
    path: PathBuf,
    limits: SessionLimits,
    /// How far the pass of [`SessionStore::expire`] has come, by the sessions' numbers.
    expired_up_to: AtomicI64,
}

impl SqliteStore {
    /// Opens the store in `directory`. A missing directory is created for its owner alone (0700), a
    /// missing database too (0600). Blocks; call it before the runtime is busy.
    pub fn open(directory: &Path, limits: SessionLimits) -> Result<Self, StoreError> {
        Self::open_bounded(directory, limits, u64::MAX)
    }

    /// As [`Self::open`], with a database that grows to `most_bytes` and no further. Its log (at most
    /// 64 MiB, usually 4) and a reserve of 8 MiB come on top.
    pub fn open_bounded(
        directory: &Path,
        limits: SessionLimits,
        most_bytes: u64,
    ) -> Result<Self, StoreError> {
        create_directory(directory)?;
        let path = directory.join(DATABASE_FILE);
        create_database_file(directory, &path)?;
        let connection = open_connection(&path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        schema::bring_up_to_date(&connection, &path)?;
        schema::bound(&connection, most_bytes).map_err(|error| open_error(&path, &error))?;
        let readers = Readers::open(&path)?;
        let ground = Ground::of(directory, &path);
        let writer =
            Writer::start(connection, ground.clone()).map_err(|error| open_error(&path, &error))?;
        Ok(Self {
            readers: Arc::new(readers),
            writer,
            ground,
            path,
            limits,
            expired_up_to: AtomicI64::new(0),
        })
    }
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteStore")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl SessionStore for SqliteStore {
    async fn create_session(
        &self,
        owner: Owner,
        once: Option<Once>,
    ) -> Result<SessionId, StoreError> {
        let (session, at) = (SessionId::new_random(), now());
        self.writer
            .submit("create a session", move |connection| {
                let create = || writes::create_session(connection, owner, session, at);
                match writes::once(connection, owner, once.as_ref(), at, create, |()| {
                    session.to_string()
                })? {
                    Done::Now(()) => Ok(session),
                    // What is no id was the result of another kind of write under this name.
                    Done::Before(text) => SessionId::parse(&text).ok_or(Refusal::KeyReused),
                }
            })
            .await
    }

    async fn append_message(
        &self,
        session: OwnedSession,
        text: String,
        once: Option<Once>,
    ) -> Result<Message, StoreError> {
        let (limits, at) = (self.limits, now());
        self.writer
            .submit("append a message", move |connection| {
                let append =
                    || writes::append_message(connection, session, limits, text.clone(), at);
                let number = |message: &Message| message.sequence.to_string();
                match writes::once(connection, session.owner, once.as_ref(), at, append, number)? {
                    Done::Now(message) => Ok(message),
                    Done::Before(number) => writes::appended(connection, session, &number),
                }
            })
            .await
    }

    async fn messages(&self, session: OwnedSession) -> Result<Vec<Message>, StoreError> {
        self.readers
            .run(move |connection| readers::messages(connection, session))
            .await
    }

    async fn save_record(
        &self,
        session: OwnedSession,
        record: NewRecord,
        once: Option<Once>,
    ) -> Result<(), StoreError> {
        let (limits, at) = (self.limits, now());
        self.writer
            .submit("save a record", move |connection| {
                let once = once.as_ref();
                let save = || {
                    writes::save_record(connection, session, limits, &record, at)?;
                    match (once, &record.reply) {
                        (Some(once), Some(reply)) => {
                            writes::keep_reply(connection, session.owner, once, reply)
                        }
                        _ => Ok(()),
                    }
                };
                writes::once(connection, session.owner, once, at, save, |()| {
                    String::new()
                })
                .map(drop)
            })
            .await
    }

    async fn reply(&self, owner: Owner, once: Once) -> Result<Option<String>, StoreError> {
        self.readers
            .run(move |connection| readers::reply(connection, owner, &once))
            .await
    }

    async fn save_feedback(
        &self,
        session: OwnedSession,
        rating: Rating,
        comment: String,
        once: Option<Once>,
    ) -> Result<(), StoreError> {
        let (limits, at) = (self.limits, now());
        self.writer
            .submit("save feedback", move |connection| {
                let once = once.as_ref();
                let save =
                    || writes::save_feedback(connection, session, limits, (rating, &comment), at);
                writes::once(connection, session.owner, once, at, save, |()| {
                    String::new()
                })
                .map(drop)
            })
            .await
    }

    async fn session(&self, session: OwnedSession) -> Result<SessionDetails, StoreError> {
        self.readers
            .run(move |connection| readers::session(connection, session))
            .await
    }

    async fn sessions(
        &self,
        owner: Owner,
        after: Option<SessionId>,
        at_most: u32,
    ) -> Result<Vec<SessionSummary>, StoreError> {
        self.readers
            .run(move |connection| readers::sessions(connection, owner, after, at_most))
            .await
    }

    async fn rename_session(&self, session: OwnedSession, title: String) -> Result<(), StoreError> {
        self.writer
            .submit("rename a session", move |connection| {
                writes::rename_session(connection, session, &title)
            })
            .await
    }

    async fn delete_session(&self, session: OwnedSession) -> Result<(), StoreError> {
        self.writer
            .submit_release("delete a session", move |connection| {
                writes::delete_session(connection, session)
            })
            .await
    }

    async fn expire(&self, expiry: Expiry) -> Result<bool, StoreError> {
        let after = self.expired_up_to.load(Ordering::Relaxed);
        let old = self
            .readers
            .run(move |connection| readers::old(connection, expiry, after))
            .await?;
        let full = usize::try_from(expiry.at_most).unwrap_or(usize::MAX);
        let (sessions, receipts) = (old.sessions.len() == full, old.receipts.len() == full);
        let reached = old.sessions.last().filter(|_| sessions).copied();
        if !old.sessions.is_empty() || !old.receipts.is_empty() {
            self.writer
                .submit_release("delete what is old", move |connection| {
                    writes::expire(connection, &old, expiry)
                })
                .await?;
        }
        // The next pass begins at the front again.
        self.expired_up_to
            .store(reached.unwrap_or(0), Ordering::Relaxed);
        Ok(sessions || receipts)
    }

    async fn probe(&self) -> Result<(), StoreError> {
        let (at, ground) = (now(), self.ground.clone());
        self.writer
            .submit("write a probe", move |connection| {
                ground.check_room(connection)?;
                writes::probe(connection, at)
            })
            .await?;
        self.readers.run(readers::probe).await
    }
}

/// One server has the folder alone (`lock`).
impl SharedStore for SqliteStore {}

/// Creates a state directory for its owner alone.
pub(super) fn create_directory(directory: &Path) -> Result<(), StoreError> {
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)
        .map_err(|error| open_error(directory, &error))
}

/// Makes the file before `SQLite` does, because `SQLite` would make it readable for others; its log and
/// index files inherit the mode.
fn create_database_file(directory: &Path, path: &Path) -> Result<(), StoreError> {
    let created = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path);
    match created {
        Ok(_) => sync_names(directory).map_err(|error| open_error(directory, &error)),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(open_error(path, &error)),
    }
}

/// The names of a new file and of its directory must survive a power cut as well as the contents.
fn sync_names(directory: &Path) -> std::io::Result<()> {
    fs_err::File::open(directory)?.sync_all()?;
    match fs_err::canonicalize(directory)?.parent() {
        Some(parent) => fs_err::File::open(parent)?.sync_all(),
        None => Ok(()),
    }
}

fn open_connection(path: &Path, access: OpenFlags) -> Result<Connection, StoreError> {
    let connect = || {
        let connection =
            Connection::open_with_flags(path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        connection.pragma_update(None, "foreign_keys", true)?;
        // Constraints on what a damaged or hostile schema can make the engine do.
        connection.pragma_update(None, "trusted_schema", false)?;
        connection.pragma_update(None, "cell_size_check", true)?;
        Ok(connection)
    };
    connect().map_err(|error: rusqlite::Error| open_error(path, &error))
}

fn open_error(path: &Path, reason: &dyn fmt::Display) -> StoreError {
    StoreError::Open {
        path: path.to_owned(),
        reason: reason.to_string(),
    }
}

#[cfg(test)]
mod room_tests;
#[cfg(test)]
mod tests;
