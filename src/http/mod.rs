//! The HTTP face of the assistant: a drop-in for the original `FastAPI` application, and a little
//! more.
//!
//! Owns wire shapes, status codes and the server loop; knows the assistant's use cases and nothing
//! of retrieval, stores or models. Start reading at `router`, then `routes`, one file a use case.

mod address;
mod admin_dto;
mod admission;
mod answer_dto;
mod arrival;
mod auth;
mod body;
mod budget;
mod context_dto;
mod conversation_dto;
mod cors;
mod docs;
mod document_dto;
mod dto;
mod encoding;
mod error;
mod filter;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzz;
mod headers;
mod host;
mod hour;
mod idempotency;
mod json;
mod kept_reply;
mod limits;
pub(crate) mod metrics;
mod middleware;
mod openai;
mod openapi;
mod outgoing;
mod page;
mod permits;
mod question_dto;
mod rate;
mod route;
mod router;
mod routes;
mod server;
mod site;
mod sse;
mod state;
mod trace;
mod validation;

pub use server::TlsError;

pub(crate) use host::KnownHosts;
pub(crate) use limits::ServerLimits;
pub(crate) use router::application;
pub(crate) use server::{Tls, TlsFiles, serve};
pub(crate) use state::{AppState, Parts};

#[cfg(test)]
mod admin_tests;
#[cfg(test)]
mod public_tests;
#[cfg(test)]
mod tests;
