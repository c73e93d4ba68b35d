//! The unit of retrieval.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::ChunkId;

/// A contiguous piece of one document's text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chunk {
    /// Addressed by content.
    pub id: ChunkId,
    /// Position of its document in the generation.
    pub document: u32,
    /// Position within the document, from 0.
    pub ordinal: u32,
    /// Headings above the chunk, outermost first. Part of the embedded text, not of the quoted one.
    pub heading_path: Vec<String>,
    /// The page it begins on, counted from 1, for paged kinds.
    pub page: Option<u32>,
    /// Bytes of the document's text: the quoted text.
    pub range: Range<usize>,
    /// Sentences of the chunk, as bytes of the document's text; in order and within `range`.
    pub sentences: Vec<Range<usize>>,
    /// BLAKE3 (first 16 bytes) of the embedded text: the key under which a later run finds this
    /// chunk's vectors again.
    pub embedded_digest: [u8; 16],
}

/// The text that is embedded for a chunk, and the byte of it at which the quoted text begins: the
/// headings above stand in front, since "It takes two hours" means little without them.
pub fn embedded_text(heading_path: &[String], text: &str) -> (String, usize) {
    let mut embedded = heading_path.join(" > ");
    if !embedded.is_empty() {
        embedded.push('\n');
    }
    let start = embedded.len();
    embedded.push_str(text);
    (embedded, start)
}
