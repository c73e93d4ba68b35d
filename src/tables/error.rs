//! What can be wrong with an index in a database, and what mends it.

use thiserror::Error;

use crate::postgres::DatabaseError;
use crate::snapshot::SnapshotError;

/// Why an index in a database was not read or not written.
#[derive(Debug, Error)]
pub enum TablesError {
    /// The database did not do what was asked.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// There is no pgvector.
    #[error(
        "{place} has no extension vector; install pgvector {needed} or newer on that machine, then run CREATE EXTENSION vector in the database, as its owner or a superuser"
    )]
    NoExtension {
        /// The address without its password.
        place: String,
        /// The oldest that will do.
        needed: &'static str,
    },
    /// pgvector is too old.
    #[error(
        "{place} has pgvector {found}, at least {needed} is needed; install it there, then run ALTER EXTENSION vector UPDATE"
    )]
    OldExtension {
        /// The address without its password.
        place: String,
        /// Its version.
        found: String,
        /// The oldest that will do.
        needed: &'static str,
    },
    /// Nothing has been published.
    #[error(
        "there is no published generation in {place}; run `wattwise ingest` with the same --index"
    )]
    Nothing {
        /// The address without its password.
        place: String,
    },
    /// The tables are of another program.
    #[error(
        "the index in {place} has tables of version {found}, this program knows version {known}; use the version of wattwise that wrote them, or drop the schema wattwise_index there and run `wattwise ingest`"
    )]
    Layout {
        /// The address without its password.
        place: String,
        /// Version found.
        found: i32,
        /// Version of this program.
        known: i32,
    },
    /// Another run publishes at this moment.
    #[error("another run is publishing to {place}; wait for it, then run the same command again")]
    Busy {
        /// The address without its password.
        place: String,
    },
    /// Somebody published since this run began.
    #[error(
        "generation {now} was published to {place} while this run was at work; run the same command again"
    )]
    Moved {
        /// The address without its password.
        place: String,
        /// What is live there.
        now: String,
    },
    /// A generation is not there, or not any more.
    #[error("{place} holds no generation {generation}; `wattwise snapshot list` shows all")]
    NoGeneration {
        /// The address without its password.
        place: String,
        /// Which.
        generation: String,
    },
    /// A generation is damaged, or a file of it here.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
}

impl TablesError {
    /// Whether the database may be back by itself soon.
    pub fn is_away(&self) -> bool {
        matches!(self, Self::Database(error) if error.may_pass())
    }

    /// As what opens a generation tells it.
    pub(super) fn into_snapshot(self) -> SnapshotError {
        if let Self::Snapshot(error) = self {
            return error;
        }
        SnapshotError::Index(crate::index::IndexError::Away {
            reason: self.to_string(),
        })
    }
}
