//! The statements that change conversations.

use super::schema::Purpose;
use super::text::stored;
use super::{NOW, StoreError, reads};
use crate::model::{Message, NewRecord, Once, OwnedSession, Owner, Rating, SessionId};
use crate::postgres::Lease;
use crate::store::{Expiry, SessionLimits, size_of, size_of_record};

/// Memories of repeatable writes beyond this number give way, the oldest first.
const MOST_RECEIPTS: i64 = 1_000_000;

/// Servers that were not seen for so long are forgotten.
const GONE: &str = "1 minute";

/// Begins a transaction and claims the name of a repeatable write, for which `result` is kept; whoever
/// claims the same name meanwhile waits for its end. If it was claimed before, what is kept is
/// returned and the transaction is over.
pub(super) async fn claim(
    lease: &mut Lease,
    owner: Owner,
    once: &Once,
    result: &str,
) -> Result<Option<String>, StoreError> {
    lease.begin().await?;
    let claim = format!(
        "INSERT INTO wattwise.receipts (owner, key, fingerprint, result, created_at)
         VALUES ($1, $2, $3, $4, {NOW}) ON CONFLICT (owner, key) DO NOTHING"
    );
    let (owner, fingerprint) = (owner.number(), &once.fingerprint[..]);
    let claimed = lease
        .execute(&claim, &[&owner, &once.key, &fingerprint, &result])
        .await?;
    if claimed == 1 {
        return Ok(None);
    }
    let known = lease
        .row(
            "SELECT fingerprint, result FROM wattwise.receipts WHERE owner = $1 AND key = $2",
            &[&owner, &once.key],
        )
        .await?;
    lease.rollback().await?;
    // It may have been forgotten this very moment.
    let known = known.ok_or(StoreError::Overloaded)?;
    if known.get::<_, &[u8]>(0) != fingerprint {
        return Err(StoreError::KeyReused);
    }
    Ok(Some(known.get(1)))
}

/// Ends a transaction: what was refused has no effect, and its name stays free.
pub(super) async fn end<T>(
    lease: &mut Lease,
    outcome: Result<T, StoreError>,
) -> Result<T, StoreError> {
    match outcome {
        Ok(value) => {
            lease.commit().await?;
            Ok(value)
        }
        Err(refused @ (StoreError::SessionNotFound(_) | StoreError::SessionFull(_))) => {
            lease.rollback().await?;
            Err(refused)
        }
        // The connection was given up, and the transaction with it.
        Err(error) => Err(error),
    }
}

/// Inserts an empty session.
pub(super) async fn create_session(
    lease: &mut Lease,
    owner: Owner,
    session: SessionId,
) -> Result<(), StoreError> {
    let create = format!(
        "INSERT INTO wattwise.sessions (id, owner, created_at, used_at)
         SELECT $1::text::uuid, $2, now, now FROM (SELECT {NOW} AS now) AS clock"
    );
    let values: [&(dyn tokio_postgres::types::ToSql + Sync); 2] =
        [&session.to_string(), &owner.number()];
    lease.execute(&create, &values).await?;
    Ok(())
}

/// Counts an entry in its session, whose row stays locked until the end; gives no row if the session
/// is not there or has no room. A message's time is never before that of the one before it.
fn place(messages: u8) -> String {
    format!(
        "UPDATE wattwise.sessions SET used_at = greatest(used_at, {NOW}),
             messages = messages + {messages}, entries = entries + 1, bytes = bytes + $3::int8
         WHERE id = $1::text::uuid AND owner = $2 AND entries < $4::int8
             AND bytes <= $5::int8 - $3::int8
         RETURNING number, messages, used_at"
    )
}

/// Appends to a session; `key` is the claimed name that the message's number is kept under.
pub(super) async fn append_message(
    lease: &mut Lease,
    session: OwnedSession,
    limits: SessionLimits,
    text: String,
    key: Option<&str>,
) -> Result<Message, StoreError> {
    let append = format!(
        "WITH place AS ({place}), kept AS (
             INSERT INTO wattwise.messages (session, sequence, text, created_at)
             SELECT number, messages, $6, used_at FROM place
         ), noted AS (
             UPDATE wattwise.receipts SET result = place.messages::text FROM place
             WHERE owner = $2 AND key = $7
         )
         SELECT messages, used_at FROM place",
        place = place(1)
    );
    let (id, owner) = (session.id.to_string(), session.owner.number());
    let (bytes, entries, most) = numbers(size_of(&[&text]), limits);
    let row = lease
        .row(
            &append,
            &[&id, &owner, &bytes, &entries, &most, &stored(&text), &key],
        )
        .await?;
    let Some(row) = row else {
        return Err(why_not(lease, session).await);
    };
    Ok(Message {
        sequence: reads::whole(row.get(0)),
        text,
        created_at: row.get(1),
    })
}

/// Reads a message again that an earlier append returned; its session may be gone by now.
pub(super) async fn appended(
    lease: &mut Lease,
    session: OwnedSession,
    sequence: &str,
) -> Result<Message, StoreError> {
    // What is no number was the result of another kind of write under this name.
    let sequence: i64 = sequence.parse().map_err(|_| StoreError::KeyReused)?;
    let row = lease
        .row(
            "SELECT m.sequence, m.text, m.created_at
             FROM wattwise.messages m JOIN wattwise.sessions s ON m.session = s.number
             WHERE s.id = $1::text::uuid AND s.owner = $2 AND m.sequence = $3",
            &[&session.id.to_string(), &session.owner.number(), &sequence],
        )
        .await?;
    row.map(|row| reads::message(&row))
        .ok_or(StoreError::SessionNotFound(session.id))
}

/// Something besides a message.
#[derive(Debug, Clone, Copy)]
pub(super) enum Entry<'a> {
    /// A record, and the name under which its reply is kept.
    Record(&'a NewRecord, Option<&'a Once>),
    /// A verdict and its words.
    Feedback(Rating, &'a str),
}

/// Puts an entry into its session.
pub(super) async fn enter(
    lease: &mut Lease,
    session: OwnedSession,
    limits: SessionLimits,
    entry: Entry<'_>,
) -> Result<(), StoreError> {
    let (id, owner, place) = (session.id.to_string(), session.owner.number(), place(0));
    let row = match entry {
        Entry::Record(record, once) => {
            let save = format!(
                "WITH place AS ({place}), kept AS (
                     INSERT INTO wattwise.records (session, summary, details, created_at)
                     SELECT number, $6, $7, used_at FROM place RETURNING number
                 ), replied AS (
                     INSERT INTO wattwise.replies (record, owner, key, reply)
                     SELECT number, $2, $8, $9 FROM kept
                     WHERE $8::text IS NOT NULL AND $9::text IS NOT NULL
                 )
                 SELECT 1 FROM place"
            );
            let (bytes, entries, most) = numbers(size_of_record(record), limits);
            let (summary, details) = (stored(&record.summary), stored(&record.details));
            let reply = record.reply.as_deref().map(stored);
            let key = once.map(|once| once.key.as_str());
            lease
                .row(
                    &save,
                    &[
                        &id, &owner, &bytes, &entries, &most, &summary, &details, &key, &reply,
                    ],
                )
                .await?
        }
        Entry::Feedback(rating, comment) => {
            let save = format!(
                "WITH place AS ({place}), kept AS (
                     INSERT INTO wattwise.feedback (session, rating, comment, created_at)
                     SELECT number, $6, $7, used_at FROM place
                 )
                 SELECT 1 FROM place"
            );
            let (bytes, entries, most) = numbers(size_of(&[comment]), limits);
            let (rating, comment) = (rating.number(), stored(comment));
            lease
                .row(
                    &save,
                    &[&id, &owner, &bytes, &entries, &most, &rating, &comment],
                )
                .await?
        }
    };
    match row {
        Some(_) => Ok(()),
        None => Err(why_not(lease, session).await),
    }
}

/// Why an entry found no place.
async fn why_not(lease: &mut Lease, session: OwnedSession) -> StoreError {
    let found = lease
        .row(
            "SELECT 1 FROM wattwise.sessions WHERE id = $1::text::uuid AND owner = $2",
            &[&session.id.to_string(), &session.owner.number()],
        )
        .await;
    match found {
        Ok(Some(_)) => StoreError::SessionFull(session.id),
        Ok(None) => StoreError::SessionNotFound(session.id),
        Err(error) => error.into(),
    }
}

fn numbers(bytes: u64, limits: SessionLimits) -> (i64, i64, i64) {
    let number = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
    (number(bytes), number(limits.entries), number(limits.bytes))
}

/// Names a session.
pub(super) async fn rename_session(
    lease: &mut Lease,
    session: OwnedSession,
    title: &str,
) -> Result<(), StoreError> {
    let rename = "UPDATE wattwise.sessions SET title = $3 WHERE id = $1::text::uuid AND owner = $2";
    let (id, owner) = (session.id.to_string(), session.owner.number());
    let renamed = lease
        .execute(rename, &[&id, &owner, &stored(title)])
        .await?;
    if renamed == 0 {
        return Err(StoreError::SessionNotFound(session.id));
    }
    Ok(())
}

/// Deletes a session; what belongs to it goes with it.
pub(super) async fn delete_session(
    lease: &mut Lease,
    session: OwnedSession,
) -> Result<(), StoreError> {
    let delete = "DELETE FROM wattwise.sessions WHERE id = $1::text::uuid AND owner = $2";
    let (id, owner) = (session.id.to_string(), session.owner.number());
    if lease.execute(delete, &[&id, &owner]).await? == 0 {
        return Err(StoreError::SessionNotFound(session.id));
    }
    Ok(())
}

/// What a step of expiry did.
#[derive(Debug, Default)]
pub(super) struct Expired {
    /// The last session that was deleted, if there may be more behind it.
    pub(super) sessions_up_to: Option<i64>,
    pub(super) may_be_more: bool,
}

/// Deletes what is old, unless another server is at it. Sessions whose row is locked are being written
/// to and are left for the next pass.
pub(super) async fn expire(
    lease: &mut Lease,
    expiry: Expiry,
    after: i64,
) -> Result<Expired, StoreError> {
    let number = Purpose::Expiry.number();
    let lock = "SELECT pg_try_advisory_xact_lock($1)";
    let locked = lease.row(lock, &[&number]).await?;
    if !locked.is_some_and(|row| row.get(0)) {
        return Ok(Expired::default());
    }
    let at_most = i64::from(expiry.at_most);
    let (mut sessions, mut sessions_up_to) = (0, None);
    if let Some(before) = expiry.sessions_before {
        let deleted = lease
            .rows(
                "DELETE FROM wattwise.sessions WHERE number IN (
                     SELECT number FROM wattwise.sessions WHERE used_at < $1 AND number > $2
                     ORDER BY number LIMIT $3 FOR UPDATE SKIP LOCKED)
                 RETURNING number",
                &[&before, &after, &at_most],
            )
            .await?;
        sessions = deleted.len() as u64;
        sessions_up_to = deleted.iter().map(|row| row.get::<_, i64>(0)).max();
    }
    let receipts = lease
        .execute(
            "DELETE FROM wattwise.receipts WHERE number IN (
                 SELECT number FROM wattwise.receipts
                 WHERE created_at < $1
                     OR number <= (SELECT max(number) FROM wattwise.receipts) - $3
                 ORDER BY number LIMIT $2)",
            &[&expiry.receipts_before, &at_most, &MOST_RECEIPTS],
        )
        .await?;
    let forget = format!("DELETE FROM wattwise.servers WHERE seen_at < now() - interval '{GONE}'");
    lease.execute(&forget, &[]).await?;
    let is_full = |deleted: u64| deleted >= u64::from(expiry.at_most);
    Ok(Expired {
        sessions_up_to: sessions_up_to.filter(|_| is_full(sessions)),
        may_be_more: is_full(sessions) || is_full(receipts),
    })
}
