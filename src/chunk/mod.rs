//! Extracted text in, pieces that retrieve well out.
//!
//! Structure first: headings begin a piece, paragraphs, list items and table rows stay whole where
//! they fit, a line that announces what follows stays with it, and pieces are packed by the
//! embedder's own tokens. A piece that begins within a table or an announced list has the head of the
//! table, or the line that announces the list, at the end of its heading path. Nothing overlaps and nothing is
//! lost: every block of the document lies in exactly one piece, unless it had to be cut. The
//! splitter of LangChain is there for comparisons.

mod langchain;
mod splitter;

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::model::Block;

/// How texts are split. Part of a generation's manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChunkParameters {
    /// By what rules.
    #[serde(default)]
    pub chunker: Chunker,
    /// The most tokens in a piece, its heading path included.
    pub max_tokens: usize,
    /// A heading begins a new piece if the one before has this many tokens of text. Zero by default:
    /// sections are never joined, since the words of one would answer for the other.
    pub min_tokens: usize,
}

impl Default for ChunkParameters {
    fn default() -> Self {
        Self {
            chunker: Chunker::Structure,
            max_tokens: 160,
            min_tokens: 0,
        }
    }
}

/// The rules by which a text is split.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Chunker {
    /// By headings, paragraphs, list items and table rows, packed by the embedder's tokens.
    #[default]
    Structure,
    /// As the tutorial does, for comparisons: 500 characters, of which neighbours share up to 20.
    Langchain,
}

/// A contiguous part of the text, to become a chunk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Piece {
    /// Bytes of the text, on character boundaries, without white space at either end.
    pub range: Range<usize>,
    /// Headings above the piece that are not in it, outermost first.
    pub heading_path: Vec<String>,
    /// Page on which it begins.
    pub page: Option<u32>,
    /// Its sentences (a list item or a table row counts as one), in order, without headings.
    pub sentences: Vec<Range<usize>>,
}

/// Splits `text` with structure `blocks` into pieces.
///
/// By structure a piece has at most `parameters.max_tokens` tokens as `count_tokens` counts them,
/// and a size in bytes to go with that; a word that has more is cut between two characters.
///
/// Takes time linear in the length of `text` if `count_tokens` does.
pub fn split(
    text: &str,
    blocks: &[Block],
    parameters: &ChunkParameters,
    count_tokens: &dyn Fn(&str) -> usize,
) -> Vec<Piece> {
    match parameters.chunker {
        Chunker::Structure => splitter::split(text, blocks, parameters, count_tokens),
        Chunker::Langchain => langchain::split(text, blocks),
    }
}
