//! Makes a generation.

use std::path::Path;

use super::manifest::{self, Counts, FORMAT, FileEntry, Manifest};
use super::synced::{TEMPORARY_PREFIX, io, sync_directory, write_synced};
use super::{SnapshotError, generation, texts, unpublished};
use crate::chunk::ChunkParameters;
use crate::codec;
use crate::index::flat::FlatVectors;
use crate::index::hnsw::{self, HnswParameters};
use crate::index::lexical::LexicalIndex;
use crate::index::moments::Moments;
use crate::index::quantised::QuantisedVectors;
use crate::index::spans::SpanVectors;
use crate::index::words::WordVectors;
use crate::model::{
    Chunk, Document, EmbedderFingerprint, GenerationId, Probe, UnitVector, WordCodes,
};

/// Everything that goes into a generation. Documents and texts are parallel, and so are chunks,
/// vectors, sentence vectors and word codes.
pub struct Contents {
    /// The documents.
    pub documents: Vec<Document>,
    /// Their texts.
    pub texts: Vec<String>,
    /// The chunks, grouped by document, in order.
    pub chunks: Vec<Chunk>,
    /// What the words of each chunk are searched in.
    pub lexical_texts: Vec<String>,
    /// One vector for each chunk.
    pub vectors: Vec<UnitVector>,
    /// The vectors of each chunk's sentences; all empty when the embedder gives none.
    pub sentence_vectors: Vec<Vec<UnitVector>>,
    /// The codes of each chunk's words; all empty when the embedder gives none.
    pub word_codes: Vec<WordCodes>,
    /// The embedder.
    pub embedder: EmbedderFingerprint,
    /// How it can be recognised.
    pub probes: Vec<Probe>,
    /// How the texts were split.
    pub chunking: ChunkParameters,
    /// Version of the extraction rules.
    pub extraction_version: u32,
    /// When this is, in seconds since the Unix epoch.
    pub created_at: i64,
}

/// Writes a generation under its final name and returns its id. It is not live before
/// [`publish`](super::current::publish), and marked as unpublished until then. On an error nothing
/// of it is left.
///
/// The caller holds the lock of `index` and is on a thread that may block for long.
pub fn write(
    index: &Path,
    contents: &Contents,
    graph: HnswParameters,
    pool: &rayon::ThreadPool,
) -> Result<GenerationId, SnapshotError> {
    let id = GenerationId::new_now();
    let temporary = index.join(format!("{TEMPORARY_PREFIX}{id}"));
    let outcome = write_whole(index, &temporary, &id, contents, graph, pool);
    if outcome.is_err() {
        // The error that is reported is the first one; what stays behind goes with the next run.
        let _ = fs_err::remove_dir_all(&temporary);
        let _ = unpublished::unmark(index, &id);
    }
    outcome.map(|()| id)
}

fn write_whole(
    index: &Path,
    temporary: &Path,
    id: &GenerationId,
    contents: &Contents,
    graph: HnswParameters,
    pool: &rayon::ThreadPool,
) -> Result<(), SnapshotError> {
    fs_err::create_dir_all(temporary).map_err(io("create", temporary))?;
    let names = write_files(temporary, contents, graph, pool)?;
    let mut files = Vec::with_capacity(names.len());
    for name in names {
        files.push(seal(temporary, name)?);
    }
    let manifest = Manifest {
        format: FORMAT,
        generation: id.clone(),
        created_at: contents.created_at,
        written_by: format!("wattwise {}", env!("CARGO_PKG_VERSION")),
        extraction_version: contents.extraction_version,
        embedder: contents.embedder.clone(),
        probes: contents.probes.clone(),
        chunking: contents.chunking,
        graph,
        counts: Counts {
            documents: contents.documents.len(),
            chunks: contents.chunks.len(),
            sentences: contents.sentence_vectors.iter().map(Vec::len).sum(),
            text_bytes: contents.texts.iter().map(String::len).sum(),
        },
        files,
    };
    write_manifest(temporary, &manifest)?;
    sync_directory(temporary)?;
    unpublished::mark(index, id, "")?;
    let finished = index.join(id.as_str());
    fs_err::rename(temporary, &finished).map_err(io("rename", temporary))?;
    sync_directory(index)
}

fn write_files(
    directory: &Path,
    contents: &Contents,
    graph: HnswParameters,
    pool: &rayon::ThreadPool,
) -> Result<Vec<&'static str>, SnapshotError> {
    let put = |name: &str, bytes: &[u8]| {
        let path = directory.join(name);
        fs_err::write(&path, bytes).map_err(io("write", &path))
    };
    let (packed, entries) = texts::pack(contents.texts.iter().map(String::as_str))
        .map_err(io("compress the texts for", directory))?;
    put(generation::TEXTS, &packed)?;
    put(
        generation::DOCUMENTS,
        &encode(directory, &(&contents.documents, &entries))?,
    )?;
    put(generation::CHUNKS, &encode(directory, &contents.chunks)?)?;

    let vectors = FlatVectors::collect(contents.embedder.dimension, &contents.vectors)?;
    vectors.write(&directory.join(generation::VECTORS))?;
    Moments::of(&vectors).write(&directory.join(generation::MOMENTS))?;
    SpanVectors::write(
        &directory.join(generation::SPANS),
        contents.embedder.dimension,
        &contents.sentence_vectors,
    )?;
    WordVectors::write(
        &directory.join(generation::WORDS),
        contents.embedder.dimension,
        &contents.word_codes,
    )?;
    LexicalIndex::build(contents.lexical_texts.iter().map(String::as_str))
        .write(&directory.join(generation::LEXICAL))?;
    hnsw::build(&QuantisedVectors::of(&vectors), graph, pool)
        .write(&directory.join(generation::GRAPH))?;

    Ok(vec![
        generation::TEXTS,
        generation::DOCUMENTS,
        generation::CHUNKS,
        generation::VECTORS,
        generation::MOMENTS,
        generation::SPANS,
        generation::WORDS,
        generation::LEXICAL,
        generation::GRAPH,
    ])
}

fn encode<T: serde::Serialize>(directory: &Path, value: &T) -> Result<Vec<u8>, SnapshotError> {
    codec::encode(value).map_err(|error| SnapshotError::Io {
        action: "encode the metadata for",
        path: directory.to_owned(),
        source: std::io::Error::other(error),
    })
}

/// Syncs a finished file and takes its length and digest as they stand on disk.
fn seal(directory: &Path, name: &str) -> Result<FileEntry, SnapshotError> {
    let path = directory.join(name);
    let file = fs_err::File::open(&path).map_err(io("open", &path))?;
    file.sync_all().map_err(io("sync", &path))?;
    let mut hasher = blake3::Hasher::new();
    let bytes = std::io::copy(&mut &file, &mut hasher).map_err(io("read", &path))?;
    Ok(FileEntry {
        name: name.to_owned(),
        bytes,
        blake3: hasher.finalize().to_hex().to_string(),
    })
}

fn write_manifest(directory: &Path, manifest: &Manifest) -> Result<(), SnapshotError> {
    let json = serde_json::to_vec_pretty(manifest).map_err(|error| SnapshotError::Io {
        action: "encode the manifest of",
        path: directory.to_owned(),
        source: error.into(),
    })?;
    let digest = blake3::hash(&json).to_hex().to_string();
    for (name, bytes) in [
        (manifest::FILE, json.as_slice()),
        (manifest::DIGEST_FILE, digest.as_bytes()),
    ] {
        write_synced(&directory.join(name), bytes)?;
    }
    Ok(())
}
