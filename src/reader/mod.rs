//! Whether a passage answers a question, and whether it supports a claim.
//!
//! Retrieval finds what is *about* a question. A cross-encoder (Nogueira and Cho, "Passage
//! Re-ranking with BERT", 2019) reads question and passage together and tells whether the answer
//! stands there, and where (Devlin et al., "BERT", 2019, section 4.2). [`NetworkReader`] runs the model of `data/reader`, which
//! `scripts/reader` writes; `docs/answers.md` says on what, and how well it does on
//! fields that it has not seen.

mod network;
mod remembered;

use std::ops::Range;
use std::sync::Arc;

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

/// What the model says of a passage.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// Log-odds that it answers the question.
    pub answers: f32,
    /// Log-odds that it supports the claim that stands in the question's place.
    pub supports: f32,
    /// Where the answer stands if it does, token by token, in order; empty if that is not known.
    pub places: Arc<[Place]>,
}

/// A token of a passage.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Place {
    /// The first of its bytes in the passage's text.
    pub start: u32,
    /// One past the last of them.
    pub end: u32,
    /// The probability that the answer begins with it.
    pub begins: f32,
    /// The probability that the answer ends with it.
    pub ends: f32,
}

impl Reading {
    /// The probability, in \[0, 1\], that the answer stands in these bytes of the passage, if it stands
    /// in it at all: that it begins there, times that it ends there.
    pub fn share(&self, range: &Range<usize>) -> f32 {
        let first = self
            .places
            .partition_point(|place| (place.start as usize) < range.start);
        let within = self.places[first..]
            .iter()
            .take_while(|place| place.end as usize <= range.end);
        let sums = within.fold((0.0, 0.0), |(begins, ends), place| {
            (begins + place.begins, ends + place.ends)
        });
        sums.0 * sums.1
    }
}

/// How log-odds become decisions. One setting for every field.
///
/// The model's last layer is fitted so that `log Σ exp` of the log-odds of the passages read is
/// the log-odds that one of them answers (`scripts/reader/refit.py`, each of nine fields left out
/// in turn). `docs/answers.md` has the figures behind each number here.
pub mod calibration {
    use super::Reading;

    /// Below this chance nothing answers: about one question in twenty that the sources answer
    /// falls below.
    pub const ANSWERED: f32 = 0.4;
    /// Added to the log-odds where what is said has the name that was asked for, or every word of the
    /// question.
    pub const HELD: f32 = 0.6;
    /// Rows are read less well than text and found by their words: added to the log-odds for the share
    /// of the question's words in the row or above it …
    pub const ROW_HOLDS: f32 = 2.2;
    /// … beyond this share.
    pub const ROW_SHARE: f32 = 0.55;
    /// A passage with these log-odds answers, and no further one is read: for every second question
    /// that has an answer it is among the first two. Area on gaps and first places stay within .003.
    pub const CERTAIN: f32 = 0.5;
    /// Weight of the log-odds beside those of the retrieval score in the order of the first places.
    pub const RERANK: f32 = 0.6;
    /// Log-odds from which a passage supports a claim.
    pub const SUPPORTED: f32 = 0.0;

    /// The log-odds that some passage answers: one that does is enough. `None` of no passage.
    pub fn pooled(readings: &[Reading]) -> Option<f32> {
        let odds = || readings.iter().map(|reading| reading.answers);
        let most = odds().reduce(f32::max)?;
        Some(most + odds().map(|odds| (odds - most).exp()).sum::<f32>().ln())
    }

    /// Log-odds as a chance.
    pub fn chance(log_odds: f32) -> f32 {
        1.0 / (1.0 + (-log_odds).exp())
    }
}

/// How many of the first contexts are read at most: what 60 ms of one core allow.
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
