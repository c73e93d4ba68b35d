//! State in `PostgreSQL`, for several servers at once.
//!
//! A write without a name is one statement and so one round trip; one that may be repeated is a
//! transaction that first claims its name, which makes another server with the same name wait. A
//! message's place in its session comes from the session's row, whose lock puts writers of all servers
//! in a line. Times are the database's, so that servers whose clocks differ agree on the order.
//! SQL stays inside this module.

mod answers;
mod keys;
mod questions;
mod reads;
mod schema;
mod shared;
mod text;
mod writes;

use std::fmt;
use std::sync::atomic::{AtomicI64, Ordering};

use async_trait::async_trait;
use tokio::sync::Mutex;
use tokio::sync::mpsc::Receiver;

use self::writes::Entry;
use super::{Expiry, SessionLimits, SessionStore, StoreError};
use crate::model::{
    Message, NewRecord, Once, OwnedSession, Owner, Rating, SessionDetails, SessionId,
    SessionSummary,
};
use crate::postgres::{Database, Notice};

pub use schema::{Migration, grant, migrate};

/// The second as the database sees it.
const NOW: &str = "floor(extract(epoch FROM clock_timestamp()))::int8";

/// Sessions, messages and records in a database that others use too.
pub struct PostgresStore {
    database: Database,
    limits: SessionLimits,
    /// How far this server's pass of [`SessionStore::expire`] has come, by the sessions' numbers.
    expired_up_to: AtomicI64,
    /// This server, among those that share the database.
    server: uuid::Uuid,
    notices: Mutex<Option<Receiver<Notice>>>,
}

impl PostgresStore {
    /// Opens the store, and makes or updates its tables if this user may; otherwise
    /// [`StoreError::NotMigrated`] says who must.
    pub async fn open(database: Database, limits: SessionLimits) -> Result<Self, StoreError> {
        let migration = schema::migrate(&database).await?;
        if migration.from < migration.to {
            tracing::info!(
                database = database.place(),
                from = migration.from,
                to = migration.to,
                "the tables of the state were brought up to date"
            );
        }
        Ok(Self {
            database,
            limits,
            expired_up_to: AtomicI64::new(0),
            server: uuid::Uuid::new_v4(),
            notices: Mutex::new(None),
        })
    }
}

impl fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresStore")
            .field("database", &self.database)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl SessionStore for PostgresStore {
    async fn create_session(
        &self,
        owner: Owner,
        once: Option<Once>,
    ) -> Result<SessionId, StoreError> {
        let session = SessionId::new_random();
        let mut lease = self.database.lease("create a session").await?;
        let Some(once) = once else {
            writes::create_session(&mut lease, owner, session).await?;
            return Ok(session);
        };
        let result = session.to_string();
        if let Some(before) = writes::claim(&mut lease, owner, &once, &result).await? {
            // What is no id was the result of another kind of write under this name.
            return SessionId::parse(&before).ok_or(StoreError::KeyReused);
        }
        writes::create_session(&mut lease, owner, session).await?;
        lease.commit().await?;
        Ok(session)
    }

    async fn append_message(
        &self,
        session: OwnedSession,
        text: String,
        once: Option<Once>,
    ) -> Result<Message, StoreError> {
        let mut lease = self.database.lease("append a message").await?;
        let Some(once) = once else {
            return writes::append_message(&mut lease, session, self.limits, text, None).await;
        };
        if let Some(number) = writes::claim(&mut lease, session.owner, &once, "").await? {
            return writes::appended(&mut lease, session, &number).await;
        }
        let key = Some(once.key.as_str());
        let appended = writes::append_message(&mut lease, session, self.limits, text, key).await;
        writes::end(&mut lease, appended).await
    }

    async fn messages(&self, session: OwnedSession) -> Result<Vec<Message>, StoreError> {
        let mut lease = self.database.lease("read the messages").await?;
        reads::messages(&mut lease, session).await
    }

    async fn save_record(
        &self,
        session: OwnedSession,
        record: NewRecord,
        once: Option<Once>,
    ) -> Result<(), StoreError> {
        let entry = Entry::Record(&record, once.as_ref());
        self.enter("save a record", session, entry, once.as_ref())
            .await
    }

    async fn reply(&self, owner: Owner, once: Once) -> Result<Option<String>, StoreError> {
        let mut lease = self.database.lease("look for a kept reply").await?;
        reads::reply(&mut lease, owner, &once).await
    }

    async fn save_feedback(
        &self,
        session: OwnedSession,
        rating: Rating,
        comment: String,
        once: Option<Once>,
    ) -> Result<(), StoreError> {
        let entry = Entry::Feedback(rating, &comment);
        self.enter("save feedback", session, entry, once.as_ref())
            .await
    }

    async fn session(&self, session: OwnedSession) -> Result<SessionDetails, StoreError> {
        let mut lease = self.database.lease("read a session").await?;
        lease.begin_reading().await?;
        let found = reads::session(&mut lease, session).await;
        lease.rollback().await?;
        found
    }

    async fn sessions(
        &self,
        owner: Owner,
        after: Option<SessionId>,
        at_most: u32,
    ) -> Result<Vec<SessionSummary>, StoreError> {
        let mut lease = self.database.lease("list sessions").await?;
        reads::sessions(&mut lease, owner, after, at_most).await
    }

    async fn rename_session(&self, session: OwnedSession, title: String) -> Result<(), StoreError> {
        let mut lease = self.database.lease("rename a session").await?;
        writes::rename_session(&mut lease, session, &title).await
    }

    async fn delete_session(&self, session: OwnedSession) -> Result<(), StoreError> {
        let mut lease = self.database.lease("delete a session").await?;
        writes::delete_session(&mut lease, session).await
    }

    async fn expire(&self, expiry: Expiry) -> Result<bool, StoreError> {
        let mut lease = self.database.lease("delete what is old").await?;
        let after = self.expired_up_to.load(Ordering::Relaxed);
        lease.begin().await?;
        let deleted = writes::expire(&mut lease, expiry, after).await?;
        lease.commit().await?;
        // The next pass begins at the front again.
        let reached = deleted.sessions_up_to.unwrap_or(0);
        self.expired_up_to.store(reached, Ordering::Relaxed);
        Ok(deleted.may_be_more)
    }

    async fn probe(&self) -> Result<(), StoreError> {
        let mut lease = self.database.lease("write a probe").await?;
        let probe = format!(
            "INSERT INTO wattwise.probe (one, at) VALUES (1, {NOW})
             ON CONFLICT (one) DO UPDATE SET at = excluded.at RETURNING at"
        );
        lease.row(&probe, &[]).await?;
        Ok(())
    }
}

impl PostgresStore {
    /// Puts something besides a message into a session.
    async fn enter(
        &self,
        action: &'static str,
        session: OwnedSession,
        entry: Entry<'_>,
        once: Option<&Once>,
    ) -> Result<(), StoreError> {
        let mut lease = self.database.lease(action).await?;
        let Some(once) = once else {
            return writes::enter(&mut lease, session, self.limits, entry).await;
        };
        if writes::claim(&mut lease, session.owner, once, "")
            .await?
            .is_some()
        {
            return Ok(());
        }
        let entered = writes::enter(&mut lease, session, self.limits, entry).await;
        writes::end(&mut lease, entered).await
    }
}

#[cfg(test)]
mod tests;
