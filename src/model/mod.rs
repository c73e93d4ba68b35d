//! Plain data that flows between the stages.
//!
//! Owns the words of the product: document, block, chunk, generation, session, answer. No I/O, no
//! async, no policy. Types that cross one of our two binary formats (the snapshot and the
//! extraction worker's pipe) derive serde; HTTP shapes live in `http::dto` and are never these.

mod access;
mod answer;
mod chunk;
mod document;
pub(crate) mod extracted;
mod filter;
mod fingerprint;
mod ids;
mod session;
mod vector;
mod words;

pub use access::{Key, KeyHash, KeyId, Owner, Scope, Scopes};
pub use answer::{Answer, AnswerSentence, Citation, Context, Place};
pub use chunk::{Chunk, embedded_text};
pub use document::{ContentKind, Document};
pub use extracted::{Block, BlockKind, Dropped, Extracted, Location, Scanned, Warning};
pub use filter::Filter;
pub use fingerprint::{EmbedderFingerprint, Probe};
pub use ids::{ChunkId, DocumentId, GenerationId, SessionId};
pub use session::{
    Feedback, Message, NewRecord, Once, OwnedSession, Rating, Record, SessionDetails,
    SessionSummary,
};
pub use vector::{UnitVector, VectorError, dot};
pub use words::WordCodes;
