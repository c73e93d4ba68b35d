//! The wire shapes of conversations in one call, and of quotations in their place.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::dto::ContextBody;
use crate::assistant::Surroundings;

/// A message to answer.
#[derive(Debug, Deserialize, ToSchema)]
#[expect(
    dead_code,
    reason = "describes the body, which is read field by field for pydantic's error list"
)]
#[schema(as = ChatRequest)]
pub(super) struct ChatBody {
    /// The user's words.
    #[schema(
        example = "How often is the filter changed?",
        min_length = 1,
        pattern = r"\S"
    )]
    message: String,
    /// The session to go on with; a new one is opened where it is left out or null.
    #[schema(example = json!(null))]
    session_id: Option<String>,
    /// Send the answer as it is written: server-sent events instead of one JSON object.
    stream: Option<bool>,
}

/// The first event of a stream: what the answer is made from.
#[derive(Debug, Serialize)]
pub(super) struct SearchResults {
    /// The session.
    pub(super) session_id: String,
    /// Best first.
    pub(super) contexts: Vec<ContextBody>,
}

/// More of an answer's text.
#[derive(Debug, Serialize)]
pub(super) struct MessageDelta {
    /// To be put behind what came before.
    pub(super) text: String,
}

/// A quotation and what stands around it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Surroundings)]
pub(super) struct SurroundingsBody {
    /// The chunk.
    chunk_id: String,
    /// The document.
    document_id: String,
    /// URL or path of the document.
    #[schema(example = "manuals/care.md")]
    source: String,
    /// Title of the document.
    title: String,
    /// The page on which its first word stands, counted from 1.
    page: Option<u32>,
    /// Where the quotation stands in a file without pages, such as a sheet's row.
    location: Option<String>,
    /// The page on which its last word stands.
    page_end: Option<u32>,
    /// The address that opens the source at the quotation: with `#page=` for kinds that have pages.
    link: String,
    /// The headings above it, outermost first, joined by ` > `.
    heading: String,
    /// First byte of the quotation in the document's stored text.
    start: usize,
    /// One past its last byte.
    end: usize,
    /// The text before it.
    before: String,
    /// The exact words.
    quote: String,
    /// The text after it.
    after: String,
}

impl From<Surroundings> for SurroundingsBody {
    fn from(found: Surroundings) -> Self {
        Self {
            link: found.place.link(),
            chunk_id: found.place.chunk.to_string(),
            document_id: found.place.document.to_string(),
            source: found.place.source,
            title: found.place.title,
            page: found.place.page,
            location: found.place.location,
            page_end: found.place.page_end,
            heading: found.heading_path.join(" > "),
            start: found.place.range.start,
            end: found.place.range.end,
            before: found.before,
            quote: found.quote,
            after: found.after,
        }
    }
}
