//! The API's reference as a page: Swagger UI, compiled in, nothing fetched from elsewhere.

use std::borrow::Cow;
use std::sync::{Arc, LazyLock};

use axum::Extension;
use axum::body::Bytes;
use axum::extract::Path;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use utoipa_swagger_ui::{Config, SwaggerFile};

use super::error::ApiError;
use super::outgoing::SharedBody;
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

/// Made once and shared by all replies. The page's files lie one level deeper than the page, and its
/// base says so.
static PAGE: LazyLock<Result<Page, String>> = LazyLock::new(|| {
    let file = find("index.html")?.ok_or("the reference page is not there")?;
    let html = String::from_utf8_lossy(&file.bytes);
    let html = html.replacen("<head>", "<head>\n    <base href=\"/docs/\">", 1);
    Ok(Page {
        content_type: file.content_type,
        bytes: html.into(),
    })
});

struct Page {
    content_type: String,
    bytes: Bytes,
}

/// `GET /docs`
pub(super) async fn page() -> Result<Response, ApiError> {
    let page = PAGE.as_ref().map_err(|reason| failed(reason))?;
    Ok(reply(page.content_type.clone(), page.bytes.clone()))
}

/// `GET /docs/oauth2-redirect`, where the original application has it.
pub(super) async fn oauth2_redirect() -> Result<Response, ApiError> {
    file(Path("oauth2-redirect.html".to_owned())).await
}

/// A script, style sheet or picture of the page. They lie in the program and are not copied, but for
/// a few lines with the description's address in them.
pub(super) async fn file(Path(name): Path<String>) -> Result<Response, ApiError> {
    let file = find(&name)
        .map_err(|reason| failed(&reason))?
        .ok_or(ApiError::NotFound)?;
    let bytes = match file.bytes {
        Cow::Borrowed(bytes) => Bytes::from_static(bytes),
        Cow::Owned(bytes) => bytes.into(),
    };
    Ok(reply(file.content_type, bytes))
}

fn find(name: &str) -> Result<Option<SwaggerFile<'static>>, String> {
    utoipa_swagger_ui::serve(name, Arc::clone(&CONFIG)).map_err(|error| error.to_string())
}

fn failed(reason: &str) -> ApiError {
    let reason = format!("the reference page cannot be made: {reason}");
    AssistantError::Internal(reason).into()
}

fn reply(content_type: String, bytes: Bytes) -> Response {
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
    (Extension(SharedBody), kind, locks, bytes).into_response()
}
