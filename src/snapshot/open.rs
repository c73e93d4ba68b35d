//! Opens a generation and believes nothing that it has not checked.

use std::ops::Range;
use std::path::Path;
use std::sync::OnceLock;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::before4::DocumentBefore4;
use super::check::{self, check_files};
use super::damage::damaged;
use super::generation::{self, Generation, Records};
use super::manifest::{self, FORMAT, FileEntry, Manifest, OLDEST_FORMAT};
use super::search::InFiles;
use super::synced::io;
use super::texts::{TextEntry, Texts};
use super::verified::Verified;
use super::{SnapshotError, current, parts, unpublished};
use crate::codec;
use crate::index::IndexError;
use crate::index::bm25::DocumentWords;
use crate::index::dense::DenseIndex;
use crate::index::graph::Graph;
use crate::index::lexical::LexicalIndex;
use crate::index::moments::Moments;
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
    search_in(index, id, search_width, open_records(index, id)?)
}

/// As [`open`], and computes every digest, whatever was found out before.
pub fn verify(
    index: &Path,
    id: &GenerationId,
    search_width: usize,
) -> Result<Generation, SnapshotError> {
    let records = open_checked(index, id, Verified::none())?;
    search_in(index, id, search_width, records)
}

fn search_in(
    index: &Path,
    id: &GenerationId,
    search_width: usize,
    records: Records,
) -> Result<Generation, SnapshotError> {
    let directory = index.join(id.as_str());
    load_search(&directory, records, search_width).map_err(|error| name_damage(error, id))
}

/// Opens one generation's stored part, with every file of it verified: by its digest, if that was
/// not done since the machine was started.
pub fn open_records(index: &Path, id: &GenerationId) -> Result<Records, SnapshotError> {
    open_checked(index, id, Verified::open(index))
}

fn open_checked(
    index: &Path,
    id: &GenerationId,
    verified: Verified,
) -> Result<Records, SnapshotError> {
    let directory = index.join(id.as_str());
    let manifest = read_manifest(&directory, id)?;
    check_files(&directory, id, &manifest.files, &verified)?;
    verified.save();
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
    let damaged = |error: std::io::Error| damaged_manifest(id, error.to_string());
    let path = directory.join(manifest::FILE);
    let json = files::read_at_most(&path, manifest::MOST_BYTES).map_err(damaged)?;
    let digest = directory.join(manifest::DIGEST_FILE);
    let digest = files::read_text(&digest, manifest::MOST_BYTES).map_err(damaged)?;
    parse_manifest(id, &json, &digest)
}

/// Checks the two files that describe a generation.
pub fn parse_manifest(
    id: &GenerationId,
    json: &[u8],
    digest: &str,
) -> Result<Manifest, SnapshotError> {
    #[derive(Deserialize)]
    struct FormatOnly {
        format: u64,
    }
    let damaged = |reason: String| damaged_manifest(id, reason);
    if blake3::hash(json).to_hex().as_str() != digest.trim() {
        return Err(damaged("its BLAKE3 digest does not match".to_owned()));
    }
    let found = serde_json::from_slice::<FormatOnly>(json)
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
        serde_json::from_slice(json).map_err(|error| damaged(error.to_string()))?;
    if manifest.generation != *id {
        return Err(damaged(format!(
            "it describes generation {}",
            manifest.generation
        )));
    }
    Ok(manifest)
}

fn damaged_manifest(id: &GenerationId, reason: String) -> SnapshotError {
    SnapshotError::Damaged {
        generation: id.to_string(),
        file: manifest::FILE.to_owned(),
        reason,
    }
}

/// Compares a file with its entry: length first, then digest.
pub fn check_file(
    directory: &Path,
    id: &GenerationId,
    entry: &FileEntry,
) -> Result<(), SnapshotError> {
    check::check_file(directory, id, entry, &Verified::none())
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
    let texts = Texts::open(&directory.join(generation::TEXTS), entries)
        .map_err(|reason| damaged(&manifest, generation::TEXTS, reason))?;
    let (vectors, spans, words) = parts::open(directory, &manifest, chunks.len())?;

    let parts_fit = documents.len() == texts.len()
        && documents.len() == manifest.counts.documents
        && chunks.len() == manifest.counts.chunks
        && vectors.len() == chunks.len()
        && vectors.dimension() == manifest.embedder.dimension
        && spans.len() == chunks.len()
        && words.len() == chunks.len()
        && spans.slot_count() == vectors.slot_count()
        && words.slot_count() == vectors.slot_count();
    if !parts_fit {
        return Err(damaged(
            &manifest,
            manifest::FILE,
            "its files do not fit each other".to_owned(),
        ));
    }
    let is_sorted = chunks.is_sorted_by_key(|chunk| chunk.document);
    if let Some(chunk) = chunks
        .iter()
        .find(|chunk| !is_sorted || !lies_in_text(chunk, &texts))
    {
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
        directory: directory.to_owned(),
        documents,
        texts,
        chunks,
        positions: OnceLock::new(),
    })
}

fn load_search(
    directory: &Path,
    records: Records,
    search_width: usize,
) -> Result<Generation, SnapshotError> {
    let moments = Moments::open(&directory.join(generation::MOMENTS))?;
    let count = records.chunks.len();
    let has_graph = records.manifest.has_file(generation::GRAPH);
    // The two large ones at the same time.
    let (lexical, dense) = std::thread::scope(|scope| {
        let lexical = scope.spawn(|| LexicalIndex::open(&directory.join(generation::LEXICAL)));
        let dense = || -> Result<_, SnapshotError> {
            let open = || Graph::open(&directory.join(generation::GRAPH), count);
            let graph = has_graph.then(open).transpose()?;
            Ok(DenseIndex::new(
                parts::bytes_of(&records)?,
                graph,
                search_width,
            ))
        };
        let dense = dense();
        let lexical = lexical.join();
        (
            lexical.unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
            dense,
        )
    });
    let (lexical, dense) = (lexical?, dense?);
    if lexical.len() != count {
        return Err(damaged(
            &records.manifest,
            generation::LEXICAL,
            "it has another number of rows".to_owned(),
        ));
    }
    let documents = DocumentWords::new(
        &lexical,
        records.chunks.iter().map(|chunk| chunk.document).collect(),
    );
    let search = InFiles {
        lexical,
        documents,
        dense,
    };
    Ok(Generation {
        records,
        moments,
        search: Box::new(search),
        rows_by_id: OnceLock::new(),
        rows_by_text: OnceLock::new(),
        spellings: OnceLock::new(),
    })
}

/// Whether every range of a chunk lies within its document's text, and its sentences within it.
pub(super) fn lies_in_text(chunk: &Chunk, texts: &Texts) -> bool {
    let lies_within = |inner: &Range<usize>, outer: &Range<usize>| {
        outer.start <= inner.start && inner.start <= inner.end && inner.end <= outer.end
    };
    (chunk.document as usize) < texts.len()
        && lies_within(&chunk.range, &(0..texts.length(chunk.document)))
        && chunk
            .sentences
            .iter()
            .all(|sentence| lies_within(sentence, &chunk.range))
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
