//! From threads that compute to connections that wait.

use std::sync::mpsc;

use tokio::runtime::{Handle, RuntimeFlavor};

/// The runtime on which connections live.
#[derive(Debug, Clone)]
pub(super) struct Bridge(Handle);

impl Bridge {
    /// The runtime that this is called on.
    ///
    /// # Panics
    /// Outside of a runtime.
    pub(super) fn here() -> Self {
        Self(Handle::current())
    }

    /// Waits for `work`, which runs on the connections' runtime. The thread that waits is one for blocking
    /// work, or the runtime is told that it is gone for a while: what else it does goes on elsewhere.
    pub(super) fn wait<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Option<T> {
        let (sender, receiver) = mpsc::sync_channel(1);
        self.0.spawn(async move {
            // Whoever asked waits, whatever becomes of it.
            let _ = sender.send(work.await);
        });
        let is_worker = Handle::try_current()
            .is_ok_and(|runtime| runtime.runtime_flavor() == RuntimeFlavor::MultiThread);
        if is_worker {
            tokio::task::block_in_place(|| receiver.recv().ok())
        } else {
            receiver.recv().ok()
        }
    }
}
