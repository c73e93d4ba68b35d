//! `wattwise snapshot` over an index that is published elsewhere.

use anyhow::Context as _;

use super::args::{SnapshotAction, VerifyArguments};
use super::generations::{check_probes, find, list, rolled_back, target, told_pruned, verify};
use super::{ExitStatus, diff, printer};
use crate::config::EmbedConfig;
use crate::model::GenerationId;
use crate::runtime::blocking;
use crate::snapshot::{Records, current, open};
use crate::wiring::Workspace;
use crate::{objects, tables};

pub(super) async fn run(
    workspace: Workspace,
    action: SnapshotAction,
    embed: EmbedConfig,
) -> anyhow::Result<ExitStatus> {
    let folder = match &workspace {
        Workspace::Store(workspace) => workspace.folder().to_owned(),
        Workspace::Database(workspace) => workspace.folder().to_owned(),
    };
    match action {
        SnapshotAction::List { json } => blocking::run(move || list(&folder, json)).await,
        SnapshotAction::Verify(arguments) => {
            let id = match arguments.generation.as_deref() {
                Some(text) => find(&folder, text)?,
                None => current::read(&folder)?,
            };
            match &workspace {
                Workspace::Store(workspace) => {
                    workspace.fetch(&id).await?;
                    let arguments = VerifyArguments {
                        generation: Some(id.to_string()),
                        ..arguments
                    };
                    verify(folder, arguments, embed).await
                }
                Workspace::Database(workspace) => {
                    verify_tables(workspace, &id, arguments, embed).await
                }
            }
        }
        SnapshotAction::Diff { from, to, json } => {
            let (from, to) = diff::pair(&folder, from.as_deref(), to.as_deref())?;
            let before = Box::pin(records(&workspace, &from)).await?;
            let after = Box::pin(records(&workspace, &to)).await?;
            diff::tell(&before, &after, json)
        }
        SnapshotAction::Rollback { generation } => {
            let live = current::read(&folder)?;
            let id = target(&folder, generation.as_deref(), Some(&live))?;
            let opened = Box::pin(records(&workspace, &id)).await;
            opened.context("it cannot be made live")?;
            match &workspace {
                Workspace::Store(workspace) => workspace.roll_back(&id).await?,
                Workspace::Database(workspace) => workspace.roll_back(&id).await?,
            }
            rolled_back(&id, Some(&live))
        }
        SnapshotAction::Prune { keep, json } => {
            let gone = match &workspace {
                Workspace::Store(workspace) => workspace.prune(keep).await?,
                Workspace::Database(workspace) => workspace.prune(keep).await?,
            };
            told_pruned(&gone, json)
        }
    }
}

/// What is stored of a generation, once it has been found whole.
async fn records(workspace: &Workspace, id: &GenerationId) -> anyhow::Result<Records> {
    match workspace {
        Workspace::Store(workspace) => fetched(workspace, id).await,
        Workspace::Database(workspace) => Ok(workspace.generation(id).await?.records),
    }
}

async fn fetched(workspace: &objects::Workspace, id: &GenerationId) -> anyhow::Result<Records> {
    workspace.fetch(id).await?;
    let (folder, id) = (workspace.folder().to_owned(), id.clone());
    Ok(blocking::run(move || open::open_records(&folder, &id)).await?)
}

async fn verify_tables(
    workspace: &tables::Workspace,
    id: &GenerationId,
    arguments: VerifyArguments,
    embed: EmbedConfig,
) -> anyhow::Result<ExitStatus> {
    let (manifest, tables) = workspace.verify(id).await?;
    printer::result(format!(
        "{id} is whole: the rows of its {tables} tables are those that were published"
    ))?;
    check_probes(&manifest, arguments, embed).await
}
