//! The wire shapes of OpenAI's API, as far as they mean something here.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::dto::{CitationBody, SentenceBody};

/// The one model: this server.
pub(super) const MODEL: &str = "wattwise";

/// A conversation to go on with. Further fields of OpenAI's API may be sent and have no effect.
#[derive(Debug, Deserialize, ToSchema)]
#[expect(dead_code, reason = "describes the body, which is read field by field")]
pub(super) struct ChatCompletionRequest {
    /// Always `wattwise`.
    #[schema(example = "wattwise", pattern = "^wattwise$")]
    model: String,
    /// Oldest first; the last one is the user's question. What users said before is what it refers
    /// to; messages of other roles are passed over.
    #[schema(min_items = 1, example = json!([{"role": "user", "content": "How can I stop draughts around my front door?"}]))]
    messages: Vec<ChatCompletionMessage>,
    /// Send the answer as it is written.
    stream: Option<bool>,
    /// What else a stream should tell.
    stream_options: Option<StreamOptions>,
}

/// A message of a conversation.
#[derive(Debug, Deserialize, ToSchema)]
#[expect(dead_code, reason = "describes an item that is read by hand")]
pub(super) struct ChatCompletionMessage {
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
pub(super) enum ChatCompletionContent {
    /// A text.
    Text(String),
    /// Texts, to be read one below the other.
    Parts(Vec<ChatCompletionPart>),
}

/// A part of what a message says.
#[derive(Debug, Deserialize, ToSchema)]
#[expect(dead_code, reason = "describes an item that is read by hand")]
pub(super) struct ChatCompletionPart {
    /// Always `text`: there are no eyes and no ears here.
    #[serde(rename = "type")]
    #[schema(example = "text", pattern = "^text$")]
    kind: String,
    /// The text.
    text: String,
}

/// What a stream tells besides the answer.
#[derive(Debug, Deserialize, ToSchema)]
#[expect(dead_code, reason = "describes an object that is read by hand")]
pub(super) struct StreamOptions {
    /// Send a last piece with the number of tokens.
    include_usage: Option<bool>,
}

/// An answer, in one piece or a part of it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct ChatCompletion {
    /// Names this answer.
    #[schema(example = "chatcmpl-0197b1c2")]
    pub(super) id: String,
    /// `chat.completion`, or `chat.completion.chunk` in a stream.
    #[schema(example = "chat.completion")]
    pub(super) object: &'static str,
    /// Seconds since the Unix epoch.
    pub(super) created: i64,
    /// Always `wattwise`.
    #[schema(example = "wattwise")]
    pub(super) model: &'static str,
    /// One; none in the piece of a stream that tells the number of tokens.
    pub(super) choices: Vec<ChatCompletionChoice>,
    /// How much was read and written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) usage: Option<Usage>,
    /// What is beyond OpenAI's API: the checks. In a stream, in the piece that ends the answer.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub(super) checks: Option<Checks>,
}

/// What became of an answer when it was checked.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct Checks {
    /// One for each marker in the text, in order.
    pub(super) citations: Vec<CitationBody>,
    /// The text sentence by sentence.
    pub(super) sentences: Vec<SentenceBody>,
    /// False when the sources do not cover the question.
    pub(super) answered: bool,
    /// The chance, from 0 to 1, that the reply answers the question.
    pub(super) confidence: f32,
    /// `answered`, `partial`, `not_covered`, `identifier_missing`, `other_language` or `curated`.
    pub(super) reason: &'static str,
    /// True when a language model should have written it and could not.
    pub(super) degraded: bool,
    /// Why.
    pub(super) degraded_reason: Option<&'static str>,
}

/// The answer itself.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct ChatCompletionChoice {
    /// Always 0.
    pub(super) index: u32,
    /// The answer; not in a stream.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) message: Option<ChatCompletionText>,
    /// More of the answer; only in a stream.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) delta: Option<ChatCompletionText>,
    /// Always null.
    pub(super) logprobs: Option<u32>,
    /// `stop` at the end.
    pub(super) finish_reason: Option<&'static str>,
}

/// Words of the assistant.
#[derive(Debug, Clone, Default, Serialize, ToSchema)]
pub(super) struct ChatCompletionText {
    /// `assistant`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) role: Option<&'static str>,
    /// The words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) content: Option<String>,
}

/// Numbers of tokens, estimated from lengths: there may be no model that counts them.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[expect(clippy::struct_field_names, reason = "the names are OpenAI's")]
pub(super) struct Usage {
    /// In the messages.
    pub(super) prompt_tokens: usize,
    /// In the answer.
    pub(super) completion_tokens: usize,
    /// Both.
    pub(super) total_tokens: usize,
}

impl Usage {
    /// Of so many bytes of text.
    pub(super) fn of(prompt_bytes: usize, answer_bytes: usize) -> Self {
        let (prompt_tokens, completion_tokens) =
            (prompt_bytes.div_ceil(4), answer_bytes.div_ceil(4));
        Self {
            prompt_tokens,
            completion_tokens,
            total_tokens: prompt_tokens + completion_tokens,
        }
    }
}

/// The models there are.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ModelList {
    /// Always `list`.
    #[schema(example = "list")]
    pub(super) object: &'static str,
    /// One.
    pub(super) data: Vec<ModelBody>,
}

/// A model.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Model)]
pub(super) struct ModelBody {
    /// Its name.
    #[schema(example = "wattwise")]
    pub(super) id: &'static str,
    /// Always `model`.
    #[schema(example = "model")]
    pub(super) object: &'static str,
    /// When the documents that it answers from were read, in seconds since the Unix epoch.
    pub(super) created: i64,
    /// Always `wattwise`.
    #[schema(example = "wattwise")]
    pub(super) owned_by: &'static str,
}

/// An error in the shape of OpenAI's API.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = OpenAiError)]
pub(super) struct OpenAiErrorBody {
    /// What is wrong.
    error: OpenAiProblem,
}

/// What is wrong.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct OpenAiProblem {
    /// A sentence.
    #[schema(example = "messages: Field required")]
    message: String,
    /// The class of the error.
    #[serde(rename = "type")]
    #[schema(example = "invalid_request_error")]
    kind: String,
    /// The field that it is about.
    #[schema(example = "messages")]
    param: Option<String>,
    /// A word for it.
    code: Option<String>,
}
