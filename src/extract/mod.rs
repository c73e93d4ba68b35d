//! Bytes in, readable text with positions out.
//!
//! Pure and synchronous. Callers that feed untrusted bytes do so in a worker process, because a
//! hostile file can exhaust memory or the stack of the thread that reads it. [`sniff`] tells what a
//! file is, [`extract`] holds the table of readers.

mod builder;
mod captions;
mod charset;
mod delimited;
mod gzip;
pub mod html;
mod json;
mod kind;
pub mod limits;
mod lines;
mod mail;
pub mod markdown;
mod markup;
mod notebook;
mod numerals;
mod office;
pub mod pdf;
mod rtf;
pub mod text;
mod wrap;
mod xml;

pub use kind::{sniff, unread};

use thiserror::Error;

use crate::model::{ContentKind, Extracted};

/// Version of the rules by which text is kept. Raised when a change of them should reach documents
/// whose bytes have not changed.
pub const EXTRACTION_VERSION: u32 = 6;

/// The most bytes of a title. It is searched and shown with every chunk of its document.
const LONGEST_TITLE: usize = 512;

/// Extracts the readable text of one file of a known kind. `charset` is what the server declared.
pub fn extract(
    kind: ContentKind,
    bytes: &[u8],
    charset: Option<&str>,
) -> Result<Extracted, ExtractError> {
    let unpacked = gzip::unpack(bytes)?;
    let bytes = unpacked.as_deref().unwrap_or(bytes);
    let limits = limits::Limits::default();
    limits.check_size(bytes)?;
    let mut extracted = match kind {
        ContentKind::Pdf => pdf::extract(bytes, &pdf::Limits::default()),
        ContentKind::Html => html::extract(bytes, charset, &html::Limits::default()),
        ContentKind::Markdown => markdown::extract(bytes, charset, &limits),
        ContentKind::Text => text::extract(bytes, charset, &limits),
        ContentKind::Docx => office::docx::extract(bytes, &limits),
        ContentKind::Pptx => office::pptx::extract(bytes, &limits),
        ContentKind::Xlsx => office::sheets::extract_xlsx(bytes, &limits),
        ContentKind::Xls => office::sheets::extract_xls(bytes, &limits),
        ContentKind::Odt | ContentKind::Odp | ContentKind::Ods => {
            office::odf::extract(bytes, kind, &limits)
        }
        ContentKind::Epub => office::epub::extract(bytes, &limits),
        ContentKind::Rtf => rtf::extract(bytes, &limits),
        ContentKind::Mail => mail::extract(bytes, &limits),
        ContentKind::Csv => delimited::extract(bytes, charset, &limits),
        ContentKind::Rst => markup::rst::extract(bytes, charset, &limits),
        ContentKind::AsciiDoc => markup::asciidoc::extract(bytes, charset, &limits),
        ContentKind::Org => markup::org::extract(bytes, charset, &limits),
        ContentKind::Notebook => notebook::extract(bytes, &limits),
        ContentKind::Captions => captions::extract(bytes, charset, &limits),
        ContentKind::Json => json::extract(bytes, charset, &limits),
        ContentKind::Xml => xml::extract(bytes, charset, &limits),
        ContentKind::Lines => lines::extract(bytes, charset, &limits),
    }?;
    if let Some(title) = &mut extracted.title {
        title.truncate(title.floor_char_boundary(LONGEST_TITLE));
    }
    Ok(extracted)
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
    #[error("the file is encrypted and needs a password; save it without one")]
    Encrypted,
    /// The file opened but has no text to keep.
    #[error("no readable text: {0}")]
    NoText(String),
    /// What a server sent in place of a document.
    #[error("no document: {0}")]
    NoDocument(String),
    /// A limit that protects the run was reached.
    #[error("over the limit: {0}")]
    OverLimit(String),
}

impl ExtractError {
    /// A file that its parser refuses.
    fn malformed(kind: &'static str, reason: impl std::fmt::Display) -> Self {
        let reason = reason.to_string();
        let first = reason.lines().next().unwrap_or_default();
        Self::Malformed {
            kind,
            reason: first.chars().take(200).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_title_is_longer_than_one_can_be() {
        let name = "é".repeat(5_000);
        for (kind, file) in [
            (
                ContentKind::Markdown,
                format!("---\ntitle: {name}\n---\n\nWool is warm."),
            ),
            (ContentKind::Markdown, format!("# {name}\n\nWool is warm.")),
        ] {
            let title = extract(kind, file.as_bytes(), None).unwrap().title.unwrap();
            assert!(
                title.len() <= LONGEST_TITLE && title.starts_with('é'),
                "{kind}"
            );
        }
    }
}
