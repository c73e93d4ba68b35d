//! `wattwise replies`

use super::args::{RepliesAction, RepliesArguments};
use super::{ExitStatus, printer};
use crate::config::{File, Layer as _};
use crate::runtime::cpu_pool;
use crate::wiring;

pub(super) async fn run(arguments: RepliesArguments, file: File) -> anyhow::Result<ExitStatus> {
    let RepliesAction::Check { file: named } = arguments.action;
    let named = named.or(file.serve.replies);
    let named = named.as_deref().unwrap_or("shipped");
    let embed = arguments.embed.over(file.embed);
    let embedder = wiring::embedder(embed.resolve(cpu_pool::available_threads())?).await?;
    let Some(replies) = wiring::replies(named, embedder.as_ref()).await? else {
        printer::note("Replies are off.");
        return Ok(ExitStatus::Done);
    };
    for name in replies.unchecked() {
        printer::note(format!("{name} is not marked as checked by its owner"));
    }
    let (failed, tests) = replies.check(embedder.as_ref()).await?;
    for line in &failed {
        printer::result(line)?;
    }
    printer::result(format!("{} of {tests} tests hold", tests - failed.len()))?;
    Ok(if failed.is_empty() {
        ExitStatus::Done
    } else {
        ExitStatus::Failed
    })
}
