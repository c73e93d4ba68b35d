//! `POST /v1/chat/completions`

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::sse::Event;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use futures::{Stream, StreamExt, future, stream};
use serde_json::Value;
use uuid::Uuid;

use crate::assistant::access::Caller;
use crate::assistant::answer_cache::CacheStatus;
use crate::assistant::{AnswerEvent, AnswerEvents, AssistantError, Summary, SummaryRequest};
use crate::http::body::read_fields;
use crate::http::error::ApiError;
use crate::http::headers::answer_headers;
use crate::http::openai::chat_dto::{
    ChatCompletion, ChatCompletionChoice, ChatCompletionRequest, ChatCompletionText, Usage,
};
use crate::http::openai::errors::OpenAiErrorBody;
use crate::http::openai::links::{Links, marked};
use crate::http::openai::messages::Dialogue;
use crate::http::openai::parameters::{CHAT, Form, Wishes, refuse_foreign};
use crate::http::openai::script::Script;
use crate::http::openai::{MODEL, errors, fingerprint};
use crate::http::validation::{Fields, Problems, Step};
use crate::http::{AppState, metrics, sse};
use crate::runtime::clock::now;

/// Answer a conversation, for clients of OpenAI's API
///
/// The text has markers such as `[1]` and ends with a list of its sources; `annotations` say the same,
/// and `citations` and `sentences`, which OpenAI's API does not have, what stands behind them. What a
/// front end asks about a conversation (a title, tags, what may be asked next, what to search for) is
/// answered from the conversation and the documents' headings. Nothing is stored.
#[utoipa::path(
    post,
    operation_id = "create_chat_completion",
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
    let links = Links::of(&request);
    let mut problems = Problems::default();
    let fields = read_fields(request, state.limits(), &mut problems).await?;
    let Some(fields) = fields else {
        return Err(problems.into());
    };
    let model = fields.text("model", &mut problems);
    let dialogue = read_messages(&fields, state.limits().max_message_bytes, &mut problems);
    let stream = fields.flag("stream", &mut problems);
    let include_usage = read_stream_options(fields.value("stream_options"), &mut problems);
    let wishes = Wishes::read(&fields, &CHAT, state.lists_sources(), &mut problems);
    if let Some(name) = model.filter(|name| name != MODEL) {
        return Err(ApiError::NoModel { name, there: MODEL });
    }
    let (Some(dialogue), true) = (dialogue, problems.is_empty()) else {
        return Err(problems.into());
    };
    let assistant = Arc::clone(state.assistant());
    let schema = match &wishes.form {
        Form::Foreign { schema, .. } => Some(schema),
        Form::Text | Form::Json(_) => None,
    };
    // Only what the documented object does not fit may be the form of something else.
    let errand = assistant.errands.reply(&dialogue.turns, schema).await?;
    if errand.is_none() {
        refuse_foreign(&wishes.form, &CHAT)?;
    }
    let frame = Frame::new(&dialogue, &wishes);
    let script = Script::new(wishes, links, dialogue.has_media && errand.is_none());
    if let Some(errand) = errand {
        let summary = Summary::of_errand(errand);
        return Ok(frame.at_once(script.plain(), summary, stream, include_usage));
    }
    let prepared = assistant
        .answers
        .prepare(SummaryRequest {
            owner: caller.owner,
            session: String::new(),
            contexts: None,
            history: Some(dialogue.questions()),
        })
        .await?;
    let (generation, cache) = (prepared.generation(), prepared.cache_status());
    if stream {
        let events = sse::counted(Arc::clone(&assistant.answers).events(prepared));
        let pieces = frame.pieces(Box::pin(events), script, &generation, include_usage);
        return Ok(sse::reply(&generation, cache, pieces));
    }
    let summary = assistant.answers.finish(prepared).await;
    metrics::answer(&summary);
    let headers = answer_headers(&generation, cache);
    Ok((headers, Json(frame.whole(script, summary))).into_response())
}

fn read_messages(fields: &Fields, most_bytes: usize, problems: &mut Problems) -> Option<Dialogue> {
    let loc = ["body", "messages"].map(Step::Name);
    if fields.is_without("messages") {
        problems.missing(&loc, &fields.object());
        return None;
    }
    let value = fields.value("messages");
    let Some(messages) = value.as_array().filter(|messages| !messages.is_empty()) else {
        problems.not_list(&loc, value);
        return None;
    };
    Some(Dialogue::read("messages", messages, most_bytes, problems))
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

/// What all pieces of one answer share.
struct Frame {
    id: String,
    created: i64,
    prompt_bytes: usize,
    not_honoured: Vec<String>,
}

impl Frame {
    fn new(dialogue: &Dialogue, wishes: &Wishes) -> Self {
        Self {
            id: format!("chatcmpl-{}", Uuid::new_v4().simple()),
            created: now(),
            prompt_bytes: dialogue.bytes,
            not_honoured: [&wishes.ignored[..], &dialogue.unread[..]].concat(),
        }
    }

    /// The reply to what needed no search.
    fn at_once(
        self,
        script: Script,
        summary: Summary,
        stream: bool,
        include_usage: bool,
    ) -> Response {
        let generation = summary.generation.clone();
        if stream {
            let events = stream::iter([Ok(AnswerEvent::Whole(Box::new(summary)))]);
            let pieces = self.pieces(Box::pin(events), script, &generation, include_usage);
            return sse::reply(&generation, CacheStatus::Bypass, pieces);
        }
        metrics::answer(&summary);
        let headers = answer_headers(&generation, CacheStatus::Bypass);
        (headers, Json(self.whole(script, summary))).into_response()
    }

    fn whole(self, mut script: Script, summary: Summary) -> ChatCompletion {
        script.end(&summary);
        let annotations = marked(script.text(), &summary.answer.citations, script.links());
        let message = ChatCompletionText {
            role: Some("assistant"),
            content: Some(script.text().to_owned()),
            annotations: Some(annotations.into_iter().map(Into::into).collect()),
        };
        let mut whole = self.piece(&summary.generation, None, Some(script.finish().reason()));
        whole.object = "chat.completion";
        whole.choices[0].message = Some(message);
        whole.usage = Some(Usage::of(self.prompt_bytes, script.text().len()));
        whole.not_honoured = Some(self.not_honoured);
        whole.checks = Some(summary.into());
        whole
    }

    fn piece(
        &self,
        generation: &str,
        delta: Option<ChatCompletionText>,
        finish_reason: Option<&'static str>,
    ) -> ChatCompletion {
        ChatCompletion {
            id: self.id.clone(),
            object: "chat.completion.chunk",
            created: self.created,
            model: MODEL,
            system_fingerprint: fingerprint(generation),
            not_honoured: None,
            usage: None,
            choices: vec![ChatCompletionChoice {
                index: 0,
                message: None,
                delta,
                logprobs: None,
                finish_reason,
            }],
            checks: None,
        }
    }

    fn text(&self, generation: &str, text: String) -> Event {
        let delta = ChatCompletionText {
            content: Some(text),
            ..ChatCompletionText::default()
        };
        sse::data(&self.piece(generation, Some(delta), None))
    }

    /// The events of a stream: the role, the text, the end with the checks, `[DONE]`.
    fn pieces(
        self,
        events: AnswerEvents,
        mut script: Script,
        generation: &str,
        include_usage: bool,
    ) -> impl Stream<Item = Event> + Send + use<> {
        let role = ChatCompletionText {
            role: Some("assistant"),
            content: Some(String::new()),
            annotations: None,
        };
        let first = sse::data(&self.piece(generation, Some(role), None));
        let generation = generation.to_owned();
        let rest = events.flat_map(move |event| {
            stream::iter(self.events(event, &mut script, &generation, include_usage))
        });
        stream::once(future::ready(first)).chain(rest)
    }

    fn events(
        &self,
        event: Result<AnswerEvent, AssistantError>,
        script: &mut Script,
        generation: &str,
        include_usage: bool,
    ) -> Vec<Event> {
        match event {
            Ok(AnswerEvent::Text(text)) => script
                .push(&text)
                .map(|text| self.text(generation, text))
                .into_iter()
                .collect(),
            // They come with the end.
            Ok(AnswerEvent::Citation(_)) => Vec::new(),
            Ok(AnswerEvent::Whole(summary)) => self.last(*summary, script, include_usage),
            Err(error) => {
                let error = ApiError::from(error);
                error.note();
                let body = errors::body(error.status(), &error.sentence(), error.kind());
                vec![sse::data(&body)]
            }
        }
    }

    /// What ends a stream.
    fn last(&self, summary: Summary, script: &mut Script, include_usage: bool) -> Vec<Event> {
        let generation = summary.generation.clone();
        let rest = script.end(&summary);
        let mut events: Vec<Event> = rest
            .map(|text| self.text(&generation, text))
            .into_iter()
            .collect();
        let annotations = marked(script.text(), &summary.answer.citations, script.links());
        let delta = ChatCompletionText {
            annotations: (!annotations.is_empty())
                .then(|| annotations.into_iter().map(Into::into).collect()),
            ..ChatCompletionText::default()
        };
        let mut end = self.piece(&generation, Some(delta), Some(script.finish().reason()));
        end.not_honoured = Some(self.not_honoured.clone());
        end.checks = Some(summary.into());
        events.push(sse::data(&end));
        if include_usage {
            let mut usage = self.piece(&generation, None, None);
            usage.choices.clear();
            usage.usage = Some(Usage::of(self.prompt_bytes, script.text().len()));
            events.push(sse::data(&usage));
        }
        events.push(Event::default().data("[DONE]"));
        events
    }
}
