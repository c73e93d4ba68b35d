//! What can go wrong with a store, in words that fit every engine.

use std::path::PathBuf;

use thiserror::Error;

use crate::model::SessionId;
use crate::postgres::DatabaseError;

/// Why a store did not do what was asked.
#[derive(Debug, Error)]
pub enum StoreError {
    /// No session has this id.
    #[error("session {0} not found")]
    SessionNotFound(SessionId),
    /// The session holds as many messages or bytes as one session may.
    #[error("session {0} is full")]
    SessionFull(SessionId),
    /// The name of a repeatable write was used before, for a write that said something else.
    #[error("the idempotency key was used for another request")]
    KeyReused,
    /// The state directory or database could not be opened or created.
    #[error(
        "cannot open the state in {path}: {reason}; --state names a folder that can be written to"
    )]
    Open {
        /// The directory or file.
        path: PathBuf,
        /// What the engine said.
        reason: String,
    },
    /// Another server works on the same state.
    #[error(
        "another server uses the state in {directory} ({holder}); stop it, or give this one a directory of its own with --state"
    )]
    InUse {
        /// The state directory.
        directory: PathBuf,
        /// Who that is, as it wrote itself down.
        holder: String,
    },
    /// There is no room for another write; deletes go on.
    #[error(
        "the session store takes no more: {reason}; delete sessions, make room on the disk or raise --max-state-size"
    )]
    NoRoom {
        /// What is full.
        reason: &'static str,
    },
    /// The database is no longer where it was opened; nothing was acknowledged.
    #[error(
        "{path} {fate} while the server has it open; stop the server, put the database back and start it again"
    )]
    Lost {
        /// The file.
        path: PathBuf,
        /// What became of it.
        fate: &'static str,
    },
    /// The database was written by a newer Wattwise.
    #[error(
        "the state in {path} has schema version {found}, this program knows up to {known}: use a newer wattwise"
    )]
    TooNew {
        /// The database file.
        path: PathBuf,
        /// Version found.
        found: i64,
        /// Newest version this program can use.
        known: i64,
    },
    /// The database has no tables of the state, or old ones, and this user may not make them.
    #[error(
        "the state in {place} is of schema version {found}, {known} is needed, and making it failed: {reason}; run `wattwise migrate --state …` as a user who may create tables there"
    )]
    NotMigrated {
        /// The address without its password.
        place: String,
        /// Version found; 0 is none.
        found: i64,
        /// Version that is needed.
        known: i64,
        /// What stood in the way.
        reason: String,
    },
    /// The database refused, failed or is away; nothing was acknowledged.
    #[error(transparent)]
    Database(DatabaseError),
    /// The engine refused or failed; nothing was acknowledged.
    #[error("the session store failed to {action}: {reason}")]
    Engine {
        /// What was being done, as a verb phrase.
        action: &'static str,
        /// What the engine said.
        reason: String,
    },
    /// More writes are waiting than the queue holds; try again later.
    #[error("the session store is overloaded")]
    Overloaded,
    /// The store was closed, as at shutdown.
    #[error("the session store is closed")]
    Closed,
}

impl From<DatabaseError> for StoreError {
    fn from(error: DatabaseError) -> Self {
        if matches!(error, DatabaseError::Busy { .. }) {
            Self::Overloaded
        } else {
            Self::Database(error)
        }
    }
}
