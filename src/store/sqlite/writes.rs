//! The statements that change conversations. Each runs inside the writer's transaction.

use rusqlite::{Connection, OptionalExtension, params};

use super::readers::Old;
use super::refusal::Refusal;
use crate::model::{Message, NewRecord, Once, OwnedSession, Owner, Rating, SessionId};
use crate::store::{Expiry, SessionLimits, size_of, size_of_record};

/// Memories of repeatable writes beyond this number give way, the oldest first.
const MOST_RECEIPTS: i64 = 100_000;

/// What came of a write that may be repeated.
pub(super) enum Done<T> {
    /// It was done.
    Now(T),
    /// It had been done before, with this result.
    Before(String),
}

/// Runs a write unless it was done before, and remembers in the same transaction what came of it:
/// `text` tells its result in a form from which the caller can be answered again.
pub(super) fn once<T>(
    connection: &Connection,
    owner: Owner,
    once: Option<&Once>,
    at: i64,
    write: impl FnOnce() -> Result<T, Refusal>,
    text: impl FnOnce(&T) -> String,
) -> Result<Done<T>, Refusal> {
    let Some(once) = once else {
        return write().map(Done::Now);
    };
    let known: Option<([u8; 32], String)> = connection
        .prepare_cached("SELECT fingerprint, result FROM receipts WHERE owner = ?1 AND key = ?2")?
        .query_row(params![owner.number(), once.key], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .optional()?;
    match known {
        Some((fingerprint, result)) if fingerprint == once.fingerprint => {
            return Ok(Done::Before(result));
        }
        Some(_) => return Err(Refusal::KeyReused),
        None => {}
    }
    let result = write()?;
    connection
        .prepare_cached(
            "INSERT INTO receipts (owner, key, fingerprint, result, created_at)
             VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute(params![
            owner.number(),
            once.key,
            once.fingerprint,
            text(&result),
            at
        ])?;
    connection
        .prepare_cached("DELETE FROM receipts WHERE number <= ?1")?
        .execute([connection.last_insert_rowid() - MOST_RECEIPTS])?;
    Ok(Done::Now(result))
}

/// Inserts an empty session.
pub(super) fn create_session(
    connection: &Connection,
    owner: Owner,
    session: SessionId,
    at: i64,
) -> Result<(), Refusal> {
    connection
        .prepare_cached(
            "INSERT INTO sessions (id, owner, created_at, used_at) VALUES (?1, ?2, ?3, ?3)",
        )?
        .execute(params![session.to_string(), owner.number(), at])?;
    Ok(())
}

/// Appends to a session.
pub(super) fn append_message(
    connection: &Connection,
    session: OwnedSession,
    limits: SessionLimits,
    text: String,
    at: i64,
) -> Result<Message, Refusal> {
    let place = enter(connection, session, limits, 1, size_of(&[&text]), at)?;
    connection
        .prepare_cached(
            "INSERT INTO messages (session, sequence, text, created_at) VALUES (?1, ?2, ?3, ?4)",
        )?
        .execute(params![place.session, place.messages, text, at])?;
    Ok(Message {
        sequence: u64::try_from(place.messages)
            .map_err(|error| Refusal::Engine(error.to_string()))?,
        text,
        created_at: at,
    })
}

/// Reads a message again that an earlier append returned; its session may be gone by now.
pub(super) fn appended(
    connection: &Connection,
    session: OwnedSession,
    sequence: &str,
) -> Result<Message, Refusal> {
    connection
        .prepare_cached(
            "SELECT sequence, text, messages.created_at
             FROM messages JOIN sessions ON session = number
             WHERE id = ?1 AND owner = ?2 AND sequence = ?3",
        )?
        .query_row(
            params![session.id.to_string(), session.owner.number(), sequence],
            super::readers::message,
        )
        .optional()?
        .ok_or(Refusal::NoSession(session.id))
}

/// Keeps a record.
pub(super) fn save_record(
    connection: &Connection,
    session: OwnedSession,
    limits: SessionLimits,
    record: &NewRecord,
    at: i64,
) -> Result<(), Refusal> {
    let place = enter(connection, session, limits, 0, size_of_record(record), at)?;
    connection
        .prepare_cached(
            "INSERT INTO records (session, summary, details, created_at) VALUES (?1, ?2, ?3, ?4)",
        )?
        .execute(params![place.session, record.summary, record.details, at])?;
    Ok(())
}

/// Keeps the reply that the record just kept went out in.
pub(super) fn keep_reply(
    connection: &Connection,
    owner: Owner,
    once: &Once,
    reply: &str,
) -> Result<(), Refusal> {
    connection
        .prepare_cached("INSERT INTO replies (record, owner, key, reply) VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![
            connection.last_insert_rowid(),
            owner.number(),
            once.key,
            reply
        ])?;
    Ok(())
}

/// Keeps a verdict.
pub(super) fn save_feedback(
    connection: &Connection,
    session: OwnedSession,
    limits: SessionLimits,
    (rating, comment): (Rating, &str),
    at: i64,
) -> Result<(), Refusal> {
    let place = enter(connection, session, limits, 0, size_of(&[comment]), at)?;
    connection
        .prepare_cached(
            "INSERT INTO feedback (session, rating, comment, created_at) VALUES (?1, ?2, ?3, ?4)",
        )?
        .execute(params![place.session, rating.number(), comment, at])?;
    Ok(())
}

/// Names a session.
pub(super) fn rename_session(
    connection: &Connection,
    session: OwnedSession,
    title: &str,
) -> Result<(), Refusal> {
    let renamed = connection
        .prepare_cached("UPDATE sessions SET title = ?3 WHERE id = ?1 AND owner = ?2")?
        .execute(params![
            session.id.to_string(),
            session.owner.number(),
            title
        ])?;
    if renamed == 0 {
        return Err(Refusal::NoSession(session.id));
    }
    Ok(())
}

/// Deletes a session; what belongs to it goes with it.
pub(super) fn delete_session(
    connection: &Connection,
    session: OwnedSession,
) -> Result<(), Refusal> {
    let deleted = connection
        .prepare_cached("DELETE FROM sessions WHERE id = ?1 AND owner = ?2")?
        .execute(params![session.id.to_string(), session.owner.number()])?;
    if deleted == 0 {
        return Err(Refusal::NoSession(session.id));
    }
    Ok(())
}

/// Deletes those of `old` that are old still.
pub(super) fn expire(connection: &Connection, old: &Old, expiry: Expiry) -> Result<(), Refusal> {
    if let Some(before) = expiry.sessions_before {
        let mut statement =
            connection.prepare_cached("DELETE FROM sessions WHERE number = ?1 AND used_at < ?2")?;
        for session in &old.sessions {
            statement.execute([*session, before])?;
        }
    }
    let mut statement = connection.prepare_cached("DELETE FROM receipts WHERE number = ?1")?;
    for receipt in &old.receipts {
        statement.execute([receipt])?;
    }
    Ok(())
}

/// Writes what a probe reads.
pub(super) fn probe(connection: &Connection, at: i64) -> Result<(), Refusal> {
    connection
        .prepare_cached("INSERT INTO probe (one, at) VALUES (1, ?1) ON CONFLICT (one) DO UPDATE SET at = excluded.at")?
        .execute([at])?;
    Ok(())
}

/// Where a new entry goes.
struct Place {
    session: i64,
    messages: i64,
}

/// Counts a new entry in its session, if the session is there and has room.
fn enter(
    connection: &Connection,
    session: OwnedSession,
    limits: SessionLimits,
    messages: i64,
    bytes: u64,
    at: i64,
) -> Result<Place, Refusal> {
    let (id, owner) = (session.id.to_string(), session.owner.number());
    let number = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
    let place = connection
        .prepare_cached(
            "UPDATE sessions SET used_at = ?3, messages = messages + ?4, entries = entries + 1,
                 bytes = bytes + ?5
             WHERE id = ?1 AND owner = ?2 AND entries < ?6 AND bytes <= ?7 - ?5
             RETURNING number, messages",
        )?
        .query_row(
            params![
                id,
                owner,
                at,
                messages,
                number(bytes),
                number(limits.entries),
                number(limits.bytes)
            ],
            |row| {
                Ok(Place {
                    session: row.get(0)?,
                    messages: row.get(1)?,
                })
            },
        )
        .optional()?;
    if let Some(place) = place {
        return Ok(place);
    }
    let exists = connection
        .prepare_cached("SELECT 1 FROM sessions WHERE id = ?1 AND owner = ?2")?
        .exists(params![id, owner])?;
    Err(if exists {
        Refusal::Full(session.id)
    } else {
        Refusal::NoSession(session.id)
    })
}
