//! Which store the state is kept in.

use std::sync::Arc;
use std::time::Duration;

use crate::config::StatePlace;
use crate::postgres::{Database, DatabaseAddress, DatabaseOptions};
use crate::runtime::blocking;
use crate::store::SessionLimits;
use crate::store::postgres::{self, Migration, PostgresStore};
use crate::store::shared::StateStore;
use crate::store::sqlite::SqliteStore;

/// How a store is opened.
#[derive(Debug, Clone, Copy)]
pub struct StoreOptions {
    /// What a session may hold.
    pub limits: SessionLimits,
    /// Bytes of a folder; a database has limits of its own.
    pub most_bytes: u64,
    /// Connections to a database.
    pub connections: usize,
    /// How long to wait for a database that is away.
    pub patience: Duration,
}

impl StoreOptions {
    /// For a command that does one thing and ends.
    pub fn once(limits: SessionLimits) -> Self {
        Self {
            limits,
            most_bytes: u64::MAX,
            connections: 1,
            patience: Duration::ZERO,
        }
    }
}

/// Opens the store at a place: sessions, keys, and what else a server keeps.
pub async fn store(
    place: &StatePlace,
    options: StoreOptions,
) -> anyhow::Result<Arc<dyn StateStore>> {
    let StoreOptions {
        limits, most_bytes, ..
    } = options;
    Ok(match place {
        StatePlace::Folder(folder) => {
            let folder = folder.clone();
            let open = move || SqliteStore::open_bounded(&folder, limits, most_bytes);
            Arc::new(blocking::run(open).await?)
        }
        StatePlace::Database(address) => {
            let database = DatabaseOptions {
                connections: options.connections,
                stage: Some("store"),
                ..DatabaseOptions::default()
            };
            let database = Database::open(address, database, options.patience).await?;
            Arc::new(PostgresStore::open(database, limits).await?)
        }
    })
}

/// Brings the tables of a database up to date, and gives a role what a server needs.
pub async fn migrate(address: &DatabaseAddress, role: Option<&str>) -> anyhow::Result<Migration> {
    let options = DatabaseOptions {
        connections: 1,
        ..DatabaseOptions::default()
    };
    let database = Database::open(address, options, Duration::ZERO).await?;
    let migration = postgres::migrate(&database).await?;
    if let Some(role) = role {
        postgres::grant(&database, role).await?;
    }
    Ok(migration)
}
