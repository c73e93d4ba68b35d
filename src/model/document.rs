//! A source document as the snapshot keeps it.

use std::fmt;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::{Block, DocumentId, Location};

/// What kind of file a document came from.
///
/// Stored by position: new kinds go to the end.
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
    /// A text document of Office Open XML.
    Docx,
    /// A presentation of Office Open XML.
    Pptx,
    /// A workbook of Office Open XML.
    Xlsx,
    /// A workbook in the binary format before it.
    Xls,
    /// A text document of `OpenDocument`.
    Odt,
    /// A presentation of `OpenDocument`.
    Odp,
    /// A workbook of `OpenDocument`.
    Ods,
    /// A Rich Text Format file.
    Rtf,
    /// An EPUB book.
    Epub,
    /// A mail in the Internet Message Format, or a page saved as one (MHTML).
    Mail,
    /// A table of comma- or tab-separated values.
    Csv,
    /// A `reStructuredText` file.
    Rst,
    /// An `AsciiDoc` file.
    AsciiDoc,
    /// An Org file.
    Org,
    /// A Jupyter notebook.
    Notebook,
    /// Captions of a film: `WebVTT` or `SubRip`.
    Captions,
    /// JSON, or JSON lines.
    Json,
    /// XML of no other kind.
    Xml,
    /// Text whose lines are its own: source code, settings, logs.
    Lines,
}

/// Every kind, its word in reports and in the API, and the extensions of its files.
const KINDS: [(ContentKind, &str, &[&str]); 23] = [
    (ContentKind::Pdf, "pdf", &["pdf"]),
    (ContentKind::Html, "html", &["html", "htm", "xhtml", "xht"]),
    (
        ContentKind::Markdown,
        "markdown",
        &["md", "markdown", "mdx", "mkd", "mdown", "qmd", "rmd"],
    ),
    (ContentKind::Text, "text", &["txt", "text"]),
    (ContentKind::Docx, "docx", &["docx", "docm", "dotx"]),
    (ContentKind::Pptx, "pptx", &["pptx", "pptm", "ppsx"]),
    (ContentKind::Xlsx, "xlsx", &["xlsx", "xlsm"]),
    (ContentKind::Xls, "xls", &["xls"]),
    (ContentKind::Odt, "odt", &["odt", "ott"]),
    (ContentKind::Odp, "odp", &["odp"]),
    (ContentKind::Ods, "ods", &["ods"]),
    (ContentKind::Rtf, "rtf", &["rtf"]),
    (ContentKind::Epub, "epub", &["epub"]),
    (ContentKind::Mail, "mail", &["eml", "mht", "mhtml"]),
    (ContentKind::Csv, "csv", &["csv", "tsv", "tab"]),
    (ContentKind::Rst, "rst", &["rst", "rest"]),
    (
        ContentKind::AsciiDoc,
        "asciidoc",
        &["adoc", "asciidoc", "asc"],
    ),
    (ContentKind::Org, "org", &["org"]),
    (ContentKind::Notebook, "notebook", &["ipynb"]),
    (ContentKind::Captions, "captions", &["vtt", "srt"]),
    (ContentKind::Json, "json", &["json", "jsonl", "ndjson"]),
    (ContentKind::Xml, "xml", &["xml"]),
    (ContentKind::Lines, "lines", &["log"]),
];

impl ContentKind {
    /// The lower-case word used in reports and in the API.
    pub fn as_str(self) -> &'static str {
        KINDS
            .iter()
            .find(|(kind, _, _)| *kind == self)
            .map_or("", |(_, name, _)| name)
    }

    /// The kind that [`Self::as_str`] calls `name`.
    pub fn from_name(name: &str) -> Option<Self> {
        KINDS
            .iter()
            .find(|(_, known, _)| *known == name)
            .map(|(kind, _, _)| *kind)
    }

    /// The kind that a file name's extension stands for, if we know it.
    pub fn from_extension(extension: &str) -> Option<Self> {
        let extension = extension.to_ascii_lowercase();
        KINDS
            .iter()
            .find(|(_, _, extensions)| extensions.contains(&extension.as_str()))
            .map(|(kind, _, _)| *kind)
    }

    /// The words of all kinds, as in "one of pdf, html, …".
    pub fn names() -> String {
        KINDS.map(|(_, name, _)| name).join(", ")
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
    /// Where parts of the text stand in a file without pages, in order.
    pub locations: Vec<Location>,
    /// What the file says about itself (author, date, tags), as name and value.
    pub metadata: Vec<(String, String)>,
}

impl Document {
    /// Where the byte `offset` of the text stands in a file without pages, such as
    /// `sheet Prices, row 12`.
    pub fn location_at(&self, offset: usize) -> Option<&str> {
        Location::find(&self.locations, offset)
    }

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
