//! Bytes in, readable text with positions out.
//!
//! Pure and synchronous. Callers that feed untrusted bytes do so in a worker process, because a
//! hostile file can exhaust memory or the stack of the thread that reads it.

mod builder;
mod charset;
pub mod html;
mod kind;
pub mod markdown;
pub mod pdf;
pub mod text;
pub mod worker;

pub use kind::sniff;

use thiserror::Error;

use crate::model::{ContentKind, Extracted};

/// Version of the rules by which text is kept. Raised when a change of them should reach documents
/// whose bytes have not changed.
pub const EXTRACTION_VERSION: u32 = 5;

/// Extracts the readable text of one file of a known kind. `charset` is what the server declared.
pub fn extract(
    kind: ContentKind,
    bytes: &[u8],
    charset: Option<&str>,
) -> Result<Extracted, ExtractError> {
    match kind {
        ContentKind::Pdf => pdf::extract(bytes, &pdf::Limits::default()),
        ContentKind::Html => html::extract(bytes, charset, &html::Limits::default()),
        ContentKind::Markdown => markdown::extract(bytes, &text::Limits::default()),
        ContentKind::Text => text::extract(bytes, charset, &text::Limits::default()),
    }
}

/// The same, and with the text the scanned pages from `from` on as pictures, as many as fit one reply;
/// then a file of nothing but scans is no error.
pub fn extract_with_scans(
    kind: ContentKind,
    bytes: &[u8],
    charset: Option<&str>,
    from: u32,
) -> Result<Extracted, ExtractError> {
    let limits = pdf::Limits {
        scans_from: Some(from),
        ..pdf::Limits::default()
    };
    if kind == ContentKind::Pdf {
        return pdf::extract(bytes, &limits);
    }
    extract(kind, bytes, charset)
}

/// Why nothing could be kept of a file.
#[derive(Debug, Error)]
pub enum ExtractError {
    /// The bytes are not a readable file of this kind.
    #[error("not a readable {kind} file: {reason}")]
    Malformed {
        /// The kind that was tried.
        kind: &'static str,
        /// What the parser said, one line.
        reason: String,
    },
    /// The file wants a password.
    #[error("the file is encrypted and needs a password")]
    Encrypted,
    /// The file opened but has no text to keep.
    #[error("no readable text: {0}")]
    NoText(String),
    /// A limit that protects the run was reached.
    #[error("over the limit: {0}")]
    OverLimit(String),
}
