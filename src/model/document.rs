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
const KINDS: &[(ContentKind, &str, &[&str])] = &[
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
        let names: Vec<&str> = KINDS.iter().map(|(_, name, _)| *name).collect();
        names.join(", ")
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
    /// Where `range` of the text stands in a file without pages: `sheet Prices, row 12`, or
    /// `sheet Prices, row 1 to row 12` where it reaches from one place to another.
    pub fn location_of(&self, range: &Range<usize>) -> Option<String> {
        let first = self
            .locations
            .partition_point(|location| location.range.end <= range.start);
        let within = self.locations[first..].iter();
        let mut names: Vec<&str> = within
            .take_while(|location| location.range.start < range.end)
            .map(|location| location.name.as_str())
            .collect();
        // The name of a sheet stands above its rows.
        if let [whole, part, ..] = names.as_slice()
            && part
                .strip_prefix(whole)
                .is_some_and(|rest| rest.starts_with(", "))
        {
            names.remove(0);
        }
        let (first, last) = (*names.first()?, *names.last()?);
        if first == last {
            return Some(first.to_owned());
        }
        let split = |name| str::rsplit_once(name, ", ").unwrap_or(("", name));
        let ((above, _), (above_last, last_part)) = (split(first), split(last));
        let last = if above == above_last { last_part } else { last };
        Some(format!("{first} to {last}"))
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
        let Some(header) = self.last_modified.as_deref() else {
            return self.own_date();
        };
        let moment = httpdate::parse_http_date(header).ok()?;
        let since = moment.duration_since(std::time::UNIX_EPOCH).ok()?;
        i64::try_from(since.as_secs()).ok()
    }

    /// The beginning of the day that the document gives for itself.
    fn own_date(&self) -> Option<i64> {
        let value = |wanted: &&str| {
            let mut fields = self.metadata.iter();
            fields.find(|(name, _)| name.eq_ignore_ascii_case(wanted))
        };
        DATE_FIELDS
            .iter()
            .find_map(|wanted| start_of_day(&value(wanted)?.1))
    }
}

/// Fields that say when a document was changed or made (Dublin Core, and what writers of front matter
/// call it), the most telling first.
const DATE_FIELDS: [&str; 6] = [
    "modified",
    "updated",
    "lastmod",
    "date",
    "published",
    "created",
];

/// The day at the beginning of a date in ISO 8601, in seconds since the Unix epoch.
fn start_of_day(date: &str) -> Option<i64> {
    let mut parts = date.get(..10)?.split('-');
    let mut next = || parts.next()?.parse::<i64>().ok();
    let (year, month, day) = (next()?, next()?, next()?);
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) || year < 1 {
        return None;
    }
    // Years that begin in March have the leap day at their end (proleptic Gregorian calendar).
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1;
    Some((days - 719_468) * 86_400)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_named_from_its_first_part_to_its_last() {
        let named = [
            (0..6, "sheet A"),
            (8..20, "sheet A, row 1"),
            (21..30, "sheet A, row 12"),
            (32..40, "sheet B, row 1"),
        ];
        let document = Document {
            id: DocumentId::of_source("a"),
            source: String::new(),
            title: String::new(),
            kind: ContentKind::Xlsx,
            content_digest: String::new(),
            text_digest: String::new(),
            page_count: None,
            blocks: Vec::new(),
            fetched_at: 0,
            etag: None,
            last_modified: None,
            stale_since: None,
            locations: named
                .map(|(range, name)| Location {
                    range,
                    name: name.to_owned(),
                })
                .to_vec(),
            metadata: vec![("Date".to_owned(), "1970-01-02".to_owned())],
        };
        for (range, name) in [
            (22..25, Some("sheet A, row 12")),
            (0..20, Some("sheet A, row 1")),
            (10..25, Some("sheet A, row 1 to row 12")),
            (10..39, Some("sheet A, row 1 to sheet B, row 1")),
            (30..32, None),
            (50..60, None),
        ] {
            assert_eq!(document.location_of(&range).as_deref(), name, "{range:?}");
        }
        assert_eq!(document.modified_at(), Some(86_400));
    }

    #[test]
    fn days_are_counted_from_the_epoch() {
        assert_eq!(start_of_day("1970-01-01"), Some(0));
        assert_eq!(start_of_day("2024-05-03T10:00:00Z"), Some(1_714_694_400));
        assert_eq!(start_of_day("2024-02-29"), Some(1_709_164_800));
        for text in ["May 2024", "2024-13-01", "2024-5-3", ""] {
            assert_eq!(start_of_day(text), None, "{text}");
        }
    }
}
