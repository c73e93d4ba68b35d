//! Logged questions.

use async_trait::async_trait;
use tokio_postgres::Row;

use super::PostgresStore;
use super::reads::odd;
use super::text::{read, stored};
use crate::store::StoreError;
use crate::store::questions::{KeptQuestion, Lack, LoggedQuestion, MOST_QUESTIONS, QuestionStore};

/// Those that are too many are deleted once for so many that are kept; until then they lie there, and
/// are not shown.
const TRIM_EVERY: i64 = 64;

#[async_trait]
impl QuestionStore for PostgresStore {
    async fn log_question(&self, asked: LoggedQuestion) -> Result<(), StoreError> {
        let session = asked.session.map(|session| session.id.to_string());
        let owner = asked.session.map(|session| session.owner.number());
        let mut lease = self.database.lease("log a question").await?;
        let row = lease
            .row(
                "WITH asked AS (
                     SELECT (SELECT number FROM wattwise.sessions
                             WHERE id = $1::text::uuid AND owner = $2) AS session
                 )
                 INSERT INTO wattwise.questions (session, lack, digest, question, vector, embedder,
                     answer, comment, generation, asked_at)
                 SELECT session, $3, $4, $5, $6, $7, $8, $9, $10, $11 FROM asked
                 WHERE $1::text IS NULL OR session IS NOT NULL
                 ON CONFLICT (session, lack, digest) DO UPDATE SET number = DEFAULT,
                     question = excluded.question, vector = excluded.vector,
                     embedder = excluded.embedder, answer = excluded.answer,
                     comment = excluded.comment, generation = excluded.generation,
                     asked_at = excluded.asked_at, answered_in = NULL
                 RETURNING number",
                &[
                    &session,
                    &owner,
                    &asked.lack.number(),
                    &&blake3::hash(asked.question.as_bytes()).as_bytes()[..],
                    &stored(&asked.question),
                    &asked.vector,
                    &&asked.embedder[..],
                    &stored(&asked.answer),
                    &stored(&asked.comment),
                    &asked.generation,
                    &asked.asked_at,
                ],
            )
            .await?;
        let number: Option<i64> = row.map(|row| row.get(0));
        if number.is_some_and(|number| number % TRIM_EVERY == 0) {
            lease
                .execute(
                    "DELETE FROM wattwise.questions WHERE number <= (
                         SELECT number FROM wattwise.questions
                         ORDER BY number DESC OFFSET $1 LIMIT 1)",
                    &[&i64::from(MOST_QUESTIONS)],
                )
                .await?;
        }
        Ok(())
    }

    async fn logged_questions(
        &self,
        since: i64,
        at_most: u32,
    ) -> Result<Vec<KeptQuestion>, StoreError> {
        let mut lease = self.database.lease("read the logged questions").await?;
        let rows = lease
            .rows(
                "SELECT number, lack, question, vector, embedder, answer, comment, generation,
                     asked_at, answered_in
                 FROM wattwise.questions WHERE asked_at >= $1 ORDER BY number DESC LIMIT $2",
                &[&since, &i64::from(at_most.min(MOST_QUESTIONS))],
            )
            .await?;
        rows.iter().map(kept).collect()
    }

    async fn note_answers(
        &self,
        generation: String,
        asked: Vec<(i64, bool)>,
    ) -> Result<(), StoreError> {
        let (numbers, answered): (Vec<i64>, Vec<bool>) = asked.into_iter().unzip();
        let mut lease = self.database.lease("note answers").await?;
        lease
            .execute(
                "UPDATE wattwise.questions q
                 SET generation = CASE WHEN asked.answered THEN q.generation ELSE $3 END,
                     answered_in = CASE WHEN asked.answered THEN $3 END
                 FROM unnest($1::int8[], $2::bool[]) AS asked (number, answered)
                 WHERE q.number = asked.number",
                &[&numbers, &answered, &generation],
            )
            .await?;
        Ok(())
    }

    async fn forget_questions_before(&self, second: i64) -> Result<(), StoreError> {
        let mut lease = self.database.lease("forget old questions").await?;
        let forget = "DELETE FROM wattwise.questions WHERE asked_at < $1";
        lease.execute(forget, &[&second]).await?;
        Ok(())
    }
}

fn kept(row: &Row) -> Result<KeptQuestion, StoreError> {
    let embedder = row.get::<_, &[u8]>(4).try_into();
    Ok(KeptQuestion {
        number: row.get(0),
        logged: LoggedQuestion {
            session: None,
            lack: Lack::from_number(row.get(1)).ok_or_else(|| odd("a question's lack"))?,
            question: read(row.get(2)),
            vector: row.get(3),
            embedder: embedder.map_err(|_| odd("an embedder's digest"))?,
            answer: read(row.get(5)),
            comment: read(row.get(6)),
            generation: row.get(7),
            asked_at: row.get(8),
        },
        answered_in: row.get(9),
    })
}
