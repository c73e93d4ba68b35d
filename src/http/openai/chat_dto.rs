//! The wire shapes of OpenAI's API, as far as they mean something here.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::links::Marked;
use super::script::{Finish, TOKEN_BYTES};
use crate::assistant::Summary;
use crate::http::answer_dto::{CitationBody, SentenceBody};

/// A conversation to go on with. What else OpenAI's API has may be sent: the reply names what of it was
/// not honoured.
#[derive(Debug, Deserialize, ToSchema)]
#[expect(dead_code, reason = "describes the body, which is read field by field")]
pub(in crate::http) struct ChatCompletionRequest {
    /// Always `wattwise`.
    #[schema(example = "wattwise", pattern = "^wattwise$")]
    model: String,
    /// Oldest first; the last one of the user is the question. What the user said before is what it
    /// refers to; messages of other roles are not read.
    #[schema(min_items = 1, example = json!([{"role": "user", "content": "How often is the filter changed?"}]))]
    messages: Vec<ChatCompletionMessage>,
    /// Send the answer as it is written.
    stream: Option<bool>,
    /// What else a stream should tell.
    stream_options: Option<StreamOptions>,
    /// Whether the text ends with a list of its sources; what the server was started with if left out.
    sources: Option<bool>,
    /// The most tokens of the text, each counted as four bytes; `finish_reason` is `length` then.
    #[schema(minimum = 1)]
    max_completion_tokens: Option<u64>,
    /// The same under its older name.
    #[schema(minimum = 1)]
    max_tokens: Option<u64>,
    /// The text ends before the first of these.
    #[schema(example = json!(null))]
    stop: Option<Stop>,
    /// `text`, `json_object`, or `json_schema` with a schema of the documented object.
    #[schema(example = json!(null))]
    response_format: Option<ResponseFormat>,
}

/// What ends a text.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "describes a value that is read by hand")]
pub(in crate::http) enum Stop {
    /// One sequence.
    One(String),
    /// Up to four.
    Some(Vec<String>),
}

/// What the answer is written as.
#[derive(Debug, Deserialize, ToSchema)]
#[expect(dead_code, reason = "describes an object that is read by hand")]
pub(in crate::http) struct ResponseFormat {
    /// `text` or `json_object`; `json_schema` comes with a schema.
    #[serde(rename = "type")]
    #[schema(example = "text", pattern = "^(text|json_object)$")]
    kind: String,
}

/// A message of a conversation.
#[derive(Debug, Deserialize, ToSchema)]
#[expect(dead_code, reason = "describes an item that is read by hand")]
pub(in crate::http) struct ChatCompletionMessage {
    /// `user`, `assistant`, `system` or another one.
    #[schema(example = "user")]
    role: String,
    /// Null only where the role is not `user`.
    content: Option<ChatCompletionContent>,
}

/// What a message says.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "describes a value that is read by hand")]
pub(in crate::http) enum ChatCompletionContent {
    /// A text.
    Text(String),
    /// Texts, to be read one below the other.
    Parts(Vec<ChatCompletionPart>),
}

/// A part of what a message says.
#[derive(Debug, Deserialize, ToSchema)]
#[expect(dead_code, reason = "describes an item that is read by hand")]
pub(in crate::http) struct ChatCompletionPart {
    /// Always `text`; parts of other kinds, such as `image_url`, are not read, and named in the reply.
    #[serde(rename = "type")]
    #[schema(example = "text", pattern = "^text$")]
    kind: String,
    /// The text.
    text: String,
}

/// What a stream tells besides the answer.
#[derive(Debug, Deserialize, ToSchema)]
#[expect(dead_code, reason = "describes an object that is read by hand")]
pub(in crate::http) struct StreamOptions {
    /// Send a last piece with the number of tokens.
    include_usage: Option<bool>,
}

/// An answer, in one piece or a part of it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(in crate::http) struct ChatCompletion {
    /// Names this answer.
    #[schema(example = "chatcmpl-0197b1c2")]
    pub(in crate::http) id: String,
    /// `chat.completion`, or `chat.completion.chunk` in a stream.
    #[schema(example = "chat.completion")]
    pub(in crate::http) object: &'static str,
    /// Seconds since the Unix epoch.
    pub(in crate::http) created: i64,
    /// Always `wattwise`.
    #[schema(example = "wattwise")]
    pub(in crate::http) model: &'static str,
    /// One; none in the piece of a stream that tells the number of tokens.
    pub(in crate::http) choices: Vec<ChatCompletionChoice>,
    /// The program and the generation that answered: with the same two, the same question gets the same
    /// answer where no language model writes it.
    pub(in crate::http) system_fingerprint: String,
    /// What of the request had no effect, by name; beyond OpenAI's API. In a stream, in the piece that
    /// ends the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = json!(["temperature", "messages[0] (system)"]))]
    pub(in crate::http) not_honoured: Option<Vec<String>>,
    /// How much was read and written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::http) usage: Option<Usage>,
    /// What is beyond OpenAI's API: the checks. In a stream, in the piece that ends the answer.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub(in crate::http) checks: Option<Checks>,
}

/// What became of an answer when it was checked.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(in crate::http) struct Checks {
    /// One for each marker in the text, in order.
    pub(in crate::http) citations: Vec<CitationBody>,
    /// The text sentence by sentence.
    pub(in crate::http) sentences: Vec<SentenceBody>,
    /// False when the sources do not cover the question.
    pub(in crate::http) answered: bool,
    /// The chance, from 0 to 1, that the reply answers the question.
    pub(in crate::http) confidence: f64,
    /// `answered`, `partial`, `not_covered`, `identifier_missing`, `other_language` or `curated`.
    pub(in crate::http) reason: &'static str,
    /// True when a language model should have written it and could not.
    pub(in crate::http) degraded: bool,
    /// Why.
    pub(in crate::http) degraded_reason: Option<&'static str>,
}

/// The answer itself.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(in crate::http) struct ChatCompletionChoice {
    /// Always 0.
    pub(in crate::http) index: u32,
    /// The answer; not in a stream.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::http) message: Option<ChatCompletionText>,
    /// More of the answer; only in a stream.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::http) delta: Option<ChatCompletionText>,
    /// Always null.
    pub(in crate::http) logprobs: Option<u32>,
    /// `stop` at the end, or `length` where the text is as long as the request allows.
    pub(in crate::http) finish_reason: Option<&'static str>,
}

/// Words of the assistant.
#[derive(Debug, Clone, Default, Serialize, ToSchema)]
pub(in crate::http) struct ChatCompletionText {
    /// `assistant`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::http) role: Option<&'static str>,
    /// The words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::http) content: Option<String>,
    /// What the markers in the words stand for; in a stream, in the piece that ends the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::http) annotations: Option<Vec<ChatAnnotation>>,
}

/// A marker in the text and what it stands for.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(in crate::http) struct ChatAnnotation {
    /// Always `url_citation`.
    #[serde(rename = "type")]
    #[schema(example = "url_citation")]
    kind: &'static str,
    /// The source.
    url_citation: UrlCitation,
}

/// A source that a marker stands for.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(in crate::http) struct UrlCitation {
    /// First character of the marker in the text.
    pub(in crate::http) start_index: usize,
    /// One past its last character.
    pub(in crate::http) end_index: usize,
    /// Title of the document.
    pub(in crate::http) title: String,
    /// Opens the document at the quote.
    pub(in crate::http) url: String,
}

impl From<Marked> for UrlCitation {
    fn from(marked: Marked) -> Self {
        Self {
            start_index: marked.start,
            end_index: marked.end,
            title: marked.title,
            url: marked.url,
        }
    }
}

impl From<Marked> for ChatAnnotation {
    fn from(marked: Marked) -> Self {
        Self {
            kind: "url_citation",
            url_citation: marked.into(),
        }
    }
}

impl Finish {
    /// As chat completions call it.
    pub(in crate::http) fn reason(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Length => "length",
        }
    }
}

impl From<Summary> for Checks {
    fn from(summary: Summary) -> Self {
        let degraded_reason = super::degraded_reason(&summary);
        let (answer, outcome) = (summary.answer, summary.outcome);
        Self {
            citations: answer.citations.into_iter().map(Into::into).collect(),
            sentences: answer.sentences.into_iter().map(Into::into).collect(),
            answered: answer.answered,
            confidence: outcome.rounded(),
            reason: outcome.reason.name(),
            degraded: degraded_reason.is_some(),
            degraded_reason,
        }
    }
}

/// Numbers of tokens, estimated from lengths: there may be no model that counts them.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[expect(clippy::struct_field_names, reason = "the names are OpenAI's")]
pub(in crate::http) struct Usage {
    /// In the messages.
    pub(in crate::http) prompt_tokens: usize,
    /// In the answer.
    pub(in crate::http) completion_tokens: usize,
    /// Both.
    pub(in crate::http) total_tokens: usize,
}

impl Usage {
    /// Of so many bytes of text.
    pub(in crate::http) fn of(prompt_bytes: usize, answer_bytes: usize) -> Self {
        let (prompt_tokens, completion_tokens) = (
            prompt_bytes.div_ceil(TOKEN_BYTES),
            answer_bytes.div_ceil(TOKEN_BYTES),
        );
        Self {
            prompt_tokens,
            completion_tokens,
            total_tokens: prompt_tokens + completion_tokens,
        }
    }
}
