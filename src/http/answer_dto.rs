//! The wire shapes of answers with their citations, of conversations in one call, and of quotations in
//! their place.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::context_dto::ContextBody;
use crate::assistant::{Summary, Surroundings};
use crate::model::{AnswerSentence, Citation, Place};

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
