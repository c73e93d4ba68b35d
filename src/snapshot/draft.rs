//! What a generation is to be made of.

use crate::chunk::ChunkParameters;
use crate::model::{Chunk, Document, EmbedderFingerprint, Probe};

/// Where a text comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// It is new.
    New(String),
    /// The document at this position of the generation before has the same.
    Kept(u32),
}

/// Where the vectors and words of a chunk come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// Both from this row of the generation before.
    Kept(u32),
    /// The vectors from this row of the generation before; its words are new.
    Recalled(u32),
    /// The vectors are those that were the so-manieth to be [pushed](super::write::Writer::push).
    New(u32),
}

/// What a generation is made of. Documents and bodies are parallel, and so are chunks and origins.
pub struct Draft {
    /// The documents.
    pub documents: Vec<Document>,
    /// Their texts.
    pub bodies: Vec<Body>,
    /// The chunks, grouped by document, in order.
    pub chunks: Vec<Chunk>,
    /// Where their vectors and words come from.
    pub origins: Vec<Origin>,
    /// The embedder.
    pub embedder: EmbedderFingerprint,
    /// How it can be recognised.
    pub probes: Vec<Probe>,
    /// How the texts were split.
    pub chunking: ChunkParameters,
    /// Version of the extraction rules.
    pub extraction_version: u32,
    /// When this is, in seconds since the Unix epoch.
    pub created_at: i64,
}

/// What the words of a new chunk, by its row, are searched in.
pub type WordsOf<'a> = &'a dyn Fn(&Draft, usize) -> String;
