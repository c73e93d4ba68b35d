//! Generations that are whole but have never been live: a run ended before it published them, or
//! its gate refused them. A mark `<generation>.unpublished` lies beside each; text in it is the
//! reason of a refusal.

use std::path::{Path, PathBuf};

use super::synced::{io, write_synced};
use super::{SnapshotError, pointer};
use crate::model::GenerationId;
use crate::runtime::files;

const SUFFIX: &str = ".unpublished";

/// A reason is a line or two.
const MOST_BYTES: u64 = 1 << 20;

fn path(index: &Path, id: &GenerationId) -> PathBuf {
    index.join(format!("{id}{SUFFIX}"))
}

/// Marks a generation as unpublished; a refused one with the reason.
pub fn mark(index: &Path, id: &GenerationId, reason: &str) -> Result<(), SnapshotError> {
    write_synced(&path(index, id), reason.as_bytes())
}

/// Takes the mark away, if there is one.
pub(super) fn unmark(index: &Path, id: &GenerationId) -> Result<(), SnapshotError> {
    let path = path(index, id);
    match fs_err::remove_file(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(io("delete", &path)(error))
        }
        _ => Ok(()),
    }
}

/// Why a generation is not published: `None` if it has been live, an empty text if its run ended
/// too early. A mark that cannot be read counts too.
pub fn reason(index: &Path, id: &GenerationId) -> Option<String> {
    let text = match files::read_text(&path(index, id), MOST_BYTES) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return None,
        Err(error) => format!("its mark cannot be read: {error}"),
    };
    // A crash between the swap of CURRENT and the removal of the mark leaves it on the live one.
    let is_live = pointer::read(index).is_ok_and(|live| live == *id);
    (!is_live).then_some(text)
}

/// All marked generations, whether or not their directory is there.
pub(super) fn marked(index: &Path) -> Result<Vec<GenerationId>, SnapshotError> {
    let mut found = Vec::new();
    for entry in fs_err::read_dir(index).map_err(io("list", index))? {
        let name = entry.map_err(io("list", index))?.file_name();
        let id = name
            .to_str()
            .and_then(|name| name.strip_suffix(SUFFIX))
            .and_then(GenerationId::parse);
        found.extend(id);
    }
    Ok(found)
}
