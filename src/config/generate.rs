//! What writes answers, and where it is.

use std::path::PathBuf;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use url::Url;

use super::embed::{OLLAMA, OPENAI, address};
use super::section::section;
use super::{ConfigError, EmbedConfig};

/// The generators.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GeneratorKind {
    /// Sentences of the sources, word for word; needs no model.
    Extractive,
    /// A model behind an Ollama server.
    Ollama,
    /// A model behind any server with OpenAI's chat API.
    Openai,
}

/// On or off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Switch {
    /// It is used.
    On,
    /// It is not.
    Off,
}

/// The heading of the help.
const ANSWERS: &str = "Answers";

// Times are added to the clock; more than 1 << 30 is a slip.
section! {
    "generate";
    /// Flags and keys.
    pub struct GenerateConfig;
    /// A model and how it is used.
    #[derive(Clone, PartialEq)]
    pub struct ChatSettings;

    /// What writes answers
    #[serde(skip)]
    generator: GeneratorKind = GeneratorKind::Extractive; under(ANSWERS).unit("KIND");
    /// Name of the model
    chat_model: String = OLLAMA_MODEL.to_owned();
        under(ANSWERS).unit("NAME").otherwise("llama3.2:1b on Ollama, gpt-4o-mini on OpenAI")
        .example("\"llama3.2:1b\"");
    /// Base address of the model's server
    chat_url: Url = address(OLLAMA);
        under(ANSWERS).unit("URL").otherwise("the embedder's server")
        .example("\"http://127.0.0.1:11434\"");
    /// Key for that server, if it is OpenAI-compatible and not the embedder's
    #[serde(skip)]
    chat_api_key: String;
        under(ANSWERS).unit("KEY").otherwise("the embedder's").secret().example("\"better in the variable\"").tuning();
    /// Drop sentences of a model that the sources do not support, instead of marking them
    strict: bool = false; under(ANSWERS);
    /// Folder with system.txt and question.txt to use instead of the compiled-in prompts
    #[serde(skip_serializing_if = "Option::is_none")]
    prompts: PathBuf; under(ANSWERS).unit("DIR").example("\"prompts\"").tuning();
    /// Tokens that the model reads and writes at most
    chat_context: u32 = 4096; under(ANSWERS).unit("TOKENS");
    /// Tokens of an answer at most
    chat_answer: u32 = 400, within 1..=1 << 30; under(ANSWERS).unit("TOKENS").tuning();
    /// Time until a streaming model's first words, and between its words
    chat_words_timeout: u64 = 20, within 1..=1 << 30; under(ANSWERS).unit("SECONDS").tuning();
    /// Time for a model's whole answer
    chat_timeout: u64 = 45, within 1..=1 << 30; under(ANSWERS).unit("SECONDS");
    /// Attempts after one that met a busy server
    chat_retries: u32 = 2; under(ANSWERS).unit("N").tuning();
    /// How long Ollama keeps the model in memory after an answer
    chat_keep_alive: u64 = 300, within 0..=1 << 30; under(ANSWERS).unit("SECONDS").tuning();
    /// Failures in a row after which the model is left alone
    chat_failures: u32 = 3, within 1..=1 << 30; under(ANSWERS).unit("N").tuning();
    /// For how long it is left alone
    chat_pause: u64 = 30, within 0..=1 << 30; under(ANSWERS).unit("SECONDS").tuning();
    /// Whether a small model reads the first contexts: it orders them and tells whether they answer
    #[serde(skip)]
    reader: Switch = Switch::On; under(ANSWERS).unit("SWITCH").tuning();
    /// Whether a model's answers are kept and given again where the same is asked
    answer_cache: Switch = Switch::On; under(ANSWERS).unit("SWITCH");
    /// How long an answer is kept at most
    answer_cache_ttl: u64 = 604_800, within 1..=1 << 30; under(ANSWERS).unit("SECONDS").tuning();
}

/// The model on Ollama where none is named, and that on an OpenAI-compatible server.
const OLLAMA_MODEL: &str = "llama3.2:1b";
const OPENAI_MODEL: &str = "gpt-4o-mini";

/// Checked values.
#[derive(Clone, PartialEq, Serialize)]
#[serde(tag = "generator", rename_all = "kebab-case")]
pub enum GenerateSettings {
    /// See [`GeneratorKind::Extractive`].
    Extractive,
    /// See [`GeneratorKind::Ollama`].
    Ollama(ChatSettings),
    /// See [`GeneratorKind::Openai`].
    Openai(ChatSettings),
}

impl GenerateConfig {
    /// Whether contexts are read.
    pub fn reader(&self) -> Switch {
        self.reader.unwrap_or(Switch::On)
    }

    /// Fills in the defaults and checks the values. `embed` has the addresses and the key that the
    /// two share.
    pub fn resolve(mut self, embed: &EmbedConfig) -> Result<GenerateSettings, ConfigError> {
        let origins = std::mem::take(&mut self.origins);
        self.choose(embed)
            .map_err(|error| origins.locate(Self::KEYS, error))
    }

    fn choose(mut self, embed: &EmbedConfig) -> Result<GenerateSettings, ConfigError> {
        Ok(match self.generator.unwrap_or(GeneratorKind::Extractive) {
            GeneratorKind::Extractive => {
                if let Some(name) = self.chat_model {
                    return Err(invalid(
                        "--chat-model",
                        format!(
                            "the extractive generator has no model; say --generator ollama or openai for {name:?}"
                        ),
                    ));
                }
                GenerateSettings::Extractive
            }
            GeneratorKind::Ollama => {
                self.chat_url = self.chat_url.or_else(|| embed.ollama_url.clone());
                GenerateSettings::Ollama(self.chat()?)
            }
            GeneratorKind::Openai => {
                let url = || embed.openai_url.clone().unwrap_or_else(|| address(OPENAI));
                self.chat_url.get_or_insert_with(url);
                self.chat_model
                    .get_or_insert_with(|| OPENAI_MODEL.to_owned());
                self.chat_api_key = self.chat_api_key.or_else(|| embed.openai_api_key.clone());
                GenerateSettings::Openai(self.chat()?)
            }
        })
    }

    fn chat(self) -> Result<ChatSettings, ConfigError> {
        let chat = self.fill()?;
        // Less leaves no room for a single passage.
        let least = chat.chat_answer.saturating_add(800);
        if chat.chat_context < least {
            let reason = format!("at least {least}, for the prompt and the answer");
            return Err(invalid("--chat-context", reason));
        }
        Ok(chat)
    }
}

impl GenerateSettings {
    /// Refuses a model that may take longer than the requests that wait for it.
    pub fn check_request_timeout(&self, request_timeout: u64) -> Result<(), ConfigError> {
        let (Self::Ollama(chat) | Self::Openai(chat)) = self else {
            return Ok(());
        };
        if chat.chat_timeout < request_timeout {
            return Ok(());
        }
        Err(invalid(
            "--chat-timeout",
            format!(
                "{} s is not less than --request-timeout, {request_timeout} s: the extractive answer would come too late",
                chat.chat_timeout
            ),
        ))
    }
}

fn invalid(name: &'static str, reason: String) -> ConfigError {
    ConfigError::Invalid { name, reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ollama() -> GenerateConfig {
        GenerateConfig {
            generator: Some(GeneratorKind::Ollama),
            ..GenerateConfig::default()
        }
    }

    fn chat(settings: GenerateSettings) -> ChatSettings {
        match settings {
            GenerateSettings::Extractive => panic!("no model"),
            GenerateSettings::Ollama(chat) | GenerateSettings::Openai(chat) => chat,
        }
    }

    #[test]
    fn addresses_and_keys_are_shared_with_the_embedder_unless_given() {
        let embed = EmbedConfig {
            openai_url: Some("http://h/v1".parse().unwrap()),
            openai_api_key: Some("secret".to_owned()),
            ..EmbedConfig::default()
        };
        let openai = GenerateConfig {
            generator: Some(GeneratorKind::Openai),
            ..GenerateConfig::default()
        };
        let settings = openai.resolve(&embed).unwrap();
        let found = chat(settings.clone());
        assert_eq!(found.chat_url.as_str(), "http://h/v1");
        assert_eq!(found.chat_api_key.as_deref(), Some("secret"));
        assert!(!toml::to_string(&settings).unwrap().contains("secret"));
        let found = chat(ollama().resolve(&embed).unwrap());
        assert_eq!(found.chat_url.as_str(), "http://127.0.0.1:11434/");
        assert_eq!(
            (found.chat_api_key, found.chat_model.as_str()),
            (None, "llama3.2:1b")
        );
        let own = GenerateConfig {
            chat_url: Some("http://other/".parse().unwrap()),
            ..ollama()
        };
        let found = chat(own.resolve(&embed).unwrap());
        assert_eq!(found.chat_url.as_str(), "http://other/");
    }

    #[test]
    fn values_that_cannot_work_are_refused() {
        let resolve = |config: GenerateConfig| config.resolve(&EmbedConfig::default());
        assert!(resolve(GenerateConfig::default()).is_ok());
        for config in [
            GenerateConfig {
                chat_model: Some("x".to_owned()),
                ..GenerateConfig::default()
            },
            GenerateConfig {
                chat_context: Some(1000),
                ..ollama()
            },
            GenerateConfig {
                chat_timeout: Some(0),
                ..ollama()
            },
            GenerateConfig {
                chat_pause: Some(u64::MAX),
                ..ollama()
            },
        ] {
            assert!(resolve(config).is_err());
        }
        let settings = resolve(ollama()).unwrap();
        assert!(settings.check_request_timeout(60).is_ok());
        assert!(settings.check_request_timeout(45).is_err());
    }
}
