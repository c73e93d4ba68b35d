//! Where generations come from, if not from a run in the same directory.

use async_trait::async_trait;

use super::{Generation, SnapshotError};
use crate::model::GenerationId;

/// Brings what is published elsewhere into an index directory.
#[async_trait]
pub trait Supply: Send + Sync {
    /// Looks once and, where there is a new generation, brings it whole and makes the directory's
    /// `CURRENT` name it. What goes wrong is logged, and the directory left as it was. `asked` is true
    /// where an operator wants another try at what was refused before.
    async fn refresh(&self, asked: bool);

    /// Opens a generation that the directory names and whose files are not in it; `None` where they are.
    async fn open(&self, _: &GenerationId) -> Option<Result<Generation, SnapshotError>> {
        None
    }
}
