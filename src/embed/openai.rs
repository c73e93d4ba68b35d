//! Embeddings from any server that speaks OpenAI's `/v1/embeddings`.

use std::fmt;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use url::Url;

use super::remote::{self, BATCH, CONNECT_TIMEOUT, REQUEST_TIMEOUT};
use super::{EmbedError, Embedder, Passage, PassageVectors, QueryVectors, tokens};
use crate::model::{EmbedderFingerprint, UnitVector};
use crate::runtime::tls;

/// How to reach the model.
#[derive(Clone)]
pub struct OpenAiOptions {
    /// Base address up to and including the version, such as `https://host/v1`.
    pub url: Url,
    /// Name of the model.
    pub model: String,
    /// Sent as a bearer token when the server wants one.
    pub api_key: Option<String>,
}

impl fmt::Debug for OpenAiOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenAiOptions")
            .field("url", &self.url.as_str())
            .field("model", &self.model)
            .finish_non_exhaustive()
    }
}

/// A model behind an OpenAI-compatible API.
pub struct OpenAiEmbedder {
    client: reqwest::Client,
    endpoint: String,
    api_key: Option<String>,
    fingerprint: EmbedderFingerprint,
}

#[derive(Serialize)]
struct Request<'a> {
    model: &'a str,
    input: &'a [String],
    encoding_format: &'static str,
}

#[derive(Deserialize)]
struct Response {
    data: Vec<Item>,
}

#[derive(Deserialize)]
struct Item {
    index: usize,
    embedding: Vec<f32>,
}

impl OpenAiEmbedder {
    /// Connects and asks for one vector, which proves that server, key and model are right and
    /// tells the dimension.
    pub async fn connect(options: OpenAiOptions) -> Result<Self, EmbedError> {
        tls::install_provider();
        let endpoint = format!("{}/embeddings", options.url.as_str().trim_end_matches('/'));
        let client = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(REQUEST_TIMEOUT)
            .build()
            .map_err(|error| EmbedError::Unreachable {
                url: endpoint.clone(),
                reason: error.to_string(),
            })?;
        let mut embedder = Self {
            client,
            endpoint,
            api_key: options.api_key,
            fingerprint: EmbedderFingerprint {
                adapter: "openai".to_owned(),
                model: options.model,
                digest: None,
                dimension: 0,
                pooling: "server".to_owned(),
                document_prefix: String::new(),
                query_prefix: String::new(),
            },
        };
        embedder.fingerprint.dimension =
            embedder.request(&["dimension".to_owned()], None).await?[0].dimension();
        Ok(embedder)
    }

    async fn request(
        &self,
        texts: &[String],
        dimension: Option<usize>,
    ) -> Result<Vec<UnitVector>, EmbedError> {
        let url = || self.endpoint.clone();
        let body = Request {
            model: &self.fingerprint.model,
            input: texts,
            encoding_format: "float",
        };
        let mut request = self.client.post(&self.endpoint).json(&body);
        if let Some(key) = &self.api_key {
            request = request.bearer_auth(key);
        }
        let response = request
            .send()
            .await
            .map_err(|error| EmbedError::Unreachable {
                url: url(),
                reason: error.to_string(),
            })?;
        let status = response.status();
        if !status.is_success() {
            let detail = response.text().await.unwrap_or_default();
            let detail: String = detail.chars().take(300).collect();
            return Err(EmbedError::Refused {
                url: url(),
                reason: format!("status {status}: {detail}"),
            });
        }
        let mut answer: Response =
            response
                .json()
                .await
                .map_err(|error| EmbedError::BadAnswer {
                    url: url(),
                    reason: error.to_string(),
                })?;
        // The API promises an index, not an order.
        answer.data.sort_by_key(|item| item.index);
        if answer
            .data
            .iter()
            .enumerate()
            .any(|(position, item)| position != item.index)
        {
            return Err(EmbedError::BadAnswer {
                url: url(),
                reason: "its indexes have gaps or repeats".to_owned(),
            });
        }
        let vectors = answer.data.into_iter().map(|item| item.embedding).collect();
        remote::check(&self.endpoint, texts.len(), dimension, vectors)
    }
}

#[async_trait]
impl Embedder for OpenAiEmbedder {
    fn fingerprint(&self) -> &EmbedderFingerprint {
        &self.fingerprint
    }

    fn count_tokens(&self, text: &str) -> usize {
        tokens::estimate(text)
    }

    fn max_tokens(&self) -> usize {
        512
    }

    async fn embed_passages(
        &self,
        passages: Vec<Passage>,
    ) -> Result<Vec<PassageVectors>, EmbedError> {
        let texts = remote::prefixed("", passages)?;
        let mut vectors = Vec::with_capacity(texts.len());
        for batch in texts.chunks(BATCH) {
            vectors.extend(
                self.request(batch, Some(self.fingerprint.dimension))
                    .await?,
            );
        }
        Ok(remote::without_spans(vectors))
    }

    async fn embed_query(&self, text: &str) -> Result<QueryVectors, EmbedError> {
        let passage = Passage::whole(text);
        let texts = remote::prefixed("", vec![passage])?;
        let mut vectors = self
            .request(&texts, Some(self.fingerprint.dimension))
            .await?;
        let whole = vectors.pop().ok_or_else(|| EmbedError::BadAnswer {
            url: self.endpoint.clone(),
            reason: "no vector".to_owned(),
        })?;
        Ok(QueryVectors {
            whole,
            tokens: Vec::new(),
        })
    }
}
