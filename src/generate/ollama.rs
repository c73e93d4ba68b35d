//! A model behind Ollama. Whole answers and the list of models go through `ollama-rs`; streams are
//! read by our own lines, because the crate's reader drops text where a character is cut in two.

use std::collections::VecDeque;
use std::time::Duration;

use async_trait::async_trait;
use ollama_rs::Ollama;
use ollama_rs::error::OllamaError;
use ollama_rs::generation::chat::ChatMessage;
use ollama_rs::generation::chat::request::ChatMessageRequest;
use ollama_rs::generation::parameters::{KeepAlive, TimeUnit};
use ollama_rs::models::ModelOptions;
use reqwest::StatusCode;
use serde::Deserialize;
use serde_json::Value;
use tokio::time::Instant;
use url::Url;

use super::bytes::Lines;
use super::remote::{DecodeError, Decoder, Part, Remote, innermost};
use super::{GenerateError, Generator, Prompt, Role, TextStream, TimeLimits, TokenLimits};
use crate::runtime::retry;

/// How to reach the model.
#[derive(Debug, Clone)]
pub struct OllamaChatOptions {
    /// Base address, such as `http://127.0.0.1:11434/`.
    pub url: Url,
    /// Name of the model, such as `llama3.2:1b`.
    pub model: String,
    /// How long the server keeps the model in memory after an answer.
    pub keep_alive: Duration,
    /// How much it may read and write.
    pub tokens: TokenLimits,
    /// How long it may take.
    pub time: TimeLimits,
    /// Attempts after one that met a busy server.
    pub retries: u32,
}

/// See the module.
pub struct OllamaGenerator {
    name: String,
    model: String,
    keep_alive: Duration,
    tokens: TokenLimits,
    remote: Remote,
    whole: Ollama,
}

impl OllamaGenerator {
    /// Prepares to talk to the server; does not yet.
    pub fn new(options: OllamaChatOptions) -> Result<Self, GenerateError> {
        let remote = Remote::new(&options.url, options.time, options.retries)?;
        // `ollama-rs` joins paths by appending, so the base must end in a slash.
        let base: Url = format!("{}/", remote.url)
            .parse()
            .map_err(|error| remote.bad_answer(&error))?;
        let http = reqwest012::Client::builder()
            .connect_timeout(options.time.connect)
            .timeout(options.time.total)
            .build()
            .map_err(|error| GenerateError::NotRunning {
                url: remote.url.clone(),
                reason: innermost(&error),
            })?;
        Ok(Self {
            name: format!("ollama/{}", options.model),
            model: options.model,
            keep_alive: options.keep_alive,
            tokens: options.tokens,
            whole: Ollama::builder().url(base).reqwest_client(http).build(),
            remote,
        })
    }

    fn request(&self, prompt: &Prompt) -> ChatMessageRequest {
        let messages = prompt.messages.iter().map(|(role, text)| match role {
            Role::System => ChatMessage::system(text.clone()),
            Role::User => ChatMessage::user(text.clone()),
        });
        let options = ModelOptions::default()
            .temperature(0.0)
            .num_ctx(self.tokens.context.into())
            .num_predict(i32::try_from(self.tokens.answer).unwrap_or(i32::MAX));
        ChatMessageRequest::new(self.model.clone(), messages.collect())
            .options(options)
            .keep_alive(KeepAlive::Until {
                time: self.keep_alive.as_secs(),
                unit: TimeUnit::Seconds,
            })
    }

    fn missing(&self) -> GenerateError {
        GenerateError::ModelMissing {
            url: self.remote.url.clone(),
            model: self.model.clone(),
            fix: format!("run `ollama pull {}`", self.model),
        }
    }

    fn explain(&self, error: OllamaError) -> GenerateError {
        let url = self.remote.url.clone();
        match error {
            OllamaError::ReqwestError(source) if source.is_timeout() && !source.is_connect() => {
                GenerateError::TooSlow {
                    url,
                    awaited: "whole answer",
                    limit: self.remote.limits.total,
                }
            }
            OllamaError::ReqwestError(source) if source.is_connect() => GenerateError::NotRunning {
                url,
                reason: innermost(&source),
            },
            OllamaError::ReqwestError(source) => GenerateError::BrokeOff {
                url,
                reason: innermost(&source),
            },
            OllamaError::Other(words) if words.contains("not found") => self.missing(),
            // The crate keeps the words and drops the status; Ollama says this with 503.
            OllamaError::Other(words) if words.contains("busy") => GenerateError::Busy {
                url,
                status: 503,
                retry_after: None,
            },
            other @ (OllamaError::JsonError(_)
            | OllamaError::Other(_)
            | OllamaError::InternalError(_)
            | OllamaError::ToolCallError(_)) => GenerateError::BadAnswer {
                url,
                reason: other.to_string().chars().take(300).collect(),
            },
        }
    }
}

#[async_trait]
impl Generator for OllamaGenerator {
    fn name(&self) -> &str {
        &self.name
    }

    async fn complete(&self, prompt: &Prompt) -> Result<String, GenerateError> {
        let ask = || async {
            let reply = self.whole.send_chat_messages(self.request(prompt)).await;
            reply.map_err(|error| self.explain(error))
        };
        let policy = self.remote.retry_policy();
        let asked = retry::run(&policy, GenerateError::retry, ask);
        let limit = self.remote.limits.total;
        let reply = self.remote.within(limit, "whole answer", asked).await?;
        if reply.done {
            Ok(reply.message.content)
        } else {
            Err(self.remote.bad_answer(&"it says that it is not done"))
        }
    }

    async fn stream(&self, prompt: &Prompt) -> Result<TextStream, GenerateError> {
        let begun = Instant::now();
        let mut body = serde_json::to_value(self.request(prompt))
            .map_err(|error| self.remote.bad_answer(&error))?;
        body["stream"] = Value::Bool(true);
        let url = format!("{}/api/chat", self.remote.url);
        let sent = self.remote.send(
            || self.remote.client.post(&url).json(&body),
            |status, _| (status == StatusCode::NOT_FOUND).then(|| self.missing()),
        );
        let limit = self.remote.limits.first_words;
        let response = self.remote.within(limit, "words", sent).await?;
        Ok(self.remote.text(response, ChatLines::default(), begun))
    }

    async fn probe(&self) -> Result<(), GenerateError> {
        let list = async {
            let models = self.whole.list_local_models().await;
            models.map_err(|error| self.explain(error))
        };
        let limit = self.remote.limits.first_words;
        let models = self.remote.within(limit, "list of models", list).await?;
        let latest = format!("{}:latest", self.model);
        let is_there = models
            .iter()
            .any(|model| model.name == self.model || model.name == latest);
        if is_there {
            Ok(())
        } else {
            Err(self.missing())
        }
    }
}

/// One JSON object a line, the last one with `done`.
#[derive(Debug, Default)]
struct ChatLines {
    lines: Lines,
    parts: VecDeque<Part>,
}

#[derive(Deserialize)]
struct ChatLine {
    #[serde(default)]
    message: Option<Said>,
    #[serde(default)]
    done: bool,
    #[serde(default)]
    error: Option<String>,
}

#[derive(Deserialize)]
struct Said {
    #[serde(default)]
    content: String,
}

impl Decoder for ChatLines {
    fn push(&mut self, bytes: &[u8]) {
        self.lines.push(bytes);
    }

    fn next(&mut self) -> Option<Result<Part, DecodeError>> {
        if let Some(part) = self.parts.pop_front() {
            return Some(Ok(part));
        }
        let line = match self.lines.next()? {
            Ok(line) if line.trim().is_empty() => return Some(Ok(Part::Text(String::new()))),
            Ok(line) => line,
            Err(error) => return Some(Err(error.into())),
        };
        let line: ChatLine = match serde_json::from_str(&line) {
            Ok(line) => line,
            Err(error) => return Some(Err(error.into())),
        };
        if let Some(error) = line.error {
            return Some(Ok(Part::Failed(error.chars().take(300).collect())));
        }
        if line.done {
            self.parts.push_back(Part::End);
        }
        let said = line.message.map(|said| said.content).unwrap_or_default();
        Some(Ok(Part::Text(said)))
    }

    fn finish(&mut self) {
        self.lines.finish();
    }

    fn is_whole(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate::remote::decode_pieces;

    const STREAM: &str = concat!(
        r#"{"model":"m","message":{"role":"assistant","content":"Stell’ "},"done":false}"#,
        "\n",
        r#"{"model":"m","message":{"role":"assistant","content":"21 °C ein 🔥"},"done":false}"#,
        "\r\n",
        r#"{"model":"m","message":{"role":"assistant","content":"."},"done":true,"done_reason":"stop"}"#,
    );

    #[test]
    fn a_cut_anywhere_loses_nothing() {
        let bytes = STREAM.as_bytes();
        for first in 0..=bytes.len() {
            for second in (first..=bytes.len()).step_by(7) {
                let pieces = [&bytes[..first], &bytes[first..second], &bytes[second..]];
                let text = decode_pieces(&pieces, ChatLines::default())
                    .unwrap()
                    .concat();
                assert_eq!(text, "Stell’ 21 °C ein 🔥.", "cut at {first} and {second}");
            }
        }
    }

    #[test]
    fn what_breaks_off_is_an_error() {
        let decode = |text: &str| decode_pieces(&[text.as_bytes()], ChatLines::default());
        let first_line = STREAM.lines().next().unwrap();
        for broken in ["", first_line, &STREAM[..STREAM.len() - 4]] {
            assert!(decode(broken).is_err(), "{broken}");
        }
        let failed = decode("{\"error\":\"out of memory\"}\n").unwrap_err();
        assert!(failed.to_string().contains("out of memory"), "{failed}");
        assert!(matches!(
            decode("<html>\n"),
            Err(GenerateError::BadAnswer { .. })
        ));
    }
}
