//! Why a model gave no answer.

use std::time::Duration;

use thiserror::Error;

use crate::runtime::retry::Retry;

/// What went wrong, for the operator to act on.
#[derive(Debug, Error)]
pub enum GenerateError {
    /// It failed so often that it is not asked for a while.
    #[error("the language model failed several times in a row and is left alone for {} s, then it is asked again", .pause.as_secs())]
    Resting {
        /// How long, from its last failure on.
        pause: Duration,
    },
    /// Nobody answers at the address.
    #[error(
        "the language model's server at {url} is not running or not reachable ({reason}); start it, or name another with --chat-url"
    )]
    NotRunning {
        /// Base address.
        url: String,
        /// What the client said.
        reason: String,
    },
    /// The server does not have the model.
    #[error("the server at {url} has no model {model}; {fix}")]
    ModelMissing {
        /// Base address.
        url: String,
        /// Its name.
        model: String,
        /// What to do.
        fix: String,
    },
    /// The key is missing or wrong.
    #[error(
        "the server at {url} does not accept the key; set OPENAI_API_KEY to one that it accepts"
    )]
    WrongKey {
        /// Base address.
        url: String,
    },
    /// The server has too much to do.
    #[error("the server at {url} is busy (status {status})")]
    Busy {
        /// Base address.
        url: String,
        /// 429 or 5xx.
        status: u16,
        /// What it says in `Retry-After`.
        retry_after: Option<Duration>,
    },
    /// The server does not like the request.
    #[error("the server at {url} refused with status {status}: {reason}")]
    Refused {
        /// Base address.
        url: String,
        /// Its status.
        status: u16,
        /// Its words, cut.
        reason: String,
    },
    /// It took too long.
    #[error("the model at {url} gave no {awaited} within {} s; --chat-words-timeout and --chat-timeout give it more", .limit.as_secs_f32())]
    TooSlow {
        /// Base address.
        url: String,
        /// First words or whole answer.
        awaited: &'static str,
        /// How long was waited.
        limit: Duration,
    },
    /// The answer stopped before its end.
    #[error("the model's answer from {url} broke off: {reason}")]
    BrokeOff {
        /// Base address.
        url: String,
        /// How.
        reason: String,
    },
    /// The answer cannot be read.
    #[error("the server at {url} gave a wrong answer: {reason}")]
    BadAnswer {
        /// Base address.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
}

impl GenerateError {
    /// Whether it may help to ask again.
    pub fn retry(&self) -> Retry {
        match self {
            Self::Busy {
                retry_after: Some(wait),
                ..
            } => Retry::After(*wait),
            Self::Busy { .. } => Retry::Later,
            Self::Resting { .. }
            | Self::NotRunning { .. }
            | Self::ModelMissing { .. }
            | Self::WrongKey { .. }
            | Self::Refused { .. }
            | Self::TooSlow { .. }
            | Self::BrokeOff { .. }
            | Self::BadAnswer { .. } => Retry::Never,
        }
    }

    /// One word for it, for counting.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Resting { .. } => "resting",
            Self::NotRunning { .. } => "not_running",
            Self::ModelMissing { .. } => "model_missing",
            Self::WrongKey { .. } => "wrong_key",
            Self::Busy { .. } => "busy",
            Self::Refused { .. } => "refused",
            Self::TooSlow { .. } => "too_slow",
            Self::BrokeOff { .. } => "broke_off",
            Self::BadAnswer { .. } => "bad_answer",
        }
    }
}
