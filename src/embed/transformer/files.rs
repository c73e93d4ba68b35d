//! The model's files and the proof that they are the right ones.

use std::fmt::Write as _;
use std::io;
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::embed::EmbedError;

/// Name of the model that `make model` fetches.
pub const DEFAULT_MODEL_NAME: &str = "all-MiniLM-L6-v2-int8";

/// The pinned files of the default model: name and SHA-256.
const PINNED: [(&str, &str); 2] = [
    (
        "model.onnx",
        "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6",
    ),
    (
        "tokenizer.json",
        "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
    ),
];

/// The bytes of a model directory: `model.onnx` and `tokenizer.json`.
pub struct ModelFiles {
    /// The directory's name.
    pub name: String,
    /// SHA-256 of both files together, as lower-case hex.
    pub digest: String,
    /// The network, in ONNX format.
    pub network: Vec<u8>,
    /// The tokenizer, in the JSON format of the `tokenizers` library.
    pub tokenizer: Vec<u8>,
    /// Where they came from, for error messages.
    pub(super) directory: std::path::PathBuf,
}

impl ModelFiles {
    /// Reads both files of `directory`. A directory with the default model's name must hold exactly
    /// the pinned bytes.
    pub fn read(directory: &Path) -> Result<Self, EmbedError> {
        let name = directory.file_name().map_or_else(
            || "model".to_owned(),
            |name| name.to_string_lossy().into_owned(),
        );
        let is_pinned = name == DEFAULT_MODEL_NAME;
        let mut whole = Sha256::new();
        let [network, tokenizer] = PINNED.map(|(file, expected)| {
            let path = directory.join(file);
            let bytes = fs_err::read(&path).map_err(|error| {
                if error.kind() == io::ErrorKind::NotFound {
                    EmbedError::ModelMissing { path: path.clone() }
                } else {
                    EmbedError::ModelUnusable {
                        path: path.clone(),
                        reason: error.to_string(),
                    }
                }
            })?;
            let found = hex(&Sha256::digest(&bytes));
            if is_pinned && found != expected {
                return Err(EmbedError::ModelAltered {
                    path,
                    expected: expected.to_owned(),
                    found,
                });
            }
            whole.update(found.as_bytes());
            Ok(bytes)
        });
        Ok(Self {
            name,
            digest: hex(&whole.finalize()),
            network: network?,
            tokenizer: tokenizer?,
            directory: directory.to_owned(),
        })
    }
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
    fn a_missing_model_names_the_file_and_the_command() {
        let directory = tempfile::tempdir().unwrap();
        let error = ModelFiles::read(directory.path())
            .err()
            .expect("nothing is there")
            .to_string();
        assert!(
            error.contains("model.onnx") && error.contains("make model"),
            "{error}"
        );
    }

    #[test]
    fn an_altered_default_model_is_refused_with_both_digests() {
        let parent = tempfile::tempdir().unwrap();
        let directory = parent.path().join(DEFAULT_MODEL_NAME);
        fs_err::create_dir(&directory).unwrap();
        for (file, _) in PINNED {
            fs_err::write(directory.join(file), "something else").unwrap();
        }
        let error = ModelFiles::read(&directory)
            .err()
            .expect("altered")
            .to_string();
        assert!(
            error.contains(PINNED[0].1) && error.contains("make model"),
            "{error}"
        );
    }
}
