//! Digests over the rows of each table, so that what was published is known again.

/// One for each table, in lower-case hex.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Digests {
    /// Records of documents, and the lengths of their texts.
    pub(super) documents: String,
    /// Texts as they are stored.
    pub(super) texts: String,
    /// Records of chunks.
    pub(super) chunks: String,
    /// Exact vectors, sentences and words.
    pub(super) exact: String,
    /// Terms, and in how many rows they stand: what a server reads of the postings.
    pub(super) terms: String,
    /// Where they stand, and what they are worth there.
    pub(super) postings: String,
}

/// BLAKE3 over values, each behind its length.
#[derive(Default)]
pub(super) struct Running(blake3::Hasher);

impl Running {
    pub(super) fn add(&mut self, bytes: &[u8]) {
        self.0.update(&(bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
    }

    pub(super) fn count(&mut self, count: usize) {
        self.add(&(count as u64).to_le_bytes());
    }

    pub(super) fn number(&mut self, number: i64) {
        self.add(&number.to_le_bytes());
    }

    pub(super) fn numbers(&mut self, numbers: &[i32]) {
        self.count(numbers.len());
        for number in numbers {
            self.0.update(&number.to_le_bytes());
        }
    }

    pub(super) fn values(&mut self, values: &[f32]) {
        self.count(values.len());
        for value in values {
            self.0.update(&value.to_le_bytes());
        }
    }

    pub(super) fn hex(&self) -> String {
        self.0.finalize().to_hex().to_string()
    }
}
