//! `GET /citations/{chunk}`

use axum::Json;
use axum::extract::{Path, Request, State};
use axum::response::IntoResponse;

use crate::assistant::SurroundingsRequest;
use crate::http::AppState;
use crate::http::answer_dto::SurroundingsBody;
use crate::http::dto::{ErrorBody, ValidationErrorBody};
use crate::http::error::ApiError;
use crate::http::headers::snapshot_header;
use crate::http::validation::{Problems, Query};
use crate::model::ChunkId;

/// Least, default and most bytes on either side.
const AROUND: (usize, usize, usize) = (0, 600, 4000);

/// No document is longer.
const FARTHEST: usize = 1 << 40;

/// Read a quotation in its place
///
/// The stored text of a citation, with what stands before and after it in the document. `start` and
/// `end` are those of the citation; without them the whole chunk is quoted. The text is that of the
/// documents as they are now: a passage that has changed since it was cited is 404.
#[utoipa::path(
    get,
    operation_id = "show_citation",
    path = "/citations/{chunk}",
    tag = "answers",
    params(
        ("chunk" = String, Path, description = "The citation's `chunk_id`"),
        ("start" = Option<usize>, Query, minimum = 0, maximum = 1_099_511_627_776_i64, description = "First byte of the quotation"),
        ("end" = Option<usize>, Query, minimum = 0, maximum = 1_099_511_627_776_i64, description = "One past its last byte"),
        ("around" = Option<usize>, Query, minimum = 0, maximum = 4000, description = "Bytes to show on either side; 600 if left out"),
    ),
    responses(
        (status = 200, description = "The quotation in its place", body = SurroundingsBody),
        (status = 404, description = "No such passage", body = ErrorBody),
        (status = 422, description = "The request is not valid", body = ValidationErrorBody),
    )
)]
pub(in crate::http) async fn show(
    State(state): State<AppState>,
    Path(chunk): Path<String>,
    request: Request,
) -> Result<impl IntoResponse, ApiError> {
    let mut problems = Problems::default();
    let query = Query::of(request.uri());
    let mut place = |name: &'static str| match query.optional(name) {
        None => None,
        Some(_) => query.number(name, (0, 0, FARTHEST), &mut problems),
    };
    let (start, end) = (place("start"), place("end"));
    let around = query.number("around", AROUND, &mut problems);
    let (Some(around), true) = (around, problems.is_empty()) else {
        return Err(problems.into());
    };
    let found = state
        .assistant()
        .documents
        .surroundings(&SurroundingsRequest {
            chunk: ChunkId::from_client(&chunk),
            start,
            end,
            around,
        })?;
    let snapshot = snapshot_header(&found.generation);
    Ok((snapshot, Json(SurroundingsBody::from(found))))
}
