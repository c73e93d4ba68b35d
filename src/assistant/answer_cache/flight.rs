//! One model call for all who ask the same at the same time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

/// Nobody waits longer for the answer of another: it may fail, and theirs takes time too.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// What is being answered now.
#[derive(Default)]
pub(super) struct Flights(Mutex<HashMap<[u8; 32], watch::Receiver<()>>>);

/// The right to be the one who asks the model. Dropping it wakes those who wait.
pub(super) struct Turn {
    flights: Arc<Flights>,
    name: [u8; 32],
    _sender: watch::Sender<()>,
}

impl Flights {
    /// The turn, at once if nobody has it. Otherwise waits until it was given back and is `None`.
    pub(super) async fn take_turn(self: &Arc<Self>, name: [u8; 32]) -> Option<Turn> {
        let mut ahead = {
            let mut flights = self.lock();
            if let Some(ahead) = flights.get(&name) {
                ahead.clone()
            } else {
                let (sender, receiver) = watch::channel(());
                flights.insert(name, receiver);
                return Some(Turn {
                    flights: Arc::clone(self),
                    name,
                    _sender: sender,
                });
            }
        };
        // It never changes: it ends with its sender.
        let _ = tokio::time::timeout(LONGEST_WAIT, ahead.changed()).await;
        None
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<[u8; 32], watch::Receiver<()>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.flights.lock().remove(&self.name);
    }
}
