//! The generation that answers now.

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;

use arc_swap::ArcSwap;

use super::{Generation, SnapshotError, current, open};

/// How long the undertaker waits before it looks again whether a retired generation is unused.
const RETIREMENT_POLL: Duration = Duration::from_millis(50);

/// Holds the live generation and swaps it whole. A request keeps the one that it began with.
pub struct Live {
    generation: ArcSwap<Generation>,
    retired: mpsc::Sender<Arc<Generation>>,
}

impl Live {
    /// Serves `generation` from now on.
    ///
    /// # Panics
    /// When the operating system refuses to start a thread.
    pub fn new(generation: Generation) -> Self {
        let (retired, funeral) = mpsc::channel();
        std::thread::Builder::new()
            .name("retire".to_owned())
            .spawn(move || bury(&funeral))
            .expect("the operating system starts a thread at start-up");
        Self {
            generation: ArcSwap::from_pointee(generation),
            retired,
        }
    }

    /// The generation to answer from.
    pub fn current(&self) -> Arc<Generation> {
        self.generation.load_full()
    }

    /// Whether `CURRENT` names another generation than the one that answers.
    pub fn is_outdated(&self, index: &Path) -> Result<bool, SnapshotError> {
        Ok(current::read(index)? != *self.current().id())
    }

    /// Opens the generation that `CURRENT` names. Blocks for as long as verification takes; the
    /// caller decides whether it is fit and then calls [`Self::replace`].
    pub fn open_next(index: &Path, search_width: usize) -> Result<Generation, SnapshotError> {
        open::open(index, &current::read(index)?, search_width)
    }

    /// Makes `next` the live generation. The old one is dropped on a thread of its own, once its
    /// last request has ended: freeing a large graph takes long.
    pub fn replace(&self, next: Generation) {
        let old = self.generation.swap(Arc::new(next));
        // The undertaker ends only with this object; were it gone, dropping here is merely slow.
        let _ = self.retired.send(old);
    }
}

fn bury(funeral: &mpsc::Receiver<Arc<Generation>>) {
    for generation in funeral {
        while Arc::strong_count(&generation) > 1 {
            std::thread::sleep(RETIREMENT_POLL);
        }
    }
}
