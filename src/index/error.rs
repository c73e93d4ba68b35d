//! Why an index could not be made or opened.

use std::path::PathBuf;

use thiserror::Error;

/// What is wrong with an index file, or with the wish for one.
#[derive(Debug, Error)]
pub enum IndexError {
    /// There is nothing to index.
    #[error("an index needs at least one vector")]
    Empty,
    /// A vector does not fit the others.
    #[error("vector {row} has {found} values, expected {expected}")]
    Dimension {
        /// Its position.
        row: usize,
        /// Values it has.
        found: usize,
        /// Values it should have.
        expected: usize,
    },
    /// A file cannot be read or written.
    #[error("cannot {action} {path}")]
    Io {
        /// `read` or `write`.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// The rows lie elsewhere and cannot be had now.
    #[error("the index cannot be asked: {reason}")]
    Away {
        /// Why.
        reason: String,
    },
    /// A file is not what its name says.
    #[error("{path} is damaged: {reason}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What does not fit.
        reason: String,
    },
}
