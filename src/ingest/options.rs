//! What a run is told.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use url::Url;

use super::extractor::ExtractorOptions;
use super::folders::FolderRules;
use crate::chunk::ChunkParameters;
use crate::crawl::{FetchLimits, FrontierLimits, Manners};
use crate::index::hnsw::HnswParameters;

/// What to ingest and where to.
#[derive(Debug, Clone)]
pub struct IngestOptions {
    /// File with addresses, if any.
    pub urls: Option<PathBuf>,
    /// Pages that are named one by one.
    pub pages: Vec<Url>,
    /// Folders and files to read.
    pub folders: Vec<PathBuf>,
    /// What of the folders is read.
    pub folder_rules: FolderRules,
    /// The index directory.
    pub index: PathBuf,
    /// Generations kept besides the live one.
    pub keep: usize,
    /// Sources fetched at a time.
    pub concurrency: NonZeroUsize,
    /// Threads that build the graph.
    pub threads: NonZeroUsize,
    /// Bounds of a fetch.
    pub fetch: FetchLimits,
    /// Query parameters whose values are shown nowhere.
    pub mask_params: Vec<String>,
    /// What is owed to the sites.
    pub manners: Manners,
    /// How far links are followed.
    pub frontier: FrontierLimits,
    /// Sitemaps whose pages are fetched too, or a robots.txt that names them.
    pub sitemaps: Vec<Url>,
    /// Extraction workers.
    pub extractor: ExtractorOptions,
    /// For the embedding of one document.
    pub embed_timeout: Duration,
    /// How texts are split.
    pub chunking: ChunkParameters,
    /// How the graph is built.
    pub graph: HnswParameters,
    /// Days for which a failing source keeps its last good content; `None` is for ever.
    pub max_stale_days: Option<u32>,
    /// Only say what would happen.
    pub dry_run: bool,
}
