//! Keys: their digests, never the keys. Every change is told to all servers.

use async_trait::async_trait;
use tokio_postgres::Row;

use super::PostgresStore;
use super::reads::odd;
use super::text::{read, stored};
use crate::model::{Key, KeyHash, KeyId, Scopes};
use crate::store::{KeyStore, StoreError};

#[async_trait]
impl KeyStore for PostgresStore {
    async fn add_key(&self, key: Key) -> Result<(), StoreError> {
        let mut lease = self.database.lease("add a key").await?;
        lease
            .execute(
                "WITH added AS (
                     INSERT INTO wattwise.keys (id, name, hash, scopes, created_at)
                     VALUES ($1, $2, $3, $4, $5) RETURNING 1
                 )
                 SELECT pg_notify('wattwise_keys', '') FROM added",
                &[
                    &key.id.number(),
                    &stored(&key.name),
                    &&key.hash.as_bytes()[..],
                    &key.scopes.to_string(),
                    &key.created_at,
                ],
            )
            .await?;
        Ok(())
    }

    async fn keys(&self) -> Result<Vec<Key>, StoreError> {
        let mut lease = self.database.lease("read the keys").await?;
        let rows = lease
            .rows(
                "SELECT id, name, hash, scopes, created_at, last_used_at, revoked_at
                 FROM wattwise.keys ORDER BY created_at, id",
                &[],
            )
            .await?;
        rows.iter().map(key).collect()
    }

    async fn revoke_key(&self, id: KeyId, at: i64) -> Result<bool, StoreError> {
        let mut lease = self.database.lease("revoke a key").await?;
        let revoked = lease
            .rows(
                "WITH revoked AS (
                     UPDATE wattwise.keys SET revoked_at = coalesce(revoked_at, $2)
                     WHERE id = $1 RETURNING 1
                 )
                 SELECT pg_notify('wattwise_keys', '') FROM revoked",
                &[&id.number(), &at],
            )
            .await?;
        Ok(!revoked.is_empty())
    }

    async fn touch_keys(&self, used: Vec<(KeyId, i64)>) -> Result<(), StoreError> {
        let mut used: Vec<(i64, i64)> = used.iter().map(|(id, at)| (id.number(), *at)).collect();
        // Servers that lock the same rows in the same order never wait for each other in a circle.
        used.sort_unstable();
        let (ids, times): (Vec<i64>, Vec<i64>) = used.into_iter().unzip();
        let mut lease = self.database.lease("note the use of keys").await?;
        lease
            .execute(
                "WITH locked AS (
                     SELECT id FROM wattwise.keys WHERE id = ANY ($1) ORDER BY id FOR UPDATE
                 )
                 UPDATE wattwise.keys k SET last_used_at = used.at
                 FROM locked JOIN unnest($1::int8[], $2::int8[]) AS used (id, at) USING (id)
                 WHERE k.id = locked.id AND coalesce(k.last_used_at, 0) < used.at",
                &[&ids, &times],
            )
            .await?;
        Ok(())
    }
}

fn key(row: &Row) -> Result<Key, StoreError> {
    let hash = row.get::<_, &[u8]>(2).try_into();
    Ok(Key {
        id: KeyId::from_number(row.get(0)).ok_or_else(|| odd("a key's id"))?,
        name: read(row.get(1)),
        hash: KeyHash::from_bytes(hash.map_err(|_| odd("a key's digest"))?),
        scopes: Scopes::parse(row.get(3)).ok_or_else(|| odd("a key's scopes"))?,
        created_at: row.get(4),
        last_used_at: row.get(5),
        revoked_at: row.get(6),
    })
}
