//! `POST /generate_summary`

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};

use crate::assistant::SummaryRequest;
use crate::assistant::access::Caller;
use crate::http::body::read_fields;
use crate::http::dto::{
    ErrorBody, SummaryBody, SummaryReply, ValidationErrorBody, supplied_context,
};
use crate::http::error::ApiError;
use crate::http::headers::answer_headers;
use crate::http::validation::{Problems, Step};
use crate::http::{AppState, metrics, sse};

/// Answer from contexts, with citations
///
/// Each citation is an exact quote that the server has looked up in the stored text. Without contexts
/// and history, the session's messages are the question and the server retrieves. With `stream` the
/// reply is a stream of events, as at `/chat`.
#[utoipa::path(
    post,
    path = "/generate_summary",
    tag = "answers",
    request_body = SummaryBody,
    responses(
        (status = 200, description = "The answer", content((SummaryReply = "application/json"), (sse::ServerEvent = "text/event-stream"))),
        (status = 400, description = "The body cannot be decoded", body = ErrorBody),
        (status = 404, description = "No such session, and neither contexts nor history", body = ErrorBody),
        (status = 413, description = "The body is over the limit", body = ErrorBody),
        (status = 422, description = "The request is not valid", body = ValidationErrorBody),
        (status = 503, description = "Busy, or the store or the embedder is not available", body = ErrorBody),
    )
)]
pub(in crate::http) async fn generate_summary(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> Result<Response, ApiError> {
    let mut problems = Problems::default();
    let fields = read_fields(request, state.limits(), &mut problems).await?;
    let Some(fields) = fields else {
        return Err(problems.into());
    };
    let session = fields.text("session_id", &mut problems);
    let contexts = fields.optional_list("contexts", &mut problems, supplied_context);
    let history = fields.optional_list("message_history", &mut problems, |item| {
        item.as_str().map(str::to_owned)
    });
    let stream = fields.flag("stream", &mut problems);
    let (Some(session), Ok(contexts), Ok(history), true) =
        (session, contexts, history, problems.is_empty())
    else {
        return Err(problems.into());
    };
    let most = state.limits().max_contexts;
    let count = contexts.as_ref().map_or(0, Vec::len);
    if count > most {
        problems.list_too_long(&[Step::Name("body"), Step::Name("contexts")], most, count);
        return Err(problems.into());
    }
    let request = SummaryRequest {
        owner: caller.owner,
        session: session.clone(),
        contexts,
        history,
    };
    let answers = Arc::clone(&state.assistant().answers);
    let prepared = answers.prepare(request).await?;
    let (generation, cache) = (prepared.generation(), prepared.cache_status());
    if stream {
        let contexts = sse::contexts(&prepared);
        let events = sse::answer(session, contexts, answers.events(prepared));
        return Ok(sse::reply(&generation, cache, events));
    }
    let summary = answers.finish(prepared).await;
    metrics::answer(&summary);
    let headers = answer_headers(&generation, cache);
    Ok((headers, Json(SummaryReply::new(session, summary))).into_response())
}
