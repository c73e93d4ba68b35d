//! `wattwise snapshot`

use std::path::Path;

use anyhow::bail;

use super::args::{SnapshotAction, SnapshotArguments};
use super::generations::{list, rolled_back, target, told_pruned, verify};
use super::{ExitStatus, diff, published};
use crate::config::{File, Layer as _};
use crate::runtime::blocking;
use crate::snapshot::{current, lock, open};
use crate::wiring;

pub(super) async fn run(arguments: SnapshotArguments, file: File) -> anyhow::Result<ExitStatus> {
    let settings = arguments.place.to_ingest().over(file.ingest).resolve()?;
    let (index, action) = (settings.index, arguments.action);
    let stored = wiring::Index::at(&index, settings.index_cache.as_deref())?;
    if let Some(workspace) = Box::pin(stored.workspace()).await? {
        return Box::pin(published::run(workspace, action, file.embed)).await;
    }
    if let SnapshotAction::Verify(arguments) = action {
        return verify(index, arguments, file.embed).await;
    }
    blocking::run(move || match action {
        SnapshotAction::List { json } => list(&index, json),
        SnapshotAction::Verify(_) => unreachable!("handled before the work turns blocking"),
        SnapshotAction::Diff { from, to, json } => {
            let (from, to) = diff::pair(&index, from.as_deref(), to.as_deref())?;
            diff::run(&index, &from, &to, json)
        }
        SnapshotAction::Rollback { generation } => rollback(&index, generation.as_deref()),
        SnapshotAction::Prune { keep, json } => prune(&index, keep, json),
    })
    .await
}

fn rollback(index: &Path, named: Option<&str>) -> anyhow::Result<ExitStatus> {
    let _lock = lock::acquire(index, "a rollback")?;
    let live = match (named, current::read(index)) {
        (_, Ok(live)) => Some(live),
        // Which one was live before need not be known, so that this mends a lost CURRENT.
        (Some(_), Err(_)) => None,
        (None, Err(error)) => {
            bail!("{error}; `wattwise snapshot list` shows what can be named to be made live")
        }
    };
    let target = target(index, named, live.as_ref())?;
    open::open_records(index, &target)?;
    current::publish(index, &target)?;
    rolled_back(&target, live.as_ref())
}

fn prune(index: &Path, keep: usize, json: bool) -> anyhow::Result<ExitStatus> {
    let _lock = lock::acquire(index, "a prune")?;
    // Without a live generation nothing says which ones may go.
    current::read(index)?;
    told_pruned(&current::prune(index, keep)?, json)
}
