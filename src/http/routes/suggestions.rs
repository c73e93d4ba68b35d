//! `GET /suggestions`

use axum::Json;
use axum::extract::{Request, State};

use crate::http::AppState;
use crate::http::document_dto::SuggestionsBody;
use crate::http::dto::{ErrorBody, ValidationErrorBody};
use crate::http::error::ApiError;
use crate::http::filter;
use crate::http::validation::{Problems, Query};
use crate::model::ChunkId;

/// Least, default and most suggestions.
const COUNT: (usize, usize, usize) = (1, 6, 24);

/// What could be asked
///
/// Taken from the headings of the documents: from all over them, or, with `near`, of the passages
/// nearest in meaning to one passage, its own first. The filters are those of `/retrieve_contexts`.
#[utoipa::path(
    get,
    operation_id = "list_suggestions",
    path = "/suggestions",
    tag = "documents",
    params(
        ("near" = Option<String>, Query, description = "A passage: the `chunk_id` of a citation, or the `id` of a context"),
        ("limit" = Option<usize>, Query, minimum = 1, maximum = 24, description = "How many at most; 6 if left out"),
        ("source" = Option<String>, Query, description = "Only from this source, or from below this folder or address"),
        ("host" = Option<String>, Query, description = "Only from web pages of this host"),
    ),
    responses(
        (status = 200, description = "Topics", body = SuggestionsBody),
        (status = 404, description = "No such passage", body = ErrorBody),
        (status = 422, description = "The request is not valid", body = ValidationErrorBody),
    )
)]
pub(in crate::http) async fn list(
    State(state): State<AppState>,
    request: Request,
) -> Result<Json<SuggestionsBody>, ApiError> {
    let mut problems = Problems::default();
    let query = Query::of(request.uri());
    let limit = query.number("limit", COUNT, &mut problems);
    let filter = filter::read(&query, &mut problems);
    let (Some(limit), true) = (limit, problems.is_empty()) else {
        return Err(problems.into());
    };
    let documents = &state.assistant().documents;
    let topics = match query.optional("near") {
        Some(chunk) => {
            let chunk = ChunkId::from_client(chunk);
            documents.topics_near(&chunk, filter, limit).await?
        }
        None => documents.topics(filter, limit).await,
    };
    Ok(Json(SuggestionsBody {
        suggestions: topics.into_iter().map(Into::into).collect(),
    }))
}
