//! Kept answers.

use async_trait::async_trait;
use tokio_postgres::Row;

use super::PostgresStore;
use super::reads::odd;
use super::text::{read, stored};
use crate::model::Owner;
use crate::store::StoreError;
use crate::store::answers::{AnswerRoom, AnswerStore, KeptAnswer};

#[async_trait]
impl AnswerStore for PostgresStore {
    async fn keep_answer(&self, answer: KeptAnswer, room: AnswerRoom) -> Result<(), StoreError> {
        let mut lease = self.database.lease("keep an answer").await?;
        lease
            .execute(
                "INSERT INTO wattwise.answers
                     (owner, generation, scope, digest, question, vector, answer, created_at)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
                 ON CONFLICT (scope, digest) DO UPDATE SET number = DEFAULT,
                     owner = excluded.owner, generation = excluded.generation,
                     question = excluded.question, vector = excluded.vector,
                     answer = excluded.answer, created_at = excluded.created_at",
                &[
                    &answer.owner.number(),
                    &answer.generation,
                    &&answer.scope[..],
                    &&blake3::hash(answer.question.as_bytes()).as_bytes()[..],
                    &stored(&answer.question),
                    &answer.vector,
                    &stored(&answer.answer),
                    &answer.created_at,
                ],
            )
            .await?;
        let oldest = answer.created_at.saturating_sub(room.seconds);
        let bytes = i64::try_from(room.bytes).unwrap_or(i64::MAX);
        // Counted from the newest: the first that is too much goes, and all before it.
        lease
            .execute(
                "DELETE FROM wattwise.answers WHERE number IN (SELECT number FROM (
                     SELECT number, generation, created_at, row_number() OVER newest_first AS place,
                         sum(octet_length(question) + octet_length(answer)
                             + 4 * cardinality(vector) + 128) OVER newest_first AS bytes
                     FROM wattwise.answers WINDOW newest_first AS (ORDER BY number DESC)) AS all_kept
                 WHERE generation <> $1 OR created_at < $2 OR place > $3 OR bytes > $4)",
                &[&answer.generation, &oldest, &i64::from(room.entries), &bytes],
            )
            .await?;
        Ok(())
    }

    async fn answers(&self, generation: String, since: i64) -> Result<Vec<KeptAnswer>, StoreError> {
        let mut lease = self.database.lease("read the kept answers").await?;
        let rows = lease
            .rows(
                "SELECT scope, owner, generation, question, vector, answer, created_at
                 FROM wattwise.answers WHERE generation = $1 AND created_at >= $2 ORDER BY number",
                &[&generation, &since],
            )
            .await?;
        rows.iter().map(kept).collect()
    }

    async fn forget_answers(&self, owner: Owner) -> Result<(), StoreError> {
        let mut lease = self.database.lease("forget answers").await?;
        // Other servers may hold some in memory that are no longer here.
        lease
            .execute(
                "WITH gone AS (DELETE FROM wattwise.answers WHERE owner = $1)
                 SELECT pg_notify('wattwise_answers', $1::int8::text)",
                &[&owner.number()],
            )
            .await?;
        Ok(())
    }

    async fn forget_answers_before(&self, second: i64) -> Result<(), StoreError> {
        let mut lease = self.database.lease("forget old answers").await?;
        let forget = "DELETE FROM wattwise.answers WHERE created_at < $1";
        lease.execute(forget, &[&second]).await?;
        Ok(())
    }
}

fn kept(row: &Row) -> Result<KeptAnswer, StoreError> {
    let scope = row.get::<_, &[u8]>(0).try_into();
    Ok(KeptAnswer {
        scope: scope.map_err(|_| odd("an answer's scope"))?,
        owner: Owner::from_number(row.get(1)),
        generation: row.get(2),
        question: read(row.get(3)),
        vector: row.get(4),
        answer: read(row.get(5)),
        created_at: row.get(6),
    })
}
