//! The wire shapes of documents and of what could be asked of them.

use serde::Serialize;
use utoipa::ToSchema;

use crate::assistant::{DocumentInfo, DocumentList, DocumentText, Topic, is_web};
use crate::model::{Block, BlockKind};

/// A page of documents.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Documents)]
pub(super) struct DocumentsBody {
    /// In the order of the index.
    documents: Vec<DocumentBody>,
    /// How many there are on all pages.
    total: usize,
    /// The document behind which the next page begins; null on the last page.
    next: Option<String>,
}

impl From<DocumentList> for DocumentsBody {
    fn from(list: DocumentList) -> Self {
        let last = list.documents.last().filter(|_| list.has_more);
        Self {
            next: last.map(|info| info.id.to_string()),
            total: list.total,
            documents: list.documents.into_iter().map(Into::into).collect(),
        }
    }
}

/// A document. Times are seconds since the Unix epoch.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DocumentInfo)]
pub(super) struct DocumentBody {
    /// The document; stable as long as its source is.
    document_id: String,
    /// URL or path.
    #[schema(example = "manuals/care.md")]
    source: String,
    /// Its title.
    title: String,
    /// The file's format: `pdf`, `html`, `markdown` and so on.
    #[schema(example = "markdown")]
    kind: &'static str,
    /// How many pages it has, where it has pages.
    page_count: Option<u32>,
    /// Bytes of its text.
    length: usize,
    /// When it was read.
    fetched_at: i64,
    /// When it was changed last, as it says itself; null where it does not say.
    modified_at: Option<i64>,
    /// Since when its source does not answer; null while it does.
    stale_since: Option<i64>,
    /// The address of the original on the web, or null.
    link: Option<String>,
    /// The route that gives its file, or null where it was not read from one.
    #[schema(example = "/documents/9f2c63a1b0d44e7f8a15c3e2d7b60491/file")]
    file: Option<String>,
}

impl From<DocumentInfo> for DocumentBody {
    fn from(info: DocumentInfo) -> Self {
        let is_web = is_web(&info.source);
        Self {
            link: is_web.then(|| info.source.clone()),
            file: (!is_web).then(|| format!("/documents/{}/file", info.id)),
            document_id: info.id.to_string(),
            source: info.source,
            title: info.title,
            kind: info.kind.as_str(),
            page_count: info.page_count,
            length: info.length,
            fetched_at: info.fetched_at,
            modified_at: info.modified_at,
            stale_since: info.stale_since,
        }
    }
}

/// A part of a document's text.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DocumentText)]
pub(super) struct DocumentTextBody {
    /// The document.
    #[serde(flatten)]
    document: DocumentBody,
    /// The headings above the first byte, outermost first, joined by ` > `.
    heading: String,
    /// First byte of `text` in the document's text.
    start: usize,
    /// One past its last byte.
    end: usize,
    /// The text.
    text: String,
    /// Its structure; between blocks there is white space alone.
    blocks: Vec<BlockBody>,
}

/// A paragraph, a heading, an item of a list, a row of a table.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Block)]
pub(super) struct BlockBody {
    /// `heading`, `paragraph`, `list_item`, `table_row` (cells between ` | `) or `preformatted`.
    #[schema(example = "paragraph")]
    kind: &'static str,
    /// Of a heading: 1 is the highest.
    level: Option<u8>,
    /// First byte in the document's text.
    start: usize,
    /// One past the last byte.
    end: usize,
    /// The page it begins on, counted from 1, where there are pages.
    page: Option<u32>,
    /// Where it stands in a file without pages.
    location: Option<String>,
}

impl BlockBody {
    fn new(block: &Block, location: Option<String>) -> Self {
        let (kind, level) = match block.kind {
            BlockKind::Heading(level) => ("heading", Some(level)),
            BlockKind::Paragraph => ("paragraph", None),
            BlockKind::ListItem => ("list_item", None),
            BlockKind::TableRow => ("table_row", None),
            BlockKind::Preformatted => ("preformatted", None),
        };
        Self {
            kind,
            level,
            start: block.range.start,
            end: block.range.end,
            page: block.page,
            location,
        }
    }
}

impl From<DocumentText> for DocumentTextBody {
    fn from(found: DocumentText) -> Self {
        let blocks = found.blocks.iter().zip(found.locations);
        Self {
            blocks: blocks
                .map(|(block, location)| BlockBody::new(block, location))
                .collect(),
            document: found.info.into(),
            heading: found.heading,
            start: found.range.start,
            end: found.range.end,
            text: found.text,
        }
    }
}

/// What could be asked.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Suggestions)]
pub(super) struct SuggestionsBody {
    /// The most fitting first.
    pub(super) suggestions: Vec<SuggestionBody>,
}

/// A section of a document as something to ask.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Suggestion)]
pub(super) struct SuggestionBody {
    /// What to ask.
    #[schema(example = "Care: How often the filter is changed")]
    text: String,
    /// The headings down to the section, outermost first, joined by ` > `.
    heading: String,
    /// Title of the document.
    title: String,
    /// The document.
    document_id: String,
    /// A passage of the section.
    chunk_id: String,
}

impl From<Topic> for SuggestionBody {
    fn from(topic: Topic) -> Self {
        Self {
            text: topic.text,
            heading: topic.heading,
            title: topic.title,
            document_id: topic.document.to_string(),
            chunk_id: topic.chunk.to_string(),
        }
    }
}
