//! What writes answers, and where it is.

use std::path::PathBuf;

use clap::{ArgAction, Args, ValueEnum};
use serde::{Deserialize, Serialize};
use url::Url;

use super::{ConfigError, EmbedConfig, Layer};

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

/// Flags and keys.
#[derive(Debug, Clone, Default, Args, Deserialize)]
#[command(next_help_heading = "Answers")]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct GenerateConfig {
    /// What writes answers [default: extractive]
    #[arg(long, env = "WATTWISE_GENERATOR", value_enum)]
    pub generator: Option<GeneratorKind>,
    /// Name of the model [default: llama3.2:1b on Ollama, gpt-4o-mini on OpenAI]
    #[arg(long, env = "WATTWISE_CHAT_MODEL", value_name = "NAME")]
    pub chat_model: Option<String>,
    /// Base address of the model's server, if it is not the embedder's
    #[arg(long, env = "WATTWISE_CHAT_URL", value_name = "URL")]
    pub chat_url: Option<Url>,
    /// Drop sentences of a model that the sources do not support, instead of marking them
    #[arg(long, env = "WATTWISE_STRICT", action = ArgAction::SetTrue)]
    pub strict: Option<bool>,
    /// Folder with system.txt and question.txt to use instead of the compiled-in prompts
    #[arg(
        long,
        env = "WATTWISE_PROMPTS",
        value_name = "DIR",
        hide_short_help = true
    )]
    pub prompts: Option<PathBuf>,
    /// Tokens that the model reads and writes at most [default: 4096]
    #[arg(
        long,
        env = "WATTWISE_CHAT_CONTEXT",
        value_name = "TOKENS",
        hide_short_help = true
    )]
    pub chat_context: Option<u32>,
    /// Tokens of an answer at most [default: 400]
    #[arg(
        long,
        env = "WATTWISE_CHAT_ANSWER",
        value_name = "TOKENS",
        hide_short_help = true
    )]
    pub chat_answer: Option<u32>,
    /// Time to connect to the model's server [default: 5]
    #[arg(
        long,
        env = "WATTWISE_CHAT_CONNECT_TIMEOUT",
        value_name = "SECONDS",
        hide_short_help = true
    )]
    pub chat_connect_timeout: Option<u64>,
    /// Time until a streaming model's first words, and between its words [default: 20]
    #[arg(
        long,
        env = "WATTWISE_CHAT_WORDS_TIMEOUT",
        value_name = "SECONDS",
        hide_short_help = true
    )]
    pub chat_words_timeout: Option<u64>,
    /// Time for a model's whole answer; the extractive one is given beyond it [default: 45]
    #[arg(
        long,
        env = "WATTWISE_CHAT_TIMEOUT",
        value_name = "SECONDS",
        hide_short_help = true
    )]
    pub chat_timeout: Option<u64>,
    /// Attempts after one that met a busy server [default: 2]
    #[arg(
        long,
        env = "WATTWISE_CHAT_RETRIES",
        value_name = "N",
        hide_short_help = true
    )]
    pub chat_retries: Option<u32>,
    /// How long Ollama keeps the model in memory after an answer [default: 300]
    #[arg(
        long,
        env = "WATTWISE_CHAT_KEEP_ALIVE",
        value_name = "SECONDS",
        hide_short_help = true
    )]
    pub chat_keep_alive: Option<u64>,
    /// Failures in a row after which the model is left alone [default: 3]
    #[arg(
        long,
        env = "WATTWISE_CHAT_FAILURES",
        value_name = "N",
        hide_short_help = true
    )]
    pub chat_failures: Option<u32>,
    /// For how long it is left alone [default: 30]
    #[arg(
        long,
        env = "WATTWISE_CHAT_PAUSE",
        value_name = "SECONDS",
        hide_short_help = true
    )]
    pub chat_pause: Option<u64>,
    /// Whether a small model reads the first contexts: it orders them and tells whether they answer
    /// [default: on]
    #[arg(long, env = "WATTWISE_READER", value_enum, hide_short_help = true)]
    pub reader: Option<Switch>,
    /// Whether a model's answers are kept and given again where the same is asked [default: on]
    #[arg(
        long,
        env = "WATTWISE_ANSWER_CACHE",
        value_enum,
        hide_short_help = true
    )]
    pub answer_cache: Option<Switch>,
    /// The least cosine of two questions that share an answer [default: 0.8]
    #[arg(
        long,
        env = "WATTWISE_ANSWER_CACHE_THRESHOLD",
        value_name = "COSINE",
        hide_short_help = true
    )]
    pub answer_cache_threshold: Option<f32>,
    /// Answers that are kept at most; 16 MiB in all [default: 2000]
    #[arg(
        long,
        env = "WATTWISE_ANSWER_CACHE_ENTRIES",
        value_name = "N",
        hide_short_help = true
    )]
    pub answer_cache_entries: Option<u32>,
    /// How long an answer is kept at most [default: 604800, a week]
    #[arg(
        long,
        env = "WATTWISE_ANSWER_CACHE_TTL",
        value_name = "SECONDS",
        hide_short_help = true
    )]
    pub answer_cache_ttl: Option<u64>,
}

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

/// A model and how it is used.
#[derive(Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ChatSettings {
    /// Its name.
    pub chat_model: String,
    /// Its server's base address.
    pub chat_url: Url,
    /// Bearer token; never printed.
    #[serde(skip)]
    pub api_key: Option<String>,
    /// Whether what is not supported is dropped.
    pub strict: bool,
    /// Folder of prompts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prompts: Option<PathBuf>,
    /// Tokens.
    pub chat_context: u32,
    /// Tokens.
    pub chat_answer: u32,
    /// Seconds.
    pub chat_connect_timeout: u64,
    /// Seconds.
    pub chat_words_timeout: u64,
    /// Seconds.
    pub chat_timeout: u64,
    /// Attempts.
    pub chat_retries: u32,
    /// Seconds.
    pub chat_keep_alive: u64,
    /// Failures in a row.
    pub chat_failures: u32,
    /// Seconds.
    pub chat_pause: u64,
    /// Whether answers are kept.
    pub answer_cache: Switch,
    /// Cosine.
    pub answer_cache_threshold: f32,
    /// Answers.
    pub answer_cache_entries: u32,
    /// Seconds.
    pub answer_cache_ttl: u64,
}

impl Layer for GenerateConfig {
    fn over(self, below: Self) -> Self {
        Self {
            generator: self.generator.or(below.generator),
            chat_model: self.chat_model.or(below.chat_model),
            chat_url: self.chat_url.or(below.chat_url),
            strict: self.strict.filter(|strict| *strict).or(below.strict),
            prompts: self.prompts.or(below.prompts),
            chat_context: self.chat_context.or(below.chat_context),
            chat_answer: self.chat_answer.or(below.chat_answer),
            chat_connect_timeout: self.chat_connect_timeout.or(below.chat_connect_timeout),
            chat_words_timeout: self.chat_words_timeout.or(below.chat_words_timeout),
            chat_timeout: self.chat_timeout.or(below.chat_timeout),
            chat_retries: self.chat_retries.or(below.chat_retries),
            chat_keep_alive: self.chat_keep_alive.or(below.chat_keep_alive),
            chat_failures: self.chat_failures.or(below.chat_failures),
            chat_pause: self.chat_pause.or(below.chat_pause),
            reader: self.reader.or(below.reader),
            answer_cache: self.answer_cache.or(below.answer_cache),
            answer_cache_threshold: self.answer_cache_threshold.or(below.answer_cache_threshold),
            answer_cache_entries: self.answer_cache_entries.or(below.answer_cache_entries),
            answer_cache_ttl: self.answer_cache_ttl.or(below.answer_cache_ttl),
        }
    }
}

impl GenerateConfig {
    /// Whether contexts are read.
    pub fn reader(&self) -> Switch {
        self.reader.unwrap_or(Switch::On)
    }

    /// Fills in the defaults and checks the values. `embed` has the addresses and the key that the
    /// two share.
    pub fn resolve(self, embed: &EmbedConfig) -> Result<GenerateSettings, ConfigError> {
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
                let url = embed.ollama_url.clone();
                let default = ("http://127.0.0.1:11434/", "llama3.2:1b");
                GenerateSettings::Ollama(self.chat(url, default)?)
            }
            GeneratorKind::Openai => {
                let url = embed.openai_url.clone();
                let default = ("https://api.openai.com/v1", "gpt-4o-mini");
                GenerateSettings::Openai(ChatSettings {
                    api_key: embed.openai_api_key.clone(),
                    ..self.chat(url, default)?
                })
            }
        })
    }

    fn chat(
        self,
        shared_url: Option<Url>,
        (default_url, default_model): (&str, &str),
    ) -> Result<ChatSettings, ConfigError> {
        let chat_url = self.chat_url.or(shared_url).unwrap_or_else(|| {
            Url::parse(default_url).expect("the default address is a constant that parses")
        });
        let chat = ChatSettings {
            chat_model: self.chat_model.unwrap_or_else(|| default_model.to_owned()),
            chat_url,
            api_key: None,
            strict: self.strict == Some(true),
            prompts: self.prompts,
            chat_context: self.chat_context.unwrap_or(4096),
            chat_answer: self.chat_answer.unwrap_or(400),
            chat_connect_timeout: self.chat_connect_timeout.unwrap_or(5),
            chat_words_timeout: self.chat_words_timeout.unwrap_or(20),
            chat_timeout: self.chat_timeout.unwrap_or(45),
            chat_retries: self.chat_retries.unwrap_or(2),
            chat_keep_alive: self.chat_keep_alive.unwrap_or(300),
            chat_failures: self.chat_failures.unwrap_or(3),
            chat_pause: self.chat_pause.unwrap_or(30),
            answer_cache: self.answer_cache.unwrap_or(Switch::On),
            answer_cache_threshold: self.answer_cache_threshold.unwrap_or(0.8),
            answer_cache_entries: self.answer_cache_entries.unwrap_or(2000),
            answer_cache_ttl: self.answer_cache_ttl.unwrap_or(7 * 24 * 60 * 60),
        };
        chat.check()?;
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

impl ChatSettings {
    fn check(&self) -> Result<(), ConfigError> {
        if self.chat_answer == 0 {
            return Err(invalid("--chat-answer", "at least 1".to_owned()));
        }
        // Less leaves no room for a single passage.
        let least = self.chat_answer.saturating_add(800);
        if self.chat_context < least {
            let reason = format!("at least {least}, for the prompt and the answer");
            return Err(invalid("--chat-context", reason));
        }
        let times = [
            ("--chat-connect-timeout", self.chat_connect_timeout),
            ("--chat-words-timeout", self.chat_words_timeout),
            ("--chat-timeout", self.chat_timeout),
            ("--chat-failures", self.chat_failures.into()),
            ("--answer-cache-entries", self.answer_cache_entries.into()),
            ("--answer-cache-ttl", self.answer_cache_ttl),
        ];
        if !(0.0..=1.0).contains(&self.answer_cache_threshold) {
            let reason = "between 0 and 1".to_owned();
            return Err(invalid("--answer-cache-threshold", reason));
        }
        for (name, value) in times {
            if !(1..=1 << 30).contains(&value) {
                return Err(invalid(name, format!("between 1 and {}", 1 << 30)));
            }
        }
        if self.chat_keep_alive.max(self.chat_pause) > 1 << 30 {
            let reason = format!("at most {}", 1 << 30);
            return Err(invalid("--chat-keep-alive, --chat-pause", reason));
        }
        Ok(())
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
        assert_eq!(found.api_key.as_deref(), Some("secret"));
        assert!(!toml::to_string(&settings).unwrap().contains("secret"));
        let found = chat(ollama().resolve(&embed).unwrap());
        assert_eq!(found.chat_url.as_str(), "http://127.0.0.1:11434/");
        assert_eq!(
            (found.api_key, found.chat_model.as_str()),
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
            GenerateConfig {
                answer_cache_threshold: Some(1.5),
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
