//! An opened generation: everything that `serve` answers from.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;
use std::sync::{LazyLock, OnceLock};

pub(super) use super::records::{
    CHUNKS, DOCUMENTS, GRAPH, LEXICAL, MOMENTS, ROWS, Records, TEXTS, part_file,
};
use super::search::{Gathered, Search, Sought};
use crate::index::lexical::TermCounts;
use crate::index::moments::Moments;
use crate::index::spelling::Spellings;
use crate::index::{Hit, IndexError};
use crate::model::{BlockKind, Chunk, ChunkId, Context, GenerationId, Place, UnitVector};

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
        static NONE: LazyLock<Spellings> = LazyLock::new(Spellings::default);
        if let Some(spellings) = self.spellings.get() {
            return spellings;
        }
        match self.search.spellings(&self.records) {
            Ok(spellings) => self.spellings.get_or_init(|| spellings),
            Err(error) => {
                tracing::warn!(%error, "no word is mended for now");
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

impl Generation {
    /// In how many rows each term stands.
    pub fn terms(&self) -> &dyn TermCounts {
        self.search.terms()
    }

    /// That a question could be asked now, of an index that lies elsewhere.
    pub fn probe(&self) -> Result<(), IndexError> {
        self.search.probe()
    }

    /// Candidates for a question.
    pub fn gather(&self, sought: &Sought<'_>) -> Result<Gathered<'_>, IndexError> {
        self.search.gather(&self.records, sought)
    }

    /// Up to `k` rows whose vectors are nearest to `query`, best first, with their cosines, among
    /// those that `admitted` holds `true` for (all without it). None where they cannot be read, which
    /// the log tells.
    pub fn nearest(&self, query: &UnitVector, k: usize, admitted: Option<&[bool]>) -> Vec<Hit> {
        let found = self.search.nearest(&self.records, query, k, admitted);
        found.unwrap_or_else(|error| {
            tracing::warn!(%error, "what is near cannot be told");
            Vec::new()
        })
    }

    /// The vector of a row; one of zeros where it cannot be read, which the log tells.
    pub fn vector(&self, row: u32) -> Cow<'_, [f32]> {
        self.search.vectors(&self.records).vector(row)
    }

    /// How near each sentence of a chunk is to a vector, in order; none where there are no sentence
    /// vectors, or where they cannot be read, which the log tells.
    pub fn sentence_cosines(&self, row: u32, vector: &UnitVector) -> Vec<f32> {
        let vectors = self.search.vectors(&self.records);
        let cosines = vectors.sentence_cosines(row, vector);
        cosines.unwrap_or_else(|error| {
            tracing::warn!(%error, "sentences were compared by their words alone");
            Vec::new()
        })
    }
}
