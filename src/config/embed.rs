//! Which embedder, and where it is.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde::{Deserialize, Serialize};
use url::Url;

use super::{ConfigError, Layer};

/// The adapters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EmbedderKind {
    /// A sentence transformer in this process; needs no server.
    InProcess,
    /// An Ollama server.
    Ollama,
    /// Any server with OpenAI's embeddings API.
    Openai,
}

/// Flags and keys.
#[derive(Debug, Clone, Default, Args, Deserialize)]
#[command(next_help_heading = "Embedder")]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct EmbedConfig {
    /// What turns text into vectors [default: in-process]
    #[arg(long, env = "WATTWISE_EMBEDDER", value_enum)]
    pub embedder: Option<EmbedderKind>,
    /// Name of the model on the Ollama or OpenAI-compatible server
    #[arg(
        long,
        env = "WATTWISE_EMBED_MODEL",
        value_name = "NAME",
        hide_short_help = true
    )]
    pub embed_model: Option<String>,
    /// Directory of another in-process model: model.onnx and tokenizer.json of a BERT-family sentence
    /// transformer [default: the model in the program]
    #[arg(
        long,
        env = "WATTWISE_MODEL_DIR",
        value_name = "DIR",
        hide_short_help = true
    )]
    pub model_dir: Option<PathBuf>,
    /// Threads that run the in-process model [default: all cores]
    #[arg(
        long,
        env = "WATTWISE_EMBED_THREADS",
        value_name = "N",
        hide_short_help = true
    )]
    pub embed_threads: Option<NonZeroUsize>,
    /// Ollama's address [default: <http://127.0.0.1:11434>]
    #[arg(long, env = "OLLAMA_URL", value_name = "URL", hide_short_help = true)]
    pub ollama_url: Option<Url>,
    /// Base address of the OpenAI-compatible API [default: <https://api.openai.com/v1>]
    #[arg(
        long,
        env = "OPENAI_BASE_URL",
        value_name = "URL",
        hide_short_help = true
    )]
    pub openai_url: Option<Url>,
    /// Key for the OpenAI-compatible API; better given through the environment
    #[arg(
        long,
        env = "OPENAI_API_KEY",
        hide_env_values = true,
        value_name = "KEY",
        hide_short_help = true
    )]
    pub openai_api_key: Option<String>,
}

/// A chosen embedder with all it needs.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "embedder", rename_all = "kebab-case")]
pub enum EmbedSettings {
    /// See [`EmbedderKind::InProcess`].
    InProcess {
        /// The model's directory; without one, the model in the program.
        #[serde(rename = "model-dir", skip_serializing_if = "Option::is_none")]
        model_dir: Option<PathBuf>,
        /// Threads that run it.
        #[serde(rename = "embed-threads")]
        threads: NonZeroUsize,
    },
    /// See [`EmbedderKind::Ollama`].
    Ollama {
        /// Base address.
        #[serde(rename = "ollama-url")]
        url: Url,
        /// Model name.
        #[serde(rename = "embed-model")]
        model: String,
    },
    /// See [`EmbedderKind::Openai`].
    Openai {
        /// Base address.
        #[serde(rename = "openai-url")]
        url: Url,
        /// Model name.
        #[serde(rename = "embed-model")]
        model: String,
        /// Bearer token; never printed.
        #[serde(skip)]
        api_key: Option<String>,
    },
}

impl Layer for EmbedConfig {
    fn over(self, below: Self) -> Self {
        Self {
            embedder: self.embedder.or(below.embedder),
            embed_model: self.embed_model.or(below.embed_model),
            model_dir: self.model_dir.or(below.model_dir),
            embed_threads: self.embed_threads.or(below.embed_threads),
            ollama_url: self.ollama_url.or(below.ollama_url),
            openai_url: self.openai_url.or(below.openai_url),
            openai_api_key: self.openai_api_key.or(below.openai_api_key),
        }
    }
}

impl EmbedConfig {
    /// Fills in the defaults. `cores` is how many threads the machine offers.
    pub fn resolve(self, cores: NonZeroUsize) -> Result<EmbedSettings, ConfigError> {
        let url = |given: Option<Url>, default: &str| {
            given.unwrap_or_else(|| {
                Url::parse(default).expect("the default address is a constant that parses")
            })
        };
        match self.embedder.unwrap_or(EmbedderKind::InProcess) {
            EmbedderKind::InProcess => {
                if let Some(name) = self.embed_model {
                    return Err(ConfigError::Invalid {
                        name: "--embed-model",
                        reason: format!(
                            "{name:?} names a model on a server; the in-process model is named by --model-dir"
                        ),
                    });
                }
                Ok(EmbedSettings::InProcess {
                    model_dir: self.model_dir,
                    threads: self.embed_threads.unwrap_or(cores),
                })
            }
            EmbedderKind::Ollama => Ok(EmbedSettings::Ollama {
                url: url(self.ollama_url, "http://127.0.0.1:11434/"),
                model: self
                    .embed_model
                    .unwrap_or_else(|| "nomic-embed-text".to_owned()),
            }),
            EmbedderKind::Openai => Ok(EmbedSettings::Openai {
                url: url(self.openai_url, "https://api.openai.com/v1"),
                model: self
                    .embed_model
                    .unwrap_or_else(|| "text-embedding-3-small".to_owned()),
                api_key: self.openai_api_key,
            }),
        }
    }
}
