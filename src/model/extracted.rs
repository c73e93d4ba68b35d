//! What extraction keeps of a file: readable text with positions.

use std::fmt;
use std::ops::Range;

use serde::{Deserialize, Serialize};

/// The readable text of one file and its structure.
///
/// `text` is what a person would read: no markup, words separated by single spaces, no hard line
/// breaks inside a paragraph. Blocks are separated by a blank line, except that neighbouring list
/// items and neighbouring table rows are separated by one line break. `blocks` lie in reading
/// order, do not overlap, sit on character boundaries, and everything between them is white space.
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
    /// A page whose glyphs have no reliable mapping to characters. Counted from 1.
    PageUnreadable(u32),
    /// The text was cut at a limit; the reason says which.
    Truncated(String),
    /// Bytes that are not valid in the declared character set were replaced.
    BadEncoding(String),
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
            Self::PageUnreadable(page) => {
                write!(f, "page {page} has text that maps to no characters")
            }
            Self::Truncated(limit) => write!(f, "text cut at {limit}"),
            Self::BadEncoding(charset) => {
                write!(f, "bytes that are not valid {charset} were replaced")
            }
            Self::LittleKept { kept, of } => write!(f, "kept {kept} of {of} characters"),
        }
    }
}
