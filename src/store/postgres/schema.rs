//! The tables, their version, and the steps from each version to the next.

use std::time::Duration;

use super::StoreError;
use crate::postgres::{Database, DatabaseError, Lease};

/// Step `n` leads from version `n` to version `n + 1`. Never edit a released step; add one, and let
/// servers of the version before go on working beside it.
const STEPS: &[&str] = &[
    // As in SQLite: a session's number keeps the other tables' keys small, and counts and bytes live
    // with the session, so that an append need not look at what is there. Room in each page lets a
    // session's row be replaced beside itself (HOT), since every write does that; no index may stand
    // on what such a write changes.
    "CREATE TABLE wattwise.sessions (
        number int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        id uuid NOT NULL UNIQUE,
        owner int8 NOT NULL,
        created_at int8 NOT NULL,
        used_at int8 NOT NULL,
        messages int8 NOT NULL DEFAULT 0,
        entries int8 NOT NULL DEFAULT 0,
        bytes int8 NOT NULL DEFAULT 0,
        title text
    ) WITH (fillfactor = 80);
    CREATE INDEX sessions_by_owner ON wattwise.sessions (owner, number);
    CREATE TABLE wattwise.messages (
        session int8 NOT NULL REFERENCES wattwise.sessions ON DELETE CASCADE,
        sequence int8 NOT NULL,
        text text NOT NULL,
        created_at int8 NOT NULL,
        PRIMARY KEY (session, sequence)
    );
    CREATE TABLE wattwise.records (
        number int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        session int8 NOT NULL REFERENCES wattwise.sessions ON DELETE CASCADE,
        summary text NOT NULL,
        details text NOT NULL,
        created_at int8 NOT NULL
    );
    CREATE INDEX records_by_session ON wattwise.records (session);
    CREATE TABLE wattwise.feedback (
        number int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        session int8 NOT NULL REFERENCES wattwise.sessions ON DELETE CASCADE,
        rating int8 NOT NULL CHECK (rating IN (-1, 1)),
        comment text NOT NULL,
        created_at int8 NOT NULL
    );
    CREATE INDEX feedback_by_session ON wattwise.feedback (session);
    CREATE TABLE wattwise.keys (
        id int8 PRIMARY KEY CHECK (id <> 0),
        name text NOT NULL,
        hash bytea NOT NULL CHECK (octet_length(hash) = 32),
        scopes text NOT NULL,
        created_at int8 NOT NULL,
        last_used_at int8,
        revoked_at int8
    );
    CREATE TABLE wattwise.receipts (
        number int8 GENERATED ALWAYS AS IDENTITY UNIQUE,
        owner int8 NOT NULL,
        key text NOT NULL,
        fingerprint bytea NOT NULL CHECK (octet_length(fingerprint) = 32),
        result text NOT NULL,
        created_at int8 NOT NULL,
        PRIMARY KEY (owner, key)
    );
    CREATE TABLE wattwise.replies (
        record int8 PRIMARY KEY REFERENCES wattwise.records ON DELETE CASCADE,
        owner int8 NOT NULL,
        key text NOT NULL,
        reply text NOT NULL,
        UNIQUE (owner, key),
        FOREIGN KEY (owner, key) REFERENCES wattwise.receipts ON DELETE CASCADE
    );
    CREATE TABLE wattwise.answers (
        number int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        owner int8 NOT NULL,
        generation text NOT NULL,
        scope bytea NOT NULL CHECK (octet_length(scope) = 32),
        digest bytea NOT NULL CHECK (octet_length(digest) = 32),
        question text NOT NULL,
        vector float4[] NOT NULL,
        answer text NOT NULL,
        created_at int8 NOT NULL,
        UNIQUE (scope, digest)
    );
    CREATE INDEX answers_by_owner ON wattwise.answers (owner);
    CREATE TABLE wattwise.questions (
        number int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        session int8 REFERENCES wattwise.sessions ON DELETE CASCADE,
        lack int8 NOT NULL CHECK (lack IN (1, 2, 3)),
        digest bytea NOT NULL CHECK (octet_length(digest) = 32),
        question text NOT NULL,
        vector float4[] NOT NULL,
        embedder bytea NOT NULL CHECK (octet_length(embedder) = 32),
        answer text NOT NULL,
        comment text NOT NULL,
        generation text NOT NULL,
        asked_at int8 NOT NULL,
        answered_in text,
        UNIQUE (session, lack, digest)
    );
    CREATE TABLE wattwise.servers (
        id uuid PRIMARY KEY,
        seen_at timestamptz NOT NULL
    );
    CREATE TABLE wattwise.probe (
        one int4 PRIMARY KEY CHECK (one = 1),
        at int8 NOT NULL
    );",
];

/// What a lock of ours stands for; a database's advisory locks are one space of numbers for all.
#[derive(Debug, Clone, Copy)]
pub(super) enum Purpose {
    Migration = 1,
    Expiry = 2,
}

impl Purpose {
    /// "Watt" in the upper half.
    pub(super) fn number(self) -> i64 {
        (0x5761_7474 << 32) | self as i64
    }
}

/// To wait for another server's migration, and to make one.
const LIMIT: Duration = Duration::from_mins(10);

/// What a migration found and left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Migration {
    /// The version before; 0 if there was nothing.
    pub from: i64,
    /// The version now.
    pub to: i64,
}

/// Brings the tables of the state up to date, all steps or none; the others wait for the one that
/// does. [`StoreError::TooNew`] if a newer program has been here, [`StoreError::NotMigrated`] if
/// there is something to do and this user may not.
pub async fn migrate(database: &Database) -> Result<Migration, StoreError> {
    let mut lease = database
        .lease_within("bring the state's tables up to date", LIMIT)
        .await?;
    let found = version(&mut lease).await?;
    let known = known();
    let from = if check(database, found)? {
        found
    } else {
        steps(&mut lease).await.map_err(|error| {
            let is_forbidden = matches!(
                error,
                DatabaseError::NoRight { .. } | DatabaseError::ReadOnly { .. }
            );
            if !is_forbidden {
                return StoreError::from(error);
            }
            StoreError::NotMigrated {
                place: database.place().to_owned(),
                found,
                known,
                reason: error.to_string(),
            }
        })?
    };
    check(database, from)?;
    Ok(Migration { from, to: known })
}

fn known() -> i64 {
    i64::try_from(STEPS.len()).unwrap_or(i64::MAX)
}

/// Whether the tables are of the version that this program knows.
fn check(database: &Database, found: i64) -> Result<bool, StoreError> {
    let known = known();
    if found > known {
        return Err(StoreError::TooNew {
            path: database.place().into(),
            found,
            known,
        });
    }
    Ok(found == known)
}

async fn steps(lease: &mut Lease) -> Result<i64, DatabaseError> {
    lease.begin().await?;
    lease
        .batch("SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0")
        .await?;
    let number = Purpose::Migration.number();
    lease
        .row("SELECT pg_advisory_xact_lock($1)", &[&number])
        .await?;
    // Another server may have done it meanwhile.
    let found = version(lease).await?;
    if found < known() {
        // A user who may not make schemas may not say IF NOT EXISTS either.
        let is_there =
            "SELECT EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE nspname = 'wattwise')";
        let row = lease.row(is_there, &[]).await?;
        if !row.is_some_and(|row| row.get(0)) {
            lease.batch("CREATE SCHEMA wattwise").await?;
        }
        let done = usize::try_from(found).unwrap_or(0);
        for step in STEPS.iter().skip(done) {
            lease.batch(step).await?;
        }
        let set = format!(
            "CREATE TABLE IF NOT EXISTS wattwise.state_version (
                one int4 PRIMARY KEY CHECK (one = 1),
                version int8 NOT NULL
            );
            INSERT INTO wattwise.state_version VALUES (1, {known})
            ON CONFLICT (one) DO UPDATE SET version = excluded.version",
            known = known()
        );
        lease.batch(&set).await?;
    }
    lease.commit().await?;
    Ok(found)
}

async fn version(lease: &mut Lease) -> Result<i64, DatabaseError> {
    // The catalogue itself is asked: `to_regclass` may remember what was so before a lock was waited for.
    let there = "SELECT EXISTS (SELECT FROM pg_catalog.pg_class c
        JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = 'wattwise' AND c.relname = 'state_version')";
    let row = lease.row(there, &[]).await?;
    if !row.is_some_and(|row| row.get(0)) {
        return Ok(0);
    }
    let row = lease
        .row("SELECT version FROM wattwise.state_version", &[])
        .await?;
    Ok(row.map_or(0, |row| row.get(0)))
}

/// Gives a role what a server needs and no more: rows may be read, written and deleted, tables may
/// not be made, changed or dropped. Tables that the same owner makes later are included.
pub async fn grant(database: &Database, role: &str) -> Result<(), StoreError> {
    let role = format!("\"{}\"", role.replace('"', "\"\""));
    let rights = "SELECT, INSERT, UPDATE, DELETE";
    let mut lease = database.lease("grant rights").await?;
    let all = format!(
        "BEGIN;
         GRANT USAGE ON SCHEMA wattwise TO {role};
         GRANT {rights} ON ALL TABLES IN SCHEMA wattwise TO {role};
         ALTER DEFAULT PRIVILEGES IN SCHEMA wattwise GRANT {rights} ON TABLES TO {role};
         REVOKE INSERT, UPDATE, DELETE ON wattwise.state_version FROM {role};
         COMMIT"
    );
    Ok(lease.batch(&all).await?)
}
