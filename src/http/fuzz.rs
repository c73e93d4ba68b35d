//! What this module reads of clients, for `fuzzing`.

use super::{encoding, json};

/// Deep enough for what is written to be read again.
const MAX_DEPTH: usize = 900;

/// A JSON body in any encoding.
///
/// # Panics
/// When what was read cannot be written and read again.
pub fn body(bytes: &[u8]) {
    let Some(text) = encoding::decode(bytes) else {
        return;
    };
    if let Ok(value) = json::parse(&text, MAX_DEPTH) {
        let again = json::parse(&value.to_string(), MAX_DEPTH);
        assert!(again.is_ok(), "{value}: {again:?}");
    }
}
