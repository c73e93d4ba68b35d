//! The model's files: those in the program, or a directory's.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::embed::EmbedError;

/// The `WordPiece` vocabulary of all-MiniLM-L6-v2, in the JSON format of the `tokenizers` library.
static TOKENIZER: &[u8] = include_bytes!("../../../data/embedder/tokenizer.json");
/// Made by `scripts/embedder/make_model.py`.
static NETWORK: &[u8] = include_bytes!("../../../data/embedder/model.onnx");
/// Name and digest of the two; the test below computes the digest.
const SHIPPED: (&str, &str) = (
    "all-MiniLM-L6-v2-per-token",
    "109159d34e3ce71154752222b1cfec1e23897de0c8c94ae0f470c8695aabeddf",
);

/// The bytes of a model: `model.onnx` and `tokenizer.json`.
pub struct ModelFiles {
    /// What the model is called: the name of its directory.
    pub name: String,
    /// SHA-256 of both files' digests together, as lower-case hex.
    pub digest: String,
    /// The network, in ONNX format.
    pub network: Cow<'static, [u8]>,
    /// The tokenizer, in the JSON format of the `tokenizers` library.
    pub tokenizer: Cow<'static, [u8]>,
    /// Where they came from, for error messages; empty for those in the program.
    pub(super) directory: PathBuf,
}

impl ModelFiles {
    /// The model in the program.
    pub fn shipped() -> Self {
        Self {
            name: SHIPPED.0.to_owned(),
            digest: SHIPPED.1.to_owned(),
            network: Cow::Borrowed(NETWORK),
            tokenizer: Cow::Borrowed(TOKENIZER),
            directory: PathBuf::new(),
        }
    }

    /// Reads both files of `directory`, whatever model it is: the digest tells it from others.
    pub fn read(directory: &Path) -> Result<Self, EmbedError> {
        let name = directory.file_name().map_or_else(
            || "model".to_owned(),
            |name| name.to_string_lossy().into_owned(),
        );
        let network = read(&directory.join("model.onnx"))?;
        let tokenizer = read(&directory.join("tokenizer.json"))?;
        Ok(Self {
            name,
            digest: digest(&network, &tokenizer),
            network: Cow::Owned(network),
            tokenizer: Cow::Owned(tokenizer),
            directory: directory.to_owned(),
        })
    }
}

fn read(path: &Path) -> Result<Vec<u8>, EmbedError> {
    fs_err::read(path).map_err(|error| {
        let path = path.to_owned();
        if error.kind() == io::ErrorKind::NotFound {
            EmbedError::ModelMissing { path }
        } else {
            let reason = error.to_string();
            EmbedError::ModelUnusable { path, reason }
        }
    })
}

fn digest(network: &[u8], tokenizer: &[u8]) -> String {
    let mut whole = Sha256::new();
    for file in [network, tokenizer] {
        whole.update(hex(&Sha256::digest(file)).as_bytes());
    }
    hex(&whole.finalize())
}

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            write!(text, "{byte:02x}").expect("writing to a string cannot fail");
            text
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_model_names_the_file_and_the_mend() {
        let directory = tempfile::tempdir().unwrap();
        let error = ModelFiles::read(directory.path())
            .err()
            .expect("nothing is there")
            .to_string();
        assert!(
            error.contains("model.onnx") && error.contains("--model-dir"),
            "{error}"
        );
    }

    #[test]
    fn the_model_in_the_program_is_told_by_its_digest() {
        assert_eq!(digest(NETWORK, TOKENIZER), SHIPPED.1);
        assert_eq!(
            hex(&Sha256::digest(NETWORK)),
            "0f14863a2cf39a7f5e29dba79ecbd073e8009c8144573b7874f547e2e1ca1655"
        );
    }
}
