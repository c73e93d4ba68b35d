//! The vectors of one row as bytes that can lie anywhere, and what a question asks of them.

use super::part_writer::PackedVectors;
use super::spans::product;
use super::words::{self, QueryTokens};
use crate::model::{UnitVector, WordCodes};

impl PackedVectors {
    /// The values of the whole row's vector.
    pub fn vector(&self) -> &[f32] {
        &self.whole
    }

    /// The values of the whole row's vector, each a little-endian `f32`.
    pub fn vector_bytes(&self) -> Vec<u8> {
        to_bytes(&self.whole)
    }

    /// The sentences: their scales (little-endian `f32`), then their values (signed bytes).
    pub fn sentence_bytes(&self) -> Vec<u8> {
        let mut bytes = to_bytes(&self.scales);
        bytes.extend_from_slice(&self.spans);
        bytes
    }

    /// The codes of the words.
    pub fn word_bytes(&self) -> &[u8] {
        self.words.as_bytes()
    }

    /// Reads what the three methods above gave; `None` where the lengths fit no row of `dimension`
    /// values. The sentences and words may be empty.
    pub fn from_bytes(
        dimension: usize,
        vector: &[u8],
        sentences: &[u8],
        words: &[u8],
    ) -> Option<Self> {
        let per_sentence = dimension + 4;
        let fits = dimension > 0
            && vector.len() == 4 * dimension
            && sentences.len().is_multiple_of(per_sentence)
            && words
                .len()
                .is_multiple_of(WordCodes::bytes_per_word(dimension));
        if !fits {
            return None;
        }
        let (scales, spans) = sentences.split_at(4 * (sentences.len() / per_sentence));
        Some(Self {
            whole: to_values(vector),
            scales: to_values(scales),
            spans: spans.to_vec(),
            words: WordCodes::from_bytes(words.to_vec()),
        })
    }

    /// The cosines of `query` with each sentence, in order; none where there are no sentences or the
    /// query has another dimension.
    pub fn sentence_cosines(&self, query: &UnitVector) -> Vec<f32> {
        if query.dimension() != self.whole.len() {
            return Vec::new();
        }
        self.scales
            .iter()
            .zip(self.spans.chunks_exact(self.whole.len()))
            .map(|(scale, bytes)| scale * product(bytes, query.as_slice()))
            .collect()
    }

    /// How well the words meet the tokens of a question; `None` without words, and where the question
    /// has no tokens of this dimension.
    pub fn meet(&self, query: &QueryTokens) -> Option<f32> {
        if query.asks_for(self.whole.len()) {
            words::meet(query, self.words.clone())
        } else {
            None
        }
    }

    /// Bytes in memory.
    pub fn bytes(&self) -> usize {
        size_of::<Self>()
            + 4 * (self.whole.len() + self.scales.len())
            + self.spans.len()
            + self.words.as_bytes().len()
    }
}

fn to_bytes(values: &[f32]) -> Vec<u8> {
    values
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect()
}

fn to_values(bytes: &[u8]) -> Vec<f32> {
    let values = bytes.as_chunks::<4>().0.iter();
    values.map(|value| f32::from_le_bytes(*value)).collect()
}

#[cfg(test)]
mod tests {
    use super::super::directions;
    use super::*;

    #[test]
    fn a_row_comes_back_from_its_bytes_and_nothing_else_does() {
        let all = directions(4, 16, 3);
        let words = WordCodes::from_bytes(vec![0b1010_0101, 3, 0, 255]);
        let row = PackedVectors::of(&all[0], &all[1..3], words);
        let (vector, sentences) = (row.vector_bytes(), row.sentence_bytes());
        let read =
            |dimension| PackedVectors::from_bytes(dimension, &vector, &sentences, row.word_bytes());
        assert_eq!(read(16).as_ref(), Some(&row));
        assert!(read(8).is_none() && read(0).is_none());
        let cosines = row.sentence_cosines(&all[1]);
        assert!(cosines.len() == 2 && cosines[0] > 0.99, "{cosines:?}");
        assert!(row.sentence_cosines(&directions(1, 3, 1)[0]).is_empty());
        assert!(row.meet(&QueryTokens::of(&all[3..])).is_some());
        assert!(row.meet(&QueryTokens::default()).is_none());
    }
}
