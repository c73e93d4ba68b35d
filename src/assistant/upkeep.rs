//! What a running server does between requests.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::access::Access;
use crate::store::{Expiry, SessionStore, StoreError};

/// How soon a key that was created or revoked counts.
const KEY_INTERVAL: Duration = Duration::from_secs(1);

/// Between two looks for what is old.
const EXPIRY_INTERVAL: Duration = Duration::from_mins(1);

/// Sessions deleted in one transaction, which other writes wait for.
const EXPIRY_STEP: u32 = 200;

/// Repeatable writes are remembered for a day.
const RECEIPT_SECONDS: i64 = 24 * 60 * 60;

/// Follows the stored keys for ever.
pub async fn follow_keys(access: Arc<Access>) {
    loop {
        tokio::time::sleep(KEY_INTERVAL).await;
        if let Err(error) = access.refresh().await {
            tracing::warn!(%error, "the keys could not be read; those known go on counting");
        }
    }
}

/// Deletes what is old for ever: sessions that were not written to for `session_ttl`, and memories
/// of repeatable writes.
pub async fn delete_old(store: Arc<dyn SessionStore>, session_ttl: Option<Duration>) {
    loop {
        if let Err(error) = delete_once(store.as_ref(), session_ttl, now()).await {
            tracing::warn!(%error, "what is old could not be deleted");
        }
        tokio::time::sleep(EXPIRY_INTERVAL).await;
    }
}

async fn delete_once(
    store: &dyn SessionStore,
    session_ttl: Option<Duration>,
    now: i64,
) -> Result<(), StoreError> {
    let ttl = session_ttl.map(|ttl| i64::try_from(ttl.as_secs()).unwrap_or(i64::MAX));
    let expiry = Expiry {
        sessions_before: ttl.map(|ttl| now.saturating_sub(ttl)),
        receipts_before: now - RECEIPT_SECONDS,
        at_most: EXPIRY_STEP,
    };
    while store.expire(expiry).await? {
        // Other writes go first.
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Ok(())
}

/// Seconds since the Unix epoch.
pub fn now() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |elapsed| {
            i64::try_from(elapsed.as_secs()).unwrap_or(i64::MAX)
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Owner;
    use crate::store::memory::MemoryStore;

    #[tokio::test]
    async fn sessions_live_as_long_as_told() {
        let store = MemoryStore::default();
        store.create_session(Owner::OPERATOR, None).await.unwrap();
        let count = || async {
            store
                .sessions(Owner::OPERATOR, None, 9)
                .await
                .unwrap()
                .len()
        };
        let hour = Some(Duration::from_hours(1));
        delete_once(&store, None, now() + 7200).await.unwrap();
        delete_once(&store, hour, now() + 1800).await.unwrap();
        assert_eq!(count().await, 1);
        delete_once(&store, hour, now() + 7200).await.unwrap();
        assert_eq!(count().await, 0);
    }
}
