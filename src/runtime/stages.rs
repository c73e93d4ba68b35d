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

/// A part of a piece of work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stage {
    /// What it does, in a word.
    pub name: &'static str,
    /// When it first began.
    pub begun: Instant,
    /// When it last ended.
    pub ended: Instant,
    /// How long it took; less than the time in between where it ran more than once.
    pub took: Duration,
}

type Noted = Arc<Mutex<Vec<Stage>>>;

/// Stages in the order in which they first ended.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stages {
    noted: Noted,
    /// Those of the work that this is a part of.
    above: Option<Noted>,
}

impl Stages {
    /// For work that goes on after that in which this is called, and belongs to it: what is noted here
    /// is noted there too.
    pub(crate) fn within_current() -> Self {
        Self {
            noted: Noted::default(),
            above: STAGES.try_with(|stages| Arc::clone(&stages.noted)).ok(),
        }
    }

    /// Runs `work`; stages timed inside it, in the same task, are noted here.
    pub(crate) async fn collect<F: Future>(&self, work: F) -> F::Output {
        STAGES.scope(self.clone(), work).await
    }

    /// What was noted so far; a stage that ran more than once is summed up.
    pub(crate) fn noted(&self) -> Vec<(&'static str, Duration)> {
        let noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        noted.iter().map(|stage| (stage.name, stage.took)).collect()
    }

    /// The same with their times.
    pub(crate) fn all(&self) -> Vec<Stage> {
        let noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        noted.clone()
    }

    fn add(&self, stage: Stage) {
        for noted in self.above.iter().chain([&self.noted]) {
            let mut noted = noted.lock().unwrap_or_else(PoisonError::into_inner);
            match noted.iter_mut().find(|known| known.name == stage.name) {
                Some(known) => {
                    known.ended = stage.ended;
                    known.took += stage.took;
                }
                None => noted.push(stage),
            }
        }
    }
}

/// Runs `work` and notes how long it took as `stage`, if somebody collects.
pub(crate) async fn timed<F: Future>(stage: &'static str, work: F) -> F::Output {
    let begun = Instant::now();
    let output = work.await;
    note(stage, begun);
    output
}

/// The same for work that does not wait.
pub(crate) fn timed_now<T>(stage: &'static str, work: impl FnOnce() -> T) -> T {
    let begun = Instant::now();
    let output = work();
    note(stage, begun);
    output
}

fn note(name: &'static str, begun: Instant) {
    let ended = Instant::now();
    let took = ended.duration_since(begun);
    let stage = Stage {
        name,
        begun,
        ended,
        took,
    };
    // An error means that nobody collects.
    let _ = STAGES.try_with(|stages| stages.add(stage));
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
    async fn what_goes_on_later_is_noted_in_both_places() {
        let whole = Stages::default();
        let rest = whole
            .collect(async {
                timed_now("search", || {});
                Stages::within_current()
            })
            .await;
        rest.collect(async { timed_now("generate", || {}) }).await;
        let names =
            |stages: &Stages| -> Vec<_> { stages.all().iter().map(|stage| stage.name).collect() };
        assert_eq!(names(&whole), ["search", "generate"]);
        assert_eq!(names(&rest), ["generate"]);
    }

    #[tokio::test]
    async fn without_a_collector_nothing_happens() {
        assert_eq!(timed("store", async { 42 }).await, 42);
    }
}
