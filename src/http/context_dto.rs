//! The wire shapes of contexts: as they are retrieved, and as a caller sends them along.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::assistant::{Retrieved, SuppliedContext};
use crate::model::{ChunkId, Context};

/// The contexts for a question.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Retrieved)]
pub(super) struct RetrievedBody {
    /// The session, or null where the question came as `message` alone.
    pub(super) session_id: Option<String>,
    /// Best first.
    pub(super) contexts: Vec<ContextBody>,
    /// The session's messages, oldest first.
    pub(super) message_history: Vec<String>,
    /// The question as it was searched for, where words of it were mistyped; else null.
    pub(super) corrected_query: Option<String>,
}

impl RetrievedBody {
    pub(super) fn new(
        session_id: Option<String>,
        history: Vec<String>,
        retrieved: Retrieved,
    ) -> Self {
        Self {
            session_id,
            contexts: retrieved
                .contexts
                .into_iter()
                .map(ContextBody::from)
                .collect(),
            message_history: history,
            corrected_query: retrieved.corrected,
        }
    }
}

/// A piece of a document, in the shape of the original application's documents.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Document)]
pub(super) struct ContextBody {
    /// The chunk's id; the same words in the same document keep it.
    #[schema(example = "9f2c63a1b0d44e7f8a15c3e2d7b60491")]
    id: String,
    /// Where it comes from.
    metadata: MetadataBody,
    /// The text, behind the headings above it and a blank line, if there are any. Citations and
    /// `start` and `end` are of the text alone.
    page_content: String,
    /// Always `Document`.
    #[serde(rename = "type")]
    #[schema(example = "Document")]
    kind: &'static str,
}

/// Where a context comes from and how well it fits.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Metadata)]
pub(super) struct MetadataBody {
    /// URL or path of the document.
    #[schema(example = "manuals/washer.pdf")]
    source: String,
    /// Title of the document.
    title: String,
    /// The page it begins on, counted from 1 as readers do (the original application counted from
    /// 0); null for documents without pages.
    page: Option<u32>,
    /// The page it ends on.
    page_end: Option<u32>,
    /// Where it stands in a file without pages, such as a sheet's row, a slide or a chapter.
    #[schema(example = "sheet Prices, row 12")]
    location: Option<String>,
    /// In [0, 1]; higher fits better.
    score: f32,
    /// The document's id.
    document_id: String,
    /// The file's format: `pdf`, `html`, `markdown`, `text`, `docx`, `xlsx`, `mail` and so on.
    #[schema(example = "pdf")]
    kind: &'static str,
    /// The headings above it, outermost first, joined by ` > `.
    #[schema(example = "Care > Filters")]
    heading: String,
    /// First byte in the document's stored text.
    start: usize,
    /// One past the last byte.
    end: usize,
}

impl From<Context> for ContextBody {
    fn from(context: Context) -> Self {
        Self {
            id: context.chunk.to_string(),
            metadata: MetadataBody {
                source: context.source,
                title: context.title,
                page: context.page,
                page_end: context.page_end,
                location: context.location,
                score: context.score,
                document_id: context.document.to_string(),
                kind: context.kind.as_str(),
                heading: context.heading_path.join(" > "),
                start: context.range.start,
                end: context.range.end,
            },
            page_content: under_headings(&context.heading_path, &context.text),
            kind: "Document",
        }
    }
}

/// A text behind the headings above it, which say what it is about.
fn under_headings(path: &[String], text: &str) -> String {
    if path.is_empty() {
        text.to_owned()
    } else {
        format!("{}\n\n{text}", path.join(" > "))
    }
}

/// What to summarise.
#[derive(Debug, Deserialize, ToSchema)]
#[expect(
    dead_code,
    reason = "describes the body, which is read field by field for pydantic's error list"
)]
#[schema(as = SummaryRequest)]
pub(super) struct SummaryBody {
    /// Any string; where it names a session, that session's messages are used if
    /// `message_history` is left out.
    #[schema(example = "6c1f0f0e-5a3c-4a53-8f5b-0c1d8a2b7e11")]
    session_id: String,
    /// What to answer from: texts, or the objects that `/retrieve_contexts` returned. Left out or
    /// null: the server retrieves.
    #[schema(example = json!(["The filter is changed every six months."]))]
    contexts: Option<Vec<SuppliedContextBody>>,
    /// The conversation, oldest first; the last entry is the question.
    #[schema(example = json!(["How often is the filter changed?"]))]
    message_history: Option<Vec<String>>,
    /// Send the answer as it is written: server-sent events instead of one JSON object.
    stream: Option<bool>,
}

/// A context sent along.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "describes an item that is read by hand")]
#[schema(as = SuppliedContext)]
pub(super) enum SuppliedContextBody {
    /// The text alone.
    Text(String),
    /// What `/retrieve_contexts` returned, or the part of it that is read.
    Document(SuppliedDocumentBody),
}

/// An object of which `page_content` and, if it is there, `id` are read.
#[derive(Debug, Deserialize, ToSchema)]
#[expect(dead_code, reason = "describes an item that is read by hand")]
#[schema(as = SuppliedDocument)]
pub(super) struct SuppliedDocumentBody {
    /// The chunk's id.
    id: Option<String>,
    /// The text.
    page_content: String,
}

/// Reads a context that a client sent; `None` if it has no text or an id that is none.
pub(super) fn supplied_context(item: &Value) -> Option<SuppliedContext> {
    if let Some(text) = item.as_str() {
        return Some(SuppliedContext {
            chunk: None,
            text: text.to_owned(),
        });
    }
    let text = item.get("page_content")?.as_str()?.to_owned();
    let chunk = match item.get("id").unwrap_or(&Value::Null) {
        Value::Null => None,
        Value::String(id) => Some(ChunkId::from_client(id)),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => return None,
    };
    Some(SuppliedContext { chunk, text })
}
