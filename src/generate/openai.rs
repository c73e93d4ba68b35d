//! A model behind any server that speaks OpenAI's `/v1/chat/completions`.

use std::collections::VecDeque;
use std::fmt;

use async_trait::async_trait;
use reqwest::{RequestBuilder, Response, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::Instant;
use url::Url;

use super::bytes::Events;
use super::remote::{DecodeError, Decoder, Part, Remote, innermost};
use super::{GenerateError, Generator, Prompt, Role, TextStream, TimeLimits, TokenLimits};

/// How to reach the model.
#[derive(Clone)]
pub struct OpenAiChatOptions {
    /// Base address up to and including the version, such as `https://host/v1`.
    pub url: Url,
    /// Name of the model.
    pub model: String,
    /// Sent as a bearer token when the server wants one.
    pub api_key: Option<String>,
    /// How much it may read and write.
    pub tokens: TokenLimits,
    /// How long it may take.
    pub time: TimeLimits,
    /// Attempts after one that met a busy server.
    pub retries: u32,
}

impl fmt::Debug for OpenAiChatOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenAiChatOptions")
            .field("url", &self.url.as_str())
            .field("model", &self.model)
            .finish_non_exhaustive()
    }
}

/// See the module.
pub struct OpenAiGenerator {
    name: String,
    model: String,
    api_key: Option<String>,
    tokens: TokenLimits,
    remote: Remote,
}

#[derive(Deserialize)]
struct Models {
    data: Vec<ModelEntry>,
}

#[derive(Deserialize)]
struct ModelEntry {
    id: String,
}

#[derive(Deserialize)]
struct Completion {
    choices: Vec<Choice>,
}

#[derive(Deserialize)]
struct Choice {
    message: Said,
}

#[derive(Deserialize, Default)]
struct Said {
    #[serde(default)]
    content: Option<String>,
}

impl OpenAiGenerator {
    /// Prepares to talk to the server; does not yet.
    pub fn new(options: OpenAiChatOptions) -> Result<Self, GenerateError> {
        Ok(Self {
            name: format!("openai/{}", options.model),
            model: options.model,
            api_key: options.api_key,
            tokens: options.tokens,
            remote: Remote::new(&options.url, options.time, options.retries)?,
        })
    }

    fn authorized(&self, request: RequestBuilder) -> RequestBuilder {
        match &self.api_key {
            Some(key) => request.bearer_auth(key),
            None => request,
        }
    }

    fn missing(&self) -> GenerateError {
        GenerateError::ModelMissing {
            url: self.remote.url.clone(),
            model: self.model.clone(),
            fix: "name one that it has with --chat-model".to_owned(),
        }
    }

    async fn ask(&self, prompt: &Prompt, stream: bool) -> Result<Response, GenerateError> {
        let messages = prompt.messages.iter().map(|(role, text)| {
            let role = match role {
                Role::System => "system",
                Role::User => "user",
            };
            json!({"role": role, "content": text})
        });
        let body = json!({
            "model": self.model,
            "messages": messages.collect::<Vec<Value>>(),
            "temperature": 0,
            "max_tokens": self.tokens.answer,
            "stream": stream,
        });
        let url = format!("{}/chat/completions", self.remote.url);
        self.remote
            .send(
                || self.authorized(self.remote.client.post(&url).json(&body)),
                // A wrong base address is 404 too; only a server that knows the API speaks of models.
                |status, words| {
                    (status == StatusCode::NOT_FOUND && words.contains("model"))
                        .then(|| self.missing())
                },
            )
            .await
    }
}

#[async_trait]
impl Generator for OpenAiGenerator {
    fn name(&self) -> &str {
        &self.name
    }

    async fn complete(&self, prompt: &Prompt) -> Result<String, GenerateError> {
        let work = async {
            let response = self.ask(prompt, false).await?;
            let bytes = response
                .bytes()
                .await
                .map_err(|error| GenerateError::BrokeOff {
                    url: self.remote.url.clone(),
                    reason: innermost(&error),
                })?;
            let reply: Completion =
                serde_json::from_slice(&bytes).map_err(|error| self.remote.bad_answer(&error))?;
            let first = reply.choices.into_iter().next();
            let said = first.and_then(|choice| choice.message.content);
            said.ok_or_else(|| self.remote.bad_answer(&"it has no choice with content"))
        };
        let limit = self.remote.limits.total;
        self.remote.within(limit, "whole answer", work).await
    }

    async fn stream(&self, prompt: &Prompt) -> Result<TextStream, GenerateError> {
        let begun = Instant::now();
        let limit = self.remote.limits.first_words;
        let asked = self.ask(prompt, true);
        let response = self.remote.within(limit, "words", asked).await?;
        Ok(self.remote.text(response, ChatEvents::default(), begun))
    }

    async fn probe(&self) -> Result<(), GenerateError> {
        let url = format!("{}/models", self.remote.url);
        let work = async {
            let list = || self.authorized(self.remote.client.get(&url));
            let response = self.remote.send(list, |_, _| None).await?;
            response
                .json::<Models>()
                .await
                .map_err(|error| self.remote.bad_answer(&innermost(&error)))
        };
        let limit = self.remote.limits.first_words;
        let models = self.remote.within(limit, "list of models", work).await?;
        if models.data.iter().any(|model| model.id == self.model) {
            Ok(())
        } else {
            Err(self.missing())
        }
    }
}

/// Server-sent events, the last one `[DONE]`.
#[derive(Debug, Default)]
struct ChatEvents {
    events: Events,
    parts: VecDeque<Part>,
    /// The model has stopped by itself; some servers leave `[DONE]` out.
    has_stopped: bool,
}

#[derive(Deserialize)]
struct Chunk {
    #[serde(default)]
    choices: Vec<Piece>,
    #[serde(default)]
    error: Option<Value>,
}

#[derive(Deserialize)]
struct Piece {
    #[serde(default)]
    delta: Said,
    #[serde(default)]
    finish_reason: Option<String>,
}

impl Decoder for ChatEvents {
    fn push(&mut self, bytes: &[u8]) {
        self.events.push(bytes);
    }

    fn next(&mut self) -> Option<Result<Part, DecodeError>> {
        if let Some(part) = self.parts.pop_front() {
            return Some(Ok(part));
        }
        let data = match self.events.next()? {
            Ok(data) => data,
            Err(error) => return Some(Err(error.into())),
        };
        if data.trim() == "[DONE]" {
            return Some(Ok(Part::End));
        }
        let chunk: Chunk = match serde_json::from_str(&data) {
            Ok(chunk) => chunk,
            Err(error) => return Some(Err(error.into())),
        };
        if let Some(error) = chunk.error {
            let words = error["message"].as_str().map(str::to_owned);
            let words = words.unwrap_or_else(|| error.to_string());
            return Some(Ok(Part::Failed(words.chars().take(300).collect())));
        }
        let mut said = String::new();
        for piece in chunk.choices {
            said.push_str(&piece.delta.content.unwrap_or_default());
            self.has_stopped |= piece.finish_reason.is_some();
        }
        Some(Ok(Part::Text(said)))
    }

    fn finish(&mut self) {
        self.events.finish();
    }

    fn is_whole(&self) -> bool {
        self.has_stopped
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate::remote::decode_pieces;

    const STREAM: &str = concat!(
        ": ping\n\n",
        r#"data: {"choices":[{"index":0,"delta":{"role":"assistant","content":null},"finish_reason":null}]}"#,
        "\n\n",
        r#"data: {"choices":[{"index":0,"delta":{"content":"Stell’ 21 °C"},"finish_reason":null}]}"#,
        "\r\n\r\n",
        r#"data: {"choices":[{"index":0,"delta":{"content":" ein 🔥."}}]}"#,
        "\n\n",
        r#"data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#,
        "\n\n",
        r#"data: {"choices":[],"usage":{"total_tokens":7}}"#,
        "\n\ndata: [DONE]\n\n",
    );

    #[test]
    fn a_cut_anywhere_loses_nothing() {
        let bytes = STREAM.as_bytes();
        for first in 0..=bytes.len() {
            for second in (first..=bytes.len()).step_by(11) {
                let pieces = [&bytes[..first], &bytes[first..second], &bytes[second..]];
                let text = decode_pieces(&pieces, ChatEvents::default())
                    .unwrap()
                    .concat();
                assert_eq!(text, "Stell’ 21 °C ein 🔥.", "cut at {first} and {second}");
            }
        }
    }

    #[test]
    fn an_end_is_needed_but_not_the_last_word() {
        let decode = |text: &str| decode_pieces(&[text.as_bytes()], ChatEvents::default());
        let without_done = STREAM.split("data: [DONE]").next().unwrap();
        assert!(decode(without_done).is_ok());
        let without_stop = STREAM
            .split(r#"data: {"choices":[{"index":0,"delta":{},"#)
            .next();
        assert!(matches!(
            decode(without_stop.unwrap()),
            Err(GenerateError::BrokeOff { .. })
        ));
        let failed = decode("data: {\"error\":{\"message\":\"too long\"}}\n\n").unwrap_err();
        assert!(failed.to_string().contains("too long"), "{failed}");
    }
}
