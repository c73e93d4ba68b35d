//! A generator with its prompts, its budget and its circuit breaker.

use std::sync::Arc;

use futures::{StreamExt, stream};

use super::prompt::{Asked, Excerpt, Prompts};
use super::{GenerateError, Generator, Prompt, TextStream, TokenLimits};
use crate::runtime::breaker::{Breaker, BreakerOptions, Pass};
use crate::runtime::clock::Clock;

/// How a model is used.
#[derive(Debug, Clone)]
pub struct ChatModelOptions {
    /// What it is told.
    pub prompts: Prompts,
    /// How much it may read and write.
    pub tokens: TokenLimits,
    /// Whether sentences that the sources do not support are dropped instead of marked.
    pub strict: bool,
    /// When it is left alone.
    pub breaker: BreakerOptions,
}

/// See the module.
pub struct ChatModel {
    generator: Arc<dyn Generator>,
    options: ChatModelOptions,
    breaker: Arc<Breaker>,
}

impl ChatModel {
    /// Puts the parts together.
    pub fn new(generator: Arc<dyn Generator>, options: ChatModelOptions, clock: Clock) -> Self {
        Self {
            breaker: Breaker::new(options.breaker, clock),
            generator,
            options,
        }
    }

    /// Adapter and model.
    pub fn name(&self) -> &str {
        self.generator.name()
    }

    /// All that decides what it says and what is made of it, as text that is the same for the same
    /// settings.
    pub fn settings(&self) -> String {
        let options = &self.options;
        format!(
            "{:?} {:?} {}",
            options.prompts, options.tokens, options.strict
        )
    }

    /// Whether what is not supported is dropped.
    pub fn is_strict(&self) -> bool {
        self.options.strict
    }

    /// The prompt for a question.
    pub fn prompt(&self, asked: Asked<'_>, excerpts: &[Excerpt<'_>]) -> Prompt {
        self.options
            .prompts
            .fill(asked, excerpts, self.options.tokens)
    }

    /// Whether server and model are there.
    pub async fn probe(&self) -> Result<(), GenerateError> {
        self.generator.probe().await
    }

    /// The answer in one piece.
    pub async fn complete(&self, prompt: &Prompt) -> Result<String, GenerateError> {
        let pass = self.enter()?;
        let outcome = self.generator.complete(prompt).await;
        settle(pass, outcome.as_ref().err());
        outcome
    }

    /// The answer as it is written.
    pub async fn stream(&self, prompt: &Prompt) -> Result<TextStream, GenerateError> {
        let pass = self.enter()?;
        let text = match self.generator.stream(prompt).await {
            Ok(text) => text,
            Err(error) => {
                settle(pass, Some(&error));
                return Err(error);
            }
        };
        Ok(Box::pin(stream::unfold(
            Some((text, pass)),
            |state| async {
                let (mut text, pass) = state?;
                match text.next().await {
                    Some(Ok(piece)) => Some((Ok(piece), Some((text, pass)))),
                    Some(Err(error)) => {
                        settle(pass, Some(&error));
                        Some((Err(error), None))
                    }
                    None => {
                        settle(pass, None);
                        None
                    }
                }
            },
        )))
    }

    fn enter(&self) -> Result<Pass, GenerateError> {
        self.breaker.enter().ok_or(GenerateError::Resting {
            pause: self.options.breaker.pause,
        })
    }
}

/// A refusal of one request says nothing about the next.
fn settle(pass: Pass, error: Option<&GenerateError>) {
    match error {
        None | Some(GenerateError::Refused { .. }) => pass.succeed(),
        Some(_) => pass.fail(),
    }
}
