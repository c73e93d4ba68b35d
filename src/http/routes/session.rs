//! `POST /get_session_id`

use axum::Json;
use axum::extract::State;

use crate::http::AppState;
use crate::http::dto::{ErrorBody, SessionOpened};
use crate::http::error::ApiError;

/// Open a session
///
/// The body and the query are ignored.
#[utoipa::path(
    post,
    path = "/get_session_id",
    tag = "conversation",
    responses(
        (status = 200, description = "A fresh session", body = SessionOpened),
        (status = 503, description = "Busy, or the session store is not available", body = ErrorBody),
    )
)]
pub(in crate::http) async fn open_session(
    State(state): State<AppState>,
) -> Result<Json<SessionOpened>, ApiError> {
    let session = state.assistant().open_session().await?;
    Ok(Json(SessionOpened {
        session_id: session.to_string(),
    }))
}
