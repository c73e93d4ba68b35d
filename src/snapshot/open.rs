//! Opens a generation and believes nothing that it has not checked.

use std::path::Path;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::before4::DocumentBefore4;
use super::generation::{self, Generation, Records};
use super::manifest::{self, FORMAT, FileEntry, Manifest, OLDEST_FORMAT};
use super::synced::io;
use super::texts::{self, TextEntry};
use super::{SnapshotError, current, unpublished};
use crate::codec;
use crate::index::IndexError;
use crate::index::bm25::DocumentWords;
use crate::index::dense::DenseIndex;
use crate::index::flat::FlatVectors;
use crate::index::graph::Graph;
use crate::index::lexical::LexicalIndex;
use crate::index::moments::Moments;
use crate::index::spans::SpanVectors;
use crate::index::words::WordVectors;
use crate::model::{Chunk, Document, GenerationId};
use crate::runtime::files;

/// A generation that was passed over, and why.
pub type Refusal = (GenerationId, SnapshotError);

/// What may answer, best first: the generation that `CURRENT` names and all older ones that were
/// live once. Where `CURRENT` is lost or damaged, all that were live, which the log tells.
fn candidates(index: &Path) -> Result<Vec<GenerationId>, SnapshotError> {
    let was_live = |id: &GenerationId| unpublished::reason(index, id).is_none();
    match current::read(index) {
        Ok(named) => {
            let mut candidates = current::list(index)?;
            candidates.retain(|id| *id < named && was_live(id));
            candidates.push(named);
            candidates.reverse();
            Ok(candidates)
        }
        Err(error) => {
            let mut candidates = current::list(index).unwrap_or_default();
            candidates.retain(was_live);
            candidates.reverse();
            if candidates.is_empty() {
                return Err(error);
            }
            tracing::warn!(%error, "CURRENT names no generation; the newest whole one answers");
            Ok(candidates)
        }
    }
}

/// Opens the generation that `CURRENT` names or, if that one or `CURRENT` itself is damaged, the newest
/// older one that is not. Returns what was refused on the way, for the log.
pub fn open_usable(
    index: &Path,
    search_width: usize,
) -> Result<(Generation, Vec<Refusal>), SnapshotError> {
    first_whole(index, |id| open(index, id, search_width))
}

/// As [`open_usable`], without what only searching needs.
pub fn open_usable_records(index: &Path) -> Result<(Records, Vec<Refusal>), SnapshotError> {
    first_whole(index, |id| open_records(index, id))
}

fn first_whole<T>(
    index: &Path,
    open: impl Fn(&GenerationId) -> Result<T, SnapshotError>,
) -> Result<(T, Vec<Refusal>), SnapshotError> {
    let candidates = candidates(index)?;
    let mut refused = Vec::new();
    for id in candidates {
        match open(&id) {
            Ok(opened) => return Ok((opened, refused)),
            Err(error) => refused.push((id, error)),
        }
    }
    let reasons = refused
        .iter()
        .map(|(_, error)| error.to_string())
        .collect::<Vec<_>>()
        .join("; ");
    Err(SnapshotError::NoneUsable {
        directory: index.to_owned(),
        reasons,
    })
}

/// Opens one generation for searching. `search_width` is the graph's number of candidates (ef).
pub fn open(
    index: &Path,
    id: &GenerationId,
    search_width: usize,
) -> Result<Generation, SnapshotError> {
    let records = open_records(index, id)?;
    let directory = index.join(id.as_str());
    load_search(&directory, records, search_width).map_err(|error| name_damage(error, id))
}

/// Opens one generation's stored part, with every file of it verified.
pub fn open_records(index: &Path, id: &GenerationId) -> Result<Records, SnapshotError> {
    let directory = index.join(id.as_str());
    let manifest = read_manifest(&directory, id)?;
    for entry in &manifest.files {
        check_file(&directory, id, entry)?;
    }
    load_records(&directory, manifest).map_err(|error| name_damage(error, id))
}

/// An index names the file that is damaged; here the generation is named too.
fn name_damage(error: SnapshotError, id: &GenerationId) -> SnapshotError {
    if let SnapshotError::Index(IndexError::Damaged { path, reason }) = error {
        let file = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        return SnapshotError::Damaged {
            generation: id.to_string(),
            file,
            reason,
        };
    }
    error
}

/// Reads and checks a manifest without opening the rest.
pub fn read_manifest(directory: &Path, id: &GenerationId) -> Result<Manifest, SnapshotError> {
    #[derive(Deserialize)]
    struct FormatOnly {
        format: u64,
    }
    let damaged = |reason: String| SnapshotError::Damaged {
        generation: id.to_string(),
        file: manifest::FILE.to_owned(),
        reason,
    };
    let path = directory.join(manifest::FILE);
    let json = files::read_at_most(&path, manifest::MOST_BYTES)
        .map_err(|error| damaged(error.to_string()))?;
    let digest = files::read_text(&directory.join(manifest::DIGEST_FILE), manifest::MOST_BYTES)
        .map_err(|error| damaged(error.to_string()))?;
    if blake3::hash(&json).to_hex().as_str() != digest.trim() {
        return Err(damaged("its BLAKE3 digest does not match".to_owned()));
    }
    let found = serde_json::from_slice::<FormatOnly>(&json)
        .map_err(|error| damaged(error.to_string()))?
        .format;
    if !(OLDEST_FORMAT..=FORMAT).contains(&found) {
        return Err(SnapshotError::Format {
            generation: id.to_string(),
            found,
            known: FORMAT,
        });
    }
    let manifest: Manifest =
        serde_json::from_slice(&json).map_err(|error| damaged(error.to_string()))?;
    if manifest.generation != *id {
        return Err(damaged(format!(
            "it describes generation {}",
            manifest.generation
        )));
    }
    Ok(manifest)
}

/// Compares a file with its entry: length first, then digest.
pub fn check_file(
    directory: &Path,
    id: &GenerationId,
    entry: &FileEntry,
) -> Result<(), SnapshotError> {
    let damaged = |reason: String| damaged_file(id, entry, reason);
    check_name(id, entry)?;
    let path = directory.join(&entry.name);
    let file = files::open(&path).map_err(|error| damaged(error.to_string()))?;
    let length = file.metadata().map_err(io("read", &path))?.len();
    if length != entry.bytes {
        return Err(damaged(format!(
            "it has {length} bytes, the manifest says {}",
            entry.bytes
        )));
    }
    let mut hasher = blake3::Hasher::new();
    std::io::copy(
        &mut std::io::BufReader::with_capacity(1 << 18, file),
        &mut hasher,
    )
    .map_err(io("read", &path))?;
    if hasher.finalize().to_hex().as_str() == entry.blake3 {
        Ok(())
    } else {
        Err(damaged("its BLAKE3 digest does not match".to_owned()))
    }
}

/// Refuses a file whose name leads out of its directory, or to the manifest.
pub fn check_name(id: &GenerationId, entry: &FileEntry) -> Result<(), SnapshotError> {
    let name = entry.name.as_str();
    let leaves = name.is_empty() || name.contains(['/', '\\']) || name.starts_with('.');
    if leaves || name == manifest::FILE || name == manifest::DIGEST_FILE {
        let reason = "its name leaves the directory".to_owned();
        return Err(damaged_file(id, entry, reason));
    }
    Ok(())
}

/// A file of a generation that is not what the manifest says.
pub fn damaged_file(id: &GenerationId, entry: &FileEntry, reason: String) -> SnapshotError {
    SnapshotError::Damaged {
        generation: id.to_string(),
        file: entry.name.clone(),
        reason,
    }
}

fn load_records(directory: &Path, manifest: Manifest) -> Result<Records, SnapshotError> {
    let (documents, entries): (Vec<Document>, Vec<TextEntry>) = if manifest.format < 4 {
        let (old, entries): (Vec<DocumentBefore4>, _) =
            decode(directory, &manifest, generation::DOCUMENTS)?;
        (old.into_iter().map(Document::from).collect(), entries)
    } else {
        decode(directory, &manifest, generation::DOCUMENTS)?
    };
    let chunks: Vec<Chunk> = decode(directory, &manifest, generation::CHUNKS)?;
    let packed_path = directory.join(generation::TEXTS);
    let packed = files::read(&packed_path).map_err(io("read", &packed_path))?;
    let texts = entries
        .iter()
        .map(|entry| texts::unpack(&packed, entry))
        .collect::<Result<Vec<_>, _>>()
        .map_err(|reason| damaged(&manifest, generation::TEXTS, reason))?;
    let vectors = FlatVectors::open(&directory.join(generation::VECTORS))?;
    let spans = SpanVectors::open(&directory.join(generation::SPANS))?;
    let words = if manifest.has_file(generation::WORDS) {
        WordVectors::open(&directory.join(generation::WORDS))?
    } else {
        WordVectors::none(chunks.len())
    };

    let parts_fit = documents.len() == texts.len()
        && documents.len() == manifest.counts.documents
        && chunks.len() == manifest.counts.chunks
        && vectors.len() == chunks.len()
        && vectors.dimension() == manifest.embedder.dimension
        && spans.len() == chunks.len()
        && words.len() == chunks.len();
    if !parts_fit {
        return Err(damaged(
            &manifest,
            manifest::FILE,
            "its files do not fit each other".to_owned(),
        ));
    }
    if let Some(chunk) = chunks.iter().find(|chunk| !lies_in_text(chunk, &texts)) {
        return Err(damaged(
            &manifest,
            generation::CHUNKS,
            format!("chunk {} lies outside its text", chunk.id),
        ));
    }
    Ok(Records {
        manifest,
        vectors,
        spans,
        words,
        documents,
        texts,
        chunks,
    })
}

fn load_search(
    directory: &Path,
    records: Records,
    search_width: usize,
) -> Result<Generation, SnapshotError> {
    let moments = Moments::open(&directory.join(generation::MOMENTS))?;
    let lexical = LexicalIndex::open(&directory.join(generation::LEXICAL))?;
    let count = records.chunks.len();
    let has_graph = records.manifest.has_file(generation::GRAPH);
    let graph = has_graph
        .then(|| Graph::open(&directory.join(generation::GRAPH), count))
        .transpose()?;
    let dense = DenseIndex::new(&records.vectors, graph, search_width);
    if lexical.len() != count {
        return Err(damaged(
            &records.manifest,
            generation::LEXICAL,
            "it has another number of rows".to_owned(),
        ));
    }
    let document_words = DocumentWords::new(
        &lexical,
        records.chunks.iter().map(|chunk| chunk.document).collect(),
    );
    let rows_by_id = (0_u32..)
        .zip(&records.chunks)
        .map(|(row, chunk)| (chunk.id.clone(), row))
        .collect();
    let rows_by_text = (0_u32..)
        .zip(&records.chunks)
        .map(|(row, chunk)| (blake3::hash(records.chunk_text(chunk).as_bytes()), row))
        .collect();
    Ok(Generation {
        records,
        moments,
        lexical,
        document_words,
        dense,
        rows_by_id,
        rows_by_text,
        spellings: std::sync::OnceLock::new(),
    })
}

/// Whether every range of a chunk can be sliced out of its document's text.
fn lies_in_text(chunk: &Chunk, texts: &[Box<str>]) -> bool {
    texts.get(chunk.document as usize).is_some_and(|text| {
        text.get(chunk.range.clone()).is_some()
            && chunk.sentences.iter().all(|sentence| {
                sentence.start >= chunk.range.start
                    && sentence.end <= chunk.range.end
                    && text.get(sentence.clone()).is_some()
            })
    })
}

fn decode<T: DeserializeOwned>(
    directory: &Path,
    manifest: &Manifest,
    file: &str,
) -> Result<T, SnapshotError> {
    let path = directory.join(file);
    let bytes = files::read(&path).map_err(io("read", &path))?;
    codec::decode(&bytes).map_err(|error| damaged(manifest, file, error.to_string()))
}

fn damaged(manifest: &Manifest, file: &str, reason: String) -> SnapshotError {
    SnapshotError::Damaged {
        generation: manifest.generation.to_string(),
        file: file.to_owned(),
        reason,
    }
}
