//! Who is calling, and what they may do.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use arc_swap::ArcSwap;

use super::AssistantError;
use crate::model::{Key, KeyHash, KeyId, Owner, Scopes};
use crate::store::KeyStore;

/// What every stored key begins with, so that a leaked one is recognised for what it is.
const PREFIX: &str = "ww_";

/// Somebody who may use the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caller {
    /// Whose conversations they see.
    pub owner: Owner,
    /// What they may do.
    pub scopes: Scopes,
    /// The stored key they showed, if it was one.
    pub key: Option<KeyId>,
}

impl Caller {
    /// The operator, and everybody where no key is asked for.
    pub const OPERATOR: Self = Self {
        owner: Owner::OPERATOR,
        scopes: Scopes::ADMIN,
        key: None,
    };
}

/// The keys that are valid now, in memory.
pub struct Access {
    store: Arc<dyn KeyStore>,
    operator: Option<KeyHash>,
    table: ArcSwap<HashMap<KeyId, Entry>>,
}

struct Entry {
    key: Key,
    used_at: AtomicI64,
}

impl Access {
    /// Reads the stored keys. `operator` is a key of the operator's own that is not stored.
    pub async fn open(
        store: Arc<dyn KeyStore>,
        operator: Option<KeyHash>,
    ) -> Result<Self, AssistantError> {
        let access = Self {
            store,
            operator,
            table: ArcSwap::default(),
        };
        access.refresh().await?;
        Ok(access)
    }

    /// Whether callers need a key: as soon as there is one, and still when all were revoked.
    pub fn needs_key(&self) -> bool {
        self.operator.is_some() || !self.table.load().is_empty()
    }

    /// The holder of a key.
    pub fn identify(&self, presented: &[u8], now: i64) -> Option<Caller> {
        let hash = KeyHash::of(presented);
        if self.operator == Some(hash) {
            return Some(Caller::OPERATOR);
        }
        let text = std::str::from_utf8(presented).ok()?;
        let (id, _) = text.strip_prefix(PREFIX)?.split_once('_')?;
        let table = self.table.load();
        let entry = table.get(&KeyId::parse(id)?)?;
        if entry.key.hash != hash || entry.key.revoked_at.is_some() {
            return None;
        }
        entry.used_at.store(now, Ordering::Relaxed);
        Some(Caller {
            owner: Owner::of(entry.key.id),
            scopes: entry.key.scopes,
            key: Some(entry.key.id),
        })
    }

    /// Takes over which keys were created and revoked, and notes which were used since the last call.
    pub async fn refresh(&self) -> Result<(), AssistantError> {
        // Keys first: that one cannot be noted must not keep another valid that was revoked.
        let keys = self.store.keys().await?;
        let table = self.table.load_full();
        let mut used = Vec::new();
        let mut entry = |mut key: Key| {
            let seen = table
                .get(&key.id)
                .map_or(0, |entry| entry.used_at.load(Ordering::Relaxed));
            if key.last_used_at.unwrap_or(0) + USE_STEP <= seen {
                used.push((key.id, seen));
                key.last_used_at = Some(seen);
            }
            let used_at = AtomicI64::new(seen);
            (key.id, Entry { key, used_at })
        };
        let next = keys.into_iter().map(&mut entry).collect();
        self.table.store(Arc::new(next));
        if !used.is_empty() {
            self.store.touch_keys(used).await?;
        }
        Ok(())
    }
}

/// Uses within so many seconds are noted as one.
const USE_STEP: i64 = 60;

/// A new key and its text, which is shown once and kept nowhere. `secret` must be random.
pub fn new_key(
    id: KeyId,
    secret: &[u8; 32],
    name: String,
    scopes: Scopes,
    created_at: i64,
) -> (Key, String) {
    let mut text = format!("{PREFIX}{id}_");
    for byte in secret {
        text.push_str(&format!("{byte:02x}"));
    }
    let key = Key {
        id,
        name,
        scopes,
        hash: KeyHash::of(text.as_bytes()),
        created_at,
        last_used_at: None,
        revoked_at: None,
    };
    (key, text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::SessionLimits;
    use crate::store::sqlite::SqliteStore;

    #[tokio::test]
    async fn keys_open_until_they_are_revoked_and_the_door_stays_shut() {
        let directory = tempfile::tempdir().unwrap();
        let store =
            Arc::new(SqliteStore::open(directory.path(), SessionLimits::default()).unwrap());
        let access = Access::open(Arc::clone(&store) as Arc<dyn KeyStore>, None)
            .await
            .unwrap();
        assert!(!access.needs_key());

        let id = KeyId::from_random(7 << 9);
        let scopes = Scopes::parse("chat").unwrap();
        let (key, text) = new_key(id, &[9; 32], "n".to_owned(), scopes, 1);
        store.add_key(key).await.unwrap();
        assert_eq!(access.identify(text.as_bytes(), 70), None);
        access.refresh().await.unwrap();
        assert!(access.needs_key());
        let caller = access.identify(text.as_bytes(), 70).unwrap();
        assert_eq!((caller.key, caller.owner), (Some(id), Owner::of(id)));
        for wrong in [&text[1..], &text[..text.len() - 1], "", "ww_", "ww__"] {
            assert_eq!(access.identify(wrong.as_bytes(), 70), None, "{wrong:?}");
        }
        access.refresh().await.unwrap();
        assert_eq!(store.keys().await.unwrap()[0].last_used_at, Some(70));

        store.revoke_key(id, 80).await.unwrap();
        access.refresh().await.unwrap();
        assert_eq!(access.identify(text.as_bytes(), 90), None);
        assert!(access.needs_key());
    }

    #[tokio::test]
    async fn the_operators_key_opens_everything() {
        let directory = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(directory.path(), SessionLimits::default()).unwrap();
        let access = Access::open(Arc::new(store), Some(KeyHash::of(b"sec:ret")))
            .await
            .unwrap();
        assert!(access.needs_key());
        assert_eq!(access.identify(b"sec:ret", 0), Some(Caller::OPERATOR));
        assert_eq!(access.identify(b"sec", 0), None);
    }
}
