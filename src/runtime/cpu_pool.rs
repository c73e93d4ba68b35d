//! A pool of named threads for work that computes.

use std::num::NonZeroUsize;

/// As many threads as this machine lets the process use, at least one.
pub fn available_threads() -> NonZeroUsize {
    std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN)
}

/// Builds a rayon pool whose threads are called `name-0`, `name-1` and so on.
///
/// # Panics
/// When the operating system refuses to start a thread.
pub fn build(name: &'static str, threads: NonZeroUsize) -> rayon::ThreadPool {
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads.get())
        .thread_name(move |index| format!("{name}-{index}"))
        .build()
        .expect("the operating system starts threads for a new pool")
}
