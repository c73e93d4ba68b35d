//! One connection for a while.

use std::ops::Deref;
use std::time::Duration;

use deadpool_postgres::Object;
use tokio::time::error::Elapsed;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Row, Statement};

use super::pool::{Database, give_up};
use super::{DatabaseError, pool};

/// A connection of the pool. Statements are prepared once a connection and bounded in time.
///
/// Dropped inside a transaction, as when whoever asked went away, it rolls back. After a failure of
/// the connection it does not go back to the pool.
///
/// What has no method here is done with the client itself, which this leads to; [`Database::failed`]
/// explains its errors. That panics once a method of this has failed.
pub struct Lease {
    database: Database,
    object: Option<Object>,
    action: &'static str,
    limit: Duration,
    in_transaction: bool,
}

/// A statement that the server did not end by its own limit is given up so much later.
const GRACE: Duration = Duration::from_secs(1);

impl Database {
    /// A connection for what `action` says, as a verb phrase for messages.
    pub async fn lease(&self, action: &'static str) -> Result<Lease, DatabaseError> {
        let limit = self.statement_limit();
        self.lease_within(action, limit).await
    }

    /// As [`Self::lease`], for statements that may take longer than usual: this side gives each up
    /// after `limit`. The server's own limit stays what it is until a statement sets it.
    pub async fn lease_within(
        &self,
        action: &'static str,
        limit: Duration,
    ) -> Result<Lease, DatabaseError> {
        let object = self.connection(action).await?;
        Ok(Lease::new(self.clone(), object, action, limit + GRACE))
    }
}

/// What goes into a statement.
pub(super) type Values<'a> = &'a [&'a (dyn ToSql + Sync)];

impl Lease {
    fn new(database: Database, object: Object, action: &'static str, limit: Duration) -> Self {
        Self {
            database,
            object: Some(object),
            action,
            limit,
            in_transaction: false,
        }
    }

    /// All rows of a statement.
    pub async fn rows(
        &mut self,
        statement: &str,
        values: Values<'_>,
    ) -> Result<Vec<Row>, DatabaseError> {
        let work = async |client: &Object| {
            let statement = prepared(client, statement).await?;
            client.query(&statement, values).await
        };
        let outcome = self.bounded(work(self.object()?)).await;
        self.settle(outcome)
    }

    /// The one row of a statement, if there is one.
    pub async fn row(
        &mut self,
        statement: &str,
        values: Values<'_>,
    ) -> Result<Option<Row>, DatabaseError> {
        Ok(self.rows(statement, values).await?.into_iter().next())
    }

    /// How many rows a statement changed.
    pub async fn execute(
        &mut self,
        statement: &str,
        values: Values<'_>,
    ) -> Result<u64, DatabaseError> {
        let work = async |client: &Object| {
            let statement = prepared(client, statement).await?;
            client.execute(&statement, values).await
        };
        let outcome = self.bounded(work(self.object()?)).await;
        self.settle(outcome)
    }

    /// Statements without values, between semicolons.
    pub async fn batch(&mut self, statements: &str) -> Result<(), DatabaseError> {
        let work = self.object()?.batch_execute(statements);
        let outcome = self.bounded(work).await;
        self.settle(outcome)
    }

    /// Begins a transaction; every statement of it sees what was committed before that statement.
    pub async fn begin(&mut self) -> Result<(), DatabaseError> {
        self.in_transaction = true;
        self.batch("BEGIN").await
    }

    /// Begins a transaction that reads, and sees one moment.
    pub async fn begin_reading(&mut self) -> Result<(), DatabaseError> {
        self.in_transaction = true;
        self.batch("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            .await
    }

    /// Makes a transaction count. Durable when this returns `Ok`.
    pub async fn commit(&mut self) -> Result<(), DatabaseError> {
        self.batch("COMMIT").await?;
        self.in_transaction = false;
        Ok(())
    }

    /// Ends a transaction without effect.
    pub async fn rollback(&mut self) -> Result<(), DatabaseError> {
        self.batch("ROLLBACK").await?;
        self.in_transaction = false;
        Ok(())
    }

    /// An error of the client's own methods in our words.
    pub fn failed(&self, error: &tokio_postgres::Error) -> DatabaseError {
        self.database.failed(self.action, error)
    }

    fn object(&self) -> Result<&Object, DatabaseError> {
        self.object.as_ref().ok_or_else(|| self.database.given_up())
    }

    /// In time, and on the stopwatch.
    async fn bounded<F: Future>(&self, work: F) -> Result<F::Output, Elapsed> {
        self.database
            .timed(tokio::time::timeout(self.limit, work))
            .await
    }

    fn settle<T>(
        &mut self,
        outcome: Result<Result<T, tokio_postgres::Error>, Elapsed>,
    ) -> Result<T, DatabaseError> {
        let error = match outcome {
            Ok(Ok(value)) => return Ok(value),
            Ok(Err(error)) => self.failed(&error),
            Err(_) => self.database.too_slow(self.action, self.limit),
        };
        // What is prepared may not fit any more, and what was set may be gone: a failure is rare
        // enough for a new connection.
        if let Some(object) = self.object.take() {
            pool::give_up(object);
        }
        self.in_transaction = false;
        Err(error)
    }
}

async fn prepared(client: &Object, statement: &str) -> Result<Statement, tokio_postgres::Error> {
    client.prepare_cached(statement).await
}

impl Deref for Lease {
    type Target = tokio_postgres::Client;

    fn deref(&self) -> &Self::Target {
        self.object
            .as_ref()
            .expect("whoever saw a failure asks no more")
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let Some(object) = self.object.take().filter(|_| self.in_transaction) else {
            return;
        };
        match tokio::runtime::Handle::try_current() {
            // It goes back to the pool when that is done.
            Ok(runtime) => {
                runtime.spawn(async move {
                    if object.batch_execute("ROLLBACK").await.is_err() {
                        give_up(object);
                    }
                });
            }
            Err(_) => give_up(object),
        }
    }
}
