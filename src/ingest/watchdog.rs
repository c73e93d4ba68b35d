//! Ends this process when a task takes too long.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A thread that waits for the end of each task.
pub(super) struct Watchdog {
    state: Arc<(Mutex<Option<Instant>>, Condvar)>,
    timeout: Duration,
}

impl Watchdog {
    /// Starts the thread, which aborts the process when a task takes longer than `timeout`.
    pub(super) fn start(timeout: Duration) -> Self {
        let state: Arc<(Mutex<Option<Instant>>, Condvar)> = Arc::default();
        let watched = Arc::clone(&state);
        std::thread::spawn(move || watch(&watched));
        Self { state, timeout }
    }

    /// A task begins.
    pub(super) fn begin(&self) {
        self.set(Instant::now().checked_add(self.timeout));
    }

    /// It has ended.
    pub(super) fn end(&self) {
        self.set(None);
    }

    fn set(&self, deadline: Option<Instant>) {
        *self.state.0.lock().unwrap_or_else(PoisonError::into_inner) = deadline;
        self.state.1.notify_one();
    }
}

fn watch((deadline, changed): &(Mutex<Option<Instant>>, Condvar)) {
    let mut guard = deadline.lock().unwrap_or_else(PoisonError::into_inner);
    loop {
        guard = match *guard {
            None => changed.wait(guard).unwrap_or_else(PoisonError::into_inner),
            Some(deadline) => {
                let left = deadline.saturating_duration_since(Instant::now());
                if left.is_zero() {
                    std::process::abort();
                }
                let waited = changed.wait_timeout(guard, left);
                waited.unwrap_or_else(PoisonError::into_inner).0
            }
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[ignore = "ends the process that runs it; the next test starts that"]
    fn a_task_without_end() {
        let watchdog = Watchdog::start(Duration::from_millis(10));
        watchdog.begin();
        watchdog.end();
        std::thread::sleep(Duration::from_millis(50));
        println!("still there after a task that ended");
        watchdog.begin();
        std::thread::sleep(Duration::from_mins(1));
    }

    #[test]
    fn a_task_without_end_ends_with_its_process() {
        let name = "ingest::watchdog::tests::a_task_without_end";
        let child = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", name, "--ignored", "--nocapture"])
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&child.stdout);
        assert!(
            said.contains("still there") && !child.status.success(),
            "{said}"
        );
        assert!(
            child.status.code() != Some(101),
            "aborted, not panicked: {said}"
        );
    }
}
