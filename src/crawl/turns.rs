//! One request at a time to each host, with a pause after it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};
use tokio::time::Instant;

/// Who may talk to which host, and when.
#[derive(Debug, Default)]
pub(super) struct Turns {
    hosts: Mutex<HashMap<String, Arc<AsyncMutex<Instant>>>>,
}

/// The right to send one request to one host. Others wait until it is ended.
#[derive(Debug)]
pub(super) struct Turn {
    /// When the host may be asked again.
    free_at: OwnedMutexGuard<Instant>,
}

impl Turns {
    /// Waits for the host. Gives up, saying how long it would have been, when the host is to be left
    /// alone for longer than `patience`.
    pub(super) async fn take(&self, host: &str, patience: Duration) -> Result<Turn, Duration> {
        let gate = {
            let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
            let gate = hosts
                .entry(host.to_owned())
                .or_insert_with(|| Arc::new(AsyncMutex::new(Instant::now())));
            Arc::clone(gate)
        };
        // Spans the request on purpose: this lock is the one connection to the host.
        let free_at = gate.lock_owned().await;
        let wait = free_at.saturating_duration_since(Instant::now());
        if wait > patience {
            return Err(wait);
        }
        tokio::time::sleep(wait).await;
        Ok(Turn { free_at })
    }
}

impl Turn {
    /// Gives the host back, to be left alone for `pause`.
    pub(super) fn end(mut self, pause: Duration) {
        let now = Instant::now();
        *self.free_at = now.checked_add(pause).unwrap_or(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_mins(1);

    #[tokio::test]
    async fn requests_to_one_host_keep_their_distance_and_others_do_not_wait() {
        let turns = Turns::default();
        let first = turns.take("a.example", PATIENCE).await.unwrap();
        let waiting = turns.take("a.example", PATIENCE);
        tokio::pin!(waiting);
        assert!(futures::poll!(&mut waiting).is_pending());
        let other = turns.take("b.example", PATIENCE).await.unwrap();
        other.end(Duration::ZERO);
        let ended = Instant::now();
        first.end(Duration::from_millis(30));
        waiting.await.unwrap();
        assert!(ended.elapsed() >= Duration::from_millis(30));
    }

    #[tokio::test]
    async fn nobody_waits_longer_than_patience() {
        let turns = Turns::default();
        let turn = turns.take("a.example", PATIENCE).await.unwrap();
        turn.end(Duration::from_hours(1));
        let wait = turns.take("a.example", PATIENCE).await.unwrap_err();
        assert!(wait > Duration::from_mins(59));
    }
}
