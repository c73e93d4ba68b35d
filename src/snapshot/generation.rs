//! An opened generation: everything that `serve` answers from.

use std::collections::HashMap;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::{LazyLock, OnceLock};

use super::search::Search;
use super::texts::Texts;
use super::{Manifest, SnapshotError};
use crate::index::IndexError;
use crate::index::flat::FlatVectors;
use crate::index::moments::Moments;
use crate::index::parts::InParts;
use crate::index::spans::SpanVectors;
use crate::index::spelling::Spellings;
use crate::index::words::WordVectors;
use crate::model::{BlockKind, Chunk, ChunkId, Context, Document, DocumentId, GenerationId, Place};

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
    fn all_texts(&self) -> impl Iterator<Item = String> {
        let documents = 0..u32::try_from(self.texts.len()).unwrap_or(u32::MAX);
        documents.map(|document| self.texts.read(document).unwrap_or_default())
    }

    /// The stored text at `range` of a chunk's document, read again for verification; `None` when
    /// there is no such place.
    pub fn stored_text(&self, chunk: &Chunk, range: Range<usize>) -> Option<&str> {
        self.texts.get(chunk.document).get(range)
    }
}

/// A verified generation in memory. Immutable; shared by all requests that began with it.
pub struct Generation {
    /// What is stored.
    pub records: Records,
    /// Moments of the chunk vectors.
    pub moments: Moments,
    pub(super) search: Box<dyn Search>,
    pub(super) rows_by_id: OnceLock<HashMap<ChunkId, u32>>,
    pub(super) rows_by_text: OnceLock<HashMap<blake3::Hash, u32>>,
    pub(super) spellings: OnceLock<Spellings>,
}

impl Generation {
    /// Which generation this is.
    pub fn id(&self) -> &GenerationId {
        &self.records.manifest.generation
    }

    /// The words of the texts as they are written; collected when they are first asked for.
    pub fn spellings(&self) -> &Spellings {
        if let Some(spellings) = self.spellings.get() {
            return spellings;
        }
        match self.search.spellings(&self.records) {
            Ok(spellings) => self.spellings.get_or_init(|| spellings),
            Err(error) => {
                tracing::warn!(%error, "no word is mended for now");
                static NONE: LazyLock<Spellings> = LazyLock::new(Spellings::default);
                &NONE
            }
        }
    }

    /// One chunk.
    ///
    /// # Panics
    /// When there is no such row.
    pub fn chunk(&self, row: u32) -> &Chunk {
        &self.records.chunks[row as usize]
    }

    /// The row of a chunk, if this generation has it.
    pub fn row_of(&self, id: &ChunkId) -> Option<u32> {
        let rows = self.rows_by_id.get_or_init(|| {
            let chunks = (0_u32..).zip(self.records.chunks());
            chunks.map(|(row, chunk)| (chunk.id.clone(), row)).collect()
        });
        rows.get(id).copied()
    }

    /// The row of a chunk whose quoted text is exactly `text`, so that clients that send contexts
    /// back as bare strings still get citations.
    pub fn row_with_text(&self, text: &str) -> Option<u32> {
        if let Some(found) = self.search.row_with_text(text) {
            return found;
        }
        let rows = self.rows_by_text.get_or_init(|| {
            let texts = (0_u32..).zip(self.records.all_texts());
            texts
                .flat_map(|(document, text)| {
                    let rows = self.records.rows_of(document);
                    rows.map(move |row| {
                        let quoted = text.get(self.chunk(row).range.clone());
                        (blake3::hash(quoted.unwrap_or_default().as_bytes()), row)
                    })
                })
                .collect()
        });
        rows.get(&blake3::hash(text.as_bytes())).copied()
    }

    /// The bytes `range` of a chunk's document as a reader finds them.
    pub fn place(&self, chunk: &Chunk, range: Range<usize>) -> Place {
        let document = self.records.document_of(chunk);
        let (page, page_end) = document.pages_of(&range);
        Place {
            chunk: chunk.id.clone(),
            document: document.id.clone(),
            source: document.source.clone(),
            title: document.title.clone(),
            heading: self.headings_above(chunk.document, range.start).join(" > "),
            page,
            page_end,
            location: document.location_of(&range),
            range,
        }
    }

    /// The position of the document with this id, if this generation has it.
    pub fn document_with_id(&self, id: &str) -> Option<u32> {
        let documents = (0_u32..).zip(&self.records.documents);
        let mut found = documents.filter(|(_, document)| document.id.as_str() == id);
        found.next().map(|(position, _)| position)
    }

    /// The headings above byte `at` of the document at this position, outermost first.
    ///
    /// # Panics
    /// When there is no such document.
    pub fn headings_above(&self, document: u32, at: usize) -> Vec<&str> {
        let text = self.records.text(document);
        let blocks = self.records.documents[document as usize].blocks.iter();
        let mut path: Vec<(u8, &str)> = Vec::new();
        for block in blocks.take_while(|block| block.range.start <= at) {
            if let BlockKind::Heading(level) = block.kind {
                path.retain(|(above, _)| *above < level);
                path.push((level, &text[block.range.clone()]));
            }
        }
        path.into_iter().map(|(_, heading)| heading).collect()
    }

    /// A chunk with all that a reader needs, under a score.
    pub fn context(&self, row: u32, score: f32) -> Context {
        let chunk = self.chunk(row);
        let document = self.records.document_of(chunk);
        let (page, page_end) = document.pages_of(&chunk.range);
        Context {
            chunk: chunk.id.clone(),
            document: document.id.clone(),
            source: document.source.clone(),
            title: document.title.clone(),
            kind: document.kind,
            heading_path: chunk.heading_path.clone(),
            page,
            page_end,
            location: document.location_of(&chunk.range),
            range: chunk.range.clone(),
            text: self.records.chunk_text(chunk).to_owned(),
            score,
        }
    }
}
