//! `GET /healthz`, `GET /readyz`, `GET /version`

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use crate::http::AppState;
use crate::http::dto::{HealthBody, VersionBody};
use crate::http::error::ApiError;

/// Tell whether the server lives
///
/// Needs no key.
#[utoipa::path(
    get,
    path = "/healthz",
    tag = "operation",
    responses((status = 200, description = "It lives", body = HealthBody))
)]
pub(in crate::http) async fn healthz() -> Json<HealthBody> {
    Json(HealthBody {
        status: "ok",
        reason: None,
        generation: None,
    })
}

/// Tell whether the server can answer
///
/// Tries the session store and the embedder. Needs no key.
#[utoipa::path(
    get,
    path = "/readyz",
    tag = "operation",
    responses(
        (status = 200, description = "It can", body = HealthBody),
        (status = 503, description = "It cannot; `reason` says why", body = HealthBody),
    )
)]
pub(in crate::http) async fn readyz(State(state): State<AppState>) -> Response {
    let generation = Some(state.assistant().generation().id);
    let Err(error) = state.assistant().probe().await else {
        return Json(HealthBody {
            status: "ready",
            reason: None,
            generation,
        })
        .into_response();
    };
    let error = ApiError::from(error);
    let body = Json(HealthBody {
        status: "unavailable",
        reason: Some(error.sentence()),
        generation,
    });
    let mut response = (StatusCode::SERVICE_UNAVAILABLE, body).into_response();
    response.extensions_mut().extend(error.into_log());
    response
}

/// Tell what is running
#[utoipa::path(
    get,
    path = "/version",
    tag = "operation",
    responses((status = 200, description = "The program and the live generation", body = VersionBody))
)]
pub(in crate::http) async fn version(State(state): State<AppState>) -> Json<VersionBody> {
    Json(state.assistant().generation().into())
}
