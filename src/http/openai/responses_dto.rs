//! The wire shapes of OpenAI's Responses API, as far as they mean something here.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::chat_dto::{ChatCompletionMessage, Checks, UrlCitation};

/// A question, or a conversation to go on with. What else OpenAI's API has may be sent: the reply names
/// what of it was not honoured.
#[derive(Debug, Deserialize, ToSchema)]
#[expect(dead_code, reason = "describes the body, which is read field by field")]
pub(in crate::http) struct ResponseRequest {
    /// Always `wattwise`.
    #[schema(example = "wattwise", pattern = "^wattwise$")]
    model: String,
    /// The question, or messages, oldest first.
    input: ResponseInput,
    /// The response that this goes on behind; its conversation must be the caller's.
    #[schema(example = json!(null), pattern = "^resp_[0-9a-f-]{36}_[0-9]+$")]
    previous_response_id: Option<String>,
    /// Whether the user's messages are kept, so that a later request can name this one; true if left out.
    store: Option<bool>,
    /// Send the answer as it is written.
    stream: Option<bool>,
    /// Whether the text ends with a list of its sources; what the server was started with if left out.
    sources: Option<bool>,
    /// The most tokens of the text, each counted as four bytes; `status` is `incomplete` then.
    #[schema(minimum = 1)]
    max_output_tokens: Option<u64>,
}

/// What is asked.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "describes a value that is read by hand")]
pub(in crate::http) enum ResponseInput {
    /// A text.
    Text(String),
    /// Messages.
    Messages(Vec<ChatCompletionMessage>),
}

/// An answer.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(in crate::http) struct ResponseBody {
    /// Names this answer; `previous_response_id` of a later request.
    #[schema(example = "resp_6c1f0f0e-5a3c-8a53-8f5b-0c1d8a2b7e11_1")]
    pub(in crate::http) id: String,
    /// Always `response`.
    #[schema(example = "response")]
    pub(in crate::http) object: &'static str,
    /// Seconds since the Unix epoch.
    pub(in crate::http) created_at: i64,
    /// `in_progress`, `completed`, or `incomplete` where the text is as long as the request allows.
    #[schema(example = "completed")]
    pub(in crate::http) status: &'static str,
    /// Always null.
    pub(in crate::http) error: Option<Value>,
    /// Why it is incomplete.
    pub(in crate::http) incomplete_details: Option<Incomplete>,
    /// Always `wattwise`.
    #[schema(example = "wattwise")]
    pub(in crate::http) model: &'static str,
    /// One message.
    pub(in crate::http) output: Vec<OutputMessage>,
    /// As it was asked for.
    pub(in crate::http) previous_response_id: Option<String>,
    /// Whether a later request can go on behind it.
    pub(in crate::http) store: bool,
    /// As it was asked for.
    pub(in crate::http) max_output_tokens: Option<usize>,
    /// As it was asked for.
    pub(in crate::http) metadata: Value,
    /// What the text is written as.
    pub(in crate::http) text: Value,
    /// Always false: no tools are called.
    pub(in crate::http) parallel_tool_calls: bool,
    /// Always `none`.
    #[schema(example = "none")]
    pub(in crate::http) tool_choice: &'static str,
    /// Always empty.
    pub(in crate::http) tools: Vec<Value>,
    /// Always null.
    pub(in crate::http) instructions: Option<Value>,
    /// How much was read and written.
    pub(in crate::http) usage: Option<ResponseUsage>,
    /// The program and the generation that answered.
    pub(in crate::http) system_fingerprint: String,
    /// What of the request had no effect, by name; beyond OpenAI's API.
    pub(in crate::http) not_honoured: Vec<String>,
    /// What is beyond OpenAI's API: the checks.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub(in crate::http) checks: Option<Checks>,
}

/// Why an answer is incomplete.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub(in crate::http) struct Incomplete {
    /// Always `max_output_tokens`.
    #[schema(example = "max_output_tokens")]
    pub(in crate::http) reason: &'static str,
}

/// A message of the model.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(in crate::http) struct OutputMessage {
    /// Names it.
    pub(in crate::http) id: String,
    /// Always `message`.
    #[serde(rename = "type")]
    #[schema(example = "message")]
    pub(in crate::http) kind: &'static str,
    /// As of the answer.
    #[schema(example = "completed")]
    pub(in crate::http) status: &'static str,
    /// Always `assistant`.
    #[schema(example = "assistant")]
    pub(in crate::http) role: &'static str,
    /// One text.
    pub(in crate::http) content: Vec<OutputText>,
}

/// A text of the model.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(in crate::http) struct OutputText {
    /// Always `output_text`.
    #[serde(rename = "type")]
    #[schema(example = "output_text")]
    pub(in crate::http) kind: &'static str,
    /// The words.
    pub(in crate::http) text: String,
    /// What the markers in them stand for.
    pub(in crate::http) annotations: Vec<ResponseAnnotation>,
    /// Always empty.
    pub(in crate::http) logprobs: Vec<Value>,
}

/// A marker in the text and what it stands for.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(in crate::http) struct ResponseAnnotation {
    /// Always `url_citation`.
    #[serde(rename = "type")]
    #[schema(example = "url_citation")]
    pub(in crate::http) kind: &'static str,
    /// The source.
    #[serde(flatten)]
    pub(in crate::http) citation: UrlCitation,
}

/// Numbers of tokens, estimated from lengths.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub(in crate::http) struct ResponseUsage {
    /// In the messages.
    pub(in crate::http) input_tokens: usize,
    /// Of these, none were kept.
    pub(in crate::http) input_tokens_details: Cached,
    /// In the answer.
    pub(in crate::http) output_tokens: usize,
    /// Of these, none were thought.
    pub(in crate::http) output_tokens_details: Reasoned,
    /// Both.
    pub(in crate::http) total_tokens: usize,
}

/// Tokens that were kept.
#[derive(Debug, Clone, Copy, Default, Serialize, ToSchema)]
pub(in crate::http) struct Cached {
    /// Always 0.
    pub(in crate::http) cached_tokens: usize,
}

/// Tokens that were thought.
#[derive(Debug, Clone, Copy, Default, Serialize, ToSchema)]
pub(in crate::http) struct Reasoned {
    /// Always 0.
    pub(in crate::http) reasoning_tokens: usize,
}
