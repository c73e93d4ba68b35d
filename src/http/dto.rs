//! The wire shapes. Hand-converted from the assistant's types, which know nothing of JSON.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::validation::Step;
use crate::assistant::{GenerationInfo, Retrieved, Summary, SuppliedContext};
use crate::model::{AnswerSentence, ChunkId, Citation, Context, Place};

/// A session's id.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Session)]
pub(super) struct SessionOpened {
    /// Names the conversation in later calls.
    #[schema(example = "6c1f0f0e-5a3c-4a53-8f5b-0c1d8a2b7e11")]
    pub(super) session_id: String,
}

/// A message to keep.
#[derive(Debug, Deserialize, ToSchema)]
#[expect(
    dead_code,
    reason = "describes the body, which is read field by field for pydantic's error list"
)]
#[schema(as = Message)]
pub(super) struct MessageBody {
    /// The user's words.
    #[schema(example = "How often is the filter changed?")]
    message: String,
}

/// That something was done, and to which session.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Acknowledgement {
    /// What was done.
    #[schema(example = "Message received")]
    pub(super) message: &'static str,
    /// The session.
    pub(super) session_id: String,
}

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

/// An answer whose citations the server has checked.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Summary)]
pub(super) struct SummaryReply {
    /// The session named in the request.
    session_id: String,
    /// The answer, with markers such as `[1]`.
    #[schema(example = "Change the filter every six months [1].")]
    summary: String,
    /// False when the sources do not cover the question.
    answered: bool,
    /// The chance, from 0 to 1, that the reply answers the question.
    #[schema(example = 0.87)]
    confidence: f64,
    /// `answered`, `partial`, `not_covered`, `identifier_missing`, `other_language` or `curated`.
    #[schema(example = "answered")]
    reason: &'static str,
    /// One for each marker, in order.
    citations: Vec<CitationBody>,
    /// What the answer says, sentence by sentence, and what became of each when it was checked.
    sentences: Vec<SentenceBody>,
    /// What wrote it: `extractive`, `curated`, or adapter and model.
    #[schema(example = "extractive")]
    generator: String,
    /// True when a language model should have written it and could not.
    degraded: bool,
    /// Why.
    degraded_reason: Option<&'static str>,
    /// The question as it was read, where words of it were mistyped; else null.
    corrected_query: Option<String>,
    /// Always `markdown`: paragraphs, lists, and bold for what tells most.
    #[schema(example = "markdown")]
    summary_format: &'static str,
}

/// A sentence of an answer.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Sentence)]
pub(super) struct SentenceBody {
    /// The sentence without markers.
    #[schema(example = "Change the filter every six months.")]
    text: String,
    /// Whether a cited passage says it.
    supported: bool,
    /// Whether each number in it stands, with its unit, in a cited passage.
    numbers_verified: bool,
    /// The markers of its citations.
    citations: Vec<u32>,
}

impl From<AnswerSentence> for SentenceBody {
    fn from(sentence: AnswerSentence) -> Self {
        Self {
            text: sentence.text,
            supported: sentence.supported,
            numbers_verified: sentence.numbers_verified,
            citations: sentence.citations,
        }
    }
}

impl SummaryReply {
    pub(super) fn new(session_id: String, summary: Summary) -> Self {
        Self {
            session_id,
            summary: summary.answer.text,
            answered: summary.answer.answered,
            confidence: summary.outcome.rounded(),
            reason: summary.outcome.reason.name(),
            citations: summary
                .answer
                .citations
                .into_iter()
                .map(CitationBody::from)
                .collect(),
            sentences: summary
                .answer
                .sentences
                .into_iter()
                .map(SentenceBody::from)
                .collect(),
            generator: summary.generator,
            degraded: summary.degraded.is_some(),
            degraded_reason: summary.degraded.map(|degraded| degraded.reason),
            corrected_query: summary.corrected,
            summary_format: "markdown",
        }
    }
}

/// A quotation that stands behind a sentence. What says where it stands is null if the context was
/// a text of the client's own that is in no document.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Citation)]
pub(super) struct CitationBody {
    /// The number in square brackets.
    #[schema(example = 1)]
    marker: u32,
    /// The chunk it lies in.
    chunk_id: Option<String>,
    /// The document.
    document_id: Option<String>,
    /// URL or path of the document.
    source: Option<String>,
    /// Title of the document.
    title: Option<String>,
    /// The headings above the quote, outermost first, joined by ` > `.
    heading: Option<String>,
    /// The page on which the quote's first word stands, counted from 1.
    page: Option<u32>,
    /// The page on which its last word stands: another one if the quote runs over a page break.
    page_end: Option<u32>,
    /// Where the quote stands in a file without pages, such as a sheet's row, a slide or a chapter.
    #[schema(example = "sheet Prices, row 12")]
    location: Option<String>,
    /// The address that opens the source at the quote: with `#page=` for kinds that have pages.
    #[schema(example = "manuals/washer.pdf#page=3")]
    link: Option<String>,
    /// First byte in the document's stored text.
    start: Option<usize>,
    /// One past the last byte.
    end: Option<usize>,
    /// The exact words.
    quote: String,
    /// Whether the server found `quote` there.
    verified: bool,
}

impl From<Citation> for CitationBody {
    fn from(citation: Citation) -> Self {
        let place = citation.place.as_ref();
        Self {
            marker: citation.marker,
            chunk_id: place.map(|place| place.chunk.to_string()),
            document_id: place.map(|place| place.document.to_string()),
            source: place.map(|place| place.source.clone()),
            title: place.map(|place| place.title.clone()),
            heading: place.map(|place| place.heading.clone()),
            page: place.and_then(|place| place.page),
            location: place.and_then(|place| place.location.clone()),
            page_end: place.and_then(|place| place.page_end),
            link: place.map(Place::link),
            start: place.map(|place| place.range.start),
            end: place.map(|place| place.range.end),
            quote: citation.quote,
            verified: citation.verified,
        }
    }
}

/// A summary to keep; further fields are kept with it.
#[derive(Debug, Deserialize, ToSchema)]
#[expect(
    dead_code,
    reason = "describes the body, which is read field by field for pydantic's error list"
)]
#[schema(as = SaveRequest)]
pub(super) struct SaveBody {
    /// The session.
    #[schema(example = "6c1f0f0e-5a3c-4a53-8f5b-0c1d8a2b7e11")]
    session_id: String,
    /// The summary.
    #[schema(example = "Change the filter every six months.")]
    summary: String,
}

/// That the server lives, or is ready.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Health)]
pub(super) struct HealthBody {
    /// `ok`, `ready` or `unavailable`.
    #[schema(example = "ok")]
    pub(super) status: &'static str,
    /// The generation that answers, if it is ready.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) generation: Option<String>,
    /// Why it is not ready.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub(super) reason: Option<Value>,
}

/// What is running and what it answers from.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Version)]
pub(super) struct VersionBody {
    /// The program.
    #[schema(example = "wattwise")]
    name: &'static str,
    /// Its version.
    #[schema(example = "0.1.0")]
    version: &'static str,
    /// The generation that is live.
    generation: String,
    /// Documents in it.
    documents: usize,
    /// Chunks in it.
    chunks: usize,
    /// What embedded it.
    embedder: String,
}

impl From<GenerationInfo> for VersionBody {
    fn from(generation: GenerationInfo) -> Self {
        Self {
            name: env!("CARGO_PKG_NAME"),
            version: env!("CARGO_PKG_VERSION"),
            generation: generation.id,
            documents: generation.documents,
            chunks: generation.chunks,
            embedder: generation.embedder,
        }
    }
}

/// An error that is a sentence.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Error)]
pub(super) struct ErrorBody {
    /// What is wrong.
    #[schema(example = "Session not found")]
    detail: String,
}

/// Everything that is wrong with a request.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = HTTPValidationError)]
pub(super) struct ValidationErrorBody {
    /// One entry for each problem.
    detail: Vec<ProblemBody>,
}

/// One thing that is wrong.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ValidationError)]
pub(super) struct ProblemBody {
    /// Which rule was broken.
    #[serde(rename = "type")]
    #[schema(example = "missing")]
    kind: String,
    /// The way to the input, names and positions.
    #[schema(example = json!(["body", "message"]))]
    loc: Vec<Step>,
    /// The rule in words.
    #[schema(example = "Field required")]
    msg: String,
    /// What was sent, cut where it is long.
    input: Value,
    /// What the rule's words refer to.
    ctx: Option<Value>,
}
