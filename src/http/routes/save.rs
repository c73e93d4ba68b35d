//! `POST /save_records`

use axum::extract::{Request, State};
use axum::{Extension, Json};

use super::known_session;
use crate::assistant::access::Caller;
use crate::http::AppState;
use crate::http::body::ReadRequest;
use crate::http::dto::{Acknowledgement, ErrorBody, SaveBody, ValidationErrorBody};
use crate::http::error::ApiError;
use crate::http::validation::Problems;

/// Keep a summary with its session
///
/// Further fields of the body are kept too. The reply comes when everything is stored durably.
/// `/save_record` is the same.
#[utoipa::path(
    post,
    path = "/save_records",
    tag = "conversation",
    params(("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255, pattern = "^[!-~]+$", description = "Names the write: repeated within a day with the same request, it has no further effect and gets the same reply")),
    request_body = SaveBody,
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
pub(in crate::http) async fn save_records(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> Result<Json<Acknowledgement>, ApiError> {
    let mut problems = Problems::default();
    let request = ReadRequest::read(request, state.limits()).await?;
    let fields = request.fields(state.limits(), &mut problems).await?;
    let once = request.once(&mut problems);
    let Some(fields) = fields else {
        return Err(problems.into());
    };
    let session_id = fields.text("session_id", &mut problems);
    let summary = fields.text("summary", &mut problems);
    let (Some(session_id), Some(summary), true) = (session_id, summary, problems.is_empty()) else {
        return Err(problems.into());
    };
    let details = fields.without(&["session_id", "summary"]).to_string();
    state
        .assistant()
        .conversations
        .save(known_session(caller, &session_id)?, summary, details, once)
        .await?;
    Ok(Json(Acknowledgement {
        message: "Session data saved",
        session_id,
    }))
}
