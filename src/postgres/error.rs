//! What can be wrong with a database, and what mends it.

use std::error::Error as _;

use thiserror::Error;
use tokio_postgres::error::{DbError, SqlState};

/// Why a database did not do what was asked. Each message names the thing and the mend; none holds a
/// password or a text of a user's.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DatabaseError {
    /// The address cannot be used.
    #[error(
        "the database's address cannot be used: {reason}; write postgres://user:password@host:5432/database"
    )]
    Address {
        /// What is wrong with it.
        reason: String,
    },
    /// The file of authorities cannot be used.
    #[error("cannot read authorities from {file}: {reason}; sslrootcert names a PEM file")]
    Authorities {
        /// The file.
        file: String,
        /// What is wrong with it.
        reason: String,
    },
    /// No host of the address has an address of its own.
    #[error("there is no host {host} ({reason}); check the name in the database's address")]
    NoHost {
        /// The name.
        host: String,
        /// What the resolver said.
        reason: String,
    },
    /// Nobody answers, or not as a database does.
    #[error(
        "no database answers at {place} ({reason}); check that it runs there and that nothing between refuses the way"
    )]
    Away {
        /// The address without its password.
        place: String,
        /// What happened.
        reason: String,
    },
    /// The server and this program agree on no TLS.
    #[error(
        "TLS to {place} failed: {reason}; sslrootcert=FILE names the authority that signed its certificate, sslmode=disable does without TLS"
    )]
    Tls {
        /// The address without its password.
        place: String,
        /// What happened.
        reason: String,
    },
    /// The server knows no such user, or another password.
    #[error(
        "{place} lets nobody in as {user}: {reason}; check user and password, and the server's pg_hba.conf"
    )]
    NotLetIn {
        /// The address without its password.
        place: String,
        /// Who wanted in.
        user: String,
        /// What the server said.
        reason: String,
    },
    /// There is no such database.
    #[error("there is no database {database} at {place}; make it: CREATE DATABASE {database}")]
    NoDatabase {
        /// Its name.
        database: String,
        /// The address without its password.
        place: String,
    },
    /// The user may not do that.
    #[error(
        "{user} may not {action} at {place}: {reason}; `wattwise migrate --grant {user}`, run as the tables' owner, gives the right"
    )]
    NoRight {
        /// Who.
        user: String,
        /// What they wanted.
        action: &'static str,
        /// The address without its password.
        place: String,
        /// What the server said.
        reason: String,
    },
    /// The server is too old.
    #[error("{place} runs PostgreSQL {found}, at least {needed} is needed; upgrade the server")]
    TooOld {
        /// The address without its password.
        place: String,
        /// Its version.
        found: String,
        /// The oldest that will do.
        needed: u32,
    },
    /// The database cannot hold every text.
    #[error(
        "the database at {place} is encoded in {found}; make it anew with CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0"
    )]
    Encoding {
        /// The address without its password.
        place: String,
        /// Its encoding.
        found: String,
    },
    /// None of the hosts takes writes, as while a replica is being promoted.
    #[error(
        "{place} takes no writes now: it is a replica or read-only; name the primary among the hosts, or promote one"
    )]
    ReadOnly {
        /// The address without its password.
        place: String,
    },
    /// The server has as many connections as it takes.
    #[error(
        "{place} takes no more connections: {reason}; raise its max_connections or lower --database-connections"
    )]
    NoConnections {
        /// The address without its password.
        place: String,
        /// What the server said.
        reason: String,
    },
    /// The server's disk is full.
    #[error("{place} has no room to {action}: {reason}; make room on its disk")]
    NoRoom {
        /// The address without its password.
        place: String,
        /// What was wanted.
        action: &'static str,
        /// What the server said.
        reason: String,
    },
    /// It took too long; whether a write has come about is not known, and it was not acknowledged.
    #[error(
        "{place} did not {action} within {seconds} s; look for what holds it up in pg_stat_activity"
    )]
    TooSlow {
        /// The address without its password.
        place: String,
        /// What was wanted.
        action: &'static str,
        /// The limit.
        seconds: u64,
    },
    /// All connections of this program are in use.
    #[error("all connections to {place} are in use; raise --database-connections or send less")]
    Busy {
        /// The address without its password.
        place: String,
    },
    /// Something else.
    #[error("{place} failed to {action}: {reason}")]
    Engine {
        /// The address without its password.
        place: String,
        /// What was wanted.
        action: &'static str,
        /// What the server said.
        reason: String,
    },
}

impl DatabaseError {
    /// Whether the database may be back by itself soon: these are tried again, with back-off.
    pub fn may_pass(&self) -> bool {
        matches!(
            self,
            Self::NoHost { .. }
                | Self::Away { .. }
                | Self::ReadOnly { .. }
                | Self::NoConnections { .. }
                | Self::TooSlow { .. }
                | Self::Busy { .. }
        )
    }
}

/// Where an error happened, for its message.
#[derive(Debug, Clone)]
pub(super) struct Place {
    /// The address without its password.
    pub(super) name: String,
    pub(super) user: String,
    pub(super) database: String,
}

impl Place {
    /// The client's error in our words. `seconds` is the limit that a statement runs under.
    pub(super) fn explain(
        &self,
        action: &'static str,
        error: &tokio_postgres::Error,
        seconds: u64,
    ) -> DatabaseError {
        if let Some(said) = error.as_db_error() {
            return self.refused(action, said, seconds);
        }
        let (place, reason) = (self.name.clone(), chain(error));
        // The client has no other way of telling these apart than their words.
        let words = error.to_string();
        if reason.contains("does not allow writes") {
            DatabaseError::ReadOnly { place }
        } else if words.contains("TLS") {
            DatabaseError::Tls { place, reason }
        } else if words == "invalid configuration" || words == "authentication error" {
            let user = self.user.clone();
            DatabaseError::NotLetIn {
                place,
                user,
                reason,
            }
        } else if error.is_closed() || is_of_the_line(error) {
            DatabaseError::Away { place, reason }
        } else {
            DatabaseError::Engine {
                place,
                action,
                reason,
            }
        }
    }

    /// By the server's own code (PostgreSQL manual, appendix A).
    fn refused(&self, action: &'static str, said: &DbError, seconds: u64) -> DatabaseError {
        let (place, code) = (self.name.clone(), said.code());
        // The message alone: a detail may hold a row's text.
        let reason = said.message().to_owned();
        let user = self.user.clone();
        match code {
            code if *code == SqlState::INVALID_PASSWORD
                || *code == SqlState::INVALID_AUTHORIZATION_SPECIFICATION =>
            {
                DatabaseError::NotLetIn {
                    place,
                    user,
                    reason,
                }
            }
            code if *code == SqlState::INVALID_CATALOG_NAME => DatabaseError::NoDatabase {
                database: self.database.clone(),
                place,
            },
            code if *code == SqlState::INSUFFICIENT_PRIVILEGE => DatabaseError::NoRight {
                user,
                action,
                place,
                reason,
            },
            code if *code == SqlState::READ_ONLY_SQL_TRANSACTION => {
                DatabaseError::ReadOnly { place }
            }
            code if *code == SqlState::TOO_MANY_CONNECTIONS => {
                DatabaseError::NoConnections { place, reason }
            }
            code if *code == SqlState::QUERY_CANCELED || *code == SqlState::LOCK_NOT_AVAILABLE => {
                DatabaseError::TooSlow {
                    place,
                    action,
                    seconds,
                }
            }
            // Class 53 is what the server is short of, 57P and 08 that it goes, comes or is cut off.
            code if *code == SqlState::DISK_FULL => DatabaseError::NoRoom {
                place,
                action,
                reason,
            },
            code if code.code().starts_with("57P") || code.code().starts_with("08") => {
                DatabaseError::Away { place, reason }
            }
            code => DatabaseError::Engine {
                place,
                action,
                reason: format!("{reason} ({})", code.code()),
            },
        }
    }
}

/// Whether what failed is the connection, not a statement on it.
fn is_of_the_line(error: &tokio_postgres::Error) -> bool {
    let is_io = error
        .source()
        .is_some_and(<dyn std::error::Error>::is::<std::io::Error>);
    is_io || error.to_string().starts_with("timeout")
}

/// An error and its causes in one line.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let words = error.to_string();
        if !text.contains(&words) {
            text.push_str(": ");
            text.push_str(&words);
        }
        cause = error.source();
    }
    text
}
