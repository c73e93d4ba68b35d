//! A circuit breaker: who fails again and again is left alone for a while.
//!
//! Closed, everybody may pass. After so many failures in a row it opens and nobody may, until a
//! pause has gone by; then it is half open and lets one through, whose outcome decides.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::clock::Clock;

/// When it opens and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BreakerOptions {
    /// Failures in a row that open it.
    pub failures: u32,
    /// How long it stays open.
    pub pause: Duration,
}

/// See the module.
pub struct Breaker {
    options: BreakerOptions,
    clock: Clock,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    failures: u32,
    open_until: Option<Instant>,
    /// Somebody tries whether it works again.
    trial: bool,
}

impl Breaker {
    /// A closed one.
    pub fn new(options: BreakerOptions, clock: Clock) -> Arc<Self> {
        Arc::new(Self {
            options,
            clock,
            state: Mutex::default(),
        })
    }

    /// May somebody pass? `None` while it is open.
    pub fn enter(self: &Arc<Self>) -> Option<Pass> {
        let now = (self.clock)();
        let mut state = self.lock();
        if let Some(until) = state.open_until {
            if now < until || state.trial {
                return None;
            }
            state.trial = true;
        }
        Some(Pass {
            is_trial: state.trial,
            breaker: Arc::clone(self),
            is_settled: false,
        })
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Leave to try. Dropped without a word, it tells nothing: the attempt was given up, not answered.
pub struct Pass {
    breaker: Arc<Breaker>,
    is_trial: bool,
    is_settled: bool,
}

impl Pass {
    /// It worked.
    pub fn succeed(mut self) {
        self.is_settled = true;
        *self.breaker.lock() = State::default();
    }

    /// It did not.
    pub fn fail(mut self) {
        self.is_settled = true;
        let now = (self.breaker.clock)();
        let mut state = self.breaker.lock();
        state.failures = state.failures.saturating_add(1);
        if self.is_trial {
            state.trial = false;
        }
        if self.is_trial || state.failures >= self.breaker.options.failures {
            state.open_until = Some(now + self.breaker.options.pause);
        }
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        if self.is_trial && !self.is_settled {
            self.breaker.lock().trial = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPTIONS: BreakerOptions = BreakerOptions {
        failures: 2,
        pause: Duration::from_secs(30),
    };

    /// A clock that is moved by hand.
    fn hand_clock() -> (Clock, Arc<Mutex<Instant>>) {
        let time = Arc::new(Mutex::new(Instant::now()));
        let shown = Arc::clone(&time);
        (Arc::new(move || *shown.lock().unwrap()), time)
    }

    fn open() -> (Arc<Breaker>, Arc<Mutex<Instant>>) {
        let (clock, time) = hand_clock();
        let breaker = Breaker::new(OPTIONS, clock);
        breaker.enter().unwrap().fail();
        breaker.enter().unwrap().fail();
        (breaker, time)
    }

    #[test]
    fn failures_in_a_row_open_it_and_a_success_between_does_not() {
        let (clock, _) = hand_clock();
        let breaker = Breaker::new(OPTIONS, clock);
        breaker.enter().unwrap().fail();
        breaker.enter().unwrap().succeed();
        breaker.enter().unwrap().fail();
        assert!(breaker.enter().is_some());
        breaker.enter().unwrap().fail();
        assert!(breaker.enter().is_none());
    }

    #[test]
    fn after_the_pause_one_trial_decides() {
        let (breaker, time) = open();
        *time.lock().unwrap() += OPTIONS.pause / 2;
        assert!(breaker.enter().is_none());
        *time.lock().unwrap() += OPTIONS.pause / 2;
        let trial = breaker.enter().unwrap();
        assert!(breaker.enter().is_none(), "one at a time");
        trial.fail();
        assert!(breaker.enter().is_none(), "open again");
        *time.lock().unwrap() += OPTIONS.pause;
        breaker.enter().unwrap().succeed();
        breaker.enter().unwrap().fail();
        assert!(breaker.enter().is_some(), "closed, and counting anew");
    }

    #[test]
    fn a_trial_that_is_given_up_leaves_room_for_the_next() {
        let (breaker, time) = open();
        *time.lock().unwrap() += OPTIONS.pause;
        drop(breaker.enter().unwrap());
        assert!(breaker.enter().is_some());
    }
}
