//! `POST /retrieve_contexts`

use axum::Json;
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue};
use axum::response::IntoResponse;

use super::{known_session, snapshot_header};
use crate::assistant::Question;
use crate::http::AppState;
use crate::http::dto::{ErrorBody, RetrievedBody, ValidationErrorBody};
use crate::http::error::ApiError;
use crate::http::validation::{Problems, Query};
use crate::model::SessionId;

/// Least, default and most contexts in a reply.
const CONTEXT_COUNT: (usize, usize, usize) = (1, 4, 50);

/// Says whether the sources cover the question.
const COVERED: HeaderName = HeaderName::from_static("x-covered");

/// Find contexts for a question
///
/// The question is `message`, or else the last message of the session in the light of those before
/// it. At least one of the two must be given. The header `X-Covered` says whether the sources cover
/// the question. Pages are counted from 1; the original application counted from 0.
#[utoipa::path(
    post,
    path = "/retrieve_contexts",
    tag = "answers",
    params(
        ("session_id" = Option<String>, Query, description = "The session; required without `message`"),
        ("message" = Option<String>, Query, description = "The question; wins over the session's last message"),
        ("k" = Option<usize>, Query, minimum = 1, maximum = 50, description = "How many contexts at most; 4 if left out"),
    ),
    responses(
        (status = 200, description = "The contexts, best first", body = RetrievedBody,
            headers(("X-Covered" = bool, description = "Whether the sources cover the question"))),
        (status = 404, description = "No such session", body = ErrorBody),
        (status = 422, description = "The request is not valid", body = ValidationErrorBody),
        (status = 503, description = "Busy, or the store or the embedder is not available", body = ErrorBody),
    )
)]
pub(in crate::http) async fn retrieve_contexts(
    State(state): State<AppState>,
    request: Request,
) -> Result<impl IntoResponse, ApiError> {
    let mut problems = Problems::default();
    let query = Query::of(request.uri());
    let message = query.optional("message");
    let session_id = match message {
        Some(_) => Some(query.optional("session_id")),
        None => query.required("session_id", &mut problems).map(Some),
    };
    let count = query.number("k", CONTEXT_COUNT, &mut problems);
    let (Some(session_id), Some(count)) = (session_id, count) else {
        return Err(problems.into());
    };
    let session = session_id.map(known_session).transpose()?;
    let (question, history) = match (message, session) {
        (Some(message), Some(session)) => (
            Question::Text(message.to_owned()),
            Some(history(&state, session).await?),
        ),
        (Some(message), None) => (Question::Text(message.to_owned()), None),
        (None, Some(session)) => (Question::Session(session), None),
        (None, None) => return Err(problems.into()),
    };
    let mut retrieved = state.assistant().retrieve(&question, count).await?;
    let found = std::mem::take(&mut retrieved.history)
        .into_iter()
        .map(|message| message.text)
        .collect();
    let covered = HeaderValue::from_static(if retrieved.covered { "true" } else { "false" });
    let snapshot = snapshot_header(&retrieved.generation);
    let body = RetrievedBody::new(
        session_id.map(str::to_owned),
        history.unwrap_or(found),
        retrieved,
    );
    Ok(([(COVERED, covered)], snapshot, Json(body)))
}

async fn history(state: &AppState, session: SessionId) -> Result<Vec<String>, ApiError> {
    let messages = state.assistant().history(session).await?;
    Ok(messages.into_iter().map(|message| message.text).collect())
}
