//! Embeddings from an Ollama server, through `ollama-rs`.

use async_trait::async_trait;
use ollama_rs::Ollama;
use ollama_rs::error::OllamaError;
use ollama_rs::generation::embeddings::request::{EmbeddingsInput, GenerateEmbeddingsRequest};
use url::Url;

use super::remote::{self, BATCH, CONNECT_TIMEOUT, REQUEST_TIMEOUT};
use super::{EmbedError, Embedder, Passage, PassageVectors, QueryVectors, tokens};
use crate::model::{EmbedderFingerprint, UnitVector};

/// How to reach the model.
#[derive(Debug, Clone)]
pub struct OllamaOptions {
    /// Base address, such as `http://127.0.0.1:11434/`.
    pub url: Url,
    /// Name of the model, such as `nomic-embed-text`.
    pub model: String,
}

/// A model behind Ollama's `/api/embed`.
pub struct OllamaEmbedder {
    client: Ollama,
    url: String,
    fingerprint: EmbedderFingerprint,
}

impl OllamaEmbedder {
    /// Connects and asks for one vector, which proves that server and model are there and tells the
    /// dimension.
    pub async fn connect(options: OllamaOptions) -> Result<Self, EmbedError> {
        let mut url = options.url;
        // `ollama-rs` joins paths by appending, so the base must end in a slash.
        if !url.path().ends_with('/') {
            url.set_path(&format!("{}/", url.path()));
        }
        let http = reqwest012::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(REQUEST_TIMEOUT)
            .build()
            .map_err(|error| EmbedError::Unreachable {
                url: url.to_string(),
                reason: error.to_string(),
            })?;
        let (document_prefix, query_prefix) = prefixes(&options.model);
        let mut embedder = Self {
            client: Ollama::builder()
                .url(url.clone())
                .reqwest_client(http)
                .build(),
            url: url.to_string(),
            fingerprint: EmbedderFingerprint {
                adapter: "ollama".to_owned(),
                model: options.model,
                digest: None,
                dimension: 0,
                pooling: "server".to_owned(),
                document_prefix: document_prefix.to_owned(),
                query_prefix: query_prefix.to_owned(),
            },
        };
        embedder.fingerprint.dimension =
            embedder.request(vec!["dimension".to_owned()], None).await?[0].dimension();
        Ok(embedder)
    }

    async fn request(
        &self,
        texts: Vec<String>,
        dimension: Option<usize>,
    ) -> Result<Vec<UnitVector>, EmbedError> {
        let count = texts.len();
        let request = GenerateEmbeddingsRequest::new(
            self.fingerprint.model.clone(),
            EmbeddingsInput::Multiple(texts),
        )
        .truncate(true);
        let response = self
            .client
            .generate_embeddings(request)
            .await
            .map_err(|error| self.explain(&error))?;
        remote::check(&self.url, count, dimension, response.embeddings)
    }

    fn explain(&self, error: &OllamaError) -> EmbedError {
        let url = self.url.clone();
        match error {
            OllamaError::ReqwestError(source) => EmbedError::Unreachable {
                url,
                reason: innermost(source).to_string(),
            },
            OllamaError::JsonError(source) => EmbedError::BadAnswer {
                url,
                reason: source.to_string(),
            },
            OllamaError::Other(reply) if reply.contains("not found") => EmbedError::Refused {
                url,
                reason: format!(
                    "it has no model {0}; run `ollama pull {0}`",
                    self.fingerprint.model
                ),
            },
            OllamaError::Other(_)
            | OllamaError::InternalError(_)
            | OllamaError::ToolCallError(_) => EmbedError::Refused {
                url,
                reason: error.to_string(),
            },
        }
    }
}

fn innermost<'a>(
    error: &'a (dyn std::error::Error + 'static),
) -> &'a (dyn std::error::Error + 'static) {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause
}

/// Task prefixes that a model family was trained with; without them its vectors are worse.
fn prefixes(model: &str) -> (&'static str, &'static str) {
    let family = model.rsplit('/').next().unwrap_or(model);
    if family.starts_with("nomic-embed") {
        ("search_document: ", "search_query: ")
    } else if family.starts_with("mxbai-embed") || family.starts_with("snowflake-arctic-embed") {
        (
            "",
            "Represent this sentence for searching relevant passages: ",
        )
    } else {
        ("", "")
    }
}

#[async_trait]
impl Embedder for OllamaEmbedder {
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
        let texts = remote::prefixed(&self.fingerprint.document_prefix, passages)?;
        let mut vectors = Vec::with_capacity(texts.len());
        for batch in texts.chunks(BATCH) {
            vectors.extend(
                self.request(batch.to_vec(), Some(self.fingerprint.dimension))
                    .await?,
            );
        }
        Ok(remote::without_spans(vectors))
    }

    async fn embed_query(&self, text: &str) -> Result<QueryVectors, EmbedError> {
        let passage = Passage::whole(text);
        let texts = remote::prefixed(&self.fingerprint.query_prefix, vec![passage])?;
        let mut vectors = self
            .request(texts, Some(self.fingerprint.dimension))
            .await?;
        let whole = vectors.pop().ok_or_else(|| EmbedError::BadAnswer {
            url: self.url.clone(),
            reason: "no vector".to_owned(),
        })?;
        Ok(QueryVectors {
            whole,
            tokens: Vec::new(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_families_that_want_prefixes_get_them() {
        assert_eq!(prefixes("nomic-embed-text").0, "search_document: ");
        assert_eq!(
            prefixes("library/nomic-embed-text:v1.5").1,
            "search_query: "
        );
        assert_eq!(prefixes("all-minilm"), ("", ""));
    }
}
