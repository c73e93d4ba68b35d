//! Why a run published nothing.

use thiserror::Error;

use crate::crawl::ListError;
use crate::embed::EmbedError;
use crate::snapshot::SnapshotError;

/// What ended a run before it published.
#[derive(Debug, Error)]
pub enum IngestError {
    /// What the options name holds no source.
    #[error(
        "there is nothing to ingest: the folders and lists that are named are empty; nothing was published and what was stays. Name others with --docs or --urls, or delete the index"
    )]
    NoSources,
    /// The URL list is unusable.
    #[error(transparent)]
    UrlList(#[from] ListError),
    /// A folder cannot be read.
    #[error("cannot read {path}: {source}; name a folder or file that is there and may be read")]
    Folder {
        /// The folder or file.
        path: std::path::PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// Every source failed or was empty.
    #[error("nothing could be indexed: {0}; mend what is named there and run it again")]
    NothingIndexed(String),
    /// The extraction workers cannot be started.
    #[error(
        "cannot start an extraction worker ({program}): {source}; the program must stay where it was started"
    )]
    Worker {
        /// The program.
        program: String,
        /// The cause.
        source: std::io::Error,
    },
    /// The publish gate could not judge.
    #[error(
        "the publish gate could not judge generation {generation}, which stays unpublished: {reason}; `wattwise snapshot rollback {generation}` publishes it all the same"
    )]
    Gate {
        /// The generation that was made.
        generation: String,
        /// What went wrong.
        reason: String,
    },
    /// No vectors.
    #[error(transparent)]
    Embed(#[from] EmbedError),
    /// The generation could not be written or published.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
}
