//! What the adapters for model servers share: one client, its time limits, streams of text.

use std::error::Error;
use std::future::Future;
use std::time::Duration;

use futures::{Stream, StreamExt, stream};
use reqwest::{RequestBuilder, Response, StatusCode};
use tokio::time::Instant;
use url::Url;

use super::bytes::LineError;
use super::{GenerateError, TextStream, TimeLimits};
use crate::runtime::retry::{self, RetryPolicy};
use crate::runtime::tls;

/// How much of a server's own words goes into an error.
const LONGEST_REASON: usize = 300;

/// More than this of an error's body is not read.
const LONGEST_ERROR: usize = 16 << 10;

/// A model server.
pub(super) struct Remote {
    pub(super) client: reqwest::Client,
    /// Base address without a slash at its end.
    pub(super) url: String,
    pub(super) limits: TimeLimits,
    retries: u32,
}

impl Remote {
    pub(super) fn new(url: &Url, limits: TimeLimits, retries: u32) -> Result<Self, GenerateError> {
        tls::install_provider();
        let url = url.as_str().trim_end_matches('/').to_owned();
        let client = reqwest::Client::builder()
            .connect_timeout(limits.connect)
            .build()
            .map_err(|error| GenerateError::NotRunning {
                url: url.clone(),
                reason: error.to_string(),
            })?;
        Ok(Self {
            client,
            url,
            limits,
            retries,
        })
    }

    /// Waits for `work`, but not for ever.
    pub(super) async fn within<T>(
        &self,
        limit: Duration,
        awaited: &'static str,
        work: impl Future<Output = Result<T, GenerateError>>,
    ) -> Result<T, GenerateError> {
        tokio::time::timeout(limit, work).await.unwrap_or_else(|_| {
            Err(GenerateError::TooSlow {
                url: self.url.clone(),
                awaited,
                limit,
            })
        })
    }

    /// Sends what `request` makes until the server takes it, and gives the reply if it is a success.
    /// `explain` may turn status and words of a refusal into something better than "refused".
    pub(super) async fn send(
        &self,
        request: impl Fn() -> RequestBuilder,
        explain: impl Fn(StatusCode, &str) -> Option<GenerateError>,
    ) -> Result<Response, GenerateError> {
        let (request, explain) = (&request, &explain);
        retry::run(&self.retry_policy(), GenerateError::retry, || async move {
            let response = request().send().await.map_err(|e| self.not_running(&e))?;
            if response.status().is_success() {
                return Ok(response);
            }
            Err(self.refusal(response, explain).await)
        })
        .await
    }

    /// How often a busy server is asked again.
    pub(super) fn retry_policy(&self) -> RetryPolicy {
        RetryPolicy {
            retries: self.retries,
            first_wait: Duration::from_millis(500),
            longest_wait: self.limits.first_words,
            budget: self.limits.first_words,
        }
    }

    async fn refusal(
        &self,
        response: Response,
        explain: impl Fn(StatusCode, &str) -> Option<GenerateError>,
    ) -> GenerateError {
        let (url, status) = (self.url.clone(), response.status());
        let retry_after = response
            .headers()
            .get("retry-after")
            .and_then(|value| value.to_str().ok()?.trim().parse().ok())
            .map(Duration::from_secs);
        let words = read_some(response).await;
        if let Some(error) = explain(status, &words) {
            return error;
        }
        if status == StatusCode::UNAUTHORIZED || status == StatusCode::FORBIDDEN {
            return GenerateError::WrongKey { url };
        }
        let status = status.as_u16();
        if status == 429 || status >= 500 {
            return GenerateError::Busy {
                url,
                status,
                retry_after,
            };
        }
        GenerateError::Refused {
            url,
            status,
            reason: words.chars().take(LONGEST_REASON).collect(),
        }
    }

    pub(super) fn not_running(&self, error: &reqwest::Error) -> GenerateError {
        GenerateError::NotRunning {
            url: self.url.clone(),
            reason: innermost(error),
        }
    }

    pub(super) fn bad_answer(&self, reason: &dyn std::fmt::Display) -> GenerateError {
        GenerateError::BadAnswer {
            url: self.url.clone(),
            reason: reason.to_string(),
        }
    }

    /// The text in a reply that `decoder` understands, held to the limits from now on. `begun` is
    /// when the whole answer was asked for.
    pub(super) fn text(
        &self,
        response: Response,
        decoder: impl Decoder + 'static,
        begun: Instant,
    ) -> TextStream {
        let text = decode(self.url.clone(), response.bytes_stream().boxed(), decoder);
        in_time(self.url.clone(), self.limits, begun, Box::pin(text))
    }
}

async fn read_some(response: Response) -> String {
    let mut chunks = response.bytes_stream();
    let mut words = Vec::new();
    while let Some(Ok(chunk)) = chunks.next().await {
        words.extend_from_slice(&chunk);
        if words.len() > LONGEST_ERROR {
            break;
        }
    }
    String::from_utf8_lossy(&words).into_owned()
}

/// What a reader can act on: the last cause, not the list of layers that it went through.
pub(super) fn innermost(error: &(dyn Error + 'static)) -> String {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}

/// A part of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Part {
    /// Some words; may be empty.
    Text(String),
    /// The answer is whole.
    End,
    /// The server gave up.
    Failed(String),
}

/// Understands a server's stream.
pub(super) trait Decoder: Send {
    /// Takes what came.
    fn push(&mut self, bytes: &[u8]);
    /// The next part, if it is whole.
    fn next(&mut self) -> Option<Result<Part, DecodeError>>;
    /// Nothing more will come; what has no end yet is taken as it is.
    fn finish(&mut self);
    /// Whether the parts so far are a whole answer although no [`Part::End`] came.
    fn is_whole(&self) -> bool;
}

/// Why a stream cannot be understood.
#[derive(Debug, thiserror::Error)]
pub(super) enum DecodeError {
    #[error(transparent)]
    Line(#[from] LineError),
    #[error("it is no JSON of the expected form: {0}")]
    Json(#[from] serde_json::Error),
}

struct Decoding<D, S> {
    url: String,
    bytes: S,
    decoder: D,
    has_ended: bool,
}

fn decode<D, S, B, E>(
    url: String,
    bytes: S,
    decoder: D,
) -> impl Stream<Item = Result<String, GenerateError>> + Send
where
    D: Decoder,
    S: Stream<Item = Result<B, E>> + Send + Unpin,
    B: AsRef<[u8]>,
    E: Error + 'static,
{
    let start = Decoding {
        url,
        bytes,
        decoder,
        has_ended: false,
    };
    stream::unfold(Some(start), |state| async {
        let mut state = state?;
        match state.next().await {
            Ok(Some(text)) => Some((Ok(text), Some(state))),
            Ok(None) => None,
            Err(error) => Some((Err(error), None)),
        }
    })
}

impl<D, S, B, E> Decoding<D, S>
where
    D: Decoder,
    S: Stream<Item = Result<B, E>> + Unpin,
    B: AsRef<[u8]>,
    E: Error + 'static,
{
    async fn next(&mut self) -> Result<Option<String>, GenerateError> {
        loop {
            match self.decoder.next() {
                Some(Ok(Part::Text(text))) if text.is_empty() => continue,
                Some(Ok(Part::Text(text))) => return Ok(Some(text)),
                Some(Ok(Part::End)) => return Ok(None),
                Some(Ok(Part::Failed(reason))) => return Err(self.broke_off(reason)),
                Some(Err(error)) => {
                    return Err(GenerateError::BadAnswer {
                        url: self.url.clone(),
                        reason: error.to_string(),
                    });
                }
                None if self.has_ended && self.decoder.is_whole() => return Ok(None),
                None if self.has_ended => {
                    return Err(self.broke_off("it ended too early".to_owned()));
                }
                None => {}
            }
            match self.bytes.next().await {
                Some(Ok(bytes)) => self.decoder.push(bytes.as_ref()),
                Some(Err(error)) => return Err(self.broke_off(innermost(&error))),
                None => {
                    self.decoder.finish();
                    self.has_ended = true;
                }
            }
        }
    }

    fn broke_off(&self, reason: String) -> GenerateError {
        GenerateError::BrokeOff {
            url: self.url.clone(),
            reason,
        }
    }
}

/// Holds a stream to its limits.
fn in_time(url: String, limits: TimeLimits, begun: Instant, text: TextStream) -> TextStream {
    let last = begun + limits.total;
    Box::pin(stream::unfold(Some(text), move |text| {
        let url = url.clone();
        async move {
            let mut text = text?;
            let soon = Instant::now() + limits.first_words;
            let (deadline, awaited, limit) = if soon < last {
                (soon, "words", limits.first_words)
            } else {
                (last, "whole answer", limits.total)
            };
            match tokio::time::timeout_at(deadline, text.next()).await {
                Ok(Some(Ok(piece))) => Some((Ok(piece), Some(text))),
                Ok(Some(Err(error))) => Some((Err(error), None)),
                Ok(None) => None,
                Err(_) => Some((
                    Err(GenerateError::TooSlow {
                        url,
                        awaited,
                        limit,
                    }),
                    None,
                )),
            }
        }
    }))
}

/// What a decoder makes of a stream that comes in these pieces.
#[cfg(test)]
pub(super) fn decode_pieces(
    pieces: &[&[u8]],
    decoder: impl Decoder,
) -> Result<Vec<String>, GenerateError> {
    let pieces: Vec<Result<Vec<u8>, std::io::Error>> =
        pieces.iter().map(|piece| Ok(piece.to_vec())).collect();
    let text = decode("x".to_owned(), stream::iter(pieces), decoder);
    futures::executor::block_on(text.collect::<Vec<_>>())
        .into_iter()
        .collect()
}
