//! Makes a generation.
//!
//! Vectors are written as they come ([`Writer::push`]); the rest is written at the end, from what
//! the generation before holds and what is new ([`Writer::finish`]).

use std::path::{Path, PathBuf};

pub use super::draft::{Body, Draft, Origin, WordsOf};
use super::generation::Records;
use super::manifest::{self, Counts, FORMAT, FileEntry, Manifest};
use super::synced::{TEMPORARY_PREFIX, io, sync_directory, write_synced};
use super::texts::TextWriter;
use super::write_search::{Basis, Search, write_search};
use super::{SnapshotError, generation, parts, unpublished};
use crate::chunk::ChunkParameters;
use crate::codec;
use crate::index::hnsw::HnswParameters;
use crate::index::part_writer::{PackedVectors, PartFiles, PartWriter};
use crate::model::{
    Chunk, Document, EmbedderFingerprint, GenerationId, Probe, UnitVector, WordCodes,
};

/// Everything that goes into a generation, all of it new. Documents and texts are parallel, and so
/// are chunks, vectors, sentence vectors and word codes.
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
    let mut writer = Writer::begin(index, contents.embedder.dimension)?;
    let vectors = contents.vectors.iter().zip(&contents.sentence_vectors);
    for ((whole, sentences), words) in vectors.zip(&contents.word_codes) {
        writer.push(&PackedVectors::of(whole, sentences, words.clone()))?;
    }
    let draft = Draft {
        documents: contents.documents.clone(),
        bodies: contents.texts.iter().cloned().map(Body::New).collect(),
        chunks: contents.chunks.clone(),
        origins: (0..contents.chunks.len() as u32).map(Origin::New).collect(),
        embedder: contents.embedder.clone(),
        probes: contents.probes.clone(),
        chunking: contents.chunking,
        extraction_version: contents.extraction_version,
        created_at: contents.created_at,
    };
    let words = |_: &Draft, row: usize| contents.lexical_texts[row].clone();
    writer.finish(&draft, None, &words, graph, pool)
}

/// A generation that is being written. Dropped before it is finished, it leaves nothing.
pub struct Writer {
    index: PathBuf,
    id: GenerationId,
    temporary: PathBuf,
    part: Option<PartWriter>,
}

impl Writer {
    /// Begins a generation of vectors of `dimension`. The caller holds the lock of `index`.
    pub fn begin(index: &Path, dimension: usize) -> Result<Self, SnapshotError> {
        let id = GenerationId::new_now();
        let temporary = index.join(format!("{TEMPORARY_PREFIX}{id}"));
        fs_err::create_dir_all(&temporary).map_err(io("create", &temporary))?;
        let mut writer = Self {
            index: index.to_owned(),
            id,
            temporary,
            part: None,
        };
        writer.part = Some(PartWriter::create(writer.new_part(), dimension)?);
        Ok(writer)
    }

    /// Until it is known how many parts stand before it.
    fn new_part(&self) -> PartFiles {
        let path = |kind| self.temporary.join(format!("{kind}.new"));
        PartFiles {
            vectors: path(parts::VECTORS),
            spans: path(parts::SPANS),
            words: path(parts::WORDS),
        }
    }

    /// Writes the vectors of a chunk and returns the number that names them in [`Origin::New`].
    pub fn push(&mut self, vectors: &PackedVectors) -> Result<u32, SnapshotError> {
        let part = self.part.as_mut().expect("it is there until `finish`");
        Ok(part.push(vectors)?)
    }

    /// Writes the rest and gives the generation its name, as [`write()`] does. `before` is the
    /// generation that bodies and origins speak of; all its files have been verified.
    pub fn finish(
        mut self,
        draft: &Draft,
        before: Option<&Records>,
        words: WordsOf<'_>,
        graph: HnswParameters,
        pool: &rayon::ThreadPool,
    ) -> Result<GenerationId, SnapshotError> {
        let part = self.part.take().expect("it is there until `finish`");
        let pushed = part.finish()?;
        let basis = Basis {
            directory: &self.temporary,
            draft,
            before,
            new_part: self.new_part(),
            pushed,
            graph,
            pool,
        };
        let mut search = write_search(&basis, words)?;
        let text_bytes = write_texts(&self.temporary, draft, before, &mut search)?;
        let mut files = Vec::with_capacity(search.linked.len() + search.written.len());
        for name in &search.written {
            files.push(seal(&self.temporary, name)?);
        }
        files.append(&mut search.linked);
        let manifest = Manifest {
            format: FORMAT,
            generation: self.id.clone(),
            created_at: draft.created_at,
            written_by: WRITTEN_BY.to_owned(),
            extraction_version: draft.extraction_version,
            embedder: draft.embedder.clone(),
            probes: draft.probes.clone(),
            chunking: draft.chunking,
            graph,
            carried: search.carried,
            counts: Counts {
                documents: draft.documents.len(),
                chunks: draft.chunks.len(),
                sentences: search.sentences,
                text_bytes,
            },
            files,
        };
        write_manifest(&self.temporary, &manifest)?;
        sync_directory(&self.temporary)?;
        unpublished::mark(&self.index, &self.id, "")?;
        let finished = self.index.join(self.id.as_str());
        let named = fs_err::rename(&self.temporary, &finished)
            .map_err(io("rename", &self.temporary))
            .and_then(|()| sync_directory(&self.index));
        if let Err(error) = named {
            // The error that is reported is the first one; what stays behind goes with the next run.
            let _ = unpublished::unmark(&self.index, &self.id);
            return Err(error);
        }
        Ok(self.id.clone())
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // Under its final name it is not there any more.
        let _ = fs_err::remove_dir_all(&self.temporary);
    }
}

/// The program that writes generations. What another one wrote is split anew.
pub const WRITTEN_BY: &str = concat!("wattwise ", env!("CARGO_PKG_VERSION"));

/// Writes texts, documents and chunks; how many bytes of text there are.
fn write_texts(
    directory: &Path,
    draft: &Draft,
    before: Option<&Records>,
    search: &mut Search,
) -> Result<usize, SnapshotError> {
    let path = directory.join(generation::TEXTS);
    let mut length = 0;
    let mut put = || -> std::io::Result<_> {
        let mut writer = TextWriter::create(&path)?;
        for body in &draft.bodies {
            match (body, before) {
                (Body::New(text), _) => {
                    length += text.len();
                    writer.push(text)?;
                }
                (Body::Kept(document), Some(before)) => {
                    length += before.texts.length(*document);
                    writer.copy(&before.texts, *document)?;
                }
                (Body::Kept(_), None) => return Err(std::io::Error::other("no text to keep")),
            }
        }
        writer.finish()
    };
    let entries = put().map_err(io("write", &path))?;
    for (name, bytes) in [
        (
            generation::DOCUMENTS,
            encode(directory, &(&draft.documents, &entries))?,
        ),
        (generation::CHUNKS, encode(directory, &draft.chunks)?),
    ] {
        let path = directory.join(name);
        fs_err::write(&path, bytes).map_err(io("write", &path))?;
    }
    let names = [generation::TEXTS, generation::DOCUMENTS, generation::CHUNKS];
    search.written.splice(0..0, names.map(str::to_owned));
    Ok(length)
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
    let bytes = std::io::copy(
        &mut std::io::BufReader::with_capacity(1 << 18, &file),
        &mut hasher,
    )
    .map_err(io("read", &path))?;
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
