//! Split documents to chunks with all that is embedded and searched for each.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use indicatif::ProgressBar;

use super::cache::Cache;
use super::split::SplitText;
use crate::chunk::{ChunkParameters, Piece};
use crate::embed::{Embedder, Passage};
use crate::language::content_words;
use crate::model::{Chunk, ChunkId, Document, embedded_text};
use crate::snapshot::Records;

/// Texts by which an embedder is recognised: an everyday question, and figures with units.
pub(super) const PROBES: [&str; 2] = [
    "How can I heat my home for less money?",
    "270 mm of mineral wool, 21 °C, 0.16 W/m²K",
];

/// What a generation is assembled with.
pub(super) struct Assembly<'a> {
    pub(super) parameters: ChunkParameters,
    pub(super) previous: Option<&'a Records>,
    pub(super) embedder: &'a Arc<dyn Embedder>,
    pub(super) cache: &'a Cache,
    pub(super) bar: &'a ProgressBar,
    /// For the embedding of one document.
    pub(super) timeout: Duration,
    /// Seconds since the Unix epoch.
    pub(super) now: i64,
}

/// A chunk and what is embedded and searched for it.
pub(super) struct Prepared {
    pub(super) chunk: Chunk,
    pub(super) passage: Passage,
    pub(super) lexical_text: String,
}

impl Prepared {
    /// Position of its document.
    pub(super) fn document(&self) -> usize {
        self.chunk.document as usize
    }
}

/// The chunks of all documents. Pieces are bounded, so that what is done with one is, too.
pub(super) fn prepare(documents: &[SplitText]) -> Vec<Prepared> {
    let mut prepared = Vec::new();
    for (position, document) in (0_u32..).zip(documents) {
        let text = &document.text;
        let mut occurrences: HashMap<String, u32> = HashMap::new();
        for (ordinal, piece) in (0_u32..).zip(&document.pieces) {
            let passage = passage(&text.text, piece);
            let occurrence = occurrences.entry(passage.text.clone()).or_default();
            let chunk = Chunk {
                id: ChunkId::of_content(&text.document.id, &passage.text, *occurrence),
                document: position,
                ordinal,
                page: piece.page,
                range: piece.range.clone(),
                sentences: piece.sentences.clone(),
                embedded_digest: digest(&passage.text),
                heading_path: piece.heading_path.clone(),
            };
            *occurrence += 1;
            let lexical_text = lexical_text(&text.document, &passage.text);
            prepared.push(Prepared {
                chunk,
                passage,
                lexical_text,
            });
        }
    }
    prepared
}

fn passage(text: &str, piece: &Piece) -> Passage {
    let (embedded, shift) = embedded_text(&piece.heading_path, &text[piece.range.clone()]);
    let spans = piece
        .sentences
        .iter()
        .map(|sentence| {
            sentence.start - piece.range.start + shift..sentence.end - piece.range.start + shift
        })
        .collect();
    Passage {
        spans,
        words: content_words(&embedded).collect(),
        text: embedded,
    }
}

/// Words are searched in the title too, unless the text begins with it anyway.
fn lexical_text(document: &Document, embedded: &str) -> String {
    if embedded.starts_with(&document.title) {
        embedded.to_owned()
    } else {
        format!("{}\n{embedded}", document.title)
    }
}

fn digest(text: &str) -> [u8; 16] {
    let mut short = [0; 16];
    short.copy_from_slice(&blake3::hash(text.as_bytes()).as_bytes()[..16]);
    short
}
