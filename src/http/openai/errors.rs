//! Errors under `/v1` in the shape of OpenAI's API.

use axum::Json;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::http::error::ErrorDetail;

/// Whether an address is one of OpenAI's API.
pub(in crate::http) fn applies_to(path: &str) -> bool {
    path.starts_with("/v1/")
}

/// The same error in OpenAI's shape; anything but an error is left as it is. What is wrong with a
/// body is 400 there, not 422.
pub(in crate::http) fn reshape(mut response: Response) -> Response {
    let Some(ErrorDetail { detail, kind }) = response.extensions_mut().remove() else {
        return response;
    };
    let status = match response.status() {
        StatusCode::UNPROCESSABLE_ENTITY => StatusCode::BAD_REQUEST,
        status => status,
    };
    let error = body(status, &detail, kind);
    let (mut head, _) = response.into_parts();
    head.status = status;
    head.headers.remove(header::CONTENT_LENGTH);
    let body = Json(error).into_response().into_body();
    Response::from_parts(head, body)
}

/// The body of an error. `detail` is a sentence or a list of what is wrong with a request, `kind` the word
/// for it that this server counts it under.
pub(in crate::http) fn body(status: StatusCode, detail: &Value, kind: &str) -> Value {
    let (message, param) = match detail.as_str() {
        Some(sentence) => (sentence.to_owned(), Value::Null),
        None => first_problem(detail),
    };
    let (code, param) = match kind {
        "no_model" => (json!("model_not_found"), json!("model")),
        "no_route" => (json!("unknown_url"), param),
        "no_response" => (
            json!("previous_response_not_found"),
            json!("previous_response_id"),
        ),
        "not_authenticated" => (json!("invalid_api_key"), param),
        "too_many_requests" => (json!("rate_limit_exceeded"), param),
        _ => (Value::Null, param),
    };
    let kind = match status.as_u16() {
        403 => "permission_error",
        429 => "requests",
        500.. => "server_error",
        _ => "invalid_request_error",
    };
    json!({"error": {"message": message, "type": kind, "param": param, "code": code}})
}

/// The first entry of pydantic's list in words, and the field that it is about.
fn first_problem(problems: &Value) -> (String, Value) {
    let problem = &problems[0];
    let words = problem["msg"]
        .as_str()
        .unwrap_or("The request is not valid");
    let mut place = String::new();
    for step in problem["loc"].as_array().into_iter().flatten().skip(1) {
        match step.as_str() {
            Some(name) if place.is_empty() => place.push_str(name),
            Some(name) => place.push_str(&format!(".{name}")),
            None => place.push_str(&format!("[{step}]")),
        }
    }
    if place.is_empty() {
        (words.to_owned(), Value::Null)
    } else {
        (format!("{place}: {words}"), place.into())
    }
}

/// An error in the shape of OpenAI's API.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = OpenAiError)]
pub(in crate::http) struct OpenAiErrorBody {
    /// What is wrong.
    error: OpenAiProblem,
}

/// What is wrong.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct OpenAiProblem {
    /// A sentence.
    #[schema(example = "messages: Field required")]
    message: String,
    /// The class of the error.
    #[serde(rename = "type")]
    #[schema(example = "invalid_request_error")]
    kind: String,
    /// The field that it is about.
    #[schema(example = "messages")]
    param: Option<String>,
    /// A word for it.
    code: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::error::ApiError;
    use crate::http::validation::{Problems, Step};

    #[test]
    fn every_error_gets_the_other_shape_and_keeps_its_headers() {
        let mut problems = Problems::default();
        let loc = ["body", "messages"].map(Step::Name);
        problems.not_text(
            &[&loc[..], &[Step::Index(2), Step::Name("role")]].concat(),
            &Value::Null,
        );
        let response = reshape(ApiError::Invalid(problems).into_response());
        assert_eq!(response.status(), StatusCode::BAD_REQUEST);
        let response = reshape(ApiError::NotAuthenticated.into_response());
        assert_eq!(response.headers()["www-authenticate"], "Bearer");
        let unknown = body(StatusCode::NOT_FOUND, &json!("Not Found"), "no_route");
        assert_eq!(unknown["error"]["code"], "unknown_url");
        let fine = reshape("fine".into_response());
        assert_eq!(fine.status(), StatusCode::OK);
    }

    #[test]
    fn a_problem_names_its_field() {
        let problems = json!([{"msg": "Field required", "loc": ["body", "messages", 2, "role"]}]);
        let error = body(StatusCode::BAD_REQUEST, &problems, "invalid");
        assert_eq!(error["error"]["param"], "messages[2].role");
        assert_eq!(
            error["error"]["message"],
            "messages[2].role: Field required"
        );
        assert_eq!(
            body(StatusCode::BAD_GATEWAY, &json!("x"), "busy")["error"]["type"],
            "server_error"
        );
    }
}
