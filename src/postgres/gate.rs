//! Back-off: a database that is away is left alone for a while.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::DatabaseError;

/// Waits between attempts to connect, doubled from one to the other, each shortened by chance by up to
/// a half, so that servers which lost their database together come back one after the other.
pub(super) const FIRST_WAIT: Duration = Duration::from_millis(100);
const LONGEST_WAIT: Duration = Duration::from_secs(2);

/// Open until nobody answers; then shut for longer and longer.
#[derive(Default)]
pub(super) struct Gate(Mutex<Option<Shut>>);

/// Nobody tries before `until`.
struct Shut {
    until: Instant,
    failures: u32,
    error: DatabaseError,
}

impl Gate {
    /// Whether to try; otherwise what was wrong at the last attempt.
    pub(super) fn pass(&self) -> Result<(), DatabaseError> {
        match self.lock().as_ref() {
            Some(shut) if Instant::now() < shut.until => Err(shut.error.clone()),
            _ => Ok(()),
        }
    }

    /// There is a connection.
    pub(super) fn open(&self) {
        *self.lock() = None;
    }

    /// There is none; a server that has too many may still have one of ours.
    pub(super) fn shut(&self, error: &DatabaseError) {
        if !error.may_pass() || matches!(error, DatabaseError::NoConnections { .. }) {
            return;
        }
        let mut shut = self.lock();
        let failures = shut.as_ref().map_or(0, |shut| shut.failures);
        *shut = Some(Shut {
            until: Instant::now() + wait(failures, fastrand::f64()),
            failures: failures.saturating_add(1),
            error: error.clone(),
        });
    }

    fn lock(&self) -> MutexGuard<'_, Option<Shut>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How long nobody tries after so many failures before; `random` lies between 0 and 1.
fn wait(failures: u32, random: f64) -> Duration {
    let whole = FIRST_WAIT.saturating_mul(1 << failures.min(8));
    whole.min(LONGEST_WAIT).mul_f64(1.0 - random / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_a_bound_and_differ() {
        assert_eq!(wait(0, 0.0), FIRST_WAIT);
        assert_eq!(wait(0, 1.0), FIRST_WAIT / 2);
        assert_eq!(wait(3, 0.0), FIRST_WAIT * 8);
        for failures in [5, 8, u32::MAX] {
            assert_eq!(wait(failures, 0.0), LONGEST_WAIT);
        }
    }

    #[test]
    fn it_is_shut_by_what_may_pass_alone() {
        let gate = Gate::default();
        let place = || "p".to_owned();
        gate.shut(&DatabaseError::NoConnections {
            place: place(),
            reason: String::new(),
        });
        gate.shut(&DatabaseError::NoDatabase {
            database: String::new(),
            place: place(),
        });
        assert_eq!(gate.pass(), Ok(()));
        let away = DatabaseError::ReadOnly { place: place() };
        gate.shut(&away);
        assert_eq!(gate.pass(), Err(away));
        gate.open();
        assert_eq!(gate.pass(), Ok(()));
    }
}
