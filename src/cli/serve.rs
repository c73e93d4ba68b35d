//! `wattwise serve`

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Notify;

use super::args::ServeArguments;
use super::{ExitStatus, printer};
use crate::config::{File, Layer as _};
use crate::http;
use crate::retrieve::RetrievalParameters;
use crate::retrieve::reload::{self, ReloadOptions};
use crate::runtime::cpu_pool;
use crate::snapshot::live::Live;
use crate::wiring;

pub(super) async fn run(arguments: ServeArguments, file: File) -> anyhow::Result<ExitStatus> {
    let settings = arguments.serve.over(file.serve).resolve()?;
    let embed = arguments
        .embed
        .over(file.embed)
        .resolve(cpu_pool::available_threads())?;
    if arguments.print_config {
        printer::result(toml::to_string(&settings)?)?;
        printer::result(toml::to_string(&embed)?)?;
        return Ok(ExitStatus::Done);
    }
    let embedder = wiring::embedder(embed).await?;
    let generation = wiring::generation(&settings.index, embedder.as_ref()).await?;
    let counts = generation.records.manifest.counts;
    let id = generation.id().clone();
    let live = Arc::new(Live::new(generation));
    let store = wiring::store(&settings.state).await?;

    let reload_now = Arc::new(Notify::new());
    let watcher = tokio::spawn(reload::watch(
        Arc::clone(&live),
        Arc::clone(&embedder),
        ReloadOptions {
            index: settings.index.clone(),
            search_width: wiring::SEARCH_WIDTH,
            interval: Duration::from_secs(settings.reload_interval),
        },
        Arc::clone(&reload_now),
    ));
    let hangups = tokio::spawn(notify_on_hangup(reload_now)?);

    let listener = TcpListener::bind(settings.bind)
        .await
        .with_context(|| format!("cannot listen on {}", settings.bind))?;
    tracing::info!(
        server.address = %listener.local_addr()?,
        snapshot.generation = %id,
        snapshot.documents = counts.documents,
        snapshot.chunks = counts.chunks,
        "ready"
    );
    let assistant = Arc::new(wiring::assistant(
        store,
        live,
        embedder,
        RetrievalParameters::default(),
    ));
    let limits = http::ServerLimits {
        max_body_bytes: settings.max_body * 1024,
        drain_timeout: Duration::from_secs(settings.drain),
        ..http::ServerLimits::default()
    };
    let key = settings.auth_api_key.as_deref().and_then(http::ApiKey::new);
    let state = http::AppState::new(assistant, key, limits);
    let outcome = http::serve(listener, http::router(state), limits, shutdown_signal()?).await;
    watcher.abort();
    hangups.abort();
    outcome.context("the server failed")?;
    tracing::info!("stopped");
    Ok(ExitStatus::Done)
}

/// SIGHUP asks for a look at `CURRENT` at once.
fn notify_on_hangup(reload_now: Arc<Notify>) -> std::io::Result<impl Future<Output = ()>> {
    let mut hangup = signal(SignalKind::hangup())?;
    Ok(async move {
        while hangup.recv().await.is_some() {
            reload_now.notify_one();
        }
    })
}

/// Ends with the first SIGTERM or SIGINT; a second one ends the process at once.
fn shutdown_signal() -> std::io::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("stopping: requests under way may finish");
        tokio::spawn(async move {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            // The operator does not want to wait; every acknowledged write is on disk.
            std::process::abort();
        });
    })
}
