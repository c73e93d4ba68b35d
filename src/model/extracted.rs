//! What extraction keeps of a file: readable text with positions.

use std::fmt;
use std::ops::Range;

use serde::{Deserialize, Serialize};

/// The readable text of one file and its structure.
///
/// `text` is what a person would read: no markup, words separated by single spaces, no hard line
/// breaks inside a paragraph. Blocks are separated by a blank line, except that neighbouring list
/// items and neighbouring table rows are separated by one line break, and that a paragraph which a
/// page break cuts is two blocks with one space between them, or nothing if a word is cut. `blocks`
/// lie in reading order, do not overlap, sit on character boundaries, and everything between them is white space.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Extracted {
    /// The document's own title, if it has one worth showing.
    pub title: Option<String>,
    /// The whole readable text.
    pub text: String,
    /// The structure of `text`.
    pub blocks: Vec<Block>,
    /// How many pages the file has, for paged kinds.
    pub page_count: Option<u32>,
    /// The canonical address that the page names for itself, if any.
    pub canonical_url: Option<String>,
    /// What the page says that its links are relative to, as written.
    pub base_url: Option<String>,
    /// The addresses that a page's links lead to, as written.
    pub links: Vec<String>,
    /// What was lost or doubtful, for the ingest report.
    pub warnings: Vec<Warning>,
    /// Where parts of the text stand in a file without pages, in order.
    pub locations: Vec<Location>,
    /// What the file says about itself (author, date, tags), as name and value.
    pub metadata: Vec<(String, String)>,
    /// Running heads and page numbers that were left out of the text.
    pub dropped: Vec<Dropped>,
    /// Pages that are images, if they were asked for.
    pub scans: Vec<Scanned>,
}

/// A page that is an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scanned {
    /// Counted from 1.
    pub page: u32,
    /// The page as a portable grey map (PGM), upright.
    pub image: Vec<u8>,
}

/// A line that repeats from page to page and was left out of the text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dropped {
    /// What it said on the first of its pages; later ones may count on.
    pub text: String,
    /// The pages it stood on, counted from 1.
    pub pages: Vec<u32>,
}

/// Where a part of the text stands in a file without pages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Location {
    /// Bytes of the text.
    pub range: Range<usize>,
    /// In words, such as `sheet Prices, row 12` or `slide 3`.
    pub name: String,
}

impl Location {
    /// The location that holds the byte `offset`; `locations` lie in order and do not overlap.
    pub fn find(locations: &[Self], offset: usize) -> Option<&str> {
        let next = locations.partition_point(|location| location.range.start <= offset);
        let location = locations.get(next.checked_sub(1)?)?;
        (offset < location.range.end).then_some(location.name.as_str())
    }
}

/// One structural unit of the text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Block {
    /// What it is.
    pub kind: BlockKind,
    /// Bytes of [`Extracted::text`].
    pub range: Range<usize>,
    /// The page it begins on, counted from 1, for paged kinds.
    pub page: Option<u32>,
}

/// The kinds of block that chunking tells apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum BlockKind {
    /// A heading; level 1 is the highest, 6 the lowest.
    Heading(u8),
    /// Running text.
    Paragraph,
    /// One list item, with its marker (`- ` or `1. `) in the text.
    ListItem,
    /// One table row, cells separated by ` | `.
    TableRow,
    /// Preformatted text; the only kind whose line breaks are its own.
    Preformatted,
}

/// Something that extraction could not keep or is not sure of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Warning {
    /// A page without a text layer: it shows an image and would need OCR. Counted from 1.
    PageNeedsOcr(u32),
    /// A page without a text layer that an OCR program has read. Counted from 1.
    PageReadByOcr(u32),
    /// The OCR program failed; the reason names it.
    OcrFailed(String),
    /// A page whose glyphs have no reliable mapping to characters. Counted from 1.
    PageUnreadable(u32),
    /// The text was cut at a limit; the reason says which.
    Truncated(String),
    /// A file is attached that is not read; its name.
    Attachment(String),
    /// Bytes that are not valid in the declared character set were replaced.
    BadEncoding(String),
    /// A part of the file that was not read, and why.
    LeftOut(String),
    /// Little of what a page shows outside its navigation was kept, in characters.
    LittleKept {
        /// Kept.
        kept: usize,
        /// Outside navigation, banner, footer and what stands beside the content.
        of: usize,
    },
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PageNeedsOcr(page) => write!(f, "page {page} has no text layer and needs OCR"),
            Self::PageReadByOcr(page) => write!(f, "page {page} was read by OCR"),
            Self::OcrFailed(reason) => f.write_str(reason),
            Self::PageUnreadable(page) => {
                write!(f, "page {page} has text that maps to no characters")
            }
            Self::Attachment(name) => write!(f, "the attached file {name:?} is not read"),
            Self::Truncated(limit) => write!(f, "text cut at {limit}"),
            Self::LeftOut(what) => f.write_str(what),
            Self::BadEncoding(charset) => {
                write!(f, "bytes that are not valid {charset} were replaced")
            }
            Self::LittleKept { kept, of } => write!(f, "kept {kept} of {of} characters"),
        }
    }
}
