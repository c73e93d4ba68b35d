//! The protocol over HTTP (MCP, Streamable HTTP), without sessions: each request is answered alone.

use std::convert::Infallible;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use rmcp::transport::streamable_http_server::session::never::NeverSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};

use super::desk::McpServer;
use crate::assistant::Assistant;

/// Answers requests that have been let in.
#[derive(Clone)]
pub struct Endpoint {
    service: StreamableHttpService<McpServer, NeverSessionManager>,
}

impl Endpoint {
    /// Over an assistant, for bodies of up to `most_bytes`. Host and Origin are checked before requests
    /// come here, as on all routes.
    pub fn new(assistant: Arc<Assistant>, most_bytes: usize) -> Self {
        let config = StreamableHttpServerConfig::default()
            .with_legacy_session_mode(false)
            .with_json_response(true)
            .with_max_request_body_bytes(most_bytes)
            .disable_allowed_hosts()
            .disable_allowed_origins();
        let server = move || Ok(McpServer::of_callers(Arc::clone(&assistant)));
        let sessions = Arc::new(NeverSessionManager::default());
        Self {
            service: StreamableHttpService::new(server, sessions, config),
        }
    }

    /// The reply to a request whose extensions hold its caller.
    pub async fn answer(&self, request: Request) -> Result<Response, Infallible> {
        let response = self.service.handle(request).await;
        Ok(response.map(Body::new))
    }
}
