//! The file that names the live generation.

use std::path::Path;

use super::SnapshotError;
use super::synced::io;
use crate::model::GenerationId;
use crate::runtime::files;

/// Its name.
pub(super) const CURRENT: &str = "CURRENT";
/// An id has 36 bytes; a file of more than this is none of ours. One that comes from an object store
/// also names the generations before.
const MOST_BYTES: u64 = 64 << 10;

/// The live generation's id. [`SnapshotError::Missing`] when nothing has been published.
pub fn read(index: &Path) -> Result<GenerationId, SnapshotError> {
    let path = index.join(CURRENT);
    let text = match files::read_text(&path, MOST_BYTES) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(SnapshotError::Missing {
                directory: index.to_owned(),
            });
        }
        Err(error) => return Err(io("read", &path)(error)),
    };
    let first = text.lines().next().unwrap_or_default();
    GenerationId::parse(first.trim()).ok_or_else(|| SnapshotError::Damaged {
        generation: "unknown".to_owned(),
        file: CURRENT.to_owned(),
        reason: "it names no generation".to_owned(),
    })
}
