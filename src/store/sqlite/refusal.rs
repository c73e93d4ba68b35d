//! Why one write among others has no effect.

use rusqlite::ErrorCode;

use crate::model::SessionId;

/// Why a command inside a group has no effect.
pub(super) enum Refusal {
    /// The session is not there, or not the caller's.
    NoSession(SessionId),
    /// The session has no room.
    Full(SessionId),
    /// The name of a repeatable write stands for another one.
    KeyReused,
    /// There is no room, as the command itself found.
    NoRoom(&'static str),
    /// The engine found no room.
    OutOfRoom,
    /// The engine's own words.
    Engine(String),
}

impl From<rusqlite::Error> for Refusal {
    fn from(error: rusqlite::Error) -> Self {
        if error.sqlite_error_code() == Some(ErrorCode::DiskFull) {
            return Self::OutOfRoom;
        }
        Self::Engine(error.to_string())
    }
}
