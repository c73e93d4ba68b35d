//! `wattwise migrate`

use std::path::Path;

use super::args::MigrateArguments;
use super::{ExitStatus, printer};
use crate::config::{ConfigError, File, Layer as _, ServeConfig, StatePlace};
use crate::postgres::{DatabaseAddress, DatabaseError};
use crate::store::SessionLimits;
use crate::wiring::{self, StoreOptions};

pub(super) async fn run(arguments: MigrateArguments, file: File) -> anyhow::Result<ExitStatus> {
    if let Some(index) = &arguments.index {
        return index_tables(index, arguments.grant.as_deref()).await;
    }
    let settings = ServeConfig {
        state: arguments.state,
        ..ServeConfig::default()
    }
    .over(file.serve)
    .resolve()?;
    let StatePlace::Database(address) = &settings.state else {
        if arguments.grant.is_some() {
            return Err(ConfigError::Invalid {
                name: "--grant",
                reason: "a folder knows no roles; it goes with --state postgres://…".to_owned(),
            }
            .into());
        }
        let options = StoreOptions::once(SessionLimits::default());
        wiring::store(&settings.state, options).await?;
        printer::result(format!("The state in {} is up to date", settings.state))?;
        return Ok(ExitStatus::Done);
    };
    let migration = wiring::migrate(address, arguments.grant.as_deref()).await?;
    printer::result(if migration.from == migration.to {
        format!(
            "The state in {address} is of version {}: nothing to do",
            migration.to
        )
    } else {
        format!(
            "The state in {address} was brought from version {} to {}",
            migration.from, migration.to
        )
    })?;
    if let Some(role) = &arguments.grant {
        printer::note(format!(
            "{role} may read and write its rows, and change no table"
        ));
    }
    Ok(ExitStatus::Done)
}

async fn index_tables(index: &Path, role: Option<&str>) -> anyhow::Result<ExitStatus> {
    let invalid = |reason: String| ConfigError::Invalid {
        name: "--index",
        reason,
    };
    let address = index.to_str().unwrap_or_default();
    let address: DatabaseAddress = address
        .parse()
        .map_err(|error: DatabaseError| invalid(error.to_string()))?;
    wiring::migrate_index(&address, role).await?;
    printer::result(format!("The tables of the index in {address} are there"))?;
    if let Some(role) = role {
        printer::note(format!("{role} may read them, and write nothing"));
    }
    Ok(ExitStatus::Done)
}
