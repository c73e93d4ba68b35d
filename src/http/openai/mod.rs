//! OpenAI's API: what a request says, what of it is honoured, and how an answer is told there.

pub(super) mod chat_dto;
pub(super) mod embeddings_dto;
pub(super) mod errors;
pub(super) mod links;
pub(super) mod messages;
pub(super) mod models_dto;
pub(super) mod parameters;
pub(super) mod response;
pub(super) mod responses_dto;
pub(super) mod schema;
pub(super) mod script;

pub(super) use errors::applies_to;

use crate::assistant::Summary;

/// The model that answers: this server.
pub(super) const MODEL: &str = "wattwise";

/// The model that embeds: the one that the documents were embedded with.
pub(super) const EMBEDDING_MODEL: &str = "wattwise-embedding";

/// What made an answer, as far as it can be told: the program and the documents. The same question to
/// the same two gets the same answer where no language model writes it.
pub(super) fn fingerprint(generation: &str) -> String {
    format!("{MODEL}-{}-{generation}", env!("CARGO_PKG_VERSION"))
}

/// Why an answer is not a model's, if it should be one.
fn degraded_reason(summary: &Summary) -> Option<&'static str> {
    summary.degraded.map(|degraded| degraded.reason)
}
