//! Keys in the database: their digests, never the keys.

use async_trait::async_trait;
use rusqlite::types::Type;
use rusqlite::{Connection, Row, params};

use super::readers::engine_error;
use super::{SqliteStore, StoreError};
use crate::model::{Key, KeyHash, KeyId, Scopes};
use crate::store::KeyStore;

#[async_trait]
impl KeyStore for SqliteStore {
    async fn add_key(&self, key: Key) -> Result<(), StoreError> {
        self.writer
            .submit("add a key", move |connection| {
                connection
                    .prepare_cached(
                        "INSERT INTO keys (id, name, hash, scopes, created_at)
                         VALUES (?1, ?2, ?3, ?4, ?5)",
                    )?
                    .execute(params![
                        key.id.number(),
                        key.name,
                        key.hash.as_bytes(),
                        key.scopes.to_string(),
                        key.created_at
                    ])?;
                Ok(())
            })
            .await
    }

    async fn keys(&self) -> Result<Vec<Key>, StoreError> {
        self.readers.run(read_keys).await
    }

    async fn revoke_key(&self, id: KeyId, at: i64) -> Result<bool, StoreError> {
        self.writer
            .submit_release("revoke a key", move |connection| {
                let changed = connection
                    .prepare_cached(
                        "UPDATE keys SET revoked_at = coalesce(revoked_at, ?2) WHERE id = ?1",
                    )?
                    .execute(params![id.number(), at])?;
                Ok(changed > 0)
            })
            .await
    }

    async fn touch_keys(&self, used: Vec<(KeyId, i64)>) -> Result<(), StoreError> {
        self.writer
            .submit("note the use of keys", move |connection| {
                let mut statement =
                    connection.prepare_cached("UPDATE keys SET last_used_at = ?2 WHERE id = ?1")?;
                for (id, at) in &used {
                    statement.execute(params![id.number(), at])?;
                }
                Ok(())
            })
            .await
    }
}

fn read_keys(connection: &Connection) -> Result<Vec<Key>, StoreError> {
    let read = || {
        connection
            .prepare_cached(
                "SELECT id, name, hash, scopes, created_at, last_used_at, revoked_at
                 FROM keys ORDER BY created_at, id",
            )?
            .query_map([], key)?
            .collect::<rusqlite::Result<Vec<Key>>>()
    };
    read().map_err(|error: rusqlite::Error| engine_error("read the keys", &error))
}

fn key(row: &Row<'_>) -> rusqlite::Result<Key> {
    let scopes: String = row.get(3)?;
    let refused = |column, what: &str| {
        rusqlite::Error::FromSqlConversionFailure(column, Type::Text, what.to_owned().into())
    };
    Ok(Key {
        id: KeyId::from_number(row.get(0)?).ok_or_else(|| refused(0, "an id of zero"))?,
        name: row.get(1)?,
        hash: KeyHash::from_bytes(row.get(2)?),
        scopes: Scopes::parse(&scopes).ok_or_else(|| refused(3, "unknown scopes"))?,
        created_at: row.get(4)?,
        last_used_at: row.get(5)?,
        revoked_at: row.get(6)?,
    })
}
