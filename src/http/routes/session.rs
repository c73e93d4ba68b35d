//! `POST /get_session_id`

use axum::extract::{Request, State};
use axum::{Extension, Json};

use crate::assistant::access::Caller;
use crate::http::AppState;
use crate::http::dto::{ErrorBody, SessionOpened, ValidationErrorBody};
use crate::http::error::ApiError;
use crate::http::idempotency;
use crate::http::validation::Problems;

/// Open a session
///
/// The body and the query are ignored.
#[utoipa::path(
    post,
    path = "/get_session_id",
    tag = "conversation",
    params(("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255, pattern = "^[!-~]+$", description = "Names the write: repeated within a day with the same request, it has no further effect and gets the same reply")),
    responses(
        (status = 200, description = "A fresh session", body = SessionOpened),
        (status = 422, description = "The idempotency key cannot be used", body = ValidationErrorBody),
        (status = 503, description = "Busy, or the session store is not available", body = ErrorBody),
    )
)]
pub(in crate::http) async fn open_session(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> Result<Json<SessionOpened>, ApiError> {
    let mut problems = Problems::default();
    // The body is not read, so it is no part of what makes two requests the same.
    let (head, _) = request.into_parts();
    let once = idempotency::once(&head, b"", &mut problems);
    if !problems.is_empty() {
        return Err(problems.into());
    }
    let session = state
        .assistant()
        .conversations
        .open(caller.owner, once)
        .await?;
    Ok(Json(SessionOpened {
        session_id: session.to_string(),
    }))
}
