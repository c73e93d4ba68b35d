//! Vectors of single words, one bit a value.

use super::UnitVector;

/// The directions of a passage's words, each kept as the signs of its values.
///
/// For two vectors whose values are spread evenly the share of equal signs tells the angle between
/// them (Charikar, "Similarity estimation techniques from rounding algorithms", 2002). Compared with
/// a vector that is kept in full, as a question's are, little is lost: 384 values need 48 bytes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WordCodes {
    bytes: Vec<u8>,
}

impl WordCodes {
    /// Keeps the signs of all values of each word, in order.
    pub fn of<'a>(words: impl IntoIterator<Item = &'a UnitVector>) -> Self {
        let mut bytes = Vec::new();
        for word in words {
            for values in word.as_slice().chunks(8) {
                let signs = values.iter().enumerate();
                bytes.push(signs.fold(0, |byte, (bit, value)| {
                    byte | (u8::from(*value >= 0.0) << bit)
                }));
            }
        }
        Self { bytes }
    }

    /// Codes as they lie in a file.
    pub fn from_bytes(bytes: Vec<u8>) -> Self {
        Self { bytes }
    }

    /// The codes one behind the other, each of [`Self::bytes_per_word`].
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Whether there are no words.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// How many bytes a word of `dimension` values takes.
    pub fn bytes_per_word(dimension: usize) -> usize {
        dimension.div_ceil(8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_the_signs_of_its_values() {
        let word = |values: &[f32]| UnitVector::normalize(values.to_vec()).unwrap();
        let words = [
            word(&[1.0, -1.0, 1.0, 1.0, -1.0, -1.0, -1.0, 1.0, 0.5]),
            word(&[-1.0; 9]),
        ];
        let codes = WordCodes::of(&words);
        assert_eq!(codes.as_bytes(), [0b1000_1101, 1, 0, 0]);
        assert_eq!(WordCodes::bytes_per_word(9), 2);
        assert_eq!(WordCodes::from_bytes(codes.as_bytes().to_vec()), codes);
        assert!(WordCodes::of([]).is_empty());
    }
}
