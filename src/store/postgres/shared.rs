//! Servers on one database.

use async_trait::async_trait;

use super::PostgresStore;
use crate::model::Owner;
use crate::postgres::{Notice, listen};
use crate::store::StoreError;
use crate::store::shared::{Change, SharedStore};

/// What servers tell each other.
const CHANNELS: [&str; 2] = ["wattwise_keys", "wattwise_answers"];

#[async_trait]
impl SharedStore for PostgresStore {
    async fn next_change(&self) -> Change {
        let mut notices = self.notices.lock().await;
        let receiver = notices.get_or_insert_with(|| listen(self.database.clone(), &CHANNELS));
        match receiver.recv().await {
            Some(Notice::Said { channel, words }) => change(&channel, &words),
            Some(Notice::Listening) => Change::Unknown,
            // It ends with its runtime alone.
            None => std::future::pending().await,
        }
    }

    async fn count_servers(&self) -> Result<u32, StoreError> {
        let mut lease = self.database.lease("count the servers").await?;
        let row = lease
            .row(
                "WITH this AS (
                     INSERT INTO wattwise.servers (id, seen_at) VALUES ($1::text::uuid, now())
                     ON CONFLICT (id) DO UPDATE SET seen_at = excluded.seen_at
                 )
                 SELECT count(*) FROM wattwise.servers
                 WHERE id <> $1::text::uuid AND seen_at > now() - interval '15 seconds'",
                &[&self.server.to_string()],
            )
            .await?;
        let others: i64 = row.map_or(0, |row| row.get(0));
        Ok(u32::try_from(others).unwrap_or(u32::MAX).saturating_add(1))
    }
}

fn change(channel: &str, words: &str) -> Change {
    match (channel, words.parse()) {
        ("wattwise_keys", _) => Change::Keys,
        ("wattwise_answers", Ok(owner)) => Change::Answers(Owner::from_number(owner)),
        _ => Change::Unknown,
    }
}
