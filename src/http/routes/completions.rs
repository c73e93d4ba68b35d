//! `POST /v1/chat/completions`, `GET /v1/models`, `GET /v1/models/{model}`

use std::sync::Arc;

use axum::extract::{Path, Request, State};
use axum::response::sse::Event;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use futures::{Stream, StreamExt, future, stream};
use serde_json::Value;
use uuid::Uuid;

use super::answer_headers;
use crate::assistant::access::Caller;
use crate::assistant::upkeep::now;
use crate::assistant::{AnswerEvent, AnswerEvents, AssistantError, Summary, SummaryRequest};
use crate::http::body::read_fields;
use crate::http::error::ApiError;
use crate::http::openai_dto::{
    ChatCompletion, ChatCompletionChoice, ChatCompletionRequest, ChatCompletionText, Checks, MODEL,
    ModelBody, ModelList, OpenAiErrorBody, Usage,
};
use crate::http::validation::{Fields, Problems, Step};
use crate::http::{AppState, metrics, openai_errors, sse};

/// What is put in front of the extractive answer where a part of a model's was sent before it.
const BROKE_OFF: &str = "\n\n(The language model stopped here. From the sources:)\n\n";

/// Answer a conversation, for clients of OpenAI's API
///
/// The answer has markers such as `[1]`; `citations` and `sentences`, which OpenAI's API does not
/// have, say what stands behind them. Nothing is stored.
#[utoipa::path(
    post,
    path = "/v1/chat/completions",
    tag = "openai",
    request_body = ChatCompletionRequest,
    responses(
        (status = 200, description = "The answer", content((ChatCompletion = "application/json"), (sse::ServerEvent = "text/event-stream"))),
        (status = 400, description = "The request is not valid", body = OpenAiErrorBody),
        (status = 404, description = "No such model", body = OpenAiErrorBody),
        (status = 413, description = "The body is over the limit", body = OpenAiErrorBody),
    )
)]
pub(in crate::http) async fn complete(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> Result<Response, ApiError> {
    let mut problems = Problems::default();
    let fields = read_fields(request, state.limits(), &mut problems).await?;
    let Some(fields) = fields else {
        return Err(problems.into());
    };
    let model = fields.text("model", &mut problems);
    let asked = read_messages(&fields, state.limits().max_message_bytes, &mut problems);
    let stream = fields.flag("stream", &mut problems);
    let include_usage = read_stream_options(fields.value("stream_options"), &mut problems);
    if let Some(name) = model.filter(|name| name != MODEL) {
        return Err(ApiError::NoModel { name });
    }
    let (Some(asked), true) = (asked, problems.is_empty()) else {
        return Err(problems.into());
    };
    let assistant = Arc::clone(state.assistant());
    let prepared = assistant
        .prepare(SummaryRequest {
            owner: caller.owner,
            session: String::new(),
            contexts: None,
            history: Some(asked.questions),
        })
        .await?;
    let (generation, cache) = (prepared.generation(), prepared.cache_status());
    let frame = Frame {
        id: format!("chatcmpl-{}", Uuid::new_v4().simple()),
        created: now(),
        prompt_bytes: asked.bytes,
    };
    if stream {
        let events = assistant.answer_events(prepared);
        let pieces = frame.pieces(events, include_usage);
        return Ok(sse::reply(&generation, cache, pieces));
    }
    let summary = assistant.finish(prepared).await;
    metrics::answer(&summary);
    let headers = answer_headers(&generation, cache);
    Ok((headers, Json(frame.whole(summary))).into_response())
}

/// List the models
///
/// There is one.
#[utoipa::path(
    get,
    path = "/v1/models",
    tag = "openai",
    responses((status = 200, description = "The models", body = ModelList))
)]
pub(in crate::http) async fn models(State(state): State<AppState>) -> Json<ModelList> {
    Json(ModelList {
        object: "list",
        data: vec![describe(&state)],
    })
}

/// Describe a model
#[utoipa::path(
    get,
    path = "/v1/models/{model}",
    tag = "openai",
    params(("model" = String, Path, description = "Its name", example = "wattwise")),
    responses(
        (status = 200, description = "The model", body = ModelBody),
        (status = 404, description = "No such model", body = OpenAiErrorBody),
    )
)]
pub(in crate::http) async fn model(
    State(state): State<AppState>,
    Path(name): Path<String>,
) -> Result<Json<ModelBody>, ApiError> {
    if name == MODEL {
        Ok(Json(describe(&state)))
    } else {
        Err(ApiError::NoModel { name })
    }
}

fn describe(state: &AppState) -> ModelBody {
    ModelBody {
        id: MODEL,
        object: "model",
        created: state.assistant().generation().created_at,
        owned_by: MODEL,
    }
}

/// What a conversation asks.
struct Asked {
    /// The user's messages, oldest first.
    questions: Vec<String>,
    /// In all messages.
    bytes: usize,
}

fn read_messages(fields: &Fields, most_bytes: usize, problems: &mut Problems) -> Option<Asked> {
    let (body, field) = (Step::Name("body"), Step::Name("messages"));
    if fields.is_without("messages") {
        problems.missing(&[body, field], &fields.object());
        return None;
    }
    let value = fields.value("messages");
    let Some(messages) = value.as_array().filter(|messages| !messages.is_empty()) else {
        problems.not_list(&[body, field], value);
        return None;
    };
    let mut asked = Asked {
        questions: Vec::new(),
        bytes: 0,
    };
    for (index, message) in messages.iter().enumerate() {
        let step = Step::Index(index);
        let Some(role) = message["role"].as_str() else {
            problems.not_text(&[body, field, step, Step::Name("role")], &message["role"]);
            continue;
        };
        let content = &message["content"];
        match text_of(content) {
            Some(text) => {
                asked.bytes += text.len();
                if role == "user" {
                    asked.questions.push(text);
                }
            }
            // Calls of tools have no content.
            None if content.is_null() && role != "user" => {}
            None => problems.not_text(&[body, field, step, Step::Name("content")], content),
        }
    }
    if messages.last().is_some_and(|last| last["role"] != "user") {
        let loc = [
            body,
            field,
            Step::Index(messages.len() - 1),
            Step::Name("role"),
        ];
        problems.not_one_of(
            &loc,
            &messages[messages.len() - 1]["role"],
            "'user' in the last message",
        );
    }
    if asked.bytes > most_bytes {
        problems.text_too_long(&[body, field], most_bytes);
    }
    Some(asked)
}

/// Whether the number of tokens is wanted.
fn read_stream_options(options: &Value, problems: &mut Problems) -> bool {
    let loc = ["body", "stream_options", "include_usage"].map(Step::Name);
    let include_usage = &options["include_usage"];
    if !options.is_null() && !options.is_object() {
        problems.not_one_of(&loc[..2], options, "an object");
    } else if !include_usage.is_null() && !include_usage.is_boolean() {
        problems.not_bool(&loc, include_usage);
    }
    *include_usage == true
}

/// A text, or the texts of parts.
fn text_of(content: &Value) -> Option<String> {
    match content {
        Value::String(text) => Some(text.clone()),
        Value::Array(parts) => parts
            .iter()
            .map(|part| match part["type"].as_str() {
                Some("text") => part["text"].as_str(),
                Some(_) | None => None,
            })
            .collect::<Option<Vec<_>>>()
            .map(|texts| texts.join("\n")),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => None,
    }
}

/// What all pieces of one answer share.
#[derive(Clone)]
struct Frame {
    id: String,
    created: i64,
    prompt_bytes: usize,
}

impl Frame {
    fn whole(&self, summary: Summary) -> ChatCompletion {
        let text = summary.answer.text.clone();
        ChatCompletion {
            id: self.id.clone(),
            object: "chat.completion",
            created: self.created,
            model: MODEL,
            usage: Some(Usage::of(self.prompt_bytes, text.len())),
            choices: vec![ChatCompletionChoice {
                index: 0,
                message: Some(said(text)),
                delta: None,
                logprobs: None,
                finish_reason: Some("stop"),
            }],
            checks: Some(checks(summary)),
        }
    }

    fn piece(
        &self,
        delta: ChatCompletionText,
        finish_reason: Option<&'static str>,
    ) -> ChatCompletion {
        ChatCompletion {
            id: self.id.clone(),
            object: "chat.completion.chunk",
            created: self.created,
            model: MODEL,
            usage: None,
            choices: vec![ChatCompletionChoice {
                index: 0,
                message: None,
                delta: Some(delta),
                logprobs: None,
                finish_reason,
            }],
            checks: None,
        }
    }

    /// The events of a stream: the role, the text, the end with the checks, `[DONE]`.
    fn pieces(
        self,
        events: AnswerEvents,
        include_usage: bool,
    ) -> impl Stream<Item = Event> + Send + 'static {
        let first = sse::data(&self.piece(said(String::new()), None));
        let mut sent = String::new();
        let rest = sse::counted(events)
            .flat_map(move |event| stream::iter(self.events(event, &mut sent, include_usage)));
        stream::once(future::ready(first)).chain(rest)
    }

    fn events(
        &self,
        event: Result<AnswerEvent, AssistantError>,
        sent: &mut String,
        include_usage: bool,
    ) -> Vec<Event> {
        let more = |text: String| {
            let delta = ChatCompletionText {
                role: None,
                content: Some(text),
            };
            sse::data(&self.piece(delta, None))
        };
        match event {
            Ok(AnswerEvent::Text(text)) => {
                sent.push_str(&text);
                vec![more(text)]
            }
            // They come with the end.
            Ok(AnswerEvent::Citation(_)) => Vec::new(),
            Ok(AnswerEvent::Whole(summary)) => {
                let mut events = Vec::new();
                if !sent.is_empty() && *sent != summary.answer.text {
                    events.push(more(format!("{BROKE_OFF}{}", summary.answer.text)));
                }
                let usage = Usage::of(self.prompt_bytes, summary.answer.text.len());
                let mut end = self.piece(ChatCompletionText::default(), Some("stop"));
                end.checks = Some(checks(*summary));
                events.push(sse::data(&end));
                if include_usage {
                    let mut last = self.piece(ChatCompletionText::default(), None);
                    last.choices.clear();
                    last.usage = Some(usage);
                    events.push(sse::data(&last));
                }
                events.push(Event::default().data("[DONE]"));
                events
            }
            Err(error) => {
                let error = ApiError::from(error);
                error.note();
                vec![sse::data(&openai_errors::body(
                    error.status(),
                    &error.sentence(),
                ))]
            }
        }
    }
}

fn said(text: String) -> ChatCompletionText {
    ChatCompletionText {
        role: Some("assistant"),
        content: Some(text),
    }
}

fn checks(summary: Summary) -> Checks {
    Checks {
        citations: summary
            .answer
            .citations
            .into_iter()
            .map(Into::into)
            .collect(),
        sentences: summary
            .answer
            .sentences
            .into_iter()
            .map(Into::into)
            .collect(),
        answered: summary.answer.answered,
        confidence: summary.outcome.confidence,
        reason: summary.outcome.reason.name(),
        degraded: summary.degraded.is_some(),
        degraded_reason: summary.degraded.map(|degraded| degraded.reason),
    }
}
