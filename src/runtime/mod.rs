//! How work is run: blocking calls off the async threads, a pool for computation, retries and
//! stopwatches.
//!
//! Knows nothing of the product.

pub mod blocking;
pub mod clock;
pub mod cpu_pool;
pub mod retry;
pub mod stages;
pub mod tls;
