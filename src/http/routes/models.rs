//! `GET /v1/models`, `GET /v1/models/{model}`

use axum::Json;
use axum::extract::{Path, State};

use crate::http::AppState;
use crate::http::error::ApiError;
use crate::http::openai::errors::OpenAiErrorBody;
use crate::http::openai::models_dto::{Capabilities, ModelBody, ModelList};
use crate::http::openai::{EMBEDDING_MODEL, MODEL};

/// List the models
///
/// One answers from the documents, the other is the embedder that the documents were embedded with.
#[utoipa::path(
    get,
    operation_id = "list_models",
    path = "/v1/models",
    tag = "openai",
    responses((status = 200, description = "The models", body = ModelList))
)]
pub(in crate::http) async fn list(State(state): State<AppState>) -> Json<ModelList> {
    Json(ModelList {
        object: "list",
        data: vec![answering(&state), embedding(&state)],
    })
}

/// Describe a model
#[utoipa::path(
    get,
    operation_id = "show_model",
    path = "/v1/models/{model}",
    tag = "openai",
    params(("model" = String, Path, description = "Its name", example = "wattwise")),
    responses(
        (status = 200, description = "The model", body = ModelBody),
        (status = 404, description = "No such model", body = OpenAiErrorBody),
    )
)]
pub(in crate::http) async fn show(
    State(state): State<AppState>,
    Path(name): Path<String>,
) -> Result<Json<ModelBody>, ApiError> {
    match name.as_str() {
        MODEL => Ok(Json(answering(&state))),
        EMBEDDING_MODEL => Ok(Json(embedding(&state))),
        _ => Err(ApiError::NoModel { name, there: MODEL }),
    }
}

fn answering(state: &AppState) -> ModelBody {
    ModelBody {
        id: MODEL,
        object: "model",
        created: state.assistant().generation().created_at,
        owned_by: MODEL,
        endpoints: &["/v1/chat/completions", "/v1/responses"],
        capabilities: Capabilities {
            streaming: true,
            citations: true,
            structured_output: true,
            ..Capabilities::default()
        },
        embedder: None,
        dimensions: None,
        max_input_tokens: None,
    }
}

fn embedding(state: &AppState) -> ModelBody {
    let assistant = state.assistant();
    let embedding = assistant.embeddings.info();
    ModelBody {
        id: EMBEDDING_MODEL,
        endpoints: &["/v1/embeddings"],
        capabilities: Capabilities {
            embeddings: true,
            ..Capabilities::default()
        },
        embedder: Some(assistant.generation().embedder),
        dimensions: Some(embedding.dimension),
        max_input_tokens: Some(embedding.max_tokens),
        ..answering(state)
    }
}
