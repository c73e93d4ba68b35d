//! How work is run: blocking calls off the async threads, a pool for computation, retries, a circuit
//! breaker, stopwatches, and mutexes by key.
//!
//! Knows nothing of the product.

pub mod blocking;
pub mod breaker;
pub mod clock;
pub mod cpu_pool;
pub mod keyed_mutex;
pub mod retry;
pub mod stages;
pub mod tls;
