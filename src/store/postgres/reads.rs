//! The statements that read conversations.

use tokio_postgres::Row;

use super::StoreError;
use super::text::read;
use crate::model::{
    Feedback, Message, Once, OwnedSession, Owner, Rating, Record, SessionDetails, SessionId,
    SessionSummary,
};
use crate::postgres::Lease;

/// Characters of a session's first message that a list shows.
const OPENING_CHARACTERS: usize = 200;

/// The columns that [`summary`] reads. A character may be written as two.
const SUMMARY: &str = "id::text, created_at, used_at, messages, title,
    (SELECT left(text, 400) FROM wattwise.messages WHERE session = number AND sequence = 1)";

const MESSAGES: &str = "SELECT sequence, text, created_at FROM wattwise.messages
    WHERE session = $1 ORDER BY sequence";

const RECORDS: &str = "SELECT summary, details, created_at FROM wattwise.records
    WHERE session = $1 ORDER BY number";

const FEEDBACK: &str = "SELECT rating, comment, created_at FROM wattwise.feedback
    WHERE session = $1 ORDER BY number";

/// The messages of a session, oldest first.
pub(super) async fn messages(
    lease: &mut Lease,
    session: OwnedSession,
) -> Result<Vec<Message>, StoreError> {
    // A session without messages is one row without a message.
    let rows = lease
        .rows(
            "SELECT m.sequence, m.text, m.created_at
             FROM wattwise.sessions s LEFT JOIN wattwise.messages m ON m.session = s.number
             WHERE s.id = $1::text::uuid AND s.owner = $2 ORDER BY m.sequence",
            &[&session.id.to_string(), &session.owner.number()],
        )
        .await?;
    if rows.is_empty() {
        return Err(StoreError::SessionNotFound(session.id));
    }
    let has_message = |row: &&Row| row.get::<_, Option<i64>>(0).is_some();
    Ok(rows.iter().filter(has_message).map(message).collect())
}

/// Everything that is kept of a session; inside a transaction, as of one moment.
pub(super) async fn session(
    lease: &mut Lease,
    session: OwnedSession,
) -> Result<SessionDetails, StoreError> {
    let find = format!(
        "SELECT {SUMMARY}, number FROM wattwise.sessions
         WHERE id = $1::text::uuid AND owner = $2"
    );
    let (id, owner) = (session.id.to_string(), session.owner.number());
    let found = lease.row(&find, &[&id, &owner]).await?;
    let found = found.ok_or(StoreError::SessionNotFound(session.id))?;
    let number: i64 = found.get(6);
    let messages = lease.rows(MESSAGES, &[&number]).await?;
    let records = lease.rows(RECORDS, &[&number]).await?;
    let feedback = lease.rows(FEEDBACK, &[&number]).await?;
    Ok(SessionDetails {
        summary: summary(&found)?,
        messages: messages.iter().map(message).collect(),
        records: records
            .iter()
            .map(|row| Record {
                session: session.id,
                summary: read(row.get(0)),
                details: read(row.get(1)),
                created_at: row.get(2),
            })
            .collect(),
        feedback: feedback
            .iter()
            .map(|row| {
                Ok(Feedback {
                    rating: Rating::from_number(row.get(0)).ok_or_else(|| odd("a rating"))?,
                    comment: read(row.get(1)),
                    created_at: row.get(2),
                })
            })
            .collect::<Result<_, StoreError>>()?,
    })
}

/// Sessions of one owner, newest first.
pub(super) async fn sessions(
    lease: &mut Lease,
    owner: Owner,
    after: Option<SessionId>,
    at_most: u32,
) -> Result<Vec<SessionSummary>, StoreError> {
    // A session that is not there has no number, and nothing is smaller than that.
    let list = format!(
        "SELECT {SUMMARY} FROM wattwise.sessions
         WHERE owner = $1 AND ($2::text IS NULL OR number <
             (SELECT number FROM wattwise.sessions WHERE id = $2::text::uuid AND owner = $1))
         ORDER BY number DESC LIMIT $3"
    );
    let (owner, after) = (owner.number(), after.map(|id| id.to_string()));
    let rows = lease
        .rows(&list, &[&owner, &after, &i64::from(at_most)])
        .await?;
    rows.iter().map(summary).collect()
}

/// The reply that was kept under a name, if it is still there.
pub(super) async fn reply(
    lease: &mut Lease,
    owner: Owner,
    once: &Once,
) -> Result<Option<String>, StoreError> {
    let row = lease
        .row(
            "SELECT fingerprint, reply
             FROM wattwise.receipts LEFT JOIN wattwise.replies USING (owner, key)
             WHERE owner = $1 AND key = $2",
            &[&owner.number(), &once.key],
        )
        .await?;
    let Some(row) = row else { return Ok(None) };
    if row.get::<_, &[u8]>(0) != once.fingerprint {
        return Err(StoreError::KeyReused);
    }
    Ok(row.get::<_, Option<String>>(1).map(read))
}

/// Reads a row of sequence, text and time.
pub(super) fn message(row: &Row) -> Message {
    Message {
        sequence: whole(row.get(0)),
        text: read(row.get(1)),
        created_at: row.get(2),
    }
}

fn summary(row: &Row) -> Result<SessionSummary, StoreError> {
    let id = SessionId::parse(row.get(0)).ok_or_else(|| odd("a session's id"))?;
    let opening: Option<String> = row.get(5);
    Ok(SessionSummary {
        id,
        created_at: row.get(1),
        used_at: row.get(2),
        messages: whole(row.get(3)),
        title: row.get::<_, Option<String>>(4).map(read),
        opening: opening.map(|text| read(text).chars().take(OPENING_CHARACTERS).collect()),
    })
}

/// Counts begin at zero or one.
pub(super) fn whole(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

/// Something in the tables that this program did not write.
pub(super) fn odd(what: &'static str) -> StoreError {
    StoreError::Engine {
        action: "understand the tables",
        reason: format!("{what} is none"),
    }
}
