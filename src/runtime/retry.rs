//! Trying again, where that helps and only as long as that is fair.

use std::future::Future;
use std::time::{Duration, Instant};

/// Whether a failure is worth another attempt. Errors of upstream services answer this.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// It would fail again.
    Never,
    /// It may pass by itself.
    Later,
    /// The service said how long to stay away.
    After(Duration),
}

/// How often and how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Attempts after the first.
    pub retries: u32,
    /// Before the first retry; doubled before each further one.
    pub first_wait: Duration,
    /// No wait is longer. A service that asks for more is not asked again.
    pub longest_wait: Duration,
    /// No attempt begins later than this after the first began.
    pub budget: Duration,
}

impl RetryPolicy {
    /// How long to wait after the `failures`-th failure, or `None` to give up. `random` lies between
    /// 0 and 1 and spreads clients that failed together.
    pub fn wait(
        &self,
        retry: Retry,
        failures: u32,
        spent: Duration,
        random: f64,
    ) -> Option<Duration> {
        if failures > self.retries {
            return None;
        }
        let wait = match retry {
            Retry::Never => return None,
            Retry::After(asked) if asked > self.longest_wait => return None,
            Retry::After(asked) => asked,
            Retry::Later => {
                let doubled = 2_u32.saturating_pow(failures.saturating_sub(1));
                let whole = self
                    .first_wait
                    .saturating_mul(doubled)
                    .min(self.longest_wait);
                whole.mul_f64(0.5 + 0.5 * random.clamp(0.0, 1.0))
            }
        };
        (spent.saturating_add(wait) <= self.budget).then_some(wait)
    }
}

/// Runs `attempt` until it succeeds or `policy` gives up, and returns its last outcome.
pub async fn run<T, E, F>(
    policy: &RetryPolicy,
    judge: impl Fn(&E) -> Retry,
    mut attempt: impl FnMut() -> F,
) -> Result<T, E>
where
    F: Future<Output = Result<T, E>>,
{
    let begun = Instant::now();
    let mut failures = 0;
    loop {
        let error = match attempt().await {
            Ok(value) => return Ok(value),
            Err(error) => error,
        };
        failures += 1;
        let retry = judge(&error);
        match policy.wait(retry, failures, begun.elapsed(), fastrand::f64()) {
            Some(wait) => tokio::time::sleep(wait).await,
            None => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    const POLICY: RetryPolicy = RetryPolicy {
        retries: 3,
        first_wait: Duration::from_millis(100),
        longest_wait: Duration::from_millis(300),
        budget: Duration::from_secs(10),
    };

    #[test]
    fn waits_double_up_to_the_longest_and_are_spread() {
        let wait = |failures, random| POLICY.wait(Retry::Later, failures, Duration::ZERO, random);
        assert_eq!(wait(1, 1.0), Some(Duration::from_millis(100)));
        assert_eq!(wait(1, 0.0), Some(Duration::from_millis(50)));
        assert_eq!(wait(2, 1.0), Some(Duration::from_millis(200)));
        assert_eq!(wait(3, 1.0), Some(Duration::from_millis(300)));
        assert_eq!(wait(4, 1.0), None);
    }

    #[test]
    fn what_cannot_help_is_not_tried() {
        let wait = |retry, spent| POLICY.wait(retry, 1, spent, 0.5);
        assert_eq!(wait(Retry::Never, Duration::ZERO), None);
        let asked = |millis| Retry::After(Duration::from_millis(millis));
        assert_eq!(
            wait(asked(300), Duration::ZERO),
            Some(Duration::from_millis(300))
        );
        assert_eq!(wait(asked(301), Duration::ZERO), None);
        assert_eq!(wait(asked(0), Duration::ZERO), Some(Duration::ZERO));
        assert_eq!(wait(Retry::Later, Duration::from_secs(11)), None);
    }

    #[tokio::test]
    async fn attempts_end_with_the_first_success() {
        let policy = RetryPolicy {
            first_wait: Duration::ZERO,
            ..POLICY
        };
        let attempts = Cell::new(0);
        let fail_until = |good: u32| {
            attempts.set(0);
            let attempts = &attempts;
            run(
                &policy,
                |()| Retry::Later,
                move || async move {
                    attempts.set(attempts.get() + 1);
                    if attempts.get() < good {
                        Err(())
                    } else {
                        Ok(attempts.get())
                    }
                },
            )
        };
        assert_eq!(fail_until(3).await, Ok(3));
        assert_eq!(fail_until(9).await, Err(()));
        assert_eq!(attempts.get(), 4, "one attempt and three retries");
    }
}
