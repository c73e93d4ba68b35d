//! What protects a run from one file of text.

use super::ExtractError;
use super::builder::DEFAULT_MAX_TEXT_BYTES;

/// A value with more bytes than this is running text rather than a field of a record.
pub(super) const LONG_VALUE: usize = 120;

/// What protects a run from one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Larger files are refused.
    pub max_bytes: usize,
    /// Text beyond this is cut, with a warning.
    pub max_text_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_bytes: 32 * 1024 * 1024,
            max_text_bytes: DEFAULT_MAX_TEXT_BYTES,
        }
    }
}

impl Limits {
    /// Refuses a file that is too large, before anything reads it.
    pub(super) fn check_size(&self, bytes: &[u8]) -> Result<(), ExtractError> {
        if bytes.len() > self.max_bytes {
            return Err(ExtractError::OverLimit(format!(
                "{} bytes, the limit is {}",
                bytes.len(),
                self.max_bytes
            )));
        }
        Ok(())
    }
}
