//! The API's reference as a page: Swagger UI, compiled in, nothing fetched from elsewhere.

use std::sync::{Arc, LazyLock};

use axum::extract::Path;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use utoipa_swagger_ui::{Config, SwaggerFile};

use super::error::ApiError;
use crate::assistant::AssistantError;

/// The files never change while the program runs.
const CACHE_CONTROL: &str = "max-age=3600";

/// What the page may load, and from where: nothing but its own files. Its script writes styles into
/// elements and draws icons from `data:`.
const CONTENT_POLICY: &str = "default-src 'none'; script-src 'self'; \
     style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; \
     base-uri 'self'; form-action 'self'; frame-ancestors 'none'";

static CONFIG: LazyLock<Arc<Config<'static>>> =
    LazyLock::new(|| Arc::new(Config::from("/openapi.json")));

/// `GET /docs`. The page's files lie one level deeper than the page, and its base says so.
pub(super) async fn page() -> Result<Response, ApiError> {
    let file = load("index.html")?;
    let html = String::from_utf8_lossy(&file.bytes).replacen(
        "<head>",
        "<head>\n    <base href=\"/docs/\">",
        1,
    );
    Ok(reply(file.content_type, html.into_bytes()))
}

/// `GET /docs/oauth2-redirect`, where the original application has it.
pub(super) async fn oauth2_redirect() -> Result<Response, ApiError> {
    file(Path("oauth2-redirect.html".to_owned())).await
}

/// A script, style sheet or picture of the page.
pub(super) async fn file(Path(name): Path<String>) -> Result<Response, ApiError> {
    let file = load(&name)?;
    Ok(reply(file.content_type, file.bytes.into_owned()))
}

fn load(name: &str) -> Result<SwaggerFile<'static>, ApiError> {
    utoipa_swagger_ui::serve(name, Arc::clone(&CONFIG))
        .map_err(|error| {
            AssistantError::Internal(format!("the reference page cannot be made: {error}"))
        })?
        .ok_or(ApiError::NotFound)
}

fn reply(content_type: String, bytes: Vec<u8>) -> Response {
    let content_type = if content_type.starts_with("text/") {
        content_type + "; charset=utf-8"
    } else {
        content_type
    };
    let kind = [
        (header::CONTENT_TYPE, content_type),
        (header::CACHE_CONTROL, CACHE_CONTROL.to_owned()),
    ];
    let locks = [
        (header::CONTENT_SECURITY_POLICY, CONTENT_POLICY),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_FRAME_OPTIONS, "DENY"),
    ];
    (kind, locks, bytes).into_response()
}
