//! `manifest.json`: what a generation is made of.

use serde::{Deserialize, Serialize};

use crate::chunk::ChunkParameters;
use crate::index::hnsw::HnswParameters;
use crate::model::{EmbedderFingerprint, GenerationId, Probe};

/// The format that this program writes and reads. Raised whenever an older program could not read
/// the files or this one could not read older files.
pub const FORMAT: u64 = 5;

/// The oldest format that this program reads. Format 1 kept the graph in files of another library;
/// such a generation is searched without a graph until the next ingest run replaces it. Format 2 had
/// no words; its chunks are ranked without them until then. Format 3 had no locations. Format 4 held all
/// vectors in one part and none of them in bytes.
pub(super) const OLDEST_FORMAT: u64 = 1;

/// Name of the manifest within a generation's directory.
pub(super) const FILE: &str = "manifest.json";
/// Name of the file with the manifest's own BLAKE3 digest.
pub(super) const DIGEST_FILE: &str = "manifest.b3";

/// A manifest of more bytes is none of ours; it lists a dozen files.
pub(super) const MOST_BYTES: u64 = 16 << 20;

/// Describes one generation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// See [`FORMAT`].
    pub format: u64,
    /// Which generation this is; equals the directory's name.
    pub generation: GenerationId,
    /// Seconds since the Unix epoch.
    pub created_at: i64,
    /// The program that wrote it.
    pub written_by: String,
    /// Version of the extraction rules; texts of another version are extracted anew.
    pub extraction_version: u32,
    /// The embedder of all vectors.
    pub embedder: EmbedderFingerprint,
    /// Texts and their vectors, to recognise the embedder by.
    pub probes: Vec<Probe>,
    /// How the texts were split.
    pub chunking: ChunkParameters,
    /// How the graph was built.
    pub graph: HnswParameters,
    /// How many rows were taken out of the graph or linked into it since it was built whole.
    #[serde(default)]
    pub carried: usize,
    /// How much there is of everything.
    pub counts: Counts,
    /// Every other file of the directory.
    pub files: Vec<FileEntry>,
}

impl Manifest {
    /// Whether the generation has a file of this name.
    pub(super) fn has_file(&self, name: &str) -> bool {
        self.entry(name).is_some()
    }

    /// The entry of a file.
    pub(super) fn entry(&self, name: &str) -> Option<&FileEntry> {
        self.files.iter().find(|file| file.name == name)
    }
}

/// How much there is of everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Counts {
    /// Documents.
    pub documents: usize,
    /// Chunks.
    pub chunks: usize,
    /// Sentence vectors.
    pub sentences: usize,
    /// Bytes of text.
    pub text_bytes: usize,
}

/// One file and the proof that it is whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileEntry {
    /// Name within the generation's directory.
    pub name: String,
    /// Length.
    pub bytes: u64,
    /// BLAKE3, lower-case hex.
    pub blake3: String,
}
