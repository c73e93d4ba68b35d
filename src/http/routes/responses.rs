//! `POST /v1/responses`

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use futures::{StreamExt, stream};
use serde_json::Value;

use crate::assistant::access::Caller;
use crate::assistant::answer_cache::CacheStatus;
use crate::assistant::errand::{Speaker, Turn};
use crate::assistant::{
    AnswerEvent, AnswerEvents, AssistantError, Begun, Chat, ChatRequest, Position, Summary,
    SummaryRequest,
};
use crate::http::body::read_fields;
use crate::http::error::ApiError;
use crate::http::headers::answer_headers;
use crate::http::kept_reply::KeptReply;
use crate::http::openai::MODEL;
use crate::http::openai::errors::OpenAiErrorBody;
use crate::http::openai::links::Links;
use crate::http::openai::messages::Dialogue;
use crate::http::openai::parameters::{Form, RESPONSES, Wishes, refuse_foreign};
use crate::http::openai::response::{Asked, Frame, position_of};
use crate::http::openai::responses_dto::{ResponseBody, ResponseRequest};
use crate::http::openai::script::Script;
use crate::http::validation::{Fields, Problems, Step};
use crate::http::{AppState, metrics, sse};

/// Answer a question, for clients of OpenAI's Responses API
///
/// As `/v1/chat/completions`, in other shapes. The user's messages are kept as a session, as by `/chat`,
/// unless `store` is false; `previous_response_id` goes on behind the message that it names.
#[utoipa::path(
    post,
    operation_id = "create_response",
    path = "/v1/responses",
    tag = "openai",
    request_body = ResponseRequest,
    responses(
        (status = 200, description = "The answer", content((ResponseBody = "application/json"), (sse::ServerEvent = "text/event-stream"))),
        (status = 400, description = "The request is not valid, or no such response is kept", body = OpenAiErrorBody),
        (status = 404, description = "No such model", body = OpenAiErrorBody),
        (status = 409, description = "The conversation is full", body = OpenAiErrorBody),
        (status = 413, description = "The body is over the limit", body = OpenAiErrorBody),
    )
)]
pub(in crate::http) async fn respond(
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
    let dialogue = read_input(&fields, state.limits().max_message_bytes, &mut problems);
    let stream = fields.flag("stream", &mut problems);
    let store = fields.value("store").is_null() || fields.flag("store", &mut problems);
    let previous = fields.optional_text("previous_response_id", &mut problems);
    let wishes = Wishes::read(&fields, &RESPONSES, state.lists_sources(), &mut problems);
    if let Some(name) = model.filter(|name| name != MODEL) {
        return Err(ApiError::NoModel { name, there: MODEL });
    }
    let (Some(dialogue), true) = (dialogue, problems.is_empty()) else {
        return Err(problems.into());
    };
    let schema = match &wishes.form {
        Form::Foreign { schema, .. } => Some(schema),
        Form::Text | Form::Json(_) => None,
    };
    let turns = with_instructions(&fields, &dialogue);
    let errand = state.assistant().errands.reply(&turns, schema).await?;
    if errand.is_none() {
        refuse_foreign(&wishes.form, &RESPONSES)?;
    }
    let asked = Asked {
        prompt_bytes: dialogue.bytes,
        not_honoured: [&wishes.ignored[..], &dialogue.unread[..]].concat(),
        previous: previous.clone(),
        metadata: fields.value("metadata").clone(),
    };
    let script = Script::new(
        wishes.clone(),
        links,
        dialogue.has_media && errand.is_none(),
    );
    if let Some(errand) = errand {
        let frame = Frame::new(asked, &wishes, None);
        let work = Work::Done(Box::new(Summary::of_errand(errand)));
        return reply(&state, work, frame, script.plain(), stream).await;
    }
    let work = begin(
        &state,
        caller,
        dialogue.questions(),
        previous.as_deref(),
        store,
    )
    .await?;
    let frame = Frame::new(asked, &wishes, work.position());
    reply(&state, work, frame, script, stream).await
}

/// What is still to be done for an answer.
enum Work {
    /// Nothing.
    Done(Box<Summary>),
    /// It is to be written.
    Asked(Box<crate::assistant::Prepared>),
    /// It is to be written and kept.
    Kept(Box<Chat>),
}

impl Work {
    fn position(&self) -> Option<Position> {
        match self {
            Self::Kept(chat) => Some(chat.position()),
            Self::Done(_) | Self::Asked(_) => None,
        }
    }

    /// The generation that answers, and whether the answer comes from the cache.
    fn origin(&self) -> (String, CacheStatus) {
        match self {
            Self::Done(summary) => (summary.generation.clone(), CacheStatus::Bypass),
            Self::Asked(prepared) => (prepared.generation(), prepared.cache_status()),
            Self::Kept(chat) => (chat.prepared.generation(), chat.prepared.cache_status()),
        }
    }
}

/// Keeps the question, if it is to be kept, and finds contexts for it.
async fn begin(
    state: &AppState,
    caller: Caller,
    mut questions: Vec<String>,
    previous: Option<&str>,
    store: bool,
) -> Result<Work, ApiError> {
    let assistant = state.assistant();
    let unknown = |error| match (error, previous) {
        (AssistantError::SessionNotFound, Some(id)) => ApiError::NoResponse { id: id.to_owned() },
        (error, _) => ApiError::from(error),
    };
    let position = previous.map(position_of);
    if position == Some(None) {
        return Err(unknown(AssistantError::SessionNotFound));
    }
    let position = position.flatten();
    if !store {
        let earlier = assistant
            .conversations
            .messages_up_to(caller.owner, position)
            .await;
        let earlier = earlier.map_err(unknown)?;
        let request = SummaryRequest {
            owner: caller.owner,
            session: String::new(),
            contexts: None,
            history: Some([earlier, questions].concat()),
        };
        return Ok(Work::Asked(Box::new(
            assistant.answers.prepare(request).await?,
        )));
    }
    let message = questions.pop().unwrap_or_default();
    let session = assistant
        .conversations
        .branch(caller.owner, position, questions)
        .await;
    let begun = assistant
        .chats
        .begin(ChatRequest {
            owner: caller.owner,
            session: session.map_err(unknown)?,
            message,
            once: None,
            render: KeptReply::render,
        })
        .await?;
    match begun {
        Begun::Fresh(chat) => Ok(Work::Kept(chat)),
        Begun::Repeated(_) => {
            let reason = "a request without a name was repeated".to_owned();
            Err(AssistantError::Internal(reason).into())
        }
    }
}

async fn reply(
    state: &AppState,
    work: Work,
    mut frame: Frame,
    mut script: Script,
    stream: bool,
) -> Result<Response, ApiError> {
    let assistant = state.assistant();
    let (generation, cache) = work.origin();
    if stream {
        let events: AnswerEvents = match work {
            Work::Done(summary) => Box::pin(stream::iter([Ok(AnswerEvent::Whole(summary))])),
            Work::Asked(prepared) => Box::pin(sse::counted(
                Arc::clone(&assistant.answers).events(*prepared),
            )),
            Work::Kept(chat) => Box::pin(sse::counted(Arc::clone(&assistant.chats).events(*chat))),
        };
        let opening = stream::iter(frame.opening(&generation));
        let rest = events.flat_map(move |event| stream::iter(frame.events(event, &mut script)));
        return Ok(sse::reply(&generation, cache, opening.chain(rest)));
    }
    let summary = match work {
        Work::Done(summary) => *summary,
        Work::Asked(prepared) => assistant.answers.finish(*prepared).await,
        Work::Kept(chat) => assistant.chats.finish(*chat).await?,
    };
    metrics::answer(&summary);
    script.end(&summary);
    let body = Json(frame.whole(&script, summary));
    Ok((answer_headers(&generation, cache), body).into_response())
}

/// A text, or messages.
fn read_input(fields: &Fields, most_bytes: usize, problems: &mut Problems) -> Option<Dialogue> {
    let loc = ["body", "input"].map(Step::Name);
    if fields.is_without("input") {
        problems.missing(&loc, &fields.object());
        return None;
    }
    match fields.value("input") {
        Value::String(text) => {
            if text.len() > most_bytes {
                problems.text_too_long(&loc, most_bytes);
            }
            Some(Dialogue::asking(text))
        }
        Value::Array(items) if !items.is_empty() => {
            Some(Dialogue::read("input", items, most_bytes, problems))
        }
        other @ (Value::Null
        | Value::Bool(_)
        | Value::Number(_)
        | Value::Array(_)
        | Value::Object(_)) => {
            problems.not_one_of(&loc, other, "a text or a list of messages");
            None
        }
    }
}

/// The conversation behind what the program says to the model, which only an errand is known by.
fn with_instructions(fields: &Fields, dialogue: &Dialogue) -> Vec<Turn> {
    let instructions = fields.value("instructions").as_str().map(|text| Turn {
        speaker: Speaker::Program,
        text: text.to_owned(),
    });
    instructions
        .into_iter()
        .chain(dialogue.turns.iter().cloned())
        .collect()
}
