//! `wattwise mcp`

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;

use super::ExitStatus;
use super::args::McpArguments;
use crate::assistant::{Assistant, AssistantParts};
use crate::config::{File, Layer as _};
use crate::mcp;
use crate::retrieve::RetrievalParameters;
use crate::retrieve::reload::{self, ReloadOptions};
use crate::runtime::cpu_pool;
use crate::snapshot::live::Live;
use crate::store::memory::MemoryStore;
use crate::wiring;

pub(super) async fn run(arguments: McpArguments, file: File) -> anyhow::Result<ExitStatus> {
    let serve = arguments.place.to_serve().over(file.serve).resolve()?;
    let embed = arguments.embed.over(file.embed);
    let generate = arguments.generate.over(file.generate);
    let reader = generate.reader();
    let generate = generate.resolve(&embed)?;
    let embed = embed.resolve(cpu_pool::available_threads())?;
    let chat_model = wiring::chat_model(generate)?;
    let embedder = wiring::embedder(embed).await?;
    let index = wiring::index_to_read(&serve).await?;
    let generation = wiring::generation(&index, embedder.as_ref()).await?;
    let replies = wiring::replies(&serve.replies, embedder.as_ref()).await?;
    let live = Arc::new(Live::new(generation));
    let watcher = tokio::spawn(reload::watch(
        Arc::clone(&live),
        Arc::clone(&embedder),
        ReloadOptions {
            index: index.folder_to_read().to_owned(),
            search_width: wiring::SEARCH_WIDTH,
            interval: Duration::from_secs(serve.reload_interval),
            supply: index.supply(),
        },
        Arc::new(Notify::new()),
    ));
    let store = Arc::new(MemoryStore::default());
    let parts = AssistantParts {
        chat_model,
        reader: wiring::reader(reader).await?,
        replies,
        ..AssistantParts::new(store, live, embedder, RetrievalParameters::default())
    };
    let outcome = mcp::serve_stdio(Arc::new(Assistant::new(parts))).await;
    watcher.abort();
    outcome?;
    Ok(ExitStatus::Done)
}
