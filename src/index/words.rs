//! The words of the chunks, one bit a value, for late interaction: each token of a question looks
//! for the word of a chunk that is nearest to it, and the chunk's score is the mean of what they
//! find (MaxSim of Khattab and Zaharia, "ColBERT", 2020).
//!
//! Only a few chunks of a question are looked at in this way, so that the codes stay in their file.

use std::path::Path;

use rten_simd::{Isa, SimdOp};

use super::IndexError;
use super::quantised::{LARGEST_BYTE, product, to_byte};
use super::stored::{Front, Groups, StoredBytes};
use crate::model::{UnitVector, WordCodes};

pub(super) const MAGIC: [u8; 8] = *b"WWWORD01";

/// Where the words of all rows lie.
#[derive(Debug)]
pub struct WordVectors {
    groups: Groups,
    /// The codes; none where no row has words.
    codes: Option<StoredBytes>,
}

impl WordVectors {
    /// As many rows without words.
    pub fn none(rows: usize) -> Self {
        Self {
            groups: Groups::of(0, std::iter::repeat_n(0, rows)),
            codes: None,
        }
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.groups.len()
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Opens a file without reading the codes. The file: magic, dimension, rows, words (little-endian
    /// `u32`), the rows' offsets (`u32`, in words), the codes.
    pub fn open(path: &Path) -> Result<Self, IndexError> {
        let mut file = Front::open(path, MAGIC)?;
        let groups = Groups::read(&mut file)?;
        let words = groups.vectors();
        let codes = file.rest((words * WordCodes::bytes_per_word(groups.dimension)) as u64)?;
        Ok(Self {
            groups,
            codes: (words > 0).then_some(codes),
        })
    }

    /// The codes of a row's words; none where it has no words or there is no such row.
    pub fn codes(&self, row: u32) -> Result<WordCodes, IndexError> {
        let Some(codes) = &self.codes else {
            return Ok(WordCodes::default());
        };
        let words = self.groups.of_row(row);
        let per_word = WordCodes::bytes_per_word(self.groups.dimension);
        let bytes = codes.read((words.start * per_word) as u64, words.len() * per_word)?;
        Ok(WordCodes::from_bytes(bytes.into_owned()))
    }

    /// How many words a row has.
    pub fn count(&self, row: u32) -> usize {
        self.groups.of_row(row).len()
    }

    /// How well a row meets the tokens of a question: the mean over the tokens, by their weight, of
    /// the cosine with the nearest word. `None` for a row without words, and where the question has
    /// no tokens.
    pub fn meet(&self, query: &QueryTokens, row: u32) -> Result<Option<f32>, IndexError> {
        if !query.asks_for(self.groups.dimension) {
            return Ok(None);
        }
        Ok(meet(query, self.codes(row)?))
    }
}

/// How well words meet the tokens of a question of the same dimension; `None` without words.
pub(super) fn meet(query: &QueryTokens, codes: WordCodes) -> Option<f32> {
    (!codes.is_empty()).then(|| MaxSim { query, codes }.dispatch())
}

/// The tokens of a question in bytes, and what each weighs.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct QueryTokens {
    dimension: usize,
    /// All tokens one behind the other, each with zeros up to a multiple of eight.
    bytes: Vec<i8>,
    /// What a product with a word's signs is to be multiplied with to be a cosine, by token.
    scales: Vec<f32>,
    /// What each counts.
    weights: Vec<f32>,
}

impl QueryTokens {
    /// Rounds tokens to bytes; each counts 1.
    pub fn of(tokens: &[UnitVector]) -> Self {
        let mut query = Self {
            dimension: tokens.first().map_or(0, UnitVector::dimension),
            ..Self::default()
        };
        let signs = 1.0 / (query.dimension as f32).sqrt();
        for token in tokens {
            let values = token.as_slice();
            let largest = values
                .iter()
                .fold(f32::MIN_POSITIVE, |largest, value| largest.max(value.abs()));
            let scale = largest / LARGEST_BYTE;
            query
                .bytes
                .extend(values.iter().map(|value| to_byte(*value, scale)));
            let whole = query.bytes.len().next_multiple_of(8);
            query.bytes.resize(whole, 0);
            query.scales.push(scale * signs);
            query.weights.push(1.0);
        }
        query
    }

    /// Whether there is something to be met by words of this dimension.
    pub(super) fn asks_for(&self, dimension: usize) -> bool {
        !self.weights.is_empty() && self.dimension == dimension
    }

    /// How many bytes a token takes, and a word with its signs written out.
    fn padded_length(&self) -> usize {
        self.dimension.next_multiple_of(8)
    }

    /// Bytes in memory.
    pub fn bytes(&self) -> usize {
        self.bytes.len() + 4 * (self.scales.len() + self.weights.len())
    }

    /// These and those of `other`, which count `weight` times what they do alone.
    #[must_use]
    pub fn with(mut self, other: &Self, weight: f32) -> Self {
        if self.dimension == other.dimension {
            self.bytes.extend_from_slice(&other.bytes);
            self.scales.extend_from_slice(&other.scales);
            self.weights
                .extend(other.weights.iter().map(|own| own * weight));
        }
        self
    }
}

/// The score of one row.
struct MaxSim<'a> {
    query: &'a QueryTokens,
    codes: WordCodes,
}

impl SimdOp for MaxSim<'_> {
    type Output = f32;

    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "only what is inlined is compiled for the dispatched instructions"
    )]
    fn eval<I: Isa>(self, _: I) -> f32 {
        let length = self.query.padded_length();
        let words = signs(&self.codes);
        let tokens = self.query.bytes.chunks_exact(length);
        let (mut sum, mut weight) = (0.0, 0.0);
        for ((token, scale), counts) in tokens.zip(&self.query.scales).zip(&self.query.weights) {
            let best = words
                .chunks_exact(length)
                .map(|word| product(token, word))
                .max();
            sum += counts * scale * best.unwrap_or(0) as f32;
            weight += counts;
        }
        sum / weight
    }
}

/// Codes as bytes of 1 and -1; what fills the last byte of a word is -1.
#[inline(always)]
#[expect(clippy::inline_always, reason = "see `MaxSim`")]
fn signs(codes: &WordCodes) -> Vec<i8> {
    let codes = codes.as_bytes();
    let mut signs = vec![0; codes.len() * 8];
    for (eight, code) in signs.as_chunks_mut().0.iter_mut().zip(codes) {
        *eight = SIGNS[usize::from(*code)];
    }
    signs
}

/// The eight signs of each byte, the lowest bit first.
static SIGNS: [[i8; 8]; 256] = {
    let mut table = [[-1; 8]; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut bit = 0;
        while bit < 8 {
            if byte >> bit & 1 == 1 {
                table[byte][bit] = 1;
            }
            bit += 1;
        }
        byte += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::super::directions;
    use super::super::part_writer::{PackedVectors, PartFiles, PartWriter};
    use super::*;
    use crate::model::dot;

    const DIMENSION: usize = 52;

    fn rows() -> Vec<Vec<UnitVector>> {
        (0..6)
            .map(|row| directions(row, DIMENSION, 11 + row as u64))
            .collect()
    }

    fn written() -> (tempfile::TempDir, PathBuf) {
        let directory = tempfile::tempdir().unwrap();
        let files = PartFiles {
            vectors: directory.path().join("vectors.bin"),
            spans: directory.path().join("spans.bin"),
            words: directory.path().join("words.bin"),
        };
        let path = files.words.clone();
        let mut writer = PartWriter::create(files, DIMENSION).unwrap();
        let whole = directions(1, DIMENSION, 1).remove(0);
        for row in rows() {
            let packed = PackedVectors::of(&whole, &[], WordCodes::of(&row));
            writer.push(&packed).unwrap();
        }
        writer.finish().unwrap();
        (directory, path)
    }

    /// The cosine of a full vector with the signs of another.
    fn nearness(token: &UnitVector, word: &UnitVector) -> f32 {
        let signs: Vec<f32> = word
            .as_slice()
            .iter()
            .map(|value| if *value >= 0.0 { 1.0 } else { -1.0 })
            .collect();
        dot(token.as_slice(), &signs) / (DIMENSION as f32).sqrt()
    }

    #[test]
    fn a_row_scores_the_mean_of_what_each_token_finds() {
        let (_directory, path) = written();
        let words = WordVectors::open(&path).unwrap();
        assert_eq!(words.len(), 6);
        let (tokens, before) = (directions(3, DIMENSION, 5), directions(2, DIMENSION, 6));
        let query = QueryTokens::of(&tokens).with(&QueryTokens::of(&before), 0.5);
        let found = [0, 3, 5, 9].map(|row| words.meet(&query, row).unwrap());
        assert_eq!((found[0], found[3]), (None, None), "no words, no row");
        for (position, row) in [(1, 3), (2, 5)] {
            let best = |token: &UnitVector| {
                rows()[row]
                    .iter()
                    .map(|word| nearness(token, word))
                    .fold(f32::MIN, f32::max)
            };
            let now: f32 = tokens.iter().map(best).sum();
            let earlier: f32 = before.iter().map(best).sum();
            let expected = (now + 0.5 * earlier) / 4.0;
            let score = found[position].unwrap();
            assert!((score - expected).abs() < 0.01, "{score}, not {expected}");
        }
        let other = QueryTokens::of(&directions(1, DIMENSION + 1, 5));
        assert_eq!(words.meet(&other, 3).unwrap(), None);
        assert_eq!(words.meet(&QueryTokens::of(&[]), 3).unwrap(), None);
    }

    #[test]
    fn codes_come_back_and_a_cut_file_is_refused() {
        let (_directory, path) = written();
        let words = WordVectors::open(&path).unwrap();
        for (row, vectors) in (0_u32..).zip(rows()) {
            assert_eq!(words.codes(row).unwrap(), WordCodes::of(&vectors));
        }
        assert!(words.codes(6).unwrap().is_empty());
        assert!(WordVectors::none(2).codes(1).unwrap().is_empty());
        let bytes = fs_err::read(&path).unwrap();
        for length in 0..bytes.len() {
            fs_err::write(&path, &bytes[..length]).unwrap();
            assert!(WordVectors::open(&path).is_err(), "cut to {length} bytes");
        }
    }
}
