//! Generations whose rows lie elsewhere, as in a database: what is put there, and what is made of it.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use super::damage::damaged;
use super::generation::{self, Generation, Records};
use super::manifest::{FORMAT, Manifest};
use super::open::{lies_in_text, open_records};
use super::search::Search;
use super::texts::{TextSource, Texts};
use super::{SnapshotError, manifest};
use crate::index::bm25::DocumentWords;
use crate::index::lexical::LexicalIndex;
use crate::index::moments::Moments;
use crate::index::part_writer::PackedVectors;
use crate::index::parts::{InParts, Slots};
use crate::model::{Chunk, Document, GenerationId};

/// All that a generation in files holds, for one who puts it elsewhere.
pub struct Contents {
    /// Documents, texts, chunks and vectors.
    pub records: Records,
    /// The words of the chunks.
    pub lexical: LexicalIndex,
    /// The same by document.
    pub document_words: DocumentWords,
    /// The moments of the chunk vectors, as their file holds them.
    pub moments: Vec<u8>,
}

impl Contents {
    /// Opens a generation of this program's format; every file is checked.
    pub fn open(index: &Path, id: &GenerationId) -> Result<Self, SnapshotError> {
        let records = open_records(index, id)?;
        if records.manifest.format != FORMAT {
            return Err(SnapshotError::Format {
                generation: id.to_string(),
                found: records.manifest.format,
                known: FORMAT,
            });
        }
        let directory = index.join(id.as_str());
        let lexical = LexicalIndex::open(&directory.join(generation::LEXICAL))?;
        if lexical.len() != records.chunks.len() {
            let reason = "it has another number of rows".to_owned();
            return Err(damaged(&records.manifest, generation::LEXICAL, reason));
        }
        let moments = directory.join(generation::MOMENTS);
        let moments =
            crate::runtime::files::read(&moments).map_err(super::synced::io("read", &moments))?;
        let documents = records.chunks.iter().map(|chunk| chunk.document).collect();
        Ok(Self {
            document_words: DocumentWords::new(&lexical, documents),
            records,
            lexical,
            moments,
        })
    }

    /// A document's text as it is stored: one zlib stream (RFC 1950).
    pub fn packed_text(&self, document: u32) -> Result<Vec<u8>, SnapshotError> {
        let packed = self.records.texts.packed(document);
        packed.map_err(|reason| damaged(&self.records.manifest, generation::TEXTS, reason))
    }

    /// Length of a document's text in bytes.
    pub fn text_length(&self, document: u32) -> usize {
        self.records.texts.length(document)
    }

    /// The vectors of a row as they are stored.
    pub fn vectors(&self, row: u32) -> Result<PackedVectors, SnapshotError> {
        self.records.packed(row)
    }
}

/// What a server holds of a generation whose rows lie elsewhere.
pub struct Catalogue {
    /// As it was published.
    pub manifest: Manifest,
    /// All documents, each with the length of its text in bytes.
    pub documents: Vec<(Document, usize)>,
    /// All chunks.
    pub chunks: Vec<Chunk>,
}

impl Catalogue {
    /// The stored part, once everything fits together.
    pub fn into_records(self, texts: Box<dyn TextSource>) -> Result<Records, SnapshotError> {
        let Self {
            manifest,
            documents,
            chunks,
        } = self;
        let (documents, lengths): (Vec<_>, Vec<_>) = documents.into_iter().unzip();
        let texts = Texts::elsewhere(texts, lengths);
        let counts = (documents.len(), chunks.len());
        if counts != (manifest.counts.documents, manifest.counts.chunks) {
            let reason = "its rows do not fit its counts".to_owned();
            return Err(damaged(&manifest, manifest::FILE, reason));
        }
        let is_sorted = chunks.is_sorted_by_key(|chunk| chunk.document);
        if let Some(chunk) = chunks
            .iter()
            .find(|chunk| !is_sorted || !lies_in_text(chunk, &texts))
        {
            let reason = format!("chunk {} lies outside its text", chunk.id);
            return Err(damaged(&manifest, generation::CHUNKS, reason));
        }
        let nowhere = Arc::new(Slots::Same(0));
        Ok(Records {
            manifest,
            vectors: InParts::new(Vec::new(), Arc::clone(&nowhere)),
            spans: InParts::new(Vec::new(), Arc::clone(&nowhere)),
            words: InParts::new(Vec::new(), nowhere),
            directory: std::path::PathBuf::new(),
            documents,
            texts,
            chunks,
            positions: OnceLock::new(),
        })
    }
}

impl Generation {
    /// A generation that is searched elsewhere.
    pub fn elsewhere(records: Records, moments: Moments, search: Box<dyn Search>) -> Self {
        Self {
            records,
            moments,
            search,
            rows_by_id: OnceLock::new(),
            rows_by_text: OnceLock::new(),
            spellings: OnceLock::new(),
        }
    }
}
