//! `POST /ask`

use axum::extract::{Request, State};
use axum::{Extension, Json};

use super::known_session;
use crate::assistant::access::Caller;
use crate::http::AppState;
use crate::http::body::ReadRequest;
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
    params(
        ("session_id" = String, Query, description = "The session; the last of repeated ones counts"),
        ("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255, pattern = "^[!-~]+$", description = "Names the write: repeated within a day with the same request, it has no further effect and gets the same reply"),
    ),
    request_body = MessageBody,
    responses(
        (status = 200, description = "Stored", body = Acknowledgement),
        (status = 400, description = "The body cannot be decoded", body = ErrorBody),
        (status = 404, description = "No such session", body = ErrorBody),
        (status = 409, description = "The session is full", body = ErrorBody),
        (status = 413, description = "The body is over the limit", body = ErrorBody),
        (status = 422, description = "The request is not valid", body = ValidationErrorBody),
        (status = 503, description = "Busy, or the session store is not available", body = ErrorBody),
    )
)]
pub(in crate::http) async fn ask(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> Result<Json<Acknowledgement>, ApiError> {
    let mut problems = Problems::default();
    let mut body_problems = Problems::default();
    let limits = state.limits();
    let request = ReadRequest::read(request, limits).await?;
    let query = Query::of(request.uri());
    let fields = request.fields(limits, &mut body_problems).await?;
    let session_id = query.required("session_id", &mut problems);
    let most_bytes = limits.max_message_bytes;
    let message =
        fields.and_then(|fields| fields.short_text("message", most_bytes, &mut body_problems));
    let once = request.once(&mut body_problems);
    let problems = problems.and(body_problems);
    let (Some(session_id), Some(message), true) = (session_id, message, problems.is_empty()) else {
        return Err(problems.into());
    };
    state
        .assistant()
        .conversations
        .ask(known_session(caller, session_id)?, message, once)
        .await?;
    Ok(Json(Acknowledgement {
        message: "Message received",
        session_id: session_id.to_owned(),
    }))
}
