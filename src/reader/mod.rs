//! Whether a passage answers a question, and whether it supports a claim.
//!
//! Retrieval finds what is *about* a question. A cross-encoder (Nogueira and Cho, "Passage
//! Re-ranking with BERT", 2019) reads question and passage together and tells whether the answer
//! stands there. [`NetworkReader`] runs the model of `data/reader`, which
//! `scripts/reader` writes; `docs/answers.md` says on what, and how well it does on
//! fields that it has not seen.

mod network;
mod remembered;

use thiserror::Error;

pub use network::NetworkReader;
pub use remembered::Remembered;

/// A passage as it is read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Excerpt {
    /// The headings above it, or its document's title; may be empty.
    pub heading: String,
    /// Its text.
    pub text: String,
}

/// What the model says of a passage: log-odds, not yet probabilities.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reading {
    /// That it answers the question.
    pub answers: f32,
    /// That it supports the claim that stands in the question's place.
    pub supports: f32,
}

/// How log-odds become decisions. One setting for every field, fitted with equal weight on six
/// fields (household energy twice, manuals with codes, software, recipes, web accessibility), on
/// the same questions over documents with and without the sentences that answer them; the last
/// three fields and all questions are unknown to the model. `docs/answers.md` has each field left
/// out in turn.
pub mod calibration {
    /// Of the best log-odds among the passages that are read (Platt, 1999).
    const SLOPE: f32 = 0.37;
    const BIAS: f32 = -0.02;
    /// Below this nothing answers: about one question in twelve that the sources answer falls below.
    pub const ANSWERED: f32 = 0.28;
    /// Weight of the log-odds beside those of the retrieval score in the order of the first places.
    /// Three of the six fields gain by .06 to .11 of first places, one loses .02.
    pub const RERANK: f32 = 0.3;
    /// Log-odds from which a passage supports a claim.
    pub const SUPPORTED: f32 = 0.0;

    /// The chance that some passage answers, given the best log-odds among them.
    pub fn chance(best: f32) -> f32 {
        1.0 / (1.0 + (-(SLOPE * best + BIAS)).exp())
    }
}

/// How many of the first contexts are read: what 60 ms of one core allow.
pub const READ: usize = 4;

/// Why nothing was read.
#[derive(Debug, Error)]
pub enum ReadError {
    /// The model's files do not fit this program.
    #[error(
        "the reader's model cannot be used: {0}; build the program from a whole checkout or set --reader off"
    )]
    Unusable(String),
    /// A pass failed.
    #[error("the reader failed: {0}")]
    Inference(String),
}

/// Reads passages. Calls compute on the calling thread, about 15 ms a passage, so they belong on a
/// thread for blocking work.
pub trait Reader: Send + Sync {
    /// One reading for each of `passages`, in order. `sentence` is a question or a claim.
    fn read(&self, sentence: &str, passages: &[Excerpt]) -> Result<Vec<Reading>, ReadError>;
}
