//! How long the parts of one piece of work took.
//!
//! Whoever wants to know wraps the work with [`Stages::collect`]; code far below says [`timed`]
//! around what it waits for. Without a collector that costs next to nothing and tells nobody.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

tokio::task_local! {
    static STAGES: Stages;
}

/// Times by stage, in the order in which the stages first ended.
#[derive(Debug, Clone, Default)]
pub struct Stages(Arc<Mutex<Vec<(&'static str, Duration)>>>);

impl Stages {
    /// Runs `work`; stages timed inside it, in the same task, are noted here.
    pub async fn collect<F: Future>(&self, work: F) -> F::Output {
        STAGES.scope(self.clone(), work).await
    }

    /// What was noted so far; a stage that ran more than once is summed up.
    pub fn noted(&self) -> Vec<(&'static str, Duration)> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn add(&self, stage: &'static str, took: Duration) {
        let mut noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match noted.iter_mut().find(|(name, _)| *name == stage) {
            Some((_, sum)) => *sum += took,
            None => noted.push((stage, took)),
        }
    }
}

/// Runs `work` and notes how long it took as `stage`, if somebody collects.
pub async fn timed<F: Future>(stage: &'static str, work: F) -> F::Output {
    let started = Instant::now();
    let output = work.await;
    note(stage, started.elapsed());
    output
}

/// The same for work that does not wait.
pub fn timed_now<T>(stage: &'static str, work: impl FnOnce() -> T) -> T {
    let started = Instant::now();
    let output = work();
    note(stage, started.elapsed());
    output
}

fn note(stage: &'static str, took: Duration) {
    // An error means that nobody collects.
    let _ = STAGES.try_with(|stages| stages.add(stage, took));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn stages_are_summed_up_by_name() {
        let stages = Stages::default();
        let answer = stages
            .collect(async {
                timed("store", async {}).await;
                timed_now("verify", || {});
                timed("store", async { 42 }).await
            })
            .await;
        assert_eq!(answer, 42);
        let names: Vec<_> = stages.noted().iter().map(|(name, _)| *name).collect();
        assert_eq!(names, ["store", "verify"]);
    }

    #[tokio::test]
    async fn without_a_collector_nothing_happens() {
        assert_eq!(timed("store", async { 42 }).await, 42);
    }
}
