//! Extracted text in, pieces that retrieve well out.
//!
//! Structure first: headings begin a piece, paragraphs, list items and table rows stay whole where
//! they fit, and pieces are packed by the embedder's own tokens. Nothing overlaps and nothing is
//! lost: every block of the document lies in exactly one piece, unless it had to be cut.

mod splitter;

pub use splitter::{ChunkParameters, Piece, split};
