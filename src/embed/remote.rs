//! What the adapters for embedding servers share.

use std::time::Duration;

use super::{EmbedError, Passage, PassageVectors};
use crate::model::{UnitVector, WordCodes};

/// How long connecting to an embedding server may take.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long one batch may take. A large model on a small machine needs its time.
pub(super) const REQUEST_TIMEOUT: Duration = Duration::from_mins(2);
/// Texts in one request.
pub(super) const BATCH: usize = 32;

/// Refuses blank texts and puts `prefix` in front of the others.
pub(super) fn prefixed(prefix: &str, passages: Vec<Passage>) -> Result<Vec<String>, EmbedError> {
    passages
        .into_iter()
        .map(|passage| {
            if passage.text.trim().is_empty() {
                Err(EmbedError::BlankText)
            } else {
                Ok(format!("{prefix}{}", passage.text))
            }
        })
        .collect()
}

/// Checks what a server sent: as many vectors as texts, all of one dimension, all with a direction.
pub(super) fn check(
    url: &str,
    expected_count: usize,
    expected_dimension: Option<usize>,
    vectors: Vec<Vec<f32>>,
) -> Result<Vec<UnitVector>, EmbedError> {
    let bad = |reason: String| EmbedError::BadAnswer {
        url: url.to_owned(),
        reason,
    };
    if vectors.len() != expected_count {
        return Err(bad(format!(
            "{} vectors for {expected_count} texts",
            vectors.len()
        )));
    }
    let dimension = expected_dimension
        .or_else(|| vectors.first().map(Vec::len))
        .unwrap_or(0);
    vectors
        .into_iter()
        .map(|vector| {
            if vector.is_empty() || vector.len() != dimension {
                return Err(bad(format!(
                    "a vector of {} values where {dimension} were expected",
                    vector.len()
                )));
            }
            UnitVector::normalize(vector).map_err(|error| bad(error.to_string()))
        })
        .collect()
}

/// Vectors from a server that shows no token vectors.
pub(super) fn without_spans(vectors: Vec<UnitVector>) -> Vec<PassageVectors> {
    vectors
        .into_iter()
        .map(|whole| PassageVectors {
            whole,
            spans: Vec::new(),
            words: WordCodes::default(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_count_dimension_or_value_is_named() {
        let refused = |count, vectors| {
            check("http://x", count, Some(2), vectors)
                .unwrap_err()
                .to_string()
        };
        assert!(refused(2, vec![vec![1.0, 0.0]]).contains("1 vectors for 2 texts"));
        assert!(refused(1, vec![vec![1.0]]).contains("1 values where 2"));
        assert!(refused(1, vec![vec![0.0, 0.0]]).contains("no length"));
        assert!(refused(1, vec![vec![f32::NAN, 0.0]]).contains("not finite"));
    }
}
