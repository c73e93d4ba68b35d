//! `POST /feedback`

use axum::extract::{Request, State};
use axum::{Extension, Json};
use serde_json::Value;

use super::known_session;
use crate::assistant::access::Caller;
use crate::http::AppState;
use crate::http::body::ReadRequest;
use crate::http::conversation_dto::FeedbackRequest;
use crate::http::dto::{Acknowledgement, ErrorBody, ValidationErrorBody};
use crate::http::error::ApiError;
use crate::http::validation::{Fields, Problems, Step};
use crate::model::Rating;

/// Say whether a conversation's answers helped
///
/// The reply comes when it is stored durably.
#[utoipa::path(
    post,
    operation_id = "rate_answer",
    path = "/feedback",
    tag = "conversation",
    params(("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255, pattern = "^[!-~]+$", description = "Names the write: repeated within a day with the same request, it has no further effect and gets the same reply")),
    request_body = FeedbackRequest,
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
pub(in crate::http) async fn rate(
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
    let rating = rating(&fields, &mut problems);
    let comment = if *fields.value("comment") == Value::Null {
        Some(String::new())
    } else {
        fields.short_text("comment", state.limits().max_message_bytes, &mut problems)
    };
    let (Some(session_id), Some(rating), Some(comment), true) =
        (session_id, rating, comment, problems.is_empty())
    else {
        return Err(problems.into());
    };
    let session = known_session(caller, &session_id)?;
    state
        .assistant()
        .conversations
        .rate(session, rating, comment, once)
        .await?;
    Ok(Json(Acknowledgement {
        message: "Feedback saved",
        session_id,
    }))
}

fn rating(fields: &Fields, problems: &mut Problems) -> Option<Rating> {
    let loc = [Step::Name("body"), Step::Name("rating")];
    let value = fields.value("rating");
    if fields.is_without("rating") {
        problems.missing(&loc, &fields.object());
        return None;
    }
    let rating = value.as_i64().and_then(Rating::from_number);
    if rating.is_none() {
        problems.not_one_of(&loc, value, "-1 or 1");
    }
    rating
}
