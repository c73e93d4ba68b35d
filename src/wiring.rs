//! The composition root: settings in, assembled parts out. The only module that names concrete
//! adapters.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;

use crate::assistant::Assistant;
use crate::chunk::ChunkParameters;
use crate::config::{EmbedSettings, IngestSettings};
use crate::crawl::{FetchLimits, FrontierLimits, Manners, PrivateHosts};
use crate::embed::Embedder;
use crate::embed::ollama::{OllamaEmbedder, OllamaOptions};
use crate::embed::openai::{OpenAiEmbedder, OpenAiOptions};
use crate::embed::transformer::TransformerEmbedder;
use crate::index::hnsw::HnswParameters;
use crate::ingest::{ExtractorOptions, IngestOptions, Ingestor, Progress};
use crate::retrieve::{RetrievalParameters, check_embedder};
use crate::runtime::{blocking, cpu_pool};
use crate::snapshot::live::Live;
use crate::snapshot::{Generation, open};
use crate::store::sqlite::SqliteStore;
use crate::store::{SessionLimits, SessionStore};

/// Candidates kept during a graph search (ef).
pub const SEARCH_WIDTH: usize = 192;

/// The hidden subcommand that makes this program an extraction worker.
pub const WORKER_COMMAND: &str = "extract-worker";

/// Opens the embedder that the settings name.
pub async fn embedder(settings: EmbedSettings) -> anyhow::Result<Arc<dyn Embedder>> {
    Ok(match settings {
        EmbedSettings::InProcess { model_dir, threads } => {
            Arc::new(blocking::run(move || TransformerEmbedder::open(&model_dir, threads)).await?)
        }
        EmbedSettings::Ollama { url, model } => {
            Arc::new(OllamaEmbedder::connect(OllamaOptions { url, model }).await?)
        }
        EmbedSettings::Openai {
            url,
            model,
            api_key,
        } => Arc::new(
            OpenAiEmbedder::connect(OpenAiOptions {
                url,
                model,
                api_key,
            })
            .await?,
        ),
    })
}

/// An ingest run with this program as its extraction worker.
pub fn ingestor(
    settings: IngestSettings,
    embedder: Arc<dyn Embedder>,
    progress: Progress,
    dry_run: bool,
) -> anyhow::Result<Ingestor> {
    let threads = cpu_pool::available_threads();
    let mut fetch = FetchLimits {
        total_timeout: Duration::from_secs(settings.fetch_timeout),
        max_bytes: settings.max_size * 1024 * 1024,
        read_timeout: Duration::from_secs(settings.read_timeout),
        private_hosts: private_hosts(settings.allow_private),
        use_proxy: settings.use_proxy,
        ..FetchLimits::default()
    };
    if let Some(user_agent) = settings.user_agent {
        fetch.user_agent = user_agent;
    }
    let extractor = ExtractorOptions {
        program: std::env::current_exe()
            .context("cannot find the program's own file for extraction workers")?,
        arguments: vec![
            WORKER_COMMAND.to_owned(),
            "--memory-mib".to_owned(),
            settings.extract_memory.to_string(),
        ],
        workers: threads.get(),
        timeout: Duration::from_secs(settings.extract_timeout),
    };
    let options = IngestOptions {
        urls: settings.urls,
        folders: settings.docs,
        index: settings.index,
        keep: settings.keep,
        concurrency: settings.concurrency,
        threads,
        fetch,
        manners: Manners {
            pace: Duration::from_millis(settings.pace),
            max_crawl_delay: Duration::from_secs(settings.max_crawl_delay),
            retries: settings.retries,
        },
        frontier: FrontierLimits {
            depth: settings.depth,
            max_pages: settings.max_pages,
        },
        sitemaps: settings.sitemap,
        extractor,
        chunking: ChunkParameters {
            max_tokens: settings.chunk_tokens,
            ..ChunkParameters::default()
        },
        graph: HnswParameters::default(),
        max_stale_days: settings.max_stale,
        dry_run,
    };
    Ok(Ingestor::new(options, embedder, progress))
}

fn private_hosts(named: Vec<String>) -> PrivateHosts {
    if named.iter().any(|host| host == "*") {
        PrivateHosts::Allowed
    } else if named.is_empty() {
        PrivateHosts::Refused
    } else {
        PrivateHosts::Named(named.into_iter().collect())
    }
}

/// Opens the live generation, or the newest older one that is whole, and checks that `embedder`
/// made its vectors.
pub async fn generation(index: &Path, embedder: &dyn Embedder) -> anyhow::Result<Generation> {
    let index = index.to_owned();
    let (generation, refused) =
        blocking::run(move || open::open_usable(&index, SEARCH_WIDTH)).await?;
    for (id, reason) in refused {
        tracing::error!(snapshot.generation = %id, %reason, "a generation was refused; an older one answers");
    }
    check_embedder(&generation.records.manifest, embedder).await??;
    Ok(generation)
}

/// Opens the store in a state directory: sessions and keys.
pub async fn store(state: &Path, limits: SessionLimits) -> anyhow::Result<Arc<SqliteStore>> {
    let state = state.to_owned();
    Ok(Arc::new(
        blocking::run(move || SqliteStore::open(&state, limits)).await?,
    ))
}

/// The use cases over a store and a live generation.
pub fn assistant(
    store: Arc<dyn SessionStore>,
    live: Arc<Live>,
    embedder: Arc<dyn Embedder>,
    retrieval: RetrievalParameters,
) -> Assistant {
    Assistant::new(store, live, embedder, retrieval)
}
