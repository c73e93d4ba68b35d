//! Kept answers in the database.

use async_trait::async_trait;
use rusqlite::{Connection, Row, params};

use super::readers::engine_error;
use super::refusal::Refusal;
use super::{SqliteStore, StoreError};
use crate::model::Owner;
use crate::store::answers::{AnswerRoom, AnswerStore, KeptAnswer};

#[async_trait]
impl AnswerStore for SqliteStore {
    async fn keep_answer(&self, answer: KeptAnswer, room: AnswerRoom) -> Result<(), StoreError> {
        self.writer
            .submit("keep an answer", move |connection| {
                keep(connection, &answer)?;
                make_room(connection, &answer, room)
            })
            .await
    }

    async fn answers(&self, generation: String, since: i64) -> Result<Vec<KeptAnswer>, StoreError> {
        self.readers
            .run(move |connection| read(connection, &generation, since))
            .await
    }

    async fn forget_answers(&self, owner: Owner) -> Result<(), StoreError> {
        self.writer
            .submit_release("forget answers", move |connection| {
                connection
                    .prepare_cached("DELETE FROM answers WHERE owner = ?1")?
                    .execute([owner.number()])?;
                Ok(())
            })
            .await
    }

    async fn forget_answers_before(&self, second: i64) -> Result<(), StoreError> {
        self.writer
            .submit_release("forget old answers", move |connection| {
                connection
                    .prepare_cached("DELETE FROM answers WHERE created_at < ?1")?
                    .execute([second])?;
                Ok(())
            })
            .await
    }
}

fn keep(connection: &Connection, answer: &KeptAnswer) -> Result<(), Refusal> {
    let vector: Vec<u8> = answer.vector.iter().flat_map(|v| v.to_le_bytes()).collect();
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO answers
             (owner, generation, scope, question, vector, answer, created_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute(params![
            answer.owner.number(),
            answer.generation,
            answer.scope,
            answer.question,
            vector,
            answer.answer,
            answer.created_at
        ])?;
    Ok(())
}

fn make_room(
    connection: &Connection,
    newest: &KeptAnswer,
    room: AnswerRoom,
) -> Result<(), Refusal> {
    connection
        .prepare_cached("DELETE FROM answers WHERE generation <> ?1 OR created_at < ?2")?
        .execute(params![
            newest.generation,
            newest.created_at.saturating_sub(room.seconds)
        ])?;
    // Counted from the newest: the first that is too much goes, and all before it.
    connection
        .prepare_cached(
            "DELETE FROM answers WHERE number IN (SELECT number FROM (
                 SELECT number, row_number() OVER newest_first AS place,
                     sum(octet_length(question) + octet_length(answer) + octet_length(vector) + 128)
                         OVER newest_first AS bytes
                 FROM answers WINDOW newest_first AS (ORDER BY number DESC))
             WHERE place > ?1 OR bytes > ?2)",
        )?
        .execute(params![
            room.entries,
            i64::try_from(room.bytes).unwrap_or(i64::MAX)
        ])?;
    Ok(())
}

fn read(
    connection: &Connection,
    generation: &str,
    since: i64,
) -> Result<Vec<KeptAnswer>, StoreError> {
    let read = || {
        connection
            .prepare_cached(
                "SELECT scope, owner, generation, question, vector, answer, created_at
                 FROM answers WHERE generation = ?1 AND created_at >= ?2 ORDER BY number",
            )?
            .query_map(params![generation, since], kept)?
            .collect::<rusqlite::Result<Vec<KeptAnswer>>>()
    };
    read().map_err(|error: rusqlite::Error| engine_error("read the kept answers", &error))
}

fn kept(row: &Row<'_>) -> rusqlite::Result<KeptAnswer> {
    let vector: Vec<u8> = row.get(4)?;
    Ok(KeptAnswer {
        scope: row.get(0)?,
        owner: Owner::from_number(row.get(1)?),
        generation: row.get(2)?,
        question: row.get(3)?,
        vector: vector
            .as_chunks::<4>()
            .0
            .iter()
            .map(|bytes| f32::from_le_bytes(*bytes))
            .collect(),
        answer: row.get(5)?,
        created_at: row.get(6)?,
    })
}
