//! `POST /retrieve_contexts`

use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue};
use axum::response::IntoResponse;
use axum::{Extension, Json};

use super::known_session;
use crate::assistant::Question;
use crate::assistant::access::Caller;
use crate::http::AppState;
use crate::http::dto::{ErrorBody, RetrievedBody, ValidationErrorBody};
use crate::http::error::ApiError;
use crate::http::filter;
use crate::http::headers::snapshot_header;
use crate::http::validation::{Problems, Query, Step};
use crate::model::OwnedSession;

/// Least and default number of contexts in a reply.
const CONTEXT_COUNT: (usize, usize) = (1, 4);

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
        ("source" = Option<String>, Query, description = "Only from this source, or from below this folder or address"),
        ("host" = Option<String>, Query, description = "Only from web pages of this host"),
        ("kind" = Option<String>, Query, description = "Only from documents of this kind, as `metadata.kind` tells it"),
        ("page_from" = Option<u32>, Query, minimum = 1, description = "Only from this page on, in documents that have pages"),
        ("page_to" = Option<u32>, Query, minimum = 1, description = "Only up to this page, which must not be before `page_from`"),
        ("date_from" = Option<String>, Query, pattern = "^([0-9]{4}-[0-9]{2}-[0-9]{2})?$", description = "Only from documents of this day or later (UTC): when they were changed, as their server says, or else fetched"),
        ("date_to" = Option<String>, Query, pattern = "^([0-9]{4}-[0-9]{2}-[0-9]{2})?$", description = "Only from documents of this day or earlier"),
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
    Extension(caller): Extension<Caller>,
    request: Request,
) -> Result<impl IntoResponse, ApiError> {
    let mut problems = Problems::default();
    let query = Query::of(request.uri());
    let message = query.optional("message");
    let session_id = match message {
        Some(_) => Some(query.optional("session_id")),
        None => query.required("session_id", &mut problems).map(Some),
    };
    let most = state.limits().max_contexts;
    let (least, default) = CONTEXT_COUNT;
    let count = query.number("k", (least, default.min(most), most), &mut problems);
    let filter = filter::read(&query, &mut problems);
    let most_bytes = state.limits().max_message_bytes;
    if message.is_some_and(|message| message.len() > most_bytes) {
        problems.text_too_long(&[Step::Name("query"), Step::Name("message")], most_bytes);
    }
    let (Some(session_id), Some(count), true) = (session_id, count, problems.is_empty()) else {
        return Err(problems.into());
    };
    let session = session_id.map(|id| known_session(caller, id)).transpose()?;
    let (question, history) = match (message, session) {
        (Some(message), Some(session)) => (
            Question::Text(message.to_owned()),
            Some(history(&state, session).await?),
        ),
        (Some(message), None) => (Question::Text(message.to_owned()), None),
        (None, Some(session)) => (Question::Session(session), None),
        (None, None) => return Err(problems.into()),
    };
    let mut retrieved = state
        .assistant()
        .search
        .retrieve(&question, count, &filter)
        .await?;
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

async fn history(state: &AppState, session: OwnedSession) -> Result<Vec<String>, ApiError> {
    let messages = state.assistant().conversations.history(session).await?;
    Ok(messages.into_iter().map(|message| message.text).collect())
}
