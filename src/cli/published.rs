//! `wattwise snapshot` over an index in an object store.

use anyhow::Context as _;

use super::args::{SnapshotAction, VerifyArguments};
use super::generations::{find, list, rolled_back, target, told_pruned, verify};
use super::{ExitStatus, diff};
use crate::config::EmbedConfig;
use crate::model::GenerationId;
use crate::objects::Workspace;
use crate::runtime::blocking;
use crate::snapshot::{current, open};

pub(super) async fn run(
    workspace: Workspace,
    action: SnapshotAction,
    embed: EmbedConfig,
) -> anyhow::Result<ExitStatus> {
    let folder = workspace.folder().to_owned();
    match action {
        SnapshotAction::List { json } => blocking::run(move || list(&folder, json)).await,
        SnapshotAction::Verify(arguments) => {
            let id = match arguments.generation.as_deref() {
                Some(text) => find(&folder, text)?,
                None => current::read(&folder)?,
            };
            workspace.fetch(&id).await?;
            let arguments = VerifyArguments {
                generation: Some(id.to_string()),
                ..arguments
            };
            verify(folder, arguments, embed).await
        }
        SnapshotAction::Diff { from, to, json } => {
            let (from, to) = diff::pair(&folder, from.as_deref(), to.as_deref())?;
            workspace.fetch(&from).await?;
            workspace.fetch(&to).await?;
            blocking::run(move || diff::run(&folder, &from, &to, json)).await
        }
        SnapshotAction::Rollback { generation } => {
            let live = current::read(&folder)?;
            let id = target(&folder, generation.as_deref(), Some(&live))?;
            check(&workspace, &id).await?;
            workspace.roll_back(&id).await?;
            rolled_back(&id, Some(&live))
        }
        SnapshotAction::Prune { keep, json } => {
            let gone = workspace.prune(keep).await?;
            told_pruned(&gone, json)
        }
    }
}

/// That what the store has of a generation can answer.
async fn check(workspace: &Workspace, id: &GenerationId) -> anyhow::Result<()> {
    workspace
        .fetch(id)
        .await
        .context("it cannot be made live")?;
    let (folder, id) = (workspace.folder().to_owned(), id.clone());
    let opened = blocking::run(move || open::open_records(&folder, &id).map(|_| ()));
    Ok(opened.await?)
}
