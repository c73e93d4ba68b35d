//! What retrieval and generation hand to the user.

use std::ops::Range;

use super::{ChunkId, ContentKind, DocumentId};

/// A retrieved chunk with all that a reader needs to judge it.
#[derive(Debug, Clone, PartialEq)]
pub struct Context {
    /// The chunk.
    pub chunk: ChunkId,
    /// Its document.
    pub document: DocumentId,
    /// URL or path of the document.
    pub source: String,
    /// Title of the document.
    pub title: String,
    /// What kind of file it came from.
    pub kind: ContentKind,
    /// Headings above the chunk, outermost first.
    pub heading_path: Vec<String>,
    /// Page on which its first word stands, from 1, for paged kinds.
    pub page: Option<u32>,
    /// Page on which its last word stands.
    pub page_end: Option<u32>,
    /// Where it stands in a file without pages, such as `sheet Prices, row 12`.
    pub location: Option<String>,
    /// Bytes of the document's stored text.
    pub range: Range<usize>,
    /// The stored text at `range`.
    pub text: String,
    /// In [0, 1]; higher is better.
    pub score: f32,
}

/// A quotation that stands behind a sentence of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Citation {
    /// The number in square brackets in the answer's text, from 1.
    pub marker: u32,
    /// Where the quote stands in the snapshot; `None` if the context was text of the caller's own
    /// that is in no document.
    pub place: Option<Place>,
    /// The exact words.
    pub quote: String,
    /// Whether the server has found `quote` at `place` in the stored text.
    pub verified: bool,
}

/// A span of a stored document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The chunk it lies in.
    pub chunk: ChunkId,
    /// The document.
    pub document: DocumentId,
    /// URL or path of the document.
    pub source: String,
    /// Title of the document.
    pub title: String,
    /// The headings above it, outermost first, joined by ` > `.
    pub heading: String,
    /// Page on which its first word stands, from 1, for paged kinds.
    pub page: Option<u32>,
    /// Page on which its last word stands; another one if a page break lies between.
    pub page_end: Option<u32>,
    /// Where it stands in a file without pages, such as `sheet Prices, row 12`.
    pub location: Option<String>,
    /// Bytes of the document's stored text.
    pub range: Range<usize>,
}

impl Place {
    /// The address that opens the source where the span begins: for paged kinds with the `page`
    /// parameter of RFC 8118, which PDF readers follow.
    pub fn link(&self) -> String {
        match self.page {
            Some(page) => {
                let address = self.source.split('#').next().unwrap_or_default();
                format!("{address}#page={page}")
            }
            None => self.source.clone(),
        }
    }

    /// The pages as a reader names them: `page 3`, `pages 3-4`; `None` without pages.
    pub fn pages(&self) -> Option<String> {
        let first = self.page?;
        Some(match self.page_end {
            Some(last) if last > first => format!("pages {first}-{last}"),
            _ => format!("page {first}"),
        })
    }
}

/// An answer that can be checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Readable text with markers such as `[1]`.
    pub text: String,
    /// False when the sources do not cover the question.
    pub answered: bool,
    /// One per marker, in order.
    pub citations: Vec<Citation>,
    /// What the text says, sentence by sentence; empty when nothing is answered.
    pub sentences: Vec<AnswerSentence>,
}

/// A sentence of an answer and what became of it when it was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnswerSentence {
    /// The sentence without markers.
    pub text: String,
    /// Whether a cited span says it.
    pub supported: bool,
    /// Whether each number in it stands in a cited span with the same unit.
    pub numbers_verified: bool,
    /// Markers of its citations.
    pub citations: Vec<u32>,
}
