//! `POST /chat`

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};

use super::known_session;
use crate::assistant::access::Caller;
use crate::assistant::{Begun, ChatRequest};
use crate::http::answer_dto::ChatBody;
use crate::http::answer_dto::SummaryReply;
use crate::http::body::ReadRequest;
use crate::http::dto::{ErrorBody, ValidationErrorBody};
use crate::http::error::ApiError;
use crate::http::headers::answer_headers;
use crate::http::kept_reply::KeptReply;
use crate::http::validation::{Problems, Step};
use crate::http::{AppState, metrics, sse};

/// Ask and be answered, in one call
///
/// Keeps the message, finds contexts, answers with checked citations and keeps the answer as a record
/// of the session; where no session is named, a new one. With `stream` the reply is a stream of
/// events: `search_results`, then `message` and `citation` as they come, then `final_answer`, which
/// has the fields of the other reply and replaces what came before it, or `error`. The answer is
/// stored when `final_answer` comes; a client that leaves earlier ends the work.
#[utoipa::path(
    post,
    path = "/chat",
    tag = "answers",
    params(("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255, pattern = "^[!-~]+$", description = "Names the write: repeated within a day with the same request, nothing is stored again and the reply is the same")),
    request_body = ChatBody,
    responses(
        (status = 200, description = "The answer, stored", content((SummaryReply = "application/json"), (sse::ServerEvent = "text/event-stream"))),
        (status = 400, description = "The body cannot be decoded", body = ErrorBody),
        (status = 404, description = "No such session", body = ErrorBody),
        (status = 409, description = "The session is full", body = ErrorBody),
        (status = 413, description = "The body is over the limit", body = ErrorBody),
        (status = 422, description = "The request is not valid", body = ValidationErrorBody),
        (status = 503, description = "Busy, or the store or the embedder is not available", body = ErrorBody),
    )
)]
pub(in crate::http) async fn chat(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> Result<Response, ApiError> {
    let mut problems = Problems::default();
    let limits = state.limits();
    let request = ReadRequest::read(request, limits).await?;
    let fields = request.fields(limits, &mut problems).await?;
    let once = request.once(&mut problems);
    let Some(fields) = fields else {
        return Err(problems.into());
    };
    let message = fields.short_text("message", limits.max_message_bytes, &mut problems);
    if let Some(blank) = message
        .as_deref()
        .filter(|message| message.trim().is_empty())
    {
        let loc = [Step::Name("body"), Step::Name("message")];
        problems.blank(&loc, &blank.into());
    }
    let session = fields.optional_text("session_id", &mut problems);
    let stream = fields.flag("stream", &mut problems);
    let (Some(message), true) = (message, problems.is_empty()) else {
        return Err(problems.into());
    };
    let session = session
        .map(|id| known_session(caller, &id))
        .transpose()?
        .map(|session| session.id);
    let chats = Arc::clone(&state.assistant().chats);
    let begun = chats
        .begin(ChatRequest {
            owner: caller.owner,
            session,
            message,
            once,
            render: KeptReply::render,
        })
        .await?;
    let chat = match begun {
        Begun::Fresh(chat) => *chat,
        Begun::Repeated(reply) => return Ok(KeptReply::read(&reply)?.send(stream)),
    };
    let session_id = chat.session.id.to_string();
    let (generation, cache) = (chat.prepared.generation(), chat.prepared.cache_status());
    if stream {
        let contexts = sse::contexts(&chat.prepared);
        let events = sse::answer(session_id, contexts, chats.events(chat));
        return Ok(sse::reply(&generation, cache, events));
    }
    let summary = chats.finish(chat).await?;
    metrics::answer(&summary);
    let body = Json(SummaryReply::new(session_id, summary));
    Ok((answer_headers(&generation, cache), body).into_response())
}
