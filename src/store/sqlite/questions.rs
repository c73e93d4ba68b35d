//! Logged questions in the database.

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::readers::engine_error;
use super::refusal::Refusal;
use super::{SqliteStore, StoreError};
use crate::store::questions::{KeptQuestion, Lack, LoggedQuestion, MOST_QUESTIONS, QuestionStore};

#[async_trait]
impl QuestionStore for SqliteStore {
    async fn log_question(&self, question: LoggedQuestion) -> Result<(), StoreError> {
        self.writer
            .submit("log a question", move |connection| {
                log(connection, &question)
            })
            .await
    }

    async fn logged_questions(
        &self,
        since: i64,
        at_most: u32,
    ) -> Result<Vec<KeptQuestion>, StoreError> {
        self.readers
            .run(move |connection| read(connection, since, at_most))
            .await
    }

    async fn note_answers(
        &self,
        generation: String,
        asked: Vec<(i64, bool)>,
    ) -> Result<(), StoreError> {
        self.writer
            .submit("note answers", move |connection| {
                let mut statement = connection.prepare_cached(
                    "UPDATE questions SET generation = iif(?2, generation, ?3),
                         answered_in = iif(?2, ?3, NULL) WHERE number = ?1",
                )?;
                for (number, is_answered) in &asked {
                    statement.execute(params![number, is_answered, generation])?;
                }
                Ok(())
            })
            .await
    }

    async fn forget_questions_before(&self, second: i64) -> Result<(), StoreError> {
        self.writer
            .submit_release("forget old questions", move |connection| {
                connection
                    .prepare_cached("DELETE FROM questions WHERE asked_at < ?1")?
                    .execute([second])?;
                Ok(())
            })
            .await
    }
}

fn log(connection: &Connection, asked: &LoggedQuestion) -> Result<(), Refusal> {
    let session: Option<i64> = match asked.session {
        None => None,
        Some(session) => {
            let number = connection
                .prepare_cached("SELECT number FROM sessions WHERE id = ?1 AND owner = ?2")?
                .query_row(
                    params![session.id.to_string(), session.owner.number()],
                    |row| row.get(0),
                )
                .optional()?;
            if number.is_none() {
                return Ok(());
            }
            number
        }
    };
    let vector: Vec<u8> = asked.vector.iter().flat_map(|v| v.to_le_bytes()).collect();
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO questions
             (session, lack, question, vector, embedder, answer, comment, generation, asked_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        )?
        .execute(params![
            session,
            asked.lack.number(),
            asked.question,
            vector,
            asked.embedder,
            asked.answer,
            asked.comment,
            asked.generation,
            asked.asked_at
        ])?;
    // Numbers rise with every row, so that what lies this far behind the newest is too much.
    connection
        .prepare_cached("DELETE FROM questions WHERE number <= ?1")?
        .execute([connection.last_insert_rowid() - i64::from(MOST_QUESTIONS)])?;
    Ok(())
}

fn read(
    connection: &Connection,
    since: i64,
    at_most: u32,
) -> Result<Vec<KeptQuestion>, StoreError> {
    let read = || {
        connection
            .prepare_cached(
                "SELECT number, lack, question, vector, embedder, answer, comment, generation,
                     asked_at, answered_in
                 FROM questions WHERE asked_at >= ?1 ORDER BY number DESC LIMIT ?2",
            )?
            .query_map(params![since, at_most], kept)?
            .collect::<rusqlite::Result<Vec<KeptQuestion>>>()
    };
    read().map_err(|error: rusqlite::Error| engine_error("read the logged questions", &error))
}

fn kept(row: &Row<'_>) -> rusqlite::Result<KeptQuestion> {
    let (lack, vector): (i64, Vec<u8>) = (row.get(1)?, row.get(3)?);
    Ok(KeptQuestion {
        number: row.get(0)?,
        logged: LoggedQuestion {
            session: None,
            lack: Lack::from_number(lack)
                .ok_or(rusqlite::Error::IntegralValueOutOfRange(1, lack))?,
            question: row.get(2)?,
            vector: vector
                .as_chunks::<4>()
                .0
                .iter()
                .map(|bytes| f32::from_le_bytes(*bytes))
                .collect(),
            embedder: row.get(4)?,
            answer: row.get(5)?,
            comment: row.get(6)?,
            generation: row.get(7)?,
            asked_at: row.get(8)?,
        },
        answered_in: row.get(9)?,
    })
}
