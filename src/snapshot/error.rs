//! What can be wrong with a snapshot, and what mends it.

use std::path::PathBuf;

use thiserror::Error;

use crate::index::IndexError;
use crate::model::EmbedderFingerprint;

/// Why a generation was not written or not opened.
#[derive(Debug, Error)]
pub enum SnapshotError {
    /// Nothing has been published yet.
    #[error(
        "there is no index in {directory} yet: `wattwise ingest --index {directory} FOLDER` makes one of your documents, `wattwise up` one of the guides that come with the program"
    )]
    Missing {
        /// The index directory.
        directory: PathBuf,
    },
    /// No published generation passes its checks.
    #[error(
        "no generation in {directory} can be used: {reasons}; run `wattwise ingest` to make a new one"
    )]
    NoneUsable {
        /// The index directory.
        directory: PathBuf,
        /// Why each was refused.
        reasons: String,
    },
    /// A file is not what the manifest says.
    #[error(
        "generation {generation} is damaged: {file}: {reason}; `wattwise ingest` makes a new one, `wattwise snapshot rollback` goes back to an older one"
    )]
    Damaged {
        /// The generation.
        generation: String,
        /// The file, relative to the generation's directory.
        file: String,
        /// What does not fit.
        reason: String,
    },
    /// Another version of Wattwise wrote it.
    #[error(
        "generation {generation} has format {found}, this program reads format {known}; run `wattwise ingest` to make a new one"
    )]
    Format {
        /// The generation.
        generation: String,
        /// Format found.
        found: u64,
        /// Format this program reads.
        known: u64,
    },
    /// The vectors come from another embedder.
    #[error(
        "the snapshot was made with the embedder {}, this program was started with {}: their vectors cannot be \
         compared; run `wattwise ingest` with the new embedder, or start with the old one ({})",
        name(.snapshot), name(.configured), flags(.snapshot)
    )]
    OtherEmbedder {
        /// The embedder of the snapshot.
        snapshot: Box<EmbedderFingerprint>,
        /// The embedder that was configured.
        configured: Box<EmbedderFingerprint>,
    },
    /// The embedder has the right name but gives other vectors.
    #[error(
        "the embedder {} no longer gives the vectors that the snapshot was made with (cosine {cosine:.4} on a probe text); \
         the model behind the name has changed: run `wattwise ingest` to embed everything anew", name(.embedder)
    )]
    EmbedderChanged {
        /// The embedder.
        embedder: Box<EmbedderFingerprint>,
        /// Cosine of the stored and the fresh probe vector.
        cosine: f32,
    },
    /// Another `ingest` is at work.
    #[error("another ingest is writing to {directory} ({holder}); wait for it or stop it")]
    Locked {
        /// The index directory.
        directory: PathBuf,
        /// Who holds the lock, as it wrote itself down.
        holder: String,
    },
    /// A file or directory cannot be read or written.
    #[error("cannot {action} {path}: {source}; check who may write there, and that there is room")]
    Io {
        /// A verb.
        action: &'static str,
        /// What it was done to.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// An index could not be built.
    #[error("cannot build the index: {0}")]
    Index(#[from] IndexError),
}

fn name(fingerprint: &EmbedderFingerprint) -> String {
    let digest = fingerprint
        .digest
        .as_deref()
        .map(|digest| format!(", digest {}", &digest[..digest.len().min(12)]));
    format!(
        "{}/{} ({} values{})",
        fingerprint.adapter,
        fingerprint.model,
        fingerprint.dimension,
        digest.unwrap_or_default()
    )
}

fn flags(fingerprint: &EmbedderFingerprint) -> String {
    if fingerprint.adapter == "in-process" {
        return format!(
            "--embedder in-process; --model-dir names the folder of {} unless it is the model in the program",
            fingerprint.model
        );
    }
    format!(
        "--embedder {} --embed-model {}",
        fingerprint.adapter, fingerprint.model
    )
}
