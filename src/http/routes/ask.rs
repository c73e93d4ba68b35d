//! `POST /ask`

use axum::Json;
use axum::extract::{Request, State};

use super::known_session;
use crate::http::AppState;
use crate::http::body::read_fields;
use crate::http::dto::{Acknowledgement, ErrorBody, MessageBody, ValidationErrorBody};
use crate::http::error::ApiError;
use crate::http::validation::{Problems, Query};

/// Add a message to a session
///
/// The reply comes when the message is stored durably.
#[utoipa::path(
    post,
    path = "/ask",
    tag = "conversation",
    params(("session_id" = String, Query, description = "The session; the last of repeated ones counts")),
    request_body = MessageBody,
    responses(
        (status = 200, description = "Stored", body = Acknowledgement),
        (status = 400, description = "The body cannot be decoded", body = ErrorBody),
        (status = 404, description = "No such session", body = ErrorBody),
        (status = 413, description = "The body is over the limit", body = ErrorBody),
        (status = 422, description = "The request is not valid", body = ValidationErrorBody),
        (status = 503, description = "Busy, or the session store is not available", body = ErrorBody),
    )
)]
pub(in crate::http) async fn ask(
    State(state): State<AppState>,
    request: Request,
) -> Result<Json<Acknowledgement>, ApiError> {
    let mut problems = Problems::default();
    let mut body_problems = Problems::default();
    let query = Query::of(request.uri());
    let fields = read_fields(request, state.limits().max_body_bytes, &mut body_problems).await?;
    let session_id = query.required("session_id", &mut problems);
    let message = fields.and_then(|fields| fields.text("message", &mut body_problems));
    let (Some(session_id), Some(message)) = (session_id, message) else {
        return Err(problems.and(body_problems).into());
    };
    state
        .assistant()
        .ask(known_session(session_id)?, message)
        .await?;
    Ok(Json(Acknowledgement {
        message: "Message received",
        session_id: session_id.to_owned(),
    }))
}
