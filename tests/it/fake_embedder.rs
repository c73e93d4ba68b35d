//! A double of an embedder, for the tests here and for those inside the library.

use async_trait::async_trait;
use wattwise::embed::{EmbedError, Embedder, Passage, PassageVectors, QueryVectors};
use wattwise::model::{EmbedderFingerprint, UnitVector, WordCodes};

/// An embedder that hashes words into 64 directions: equal words give near vectors. Stricter than
/// the real ones: it refuses spans that leave their text.
pub(crate) struct HashEmbedder {
    fingerprint: EmbedderFingerprint,
}

impl HashEmbedder {
    pub(crate) fn named(model: &str) -> Self {
        Self {
            fingerprint: EmbedderFingerprint {
                adapter: "test".to_owned(),
                model: model.to_owned(),
                digest: None,
                dimension: 64,
                pooling: "sum".to_owned(),
                document_prefix: String::new(),
                query_prefix: String::new(),
            },
        }
    }

    fn vector(text: &str) -> Result<UnitVector, EmbedError> {
        if text.trim().is_empty() {
            return Err(EmbedError::BlankText);
        }
        let mut values = vec![-0.01_f32; 64];
        for word in text
            .to_lowercase()
            .split(|c: char| !c.is_alphanumeric())
            .filter(|word| !word.is_empty())
        {
            let hash = blake3::hash(word.as_bytes());
            values[usize::from(hash.as_bytes()[0]) % 64] += 1.0;
            values[usize::from(hash.as_bytes()[1]) % 64] += 0.5;
        }
        UnitVector::normalize(values).map_err(|error| EmbedError::Inference(error.to_string()))
    }
}

#[async_trait]
impl Embedder for HashEmbedder {
    fn fingerprint(&self) -> &EmbedderFingerprint {
        &self.fingerprint
    }

    fn count_tokens(&self, text: &str) -> usize {
        text.split_whitespace().count()
    }

    fn max_tokens(&self) -> usize {
        256
    }

    async fn embed_passages(
        &self,
        passages: Vec<Passage>,
    ) -> Result<Vec<PassageVectors>, EmbedError> {
        passages
            .into_iter()
            .map(|passage| {
                let spans = passage
                    .spans
                    .iter()
                    .map(|span| Self::vector(&passage.text[span.clone()]));
                let words = passage
                    .words
                    .iter()
                    .map(|word| Self::vector(&passage.text[word.clone()]));
                Ok(PassageVectors {
                    whole: Self::vector(&passage.text)?,
                    spans: spans.collect::<Result<_, _>>()?,
                    words: WordCodes::of(&words.collect::<Result<Vec<_>, _>>()?),
                })
            })
            .collect()
    }

    async fn embed_query(&self, text: &str) -> Result<QueryVectors, EmbedError> {
        let tokens = text.split_whitespace();
        Ok(QueryVectors {
            whole: Self::vector(text)?,
            tokens: tokens.map(Self::vector).collect::<Result<_, _>>()?,
        })
    }
}
