//! The Model Context Protocol: the same answers, contexts and documents as tools and resources of any
//! program that speaks it.
//!
//! Over standard streams it is the user's own process and may do everything; over HTTP the request
//! carries the caller, whom the server has let in. Nothing here writes, and nothing is kept between two
//! requests.

mod desk;
mod endpoint;
mod places;
mod server;
mod shapes;
mod tools;

use std::sync::Arc;

use rmcp::ServiceExt as _;

pub use desk::McpServer;
pub use endpoint::Endpoint;

use crate::assistant::Assistant;

/// Why a server over standard streams ended.
#[derive(Debug, thiserror::Error)]
#[error("the conversation with the program ended: {0}")]
pub struct StdioError(String);

/// Serves the program at the other end of standard input and output until it leaves.
pub async fn serve_stdio(assistant: Arc<Assistant>) -> Result<(), StdioError> {
    let failed = |error: &dyn ToString| StdioError(error.to_string());
    let serving = McpServer::of_user(assistant)
        .serve(rmcp::transport::io::stdio_pipes())
        .await
        .map_err(|error| failed(&error))?;
    serving.waiting().await.map_err(|error| failed(&error))?;
    Ok(())
}
