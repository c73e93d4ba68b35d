//! Contexts in, an answer's words out.
//!
//! [`extractive`] is the default: it chooses verbatim sentences, so whatever it says stands in the
//! sources; [`evidence`] tells whether there is anything to say, [`injection`] what is no evidence. [`Generator`] is the seam for language models; the adapters are [`ollama`] and
//! [`openai`], and [`ChatModel`] is one of them with its prompts and its circuit breaker. What a
//! model says is only a claim: [`claims`] cuts it into sentences, [`groundedness`] finds what the sources
//! say to each, [`quantities`] compares the figures.

pub mod answer_type;
mod bytes;
pub mod chat_model;
pub mod claims;
mod error;
pub mod evidence;
pub mod extractive;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzz;
pub mod groundedness;
pub mod injection;
pub mod ollama;
pub mod openai;
pub mod prompt;
pub mod quantities;
mod remote;
pub mod same_question;

use std::pin::Pin;
use std::time::Duration;

use async_trait::async_trait;
use futures::Stream;

pub use chat_model::ChatModel;
pub use error::GenerateError;

/// Text as it is written. Dropping it ends the request to the model.
pub type TextStream = Pin<Box<dyn Stream<Item = Result<String, GenerateError>> + Send>>;

/// Who says something in a prompt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The task.
    System,
    /// What to do it with.
    User,
}

/// What a model is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prompt {
    /// In order.
    pub messages: Vec<(Role, String)>,
}

/// How long a model may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeLimits {
    /// To connect.
    pub connect: Duration,
    /// Until the first words of a stream, and between any two pieces of it.
    pub first_words: Duration,
    /// For the whole answer, attempts included.
    pub total: Duration,
}

/// How much a model may read and write, in its tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenLimits {
    /// Prompt and answer together.
    pub context: u32,
    /// The answer.
    pub answer: u32,
}

/// A language model.
///
/// Contract, checked by one test for every adapter: the pieces of [`stream`](Self::stream), joined,
/// are what [`complete`](Self::complete) gives; an answer that broke off ends in an error, never in
/// silence; no call takes longer than its [`TimeLimits`]; dropping a call ends its request.
#[async_trait]
pub trait Generator: Send + Sync {
    /// Adapter and model, such as `ollama/llama3.2:1b`.
    fn name(&self) -> &str;

    /// The answer in one piece.
    async fn complete(&self, prompt: &Prompt) -> Result<String, GenerateError>;

    /// The answer as it is written.
    async fn stream(&self, prompt: &Prompt) -> Result<TextStream, GenerateError>;

    /// Whether server and model are there, without asking the model anything.
    async fn probe(&self) -> Result<(), GenerateError>;
}
