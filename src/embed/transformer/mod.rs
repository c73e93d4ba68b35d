//! The in-process sentence transformer: no daemon, no hub, no C or C++.
//!
//! The model in the program runs in [`crate::encoder`]; another one, of the BERT family and in ONNX
//! format, by its directory in `rten`. Pooling is ours: the mean of the token vectors (Reimers and Gurevych, "Sentence-BERT", 2019), scaled to unit length. The vector of a span is
//! the mean of its tokens' vectors after the whole passage went through the model ("late
//! chunking", Günther et al., 2024), so it costs no further pass; words get theirs in the same way.
//!
//! Worker threads own the inference; async callers hand them jobs through a bounded queue.

mod files;
mod network;
mod onnx;
mod workers;

use std::num::NonZeroUsize;
use std::sync::Arc;

use async_trait::async_trait;

pub use files::ModelFiles;

use self::network::Network;
use self::workers::Workers;
use super::{EmbedError, Embedder, Passage, PassageVectors, QueryVectors, TokenRule};
use crate::model::EmbedderFingerprint;

/// A sentence transformer in this process.
pub struct TransformerEmbedder {
    network: Arc<Network>,
    workers: Workers,
    fingerprint: EmbedderFingerprint,
}

impl TransformerEmbedder {
    /// Loads a model, [`ModelFiles::shipped`] or a directory's, and starts `threads` workers.
    pub fn open(files: ModelFiles, threads: NonZeroUsize) -> Result<Self, EmbedError> {
        let (model, digest) = (files.name.clone(), files.digest.clone());
        let network = Arc::new(Network::load(files)?);
        let fingerprint = EmbedderFingerprint {
            adapter: "in-process".to_owned(),
            model,
            digest: Some(digest),
            dimension: network.dimension()?,
            pooling: "mean".to_owned(),
            document_prefix: String::new(),
            query_prefix: String::new(),
        };
        let workers = Workers::start(&network, threads);
        Ok(Self {
            network,
            workers,
            fingerprint,
        })
    }
}

#[async_trait]
impl Embedder for TransformerEmbedder {
    fn fingerprint(&self) -> &EmbedderFingerprint {
        &self.fingerprint
    }

    fn count_tokens(&self, text: &str) -> usize {
        self.network.count_tokens(text)
    }

    fn token_rule(&self) -> TokenRule {
        self.network.token_rule()
    }

    fn max_tokens(&self) -> usize {
        network::MAX_TOKENS
    }

    async fn embed_passages(
        &self,
        passages: Vec<Passage>,
    ) -> Result<Vec<PassageVectors>, EmbedError> {
        self.workers.embed_all(passages).await
    }

    async fn embed_query(&self, text: &str) -> Result<QueryVectors, EmbedError> {
        self.workers.embed_query(text).await
    }
}
