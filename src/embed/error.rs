//! Why there is no vector.

use std::path::PathBuf;

use thiserror::Error;

/// What went wrong, for the caller to act on.
#[derive(Debug, Error)]
pub enum EmbedError {
    /// A file of the model is not there.
    #[error(
        "the embedding model is missing: {path} not found; name the folder that holds it with --model-dir, or leave \
         --model-dir out to use the model in the program"
    )]
    ModelMissing {
        /// The file that was looked for.
        path: PathBuf,
    },
    /// A file of the model cannot be used.
    #[error("the embedding model file {path} cannot be used: {reason}")]
    ModelUnusable {
        /// The file.
        path: PathBuf,
        /// What the loader said.
        reason: String,
    },
    /// The text is empty or white space.
    #[error("a blank text has no embedding")]
    BlankText,
    /// The model ran and failed.
    #[error("the embedding model failed: {0}")]
    Inference(String),
    /// The in-process model's threads have ended.
    #[error("the embedding threads have stopped")]
    Stopped,
    /// The server cannot be reached or does not answer in time.
    #[error("the embedding server at {url} is not reachable ({reason}); is it running?")]
    Unreachable {
        /// Base address.
        url: String,
        /// What the client said.
        reason: String,
    },
    /// The server answered with an error.
    #[error("the embedding server at {url} refused: {reason}")]
    Refused {
        /// Base address.
        url: String,
        /// Its words, or its status.
        reason: String,
    },
    /// The server answered with something that breaks the contract.
    #[error("the embedding server at {url} gave a wrong answer: {reason}")]
    BadAnswer {
        /// Base address.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
}
