//! The HTTP face of the assistant: a drop-in for the original `FastAPI` application, and a little
//! more.
//!
//! Owns wire shapes, status codes and the server loop; knows the assistant's use cases and nothing
//! of retrieval, stores or models. Start reading at [`router()`], then `routes`, one file a use case.

mod auth;
mod body;
mod docs;
mod dto;
mod encoding;
mod error;
mod json;
mod limits;
mod middleware;
mod openapi;
mod router;
mod routes;
mod server;
mod state;
mod validation;
mod write_deadline;

pub use auth::ApiKey;
pub use limits::ServerLimits;
pub use router::router;
pub use server::serve;
pub use state::AppState;

#[cfg(test)]
mod tests;
