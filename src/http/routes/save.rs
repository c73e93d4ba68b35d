//! `POST /save_records`

use axum::Json;
use axum::extract::{Request, State};

use super::known_session;
use crate::http::AppState;
use crate::http::body::read_fields;
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
    request_body = SaveBody,
    responses(
        (status = 200, description = "Stored", body = Acknowledgement),
        (status = 400, description = "The body cannot be decoded", body = ErrorBody),
        (status = 404, description = "No such session", body = ErrorBody),
        (status = 413, description = "The body is over the limit", body = ErrorBody),
        (status = 422, description = "The request is not valid", body = ValidationErrorBody),
        (status = 503, description = "Busy, or the session store is not available", body = ErrorBody),
    )
)]
pub(in crate::http) async fn save_records(
    State(state): State<AppState>,
    request: Request,
) -> Result<Json<Acknowledgement>, ApiError> {
    let mut problems = Problems::default();
    let fields = read_fields(request, state.limits().max_body_bytes, &mut problems).await?;
    let Some(fields) = fields else {
        return Err(problems.into());
    };
    let session_id = fields.text("session_id", &mut problems);
    let summary = fields.text("summary", &mut problems);
    let (Some(session_id), Some(summary)) = (session_id, summary) else {
        return Err(problems.into());
    };
    let details = fields.without(&["session_id", "summary"]).to_string();
    state
        .assistant()
        .save(known_session(&session_id)?, summary, details)
        .await?;
    Ok(Json(Acknowledgement {
        message: "Session data saved",
        session_id,
    }))
}
