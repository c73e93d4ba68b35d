//! A question in, the best chunks out.
//!
//! Dense and lexical search propose candidates; every candidate then gets exact scores from both,
//! and the scores are fused. Start reading at [`Retriever::retrieve`].

mod compatibility;
mod confidence;
mod conversation;
mod parameters;
mod query;
pub mod reload;
mod retriever;
mod score;
mod spelling;

pub use compatibility::check_embedder;
pub use confidence::Coverage;
pub use conversation::{InContext, contextual_query, in_context, with_earlier};
pub use parameters::RetrievalParameters;
pub use retriever::{Ranked, RankedChunk, RetrieveError, Retriever};

#[cfg(test)]
mod tests;
