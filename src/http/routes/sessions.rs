//! `GET /sessions`, `GET /sessions/{id}`, `DELETE /sessions/{id}`, `POST /rename_session`,
//! `POST /get_session_history`

use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::{Extension, Json};

use super::known_session;
use crate::assistant::access::Caller;
use crate::http::AppState;
use crate::http::body::read_fields;
use crate::http::conversation_dto::{
    HistoryBody, HistoryRequest, RenameRequest, SessionBody, SessionsBody,
};
use crate::http::dto::{Acknowledgement, ErrorBody, ValidationErrorBody};
use crate::http::error::ApiError;
use crate::http::validation::{Problems, Query};
use crate::model::SessionId;

/// Least, default and most sessions on a page.
const PAGE: (usize, usize, usize) = (1, 50, 200);

/// A line of a list: what a reader takes in at a glance, several times over.
const LONGEST_TITLE_BYTES: usize = 400;

/// List your sessions
///
/// Newest first. `next` of one page is `after` of the next.
#[utoipa::path(
    get,
    operation_id = "list_sessions",
    path = "/sessions",
    tag = "conversation",
    params(
        ("limit" = Option<usize>, Query, minimum = 1, maximum = 200, description = "How many at most; 50 if left out"),
        ("after" = Option<String>, Query, description = "Begin behind this session"),
    ),
    responses(
        (status = 200, description = "A page of sessions", body = SessionsBody),
        (status = 422, description = "The request is not valid", body = ValidationErrorBody),
        (status = 503, description = "Busy, or the session store is not available", body = ErrorBody),
    )
)]
pub(in crate::http) async fn list(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> Result<Json<SessionsBody>, ApiError> {
    let mut problems = Problems::default();
    let query = Query::of(request.uri());
    let Some(limit) = query.number("limit", PAGE, &mut problems) else {
        return Err(problems.into());
    };
    let after = match query.optional("after").map(SessionId::parse) {
        // What is no session of the caller's has nothing behind it.
        Some(None) => return Ok(Json(SessionsBody::new(Vec::new(), limit))),
        Some(id) => id,
        None => None,
    };
    let at_most = u32::try_from(limit).unwrap_or(u32::MAX);
    let found = state
        .assistant()
        .conversations
        .list(caller.owner, after, at_most)
        .await?;
    Ok(Json(SessionsBody::new(found, limit)))
}

/// Read a session
///
/// Its messages, what was saved of it, and feedback.
#[utoipa::path(
    get,
    operation_id = "show_session",
    path = "/sessions/{id}",
    tag = "conversation",
    params(("id" = String, Path, description = "The session")),
    responses(
        (status = 200, description = "The session", body = SessionBody),
        (status = 404, description = "No such session", body = ErrorBody),
        (status = 503, description = "Busy, or the session store is not available", body = ErrorBody),
    )
)]
pub(in crate::http) async fn show(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Result<Json<SessionBody>, ApiError> {
    let session = known_session(caller, &id)?;
    Ok(Json(
        state
            .assistant()
            .conversations
            .session(session)
            .await?
            .into(),
    ))
}

/// Delete a session
///
/// With everything that is kept of it.
#[utoipa::path(
    delete,
    operation_id = "delete_session",
    path = "/sessions/{id}",
    tag = "conversation",
    params(("id" = String, Path, description = "The session")),
    responses(
        (status = 204, description = "Deleted"),
        (status = 404, description = "No such session", body = ErrorBody),
        (status = 503, description = "Busy, or the session store is not available", body = ErrorBody),
    )
)]
pub(in crate::http) async fn delete(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    let session = known_session(caller, &id)?;
    state.assistant().conversations.delete(session).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Give a session a name
///
/// It is what a list of sessions shows. Repeated, it has no further effect.
#[utoipa::path(
    post,
    operation_id = "rename_session",
    path = "/rename_session",
    tag = "conversation",
    request_body = RenameRequest,
    responses(
        (status = 200, description = "Renamed", body = Acknowledgement),
        (status = 400, description = "The body cannot be decoded", body = ErrorBody),
        (status = 404, description = "No such session", body = ErrorBody),
        (status = 413, description = "The body is over the limit", body = ErrorBody),
        (status = 422, description = "The request is not valid", body = ValidationErrorBody),
        (status = 503, description = "Busy, or the session store is not available", body = ErrorBody),
    )
)]
pub(in crate::http) async fn rename(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> Result<Json<Acknowledgement>, ApiError> {
    let mut problems = Problems::default();
    let Some(fields) = read_fields(request, state.limits(), &mut problems).await? else {
        return Err(problems.into());
    };
    let session_id = fields.text("session_id", &mut problems);
    let title = fields.short_text("title", LONGEST_TITLE_BYTES, &mut problems);
    let (Some(session_id), Some(title)) = (session_id, title) else {
        return Err(problems.into());
    };
    let session = known_session(caller, &session_id)?;
    state
        .assistant()
        .conversations
        .rename(session, title)
        .await?;
    Ok(Json(Acknowledgement {
        message: "Session renamed",
        session_id,
    }))
}

/// Read a session's messages
#[utoipa::path(
    post,
    operation_id = "session_history",
    path = "/get_session_history",
    tag = "conversation",
    request_body = HistoryRequest,
    responses(
        (status = 200, description = "The messages, oldest first", body = HistoryBody),
        (status = 400, description = "The body cannot be decoded", body = ErrorBody),
        (status = 404, description = "No such session", body = ErrorBody),
        (status = 413, description = "The body is over the limit", body = ErrorBody),
        (status = 422, description = "The request is not valid", body = ValidationErrorBody),
        (status = 503, description = "Busy, or the session store is not available", body = ErrorBody),
    )
)]
pub(in crate::http) async fn history(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> Result<Json<HistoryBody>, ApiError> {
    let mut problems = Problems::default();
    let fields = read_fields(request, state.limits(), &mut problems).await?;
    let session_id = fields.and_then(|fields| fields.text("session_id", &mut problems));
    let Some(session_id) = session_id else {
        return Err(problems.into());
    };
    let session = known_session(caller, &session_id)?;
    let messages = state.assistant().conversations.history(session).await?;
    Ok(Json(HistoryBody {
        session_id,
        message_history: messages.into_iter().map(|message| message.text).collect(),
    }))
}
