//! What is stored of a generation, without the structures that only searching needs.

use std::collections::HashMap;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::OnceLock;

use super::texts::Texts;
use super::{Manifest, SnapshotError};
use crate::index::IndexError;
use crate::index::flat::FlatVectors;
use crate::index::parts::InParts;
use crate::index::spans::SpanVectors;
use crate::index::spelling::Spellings;
use crate::index::words::WordVectors;
use crate::model::{Chunk, Document, DocumentId};

pub(super) const TEXTS: &str = "texts.bin";
pub(super) const DOCUMENTS: &str = "documents.bin";
pub(super) const CHUNKS: &str = "chunks.bin";
pub(super) const ROWS: &str = "rows.bin";
pub(super) const MOMENTS: &str = "moments.bin";
pub(super) const LEXICAL: &str = "lexical.bin";
pub(super) const GRAPH: &str = "graph.bin";

/// The name of a file of a part: `vectors.bin`, then `vectors-1.bin` and so on.
pub(super) fn part_file(kind: &str, part: usize) -> String {
    match part {
        0 => format!("{kind}.bin"),
        _ => format!("{kind}-{part}.bin"),
    }
}

/// The stored part of a generation: documents, texts, chunks and vectors, without the structures
/// that only searching needs.
pub struct Records {
    /// What the generation is made of.
    pub manifest: Manifest,
    /// All chunk vectors; these and the next two are empty where the rows lie elsewhere.
    pub vectors: InParts<FlatVectors>,
    /// All sentence vectors.
    pub spans: InParts<SpanVectors>,
    /// All word vectors.
    pub words: InParts<WordVectors>,
    pub(super) directory: PathBuf,
    pub(super) documents: Vec<Document>,
    pub(super) texts: Texts,
    pub(super) chunks: Vec<Chunk>,
    pub(super) positions: OnceLock<HashMap<DocumentId, u32>>,
}

impl Records {
    /// All documents.
    pub fn documents(&self) -> &[Document] {
        &self.documents
    }

    /// All chunks; a chunk's position is its row in every index.
    pub fn chunks(&self) -> &[Chunk] {
        &self.chunks
    }

    /// The position of the document with this id, if this generation has it.
    pub fn position_of(&self, id: &DocumentId) -> Option<u32> {
        let positions = self.positions.get_or_init(|| {
            let documents = (0_u32..).zip(&self.documents);
            documents
                .map(|(at, document)| (document.id.clone(), at))
                .collect()
        });
        positions.get(id).copied()
    }

    /// The rows of a document's chunks, which stand together.
    pub fn rows_of(&self, document: u32) -> Range<u32> {
        let first = |document| {
            self.chunks
                .partition_point(|chunk| chunk.document < document) as u32
        };
        first(document)..first(document.saturating_add(1))
    }

    /// The stored text of a document, by its position; kept in memory once it has been read.
    ///
    /// # Panics
    /// When there is no such document.
    pub fn text(&self, document: u32) -> &str {
        self.texts.get(document)
    }

    /// Has the texts of these rows' documents here at once, where they lie elsewhere; an error says why
    /// they cannot be had.
    pub fn have_texts(&self, rows: impl Iterator<Item = u32>) -> Result<(), IndexError> {
        self.have_documents(rows.map(|row| self.chunks[row as usize].document))
    }

    /// As [`Self::have_texts`], by documents.
    pub fn have_documents(&self, documents: impl Iterator<Item = u32>) -> Result<(), IndexError> {
        let documents: Vec<u32> = documents.collect();
        let had = self.texts.have(&documents);
        had.map_err(|reason| IndexError::Away { reason })
    }

    /// Length of a document's text in bytes.
    ///
    /// # Panics
    /// When there is no such document.
    pub fn text_length(&self, document: u32) -> usize {
        self.texts.length(document)
    }

    /// The stored text of a document, for one who needs it once; an error says why it cannot be read.
    ///
    /// # Panics
    /// When there is no such document.
    pub fn read_text(&self, document: u32) -> Result<String, SnapshotError> {
        let damaged = |reason| SnapshotError::Damaged {
            generation: self.manifest.generation.to_string(),
            file: TEXTS.to_owned(),
            reason,
        };
        self.texts.read(document).map_err(damaged)
    }

    /// The document of a chunk.
    pub fn document_of(&self, chunk: &Chunk) -> &Document {
        &self.documents[chunk.document as usize]
    }

    /// The quoted text of a chunk.
    pub fn chunk_text(&self, chunk: &Chunk) -> &str {
        let text = self.texts.get(chunk.document);
        text.get(chunk.range.clone()).unwrap_or_default()
    }

    /// The words of the texts and titles as they are written.
    pub fn spellings(&self) -> Spellings {
        let titles = self.documents.iter();
        let titles = titles.map(|document| document.title.clone());
        Spellings::of(self.all_texts().chain(titles))
    }

    /// All texts in order, none of which is kept; one that cannot be read is blank.
    pub(super) fn all_texts(&self) -> impl Iterator<Item = String> {
        let documents = 0..u32::try_from(self.texts.len()).unwrap_or(u32::MAX);
        documents.map(|document| self.texts.read(document).unwrap_or_default())
    }

    /// The stored text at `range` of a chunk's document, read again for verification; `None` when
    /// there is no such place.
    pub fn stored_text(&self, chunk: &Chunk, range: Range<usize>) -> Option<&str> {
        self.texts.get(chunk.document).get(range)
    }
}
