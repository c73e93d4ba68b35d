//! `GET /export`

use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use futures::{Stream, TryStreamExt, stream};

use crate::assistant::access::Caller;
use crate::assistant::{Assistant, AssistantError};
use crate::http::AppState;
use crate::http::conversation_dto::SessionBody;
use crate::http::dto::ErrorBody;
use crate::http::error::ApiError;
use crate::model::{OwnedSession, Owner, SessionId};

/// Sessions looked up at a time; their contents are read one by one.
const PAGE: u32 = 100;

/// Export everything that is kept of you
///
/// One JSON object a line, each a session as `GET /sessions/{id}` shows it, newest first. The reply
/// is made while it is sent, so its size is not known beforehand.
#[utoipa::path(
    get,
    operation_id = "export_sessions",
    path = "/export",
    tag = "conversation",
    responses(
        (status = 200, description = "The sessions, one a line", body = String, content_type = "application/x-ndjson"),
        (status = 503, description = "Busy, or the session store is not available", body = ErrorBody),
    )
)]
pub(in crate::http) async fn export(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
) -> Result<Response, ApiError> {
    let first = state
        .assistant()
        .conversations
        .list(caller.owner, None, PAGE)
        .await?;
    let first = first.into_iter().map(|summary| summary.id).collect();
    let lines = lines(Arc::clone(state.assistant()), caller.owner, first);
    // A failure after the first line can only break the reply off.
    let body = Body::from_stream(
        lines.inspect_err(|error| tracing::error!(%error, "an export broke off")),
    );
    let mut response = body.into_response();
    let kind = HeaderValue::from_static("application/x-ndjson");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    Ok(response)
}

/// Where an export stands: what the next lines are, in reverse, and behind what more is looked for.
struct Position {
    pending: Vec<SessionId>,
    last: Option<SessionId>,
}

fn lines(
    assistant: Arc<Assistant>,
    owner: Owner,
    mut first: Vec<SessionId>,
) -> impl Stream<Item = Result<String, AssistantError>> {
    first.reverse();
    let start = Position {
        pending: first,
        last: None,
    };
    stream::try_unfold(start, move |mut position| {
        let assistant = Arc::clone(&assistant);
        async move {
            let Some(id) = next(&assistant, owner, &mut position).await? else {
                return Ok(None);
            };
            let line = match assistant
                .conversations
                .session(OwnedSession { owner, id })
                .await
            {
                Ok(details) => {
                    let line = serde_json::to_string(&SessionBody::from(details))
                        .map_err(|error| AssistantError::Internal(error.to_string()))?;
                    line + "\n"
                }
                // Deleted meanwhile.
                Err(AssistantError::SessionNotFound) => String::new(),
                Err(error) => return Err(error),
            };
            Ok(Some((line, position)))
        }
    })
}

async fn next(
    assistant: &Assistant,
    owner: Owner,
    position: &mut Position,
) -> Result<Option<SessionId>, AssistantError> {
    if position.pending.is_empty()
        && let Some(last) = position.last
    {
        let page = assistant
            .conversations
            .list(owner, Some(last), PAGE)
            .await?;
        position.pending = page.into_iter().rev().map(|summary| summary.id).collect();
    }
    let id = position.pending.pop();
    position.last = id;
    Ok(id)
}
