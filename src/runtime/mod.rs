//! How work is run: blocking calls off the async threads, a pool for computation, retries, a circuit
//! breaker, stopwatches, mutexes by key, and files that are opened with care.
//!
//! Knows nothing of the product.

pub(crate) mod blocking;
pub mod breaker;
pub mod clock;
pub mod cpu_pool;
pub(crate) mod files;
pub(crate) mod keyed_mutex;
pub(crate) mod lock_file;
pub(crate) mod recent;
pub mod retry;
pub(crate) mod stages;
pub mod tls;
pub(crate) mod trace;
