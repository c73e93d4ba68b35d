//! A source document as the snapshot keeps it.

use std::fmt;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::{Block, DocumentId};

/// What kind of file a document came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ContentKind {
    /// A PDF file.
    Pdf,
    /// An HTML or XHTML page.
    Html,
    /// A Markdown file.
    Markdown,
    /// Plain text.
    Text,
}

impl ContentKind {
    /// The lower-case word used in reports and in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pdf => "pdf",
            Self::Html => "html",
            Self::Markdown => "markdown",
            Self::Text => "text",
        }
    }

    /// The kind that [`Self::as_str`] calls `name`.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Pdf, Self::Html, Self::Markdown, Self::Text]
            .into_iter()
            .find(|kind| kind.as_str() == name)
    }

    /// The kind that a file name's extension stands for, if we read that kind.
    pub fn from_extension(extension: &str) -> Option<Self> {
        match extension.to_ascii_lowercase().as_str() {
            "pdf" => Some(Self::Pdf),
            "html" | "htm" | "xhtml" => Some(Self::Html),
            "md" | "markdown" => Some(Self::Markdown),
            "txt" | "text" => Some(Self::Text),
            _ => None,
        }
    }
}

impl fmt::Display for ContentKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One document of a generation: identity, provenance and structure. Its text lies in the
/// snapshot's text file and is read on demand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Document {
    /// Stable across runs: derived from `source`.
    pub id: DocumentId,
    /// The canonical URL or the path as given to `ingest`.
    pub source: String,
    /// A title fit to show; falls back to the file name.
    pub title: String,
    /// What the bytes were.
    pub kind: ContentKind,
    /// BLAKE3 of the fetched bytes, as lower-case hex.
    pub content_digest: String,
    /// BLAKE3 of the extracted text, as lower-case hex.
    pub text_digest: String,
    /// Number of pages, for paged kinds.
    pub page_count: Option<u32>,
    /// Structure of the text.
    pub blocks: Vec<Block>,
    /// When the bytes were read, in seconds since the Unix epoch.
    pub fetched_at: i64,
    /// HTTP `ETag`, if the server sent one.
    pub etag: Option<String>,
    /// HTTP `Last-Modified`, if the server sent one.
    pub last_modified: Option<String>,
    /// Since when the source has failed to answer, in seconds since the Unix epoch; its last good
    /// content stands in for it. `None` while the source answers.
    pub stale_since: Option<i64>,
}

impl Document {
    /// The pages on which the first and the last word of `range` stand, counted from 1, for paged
    /// kinds; `range` counts bytes of the stored text.
    pub fn pages_of(&self, range: &Range<usize>) -> (Option<u32>, Option<u32>) {
        let first = self
            .blocks
            .partition_point(|block| block.range.end <= range.start);
        let behind = self
            .blocks
            .partition_point(|block| block.range.start < range.end);
        let page = |index: usize| self.blocks.get(index).and_then(|block| block.page);
        (page(first), page(behind.max(first + 1) - 1))
    }

    /// When the source says it was changed last, in seconds since the Unix epoch; `None` when it
    /// does not say, or not in a way that can be read.
    pub fn modified_at(&self) -> Option<i64> {
        let moment = httpdate::parse_http_date(self.last_modified.as_deref()?).ok()?;
        let since = moment.duration_since(std::time::UNIX_EPOCH).ok()?;
        i64::try_from(since.as_secs()).ok()
    }
}
