//! `GET /admin/…`, `POST /admin/rollback`: the operator's view.

use axum::Json;
use axum::extract::{Request, State};
use serde_json::Value;

use crate::assistant::admin::{Admin, DocumentQuery, DocumentState};
use crate::http::AppState;
use crate::http::admin_dto::{
    GenerationsBody, LastRunBody, RollbackBody, RollbackRequest, SourcesBody,
};
use crate::http::body::read_fields;
use crate::http::dto::{ErrorBody, ValidationErrorBody};
use crate::http::error::ApiError;
use crate::http::metrics;
use crate::http::question_dto::{BadAnswersBody, HourBody, UnansweredBody};
use crate::http::validation::{Problems, Query, Step};
use crate::runtime::clock::now;

/// Least, default and most rows on a page.
const PAGE: (usize, usize, usize) = (1, 50, 200);
/// Least, default and most rows before a page.
const SKIP: (usize, usize, usize) = (0, 0, 10_000_000);

fn admin(state: &AppState) -> Result<&Admin, ApiError> {
    state.admin().ok_or(ApiError::NotFound)
}

/// List the generations
///
/// With what each is to the server.
#[utoipa::path(
    get,
    operation_id = "admin_generations",
    path = "/admin/generations",
    tag = "administration",
    responses((status = 200, description = "All generations", body = GenerationsBody))
)]
pub(in crate::http) async fn generations(
    State(state): State<AppState>,
) -> Result<Json<GenerationsBody>, ApiError> {
    let found = admin(&state)?.generations().await?;
    let generations = found.into_iter().map(Into::into).collect();
    Ok(Json(GenerationsBody { generations }))
}

/// Make a generation live
///
/// Its files are checked first; then `CURRENT` names it, and the server answers from it as soon as it
/// has opened it, within seconds as a rule.
#[utoipa::path(
    post,
    operation_id = "admin_roll_back",
    path = "/admin/rollback",
    tag = "administration",
    request_body = RollbackRequest,
    responses(
        (status = 200, description = "Published", body = RollbackBody),
        (status = 400, description = "The body cannot be decoded", body = ErrorBody),
        (status = 404, description = "No such generation", body = ErrorBody),
        (status = 409, description = "The generation cannot answer, an ingest is at work, or the server may not write to the index", body = ErrorBody),
        (status = 413, description = "The body is over the limit", body = ErrorBody),
        (status = 422, description = "The request is not valid", body = ValidationErrorBody),
    )
)]
pub(in crate::http) async fn roll_back(
    State(state): State<AppState>,
    request: Request,
) -> Result<Json<RollbackBody>, ApiError> {
    let admin = admin(&state)?;
    let mut problems = Problems::default();
    let fields = read_fields(request, state.limits(), &mut problems).await?;
    let generation = fields.and_then(|fields| fields.text("generation", &mut problems));
    let Some(generation) = generation.filter(|_| problems.is_empty()) else {
        return Err(problems.into());
    };
    admin.roll_back(&generation).await?;
    tracing::warn!(
        snapshot.generation = generation,
        "a generation was made live over HTTP"
    );
    Ok(Json(RollbackBody { generation }))
}

/// List the sources and what became of them
///
/// Those of the generation that answers, and those that the last run met and that are not in it.
#[utoipa::path(
    get,
    operation_id = "admin_documents",
    path = "/admin/documents",
    tag = "administration",
    params(
        ("state" = Option<String>, Query, pattern = "^(failed|stale|waiting|skipped|duplicate|fresh)?$", description = "In this state only: failed, stale, waiting, skipped, duplicate or fresh"),
        ("q" = Option<String>, Query, description = "With this in their address or title, whatever its case"),
        ("limit" = Option<usize>, Query, minimum = 1, maximum = 200, description = "How many at most; 50 if left out"),
        ("skip" = Option<usize>, Query, minimum = 0, maximum = 10_000_000, description = "Begin behind so many"),
    ),
    responses(
        (status = 200, description = "A page of sources", body = SourcesBody),
        (status = 422, description = "The request is not valid", body = ValidationErrorBody),
    )
)]
pub(in crate::http) async fn documents(
    State(state): State<AppState>,
    request: Request,
) -> Result<Json<SourcesBody>, ApiError> {
    let mut problems = Problems::default();
    let query = Query::of(request.uri());
    let at_most = query.number("limit", PAGE, &mut problems);
    let skip = query.number("skip", SKIP, &mut problems);
    let wanted = query.optional("state").filter(|state| !state.is_empty());
    let wanted_state = wanted.and_then(DocumentState::from_name);
    if let (Some(name), None) = (wanted, wanted_state) {
        let loc = [Step::Name("query"), Step::Name("state")];
        let all = DocumentState::ALL.map(DocumentState::as_str).join(", ");
        problems.not_one_of(&loc, &Value::from(name), &all);
    }
    let (Some(at_most), Some(skip), true) = (at_most, skip, problems.is_empty()) else {
        return Err(problems.into());
    };
    let found = admin(&state)?.documents(DocumentQuery {
        state: wanted_state,
        text: query.optional("q").unwrap_or_default().to_owned(),
        skip,
        at_most,
    });
    Ok(Json(found.await?.into()))
}

/// Read what the last ingest run did
#[utoipa::path(
    get,
    operation_id = "admin_last_run",
    path = "/admin/last_run",
    tag = "administration",
    responses((status = 200, description = "The last run", body = LastRunBody))
)]
pub(in crate::http) async fn last_run(
    State(state): State<AppState>,
) -> Result<Json<LastRunBody>, ApiError> {
    let run = admin(&state)?.last_run().await?;
    Ok(Json(run.as_deref().map(Into::into).unwrap_or_default()))
}

/// List the questions that were not answered
///
/// Grouped by meaning, most asked first. Kept only with `--question-log on`.
#[utoipa::path(
    get,
    operation_id = "admin_unanswered",
    path = "/admin/unanswered",
    tag = "administration",
    params(("limit" = Option<usize>, Query, minimum = 1, maximum = 200, description = "How many groups at most; 50 if left out")),
    responses(
        (status = 200, description = "Groups of questions", body = UnansweredBody),
        (status = 422, description = "The request is not valid", body = ValidationErrorBody),
        (status = 503, description = "Busy, or the session store is not available", body = ErrorBody),
    )
)]
pub(in crate::http) async fn unanswered(
    State(state): State<AppState>,
    request: Request,
) -> Result<Json<UnansweredBody>, ApiError> {
    let mut problems = Problems::default();
    let query = Query::of(request.uri());
    let Some(at_most) = query.number("limit", PAGE, &mut problems) else {
        return Err(problems.into());
    };
    Ok(Json(admin(&state)?.unanswered(at_most).await?.into()))
}

/// List the answers that were marked as bad
///
/// Newest first. Kept only with `--question-log on`.
#[utoipa::path(
    get,
    operation_id = "admin_bad_answers",
    path = "/admin/bad_answers",
    tag = "administration",
    responses(
        (status = 200, description = "Answers and what was said of them", body = BadAnswersBody),
        (status = 503, description = "Busy, or the session store is not available", body = ErrorBody),
    )
)]
pub(in crate::http) async fn bad_answers(
    State(state): State<AppState>,
) -> Result<Json<BadAnswersBody>, ApiError> {
    let found = admin(&state)?.bad_answers().await?;
    let answers = found.into_iter().map(Into::into).collect();
    Ok(Json(BadAnswersBody { answers }))
}

/// Read the figures of the last hour
///
/// Minute by minute. `/metrics` has more.
#[utoipa::path(
    get,
    operation_id = "admin_figures",
    path = "/admin/figures",
    tag = "administration",
    responses((status = 200, description = "Sums", body = HourBody))
)]
pub(in crate::http) async fn figures() -> Json<HourBody> {
    let now = now();
    let (hour, minutes) = metrics::HOUR.read(now);
    Json(HourBody::new(now, hour, minutes))
}
