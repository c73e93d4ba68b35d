//! `POST /mcp`

use axum::extract::{Request, State};
use axum::response::Response;

use crate::http::AppState;
use crate::http::error::ApiError;
use crate::http::site::Site;

/// One message of the Model Context Protocol (Streamable HTTP), without sessions and without a stream of
/// the server's own. Pages of other sites are refused, with keys too, unless the server was started with
/// `--cors-origin` and their site: the specification wants that of every server.
pub(in crate::http) async fn post(
    State(state): State<AppState>,
    request: Request,
) -> Result<Response, ApiError> {
    if let Site::Foreign(origin) = Site::of(&request, state.cors(), false) {
        return Err(ApiError::ForeignSite { origin });
    }
    let Ok(response) = state.mcp().answer(request).await;
    Ok(response)
}
