//! Split documents to chunks, and what is embedded and searched for each.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use indicatif::ProgressBar;

use super::cache::Cache;
use crate::chunk::{ChunkParameters, Piece};
use crate::embed::{Embedder, Passage};
use crate::language::content_words;
use crate::model::{Chunk, ChunkId, Document, DocumentId, Probe, embedded_text};

/// What a generation is assembled with.
pub(super) struct Assembly<'a> {
    pub(super) parameters: ChunkParameters,
    pub(super) embedder: &'a Arc<dyn Embedder>,
    /// What the embedder gives today for the texts that it is recognised by.
    pub(super) probes: Vec<Probe>,
    pub(super) cache: &'a Cache,
    pub(super) bar: &'a ProgressBar,
    /// For the embedding of one document.
    pub(super) timeout: Duration,
    /// Seconds since the Unix epoch.
    pub(super) now: i64,
}

/// The chunks of a document at a position. Pieces are bounded, so that what is done with one is, too.
pub(super) fn chunks(position: u32, id: &DocumentId, text: &str, pieces: &[Piece]) -> Vec<Chunk> {
    let mut occurrences: HashMap<[u8; 32], u32> = HashMap::new();
    let pieces = (0_u32..).zip(pieces);
    pieces
        .map(|(ordinal, piece)| {
            let (embedded, _) = embedded_text(&piece.heading_path, &text[piece.range.clone()]);
            let digest = *blake3::hash(embedded.as_bytes()).as_bytes();
            let occurrence = occurrences.entry(digest).or_default();
            let mut embedded_digest = [0; 16];
            embedded_digest.copy_from_slice(&digest[..16]);
            let chunk = Chunk {
                id: ChunkId::of_content(id, &embedded, *occurrence),
                document: position,
                ordinal,
                page: piece.page,
                range: piece.range.clone(),
                sentences: piece.sentences.clone(),
                embedded_digest,
                heading_path: piece.heading_path.clone(),
            };
            *occurrence += 1;
            chunk
        })
        .collect()
}

/// What is embedded for a chunk of a text.
pub(super) fn passage(text: &str, chunk: &Chunk) -> Passage {
    let (embedded, shift) = embedded_text(&chunk.heading_path, &text[chunk.range.clone()]);
    let spans = chunk
        .sentences
        .iter()
        .map(|sentence| {
            sentence.start - chunk.range.start + shift..sentence.end - chunk.range.start + shift
        })
        .collect();
    Passage {
        spans,
        words: content_words(&embedded).collect(),
        text: embedded,
    }
}

/// What the words of a chunk are searched in: the title too, unless the text begins with it anyway.
pub(super) fn lexical_text(document: &Document, text: &str, chunk: &Chunk) -> String {
    let (embedded, _) = embedded_text(&chunk.heading_path, &text[chunk.range.clone()]);
    if embedded.starts_with(&document.title) {
        embedded
    } else {
        format!("{}\n{embedded}", document.title)
    }
}
