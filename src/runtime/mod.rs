//! How work is run: blocking calls off the async threads, a pool for computation, retries, a circuit
//! breaker, stopwatches, mutexes by key, and files that are opened with care.
//!
//! Knows nothing of the product.

pub mod blocking;
pub mod breaker;
pub mod clock;
pub mod cpu_pool;
pub mod files;
pub mod keyed_mutex;
pub mod lock_file;
pub mod retry;
pub mod stages;
pub mod tls;
pub mod trace;
