//! Which embedder, and where it is.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use url::Url;

use super::ConfigError;
use super::section::section;

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

section! {
    "embed";
    /// Flags and keys.
    pub struct EmbedConfig;
    /// Values with their defaults.
    struct EmbedValues;

    /// What turns text into vectors
    embedder: EmbedderKind = EmbedderKind::InProcess; under(EMBEDDER).unit("KIND");
    /// Name of the model on the server
    embed_model: String;
        under(EMBEDDER).unit("NAME")
        .otherwise("nomic-embed-text on Ollama, text-embedding-3-small on OpenAI")
        .example("\"nomic-embed-text\"");
    /// Folder of another BERT-family sentence transformer with mean pooling: model.onnx, tokenizer.json
    model_dir: PathBuf;
        under(EMBEDDER).unit("DIR").otherwise("that in the program")
        .example("\"another-model\"");
    /// Threads that run the in-process model
    embed_threads: NonZeroUsize;
        under(EMBEDDER).unit("N").otherwise("all cores").example("2").tuning();
    /// Address of the Ollama server
    ollama_url: Url = address(OLLAMA);
        under(EMBEDDER).unit("URL").variable("OLLAMA_URL");
    /// Base address of the OpenAI-compatible API
    openai_url: Url = address(OPENAI);
        under(EMBEDDER).unit("URL").variable("OPENAI_BASE_URL");
    /// Key for that API; better given through the variable
    #[serde(skip)]
    openai_api_key: String;
        under(EMBEDDER).unit("KEY").variable("OPENAI_API_KEY").secret()
        .example("\"better in the variable: this file is read by whoever may read it\"");
}

/// The heading of the help.
const EMBEDDER: &str = "Embedder";

/// Where Ollama listens by default.
pub(super) const OLLAMA: &str = "http://127.0.0.1:11434/";

/// Where OpenAI's API is.
pub(super) const OPENAI: &str = "https://api.openai.com/v1";

/// One of the addresses above.
pub(super) fn address(constant: &str) -> Url {
    Url::parse(constant).expect("the default address is a constant that parses")
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

impl EmbedConfig {
    /// Fills in the defaults. `cores` is how many threads the machine offers.
    pub fn resolve(mut self, cores: NonZeroUsize) -> Result<EmbedSettings, ConfigError> {
        let origins = std::mem::take(&mut self.origins);
        self.choose(cores)
            .map_err(|error| origins.locate(Self::KEYS, error))
    }

    fn choose(self, cores: NonZeroUsize) -> Result<EmbedSettings, ConfigError> {
        let values = self.fill()?;
        let model = |default: &str| {
            values
                .embed_model
                .clone()
                .unwrap_or_else(|| default.to_owned())
        };
        Ok(match values.embedder {
            EmbedderKind::InProcess => {
                if let Some(name) = values.embed_model {
                    return Err(ConfigError::Invalid {
                        name: "--embed-model",
                        reason: format!(
                            "{name:?} names a model on a server; the in-process model is named by --model-dir"
                        ),
                    });
                }
                EmbedSettings::InProcess {
                    model_dir: values.model_dir,
                    threads: values.embed_threads.unwrap_or(cores),
                }
            }
            EmbedderKind::Ollama => EmbedSettings::Ollama {
                model: model("nomic-embed-text"),
                url: values.ollama_url,
            },
            EmbedderKind::Openai => EmbedSettings::Openai {
                model: model("text-embedding-3-small"),
                url: values.openai_url,
                api_key: values.openai_api_key,
            },
        })
    }
}
