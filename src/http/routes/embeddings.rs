//! `POST /v1/embeddings`

use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::http::AppState;
use crate::http::body::read_fields;
use crate::http::error::ApiError;
use crate::http::openai::EMBEDDING_MODEL;
use crate::http::openai::embeddings_dto::{
    EmbeddingBody, EmbeddingList, EmbeddingRequest, EmbeddingUsage, EmbeddingValues,
};
use crate::http::openai::errors::OpenAiErrorBody;
use crate::http::validation::{Fields, Problems, Step};
use crate::model::UnitVector;

/// Texts in one request, as in OpenAI's API.
const MOST_TEXTS: usize = 2048;
/// Bytes of all of them: some 64,000 tokens, half a minute of one core.
const MOST_BYTES: usize = 256 * 1024;

/// Turn texts into vectors
///
/// By the model that the documents were embedded with, as a text that is searched.
#[utoipa::path(
    post,
    operation_id = "create_embeddings",
    path = "/v1/embeddings",
    tag = "openai",
    request_body = EmbeddingRequest,
    responses(
        (status = 200, description = "The vectors", body = EmbeddingList),
        (status = 400, description = "The request is not valid", body = OpenAiErrorBody),
        (status = 404, description = "No such model", body = OpenAiErrorBody),
        (status = 413, description = "The body is over the limit", body = OpenAiErrorBody),
    )
)]
pub(in crate::http) async fn embed(
    State(state): State<AppState>,
    request: Request,
) -> Result<Json<EmbeddingList>, ApiError> {
    let mut problems = Problems::default();
    let fields = read_fields(request, state.limits(), &mut problems).await?;
    let Some(fields) = fields else {
        return Err(problems.into());
    };
    let model = fields.text("model", &mut problems);
    let texts = read_texts(&fields, &mut problems);
    let is_base64 = read_encoding(&fields, &mut problems);
    let truncate = fields.flag("truncate", &mut problems);
    let embeddings = &state.assistant().embeddings;
    let info = embeddings.info();
    read_dimensions(&fields, info.dimension, &mut problems);
    if let Some(name) = model.filter(|name| name != EMBEDDING_MODEL) {
        let there = EMBEDDING_MODEL;
        return Err(ApiError::NoModel { name, there });
    }
    let (Some(texts), true) = (texts, problems.is_empty()) else {
        return Err(problems.into());
    };
    let texts = Arc::new(texts);
    let tokens = embeddings.count_tokens(Arc::clone(&texts)).await;
    let too_long = tokens.iter().position(|tokens| *tokens > info.max_tokens);
    if let Some(index) = too_long.filter(|_| !truncate) {
        let expected = format!(
            "a text of at most {} tokens, not {}; with `truncate` its beginning is embedded",
            info.max_tokens, tokens[index]
        );
        let loc = [Step::Name("body"), Step::Name("input"), Step::Index(index)];
        problems.not_one_of(&loc, &Value::Null, &expected);
        return Err(problems.into());
    }
    let vectors = embeddings.embed(&texts).await?;
    let read = tokens
        .iter()
        .map(|tokens| (*tokens).min(info.max_tokens))
        .sum();
    let body = |(index, vector): (usize, UnitVector)| EmbeddingBody {
        object: "embedding",
        index,
        embedding: values(&vector, is_base64),
    };
    Ok(Json(EmbeddingList {
        object: "list",
        data: vectors.into_iter().enumerate().map(body).collect(),
        model: EMBEDDING_MODEL,
        usage: EmbeddingUsage {
            prompt_tokens: read,
            total_tokens: read,
        },
    }))
}

fn values(vector: &UnitVector, is_base64: bool) -> EmbeddingValues {
    let values = vector.as_slice();
    if is_base64 {
        let bytes: Vec<u8> = values
            .iter()
            .flat_map(|value| value.to_le_bytes())
            .collect();
        EmbeddingValues::Base64(STANDARD.encode(bytes))
    } else {
        EmbeddingValues::Float(values.to_vec())
    }
}

fn read_texts(fields: &Fields, problems: &mut Problems) -> Option<Vec<String>> {
    let loc = ["body", "input"].map(Step::Name);
    if fields.is_without("input") {
        problems.missing(&loc, &fields.object());
        return None;
    }
    let value = fields.value("input");
    let items = match value {
        Value::String(_) => std::slice::from_ref(value),
        Value::Array(items) if !items.is_empty() => items.as_slice(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            problems.not_one_of(&loc, value, "a text or a list of texts");
            return None;
        }
    };
    if items.len() > MOST_TEXTS {
        problems.list_too_long(&loc, MOST_TEXTS, items.len());
        return None;
    }
    let mut texts = Vec::with_capacity(items.len());
    for (index, item) in items.iter().enumerate() {
        let loc = [loc[0], loc[1], Step::Index(index)];
        match item.as_str() {
            Some(text) if !text.trim().is_empty() => texts.push(text.to_owned()),
            Some(_) => problems.not_one_of(&loc, item, "a text that is not blank"),
            None if item.is_number() || item.is_array() => {
                let expected = "a text: numbers of tokens are those of another model (LangChain sends texts \
                     with check_embedding_ctx_length=False)";
                problems.not_one_of(&loc, &Value::Null, expected);
                return None;
            }
            None => problems.not_text(&loc, item),
        }
    }
    if texts.iter().map(String::len).sum::<usize>() > MOST_BYTES {
        problems.text_too_long(&loc, MOST_BYTES);
    }
    Some(texts)
}

/// Whether base64 is wanted.
fn read_encoding(fields: &Fields, problems: &mut Problems) -> bool {
    let format = fields.value("encoding_format");
    match format.as_str() {
        Some("base64") => true,
        Some("float") => false,
        None if format.is_null() => false,
        Some(_) | None => {
            let loc = ["body", "encoding_format"].map(Step::Name);
            problems.not_one_of(&loc, format, "'float' or 'base64'");
            false
        }
    }
}

/// A vector cannot be made shorter.
fn read_dimensions(fields: &Fields, dimension: usize, problems: &mut Problems) {
    let wanted = fields.value("dimensions");
    if !wanted.is_null() && wanted.as_u64() != u64::try_from(dimension).ok() {
        let loc = ["body", "dimensions"].map(Step::Name);
        let expected =
            format!("left out, or {dimension}: vectors of this model cannot be shortened");
        problems.not_one_of(&loc, wanted, &expected);
    }
}
