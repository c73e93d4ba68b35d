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
static NETWORK: &[u8] = include_bytes!("../../../data/embedder/model.safetensors");
/// Name and digest of the two; the test below computes the digest.
const SHIPPED: (&str, &str) = (
    "all-MiniLM-L6-v2-per-token",
    "241dc85e22cffd071e5981eac92969ff4f045ad28ab23178cccc28eb31c4be5e",
);

/// A network and its tokenizer.
pub struct ModelFiles {
    /// What the model is called: the name of its directory.
    pub name: String,
    /// SHA-256 of both files' digests together, as lower-case hex.
    pub digest: String,
    /// The network.
    pub(super) network: NetworkFile,
    /// The tokenizer, in the JSON format of the `tokenizers` library.
    pub(super) tokenizer: Cow<'static, [u8]>,
    /// Where they came from, for error messages; empty for those in the program.
    pub(super) directory: PathBuf,
}

pub(super) enum NetworkFile {
    /// For [`crate::encoder`].
    Shipped(&'static [u8]),
    /// In ONNX format.
    Onnx(Vec<u8>),
}

impl ModelFiles {
    /// The model in the program.
    pub fn shipped() -> Self {
        Self {
            name: SHIPPED.0.to_owned(),
            digest: SHIPPED.1.to_owned(),
            network: NetworkFile::Shipped(NETWORK),
            tokenizer: Cow::Borrowed(TOKENIZER),
            directory: PathBuf::new(),
        }
    }

    /// Reads `model.onnx` and `tokenizer.json` of `directory`, whatever model it is: the digest tells it from others.
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
            network: NetworkFile::Onnx(network),
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
            "42bcda8852e0663ac1bd5b03b194a959527b8d1af9a81444b03b3327e4801a72"
        );
    }
}
